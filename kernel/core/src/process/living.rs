//! A life while it runs: what its process asks of the kernel.
//!
//! The process has one call under way at a time. Where it must stand still (a person has taken over, the budget is
//! used up, a question is open), its call simply does not return yet.
//!
//! *Invariant:* each step is in the journal before the next begins: a thought before its calls, a call's start
//! before it runs, its result before the model is told.

mod inbox;

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use aether_protocol::{
    Actor, AgentId, Code, Error, LifeId, Pid, Result,
    journal::{Step, StepBody},
    life::{Answer, Boot, Briefing, Inbox, Noted, Permit},
    link,
    mind::{Think, Thought, ToolCall},
    process::{Layer, Phase, Process, State},
};
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};

use super::{
    Processes, change_in, egress, governed,
    ipc::deliver::{self, Taken},
    journal,
    reins::Reins,
    rows::{self, Grant},
    tree::ProcessTree,
};
use crate::{
    clock,
    mind::{Mind, RoleFile, Roles},
    state::store::StoreError,
};

/// Tokens that a model can read at once, where nobody says.
const CONTEXT_TOKENS: u32 = 8192;

/// One running life.
pub(crate) struct Living {
    pub(super) processes: Processes,
    pub(crate) pid: Pid,
    pub(super) life: LifeId,
    pub(super) agent: AgentId,
    pub(super) grant: Grant,
    /// The layers that the kernel put around it.
    layers: Vec<Layer>,
    pub(crate) tree: Arc<ProcessTree>,
    /// Quotas, what was measured, and whether it goes round in circles.
    pub(super) reins: Reins,
    /// The index of the last message that the process was given.
    delivered: AtomicU32,
    /// Calls that began in this life, also before a restart: none begins twice.
    begun: Mutex<HashSet<String>>,
    /// The call that began last: its id.
    last_begun: Mutex<Option<String>>,
    /// The call that has begun and not ended, also before a restart: its id and tool.
    open_call: Mutex<Option<(String, String)>>,
    /// What the call in flight was given of the agent's queues; acknowledged with its result.
    received: Mutex<Vec<Taken>>,
    /// Whether a call is in flight.
    in_call: watch::Sender<bool>,
    /// Counts changes of the row, for those that wait for one.
    pub(super) row: watch::Sender<u64>,
    /// Ends the thought in hand.
    pub(super) interrupt: Notify,
    /// Set once: TERM was sent, and nothing begins any more.
    pub(super) terminating: watch::Sender<bool>,
    /// Why it was paused when it was stopped; it is again when it goes on.
    paused_below: Mutex<Option<String>>,
    /// Why the kernel ended it.
    cause: Mutex<Option<String>>,
}

impl Living {
    pub(super) fn new(
        processes: Processes,
        process: &Process,
        grant: Grant,
        layers: Vec<Layer>,
        tree: Arc<ProcessTree>,
    ) -> Self {
        Self {
            processes,
            pid: process.pid,
            life: process.life,
            agent: process.agent,
            reins: Reins::new(grant.governed.clone(), grant.used),
            grant,
            layers,
            tree,
            delivered: AtomicU32::new(0),
            begun: Mutex::default(),
            last_begun: Mutex::default(),
            open_call: Mutex::default(),
            received: Mutex::default(),
            in_call: watch::Sender::new(false),
            row: watch::Sender::new(0),
            interrupt: Notify::new(),
            terminating: watch::Sender::new(false),
            paused_below: Mutex::default(),
            cause: Mutex::default(),
        }
    }

    /// As whom the process calls.
    pub(super) fn actor(&self, owner: aether_protocol::UserId) -> Actor {
        Actor::Agent { agent: self.agent, life: self.life, pid: self.pid, owner }
    }

    /// Whether any host is granted to it.
    pub(super) fn has_network(&self) -> bool {
        !self.grant.network.is_empty()
    }

    /// Wakes those that wait for a change of the row.
    pub(super) fn row_changed(&self) {
        self.row.send_modify(|count| *count += 1);
    }

