//! A tree that stands still for a moment, whatever it did before.

use std::{collections::HashSet, time::Instant};

use parking_lot::MutexGuard;
use rustix::process::Pid;

use super::{ProcessTree, Root, TreeError, signals};

/// Everything in the tree stands still until this is dropped. What a person had stopped before stays stopped, and
/// what a person stops meanwhile is stopped afterwards: signals but KILL wait for their turn.
#[derive(Debug)]
pub(crate) struct Frozen<'a> {
    root: &'a Root,
    stopped: HashSet<Pid>,
    since: Instant,
    _turn: MutexGuard<'a, ()>,
}

impl ProcessTree {
    /// Lets everything stand still. Waits up to two seconds for processes that are in the kernel; when some do
    /// not stop, all go on. Blocks.
    pub(crate) fn freeze(&self) -> Result<Frozen<'_>, TreeError> {
        let root: &Root = &self.root;
        if root.has_ended() {
            return Err(TreeError::Ended);
        }
        let turn = root.turn.lock();
        let mut frozen = Frozen { root, stopped: HashSet::new(), since: Instant::now(), _turn: turn };
        // Dropped on failure, which lets them go on.
        signals::stop(root, &mut frozen.stopped)?;
        Ok(frozen)
    }
}

impl Frozen<'_> {
    /// Lets it go on; how long it stood still, from the first signal to the last, in milliseconds, rounded up.
    pub(crate) fn thaw(self) -> u64 {
        let since = self.since;
        drop(self);
        u64::try_from(since.elapsed().as_micros().div_ceil(1000)).unwrap_or(u64::MAX)
    }
}

impl Drop for Frozen<'_> {
    fn drop(&mut self) {
        signals::wake(self.root, |pid| self.stopped.contains(&pid));
    }
}
