//! Progress and meters.

use egui::{CornerRadius, Rect, Response, Role, Sense, Ui, WidgetInfo, pos2, vec2};

use crate::{TextKind, Tone, paint_text, tokens};

fn track(ui: &mut Ui, name: &str, share: f32, width: f32, height: f32, color: egui::Color32) -> Response {
    let tokens = tokens(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(width, height), Sense::hover());
    let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 };
    response.widget_info(|| {
        let mut info = WidgetInfo::labeled(Role::ProgressIndicator, true, name);
        info.value = Some(f64::from(share));
        info
    });
    let corner = CornerRadius::same((height / 2.0) as u8);
    ui.painter().rect_filled(rect, corner, tokens.surface_3);
    if share > 0.0 {
        let right = (rect.left() + rect.width() * share).max(rect.left() + height);
        ui.painter().rect_filled(Rect::from_min_max(rect.min, pos2(right, rect.bottom())), corner, color);
    }
    response
}

/// How far something has come, 0 to 1.
pub fn progress_bar(ui: &mut Ui, name: &str, share: f32) -> Response {
    let color = tokens(ui).accent;
    track(ui, name, share, ui.available_width(), 6.0, color)
}

/// How full something is: its name, a figure with its unit, and a bar that turns to warn at 75 % and to bad at 90 %.
pub fn meter(ui: &mut Ui, name: &str, share: f32, figure: &str) -> Response {
    let tokens = tokens(ui);
    let tone = if share >= 0.9 {
        Tone::Bad
    } else if share >= 0.75 {
        Tone::Warn
    } else {
        Tone::Accent
    };
    ui.vertical(|ui| {
        ui.spacing_mut().item_spacing.y = 6.0;
        let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 16.0), Sense::hover());
        let left = egui::Align2::LEFT_CENTER;
        paint_text(ui.painter(), rect.left_center(), left, TextKind::Label, tokens.text_muted, name);
        let right = egui::Align2::RIGHT_CENTER;
        paint_text(ui.painter(), rect.right_center(), right, TextKind::Number, tokens.text, figure);
        track(ui, name, share, ui.available_width(), 6.0, tone.color(tokens)).on_hover_text(figure)
    })
    .inner
}
