//! What the desktop needs of the place it runs in: somewhere to keep a few settings, and a clock.

use std::collections::BTreeMap;

use aether_protocol::UnixMillis;

/// The place the desktop runs in. Native and browser each have one; the desktop itself calls no platform.
pub trait Host {
    /// What was kept under `key`, none when nothing was.
    fn load(&self, key: &str) -> Option<String>;

    /// Keeps `value` under `key`. A host that cannot write goes on without.
    fn store(&mut self, key: &str, value: &str);

    /// Forgets `key`.
    fn forget(&mut self, key: &str);

    /// The clock.
    fn now(&self) -> UnixMillis;

    /// How far the person's clock is ahead of UTC at `at`, in minutes.
    fn utc_offset_minutes(&self, at: UnixMillis) -> i32;

    /// What this device calls itself when it signs in: "Firefox on Linux".
    fn device(&self) -> String;

    /// Keeps the session's token for the next start, where the host does (a browser has its cookie).
    fn keep_token(&mut self, token: Option<&str>) {
        let _ = token;
    }

    /// Whether Cmd stands for Ctrl here, so that shortcuts are written the way the person knows them.
    fn is_apple(&self) -> bool {
        false
    }
}

/// A host in memory, for tests.
#[derive(Clone, Debug)]
pub struct MemoryHost {
    /// What is kept.
    pub kept: BTreeMap<String, String>,
    /// What time it is.
    pub now: UnixMillis,
}

impl Default for MemoryHost {
    fn default() -> Self {
        // Tuesday, 6 October 2026, 09:41 UTC.
        Self { kept: BTreeMap::new(), now: UnixMillis(1_791_279_660_000) }
    }
}

impl Host for MemoryHost {
    fn load(&self, key: &str) -> Option<String> {
        self.kept.get(key).cloned()
    }

    fn store(&mut self, key: &str, value: &str) {
        self.kept.insert(key.to_owned(), value.to_owned());
    }

    fn forget(&mut self, key: &str) {
        self.kept.remove(key);
    }

    fn now(&self) -> UnixMillis {
        self.now
    }

    fn utc_offset_minutes(&self, _at: UnixMillis) -> i32 {
        0
    }

    fn device(&self) -> String {
        "Test device".into()
    }
}
