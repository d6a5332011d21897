//! The desktop: who is there, what is open, what was asked for. It draws everything and calls no platform.

mod carry;
mod session;
#[cfg(test)]
mod tests;

use aether_apps::{Intent, ShellCommand, World};
use aether_client::{Client, ConnectionState};
use aether_kit::{Appearance, wallpaper_ui};
use aether_protocol::identity::User;
use egui::{Context, Rect, Ui, pos2};

use crate::{
    banner, bar,
    catalogue::OFFERS,
    clock::{self, Local},
    deed::Deed,
    dock::{self, Tile},
    host::Host,
    launcher::Launcher,
    lock::{self, Address, Lock},
    notify::{self, centre::Centre},
    phone, sheet, shortcuts,
    windows::{
        layout::Layout,
        open::{Given, OpenWindows},
        stack::WindowId,
    },
};

/// Whose turn it is.
#[derive(Clone, Debug, PartialEq)]
enum Phase {
    /// Nobody has signed in.
    Door,
    /// Somebody works.
    Open,
    /// Somebody has locked the screen; the session goes on.
    Locked,
}

/// The desktop.
pub struct Desktop {
    host: Box<dyn Host>,
    client: Client,
    address: Address,
    appearance: Appearance,
    phase: Phase,
    user: Option<User>,
    world: World,
    windows: OpenWindows,
    kept: Option<Layout>,
    lock: Lock,
    launcher: Launcher,
    centre: Centre,
    centre_open: bool,
    sheet_open: bool,
    /// In tests, the connection's state in place of the real one.
    #[cfg(test)]
    pretended: Option<ConnectionState>,
}

impl Desktop {
    /// A desktop on a connection. What the person chose and had open comes from `host`.
    pub fn new(host: Box<dyn Host>, client: Client, address: Address) -> Self {
        let appearance = host
            .load(session::APPEARANCE)
            .and_then(|text| serde_json::from_str(&text).ok())
            .unwrap_or_default();
        let lock = Lock::new(host.load(session::LAST_USER));
        Self {
            host,
            client,
            address,
            appearance,
            phase: Phase::Door,
            user: None,
            world: World::new(),
            windows: OpenWindows::default(),
            kept: None,
            lock,
            launcher: Launcher::default(),
            centre: Centre::default(),
            centre_open: false,
            sheet_open: false,
            #[cfg(test)]
            pretended: None,
        }
    }

    fn connection(&self) -> ConnectionState {
        #[cfg(test)]
        if let Some(state) = &self.pretended {
            return state.clone();
        }
        self.client.state()
    }

    /// Appearance as it is.
    pub fn appearance(&self) -> &Appearance {
        &self.appearance
    }

    /// Takes in what has arrived. Runs before each frame, and while nothing is drawn.
    pub fn logic(&mut self, ctx: &Context) {
        if let Some(signed_in) = self.lock.take_answer() {
            self.signed_in(&signed_in);
        }
        self.follow_connection();
        if self.phase != Phase::Door {
            self.world.logic(&self.client);
            for incoming in self.client.drain() {
                if let Some(notice) = self.world.apply(incoming) {
                    self.centre.tell(notice, self.host.now());
                }
            }
            self.know_user();
            if self.phase == Phase::Open
                && let Some(app) = self.windows.stack.focused().and_then(|id| self.windows.app(id))
            {
                self.centre.seen(&app.holds());
            }
            let given = given(&self.client, &self.world, &self.appearance, false);
            let commands = self.windows.logic(&given);
            self.shell_commands(ctx, commands);
        }
        self.wake_later(ctx);
    }

    /// Draws the desktop over the whole of `ui`.
    pub fn ui(&mut self, ui: &mut Ui) {
        let ctx = ui.ctx().clone();
        aether_kit::apply(&ctx, &self.appearance);
        let screen = ctx.content_rect();
        wallpaper_ui(ui, ui.painter(), screen, self.appearance.wallpaper);
        match self.phase {
            Phase::Open => self.desk(ui, screen),
            Phase::Door | Phase::Locked => self.lock_screen(ui, screen),
        }
    }

    fn time(&self) -> Local {
        let now = self.host.now();
        Local::new(now, self.host.utc_offset_minutes(now))
    }

    /// Wakes the desktop when the clock or a toast must change, and not before.
    fn wake_later(&mut self, ctx: &Context) {
        let now = self.host.now();
        let mut wait_ms = clock::until_next_minute_ms(now);
        if let Some(toast_ms) = self.centre.expire(now) {
            wait_ms = wait_ms.min(toast_ms);
        }
        if matches!(self.connection(), ConnectionState::Reconnecting { .. }) {
            wait_ms = wait_ms.min(1_000);
        }
        ctx.request_repaint_after(std::time::Duration::from_millis(wait_ms));
    }

    fn lock_screen(&mut self, ui: &mut Ui, screen: Rect) {
        let device = self.host.device();
        let user = self.user.as_ref().map(|user| user.name.clone()).unwrap_or_default();
        let shown = lock::Shown {
            time: self.time(),
            address: &self.address,
            locked_user: (self.phase == Phase::Locked).then_some(user.as_str()),
            device: &device,
            narrow: screen.width() < phone::NARROW,
        };
        let state = self.connection();
        self.lock.show(ui, &self.client, &state, &shown);
    }

