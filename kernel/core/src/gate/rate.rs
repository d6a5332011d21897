//! How often an actor may call.

use std::{num::NonZeroU32, sync::Arc};

use aether_protocol::{Actor, Code, Command, Error, Result, SessionId, identity};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter, clock::Clock as _};

/// Calls between two sweeps of addresses that have been quiet.
const SWEEP_EVERY: u64 = 4096;

/// Token buckets: one for each address where nobody is signed in, one for each session.
pub(super) struct Limits {
    anonymous: DefaultKeyedRateLimiter<Arc<str>>,
    signed_in: DefaultKeyedRateLimiter<SessionId>,
    calls: std::sync::atomic::AtomicU64,
}

impl Limits {
    pub(super) fn new(config: &crate::config::IdentityConfig) -> Self {
        let quota =
            |per_minute: u32| Quota::per_minute(NonZeroU32::new(per_minute).unwrap_or(NonZeroU32::MIN));
        Self {
            anonymous: RateLimiter::keyed(quota(config.anonymous_per_minute)),
            signed_in: RateLimiter::keyed(quota(config.signed_in_per_minute)),
            calls: std::sync::atomic::AtomicU64::new(0),
        }
    }

    /// Agents are not limited here: each has one call under way at a time, and a step budget.
    pub(super) fn check(&self, actor: &Actor, command: &Command) -> Result<()> {
        let outcome = match actor {
            Actor::Kernel | Actor::Agent { .. } => return Ok(()),
            // What the lock screen shows costs nothing and tells nothing.
            Actor::Anonymous { .. } if matches!(command, Command::Identity(identity::Command::Door(_))) => {
                return Ok(());
            }
            Actor::Anonymous { peer } => {
                self.sweep();
                self.anonymous.check_key(peer)
            }
            Actor::User { session, .. } => self.signed_in.check_key(session),
        };
        outcome.map_err(|not_until| {
            let wait = not_until.wait_time_from(governor::clock::DefaultClock::default().now());
            let secs = u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).saturating_add(1);
            Error {
                retry_after_secs: Some(secs),
                ..Error::new(Code::RateLimited, "Too many calls").hint(format!("Try again in {secs} s"))
            }
        })
    }

    fn sweep(&self) {
        let calls = self.calls.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        if calls.is_multiple_of(SWEEP_EVERY) {
            self.anonymous.retain_recent();
            self.signed_in.retain_recent();
        }
    }
}
