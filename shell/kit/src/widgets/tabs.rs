//! Tabs.

use egui::{CornerRadius, Rect, Role, Sense, Stroke, Ui, WidgetInfo, pos2, vec2};

use crate::{
    Icon, TextKind, focus_ring, mix, paint::hover_share, paint_icon, radius, space, tokens, truncated,
    with_alpha,
};

/// What happened to a row of tabs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TabAnswer {
    /// The tab that was chosen.
    pub chosen: Option<usize>,
    /// The tab whose cross was clicked.
    pub closed: Option<usize>,
}

/// Tabs with a line under the one that is shown.
pub fn tabs(ui: &mut Ui, name: &str, shown: usize, titles: &[&str]) -> TabAnswer {
    row(ui, name, shown, titles, false)
}

/// Tabs that can be closed.
pub fn tabs_closable(ui: &mut Ui, name: &str, shown: usize, titles: &[&str]) -> TabAnswer {
    row(ui, name, shown, titles, true)
}

fn row(ui: &mut Ui, name: &str, shown: usize, titles: &[&str], closable: bool) -> TabAnswer {
    let tokens = tokens(ui);
    let mut answer = TabAnswer::default();
    let list = ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = space::XS;
        for (index, title) in titles.iter().enumerate() {
            let selected = index == shown;
            let color = if selected { tokens.text } else { tokens.text_muted };
            let galley = truncated(ui, TextKind::Strong, color, title, 180.0, 1);
            let cross = if closable { 22.0 } else { 0.0 };
            let (rect, tab) =
                ui.allocate_exact_size(vec2(galley.size().x + cross + 20.0, 32.0), Sense::click());
            tab.widget_info(|| WidgetInfo::selected(Role::Tab, ui.is_enabled(), selected, title));
            if tab.clicked() {
                answer.chosen = Some(index);
            }
            if tab.middle_clicked() && closable {
                answer.closed = Some(index);
            }
            let over = hover_share(ui, &tab);
            let pill = rect.shrink2(vec2(0.0, 3.0));
            let corner = CornerRadius::same(radius::CONTROL);
            if closable && selected {
                ui.painter().rect_filled(pill, corner, tokens.surface_2);
            } else {
                ui.painter().rect_filled(pill, corner, with_alpha(tokens.surface_2, over));
            }
            let color = mix(color, tokens.text, over);
            let at = pos2(rect.left() + 10.0, rect.center().y - galley.size().y / 2.0);
            ui.painter().galley_with_override_text_color(at, galley, color);
            if selected && !closable {
                let line = Rect::from_min_max(
                    pos2(rect.left() + 10.0, rect.bottom() - 2.0),
                    pos2(rect.right() - 10.0, rect.bottom()),
                );
                ui.painter().rect_filled(line, CornerRadius::same(1), tokens.accent);
            }
            if closable {
                let spot =
                    Rect::from_center_size(pos2(rect.right() - 15.0, rect.center().y), vec2(18.0, 18.0));
                let close = ui.interact(spot, tab.id.with("close"), Sense::click());
                close.widget_info(|| {
                    WidgetInfo::labeled(Role::Button, ui.is_enabled(), format!("Close {title}"))
                });
                ui.painter().rect_filled(
                    spot,
                    CornerRadius::same(4),
                    with_alpha(tokens.surface_3, hover_share(ui, &close)),
                );
                paint_icon(ui.painter(), spot.center(), Icon::Close, 12.0, tokens.text_muted, false);
                focus_ring(ui, &close, spot, CornerRadius::same(4));
                if close.clicked() {
                    answer.closed = Some(index);
                }
            }
            focus_ring(ui, &tab, pill, corner);
        }
    });
    list.response.widget_info(|| WidgetInfo::labeled(Role::TabList, true, name));
    if !closable {
        let rect = list.response.rect;
        let right = rect.left() + rect.width().max(ui.available_width());
        ui.painter().hline(rect.left()..=right, rect.bottom() + 0.5, Stroke::new(1.0, tokens.line));
    }
    answer
}
