//! When to try again.

use std::{
    hash::{BuildHasher, RandomState},
    time::Duration,
};

use aether_protocol::Code;

/// The longest pause that the kernel can ask for.
const MAX_ASKED_SECS: u32 = 600;

/// How fast tries follow each other: each pause is twice the one before, up to a bound, less a random part,
/// so that many agents do not come back at the same moment.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// The first pause.
    pub first: Duration,
    /// The longest pause.
    pub longest: Duration,
    /// How many tries follow the first.
    pub max_tries: u32,
}

impl Default for Pace {
    /// Five minutes in all, about.
    fn default() -> Self {
        Self { first: Duration::from_secs(1), longest: Duration::from_mins(1), max_tries: 10 }
    }
}

impl Pace {
    /// The pause before the given try (from 1). Never shorter than the kernel asked for.
    pub fn delay(&self, attempt: u32, asked_secs: Option<u32>) -> Duration {
        let full =
            self.first.saturating_mul(2u32.saturating_pow(attempt.saturating_sub(1))).min(self.longest);
        // The keys of a RandomState are random; no generator is needed for jitter.
        let random = (RandomState::new().hash_one(attempt) >> 11) as f64 / (1u64 << 53) as f64;
        let asked = Duration::from_secs(asked_secs.unwrap_or(0).min(MAX_ASKED_SECS).into());
        full.mul_f64(0.5 + random / 2.0).max(asked)
    }
}

/// Whether the same call might succeed later.
pub fn is_transient(code: Code) -> bool {
    matches!(code, Code::Unavailable | Code::RateLimited)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_stay_bounded_and_heed_the_kernel() {
        let pace = Pace::default();
        for attempt in 1..40 {
            let delay = pace.delay(attempt, None);
            let full =
                Duration::from_secs(1).saturating_mul(2u32.saturating_pow(attempt - 1)).min(pace.longest);
            assert!(delay <= full && delay >= full / 2, "try {attempt}: {delay:?}");
        }
        assert!(pace.delay(1, Some(7)) >= Duration::from_secs(7));
        assert!(pace.delay(1, Some(u32::MAX)) <= Duration::from_mins(10));
    }
}
