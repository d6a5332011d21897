//! The thread that starts sandboxes, hears how they start and end, and reaps them.
//!
//! One thread, because the parent-death signal that ties a sandbox to the kernel fires when the *thread*
//! that started it ends: a worker that an executor may retire must not be that thread. It needs no executor,
//! so that sandboxes are reaped whatever becomes of the tasks that started them.

use std::{
    collections::HashMap,
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use tokio::sync::oneshot;

use super::{
    SandboxError,
    started::{Heard, Sandboxed, Start},
};
use crate::process::tree::ProcessTree;

/// How long bubblewrap may take to make the namespaces.
pub(super) const START_SECS: u64 = 30;

/// How often what could not be cleaned up at once is tried again.
const RETRY: Duration = Duration::from_millis(20);

/// Where the result of a start goes.
type Reply = oneshot::Sender<Result<ProcessTree, SandboxError>>;

/// The thread's mailbox. The thread ends when this is dropped and no sandbox is left.
#[derive(Debug)]
pub(super) struct Keeper {
    mailbox: Arc<Mailbox>,
}

#[derive(Debug)]
struct Mailbox {
    orders: Mutex<Orders>,
    wake: OwnedFd,
}

#[derive(Default)]
struct Orders {
    starts: Vec<(Start, Reply)>,
    closed: bool,
}

impl std::fmt::Debug for Orders {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} starts, closed: {}", self.starts.len(), self.closed)
    }
}

impl Keeper {
    /// Starts the thread.
    pub(super) fn start() -> io::Result<Self> {
        // Orphans of a sandbox come to the kernel, which reaps them, and not to an init that may not.
        if let Err(error) = rustix::process::set_child_subreaper(Some(rustix::process::getpid())) {
            tracing::warn!(%error, "the kernel cannot adopt orphans");
        }
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let mailbox = Arc::new(Mailbox { orders: Mutex::default(), wake });
        let shared = Arc::clone(&mailbox);
        thread::Builder::new()
            .name("aether-sandbox".to_owned())
            .stack_size(256 * 1024)
            .spawn(move || Loop { mailbox: shared, sandboxes: HashMap::new(), next: 0 }.run())?;
        Ok(Self { mailbox })
    }

    /// Has something started.
    pub(super) async fn launch(&self, start: Start) -> Result<ProcessTree, SandboxError> {
        let (reply, answer) = oneshot::channel();
        self.mailbox.orders.lock().starts.push((start, reply));
        self.mailbox.ring();
        answer.await.map_err(|_| SandboxError::Closed)?
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.mailbox.orders.lock().closed = true;
        self.mailbox.ring();
    }
}

impl Mailbox {
    fn ring(&self) {
        // It can only fail when the counter is full, and then the thread is awake.
        let _ = rustix::io::write(&self.wake, &1_u64.to_ne_bytes());
    }

    fn hush(&self) {
        let _ = rustix::io::read(&self.wake, &mut [0_u8; 8]);
    }
}

struct Kept {
    sandboxed: Sandboxed,
    /// Until the namespaces stand.
    starting: Option<(Reply, Instant)>,
}

struct Loop {
    mailbox: Arc<Mailbox>,
    sandboxes: HashMap<u64, Kept>,
    next: u64,
}

impl Loop {
    fn run(mut self) {
        loop {
            self.wait();
            self.mailbox.hush();
            let (starts, closed) = {
                let mut orders = self.mailbox.orders.lock();
                (std::mem::take(&mut orders.starts), orders.closed)
            };
            for (start, reply) in starts {
                self.start(start, reply);
            }
            let now = Instant::now();
            self.sandboxes.retain(|_, kept| kept.attend(now));
            if closed && self.sandboxes.is_empty() {
                return;
            }
        }
    }

    fn start(&mut self, start: Start, reply: Reply) {
        // Whoever asked may have gone.
        if reply.is_closed() {
            return;
        }
        match start.run() {
            Ok(sandboxed) => {
                self.next += 1;
                let deadline = Instant::now() + Duration::from_secs(START_SECS);
                self.sandboxes.insert(self.next, Kept { sandboxed, starting: Some((reply, deadline)) });
            }
            Err(error) => drop(reply.send(Err(error))),
        }
    }

    fn wait(&self) {
        let mut watched: Vec<BorrowedFd<'_>> = vec![self.mailbox.wake.as_fd()];
        let mut timeout: Option<Duration> = None;
        let now = Instant::now();
        for kept in self.sandboxes.values() {
            kept.sandboxed.watched(&mut watched);
            let wanted = match &kept.starting {
                Some((_, deadline)) => Some(deadline.saturating_duration_since(now)),
                None => kept.sandboxed.wants_retry().then_some(RETRY),
            };
            timeout = match (timeout, wanted) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            };
        }
        let mut fds: Vec<PollFd<'_>> =
            watched.iter().map(|fd| PollFd::from_borrowed_fd(*fd, PollFlags::IN)).collect();
        let timeout = timeout.and_then(|wait| Timespec::try_from(wait).ok());
        // A signal or a lack of memory only costs a round.
        let _ = poll(&mut fds, timeout.as_ref());
    }
}

impl Kept {
    /// Hears what there is to hear; false when nothing is left of the sandbox.
    fn attend(&mut self, now: Instant) -> bool {
        match self.sandboxed.hear() {
            Heard::Nothing => {}
            Heard::Stands(tree) => {
                if let Some((reply, _)) = self.starting.take() {
                    // When nobody waits any more the tree comes back and is dropped, which ends it.
                    drop(reply.send(tree));
                }
            }
            Heard::Gone => {
                if let Some((reply, _)) = self.starting.take() {
                    let detail = self.sandboxed.why_not();
                    drop(reply.send(Err(SandboxError::NotStarted { detail })));
                }
                return false;
            }
        }
        // Where nobody waits any more it is still let stand first: what stands can be ended without a trace.
        if self.starting.as_ref().is_some_and(|(_, deadline)| *deadline <= now) {
            self.sandboxed.kill();
            if let Some((reply, _)) = self.starting.take() {
                drop(reply.send(Err(SandboxError::TimedOut { secs: START_SECS })));
            }
        }
        true
    }
}
