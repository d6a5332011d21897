//! A segmented control: one of a few, all in sight.

use egui::{CornerRadius, Rect, Response, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo, pos2, vec2};

use crate::{
    Icon, TextKind, focus_ring, mix, paint::hover_share, paint_icon, radius, row, tokens, truncated,
};

/// Chooses one of `options`; each has a text and may have an icon. The response is `changed` when another was chosen.
pub fn segmented<T: PartialEq + Clone>(
    ui: &mut Ui,
    name: &str,
    value: &mut T,
    options: &[(T, Option<Icon>, &str)],
) -> Response {
    let tokens = tokens(ui);
    let room = ui.available_width();
    let galleys: Vec<_> = options
        .iter()
        .map(|(_, _, text)| truncated(ui, TextKind::LabelStrong, tokens.text, text, 160.0, 1))
        .collect();
    let icon_room = |icon: &Option<Icon>| if icon.is_some() { 22.0 } else { 0.0 };
    let widest = galleys
        .iter()
        .zip(options)
        .map(|(galley, (_, icon, _))| galley.size().x + icon_room(icon) + 24.0)
        .fold(0.0, f32::max);
    let count = options.len().max(1) as f32;
    let each = widest.min(((room - 4.0) / count).max(24.0));
    let (rect, mut response) = ui.allocate_exact_size(vec2(each * count + 4.0, row::CONTROL), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::RadioGroup, ui.is_enabled(), name));
    ui.painter().rect_filled(rect, CornerRadius::same(radius::CONTROL + 2), tokens.surface_2);

    let mut left = rect.left() + 2.0;
    for (index, ((option, icon, text), galley)) in options.iter().zip(galleys).enumerate() {
        let cell = Rect::from_min_size(pos2(left, rect.top() + 2.0), vec2(each, rect.height() - 4.0));
        left += each;
        let mut part = ui.interact(cell, response.id.with(index), Sense::click());
        let selected = option == value;
        part.widget_info(|| WidgetInfo::selected(Role::RadioButton, ui.is_enabled(), selected, text));
        if part.clicked() && !selected {
            *value = option.clone();
            part.mark_changed();
            response.mark_changed();
        }
        let corner = CornerRadius::same(radius::CONTROL);
        let color =
            if selected { tokens.text } else { mix(tokens.text_muted, tokens.text, hover_share(ui, &part)) };
        if selected {
            let fill = if tokens.dark { tokens.surface_3 } else { tokens.surface_0 };
            ui.painter().rect(cell, corner, fill, Stroke::new(1.0, tokens.line_strong), StrokeKind::Inside);
        }
        let wide = galley.size().x + icon_room(icon);
        let mut x = cell.center().x - wide / 2.0;
        if let Some(icon) = icon {
            paint_icon(ui.painter(), pos2(x + 8.0, cell.center().y), *icon, 16.0, color, selected);
            x += icon_room(&Some(*icon));
        }
        let at = pos2(x, cell.center().y - galley.size().y / 2.0);
        ui.painter_at(cell).galley_with_override_text_color(at, galley, color);
        focus_ring(ui, &part, cell, corner);
    }
    response
}
