//! The desktop of Aether: lock screen, menu bar, dock, windows, launcher, messages.
//!
//! [`Desktop`] is the whole of it and calls no platform; [`Host`] is what it needs of the place it runs in.
//! `native` opens it as a window, `web` on a canvas in a browser.
//!
//! *Invariant:* where a window stands, what a key does, what a search finds and what was told are decided in
//! modules without egui's context, and tested there.

mod banner;
mod bar;
mod catalogue;
mod clock;
mod deed;
mod desktop;
mod dock;
mod host;
mod launcher;
mod lock;
mod notify;
mod parts;
mod phone;
mod sheet;
mod shortcuts;
mod windows;

#[cfg(feature = "inspect")]
mod inspect;
#[cfg(not(target_arch = "wasm32"))]
pub mod native;
#[cfg(target_arch = "wasm32")]
pub mod web;

pub use desktop::Desktop;
pub use host::{Host, MemoryHost};
#[cfg(feature = "inspect")]
pub use inspect::{Control, controls, watch};
pub use lock::Address;
