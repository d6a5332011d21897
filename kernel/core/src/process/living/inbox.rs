//! What a life hears: messages that people send it, and what waits for its agent in channels.

use std::sync::atomic::Ordering;

use aether_protocol::{
    Actor, Error, Result,
    channel::Party,
    journal::StepBody,
    life::{FinishCall, Inbox},
    process::Phase,
};

use super::Living;
use crate::process::{
    change_in,
    ipc::deliver::{self, Taken},
    journal,
};

impl Living {
    /// The id of the call of `tool` that has begun and not ended, if there is one.
    pub(in crate::process) fn call_in_flight(&self, tool: &str) -> Option<String> {
        self.open_call.lock().as_ref().filter(|(_, open)| open == tool).map(|(id, _)| id.clone())
    }

    pub(in crate::process) fn set_received(&self, taken: Vec<Taken>) {
        *self.received.lock() = taken;
    }

    pub(in crate::process) fn set_in_call(&self, in_call: bool) {
        self.in_call.send_replace(in_call);
    }

    /// `life.finish_call`. A call that never began may be finished only as failed: its arguments did not fit.
    pub(crate) async fn finish_call(&self, actor: &Actor, call: FinishCall) -> Result<Inbox> {
        if call.ok && !self.begun.lock().contains(&call.call) {
            return Err(Error::conflict(format!("The call {} never began", call.call)));
        }
        let FinishCall { call, tool, ok, output, duration_ms } = call;
        if self.begun.lock().contains(&call) {
            self.reins.call_ends(ok, &output);
        }
        let is_open = self.open_call.lock().as_ref().is_some_and(|(open, _)| *open == call);
        let received = if is_open { std::mem::take(&mut *self.received.lock()) } else { Vec::new() };
        // What a failed call was given comes again.
        let received = if ok { received } else { Vec::new() };
        let (by, pid, who) = (actor.clone(), self.pid, self.party());
        self.processes
            .store
            .write(move |tx| {
                change_in(tx, &by.clone(), pid, |process, tx| {
                    process.phase = Phase::Observing;
                    let body = StepBody::CallFinished { call, tool, ok, output, duration_ms };
                    journal::append(tx, &by, process, body)?;
                    deliver::ack_in(tx, who, &received)
                })
            })
            .await?;
        if is_open {
            *self.open_call.lock() = None;
        }
        self.in_call.send_replace(false);
        self.journal_notes(actor).await?;
        self.inbox(actor).await
    }

    /// Who it is in channels.
    pub(super) fn party(&self) -> Party {
        Party::Agent { agent: self.agent }
    }

    /// What was said since the last time, and what waits for it in channels: that goes into the journal first.
    pub(super) async fn inbox(&self, actor: &Actor) -> Result<Inbox> {
        let who = self.party();
        if self.processes.store.read(move |connection| deliver::waits(connection, who)).await? {
            let (by, pid, bound) = (actor.clone(), self.pid, self.processes.queue_bound());
            self.processes
                .store
                .write(move |tx| {
                    change_in(tx, &by.clone(), pid, |process, tx| {
                        deliver::deliver_in(tx, &by, process, bound)
                    })
                })
                .await?;
        }
        self.said().await
    }

    /// What was said since the last time, as far as it is in the journal.
    pub(super) async fn said(&self) -> Result<Inbox> {
        let (life, after) = (self.life, self.delivered.load(Ordering::Acquire));
        let messages =
            self.processes.store.read(move |connection| journal::messages(connection, life, after)).await?;
        if let Some(last) = messages.last() {
            self.delivered.store(last.index, Ordering::Release);
        }
        Ok(Inbox { messages })
    }
}
