//! The windows as they are kept between two sign-ins. Pure.

use aether_apps::Intent;
use aether_protocol::{AgentId, Pid, files::Place, terminal::Target};
use egui::{Rect, pos2, vec2};
use serde::{Deserialize, Serialize};

use super::geometry::Zone;

/// More windows than this are not brought back.
const MOST_WINDOWS: usize = 32;

/// The windows of one person, bottom to top.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Layout {
    /// Bottom to top.
    pub windows: Vec<Saved>,
}

/// One window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Saved {
    /// What it holds.
    pub holds: Holds,
    /// Left, top, width, height, in points.
    pub rect: [f32; 4],
    /// The zone that it fills.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<Zone>,
    /// Whether it is out of sight.
    #[serde(default)]
    pub minimised: bool,
}

/// What a window holds; [`Intent`], as it is written down.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Holds {
    /// All agents.
    MissionControl,
    /// One process.
    Process {
        /// Which.
        pid: Pid,
    },
    /// The files of an agent's home.
    AgentFiles {
        /// Whose.
        agent: AgentId,
        /// Its process.
        pid: Pid,
    },
    /// A terminal.
    Terminal {
        /// Where.
        target: Target,
    },
    /// One file.
    File {
        /// Where.
        place: Place,
        /// The path.
        path: String,
    },
    /// Conversations.
    Channels,
    /// Settings.
    Settings,
}

impl From<&Intent> for Holds {
    fn from(intent: &Intent) -> Self {
        match intent {
            Intent::MissionControl | Intent::Deploy => Self::MissionControl,
            Intent::Process(pid) => Self::Process { pid: *pid },
            Intent::AgentFiles(agent, pid) => Self::AgentFiles { agent: *agent, pid: *pid },
            Intent::Terminal(target) => Self::Terminal { target: *target },
            Intent::File(place, path) => Self::File { place: *place, path: path.clone() },
            Intent::Channels => Self::Channels,
            Intent::Settings => Self::Settings,
        }
    }
}

impl From<Holds> for Intent {
    fn from(holds: Holds) -> Self {
        match holds {
            Holds::MissionControl => Self::MissionControl,
            Holds::Process { pid } => Self::Process(pid),
            Holds::AgentFiles { agent, pid } => Self::AgentFiles(agent, pid),
            Holds::Terminal { target } => Self::Terminal(target),
            Holds::File { place, path } => Self::File(place, path),
            Holds::Channels => Self::Channels,
            Holds::Settings => Self::Settings,
        }
    }
}

impl Saved {
    /// A window as it stands.
    pub fn new(holds: &Intent, rect: Rect, zone: Option<Zone>, minimised: bool) -> Self {
        let rect = [rect.left(), rect.top(), rect.width(), rect.height()].map(f32::round);
        Self { holds: holds.into(), rect, zone, minimised }
    }

    /// Where it stood, none when what was written is no rectangle.
    pub fn rect(&self) -> Option<Rect> {
        let [x, y, width, height] = self.rect;
        let sane = self.rect.iter().all(|value| value.is_finite()) && width > 0.0 && height > 0.0;
        sane.then(|| Rect::from_min_size(pos2(x, y), vec2(width, height)))
    }
}

impl Layout {
    /// Reads what was written; what cannot be read is an empty desktop.
    pub fn read(text: &str) -> Self {
        let mut layout: Self = serde_json::from_str(text).unwrap_or_default();
        layout.windows.retain(|window| window.rect().is_some());
        layout.windows.truncate(MOST_WINDOWS);
        layout
    }

    /// The text to keep.
    pub fn write(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(holds: &Intent) -> Saved {
        Saved::new(holds, Rect::from_min_size(pos2(10.2, 40.7), vec2(700.0, 420.0)), Some(Zone::Left), true)
    }

    #[test]
    fn every_kind_of_window_comes_back() {
        for intent in [
            Intent::MissionControl,
            Intent::Process(Pid(7)),
            Intent::Terminal(Target::Home),
            Intent::Terminal(Target::Process { pid: Pid(3) }),
            Intent::File(Place::Home, "notes/a b.md".into()),
            Intent::Channels,
            Intent::Settings,
        ] {
            let layout = Layout { windows: vec![window(&intent)] };
            let read = Layout::read(&layout.write());
            assert_eq!(read, layout);
            assert_eq!(Intent::from(read.windows[0].holds.clone()), intent);
        }
    }

    #[test]
    fn the_dialogue_to_deploy_is_kept_as_mission_control() {
        assert_eq!(Holds::from(&Intent::Deploy), Holds::MissionControl);
    }

    #[test]
    fn rubbish_is_an_empty_desktop() {
        let window = r#"{"windows":[{"holds":{"kind":"settings"},"rect":[0,0,-5,10]}]}"#;
        for text in ["", "null", "[1,2]", r#"{"windows":[{"holds":{"kind":"x"},"rect":[1,2,3,4]}]}"#, window]
        {
            assert_eq!(Layout::read(text), Layout::default(), "{text}");
        }
    }
}
