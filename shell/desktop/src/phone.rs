//! The desktop at phone width: one app at a time, and a bar of apps at the lower edge.

use aether_apps::{App, AppContext};
use aether_kit::{Icon, TextKind, focus_ring, paint_icon, paint_text, tokens, with_alpha};
use egui::{
    Align, Align2, Area, Context, CornerRadius, Id, Layout, Order, Rect, Role, Sense, Ui, UiBuilder,
    WidgetInfo, pos2, vec2,
};

use crate::{deed::Deed, dock::Tile, shortcuts::Action, windows::stack::WindowId};

/// Below this width there is one app at a time, in points.
pub const NARROW: f32 = 700.0;
/// The height of the bar at the lower edge, in points.
pub const BAR: f32 = 60.0;
/// The height of the row of an app's own tools, in points.
const TOOLS: f32 = 44.0;

/// Draws an app over the whole of `rect`.
pub fn app(ui: &mut Ui, rect: Rect, id: WindowId, app: &mut dyn App, cx: &mut AppContext<'_>) {
    ui.painter().rect_filled(rect, 0, tokens(ui).surface_0);
    // The tools take a row only where the app has some; that is known from the frame before.
    let known = Id::unique(("phone tools", id.0));
    let had: bool = ui.data(|data| data.get_temp(known)).unwrap_or(false);
    let row = Rect::from_min_size(rect.min, vec2(rect.width(), if had { TOOLS } else { 0.0 }));
    let builder = UiBuilder::new()
        .id_salt(("phone tools", id.0))
        .max_rect(Rect::from_min_size(rect.min, vec2(rect.width(), TOOLS)).shrink2(vec2(8.0, 0.0)))
        .layout(Layout::right_to_left(Align::Center));
    let mut tools = ui.new_child(if had { builder } else { builder.invisible() });
    app.tools_ui(&mut tools, cx);
    let has = tools.min_rect().width() > 0.5;
    if has != had {
        ui.data_mut(|data| data.insert_temp(known, has));
        ui.ctx().request_repaint();
    }
    if had {
        ui.painter().hline(row.x_range(), row.bottom() - 0.5, (1.0, tokens(ui).line));
    }
    let body = Rect::from_min_max(pos2(rect.left(), row.bottom()), rect.max);
    let mut child = ui.new_child(
        UiBuilder::new().id_salt(("phone", id.0)).max_rect(body).layout(Layout::top_down(Align::Min)),
    );
    child.set_clip_rect(body.intersect(ui.clip_rect()));
    app.ui(&mut child, cx);
}

/// Draws the bar at the lower edge of `screen`.
pub fn bar(ctx: &Context, screen: Rect, tiles: &[Tile]) -> Option<Deed> {
    let rect = Rect::from_min_max(pos2(screen.left(), screen.bottom() - BAR), screen.max);
    let mut deed = None;
    Area::new(Id::unique("phone bar"))
        .order(Order::Foreground)
        .fixed_pos(rect.min)
        .default_size(rect.size())
        .constrain(false)
        .movable(false)
        .fade_in(false)
        .accessible_name("Apps")
        .role(Role::Toolbar)
        .show(ctx, |ui| {
            ui.expand_to_include_rect(rect);
            let tokens = tokens(ui);
            ui.painter().rect_filled(rect, 0, with_alpha(tokens.surface_1, 0.97));
            ui.painter().hline(rect.x_range(), rect.top() + 0.5, (1.0, tokens.line));
            let count = tiles.len() + 1;
            let width = rect.width() / count as f32;
            let place = |at: usize| {
                Rect::from_min_size(
                    pos2(rect.left() + width * at as f32, rect.top()),
                    vec2(width, rect.height()),
                )
            };
            for (at, tile) in tiles.iter().enumerate() {
                let item = Item {
                    name: tile.offer.title,
                    icon: tile.offer.icon,
                    active: tile.active,
                    open: !tile.windows.is_empty(),
                    badge: tile.badge,
                };
                if item.show(ui, place(at)) {
                    deed = Some(Deed::Tile(tile.offer.id));
                }
            }
            let search = Item { name: "Search", icon: Icon::Search, active: false, open: false, badge: 0 };
            if search.show(ui, place(tiles.len())) {
                deed = Some(Deed::Act(Action::Launcher));
            }
        });
    deed
}

struct Item {
    name: &'static str,
    icon: Icon,
    active: bool,
    open: bool,
    badge: u32,
}

impl Item {
    fn show(&self, ui: &Ui, rect: Rect) -> bool {
        let tokens = tokens(ui);
        let response = ui.interact(rect, ui.scope_id().with(self.name), Sense::click());
        let name = match self.badge {
            0 => self.name.to_owned(),
            1 => format!("{}, 1 waits for you", self.name),
            count => format!("{}, {count} wait for you", self.name),
        };
        response.widget_info(|| WidgetInfo::selected(Role::Button, true, self.active, &name));
        let color = if self.active { tokens.accent } else { tokens.text_muted };
        let icon = rect.center() - vec2(0.0, 9.0);
        paint_icon(ui.painter(), icon, self.icon, 22.0, color, self.active);
        let kind = if self.active { TextKind::LabelStrong } else { TextKind::Label };
        let at = rect.center() + vec2(0.0, 14.0);
        let short = self.name.split(' ').next().unwrap_or(self.name);
        paint_text(ui.painter(), at, Align2::CENTER_CENTER, kind, color, short);
        if self.open && !self.active {
            ui.painter().circle_filled(icon + vec2(15.0, 9.0), 2.0, tokens.text_muted);
        }
        if self.badge > 0 {
            crate::parts::paint_badge(ui, icon + vec2(14.0, -6.0), self.badge);
        }
        focus_ring(ui, &response, rect.shrink(4.0), CornerRadius::same(8));
        response.clicked()
    }
}
