//! From a command to a process: identity, row, queue, sandbox, link.

use std::sync::Arc;

use aether_protocol::{
    Actor, AgentId, Error, LifeId, Pid, Result, UserId,
    agent::{Agent, Removed},
    journal::StepBody,
    network::HostGrant,
    process::{Exit, Limits, Phase, Process, Spawn, State},
    quota::Quotas,
};

use super::{
    Living, Processes, change_in, egress, governed, journal, link,
    rows::{self, Grant},
    sandbox::{self, SpawnSpec},
    warm,
};
use crate::{
    Kernel, agents, clock,
    govern::governor::quota::{self, Governed, Used},
    mind::RoleFile,
    state::store::{StoreError, Tx},
};

/// Characters of a goal or a message, at most.
pub(super) const MAX_TEXT_CHARS: usize = 8_000;
/// Thoughts that one budget may hold, at most.
pub(super) const MAX_STEPS: u32 = 10_000;
/// The folders of a new home (FEATURES F1).
const HOME_FOLDERS: &[&str] = &["Desktop", "Documents", "Downloads", "Projects", ".config"];

impl Kernel {
    /// Deploys an agent. It runs at once where there is a place, and waits in the queue otherwise.
    pub(crate) async fn spawn(&self, actor: &Actor, owner: UserId, spawn: Spawn) -> Result<Process> {
        if self.processes.is_closing() {
            return Err(Error::unavailable("The kernel is shutting down"));
        }
        self.processes.refuse_unsafe_host()?;
        let goal = checked_text("goal", &spawn.goal)?;
        let priority = checked_priority(spawn.priority.unwrap_or(3))?;
        let (known, role) = self.identity_of(owner, &spawn).await?;
        let limits = checked_limits(*spawn.limits)?;
        let asked = quota::checked(spawn.quotas.map(|quotas| *quotas).unwrap_or_default())?;
        let quotas = quota::for_life(asked, role.quotas, &self.processes.quota_config, &limits);
        let grant = Grant {
            tools: granted(&role, spawn.tools)?,
            limits,
            network: reachable(&role, spawn.network)?,
            governed: Governed { quotas, ..Governed::default() },
            used: Used::default(),
        };
        let model = self.mind.choose(spawn.model.or(role.model)).await?;
        let steps_limit = asked
            .steps
            .or(grant.limits.max_steps)
            .or(role.quotas.steps)
            .unwrap_or(self.processes.config.max_steps);
        let from = actor.to_string();
        let (wanted_name, actor, holds) = (spawn.name, actor.clone(), self.processes.holds.clone());

        let process = self
            .store
            .write(move |tx| {
                let agent = match known {
                    // Asked again where nobody can come in between.
                    Some(agent) if rows::is_live(tx, agent.id)? => return Err(runs_already(&agent).into()),
                    Some(agent) => {
                        holds.check(agent.id)?;
                        agent
                    }
                    None => new_agent(tx, owner, &role.id, wanted_name)?,
                };
                let life = LifeId(clock::new_id());
                let pid = rows::insert(tx, life, agent.id, &grant)?;
                let process = Process {
                    pid,
                    agent: agent.id,
                    life,
                    name: agent.name,
                    role: role.id,
                    goal: goal.clone(),
                    owner,
                    model,
                    priority,
                    state: State::Queued,
                    phase: Phase::Booting,
                    reason: None,
                    ending: None,
                    host_pid: None,
                    created_at: clock::now(),
                    started_at: None,
                    ended_at: None,
                    steps_used: 0,
                    steps_limit,
                    usage: aether_protocol::mind::Usage::default(),
                    restarts: 0,
                    exit: None,
                    sandbox: Vec::new(),
                };
                rows::save(tx, &process)?;
                let row = Box::new(process.clone());
                tx.emit(&actor, aether_protocol::EventBody::ProcessChanged { process: row })?;
                journal::append(tx, &actor, &process, StepBody::Message { from, text: goal })?;
                Ok(process)
            })
            .await?;
        self.processes.scheduler.lock().enqueue(process.pid, priority);
        self.processes.pump();
        Ok(process)
    }

