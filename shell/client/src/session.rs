//! One session with the kernel: calls by number, events by sequence, terminals by id. No sockets, no clocks.
//!
//! The driver tells it what the connection does ([`Session::text`], [`Session::lost`] …) and sends what it
//! asks for ([`Session::next_order`]). The promises:
//!
//! - Each call gets one answer. When the connection is lost, a read is sent again; a write that had been
//!   sent is answered [`Code::Interrupted`], since it may or may not have taken effect; a write that had
//!   not been sent yet is answered [`Code::Unavailable`].
//! - Each event is seen once, in order. After a gap (the kernel keeps events for a limited time, or was
//!   set up anew) [`Incoming::Resynced`] says so.

mod orders;
mod terminals;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    task::Waker,
};

use aether_protocol::{
    Code, Command, Error, Event, Live, Seq,
    frame::{ClientFrame, ServerFrame},
    identity::DoorState,
};
use serde_json::Value;

pub(crate) use orders::{Frame, Order};
pub(crate) use terminals::LinkId;

/// Events that wait for [`crate::Client::drain`]. Beyond it the client lets the kernel keep them, and asks
/// for them again once there is room.
const INCOMING_LIMIT: usize = 20_000;
/// The largest frame that the kernel accepts.
const FRAME_LIMIT_BYTES: usize = 1024 * 1024;
/// The first pause before connecting again; it doubles with each failure.
const BACK_OFF_FIRST_MS: u64 = 250;
/// The longest pause before connecting again.
const BACK_OFF_LONGEST_MS: u64 = 15_000;

/// How the connection is.
#[derive(Clone, Debug, PartialEq)]
pub enum ConnectionState {
    /// The first attempt runs.
    Connecting,
    /// The kernel is there, and wants to know who asks.
    SignedOut {
        /// What the lock screen needs to know; `None` where the kernel did not say.
        door: Option<DoorState>,
        /// Why the session ended or the connection was refused, where there is more to say.
        error: Option<Error>,
    },
    /// Signed in and connected.
    Online,
    /// The connection was lost, or could not be made; another attempt follows.
    Reconnecting {
        /// How many attempts have failed since.
        attempt: u32,
        /// Seconds until the next attempt, rounded up; 0 while it runs.
        next_try_in_secs: u32,
        /// What happened.
        reason: String,
    },
}

/// What arrived unasked.
#[derive(Clone, Debug, PartialEq)]
pub enum Incoming {
    /// Something happened.
    Event(Arc<Event>),
    /// Something is going on.
    Live(Live),
    /// Events are missing here: load again what is shown.
    Resynced,
}

/// Takes the answer of a call.
pub(crate) type Done = Box<dyn FnOnce(Result<Value, Error>) + Send>;

#[derive(Debug)]
enum Phase {
    Connecting,
    SignedOut { door: Option<DoorState>, error: Option<Error> },
    Online,
    Reconnecting { attempt: u32, retry_at_ms: u64, reason: String },
}

/// Where a subscription was asked to start.
#[derive(Clone, Copy, Debug)]
enum Asked {
    After(Seq),
    FromNowOn,
}

struct Call {
    frame: String,
    reads: bool,
    sent: bool,
    done: Done,
}

/// See the module's documentation.
pub(crate) struct Session {
    phase: Phase,
    next_id: u64,
    calls: BTreeMap<u64, Call>,
    orders: orders::Orders,
    incoming: VecDeque<Incoming>,
    consumer: Option<Waker>,
    watchers: Vec<Waker>,
    subscribed: bool,
    last_seq: Option<Seq>,
    /// A subscription was asked for and is not confirmed: events that still come are from the one before.
    confirming: Option<Asked>,
    /// Events were left with the kernel because nobody took those that are here.
    stalled: bool,
    terminals: terminals::Terminals,
    attempt: u32,
}

impl Session {
    pub(crate) fn new(subscribed: bool) -> Self {
        Self {
            phase: Phase::Connecting,
            next_id: 1,
            calls: BTreeMap::new(),
            orders: orders::Orders::default(),
            incoming: VecDeque::new(),
            consumer: None,
            watchers: Vec::new(),
            subscribed,
            last_seq: None,
            confirming: None,
            stalled: false,
            terminals: terminals::Terminals::default(),
            attempt: 0,
        }
    }

