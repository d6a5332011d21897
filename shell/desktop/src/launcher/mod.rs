//! The launcher: everything there is, found by a few letters.

pub mod fuzzy;

use aether_apps::{Intent, World};
use aether_kit::{
    AppTile, Hue, Icon, TextField, TextKind, paint_icon, paint_text, phase_color, radius, tokens, truncated,
    with_alpha,
};
use egui::{
    Align2, Color32, Context, CornerRadius, Id, Key, Modal, Modifiers, Order, Rect, Role, ScrollArea, Sense,
    Ui, WidgetInfo, pos2, vec2,
};

use crate::{
    catalogue::{self, OFFERS},
    deed::Deed,
    parts,
    shortcuts::{self, Action},
};

/// The height of a row, in points.
const ROW: f32 = 40.0;
/// At most this many rows are shown.
const SHOWN: usize = 40;

/// Something that can be found.
#[derive(Clone, Debug)]
struct Entry {
    kind: &'static str,
    title: String,
    detail: String,
    /// Also found under these words.
    words: &'static str,
    look: Look,
    deed: Deed,
    /// What comes first while nothing is typed.
    rank: i32,
}

#[derive(Clone, Copy, Debug)]
enum Look {
    Tile(Icon, Hue),
    Glyph(Icon),
    Dot(Color32),
}

/// The launcher's own state.
#[derive(Debug, Default)]
pub struct Launcher {
    open: bool,
    query: String,
    at: usize,
    fresh: bool,
}

impl Launcher {
    /// Whether it shows.
    #[cfg(test)]
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// Shows it, empty, or hides it.
    pub fn toggle(&mut self) {
        *self = Self { open: !self.open, fresh: true, ..Self::default() };
    }

    /// Hides it.
    pub fn close(&mut self) {
        self.open = false;
    }

    /// Draws it, while it shows.
    pub fn show(&mut self, ctx: &Context, screen: Rect, world: &World, dark: bool) -> Option<Deed> {
        if !self.open {
            return None;
        }
        let width = (screen.width() - 24.0).min(600.0);
        let top = screen.top() + (screen.height() * 0.16).clamp(16.0, 140.0);
        let area = Modal::default_area(Id::unique("launcher"))
            .order(Order::Foreground)
            .anchor(Align2::CENTER_TOP, vec2(0.0, top - screen.top()))
            .constrain_to(screen)
            .accessible_name("Search and commands")
            .role(Role::Dialog);
        let tokens = tokens(ctx);
        let frame = parts::menu_frame(tokens)
            .shadow(tokens.shadow_floating)
            .corner_radius(CornerRadius::same(radius::WINDOW))
            .inner_margin(8);
        let mut chosen = None;
        let moved = take_keys(ctx);
        let response = Modal::new(Id::unique("launcher"))
            .area(area)
            .backdrop_color(with_alpha(tokens.backdrop, 0.6))
            .frame(frame)
            .show(ctx, |ui| {
                ui.set_width(width - 16.0);
                ui.spacing_mut().item_spacing.y = 6.0;
                let before = self.query.clone();
                let field = TextField::search("Search apps, agents and commands", &mut self.query)
                    .touch()
                    .focus(self.fresh);
                ui.add(field);
                self.fresh = false;
                if self.query != before {
                    self.at = 0;
                }
                let found = find(&self.query, entries(world, dark));
                self.at = self.at.min(found.len().saturating_sub(1));
                if let Some(step) = moved {
                    let count = found.len().max(1);
                    self.at = (self.at + count).saturating_add_signed(step) % count;
                }
                let enter = ui.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Enter));
                if enter {
                    chosen = found.get(self.at).map(|entry| entry.deed.clone());
                }
                let height = (screen.bottom() - top - 96.0).clamp(120.0, 9.0 * ROW);
                if let Some(deed) = list(ui, &found, &mut self.at, moved.is_some(), height, &self.query) {
                    chosen = Some(deed);
                }
                footer(ui);
            });
        if chosen.is_some() || response.should_close() {
            self.close();
        }
        chosen
    }
}