    /// The agent that is to live again, or `None` for a new one; and its role.
    async fn identity_of(&self, owner: UserId, spawn: &Spawn) -> Result<(Option<Agent>, RoleFile)> {
        let known = match spawn.agent {
            Some(id) => Some(self.agents.get(owner, id).await?),
            None => None,
        };
        if let Some(agent) = &known {
            if self.processes.is_live(agent.id) {
                return Err(runs_already(agent));
            }
            if spawn.name.as_ref().is_some_and(|name| *name != agent.name) {
                return Err(Error::invalid("An agent that exists keeps its name")
                    .hint(format!("Leave the name out, or use {}", agent.name)));
            }
        } else if let Some(name) = &spawn.name {
            checked_name(name)?;
        }
        let role = match (&spawn.role, &known) {
            (Some(role), _) => role.as_str(),
            (None, Some(agent)) => agent.role.as_str(),
            (None, None) => {
                return Err(Error::invalid("A new agent needs a role").hint("`aether roles` lists them"));
            }
        };
        let role = self.mind.roles().get(role).cloned();
        let role = role.ok_or_else(|| {
            Error::not_found("role", spawn.role.as_deref().unwrap_or_default())
                .hint("`aether roles` lists them")
        })?;
        Ok((known, role))
    }

    /// Removes an agent that does not run, with its home.
    pub(crate) async fn remove_agent(&self, actor: &Actor, owner: UserId, id: AgentId) -> Result<Removed> {
        let agent = self.agents.get(owner, id).await?;
        if self.processes.is_live(id) {
            return Err(is_running(&agent.name));
        }
        let home = self.processes.home_of(id);
        let (name, by) = (agent.name.clone(), actor.clone());
        let _held = self.processes.holds.take(id, "it is being removed")?;
        self.store
            .write(move |tx| {
                if rows::is_live(tx, id)? {
                    return Err(is_running(&name).into());
                }
                agents::delete(tx, id)?;
                tx.emit(&by, aether_protocol::EventBody::AgentRemoved { agent: id, name })?;
                Ok(())
            })
            .await?;
        // The identity is gone first: a crash here leaves a folder that nothing refers to, never an agent whose
        // home is half gone.
        let home_bytes = tokio::task::spawn_blocking(move || crate::files::remove_home(&home))
            .await
            .map_err(|error| Error::internal(format!("The home could not be removed: {error}")))??;
        Ok(Removed { name: agent.name, home_bytes })
    }
}

impl Processes {
    /// Gives free places to those who wait.
    pub(crate) fn pump(&self) {
        if self.is_closing() {
            return;
        }
        loop {
            let next = self.scheduler.lock().next();
            let Some(pid) = next else { return };
            let processes = self.clone();
            self.runtime.spawn(async move { processes.live(pid).await });
        }
    }

    /// One life from place to end.
    async fn live(self, pid: Pid) {
        let outcome = self.run(pid).await;
        if !self.is_closing() {
            if let Err(error) = self.bury(pid, outcome).await {
                tracing::error!(%pid, %error, "the end of a process could not be written down");
            }
            self.living.lock().remove(&pid);
            self.scheduler.lock().release(pid);
            self.pump();
        }
    }

