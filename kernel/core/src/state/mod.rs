//! What lasts: the store, and the bus that tells what was written to it.

pub mod bus;
pub mod store;
