//! A keyboard shortcut, as keys.

use egui::{CornerRadius, Response, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo, pos2, vec2};

use crate::{TextKind, tokens, truncated};

/// A shortcut as keys: `shortcut(ui, &["Ctrl", "K"])`.
pub fn shortcut(ui: &mut Ui, keys: &[&str]) -> Response {
    let tokens = tokens(ui);
    let row = ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        for key in keys {
            let galley = truncated(ui, TextKind::LabelStrong, tokens.text_muted, key, 120.0, 1);
            let size = vec2((galley.size().x + 10.0).max(20.0), 20.0);
            let (rect, _) = ui.allocate_exact_size(size, Sense::hover());
            let border = Stroke::new(1.0, tokens.line_strong);
            ui.painter().rect(rect, CornerRadius::same(4), tokens.surface_2, border, StrokeKind::Inside);
            let at = pos2(rect.center().x - galley.size().x / 2.0, rect.center().y - galley.size().y / 2.0);
            ui.painter().galley(at, galley, tokens.text_muted);
        }
    });
    row.response.widget_info(|| WidgetInfo::labeled(Role::Label, true, keys.join(" ")));
    row.response
}
