//! The menu bar: at the left where one is, at the right how things are.

use aether_apps::World;
use aether_client::ConnectionState;
use aether_kit::{Appearance, Icon, TextKind, phase_color, tokens, with_alpha};
use aether_protocol::process::{Phase, State};
use egui::{
    Align, Area, Color32, Context, Id, Layout, Order, Popup, Rect, Response, Role, Sense, Ui, UiBuilder,
    WidgetInfo, pos2, vec2,
};

use crate::{
    catalogue,
    clock::Local,
    deed::Deed,
    parts,
    shortcuts::{self, Action},
    windows::geometry::Zone,
};

/// Its height, in points.
pub const HEIGHT: f32 = 28.0;
/// Its height where fingers work, in points.
pub const HEIGHT_TOUCH: f32 = 44.0;
/// At most this many phases are shown as dots.
const DOTS: usize = 6;

/// What the bar shows.
pub struct Shown<'a> {
    /// The title of the window in front.
    pub title: Option<&'a str>,
    /// What is known of the kernel.
    pub world: &'a World,
    /// How the connection is.
    pub connection: &'a ConnectionState,
    /// Messages that were not seen.
    pub unread: usize,
    /// The clock.
    pub time: Local,
    /// Who is signed in.
    pub user: &'a str,
    /// The name of the device, and the version.
    pub device: &'a str,
    /// Appearance as it is.
    pub appearance: &'a Appearance,
    /// Whether the desktop is narrow.
    pub narrow: bool,
}

/// Draws the bar at the upper edge of `screen`.
pub fn show(ctx: &Context, screen: Rect, shown: &Shown<'_>) -> Vec<Deed> {
    let height = if shown.narrow { HEIGHT_TOUCH } else { HEIGHT };
    let rect = Rect::from_min_size(screen.min, vec2(screen.width(), height));
    let mut deeds = Vec::new();
    Area::new(Id::unique("menu bar"))
        .order(Order::Foreground)
        .fixed_pos(rect.min)
        .default_size(rect.size())
        .constrain(false)
        .movable(false)
        .fade_in(false)
        .accessible_name("Menu bar")
        .role(Role::MenuBar)
        .show(ctx, |ui| {
            ui.expand_to_include_rect(rect);
            let tokens = tokens(ui);
            ui.painter().rect_filled(rect, 0, with_alpha(tokens.surface_0, 0.82));
            ui.painter().hline(rect.x_range(), rect.bottom() - 0.5, (1.0, with_alpha(tokens.line, 0.8)));
            let inner = rect.shrink2(vec2(6.0, 0.0));
            let mut right = ui.new_child(
                UiBuilder::new()
                    .id_salt("right")
                    .max_rect(inner)
                    .layout(Layout::right_to_left(Align::Center)),
            );
            right.spacing_mut().item_spacing.x = if shown.narrow { 8.0 } else { 2.0 };
            status_side(&mut right, shown, &mut deeds);
            let room = Rect::from_min_max(inner.min, pos2(right.min_rect().left() - 8.0, inner.bottom()));
            let mut left = ui.new_child(
                UiBuilder::new().id_salt("left").max_rect(room).layout(Layout::left_to_right(Align::Center)),
            );
            left.set_clip_rect(room.intersect(ui.clip_rect()));
            left.spacing_mut().item_spacing.x = 2.0;
            app_side(&mut left, shown, &mut deeds);
        });
    deeds
}

