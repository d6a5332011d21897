//! The desktop as a person meets it, without a kernel: what comes from one is put in place here. With a
//! kernel it is tested from outside, in `tests/`.

use std::path::PathBuf;

use aether_apps::{Notice, NoticeKind};
use aether_client::Endpoint;
use aether_kit::Theme;
use aether_protocol::{
    AgentId, LifeId, Pid, UnixMillis, UserId,
    identity::DoorState,
    mind::Usage,
    process::{Phase as Doing, Process, State},
};
use egui::{Key, Modifiers};
use egui_kittest::{Harness, kittest::Queryable};

use super::*;
use crate::MemoryHost;

/// An id that is the same in each run.
fn id(number: u32) -> String {
    format!("00000000-0000-7000-8000-{number:012}")
}

fn process(pid: u64, name: &str, phase: Doing, goal: &str) -> Process {
    Process {
        pid: Pid(pid),
        agent: id(pid as u32).parse::<AgentId>().unwrap(),
        life: id(100 + pid as u32).parse::<LifeId>().unwrap(),
        name: name.into(),
        role: "scribe".into(),
        goal: goal.into(),
        owner: id(1).parse::<UserId>().unwrap(),
        model: aether_protocol::mind::ModelName("local:smollm2-135m".into()),
        priority: 3,
        state: State::Running,
        phase,
        reason: None,
        ending: None,
        host_pid: Some(4000 + pid as u32),
        created_at: UnixMillis(1_791_279_000_000),
        started_at: Some(UnixMillis(1_791_279_000_100)),
        ended_at: None,
        steps_used: 4,
        steps_limit: 30,
        usage: Usage::default(),
        restarts: 0,
        exit: None,
        sandbox: Vec::new(),
    }
}

fn desktop(phase: Phase, state: ConnectionState) -> Desktop {
    let host = MemoryHost::default();
    let now = host.now;
    let endpoint = Endpoint::new("http://127.0.0.1:9", None).unwrap();
    let client = Client::connect(endpoint, None, || {});
    let address =
        Address { url: "https://aether.local:7380".into(), fingerprint: Some("4F:0A:".repeat(15) + "4F:0A") };
    let mut desktop = Desktop::new(Box::new(host), client, address);
    desktop.appearance.reduced_motion = true;
    desktop.phase = phase;
    desktop.pretended = Some(state);
    desktop.world = World::at(now);
    desktop.world.set_processes(Ok(vec![
        process(7, "Clio", Doing::Thinking, "Summarise the week's notes into one page"),
        process(8, "Argus", Doing::Executing, "Find files that are larger than 10 MiB and list them"),
        process(9, "Iris", Doing::Waiting, "Write the release notes"),
    ]));
    desktop.user = Some(User {
        id: id(1).parse().unwrap(),
        name: "ada".into(),
        created_at: UnixMillis(1_791_000_000_000),
    });
    desktop
}

fn signed_out(needs_setup: bool) -> Desktop {
    let door = DoorState { needs_setup, device: "aether".into(), version: "0.1.0".into() };
    let mut desktop = desktop(Phase::Door, ConnectionState::SignedOut { door: Some(door), error: None });
    desktop.user = None;
    desktop
}

fn at_work() -> Desktop {
    desktop(Phase::Open, ConnectionState::Online)
}

fn harness(desktop: Desktop, width: f32, height: f32) -> Harness<'static, Desktop> {
    Harness::builder()
        .with_size([width, height])
        .with_max_steps(60)
        .with_render_cursor(false)
        .wgpu()
        .build_ui_state(
            |ui, desktop: &mut Desktop| {
                desktop.logic(ui.ctx());
                desktop.ui(ui);
            },
            desktop,
        )
}

fn settle(harness: &mut Harness<'_, Desktop>) {
    // The clock keeps asking for frames a minute away, so "until nothing repaints" never comes by itself.
    harness.run_ok();
}

fn screenshot(harness: &mut Harness<'_, Desktop>, name: &str) {
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target"), PathBuf::from);
    let folder = target.join("screens").join("shell");
    std::fs::create_dir_all(&folder).unwrap();
    harness.render().unwrap().save(folder.join(format!("{name}.png"))).unwrap();
}

