//! A slider with its value at the right.

use egui::{CornerRadius, Key, Rect, Response, Role, Sense, Stroke, Ui, WidgetInfo, pos2, vec2};

use crate::{TextKind, focus_ring, tokens};

/// Chooses a whole number of `range` in steps of `step`. `unit` follows the value: `%`. The arrow keys move it.
pub fn slider(
    ui: &mut Ui,
    name: &str,
    value: &mut u32,
    range: std::ops::RangeInclusive<u32>,
    step: u32,
    unit: &str,
) -> Response {
    let tokens = tokens(ui);
    let width = ui.available_width().min(280.0);
    let (rect, mut response) = ui.allocate_exact_size(vec2(width, 28.0), Sense::click_and_drag());
    let (low, high) = (*range.start(), (*range.end()).max(*range.start() + 1));
    let rail = Rect::from_min_max(
        pos2(rect.left() + 9.0, rect.center().y - 2.0),
        pos2(rect.right() - 65.0, rect.center().y + 2.0),
    );
    let before = *value;
    if let Some(pointer) = response.interact_pointer_pos() {
        let share = ((pointer.x - rail.left()) / rail.width()).clamp(0.0, 1.0);
        let steps = (share * (high - low) as f32 / step.max(1) as f32).round() as u32;
        *value = low + steps * step.max(1);
    }
    if response.has_focus() {
        let filter = egui::EventFilter { horizontal_arrows: true, ..Default::default() };
        ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, filter));
        ui.input(|input| {
            if input.key_pressed(Key::ArrowRight) {
                *value = value.saturating_add(step);
            }
            if input.key_pressed(Key::ArrowLeft) {
                *value = value.saturating_sub(step);
            }
        });
    }
    *value = (*value).clamp(low, high);
    if *value != before {
        response.mark_changed();
    }
    response.widget_info(|| {
        let mut info = WidgetInfo::slider(ui.is_enabled(), f64::from(*value), name);
        info.role = Role::Slider;
        info
    });

    let share = (*value - low) as f32 / (high - low) as f32;
    let x = egui::lerp(rail.x_range(), share);
    ui.painter().rect_filled(rail, CornerRadius::same(2), tokens.surface_3);
    let done = Rect::from_min_max(rail.min, pos2(x, rail.bottom()));
    ui.painter().rect_filled(done, CornerRadius::same(2), tokens.accent);
    let knob = pos2(x, rail.center().y);
    let size = if response.hovered() || response.dragged() { 9.0 } else { 8.0 };
    ui.painter().circle(knob, size, tokens.on_fill, Stroke::new(2.0, tokens.accent));
    focus_ring(ui, &response, Rect::from_center_size(knob, vec2(20.0, 20.0)), CornerRadius::same(10));
    crate::paint_text(
        ui.painter(),
        rect.right_center(),
        egui::Align2::RIGHT_CENTER,
        TextKind::Number,
        tokens.text,
        format!("{value}{unit}"),
    );
    response
}
