//! What agents and people say to each other: conversations at the left, one of them at the right.

mod conversation;
mod start;
#[cfg(test)]
mod tests;

use aether_client::Pending;
use aether_kit::{
    EmptyState, ErrorState, Icon, IconButton, ListRow, TextKind, Tone, label, skeleton_rows, space,
};
use aether_protocol::{
    ChannelId, Error, Page, UserId,
    channel::{
        Ack, Channel, Create, Join, Kind, List, Member, Message, Party, Peer, Peers, Post, Read, Target,
    },
};
use egui::{Align, Frame, Layout, Margin, Rect, ScrollArea, Ui, UiBuilder};

use crate::{
    App, AppContext, AppId, Intent,
    settings::fetch::{Fetch, State},
};
use start::Start;

/// The width of the list, in points.
const LIST_WIDTH: f32 = 260.0;
/// Conversations and messages that are asked for at once.
const ROWS: u32 = 200;

/// What a person wants.
#[derive(Clone, Debug, PartialEq)]
enum Deed {
    /// Shows a conversation.
    Select(ChannelId),
    /// Back to the list, on a narrow screen.
    Leave,
    /// Says what stands in the composer.
    Send,
    /// Asks for a new conversation.
    Start,
    /// Asks whom to add.
    AskWhom,
    /// Makes a channel of this name.
    Create(String),
    /// Writes to somebody directly.
    WriteTo(Peer),
    /// Makes an agent a member of the channel that is shown.
    Add(Party),
    /// Closes the sheet.
    Close,
    /// Asks again for what failed.
    Reload,
    /// Takes away what was said of a failure.
    Dismiss,
}

/// The conversations.
#[derive(Default)]
pub struct Channels {
    list: Fetch<Page<Channel>>,
    messages: Fetch<Page<Message>>,
    members: Fetch<Page<Member>>,
    peers: Fetch<Page<Peer>>,
    shown: Option<ChannelId>,
    /// Whom a first message goes to.
    new_with: Option<Peer>,
    start: Option<Start>,
    draft: String,
    sending: Option<Pending<Message>>,
    making: Option<Pending<Channel>>,
    joining: Option<Pending<Member>>,
    acking: Option<Pending<Member>>,
    /// Up to where this window has acknowledged.
    acked: Option<(ChannelId, u64)>,
    failure: Option<Error>,
    /// The version of the world's channels that was asked for last.
    version: Option<u64>,
}

impl Channels {
    /// The list of all conversations.
    pub fn new() -> Self {
        Self::default()
    }

    fn channel(&self) -> Option<&Channel> {
        let shown = self.shown?;
        match self.list.state() {
            State::Ready(page) => page.items.iter().find(|channel| channel.id == shown),
            _ => None,
        }
    }

    /// Asks for the list, and for what is shown.
    fn reload(&mut self, cx: &AppContext<'_>) {
        self.list.ask(cx.client.call(List { limit: Some(ROWS), ..List::default() }));
        if let Some(channel) = self.shown {
            self.read(cx, channel);
        }
    }

    fn read(&mut self, cx: &AppContext<'_>, channel: ChannelId) {
        let newest = Read { channel, after: None, before: None, thread: None, limit: Some(ROWS) };
        self.messages.ask(cx.client.call(newest));
        self.members.ask(cx.client.call(aether_protocol::channel::Members { channel }));
    }

    fn select(&mut self, cx: &AppContext<'_>, channel: ChannelId) {
        if self.shown != Some(channel) {
            self.shown = Some(channel);
            self.messages = Fetch::default();
            self.members = Fetch::default();
        }
        self.new_with = None;
        self.read(cx, channel);
    }

