//! A terminal: bytes in, a grid of cells on the screen, keys out.
//!
//! The emulation is `vt100`'s (alacritty_terminal does not build for wasm32); painting, selection and keys are
//! ours. Output goes in by [`TerminalView::feed`], what the person typed comes out of
//! [`TerminalView::take_input`], and the size that fits out of [`TerminalView::take_resize`].

mod keys;
mod paint;
mod palette;
mod screen;
mod select;

use std::num::NonZeroU16;

use egui::{CursorIcon, EventFilter, Response, Role, Sense, Ui, Vec2, WidgetInfo};

use crate::{TextKind, focus_ring, tokens};
use screen::Reports;
use select::Selection;

/// Lines kept above the screen.
const SCROLLBACK_LINES: usize = 10_000;

/// A terminal on the screen.
pub struct TerminalView {
    parser: vt100::Parser<Reports>,
    input: Vec<u8>,
    resized: Option<(u16, u16)>,
    selection: Option<Selection>,
    wheel_points: f32,
    read_only: bool,
    takes_focus: bool,
}

impl Default for TerminalView {
    fn default() -> Self {
        Self::new()
    }
}

fn at_least_one(number: u16) -> NonZeroU16 {
    NonZeroU16::new(number).unwrap_or(NonZeroU16::MIN)
}

impl TerminalView {
    /// An empty terminal of 80 columns and 24 rows.
    pub fn new() -> Self {
        Self {
            parser: parser(80, 24),
            input: Vec::new(),
            resized: None,
            selection: None,
            wheel_points: 0.0,
            read_only: false,
            takes_focus: false,
        }
    }

    /// One that shows and scrolls but takes no keys: a preview, or somebody else's.
    #[must_use]
    pub fn read_only(mut self) -> Self {
        self.read_only = true;
        self
    }

