//! What travels over a WebSocket at `/api/v1/ws`.
//!
//! Text frames are JSON: [`ClientFrame`] towards the kernel, [`ServerFrame`] back. Binary frames carry
//! terminals ([`TerminalFrame`]).

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::{Error, Event, Live, Seq, TerminalId};

/// From a client.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ClientFrame {
    /// A command. `command` is `{"call": …, "args": …}`.
    Call {
        /// The client's number for it; the reply carries it.
        id: u64,
        /// The command, kept as a value so that a bad one is answered under its id.
        command: Value,
    },
    /// Starts the stream of events; a second one moves it.
    Subscribe {
        /// Everything after this event; only what is new when left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<Seq>,
    },
    /// Starts the output of a terminal, the scrollback first.
    Attach {
        /// Which.
        terminal: TerminalId,
    },
    /// Ends the output of a terminal; the shell goes on.
    Detach {
        /// Which.
        terminal: TerminalId,
    },
}

/// From the kernel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerFrame {
    /// First of all: who is there.
    Hello {
        /// The version of Aether.
        version: String,
        /// The last event.
        last_seq: Seq,
    },
    /// A command was done. `reply` is `{"call": …, "reply": …}`.
    Reply {
        /// The client's number.
        id: u64,
        /// A [`crate::Reply`].
        reply: Value,
    },
    /// A command was refused or failed.
    Failed {
        /// The client's number.
        id: u64,
        /// Why.
        error: Error,
    },
    /// The stream of events starts.
    Subscribed {
        /// The last event before the stream.
        after: Seq,
        /// The oldest event still kept; later than asked for means that there is a gap.
        oldest: Seq,
    },
    /// Events, in order, without gaps.
    Events {
        /// At least one.
        events: Vec<Event>,
    },
    /// What is shown while it happens.
    Live {
        /// At least one.
        live: Vec<Live>,
    },
    /// A terminal ended, or cannot be attached.
    TerminalEnded {
        /// Which.
        terminal: TerminalId,
        /// Why.
        reason: String,
    },
    /// The frame was not understood; the connection stays.
    Refused {
        /// Why.
        error: Error,
    },
}

/// Bytes of a terminal: 16 bytes of its id, then the bytes. Towards the kernel they are keys, back they
/// are output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TerminalFrame<'a> {
    /// Which.
    pub terminal: TerminalId,
    /// What.
    pub bytes: &'a [u8],
}

impl<'a> TerminalFrame<'a> {
    /// As it travels.
    pub fn encode(&self) -> Vec<u8> {
        let mut frame = Vec::with_capacity(16 + self.bytes.len());
        frame.extend_from_slice(self.terminal.0.as_bytes());
        frame.extend_from_slice(self.bytes);
        frame
    }

    /// `None` when it is too short to hold an id.
    pub fn decode(frame: &'a [u8]) -> Option<Self> {
        let (id, bytes) = frame.split_first_chunk::<16>()?;
        Some(Self { terminal: TerminalId(Uuid::from_bytes(*id)), bytes })
    }
}
