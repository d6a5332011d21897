//! One agent as a card.

use aether_kit::{
    Button, Icon, IconButton, TextField, TextKind, Tokens, duration_text, focus_ring, mix, paint_icon,
    paint_text, phase_color, phase_name, radius, space, tokens, truncated, with_alpha,
};
use aether_protocol::{
    UnixMillis,
    process::{Phase, Process, State},
};
use egui::{
    Align2, CornerRadius, Id, Popup, Rect, Response, Role, Sense, Shape, Stroke, StrokeKind, Ui, UiBuilder,
    WidgetInfo, pos2, vec2,
};

use super::preview;
use crate::{deeds::needs_steps, text, world::Known};

/// The width of a card where there is room, in points.
pub const WIDTH: f32 = 296.0;
/// The height of a card, in points.
pub const HEIGHT: f32 = 236.0;
/// The height of what is shown above, in points.
const PREVIEW_HEIGHT: f32 = 100.0;
/// The height of the bar that shows the phase, in points.
const BAR_HEIGHT: f32 = 3.0;
/// Lines in the preview.
const PREVIEW_ROWS: usize = 5;

/// What a card is drawn from.
pub struct CardFacts<'a> {
    /// The row.
    pub process: &'a Process,
    /// What events said of it, where they did.
    pub known: Option<&'a Known>,
    /// Its place in the queue, from 1.
    pub queue_position: Option<usize>,
    /// The kernel's clock.
    pub now: UnixMillis,
    /// Whether it is one of those selected.
    pub selected: bool,
    /// Whether any is selected: then every card shows its box.
    pub selecting: bool,
    /// Whether a deed is on its way to it.
    pub busy: bool,
}

/// What a person did to a card.
#[derive(Default)]
pub struct CardAnswer {
    /// The card itself: clicks, focus, context menu.
    pub response: Option<Response>,
    /// The box was clicked.
    pub toggled: bool,
    /// The button with the dots: its menu hangs on it.
    pub menu: Option<Response>,
    /// The question was answered.
    pub answered: bool,
    /// It may take ten steps more.
    pub continued: bool,
}

/// The id of a card: the same wherever it is drawn, so that focus can be moved to it.
pub fn id(process: &Process) -> Id {
    Id::unique(("agent card", process.pid.0))
}

/// Draws the card into `rect`. `answer` is the text of the answer field.
pub fn show(ui: &mut Ui, rect: Rect, facts: &CardFacts<'_>, answer: &mut String) -> CardAnswer {
    let tokens = tokens(ui);
    let process = facts.process;
    let response = ui.interact(rect, id(process), Sense::click());
    response
        .widget_info(|| WidgetInfo::selected(Role::Button, ui.is_enabled(), facts.selected, &process.name));
    let hover = ui.ctx().animate_bool_with_time(
        response.id.with("hover"),
        response.hovered() || response.contains_pointer(),
        ui.style().animation_time,
    );
    let waits = process.phase == Phase::Waiting && process.state.is_alive();
    paint_frame(ui, rect, tokens, facts, waits, hover);
    focus_ring(ui, &response, rect, CornerRadius::same(radius::CARD));

    let above = Rect::from_min_size(rect.min, vec2(rect.width(), PREVIEW_HEIGHT));
    let mut out = CardAnswer::default();
    let last = facts.known.and_then(|known| known.steps.back()).map(|seen| &seen.step.body);
    if needs_steps(process, last) {
        out.continued = budget(ui, above.shrink(space::M), tokens, facts);
    } else if waits {
        out.answered = question(ui, above.shrink(space::M), tokens, process, answer);
    } else {
        paint_preview(ui, above.shrink2(vec2(space::M, space::S)), tokens, facts);
    }
    let below = Rect::from_min_max(pos2(rect.left(), above.bottom() + BAR_HEIGHT), rect.max).shrink(space::M);
    paint_facts(ui, below, tokens, facts);

    let mut corner = ui.new_child(
        UiBuilder::new()
            .id_salt((process.pid.0, "corner"))
            .max_rect(Rect::from_min_size(pos2(below.right() - 48.0, below.top() - 4.0), vec2(52.0, 24.0)))
            .layout(egui::Layout::right_to_left(egui::Align::Center)),
    );
    corner.spacing_mut().item_spacing.x = 0.0;
    let near = hover > 0.0 || facts.selecting || response.has_focus();
    corner.set_opacity(if near { 1.0 } else { 0.55 });
    out.menu =
        Some(corner.add(IconButton::new(Icon::Dots, format!("Actions for {}", process.name)).size(24.0)));
    let (icon, word) =
        if facts.selected { (Icon::CheckCircle, "Deselect") } else { (Icon::Circle, "Select") };
    if near || facts.selected {
        out.toggled = corner
            .add(
                IconButton::new(icon, format!("{word} {}", process.name)).size(24.0).selected(facts.selected),
            )
            .clicked();
    }
    out.response = Some(response);
    out
}