/// How far the arrow keys move the choice in this frame.
fn take_keys(ctx: &Context) -> Option<isize> {
    ctx.input_mut(|input| {
        if input.consume_key(Modifiers::NONE, Key::ArrowDown) {
            Some(1)
        } else if input.consume_key(Modifiers::NONE, Key::ArrowUp) {
            Some(-1)
        } else {
            None
        }
    })
}

/// Everything there is to find.
fn entries(world: &World, dark: bool) -> Vec<Entry> {
    let tokens = if dark { &aether_kit::DARK } else { &aether_kit::LIGHT };
    let mut all = Vec::new();
    for offer in OFFERS {
        if let Some(intent) = catalogue::intent_of(offer) {
            all.push(Entry {
                kind: "App",
                title: offer.title.to_owned(),
                detail: offer.summary.to_owned(),
                words: "app open",
                look: Look::Tile(offer.icon, offer.hue),
                deed: Deed::Open(intent),
                rank: 30,
            });
        }
    }
    for (icon, title, words, action) in [
        (Icon::Add, "Deploy agent", "new spawn start run create", Action::Deploy),
        (Icon::SunMoon, "Switch between dark and light", "theme appearance night day", Action::ToggleTheme),
        (Icon::Bell, "Show notifications", "messages", Action::Notifications),
        (Icon::Keyboard, "Keyboard shortcuts", "help keys", Action::Sheet),
        (Icon::Desktop, "Show the desktop", "minimise all hide windows", Action::ShowDesktop),
        (Icon::Lock, "Lock screen", "leave", Action::Lock),
    ] {
        all.push(Entry {
            kind: "Command",
            title: title.to_owned(),
            detail: String::new(),
            words,
            look: Look::Glyph(icon),
            deed: Deed::Act(action),
            rank: if action == Action::Deploy { 40 } else { 10 },
        });
    }
    all.push(Entry {
        kind: "Command",
        title: "Sign out".to_owned(),
        detail: String::new(),
        words: "log out end session",
        look: Look::Glyph(Icon::Exit),
        deed: Deed::SignOut,
        rank: 9,
    });
    for known in world.live().rev().chain(world.ended().rev().take(50)) {
        let process = &known.process;
        all.push(Entry {
            kind: "Agent",
            title: process.name.clone(),
            detail: format!("{} · PID {} · {}", process.role, process.pid, process.goal),
            words: "process",
            look: Look::Dot(phase_color(tokens, process.state, process.phase)),
            deed: Deed::Open(Intent::Process(process.pid)),
            rank: 20,
        });
    }
    all
}

/// What matches, best first.
fn find(query: &str, entries: Vec<Entry>) -> Vec<Entry> {
    let query = query.trim();
    let mut found: Vec<(i32, Entry)> = entries
        .into_iter()
        .filter_map(|entry| {
            if query.is_empty() {
                return Some((entry.rank, entry));
            }
            let title = fuzzy::score(query, &entry.title).map(|score| score + 40);
            let wider = || fuzzy::score(query, &format!("{} {} {}", entry.title, entry.detail, entry.words));
            title.or_else(wider).map(|score| (score, entry))
        })
        .collect();
    found.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    found.truncate(SHOWN);
    found.into_iter().map(|(_, entry)| entry).collect()
}

