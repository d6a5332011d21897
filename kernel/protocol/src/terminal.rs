//! Terminals: a PTY that the kernel keeps, seen by any number of viewers.
//!
//! Input and output travel as binary frames ([`crate::frame`]), not as commands.

use serde::{Deserialize, Serialize};

use crate::{Page, Pid, TerminalId, UnixMillis, UserId, call::calls};

calls! { Terminal:
    /// Starts a shell: the actor's own in a sandbox with the actor's home, or one inside a running agent's sandbox.
    write "terminal.open" Open -> Terminal;
    /// The terminals that the actor may see.
    read "terminal.list" List -> Page<Terminal>;
    /// Asks to see a terminal and to type into it. Over a WebSocket, output frames follow, the scrollback first.
    write "terminal.attach" Attach -> Terminal;
    /// Changes the size.
    write "terminal.resize" Resize -> Terminal;
    /// Writes what the terminal shows into a new file of the actor's, as asciicast v2, until it is stopped or the shell
    /// ends.
    write "terminal.record" Record -> Terminal;
    /// Ends a recording; the shell goes on.
    write "terminal.stop_recording" StopRecording -> Terminal;
    /// Ends the shell and all that it started.
    write "terminal.close" Close -> Closed;
}

/// A terminal that the kernel keeps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Terminal {
    /// Lasting while the shell runs.
    pub id: TerminalId,
    /// Where it runs.
    pub target: Target,
    /// Who opened it.
    pub owner: UserId,
    /// Its size.
    pub size: Size,
    /// When it was opened.
    pub opened_at: UnixMillis,
    /// The file in its owner's home that it is recorded into.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recording: Option<String>,
}

/// Where a shell runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Target {
    /// In a sandbox of its own, with the actor's home.
    Home,
    /// Inside the sandbox of a running process.
    Process {
        /// Which.
        pid: Pid,
    },
}

/// Columns and rows, each 1 to 1,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Size {
    /// Columns.
    pub cols: u16,
    /// Rows.
    pub rows: u16,
}

impl Default for Size {
    fn default() -> Self {
        Self { cols: 80, rows: 24 }
    }
}

/// `terminal.open`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", schema(as = TerminalOpen))]
pub struct Open {
    /// Where.
    pub target: Target,
    /// How large.
    #[serde(default)]
    pub size: Size,
}

/// `terminal.list`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", schema(as = TerminalList))]
pub struct List {}

/// `terminal.attach`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", schema(as = TerminalAttach))]
pub struct Attach {
    /// Which.
    pub terminal: TerminalId,
}

/// `terminal.resize`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", schema(as = TerminalResize))]
pub struct Resize {
    /// Which.
    pub terminal: TerminalId,
    /// The new size.
    pub size: Size,
}

/// `terminal.record`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", schema(as = TerminalRecord))]
pub struct Record {
    /// Which.
    pub terminal: TerminalId,
    /// A new file in the actor's home: `lesson.cast`.
    pub path: String,
}

/// `terminal.stop_recording`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", schema(as = TerminalStopRecording))]
pub struct StopRecording {
    /// Which.
    pub terminal: TerminalId,
}

/// `terminal.close`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", schema(as = TerminalClose))]
pub struct Close {
    /// Which.
    pub terminal: TerminalId,
}

/// The terminal is gone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = TerminalClosed))]
pub struct Closed {}
