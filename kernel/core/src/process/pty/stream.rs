//! One viewer of a terminal.

use std::{io, sync::Arc};

use bytes::Bytes;
use tokio::sync::watch;

use super::{
    scrollback::Piece,
    session::{Progress, Session},
};

/// The most that one call returns.
const PIECE_BYTES: usize = 32 * 1024;

/// Sees a terminal and types into it.
#[derive(Debug)]
pub struct TerminalStream {
    session: Arc<Session>,
    position: u64,
    progress: watch::Receiver<Progress>,
}

impl TerminalStream {
    pub(super) fn new(session: Arc<Session>) -> Self {
        let progress = session.progress();
        // What fell out of the scrollback before this viewer came is not missed by it.
        let position = session.with_scrollback(|scrollback| {
            let first = scrollback.after(0, 0);
            first.position
        });
        Self { session, position, progress }
    }

    /// The next output, at most 32 KiB: the scrollback first. `None` when the terminal has ended and all was
    /// returned. A viewer that fell behind by more than the scrollback gets a reset of the terminal's state
    /// and a line that says how much is missing, then the rest. May be dropped while it waits.
    pub async fn next_output(&mut self) -> Option<Bytes> {
        loop {
            // Before looking, so that what comes in between is seen by the next wait.
            let over = self.progress.borrow_and_update().over;
            let Piece { skipped, bytes, position } =
                self.session.with_scrollback(|scrollback| scrollback.after(self.position, PIECE_BYTES));
            self.position = position;
            if skipped > 0 {
                let mut told = format!("\x1bc[{skipped} bytes of output were skipped]\r\n").into_bytes();
                told.extend(bytes);
                return Some(told.into());
            }
            if !bytes.is_empty() {
                return Some(bytes.into());
            }
            if over || self.progress.changed().await.is_err() {
                return None;
            }
        }
    }

    /// How many bytes the terminal had written where this viewer is.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// Types. Waits while the program inside does not read, so that no input is kept in the kernel.
    pub async fn input(&self, bytes: &[u8]) -> io::Result<()> {
        self.session.input(bytes).await
    }

    /// Another hand that types into the same terminal, for a task of its own.
    pub fn keyboard(&self) -> TerminalKeyboard {
        TerminalKeyboard { session: Arc::clone(&self.session) }
    }

    /// Why the terminal ended, once it has.
    pub fn reason(&self) -> Option<String> {
        self.session.reason()
    }
}

/// Types into a terminal.
#[derive(Clone, Debug)]
pub struct TerminalKeyboard {
    session: Arc<Session>,
}

impl TerminalKeyboard {
    /// As [`TerminalStream::input`].
    pub async fn input(&self, bytes: &[u8]) -> io::Result<()> {
        self.session.input(bytes).await
    }
}
