//! The apps as the desktop offers them: names, glyphs, what a tile opens.

use aether_apps::{AppId, Intent};
use aether_kit::{Hue, Icon};
use aether_protocol::terminal::Target;

/// An app of the dock and the launcher.
#[derive(Clone, Copy, Debug)]
pub struct Offer {
    /// Its short, lasting name.
    pub id: AppId,
    /// For people.
    pub title: &'static str,
    /// What it is for, and what else it might be looked for under.
    pub summary: &'static str,
    /// Its glyph.
    pub icon: Icon,
    /// Its hue.
    pub hue: Hue,
    /// Whether it has a place in the dock when it does not run.
    pub pinned: bool,
}

/// Every app, in the dock's order.
pub const OFFERS: &[Offer] = &[
    Offer {
        id: "mission-control",
        title: "Mission Control",
        summary: "All agents at a glance",
        icon: Icon::Mission,
        hue: Hue::Indigo,
        pinned: true,
    },
    Offer {
        id: "terminal",
        title: "Terminal",
        summary: "A shell in your home",
        icon: Icon::Terminal,
        hue: Hue::Teal,
        pinned: true,
    },
    Offer {
        id: "channels",
        title: "Channels",
        summary: "What agents and people say to each other: messages, conversations",
        icon: Icon::Chat,
        hue: Hue::Green,
        pinned: true,
    },
    Offer {
        id: "settings",
        title: "Settings",
        summary: "Appearance, models, session",
        icon: Icon::Settings,
        hue: Hue::Slate,
        pinned: true,
    },
    Offer {
        id: "agent-view",
        title: "Agents",
        summary: "What one agent does, step by step",
        icon: Icon::Robot,
        hue: Hue::Violet,
        pinned: false,
    },
    Offer {
        id: "file",
        title: "Files",
        summary: "A file or a folder",
        icon: Icon::Document,
        hue: Hue::Amber,
        pinned: false,
    },
];

/// The offer that an intent belongs to.
pub fn offer_for(intent: &Intent) -> &'static Offer {
    let id = match intent {
        Intent::MissionControl | Intent::Deploy => "mission-control",
        Intent::Terminal(_) => "terminal",
        Intent::Channels => "channels",
        Intent::Settings => "settings",
        Intent::Process(_) => "agent-view",
        Intent::AgentFiles(..) | Intent::File(..) => "file",
    };
    OFFERS.iter().find(|offer| offer.id == id).unwrap_or(&FALLBACK)
}

/// What opens when a tile is clicked and nothing of it is open.
pub fn intent_of(offer: &Offer) -> Option<Intent> {
    match offer.id {
        "mission-control" => Some(Intent::MissionControl),
        "terminal" => Some(Intent::Terminal(Target::Home)),
        "channels" => Some(Intent::Channels),
        "settings" => Some(Intent::Settings),
        _ => None,
    }
}

static FALLBACK: Offer =
    Offer { id: "window", title: "Window", summary: "", icon: Icon::Windows, hue: Hue::Slate, pinned: false };