fn press(harness: &mut Harness<'_, Desktop>, modifiers: Modifiers, key: Key) {
    harness.key_press_modifiers(modifiers, key);
    settle(harness);
}

fn click(harness: &mut Harness<'_, Desktop>, name: &str) {
    click_role(harness, egui::Role::Button, name);
}

fn click_role(harness: &mut Harness<'_, Desktop>, role: egui::Role, name: &str) {
    harness.get_by_role_and_label(role, name).click();
    settle(harness);
}

fn windows(harness: &Harness<'_, Desktop>) -> usize {
    harness.state().windows.stack.frames().len()
}

const CTRL_ALT: Modifiers = Modifiers { alt: true, ctrl: true, shift: false, mac_cmd: false, command: true };

#[test]
fn the_door_asks_for_name_and_password() {
    for (theme, name) in [(Theme::Dark, "sign-in-dark"), (Theme::Light, "sign-in-light")] {
        let mut desktop = signed_out(false);
        desktop.appearance.theme = theme;
        let mut harness = harness(desktop, 1280.0, 720.0);
        settle(&mut harness);
        harness.get_by_label("09:41");
        harness.get_by_label("Sign in");
        screenshot(&mut harness, name);
        click(&mut harness, "Sign in");
        assert!(harness.query_by_label("Type a name").is_some(), "what is missing must be said");
    }
}

#[test]
fn the_first_set_up_says_what_is_wrong_before_it_asks_the_kernel() {
    let mut harness = harness(signed_out(true), 1280.0, 720.0);
    settle(&mut harness);
    click(&mut harness, "Create owner account");
    harness.get_by_label("Type the set-up code that the device shows");
    let form = harness.state_mut().lock.form_mut();
    form.code = "K7QF-2M9X".into();
    form.name = "ada".into();
    form.password = "correct horse".into();
    form.again = "correct house".into();
    settle(&mut harness);
    click(&mut harness, "Create owner account");
    harness.get_by_label("The two passwords differ");
    screenshot(&mut harness, "set-up-dark");
}

#[test]
fn the_set_up_fits_a_phone() {
    let mut harness = harness(signed_out(true), 390.0, 844.0);
    settle(&mut harness);
    screenshot(&mut harness, "set-up-phone");
    harness.get_by_label("Create owner account");
}

#[test]
fn an_unreachable_device_is_named_with_what_to_do() {
    let state = ConnectionState::Reconnecting {
        attempt: 2,
        next_try_in_secs: 4,
        reason: "connection refused".into(),
    };
    let mut harness = harness(desktop(Phase::Door, state), 1280.0, 720.0);
    settle(&mut harness);
    harness.get_by_label("The device cannot be reached");
    harness.get_by_label("Try now");
    screenshot(&mut harness, "unreachable");
}

#[test]
fn windows_open_from_the_dock_and_close_by_name() {
    let mut harness = harness(at_work(), 1280.0, 720.0);
    settle(&mut harness);
    assert_eq!(windows(&harness), 0);
    screenshot(&mut harness, "desk-empty-dark");
    click(&mut harness, "Settings");
    assert_eq!(windows(&harness), 1);
    click(&mut harness, "Close Settings");
    assert_eq!(windows(&harness), 0);
}

#[test]
fn a_tile_opens_raises_and_minimises() {
    let mut harness = harness(at_work(), 1280.0, 720.0);
    settle(&mut harness);
    for (count, minimised) in [(1, false), (1, true), (1, false)] {
        click(&mut harness, "Settings");
        assert_eq!(windows(&harness), count);
        assert_eq!(harness.state().windows.stack.frames()[0].minimised, minimised);
    }
}

