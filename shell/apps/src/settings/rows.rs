//! How a setting stands on its page.

use aether_kit::{Card, TextKind, Tone, hairline, label, label_wrapped, space};
use egui::{Align, Layout, Ui};

/// A setting: its name and what it does at the left, its control at the right; below each other where it is narrow.
pub(super) fn setting(ui: &mut Ui, name: &str, detail: &str, control: impl FnOnce(&mut Ui)) {
    let words = |ui: &mut Ui| {
        ui.vertical(|ui| {
            ui.spacing_mut().item_spacing.y = 2.0;
            label(ui, TextKind::Strong, Tone::Normal, name);
            if !detail.is_empty() {
                label_wrapped(ui, TextKind::Label, Tone::Muted, detail);
            }
        });
    };
    if ui.available_width() < 420.0 {
        words(ui);
        ui.add_space(space::XS);
        control(ui);
        return;
    }
    ui.horizontal(|ui| {
        let left = ui.available_width() * 0.46;
        ui.allocate_ui_with_layout(egui::vec2(left, 36.0), Layout::top_down(Align::Min), |ui| {
            ui.set_width(left);
            words(ui);
        });
        ui.with_layout(Layout::right_to_left(Align::Center), control);
    });
}

/// Draws one row.
type Row<'a> = Box<dyn FnOnce(&mut Ui) + 'a>;

/// A card of rows with hairlines between them.
pub(super) fn group(ui: &mut Ui, rows: Vec<Row<'_>>) {
    Card::new().show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.spacing_mut().item_spacing.y = space::M;
        for (index, row) in rows.into_iter().enumerate() {
            if index > 0 {
                hairline(ui);
            }
            row(ui);
        }
    });
}

/// A fact: its name at the left, itself at the right.
pub(super) fn fact(ui: &mut Ui, name: &str, value: &str) {
    ui.horizontal(|ui| {
        label(ui, TextKind::Body, Tone::Muted, name);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            label(ui, TextKind::Body, Tone::Normal, value);
        });
    });
}

/// The title of a page, with room below.
pub(super) fn title(ui: &mut Ui, text: &str) {
    label(ui, TextKind::Title, Tone::Normal, text);
    ui.add_space(space::XS);
}
