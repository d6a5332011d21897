//! A side bar, and the items in it.

use egui::{
    CornerRadius, InnerResponse, Rect, Response, Role, Sense, Stroke, Ui, UiBuilder, Widget, WidgetInfo,
    pos2, vec2,
};

use crate::{
    Icon, TextKind, focus_ring, paint::hover_share, paint_icon, radius, row, space, tokens, truncated,
    with_alpha,
};

/// An item of a side bar.
#[must_use = "Add it with `ui.add(item)`"]
pub struct SideItem<'a> {
    icon: Icon,
    text: &'a str,
    selected: bool,
    trailing: Option<String>,
}

impl<'a> SideItem<'a> {
    /// An item with its icon.
    pub fn new(icon: Icon, text: &'a str) -> Self {
        Self { icon, text, selected: false, trailing: None }
    }

    /// Whether its page is shown.
    pub fn selected(mut self, selected: bool) -> Self {
        self.selected = selected;
        self
    }

    /// A count at the right.
    pub fn trailing(mut self, trailing: impl Into<String>) -> Self {
        self.trailing = Some(trailing.into());
        self
    }
}

impl Widget for SideItem<'_> {
    fn ui(self, ui: &mut Ui) -> Response {
        let tokens = tokens(ui);
        let narrow = ui.available_width() < 80.0;
        let height = if narrow { 40.0 } else { 32.0 };
        let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::click());
        response.widget_info(|| WidgetInfo::selected(Role::Tab, ui.is_enabled(), self.selected, self.text));
        let corner = CornerRadius::same(radius::CONTROL);
        let fill = if self.selected {
            with_alpha(tokens.accent_fill, 0.2)
        } else {
            with_alpha(tokens.surface_2, hover_share(ui, &response))
        };
        ui.painter().rect_filled(rect, corner, fill);
        let color = if self.selected { tokens.accent } else { tokens.text_muted };
        let size = if narrow { 20.0 } else { 16.0 };
        let x = if narrow { rect.center().x } else { rect.left() + 18.0 };
        paint_icon(ui.painter(), pos2(x, rect.center().y), self.icon, size, color, self.selected);
        if !narrow {
            let kind = if self.selected { TextKind::Strong } else { TextKind::Body };
            let galley = truncated(ui, kind, tokens.text, self.text, rect.width() - 48.0, 1);
            let at = pos2(rect.left() + 34.0, rect.center().y - galley.size().y / 2.0);
            ui.painter().galley(at, galley, tokens.text);
            if let Some(trailing) = self.trailing {
                let at = pos2(rect.right() - 10.0, rect.center().y);
                let anchor = egui::Align2::RIGHT_CENTER;
                crate::paint_text(
                    ui.painter(),
                    at,
                    anchor,
                    TextKind::NumberSmall,
                    tokens.text_muted,
                    trailing,
                );
            }
        }
        focus_ring(ui, &response, rect, corner);
        if narrow { response.on_hover_text(self.text) } else { response }
    }
}

/// Splits what is left into a side bar and the body beside it. A `collapsed` side bar shows icons only.
pub fn split_side<S, B>(
    ui: &mut Ui,
    name: &str,
    collapsed: bool,
    side: impl FnOnce(&mut Ui) -> S,
    body: impl FnOnce(&mut Ui) -> B,
) -> (S, B) {
    let width = if collapsed { 56.0 } else { row::SIDE_BAR_WIDTH };
    let whole = ui.available_rect_before_wrap();
    let left = Rect::from_min_max(whole.min, pos2(whole.left() + width, whole.bottom()));
    let right = Rect::from_min_max(pos2(left.right(), whole.top()), whole.max);
    let first = side_bar(ui, name, left, side).inner;
    let mut rest = ui.new_child(UiBuilder::new().max_rect(right).id_salt((name, "body")));
    rest.set_clip_rect(right.intersect(ui.clip_rect()));
    let second = body(&mut rest);
    ui.allocate_rect(whole, Sense::hover());
    (first, second)
}

/// A side bar's surface in `rect`, with its items.
pub fn side_bar<R>(ui: &mut Ui, name: &str, rect: Rect, add: impl FnOnce(&mut Ui) -> R) -> InnerResponse<R> {
    let tokens = tokens(ui);
    // The window's lower left corner is round.
    let corner = CornerRadius { nw: 0, ne: 0, sw: radius::WINDOW, se: 0 };
    ui.painter().rect_filled(rect, corner, tokens.surface_1);
    ui.painter().vline(rect.right() - 0.5, rect.y_range(), Stroke::new(1.0, tokens.line));
    let inside = rect.shrink2(vec2(space::S, space::M));
    let mut child = ui.new_child(UiBuilder::new().max_rect(inside).id_salt((name, "side")));
    child.spacing_mut().item_spacing.y = 2.0;
    let inner = add(&mut child);
    InnerResponse::new(inner, child.response())
}
