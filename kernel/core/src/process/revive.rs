//! A life as it is at one moment, and a life that goes on from such a moment.

use std::sync::Arc;

use aether_protocol::{
    Actor, AgentId, Error, EventBody, LifeId, Result, UserId,
    agent::Agent,
    journal::{Step, StepBody},
    mind::ModelName,
    network::HostGrant,
    process::{Limits, Phase, Process, State},
    quota::Quotas,
};
use rusqlite::Connection;

use super::{
    Processes, journal,
    rows::{self, Grant},
    spawn,
    tree::ProcessTree,
};
use crate::{
    agents, clock,
    govern::governor::quota::{self, Governed, Used},
    mind::RoleFile,
    state::store::{StoreError, Tx},
};

/// An agent with its newest life, as they were at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Moment {
    pub(crate) agent: Agent,
    pub(crate) process: Process,
    pub(crate) tools: Vec<String>,
    pub(crate) limits: Limits,
    pub(crate) network: Vec<HostGrant>,
    pub(crate) journal: Vec<Step>,
}

/// What stands behind an agent's newest life. Nothing can start while the agent is held.
pub(crate) enum Standing {
    /// Nothing runs.
    Still,
    /// These processes.
    Runs(Arc<ProcessTree>),
}

/// A life to be made from a moment.
#[derive(Clone, Debug)]
pub(crate) struct Revival {
    /// Whose it is. Made anew where there is no agent of this id.
    pub(crate) agent: Agent,
    pub(crate) moment: Moment,
    /// What the new life may use: as any new life in its role.
    pub(crate) quotas: Quotas,
    pub(crate) model: ModelName,
    /// What the journal says of it.
    pub(crate) note: String,
}

impl Processes {
    /// What stands behind the newest life of an agent that is held. Refuses while its sandbox is being made.
    pub(crate) async fn standing(&self, agent: AgentId) -> Result<Standing> {
        // Through the writer: what a starting life has queued before it looked at the holds is seen.
        let newest = self.store.write(move |tx| newest(tx, agent)).await?;
        if matches!(newest.state, State::Queued | State::Dead) {
            return Ok(Standing::Still);
        }
        match self.living(newest.pid) {
            Ok(living) => Ok(Standing::Runs(Arc::clone(&living.tree))),
            Err(_) if newest.state == State::Zombie => Ok(Standing::Still),
            Err(_) => {
                Err(Error::conflict(format!("{} is starting", newest.name)).hint("Try again in a moment"))
            }
        }
    }

    /// An agent with its newest life, all of it read at once.
    pub(crate) async fn moment(&self, owner: UserId, agent: AgentId) -> Result<Moment> {
        Ok(self
            .store
            .read(move |connection| {
                let connection = connection.unchecked_transaction()?;
                let found = agents::find(&connection, owner, agent)?;
                let found = found.ok_or_else(|| Error::not_found("agent", agent))?;
                let process = newest(&connection, agent)?;
                let Grant { tools, limits, network, .. } = rows::grant(&connection, process.pid)?;
                let journal = journal::whole(&connection, process.life)?;
                Ok(Moment { agent: found, process, tools, limits, network, journal })
            })
            .await?)
    }

    /// What a new life in this role may use, where nobody asks for more.
    pub(crate) fn quotas_of(&self, role: &RoleFile, limits: &Limits) -> Quotas {
        quota::for_life(Quotas::default(), role.quotas, &self.quota_config, limits)
    }

    /// Lets a life that was revived wait for a place; one that has ended already stays as it is.
    pub(crate) fn take_up(&self, process: &Process) {
        if process.state != State::Dead {
            self.scheduler.lock().enqueue(process.pid, process.priority);
            self.pump();
        }
    }
}

impl Moment {
    /// What of it may be granted here and now: tools and hosts that its role grants still, limits within bounds.
    pub(crate) fn narrow(&mut self, role: &RoleFile) -> Result<()> {
        self.tools.retain(|tool| role.tools.contains(tool));
        self.network.retain(|host| role.network.contains(host));
        self.limits = spawn::checked_limits(std::mem::take(&mut self.limits))?;
        let process = &mut self.process;
        process.goal = spawn::checked_text("goal", &process.goal)?;
        process.priority = spawn::checked_priority(process.priority)?;
        process.steps_limit = process.steps_limit.min(spawn::MAX_STEPS);
        Ok(())
    }

    /// Whether its life had ended, or had said that it was about to.
    pub(crate) fn has_ended(&self) -> bool {
        matches!(self.process.state, State::Zombie | State::Dead)
            || matches!(self.process.phase, Phase::Completed | Phase::Failed)
    }
}

/// Makes the life: identity where there is none, row, journal, events. An agent with a life is refused.
pub(crate) fn revive_in(
    tx: &mut Tx<'_>,
    actor: &Actor,
    owner: UserId,
    revival: Revival,
) -> Result<Process, StoreError> {
    let Revival { agent, moment, quotas, model, note } = revival;
    if agents::find(tx, owner, agent.id)?.is_none() {
        agents::insert(tx, &agent)?;
    }
    if rows::is_live(tx, agent.id)? {
        return Err(Error::conflict(format!("{} is running", agent.name)).hint("End it first").into());
    }
    let ended = moment.has_ended();
    let life = LifeId(clock::new_id());
    let grant = Grant {
        tools: moment.tools,
        limits: moment.limits,
        network: moment.network,
        governed: Governed { quotas, ..Governed::default() },
        used: Used::default(),
    };
    let pid = rows::insert(tx, life, agent.id, &grant)?;
    let was = moment.process;
    let (state, reason) = match was.state {
        _ if ended => (State::Dead, was.reason),
        State::Paused | State::Stopped => {
            (State::Paused, Some("Was held when the snapshot was taken".to_owned()))
        }
        _ => (State::Queued, None),
    };
    let process = Process {
        pid,
        agent: agent.id,
        life,
        name: agent.name,
        role: agent.role,
        owner,
        model,
        state,
        phase: if ended { was.phase } else { Phase::Booting },
        reason,
        ending: was.ending.filter(|_| ended),
        host_pid: None,
        created_at: clock::now(),
        started_at: was.started_at.filter(|_| ended),
        ended_at: was.ended_at.filter(|_| ended).or_else(|| ended.then(clock::now)),
        restarts: 0,
        exit: was.exit.filter(|_| ended),
        sandbox: Vec::new(),
        ..was
    };
    rows::save(tx, &process)?;
    tx.emit(actor, EventBody::ProcessChanged { process: Box::new(process.clone()) })?;
    for step in &moment.journal {
        journal::put(tx, life, step)?;
    }
    // As after a crash: what was in flight may or may not have taken effect. A question is asked again.
    let asks = journal::open_question(tx, life)?.is_some();
    if let Some((call, tool)) = journal::open_call(&moment.journal).filter(|_| !asks && !ended) {
        journal::append(tx, actor, &process, StepBody::CallInterrupted { call, tool })?;
    }
    journal::append(tx, actor, &process, StepBody::Note { text: note })?;
    Ok(process)
}

fn newest(connection: &Connection, agent: AgentId) -> Result<Process, StoreError> {
    let newest = rows::of_agent(connection, agent, aether_protocol::Pid(u64::MAX), 1)?.pop();
    Ok(newest.ok_or_else(|| Error::not_found("life of agent", agent))?)
}
