//! What is written down: who asked for what, and what went where.
//!
//! One event for each connection at its end and one for each refusal, so many a minute for each process; what
//! was too much is counted and told as a count.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use aether_protocol::{EventBody, Pid};
use parking_lot::Mutex;
use tokio::sync::mpsc;

/// Events that one process may cause at once.
const BURST: u32 = 60;

/// Counts what a process asks for, and passes on what is to be written.
#[derive(Clone)]
pub(super) struct Reporter(Arc<Inner>);

struct Inner {
    pid: Pid,
    state: Mutex<State>,
    events: mpsc::UnboundedSender<EventBody>,
}

struct State {
    /// Events that may be written at once; one more each second.
    left: u32,
    since: Instant,
    left_out: LeftOut,
}

/// What was too much.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct LeftOut {
    allowed: u64,
    refused: u64,
    sent_bytes: u64,
    received_bytes: u64,
}

impl Reporter {
    /// A reporter, and where its events come out. They end when it is dropped.
    pub(super) fn new(pid: Pid) -> (Self, mpsc::UnboundedReceiver<EventBody>) {
        let (events, written) = mpsc::unbounded_channel();
        let state = State { left: BURST, since: Instant::now(), left_out: LeftOut::default() };
        (Self(Arc::new(Inner { pid, state: Mutex::new(state), events })), written)
    }

    /// A request that went no further.
    pub(super) fn refused(&self, host: &str, port: Option<u16>, reason: &str) {
        let body = EventBody::EgressRefused {
            pid: self.0.pid,
            host: host.chars().take(253).collect(),
            port,
            reason: reason.chars().take(300).collect(),
        };
        self.tell(body, |left_out| left_out.refused += 1);
    }

    /// Follows a connection; its end is told when what is returned is dropped.
    pub(super) fn follow(&self, host: String, port: u16, address: IpAddr) -> Tally {
        Tally {
            reporter: self.clone(),
            host,
            port,
            address,
            since: Instant::now(),
            sent: AtomicU64::new(0),
            received: AtomicU64::new(0),
        }
    }

    /// Tells of what was left out and not told yet.
    pub(super) fn finish(&self) {
        self.tell_of_left_out(&mut self.0.state.lock());
    }

    fn tell(&self, body: EventBody, count: impl FnOnce(&mut LeftOut)) {
        let mut state = self.0.state.lock();
        let secs = state.since.elapsed().as_secs();
        if secs > 0 {
            state.since += std::time::Duration::from_secs(secs);
            state.left = state.left.saturating_add(u32::try_from(secs).unwrap_or(u32::MAX)).min(BURST);
        }
        if state.left == 0 {
            count(&mut state.left_out);
            return;
        }
        state.left -= 1;
        self.tell_of_left_out(&mut state);
        // Nobody listens any more while the kernel shuts down.
        let _ = self.0.events.send(body);
    }

    fn tell_of_left_out(&self, state: &mut State) {
        let LeftOut { allowed, refused, sent_bytes, received_bytes } = std::mem::take(&mut state.left_out);
        if allowed + refused > 0 {
            let pid = self.0.pid;
            let body = EventBody::EgressLeftOut { pid, allowed, refused, sent_bytes, received_bytes };
            let _ = self.0.events.send(body);
        }
    }
}

/// One connection to a host.
pub(super) struct Tally {
    reporter: Reporter,
    host: String,
    port: u16,
    address: IpAddr,
    since: Instant,
    /// Bytes of content and tunnels towards the host.
    pub(super) sent: AtomicU64,
    /// And back.
    pub(super) received: AtomicU64,
}

impl Drop for Tally {
    fn drop(&mut self) {
        let (sent_bytes, received_bytes) =
            (self.sent.load(Ordering::Relaxed), self.received.load(Ordering::Relaxed));
        let body = EventBody::EgressAllowed {
            pid: self.reporter.0.pid,
            host: std::mem::take(&mut self.host),
            port: self.port,
            address: self.address.to_string(),
            sent_bytes,
            received_bytes,
            duration_ms: u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX),
        };
        self.reporter.tell(body, |left_out| {
            left_out.allowed += 1;
            left_out.sent_bytes += sent_bytes;
            left_out.received_bytes += received_bytes;
        });
    }
}
