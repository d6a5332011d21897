//! The bus: committed events, in order, for any number of subscribers.
//!
//! A subscriber is a cursor over the log, not a queue: one that is slow falls behind and reads older events
//! from the store, so that nothing is dropped and nothing grows.
//!
//! *Invariant:* a subscriber gets every event after its start exactly once, in order.

mod log;
mod subscription;

use std::{collections::VecDeque, sync::Arc};

use aether_protocol::{Event, Live, Seq};
use parking_lot::RwLock;
use rusqlite::Connection;
use tokio::sync::{broadcast, watch};

pub(crate) use log::{list, oldest};
pub use subscription::{Delivery, Subscription};

use super::store::StoreError;

/// Events kept in memory for subscribers that keep up.
const RECENT: usize = 2048;
/// Live words waiting for one subscriber; a slow one misses some, and they are in the journal anyway.
const LIVE: usize = 512;

/// An event with its JSON, written once for all subscribers.
#[derive(Debug)]
pub struct Record {
    /// The event.
    pub event: Event,
    /// The event as JSON.
    pub json: Arc<str>,
}

impl Record {
    /// Serialises `event`.
    pub fn new(event: Event) -> Result<Self, serde_json::Error> {
        let json = serde_json::to_string(&event)?.into();
        Ok(Self { event, json })
    }
}

/// A listener that is called in the writer's thread for every committed event, in order. It must be quick.
type Projection = Box<dyn Fn(&Event) + Send + Sync>;

/// The hub. Cheap to clone.
#[derive(Clone)]
pub struct Bus(Arc<Inner>);

struct Inner {
    recent: RwLock<VecDeque<Arc<Record>>>,
    last: watch::Sender<Seq>,
    live: broadcast::Sender<Live>,
    projections: RwLock<Vec<Projection>>,
}

impl Default for Bus {
    fn default() -> Self {
        Self(Arc::new(Inner {
            recent: RwLock::default(),
            last: watch::Sender::new(Seq(0)),
            live: broadcast::Sender::new(LIVE),
            projections: RwLock::default(),
        }))
    }
}

impl Bus {
    /// Takes up the numbering where the store's log ends.
    pub(super) fn start_from(&self, connection: &Connection) -> Result<(), StoreError> {
        self.0.last.send_replace(log::last(connection)?);
        Ok(())
    }

    /// The last committed event.
    pub fn last(&self) -> Seq {
        *self.0.last.borrow()
    }

    /// Calls `projection` for every event from now on, before any subscriber or caller sees it.
    pub(crate) fn project(&self, projection: impl Fn(&Event) + Send + Sync + 'static) {
        self.0.projections.write().push(Box::new(projection));
    }

    /// Called by the writer with what it has committed.
    pub(super) fn publish(&self, records: Vec<Arc<Record>>) {
        let Some(newest) = records.last().map(|record| record.event.seq) else { return };
        for projection in self.0.projections.read().iter() {
            for record in &records {
                projection(&record.event);
            }
        }
        {
            let mut recent = self.0.recent.write();
            recent.extend(records);
            let surplus = recent.len().saturating_sub(RECENT);
            recent.drain(..surplus);
        }
        self.0.last.send_replace(newest);
    }

    /// Shows something that is not kept.
    pub(crate) fn show(&self, live: Live) {
        // Without subscribers there is nobody to show it to.
        let _ = self.0.live.send(live);
    }

    /// The events after `after` that are still in memory, at most `limit`; `None` when the log must be asked.
    fn recent_after(&self, after: Seq, limit: usize) -> Option<Vec<Arc<Record>>> {
        let recent = self.0.recent.read();
        let first = recent.front()?.event.seq;
        if after.0.saturating_add(1) < first.0 {
            return None;
        }
        let start = recent.partition_point(|record| record.event.seq <= after);
        Some(recent.iter().skip(start).take(limit).cloned().collect())
    }
}

#[cfg(test)]
mod tests;
