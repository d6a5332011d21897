//! Terminals: shells on PTYs that the kernel keeps, in a sandbox of their own or inside an agent's, seen by
//! any number of viewers.
//!
//! *Invariant:* a terminal's memory is bounded by its scrollback. Viewers have no queue of their own; each
//! is a position in the scrollback, and one that falls behind it is moved forward and told.

mod device;
mod recorder;
mod scrollback;
mod session;
mod stream;

#[cfg(test)]
mod tests;

use std::{collections::HashMap, io, path::PathBuf, sync::Arc};

use aether_protocol::{
    TerminalId,
    process::Exit,
    terminal::{Size, Terminal},
};
use parking_lot::Mutex;
use tokio::sync::mpsc;

pub(crate) use recorder::{Cast, Recorder};
pub use stream::{TerminalKeyboard, TerminalStream};

use super::{
    sandbox::{Entry, Limits, Program, Sandbox, SandboxError, SpawnSpec},
    tree::ProcessTree,
};
use device::Device;
use session::Session;

/// How many terminals are kept at once.
const MAX_TERMINALS: usize = 128;

/// The largest number of columns, and of rows.
const MAX_SIDE: u16 = 1000;

/// Why a terminal could not be opened or used. The text says what happened, then what to do.
#[derive(Debug, thiserror::Error)]
pub enum TerminalError {
    /// It has ended, or never was.
    #[error("There is no such terminal. It may have ended.")]
    NotFound,
    /// It is recorded already.
    #[error("The terminal is recorded already, into {0}. Stop that first.")]
    Recorded(String),
    /// It is not recorded.
    #[error("The terminal is not recorded.")]
    NotRecorded,
    /// Too many are open.
    #[error("{MAX_TERMINALS} terminals are open, which is the limit. Close one first.")]
    TooMany,
    /// A side is 0 or too large.
    #[error("A terminal has 1 to {MAX_SIDE} columns and rows.")]
    Size,
    /// The shell's sandbox could not be made, or entered.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// The host gave no PTY, or took it away.
    #[error("{what}: {source}")]
    Host {
        /// What was tried.
        what: &'static str,
        /// What the host said.
        source: io::Error,
    },
}

/// Where a shell runs.
#[derive(Clone, Copy, Debug)]
pub enum Place<'a> {
    /// In a sandbox of its own.
    Home {
        /// The person's home, which the caller has made.
        home: &'a std::path::Path,
        /// The sandbox's host name.
        hostname: &'a str,
    },
    /// Inside the sandbox of a running process.
    Inside {
        /// Its processes.
        tree: &'a ProcessTree,
        /// Whose they are, for the prompt.
        name: &'a str,
        /// Whether it has a way to the kernel's proxy.
        network: bool,
    },
}

/// A terminal has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TerminalClosed {
    /// What it was.
    pub terminal: Terminal,
    /// Why, for people.
    pub reason: String,
    /// How the shell ended.
    pub exit: Exit,
}

/// All terminals. Cheap to clone; when the last clone goes, the shells end.
#[derive(Clone, Debug)]
pub struct Terminals {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    sandbox: Sandbox,
    agent_binary: PathBuf,
    limits: Limits,
    sessions: Arc<Mutex<HashMap<TerminalId, Arc<Session>>>>,
    closed: mpsc::UnboundedSender<TerminalClosed>,
}

impl Terminals {
    /// Terminals whose shells run in sandboxes made by `sandbox`, sealed by `agent_binary`, each process of
    /// them within `limits`. The receiver tells of each one that ends, however it ends.
    pub fn new(
        sandbox: Sandbox,
        agent_binary: PathBuf,
        limits: Limits,
    ) -> (Self, mpsc::UnboundedReceiver<TerminalClosed>) {
        let (closed, ended) = mpsc::unbounded_channel();
        let inner = Inner { sandbox, agent_binary, limits, sessions: Arc::default(), closed };
        (Self { inner: Arc::new(inner) }, ended)
    }

