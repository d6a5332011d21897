//! The log of a life: a row for each thing that happened, unfolded where a person looks closer.

use std::collections::{HashMap, HashSet};

use aether_client::Client;
use aether_kit::{
    Banner, Button, Chip, EmptyState, Icon, TextKind, Tokens, Tone, absolute_time, code_block, duration_text,
    focus_ring, label, label_wrapped, mix, paint_icon, paint_text, phase_color, radius, row, skeleton_rows,
    space, tokens, tokens_text, truncated, with_alpha,
};
use aether_protocol::{
    journal::{Step, StepBody},
    process::State,
};
use egui::{Align2, CornerRadius, Rect, Role, ScrollArea, Sense, Ui, UiBuilder, WidgetInfo, pos2, vec2};

use super::{
    entries::{CallEnd, Entries, Entry, EntryKind, args_text, step_text},
    journal::Journal,
};
use crate::deeds::error_words;

/// Where a row's text begins: after time, dot and caret.
const INDENT: f32 = 88.0;
/// The height of an unfolded text before it has been measured.
const GUESS_HEIGHT: f32 = 60.0;
/// A block of output scrolls beyond this height.
const BLOCK_HEIGHT: f32 = 320.0;

/// The log's own state.
#[derive(Default)]
pub struct Log {
    entries: Entries,
    unfolded: HashSet<u32>,
    heights: HashMap<u32, f32>,
    words_height: f32,
    to_end: bool,
}

impl Log {
    /// Draws it in all the room there is. `words` is the thought that is being had.
    pub fn ui(&mut self, ui: &mut Ui, client: &Client, journal: &mut Journal, words: &str, alive: bool) {
        self.entries.update(journal.steps());
        if let Some(error) = journal.error() {
            let text = error_words(error);
            let banner =
                Banner::new(Tone::Bad, "Could not load the log").detail(Some(&text)).action("Try again");
            if banner.show(ui).is_some() {
                journal.retry();
            }
        }
        let rows = self.entries.rows().len();
        if rows == 0 && words.is_empty() {
            if !journal.is_whole() {
                if journal.error().is_none() {
                    skeleton_rows(ui, 6);
                }
            } else if alive {
                EmptyState::new(Icon::Hourglass, "Nothing has happened yet").show(ui);
            } else {
                EmptyState::new(Icon::Scroll, "This agent ended before it did anything").show(ui);
            }
            return;
        }
        if !journal.is_whole() && journal.error().is_none() {
            label(
                ui,
                TextKind::Hint,
                Tone::Faint,
                format!("Loading the log, {} steps so far", journal.steps().len()),
            );
        }
        let room = ui.available_rect_before_wrap();
        ui.spacing_mut().item_spacing.y = 0.0;
        let to_end = std::mem::take(&mut self.to_end);
        let output = ScrollArea::vertical()
            .id_salt("log")
            .auto_shrink(false)
            .stick_to_bottom(true)
            .show_viewport(ui, |ui, viewport| {
                self.rows(ui, client, journal, words, viewport);
                if to_end {
                    ui.scroll_to_rect(Rect::from_min_size(ui.min_rect().left_bottom(), vec2(1.0, 1.0)), None);
                }
            });
        let hidden = output.content_size.y - output.inner_rect.height() - output.state.clamped_offset().y;
        if hidden > row::NORMAL * 2.0 {
            let spot = Rect::from_center_size(pos2(room.center().x, room.bottom() - 22.0), vec2(140.0, 28.0));
            let button = Button::secondary("Jump to the end").icon(Icon::ArrowDown).small();
            if ui.put(spot, button).clicked() {
                self.to_end = true;
            }
        }
    }

