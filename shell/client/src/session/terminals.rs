//! The terminals that a session shows.

use std::{
    collections::{HashMap, VecDeque},
    task::Waker,
};

use aether_protocol::{TerminalId, frame::ClientFrame};
use bytes::Bytes;

/// Output kept for a second viewer of the same terminal.
const REPLAY_LIMIT_BYTES: usize = 256 * 1024;
/// Output that waits for a viewer who does not take it. Beyond it the oldest is dropped.
const QUEUE_LIMIT_BYTES: usize = 8 * 1024 * 1024;
/// "Reset to Initial State" (ECMA-48, RIS): a replay of the scrollback follows.
pub(crate) const RESET: Bytes = Bytes::from_static(b"\x1bc");

/// One viewer of a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct LinkId(u64);

#[derive(Default)]
pub(crate) struct Terminals {
    shown: HashMap<TerminalId, Shown>,
    next_link: u64,
}

#[derive(Default)]
struct Shown {
    was_attached: bool,
    replay: VecDeque<Bytes>,
    replay_bytes: usize,
    ended: Option<String>,
    links: HashMap<LinkId, Link>,
}

#[derive(Default)]
struct Link {
    output: VecDeque<Bytes>,
    output_bytes: usize,
    waker: Option<Waker>,
}

impl Link {
    fn push(&mut self, bytes: Bytes) {
        self.output_bytes += bytes.len();
        self.output.push_back(bytes);
        while self.output_bytes > QUEUE_LIMIT_BYTES {
            let Some(oldest) = self.output.pop_front() else { break };
            self.output_bytes -= oldest.len();
        }
        self.wake();
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

impl Terminals {
    /// A new viewer, and whether it is the first one.
    pub(super) fn open(&mut self, terminal: TerminalId) -> (LinkId, bool) {
        let id = LinkId(self.next_link);
        self.next_link += 1;
        let shown = self.shown.entry(terminal).or_default();
        let is_first = shown.links.is_empty();
        let mut link = Link::default();
        for bytes in &shown.replay {
            link.push(bytes.clone());
        }
        shown.links.insert(id, link);
        (id, is_first)
    }

    /// The kernel was asked for its output.
    pub(super) fn attached(&mut self, terminal: TerminalId) {
        if let Some(shown) = self.shown.get_mut(&terminal) {
            shown.was_attached = true;
        }
    }

    /// A viewer is gone. Whether it was the last one of a terminal that goes on.
    pub(super) fn close(&mut self, terminal: TerminalId, link: LinkId) -> bool {
        let Some(shown) = self.shown.get_mut(&terminal) else { return false };
        shown.links.remove(&link);
        if !shown.links.is_empty() {
            return false;
        }
        self.shown.remove(&terminal).is_some_and(|shown| shown.ended.is_none())
    }

    pub(super) fn output(&mut self, terminal: TerminalId, bytes: &Bytes) {
        let Some(shown) = self.shown.get_mut(&terminal) else { return };
        shown.replay_bytes += bytes.len();
        shown.replay.push_back(bytes.clone());
        while shown.replay_bytes > REPLAY_LIMIT_BYTES {
            let Some(oldest) = shown.replay.pop_front() else { break };
            shown.replay_bytes -= oldest.len();
        }
        for link in shown.links.values_mut() {
            link.push(bytes.clone());
        }
    }

    pub(super) fn ended(&mut self, terminal: TerminalId, reason: &str) {
        if let Some(shown) = self.shown.get_mut(&terminal) {
            shown.ended = Some(reason.to_owned());
            shown.links.values_mut().for_each(Link::wake);
        }
    }

    pub(super) fn end_all(&mut self, reason: &str) {
        let all: Vec<TerminalId> = self.shown.keys().copied().collect();
        for terminal in all {
            self.ended(terminal, reason);
        }
    }

    /// The frames that attach every terminal again after a new connection. What was seen of them is reset,
    /// since the kernel replays the scrollback.
    pub(super) fn reattach(&mut self) -> Vec<ClientFrame> {
        let mut frames = Vec::new();
        for (terminal, shown) in self.shown.iter_mut().filter(|(_, shown)| shown.ended.is_none()) {
            if shown.was_attached {
                shown.replay.clear();
                shown.replay_bytes = 0;
                for link in shown.links.values_mut() {
                    link.output.clear();
                    link.output_bytes = 0;
                    link.push(RESET);
                }
            }
            shown.was_attached = true;
            frames.push(ClientFrame::Attach { terminal: *terminal });
        }
        frames
    }

    /// The output that waits for a viewer.
    pub(crate) fn drain(&mut self, terminal: TerminalId, link: LinkId) -> Vec<Bytes> {
        let Some(link) = self.shown.get_mut(&terminal).and_then(|shown| shown.links.get_mut(&link)) else {
            return Vec::new();
        };
        link.output_bytes = 0;
        link.output.drain(..).collect()
    }

    /// Why a terminal has ended; `None` while it goes on.
    pub(crate) fn why_ended(&self, terminal: TerminalId) -> Option<String> {
        self.shown.get(&terminal).and_then(|shown| shown.ended.clone())
    }

    /// Whether it is shown and has not ended.
    pub(super) fn goes_on(&self, terminal: TerminalId) -> bool {
        self.shown.get(&terminal).is_some_and(|shown| shown.ended.is_none())
    }

    /// Whether something waits for a viewer; if not, `waker` is woken when something does.
    pub(crate) fn has_news(&mut self, terminal: TerminalId, link: LinkId, waker: &Waker) -> bool {
        let Some(shown) = self.shown.get_mut(&terminal) else { return true };
        let ended = shown.ended.is_some();
        let Some(link) = shown.links.get_mut(&link) else { return true };
        let news = ended || !link.output.is_empty();
        if !news {
            link.waker = Some(waker.clone());
        }
        news
    }
}