    /// Starts a login shell in `place`. `terminal` is what [`Terminals::list`] will say of it; its id must be
    /// new.
    pub async fn open(&self, terminal: Terminal, place: Place<'_>) -> Result<Terminal, TerminalError> {
        check(terminal.size)?;
        if self.inner.sessions.lock().len() >= MAX_TERMINALS {
            return Err(TerminalError::TooMany);
        }
        let host = |what| move |source: io::Error| TerminalError::Host { what, source };
        let (device, peer) = Device::open(terminal.size).map_err(host("opening a PTY"))?;
        let shell = vec!["/bin/bash".to_owned(), "-l".to_owned()];
        let tree = match place {
            Place::Home { home, hostname } => {
                let spec = SpawnSpec {
                    group: format!("terminal-{}", terminal.id),
                    hostname: hostname.to_owned(),
                    home: home.to_owned(),
                    agent_binary: self.inner.agent_binary.clone(),
                    limits: self.inner.limits,
                    priority: 1,
                    network: None,
                };
                self.inner.sandbox.launch_on_terminal(&spec, &Program::Exec(shell), peer).await?
            }
            Place::Inside { tree, name, network } => {
                let entry = Entry {
                    agent_binary: self.inner.agent_binary.clone(),
                    limits: self.inner.limits,
                    network,
                    name: name.to_owned(),
                    command: shell,
                };
                self.inner.sandbox.enter_on_terminal(tree, &entry, peer).await?
            }
        };
        let session = Arc::new(Session::new(terminal.clone(), device, tree));
        self.inner.sessions.lock().insert(terminal.id, Arc::clone(&session));
        let sessions = Arc::downgrade(&self.inner.sessions);
        let closed = self.inner.closed.clone();
        tokio::spawn(async move {
            let ended = session.run().await;
            if let Some(sessions) = sessions.upgrade() {
                sessions.lock().remove(&ended.terminal.id);
            }
            // Nobody listens any more while the kernel shuts down.
            let _ = closed.send(ended);
        });
        Ok(terminal)
    }

    /// All that are open, the oldest first.
    pub fn list(&self) -> Vec<Terminal> {
        let mut all: Vec<Terminal> =
            self.inner.sessions.lock().values().map(|session| session.describe()).collect();
        all.sort_by_key(|terminal| (terminal.opened_at, terminal.id));
        all
    }

    /// One that is open.
    pub fn get(&self, id: TerminalId) -> Option<Terminal> {
        self.session(id).ok().map(|session| session.describe())
    }

    /// A new viewer: the scrollback first, then what comes, without gap or repetition.
    pub fn attach(&self, id: TerminalId) -> Result<TerminalStream, TerminalError> {
        Ok(TerminalStream::new(self.session(id)?))
    }

    /// Changes the size; the programs inside get SIGWINCH.
    pub fn resize(&self, id: TerminalId, size: Size) -> Result<Terminal, TerminalError> {
        check(size)?;
        let session = self.session(id)?;
        session.resize(size).map_err(|source| TerminalError::Host { what: "resizing a PTY", source })?;
        Ok(session.describe())
    }

    /// Marks a terminal as recorded into `path`, and returns what it shows from its scrollback on.
    pub(crate) fn record(&self, id: TerminalId, path: String) -> Result<Recorder, TerminalError> {
        Recorder::start(self.session(id)?, path)
    }

    /// Ends a recording; returns when its file is whole.
    pub async fn stop_recording(&self, id: TerminalId) -> Result<Terminal, TerminalError> {
        let session = self.session(id)?;
        session.stop_recording().await?;
        Ok(session.describe())
    }

    /// Ends the shell and all that it started; returns when nothing is left.
    pub async fn close(&self, id: TerminalId) -> Result<(), TerminalError> {
        let session = self.session(id)?;
        session.close("Closed.").await;
        self.inner.sessions.lock().remove(&id);
        Ok(())
    }

    /// Ends all of them, for the kernel's shutdown; returns when nothing is left.
    pub async fn close_all(&self) {
        let all: Vec<_> = self.inner.sessions.lock().values().map(Arc::clone).collect();
        for session in &all {
            session.end("The kernel shuts down.");
        }
        for session in all {
            session.ended().await;
            // The task that watches it does the same; whoever waits here shall not see it any more.
            self.inner.sessions.lock().remove(&session.describe().id);
        }
    }

    fn session(&self, id: TerminalId) -> Result<Arc<Session>, TerminalError> {
        self.inner.sessions.lock().get(&id).map(Arc::clone).ok_or(TerminalError::NotFound)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        for session in self.sessions.lock().values() {
            session.end("The kernel shuts down.");
        }
    }
}

fn check(size: Size) -> Result<(), TerminalError> {
    let fits = |side: u16| (1..=MAX_SIDE).contains(&side);
    if fits(size.cols) && fits(size.rows) { Ok(()) } else { Err(TerminalError::Size) }
}