    /// Makes the sandbox, serves the link, returns how the process ended.
    async fn run(&self, pid: Pid) -> Result<Exit, Error> {
        let (process, grant) = self
            .store
            .read(move |connection| {
                let process = rows::get(connection, pid)?.ok_or_else(|| Error::not_found("process", pid))?;
                Ok((process, rows::grant(connection, pid)?))
            })
            .await?;
        self.store
            .write_later(move |tx| {
                change_in(tx, &Actor::Kernel, pid, |process, _| {
                    if process.state == State::Queued {
                        process.state = State::Created;
                    }
                    Ok(())
                })?;
                Ok(())
            })
            .await;
        let kernel = self.kernel().ok_or_else(|| Error::unavailable("The kernel is shutting down"))?;
        // Whoever holds the agent works on its home; it began before the row said that this was made.
        self.holds.free(process.agent).await;
        let spawned = self.sandbox_of(&process, &grant).await?;
        let mut layers = spawned.layers;
        layers.push(governed::layer(self.sandbox.has_cgroups()));
        let living = Arc::new(Living::new(self.clone(), &process, grant, layers, Arc::new(spawned.tree)));
        self.living.lock().insert(pid, Arc::clone(&living));
        // Whoever told it to end before this line did not find it; whoever does from now on will.
        if self.table.get(pid).is_some_and(|process| process.ending.is_some()) {
            return Ok(living.tree.kill_and_wait().await);
        }
        let actor = living.actor(process.owner);
        let network = spawned.handover.map(|door| self.egress.open(pid, actor, &living.grant.network, door));
        let exit = link::serve(&kernel, &living, spawned.link).await;
        if let Some(network) = network {
            network.close().await;
        }
        self.explain_end(&living).await;
        Ok(exit)
    }

    /// One that stands ready, where it fits; else a new one.
    async fn sandbox_of(&self, process: &Process, grant: &Grant) -> Result<sandbox::Spawned> {
        let home = self.home_of(process.agent);
        let limits = self.sandbox_limits(&grant.limits, &grant.governed.quotas);
        let is_new = !home.try_exists().unwrap_or(true);
        if is_new
            && grant.network.is_empty()
            && let Some(ready) = self.warm.take(&home, limits)
        {
            if process.priority != warm::PRIORITY
                && let Err(error) = ready.tree.set_priority(process.priority)
            {
                tracing::warn!(pid = %process.pid, %error, "the priority could not be set");
            }
            return Ok(ready);
        }
        make_home(&home).map_err(|error| Error::internal(format!("The home could not be made: {error}")))?;
        let spec = SpawnSpec {
            group: format!("agent-{}", process.pid),
            hostname: warm::HOSTNAME.to_owned(),
            home,
            agent_binary: self.agent_binary.clone(),
            limits,
            priority: process.priority,
            network: (!grant.network.is_empty()).then(|| egress::in_words(&grant.network)),
        };
        self.sandbox.spawn(&spec).await.map_err(|error| {
            Error::unavailable(format!("The sandbox could not be made: {error}"))
                .hint("`aether doctor` says what this host lacks")
        })
    }

    /// Writes down how a process ended.
    async fn bury(&self, pid: Pid, outcome: Result<Exit, Error>) -> Result<()> {
        let living = self.living(pid).ok();
        let cause = living.as_ref().and_then(|living| living.cause_of_death());
        let used = living.as_ref().map(|living| living.used());
        let last_words = living.map(|living| living.tree.last_words()).unwrap_or_default();
        self.change(&Actor::Kernel, pid, move |process, tx| {
            let (exit, reason) = match outcome {
                Ok(exit) => (exit, cause.or_else(|| unexpected(exit, &last_words))),
                Err(error) => (Exit::NeverRan, Some(error.message)),
            };
            if let Some(used) = used {
                rows::save_used(tx, pid, &used)?;
            }
            close(tx, &Actor::Kernel, process, exit, reason)
        })
        .await?;
        Ok(())
    }

    /// Ends a process that never left the queue.
    pub(super) async fn bury_queued(&self, actor: &Actor, pid: Pid) -> Result<Process> {
        let ending = format!("Taken from the queue by {actor}");
        let actor = actor.clone();
        Ok(self
            .store
            .write(move |tx| {
                change_in(tx, &actor.clone(), pid, |process, tx| {
                    process.ending = Some(ending);
                    close(tx, &actor, process, Exit::NeverRan, None)
                })
            })
            .await?)
    }

