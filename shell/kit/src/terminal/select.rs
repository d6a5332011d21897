//! Selecting text. Lines are counted from the oldest that is kept, so that a selection stays on its text while
//! the view scrolls.

use egui::Vec2;

use super::screen::Reports;

/// A cell: its line, counted from the oldest kept, and its column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Spot {
    pub(super) line: usize,
    pub(super) col: u16,
}

/// From one cell to another, both included, in either order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Selection {
    pub(super) from: Spot,
    pub(super) to: Spot,
}

impl Spot {
    /// The cell at an offset from the first one that is shown.
    pub(super) fn at(screen: &vt100::Screen, offset: Vec2, cell: Vec2) -> Self {
        let (rows, cols) = screen.size();
        let row = (offset.y / cell.y).floor().clamp(0.0, f32::from(rows.get() - 1)) as usize;
        let col = (offset.x / cell.x).floor().clamp(0.0, f32::from(cols.get() - 1)) as u16;
        Self { line: first_line(screen) + row, col }
    }
}

/// The number of the line that is shown first.
pub(super) fn first_line(screen: &vt100::Screen) -> usize {
    screen.scrollback_len().saturating_sub(screen.scrollback())
}

impl Selection {
    fn ordered(self) -> (Spot, Spot) {
        if self.from <= self.to { (self.from, self.to) } else { (self.to, self.from) }
    }

    /// The columns selected in a line, the end excluded.
    pub(super) fn columns(self, line: usize, cols: u16) -> Option<std::ops::Range<u16>> {
        let (start, end) = self.ordered();
        if line < start.line || line > end.line {
            return None;
        }
        let first = if line == start.line { start.col } else { 0 };
        let last = if line == end.line { end.col + 1 } else { cols };
        Some(first..last.min(cols))
    }
}

/// The whole line.
pub(super) fn line(screen: &vt100::Screen, at: Spot) -> Selection {
    let (_, cols) = screen.size();
    Selection { from: Spot { col: 0, ..at }, to: Spot { col: cols.get() - 1, ..at } }
}

/// The word around a cell: what has no space, and no bracket or quote, in it.
pub(super) fn word(parser: &mut vt100::Parser<Reports>, at: Spot) -> Selection {
    let screen = parser.screen();
    let row = u16::try_from(at.line.saturating_sub(first_line(screen))).unwrap_or(0);
    let is_word = |col: u16| {
        screen.cell(row, col).is_some_and(|cell| {
            cell.is_wide_continuation()
                || cell
                    .contents()
                    .chars()
                    .next()
                    .is_some_and(|c| !c.is_whitespace() && !"()[]{}<>'\"`|".contains(c))
        })
    };
    let (_, cols) = screen.size();
    let (mut first, mut last) = (at.col, at.col);
    if is_word(at.col) {
        while first > 0 && is_word(first - 1) {
            first -= 1;
        }
        while last + 1 < cols.get() && is_word(last + 1) {
            last += 1;
        }
    }
    Selection { from: Spot { col: first, ..at }, to: Spot { col: last, ..at } }
}

/// The text of a selection. Lines that were only wrapped come out as one.
pub(super) fn text(parser: &mut vt100::Parser<Reports>, selection: Selection) -> String {
    let (start, end) = selection.ordered();
    let before = parser.screen().scrollback();
    let (_, cols) = parser.screen().size();
    let mut text = String::new();
    for line in start.line..=end.line {
        let screen = parser.screen_mut();
        // Brings the line into view: the screen only gives out what it shows.
        screen.set_scrollback(screen.scrollback_len().saturating_sub(line));
        let row = u16::try_from(line.saturating_sub(first_line(screen))).unwrap_or(0);
        let Some(columns) = selection.columns(line, cols.get()) else { continue };
        let mut words = String::new();
        for col in columns {
            if let Some(cell) = screen.cell(row, col)
                && !cell.is_wide_continuation()
            {
                words.push_str(if cell.has_contents() { cell.contents() } else { " " });
            }
        }
        let wrapped = screen.row_wrapped(row);
        text.push_str(if wrapped { &words } else { words.trim_end() });
        if line != end.line && !wrapped {
            text.push('\n');
        }
    }
    parser.screen_mut().set_scrollback(before);
    text
}
