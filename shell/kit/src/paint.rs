//! Small pieces of painting that several widgets share.

use egui::{Color32, CornerRadius, Rect, Response, Stroke, StrokeKind, Ui};

use crate::tokens;

/// `from` with a share of `to`, 0 to 1.
pub fn mix(from: Color32, to: Color32, share: f32) -> Color32 {
    from.lerp_to_gamma(to, share.clamp(0.0, 1.0))
}

/// The colour at a share of its opacity, 0 to 1.
pub fn with_alpha(color: Color32, share: f32) -> Color32 {
    color.gamma_multiply(share.clamp(0.0, 1.0))
}

/// Draws the focus ring around `rect` where `response` has the keyboard's focus.
pub fn focus_ring(ui: &Ui, response: &Response, rect: Rect, radius: impl Into<CornerRadius>) {
    if response.has_focus() {
        let radius: CornerRadius = radius.into();
        let stroke = Stroke::new(2.0, tokens(ui).accent);
        ui.painter().rect_stroke(
            rect.expand(1.0),
            radius + CornerRadius::same(1),
            stroke,
            StrokeKind::Outside,
        );
    }
}

/// How far a hover has come, 0 to 1.
pub(crate) fn hover_share(ui: &Ui, response: &Response) -> f32 {
    let on = response.hovered() && ui.is_enabled();
    ui.ctx().animate_bool_with_time(response.id.with("hover"), on, ui.style().animation_time)
}
