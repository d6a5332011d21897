//! Painting the grid: runs of cells that look alike become one piece of text each.

use egui::{
    Color32, CornerRadius, FontFamily, FontId, Painter, Pos2, Rect, Stroke, StrokeKind, Ui, Vec2, pos2,
    text::{LayoutJob, TextFormat},
    vec2,
};

use super::{
    palette,
    select::{Selection, first_line},
};
use crate::{Tokens, fonts, tokens, with_alpha};

/// Where and how large the grid is painted.
pub(super) struct Frame {
    pub(super) origin: Pos2,
    pub(super) cell: Vec2,
    pub(super) font_size: f32,
    pub(super) focused: bool,
    pub(super) cursor: bool,
}

/// The size of a cell, in points.
pub(super) fn cell_size(ui: &Ui, font: &FontId) -> Vec2 {
    let (width, height) = ui.fonts_mut(|fonts| (fonts.glyph_width(font, 'M'), fonts.row_height(font)));
    vec2(width.max(1.0), height.max(1.0))
}

/// How a cell looks.
#[derive(Clone, Copy, PartialEq)]
struct Look {
    text: Color32,
    background: Option<Color32>,
    bold: bool,
    italic: bool,
    underline: bool,
}

fn look(tokens: &Tokens, cell: &vt100::Cell) -> Look {
    let mut text = palette::color(tokens, cell.fgcolor(), tokens.text, cell.bold());
    let mut background = match cell.bgcolor() {
        vt100::Color::Default => None,
        color => Some(palette::color(tokens, color, tokens.surface_0, false)),
    };
    if cell.inverse() {
        let behind = background.unwrap_or(tokens.surface_0);
        background = Some(text);
        text = behind;
    }
    if cell.dim() {
        text = palette::dimmed(text, background.unwrap_or(tokens.surface_0));
    }
    Look { text, background, bold: cell.bold(), italic: cell.italic(), underline: cell.underline() }
}

/// Paints the screen.
pub(super) fn screen(
    ui: &Ui,
    painter: &Painter,
    screen: &vt100::Screen,
    selection: Option<Selection>,
    frame: &Frame,
) {
    let tokens = tokens(ui);
    let (rows, cols) = screen.size();
    let first = first_line(screen);
    for row in 0..rows.get() {
        let top = frame.origin.y + f32::from(row) * frame.cell.y;
        if top + frame.cell.y < painter.clip_rect().top() || top > painter.clip_rect().bottom() {
            continue;
        }
        let selected =
            selection.and_then(|selection| selection.columns(first + usize::from(row), cols.get()));
        paint_row(tokens, painter, screen, row, top, frame);
        if let Some(columns) = selected {
            let rect = cells(frame, top, columns.start, columns.end);
            painter.rect_filled(
                rect,
                0.0,
                with_alpha(tokens.accent_fill, if tokens.dark { 0.45 } else { 0.25 }),
            );
        }
    }
    if frame.cursor && screen.scrollback() == 0 && !screen.hide_cursor() {
        cursor(tokens, painter, screen, frame);
    }
}

fn cells(frame: &Frame, top: f32, from: u16, to: u16) -> Rect {
    let x = |col: u16| frame.origin.x + f32::from(col) * frame.cell.x;
    Rect::from_min_max(pos2(x(from), top), pos2(x(to), top + frame.cell.y))
}

