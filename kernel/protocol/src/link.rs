//! What travels over the socket that an agent's process inherits (file descriptor [`FD`]).
//!
//! Frames are a length, four bytes, little-endian, and as many bytes of JSON: [`FromAgent`] towards the
//! kernel, [`ToAgent`] back. The process has one call under way at a time.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Error;

/// The version of this link. Kernel and process are installed together; another version is refused.
pub const VERSION: u32 = 1;

/// The file descriptor that the process finds its socket on.
pub const FD: i32 = 3;

/// The longest frame, in bytes of JSON.
pub const MAX_FRAME_BYTES: usize = 16 * 1024 * 1024;

/// Towards the kernel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FromAgent {
    /// The process's number for the call.
    pub id: u64,
    /// The command: `{"call": …, "args": …}`.
    #[serde(flatten)]
    pub command: Value,
}

/// Back to the process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToAgent {
    /// Done. `reply` is `{"call": …, "reply": …}`.
    Reply {
        /// The process's number.
        id: u64,
        /// A [`crate::Reply`].
        reply: Value,
    },
    /// Refused or failed.
    Failed {
        /// The process's number.
        id: u64,
        /// Why.
        error: Error,
    },
}
