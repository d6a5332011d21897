//! The socket to the kernel: one call at a time, typed.

use std::{
    io::{self, Read, Write},
    os::{
        fd::{AsFd, BorrowedFd},
        unix::net::UnixStream,
    },
};

use aether_protocol::{
    Command, Error, Reply, Request,
    link::{FromAgent, MAX_FRAME_BYTES, ToAgent},
};
use rustix::event::PollFlags;

use crate::signals::{Signals, Woken};

/// How many bytes a length has in front of a frame.
const LENGTH_BYTES: usize = 4;

/// Why a call has no reply.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The kernel has closed the socket.
    #[error("The kernel is gone")]
    Gone,
    /// A TERM came while the call waited for a person.
    #[error("Ended by a signal while waiting")]
    Terminated,
    /// The kernel refused, or failed.
    #[error(transparent)]
    Kernel(#[from] Error),
    /// What came over the socket is not this protocol.
    #[error("The kernel answered in a way that this process does not understand: {0}")]
    Garbled(String),
    /// The socket failed.
    #[error("The socket to the kernel failed: {0}")]
    Io(io::Error),
}

impl From<io::Error> for LinkError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => {
                Self::Gone
            }
            _ => Self::Io(error),
        }
    }
}

/// Whether a TERM ends the wait for a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// The call is a step: it is finished first.
    Step,
    /// The call waits for a person, who may take days.
    Person,
}

/// The socket.
#[derive(Debug)]
pub struct Link {
    stream: UnixStream,
    last_id: u64,
}

impl Link {
    /// A link over this socket.
    pub fn new(stream: UnixStream) -> Self {
        Self { stream, last_id: 0 }
    }

    /// The socket, for whoever waits for something else and wants to know when the kernel is gone.
    pub fn socket(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }

    /// Sends a call and waits for its reply.
    pub fn call<R: Request>(
        &mut self,
        signals: &mut Signals,
        patience: Patience,
        request: R,
    ) -> Result<R::Reply, LinkError> {
        self.last_id += 1;
        let id = self.last_id;
        let command: Command = request.into();
        self.send(&FromAgent { id, command: serde_json::to_value(command).map_err(garbled)? })?;
        loop {
            let reply = match self.receive(signals, patience)? {
                ToAgent::Reply { id: of, reply } if of == id => reply,
                ToAgent::Failed { id: of, error } if of == id => return Err(error.into()),
                // The reply to a call that was given up.
                ToAgent::Reply { .. } | ToAgent::Failed { .. } => continue,
            };
            let reply: Reply = serde_json::from_value(reply).map_err(garbled)?;
            return R::take(reply)
                .ok_or_else(|| LinkError::Garbled(format!("the reply to {} is another call's", R::NAME)));
        }
    }

    fn send(&mut self, frame: &FromAgent) -> Result<(), LinkError> {
        let mut bytes = vec![0; LENGTH_BYTES];
        serde_json::to_writer(&mut bytes, frame).map_err(garbled)?;
        let length = bytes.len() - LENGTH_BYTES;
        if length > MAX_FRAME_BYTES {
            let limit = MAX_FRAME_BYTES >> 20;
            return Err(Error::new(
                aether_protocol::Code::TooLarge,
                format!("The call has {length} bytes, more than {limit} MiB"),
            )
            .into());
        }
        let prefix =
            u32::try_from(length).map_err(|error| LinkError::Garbled(error.to_string()))?.to_le_bytes();
        for (slot, byte) in bytes.iter_mut().zip(prefix) {
            *slot = byte;
        }
        Ok(self.stream.write_all(&bytes)?)
    }

    fn receive(&mut self, signals: &mut Signals, patience: Patience) -> Result<ToAgent, LinkError> {
        loop {
            if patience == Patience::Person && signals.terminated() {
                return Err(LinkError::Terminated);
            }
            if let Woken::Ready(_) = signals.wait(&[(self.stream.as_fd(), PollFlags::IN)], None)? {
                break;
            }
        }
        let mut length = [0; LENGTH_BYTES];
        self.stream.read_exact(&mut length)?;
        let length = u32::from_le_bytes(length) as usize;
        if length > MAX_FRAME_BYTES {
            return Err(LinkError::Garbled(format!("a frame of {length} bytes")));
        }
        let mut bytes = vec![0; length];
        self.stream.read_exact(&mut bytes)?;
        serde_json::from_slice(&bytes).map_err(garbled)
    }
}

fn garbled(error: impl std::fmt::Display) -> LinkError {
    LinkError::Garbled(error.to_string())
}
