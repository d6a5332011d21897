//! A sheet whose contents scroll and whose buttons stay in sight.

use aether_kit::{Icon, TextKind, Tone, icon_button, label, radius, space, tokens};
use egui::{
    Align, Context, CornerRadius, Frame, Id, Key, Layout, Margin, Modal, Modifiers, Role, ScrollArea, Stroke,
    Ui, WidgetInfo,
};

/// What came of a sheet in this frame.
pub struct TallAnswer<R> {
    /// What the part with the buttons returned.
    pub inner: R,
    /// Whether the person wants it gone.
    pub close: bool,
}

/// Draws it over everything, `width` points wide where there is room: `body` scrolls, `foot` stays.
pub fn show<R>(
    ctx: &Context,
    title: &str,
    width: f32,
    body: impl FnOnce(&mut Ui),
    foot: impl FnOnce(&mut Ui) -> R,
) -> TallAnswer<R> {
    let tokens = tokens(ctx);
    let screen = ctx.content_rect();
    let margin = if screen.width() < 600.0 { space::L } else { space::XL };
    let width = width.min(screen.width() - space::L) - 2.0 * margin;
    let most_height = screen.height() - 176.0;
    let frame = Frame::NONE
        .fill(tokens.surface_1)
        .stroke(Stroke::new(1.0, tokens.line_strong))
        .corner_radius(CornerRadius::same(radius::WINDOW))
        .shadow(tokens.shadow_floating)
        .inner_margin(Margin::same(margin as i8));
    let mut crossed = false;
    let shown = Modal::new(Id::unique(("tall sheet", title)))
        .backdrop_color(tokens.backdrop)
        .frame(frame)
        .show(ctx, |ui| {
            ui.set_width(width);
            ui.horizontal(|ui| {
                label(ui, TextKind::Title, Tone::Normal, title);
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    crossed = icon_button(ui, Icon::Close, "Close").clicked();
                });
            });
            ui.add_space(space::XS);
            // The area gives only the height it had in the frame before: without a least height, contents that
            // grow would never get more.
            ScrollArea::vertical()
                .max_height(most_height)
                .min_scrolled_height(most_height)
                .auto_shrink([false, true])
                .show(ui, body);
            ui.add_space(space::S);
            foot(ui)
        });
    shown.response.widget_info(|| WidgetInfo::labeled(Role::Dialog, true, title));
    let escaped = shown.is_top_modal
        && !shown.any_popup_open
        && ctx.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Escape));
    TallAnswer { inner: shown.inner, close: crossed || escaped }
}
