//! Why a sandbox could not be made.

use std::{io, path::PathBuf};

/// Why a sandbox could not be made. The display text says what happened, then what to do.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The host lacks something that every sandbox needs.
    #[error("This host cannot make sandboxes: {reason}. {remedy}")]
    Unavailable {
        /// What is missing.
        reason: String,
        /// What to do about it.
        remedy: String,
    },
    /// The home is not a directory, or cannot be given to the agent.
    #[error("The home {} cannot be used: {source}", path.display())]
    Home {
        /// The home.
        path: PathBuf,
        /// What the host said.
        source: io::Error,
    },
    /// The agent's binary is not there.
    #[error("The program {} is missing. Build it with `cargo build -p aether-agent`, or reinstall Aether.", path.display())]
    NoAgentBinary {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// bubblewrap, or the way into a running sandbox, gave up.
    #[error("The sandbox did not start: {detail}")]
    NotStarted {
        /// What it wrote, or how it ended.
        detail: String,
    },
    /// Nothing was heard for too long.
    #[error("The sandbox did not start within {secs} seconds. The host may be overloaded.")]
    TimedOut {
        /// How long was waited.
        secs: u64,
    },
    /// A call to the host failed.
    #[error("{what}: {source}")]
    Host {
        /// What was tried.
        what: &'static str,
        /// What the host said.
        source: io::Error,
    },
    /// An argument held a NUL byte.
    #[error("A name or an argument holds a NUL byte.")]
    Nul,
    /// The kernel is shutting down.
    #[error("No sandbox is started while the kernel shuts down.")]
    Closed,
}

impl SandboxError {
    /// For `map_err`: names what was tried.
    pub(crate) fn host<E: Into<io::Error>>(what: &'static str) -> impl FnOnce(E) -> Self {
        move |source| Self::Host { what, source: source.into() }
    }
}
