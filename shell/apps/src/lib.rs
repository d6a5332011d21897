//! The apps of the desktop, one module each, behind one [`App`] trait.
//!
//! *Invariant:* an app changes nothing but itself. It sends kernel commands through the client and shell
//! commands through [`AppContext`].

mod app;

pub use app::{App, AppContext, AppId, Intent, Notice, NoticeKind, ShellCommand};

mod world;

pub use world::World;
