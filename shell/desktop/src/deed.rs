//! What the parts of the desktop ask of it. The desktop carries it out after the frame.

use aether_apps::Intent;

use crate::shortcuts::Action;

/// Something to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Deed {
    /// What a key of the desktop would do.
    Act(Action),
    /// Opens a window, or raises the one that holds it.
    Open(Intent),
    /// An app of the dock: opens, raises, or minimises it.
    Tile(&'static str),
    /// Opens what a message is about.
    OpenNotice(u64),
    /// Throws a message away.
    DropNotice(u64),
    /// Takes a message from the corner.
    DismissToast(u64),
    /// Throws all messages away.
    ClearNotices,
    /// Tries to connect now.
    RetryConnection,
    /// Ends the session.
    SignOut,
}