    /// Gives up the thought in hand.
    pub(super) fn interrupt(&self) {
        self.interrupt.notify_waiters();
    }

    /// Lets nothing begin any more: what waits to begin is told so, and the process ends as its TERM says.
    pub(super) fn terminate(&self) {
        self.terminating.send_replace(true);
    }

    pub(super) fn set_paused_below(&self, reason: Option<String>) {
        *self.paused_below.lock() = reason;
    }

    pub(super) fn paused_below(&self) -> Option<String> {
        self.paused_below.lock().clone()
    }

    pub(super) fn set_cause_of_death(&self, cause: String) {
        *self.cause.lock() = Some(cause);
    }

    pub(super) fn cause_of_death(&self) -> Option<String> {
        self.cause.lock().clone()
    }

    /// Returns when no call is in flight.
    pub(super) async fn call_ended(&self) {
        // The sender is in `self`, so this cannot fail while it is awaited.
        let _ = self.in_call.subscribe().wait_for(|in_call| !in_call).await;
    }

    /// Ends the tree; the row stays, and the next start resumes the life.
    pub(super) async fn end_for_shutdown(&self) {
        self.tree.kill_and_wait().await;
    }

    /// Its link is closed; its exit status is not known yet.
    pub(super) async fn note_zombie(&self) {
        let pid = self.pid;
        self.processes
            .store
            .write_later(move |tx| {
                change_in(tx, &Actor::Kernel, pid, |process, _| {
                    if process.state != State::Dead {
                        process.state = State::Zombie;
                    }
                    Ok(())
                })?;
                Ok(())
            })
            .await;
    }

    /// `life.boot`
    pub(crate) async fn boot(&self, actor: &Actor, boot: Boot, roles: &Roles) -> Result<Briefing> {
        if boot.version != link::VERSION {
            return Err(Error::new(
                Code::Unsupported,
                "The agent's program is of another version than the kernel",
            )
            .hint("Install both from the same build"));
        }
        let mut layers = self.layers.clone();
        layers.extend(boot.sealed);
        let host_pid = self.tree.agent_host_pid();
        let (by, pid, bound) = (actor.clone(), self.pid, self.processes.queue_bound());
        let (process, journal, governed) = self
            .processes
            .store
            .write(move |tx| {
                let process = change_in(tx, &by, pid, |process, tx| {
                    // A call that is made again tells of them itself; a question waits for a person's answer.
                    if journal::open_call(&journal::whole(tx, process.life)?).is_none() {
                        deliver::deliver_in(tx, &by, process, bound)?;
                    }
                    if !is_held(process) {
                        process.state = State::Running;
                        process.reason = None;
                    }
                    process.phase = Phase::Booting;
                    process.started_at.get_or_insert_with(clock::now);
                    process.host_pid = host_pid;
                    process.sandbox = layers;
                    Ok(())
                })?;
                let journal = journal::whole(tx, process.life)?;
                Ok((process, journal, rows::governed(tx, pid)?))
            })
            .await?;
        // People may have changed it while the sandbox was being made.
        self.set_governed(governed);
        self.remember(&journal);
        let role = roles.get(&process.role);
        Ok(Briefing {
            life: process.life,
            pid: process.pid,
            name: process.name,
            instructions: self.instructions(role),
            examples: role.map(|role| role.examples.clone()).unwrap_or_default(),
            tools: self.grant.tools.clone(),
            context_tokens: CONTEXT_TOKENS,
            max_output_tokens: role.map_or(2048, |role| role.max_output_tokens),
            journal,
        })
    }

    /// What the role is told, and which hosts can be reached, where it can run anything that would.
    fn instructions(&self, role: Option<&RoleFile>) -> String {
        let mut text = role.map(|role| role.instructions.clone()).unwrap_or_default();
        let runs_commands = self.grant.tools.iter().any(|tool| tool == "run_command");
        if self.has_network() {
            text.push_str("\n\nBy HTTP and HTTPS you can reach these hosts and no others: ");
            text.push_str(&egress::in_words(&self.grant.network));
            text.push_str(". A proxy, which the environment names, leads to them.");
        } else if runs_commands {
            text.push_str("\n\nYou have no network.");
        }
        text
    }

