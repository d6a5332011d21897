//! Carrying out what keys, furniture and apps ask for.

use aether_apps::{Intent, ShellCommand};
use aether_protocol::terminal::Target;
use egui::{Context, vec2};

use super::Desktop;
use crate::{
    catalogue::{self, OFFERS},
    deed::Deed,
    shortcuts::Action,
    windows::stack::WindowId,
};

/// How far a key moves a window or its edge, in points.
const STEP: f32 = 24.0;

impl Desktop {
    pub(super) fn carry_out(&mut self, ctx: &Context, deed: Deed) {
        match deed {
            Deed::Act(action) => self.act(ctx, action),
            Deed::Open(intent) => self.open(&intent),
            Deed::Tile(id) => self.tile(id),
            Deed::OpenNotice(id) => {
                let opens = self
                    .centre
                    .told()
                    .iter()
                    .find(|told| told.id == id)
                    .and_then(|told| told.notice.opens.clone());
                self.centre.open(id);
                self.centre_open = false;
                if let Some(intent) = opens {
                    self.open(&intent);
                }
            }
            Deed::DropNotice(id) => self.centre.remove(id),
            Deed::DismissToast(id) => self.centre.dismiss_toast(id),
            Deed::ClearNotices => self.centre.clear(),
            Deed::RetryConnection => self.client.retry_now(),
            Deed::SignOut => self.sign_out(),
        }
        ctx.request_repaint();
    }

    pub(super) fn shell_command(&mut self, ctx: &Context, window: WindowId, command: ShellCommand) {
        match command {
            ShellCommand::Open(intent) => self.open(&intent),
            ShellCommand::CloseMe => self.windows.close(window),
            ShellCommand::Notify(notice) => self.centre.tell(notice, self.host.now()),
            ShellCommand::Copy(text) => ctx.copy_text(text),
            ShellCommand::SetAppearance(appearance) => self.set_appearance(appearance),
            ShellCommand::Lock => self.lock_now(),
            ShellCommand::SignOut => self.sign_out(),
        }
        ctx.request_repaint();
    }

    fn open(&mut self, intent: &Intent) {
        self.windows.open(intent);
    }

    fn act(&mut self, ctx: &Context, action: Action) {
        match action {
            Action::Launcher => {
                self.sheet_open = false;
                self.launcher.toggle();
            }
            Action::Sheet => self.sheet_open = !self.sheet_open,
            Action::Notifications => {
                self.centre_open = !self.centre_open;
                self.centre.read_all();
            }
            Action::Deploy => self.open(&Intent::Deploy),
            Action::MissionControl => self.open(&Intent::MissionControl),
            Action::Terminal => self.open(&Intent::Terminal(Target::Home)),
            Action::Settings => self.open(&Intent::Settings),
            Action::Lock => self.lock_now(),
            Action::ToggleTheme => self.toggle_theme(ctx),
            Action::ShowDesktop => self.windows.stack.minimise_all(),
            Action::Next => self.windows.stack.cycle(false),
            Action::Previous => self.windows.stack.cycle(true),
            _ => {
                if let Some(id) = self.windows.stack.focused() {
                    self.act_on_window(id, action);
                }
            }
        }
    }

    fn act_on_window(&mut self, id: WindowId, action: Action) {
        let stack = &mut self.windows.stack;
        let step = |x: i8, y: i8| vec2(f32::from(x), f32::from(y)) * STEP;
        match action {
            Action::Snap(zone) => stack.snap(id, Some(zone)),
            Action::Unsnap if stack.get(id).is_some_and(|frame| frame.zone.is_some()) => stack.snap(id, None),
            Action::Unsnap | Action::Minimise => stack.minimise(id),
            Action::ToggleFull => stack.toggle_full(id),
            Action::Close => self.windows.close(id),
            Action::Move(x, y) => stack.nudge(id, step(x, y)),
            Action::Grow(x, y) => stack.grow(id, step(x, y)),
            _ => {}
        }
    }

    /// A click on a tile: opens the app, raises its window, goes to its next one, or minimises the only one.
    fn tile(&mut self, id: &str) {
        let windows = self.windows.of(id);
        let front = self.windows.stack.focused();
        match windows.as_slice() {
            [] => {
                let offer = OFFERS.iter().find(|offer| offer.id == id);
                if let Some(intent) = offer.and_then(catalogue::intent_of) {
                    self.open(&intent);
                }
            }
            [only] if front == Some(*only) => self.windows.stack.minimise(*only),
            [top, .., lowest] if front == Some(*top) => self.windows.stack.focus(*lowest),
            [top, ..] => self.windows.stack.focus(*top),
        }
    }
}
