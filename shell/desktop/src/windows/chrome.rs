//! How a window looks and is handled: title bar, discs, edges. What the person asks for is returned, and
//! carried out by the desktop.

use aether_apps::{App, AppContext};
use aether_kit::{TextKind, Tokens, focus_ring, radius, space, tokens, truncated, with_alpha};
use egui::{
    Align, Align2, Area, Color32, Context, CornerRadius, Id, LayerId, Layout, Order, Rect, Response, Role,
    Sense, Shape, Stroke, StrokeKind, Ui, UiBuilder, WidgetInfo, pos2, vec2,
};

use super::{
    geometry::{Edge, TITLE_HEIGHT, Zone},
    stack::{Stack, WindowId},
};

/// How far beyond its border a window can be grabbed to resize it, in points.
const OUTSIDE: f32 = 5.0;
/// How far within its border, in points.
const INSIDE: f32 = 2.0;
/// The discs, in points.
const DISC: f32 = 12.0;
/// What a pointer can hit of a disc, in points.
const DISC_TARGET: f32 = 20.0;

/// What the person asks of a window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Ask {
    /// Close it.
    Close,
    /// Put it out of sight.
    Minimise,
    /// Fill the desktop, or go back.
    ToggleFull,
    /// Stand here.
    MoveTo(Rect),
    /// Fill this zone.
    Snap(Zone),
    /// An edge is dragged: from where, which, how far.
    Resize(Rect, Edge, egui::Vec2),
}

/// The layer that a window is drawn on.
pub fn layer(id: WindowId) -> LayerId {
    LayerId::new(Order::Middle, area_id(id))
}

fn area_id(id: WindowId) -> Id {
    Id::unique(("window", id.0))
}

/// Draws a window, and its app within. Returns what the person asks of it.
pub fn show(
    ctx: &Context,
    stack: &Stack,
    id: WindowId,
    app: &mut dyn App,
    cx: &mut AppContext<'_>,
) -> Vec<Ask> {
    let (Some(rect), Some(frame)) = (stack.rect(id), stack.get(id)) else { return Vec::new() };
    let title = app.title();
    let active = stack.focused() == Some(id);
    let full = frame.zone == Some(Zone::Full);
    let mut asks = Vec::new();
    Area::new(area_id(id))
        .order(Order::Middle)
        .fixed_pos(rect.min - egui::Vec2::splat(OUTSIDE))
        .default_size(rect.size() + egui::Vec2::splat(2.0 * OUTSIDE))
        .constrain(false)
        .movable(false)
        .fade_in(!cx.appearance.reduced_motion)
        .accessible_name(title.clone())
        .role(Role::Window)
        .show(ctx, |ui| {
            ui.expand_to_include_rect(rect.expand(OUTSIDE));
            let tokens = tokens(ui);
            let corners = CornerRadius::same(if full { 0 } else { radius::WINDOW });
            let bar = Rect::from_min_size(rect.min, vec2(rect.width(), TITLE_HEIGHT));

            let preview = ui.painter().add(Shape::Noop);
            paint_frame(ui, tokens, rect, bar, corners, active);
            asks.extend(title_bar(ui, stack, id, bar, preview));
            let discs_end = discs(ui, &title, bar, active, full, &mut asks);
            let tools_start = tools(ui, bar, discs_end, app, cx);
            paint_title(ui, tokens, &title, bar, (discs_end, tools_start), active);

            let body = Rect::from_min_max(pos2(rect.left(), bar.bottom()), rect.max).shrink2(vec2(1.0, 0.0));
            let body = Rect::from_min_max(body.min, pos2(body.right(), body.bottom() - 1.0));
            let first = ctx.graphics_mut(|graphics| graphics.entry(ui.layer_id()).next_idx());
            let mut child = ui.new_child(
                UiBuilder::new().id_salt("body").max_rect(body).layout(Layout::top_down(Align::Min)),
            );
            child.set_clip_rect(body.intersect(ui.clip_rect()));
            app.ui(&mut child, cx);
            round_lower_corners(ctx, ui.layer_id(), first, body, corners);

            ui.painter().rect_stroke(rect, corners, Stroke::new(1.0, tokens.line), StrokeKind::Inside);
            if !full {
                asks.extend(edges(ui, id, rect));
            }
        });
    asks
}

fn paint_frame(ui: &Ui, tokens: &Tokens, rect: Rect, bar: Rect, corners: CornerRadius, active: bool) {
    let painter = ui.painter();
    if corners != CornerRadius::ZERO {
        let shadow = if active { tokens.shadow_floating } else { tokens.shadow_inactive };
        painter.add(shadow.as_shape(rect, corners));
    }
    painter.rect_filled(rect, corners, tokens.surface_0);
    let top = CornerRadius { sw: 0, se: 0, ..corners };
    painter.rect_filled(bar, top, if active { tokens.surface_1 } else { tokens.surface_0 });
    painter.hline(bar.x_range(), bar.bottom() - 0.5, Stroke::new(1.0, tokens.line));
}

