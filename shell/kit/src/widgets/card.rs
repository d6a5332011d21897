//! Cards, hairlines and headings.

use egui::{
    Color32, CornerRadius, Frame, InnerResponse, Margin, Rect, Response, Role, Sense, Stroke, StrokeKind, Ui,
    WidgetInfo, vec2,
};

use crate::{TextKind, Tone, label, mix, paint::hover_share, radius, space, tokens, with_alpha};

/// A surface for things that belong together.
#[must_use = "Show it with `show`"]
pub struct Card {
    padding: f32,
    glow: Option<Color32>,
    name: Option<String>,
    selected: bool,
}

impl Default for Card {
    fn default() -> Self {
        Self::new()
    }
}

impl Card {
    /// A card with 16 points of space within.
    pub fn new() -> Self {
        Self { padding: space::L, glow: None, name: None, selected: false }
    }

    /// The space within, in points.
    pub fn padding(mut self, padding: f32) -> Self {
        self.padding = padding;
        self
    }

    /// With a border that glows: something waits here.
    pub fn glow(mut self, color: Option<Color32>) -> Self {
        self.glow = color;
        self
    }

    /// Takes clicks, under this name.
    pub fn clickable(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// With the border of what is selected.
    pub fn selected(mut self, selected: bool) -> Self {
        self.selected = selected;
        self
    }

    /// Draws it. The response is that of the whole card.
    pub fn show<R>(self, ui: &mut Ui, add: impl FnOnce(&mut Ui) -> R) -> InnerResponse<R> {
        let tokens = tokens(ui);
        let corner = CornerRadius::same(radius::CARD);
        let background = ui.painter().add(egui::Shape::Noop);
        let id = ui.next_auto_id().with("card");
        // The card is registered below what lies on it, so that its buttons get their clicks.
        let known: Option<Rect> = ui.data(|data| data.get_temp(id));
        let under = match (&self.name, known) {
            (Some(name), Some(size)) => {
                let rect = Rect::from_min_size(ui.cursor().min, size.size());
                let response = ui.interact(rect, id, Sense::click());
                response
                    .widget_info(|| WidgetInfo::selected(Role::Button, ui.is_enabled(), self.selected, name));
                Some(response)
            }
            _ => None,
        };
        let inner =
            Frame::NONE.inner_margin(Margin::same(self.padding as i8)).show(ui, |ui| ui.vertical(add).inner);
        let rect = inner.response.rect;
        if self.name.is_some() {
            ui.data_mut(|data| data.insert_temp(id, rect));
            if known.is_none() {
                ui.ctx().request_repaint();
            }
        }
        let over = under.as_ref().map_or(0.0, |under| hover_share(ui, under));
        let border = match (self.glow, self.selected) {
            (Some(color), _) => Stroke::new(1.5, color),
            (None, true) => Stroke::new(1.5, tokens.accent),
            (None, false) => Stroke::new(1.0, mix(tokens.line, tokens.line_strong, over)),
        };
        let fill = mix(tokens.surface_1, tokens.surface_2, over * 0.6);
        let shape = egui::epaint::RectShape::new(rect, corner, fill, border, StrokeKind::Inside);
        let mut shapes = Vec::with_capacity(2);
        if let Some(color) = self.glow {
            let halo = egui::Shadow { offset: [0, 0], blur: 14, spread: 1, color: with_alpha(color, 0.35) };
            shapes.push(halo.as_shape(rect, corner).into());
        }
        shapes.push(shape.into());
        ui.painter().set(background, egui::Shape::Vec(shapes));
        if let Some(under) = &under {
            crate::focus_ring(ui, under, rect, corner);
        }
        InnerResponse::new(inner.inner, under.unwrap_or(inner.response))
    }
}

/// A hairline across.
pub fn hairline(ui: &mut Ui) {
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 1.0), Sense::hover());
    ui.painter().hline(rect.x_range(), rect.center().y, Stroke::new(1.0, tokens(ui).line));
}

/// The heading of a section, with what explains it below.
pub fn section_heading(ui: &mut Ui, title: &str, detail: Option<&str>) -> Response {
    ui.vertical(|ui| {
        ui.spacing_mut().item_spacing.y = 2.0;
        let response = label(ui, TextKind::Emphasis, Tone::Normal, title);
        if let Some(detail) = detail {
            crate::label_wrapped(ui, TextKind::Label, Tone::Muted, detail);
        }
        ui.add_space(space::XS);
        response
    })
    .inner
}