    fn refuse_unsafe_host(&self) -> Result<()> {
        let checks = self.sandbox.checks();
        match checks.iter().find(|check| check.state == aether_protocol::system::Health::Failed) {
            Some(check) => Err(Error::new(
                aether_protocol::Code::Unsupported,
                format!("This host cannot hold an agent safely: {}", check.detail),
            )
            .hint(check.remedy.clone().unwrap_or_else(|| "`aether doctor` says more".to_owned()))),
            None => Ok(()),
        }
    }

    /// What Linux refuses each process: what was asked for, and nothing beyond the fence of the quotas.
    pub(super) fn sandbox_limits(&self, asked: &Limits, quotas: &Quotas) -> sandbox::Limits {
        let fenced = |own: u64, quota: Option<u64>| quota.map_or(own, |quota| own.min(quota::fence(quota)));
        let open_files = asked.open_files.unwrap_or(self.config.open_files);
        let processes = asked.processes.unwrap_or(self.config.processes);
        sandbox::Limits {
            memory_bytes: fenced(asked.memory_bytes.unwrap_or(self.config.memory_bytes), quotas.memory_bytes),
            processes: quotas
                .processes
                .map_or(processes, |quota| processes.min(quota::fence_processes(quota))),
            open_files: u32::try_from(fenced(open_files.into(), quotas.open_files.map(u64::from)))
                .unwrap_or(open_files),
            file_bytes: fenced(asked.file_bytes.unwrap_or(self.config.file_bytes), quotas.disk_bytes),
            cpu_secs: asked.cpu_secs.unwrap_or(self.config.cpu_secs),
        }
    }
}

/// The end of a life, in its row and its journal: somebody wanted it, or it failed for `failure`, unless the agent
/// has said itself how it went.
pub(super) fn close(
    tx: &mut Tx<'_>,
    actor: &Actor,
    process: &mut Process,
    exit: Exit,
    failure: Option<String>,
) -> Result<(), StoreError> {
    process.state = State::Dead;
    process.exit = Some(exit);
    process.ended_at = Some(clock::now());
    process.host_pid = None;
    if matches!(process.phase, Phase::Completed | Phase::Failed) {
        return Ok(());
    }
    let body = if let Some(reason) = process.ending.clone() {
        process.reason = Some(reason.clone());
        StepBody::Ended { reason }
    } else {
        let reason = failure.unwrap_or_else(|| "It ended without saying that it was done".to_owned());
        process.phase = Phase::Failed;
        process.reason = Some(reason.clone());
        StepBody::Failed { reason }
    };
    journal::append(tx, actor, process, body)?;
    Ok(())
}

/// What was asked for, if it is within bounds.
pub(super) fn checked_limits(asked: Limits) -> Result<Limits> {
    let bad =
        |what: &str, range: &str| Error::invalid(format!("{what} is out of bounds")).hint(range.to_owned());
    if asked.max_steps.is_some_and(|steps| !(1..=MAX_STEPS).contains(&steps)) {
        return Err(bad("limits.max_steps", "1 to 10,000"));
    }
    if asked.memory_bytes.is_some_and(|bytes| bytes < 64 << 20) {
        return Err(bad("limits.memory_bytes", "At least 64 MiB"));
    }
    if asked.processes.is_some_and(|count| !(8..=4096).contains(&count)) {
        return Err(bad("limits.processes", "8 to 4,096"));
    }
    if asked.open_files.is_some_and(|count| !(32..=65_536).contains(&count)) {
        return Err(bad("limits.open_files", "32 to 65,536"));
    }
    if asked.cpu_secs.is_some_and(|secs| secs == 0) {
        return Err(bad("limits.cpu_secs", "At least 1"));
    }
    Ok(asked)
}

fn runs_already(agent: &Agent) -> Error {
    Error::conflict(format!("{} is running already", agent.name)).hint("Say something to it, or end it first")
}

fn is_running(name: &str) -> Error {
    Error::conflict(format!("{name} is running")).hint("End it first")
}