fn list(
    ui: &mut Ui,
    found: &[Entry],
    at: &mut usize,
    follow: bool,
    height: f32,
    query: &str,
) -> Option<Deed> {
    if found.is_empty() {
        let tokens = tokens(ui);
        let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 2.0 * ROW), Sense::hover());
        let text = format!("Nothing is called “{}”", query.trim());
        let galley = truncated(ui, TextKind::Body, tokens.text_muted, &text, rect.width() - 32.0, 1);
        ui.painter().galley(rect.center() - galley.size() / 2.0, galley, tokens.text_muted);
        return None;
    }
    let mut chosen = None;
    ScrollArea::vertical().id_salt("found").max_height(height).auto_shrink([false, true]).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 0.0;
        for (index, entry) in found.iter().enumerate() {
            let response = entry_row(ui, entry, index == *at);
            if index == *at && follow {
                response.scroll_to_me(None);
            }
            let moved = ui.input(|input| input.pointer.delta() != egui::Vec2::ZERO);
            if response.hovered() && moved {
                *at = index;
            }
            if response.clicked() {
                chosen = Some(entry.deed.clone());
            }
        }
    });
    chosen
}

fn entry_row(ui: &mut Ui, entry: &Entry, selected: bool) -> egui::Response {
    let tokens = tokens(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), Sense::click());
    response.widget_info(|| WidgetInfo::selected(Role::ListItem, true, selected, &entry.title));
    if !ui.is_rect_visible(rect) {
        return response;
    }
    if selected {
        let fill = with_alpha(tokens.accent_fill, if tokens.dark { 0.32 } else { 0.16 });
        ui.painter().rect_filled(rect, CornerRadius::same(radius::CONTROL), fill);
    }
    let center = pos2(rect.left() + 24.0, rect.center().y);
    match entry.look {
        Look::Tile(icon, hue) => {
            let tile = Rect::from_center_size(center, egui::Vec2::splat(26.0));
            AppTile::new(icon, hue, &entry.title).paint(ui, tile);
        }
        Look::Glyph(icon) => paint_icon(ui.painter(), center, icon, 20.0, tokens.text_muted, false),
        Look::Dot(color) => {
            ui.painter().circle_filled(center, 5.0, color);
        }
    }
    let kind_width = 76.0;
    let left = rect.left() + 48.0;
    let room = rect.right() - kind_width - left;
    let title = truncated(ui, TextKind::Strong, tokens.text, &entry.title, room, 1);
    let title_width = title.size().x;
    let line = |galley: &egui::Galley, x: f32| pos2(x, rect.center().y - galley.size().y / 2.0);
    ui.painter().galley(line(&title, left), title, tokens.text);
    let rest = room - title_width - 12.0;
    if !entry.detail.is_empty() && rest > 48.0 {
        let detail = truncated(ui, TextKind::Label, tokens.text_muted, &entry.detail, rest, 1);
        ui.painter().galley(line(&detail, left + title_width + 12.0), detail, tokens.text_muted);
    }
    let at = pos2(rect.right() - 12.0, rect.center().y);
    paint_text(ui.painter(), at, Align2::RIGHT_CENTER, TextKind::Label, tokens.text_faint, entry.kind);
    response
}

fn footer(ui: &mut Ui) {
    let tokens = tokens(ui);
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 20.0), Sense::hover());
    ui.painter().hline(rect.x_range(), rect.top(), (1.0, tokens.line));
    let keys = shortcuts::keys_of(ui.ctx(), Action::Sheet).unwrap_or_default();
    let text = format!("Up and down to choose, Enter to open, Esc to leave, {keys} for all shortcuts");
    let at = pos2(rect.left() + 8.0, rect.bottom() - 6.0);
    let galley = truncated(ui, TextKind::Hint, tokens.text_faint, &text, rect.width() - 16.0, 1);
    ui.painter().galley(at - vec2(0.0, galley.size().y / 2.0), galley, tokens.text_faint);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_come_first_and_the_best_match_leads() {
        let world = World::new();
        let first = |query: &str| find(query, entries(&world, true)).first().map(|entry| entry.title.clone());
        assert_eq!(first(""), Some("Deploy agent".into()));
        assert_eq!(first("mc"), Some("Mission Control".into()));
        assert_eq!(first("term"), Some("Terminal".into()));
        assert_eq!(first("spawn"), Some("Deploy agent".into()));
        assert_eq!(first("theme"), Some("Switch between dark and light".into()));
        assert_eq!(first("zzqq"), None);
    }
}
