//! What a session asks of its driver.

use std::{
    collections::VecDeque,
    task::{Poll, Waker},
};

use aether_protocol::frame::ClientFrame;

use super::{LinkId, Session, terminals};
use crate::Token;

/// A frame of the WebSocket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    Text(String),
    Binary(Vec<u8>),
}

/// What a session asks of its driver.
#[derive(Debug, PartialEq)]
pub(crate) enum Order {
    /// Send this.
    Send(Frame),
    /// Connect with this token (with the cookie, in a browser).
    SignedIn(Option<Token>),
    /// Close the connection: the session has ended.
    SignedOut,
    /// Try again at once.
    Retry,
    /// Close the connection: nobody holds the client any more.
    Close,
}

#[derive(Default)]
pub(super) struct Orders {
    queue: VecDeque<Order>,
    driver: Option<Waker>,
}

impl Orders {
    pub(super) fn push(&mut self, order: Order) {
        self.queue.push_back(order);
        if let Some(waker) = self.driver.take() {
            waker.wake();
        }
    }

    pub(super) fn text(&mut self, text: String) {
        self.push(Order::Send(Frame::Text(text)));
    }

    pub(super) fn frame(&mut self, frame: &ClientFrame) {
        match serde_json::to_string(frame) {
            Ok(text) => self.text(text),
            Err(error) => tracing::error!(%error, "a frame cannot be written"),
        }
    }

    /// Drops what was meant for a connection that is gone.
    pub(super) fn forget_frames(&mut self) {
        self.queue.retain(|order| !matches!(order, Order::Send(_)));
    }
}

impl Session {
    /// The next order, for the driver.
    pub(crate) fn next_order(&mut self, waker: &Waker) -> Poll<Order> {
        if let Some(order) = self.orders.queue.pop_front() {
            return Poll::Ready(order);
        }
        self.orders.driver = Some(waker.clone());
        Poll::Pending
    }

    /// Gives the driver an order.
    pub(crate) fn order(&mut self, order: Order) {
        self.orders.push(order);
    }

    /// A viewer of a terminal.
    pub(crate) fn open_terminal(&mut self, terminal: aether_protocol::TerminalId) -> LinkId {
        let (link, is_first) = self.terminals.open(terminal);
        if is_first && self.is_online() {
            self.terminals.attached(terminal);
            self.orders.frame(&ClientFrame::Attach { terminal });
        }
        link
    }

    /// A viewer is gone.
    pub(crate) fn close_terminal(&mut self, terminal: aether_protocol::TerminalId, link: LinkId) {
        if self.terminals.close(terminal, link) && self.is_online() {
            self.orders.frame(&ClientFrame::Detach { terminal });
        }
    }

    /// Keys. They are dropped while there is no connection (typed blind, they could do harm later) and once
    /// the terminal has ended.
    pub(crate) fn type_into(&mut self, terminal: aether_protocol::TerminalId, bytes: &[u8]) -> bool {
        let takes_keys = self.is_online() && self.terminals.goes_on(terminal);
        if takes_keys {
            let frame = aether_protocol::frame::TerminalFrame { terminal, bytes }.encode();
            self.orders.push(Order::Send(Frame::Binary(frame)));
        }
        takes_keys
    }

    /// Takes a binary frame of the kernel.
    pub(crate) fn binary(&mut self, bytes: &bytes::Bytes) {
        let Some(frame) = aether_protocol::frame::TerminalFrame::decode(bytes) else {
            return tracing::warn!("a binary frame of the kernel was too short");
        };
        self.terminals.output(frame.terminal, &bytes.slice_ref(frame.bytes));
    }

    pub(crate) fn terminals(&mut self) -> &mut terminals::Terminals {
        &mut self.terminals
    }

    fn is_online(&self) -> bool {
        matches!(self.phase, super::Phase::Online)
    }
}
