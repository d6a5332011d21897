//! What people do to processes: signals, take-over, budget, priority, messages.

use std::{sync::Arc, time::Duration};

use aether_protocol::{
    Actor, Code, Error, Pid, Result, UserId,
    journal::StepBody,
    process::{Phase, Process, SignalName, State},
    quota::Cause,
};

use super::{Living, Processes, change_in, governed::release_in, journal, spawn, tree::TreeError};
use crate::{
    Kernel,
    govern::governor::quota::{self, Governed},
    state::store::{StoreError, Tx},
};

/// How long the reply to a signal that ends a process waits for the end to be on disk.
const END_WAIT: Duration = Duration::from_secs(5);

impl Kernel {
    /// Sends a signal to the whole tree of a process.
    pub(crate) async fn signal(
        &self,
        actor: &Actor,
        owner: UserId,
        pid: Pid,
        signal: SignalName,
    ) -> Result<Process> {
        self.processes.signal(actor, owner, pid, signal).await
    }
}

impl Processes {
    /// The person on whose behalf a process runs.
    pub(super) fn table_owner(&self, pid: Pid) -> Option<UserId> {
        self.table.get(pid).map(|process| process.owner)
    }

    async fn signal(&self, actor: &Actor, owner: UserId, pid: Pid, signal: SignalName) -> Result<Process> {
        self.live_row(owner, pid).await?;
        let ends = matches!(signal, SignalName::Kill | SignalName::Term);
        if ends && self.scheduler.lock().dequeue(pid) {
            return self.bury_queued(actor, pid).await;
        }
        if ends {
            // On disk before it takes effect: a kernel that crashes now ends it at its next start.
            let ending = format!("Ended by {actor} with {}", word(signal));
            self.change_live(actor, pid, move |process| {
                process.ending = Some(ending);
                Ok(())
            })
            .await?;
        }
        // Where its sandbox is being made, it ends as soon as that stands.
        let Ok(living) = self.living(pid) else {
            return if ends {
                self.ended(owner, pid).await
            } else {
                Err(Error::conflict("This process has not started yet")
                    .hint("KILL and TERM end it; other signals can be sent when it runs"))
            };
        };
        // What the governor froze stays frozen until its quota is raised: it can end, and that is all.
        let frozen = living.is_frozen();
        let sent_as = if frozen && signal == SignalName::Term { SignalName::Kill } else { signal };
        if frozen && signal == SignalName::Cont {
            return self.continued(actor, pid, &living).await;
        }
        let at_once = match send(&living, sent_as).await {
            // Nothing has begun that could be finished first.
            Err(TreeError::Starting) if signal == SignalName::Term => {
                send(&living, SignalName::Kill).await.map(|()| true)
            }
            sent => sent.map(|()| sent_as == SignalName::Kill),
        };
        let at_once = match at_once {
            Ok(at_once) => at_once,
            Err(error) => {
                if ends {
                    self.change_live(actor, pid, |process| {
                        process.ending = None;
                        Ok(())
                    })
                    .await?;
                }
                return Err(could_not("The signal could not be sent", &error));
            }
        };
        match signal {
            SignalName::Term | SignalName::Kill if at_once => self.ended(owner, pid).await,
            SignalName::Term => {
                living.terminate();
                self.get(owner, pid).await
            }
            SignalName::Int => {
                living.interrupt();
                self.get(owner, pid).await
            }
            SignalName::Stop => self.stopped(actor, pid, &living).await,
            SignalName::Cont => self.continued(actor, pid, &living).await,
            SignalName::Kill | SignalName::Usr1 | SignalName::Usr2 => self.get(owner, pid).await,
        }
    }

    /// Its end is on disk when this returns, so that no crash of the kernel can bring it back.
    async fn ended(&self, owner: UserId, pid: Pid) -> Result<Process> {
        if tokio::time::timeout(END_WAIT, self.table.gone(pid)).await.is_err() {
            tracing::warn!(%pid, "a process was told to end and has not yet");
        }
        self.get(owner, pid).await
    }

