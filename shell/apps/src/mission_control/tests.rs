//! Mission Control as a person meets it.

use aether_kit::Theme;
use aether_protocol::{
    Code, Error, Page, Pid,
    process::{Phase, State},
};
use egui::Key;
use egui_kittest::{Harness, kittest::Queryable as _};

use super::*;
use crate::tests::{
    fixture::{NOW, changed, empty_world, process, tell, world_of},
    stage::{PHONE, Stage, WIDE, has, looked_at, on},
};

type Shown = Harness<'static, Stage<MissionControl>>;

/// Mission Control with its first page of ended agents read.
fn app() -> MissionControl {
    let mut app = MissionControl::new(false);
    app.ended.take(Ok(Page::default()));
    app
}

fn wide(world: World) -> Shown {
    on(app(), world, WIDE, Theme::Dark, 100)
}

fn click(harness: &mut Shown, name: &str) {
    harness.get_by_label(name).click();
    harness.run();
}

#[test]
fn nothing_yet_offers_to_deploy() {
    let mut harness = wide(empty_world());
    assert!(has(&harness, "No agents yet"));
    looked_at(&mut harness, "mission-empty");
    harness.get_all_by_label("Deploy agent").last().unwrap().click();
    harness.run();
    assert!(has(&harness, "Role Scribe"));
}

#[test]
fn loading_shows_the_shape_and_failing_says_why() {
    let mut harness = on(MissionControl::new(false), World::at(NOW), WIDE, Theme::Dark, 100);
    assert!(has(&harness, "Loading"));
    assert!(!has(&harness, "No agents yet"), "nobody knows that yet");
    looked_at(&mut harness, "mission-loading");
    let error = Error::new(Code::Unavailable, "The kernel does not answer").hint("Check that aetherd runs");
    harness.state_mut().world.set_processes(Err(error));
    harness.run();
    assert!(has(&harness, "The kernel does not answer") && has(&harness, "Check that aetherd runs"));
    looked_at(&mut harness, "mission-failed");
    click(&mut harness, "Try again");
}

#[test]
fn a_card_opens_its_agent() {
    let mut harness = wide(world_of(3));
    looked_at(&mut harness, "mission-3");
    click(&mut harness, "librarian-1");
    assert_eq!(harness.state().opened(), [Intent::Process(Pid(1))]);
}

#[test]
fn a_question_is_answered_on_the_card() {
    let mut harness = wide(world_of(3));
    let before = harness.state().commands.len();
    harness.get_by_label("Answer gardener-3").focus();
    harness.run();
    harness.get_by_label("Answer gardener-3").type_text("The second");
    harness.run();
    assert_eq!(harness.state().app.answers.get(&Pid(3)).map(String::as_str), Some("The second"));
    click(&mut harness, "Send answer to gardener-3");
    assert!(harness.state().app.answers.is_empty(), "the field is empty again");
    assert!(harness.state().opened().is_empty(), "the card itself was not clicked");
    assert!(
        harness.state().app.deeds.is_busy(Pid(3)) || harness.state().commands.len() > before,
        "the answer is on its way, or was refused"
    );
}

#[test]
fn what_a_menu_offers_fits_the_agent() {
    let mut harness = wide(world_of(8));
    click(&mut harness, "Actions for librarian-1");
    assert!(has(&harness, "Pause") && has(&harness, "Stop agent…") && !has(&harness, "Remove agent…"));
    looked_at(&mut harness, "mission-menu");
    harness.key_press(Key::Escape);
    harness.run();
    click(&mut harness, "Ended");
    click(&mut harness, "Actions for librarian-7");
    assert!(has(&harness, "Remove agent…") && !has(&harness, "Pause"));
    click(&mut harness, "Remove agent…");
    assert!(has(&harness, "Remove librarian-7?"), "it asks first");
    looked_at(&mut harness, "mission-remove");
    click(&mut harness, "Keep agent");
    assert!(!has(&harness, "Remove librarian-7?"));
}

#[test]
fn several_are_stopped_after_one_question() {
    let mut harness = wide(world_of(3));
    for pid in [1, 2] {
        harness.state_mut().app.toggle(Pid(pid));
    }
    harness.run();
    assert!(has(&harness, "2 selected"));
    looked_at(&mut harness, "mission-selected");
    click(&mut harness, "Stop selected…");
    assert!(has(&harness, "Stop 2 agents?"));
    click(&mut harness, "Stop agents");
    assert!(!has(&harness, "Stop 2 agents?"));
}

#[test]
fn the_filter_narrows_and_clears() {
    let mut harness = wide(world_of(16));
    harness.key_press_modifiers(egui::Modifiers::NONE, Key::Slash);
    harness.event(egui::Event::Text("/".to_owned()));
    harness.run();
    harness.event(egui::Event::Text("nobody".to_owned()));
    harness.run();
    assert_eq!(harness.state().app.filter.text, "nobody");
    assert!(has(&harness, "No agent matches “nobody”"));
    click(&mut harness, "Clear filter");
    assert_eq!(harness.state().app.shown.pids().len(), 16);
    click(&mut harness, "Ended");
    assert_eq!(harness.state().app.shown.pids().len(), 4);
}

