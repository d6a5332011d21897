//! The typed connection to the kernel, for the desktop, the command line and tests.
//!
//! A [`Client`] keeps one WebSocket open in the background and survives its loss: it connects again by
//! itself, continues the events where they stopped, and says what became of calls that were in flight.
//! The same [`Client`] runs natively and in a browser.
//!
//! Every answer is a [`Pending`]: an immediate-mode desktop polls it each frame, everybody else awaits it.
//!
//! *Invariant:* [`session`] knows neither sockets nor clocks; it is the same on every platform, and all
//! promises about calls and events are kept there.

mod client;
mod driver;
mod endpoint;
mod pending;
mod rest;
mod session;
mod terminal;

#[cfg(not(target_arch = "wasm32"))]
mod native;
#[cfg(not(target_arch = "wasm32"))]
use native as platform;

#[cfg(target_arch = "wasm32")]
mod web;
#[cfg(target_arch = "wasm32")]
use web as platform;

pub use client::{Client, EventStream, Options};
pub use endpoint::{Endpoint, EndpointError, Fingerprint, Token};
#[cfg(not(target_arch = "wasm32"))]
pub use native::observe_fingerprint;
pub use pending::Pending;
pub use session::{ConnectionState, Incoming};
pub use terminal::TerminalLink;