    fn remember(&self, journal: &[Step]) {
        let last = journal.iter().rev().find(|step| aether_protocol::life::is_message(step));
        self.delivered.store(last.map_or(0, |step| step.index), Ordering::Release);
        let begun = journal.iter().filter_map(|step| match &step.body {
            StepBody::CallStarted { call } => Some(call.id.clone()),
            _ => None,
        });
        *self.begun.lock() = begun.collect();
        *self.open_call.lock() = journal::open_call(journal);
        self.reins.replay(journal);
    }

    /// `mind.think`: waits its turn, thinks, and journals the thought before it is given out.
    pub(crate) async fn think(&self, actor: &Actor, think: Think, mind: &Mind) -> Result<Thought> {
        if let Some(tool) = think.tools.iter().find(|tool| !self.grant.tools.contains(&tool.name)) {
            return Err(Error::forbidden(format!("The tool '{}' is not granted", tool.name)));
        }
        let bytes = governed::conversation_bytes(&think);
        let (process, max_output_tokens) = self.turn_to_think(actor, bytes, think.max_output_tokens).await?;
        let think = Think { max_output_tokens, ..think };
        let started = std::time::Instant::now();
        let thought = tokio::select! {
            thought = mind.think(self.pid, &process.model, think) => thought,
            () = self.interrupt.notified() => {
                Err(Error::new(Code::Interrupted, "The thought was interrupted"))
            }
        };
        mind.words_end(self.pid);
        let mut thought = thought?;
        self.reins.thought(thought.usage.input_tokens, bytes);
        let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let (by, pid) = (actor.clone(), self.pid);
        let warn_percent = self.processes.quota_config.warn_percent;
        let (thought, notes) = self
            .processes
            .store
            .write(move |tx| {
                let mut notes = Vec::new();
                change_in(tx, &by.clone(), pid, |process, tx| {
                    process.steps_used += 1;
                    process.usage += thought.usage;
                    process.phase = Phase::Observing;
                    // Some providers number calls anew in each answer: ids are ours, unique within the life.
                    for (number, call) in thought.calls.iter_mut().enumerate() {
                        call.id = format!("call-{}-{number}", process.steps_used - 1);
                    }
                    let body = StepBody::Thought {
                        text: thought.text.clone(),
                        calls: thought.calls.clone(),
                        model: thought.model.clone(),
                        usage: thought.usage,
                        duration_ms,
                    };
                    journal::append(tx, &by, process, body)?;
                    notes = governed::warn_of_thoughts_in(tx, process, warn_percent)?;
                    Ok(())
                })?;
                Ok((thought, notes))
            })
            .await?;
        self.add_notes(notes);
        Ok(thought)
    }

    /// `life.begin_call`
    pub(crate) async fn begin_call(&self, actor: &Actor, call: ToolCall) -> Result<Permit> {
        self.not_running_away(&call).await?;
        self.not_held().await?;
        let refusal = match () {
            () if !self.grant.tools.contains(&call.tool) => {
                Some(format!("The tool '{}' is not granted", call.tool))
            }
            () if self.begun.lock().contains(&call.id) => {
                Some(format!("The call {} was made before; it is not made twice", call.id))
            }
            () => None,
        };
        let (id, tool, refused) = (call.id.clone(), call.tool.clone(), refusal.clone());
        if refused.is_none() {
            self.reins.call_begins(&call);
            self.in_call.send_replace(true);
            // Whoever shuts down closes first and looks for calls then: one of the two sees the other.
            if self.processes.is_closing() {
                self.in_call.send_replace(false);
                std::future::pending::<()>().await;
            }
        }
        let written = self
            .journal(actor, move |process| {
                process.phase = Phase::Executing;
                match refused {
                    None => StepBody::CallStarted { call },
                    Some(output) => StepBody::CallFinished {
                        call: call.id,
                        tool: call.tool,
                        ok: false,
                        output,
                        duration_ms: 0,
                    },
                }
            })
            .await;
        if written.is_err() {
            self.in_call.send_replace(false);
        }
        written?;
        if let Some(reason) = refusal {
            return Ok(Permit::Refused { reason });
        }
        *self.last_begun.lock() = Some(id.clone());
        *self.open_call.lock() = Some((id.clone(), tool));
        self.begun.lock().insert(id);
        Ok(Permit::Granted)
    }

