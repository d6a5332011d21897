//! Buttons. Their text is a verb with its object: "Deploy agent".

use std::borrow::Cow;

use egui::{
    Color32, CornerRadius, Response, Role, Sense, Stroke, StrokeKind, Ui, Vec2, Widget, WidgetInfo, pos2,
    vec2,
};

use crate::{
    Icon, TextKind, focus_ring, mix, paint::hover_share, paint_icon, radius, row, space, tokens, truncated,
    with_alpha,
};

/// What weight a button has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ButtonKind {
    /// The one thing to do here.
    Primary,
    /// Anything else.
    #[default]
    Secondary,
    /// Destroys something.
    Danger,
    /// Without a surface, until the pointer comes.
    Ghost,
}

/// A button with text, and an icon where it helps.
#[must_use = "Add it with `ui.add(button)`"]
pub struct Button<'a> {
    text: Cow<'a, str>,
    kind: ButtonKind,
    icon: Option<Icon>,
    height: f32,
    fill_width: bool,
    busy: bool,
}

impl<'a> Button<'a> {
    fn new(kind: ButtonKind, text: impl Into<Cow<'a, str>>) -> Self {
        Self { text: text.into(), kind, icon: None, height: row::CONTROL, fill_width: false, busy: false }
    }

    /// The one thing to do here.
    pub fn primary(text: impl Into<Cow<'a, str>>) -> Self {
        Self::new(ButtonKind::Primary, text)
    }

    /// Anything else.
    pub fn secondary(text: impl Into<Cow<'a, str>>) -> Self {
        Self::new(ButtonKind::Secondary, text)
    }

    /// Destroys something.
    pub fn danger(text: impl Into<Cow<'a, str>>) -> Self {
        Self::new(ButtonKind::Danger, text)
    }

    /// Without a surface, until the pointer comes.
    pub fn ghost(text: impl Into<Cow<'a, str>>) -> Self {
        Self::new(ButtonKind::Ghost, text)
    }

    /// With an icon before the text.
    pub fn icon(mut self, icon: Icon) -> Self {
        self.icon = Some(icon);
        self
    }

    /// 24 points high, for rows.
    pub fn small(mut self) -> Self {
        self.height = row::CONTROL_SMALL;
        self
    }

    /// 44 points high, for fingers.
    pub fn touch(mut self) -> Self {
        self.height = row::TOUCH;
        self
    }

    /// As wide as there is room.
    pub fn fill_width(mut self) -> Self {
        self.fill_width = true;
        self
    }

    /// While what it started is under way: it takes no clicks.
    pub fn busy(mut self, busy: bool) -> Self {
        self.busy = busy;
        self
    }
}

impl Widget for Button<'_> {
    fn ui(self, ui: &mut Ui) -> Response {
        let tokens = tokens(ui);
        let small = self.height <= row::CONTROL_SMALL;
        let kind = if small { TextKind::LabelStrong } else { TextKind::Strong };
        let padding = if small { space::S } else { space::M + 2.0 };
        let icon_size = if small { 14.0 } else { 16.0 };
        let icon = if self.busy { Some(Icon::Hourglass) } else { self.icon };
        let icon_room = if icon.is_some() { icon_size + 6.0 } else { 0.0 };

        let (rest, over, border, text) = match self.kind {
            ButtonKind::Primary => {
                (tokens.accent_fill, mix(tokens.accent_fill, Color32::BLACK, 0.14), None, tokens.on_fill)
            }
            ButtonKind::Danger => {
                (tokens.bad_fill, mix(tokens.bad_fill, Color32::BLACK, 0.14), None, tokens.on_fill)
            }
            ButtonKind::Secondary => {
                (tokens.surface_2, tokens.surface_3, Some(tokens.line_strong), tokens.text)
            }
            ButtonKind::Ghost => (Color32::TRANSPARENT, tokens.surface_2, None, tokens.text),
        };
        let room = (ui.available_width() - 2.0 * padding - icon_room).max(16.0);
        let galley = truncated(ui, kind, text, &self.text, room, 1);
        let wanted = galley.size().x + icon_room + 2.0 * padding;
        let width = if self.fill_width { ui.available_width().max(wanted) } else { wanted };
        let sense = if self.busy { Sense::hover() } else { Sense::click() };
        let (rect, response) = ui.allocate_exact_size(vec2(width, self.height), sense);
        let enabled = ui.is_enabled() && !self.busy;
        response.widget_info(|| WidgetInfo::labeled(Role::Button, enabled, &self.text));

        if ui.is_rect_visible(rect) {
            let corner = CornerRadius::same(radius::CONTROL);
            let mut fill = mix(rest, over, hover_share(ui, &response));
            if response.is_pointer_button_down_on() {
                fill = match self.kind {
                    ButtonKind::Primary | ButtonKind::Danger => mix(rest, Color32::BLACK, 0.25),
                    ButtonKind::Secondary | ButtonKind::Ghost => tokens.surface_3,
                };
            }
            ui.painter().rect_filled(rect, corner, fill);
            if let Some(border) = border {
                ui.painter().rect_stroke(rect, corner, Stroke::new(1.0, border), StrokeKind::Inside);
            }
            let left = rect.center().x - (wanted - 2.0 * padding) / 2.0;
            if let Some(icon) = icon {
                let at = pos2(left + icon_size / 2.0, rect.center().y);
                paint_icon(ui.painter(), at, icon, icon_size, text, false);
            }
            let at = pos2(left + icon_room, rect.center().y - galley.size().y / 2.0);
            ui.painter().galley(at, galley, text);
            focus_ring(ui, &response, rect, corner);
        }
        response
    }
}

