//! The Aether kernel: an operating system for agents.
//!
//! Every command goes through one gate, [`Kernel::call`]. Subsystems are folders; each gets what it needs in
//! its constructor and publishes what happened in the transaction that made it happen.
//!
//! *Invariant:* the kernel knows no wire format but the link to its agents, and does not know that there is a
//! screen.

mod agents;
mod clock;
pub mod config;
mod devices;
pub mod files;
mod garbage;
mod gate;
mod govern;
mod identity;
mod kernel;
mod mind;
mod places;
pub mod process;
mod reports;
pub mod state;
mod transfers;

pub use config::Config;
pub use kernel::{Kernel, StartError};
pub use state::bus::{Delivery, Record, Subscription};
