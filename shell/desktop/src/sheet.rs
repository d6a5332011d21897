//! The sheet of keyboard shortcuts.

use aether_kit::{Sheet, TextKind, Tone, label, section_heading, shortcut, space};
use egui::{Align, Context, Layout, Ui, vec2};

use crate::shortcuts::{ALL, Group, Shortcut};

/// Draws the sheet. Returns whether the person wants it closed.
pub fn show(ctx: &Context, narrow: bool) -> bool {
    let width = if narrow { 360.0 } else { 720.0 };
    Sheet::new("Keyboard shortcuts")
        .width(width)
        .show(ctx, |ui| {
            if narrow {
                column(ui, "Desktop", Group::Desktop);
                ui.add_space(space::L);
                column(ui, "Window in front", Group::Window);
            } else {
                ui.spacing_mut().item_spacing.x = space::XL;
                ui.columns_const(|[left, right]| {
                    left.spacing_mut().item_spacing.x = space::S;
                    right.spacing_mut().item_spacing.x = space::S;
                    column(left, "Desktop", Group::Desktop);
                    column(right, "Window in front", Group::Window);
                });
            }
        })
        .close
}

fn column(ui: &mut Ui, title: &str, group: Group) {
    section_heading(ui, title, None);
    ui.spacing_mut().item_spacing.y = 4.0;
    ui.spacing_mut().interact_size.y = 20.0;
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
    let words_width = (ui.available_width() * 0.52).min(170.0);
    ui.horizontal(|ui| {
        ui.allocate_ui_with_layout(vec2(words_width, 20.0), Layout::left_to_right(Align::Center), |ui| {
            ui.set_min_width(words_width);
            label(ui, TextKind::Body, Tone::Muted, entry.words);
        });
        shortcut(ui, &keys);
    });
}
