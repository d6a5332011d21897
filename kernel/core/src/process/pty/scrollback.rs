//! The last output of a terminal, addressed by how many bytes came before.

use std::collections::VecDeque;

/// How much is kept.
pub(super) const SCROLLBACK_BYTES: usize = 256 * 1024;

/// How far is looked for a line's end to begin after.
const LINE_SEARCH_BYTES: usize = 4096;

/// A ring of bytes. Position 0 is the first byte that the terminal ever wrote.
#[derive(Debug, Default)]
pub(super) struct Scrollback {
    bytes: VecDeque<u8>,
    dropped: u64,
}

/// What a viewer gets.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// Bytes that the viewer has missed before these.
    pub(super) skipped: u64,
    /// What to show; empty when there is nothing new.
    pub(super) bytes: Vec<u8>,
    /// The viewer's new position.
    pub(super) position: u64,
}

impl Scrollback {
    /// The position after the last byte.
    pub(super) fn end(&self) -> u64 {
        self.dropped + self.bytes.len() as u64
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend(bytes);
        let surplus = self.bytes.len().saturating_sub(SCROLLBACK_BYTES);
        self.bytes.drain(..surplus);
        self.dropped += surplus as u64;
    }

    /// What follows `position`, at most `max_bytes`. Where that is gone already, what follows the first whole
    /// line that is left, so that no escape sequence or character is cut in two.
    pub(super) fn after(&self, position: u64, max_bytes: usize) -> Piece {
        let start = if position < self.dropped { self.dropped + self.line_start() } else { position };
        let offset = usize::try_from(start.saturating_sub(self.dropped)).unwrap_or(usize::MAX);
        let bytes: Vec<u8> = self.bytes.iter().skip(offset).take(max_bytes).copied().collect();
        Piece { skipped: start.saturating_sub(position), position: start + bytes.len() as u64, bytes }
    }

    fn line_start(&self) -> u64 {
        let end = self.bytes.iter().take(LINE_SEARCH_BYTES).position(|byte| *byte == b'\n');
        end.map_or(0, |at| at as u64 + 1)
    }
}
