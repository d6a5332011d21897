//! What the system tests share: a real daemon, and a client that sends exactly what it is told.

pub mod attack;
pub mod bench;
pub mod chromium;
pub mod daemon;
pub mod delegated;
pub mod escape;
pub mod journey;
pub mod raw;
pub mod schema;
pub mod screen;
pub mod scripted;
pub mod xvfb;