#[test]
fn keys_snap_and_cycle_windows() {
    let mut harness = harness(at_work(), 1280.0, 720.0);
    harness.state_mut().windows.open(&Intent::MissionControl);
    harness.state_mut().windows.open(&Intent::Settings);
    settle(&mut harness);
    press(&mut harness, CTRL_ALT, Key::ArrowRight);
    press(&mut harness, Modifiers::COMMAND, Key::Backtick);
    press(&mut harness, CTRL_ALT, Key::ArrowLeft);
    let stack = &harness.state().windows.stack;
    let rects: Vec<_> = stack.frames().iter().map(|frame| stack.rect(frame.id).unwrap()).collect();
    assert!(rects[1].right() < rects[0].left(), "{rects:?}");
    screenshot(&mut harness, "snapped-dark");
    press(&mut harness, CTRL_ALT, Key::W);
    assert_eq!(windows(&harness), 1);
}

#[test]
fn a_window_is_dragged_by_its_bar_and_snaps_at_the_edge() {
    let mut harness = harness(at_work(), 1280.0, 720.0);
    let window = harness.state_mut().windows.open(&Intent::Settings);
    settle(&mut harness);
    let before = harness.state().windows.stack.rect(window).unwrap();
    let grab = before.min + egui::vec2(before.width() / 2.0, 10.0);
    let drag = |harness: &mut Harness<'_, Desktop>, from: egui::Pos2, to: egui::Pos2, release: bool| {
        harness.drag_at(from);
        harness.step();
        for share in [0.3, 0.6, 1.0] {
            harness.hover_at(from + (to - from) * share);
            harness.step();
        }
        if release {
            harness.drop_at(to);
            settle(harness);
        }
    };
    drag(&mut harness, grab, grab + egui::vec2(60.0, 40.0), true);
    let moved = harness.state().windows.stack.rect(window).unwrap();
    assert!((moved.left() - before.left() - 60.0).abs() < 1.0, "{before:?} {moved:?}");

    let grab = grab + egui::vec2(60.0, 40.0);
    drag(&mut harness, grab, egui::pos2(2.0, 300.0), false);
    screenshot(&mut harness, "snap-preview-dark");
    harness.drop_at(egui::pos2(2.0, 300.0));
    settle(&mut harness);
    let frame = *harness.state().windows.stack.get(window).unwrap();
    assert_eq!(frame.zone, Some(crate::windows::geometry::Zone::Left));
}

#[test]
fn the_launcher_finds_by_a_few_letters_and_enter_opens() {
    let mut harness = harness(at_work(), 1280.0, 720.0);
    settle(&mut harness);
    press(&mut harness, Modifiers::COMMAND, Key::K);
    screenshot(&mut harness, "launcher-dark");
    harness.get_by_label("Search apps, agents and commands").type_text("sett");
    settle(&mut harness);
    press(&mut harness, Modifiers::NONE, Key::Enter);
    let holds: Vec<_> =
        harness.state().windows.layout().windows.into_iter().map(|window| window.holds).collect();
    assert_eq!(holds, [crate::windows::layout::Holds::Settings]);
    assert!(!harness.state().launcher.is_open());
    press(&mut harness, Modifiers::COMMAND, Key::K);
    press(&mut harness, Modifiers::NONE, Key::Escape);
    assert!(!harness.state().launcher.is_open());
}

#[test]
fn agents_are_found_by_name() {
    let mut harness = harness(at_work(), 1280.0, 720.0);
    settle(&mut harness);
    press(&mut harness, Modifiers::COMMAND, Key::K);
    harness.get_by_label("Search apps, agents and commands").type_text("iris");
    settle(&mut harness);
    click_role(&mut harness, egui::Role::ListItem, "Iris");
    assert_eq!(
        harness.state().windows.layout().windows[0].holds,
        crate::windows::layout::Holds::Process { pid: Pid(9) }
    );
}

