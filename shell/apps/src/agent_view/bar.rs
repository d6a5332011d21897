//! The floating bar: phase, pause and stop, the step budget, and a box to talk to the agent.

use aether_kit::{
    Button, Icon, IconButton, TextField, TextKind, Tone, label, label_wrapped, paint_icon, phase_chip,
    progress_bar, radius, space, tokens, with_alpha,
};
use aether_protocol::process::{Phase, Process, State};
use egui::{Align, Frame, Key, Layout, Margin, Stroke, Ui};

use crate::deeds::{Deed, Deeds, Doubt};

/// What a person chose in the bar.
#[derive(Clone, Debug, PartialEq)]
pub enum BarWish {
    /// Do it.
    Do(Deed),
    /// Ask first.
    Doubt(Doubt),
    /// A new life of the same agent.
    Again,
}

/// Draws the bar. `text` is what is being written to the agent; `needs_steps` when its budget is used up.
pub fn show(
    ui: &mut Ui,
    process: &Process,
    deeds: &Deeds,
    text: &mut String,
    needs_steps: bool,
    narrow: bool,
) -> Option<BarWish> {
    let tokens = tokens(ui);
    let mut wish = None;
    let waits = process.phase == Phase::Waiting && process.state.is_alive();
    let border = if waits { Stroke::new(1.5, tokens.warn) } else { Stroke::new(1.0, tokens.line_strong) };
    Frame::NONE
        .fill(tokens.surface_1)
        .stroke(border)
        .corner_radius(radius::CARD)
        .shadow(tokens.shadow_raised)
        .inner_margin(Margin::symmetric(12, 10))
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.spacing_mut().item_spacing.y = space::S;
            if waits {
                question(ui, process, if needs_steps { Icon::Hourglass } else { Icon::Ask });
            }
            if narrow {
                ui.horizontal_wrapped(|ui| {
                    phase_chip(ui, process.state, process.phase);
                    controls(ui, process, deeds, &mut wish);
                });
                ui.horizontal(|ui| budget(ui, process, deeds, needs_steps, &mut wish));
            } else {
                ui.horizontal(|ui| {
                    phase_chip(ui, process.state, process.phase);
                    if let Some(reason) = process.reason.as_ref().filter(|_| !waits) {
                        let room = (ui.available_width() - 520.0).max(80.0);
                        ui.allocate_ui(egui::vec2(room, 20.0), |ui| {
                            label(ui, TextKind::Label, Tone::Muted, reason).on_hover_text(reason);
                        });
                    }
                    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                        controls(ui, process, deeds, &mut wish);
                        ui.add_space(space::S);
                        budget(ui, process, deeds, needs_steps, &mut wish);
                    });
                });
            }
            if process.state.is_alive() {
                talk(ui, process, deeds, text, waits && !needs_steps, &mut wish);
            }
        });
    wish
}

fn question(ui: &mut Ui, process: &Process, icon: Icon) {
    let tokens = tokens(ui);
    let asked = process.reason.as_deref().unwrap_or("The agent waits for a person");
    Frame::NONE
        .fill(with_alpha(tokens.warn, 0.12))
        .corner_radius(radius::CONTROL)
        .inner_margin(Margin::symmetric(10, 8))
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.horizontal_top(|ui| {
                let (rect, _) = ui.allocate_exact_size(egui::vec2(18.0, 18.0), egui::Sense::hover());
                paint_icon(ui.painter(), rect.center(), icon, 18.0, tokens.warn, true);
                label_wrapped(ui, TextKind::Body, Tone::Normal, asked);
            });
        });
}

/// Drawn from the right, except on a narrow screen.
fn controls(ui: &mut Ui, process: &Process, deeds: &Deeds, wish: &mut Option<BarWish>) {
    let ended = !process.state.is_alive() && process.state != State::Queued;
    if ended {
        if ui.add(Button::primary("Start again…").icon(Icon::Refresh)).clicked() {
            *wish = Some(BarWish::Again);
        }
        let remove = ui.add(IconButton::new(Icon::Trash, "Remove agent…").size(32.0));
        if remove.clicked() {
            *wish = Some(BarWish::Doubt(Doubt::Remove(Box::new(process.clone()))));
        }
        return;
    }
    let stop =
        Button::secondary("Stop agent…").icon(Icon::Stop).busy(deeds.is_doing(process.pid, &Deed::Stop));
    if ui.add(stop).clicked() {
        *wish = Some(BarWish::Doubt(Doubt::Stop(vec![process.clone()])));
    }
    for (icon, deed) in [(Icon::Play, Deed::Resume), (Icon::Pause, Deed::Pause)] {
        if deed.fits(process) {
            let button = Button::secondary(deed.label()).icon(icon).busy(deeds.is_doing(process.pid, &deed));
            if ui.add(button).clicked() {
                *wish = Some(BarWish::Do(deed));
            }
        }
    }
}

/// How many steps are left, and more of them.
fn budget(ui: &mut Ui, process: &Process, deeds: &Deeds, needs_steps: bool, wish: &mut Option<BarWish>) {
    let share =
        if process.steps_limit == 0 { 1.0 } else { process.steps_used as f32 / process.steps_limit as f32 };
    let more = |ui: &mut Ui, wish: &mut Option<BarWish>| {
        let order = if ui.layout().prefer_right_to_left() { [50, 10] } else { [10, 50] };
        for steps in order {
            let deed = Deed::Continue(steps);
            if deed.fits(process) {
                let text = if steps == 10 { "Continue +10" } else { "+50" };
                let kind = if needs_steps && steps == 10 { Button::primary } else { Button::ghost };
                let button = kind(text).small().busy(deeds.is_doing(process.pid, &deed));
                let response = ui.add(button).on_hover_text(format!("Let it take {steps} steps more"));
                if response.clicked() {
                    *wish = Some(BarWish::Do(deed));
                }
            }
        }
    };
    if ui.layout().prefer_right_to_left() {
        more(ui, wish);
    }
    ui.allocate_ui_with_layout(egui::vec2(96.0, 28.0), Layout::top_down(Align::Min), |ui| {
        ui.set_width(96.0);
        ui.spacing_mut().item_spacing.y = space::XS;
        let figure = format!("Step {} of {}", process.steps_used, process.steps_limit);
        label(ui, TextKind::NumberSmall, if share >= 1.0 { Tone::Warn } else { Tone::Muted }, figure);
        progress_bar(ui, "Step budget", share);
    });
    if !ui.layout().prefer_right_to_left() {
        more(ui, wish);
    }
}

fn talk(
    ui: &mut Ui,
    process: &Process,
    deeds: &Deeds,
    text: &mut String,
    waits: bool,
    wish: &mut Option<BarWish>,
) {
    let sending = deeds.is_doing(process.pid, &Deed::Say(text.trim().to_owned()));
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        let word = if waits { "Answer" } else { "Send" };
        let can_send = !text.trim().is_empty() && !sending;
        let button = Button::primary(word).icon(Icon::Paper).busy(sending);
        let clicked = ui.add_enabled(can_send, button).clicked();
        let placeholder = if waits { "Answer the agent…" } else { "Say something to the agent…" };
        let field =
            ui.add(TextField::new("Message", text).hide_label().placeholder(placeholder).char_limit(8_000));
        let entered = field.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
        if can_send && (clicked || entered) {
            *wish = Some(BarWish::Do(Deed::Say(text.trim().to_owned())));
            text.clear();
            if entered {
                field.request_focus();
            }
        }
    });
}