/// What to say of an end that nobody announced. `last_words` is what the process wrote to its standard error.
fn unexpected(exit: Exit, last_words: &str) -> Option<String> {
    let mut reason = match exit {
        Exit::Status { code } => format!("Its process ended with status {code}"),
        Exit::Signal { number } => format!("Its process was ended by signal {number}"),
        Exit::NeverRan => return None,
    };
    if let Some(line) = last_words.lines().rev().find(|line| !line.trim().is_empty()) {
        reason.push_str(": ");
        reason.extend(line.trim().chars().take(300));
    }
    Some(reason)
}

fn new_agent(
    tx: &rusqlite::Connection,
    owner: UserId,
    role: &str,
    wanted: Option<String>,
) -> Result<Agent, StoreError> {
    let name = match wanted {
        Some(name) => name.trim().to_owned(),
        None => free_name(tx, owner, role)?,
    };
    let agent = Agent {
        id: AgentId(clock::new_id()),
        name,
        role: role.to_owned(),
        owner,
        created_at: clock::now(),
        last_pid: None,
        lives: 0,
    };
    agents::insert(tx, &agent)?;
    Ok(agent)
}

/// The role with the next number that no agent of the owner has.
fn free_name(tx: &rusqlite::Connection, owner: UserId, role: &str) -> Result<String, StoreError> {
    let mut number = agents::count_of_role(tx, owner, role)? + 1;
    loop {
        let name = format!("{role}-{number}");
        if !agents::name_is_taken(tx, owner, &name)? {
            return Ok(name);
        }
        number += 1;
    }
}

pub(super) fn granted(role: &RoleFile, asked: Option<Vec<String>>) -> Result<Vec<String>> {
    let Some(asked) = asked else { return Ok(role.tools.clone()) };
    if let Some(more) = asked.iter().find(|tool| !role.tools.contains(tool)) {
        return Err(Error::forbidden(format!("The role {} does not grant the tool '{more}'", role.id))
            .hint(format!("It grants: {}", role.tools.join(", "))));
    }
    Ok(role.tools.iter().filter(|tool| asked.contains(tool)).cloned().collect())
}

/// The hosts that were asked for, or else the role's.
fn reachable(role: &RoleFile, asked: Option<Vec<HostGrant>>) -> Result<Vec<HostGrant>> {
    let asked = asked.unwrap_or_else(|| role.network.clone());
    egress::checked(asked).map_err(|what| {
        Error::invalid(what).hint("A host is a name, *. and a name, or an address; at most 32 of them")
    })
}

/// Trimmed; 1 to 8,000 characters, no NUL.
pub(super) fn checked_text(what: &str, text: &str) -> Result<String> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Error::invalid(format!("The {what} is empty")).hint("1 to 8,000 characters"));
    }
    if text.contains('\0') || text.chars().count() > MAX_TEXT_CHARS {
        return Err(
            Error::invalid(format!("The {what} cannot be used")).hint("At most 8,000 characters, no NUL")
        );
    }
    Ok(text.to_owned())
}

pub(super) fn checked_priority(priority: u8) -> Result<u8> {
    if (1..=5).contains(&priority) {
        Ok(priority)
    } else {
        Err(Error::invalid("The priority is out of bounds").hint("1 (highest) to 5"))
    }
}

pub(crate) fn checked_name(name: &str) -> Result<()> {
    let name = name.trim();
    let fits = (1..=48).contains(&name.chars().count())
        && name.chars().all(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_' | '.'))
        && name.parse::<u64>().is_err();
    if fits {
        Ok(())
    } else {
        Err(Error::invalid("This name cannot be used")
            .hint("1 to 48 letters, digits, spaces, '-', '_' or '.', and not a number alone"))
    }
}

/// A home with the folders that every home has.
pub(super) fn make_home(home: &std::path::Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    let mut make = std::fs::DirBuilder::new();
    make.recursive(true).mode(0o700);
    make.create(home)?;
    for folder in HOME_FOLDERS {
        // An agent may have put something else there; that is its own business.
        match make.create(home.join(folder)) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
