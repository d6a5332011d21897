//! The processes of one sandbox, or of one shell inside a sandbox: signals, measures, the end.
//!
//! *Invariant:* a signal goes through a pidfd that was verified to be of this tree after it was opened, so
//! that it can never hit a recycled pid.

mod freeze;
mod members;
mod signals;
mod usage;

use std::{
    fs, io,
    os::fd::OwnedFd,
    sync::{Arc, OnceLock, Weak},
    time::Duration,
};

use aether_protocol::process::{Exit, SignalName};
use parking_lot::Mutex;
use rustix::process::{Pid, Signal, pidfd_send_signal};
use tokio::sync::watch;

pub(crate) use freeze::Frozen;
pub(crate) use members::children;

use super::sandbox::{Group, OutOfMemory, Owner, Tail};

/// Why a signal did not arrive everywhere, or a measure could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    /// Everything in it has ended.
    #[error("The process has ended.")]
    Ended,
    /// The program inside has not begun yet.
    #[error("The process is still starting. Try again in a moment.")]
    Starting,
    /// Some processes did not stand still in time.
    #[error(
        "{count} of the agent's processes did not stop; they may wait for a disk. Try again, or use KILL."
    )]
    StillRunning {
        /// How many.
        count: usize,
    },
    /// A call to the host failed.
    #[error("{what}: {source}")]
    Host {
        /// What was tried.
        what: &'static str,
        /// What the host said.
        source: io::Error,
    },
}

/// Which processes belong to a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// All of a pid namespace: its inode on nsfs.
    Namespace(u64),
    /// A process that adopts its orphans, and all that descend from it.
    Descendants,
}

impl Scope {
    /// The pid namespace of a process.
    pub(crate) fn namespace_of(pid: Pid) -> io::Result<Self> {
        members::namespace(pid).map(Self::Namespace)
    }
}

/// What the keeper and the tree know of the same processes.
#[derive(Debug)]
pub(crate) struct Root {
    pub(crate) init_pid: Pid,
    pub(crate) init: OwnedFd,
    scope: Scope,
    owner: Option<Owner>,
    exit: watch::Receiver<Option<Exit>>,
    tail: Arc<Mutex<Tail>>,
    /// Told before the exit.
    out_of_memory: Arc<OnceLock<OutOfMemory>>,
    /// The program's own process, found once.
    program: OnceLock<Pid>,
    /// One signal at a time, so that STOP and CONT cannot interleave.
    turn: Mutex<()>,
}

impl Root {
    pub(crate) fn new(
        init_pid: Pid,
        init: OwnedFd,
        scope: Scope,
        owner: Option<Owner>,
        exit: watch::Receiver<Option<Exit>>,
        tail: Arc<Mutex<Tail>>,
        out_of_memory: Arc<OnceLock<OutOfMemory>>,
    ) -> Self {
        Self {
            init_pid,
            init,
            scope,
            owner,
            exit,
            tail,
            out_of_memory,
            program: OnceLock::new(),
            turn: Mutex::new(()),
        }
    }

    /// Ends everything. With the namespace's init Linux ends the whole namespace, stopped or not.
    pub(crate) fn end(&self) {
        if self.scope == Scope::Descendants {
            signals::end_descendants(self);
        }
        let _ = pidfd_send_signal(&self.init, Signal::KILL);
    }

    fn has_ended(&self) -> bool {
        self.exit.borrow().is_some()
    }
}

/// The processes of a sandbox, or of a shell inside one. Dropping it ends them all.
#[derive(Debug)]
pub struct ProcessTree {
    root: Arc<Root>,
    group: Weak<Group>,
}

impl ProcessTree {
    pub(crate) fn new(root: Arc<Root>, group: Weak<Group>) -> Self {
        Self { root, group }
    }

    /// The Linux pid of the program (the agent's process), seen from the host. `None` while bubblewrap still
    /// prepares the sandbox, and after the end.
    pub fn agent_host_pid(&self) -> Option<u32> {
        members::program(&self.root).and_then(|pid| u32::try_from(pid.as_raw_nonzero().get()).ok())
    }

    /// The Linux pid of the namespace's init, seen from the host.
    pub fn init_host_pid(&self) -> u32 {
        self.root.init_pid.as_raw_nonzero().get().unsigned_abs()
    }

