//! What an agent is doing: its word, its colour, its chip and its bar.

use aether_protocol::process::{Phase, State};
use egui::{Color32, CornerRadius, Rect, Response, Role, Sense, Ui, WidgetInfo, pos2, vec2};

use crate::{Chip, Tokens, tokens, with_alpha};

/// The colour of a phase. States that stop a process come before what it was doing.
pub fn phase_color(tokens: &Tokens, state: State, phase: Phase) -> Color32 {
    let colors = &tokens.phase;
    match (state, phase) {
        (State::Paused, _) => tokens.accent,
        (_, Phase::Completed) => colors.completed,
        (_, Phase::Failed) => colors.failed,
        (State::Stopped | State::Queued | State::Created | State::Dead | State::Zombie, _)
        | (_, Phase::Idle | Phase::Booting) => colors.idle,
        (_, Phase::Thinking) => colors.thinking,
        (_, Phase::Executing) => colors.executing,
        (_, Phase::Observing) => colors.observing,
        (_, Phase::Waiting) => colors.waiting,
    }
}

/// The word for a phase.
pub fn phase_name(state: State, phase: Phase) -> &'static str {
    match (state, phase) {
        (State::Paused, _) => "Paused",
        (State::Stopped, _) => "Stopped",
        (State::Queued, _) => "Queued",
        (_, Phase::Completed) => "Completed",
        (_, Phase::Failed) => "Failed",
        (State::Dead | State::Zombie, _) => "Ended",
        (State::Created, _) | (_, Phase::Booting) => "Starting",
        (_, Phase::Thinking) => "Thinking",
        (_, Phase::Executing) => "Executing",
        (_, Phase::Observing) => "Observing",
        (_, Phase::Waiting) => "Waiting",
        (_, Phase::Idle) => "Idle",
    }
}

/// A chip with the phase's dot and word.
pub fn phase_chip(ui: &mut Ui, state: State, phase: Phase) -> Response {
    let color = phase_color(tokens(ui), state, phase);
    ui.add(Chip::new(phase_name(state, phase)).color(color).dot())
}

/// A dot in the phase's colour, named for screen readers.
pub fn phase_dot(ui: &mut Ui, state: State, phase: Phase) -> Response {
    let color = phase_color(tokens(ui), state, phase);
    let response = super::dot(ui, color);
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, phase_name(state, phase)));
    response
}

/// A bar of 3 points in the phase's colour; filled to `progress` (0 to 1) over a faint track, whole when `None`.
pub fn phase_bar(ui: &mut Ui, state: State, phase: Phase, progress: Option<f32>) -> Response {
    let color = phase_color(tokens(ui), state, phase);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 3.0), Sense::hover());
    let corner = CornerRadius::same(1);
    ui.painter().rect_filled(rect, corner, with_alpha(color, 0.22));
    let share = progress.map_or(1.0, |share| share.clamp(0.0, 1.0));
    let right = egui::lerp(rect.x_range(), share);
    ui.painter().rect_filled(Rect::from_min_max(rect.min, pos2(right, rect.bottom())), corner, color);
    response
}
