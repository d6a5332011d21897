//! The open windows with their apps, and drawing them.

use std::collections::{BTreeMap, VecDeque};

use aether_apps::{App, AppContext, Intent, ShellCommand, World};
use aether_client::Client;
use aether_kit::Appearance;
use egui::{Context, LayerId, Rect};

use super::{
    chrome::{self, Ask},
    layout::{Layout, Saved},
    stack::{Stack, WindowId},
};
use crate::catalogue;

/// What apps are given, without the window they are in.
pub struct Given<'a> {
    /// The connection.
    pub client: &'a Client,
    /// What is known of the kernel.
    pub world: &'a World,
    /// Appearance as it is.
    pub appearance: &'a Appearance,
    /// Whether the desktop is narrow.
    pub narrow: bool,
}

/// The open windows with their apps.
#[derive(Default)]
pub struct OpenWindows {
    /// Where they stand.
    pub stack: Stack,
    apps: BTreeMap<WindowId, Box<dyn App>>,
    raising: VecDeque<WindowId>,
}

impl OpenWindows {
    /// The app in a window.
    pub fn app(&self, id: WindowId) -> Option<&dyn App> {
        self.apps.get(&id).map(AsRef::as_ref)
    }

    /// The windows of one app, topmost first.
    pub fn of(&self, offer: &str) -> Vec<WindowId> {
        let belongs = |id: &WindowId| {
            self.apps.get(id).is_some_and(|app| catalogue::offer_for(&app.holds()).id == offer)
        };
        self.stack.frames().iter().rev().map(|frame| frame.id).filter(belongs).collect()
    }

    /// Opens a window for `intent`, or raises the one that holds it or can show it.
    pub fn open(&mut self, intent: &Intent) -> WindowId {
        let order: Vec<WindowId> = self.stack.frames().iter().rev().map(|frame| frame.id).collect();
        for id in order {
            if self.apps.get_mut(&id).is_some_and(|app| app.show(intent)) {
                self.stack.focus(id);
                return id;
            }
        }
        let app = aether_apps::app_for(intent);
        let id = self.stack.open(app.initial_size());
        self.apps.insert(id, app);
        id
    }

    /// Closes a window.
    pub fn close(&mut self, id: WindowId) {
        self.stack.close(id);
        self.apps.remove(&id);
    }

    /// Closes all windows.
    pub fn clear(&mut self) {
        let ids: Vec<WindowId> = self.apps.keys().copied().collect();
        for id in ids {
            self.close(id);
        }
    }

    /// Whether no window is open.
    pub fn is_empty(&self) -> bool {
        self.apps.is_empty()
    }

    /// The windows as they are kept until the next time.
    pub fn layout(&self) -> Layout {
        let saved = |frame: &super::stack::Frame| {
            let app = self.apps.get(&frame.id)?;
            Some(Saved::new(&app.holds(), frame.free, frame.zone, frame.minimised))
        };
        Layout { windows: self.stack.frames().iter().filter_map(saved).collect() }
    }

    /// Brings back what was kept.
    pub fn restore(&mut self, layout: Layout) {
        for window in layout.windows {
            let Some(rect) = window.rect() else { continue };
            let app = aether_apps::app_for(&Intent::from(window.holds));
            let id = self.stack.place(rect, window.zone, window.minimised);
            self.apps.insert(id, app);
        }
    }

    /// Runs what apps do each frame, in sight or not.
    pub fn logic(&mut self, given: &Given<'_>) -> Vec<(WindowId, ShellCommand)> {
        let mut all = Vec::new();
        for (id, app) in &mut self.apps {
            with_context(given, *id, &mut all, |cx| app.logic(cx));
        }
        all
    }

    /// How much waits for a person in the windows of one app.
    pub fn badge(&self, offer: &str, given: &Given<'_>) -> u32 {
        let mut none = Vec::new();
        let cx = AppContext {
            client: given.client,
            world: given.world,
            commands: &mut none,
            appearance: given.appearance,
            narrow: given.narrow,
        };
        self.of(offer).iter().filter_map(|id| self.apps.get(id)).map(|app| app.badge(&cx)).max().unwrap_or(0)
    }