/// The bar itself: drag moves, at an edge it snaps, a double click fills the desktop and back.
fn title_bar(
    ui: &Ui,
    stack: &Stack,
    id: WindowId,
    bar: Rect,
    preview: egui::layers::ShapeIdx,
) -> Option<Ask> {
    let response = ui.interact(bar, ui.scope_id().with("title bar"), Sense::click_and_drag());
    if response.double_clicked() {
        return Some(Ask::ToggleFull);
    }
    let start_id = ui.scope_id().with("drag start");
    let pointer = response.interact_pointer_pos()?;
    if response.drag_started() {
        let start = drag_start(stack, id, pointer - response.total_drag_delta().unwrap_or_default());
        ui.data_mut(|data| data.insert_temp(start_id, start));
    }
    let start: Rect = ui.data(|data| data.get_temp(start_id))?;
    let zone = Zone::at(pointer, stack.work());
    if response.drag_stopped() {
        ui.data_mut(|data| data.remove::<Rect>(start_id));
        return zone.map(Ask::Snap);
    }
    if !response.dragged() {
        return None;
    }
    if let Some(zone) = zone {
        paint_preview(ui, zone.rect(stack.work()), preview);
    }
    Some(Ask::MoveTo(start.translate(response.total_drag_delta().unwrap_or_default())))
}

/// Where a drag begins: a window that fills a zone comes off it under the pointer.
fn drag_start(stack: &Stack, id: WindowId, pressed: egui::Pos2) -> Rect {
    let (Some(frame), Some(shown)) = (stack.get(id), stack.rect(id)) else { return Rect::NOTHING };
    if frame.zone.is_none() {
        return frame.free;
    }
    let share = ((pressed.x - shown.left()) / shown.width().max(1.0)).clamp(0.0, 1.0);
    let size = frame.free.size();
    Rect::from_min_size(pos2(pressed.x - size.x * share, shown.top()), size)
}

fn paint_preview(ui: &Ui, target: Rect, at: egui::layers::ShapeIdx) {
    let tokens = tokens(ui);
    let share = ui.ctx().animate_bool_with_time(
        ui.scope_id().with("landing").with(format!("{target:?}")),
        true,
        ui.style().animation_time,
    );
    let fill = with_alpha(tokens.accent_fill, 0.22 * share.max(0.01));
    let corners = CornerRadius::same(radius::WINDOW);
    let rect = target.shrink(2.0);
    let shapes = vec![
        Shape::from(egui::epaint::RectShape::filled(rect, corners, fill)),
        Shape::from(egui::epaint::RectShape::stroke(
            rect,
            corners,
            Stroke::new(2.0, with_alpha(tokens.accent, 0.8)),
            StrokeKind::Inside,
        )),
    ];
    ui.painter().set(at, Shape::Vec(shapes));
}

/// The three discs. Returns where they end.
fn discs(ui: &mut Ui, title: &str, bar: Rect, active: bool, full: bool, asks: &mut Vec<Ask>) -> f32 {
    let tokens = tokens(ui);
    // The light theme's states are made for text; discs are lively in both.
    let lively = &aether_kit::DARK;
    let size = if full { "Restore" } else { "Maximise" };
    let kinds = [
        ("Close", lively.bad, Ask::Close),
        ("Minimise", lively.warn, Ask::Minimise),
        (size, lively.good, Ask::ToggleFull),
    ];
    let group = Rect::from_min_size(
        pos2(bar.left() + 8.0, bar.center().y - DISC_TARGET / 2.0),
        vec2(DISC_TARGET * kinds.len() as f32, DISC_TARGET),
    );
    let near = ui.rect_contains_pointer(group);
    let mut left = group.left();
    for (verb, color, ask) in kinds {
        let target = Rect::from_min_size(pos2(left, group.top()), egui::Vec2::splat(DISC_TARGET));
        left += DISC_TARGET;
        let response = ui.interact(target, ui.scope_id().with(ask_salt(ask)), Sense::click());
        let name = format!("{verb} {title}");
        response.widget_info(|| WidgetInfo::labeled(Role::Button, true, &name));
        let lit = near || response.has_focus();
        paint_disc(
            ui,
            &response,
            if active || lit { color } else { tokens.surface_3 },
            lit.then_some(ask),
            full,
        );
        focus_ring(ui, &response, Rect::from_center_size(target.center(), egui::Vec2::splat(DISC + 2.0)), 8);
        if response.on_hover_text(verb).clicked() {
            asks.push(ask);
        }
    }
    group.right()
}

fn ask_salt(ask: Ask) -> &'static str {
    match ask {
        Ask::Close => "close",
        Ask::Minimise => "minimise",
        _ => "maximise",
    }
}