fn app_side(ui: &mut Ui, shown: &Shown<'_>, deeds: &mut Vec<Deed>) {
    let mark = mark_button(ui);
    menu(&mark, "Aether menu", |ui| {
        let tokens = tokens(ui);
        ui.add_space(4.0);
        ui.horizontal(|ui| {
            ui.add_space(8.0);
            ui.label(aether_kit::rich(TextKind::Label, shown.device).color(tokens.text_muted));
        });
        parts::menu_line(ui);
        act(ui, Icon::Settings, "Settings", Action::Settings, deeds);
        act(ui, Icon::Keyboard, "Keyboard shortcuts", Action::Sheet, deeds);
        parts::menu_line(ui);
        act(ui, Icon::Lock, "Lock screen", Action::Lock, deeds);
        row(ui, Icon::Exit, "Sign out", None, Deed::SignOut, deeds);
    });
    let title = shown.title.unwrap_or("Aether");
    if shown.narrow {
        ui.add_space(4.0);
        aether_kit::label(ui, TextKind::Strong, aether_kit::Tone::Normal, title);
        return;
    }
    ui.add_space(2.0);
    aether_kit::label(ui, TextKind::Strong, aether_kit::Tone::Normal, title);
    ui.add_space(4.0);
    let go = parts::bar_button(ui, "Go", None, Some("Go"), false);
    menu(&go, "Go menu", |ui| {
        act(ui, Icon::Add, "Deploy agent…", Action::Deploy, deeds);
        parts::menu_line(ui);
        for offer in catalogue::OFFERS.iter().filter(|offer| offer.pinned) {
            let action = match offer.id {
                "mission-control" => Action::MissionControl,
                "terminal" => Action::Terminal,
                _ => Action::Settings,
            };
            act(ui, offer.icon, offer.title, action, deeds);
        }
        parts::menu_line(ui);
        act(ui, Icon::Desktop, "Show the desktop", Action::ShowDesktop, deeds);
    });
    if shown.title.is_none() {
        return;
    }
    let window = parts::bar_button(ui, "Window", None, Some("Window"), false);
    menu(&window, "Window menu", |ui| {
        act(ui, Icon::WindowMinimise, "Minimise", Action::Minimise, deeds);
        act(ui, Icon::WindowMaximise, "Fill the desktop", Action::ToggleFull, deeds);
        parts::menu_line(ui);
        act(ui, Icon::Columns, "Left half", Action::Snap(Zone::Left), deeds);
        act(ui, Icon::Columns, "Right half", Action::Snap(Zone::Right), deeds);
        act(ui, Icon::Grid, "Top left quarter", Action::Snap(Zone::TopLeft), deeds);
        act(ui, Icon::Grid, "Top right quarter", Action::Snap(Zone::TopRight), deeds);
        act(ui, Icon::Grid, "Bottom left quarter", Action::Snap(Zone::BottomLeft), deeds);
        act(ui, Icon::Grid, "Bottom right quarter", Action::Snap(Zone::BottomRight), deeds);
        parts::menu_line(ui);
        act(ui, Icon::Windows, "Next window", Action::Next, deeds);
        act(ui, Icon::WindowClose, "Close", Action::Close, deeds);
    });
}

fn status_side(ui: &mut Ui, shown: &Shown<'_>, deeds: &mut Vec<Deed>) {
    let person = avatar_button(ui, shown.user);
    menu(&person, "User menu", |ui| {
        let tokens = tokens(ui);
        ui.add_space(4.0);
        ui.horizontal(|ui| {
            ui.add_space(8.0);
            ui.label(aether_kit::rich(TextKind::Strong, shown.user).color(tokens.text));
        });
        parts::menu_line(ui);
        if shown.narrow {
            act(ui, theme_icon(shown), theme_name(shown), Action::ToggleTheme, deeds);
        }
        act(ui, Icon::Settings, "Settings", Action::Settings, deeds);
        act(ui, Icon::Lock, "Lock screen", Action::Lock, deeds);
        row(ui, Icon::Exit, "Sign out", None, Deed::SignOut, deeds);
    });
    if !shown.narrow {
        clock(ui, shown);
        connection(ui, shown, deeds);
        let theme = parts::bar_button(ui, theme_name(shown), Some(theme_icon(shown)), None, false);
        if theme.on_hover_text(theme_name(shown)).clicked() {
            deeds.push(Deed::Act(Action::ToggleTheme));
        }
    }
    bell(ui, shown, deeds);
    let search = parts::bar_button(ui, "Search", Some(Icon::Search), None, false);
    let keys = shortcuts::keys_of(ui.ctx(), Action::Launcher).unwrap_or_default();
    if search.on_hover_text(format!("Search and commands ({keys})")).clicked() {
        deeds.push(Deed::Act(Action::Launcher));
    }
    agents(ui, shown, deeds);
}

fn theme_icon(shown: &Shown<'_>) -> Icon {
    if shown.appearance.theme == aether_kit::Theme::Light { Icon::Moon } else { Icon::Sun }
}

fn theme_name(shown: &Shown<'_>) -> &'static str {
    if shown.appearance.theme == aether_kit::Theme::Light {
        "Use the dark theme"
    } else {
        "Use the light theme"
    }
}

fn clock(ui: &mut Ui, shown: &Shown<'_>) {
    let text = format!("{}  {}", shown.time.short_date(), shown.time.time());
    let galley = ui.painter().layout_no_wrap(text.clone(), TextKind::Number.font(), tokens(ui).text);
    let (rect, response) = ui.allocate_exact_size(galley.size() + vec2(12.0, 0.0), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &text));
    ui.painter().galley(rect.center() - galley.size() / 2.0, galley, Color32::WHITE);
    response.on_hover_text(format!("{} {}", shown.time.long_date(), shown.time.year));
}

fn connection(ui: &mut Ui, shown: &Shown<'_>, deeds: &mut Vec<Deed>) {
    let (icon, name) = match shown.connection {
        ConnectionState::Online => (Icon::Wifi, "Connected"),
        ConnectionState::Connecting => (Icon::Wifi, "Connecting"),
        _ => (Icon::WifiOff, "Not connected: try now"),
    };
    if parts::bar_button(ui, name, Some(icon), None, false).on_hover_text(name).clicked()
        && !matches!(shown.connection, ConnectionState::Online)
    {
        deeds.push(Deed::RetryConnection);
    }
}

