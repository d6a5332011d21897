//! Lives of agents over a real kernel: how they start, obey, wait, end, and what is left of them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod ends;
mod host;
mod identity;
mod minds;
mod signals;
mod terminals;
mod turns;
mod warm;
mod world;
