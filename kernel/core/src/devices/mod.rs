//! The host: what it is made of and how busy it is.

mod stats;

pub(crate) use stats::{Devices, available_memory_bytes, host_memory_bytes};