    async fn stopped(&self, actor: &Actor, pid: Pid, living: &Arc<Living>) -> Result<Process> {
        let (by, living) = (actor.to_string(), Arc::clone(living));
        self.govern_live(actor, pid, move |process, governed, _| {
            // A person's word stands above what the machine is short of.
            if matches!(governed.hold, Some(Cause::Pressure { .. })) {
                governed.hold = None;
                governed.reason_before = None;
            }
            match process.state {
                State::Stopped => {}
                State::Paused => living.set_paused_below(process.reason.clone()),
                _ => living.set_paused_below(None),
            }
            process.state = State::Stopped;
            // A question or a used-up budget is still what it waits for.
            if process.phase != Phase::Waiting || process.reason.is_none() {
                process.reason = Some(format!("Stopped by {by}"));
            }
            Ok(())
        })
        .await
    }

    async fn continued(&self, actor: &Actor, pid: Pid, living: &Living) -> Result<Process> {
        let paused = living.paused_below();
        living.exempt();
        self.govern_live(actor, pid, move |process, governed, _| {
            if matches!(governed.hold, Some(Cause::Pressure { .. })) {
                release_in(process, governed);
            } else if process.state == State::Stopped {
                process.state = if paused.is_some() { State::Paused } else { state_of(process.phase) };
                if process.phase != Phase::Waiting {
                    process.reason = paused;
                }
            }
            Ok(())
        })
        .await
    }

    /// A person takes over. The step in hand ends; the next does not begin.
    pub(crate) async fn pause(&self, actor: &Actor, owner: UserId, pid: Pid) -> Result<Process> {
        let process = self.live_row(owner, pid).await?;
        if matches!(process.state, State::Queued | State::Created) {
            return Err(Error::conflict("This process has not started yet").hint("Try again when it runs"));
        }
        let by = actor.to_string();
        self.change_live(actor, pid, move |process| {
            if process.state == State::Stopped {
                return Err(Error::conflict("This process is stopped").hint("Send CONT first"));
            }
            if process.state != State::Paused {
                process.state = State::Paused;
                // A question or a used-up budget is still what it waits for.
                if process.reason.is_none() {
                    process.reason = Some(format!("Taken over by {by}"));
                }
            }
            Ok(())
        })
        .await
    }

    /// The agent goes on.
    pub(crate) async fn resume(&self, actor: &Actor, owner: UserId, pid: Pid) -> Result<Process> {
        self.live_row(owner, pid).await?;
        self.govern_live(actor, pid, |process, governed, tx| {
            if process.state != State::Paused {
                return Err(Error::conflict("This process is not paused")
                    .hint("`aether pause` takes it over")
                    .into());
            }
            governed.forgiven_steps = journal::length(tx, process.life)?;
            if let Some(cause) = &governed.hold {
                if matches!(cause, Cause::Quota { .. }) {
                    let reason = quota::in_words(cause, process.pid);
                    return Err(Error::new(Code::Exhausted, reason)
                        .hint("Raise the quota; the process then goes on by itself")
                        .into());
                }
                release_in(process, governed);
                return Ok(());
            }
            process.state = state_of(process.phase);
            if process.phase != Phase::Waiting {
                process.reason = None;
            }
            Ok(())
        })
        .await
    }

    /// Extends the step budget.
    pub(crate) async fn extend(&self, actor: &Actor, owner: UserId, pid: Pid, steps: u32) -> Result<Process> {
        if !(1..=1000).contains(&steps) {
            return Err(Error::invalid("The number of steps is out of bounds").hint("1 to 1,000"));
        }
        self.live_row(owner, pid).await?;
        self.change_live(actor, pid, move |process| {
            process.steps_limit = process.steps_limit.saturating_add(steps).min(spawn::MAX_STEPS);
            Ok(())
        })
        .await
    }

