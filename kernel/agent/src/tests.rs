//! Lives against a scripted kernel: a real socket, real tools, a real folder.

mod acting;
mod kernel;
mod resuming;

pub use kernel::well_formed;