    /// `life.ask`. A question that was out when the kernel ended is still out: it is not asked twice.
    pub(crate) async fn ask(&self, actor: &Actor, question: String) -> Result<Answer> {
        let question = super::spawn::checked_text("question", &question)?;
        let mut row = self.row.subscribe();
        let (by, pid) = (actor.clone(), self.pid);
        let asked = self
            .processes
            .store
            .write(move |tx| {
                let mut asked = 0;
                change_in(tx, &by.clone(), pid, |process, tx| {
                    process.phase = Phase::Waiting;
                    process.reason = Some(question.clone());
                    if !is_held(process) {
                        process.state = State::Sleeping;
                    }
                    asked = match journal::open_question(tx, process.life)? {
                        Some(index) => index,
                        None => {
                            journal::append(tx, &by, process, StepBody::Question { text: question })?.index
                        }
                    };
                    Ok(())
                })?;
                Ok(asked)
            })
            .await?;
        // Nothing is in flight while a person thinks: a shutdown need not wait for the answer.
        self.in_call.send_replace(false);
        loop {
            row.borrow_and_update();
            let life = self.life;
            let answered = self
                .processes
                .store
                .read(move |connection| Ok(!journal::messages(connection, life, asked)?.is_empty()))
                .await?;
            if answered {
                break;
            }
            row.changed().await.map_err(|_| Error::unavailable("The kernel is shutting down"))?;
        }
        // After a restart the answer may have been in the journal that the process was given.
        self.delivered.fetch_min(asked, Ordering::AcqRel);
        let texts: Vec<String> = self.said().await?.messages.into_iter().filter_map(message_text).collect();
        self.not_held().await?;
        self.in_call.send_replace(true);
        self.awake(actor, Phase::Executing).await?;
        Ok(Answer { text: texts.join("\n\n") })
    }

    /// `life.wait`
    pub(crate) async fn wait(&self, actor: &Actor) -> Result<Inbox> {
        let mut row = self.row.subscribe();
        self.processes
            .change(actor, self.pid, |process, _| {
                process.phase = Phase::Idle;
                if !is_held(process) {
                    process.state = State::Sleeping;
                }
                Ok(())
            })
            .await?;
        loop {
            row.borrow_and_update();
            let inbox = self.inbox(actor).await?;
            if !inbox.messages.is_empty() {
                self.not_held().await?;
                self.awake(actor, Phase::Observing).await?;
                return Ok(inbox);
            }
            row.changed().await.map_err(|_| Error::unavailable("The kernel is shutting down"))?;
        }
    }

    /// `life.note`
    pub(crate) async fn note(&self, actor: &Actor, text: String) -> Result<Noted> {
        self.journal(actor, |_| StepBody::Note { text }).await?;
        Ok(Noted {})
    }