fn paint_disc(ui: &Ui, response: &Response, color: Color32, glyph: Option<Ask>, full: bool) {
    let painter = ui.painter();
    let center = response.rect.center();
    let pressed = response.is_pointer_button_down_on();
    let color = if pressed { aether_kit::mix(color, Color32::BLACK, 0.25) } else { color };
    painter.circle_filled(center, DISC / 2.0, color);
    let stroke = Stroke::new(1.4, Color32::from_black_alpha(170));
    let line = |a: (f32, f32), b: (f32, f32)| {
        painter.line_segment([center + vec2(a.0, a.1), center + vec2(b.0, b.1)], stroke);
    };
    match glyph {
        Some(Ask::Close) => {
            line((-2.4, -2.4), (2.4, 2.4));
            line((-2.4, 2.4), (2.4, -2.4));
        }
        Some(Ask::Minimise) => line((-3.0, 0.0), (3.0, 0.0)),
        Some(_) if full => {
            line((-2.6, 2.6), (-0.4, 0.4));
            line((2.6, -2.6), (0.4, -0.4));
        }
        Some(_) => {
            line((-3.0, 0.0), (3.0, 0.0));
            line((0.0, -3.0), (0.0, 3.0));
        }
        None => {}
    }
}

/// The app's own tools at the right of the bar. Returns where they begin.
fn tools(ui: &mut Ui, bar: Rect, discs_end: f32, app: &mut dyn App, cx: &mut AppContext<'_>) -> f32 {
    let room = Rect::from_min_max(
        pos2(discs_end + space::L, bar.top()),
        pos2(bar.right() - space::S, bar.bottom() - 1.0),
    );
    let mut child = ui.new_child(
        UiBuilder::new().id_salt("tools").max_rect(room).layout(Layout::right_to_left(Align::Center)),
    );
    child.set_clip_rect(room.intersect(ui.clip_rect()));
    app.tools_ui(&mut child, cx);
    let used = child.min_rect();
    if used.width() > 0.5 { used.left().max(room.left()) } else { room.right() }
}

/// The title: in the middle of the bar where there is room, else between discs and tools.
fn paint_title(ui: &Ui, tokens: &Tokens, title: &str, bar: Rect, between: (f32, f32), active: bool) {
    let (start, end) = (between.0 + space::S, between.1 - space::S);
    let color = if active { tokens.text } else { tokens.text_muted };
    let galley = truncated(ui, TextKind::Strong, color, title, (end - start).max(0.0), 1);
    if end - start < 24.0 {
        return;
    }
    let centred = bar.center().x - galley.size().x / 2.0;
    let x = centred.min(end - galley.size().x).max(start);
    let at = Align2::LEFT_CENTER.align_size_within_rect(
        galley.size(),
        Rect::from_min_max(pos2(x, bar.top()), pos2(end.max(x), bar.bottom() - 1.0)),
    );
    ui.painter().galley(at.min, galley, color);
}

/// The eight edges. Only one of them is dragged at a time.
fn edges(ui: &Ui, id: WindowId, rect: Rect) -> Option<Ask> {
    let mut ask = None;
    for edge in Edge::ALL {
        let handle = edge.handle(rect, OUTSIDE, INSIDE);
        let response = ui.interact(handle, ui.scope_id().with(("edge", edge.x, edge.y)), Sense::drag());
        let start_id = ui.scope_id().with(("resize start", id.0));
        if response.hovered() || response.dragged() {
            ui.ctx().set_cursor_icon(edge.cursor());
        }
        if response.drag_started() {
            ui.data_mut(|data| data.insert_temp(start_id, rect));
        }
        if response.dragged()
            && let Some(start) = ui.data(|data| data.get_temp::<Rect>(start_id))
        {
            ask = Some(Ask::Resize(start, edge, response.total_drag_delta().unwrap_or_default()));
        }
    }
    ask
}

/// Rounds what the app painted into the window's two lower corners, so that nothing sticks out of them.
fn round_lower_corners(
    ctx: &Context,
    layer: LayerId,
    first: egui::layers::ShapeIdx,
    body: Rect,
    corners: CornerRadius,
) {
    if corners == CornerRadius::ZERO {
        return;
    }
    ctx.graphics_mut(|graphics| {
        let list = graphics.entry(layer);
        let end = list.next_idx();
        for at in first.0..end.0 {
            list.mutate_shape(egui::layers::ShapeIdx(at), |clipped| {
                let Shape::Rect(shape) = &mut clipped.shape else { return };
                if shape.rect.bottom() < body.bottom() - 0.5 {
                    return;
                }
                if shape.rect.left() <= body.left() + 0.5 {
                    shape.corner_radius.sw = shape.corner_radius.sw.max(corners.sw - 1);
                }
                if shape.rect.right() >= body.right() - 0.5 {
                    shape.corner_radius.se = shape.corner_radius.se.max(corners.se - 1);
                }
            });
        }
    });
}