    pub(crate) fn state(&self, now_ms: u64) -> ConnectionState {
        match &self.phase {
            Phase::Connecting => ConnectionState::Connecting,
            Phase::SignedOut { door, error } => {
                ConnectionState::SignedOut { door: door.clone(), error: error.clone() }
            }
            Phase::Online => ConnectionState::Online,
            Phase::Reconnecting { attempt, retry_at_ms, reason } => ConnectionState::Reconnecting {
                attempt: *attempt,
                next_try_in_secs: retry_at_ms.saturating_sub(now_ms).div_ceil(1000) as u32,
                reason: reason.clone(),
            },
        }
    }

    pub(crate) fn last_seq(&self) -> Option<Seq> {
        self.last_seq
    }

    /// Takes a waker that is woken when the state changes.
    pub(crate) fn watch(&mut self, waker: Waker) {
        if !self.watchers.iter().any(|known| known.will_wake(&waker)) {
            self.watchers.push(waker);
        }
    }

    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        for waker in self.watchers.drain(..) {
            waker.wake();
        }
    }

    /// A command. `done` is called exactly once, possibly at once.
    pub(crate) fn call(&mut self, command: &Command, done: Done) {
        let reads = command.reads();
        match &self.phase {
            Phase::SignedOut { .. } => return done(Err(Error::unauthenticated())),
            Phase::Reconnecting { reason, .. } if !reads => {
                let message = format!("Not connected to the kernel ({reason}); nothing was changed");
                return done(Err(Error::unavailable(message).hint("Try again when the connection is back")));
            }
            _ => {}
        }
        let id = self.next_id;
        self.next_id += 1;
        let frame = serde_json::to_value(command)
            .and_then(|command| serde_json::to_string(&ClientFrame::Call { id, command }));
        let frame = match frame {
            Ok(frame) => frame,
            Err(error) => {
                return done(Err(Error::invalid(format!("The command cannot be written: {error}"))));
            }
        };
        if frame.len() > FRAME_LIMIT_BYTES {
            let error = Error::new(Code::TooLarge, format!("{} is larger than 1 MiB", command.name()));
            return done(Err(error.hint("Send large files as an upload")));
        }
        let online = matches!(self.phase, Phase::Online);
        if online {
            self.orders.text(frame.clone());
        }
        self.calls.insert(id, Call { frame, reads, sent: online, done });
    }

    /// Takes what the kernel sent.
    pub(crate) fn text(&mut self, text: &str) {
        let frame = match serde_json::from_str::<ServerFrame>(text) {
            Ok(frame) => frame,
            Err(error) => {
                tracing::warn!(%error, "a frame of the kernel was not understood");
                return self.arrived(Incoming::Resynced);
            }
        };
        match frame {
            ServerFrame::Hello { last_seq, .. } => self.greeted(last_seq),
            ServerFrame::Reply { id, reply } => self.answer(id, Ok(reply)),
            ServerFrame::Failed { id, error } => self.answer(id, Err(error)),
            ServerFrame::Subscribed { after, oldest } => self.subscription_began(after, oldest),
            ServerFrame::Events { events } => self.take_events(events),
            ServerFrame::Live { live } => {
                if self.incoming.len() < INCOMING_LIMIT {
                    for live in live {
                        self.arrived(Incoming::Live(live));
                    }
                }
            }
            ServerFrame::TerminalEnded { terminal, reason } => self.terminals.ended(terminal, &reason),
            ServerFrame::Refused { error } => tracing::warn!(%error, "the kernel refused a frame"),
        }
    }

    fn answer(&mut self, id: u64, answer: Result<Value, Error>) {
        if let Some(call) = self.calls.remove(&id) {
            (call.done)(answer);
        }
    }

    fn greeted(&mut self, newest: Seq) {
        self.attempt = 0;
        self.orders.forget_frames();
        self.enter(Phase::Online);
        if self.last_seq.is_some_and(|seen| seen > newest) {
            // The kernel's log is younger than what was seen of it: it was set up anew.
            self.last_seq = None;
            self.arrived(Incoming::Resynced);
        }
        if self.subscribed {
            self.subscribe(self.last_seq);
        }
        for frame in self.terminals.reattach() {
            self.orders.frame(&frame);
        }
        for call in self.calls.values_mut() {
            call.sent = true;
            self.orders.text(call.frame.clone());
        }
    }

    fn subscribe(&mut self, after: Option<Seq>) {
        self.stalled = false;
        self.confirming = Some(after.map_or(Asked::FromNowOn, Asked::After));
        self.orders.frame(&ClientFrame::Subscribe { after });
    }

    /// Starts the events after `after` (only new ones when left out), or moves them there.
    pub(crate) fn follow(&mut self, after: Option<Seq>) {
        self.subscribed = true;
        self.incoming.clear();
        self.last_seq = after;
        if matches!(self.phase, Phase::Online) {
            self.subscribe(after);
        }
    }

    fn subscription_began(&mut self, after: Seq, oldest: Seq) {
        let Some(asked) = self.confirming.take() else { return };
        match asked {
            Asked::After(asked) if asked.0.saturating_add(1) < oldest.0 => {
                self.last_seq = Some(Seq(oldest.0.saturating_sub(1)).max(asked));
                self.arrived(Incoming::Resynced);
            }
            Asked::After(_) => {}
            Asked::FromNowOn => self.last_seq = Some(after),
        }
    }

    fn take_events(&mut self, events: Vec<Event>) {
        if self.confirming.is_some() || self.stalled {
            return;
        }
        for event in events {
            if self.last_seq.is_some_and(|seen| event.seq <= seen) {
                continue;
            }
            if self.incoming.len() >= INCOMING_LIMIT {
                self.stalled = true;
                return;
            }
            self.last_seq = Some(event.seq);
            self.arrived(Incoming::Event(Arc::new(event)));
        }
    }

    fn arrived(&mut self, incoming: Incoming) {
        self.incoming.push_back(incoming);
        if let Some(waker) = self.consumer.take() {
            waker.wake();
        }
    }

    /// Everything that arrived since the last time.
    pub(crate) fn drain(&mut self) -> Vec<Incoming> {
        let all = self.incoming.drain(..).collect();
        self.room();
        all
    }

    /// The next that arrived; `waker` is woken by the one after.
    pub(crate) fn next_incoming(&mut self, waker: &Waker) -> Option<Incoming> {
        let next = self.incoming.pop_front();
        if next.is_none() {
            self.consumer = Some(waker.clone());
            self.room();
        }
        next
    }

    fn room(&mut self) {
        if self.stalled && matches!(self.phase, Phase::Online) {
            self.subscribe(self.last_seq);
        }
    }

    /// The connection is gone, or could not be made. `jitter` is from 0 to 1. Returns the pause before the
    /// next attempt, in milliseconds.
    pub(crate) fn lost(&mut self, reason: &str, now_ms: u64, jitter: f64) -> u64 {
        let longest = BACK_OFF_FIRST_MS.saturating_mul(1 << self.attempt.min(16)).min(BACK_OFF_LONGEST_MS);
        let pause_ms = longest / 2 + (longest as f64 / 2.0 * jitter) as u64;
        self.attempt = self.attempt.saturating_add(1);
        self.orders.forget_frames();
        self.confirming = None;
        self.stalled = false;
        self.enter(Phase::Reconnecting {
            attempt: self.attempt,
            retry_at_ms: now_ms + pause_ms,
            reason: reason.to_owned(),
        });
        let writes: Vec<u64> = self.calls.iter().filter(|(_, call)| !call.reads).map(|(id, _)| *id).collect();
        for id in writes {
            let Some(call) = self.calls.remove(&id) else { continue };
            let error = if call.sent {
                Error::new(
                    Code::Interrupted,
                    format!("The connection was lost before the answer came ({reason}); it may or may not have taken effect"),
                )
                .hint("Look before you try again")
            } else {
                Error::unavailable(format!("Not connected to the kernel ({reason}); nothing was changed"))
                    .hint("Check that the kernel runs and that the address is right")
            };
            (call.done)(Err(error));
        }
        for call in self.calls.values_mut() {
            call.sent = false;
        }
        pause_ms
    }

    /// Nobody is signed in (any more). Every call and every terminal ends.
    pub(crate) fn signed_out(&mut self, door: Option<DoorState>, error: Option<Error>) {
        self.orders.forget_frames();
        self.confirming = None;
        self.stalled = false;
        self.last_seq = None;
        self.attempt = 0;
        self.incoming.clear();
        self.terminals.end_all("The session has ended");
        let answer = error.clone().unwrap_or_else(Error::unauthenticated);
        for (_, call) in std::mem::take(&mut self.calls) {
            (call.done)(Err(answer.clone()));
        }
        self.enter(Phase::SignedOut { door, error });
    }

    /// A new session is about to connect.
    pub(crate) fn signing_in(&mut self) {
        if !matches!(self.phase, Phase::Connecting) {
            self.enter(Phase::Connecting);
            if self.subscribed {
                self.arrived(Incoming::Resynced);
            }
        }
    }
}
