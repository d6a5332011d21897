//! From queues into lives.
//!
//! *Invariant:* a message that an agent was given is in the journal of its life, and is acknowledged in the
//! transaction that put it there: a crash at any moment repeats nothing and loses nothing.

use std::time::Duration;

use aether_protocol::{
    Actor, ChannelId, Error, Result,
    channel::{Channel, Heard, Kind, Message, Party, Receive, Received},
    journal::StepBody,
    process::{Phase, Process, State},
};
use rusqlite::Connection;

use super::{no_member, plain_name, store};
use crate::{
    process::{Living, journal},
    state::store::{StoreError, Tx},
};

/// Messages that an agent is given at once.
const BATCH_MESSAGES: u32 = 20;
/// Text that an agent is given at once, in bytes; a single message is given whole.
const BATCH_BYTES: usize = 32 * 1024;
/// How long an agent may wait for a message in one call.
const MAX_WAIT_SECS: u32 = 3600;

/// How far one queue is taken in once what was taken is in the journal.
#[derive(Clone, Copy, Debug)]
pub(in crate::process) struct Taken {
    channel: ChannelId,
    upto: u64,
    /// Dropped messages that the agent is told of.
    told: u64,
}

/// What waits for an agent, as it is told, with what has to be acknowledged for it.
#[derive(Default)]
pub(in crate::process) struct Batch {
    heard: Vec<Heard>,
    taken: Vec<Taken>,
}

/// Whether anything waits for the agent of this process.
pub(in crate::process) fn waits(connection: &Connection, agent: Party) -> Result<bool, StoreError> {
    store::waits(connection, agent, None)
}

/// Puts what waits for an agent into the journal of its life.
pub(in crate::process) fn deliver_in(
    tx: &mut Tx<'_>,
    actor: &Actor,
    process: &Process,
    bound: u32,
) -> Result<(), StoreError> {
    let who = Party::Agent { agent: process.agent };
    let Batch { heard, taken } = take(tx, process, who, None, bound)?;
    for Heard { from, text } in heard {
        journal::append(tx, actor, process, StepBody::Message { from, text })?;
    }
    ack_in(tx, who, &taken)
}

/// Acknowledges what was taken.
pub(in crate::process) fn ack_in(tx: &mut Tx<'_>, who: Party, taken: &[Taken]) -> Result<(), StoreError> {
    for one in taken {
        store::ack(tx, one.channel, who, one.upto, one.told)?;
    }
    Ok(())
}

/// The oldest of what waits, each channel in its order, all of it in the order of time.
fn take(
    connection: &Connection,
    process: &Process,
    who: Party,
    only: Option<ChannelId>,
    bound: u32,
) -> Result<Batch, StoreError> {
    let mut waiting: Vec<(i64, usize, Message)> = Vec::new();
    let mut queues = Vec::new();
    for (id, member) in store::queues(connection, who, only)? {
        let Some(channel) = store::get(connection, process.owner, who, id)? else { continue };
        // A clock that was set back must not turn the order of a channel.
        let mut latest = i64::MIN;
        for message in store::queued(connection, id, who, member.acked, BATCH_MESSAGES)? {
            latest = latest.max(message.at.0);
            waiting.push((latest, queues.len(), message));
        }
        queues.push((channel, member));
    }
    waiting.sort_by_key(|(at, queue, message)| (*at, *queue, message.number));
    let mut batch = Batch::default();
    let mut bytes = 0;
    for (_, queue, message) in waiting.into_iter().take(BATCH_MESSAGES as usize) {
        bytes += message.text.len();
        if bytes > BATCH_BYTES && !batch.heard.is_empty() {
            break;
        }
        let Some((channel, member)) = queues.get(queue) else { continue };
        if let Some(taken) = batch.taken.iter_mut().find(|taken| taken.channel == channel.id) {
            taken.upto = message.number;
        } else {
            let told = member.dropped;
            if told > 0 {
                let text = dropped(channel, told, bound);
                batch.heard.push(Heard { from: "the kernel".to_owned(), text });
            }
            batch.taken.push(Taken { channel: channel.id, upto: message.number, told });
        }
        batch.heard.push(Heard { from: from(channel, &message), text: message.text });
    }
    Ok(batch)
}

