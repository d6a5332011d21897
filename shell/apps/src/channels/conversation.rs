//! One conversation: who is in it, what was said, and what one says next.

use aether_kit::{
    Banner, BannerAnswer, Button, EmptyState, ErrorState, Icon, IconButton, TextField, TextKind, Tone,
    avatar, clock_time, label, label_wrapped, skeleton_rows, space,
};
use aether_protocol::{
    Error, Page, UserId,
    channel::{Channel, Kind, Member, Message, Party, Peer},
};
use egui::{Align, Frame, Key, Layout, Margin, ScrollArea, Ui};

use super::{Deed, title};
use crate::settings::fetch::State;

/// Characters of a message, at most.
const MAX_TEXT: usize = 8_000;

/// What a conversation is drawn from.
pub(super) struct View<'a> {
    pub(super) channel: Option<Channel>,
    pub(super) new_with: Option<Peer>,
    pub(super) messages: State<'a, Page<Message>>,
    pub(super) members: State<'a, Page<Member>>,
    pub(super) me: Option<UserId>,
    pub(super) failure: Option<&'a Error>,
    pub(super) is_sending: bool,
    pub(super) narrow: bool,
}

pub(super) fn show(ui: &mut Ui, view: &View<'_>, draft: &mut String, deeds: &mut Vec<Deed>) {
    ui.spacing_mut().item_spacing.y = space::S;
    header(ui, view, deeds);
    egui::Panel::bottom("composer")
        .frame(Frame::NONE.inner_margin(Margin { top: space::S as i8, ..Margin::ZERO }))
        .show_separator_line(false)
        .resizable(false)
        .show(ui, |ui| {
            if let Some(error) = view.failure {
                let banner =
                    Banner::new(Tone::Bad, &error.message).detail(error.hint.as_deref()).dismissible();
                if banner.show(ui) == Some(BannerAnswer::Dismiss) {
                    deeds.push(Deed::Dismiss);
                }
            }
            composer(ui, view, draft, deeds);
        });
    if view.channel.is_none() {
        EmptyState::new(Icon::Chat, "Say the first thing").show(ui);
        return;
    }
    match view.messages {
        State::Loading => skeleton_rows(ui, 6),
        State::Failed(error) => {
            if ErrorState::of(error).show(ui) {
                deeds.push(Deed::Reload);
            }
        }
        State::Ready(page) if page.items.is_empty() => {
            EmptyState::new(Icon::Chat, "Nothing has been said here yet").show(ui);
        }
        State::Ready(page) => {
            ScrollArea::vertical()
                .id_salt("messages")
                .auto_shrink([false, false])
                .stick_to_bottom(true)
                .show(ui, |ui| messages(ui, view, &page.items));
        }
    }
}

fn header(ui: &mut Ui, view: &View<'_>, deeds: &mut Vec<Deed>) {
    let name = match (&view.channel, &view.new_with) {
        (Some(channel), _) => title(channel),
        (None, Some(peer)) => peer.name.clone(),
        (None, None) => String::new(),
    };
    ui.horizontal(|ui| {
        if view.narrow && ui.add(IconButton::new(Icon::ArrowLeft, "All conversations").size(44.0)).clicked() {
            deeds.push(Deed::Leave);
        }
        label(ui, TextKind::Title, Tone::Normal, name);
        let Some(channel) = &view.channel else { return };
        if channel.kind == Kind::Channel {
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                if ui.add(Button::secondary("Add agent…").icon(Icon::Add).small()).clicked() {
                    deeds.push(Deed::AskWhom);
                }
            });
        }
    });
    if let State::Ready(members) = view.members
        && view.channel.is_some()
    {
        let names: Vec<_> = members.items.iter().map(member).collect();
        label(ui, TextKind::Label, Tone::Muted, names.join(", ")).on_hover_text(names.join("\n"));
    }
}

/// The name, and what has not reached the member yet.
fn member(member: &Member) -> String {
    match member.waiting {
        0 => member.name.clone(),
        count => format!("{} ({count} waiting)", member.name),
    }
}

fn messages(ui: &mut Ui, view: &View<'_>, messages: &[Message]) {
    let mut before: Option<&Message> = None;
    for message in messages {
        // What one says in a row stands under one name.
        let goes_on = before.is_some_and(|before| {
            before.from == message.from
                && before.thread == message.thread
                && message.at.since_ms(before.at) < 120_000
        });
        if !goes_on {
            ui.add_space(space::S);
            ui.horizontal(|ui| {
                avatar(ui, &message.from_name, 24.0);
                let is_me = matches!(message.from, Party::User { user } if Some(user) == view.me);
                let name = if is_me { "You" } else { &message.from_name };
                label(ui, TextKind::Strong, Tone::Normal, name);
                if matches!(message.from, Party::Agent { .. }) {
                    label(ui, TextKind::Label, Tone::Muted, "agent");
                }
                label(ui, TextKind::Label, Tone::Muted, clock_time(message.at));
                if let Some(thread) = message.thread {
                    label(ui, TextKind::Label, Tone::Muted, format!("in answer to {thread}"));
                }
            });
        }
        ui.horizontal_top(|ui| {
            ui.add_space(24.0 + space::S);
            ui.vertical(|ui| label_wrapped(ui, TextKind::Body, Tone::Normal, &message.text));
        });
        before = Some(message);
    }
}

fn composer(ui: &mut Ui, view: &View<'_>, draft: &mut String, deeds: &mut Vec<Deed>) {
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        let can_send = !draft.trim().is_empty() && !view.is_sending;
        let button = Button::primary("Send").icon(Icon::Paper).busy(view.is_sending);
        let clicked = ui.add_enabled(can_send, button).clicked();
        let mut field =
            TextField::new("Message", draft).hide_label().placeholder("Say something…").char_limit(MAX_TEXT);
        if view.narrow {
            field = field.touch();
        }
        let field = ui.add(field);
        let entered = field.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
        if can_send && (clicked || entered) {
            deeds.push(Deed::Send);
            if entered {
                field.request_focus();
            }
        }
    });
}