    /// Draws the windows where they stand. Returns what apps and people asked for.
    pub fn show(&mut self, ctx: &Context, given: &Given<'_>) -> Vec<(WindowId, ShellCommand)> {
        self.take_presses(ctx);
        self.sort_layers(ctx);
        let mut commands = Vec::new();
        let mut asked: Vec<(WindowId, Ask)> = Vec::new();
        let seen: Vec<WindowId> =
            self.stack.frames().iter().filter(|frame| !frame.minimised).map(|frame| frame.id).collect();
        for id in seen {
            let Some(app) = self.apps.get_mut(&id) else { continue };
            let stack = &self.stack;
            with_context(given, id, &mut commands, |cx| {
                asked.extend(chrome::show(ctx, stack, id, app.as_mut(), cx).into_iter().map(|ask| (id, ask)));
            });
        }
        for (id, ask) in asked {
            self.carry_out(id, ask);
        }
        commands
    }

    /// Draws the window in front over the whole of `rect`: one at a time, on a phone.
    pub fn show_one(
        &mut self,
        ui: &mut egui::Ui,
        rect: Rect,
        given: &Given<'_>,
    ) -> Vec<(WindowId, ShellCommand)> {
        let mut commands = Vec::new();
        let Some(id) = self.stack.focused() else { return commands };
        let Some(app) = self.apps.get_mut(&id) else { return commands };
        with_context(given, id, &mut commands, |cx| {
            crate::phone::app(ui, rect, id, app.as_mut(), cx);
        });
        commands
    }

    fn carry_out(&mut self, id: WindowId, ask: Ask) {
        match ask {
            Ask::Close => self.close(id),
            Ask::Minimise => self.stack.minimise(id),
            Ask::ToggleFull => self.stack.toggle_full(id),
            Ask::MoveTo(rect) => self.stack.move_to(id, rect),
            Ask::Snap(zone) => self.stack.snap(id, Some(zone)),
            Ask::Resize(start, edge, delta) => self.stack.resize(id, start, edge, delta),
        }
    }

    /// A press on a window gives it the focus.
    fn take_presses(&mut self, ctx: &Context) {
        if !ctx.input(|input| input.pointer.any_pressed()) {
            return;
        }
        let layer = ctx.pointer_interact_pos().and_then(|at| ctx.layer_id_at(at));
        let hit =
            self.stack.frames().iter().map(|frame| frame.id).find(|id| layer == Some(chrome::layer(*id)));
        if let Some(id) = hit {
            self.stack.focus(id);
        }
    }

    /// Brings egui's order of layers in line with ours. egui can raise one layer a pass.
    fn sort_layers(&mut self, ctx: &Context) {
        if self.raising.is_empty() {
            let wanted: Vec<WindowId> =
                self.stack.frames().iter().filter(|frame| !frame.minimised).map(|frame| frame.id).collect();
            let layers: Vec<LayerId> = wanted.iter().map(|id| chrome::layer(*id)).collect();
            let actual: Vec<LayerId> =
                ctx.memory(|memory| memory.layer_ids().filter(|layer| layers.contains(layer)).collect());
            let same = layers.iter().zip(&actual).take_while(|(a, b)| a == b).count();
            if same < actual.len() {
                self.raising.extend(wanted.into_iter().skip(same));
            }
        }
        if let Some(next) = self.raising.pop_front() {
            ctx.move_to_top(chrome::layer(next));
            ctx.request_repaint();
        }
    }
}

fn with_context(
    given: &Given<'_>,
    id: WindowId,
    all: &mut Vec<(WindowId, ShellCommand)>,
    with: impl FnOnce(&mut AppContext<'_>),
) {
    let mut commands = Vec::new();
    with(&mut AppContext {
        client: given.client,
        world: given.world,
        commands: &mut commands,
        appearance: given.appearance,
        narrow: given.narrow,
    });
    all.extend(commands.into_iter().map(|command| (id, command)));
}