    fn rows(&mut self, ui: &mut Ui, client: &Client, journal: &mut Journal, words: &str, viewport: Rect) {
        let origin = ui.max_rect().min;
        let width = ui.max_rect().width();
        let mut total = 0.0;
        let mut seen = Vec::new();
        for (index, entry) in self.entries.rows().iter().enumerate() {
            let body = if self.unfolded.contains(&entry.first) {
                self.heights.get(&entry.first).copied().unwrap_or(GUESS_HEIGHT)
            } else {
                0.0
            };
            let height = row::NORMAL + body;
            if total + height >= viewport.top() && total <= viewport.bottom() {
                seen.push((index, total));
            }
            total += height;
        }
        let words_top = total;
        if !words.is_empty() {
            total += self.words_height.max(row::NORMAL);
        }
        ui.set_height(total);

        let mut flipped = None;
        for (index, top) in seen {
            let Some(entry) = self.entries.rows().get(index) else { continue };
            let rect = Rect::from_min_size(origin + vec2(0.0, top), vec2(width, row::NORMAL));
            let open = self.unfolded.contains(&entry.first);
            if entry_row(ui, rect, entry, open) {
                flipped = Some(entry.first);
            }
            if open {
                let room = Rect::from_min_size(
                    origin + vec2(INDENT, top + row::NORMAL),
                    vec2(width - INDENT - space::M, BLOCK_HEIGHT * 4.0),
                );
                let mut body = ui.new_child(UiBuilder::new().max_rect(room).id_salt(("step", entry.first)));
                body.spacing_mut().item_spacing.y = space::XS;
                unfolded(&mut body, client, journal, entry);
                let height = body.min_rect().height() + space::S;
                if self.heights.insert(entry.first, height) != Some(height) {
                    ui.ctx().request_repaint();
                }
            }
        }
        if let Some(first) = flipped
            && !self.unfolded.remove(&first)
        {
            self.unfolded.insert(first);
        }
        if !words.is_empty() && words_top <= viewport.bottom() {
            let room = Rect::from_min_size(origin + vec2(0.0, words_top), vec2(width, BLOCK_HEIGHT * 4.0));
            let height = live_words(ui, room, words);
            if (height - self.words_height).abs() > 0.5 {
                self.words_height = height;
                ui.ctx().request_repaint();
            }
        }
    }
}

/// One folded row. Returns whether it was clicked.
fn entry_row(ui: &mut Ui, rect: Rect, entry: &Entry, open: bool) -> bool {
    let tokens = tokens(ui);
    let response = ui.interact(rect, ui.scope_id().with(("entry", entry.first)), Sense::click());
    let name = [entry.word(), &entry.label, &entry.line].into_iter().filter(|part| !part.is_empty());
    let name = name.collect::<Vec<_>>().join(" ");
    response.widget_info(|| WidgetInfo::selected(Role::ListItem, ui.is_enabled(), open, &name));
    let corner = CornerRadius::same(radius::CONTROL);
    let hovered = response.hovered() || open;
    if hovered {
        ui.painter().rect_filled(rect, corner, with_alpha(tokens.surface_2, 0.6));
    }
    focus_ring(ui, &response, rect.shrink(1.0), corner);
    let y = rect.center().y;
    let painter = ui.painter();
    let when = absolute_time(entry.at);
    let time = when.rsplit(", ").next().unwrap_or_default();
    paint_text(
        painter,
        pos2(rect.left() + 8.0, y),
        Align2::LEFT_CENTER,
        TextKind::NumberSmall,
        tokens.text_faint,
        time,
    );
    let color = phase_color(tokens, State::Running, entry.phase());
    painter.circle_filled(pos2(rect.left() + 70.0, y), 4.0, color);
    let caret = if open { Icon::CaretDown } else { Icon::CaretRight };
    let mut x = rect.left() + INDENT;
    let mut right = rect.right() - 8.0;
    paint_icon(
        painter,
        pos2(right - 6.0, y),
        caret,
        12.0,
        if hovered { tokens.text_muted } else { tokens.text_faint },
        false,
    );
    right -= 20.0;
    if let Some(duration_ms) = entry.duration_ms {
        let text = duration_text(duration_ms);
        let drawn = paint_text(
            painter,
            pos2(right, y),
            Align2::RIGHT_CENTER,
            TextKind::NumberSmall,
            tokens.text_faint,
            text,
        );
        right = drawn.left() - space::S;
    }
    x = lead(ui, tokens, entry, pos2(x, y), color);
    let text_color = match entry.kind {
        EntryKind::Call(CallEnd::Failed) | EntryKind::Failed => tokens.bad,
        EntryKind::Note | EntryKind::Ended | EntryKind::Call(_) => tokens.text_muted,
        _ => tokens.text,
    };
    let kind = if matches!(entry.kind, EntryKind::Call(_)) { TextKind::MonoSmall } else { TextKind::Body };
    let galley = truncated(ui, kind, text_color, &entry.line, (right - x).max(8.0), 1);
    ui.painter().galley(pos2(x, y - galley.size().y / 2.0), galley, text_color);
    let clicked = response.clicked();
    if response.hovered() {
        response.on_hover_text(when);
    }
    clicked
}

