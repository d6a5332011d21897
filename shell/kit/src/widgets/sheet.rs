//! A modal sheet.

use egui::{Context, CornerRadius, Frame, Id, Key, Margin, Modal, Role, Stroke, Ui, WidgetInfo};

use crate::{Icon, TextKind, Tone, icon_button, label, radius, space, tokens};

/// A sheet over everything, until it is answered.
#[must_use = "Show it with `show`"]
pub struct Sheet<'a> {
    title: &'a str,
    width: f32,
}

/// What came of a sheet in this frame.
pub struct SheetAnswer<R> {
    /// What the contents returned.
    pub inner: R,
    /// Whether the person wants it gone: Escape, the cross, or a click beside it.
    pub close: bool,
}

impl<'a> Sheet<'a> {
    /// A sheet of 480 points.
    pub fn new(title: &'a str) -> Self {
        Self { title, width: 480.0 }
    }

    /// How wide, in points. Never wider than the screen.
    pub fn width(mut self, width: f32) -> Self {
        self.width = width;
        self
    }

    /// Draws it.
    pub fn show<R>(self, ctx: &Context, add: impl FnOnce(&mut Ui) -> R) -> SheetAnswer<R> {
        let tokens = tokens(ctx);
        let screen = ctx.content_rect();
        let width = self.width.min(screen.width() - 2.0 * space::L);
        let frame = Frame::NONE
            .fill(tokens.surface_1)
            .stroke(Stroke::new(1.0, tokens.line_strong))
            .corner_radius(CornerRadius::same(radius::WINDOW))
            .shadow(tokens.shadow_floating)
            .inner_margin(Margin::same(space::XL as i8));
        let mut crossed = false;
        let shown = Modal::new(Id::unique(("sheet", self.title)))
            .backdrop_color(tokens.backdrop)
            .frame(frame)
            .show(ctx, |ui| {
                ui.set_width(width - 2.0 * space::XL);
                ui.horizontal(|ui| {
                    label(ui, TextKind::Title, Tone::Normal, self.title);
                    ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                        crossed = icon_button(ui, Icon::Close, "Close").clicked();
                    });
                });
                ui.add_space(space::S);
                egui::ScrollArea::vertical()
                    .max_height(screen.height() - 160.0)
                    .auto_shrink([false, true])
                    .show(ui, |ui| add(ui))
                    .inner
            });
        shown.response.widget_info(|| WidgetInfo::labeled(Role::Dialog, true, self.title));
        let escaped = shown.is_top_modal
            && !shown.any_popup_open
            && ctx.input_mut(|input| input.consume_key(egui::Modifiers::NONE, Key::Escape));
        SheetAnswer { inner: shown.inner, close: crossed || escaped || shown.backdrop_response.clicked() }
    }
}
