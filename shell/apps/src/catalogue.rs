//! The app that an intent opens. What dock and launcher say of the apps is the desktop's matter.

use crate::{AgentView, App, Channels, FileWindow, FilesWindow, Intent, MissionControl, Settings, Terminal};

/// The app that shows what an intent names.
pub fn app_for(intent: &Intent) -> Box<dyn App> {
    match intent {
        Intent::MissionControl => Box::new(MissionControl::new(false)),
        Intent::Deploy => Box::new(MissionControl::new(true)),
        Intent::Process(pid) => Box::new(AgentView::new(*pid)),
        Intent::AgentFiles(agent, pid) => Box::new(FilesWindow::new(*agent, *pid)),
        Intent::File(place, path) => Box::new(FileWindow::new(*place, path.clone())),
        Intent::Terminal(target) => Box::new(Terminal::new(*target)),
        Intent::Channels => Box::new(Channels::new()),
        Intent::Settings => Box::new(Settings::new()),
    }
}
