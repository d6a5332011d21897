//! What the governor does to processes, and what people say about their quotas. Each decision is one transaction: row,
//! event, audit.

use std::sync::Arc;

use aether_protocol::{
    Actor, Error, EventBody, Pid, Result, UserId,
    journal::StepBody,
    mind::Think,
    process::{Layer, Phase, Process, SignalName, State},
    quota::{Act, Cause, Decision, Kind, QuotaReport, Quotas},
};
use parking_lot::Mutex;

use super::{Living, Processes, change_in, control, journal, rows};
use crate::{
    gate::audit,
    govern::governor::quota::{self, Governed, Verdict},
    state::store::{StoreError, Tx},
};

/// Who says to an agent that a limit is near.
pub(super) const GOVERNOR: &str = "governor";

impl Processes {
    /// `process.quotas`
    pub(crate) async fn quotas(&self, owner: UserId, pid: Pid) -> Result<QuotaReport> {
        let process = self.get(owner, pid).await?;
        let (governed, written) = self
            .store
            .read(move |connection| Ok((rows::governed(connection, pid)?, rows::used(connection, pid)?)))
            .await?;
        let living = self.living(pid).ok();
        let used = living.as_ref().map_or(written, |living| living.used());
        let has_group = self.sandbox.has_cgroups();
        Ok(QuotaReport {
            pid,
            quotas: quota::uses(&governed.quotas, &used, &process, has_group),
            hold: governed.hold,
        })
    }

    /// `process.set_quota`. What Linux itself was told when the processes were started stays until the next start;
    /// a cgroup is told at once.
    pub(crate) async fn set_quota(
        &self,
        actor: &Actor,
        owner: UserId,
        pid: Pid,
        asked: Quotas,
    ) -> Result<QuotaReport> {
        let asked = quota::checked(asked)?;
        if asked == Quotas::default() {
            return Err(Error::invalid("No quota is named").hint("Say at least one, as {\"tokens\": 100000}"));
        }
        self.live_row(owner, pid).await?;
        let living = self.living(pid).ok();
        let used = living.as_ref().map(|living| living.used()).unwrap_or_default();
        let warn_percent = self.quota_config.warn_percent;
        let (process, governed) = self
            .govern(actor, pid, move |process, governed, tx| {
                if matches!(process.state, State::Zombie | State::Dead) {
                    return Err(control::ended(pid).into());
                }
                governed.quotas = asked.or(governed.quotas);
                process.steps_limit = asked.steps.unwrap_or(process.steps_limit);
                let all = quota::uses(&governed.quotas, &used, process, false);
                governed.warned.retain(|kind| {
                    all.iter().any(|one| {
                        let known = one.used.zip(one.limit);
                        one.kind == *kind
                            && known.is_some_and(|(used, limit)| {
                                quota::judge(used, limit, warn_percent) != Verdict::Fine
                            })
                    })
                });
                if let Some(Cause::Quota { kind, used, limit }) = governed.hold.clone()
                    && let Some(new) = governed.quotas.get(kind).filter(|new| *new > limit)
                {
                    release_in(process, governed);
                    let cause = Cause::Quota { kind, used, limit: new };
                    let reason = "Its quota was raised".to_owned();
                    act_in(tx, process, Act::Released, cause, reason)?;
                }
                Ok(())
            })
            .await?;
        if let Some(living) = &living {
            if governed.hold.is_none() {
                living.thaw().await;
            }
            if let Some(group) = living.tree.group() {
                let limits = self.sandbox_limits(&living.grant.limits, &governed.quotas);
                if let Err(error) = group.set_limits(limits.memory_bytes, limits.processes) {
                    tracing::warn!(%pid, %error, "a cgroup could not be told of a quota");
                }
            }
        }
        tracing::debug!(%pid, state = ?process.state, "quotas changed");
        self.quotas(owner, pid).await
    }

    /// The lives that run, with their rows.
    pub(crate) fn governed_lives(&self) -> Vec<(Arc<Living>, Arc<Process>)> {
        let living: Vec<_> = self.living.lock().values().cloned().collect();
        living.into_iter().filter_map(|life| self.table.get(life.pid).map(|row| (life, row))).collect()
    }