    /// `life.complete`: ends the call of that name, if it is one, and the life's work.
    pub(crate) async fn complete(&self, actor: &Actor, summary: String) -> Result<Noted> {
        let (by, pid) = (actor.clone(), self.pid);
        let call = if *self.in_call.borrow() { self.last_begun.lock().clone() } else { None };
        self.processes
            .store
            .write(move |tx| {
                change_in(tx, &by.clone(), pid, |process, tx| {
                    process.phase = Phase::Completed;
                    process.reason = None;
                    if let Some(call) = call {
                        let (tool, output) = ("complete".to_owned(), summary.clone());
                        let body = StepBody::CallFinished { call, tool, ok: true, output, duration_ms: 0 };
                        journal::append(tx, &by, process, body)?;
                    }
                    journal::append(tx, &by, process, StepBody::Completed { summary })?;
                    Ok(())
                })?;
                Ok(())
            })
            .await?;
        self.in_call.send_replace(false);
        Ok(Noted {})
    }

    /// `life.fail`
    pub(crate) async fn fail(&self, actor: &Actor, reason: String) -> Result<Noted> {
        self.journal(actor, |process| {
            process.phase = Phase::Failed;
            process.reason = Some(reason.clone());
            StepBody::Failed { reason }
        })
        .await?;
        Ok(Noted {})
    }

    /// `life.phase`
    pub(crate) async fn set_phase(&self, actor: &Actor, phase: Phase) -> Result<Noted> {
        if matches!(phase, Phase::Completed | Phase::Failed) {
            return Err(Error::invalid("This phase has a command of its own"));
        }
        self.awake(actor, phase).await?;
        Ok(Noted {})
    }

    /// Writes a step and the change of the row that goes with it.
    pub(super) async fn journal<F>(&self, actor: &Actor, step: F) -> Result<Step>
    where
        F: FnOnce(&mut Process) -> StepBody + Send + 'static,
    {
        let (by, pid) = (actor.clone(), self.pid);
        Ok(self
            .processes
            .store
            .write(move |tx| {
                let mut written = None;
                change_in(tx, &by.clone(), pid, |process, tx| {
                    let body = step(process);
                    written = Some(journal::append(tx, &by, process, body)?);
                    Ok(())
                })?;
                written.ok_or_else(|| StoreError::Refused(Error::internal("The step was not written")))
            })
            .await?)
    }

    pub(super) async fn awake(&self, actor: &Actor, phase: Phase) -> Result<()> {
        self.processes
            .change(actor, self.pid, move |process, _| {
                process.phase = phase;
                if !is_held(process) {
                    process.state = State::Running;
                    process.reason = None;
                }
                Ok(())
            })
            .await?;
        Ok(())
    }

    /// Returns when nobody holds the process. At shutdown it never returns: the process is about to end, and its
    /// journal says where it stood. After a TERM it is an error: nothing begins any more.
    pub(super) async fn not_held(&self) -> Result<()> {
        let mut row = self.row.subscribe();
        if *self.terminating.borrow() {
            return Err(to_end());
        }
        self.changed(&mut row, |process| !is_held(process)).await?;
        if self.processes.is_closing() {
            std::future::pending::<()>().await;
        }
        Ok(())
    }

    /// Returns when the row is as wanted, or the process is to end.
    pub(super) async fn changed(
        &self,
        row: &mut watch::Receiver<u64>,
        wanted: impl Fn(&Process) -> bool,
    ) -> Result<()> {
        let mut terminating = self.terminating.subscribe();
        loop {
            row.borrow_and_update();
            let process = self
                .processes
                .table
                .get(self.pid)
                .ok_or_else(|| Error::conflict("This process has ended"))?;
            if wanted(&process) {
                return Ok(());
            }
            tokio::select! {
                changed = row.changed() => {
                    changed.map_err(|_| Error::unavailable("The kernel is shutting down"))?;
                }
                _ = terminating.wait_for(|terminating| *terminating) => return Err(to_end()),
            }
        }
    }
}

pub(super) fn to_end() -> Error {
    Error::new(Code::Interrupted, "The process is to end")
}

/// Whether a person holds it: taken over, or stopped by a signal.
pub(super) fn is_held(process: &Process) -> bool {
    matches!(process.state, State::Paused | State::Stopped)
}

fn message_text(step: Step) -> Option<String> {
    match step.body {
        StepBody::Message { text, .. } => Some(text),
        _ => None,
    }
}
