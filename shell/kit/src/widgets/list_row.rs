//! A row of a list: 28 points for a pointer, 44 with a second line or for a finger.

use egui::{CornerRadius, Response, Role, Sense, Ui, Widget, WidgetInfo, pos2, vec2};

use crate::{
    Icon, TextKind, focus_ring, paint::hover_share, paint_icon, radius, row, space, tokens, truncated,
    with_alpha,
};

/// A row of a list.
#[must_use = "Add it with `ui.add(row)`"]
pub struct ListRow<'a> {
    text: &'a str,
    detail: Option<&'a str>,
    trailing: Option<&'a str>,
    icon: Option<Icon>,
    dot: Option<egui::Color32>,
    selected: bool,
    focused_list: bool,
    touch: bool,
    indent: f32,
}

impl<'a> ListRow<'a> {
    /// A row of 28 points.
    pub fn new(text: &'a str) -> Self {
        Self {
            text,
            detail: None,
            trailing: None,
            icon: None,
            dot: None,
            selected: false,
            focused_list: true,
            touch: false,
            indent: 0.0,
        }
    }

    /// With a second line; the row is 44 points high then.
    pub fn detail(mut self, detail: &'a str) -> Self {
        self.detail = Some(detail);
        self
    }

    /// With a figure or a time at the right.
    pub fn trailing(mut self, trailing: &'a str) -> Self {
        self.trailing = Some(trailing);
        self
    }

    /// With an icon.
    pub fn icon(mut self, icon: Icon) -> Self {
        self.icon = Some(icon);
        self
    }

    /// With a coloured dot.
    pub fn dot(mut self, color: egui::Color32) -> Self {
        self.dot = Some(color);
        self
    }

    /// Whether it is selected.
    pub fn selected(mut self, selected: bool) -> Self {
        self.selected = selected;
        self
    }

    /// Whether the list that it stands in has the focus; selection is quieter where not.
    pub fn in_focus(mut self, focused: bool) -> Self {
        self.focused_list = focused;
        self
    }

    /// 44 points high, for fingers.
    pub fn touch(mut self, touch: bool) -> Self {
        self.touch = touch;
        self
    }

    /// Moved right by so many levels, in trees.
    pub fn indent(mut self, levels: usize) -> Self {
        self.indent = levels as f32 * space::L;
        self
    }
}

impl Widget for ListRow<'_> {
    fn ui(self, ui: &mut Ui) -> Response {
        let tokens = tokens(ui);
        let height = if self.touch || self.detail.is_some() { row::TOUCH } else { row::NORMAL };
        let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::click());
        response
            .widget_info(|| WidgetInfo::selected(Role::ListItem, ui.is_enabled(), self.selected, self.text));
        if !ui.is_rect_visible(rect) {
            return response;
        }
        let corner = CornerRadius::same(radius::CONTROL);
        let hovered = with_alpha(tokens.surface_2, hover_share(ui, &response));
        let fill = if self.selected {
            if self.focused_list { with_alpha(tokens.accent_fill, 0.2) } else { tokens.surface_3 }
        } else if response.is_pointer_button_down_on() {
            tokens.surface_3
        } else {
            hovered
        };
        ui.painter().rect_filled(rect, corner, fill);
        let mut x = rect.left() + 10.0 + self.indent;
        if let Some(color) = self.dot {
            ui.painter().circle_filled(pos2(x + 4.0, rect.center().y), 4.0, color);
            x += 16.0;
        }
        if let Some(icon) = self.icon {
            let color = if self.selected { tokens.accent } else { tokens.text_muted };
            paint_icon(ui.painter(), pos2(x + 8.0, rect.center().y), icon, 16.0, color, self.selected);
            x += 26.0;
        }
        let mut right = rect.right() - 10.0;
        if let Some(trailing) = self.trailing {
            let galley =
                truncated(ui, TextKind::NumberSmall, tokens.text_muted, trailing, rect.width() * 0.5, 1);
            right -= galley.size().x;
            let at = pos2(right, rect.center().y - galley.size().y / 2.0);
            ui.painter().galley(at, galley, tokens.text_muted);
            right -= space::S;
        }
        let room = (right - x).max(8.0);
        let color = tokens.text;
        let text = truncated(ui, TextKind::Body, color, self.text, room, 1);
        let detail =
            self.detail.map(|detail| truncated(ui, TextKind::Hint, tokens.text_muted, detail, room, 1));
        let gap = 1.0;
        let high = text.size().y + detail.as_ref().map_or(0.0, |detail| detail.size().y + gap);
        let mut y = rect.center().y - high / 2.0;
        let step = text.size().y + gap;
        ui.painter().galley(pos2(x, y), text, color);
        if let Some(detail) = detail {
            y += step;
            ui.painter().galley(pos2(x, y), detail, tokens.text_muted);
        }
        focus_ring(ui, &response, rect.shrink(1.0), corner);
        response
    }
}
