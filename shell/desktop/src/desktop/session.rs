//! Coming and going: signing in, locking, signing out, and what is kept in between.

use aether_client::ConnectionState;
use aether_kit::{Appearance, Theme};
use aether_protocol::identity::{Revoke, SignedIn};
use egui::Context;

use super::{Desktop, Phase};
use crate::windows::layout::Layout;

/// Where appearance is kept.
pub(super) const APPEARANCE: &str = "appearance";
/// Where the name of who signed in last is kept.
pub(super) const LAST_USER: &str = "last-user";
/// Where it is kept that the screen is locked, so that a reload does not open it.
const LOCKED: &str = "locked";

fn layout_key(user: impl std::fmt::Display) -> String {
    format!("layout.{user}")
}

impl Desktop {
    /// Opens the desktop when a session stands, shows the door when it has ended.
    pub(super) fn follow_connection(&mut self) {
        match (self.connection(), self.phase.clone()) {
            (ConnectionState::Online, Phase::Door) => {
                let locked = self.host.load(LOCKED).is_some();
                self.phase = if locked { Phase::Locked } else { Phase::Open };
            }
            (ConnectionState::SignedOut { error, .. }, Phase::Open | Phase::Locked) => self.ended(error),
            _ => {}
        }
    }

    /// Learns who is signed in, and brings back what they had open.
    pub(super) fn know_user(&mut self) {
        let Some(me) = self.world.me().ready() else { return };
        if self.user.as_ref().is_some_and(|user| user.id == me.user.id) {
            return;
        }
        self.user = Some(me.user.clone());
        self.host.store(LAST_USER, &me.user.name);
        let text = self.host.load(&layout_key(me.user.id));
        let layout = text.as_deref().map(Layout::read).unwrap_or_default();
        if self.windows.is_empty() {
            if text.is_some() {
                self.windows.restore(layout);
            } else {
                self.windows.open(&aether_apps::Intent::MissionControl);
            }
        }
        self.kept = Some(self.windows.layout());
    }

    /// Somebody has proved who they are: at the door, or at a locked screen.
    pub(super) fn signed_in(&mut self, signed_in: &SignedIn) {
        self.host.store(LAST_USER, &signed_in.user.name);
        self.host.forget(LOCKED);
        self.host.keep_token((!signed_in.token.is_empty()).then_some(signed_in.token.as_str()));
        if self.phase == Phase::Locked {
            // Unlocking made a new session; the one before is not needed any more.
            if let Some(me) = self.world.me().ready()
                && me.session.id != signed_in.session.id
            {
                drop(self.client.call(Revoke { session: me.session.id }));
            }
            self.phase = Phase::Open;
        }
    }

    /// Shows the lock screen; the session and its windows stay.
    pub(super) fn lock_now(&mut self) {
        // Without a name nobody could unlock it again.
        if self.user.is_none() {
            return;
        }
        self.host.store(LOCKED, "yes");
        self.lock.reset(None);
        self.launcher.close();
        self.centre_open = false;
        self.sheet_open = false;
        self.phase = Phase::Locked;
    }

    pub(super) fn sign_out(&mut self) {
        self.host.forget(LOCKED);
        self.host.keep_token(None);
        drop(self.client.sign_out());
    }

    /// The session is over, by hand or by the kernel.
    fn ended(&mut self, error: Option<aether_protocol::Error>) {
        self.host.forget(LOCKED);
        self.host.keep_token(None);
        self.phase = Phase::Door;
        if let Some(user) = self.user.take() {
            self.lock.suggest(&user.name);
        }
        self.kept = None;
        self.windows.clear();
        self.world.clear();
        self.centre.clear();
        self.launcher.close();
        self.centre_open = false;
        self.sheet_open = false;
        self.lock.reset(error);
    }

    /// Keeps where the windows stand, once nothing is being dragged.
    pub(super) fn keep_layout(&mut self, ctx: &Context) {
        let Some(user) = &self.user else { return };
        if ctx.input(|input| input.pointer.any_down()) {
            return;
        }
        let layout = self.windows.layout();
        if self.kept.as_ref() != Some(&layout) {
            self.host.store(&layout_key(user.id), &layout.write());
            self.kept = Some(layout);
        }
    }

    pub(super) fn set_appearance(&mut self, appearance: Appearance) {
        if let Ok(text) = serde_json::to_string(&appearance) {
            self.host.store(APPEARANCE, &text);
        }
        self.appearance = appearance;
    }

    pub(super) fn toggle_theme(&mut self, ctx: &Context) {
        let theme = if aether_kit::tokens(ctx).dark { Theme::Light } else { Theme::Dark };
        self.set_appearance(Appearance { theme, ..self.appearance.clone() });
    }
}
