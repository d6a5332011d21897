//! One shell: opening, attached, or ended.

use aether_client::{Pending, TerminalLink};
use aether_kit::TerminalView;
use aether_protocol::{
    Error, TerminalId,
    terminal::{Size, Terminal as Shell},
};

/// How a shell is.
pub(super) enum Phase {
    /// The kernel is asked for it.
    Opening(Pending<Shell>),
    /// It runs and is seen.
    Attached { link: TerminalLink, resizing: Option<Pending<Shell>> },
    /// It has ended.
    Ended { reason: String },
    /// It could not be opened.
    Failed(Error),
}

/// A shell in its tab.
pub(super) struct Tab {
    pub(super) view: TerminalView,
    pub(super) phase: Phase,
    /// A size that the kernel has not been told yet.
    pub(super) wanted: Option<Size>,
}

impl Tab {
    /// A shell that the kernel was asked for.
    pub(super) fn opening(pending: Pending<Shell>) -> Self {
        let mut view = TerminalView::new();
        view.focus();
        Self { view, phase: Phase::Opening(pending), wanted: None }
    }

    /// A shell that runs already.
    pub(super) fn attached(shell: &Shell, link: TerminalLink) -> Self {
        let mut view = TerminalView::new();
        view.set_size(shell.size.cols, shell.size.rows);
        view.focus();
        Self { view, phase: Phase::Attached { link, resizing: None }, wanted: None }
    }

    /// Its size as it is shown.
    pub(super) fn size(&self) -> Size {
        let (cols, rows) = self.view.size();
        Size { cols, rows }
    }

    /// The shell, while it runs.
    pub(super) fn terminal(&self) -> Option<TerminalId> {
        match &self.phase {
            Phase::Attached { link, .. } => Some(link.terminal()),
            _ => None,
        }
    }

    /// Takes in what has come and sends what was typed. Says whether keys arrived, where some were typed.
    pub(super) fn logic(&mut self, attach: impl FnOnce(TerminalId) -> TerminalLink) -> Option<bool> {
        match &mut self.phase {
            Phase::Opening(pending) => {
                match pending.take() {
                    None => {}
                    Some(Ok(shell)) => {
                        self.phase = Phase::Attached { link: attach(shell.id), resizing: None };
                        // The window may have another size than the one that was asked for.
                        self.wanted = Some(self.size()).filter(|size| *size != shell.size);
                    }
                    Some(Err(error)) => self.phase = Phase::Failed(error),
                }
                None
            }
            Phase::Attached { link, .. } => {
                for bytes in link.drain() {
                    self.view.feed(&bytes);
                }
                let input = self.view.take_input();
                let arrived = (!input.is_empty()).then(|| link.send(&input));
                if let Some(reason) = link.ended() {
                    self.phase = Phase::Ended { reason };
                }
                arrived
            }
            Phase::Ended { .. } | Phase::Failed(_) => None,
        }
    }

    /// Tells the kernel the size that is wanted, one change at a time, so that the last one wins.
    pub(super) fn send_size(&mut self, resize: impl FnOnce(TerminalId, Size) -> Pending<Shell>) {
        let Phase::Attached { link, resizing } = &mut self.phase else { return };
        if resizing.as_mut().is_some_and(|pending| pending.take().is_none()) {
            return;
        }
        *resizing = self.wanted.take().map(|size| resize(link.terminal(), size));
    }
}
