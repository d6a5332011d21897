//! Terminals as the gate sees them: whose they are, where a shell starts, what is told when one ends.

use aether_protocol::{
    Actor, Code, Error, EventBody, Result, TerminalId, UserId, files,
    terminal::{Open, Target, Terminal},
};

use super::{
    Processes,
    pty::{Place, TerminalClosed, TerminalError, Terminals},
};
use crate::{Kernel, clock, state::store::Store};

impl From<TerminalError> for Error {
    fn from(error: TerminalError) -> Self {
        let code = match &error {
            TerminalError::NotFound => Code::NotFound,
            TerminalError::Recorded(_) | TerminalError::NotRecorded => Code::Conflict,
            TerminalError::TooMany => Code::Exhausted,
            TerminalError::Size => Code::Invalid,
            TerminalError::Sandbox(_) | TerminalError::Host { .. } => Code::Unavailable,
        };
        Self::new(code, error.to_string())
    }
}

impl Kernel {
    /// `terminal.open`
    pub(crate) async fn open_terminal(&self, actor: &Actor, user: UserId, open: Open) -> Result<Terminal> {
        let terminal = Terminal {
            id: TerminalId(clock::new_id()),
            target: open.target,
            owner: user,
            size: open.size,
            opened_at: clock::now(),
            recording: None,
        };
        let terminals = self.processes.terminals().clone();
        // On the kernel's own runtime: the PTY and the task that reads it outlive the thread that asked.
        let opening = match open.target {
            Target::Home => {
                let home = self.root(user, files::Place::Home).await?;
                self.processes.runtime.spawn(async move {
                    terminals.open(terminal, Place::Home { home: &home, hostname: "aether" }).await
                })
            }
            Target::Process { pid } => {
                let name = self.processes.get(user, pid).await?.name;
                let living = self
                    .processes
                    .living(pid)
                    .map_err(|error| error.hint("A terminal needs a running process; its files remain"))?;
                self.processes.runtime.spawn(async move {
                    let network = living.has_network();
                    let inside = Place::Inside { tree: &living.tree, name: &name, network };
                    terminals.open(terminal, inside).await
                })
            }
        };
        let opened = opening
            .await
            .map_err(|error| Error::internal(format!("The terminal was not opened: {error}")))??;
        let (actor, id) = (actor.clone(), opened.id);
        self.store.write(move |tx| tx.emit(&actor, EventBody::TerminalOpened { terminal: id })).await?;
        Ok(opened)
    }
}

impl Processes {
    /// A person's terminals, the oldest first.
    pub(crate) fn terminals_of(&self, user: UserId) -> Vec<Terminal> {
        let mut all = self.terminals().list();
        all.retain(|terminal| terminal.owner == user);
        all
    }

    /// One of a person's terminals.
    pub(crate) fn terminal_of(&self, user: UserId, id: TerminalId) -> Result<Terminal> {
        let found = self.terminals().get(id).filter(|terminal| terminal.owner == user);
        found.ok_or_else(|| TerminalError::NotFound.into())
    }
}

/// Writes down each terminal that ends.
pub(super) async fn tell_of_ended(
    mut ended: tokio::sync::mpsc::UnboundedReceiver<TerminalClosed>,
    store: Store,
) {
    while let Some(TerminalClosed { terminal, reason, .. }) = ended.recv().await {
        store
            .write_later(move |tx| {
                tx.emit(&Actor::Kernel, EventBody::TerminalClosed { terminal: terminal.id, reason })?;
                Ok(())
            })
            .await;
    }
}

/// The terminals of the kernel, and the task that tells of those that end.
pub(super) fn start(
    sandbox: super::Sandbox,
    agent_binary: std::path::PathBuf,
    limits: super::sandbox::Limits,
    store: Store,
) -> Terminals {
    let (terminals, ended) = Terminals::new(sandbox, agent_binary, limits);
    tokio::spawn(tell_of_ended(ended, store));
    terminals
}
