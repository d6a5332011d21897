//! The apps of the desktop, one module each, behind one [`App`] trait.
//!
//! *Invariant:* an app changes nothing but itself. It sends kernel commands through the client and shell
//! commands through [`AppContext`].

mod agent_view;
mod app;
mod catalogue;
mod channels;
mod deeds;
mod doubt_sheet;
mod files_pane;
mod mission_control;
mod settings;
mod terminal;
mod text;
mod world;

#[cfg(test)]
mod tests;

pub use agent_view::AgentView;
pub use app::{App, AppContext, AppId, Intent, Notice, NoticeKind, ShellCommand};
pub use catalogue::app_for;
pub use channels::Channels;
pub use files_pane::{FileWindow, FilesWindow};
pub use mission_control::MissionControl;
pub use settings::Settings;
pub use terminal::Terminal;
pub use world::{Counts, Known, Loaded, SeenStep, World};