    /// Changes the priority: of the queue, or the nice value and weight of what runs.
    pub(crate) async fn set_priority(
        &self,
        actor: &Actor,
        owner: UserId,
        pid: Pid,
        priority: u8,
    ) -> Result<Process> {
        spawn::checked_priority(priority)?;
        self.live_row(owner, pid).await?;
        let process = self
            .change_live(actor, pid, move |process| {
                process.priority = priority;
                Ok(())
            })
            .await?;
        self.scheduler.lock().set_priority(pid, priority);
        if let Ok(living) = self.living(pid) {
            living
                .tree
                .set_priority(priority)
                .map_err(|error| could_not("The priority could not be changed", &error))?;
        }
        Ok(process)
    }

    /// Says something to an agent. It is in the journal when this returns; the agent gets it with its next result,
    /// or at once where it waits.
    pub(crate) async fn message(
        &self,
        actor: &Actor,
        owner: UserId,
        pid: Pid,
        text: String,
    ) -> Result<Process> {
        let text = spawn::checked_text("message", &text)?;
        self.live_row(owner, pid).await?;
        let (by, from) = (actor.clone(), actor.to_string());
        let process = self
            .store
            .write(move |tx| {
                change_in(tx, &by.clone(), pid, |process, tx| {
                    if process.state == State::Dead {
                        return Err(ended(pid).into());
                    }
                    journal::append(tx, &by, process, StepBody::Message { from, text })?;
                    Ok(())
                })
            })
            .await?;
        if let Ok(living) = self.living(pid) {
            living.row_changed();
        }
        Ok(process)
    }

    /// As [`Processes::change`], for what makes no sense any more once the process has ended: it may end between
    /// a look at the table and the change.
    async fn change_live<F>(&self, actor: &Actor, pid: Pid, edit: F) -> Result<Process>
    where
        F: FnOnce(&mut Process) -> Result<()> + Send + 'static,
    {
        self.change(actor, pid, move |process, _| {
            if matches!(process.state, State::Zombie | State::Dead) {
                return Err(ended(pid).into());
            }
            Ok(edit(process)?)
        })
        .await
    }

    /// As [`Processes::change_live`], with what governs it.
    async fn govern_live<F>(&self, actor: &Actor, pid: Pid, edit: F) -> Result<Process>
    where
        F: FnOnce(&mut Process, &mut Governed, &Tx<'_>) -> Result<(), StoreError> + Send + 'static,
    {
        let (process, _) = self
            .govern(actor, pid, move |process, governed, tx| {
                if matches!(process.state, State::Zombie | State::Dead) {
                    return Err(ended(pid).into());
                }
                edit(process, governed, tx)
            })
            .await?;
        Ok(process)
    }

    /// The row of a process that has not ended.
    pub(super) async fn live_row(&self, owner: UserId, pid: Pid) -> Result<Process> {
        let process = self.get(owner, pid).await?;
        if matches!(process.state, State::Zombie | State::Dead) { Err(ended(pid)) } else { Ok(process) }
    }
}

/// STOP waits until everything stands still, which no other task should have to wait for.
async fn send(living: &Arc<Living>, signal: SignalName) -> Result<(), TreeError> {
    let tree = Arc::clone(&living.tree);
    let sent = tokio::task::spawn_blocking(move || tree.signal(signal)).await;
    sent.map_err(|error| TreeError::Host { what: "sending", source: std::io::Error::other(error) })?.map(drop)
}

fn could_not(what: &str, error: &TreeError) -> Error {
    let why = error.to_string();
    Error::conflict(format!("{what}: {}", why.trim_end_matches('.')))
}

pub(super) fn ended(pid: Pid) -> Error {
    Error::conflict(format!("Process {pid} has ended")).hint("Start the agent again for a new life")
}

/// The state that goes with a phase, where nobody holds the process.
pub(super) fn state_of(phase: Phase) -> State {
    if matches!(phase, Phase::Waiting | Phase::Idle) { State::Sleeping } else { State::Running }
}

fn word(signal: SignalName) -> &'static str {
    match signal {
        SignalName::Term => "TERM",
        SignalName::Kill => "KILL",
        SignalName::Stop => "STOP",
        SignalName::Cont => "CONT",
        SignalName::Int => "INT",
        SignalName::Usr1 => "USR1",
        SignalName::Usr2 => "USR2",
    }
}
