//! What lasts: the store, the bus that tells what was written to it, and snapshots of agents.

pub mod bus;
pub mod snapshots;
pub mod store;