fn dropped(channel: &Channel, count: u64, bound: u32) -> String {
    format!(
        "{count} older {} {} dropped, because more than {bound} waited for you",
        if count == 1 { "message" } else { "messages" },
        match channel.kind {
            Kind::Channel => format!("in #{} {}", channel.name, if count == 1 { "was" } else { "were" }),
            Kind::Direct => format!("to you {}", if count == 1 { "was" } else { "were" }),
        }
    )
}

/// Who says it, and where. Names of people have no spaces, so that no agent can look like one.
fn from(channel: &Channel, message: &Message) -> String {
    let who = match message.from {
        Party::Agent { .. } => format!("agent {}", message.from_name),
        Party::User { .. } => message.from_name.clone(),
    };
    let place = match channel.kind {
        Kind::Channel => format!(" in #{}", channel.name),
        Kind::Direct => ", directly".to_owned(),
    };
    let thread = message.thread.map(|thread| format!(", thread {thread}")).unwrap_or_default();
    format!("{who}{place}{thread}")
}

impl Living {
    /// `channel.receive`: what waits, or what comes in time. It is acknowledged when the call's result is in the
    /// journal; a call that a crash cut off is made again.
    pub(crate) async fn receive(&self, actor: &Actor, receive: Receive) -> Result<Received> {
        self.processes.check_call(actor, "read_messages")?;
        if receive.wait_secs > MAX_WAIT_SECS {
            return Err(Error::invalid("The wait is too long").hint("At most 3,600 seconds"));
        }
        let who = Party::Agent { agent: self.agent };
        let (pid, bound) = (self.pid, self.processes.ipc.queue());
        let only = match receive.channel.as_deref().map(plain_name) {
            Some(name) => Some(self.channel_named(actor, who, name.to_owned()).await?),
            None => None,
        };
        let deadline = tokio::time::Instant::now() + Duration::from_secs(receive.wait_secs.into());
        let (mut row, mut terminating) = (self.row.subscribe(), self.terminating.subscribe());
        let mut interrupted = std::pin::pin!(self.interrupt.notified());
        interrupted.as_mut().enable();
        let mut is_asleep = false;
        let batch = loop {
            row.borrow_and_update();
            let batch = self
                .processes
                .store
                .read(move |connection| match crate::process::rows::get(connection, pid)? {
                    Some(process) => take(connection, &process, who, only, bound),
                    None => Ok(Batch::default()),
                })
                .await?;
            if !batch.heard.is_empty() || tokio::time::Instant::now() >= deadline {
                break batch;
            }
            if !is_asleep {
                is_asleep = true;
                self.sleep(actor).await?;
                continue;
            }
            tokio::select! {
                changed = row.changed() => {
                    changed.map_err(|_| Error::unavailable("The kernel is shutting down"))?;
                }
                () = tokio::time::sleep_until(deadline) => {}
                () = &mut interrupted => break batch,
                _ = terminating.wait_for(|terminating| *terminating) => {
                    return Err(crate::process::living::to_end());
                }
            }
        };
        if is_asleep {
            self.wake_up(actor).await?;
        }
        self.set_received(batch.taken);
        Ok(Received { messages: batch.heard })
    }

    async fn channel_named(&self, actor: &Actor, who: Party, name: String) -> Result<ChannelId> {
        let Actor::Agent { owner, .. } = *actor else { return Err(Error::unauthenticated()) };
        Ok(self
            .processes
            .store
            .read(move |connection| {
                let channel = store::named(connection, owner, who, &name)?;
                let channel = channel.filter(|channel| channel.is_member);
                Ok(channel.ok_or_else(|| no_member(&name))?.id)
            })
            .await?)
    }

    /// Nothing is in flight while it waits: a shutdown need not wait for it.
    async fn sleep(&self, actor: &Actor) -> Result<()> {
        self.set_in_call(false);
        self.processes
            .change(actor, self.pid, |process, _| {
                process.phase = Phase::Idle;
                if !crate::process::living::is_held(process) {
                    process.state = State::Sleeping;
                    process.reason = Some("Waits for messages".to_owned());
                }
                Ok(())
            })
            .await?;
        Ok(())
    }

    async fn wake_up(&self, actor: &Actor) -> Result<()> {
        self.not_held().await?;
        self.set_in_call(true);
        self.awake(actor, Phase::Executing).await
    }
}
