//! The process table: what is queued or alive, in memory, as it was committed.

use std::{collections::BTreeMap, sync::Arc};

use aether_protocol::{
    AgentId, Event, EventBody, Pid, UserId,
    process::{Process, State},
};
use parking_lot::RwLock;
use tokio::sync::watch;

use crate::state::bus::Bus;

/// A projection of the committed rows that are not dead. It is current before a caller hears that its change is on
/// disk, because the writer publishes first.
pub(super) struct Table {
    rows: Arc<RwLock<BTreeMap<Pid, Arc<Process>>>>,
    /// Counts those that have gone.
    gone: watch::Receiver<u64>,
}

impl Table {
    /// Starts from `live` and follows the bus.
    pub(super) fn new(live: Vec<Process>, bus: &Bus) -> Self {
        let rows = Arc::new(RwLock::new(
            live.into_iter().map(|process| (process.pid, Arc::new(process))).collect::<BTreeMap<_, _>>(),
        ));
        let followed = Arc::clone(&rows);
        let (count, gone) = watch::channel(0);
        bus.project(move |event: &Event| {
            if let EventBody::ProcessChanged { process } = &event.body {
                if process.state == State::Dead {
                    followed.write().remove(&process.pid);
                    count.send_modify(|count| *count += 1);
                } else {
                    followed.write().insert(process.pid, Arc::new((**process).clone()));
                }
            }
        });
        Self { rows, gone }
    }

    pub(super) fn get(&self, pid: Pid) -> Option<Arc<Process>> {
        self.rows.read().get(&pid).cloned()
    }

    /// Returns when the end of a process is on disk.
    pub(super) async fn gone(&self, pid: Pid) {
        let mut gone = self.gone.clone();
        // The sender lives as long as the bus.
        let _ = gone.wait_for(|_| self.get(pid).is_none()).await;
    }

    /// Highest PID first.
    pub(super) fn list(&self, owner: UserId, before: Pid, limit: u32) -> Vec<Process> {
        let rows = self.rows.read();
        let of_owner =
            rows.range(..before).rev().map(|(_, process)| process).filter(|process| process.owner == owner);
        of_owner.take(limit as usize).map(|process| (**process).clone()).collect()
    }

    /// Whose lives these are, and who answers for them.
    pub(super) fn agents(&self) -> Vec<(AgentId, UserId)> {
        self.rows.read().values().map(|process| (process.agent, process.owner)).collect()
    }

    pub(super) fn any(&self, matches: impl Fn(&Process) -> bool) -> bool {
        self.rows.read().values().any(|process| matches(process))
    }
}