fn paint_row(tokens: &Tokens, painter: &Painter, screen: &vt100::Screen, row: u16, top: f32, frame: &Frame) {
    let (_, cols) = screen.size();
    let mut run = Run::default();
    for col in 0..cols.get() {
        let Some(cell) = screen.cell(row, col) else { continue };
        if cell.is_wide_continuation() {
            continue;
        }
        let look = look(tokens, cell);
        if run.look != Some(look) {
            run.flush(painter, top, frame);
            run = Run { look: Some(look), start: col, end: col, text: String::new() };
        }
        let contents = if cell.has_contents() { cell.contents() } else { " " };
        // What another font may have to draw is placed by itself, so that it cannot push its neighbours.
        let known = contents.is_ascii() || contents.chars().all(|c| ('\u{2500}'..'\u{25a0}').contains(&c));
        let width = if cell.is_wide() { 2 } else { 1 };
        if known {
            run.text.push_str(contents);
            run.end = col + width;
        } else {
            run.flush(painter, top, frame);
            let mut alone = Run { look: Some(look), start: col, end: col + width, text: contents.to_owned() };
            alone.flush(painter, top, frame);
            run = Run { look: Some(look), start: col + width, end: col + width, text: String::new() };
        }
    }
    run.flush(painter, top, frame);
}

/// Neighbouring cells that look alike.
#[derive(Default)]
struct Run {
    look: Option<Look>,
    start: u16,
    end: u16,
    text: String,
}

impl Run {
    fn flush(&mut self, painter: &Painter, top: f32, frame: &Frame) {
        let Some(look) = self.look else { return };
        if self.end <= self.start {
            return;
        }
        let rect = cells(frame, top, self.start, self.end);
        if let Some(background) = look.background {
            painter.rect_filled(rect, 0.0, background);
        }
        let text = self.text.trim_end();
        if text.is_empty() && !look.underline {
            return;
        }
        let family =
            if look.bold { FontFamily::Name(fonts::MONO_BOLD.into()) } else { FontFamily::Monospace };
        let format = TextFormat {
            font_id: FontId::new(frame.font_size, family),
            color: look.text,
            italics: look.italic,
            ..TextFormat::default()
        };
        let mut job = LayoutJob::single_section(text.to_owned(), format);
        job.wrap.max_width = f32::INFINITY;
        job.break_on_newline = false;
        let galley = painter.layout_job(job);
        painter.galley(rect.min, galley, look.text);
        if look.underline {
            painter.hline(rect.x_range(), rect.bottom() - 2.0, Stroke::new(1.0, look.text));
        }
    }
}

fn cursor(tokens: &Tokens, painter: &Painter, screen: &vt100::Screen, frame: &Frame) {
    let (row, col) = screen.cursor_position();
    let top = frame.origin.y + f32::from(row) * frame.cell.y;
    let under = screen.cell(row, col);
    let width = if under.is_some_and(vt100::Cell::is_wide) { 2 } else { 1 };
    let rect = cells(frame, top, col, col + width);
    if !frame.focused {
        painter.rect_stroke(
            rect,
            CornerRadius::same(1),
            Stroke::new(1.0, tokens.text_muted),
            StrokeKind::Inside,
        );
        return;
    }
    painter.rect_filled(rect, CornerRadius::same(1), tokens.accent);
    if let Some(cell) = under
        && cell.has_contents()
    {
        let look = Look { text: tokens.surface_0, background: None, ..look(tokens, cell) };
        let mut run =
            Run { look: Some(look), start: col, end: col + width, text: cell.contents().to_owned() };
        run.flush(painter, top, frame);
    }
}

/// A mark at the right while the view stands above the newest line.
pub(super) fn scroll_mark(ui: &Ui, rect: Rect, screen: &vt100::Screen) {
    let behind = screen.scrollback();
    if behind == 0 {
        return;
    }
    let tokens = tokens(ui);
    let shown = f32::from(screen.size().0.get());
    let all = screen.scrollback_len() as f32 + shown;
    let height = (rect.height() * shown / all).max(24.0);
    let share = 1.0 - behind as f32 / screen.scrollback_len().max(1) as f32;
    let top = rect.top() + share * (rect.height() - height);
    let mark = Rect::from_min_size(pos2(rect.right() - 6.0, top), vec2(4.0, height));
    ui.painter().rect_filled(mark, CornerRadius::same(2), with_alpha(tokens.text_muted, 0.7));
}