    /// Takes in what the shell wrote. Bytes may be cut anywhere.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.parser.process(bytes);
        let answers = std::mem::take(&mut self.parser.callbacks_mut().answers);
        if !self.read_only {
            self.input.extend(answers);
        }
    }

    /// Forgets everything: before the scrollback is sent again.
    pub fn reset(&mut self) {
        let (cols, rows) = self.size();
        self.parser = parser(cols, rows);
        self.selection = None;
        self.input.clear();
    }

    /// What is to be sent to the shell: keys, pasted text, answers to its questions.
    pub fn take_input(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.input)
    }

    /// Columns and rows, when they have changed since the last call.
    pub fn take_resize(&mut self) -> Option<(u16, u16)> {
        self.resized.take()
    }

    /// Columns and rows.
    pub fn size(&self) -> (u16, u16) {
        let (rows, cols) = self.parser.screen().size();
        (cols.get(), rows.get())
    }

    /// Sets columns and rows without being drawn: what the shell was told.
    pub fn set_size(&mut self, cols: u16, rows: u16) {
        self.parser.set_size(at_least_one(rows), at_least_one(cols));
    }

    /// The title that the shell has set.
    pub fn title(&self) -> Option<&str> {
        self.parser.callbacks().title.as_deref()
    }

    /// What is on the screen, as text.
    pub fn text(&self) -> String {
        self.parser.screen().contents()
    }

    /// What is selected, as text.
    pub fn selected_text(&mut self) -> Option<String> {
        let selection = self.selection?;
        Some(select::text(&mut self.parser, selection)).filter(|text| !text.is_empty())
    }

    /// Takes the keyboard when it is next drawn.
    pub fn focus(&mut self) {
        self.takes_focus = true;
    }

    /// As if the person had pasted `text`.
    pub fn paste(&mut self, text: &str) {
        if !self.read_only {
            let bracketed = self.parser.screen().bracketed_paste();
            self.input.extend(keys::paste(text, bracketed));
        }
    }

    /// Draws it in all the room there is, and answers input. `name` is for screen readers.
    pub fn ui(&mut self, ui: &mut Ui, name: &str) -> Response {
        let tokens = tokens(ui);
        let (rect, response) = ui.allocate_exact_size(ui.available_size(), Sense::click_and_drag());
        let cell = paint::cell_size(ui, &TextKind::Mono.font());
        let inside = rect.shrink2(Vec2::new(10.0, 8.0));
        self.fit(inside.size(), cell);

        if self.takes_focus {
            self.takes_focus = false;
            response.request_focus();
        }
        if response.clicked() || response.drag_started() {
            response.request_focus();
        }
        self.point(ui, &response, inside.min, cell);
        self.wheel(ui, &response, cell);
        if response.has_focus() {
            let filter =
                EventFilter { tab: true, horizontal_arrows: true, vertical_arrows: true, escape: true };
            ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, filter));
            self.type_in(ui);
        }
        response.widget_info(|| {
            let mut info = WidgetInfo::labeled(Role::Terminal, ui.is_enabled(), name);
            info.current_text_value = Some(self.parser.screen().contents());
            info
        });
        if ui.is_rect_visible(rect) {
            ui.painter().rect_filled(rect, 0.0, tokens.surface_0);
            let font = TextKind::Mono.font().size;
            let focused = response.has_focus() && !self.read_only;
            let frame = paint::Frame { origin: inside.min, cell, font_size: font, focused, cursor: true };
            paint::screen(ui, &ui.painter_at(rect), self.parser.screen(), self.selection, &frame);
            paint::scroll_mark(ui, rect, self.parser.screen());
            if response.has_focus() && ui.input(|input| input.key_down(egui::Key::Tab)) {
                focus_ring(ui, &response, rect.shrink(3.0), 4);
            }
        }
        response.on_hover_cursor(CursorIcon::Text)
    }

    /// Paints the screen small, without input: for previews. Shows the lines around the cursor when not all fit.
    pub fn preview(&self, ui: &Ui, rect: egui::Rect) {
        let tokens = tokens(ui);
        let painter = ui.painter_at(rect);
        painter.rect_filled(rect, 0.0, tokens.surface_0);
        let (cols, rows) = self.size();
        let wanted = TextKind::Mono.font();
        let natural = paint::cell_size(ui, &wanted);
        let share = (rect.width() / (natural.x * f32::from(cols))).clamp(0.42, 1.0);
        let font_size = wanted.size * share;
        let cell = paint::cell_size(ui, &egui::FontId::new(font_size, wanted.family));
        let fit = (rect.height() / cell.y).floor().max(1.0) as u16;
        let (cursor_row, _) = self.parser.screen().cursor_position();
        let first = (cursor_row + 1).saturating_sub(fit).min(rows.saturating_sub(1));
        let origin = rect.min - Vec2::new(0.0, f32::from(first) * cell.y);
        let frame = paint::Frame { origin, cell, font_size, focused: false, cursor: false };
        paint::screen(ui, &painter, self.parser.screen(), None, &frame);
    }

    fn fit(&mut self, room: Vec2, cell: Vec2) {
        let cols = (room.x / cell.x).floor().clamp(2.0, 1000.0) as u16;
        let rows = (room.y / cell.y).floor().clamp(1.0, 1000.0) as u16;
        if self.size() != (cols, rows) {
            self.selection = None;
            self.set_size(cols, rows);
            self.resized = Some((cols, rows));
        }
    }

    fn wheel(&mut self, ui: &Ui, response: &Response, cell: Vec2) {
        if !response.hovered() {
            return;
        }
        let delta = ui.input(|input| input.smooth_scroll_delta().y);
        if delta == 0.0 {
            return;
        }
        ui.input_mut(|input| input.smooth_scroll_delta = Vec2::ZERO);
        self.wheel_points += delta;
        let lines = (self.wheel_points / cell.y).trunc();
        self.wheel_points -= lines * cell.y;
        let lines = lines as i64;
        if lines == 0 {
            return;
        }
        let screen = self.parser.screen_mut();
        if screen.alternate_screen() {
            // Full-screen programs have no scrollback; they get arrow keys, as other terminals do.
            let key: &[u8] = match (lines > 0, screen.application_cursor()) {
                (true, true) => b"\x1bOA",
                (true, false) => b"\x1b[A",
                (false, true) => b"\x1bOB",
                (false, false) => b"\x1b[B",
            };
            if !self.read_only {
                for _ in 0..lines.unsigned_abs() {
                    self.input.extend(key);
                }
            }
        } else {
            let now = i64::try_from(screen.scrollback()).unwrap_or(0);
            screen.set_scrollback(usize::try_from((now + lines).max(0)).unwrap_or(0));
        }
    }

    fn point(&mut self, ui: &Ui, response: &Response, origin: egui::Pos2, cell: Vec2) {
        let Some(pointer) = response.interact_pointer_pos() else { return };
        let at = select::Spot::at(self.parser.screen(), pointer - origin, cell);
        if response.triple_clicked() {
            self.selection = Some(select::line(self.parser.screen(), at));
        } else if response.double_clicked() {
            self.selection = Some(select::word(&mut self.parser, at));
        } else if response.drag_started() {
            let from = ui.input(|input| input.pointer.press_origin()).unwrap_or(pointer);
            let from = select::Spot::at(self.parser.screen(), from - origin, cell);
            self.selection = Some(Selection { from, to: at });
        } else if response.dragged() {
            if let Some(selection) = &mut self.selection {
                selection.to = at;
            }
        } else if response.clicked() {
            self.selection = None;
        }
    }

    fn type_in(&mut self, ui: &Ui) {
        let (events, modifiers) = ui.input(|input| (input.events.clone(), input.modifiers));
        for event in events {
            let shifted = |key| {
                matches!(&event, egui::Event::Key { key: pressed, pressed: true, modifiers, .. }
                    if *pressed == key && modifiers.command && modifiers.shift)
            };
            if shifted(egui::Key::V) {
                ui.ctx().send_viewport_cmd(egui::ViewportCommand::RequestPaste);
                continue;
            }
            let copies = matches!(event, egui::Event::Copy | egui::Event::Cut) || shifted(egui::Key::C);
            if copies && let Some(text) = self.selected_text() {
                ui.ctx().copy_text(text);
                self.selection = None;
                continue;
            }
            if self.read_only {
                continue;
            }
            let screen = self.parser.screen();
            let modes = keys::Modes {
                application_cursor: screen.application_cursor(),
                bracketed_paste: screen.bracketed_paste(),
            };
            if let Some(bytes) = keys::bytes(&event, modifiers, modes) {
                self.input.extend(bytes);
                self.selection = None;
                self.parser.screen_mut().set_scrollback(0);
            }
        }
    }
}

fn parser(cols: u16, rows: u16) -> vt100::Parser<Reports> {
    vt100::Parser::new_with_callbacks(
        at_least_one(rows),
        at_least_one(cols),
        SCROLLBACK_LINES,
        Reports::default(),
    )
}

#[cfg(test)]
mod tests;
