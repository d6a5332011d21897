//! The conversations as a person meets them.

use aether_kit::Theme;
use aether_protocol::{AgentId, UnixMillis};
use egui_kittest::kittest::Queryable as _;

use super::*;
use crate::{
    World,
    tests::{
        fixture::NOW,
        stage::{PHONE, Stage, WIDE, has, looked_at, on},
    },
};

const ADA: UserId = UserId(uuid::Uuid::from_u128(9));
const SCRIBE: Party = Party::Agent { agent: AgentId(uuid::Uuid::from_u128(5)) };

fn channel(number: u128, kind: Kind, name: &str, waiting: u32) -> Channel {
    Channel {
        id: ChannelId(uuid::Uuid::from_u128(number)),
        kind,
        name: name.to_owned(),
        topic: String::new(),
        owner: ADA,
        created_at: NOW,
        members: 2,
        last: 3,
        last_at: Some(NOW),
        is_member: true,
        waiting,
    }
}

fn message(number: u64, from: Party, name: &str, text: &str) -> Message {
    Message {
        channel: ChannelId(uuid::Uuid::from_u128(1)),
        number,
        at: UnixMillis(NOW.0 + number.cast_signed() * 1_000),
        from,
        from_name: name.to_owned(),
        text: text.to_owned(),
        thread: None,
    }
}

fn peer(name: &str, is_live: bool) -> Peer {
    Peer { party: SCRIBE, name: name.to_owned(), role: Some("scribe".to_owned()), is_live }
}

/// Answers that have come, and none asked for again.
fn app(channels: Vec<Channel>) -> Channels {
    let mut app = Channels { version: Some(0), ..Channels::default() };
    app.list.ask(Pending::ready(Ok(Page { items: channels, next: None })));
    app
}

fn open() -> Channels {
    let mut app =
        app(vec![channel(1, Kind::Channel, "planning", 0), channel(2, Kind::Direct, "ada, scribe-1", 4)]);
    app.shown = Some(ChannelId(uuid::Uuid::from_u128(1)));
    let ada = Party::User { user: ADA };
    let said = vec![
        message(1, ada, "ada", "Who writes the summary of the reports?"),
        message(2, SCRIBE, "scribe-1", "I do. I have read four of six."),
        message(3, SCRIBE, "scribe-1", "The summary is in Documents/summary.md."),
    ];
    app.messages.ask(Pending::ready(Ok(Page { items: said, next: None })));
    let member = |party, name: &str, waiting| Member {
        party,
        name: name.to_owned(),
        joined_at: NOW,
        acked: 1,
        waiting,
        dropped: 0,
    };
    let members = vec![member(ada, "ada", 0), member(SCRIBE, "scribe-1", 2)];
    app.members.ask(Pending::ready(Ok(Page { items: members, next: None })));
    app
}

fn words(harness: &egui_kittest::Harness<'_, Stage<Channels>>) -> Option<String> {
    harness.state().app.failure.as_ref().map(|error| error.message.clone())
}

#[test]
fn an_empty_list_says_what_to_do_and_begins_a_conversation() {
    let mut harness = on(app(Vec::new()), World::at(NOW), WIDE, Theme::Dark, 100);
    assert!(has(&harness, "Nothing has been said yet"));
    looked_at(&mut harness, "channels-empty");
    harness.get_all_by_label("New conversation…").next().unwrap().click();
    harness.run();
    assert!(has(&harness, "Create channel"));
    let peers = vec![peer("scribe-1", true), peer("clerk-2", false)];
    harness.state_mut().app.peers.ask(Pending::ready(Ok(Page { items: peers, next: None })));
    harness.run();
    looked_at(&mut harness, "channels-new");
    harness.get_all_by_label("clerk-2").next().unwrap().click();
    harness.run();
    let app = &harness.state().app;
    assert_eq!(app.new_with.as_ref().map(|peer| peer.name.as_str()), Some("clerk-2"));
    assert!(has(&harness, "Say the first thing"));
}

#[test]
fn a_conversation_shows_who_said_what_and_whom_it_has_not_reached() {
    for (size, name) in [(WIDE, "wide"), (PHONE, "phone")] {
        for theme in [Theme::Dark, Theme::Light] {
            let mut harness = on(open(), World::at(NOW), size, theme, 130);
            assert!(has(&harness, "The summary is in Documents/summary.md."));
            assert!(has(&harness, "ada, scribe-1 (2 waiting)"));
            let named = harness.query_all_by_label("scribe-1").count();
            assert_eq!(named, 2, "a picture and a name for two messages in a row");
            looked_at(&mut harness, &format!("channels-{name}-{theme:?}"));
        }
    }
}

#[test]
fn a_phone_shows_the_list_or_the_conversation() {
    let mut harness = on(open(), World::at(NOW), PHONE, Theme::Dark, 100);
    assert!(!has(&harness, "New conversation…"));
    harness.get_by_label("All conversations").click();
    harness.run();
    assert!(has(&harness, "New conversation…") && !has(&harness, "Send"));
    assert_eq!(harness.state().app.shown, None);
}

#[test]
fn what_could_not_be_sent_stays_in_the_composer_and_is_explained() {
    let mut app = open();
    app.draft = "Read the rest".to_owned();
    let refusal = Error::unavailable("The kernel is shutting down").hint("Try again in a moment");
    app.sending = Some(Pending::ready(Err(refusal)));
    let harness = on(app, World::at(NOW), WIDE, Theme::Dark, 100);
    assert_eq!(words(&harness).as_deref(), Some("The kernel is shutting down"));
    assert!(has(&harness, "The kernel is shutting down"));
    assert_eq!(harness.state().app.draft, "Read the rest");
}

#[test]
fn what_was_sent_leaves_the_composer() {
    let mut app = open();
    app.draft = "Read the rest".to_owned();
    let said = message(4, Party::User { user: ADA }, "ada", "Read the rest");
    app.sending = Some(Pending::ready(Ok(said)));
    let harness = on(app, World::at(NOW), WIDE, Theme::Dark, 100);
    assert_eq!(harness.state().app.draft, "");
    assert_eq!(words(&harness), None);
}

#[test]
fn the_badge_counts_what_waits() {
    let harness = on(open(), World::at(NOW), WIDE, Theme::Dark, 100);
    let stage = harness.state();
    let mut commands = Vec::new();
    let cx = AppContext {
        client: &stage.client,
        world: &stage.world,
        commands: &mut commands,
        appearance: &stage.appearance,
        narrow: false,
    };
    assert_eq!(stage.app.badge(&cx), 4);
}
