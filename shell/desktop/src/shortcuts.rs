//! The keys of the desktop, in one table: what acts on them and what the sheet shows cannot differ.

use egui::{Key, KeyboardShortcut, Modifiers};

use crate::windows::geometry::Zone;

/// What a key of the desktop does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Action {
    /// Shows or hides the launcher.
    Launcher,
    /// Shows or hides the sheet of shortcuts.
    Sheet,
    /// Shows or hides the list of messages.
    Notifications,
    /// Begins to deploy an agent.
    Deploy,
    /// Opens Mission Control.
    MissionControl,
    /// Opens a terminal.
    Terminal,
    /// Opens the settings.
    Settings,
    /// Locks the screen.
    Lock,
    /// Between dark and light.
    ToggleTheme,
    /// Snaps the window.
    Snap(Zone),
    /// Lets the window leave its zone, or minimises it where it stands free.
    Unsnap,
    /// Between full and free.
    ToggleFull,
    /// Puts the window out of sight.
    Minimise,
    /// Closes the window.
    Close,
    /// The next window.
    Next,
    /// The window before.
    Previous,
    /// Moves the window, in steps.
    Move(i8, i8),
    /// Makes the window larger or smaller, in steps.
    Grow(i8, i8),
    /// Puts all windows out of sight.
    ShowDesktop,
}

/// Where the sheet shows a shortcut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// For the whole desktop.
    Desktop,
    /// For the window in front.
    Window,
}

/// A key, what it does, and how the sheet says it. Rows that begin with the same words are shown as one.
#[derive(Clone, Copy, Debug)]
pub struct Shortcut {
    /// The keys.
    pub keys: KeyboardShortcut,
    /// What they do.
    pub action: Action,
    /// Where the sheet shows it.
    pub group: Group,
    /// In words.
    pub words: &'static str,
}

const CTRL: Modifiers = Modifiers::COMMAND;
const CTRL_ALT: Modifiers = Modifiers { alt: true, ctrl: false, shift: false, mac_cmd: false, command: true };
const CTRL_SHIFT: Modifiers =
    Modifiers { alt: false, ctrl: false, shift: true, mac_cmd: false, command: true };
const CTRL_ALT_SHIFT: Modifiers =
    Modifiers { alt: true, ctrl: false, shift: true, mac_cmd: false, command: true };

const fn key(modifiers: Modifiers, key: Key, action: Action, group: Group, words: &'static str) -> Shortcut {
    Shortcut { keys: KeyboardShortcut::new(modifiers, key), action, group, words }
}

