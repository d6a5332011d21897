//! Every app by name, and the app that an intent opens.

use aether_kit::{Hue, Icon};
use aether_protocol::terminal::Target;

use crate::{AgentView, App, AppId, FileWindow, FilesWindow, Intent, MissionControl, Settings, Terminal};

/// An app as dock and launcher show it.
#[derive(Clone, Debug)]
pub struct AppEntry {
    /// Its short, lasting name.
    pub id: AppId,
    /// For people.
    pub title: &'static str,
    /// Its glyph.
    pub icon: Icon,
    /// Its colour.
    pub hue: Hue,
    /// What a click opens.
    pub intent: Intent,
}

/// The apps that can be opened by themselves, in the dock's order.
pub const APPS: &[AppEntry] = &[
    AppEntry {
        id: "mission-control",
        title: "Mission Control",
        icon: Icon::Mission,
        hue: Hue::Indigo,
        intent: Intent::MissionControl,
    },
    AppEntry {
        id: "terminal",
        title: "Terminal",
        icon: Icon::Terminal,
        hue: Hue::Teal,
        intent: Intent::Terminal(Target::Home),
    },
    AppEntry {
        id: "settings",
        title: "Settings",
        icon: Icon::Settings,
        hue: Hue::Slate,
        intent: Intent::Settings,
    },
];

/// The app that shows what an intent names.
pub fn app_for(intent: &Intent) -> Box<dyn App> {
    match intent {
        Intent::MissionControl => Box::new(MissionControl::new(false)),
        Intent::Deploy => Box::new(MissionControl::new(true)),
        Intent::Process(pid) => Box::new(AgentView::new(*pid)),
        Intent::AgentFiles(agent, pid) => Box::new(FilesWindow::new(*agent, *pid)),
        Intent::File(place, path) => Box::new(FileWindow::new(*place, path.clone())),
        Intent::Terminal(target) => Box::new(Terminal::new(*target)),
        Intent::Settings => Box::new(Settings::new()),
    }
}
