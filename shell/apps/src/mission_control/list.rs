//! The agents in a table. Only the rows in sight are made.

use std::time::Duration;

use aether_kit::{Column as Col, Icon, IconButton, Table, TextKind, Tone, label, phase_dot, phase_name};
use aether_protocol::Pid;
use egui::Ui;

use super::{MissionControl, actions, actions::Wish, card, find, grid, header, shown::Column};
use crate::{AppContext, text};

/// Draws the table. Returns what a person wished, and of whom.
pub fn show(app: &mut MissionControl, ui: &mut Ui, cx: &mut AppContext<'_>) -> Vec<(Pid, Wish)> {
    let mut wishes = Vec::new();
    let mut toggled = Vec::new();
    let pids: Vec<Pid> = app.shown.pids().to_vec();
    let (columns, kinds) = columns(ui.available_width());
    let sorted = kinds
        .iter()
        .position(|kind| *kind == Some(app.filter.by) && app.filter.by != Column::Urgency)
        .map(|index| (index, app.filter.reversed));
    let cursor = app.cursor.and_then(|pid| pids.iter().position(|shown| *shown == pid));
    let has_footer = app.filter.which.has_ended() && (app.ended.has_more() || app.ended.error().is_some());
    let height = ui.available_height() - if has_footer { 56.0 } else { 0.0 };
    let mut ticks = false;
    let answer = ui
        .allocate_ui(egui::vec2(ui.available_width(), height), |ui| {
            ui.set_min_height(height);
            let row_of = |row: usize| pids.get(row).and_then(|pid| find(cx.world, &app.ended, *pid));
            Table::new("Agents", &columns).selected(cursor).sorted(sorted).touch(cx.narrow).show(
                ui,
                pids.len(),
                |row| row_of(row).map(|process| process.name.clone()).unwrap_or_default(),
                |ui, row, column| {
                    let Some(process) = row_of(row) else { return };
                    ticks |= header::ticks(process.state, process.phase);
                    match kinds.get(column).copied().flatten() {
                        None if column == 0 => {
                            let selected = app.selection.contains(&process.pid);
                            let (icon, word) = if selected {
                                (Icon::CheckCircle, "Deselect")
                            } else {
                                (Icon::Circle, "Select")
                            };
                            let name = format!("{word} {}", process.name);
                            if ui.add(IconButton::new(icon, name).size(24.0).selected(selected)).clicked() {
                                toggled.push(process.pid);
                            }
                        }
                        None if column + 1 == columns.len() => {
                            let name = format!("Actions for {}", process.name);
                            let button = ui.add(IconButton::new(Icon::Dots, name).size(24.0));
                            if let Some(Some(wish)) = card::menu(&button, |ui| actions::rows(ui, process)) {
                                wishes.push((process.pid, wish));
                            }
                        }
                        None => {
                            label(ui, TextKind::Label, Tone::Muted, text::one_line(&process.goal, 160));
                        }
                        Some(Column::Urgency) => {
                            phase_dot(ui, process.state, process.phase);
                            let word = match app.shown.queue_position(process.pid) {
                                Some(position) => format!("Queued, {position}"),
                                None => phase_name(process.state, process.phase).to_owned(),
                            };
                            label(ui, TextKind::Label, Tone::Normal, word);
                        }
                        Some(Column::Name) => {
                            label(ui, TextKind::Strong, Tone::Normal, &process.name);
                        }
                        Some(Column::Role) => {
                            label(ui, TextKind::Label, Tone::Muted, &process.role);
                        }
                        Some(Column::Pid) => {
                            label(ui, TextKind::Number, Tone::Muted, process.pid.to_string());
                        }
                        Some(Column::Steps) => {
                            let steps = format!("{} / {}", process.steps_used, process.steps_limit);
                            label(ui, TextKind::Number, Tone::Normal, steps);
                        }
                        Some(Column::Time) => {
                            let time = card::lifetime(process, cx.world.now());
                            label(ui, TextKind::Number, Tone::Normal, time);
                        }
                        Some(Column::Tokens) => {
                            let used = process.usage.input_tokens + process.usage.output_tokens;
                            label(ui, TextKind::Number, Tone::Normal, text::count(used));
                        }
                    }
                },
            )
        })
        .inner;
    if ticks {
        ui.ctx().request_repaint_after(Duration::from_secs(1));
    }
    if let Some(column) = answer.sort.and_then(|index| kinds.get(index).copied().flatten()) {
        if app.filter.by == column {
            app.filter.reversed = !app.filter.reversed;
        } else {
            app.filter.by = column;
            app.filter.reversed = false;
        }
    }
    if let Some(pid) = answer.clicked.and_then(|index| pids.get(index)) {
        app.cursor = Some(*pid);
        if ui.input(|input| input.modifiers.command) {
            toggled.push(*pid);
        } else {
            wishes.push((*pid, Wish::Open));
        }
    }
    for pid in toggled {
        app.toggle(pid);
    }
    if has_footer {
        grid::footer(app, ui, cx);
    }
    wishes
}

/// The columns that fit, and what each sorts by.
fn columns(width: f32) -> (Vec<Col<'static>>, Vec<Option<Column>>) {
    let all: [(Col<'static>, Option<Column>, f32); 10] = [
        (Col::fixed("", 36.0), None, 0.0),
        (Col::fixed("Status", 116.0).sortable(), Some(Column::Urgency), 0.0),
        (Col::growing("Name", 110.0).sortable(), Some(Column::Name), 0.0),
        (Col::fixed("Role", 110.0).sortable(), Some(Column::Role), 640.0),
        (Col::growing("Goal", 160.0), None, 760.0),
        (Col::fixed("PID", 64.0).right().sortable(), Some(Column::Pid), 560.0),
        (Col::fixed("Steps", 84.0).right().sortable(), Some(Column::Steps), 420.0),
        (Col::fixed("Time", 104.0).right().sortable(), Some(Column::Time), 480.0),
        (Col::fixed("Tokens", 76.0).right().sortable(), Some(Column::Tokens), 600.0),
        (Col::fixed("", 44.0).right(), None, 0.0),
    ];
    all.into_iter().filter(|(_, _, from)| width >= *from).map(|(column, kind, _)| (column, kind)).unzip()
}
