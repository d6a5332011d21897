//! Code and output as it is: monospaced, with a button that copies it.

use egui::{CornerRadius, Frame, Margin, ScrollArea, Ui};

use crate::{Icon, IconButton, TextKind, radius, rich, row, space, tokens};

/// A block of text as it is. Scrolls when it is longer than `max_height` points. True when it was copied.
pub fn code_block(
    ui: &mut Ui,
    id: impl std::hash::Hash + std::fmt::Debug,
    text: &str,
    max_height: f32,
) -> bool {
    let tokens = tokens(ui);
    let mut copied = false;
    ui.push_id(id, |ui| {
        let frame = Frame::NONE
            .fill(if tokens.dark {
                crate::mix(tokens.surface_0, egui::Color32::BLACK, 0.25)
            } else {
                tokens.surface_1
            })
            .stroke(egui::Stroke::new(1.0, tokens.line))
            .corner_radius(CornerRadius::same(radius::CONTROL))
            .inner_margin(Margin::same(space::M as i8));
        let shown = frame.show(ui, |ui| {
            ui.set_width(ui.available_width());
            ScrollArea::both().max_height(max_height).auto_shrink([false, true]).show(ui, |ui| {
                let words = rich(TextKind::MonoSmall, text).color(tokens.text);
                ui.add(egui::Label::new(words).extend().selectable(true));
            });
        });
        let corner = shown.response.rect.right_top();
        let spot = egui::Rect::from_min_size(
            corner + egui::vec2(-row::CONTROL_SMALL - 6.0, 6.0),
            egui::Vec2::splat(row::CONTROL_SMALL),
        );
        let button = IconButton::new(Icon::Copy, "Copy").size(row::CONTROL_SMALL);
        if ui.put(spot, button).clicked() {
            ui.ctx().copy_text(text.to_owned());
            copied = true;
        }
    });
    copied
}