    fn carry_out(&mut self, deed: Deed, cx: &AppContext<'_>) {
        match deed {
            Deed::Select(channel) => self.select(cx, channel),
            Deed::Leave => {
                self.shown = None;
                self.new_with = None;
            }
            Deed::Send => {
                let target = match (self.shown, &self.new_with) {
                    (Some(channel), _) => Target::Channel { channel },
                    (None, Some(peer)) => Target::Direct { with: peer.party },
                    (None, None) => return,
                };
                let text = self.draft.trim().to_owned();
                self.sending = Some(cx.client.call(Post { target, text, thread: None, key: None }));
            }
            Deed::Start | Deed::AskWhom => {
                self.start = Some(Start { adds: deed == Deed::AskWhom, ..Start::default() });
                self.peers.ask(cx.client.call(Peers {}));
            }
            Deed::Create(name) => {
                self.making = Some(cx.client.call(Create { name, ..Create::default() }));
            }
            Deed::WriteTo(peer) => {
                self.start = None;
                self.shown = None;
                self.new_with = Some(peer);
            }
            Deed::Add(party) => {
                self.start = None;
                let Some(channel) = self.shown else { return };
                self.joining = Some(cx.client.call(Join { channel, party: Some(party) }));
            }
            Deed::Close => self.start = None,
            Deed::Reload => self.reload(cx),
            Deed::Dismiss => self.failure = None,
        }
    }

    /// Takes in what has come.
    fn settle(&mut self, cx: &AppContext<'_>) {
        if let Some(answer) = self.sending.as_mut().and_then(Pending::take) {
            self.sending = None;
            match answer {
                Ok(message) => {
                    self.draft.clear();
                    self.failure = None;
                    self.select(cx, message.channel);
                }
                // What was written stays in the composer.
                Err(error) => self.failure = Some(error),
            }
        }
        if let Some(answer) = self.making.as_mut().and_then(Pending::take) {
            self.making = None;
            match answer {
                Ok(channel) => {
                    self.start = None;
                    self.select(cx, channel.id);
                    self.version = None;
                }
                Err(error) => {
                    if let Some(start) = &mut self.start {
                        start.error = Some(error.message);
                    }
                }
            }
        }
        if let Some(answer) = self.joining.as_mut().and_then(Pending::take) {
            self.joining = None;
            match answer {
                Ok(_) => self.version = None,
                Err(error) => self.failure = Some(error),
            }
        }
        if self.acking.as_mut().and_then(Pending::take).is_some() {
            self.acking = None;
        }
    }

    /// What a person has in sight does not wait for them any more.
    fn acknowledge(&mut self, cx: &AppContext<'_>) {
        let Some(channel) = self.channel().filter(|channel| channel.is_member && channel.waiting > 0) else {
            return;
        };
        let State::Ready(page) = self.messages.state() else { return };
        let Some(last) = page.items.last().filter(|last| last.channel == channel.id) else { return };
        let seen = (channel.id, last.number);
        if self.acking.is_none() && self.acked != Some(seen) {
            self.acked = Some(seen);
            self.acking = Some(cx.client.call(Ack { channel: seen.0, upto: seen.1 }));
        }
    }