#[test]
fn the_keyboard_reaches_everything() {
    let mut harness = wide(world_of(8));
    harness.key_press(Key::ArrowRight);
    harness.run();
    assert_eq!(harness.state().app.cursor, Some(Pid(3)), "what waits stands first");
    harness.key_press(Key::ArrowRight);
    harness.run();
    harness.key_press(Key::ArrowDown);
    harness.run();
    let reached = harness.state().app.cursor.unwrap();
    let columns = harness.state().app.columns;
    assert_eq!(harness.state().app.shown.pids()[1 + columns], reached);
    harness.key_press(Key::Enter);
    harness.run();
    assert_eq!(harness.state().opened(), [Intent::Process(reached)]);
    harness.event(egui::Event::Text("n".to_owned()));
    harness.run();
    assert!(harness.state().app.deploy.is_some());
}

#[test]
fn only_what_is_in_sight_is_made() {
    let mut harness = wide(world_of(200));
    let cards = harness.state().app.shown.pids().len();
    assert_eq!(cards, 200);
    let made = harness.get_all_by_label_contains("Actions for ").count();
    assert!(made <= 20, "{made} cards were made");
    looked_at(&mut harness, "mission-200");
    click(&mut harness, "Show as list");
    let made = harness.get_all_by_label_contains("Actions for ").count();
    assert!(made <= 40, "{made} rows were made");
    looked_at(&mut harness, "mission-200-list");
}

#[test]
fn a_frame_with_200_agents_draws_little_more_than_one_with_8() {
    let drawn = |agents| {
        let mut harness = wide(world_of(agents));
        harness.step();
        harness.output().shapes.len()
    };
    let (few, many) = (drawn(8), drawn(200));
    assert!(many < few * 4, "a frame draws {few} shapes with 8 agents and {many} with 200");
}

#[test]
fn older_ones_come_a_page_at_a_time() {
    let mut harness = wide(empty_world());
    let rows: Vec<Process> = (100..150).map(|pid| process(pid, State::Dead, Phase::Completed)).collect();
    let next = Some(aether_protocol::Cursor("older".to_owned()));
    harness.state_mut().app.ended.take(Ok(Page { items: rows, next }));
    harness.state_mut().app.view = View::List;
    harness.run();
    assert_eq!(harness.state().app.shown.pids().len(), 50);
    click(&mut harness, "Show more");
    assert!(harness.state().app.ended.is_loading());
}

#[test]
fn after_a_gap_the_newest_ended_ones_are_read_again() {
    let mut harness = wide(empty_world());
    assert!(!harness.state().app.ended.is_loading());
    harness.state_mut().world.resync();
    harness.run();
    assert!(harness.state().app.ended.is_loading());
}

#[test]
fn the_queue_shows_its_order() {
    let mut world = empty_world();
    for pid in 1..=2 {
        tell(&mut world, pid, changed(process(pid, State::Queued, Phase::Booting)));
    }
    let mut harness = wide(world);
    harness.state_mut().app.view = View::List;
    harness.run();
    assert!(has(&harness, "Queued, 1") && has(&harness, "Queued, 2"));
}

#[test]
fn the_dialogue_says_what_is_missing_and_takes_an_example() {
    let mut harness = on(MissionControl::new(true), empty_world(), WIDE, Theme::Dark, 100);
    click(&mut harness, "Deploy");
    assert!(has(&harness, "Choose a role") && has(&harness, "Say what the agent shall do"));
    click(&mut harness, "Role Scribe");
    let goal = "Create a file named hello.txt containing the word hello";
    assert_eq!(harness.state().app.deploy.as_ref().unwrap().form.goal, goal);
    looked_at(&mut harness, "deploy");
    click(&mut harness, "More options");
    assert!(has(&harness, "Step limit") && has(&harness, "write_file"));
    looked_at(&mut harness, "deploy-more");
}

#[test]
fn control_enter_deploys_and_a_refusal_stays_in_sight() {
    let mut harness = on(MissionControl::new(true), empty_world(), WIDE, Theme::Dark, 100);
    click(&mut harness, "Role Engineer");
    harness.key_press_modifiers(egui::Modifiers::COMMAND, Key::Enter);
    harness.run();
    let deploy = harness.state_mut().app.deploy.as_mut().unwrap();
    deploy.fail(Error::new(Code::Exhausted, "The queue is full").hint("Stop an agent, then try again"));
    harness.run();
    assert!(has(&harness, "Could not deploy the agent: The queue is full"));
    looked_at(&mut harness, "deploy-refused");
    harness.key_press(Key::Escape);
    harness.run();
    assert!(harness.state().app.deploy.is_none());
}

#[test]
fn what_waits_for_a_person_is_counted_on_the_badge() {
    let harness = wide(world_of(16));
    let stage = harness.state();
    let mut commands = Vec::new();
    let cx = AppContext {
        client: &stage.client,
        world: &stage.world,
        commands: &mut commands,
        appearance: &stage.appearance,
        narrow: false,
    };
    assert_eq!(stage.app.badge(&cx), 2);
}

#[test]
fn pictures_for_every_screen() {
    for (name, size, theme, text) in [
        ("light", WIDE, Theme::Light, 100),
        ("phone", PHONE, Theme::Dark, 100),
        ("phone-light", PHONE, Theme::Light, 100),
        ("text-130", WIDE, Theme::Dark, 130),
    ] {
        let mut harness = on(app(), world_of(8), size, theme, text);
        looked_at(&mut harness, &format!("mission-{name}"));
        harness.state_mut().app.view = View::List;
        harness.run();
        looked_at(&mut harness, &format!("mission-list-{name}"));
        harness.state_mut().app.open_deploy(DeployForm::default());
        harness.run();
        assert!(has(&harness, "Role Scribe"), "{name}");
        looked_at(&mut harness, &format!("deploy-{name}"));
    }
}