    /// Says once that a limit is near: to people by an event, to the agent with its next result.
    pub(crate) async fn warn(&self, living: &Living, kind: Kind, used: u64, limit: u64) -> Result<()> {
        let note = Arc::new(Mutex::new(None));
        let said = Arc::clone(&note);
        self.govern(&Actor::Kernel, living.pid, move |process, governed, tx| {
            *said.lock() = warn_in(tx, process, governed, kind, used, limit)?;
            Ok(())
        })
        .await?;
        let note = note.lock().take();
        living.add_notes(note);
        Ok(())
    }

    /// Lets it stand still until a person decides. With `freeze` nothing of it gets CPU time meanwhile. What was found
    /// when only `forgiven_steps` were forgiven counts no more once a person has let it go on since.
    pub(crate) async fn hold(
        &self,
        living: &Living,
        cause: Cause,
        freeze: bool,
        forgiven_steps: Option<u32>,
    ) -> Result<()> {
        if freeze {
            living.freeze().await;
        }
        let used = living.used();
        let (process, governed) = self
            .govern(&Actor::Kernel, living.pid, move |process, governed, tx| {
                // What it was held for must not be forgotten in a crash.
                rows::save_used(tx, process.pid, &used)?;
                if forgiven_steps.is_some_and(|steps| steps != governed.forgiven_steps) {
                    return Ok(());
                }
                hold_in(tx, process, governed, cause)
            })
            .await?;
        if freeze && governed.hold.is_none() {
            // Its quota was raised in this moment.
            living.thaw().await;
        }
        if process.state == State::Stopped && governed.hold.is_some() {
            living.set_paused_below(process.reason);
        }
        Ok(())
    }

    /// Ends it: more of what it does would hurt others, and waiting does not help.
    pub(crate) async fn end(&self, living: &Living, cause: Cause) -> Result<()> {
        if !living.doom() {
            return Ok(());
        }
        let reason = quota::in_words(&cause, living.pid);
        if living.cause_of_death().is_none() {
            living.set_cause_of_death(reason.clone());
        }
        // Before it is written down: each moment more is a moment of what it is ended for.
        let tree = Arc::clone(&living.tree);
        let ended = tokio::task::spawn_blocking(move || tree.signal(SignalName::Kill)).await;
        if let Ok(Err(error)) = ended {
            tracing::debug!(pid = %living.pid, %error, "it had ended already");
        }
        self.govern(&Actor::Kernel, living.pid, move |process, _, tx| {
            if !matches!(process.phase, Phase::Completed | Phase::Failed) {
                process.phase = Phase::Failed;
                process.reason = Some(reason.clone());
                let failed = StepBody::Failed { reason: reason.clone() };
                journal::append(tx, &Actor::Kernel, process, failed)?;
            }
            act_in(tx, process, Act::Ended, cause, reason)
        })
        .await?;
        Ok(())
    }

    /// Linux has ended it for its memory before the governor looked: the same decision, written down the same way.
    pub(super) async fn explain_end(&self, living: &Living) {
        let Some(found) = living.tree.out_of_memory() else { return };
        let quota = living.governed().quotas.memory_bytes;
        let limit = quota.filter(|quota| *quota <= found.limit_bytes).unwrap_or(found.limit_bytes);
        let cause = Cause::Quota { kind: Kind::Memory, used: found.used_bytes.max(limit), limit };
        if let Err(error) = self.end(living, cause).await {
            tracing::warn!(pid = %living.pid, %error, "why it ended could not be written down");
        }
    }

    /// Lets it stand still because the machine is short of something.
    pub(crate) async fn throttle(&self, living: &Living, cause: Cause) -> Result<()> {
        let tree = Arc::clone(&living.tree);
        let stopped = tokio::task::spawn_blocking(move || tree.signal(SignalName::Stop)).await;
        if !matches!(stopped, Ok(Ok(_))) {
            return Ok(());
        }
        let (process, governed) = self
            .govern(&Actor::Kernel, living.pid, move |process, governed, tx| {
                if process.state != State::Running || governed.hold.is_some() {
                    return Ok(());
                }
                let reason = quota::in_words(&cause, process.pid);
                governed.reason_before = process.reason.take();
                governed.hold = Some(cause.clone());
                process.state = State::Stopped;
                process.reason = Some(reason.clone());
                act_in(tx, process, Act::Throttled, cause, reason)
            })
            .await?;
        // A person was faster, or it came to its end: it is not the governor's to hold.
        let is_held = matches!(governed.hold, Some(Cause::Pressure { .. }));
        if !is_held && process.state != State::Stopped && !living.is_frozen() {
            living.wake().await;
        }
        Ok(())
    }