#[test]
fn a_message_shows_in_the_corner_stays_in_the_list_and_opens_what_it_is_about() {
    let mut desktop = at_work();
    let notice = Notice {
        kind: NoticeKind::Waiting,
        title: "Iris waits for you".into(),
        body: "Which version is it?".into(),
        opens: Some(Intent::Process(Pid(9))),
    };
    let now = desktop.host.now();
    desktop.centre.tell(notice, now);
    let mut harness = harness(desktop, 1280.0, 720.0);
    settle(&mut harness);
    screenshot(&mut harness, "toast-dark");
    click(&mut harness, "Dismiss");
    assert_eq!(harness.state().centre.toasts().count(), 0);
    press(&mut harness, CTRL_ALT, Key::N);
    screenshot(&mut harness, "notifications-dark");
    click_role(&mut harness, egui::Role::ListItem, "Iris waits for you");
    assert_eq!(harness.state().windows.layout().windows.len(), 1);
}

#[test]
fn the_sheet_of_shortcuts_opens_and_closes() {
    let mut harness = harness(at_work(), 1280.0, 720.0);
    settle(&mut harness);
    press(&mut harness, Modifiers::NONE, Key::F1);
    harness.get_by_label("Left half");
    screenshot(&mut harness, "shortcuts-dark");
    press(&mut harness, Modifiers::NONE, Key::Escape);
    assert!(harness.query_by_label("Left half").is_none());
}

#[test]
fn a_lost_connection_is_plain_to_see() {
    let state =
        ConnectionState::Reconnecting { attempt: 2, next_try_in_secs: 4, reason: "connection reset".into() };
    let mut harness = harness(desktop(Phase::Open, state), 1280.0, 720.0);
    settle(&mut harness);
    harness.get_by_label("Not connected. Trying again in 4 seconds");
    screenshot(&mut harness, "reconnecting-dark");
}

#[test]
fn a_phone_shows_one_app_at_a_time() {
    for (theme, name) in [(Theme::Dark, "phone-dark"), (Theme::Light, "phone-light")] {
        let mut desktop = at_work();
        desktop.appearance.theme = theme;
        let mut harness = harness(desktop, 390.0, 844.0);
        settle(&mut harness);
        click(&mut harness, "Settings");
        screenshot(&mut harness, name);
        assert_eq!(windows(&harness), 1);
    }
}

#[test]
fn locking_hides_the_desktop_and_keeps_it() {
    let mut harness = harness(at_work(), 1280.0, 720.0);
    harness.state_mut().windows.open(&Intent::Settings);
    settle(&mut harness);
    press(&mut harness, CTRL_ALT, Key::L);
    assert!(harness.query_by_label("Close Settings").is_none());
    harness.get_by_label("Unlock");
    assert_eq!(harness.state().host.load("locked").as_deref(), Some("yes"));
    assert_eq!(windows(&harness), 1);
    screenshot(&mut harness, "locked-dark");
}

#[test]
fn windows_come_back_at_the_next_sign_in() {
    let mut harness = harness(at_work(), 1280.0, 720.0);
    harness.state_mut().windows.open(&Intent::Settings);
    settle(&mut harness);
    press(&mut harness, CTRL_ALT, Key::ArrowRight);
    let layout = harness.state().windows.layout();
    let kept = harness.state().host.load(&format!("layout.{}", id(1))).unwrap();
    assert_eq!(Layout::read(&kept), layout);
}

#[test]
fn the_theme_changes_by_its_button_and_is_kept() {
    let mut harness = harness(at_work(), 1280.0, 720.0);
    harness.state_mut().windows.open(&Intent::MissionControl);
    settle(&mut harness);
    screenshot(&mut harness, "mission-control-dark");
    click(&mut harness, "Use the light theme");
    settle(&mut harness);
    screenshot(&mut harness, "mission-control-light");
    let kept = harness.state().host.load(session::APPEARANCE).unwrap();
    assert!(kept.contains("\"light\""), "{kept}");
}

#[test]
fn nothing_repaints_when_nothing_changes() {
    let mut harness = harness(at_work(), 1280.0, 720.0);
    harness.state_mut().windows.open(&Intent::Settings);
    settle(&mut harness);
    for _ in 0..3 {
        harness.step();
    }
    let delay = harness.output().viewport_output[&egui::ViewportId::ROOT].repaint_delay;
    assert!(delay >= std::time::Duration::from_secs(1), "the next frame is asked for in {delay:?}");
}
