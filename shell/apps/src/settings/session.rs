//! Who is signed in, and on which devices.

use aether_kit::{
    Button, Card, Chip, ErrorState, Icon, TextKind, Tone, absolute_time, avatar, hairline, label,
    label_wrapped, now, relative, section_heading, skeleton_rows, space, tokens,
};
use aether_protocol::{
    Page, SessionId,
    identity::{Me, Session},
};
use egui::{Align, Layout, Ui};

use super::{Deed, fetch::State, rows};
use crate::world::Loaded;

/// What the page is drawn from.
pub(super) struct View<'a> {
    pub(super) me: &'a Loaded<Me>,
    pub(super) sessions: State<'a, Page<Session>>,
    pub(super) asked: Option<SessionId>,
    pub(super) revoking: &'a [SessionId],
}

pub(super) fn page(ui: &mut Ui, view: &View<'_>, deeds: &mut Vec<Deed>) {
    rows::title(ui, "Session");
    Card::new().show(ui, |ui| {
        ui.set_width(ui.available_width());
        who(ui, view.me, deeds);
    });
    ui.add_space(space::L);
    section_heading(
        ui,
        "Signed-in devices",
        Some("Sign out a device that you no longer use or do not know."),
    );
    match view.sessions {
        State::Loading => {
            Card::new().show(ui, |ui| {
                ui.set_width(ui.available_width());
                skeleton_rows(ui, 3);
            });
        }
        State::Failed(error) => {
            if ErrorState::of(error).show(ui) {
                deeds.push(Deed::Reload);
            }
        }
        State::Ready(page) => {
            Card::new().show(ui, |ui| {
                ui.set_width(ui.available_width());
                ui.spacing_mut().item_spacing.y = space::M;
                for (index, session) in page.items.iter().enumerate() {
                    if index > 0 {
                        hairline(ui);
                    }
                    device(ui, session, view, deeds);
                }
            });
        }
    }
}

fn who(ui: &mut Ui, me: &Loaded<Me>, deeds: &mut Vec<Deed>) {
    match me {
        Loaded::Loading => skeleton_rows(ui, 1),
        Loaded::Failed(error) => {
            label_wrapped(ui, TextKind::Body, Tone::Bad, error.message.as_str());
            if ui.add(Button::secondary("Try again").small().icon(Icon::Refresh)).clicked() {
                deeds.push(Deed::Reload);
            }
        }
        Loaded::Ready(me) => {
            ui.horizontal_wrapped(|ui| {
                avatar(ui, &me.user.name, 44.0);
                ui.vertical(|ui| {
                    ui.spacing_mut().item_spacing.y = 2.0;
                    label(ui, TextKind::Emphasis, Tone::Normal, me.user.name.as_str());
                    let since = format!(
                        "Signed in on {} until {}",
                        me.session.device,
                        absolute_time(me.session.expires_at)
                    );
                    label_wrapped(ui, TextKind::Label, Tone::Muted, since);
                });
            });
        }
    }
    ui.add_space(space::S);
    ui.horizontal(|ui| {
        if ui.add(Button::secondary("Lock screen").icon(Icon::Lock)).clicked() {
            deeds.push(Deed::Lock);
        }
        if ui.add(Button::secondary("Sign out").icon(Icon::Exit)).clicked() {
            deeds.push(Deed::SignOut);
        }
    });
}

fn device(ui: &mut Ui, session: &Session, view: &View<'_>, deeds: &mut Vec<Deed>) {
    let now = now();
    let asked = view.asked == Some(session.id);
    ui.horizontal(|ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if session.is_current {
                ui.add(Chip::new("This device").color(tokens(ui).accent));
            } else if view.revoking.contains(&session.id) {
                ui.add(Button::secondary("Signing out").small().busy(true));
            } else if !asked && ui.add(Button::secondary("Sign out…").small()).clicked() {
                deeds.push(Deed::AskRevoke(session.id));
            }
            ui.with_layout(Layout::top_down(Align::Min), |ui| {
                ui.spacing_mut().item_spacing.y = 2.0;
                label(ui, TextKind::Strong, Tone::Normal, session.device.as_str());
                let seen = format!(
                    "Last seen {} · signed in {}",
                    relative(session.seen_at, now),
                    relative(session.created_at, now)
                );
                let exact = format!(
                    "Last seen {}\nSigned in {}\nUntil {}",
                    absolute_time(session.seen_at),
                    absolute_time(session.created_at),
                    absolute_time(session.expires_at)
                );
                label_wrapped(ui, TextKind::Label, Tone::Muted, seen).on_hover_text(exact);
            });
        });
    });
    if asked && !session.is_current {
        label_wrapped(
            ui,
            TextKind::Body,
            Tone::Normal,
            format!("{} will have to sign in again. Terminals and agents go on.", session.device),
        );
        ui.horizontal(|ui| {
            if ui.add(Button::danger("Sign out device").small()).clicked() {
                deeds.push(Deed::Revoke(session.id));
            }
            if ui.add(Button::ghost("Keep signed in").small()).clicked() {
                deeds.push(Deed::KeepSession);
            }
        });
    }
}
