//! The process table: what is queued or alive, in memory, as it was committed.

use std::{collections::BTreeMap, sync::Arc};

use aether_protocol::{
    Event, EventBody, Pid, UserId,
    process::{Process, State},
};
use parking_lot::RwLock;

use crate::state::bus::Bus;

/// A projection of the committed rows that are not dead. It is current before a caller hears that its change is on
/// disk, because the writer publishes first.
pub(super) struct Table(Arc<RwLock<BTreeMap<Pid, Arc<Process>>>>);

impl Table {
    /// Starts from `live` and follows the bus.
    pub(super) fn new(live: Vec<Process>, bus: &Bus) -> Self {
        let rows = Arc::new(RwLock::new(
            live.into_iter().map(|process| (process.pid, Arc::new(process))).collect::<BTreeMap<_, _>>(),
        ));
        let followed = Arc::clone(&rows);
        bus.project(move |event: &Event| {
            if let EventBody::ProcessChanged { process } = &event.body {
                let mut rows = followed.write();
                if process.state == State::Dead {
                    rows.remove(&process.pid);
                } else {
                    rows.insert(process.pid, Arc::new((**process).clone()));
                }
            }
        });
        Self(rows)
    }

    pub(super) fn get(&self, pid: Pid) -> Option<Arc<Process>> {
        self.0.read().get(&pid).cloned()
    }

    /// Highest PID first.
    pub(super) fn list(&self, owner: UserId, before: Pid, limit: u32) -> Vec<Process> {
        let rows = self.0.read();
        let of_owner = rows.range(..before).rev().map(|(_, process)| process).filter(|process| process.owner == owner);
        of_owner.take(limit as usize).map(|process| (**process).clone()).collect()
    }

    pub(super) fn any(&self, matches: impl Fn(&Process) -> bool) -> bool {
        self.0.read().values().any(|process| matches(process))
    }
}