    fn list_ui(&self, ui: &mut Ui, narrow: bool, deeds: &mut Vec<Deed>) {
        ui.horizontal(|ui| {
            label(ui, TextKind::Title, Tone::Normal, "Channels");
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                if ui.add(IconButton::new(Icon::Add, "New conversation…").size(32.0)).clicked() {
                    deeds.push(Deed::Start);
                }
            });
        });
        ui.add_space(space::S);
        let page = match self.list.state() {
            State::Loading => return skeleton_rows(ui, 6),
            State::Failed(error) => {
                if ErrorState::of(error).show(ui) {
                    deeds.push(Deed::Reload);
                }
                return;
            }
            State::Ready(page) => page,
        };
        if page.items.is_empty() {
            let empty = EmptyState::new(Icon::Chat, "Nothing has been said yet");
            if empty.action("New conversation…", Some(Icon::Add)).show(ui) {
                deeds.push(Deed::Start);
            }
            return;
        }
        ScrollArea::vertical().id_salt("conversations").auto_shrink([false, false]).show(ui, |ui| {
            for channel in &page.items {
                let name = title(channel);
                let waiting = channel.waiting.to_string();
                let detail = detail(channel);
                let mut row = ListRow::new(&name)
                    .detail(&detail)
                    .icon(if channel.kind == Kind::Direct { Icon::Person } else { Icon::Chat })
                    .selected(self.shown == Some(channel.id))
                    .touch(narrow);
                if channel.waiting > 0 {
                    row = row.trailing(&waiting);
                }
                if ui.add(row).clicked() {
                    deeds.push(Deed::Select(channel.id));
                }
            }
        });
    }

    fn body(&mut self, ui: &mut Ui, narrow: bool, me: Option<UserId>, deeds: &mut Vec<Deed>) {
        let view = conversation::View {
            channel: self.channel().cloned(),
            new_with: self.new_with.clone(),
            messages: self.messages.state(),
            members: self.members.state(),
            me,
            failure: self.failure.as_ref(),
            is_sending: self.sending.is_some(),
            narrow,
        };
        if view.channel.is_none() && view.new_with.is_none() {
            if self.shown.is_some() {
                skeleton_rows(ui, 6);
                return;
            }
            let empty = EmptyState::new(Icon::Chat, "Choose a conversation, or begin one");
            if empty.action("New conversation…", Some(Icon::Add)).show(ui) {
                deeds.push(Deed::Start);
            }
            return;
        }
        conversation::show(ui, &view, &mut self.draft, deeds);
    }

    fn draw(&mut self, ui: &mut Ui, narrow: bool, me: Option<UserId>) -> Vec<Deed> {
        let mut deeds = Vec::new();
        let is_open = self.shown.is_some() || self.new_with.is_some();
        if narrow {
            Frame::NONE.inner_margin(Margin::same(space::M as i8)).show(ui, |ui| {
                if is_open {
                    self.body(ui, true, me, &mut deeds);
                } else {
                    self.list_ui(ui, true, &mut deeds);
                }
            });
        } else {
            let room = ui.available_rect_before_wrap();
            let side = Rect::from_min_size(room.min, egui::vec2(LIST_WIDTH, room.height()));
            aether_kit::side_bar(ui, "Conversations", side, |ui| self.list_ui(ui, false, &mut deeds));
            let rest = room.with_min_x(side.right()).shrink(space::L);
            let mut child = ui.new_child(UiBuilder::new().max_rect(rest).id_salt("conversation"));
            child.set_clip_rect(rest.expand(2.0).intersect(ui.clip_rect()));
            self.body(&mut child, false, me, &mut deeds);
            ui.advance_cursor_after_rect(room);
        }
        if let Some(start) = &mut self.start {
            start.show(ui.ctx(), self.peers.state(), self.making.is_some(), &mut deeds);
        }
        deeds
    }
}

/// `#name`, or the names of both.
fn title(channel: &Channel) -> String {
    match channel.kind {
        Kind::Channel => format!("#{}", channel.name),
        Kind::Direct => channel.name.clone(),
    }
}

fn detail(channel: &Channel) -> String {
    if !channel.topic.is_empty() {
        return channel.topic.clone();
    }
    let members = match channel.members {
        1 => "1 member".to_owned(),
        count => format!("{count} members"),
    };
    match channel.last {
        0 => format!("{members}, nothing said yet"),
        1 => format!("{members}, 1 message"),
        count => format!("{members}, {count} messages"),
    }
}

impl App for Channels {
    fn id(&self) -> AppId {
        "channels"
    }

    fn title(&self) -> String {
        self.channel().map_or_else(|| "Channels".to_owned(), title)
    }

    fn icon(&self) -> Icon {
        Icon::Chat
    }

    fn ui(&mut self, ui: &mut Ui, cx: &mut AppContext<'_>) {
        let me = cx.world.me().ready().map(|me| me.user.id);
        self.acknowledge(cx);
        for deed in self.draw(ui, cx.narrow, me) {
            self.carry_out(deed, cx);
            ui.ctx().request_repaint();
        }
    }

    fn logic(&mut self, cx: &mut AppContext<'_>) {
        self.settle(cx);
        let version = cx.world.channels_version();
        if self.version != Some(version) {
            self.version = Some(version);
            self.reload(cx);
        }
        self.list.logic();
        self.messages.logic();
        self.members.logic();
        self.peers.logic();
    }

    fn holds(&self) -> Intent {
        Intent::Channels
    }

    fn badge(&self, cx: &AppContext<'_>) -> u32 {
        let _ = cx;
        match self.list.state() {
            State::Ready(page) => page.items.iter().map(|channel| channel.waiting).sum(),
            _ => 0,
        }
    }
}
