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

/// Where a process that may reach hosts finds a socket, to hand over the one that it listens on for them.
pub const HANDOVER_FD: i32 = 7;

/// The port inside a sandbox behind which the kernel's proxy is. Every sandbox has a network of its own.
pub const PROXY_PORT: u16 = 3128;

/// The variable in which the kernel passes the port to the first process.
pub const PROXY_VARIABLE: &str = "AETHER_PROXY_PORT";

/// By what programs find the proxy. Nothing goes past it: inside there is nothing else to reach.
pub const PROXY_ENVIRONMENT: [(&str, &str); 8] = [
    ("HTTP_PROXY", PROXY_ADDRESS),
    ("http_proxy", PROXY_ADDRESS),
    ("HTTPS_PROXY", PROXY_ADDRESS),
    ("https_proxy", PROXY_ADDRESS),
    ("ALL_PROXY", PROXY_ADDRESS),
    ("all_proxy", PROXY_ADDRESS),
    ("NO_PROXY", ""),
    ("no_proxy", ""),
];

/// With [`PROXY_PORT`].
const PROXY_ADDRESS: &str = "http://127.0.0.1:3128";

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