fn paint_frame(ui: &Ui, rect: Rect, tokens: &Tokens, facts: &CardFacts<'_>, waits: bool, hover: f32) {
    let corner = CornerRadius::same(radius::CARD);
    let border = if waits {
        Stroke::new(1.5, tokens.warn)
    } else if facts.selected {
        Stroke::new(1.5, tokens.accent)
    } else {
        Stroke::new(1.0, mix(tokens.line, tokens.line_strong, hover))
    };
    let painter = ui.painter();
    if waits {
        let halo = egui::Shadow { offset: [0, 0], blur: 14, spread: 1, color: with_alpha(tokens.warn, 0.35) };
        painter.add(Shape::from(halo.as_shape(rect, corner)));
    }
    let process = facts.process;
    let color = phase_color(tokens, process.state, process.phase);
    painter.rect_filled(rect, corner, tokens.surface_1);
    let top = CornerRadius { nw: radius::CARD, ne: radius::CARD, sw: 0, se: 0 };
    let above = Rect::from_min_size(rect.min, vec2(rect.width(), PREVIEW_HEIGHT));
    let tint = if waits { with_alpha(tokens.warn, 0.10) } else { tokens.surface_2 };
    painter.rect_filled(above, top, mix(tokens.surface_1, tint, if tokens.dark { 0.55 } else { 1.0 }));
    let track = Rect::from_min_size(above.left_bottom(), vec2(rect.width(), BAR_HEIGHT));
    painter.rect_filled(track, CornerRadius::ZERO, with_alpha(color, 0.25));
    let share =
        if process.steps_limit == 0 { 0.0 } else { process.steps_used as f32 / process.steps_limit as f32 };
    let share = if process.phase == Phase::Completed { 1.0 } else { share.clamp(0.0, 1.0) };
    let done = Rect::from_min_size(track.min, vec2(rect.width() * share, BAR_HEIGHT));
    painter.rect_filled(done, CornerRadius::ZERO, color);
    painter.rect_stroke(rect, corner, border, StrokeKind::Inside);
}

/// The question, and the field that answers it. Returns whether it was sent.
fn question(ui: &mut Ui, rect: Rect, tokens: &Tokens, process: &Process, answer: &mut String) -> bool {
    let field_height = 28.0;
    paint_reason(ui, rect, tokens, process, Icon::Ask);
    let line = Rect::from_min_max(pos2(rect.left(), rect.bottom() - field_height), rect.max);
    let mut row = ui.new_child(
        UiBuilder::new()
            .id_salt((process.pid.0, "answer"))
            .max_rect(line)
            .layout(egui::Layout::right_to_left(egui::Align::Center)),
    );
    row.spacing_mut().item_spacing.x = space::XS;
    let can_send = !answer.trim().is_empty();
    let send = row.add_enabled(
        can_send,
        IconButton::new(Icon::Paper, format!("Send answer to {}", process.name))
            .size(28.0)
            .tint(tokens.accent),
    );
    let name = format!("Answer {}", process.name);
    let field = row.add(TextField::new(&name, answer).hide_label().placeholder("Answer…"));
    let entered = field.lost_focus() && row.input(|input| input.key_pressed(egui::Key::Enter));
    can_send && (send.clicked() || entered)
}

/// The budget is used up. Returns whether it may take more steps.
fn budget(ui: &mut Ui, rect: Rect, tokens: &Tokens, facts: &CardFacts<'_>) -> bool {
    paint_reason(ui, rect, tokens, facts.process, Icon::Hourglass);
    let line = Rect::from_min_max(pos2(rect.left(), rect.bottom() - 28.0), rect.max);
    let mut row = ui.new_child(UiBuilder::new().id_salt((facts.process.pid.0, "budget")).max_rect(line));
    row.add(Button::primary("Continue +10").small().busy(facts.busy)).clicked()
}

fn paint_reason(ui: &Ui, rect: Rect, tokens: &Tokens, process: &Process, icon: Icon) {
    let asked = process.reason.as_deref().unwrap_or("It waits for a person");
    let galley = truncated(ui, TextKind::Body, tokens.text, asked, rect.width() - 24.0, 2);
    paint_icon(ui.painter(), rect.left_top() + vec2(8.0, 9.0), icon, 16.0, tokens.warn, true);
    ui.painter().galley(rect.left_top() + vec2(24.0, 0.0), galley, tokens.text);
}