    /// Lets one that was throttled go on.
    pub(crate) async fn unthrottle(&self, living: &Living) -> Result<()> {
        let (process, _) = self
            .govern(&Actor::Kernel, living.pid, |process, governed, tx| {
                let Some(cause @ Cause::Pressure { .. }) = governed.hold.clone() else { return Ok(()) };
                release_in(process, governed);
                act_in(tx, process, Act::Released, cause, "The machine has room again".to_owned())
            })
            .await?;
        if process.state != State::Stopped && !living.is_frozen() {
            living.wake().await;
        }
        Ok(())
    }

    /// Writes down what was measured, without an event.
    pub(crate) async fn save_used(&self, lives: &[Arc<Living>]) {
        let changed: Vec<_> =
            lives.iter().filter_map(|life| Some((life.pid, life.used_to_save()?))).collect();
        if changed.is_empty() {
            return;
        }
        self.store
            .write_later(move |tx| changed.iter().try_for_each(|(pid, used)| rows::save_used(tx, *pid, used)))
            .await;
    }

    /// Changes a row and what governs it in one transaction.
    pub(super) async fn govern<F>(&self, actor: &Actor, pid: Pid, edit: F) -> Result<(Process, Governed)>
    where
        F: FnOnce(&mut Process, &mut Governed, &mut Tx<'_>) -> Result<(), StoreError> + Send + 'static,
    {
        let actor = actor.clone();
        let (process, governed) = self
            .store
            .write(move |tx| {
                let mut governed = rows::governed(tx, pid)?;
                let before = governed.clone();
                let process = change_in(tx, &actor, pid, |process, tx| edit(process, &mut governed, tx))?;
                if governed != before {
                    rows::save_governed(tx, pid, &governed)?;
                }
                Ok((process, governed))
            })
            .await?;
        if let Ok(living) = self.living(pid) {
            living.set_governed(governed.clone());
            living.row_changed();
        }
        Ok((process, governed))
    }
}

/// Holds it, if nothing else does, it has not ended, and the limit is still the same.
pub(super) fn hold_in(
    tx: &mut Tx<'_>,
    process: &mut Process,
    governed: &mut Governed,
    cause: Cause,
) -> Result<(), StoreError> {
    let is_over = matches!(process.state, State::Zombie | State::Dead)
        || matches!(process.phase, Phase::Completed | Phase::Failed);
    // What it is throttled for counts less than what a person has to decide.
    let is_held = matches!(&governed.hold, Some(hold) if !matches!(hold, Cause::Pressure { .. }));
    let is_past =
        matches!(&cause, Cause::Quota { kind, limit, .. } if governed.quotas.get(*kind) != Some(*limit));
    if is_over || is_held || is_past {
        return Ok(());
    }
    let reason = quota::in_words(&cause, process.pid);
    let was_throttled = governed.hold.is_some();
    if !was_throttled {
        governed.reason_before = process.reason.take();
    }
    governed.hold = Some(cause.clone());
    process.reason = Some(reason.clone());
    if process.state != State::Stopped || was_throttled {
        process.state = State::Paused;
    }
    act_in(tx, process, Act::Paused, cause, reason)
}

/// Lets it go on, for the part of row and quotas.
pub(super) fn release_in(process: &mut Process, governed: &mut Governed) {
    let was_throttled = matches!(governed.hold, Some(Cause::Pressure { .. }));
    governed.hold = None;
    let before = governed.reason_before.take();
    if process.state == State::Paused || (was_throttled && process.state == State::Stopped) {
        process.state = control::state_of(process.phase);
        process.reason = before.filter(|_| process.phase == Phase::Waiting);
    }
}

/// Warns, once for each kind. Returns what the agent is to be told.
pub(super) fn warn_in(
    tx: &mut Tx<'_>,
    process: &Process,
    governed: &mut Governed,
    kind: Kind,
    used: u64,
    limit: u64,
) -> Result<Option<String>, StoreError> {
    if governed.warned.contains(&kind) {
        return Ok(None);
    }
    governed.warned.push(kind);
    let said = quota::warning(kind, used, limit);
    act_in(tx, process, Act::Warned, Cause::Quota { kind, used, limit }, said.clone())?;
    Ok(Some(said))
}

/// Which mechanism holds which limit, beside the layers of the sandbox.
pub(super) fn layer(has_group: bool) -> Layer {
    let by_linux = if has_group { "cgroup v2 and rlimits" } else { "rlimits" };
    let detail = format!(
        "CPU time, memory, disk, processes, open files, tokens, steps and running time are accounted for; {by_linux} stand behind memory, processes, open files and the size of a file"
    );
    Layer { name: "governor".to_owned(), active: true, detail }
}

/// What a thought needs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    /// An estimate.
    pub(super) input_tokens: u64,
    pub(super) output_tokens: u32,
}

