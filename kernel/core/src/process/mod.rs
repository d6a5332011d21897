//! Processes: the table, the queue, the lives, and what they run in.
//!
//! A life's row in the store is the truth; the table in memory is a projection of what was committed. Whoever
//! changes a row does it inside a transaction ([`Processes::change`]), so that row, event and table cannot differ.
//!
//! *Invariant:* nothing that lasts is keyed by a Linux pid, and none is signalled but through a pidfd.

mod control;
pub(crate) mod egress;
mod governed;
mod holds;
mod ipc;
pub(crate) mod journal;
mod link;
mod living;
pub mod pty;
mod recording;
mod recovery;
mod reins;
mod revive;
pub(crate) mod rows;
pub mod sandbox;
mod scheduler;
mod spawn;
mod table;
mod terminals;
pub mod tree;
mod warm;

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{
        Arc, OnceLock, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use aether_protocol::{
    Actor, AgentId, Error, EventBody, Page, Pid, Result, UserId,
    process::{List, Process, Which},
    system::{Check, Health},
};
use parking_lot::Mutex;

use crate::{
    Config, Kernel,
    agents::page_limit,
    config::{ProcessConfig, QuotaConfig},
    state::{
        bus::Bus,
        store::{Store, StoreError, Tx},
    },
};
pub(crate) use holds::{Held, Holds};
pub(crate) use living::Living;
pub(crate) use revive::{Moment, Revival, Standing, revive_in};
pub(crate) use sandbox::HOME as SANDBOX_HOME;
use sandbox::Sandbox;
use scheduler::Scheduler;
pub(crate) use spawn::checked_name;
use table::Table;
use warm::Warm;

/// Why processes could not be taken up.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// the store failed
    #[error(transparent)]
    Store(#[from] StoreError),
    /// the program that an agent is was not found
    #[error("the program of the agents was not found at {0}")]
    NoAgentBinary(PathBuf),
    /// what an earlier kernel made ahead could not be removed
    #[error("homes that belong to nobody could not be removed: {0}")]
    Ready(std::io::Error),
}

/// The subsystem. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Processes(Arc<Inner>);

pub(crate) struct Inner {
    config: ProcessConfig,
    quota_config: QuotaConfig,
    store: Store,
    table: Table,
    scheduler: Mutex<Scheduler>,
    living: Mutex<HashMap<Pid, Arc<Living>>>,
    holds: Holds,
    sandbox: Sandbox,
    /// Shared with the task that keeps it filled.
    warm: Arc<Warm>,
    terminals: pty::Terminals,
    egress: egress::Egress,
    ipc: ipc::Ipc,
    agent_binary: PathBuf,
    state_dir: PathBuf,
    /// Set once: no life starts and no call begins any more.
    closing: AtomicBool,
    /// Where lives and terminals are attended to. Commands come in on the server's threads, each with a runtime of
    /// its own that ends before the kernel does.
    runtime: tokio::runtime::Handle,
    /// The kernel that lives call.
    kernel: OnceLock<Weak<Kernel>>,
}

impl std::ops::Deref for Processes {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl Processes {
    pub(crate) async fn start(config: &Config, store: Store, bus: Bus) -> Result<Self, ProcessError> {
        let agent_binary = config.process.agent_binary.clone().unwrap_or_else(beside_this_program);
        let agent_binary =
            agent_binary.canonicalize().map_err(|_| ProcessError::NoAgentBinary(agent_binary.clone()))?;
        let live = store.read(rows::live).await?;
        let table = Table::new(live, &bus);
        let sandbox = Sandbox::probe(sandbox::SandboxConfig::new(config.state_dir.join("run")));
        let limits = sandbox::Limits {
            memory_bytes: config.process.memory_bytes,
            processes: config.process.processes,
            open_files: config.process.open_files,
            file_bytes: config.process.file_bytes,
            cpu_secs: config.process.cpu_secs,
        };
        let warm = Warm::new(&config.state_dir, agent_binary.clone(), config.process.warm)
            .map_err(ProcessError::Ready)?;
        let terminals = terminals::start(sandbox.clone(), agent_binary.clone(), limits, store.clone());
        Ok(Self(Arc::new(Inner {
            scheduler: Mutex::new(Scheduler::new(config.process.places())),
            config: config.process.clone(),
            egress: egress::Egress::new(&config.network, store.clone()),
            ipc: ipc::Ipc::new(&config.channels),
            quota_config: config.quotas.clone(),
            store,
            table,
            living: Mutex::default(),
            holds: Holds::default(),
            sandbox,
            warm: Arc::new(warm),
            terminals,
            agent_binary,
            state_dir: config.state_dir.clone(),
            closing: AtomicBool::new(false),
            runtime: tokio::runtime::Handle::current(),
            kernel: OnceLock::new(),
        })))
    }

    /// For the boot banner: the sandbox holds as a whole, in part, or not at all.
    pub(crate) fn health(&self) -> (Health, String) {
        let checks = self.checks();
        let missing: Vec<_> = checks.iter().filter(|check| check.state != Health::Ready).collect();
        let places = self.scheduler.lock().places();
        let state = match () {
            () if missing.is_empty() => Health::Ready,
            () if missing.iter().any(|check| check.state == Health::Failed) => Health::Failed,
            () => Health::Degraded,
        };
        let names: Vec<_> = missing.iter().map(|check| check.name.as_str()).collect();
        let without =
            if names.is_empty() { String::new() } else { format!("; without {}", names.join(", ")) };
        (state, format!("{places} places{without}"))
    }

    /// What the host gives the sandbox.
    pub(crate) fn checks(&self) -> Vec<Check> {
        self.sandbox.checks()
    }

    /// The shells that the kernel keeps.
    pub(crate) fn terminals(&self) -> &pty::Terminals {
        &self.0.terminals
    }

    /// What sandboxes reach hosts through.
    pub(crate) fn egress(&self) -> &egress::Egress {
        &self.0.egress
    }

    /// How many sandboxes stand ready for new agents.
    pub(crate) fn ready(&self) -> u32 {
        self.warm.ready()
    }

    /// Running, queued, places.
    pub(crate) fn counts(&self) -> (u32, u32, u32) {
        let scheduler = self.scheduler.lock();
        (scheduler.running(), scheduler.queued(), scheduler.places())
    }

    /// Highest PID first. Live ones come from memory, ended ones from the store, a page at a time.
    pub(crate) async fn list(&self, owner: UserId, list: List) -> Result<Page<Process>> {
        let limit = page_limit(list.limit);
        let before = rows::before(list.cursor.as_ref())?;
        let items = match list.which {
            Which::Live => self.table.list(owner, before, limit),
            Which::Ended | Which::All => {
                let which = list.which;
                self.store.read(move |connection| rows::list(connection, owner, which, before, limit)).await?
            }
        };
        Ok(rows::page(items, limit))
    }

    pub(crate) async fn get(&self, owner: UserId, pid: Pid) -> Result<Process> {
        let process = match self.table.get(pid) {
            Some(process) => Some((*process).clone()),
            None => self.store.read(move |connection| rows::get(connection, pid)).await?,
        };
        process
            .filter(|process| process.owner == owner)
            .ok_or_else(|| Error::not_found("process", pid).hint("`aether ps --all` lists them"))
    }

    /// The life behind a running process, for its own calls.
    pub(crate) fn living(&self, pid: Pid) -> Result<Arc<Living>> {
        self.living.lock().get(&pid).cloned().ok_or_else(|| Error::conflict("This process has ended"))
    }

    /// Whether a life of this agent is queued or alive.
    pub(crate) fn is_live(&self, agent: AgentId) -> bool {
        self.table.any(|process| process.agent == agent)
    }

    /// Changes a process's row. `edit` sees the row as it is on disk; row and event are one transaction.
    pub(crate) async fn change<F>(&self, actor: &Actor, pid: Pid, edit: F) -> Result<Process>
    where
        F: FnOnce(&mut Process, &mut Tx<'_>) -> Result<(), StoreError> + Send + 'static,
    {
        let actor = actor.clone();
        let changed = self.store.write(move |tx| change_in(tx, &actor, pid, edit)).await?;
        if let Ok(living) = self.living(pid) {
            living.row_changed();
        }
        Ok(changed)
    }

    /// The kernel that lives call; `None` before they are taken up and once it has gone.
    pub(crate) fn kernel(&self) -> Option<Arc<Kernel>> {
        self.kernel.get().and_then(Weak::upgrade)
    }

    /// Where work goes that must not end with whoever asked for it.
    pub(crate) fn runtime(&self) -> &tokio::runtime::Handle {
        &self.runtime
    }

    /// Who must not be started or removed for a while.
    pub(crate) fn holds(&self) -> &Holds {
        &self.holds
    }

    /// Every agent with a life that is queued or alive, with its owner.
    pub(crate) fn live_agents(&self) -> Vec<(AgentId, UserId)> {
        self.table.agents()
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    pub(crate) fn home_of(&self, agent: AgentId) -> PathBuf {
        self.state_dir.join("homes/agents").join(agent.to_string())
    }

    /// Starts no more lives and lets no call begin; waits for calls in flight, at most `grace`; ends what is left.
    /// Rows stay as they are: the next start resumes them.
    pub(crate) async fn shutdown(&self, grace: Duration) {
        self.closing.store(true, Ordering::Release);
        let living: Vec<Arc<Living>> = self.living.lock().values().cloned().collect();
        // What is frozen cannot end a call.
        let moving = living.iter().filter(|life| !life.is_frozen());
        let calls = futures_util::future::join_all(moving.map(|life| life.call_ended()));
        if tokio::time::timeout(grace, calls).await.is_err() {
            tracing::warn!(
                "calls were still in flight at the end; their agents will be told that they were interrupted"
            );
        }
        self.0.warm.close().await;
        self.0.terminals.close_all().await;
        self.save_used(&living).await;
        futures_util::future::join_all(living.iter().map(|life| life.end_for_shutdown())).await;
    }
}

/// The inside of [`Processes::change`], for transactions that do more.
pub(crate) fn change_in<F>(tx: &mut Tx<'_>, actor: &Actor, pid: Pid, edit: F) -> Result<Process, StoreError>
where
    F: FnOnce(&mut Process, &mut Tx<'_>) -> Result<(), StoreError>,
{
    let before = rows::get(tx, pid)?.ok_or_else(|| Error::not_found("process", pid))?;
    let mut process = before.clone();
    edit(&mut process, tx)?;
    if process != before {
        rows::save(tx, &process)?;
        tx.emit(actor, EventBody::ProcessChanged { process: Box::new(process.clone()) })?;
    }
    Ok(process)
}

fn beside_this_program() -> PathBuf {
    let this = std::env::current_exe().unwrap_or_default();
    this.with_file_name("aether-agent")
}

#[cfg(test)]
mod tests;