    /// The Linux pids of all processes in the tree, seen from the host.
    pub fn host_pids(&self) -> Vec<u32> {
        members::all(&self.root)
            .iter()
            .map(|member| member.pid.as_raw_nonzero().get().unsigned_abs())
            .collect()
    }

    /// Sends a signal, with its real effect on the whole tree; returns how many processes got it.
    ///
    /// STOP and CONT reach every process, daemonised ones too; STOP returns when all of them stand still.
    /// KILL ends everything, stopped or not. TERM goes to the agent alone, which ends after the step in hand.
    /// INT goes to the process groups that the agent started, so that the tool in hand is interrupted and not
    /// the agent. USR1 and USR2 are passed to every process but the namespace's init.
    ///
    /// Takes a millisecond for each few hundred processes of the host; STOP waits up to two seconds.
    pub fn signal(&self, signal: SignalName) -> Result<usize, TreeError> {
        if self.root.has_ended() {
            return Err(TreeError::Ended);
        }
        signals::send(&self.root, signal)
    }

    /// How the program ended; waits until nothing of the tree is left and everything is reaped.
    pub async fn wait(&self) -> Exit {
        let mut exit = self.root.exit.clone();
        // The sender lives until it has sent.
        let ended = exit.wait_for(Option::is_some).await.ok().and_then(|exit| *exit);
        ended.unwrap_or(Exit::NeverRan)
    }

    /// How it ended, if it has.
    pub fn exit(&self) -> Option<Exit> {
        *self.root.exit.borrow()
    }

    /// Ends everything and waits until nothing is left.
    pub async fn kill_and_wait(&self) -> Exit {
        if !self.root.has_ended() {
            self.root.end();
        }
        self.wait().await
    }

    /// CPU time of all processes, those that ended and were reaped inside included. In steps of 10 ms.
    pub fn cpu_time(&self) -> Duration {
        usage::cpu_time(&self.root)
    }

    /// Memory of all processes: proportional set size, so that shared pages count once. Resident size where
    /// Linux does not tell.
    pub fn memory_bytes(&self) -> u64 {
        usage::memory_bytes(&self.root)
    }

    /// Gives every thread the nice value of a priority (1, highest, to 5), and the cgroup its weight. A lower
    /// nice value than before needs `CAP_SYS_NICE`.
    pub fn set_priority(&self, priority: u8) -> Result<(), TreeError> {
        if let Some(group) = self.group.upgrade() {
            group
                .set_priority(priority)
                .map_err(|source| TreeError::Host { what: "setting the CPU weight", source })?;
        }
        usage::set_nice(&self.root, super::sandbox::nice_of(priority))
            .map_err(|source| TreeError::Host { what: "setting the priority", source })
    }

    /// Its cgroup, where the host has cgroup v2 and it still runs.
    pub(crate) fn group(&self) -> Option<Arc<Group>> {
        self.group.upgrade()
    }

    /// Where somebody who enters goes, so that the bounds are theirs too.
    pub(crate) fn group_to_join(&self) -> Weak<Group> {
        Weak::clone(&self.group)
    }

    /// What it had used, where Linux has ended it for want of memory in its cgroup. Known from the end on.
    pub(crate) fn out_of_memory(&self) -> Option<OutOfMemory> {
        self.root.out_of_memory.get().copied()
    }

    /// The last 8 KiB of what bubblewrap and the program wrote to their standard streams.
    pub fn last_words(&self) -> String {
        self.root.tail.lock().text()
    }

    /// The host's user that the processes are, where the kernel gave them one of their own.
    pub(crate) fn owner(&self) -> Option<Owner> {
        self.root.owner
    }

    /// Where somebody who enters goes: the host pid of the namespace's init, and the inode of the pid
    /// namespace. `None` for a shell inside another's sandbox.
    pub(crate) fn place(&self) -> Option<(i32, u64)> {
        match self.root.scope {
            Scope::Namespace(inode) => Some((self.root.init_pid.as_raw_nonzero().get(), inode)),
            Scope::Descendants => None,
        }
    }
}

impl Drop for ProcessTree {
    fn drop(&mut self) {
        if !self.root.has_ended() {
            self.root.end();
        }
    }
}

/// A field of `/proc/PID/stat` after the command's name, counted as in proc(5) from 3.
fn stat_fields(pid: Pid) -> io::Result<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()))?;
    let (_, rest) = stat.rsplit_once(") ").ok_or(io::ErrorKind::InvalidData)?;
    Ok(rest.split_ascii_whitespace().map(str::to_owned).collect())
}