/// How long a conversation is as JSON, with the descriptions of the tools.
pub(super) fn conversation_bytes(think: &Think) -> u64 {
    let mut length = Length(0);
    // Neither the types nor the writer can fail.
    let _ = serde_json::to_writer(&mut length, &think.messages);
    let _ = serde_json::to_writer(&mut length, &think.tools);
    length.0
}

/// Counts what is written.
struct Length(u64);

impl std::io::Write for Length {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Wanted {
    /// How much it may write, or why it must not begin.
    pub(super) fn fit(self, process: &Process, governed: &Governed) -> Result<u32, Cause> {
        let Some(limit) = governed.quotas.tokens else { return Ok(self.output_tokens) };
        quota::room_for_thought(limit, process.usage, self.input_tokens, self.output_tokens).ok_or_else(
            || {
                let used = process.usage.input_tokens + process.usage.output_tokens;
                Cause::Quota { kind: Kind::Tokens, used, limit }
            },
        )
    }
}

/// The decision that lets it wait for more steps.
pub(super) fn steps_are_used_in(
    tx: &mut Tx<'_>,
    process: &Process,
    reason: String,
) -> Result<(), StoreError> {
    let (used, limit) = (process.steps_used.into(), process.steps_limit.into());
    act_in(tx, process, Act::Paused, Cause::Quota { kind: Kind::Steps, used, limit }, reason)
}

/// After a thought: whether tokens or steps come to their end. Returns what the agent is to be told.
pub(super) fn warn_of_thoughts_in(
    tx: &mut Tx<'_>,
    process: &Process,
    warn_percent: u8,
) -> Result<Vec<String>, StoreError> {
    let mut governed = rows::governed(tx, process.pid)?;
    let mut notes = Vec::new();
    let before = governed.warned.len();
    let tokens = process.usage.input_tokens + process.usage.output_tokens;
    let steps = (process.steps_used.into(), Some(process.steps_limit.into()));
    for (kind, (used, limit)) in [(Kind::Tokens, (tokens, governed.quotas.tokens)), (Kind::Steps, steps)] {
        let Some(limit) = limit else { continue };
        if quota::judge(used, limit, warn_percent) == Verdict::Near {
            notes.extend(warn_in(tx, process, &mut governed, kind, used, limit)?);
        }
    }
    if governed.warned.len() > before {
        rows::save_governed(tx, process.pid, &governed)?;
    }
    Ok(notes)
}

/// The event and the audit's entry of a decision.
pub(super) fn act_in(
    tx: &mut Tx<'_>,
    process: &Process,
    act: Act,
    cause: Cause,
    reason: String,
) -> Result<(), StoreError> {
    let name = match act {
        Act::Warned => "governor.warn",
        Act::Paused => "governor.pause",
        Act::Ended => "governor.end",
        Act::Throttled => "governor.throttle",
        Act::Released => "governor.release",
    };
    audit::decided(tx, name, &process.pid.to_string(), &reason)?;
    let decision =
        Decision { pid: process.pid, agent: process.agent, life: process.life, act, cause, reason };
    tx.emit(&Actor::Kernel, EventBody::GovernorActed { decision: Box::new(decision) })?;
    Ok(())
}