    fn desk(&mut self, ui: &mut Ui, screen: Rect) {
        let ctx = ui.ctx().clone();
        let narrow = screen.width() < phone::NARROW;
        // A shell uses Ctrl and a letter itself, unless Cmd is the desktop's key.
        let in_terminal = self.terminal_in_front() && !self.host.is_apple();
        let mut deeds: Vec<Deed> = shortcuts::pressed(&ctx, in_terminal).into_iter().map(Deed::Act).collect();
        let state = self.connection();
        let top = screen.top() + if narrow { bar::HEIGHT_TOUCH } else { bar::HEIGHT };
        let bottom = screen.bottom() - if narrow { phone::BAR } else { dock::RESERVED };
        let work = Rect::from_min_max(pos2(screen.left(), top), pos2(screen.right(), bottom));
        if !narrow {
            self.windows.stack.set_work(work);
        }

        let tiles = self.tiles(narrow);
        let given = given(&self.client, &self.world, &self.appearance, narrow);
        let commands =
            if narrow { self.windows.show_one(ui, work, &given) } else { self.windows.show(&ctx, &given) };
        deeds.extend(self.menu_bar(&ctx, screen, &state, narrow));
        deeds.extend(self.furniture(&ctx, screen, top, narrow, &tiles));
        if banner::show(&ctx, screen, top, &state) {
            deeds.push(Deed::RetryConnection);
        }
        let dark = aether_kit::tokens(&ctx).dark;
        deeds.extend(self.launcher.show(&ctx, screen, &self.world, dark));
        if self.sheet_open && sheet::show(&ctx, narrow) {
            self.sheet_open = false;
        }

        self.shell_commands(&ctx, commands);
        for deed in deeds {
            self.carry_out(&ctx, deed);
        }
        self.keep_layout(&ctx);
    }

    fn menu_bar(&self, ctx: &Context, screen: Rect, state: &ConnectionState, narrow: bool) -> Vec<Deed> {
        let title =
            self.windows.stack.focused().and_then(|id| self.windows.app(id)).map(aether_apps::App::title);
        let device = self.world.status().map_or_else(
            || self.address.url.clone(),
            |status| format!("{} · Aether {}", status.device, status.version),
        );
        let shown = bar::Shown {
            title: title.as_deref(),
            world: &self.world,
            connection: state,
            unread: self.centre.unread(),
            time: self.time(),
            user: self.user.as_ref().map_or("…", |user| user.name.as_str()),
            device: &device,
            appearance: &self.appearance,
            narrow,
        };
        bar::show(ctx, screen, &shown)
    }

    fn furniture(
        &mut self,
        ctx: &Context,
        screen: Rect,
        top: f32,
        narrow: bool,
        tiles: &[Tile],
    ) -> Vec<Deed> {
        let mut deeds = Vec::new();
        if narrow {
            deeds.extend(phone::bar(ctx, screen, tiles));
        } else {
            deeds.extend(dock::show(ctx, screen, tiles, &self.appearance).map(|ask| match ask {
                dock::Ask::Tile(id) => Deed::Tile(id),
                dock::Ask::Launcher => Deed::Act(shortcuts::Action::Launcher),
            }));
        }
        if self.centre_open {
            let (more, close) = notify::list(ctx, screen, top, &self.centre, self.host.now());
            deeds.extend(more);
            if close {
                self.centre_open = false;
            }
        } else {
            deeds.extend(notify::toasts(ctx, screen, top, &self.centre));
        }
        deeds
    }

    /// The tiles of the dock: pinned apps, then whatever else is open.
    fn tiles(&self, narrow: bool) -> Vec<Tile> {
        let front = self.windows.stack.focused();
        let waiting = self.world.counts().waiting;
        let given = given(&self.client, &self.world, &self.appearance, narrow);
        OFFERS
            .iter()
            .filter_map(|offer| {
                let windows = self.windows.of(offer.id);
                if !offer.pinned && windows.is_empty() {
                    return None;
                }
                let active = front.is_some_and(|id| windows.contains(&id));
                let badge = match offer.id {
                    "mission-control" => waiting,
                    id => self.windows.badge(id, &given),
                };
                Some(Tile { offer, windows, active, badge })
            })
            .collect()
    }

    fn terminal_in_front(&self) -> bool {
        let front = self.windows.stack.focused().and_then(|id| self.windows.app(id));
        front.is_some_and(|app| matches!(app.holds(), Intent::Terminal(_)))
    }

    fn shell_commands(&mut self, ctx: &Context, commands: Vec<(WindowId, ShellCommand)>) {
        for (window, command) in commands {
            self.shell_command(ctx, window, command);
        }
    }
}

fn given<'a>(client: &'a Client, world: &'a World, appearance: &'a Appearance, narrow: bool) -> Given<'a> {
    Given { client, world, appearance, narrow }
}
