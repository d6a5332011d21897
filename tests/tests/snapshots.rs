//! Snapshots under write load, restored and cloned; and cut at random moments by `kill -9`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "snapshots/archives.rs"]
mod archives;
#[path = "snapshots/cuts.rs"]
mod cuts;
#[path = "snapshots/garbage.rs"]
mod garbage;
#[path = "snapshots/ground.rs"]
mod ground;
#[path = "snapshots/load.rs"]
mod load;
#[allow(dead_code, reason = "the lives' tests use more of it")]
#[path = "lives/world.rs"]
mod world;