fn bell(ui: &mut Ui, shown: &Shown<'_>, deeds: &mut Vec<Deed>) {
    let name = match shown.unread {
        0 => "Notifications".to_owned(),
        count => format!("Notifications, {count} new"),
    };
    let response = parts::bar_button(ui, &name, Some(Icon::Bell), None, false);
    if shown.unread > 0 {
        let at = response.rect.center() + vec2(5.0, -5.0);
        let tokens = tokens(ui);
        ui.painter().circle(at, 4.0, tokens.warn, (1.5, tokens.surface_0));
    }
    if response.on_hover_text(&name).clicked() {
        deeds.push(Deed::Act(Action::Notifications));
    }
}

/// How many agents live, and what they do, as dots of their phases.
fn agents(ui: &mut Ui, shown: &Shown<'_>, deeds: &mut Vec<Deed>) {
    let counts = shown.world.counts();
    if counts.running + counts.queued == 0 {
        return;
    }
    let tokens = tokens(ui);
    // Those that need a person first, so that they are never cut off.
    let mut phases: Vec<(State, Phase)> =
        shown.world.live().map(|known| (known.process.state, known.process.phase)).collect();
    phases.sort_by_key(|(_, phase)| *phase != Phase::Waiting);
    let dots = phases.len().min(DOTS);
    let text = if shown.narrow {
        counts.running.to_string()
    } else {
        let queued = if counts.queued > 0 { format!(", {} queued", counts.queued) } else { String::new() };
        format!("{} running{queued}", counts.running)
    };
    let waiting =
        if counts.waiting > 0 { format!(", {} waiting for you", counts.waiting) } else { String::new() };
    let name = format!("Agents: {} running, {} queued{waiting}", counts.running, counts.queued);
    let galley = ui.painter().layout_no_wrap(text, TextKind::Number.font(), tokens.text);
    let width = galley.size().x + dots as f32 * 9.0 + 22.0;
    let (rect, response) = ui.allocate_exact_size(vec2(width, 22.0), Sense::click());
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, &name));
    parts::paint_hover(ui, &response, rect, egui::CornerRadius::same(aether_kit::radius::CONTROL));
    for (at, (state, phase)) in phases.iter().take(DOTS).enumerate() {
        let center = pos2(rect.left() + 12.0 + at as f32 * 9.0, rect.center().y);
        ui.painter().circle_filled(center, 3.0, phase_color(tokens, *state, *phase));
    }
    let left = rect.left() + 14.0 + dots as f32 * 9.0;
    ui.painter().galley(pos2(left, rect.center().y - galley.size().y / 2.0), galley, tokens.text);
    if response.on_hover_text(name).clicked() {
        deeds.push(Deed::Act(Action::MissionControl));
    }
}

fn mark_button(ui: &mut Ui) -> Response {
    let (rect, response) = ui.allocate_exact_size(vec2(30.0, 22.0), Sense::click());
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, "Aether"));
    parts::paint_hover(ui, &response, rect, egui::CornerRadius::same(aether_kit::radius::CONTROL));
    parts::paint_mark(ui.painter(), rect.center(), 14.0, tokens(ui).accent);
    response
}

fn avatar_button(ui: &mut Ui, user: &str) -> Response {
    let name = format!("User menu of {user}");
    let (rect, response) = ui.allocate_exact_size(vec2(28.0, 24.0), Sense::click());
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, &name));
    parts::paint_hover(ui, &response, rect, egui::CornerRadius::same(aether_kit::radius::CONTROL));
    let picture = Rect::from_center_size(rect.center(), egui::Vec2::splat(20.0));
    ui.scope_builder(UiBuilder::new().max_rect(picture), |ui| aether_kit::avatar(ui, user, 20.0));
    response
}

fn menu(button: &Response, name: &str, add: impl FnOnce(&mut Ui)) {
    let frame = {
        let ctx = &button.ctx;
        let tokens = tokens(ctx);
        parts::menu_frame(tokens)
    };
    Popup::menu(button).gap(4.0).width(240.0).frame(frame).accessible_name(name.to_owned()).show(|ui| {
        ui.spacing_mut().item_spacing.y = 0.0;
        add(ui);
    });
}

fn act(ui: &mut Ui, icon: Icon, text: &str, action: Action, deeds: &mut Vec<Deed>) {
    let keys = shortcuts::keys_of(ui.ctx(), action);
    row(ui, icon, text, keys.as_deref(), Deed::Act(action), deeds);
}

fn row(ui: &mut Ui, icon: Icon, text: &str, keys: Option<&str>, deed: Deed, deeds: &mut Vec<Deed>) {
    if parts::menu_row(ui, icon, text, keys, true).clicked() {
        deeds.push(deed);
        ui.close();
    }
}