/// A button that is only an icon; its name is for screen readers and the tooltip.
#[must_use = "Add it with `ui.add(button)`"]
pub struct IconButton<'a> {
    icon: Icon,
    name: Cow<'a, str>,
    size: f32,
    selected: bool,
    color: Option<Color32>,
    tooltip: bool,
}

impl<'a> IconButton<'a> {
    /// A button of 28 points.
    pub fn new(icon: Icon, name: impl Into<Cow<'a, str>>) -> Self {
        Self { icon, name: name.into(), size: row::NORMAL, selected: false, color: None, tooltip: true }
    }

    /// How large, in points.
    pub fn size(mut self, size: f32) -> Self {
        self.size = size;
        self
    }

    /// Shown filled and in the accent.
    pub fn selected(mut self, selected: bool) -> Self {
        self.selected = selected;
        self
    }

    /// In another colour than that of secondary text.
    pub fn tint(mut self, color: Color32) -> Self {
        self.color = Some(color);
        self
    }

    /// Without a tooltip, where the name stands beside it.
    pub fn without_tooltip(mut self) -> Self {
        self.tooltip = false;
        self
    }
}

impl Widget for IconButton<'_> {
    fn ui(self, ui: &mut Ui) -> Response {
        let tokens = tokens(ui);
        let (rect, response) = ui.allocate_exact_size(Vec2::splat(self.size), Sense::click());
        let enabled = ui.is_enabled();
        response.widget_info(|| {
            let mut info = WidgetInfo::labeled(Role::Button, enabled, &self.name);
            if self.selected {
                info.selected = Some(true);
            }
            info
        });
        if ui.is_rect_visible(rect) {
            let corner = CornerRadius::same(radius::CONTROL);
            let over = hover_share(ui, &response);
            let fill = if response.is_pointer_button_down_on() { tokens.surface_3 } else { tokens.surface_2 };
            let share = if response.is_pointer_button_down_on() { 1.0 } else { over };
            ui.painter().rect_filled(rect, corner, with_alpha(fill, share));
            let rest = if self.selected { tokens.accent } else { self.color.unwrap_or(tokens.text_muted) };
            let lit = if self.selected || self.color.is_some() { rest } else { tokens.text };
            let icon_size = if self.size >= 32.0 { 20.0 } else { 16.0 };
            paint_icon(
                ui.painter(),
                rect.center(),
                self.icon,
                icon_size,
                mix(rest, lit, over),
                self.selected,
            );
            focus_ring(ui, &response, rect, corner);
        }
        if self.tooltip && enabled { response.on_hover_text(self.name) } else { response }
    }
}

/// An [`IconButton`] of 28 points.
pub fn icon_button<'a>(ui: &mut Ui, icon: Icon, name: impl Into<Cow<'a, str>>) -> Response {
    ui.add(IconButton::new(icon, name))
}

/// Text that does something small, in the accent.
pub fn link(ui: &mut Ui, text: impl AsRef<str>) -> Response {
    let tokens = tokens(ui);
    let text = text.as_ref();
    let galley = truncated(ui, TextKind::Body, tokens.accent, text, ui.available_width(), 1);
    let (rect, response) = ui.allocate_exact_size(galley.size(), Sense::click());
    response.widget_info(|| WidgetInfo::labeled(Role::Link, ui.is_enabled(), text));
    ui.painter().galley(rect.min, galley, tokens.accent);
    if response.hovered() {
        ui.painter().hline(rect.x_range(), rect.bottom() - 1.0, Stroke::new(1.0, tokens.accent));
    }
    focus_ring(ui, &response, rect.expand(2.0), CornerRadius::same(4));
    response.on_hover_cursor(egui::CursorIcon::PointingHand)
}
