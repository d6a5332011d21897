//! The kernel's clock and its source of ids.

use std::time::{SystemTime, UNIX_EPOCH};

use aether_protocol::UnixMillis;
use uuid::Uuid;

/// The wall clock.
pub(crate) fn now() -> UnixMillis {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}

/// A new id, sortable by the time it was made.
pub(crate) fn new_id() -> Uuid {
    Uuid::now_v7()
}