fn paint_preview(ui: &Ui, rect: Rect, tokens: &Tokens, facts: &CardFacts<'_>) {
    let painter = ui.painter_at(rect);
    let lines = facts.known.map(|known| preview::lines(known, PREVIEW_ROWS)).unwrap_or_default();
    if lines.is_empty() {
        let process = facts.process;
        let text = match (process.state, facts.queue_position) {
            (State::Queued, Some(position)) => format!("Number {position} in the queue"),
            (State::Queued, None) => "In the queue".to_owned(),
            (State::Dead | State::Zombie, _) => {
                process.reason.clone().unwrap_or_else(|| "Nothing more to show".to_owned())
            }
            _ => "Nothing done yet".to_owned(),
        };
        let galley = truncated(ui, TextKind::Label, tokens.text_faint, &text, rect.width(), 3);
        painter.galley(rect.center() - galley.size() / 2.0, galley, tokens.text_faint);
        return;
    }
    let mut bottom = rect.bottom();
    let single = lines.len() == 1;
    for (age, line) in lines.iter().rev().enumerate() {
        let kind = if line.mono { TextKind::MonoSmall } else { TextKind::Label };
        let color = if age == 0 && !line.mono { tokens.text } else { tokens.text_muted };
        let color = mix(color, tokens.text_faint, (age as f32 * 0.25).min(1.0));
        let left = if line.mono { 0.0 } else { 12.0 };
        let galley = truncated(
            ui,
            kind,
            color,
            &line.text,
            rect.width() - left,
            if single { PREVIEW_ROWS } else { 1 },
        );
        let top = bottom - galley.size().y;
        if !line.mono {
            let dot =
                line.phase.map_or(tokens.text_faint, |phase| phase_color(tokens, State::Running, phase));
            painter.circle_filled(pos2(rect.left() + 3.0, top + 7.5), 2.5, dot);
        }
        painter.galley(pos2(rect.left() + left, top), galley, color);
        bottom = top - 2.0;
        if bottom < rect.top() {
            break;
        }
    }
}

fn paint_facts(ui: &Ui, rect: Rect, tokens: &Tokens, facts: &CardFacts<'_>) {
    let process = facts.process;
    let painter = ui.painter();
    let name = truncated(ui, TextKind::Emphasis, tokens.text, &process.name, rect.width() - 56.0, 1);
    painter.galley(rect.min, name, tokens.text);
    let y = rect.top() + 22.0;
    let color = phase_color(tokens, process.state, process.phase);
    painter.circle_filled(pos2(rect.left() + 4.0, y + 8.0), 4.0, color);
    let word = match facts.queue_position {
        Some(position) => format!("Queued, number {position}"),
        None => phase_name(process.state, process.phase).to_owned(),
    };
    let word = if facts.busy { format!("{word}…") } else { word };
    let drawn = paint_text(
        painter,
        pos2(rect.left() + 14.0, y + 8.0),
        Align2::LEFT_CENTER,
        TextKind::LabelStrong,
        color,
        word,
    );
    let role = truncated(
        ui,
        TextKind::Label,
        tokens.text_muted,
        &format!("· {} · PID {}", process.role, process.pid),
        (rect.right() - drawn.right() - 6.0).max(8.0),
        1,
    );
    painter.galley(pos2(drawn.right() + 6.0, y + 8.0 - role.size().y / 2.0), role, tokens.text_muted);

    let goal = truncated(ui, TextKind::Label, tokens.text_muted, &process.goal, rect.width(), 2);
    painter.galley(pos2(rect.left(), y + 22.0), goal, tokens.text_muted);

    let base = pos2(rect.left(), rect.bottom() - 7.0);
    let tokens_used = process.usage.input_tokens + process.usage.output_tokens;
    let figures = [
        (Icon::Stack, format!("{} of {}", process.steps_used, process.steps_limit)),
        (Icon::Clock, lifetime(process, facts.now)),
        (Icon::Coins, text::count(tokens_used)),
    ];
    let each = rect.width() / figures.len() as f32;
    for (index, (icon, figure)) in figures.into_iter().enumerate() {
        let x = base.x + each * index as f32;
        paint_icon(painter, pos2(x + 6.0, base.y), icon, 13.0, tokens.text_faint, false);
        paint_text(
            painter,
            pos2(x + 17.0, base.y),
            Align2::LEFT_CENTER,
            TextKind::NumberSmall,
            tokens.text_muted,
            figure,
        );
    }
}

/// How long it has lived; a dash before it ran.
pub fn lifetime(process: &Process, now: UnixMillis) -> String {
    if process.started_at.is_none() {
        "–".to_owned()
    } else {
        duration_text(text::lifetime_ms(process, now))
    }
}

/// Hangs a menu on a card's dots.
pub fn menu<R>(button: &Response, add: impl FnOnce(&mut Ui) -> R) -> Option<R> {
    Popup::menu(button).show(add).map(|shown| shown.inner)
}
