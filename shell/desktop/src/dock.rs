//! The dock: tiles of apps, a dot under what runs, a badge for what waits for a person.

use aether_kit::{AppTile, Appearance, Hue, Icon, TextKind, paint_text, radius, tokens, with_alpha};
use egui::{
    Align2, Area, Context, CornerRadius, Id, Order, Rect, Role, Sense, Stroke, StrokeKind, WidgetInfo, pos2,
    vec2,
};

use crate::{catalogue::Offer, parts, windows::stack::WindowId};

/// A tile, in points.
const TILE: f32 = 44.0;
/// Between tiles, in points.
const GAP: f32 = 8.0;
/// Around the tiles, in points.
const MARGIN: f32 = 8.0;
/// Between the dock and the screen's edge, in points.
const FLOAT: f32 = 8.0;
/// How far a tile rises under the pointer, in points.
const LIFT: f32 = 4.0;

/// What the dock needs of the lower edge, in points.
pub const RESERVED: f32 = TILE + 2.0 * MARGIN + 2.0 * FLOAT;

/// A tile as it is shown.
#[derive(Clone, Debug)]
pub struct Tile {
    /// The app.
    pub offer: &'static Offer,
    /// Its windows, topmost first.
    pub windows: Vec<WindowId>,
    /// Whether the window in front is one of them.
    pub active: bool,
    /// How much waits for a person.
    pub badge: u32,
}

/// What the person asks of the dock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// The tile was clicked.
    Tile(&'static str),
    /// The launcher.
    Launcher,
}

/// Draws the dock at the lower edge of `screen`.
pub fn show(ctx: &Context, screen: Rect, tiles: &[Tile], appearance: &Appearance) -> Option<Ask> {
    let pinned = tiles.iter().filter(|tile| tile.offer.pinned).count();
    let divided = tiles.len() > pinned;
    let count = tiles.len() as f32 + 1.0;
    let line = if divided { 9.0 + GAP } else { 0.0 };
    let size = vec2(count * TILE + (count - 1.0) * GAP + 2.0 * MARGIN + line, TILE + 2.0 * MARGIN);
    let rect = Rect::from_min_size(
        pos2((screen.center().x - size.x / 2.0).round(), screen.bottom() - FLOAT - size.y),
        size,
    );
    let mut ask = None;
    Area::new(Id::unique("dock"))
        .order(Order::Foreground)
        .fixed_pos(rect.min)
        .default_size(size)
        .constrain(false)
        .movable(false)
        .fade_in(false)
        .accessible_name("Dock")
        .role(Role::Toolbar)
        .show(ctx, |ui| {
            ui.expand_to_include_rect(rect);
            let tokens = tokens(ui);
            let corners = CornerRadius::same(radius::DOCK);
            ui.painter().add(tokens.shadow_raised.as_shape(rect, corners));
            ui.painter().rect(
                rect,
                corners,
                with_alpha(tokens.surface_0, 0.82),
                Stroke::new(1.0, with_alpha(tokens.line, 0.9)),
                StrokeKind::Inside,
            );
            let mut left = rect.left() + MARGIN;
            let mut place = || {
                let tile = Rect::from_min_size(pos2(left, rect.top() + MARGIN), egui::Vec2::splat(TILE));
                left += TILE + GAP;
                tile
            };
            let finder = TileLook {
                id: "launcher",
                name: "Search",
                icon: Icon::Apps,
                hue: Hue::Slate,
                windows: 0,
                active: false,
                badge: 0,
            };
            if finder.show(ui, place(), appearance) {
                ask = Some(Ask::Launcher);
            }
            let mut line_drawn = false;
            for tile in tiles {
                let mut at = place();
                if divided && !tile.offer.pinned {
                    if !line_drawn {
                        let x = at.left() + 0.5;
                        let span = rect.top() + 14.0..=rect.bottom() - 14.0;
                        ui.painter().vline(x, span, Stroke::new(1.0, tokens.line_strong));
                        line_drawn = true;
                    }
                    at = at.translate(vec2(9.0, 0.0));
                }
                let look = TileLook {
                    id: tile.offer.id,
                    name: tile.offer.title,
                    icon: tile.offer.icon,
                    hue: tile.offer.hue,
                    windows: tile.windows.len(),
                    active: tile.active,
                    badge: tile.badge,
                };
                if look.show(ui, at, appearance) {
                    ask = Some(Ask::Tile(tile.offer.id));
                }
            }
        });
    ask
}

struct TileLook {
    id: &'static str,
    name: &'static str,
    icon: Icon,
    hue: Hue,
    windows: usize,
    active: bool,
    badge: u32,
}

impl TileLook {
    fn show(&self, ui: &mut egui::Ui, rect: Rect, appearance: &Appearance) -> bool {
        let tokens = tokens(ui);
        let response = ui.interact(rect, ui.scope_id().with(self.id), Sense::click());
        let name = match self.badge {
            0 => self.name.to_owned(),
            1 => format!("{}, 1 waits for you", self.name),
            count => format!("{}, {count} wait for you", self.name),
        };
        response.widget_info(|| WidgetInfo::labeled(Role::Button, true, &name));
        let lifted = response.hovered() || response.has_focus();
        let secs = if appearance.reduced_motion { 0.0 } else { 0.12 };
        let share = ui.ctx().animate_bool_with_time(response.id.with("lift"), lifted, secs);
        let pressed = if response.is_pointer_button_down_on() { 2.0 } else { 0.0 };
        let tile = rect.translate(vec2(0.0, (-LIFT * share + pressed).round())).shrink(pressed / 2.0);
        AppTile::new(self.icon, self.hue, self.name).size(tile.width()).paint(ui, tile);
        aether_kit::focus_ring(ui, &response, tile, CornerRadius::same(radius::WINDOW));
        if self.windows > 0 {
            let color = if self.active { tokens.accent } else { tokens.text_muted };
            let center = pos2(rect.center().x, rect.bottom() + 4.0);
            if self.active {
                let bar = Rect::from_center_size(center, vec2(14.0, 3.0));
                ui.painter().rect_filled(bar, CornerRadius::same(2), color);
            } else {
                ui.painter().circle_filled(center, 1.75, color);
            }
        }
        if self.badge > 0 {
            parts::paint_badge(ui, tile.right_top() + vec2(-3.0, 4.0), self.badge);
        }
        if lifted {
            paint_name(ui, pos2(rect.center().x, rect.top() - MARGIN - 8.0), self.name, share);
        }
        response.clicked()
    }
}

fn paint_name(ui: &egui::Ui, bottom: egui::Pos2, name: &str, share: f32) {
    let tokens = tokens(ui);
    let painter = ui.painter();
    let galley = painter.layout_no_wrap(name.to_owned(), TextKind::LabelStrong.font(), tokens.text);
    let size = galley.size() + vec2(20.0, 10.0);
    let rect = Rect::from_min_size(pos2(bottom.x - size.x / 2.0, bottom.y - size.y), size);
    let corners = CornerRadius::same(radius::CONTROL);
    painter.rect(
        rect,
        corners,
        with_alpha(tokens.surface_1, share),
        Stroke::new(1.0, with_alpha(tokens.line, share)),
        StrokeKind::Inside,
    );
    let color = with_alpha(tokens.text, share);
    paint_text(painter, rect.center(), Align2::CENTER_CENTER, TextKind::LabelStrong, color, name);
}
