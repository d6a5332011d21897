//! A viewer of a terminal that the kernel keeps.

use std::{future::poll_fn, sync::Arc, task::Poll};

use aether_protocol::TerminalId;
use bytes::Bytes;

use crate::{client::Handle, session::LinkId};

/// A viewer of a terminal that the kernel keeps. Dropping it ends the view, not the shell.
///
/// After a lost connection the terminal is attached again by itself. The kernel then replays the
/// scrollback; before it the output holds a reset sequence (`ESC c`), so that a terminal widget starts anew.
pub struct TerminalLink {
    pub(crate) handle: Arc<Handle>,
    pub(crate) terminal: TerminalId,
    pub(crate) link: LinkId,
}

impl TerminalLink {
    /// Which terminal.
    pub fn terminal(&self) -> TerminalId {
        self.terminal
    }

    /// Types. Returns false when there is no connection: the keys are dropped then, since typed blind they
    /// could do harm later.
    pub fn send(&self, bytes: &[u8]) -> bool {
        self.handle.shared.session.lock().type_into(self.terminal, bytes)
    }

    /// The output since the last time.
    pub fn drain(&self) -> Vec<Bytes> {
        self.handle.shared.session.lock().terminals().drain(self.terminal, self.link)
    }

    /// Why it has ended; `None` while it goes on.
    pub fn ended(&self) -> Option<String> {
        self.handle.shared.session.lock().terminals().why_ended(self.terminal)
    }

    /// Waits until there is output to drain, or the terminal has ended.
    pub async fn changed(&self) {
        poll_fn(|cx| {
            let mut session = self.handle.shared.session.lock();
            if session.terminals().has_news(self.terminal, self.link, cx.waker()) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }
}

impl Drop for TerminalLink {
    fn drop(&mut self) {
        self.handle.shared.session.lock().close_terminal(self.terminal, self.link);
    }
}

impl std::fmt::Debug for TerminalLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TerminalLink").field("terminal", &self.terminal).finish_non_exhaustive()
    }
}