/// What stands before a row's line: a tool's chip, a word, who spoke. Returns where the line begins.
fn lead(ui: &Ui, tokens: &Tokens, entry: &Entry, at: egui::Pos2, color: egui::Color32) -> f32 {
    let painter = ui.painter();
    match entry.kind {
        EntryKind::Call(end) => {
            let ink = mix(color, tokens.text, 0.25);
            let galley = truncated(ui, TextKind::MonoSmall, ink, &entry.label, 160.0, 1);
            let chip = Rect::from_min_size(pos2(at.x, at.y - 10.0), vec2(galley.size().x + 32.0, 20.0));
            painter.rect_filled(chip, CornerRadius::same(10), with_alpha(color, 0.14));
            let icon = match end {
                CallEnd::Running => Icon::Hourglass,
                CallEnd::Done => Icon::Check,
                CallEnd::Failed => Icon::Close,
                CallEnd::Interrupted => Icon::Alert,
            };
            paint_icon(painter, pos2(chip.left() + 12.0, at.y), icon, 12.0, color, false);
            painter.galley(pos2(chip.left() + 22.0, at.y - galley.size().y / 2.0), galley, ink);
            chip.right() + space::S
        }
        EntryKind::Message => {
            let rect =
                paint_text(painter, at, Align2::LEFT_CENTER, TextKind::Strong, tokens.accent, &entry.label);
            rect.right() + space::S
        }
        EntryKind::Question | EntryKind::Completed | EntryKind::Ended | EntryKind::Failed => {
            let rect = paint_text(painter, at, Align2::LEFT_CENTER, TextKind::Strong, color, entry.word());
            rect.right() + space::S
        }
        EntryKind::Thought | EntryKind::Note => at.x,
    }
}

/// The whole of an entry, below its row.
fn unfolded(ui: &mut Ui, client: &Client, journal: &mut Journal, entry: &Entry) {
    for index in [entry.first, entry.last] {
        if journal.is_cut(index) {
            journal.want_whole(client, index);
        }
    }
    step_body(ui, journal, entry.first);
    if entry.last != entry.first {
        step_body(ui, journal, entry.last);
    }
}

fn step_body(ui: &mut Ui, journal: &Journal, index: u32) {
    let Some(held) = journal.steps().get(index as usize) else { return };
    let whole = journal.whole(index);
    let step: &Step = match whole {
        Some(Ok(step)) => step,
        _ => held,
    };
    match &step.body {
        StepBody::CallStarted { call } => {
            label(ui, TextKind::Hint, Tone::Faint, "Arguments");
            code_block(ui, ("args", index), &args_text(&call.args), BLOCK_HEIGHT);
        }
        StepBody::CallFinished { ok, output, .. } => {
            let (tone, word) = if *ok { (Tone::Faint, "Result") } else { (Tone::Bad, "Failed") };
            label(ui, TextKind::Hint, tone, word);
            code_block(ui, ("output", index), output, BLOCK_HEIGHT);
        }
        StepBody::Thought { calls, model, usage, .. } => {
            label_wrapped(ui, TextKind::Body, Tone::Normal, step_text(&step.body));
            ui.horizontal_wrapped(|ui| {
                for call in calls {
                    ui.add(Chip::new(&call.tool).mono());
                }
                let cost = format!(
                    "{model} · read {}, wrote {}",
                    tokens_text(usage.input_tokens),
                    tokens_text(usage.output_tokens)
                );
                label(ui, TextKind::Hint, Tone::Faint, cost);
            });
        }
        body => {
            label_wrapped(ui, TextKind::Body, Tone::Normal, step_text(body));
        }
    }
    if journal.is_cut(index) {
        match whole {
            None => {
                label(ui, TextKind::Hint, Tone::Faint, "Loading the whole text…");
            }
            Some(Err(error)) => {
                label_wrapped(ui, TextKind::Hint, Tone::Bad, error_words(error));
            }
            Some(Ok(_)) => {}
        }
    }
}

/// The thought that is being had. Returns its height.
fn live_words(ui: &mut Ui, room: Rect, words: &str) -> f32 {
    let tokens = tokens(ui);
    let color = tokens.phase.thinking;
    let galley =
        truncated(ui, TextKind::Body, tokens.text, words.trim(), room.width() - INDENT - space::L, 1_000);
    let height = galley.size().y + 12.0;
    let rect = Rect::from_min_size(room.min, vec2(room.width(), height));
    let response = ui.interact(rect, ui.scope_id().with("live words"), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, format!("Thinking: {}", words.trim())));
    ui.painter().rect_filled(rect, CornerRadius::same(radius::CONTROL), with_alpha(color, 0.08));
    ui.painter().circle_filled(pos2(rect.left() + 70.0, rect.top() + 14.0), 4.0, color);
    paint_text(
        ui.painter(),
        pos2(rect.left() + 8.0, rect.top() + 14.0),
        Align2::LEFT_CENTER,
        TextKind::NumberSmall,
        tokens.text_faint,
        "now",
    );
    ui.painter().galley(pos2(rect.left() + INDENT, rect.top() + 6.0), galley, tokens.text);
    height
}
