//! Snapshots that are taken because it is time, and how many of them are kept.

use std::{sync::Weak, time::Duration};

use aether_protocol::{
    Actor, AgentId, Code, Result, UnixMillis, UserId,
    snapshot::{Cause, Remove, Snapshot},
};

use super::store;
use crate::{Kernel, clock};

/// How often it is looked whether it is time.
const LOOK_EVERY: Duration = Duration::from_mins(1);
/// Milliseconds of an hour.
const HOUR_MS: u64 = 3_600_000;

/// Takes snapshots of agents that are queued or alive when it is time, until the kernel is gone. Does nothing where
/// no schedule is configured.
pub(crate) async fn watch(kernel: Weak<Kernel>) {
    let mut looks = tokio::time::interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        let Some(kernel) = kernel.upgrade() else { return };
        if kernel.snapshots.0.config.every_hours == 0 {
            return;
        }
        for (agent, owner) in kernel.processes.live_agents() {
            match kernel.take_scheduled(owner, agent, clock::now()).await {
                Ok(_) => {}
                // It starts, is being removed, or has ended since: the next look finds it again.
                Err(error) if matches!(error.code, Code::Conflict | Code::NotFound) => {
                    tracing::debug!(%agent, %error, "no scheduled snapshot this time");
                }
                Err(error) => tracing::warn!(%agent, %error, "a scheduled snapshot failed"),
            }
        }
    }
}

impl Kernel {
    /// Takes a snapshot where the last scheduled one is old enough, and removes those beyond the newest.
    pub(super) async fn take_scheduled(
        &self,
        owner: UserId,
        agent: AgentId,
        now: UnixMillis,
    ) -> Result<Option<Snapshot>> {
        let config = &self.snapshots.0.config;
        let kept = self.store.read(move |connection| store::scheduled(connection, agent)).await?;
        if !is_due(kept.first().map(|newest| newest.taken_at), now, config.every_hours) {
            return Ok(None);
        }
        let taken = self
            .see_through(move |kernel| kernel.snapshot(Actor::Kernel, owner, agent, Cause::Scheduled))
            .await?;
        // One is new: so many of the others stay.
        for old in kept.iter().skip(config.keep.saturating_sub(1) as usize) {
            self.snapshots.remove(&Actor::Kernel, owner, Remove { snapshot: old.id }).await?;
        }
        Ok(Some(taken))
    }
}

fn is_due(last: Option<UnixMillis>, now: UnixMillis, every_hours: u32) -> bool {
    // A clock that was set back must not hold snapshots up until it has caught up.
    last.is_none_or(|last| last > now || now.since_ms(last) >= u64::from(every_hours) * HOUR_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_time_after_so_many_hours_and_at_first() {
        let at = |hours: i64| UnixMillis(1_790_000_000_000 + hours * 3_600_000);
        assert!(is_due(None, at(0), 24));
        assert!(!is_due(Some(at(0)), at(23), 24));
        assert!(is_due(Some(at(0)), at(24), 24));
        assert!(is_due(Some(at(5)), at(0), 24), "the clock was set back");
    }
}
