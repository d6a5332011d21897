//! Settings: how the desktop looks, which models there are, who is signed in where, and how the kernel is.

mod about;
mod appearance;
pub(crate) mod fetch;
mod models;
mod rows;
mod session;

use aether_client::Pending;
use aether_kit::{Appearance, Banner, BannerAnswer, Icon, SideItem, Tone, space, split_side};
use aether_protocol::{
    Error, Page, SessionId,
    identity::{Revoke, Session, Sessions, SignedOut},
    mind::{Model, Models},
    system::{Diagnosis, Doctor},
};
use egui::{Margin, ScrollArea, Ui};

use crate::{App, AppContext, AppId, Intent, ShellCommand};
use fetch::Fetch;

/// A page of the settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Tab {
    #[default]
    Appearance,
    Models,
    Session,
    About,
}

impl Tab {
    const ALL: [Self; 4] = [Self::Appearance, Self::Models, Self::Session, Self::About];

    fn title(self) -> &'static str {
        match self {
            Self::Appearance => "Appearance",
            Self::Models => "Models",
            Self::Session => "Session",
            Self::About => "About",
        }
    }

    fn icon(self) -> Icon {
        match self {
            Self::Appearance => Icon::Palette,
            Self::Models => Icon::Brain,
            Self::Session => Icon::PersonCircle,
            Self::About => Icon::Info,
        }
    }
}

/// What a person wants done on a page.
#[derive(Clone, Debug, PartialEq)]
enum Deed {
    /// Another look, at once.
    SetAppearance(Appearance),
    /// Ask again for what the page shows.
    Reload,
    /// Ask whether to sign out another device.
    AskRevoke(SessionId),
    /// Leave it signed in.
    KeepSession,
    /// Sign out another device.
    Revoke(SessionId),
    /// Lock the screen.
    Lock,
    /// End this session.
    SignOut,
}

/// The settings app.
#[derive(Default)]
pub struct Settings {
    tab: Tab,
    models: Fetch<Page<Model>>,
    sessions: Fetch<Page<Session>>,
    diagnosis: Fetch<Diagnosis>,
    asked_to_revoke: Option<SessionId>,
    revoking: Vec<(SessionId, Pending<SignedOut>)>,
    failure: Option<Error>,
}

impl Settings {
    /// Settings, at the page of the appearance.
    pub fn new() -> Self {
        Self::default()
    }

    fn draw(&mut self, ui: &mut Ui, seen: &Seen<'_>) -> Vec<Deed> {
        let mut deeds = Vec::new();
        let collapsed = seen.narrow || ui.available_width() < 640.0;
        let mut tab = self.tab;
        let current = self.tab;
        split_side(
            ui,
            "Settings",
            collapsed,
            |ui| {
                for each in Tab::ALL {
                    if ui.add(SideItem::new(each.icon(), each.title()).selected(each == current)).clicked() {
                        tab = each;
                    }
                }
            },
            |ui| {
                ScrollArea::vertical().id_salt(current.title()).auto_shrink([false, false]).show(ui, |ui| {
                    let side = if collapsed { space::L } else { space::XL };
                    let margin = Margin::symmetric(side as i8, space::XL as i8);
                    egui::Frame::NONE.inner_margin(margin).show(ui, |ui| {
                        ui.set_width(ui.available_width().min(680.0));
                        self.page(ui, seen, &mut deeds);
                    });
                });
            },
        );
        self.tab = tab;
        deeds
    }

    fn page(&mut self, ui: &mut Ui, seen: &Seen<'_>, deeds: &mut Vec<Deed>) {
        if let Some(error) = &self.failure {
            let banner = Banner::new(Tone::Bad, &error.message).detail(error.hint.as_deref()).dismissible();
            if banner.show(ui) == Some(BannerAnswer::Dismiss) {
                self.failure = None;
            }
        }
        match self.tab {
            Tab::Appearance => appearance::page(ui, seen.appearance, deeds),
            Tab::Models => models::page(ui, self.models.state(), deeds),
            Tab::Session => {
                let busy = self.revoking.iter().map(|(session, _)| *session).collect::<Vec<_>>();
                let view = session::View {
                    me: seen.world.me(),
                    sessions: self.sessions.state(),
                    asked: self.asked_to_revoke,
                    revoking: &busy,
                };
                session::page(ui, &view, deeds);
            }
            Tab::About => about::page(ui, seen.world.status(), self.diagnosis.state(), deeds),
        }
    }

    fn carry_out(&mut self, deed: Deed, cx: &mut AppContext<'_>) {
        match deed {
            Deed::SetAppearance(appearance) => cx.send(ShellCommand::SetAppearance(appearance)),
            Deed::Reload => {
                cx.world.retry();
                match self.tab {
                    Tab::Appearance => {}
                    Tab::Models => self.models.ask(cx.client.call(Models {})),
                    Tab::Session => self.sessions.ask(cx.client.call(Sessions {})),
                    Tab::About => self.diagnosis.ask(cx.client.call(Doctor {})),
                }
            }
            Deed::AskRevoke(session) => self.asked_to_revoke = Some(session),
            Deed::KeepSession => self.asked_to_revoke = None,
            Deed::Revoke(session) => {
                self.asked_to_revoke = None;
                self.revoking.push((session, cx.client.call(Revoke { session })));
            }
            Deed::Lock => cx.send(ShellCommand::Lock),
            Deed::SignOut => cx.send(ShellCommand::SignOut),
        }
    }

    /// Takes in the answers of sign-outs; true when the list of sessions has changed.
    fn settle_revocations(&mut self) -> bool {
        let mut changed = false;
        let failure = &mut self.failure;
        self.revoking.retain_mut(|(_, pending)| match pending.take() {
            None => true,
            Some(Ok(SignedOut {})) => {
                changed = true;
                false
            }
            Some(Err(error)) => {
                *failure = Some(error);
                false
            }
        });
        changed
    }
}

/// What the pages are drawn from, besides what the app itself has asked for.
struct Seen<'a> {
    appearance: &'a Appearance,
    world: &'a crate::World,
    narrow: bool,
}

impl App for Settings {
    fn id(&self) -> AppId {
        "settings"
    }

    fn title(&self) -> String {
        "Settings".to_owned()
    }

    fn icon(&self) -> Icon {
        Icon::Settings
    }

    fn ui(&mut self, ui: &mut Ui, cx: &mut AppContext<'_>) {
        let before = self.tab;
        let seen = Seen { appearance: cx.appearance, world: cx.world, narrow: cx.narrow };
        let deeds = self.draw(ui, &seen);
        for deed in deeds {
            self.carry_out(deed, cx);
        }
        // Each visit of a page asks anew; what was there stays in sight meanwhile.
        let fresh = match self.tab {
            Tab::Appearance => false,
            Tab::Models => self.models.is_unasked(),
            Tab::Session => self.sessions.is_unasked(),
            Tab::About => self.diagnosis.is_unasked(),
        };
        if self.tab != before || fresh {
            self.carry_out(Deed::Reload, cx);
            ui.ctx().request_repaint();
        }
    }

    fn logic(&mut self, cx: &mut AppContext<'_>) {
        self.models.logic();
        self.sessions.logic();
        self.diagnosis.logic();
        if self.settle_revocations() {
            self.sessions.ask(cx.client.call(Sessions {}));
        }
    }

    fn holds(&self) -> Intent {
        Intent::Settings
    }

    fn initial_size(&self) -> egui::Vec2 {
        egui::vec2(880.0, 620.0)
    }
}

#[cfg(test)]
mod tests;
