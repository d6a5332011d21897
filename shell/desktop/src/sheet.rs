//! The sheet of keyboard shortcuts.

use aether_kit::{Sheet, TextKind, Tone, label, section_heading, shortcut, space};
use egui::{Align, Context, Layout, Ui};

use crate::shortcuts::{ALL, Group, Shortcut};

/// Draws the sheet. Returns whether the person wants it closed.
pub fn show(ctx: &Context, narrow: bool) -> bool {
    let width = if narrow { 360.0 } else { 640.0 };
    Sheet::new("Keyboard shortcuts")
        .width(width)
        .show(ctx, |ui| {
            if narrow {
                column(ui, "Desktop", Group::Desktop);
                ui.add_space(space::L);
                column(ui, "Window in front", Group::Window);
            } else {
                ui.columns_const(|[left, right]| {
                    column(left, "Desktop", Group::Desktop);
                    column(right, "Window in front", Group::Window);
                });
            }
        })
        .close
}

fn column(ui: &mut Ui, title: &str, group: Group) {
    section_heading(ui, title, None);
    ui.spacing_mut().item_spacing.y = 5.0;
    let mut before = "";
    for entry in ALL.iter().filter(|entry| entry.group == group) {
        // Two keys for the same thing: the sheet shows the first.
        if entry.words == before {
            continue;
        }
        before = entry.words;
        row(ui, entry);
    }
}

fn row(ui: &mut Ui, entry: &Shortcut) {
    let written = ui.ctx().format_shortcut(&entry.keys);
    let keys: Vec<&str> = written.split('+').collect();
    ui.horizontal(|ui| {
        label(ui, TextKind::Body, Tone::Muted, entry.words);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| shortcut(ui, &keys));
    });
}
