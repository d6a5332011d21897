//! A switch for what takes effect at once, and a checkbox for what is sent later.

use egui::{CornerRadius, Response, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo, pos2, vec2};

use crate::{Icon, TextKind, focus_ring, mix, paint_icon, tokens, truncated};

/// A switch. `name` is for screen readers; the row around it shows the words.
pub fn toggle(ui: &mut Ui, name: &str, on: &mut bool) -> Response {
    let tokens = tokens(ui);
    let (rect, mut response) = ui.allocate_exact_size(vec2(38.0, 22.0), Sense::click());
    if response.clicked() {
        *on = !*on;
        response.mark_changed();
    }
    response.widget_info(|| WidgetInfo::selected(Role::Switch, ui.is_enabled(), *on, name));
    let share = ui.ctx().animate_bool_with_time(response.id, *on, ui.style().animation_time);
    let off = if response.hovered() { tokens.line_strong } else { tokens.surface_3 };
    ui.painter().rect(
        rect,
        CornerRadius::same(11),
        mix(off, tokens.accent_fill, share),
        Stroke::new(1.0, mix(tokens.text_faint, tokens.accent_fill, share)),
        StrokeKind::Inside,
    );
    let x = egui::lerp(rect.left() + 11.0..=rect.right() - 11.0, share);
    let knob = mix(if tokens.dark { tokens.text } else { tokens.text_muted }, tokens.on_fill, share);
    ui.painter().circle_filled(pos2(x, rect.center().y), 7.0, knob);
    focus_ring(ui, &response, rect, CornerRadius::same(11));
    response
}

/// A checkbox with its text.
pub fn checkbox(ui: &mut Ui, on: &mut bool, text: &str) -> Response {
    let tokens = tokens(ui);
    let galley = truncated(ui, TextKind::Body, tokens.text, text, ui.available_width() - 26.0, 1);
    let (rect, mut response) = ui.allocate_exact_size(vec2(galley.size().x + 26.0, 24.0), Sense::click());
    if response.clicked() {
        *on = !*on;
        response.mark_changed();
    }
    response.widget_info(|| WidgetInfo::selected(Role::CheckBox, ui.is_enabled(), *on, text));
    let center = pos2(rect.left() + 9.0, rect.center().y);
    let square = egui::Rect::from_center_size(center, vec2(18.0, 18.0));
    let corner = CornerRadius::same(5);
    if *on {
        ui.painter().rect_filled(square, corner, tokens.accent_fill);
        paint_icon(ui.painter(), center, Icon::Check, 14.0, tokens.on_fill, false);
    } else {
        let edge = if response.hovered() { tokens.text_muted } else { tokens.text_faint };
        ui.painter().rect(square, corner, tokens.surface_2, Stroke::new(1.0, edge), StrokeKind::Inside);
    }
    ui.painter().galley(
        pos2(rect.left() + 26.0, rect.center().y - galley.size().y / 2.0),
        galley,
        tokens.text,
    );
    focus_ring(ui, &response, square, corner);
    response
}
