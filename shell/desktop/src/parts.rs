//! Small pieces that several parts of the desktop share: the mark, bar buttons, menu rows.

use aether_kit::{Icon, TextKind, focus_ring, paint_icon, paint_text, radius, row, tokens, with_alpha};
use egui::{
    Align2, Color32, CornerRadius, Painter, Rect, Response, Role, Sense, Shape, Ui, WidgetInfo, pos2, vec2,
};

/// The mark of Aether: an A like a tent under the sky.
pub fn paint_mark(painter: &Painter, center: egui::Pos2, height: f32, color: Color32) {
    let unit = height / 50.0;
    let at = |x: f32, y: f32| center + unit * vec2(x - 32.0, y - 31.0);
    // Two legs and a bar, as in the icon; convex pieces, since egui fills only those.
    for piece in [
        vec![at(32.0, 6.0), at(32.0, 25.5), at(20.5, 56.0), at(10.0, 56.0)],
        vec![at(32.0, 6.0), at(54.0, 56.0), at(43.5, 56.0), at(32.0, 25.5)],
        vec![at(25.1, 45.0), at(28.2, 36.1), at(35.8, 36.1), at(38.9, 45.0)],
    ] {
        painter.add(Shape::convex_polygon(piece, color, egui::Stroke::NONE));
    }
}

/// A button of the menu bar: text, or an icon with a name.
pub fn bar_button(ui: &mut Ui, name: &str, icon: Option<Icon>, text: Option<&str>, strong: bool) -> Response {
    let tokens = tokens(ui);
    let kind = if strong { TextKind::Strong } else { TextKind::Body };
    let galley = text.map(|text| ui.painter().layout_no_wrap(text.to_owned(), kind.font(), tokens.text));
    let text_width = galley.as_ref().map_or(0.0, |galley| galley.size().x);
    let icon_width = if icon.is_some() { 16.0 } else { 0.0 };
    let gap = if icon.is_some() && galley.is_some() { 6.0 } else { 0.0 };
    let width = (icon_width + gap + text_width + 16.0).max(28.0);
    let height = ui.available_height().clamp(22.0, 24.0);
    let (rect, response) = ui.allocate_exact_size(vec2(width, height), Sense::click());
    response.widget_info(|| WidgetInfo::labeled(Role::Button, ui.is_enabled(), name));
    paint_hover(ui, &response, rect, CornerRadius::same(radius::CONTROL));
    let left = rect.left() + (width - icon_width - gap - text_width) / 2.0;
    if let Some(icon) = icon {
        paint_icon(ui.painter(), pos2(left + 8.0, rect.center().y), icon, 16.0, tokens.text, false);
    }
    if let Some(galley) = galley {
        let top = rect.center().y - galley.size().y / 2.0;
        ui.painter().galley(pos2(left + icon_width + gap, top), galley, tokens.text);
    }
    response
}

/// The ground of something that can be clicked: hovered, pressed, with the focus.
pub fn paint_hover(ui: &Ui, response: &Response, rect: Rect, corners: CornerRadius) {
    let tokens = tokens(ui);
    let pressed = response.is_pointer_button_down_on();
    let on = response.hovered() || pressed;
    let share = ui.ctx().animate_bool_with_time(response.id.with("hover"), on, ui.style().animation_time);
    if share > 0.0 {
        let color = if pressed { tokens.surface_3 } else { tokens.surface_2 };
        ui.painter().rect_filled(rect, corners, with_alpha(color, share * 0.9));
    }
    focus_ring(ui, response, rect, corners);
}

/// A row of a menu.
pub fn menu_row(ui: &mut Ui, icon: Icon, text: &str, keys: Option<&str>, enabled: bool) -> Response {
    let tokens = tokens(ui);
    let width = ui.available_width().max(220.0);
    let (rect, response) = ui
        .allocate_exact_size(vec2(width, row::NORMAL), if enabled { Sense::click() } else { Sense::hover() });
    response.widget_info(|| WidgetInfo::labeled(Role::Button, enabled, text));
    if enabled {
        paint_hover(ui, &response, rect, CornerRadius::same(radius::CONTROL));
    }
    let color = if enabled { tokens.text } else { with_alpha(tokens.text_faint, 0.6) };
    let muted = if enabled { tokens.text_muted } else { color };
    let y = rect.center().y;
    paint_icon(ui.painter(), pos2(rect.left() + 16.0, y), icon, 16.0, muted, false);
    paint_text(ui.painter(), pos2(rect.left() + 32.0, y), Align2::LEFT_CENTER, TextKind::Body, color, text);
    if let Some(keys) = keys {
        let at = pos2(rect.right() - 8.0, y);
        paint_text(ui.painter(), at, Align2::RIGHT_CENTER, TextKind::Label, tokens.text_faint, keys);
    }
    response
}

/// A hairline between groups of a menu.
pub fn menu_line(ui: &mut Ui) {
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 9.0), Sense::hover());
    ui.painter().hline(rect.x_range(), rect.center().y, (1.0, tokens(ui).line));
}

/// The look of a menu: a raised card.
pub fn menu_frame(tokens: &aether_kit::Tokens) -> egui::Frame {
    egui::Frame::new()
        .fill(tokens.surface_1)
        .stroke((1.0, tokens.line))
        .corner_radius(CornerRadius::same(radius::CARD))
        .shadow(tokens.shadow_raised)
        .inner_margin(6)
}

/// A small figure on a coloured ground: how much waits.
pub fn paint_badge(ui: &Ui, center: egui::Pos2, count: u32) {
    let tokens = tokens(ui);
    let text = if count > 99 { "99+".to_owned() } else { count.to_string() };
    let galley = ui.painter().layout_no_wrap(text, TextKind::NumberSmall.font(), Color32::WHITE);
    let rect = Rect::from_center_size(center, vec2((galley.size().x + 8.0).max(16.0), 16.0));
    ui.painter().rect_filled(rect, CornerRadius::same(8), tokens.bad_fill);
    ui.painter().galley(rect.center() - galley.size() / 2.0, galley, Color32::WHITE);
}
