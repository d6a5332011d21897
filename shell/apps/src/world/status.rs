//! The kernel's clock, as the desktop reckons it.

use aether_protocol::UnixMillis;

/// The kernel's clock: this machine's, moved by what the kernel said its own was.
pub(super) struct Clock {
    fixed: Option<UnixMillis>,
    offset_ms: i64,
}

impl Clock {
    pub fn system() -> Self {
        Self { fixed: None, offset_ms: 0 }
    }

    pub fn fixed(now: UnixMillis) -> Self {
        Self { fixed: Some(now), offset_ms: 0 }
    }

    /// Milliseconds since 1970 on this machine.
    pub fn local_ms(&self) -> u64 {
        match self.fixed {
            Some(now) => u64::try_from(now.0).unwrap_or(0),
            None => web_time::SystemTime::now()
                .duration_since(web_time::UNIX_EPOCH)
                .map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX)),
        }
    }

    pub fn now(&self) -> UnixMillis {
        UnixMillis(i64::try_from(self.local_ms()).unwrap_or(i64::MAX).saturating_add(self.offset_ms))
    }

    /// The kernel said what time it is.
    pub fn told(&mut self, kernel_now: UnixMillis) {
        if self.fixed.is_none() {
            self.offset_ms = kernel_now.0.saturating_sub(i64::try_from(self.local_ms()).unwrap_or(i64::MAX));
        }
    }

    /// Something happened at `at` by the kernel's clock, so it is not earlier than that.
    pub fn heard(&mut self, at: UnixMillis) {
        let ahead_ms = at.0.saturating_sub(self.now().0);
        if self.fixed.is_none() && ahead_ms > 0 {
            self.offset_ms = self.offset_ms.saturating_add(ahead_ms);
        }
    }
}
