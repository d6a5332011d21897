//! Chips, badges and dots: small things that say a state.

use egui::{Align2, Color32, CornerRadius, Response, Role, Sense, Ui, Vec2, Widget, WidgetInfo, pos2, vec2};

use crate::{
    Icon, TextKind, Tone, focus_ring, mix, paint::hover_share, paint_icon, tokens, truncated, with_alpha,
};

/// A chip: a word in a soft surface of its colour. With [`Chip::clickable`] it filters or unfolds.
#[must_use = "Add it with `ui.add(chip)`"]
#[expect(clippy::struct_excessive_bools, reason = "independent choices of the builder")]
pub struct Chip<'a> {
    text: &'a str,
    color: Option<Color32>,
    icon: Option<Icon>,
    dot: bool,
    clickable: bool,
    selected: bool,
    mono: bool,
}

impl<'a> Chip<'a> {
    /// A chip in the colour of secondary text.
    pub fn new(text: &'a str) -> Self {
        Self { text, color: None, icon: None, dot: false, clickable: false, selected: false, mono: false }
    }

    /// In a colour of the tokens.
    pub fn color(mut self, color: Color32) -> Self {
        self.color = Some(color);
        self
    }

    /// With an icon.
    pub fn icon(mut self, icon: Icon) -> Self {
        self.icon = Some(icon);
        self
    }

    /// With a dot of its colour before the text, which stays neutral.
    pub fn dot(mut self) -> Self {
        self.dot = true;
        self
    }

    /// Takes clicks.
    pub fn clickable(mut self) -> Self {
        self.clickable = true;
        self
    }

    /// Chosen, as a filter.
    pub fn selected(mut self, selected: bool) -> Self {
        self.selected = selected;
        self
    }

    /// Monospaced: the name of a tool.
    pub fn mono(mut self) -> Self {
        self.mono = true;
        self
    }
}

impl Widget for Chip<'_> {
    fn ui(self, ui: &mut Ui) -> Response {
        let tokens = tokens(ui);
        let color = self.color.unwrap_or(tokens.text_muted);
        let kind = if self.mono { TextKind::MonoSmall } else { TextKind::LabelStrong };
        let room = (ui.available_width() - 40.0).max(24.0);
        let text_color = if self.dot { tokens.text } else { mix(color, tokens.text, 0.25) };
        let galley = truncated(ui, kind, text_color, self.text, room, 1);
        let lead = if self.icon.is_some() {
            18.0
        } else if self.dot {
            14.0
        } else {
            0.0
        };
        let sense = if self.clickable { Sense::click() } else { Sense::hover() };
        let (rect, response) = ui.allocate_exact_size(vec2(galley.size().x + lead + 16.0, 22.0), sense);
        let role = if self.clickable { Role::Button } else { Role::Label };
        response.widget_info(|| {
            let mut info = WidgetInfo::labeled(role, ui.is_enabled(), self.text);
            info.selected = self.clickable.then_some(self.selected);
            info
        });
        let corner = CornerRadius::same(11);
        let over = hover_share(ui, &response) * 0.08;
        let rest = if self.selected { 0.30 } else { 0.14 };
        ui.painter().rect_filled(rect, corner, with_alpha(color, rest + over));
        let x = rect.left() + 8.0;
        if let Some(icon) = self.icon {
            paint_icon(ui.painter(), pos2(x + 6.0, rect.center().y), icon, 14.0, color, false);
        } else if self.dot {
            ui.painter().circle_filled(pos2(x + 4.0, rect.center().y), 4.0, color);
        }
        let at = pos2(x + lead, rect.center().y - galley.size().y / 2.0);
        ui.painter().galley(at, galley, text_color);
        focus_ring(ui, &response, rect, corner);
        response
    }
}

/// A count in a filled pill: what waits for a person.
pub fn badge(ui: &mut Ui, count: u32, tone: Tone) -> Response {
    let tokens = tokens(ui);
    let text = if count > 99 { "99+".to_owned() } else { count.to_string() };
    let fill = tone.color(tokens);
    let on = if tokens.dark { tokens.surface_0 } else { tokens.on_fill };
    let galley = truncated(ui, TextKind::NumberSmall, on, &text, 40.0, 1);
    let (rect, response) =
        ui.allocate_exact_size(vec2((galley.size().x + 10.0).max(18.0), 18.0), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, format!("{count} waiting")));
    ui.painter().rect_filled(rect, CornerRadius::same(9), fill);
    crate::paint_text(ui.painter(), rect.center(), Align2::CENTER_CENTER, TextKind::NumberSmall, on, text);
    response
}

/// A dot of 8 points.
pub fn dot(ui: &mut Ui, color: Color32) -> Response {
    let (rect, response) = ui.allocate_exact_size(Vec2::splat(8.0), Sense::hover());
    ui.painter().circle_filled(rect.center(), 4.0, color);
    response
}
