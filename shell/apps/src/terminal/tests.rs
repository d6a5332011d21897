//! The window without a kernel behind it: what it says then. With one it is tried in the desktop's journeys.

use aether_client::{Client, Endpoint};
use aether_kit::Appearance;
use aether_protocol::{Error, TerminalId, UnixMillis, terminal::Terminal as Shell};
use egui_kittest::{Harness, kittest::Queryable as _};

use super::{tab::Phase, *};
use crate::{ShellCommand, World};

struct Desk {
    app: Terminal,
    client: Client,
    commands: Vec<ShellCommand>,
}

/// A client whose kernel does not answer: nothing listens on port 1.
fn nobody() -> Client {
    Client::connect(Endpoint::new("https://127.0.0.1:1", None).unwrap(), None, || {})
}

fn desk(tabs: Vec<Tab>) -> Harness<'static, Desk> {
    let mut app = Terminal::new(Target::Home);
    app.known = Known::Yes;
    app.tabs = tabs;
    let desk = Desk { app, client: nobody(), commands: Vec::new() };
    let mut harness = Harness::builder().with_size(egui::vec2(760.0, 480.0)).build_ui_state(
        |ui, desk: &mut Desk| {
            let appearance = Appearance { reduced_motion: true, ..Appearance::default() };
            aether_kit::apply(ui.ctx(), &appearance);
            let world = World::at(UnixMillis(0));
            let (client, commands) = (&desk.client, &mut desk.commands);
            let mut cx =
                AppContext { client, world: &world, commands, appearance: &appearance, narrow: false };
            desk.app.logic(&mut cx);
            egui::CentralPanel::default().frame(egui::Frame::NONE).show(ui, |ui| desk.app.ui(ui, &mut cx));
        },
        desk,
    );
    harness.run();
    harness
}

fn shell() -> Shell {
    Shell {
        id: TerminalId(uuid::Uuid::from_u128(7)),
        target: Target::Home,
        owner: aether_protocol::UserId(uuid::Uuid::from_u128(1)),
        size: Size::default(),
        opened_at: UnixMillis(0),
        recording: None,
    }
}

#[test]
fn a_shell_that_could_not_be_opened_says_why_and_can_be_opened_again() {
    let error =
        Error::unavailable("Could not open a shell: bubblewrap is missing").hint("Install bubblewrap");
    let mut harness = desk(vec![Tab::opening(Pending::ready(Err(error)))]);
    harness.get_by_label("Could not open a shell: bubblewrap is missing");
    harness.get_by_label("Install bubblewrap");
    harness.get_by_label("Open again").click();
    harness.run();
    // This kernel does not answer, so another failure may stand there by now, but not the first.
    assert!(harness.query_by_label("Install bubblewrap").is_none());
}

#[test]
fn keys_that_do_not_arrive_are_not_swallowed_in_silence() {
    let mut harness = desk(vec![Tab::opening(Pending::ready(Ok(shell())))]);
    harness.get_by_label("Shell").focus();
    harness.run();
    harness.event(egui::Event::Text("rm".to_owned()));
    harness.run();
    harness.run();
    harness.get_by_label("There is no connection: what you type does not arrive");
}

#[test]
fn an_ended_shell_keeps_its_last_words() {
    let mut tab = Tab::opening(Pending::ready(Ok(shell())));
    tab.view.feed(b"logout");
    tab.phase = Phase::Ended { reason: "The shell exited with status 0".to_owned() };
    let harness = desk(vec![tab]);
    harness.get_by_label("The shell exited with status 0");
    assert!(harness.get_by_label("Shell").value().unwrap().contains("logout"));
    harness.get_by_label("Open again");
}

#[test]
fn tabs_are_named_by_their_shells_and_the_last_one_closes_the_window() {
    let mut first = Tab::opening(Pending::ready(Err(Error::invalid("first"))));
    first.view.feed(b"\x1b]2;notes\x07");
    let second = Tab::opening(Pending::ready(Err(Error::invalid("second"))));
    let mut harness = desk(vec![first, second]);
    assert_eq!(harness.state().app.title(), "notes");
    harness.get_by_label("Shell 2").click();
    harness.run();
    harness.get_by_label("second");
    harness.get_by_label("Close notes").click();
    harness.run();
    assert_eq!(harness.state().app.tabs.len(), 1);
    assert!(harness.state().commands.is_empty());

    let client = nobody();
    let (world, appearance) = (World::at(UnixMillis(0)), Appearance::default());
    let mut commands = Vec::new();
    let mut cx = AppContext {
        client: &client,
        world: &world,
        commands: &mut commands,
        appearance: &appearance,
        narrow: false,
    };
    harness.state_mut().app.close(0, &mut cx);
    assert!(matches!(commands.as_slice(), [ShellCommand::CloseMe]));
}
