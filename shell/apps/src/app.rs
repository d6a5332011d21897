//! What an app is, and what it is given.

use aether_client::Client;
use aether_protocol::{AgentId, Pid, files::Place, terminal::Target};

/// The short, lasting name of an app: `mission-control`.
pub type AppId = &'static str;

/// An app of the desktop. One value for each open window.
pub trait App {
    /// Its short, lasting name.
    fn id(&self) -> AppId;

    /// The window's title.
    fn title(&self) -> String;

    /// Its glyph in dock, launcher and title bar.
    fn icon(&self) -> aether_kit::Icon;

    /// Draws the window's body and answers input.
    fn ui(&mut self, ui: &mut egui::Ui, cx: &mut AppContext<'_>);

    /// Draws the tools at the right of the title bar, where it has some.
    fn tools_ui(&mut self, ui: &mut egui::Ui, cx: &mut AppContext<'_>) {
        let _ = (ui, cx);
    }

    /// Runs each frame, also while the window is minimised: takes in what has arrived.
    fn logic(&mut self, cx: &mut AppContext<'_>) {
        let _ = cx;
    }

    /// What the window holds, so that opening the same thing again raises it instead.
    fn holds(&self) -> Intent;

    /// Shows something else in this window, where it can: Mission Control opens its dialogue for
    /// [`Intent::Deploy`]. Returns whether it did; the shell raises the window then instead of opening a
    /// new one.
    fn show(&mut self, intent: &Intent) -> bool {
        self.holds() == *intent
    }

    /// The size of a new window, in points.
    fn initial_size(&self) -> egui::Vec2 {
        egui::vec2(960.0, 600.0)
    }

    /// Whether something in it waits for a person (a badge on the dock), and how much.
    fn badge(&self, cx: &AppContext<'_>) -> u32 {
        let _ = cx;
        0
    }
}

/// What an app may use during one frame.
pub struct AppContext<'a> {
    /// The connection to the kernel.
    pub client: &'a Client,
    /// What the desktop knows of the kernel, kept current from its events.
    pub world: &'a crate::World,
    /// What the app wants of the shell; carried out after the frame.
    pub commands: &'a mut Vec<ShellCommand>,
    /// Appearance as it is; changed by [`ShellCommand::SetAppearance`].
    pub appearance: &'a aether_kit::Appearance,
    /// Whether the desktop is narrow: one app at a time, rows for fingers.
    pub narrow: bool,
}

impl AppContext<'_> {
    /// Asks the shell for something, after this frame.
    pub fn send(&mut self, command: ShellCommand) {
        self.commands.push(command);
    }
}

/// What a window is opened for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Intent {
    /// All agents.
    MissionControl,
    /// The dialogue that deploys one, in Mission Control.
    Deploy,
    /// One process.
    Process(Pid),
    /// The files of an agent's home.
    AgentFiles(AgentId, Pid),
    /// A terminal.
    Terminal(Target),
    /// One file.
    File(Place, String),
    /// Conversations of agents and people.
    Channels,
    /// Settings.
    Settings,
}

/// What an app asks of the shell.
#[derive(Clone, Debug)]
pub enum ShellCommand {
    /// Opens a window, or raises the one that holds it already.
    Open(Intent),
    /// Closes the window that asks.
    CloseMe,
    /// Tells the person something.
    Notify(Notice),
    /// Copies text to the clipboard.
    Copy(String),
    /// Changes and keeps the appearance.
    SetAppearance(aether_kit::Appearance),
    /// Locks the screen; the session stays.
    Lock,
    /// Ends the session.
    SignOut,
}

/// A message in the corner and in the notification centre.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// How it is meant.
    pub kind: NoticeKind,
    /// One line.
    pub title: String,
    /// More, where there is more.
    pub body: String,
    /// What a click opens.
    pub opens: Option<Intent>,
}

/// How a notice is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoticeKind {
    /// Good to know.
    Info,
    /// Done.
    Good,
    /// Waits for a person.
    Waiting,
    /// Failed.
    Bad,
}
