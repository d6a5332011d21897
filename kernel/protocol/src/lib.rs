//! The contract of Aether OS: every command, reply, event and error, typed.
//!
//! *Invariant:* this crate does no I/O, reads no clock and builds for wasm32. Whoever speaks to the
//! kernel (desktop, command line, an agent in its sandbox) and the kernel itself share these types and
//! nothing else.
//!
//! A command's name on the wire is `subsystem.verb` (`process.spawn`); see [`Command`] and [`Request`].

mod actor;
pub mod agent;
mod blob;
mod call;
pub mod channel;
mod error;
mod event;
pub mod events;
pub mod files;
pub mod frame;
pub mod identity;
mod ids;
pub mod journal;
pub mod life;
pub mod link;
pub mod mind;
pub mod network;
mod page;
pub mod process;
pub mod quota;
pub mod snapshot;
pub mod system;
pub mod terminal;
pub mod tools;

pub use actor::Actor;
pub use blob::Blob;
pub use call::{Command, Reply, Request};
pub use error::{Code, Error, Result};
pub use event::{Event, EventBody, Live};
pub use ids::{AgentId, ChannelId, LifeId, Pid, Seq, SessionId, SnapshotId, TerminalId, UnixMillis, UserId};
pub use page::{Cursor, Page};

#[cfg(test)]
mod tests;
