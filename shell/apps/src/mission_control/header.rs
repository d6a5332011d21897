//! The top of Mission Control: counts, the machine's load, the button that deploys; below it the filters.

use aether_kit::{
    Button, Icon, IconButton, TextField, TextKind, Tone, dot, label, meter, segmented, size_text, space,
    tokens,
};
use aether_protocol::process::{Phase, State};
use egui::{Align, Layout, Ui};

use super::shown::{Filter, Which};
use crate::{AppContext, World, text, world::Counts};

/// How the agents are laid out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum View {
    /// Cards.
    #[default]
    Grid,
    /// A table.
    List,
}

/// Draws counts, load and the primary button. Returns whether to deploy.
pub fn header(ui: &mut Ui, cx: &mut AppContext<'_>) -> bool {
    let mut deploy = false;
    if cx.narrow {
        ui.horizontal(|ui| counts(ui, cx.world, true));
        ui.horizontal(|ui| {
            let button = Button::primary("Deploy agent").icon(Icon::Add).touch();
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                deploy = ui.add(button).clicked();
                let width = ((ui.available_width() - space::L) / 2.0).max(40.0);
                ui.with_layout(Layout::left_to_right(Align::Center), |ui| load(ui, cx.world, width));
            });
        });
    } else {
        ui.horizontal(|ui| {
            ui.set_min_height(40.0);
            counts(ui, cx.world, false);
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                deploy = ui.add(Button::primary("Deploy agent").icon(Icon::Add)).clicked();
                ui.add_space(space::M);
                ui.allocate_ui_with_layout(
                    egui::vec2(2.0 * 132.0 + space::L, 40.0),
                    Layout::left_to_right(Align::Center),
                    |ui| {
                        load(ui, cx.world, 132.0);
                    },
                );
            });
        });
    }
    deploy
}

fn counts(ui: &mut Ui, world: &World, narrow: bool) {
    let counts = world.counts();
    if counts == Counts::default() && world.processes_state().ready().is_none() {
        return; // nobody knows yet; "0 running" would be a claim
    }
    let colors = &tokens(ui).phase;
    ui.spacing_mut().item_spacing.x = space::S;
    let figures = [
        (counts.running, "running", colors.executing, true),
        (counts.queued, "queued", colors.idle, counts.queued > 0),
        (
            counts.waiting,
            if counts.waiting == 1 { "waits for you" } else { "wait for you" },
            colors.waiting,
            counts.waiting > 0,
        ),
    ];
    for (number, word, color, shown) in figures {
        if !shown {
            continue;
        }
        if narrow {
            dot(ui, color);
            label(ui, TextKind::LabelStrong, Tone::Normal, format!("{number} {word}"));
        } else {
            dot(ui, if number == 0 { colors.idle } else { color });
            label(ui, TextKind::Title, Tone::Normal, number.to_string());
            label(ui, TextKind::Body, Tone::Muted, word);
            ui.add_space(space::S);
        }
    }
}

fn load(ui: &mut Ui, world: &World, width: f32) {
    let Some(status) = world.status() else { return };
    let host = &status.host;
    ui.spacing_mut().item_spacing.x = space::M;
    let memory = if host.memory_total_bytes == 0 {
        0.0
    } else {
        host.memory_used_bytes as f32 / host.memory_total_bytes as f32
    };
    let cell = |ui: &mut Ui, name: &str, share: f32, figure: &str| {
        ui.allocate_ui(egui::vec2(width, 28.0), |ui| {
            ui.set_width(width);
            meter(ui, name, share, figure)
        })
        .inner
    };
    cell(ui, "CPU", host.cpu_share, &format!("{:.0} %", host.cpu_share * 100.0));
    let hover =
        format!("{} of {} in use", size_text(host.memory_used_bytes), size_text(host.memory_total_bytes));
    cell(ui, "Memory", memory, &size_text(host.memory_used_bytes)).on_hover_text(hover);
}

/// Draws filters and layout. `focus` gives the search field the keyboard; `shown` agents are shown.
pub fn toolbar(
    ui: &mut Ui,
    cx: &AppContext<'_>,
    filter: &mut Filter,
    view: &mut View,
    focus: bool,
    shown: usize,
) {
    let which = [(Which::All, None, "All"), (Which::Live, None, "Live"), (Which::Ended, None, "Ended")];
    if cx.narrow {
        ui.horizontal(|ui| {
            segmented(ui, "Which agents", &mut filter.which, &which);
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| layout_buttons(ui, view));
        });
        ui.add(TextField::search("Filter agents", &mut filter.text).focus(focus));
        return;
    }
    ui.horizontal(|ui| {
        segmented(ui, "Which agents", &mut filter.which, &which);
        ui.add_space(space::XS);
        let field = ui.add(TextField::search("Filter agents", &mut filter.text).width(260.0).focus(focus));
        field.on_hover_text("Press / to search, N to deploy");
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            layout_buttons(ui, view);
            ui.add_space(space::S);
            if shown > 0 {
                label(ui, TextKind::Label, Tone::Faint, text::plural(shown, "agent"));
            }
        });
    });
}

fn layout_buttons(ui: &mut Ui, view: &mut View) {
    ui.spacing_mut().item_spacing.x = 2.0;
    if ui.add(IconButton::new(Icon::Rows, "Show as list").selected(*view == View::List)).clicked() {
        *view = View::List;
    }
    if ui.add(IconButton::new(Icon::Grid, "Show as cards").selected(*view == View::Grid)).clicked() {
        *view = View::Grid;
    }
}

/// Whether a process is one that changes from second to second.
pub fn ticks(state: State, phase: Phase) -> bool {
    state.is_alive() && phase != Phase::Completed && phase != Phase::Failed
}
