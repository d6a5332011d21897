//! Messages: toasts in the corner, and the list that keeps them.

pub mod centre;

use aether_apps::NoticeKind;
use aether_kit::{
    Icon, IconButton, TextKind, Toast, ToastAnswer, Tone, label, label_wrapped, paint_icon, radius, space,
    tokens,
};
use aether_protocol::UnixMillis;
use egui::{
    Align, Area, Context, CornerRadius, Id, Key, Layout, Modifiers, Order, Rect, Role, ScrollArea, Sense, Ui,
    WidgetInfo, pos2, vec2,
};

use crate::{clock, deed::Deed, parts};
use centre::{Centre, Told};

/// How wide toasts and list are, in points.
const WIDTH: f32 = 340.0;

fn tone(kind: NoticeKind) -> Tone {
    match kind {
        NoticeKind::Info => Tone::Info,
        NoticeKind::Good => Tone::Good,
        NoticeKind::Waiting => Tone::Warn,
        NoticeKind::Bad => Tone::Bad,
    }
}

/// Draws the toasts below `top` at the right edge of `screen`.
pub fn toasts(ctx: &Context, screen: Rect, top: f32, centre: &Centre) -> Vec<Deed> {
    let mut deeds = Vec::new();
    if centre.toasts().next().is_none() {
        return deeds;
    }
    let width = WIDTH.min(screen.width() - 2.0 * space::S);
    Area::new(Id::unique("toasts"))
        .order(Order::Foreground)
        .fixed_pos(pos2(screen.right() - width - space::M, top + space::M))
        .default_size(vec2(width, 80.0))
        .constrain(false)
        .movable(false)
        .accessible_name("New notifications")
        .role(Role::Alert)
        .show(ctx, |ui| {
            ui.set_max_width(width);
            ui.spacing_mut().item_spacing.y = space::S;
            for told in centre.toasts() {
                let toast = Toast::new(tone(told.notice.kind), &told.notice.title).body(&told.notice.body);
                let toast = if told.notice.opens.is_some() { toast.action("Open") } else { toast };
                match ui.push_id(told.id, |ui| toast.show(ui)).inner {
                    Some(ToastAnswer::Open) => deeds.push(Deed::OpenNotice(told.id)),
                    Some(ToastAnswer::Dismiss) => deeds.push(Deed::DismissToast(told.id)),
                    None => {}
                }
            }
        });
    deeds
}

/// Draws the list of messages. The second value says whether the person wants it closed.
pub fn list(ctx: &Context, screen: Rect, top: f32, centre: &Centre, now: UnixMillis) -> (Vec<Deed>, bool) {
    let mut deeds = Vec::new();
    let width = (WIDTH + 20.0).min(screen.width() - 2.0 * space::S);
    let height = (screen.bottom() - top - 2.0 * space::S).min(560.0);
    let tokens = tokens(ctx);
    let response = Area::new(Id::unique("notification centre"))
        .order(Order::Foreground)
        .fixed_pos(pos2(screen.right() - width - space::S, top + space::S))
        .default_size(vec2(width, height))
        .constrain(false)
        .movable(false)
        .accessible_name("Notifications")
        .role(Role::Dialog)
        .show(ctx, |ui| {
            parts::menu_frame(tokens).inner_margin(space::M).show(ui, |ui| {
                ui.set_width(width - 2.0 * space::M);
                ui.horizontal(|ui| {
                    label(ui, TextKind::Emphasis, Tone::Normal, "Notifications");
                    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                        if !centre.told().is_empty() && aether_kit::link(ui, "Clear all").clicked() {
                            deeds.push(Deed::ClearNotices);
                        }
                    });
                });
                if centre.told().is_empty() {
                    empty(ui);
                    return;
                }
                ScrollArea::vertical().max_height(height - 72.0).auto_shrink([false, true]).show(ui, |ui| {
                    ui.spacing_mut().item_spacing.y = 2.0;
                    for told in centre.told() {
                        deeds.extend(ui.push_id(told.id, |ui| message(ui, told, now)).inner);
                    }
                });
            });
        })
        .response;
    let left = ctx.input(|input| input.pointer.any_pressed())
        && ctx.pointer_interact_pos().is_some_and(|at| !response.rect.contains(at) && at.y > top);
    let escaped = ctx.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Escape));
    (deeds, left || escaped)
}

fn empty(ui: &mut Ui) {
    ui.add_space(space::XL);
    ui.vertical_centered(|ui| {
        let (rect, _) = ui.allocate_exact_size(vec2(48.0, 48.0), Sense::hover());
        paint_icon(ui.painter(), rect.center(), Icon::Bell, 48.0, tokens(ui).text_faint, false);
        label(ui, TextKind::Body, Tone::Muted, "You are told here when an agent needs you or has ended");
    });
    ui.add_space(space::XL);
}

fn message(ui: &mut Ui, told: &Told, now: UnixMillis) -> Option<Deed> {
    let tokens = tokens(ui);
    let mut deed = None;
    let id = ui.scope_id().with("message");
    let before: Option<Rect> = ui.data(|data| data.get_temp(id));
    let ground = ui.painter().add(egui::Shape::Noop);
    let clickable = told.notice.opens.is_some();
    let row =
        before.map(|rect| ui.interact(rect, id, if clickable { Sense::click() } else { Sense::hover() }));
    let inner = egui::Frame::NONE
        .inner_margin(space::S)
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.horizontal_top(|ui| {
                let (rect, _) = ui.allocate_exact_size(vec2(16.0, 18.0), Sense::hover());
                let color = tokens.tone(tone(told.notice.kind));
                ui.painter().circle_filled(rect.center(), 4.0, color);
                ui.vertical(|ui| {
                    ui.spacing_mut().item_spacing.y = 2.0;
                    ui.set_width(ui.available_width() - 32.0);
                    label(ui, TextKind::Strong, Tone::Normal, told.notice.title.as_str());
                    if !told.notice.body.is_empty() {
                        label_wrapped(ui, TextKind::Label, Tone::Muted, told.notice.body.as_str());
                    }
                    label(ui, TextKind::Hint, Tone::Faint, clock::ago(told.at, now));
                });
                let remove = IconButton::new(Icon::Close, format!("Remove {}", told.notice.title)).size(24.0);
                if ui.add(remove.without_tooltip()).clicked() {
                    deed = Some(Deed::DropNotice(told.id));
                }
            });
        })
        .response;
    ui.data_mut(|data| data.insert_temp(id, inner.rect));
    if let Some(row) = row {
        row.widget_info(|| WidgetInfo::labeled(Role::ListItem, true, &told.notice.title));
        if clickable && row.hovered() {
            let corners = CornerRadius::same(radius::CONTROL);
            ui.painter().set(ground, egui::epaint::RectShape::filled(inner.rect, corners, tokens.surface_2));
        }
        if row.clicked() && deed.is_none() {
            deed = Some(Deed::OpenNotice(told.id));
        }
    }
    deed
}
