//! One reader of the bus.

use std::sync::Arc;

use aether_protocol::{Live, Seq};
use tokio::sync::{broadcast, watch};

use super::{Bus, Record, log};
use crate::state::store::{Store, StoreError};

/// Events handed over at once, at most.
const BATCH: u32 = 256;

/// What a subscription delivers.
#[derive(Clone, Debug)]
pub enum Delivery {
    /// At least one event, in order, without gaps.
    Events(Vec<Arc<Record>>),
    /// What is shown while it happens and is not kept.
    Live(Vec<Live>),
}

/// A cursor over the event log. Dropping it ends it.
pub struct Subscription {
    bus: Bus,
    store: Store,
    /// The last event delivered, or the one it started after.
    after: Seq,
    /// The oldest event kept when it started.
    oldest: Seq,
    last: watch::Receiver<Seq>,
    live: broadcast::Receiver<Live>,
}

impl Subscription {
    /// Starts after `after`; at the end of the log when left out.
    pub(crate) async fn start(bus: &Bus, store: &Store, after: Option<Seq>) -> Result<Self, StoreError> {
        let live = bus.0.live.subscribe();
        let last = bus.0.last.subscribe();
        let end = bus.last();
        let oldest = store.read(log::oldest).await?;
        // A number from the future (another device's, say) would wait for ever: start at the end instead.
        let after = after.map_or(end, |after| after.min(end));
        let after = if oldest.0 > 0 && after.0 + 1 < oldest.0 { Seq(oldest.0 - 1) } else { after };
        Ok(Self { bus: bus.clone(), store: store.clone(), after, oldest, last, live })
    }

    /// The last event before what comes next.
    pub fn after(&self) -> Seq {
        self.after
    }

    /// The oldest event that was kept when the subscription started.
    pub fn oldest(&self) -> Seq {
        self.oldest
    }

    /// What comes next; waits for it. `None` when the kernel has ended. Cancel-safe.
    pub async fn next(&mut self) -> Option<Delivery> {
        loop {
            if *self.last.borrow_and_update() > self.after {
                match self.read_on().await {
                    Ok(records) => {
                        if let Some(newest) = records.last() {
                            self.after = newest.event.seq;
                            return Some(Delivery::Events(records));
                        }
                        // Numbers of events that are no longer kept.
                        self.after = *self.last.borrow();
                        continue;
                    }
                    Err(StoreError::Closed) => return None,
                    Err(error) => {
                        tracing::error!(%error, "the event log cannot be read");
                        return None;
                    }
                }
            }
            tokio::select! {
                changed = self.last.changed() => changed.ok()?,
                live = self.live.recv() => match live {
                    Ok(first) => return Some(Delivery::Live(self.gather(first))),
                    // The words are in the journal; a reader who fell behind goes on with the next.
                    Err(broadcast::error::RecvError::Lagged(_)) => {}
                    Err(broadcast::error::RecvError::Closed) => return None,
                },
            }
        }
    }

    async fn read_on(&self) -> Result<Vec<Arc<Record>>, StoreError> {
        if let Some(records) = self.bus.recent_after(self.after, BATCH as usize) {
            return Ok(records);
        }
        let after = self.after;
        self.store
            .read(move |connection| {
                log::list(connection, after, BATCH)?
                    .into_iter()
                    .map(|event| Ok(Arc::new(Record::new(event)?)))
                    .collect()
            })
            .await
    }

    fn gather(&mut self, first: Live) -> Vec<Live> {
        let mut all = vec![first];
        while all.len() < 64
            && let Ok(next) = self.live.try_recv()
        {
            all.push(next);
        }
        all
    }
}