/// Every shortcut. Those with more modifiers come first, so that they are not taken for those with fewer.
pub const ALL: &[Shortcut] = &[
    key(CTRL_ALT_SHIFT, Key::ArrowLeft, Action::Move(-1, 0), Group::Window, "Move left"),
    key(CTRL_ALT_SHIFT, Key::ArrowRight, Action::Move(1, 0), Group::Window, "Move right"),
    key(CTRL_ALT_SHIFT, Key::ArrowUp, Action::Move(0, -1), Group::Window, "Move up"),
    key(CTRL_ALT_SHIFT, Key::ArrowDown, Action::Move(0, 1), Group::Window, "Move down"),
    key(CTRL_ALT_SHIFT, Key::L, Action::Grow(1, 0), Group::Window, "Wider"),
    key(CTRL_ALT_SHIFT, Key::H, Action::Grow(-1, 0), Group::Window, "Narrower"),
    key(CTRL_ALT_SHIFT, Key::J, Action::Grow(0, 1), Group::Window, "Taller"),
    key(CTRL_ALT_SHIFT, Key::K, Action::Grow(0, -1), Group::Window, "Shorter"),
    key(CTRL_ALT, Key::ArrowLeft, Action::Snap(Zone::Left), Group::Window, "Left half"),
    key(CTRL_ALT, Key::ArrowRight, Action::Snap(Zone::Right), Group::Window, "Right half"),
    key(CTRL_ALT, Key::ArrowUp, Action::ToggleFull, Group::Window, "Fill the desktop, and back"),
    key(CTRL_ALT, Key::ArrowDown, Action::Unsnap, Group::Window, "Restore, then minimise"),
    key(CTRL_ALT, Key::U, Action::Snap(Zone::TopLeft), Group::Window, "Top left quarter"),
    key(CTRL_ALT, Key::I, Action::Snap(Zone::TopRight), Group::Window, "Top right quarter"),
    key(CTRL_ALT, Key::J, Action::Snap(Zone::BottomLeft), Group::Window, "Bottom left quarter"),
    key(CTRL_ALT, Key::K, Action::Snap(Zone::BottomRight), Group::Window, "Bottom right quarter"),
    key(CTRL_ALT, Key::W, Action::Close, Group::Window, "Close"),
    key(CTRL_ALT, Key::H, Action::Minimise, Group::Window, "Minimise"),
    key(CTRL_SHIFT, Key::Backtick, Action::Previous, Group::Window, "Window before"),
    key(CTRL, Key::Backtick, Action::Next, Group::Window, "Next window"),
    key(CTRL_ALT, Key::G, Action::Deploy, Group::Desktop, "Deploy an agent"),
    key(CTRL_ALT, Key::M, Action::MissionControl, Group::Desktop, "Mission Control"),
    key(CTRL_ALT, Key::T, Action::Terminal, Group::Desktop, "Terminal"),
    key(CTRL, Key::Comma, Action::Settings, Group::Desktop, "Settings"),
    key(CTRL_ALT, Key::N, Action::Notifications, Group::Desktop, "Notifications"),
    key(CTRL_ALT, Key::D, Action::ShowDesktop, Group::Desktop, "Show the desktop"),
    key(CTRL_ALT, Key::Y, Action::ToggleTheme, Group::Desktop, "Dark or light"),
    key(CTRL_ALT, Key::L, Action::Lock, Group::Desktop, "Lock the screen"),
    key(CTRL_ALT, Key::Space, Action::Launcher, Group::Desktop, "Search and commands"),
    key(CTRL, Key::K, Action::Launcher, Group::Desktop, "Search and commands"),
    key(Modifiers::NONE, Key::F1, Action::Sheet, Group::Desktop, "This sheet"),
    key(CTRL, Key::Slash, Action::Sheet, Group::Desktop, "This sheet"),
];

/// What the keys of this frame ask for. The keys are taken, so that no app sees them. A terminal that is
/// typed into keeps what shells use (Ctrl and one letter); the other shortcuts still act.
pub fn pressed(ctx: &egui::Context, in_terminal: bool) -> Vec<Action> {
    ctx.input_mut(|input| {
        ALL.iter()
            .filter(|entry| !(in_terminal && entry.keys.modifiers == CTRL))
            .filter(|entry| input.consume_shortcut(&entry.keys))
            .map(|entry| entry.action)
            .collect()
    })
}

/// The keys of an action as the person's keyboard names them.
pub fn keys_of(ctx: &egui::Context, action: Action) -> Option<String> {
    ALL.iter().find(|entry| entry.action == action).map(|entry| ctx.format_shortcut(&entry.keys))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_actions_share_keys() {
        for (at, a) in ALL.iter().enumerate() {
            for b in &ALL[at + 1..] {
                assert!(a.keys != b.keys, "{} and {}", a.words, b.words);
            }
        }
    }

    #[test]
    fn more_modifiers_come_first() {
        let count = |m: Modifiers| u8::from(m.alt) + u8::from(m.shift) + u8::from(m.command);
        for (at, later) in ALL.iter().enumerate() {
            for earlier in &ALL[..at] {
                let same_key = earlier.keys.logical_key == later.keys.logical_key;
                assert!(!same_key || count(earlier.keys.modifiers) >= count(later.keys.modifiers));
            }
        }
    }
}
