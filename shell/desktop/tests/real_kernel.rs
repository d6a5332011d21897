//! The whole desktop, natively, against a real kernel: what a person does in the first hour.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod seat;

use aether_tests::daemon::{OWNER, PASSWORD};
use egui::{Key, Modifiers};
use seat::Seat;

#[test]
fn the_first_boot_takes_the_code_and_opens_mission_control() {
    let mut seat = Seat::new();
    let code = seat.setup_code();
    seat.see("Set up this device");
    seat.write("Set-up code", "0000-0000");
    seat.write("Owner name", OWNER);
    seat.write("Password", PASSWORD);
    seat.write("Password again", PASSWORD);
    seat.picture("setup-dark");
    seat.press("Create owner account");
    seat.see("This is not the set-up code");
    seat.picture("setup-refused-dark");
    // The passwords stay: only the code was wrong.
    seat.write("Set-up code", &code);
    seat.key(Modifiers::NONE, Key::Enter);
    seat.see("No agents yet");
    assert!(seat.has(&format!("User menu of {OWNER}")));
    seat.pictures("mission-empty");
    // Whoever has just signed up is known at the next start, too.
    seat.restart_desktop();
    seat.see("No agents yet");
}

#[test]
fn a_deployed_agent_is_followed_to_its_end_and_its_file_is_read() {
    let mut seat = Seat::signed_in();
    let hold = seat.model.hold();
    seat.deploy("writer", "write notes.txt hello from the desktop", None);
    seat.see("Thinking");
    seat.pictures("agent-thinking");
    drop(hold);
    seat.see("Call write_file notes.txt");
    seat.see_part("Completed Done: write notes.txt");
    seat.see("Completed");
    seat.press("Files");
    seat.press("notes.txt");
    seat.see_part("hello from the desktop");
    seat.see("Download notes.txt");
    seat.pictures("agent-completed");
    seat.press("Call write_file notes.txt");
    seat.see("Arguments");
    seat.picture("agent-unfolded-dark");
    seat.press("Info");
    seat.see("Sandbox");
    seat.picture("agent-info-dark");
    seat.press_in("Dock", "Mission Control");
    seat.press("Ended");
    seat.see("writer");
    seat.pictures("mission-ended");
}

#[test]
fn a_question_is_answered_where_it_is_asked() {
    let mut seat = Seat::signed_in();
    seat.deploy("asker", "ask What colour?", None);
    seat.see("What colour?");
    seat.see("Waiting");
    seat.pictures("agent-asks");
    seat.press("Close asker");
    seat.see("Answer asker");
    seat.pictures("mission-waiting");
    seat.write("Answer asker", "a deep blue");
    seat.press("Send answer to asker");
    seat.see_no("Answer asker");
    seat.press("Ended");
    seat.press("asker");
    seat.see_part("Completed a deep blue");
    seat.picture("agent-answered-dark");
}

#[test]
fn a_person_pauses_resumes_and_stops() {
    let mut seat = Seat::signed_in();
    let hold = seat.model.hold();
    seat.deploy("thinker", "think 2", None);
    seat.see("Thinking");
    seat.press("Pause");
    seat.see("Paused");
    seat.see("Resume");
    seat.picture("agent-paused-dark");
    drop(hold);
    seat.press("Resume");
    seat.see("Start again…");
    assert!(seat.has("Completed"));

    let hold = seat.model.hold();
    seat.press("Close thinker");
    seat.deploy("endless", "forever", None);
    seat.see("Thinking");
    seat.press("Stop agent…");
    seat.see("Stop endless?");
    seat.picture("agent-stop-dark");
    seat.press("Stop agent");
    seat.see_no("Stop endless?");
    // It ends after the thought in hand.
    drop(hold);
    seat.see("Start again…");
    seat.picture("agent-stopped-dark");
}

#[test]
fn a_used_up_budget_is_extended() {
    let mut seat = Seat::signed_in();
    seat.deploy("thrifty", "think 3", Some(2));
    seat.see("All 2 steps of its budget are used");
    seat.see("Step 2 of 2");
    assert!(!seat.has("Answer"), "nothing was asked");
    seat.pictures("agent-budget");
    seat.press_in("Dock", "Mission Control, 1 waits for you");
    seat.see("Continue +10");
    seat.picture("mission-budget-dark");
    seat.press("Continue +10");
    seat.press_in("Mission Control", "Ended");
    seat.press("thrifty");
    seat.see("Start again…");
    seat.see("Step 4 of 12");
    assert!(seat.has("Completed"));
}

#[test]
fn a_kernel_that_dies_is_said_and_comes_back() {
    let mut seat = Seat::signed_in();
    let address = seat.daemon.as_ref().unwrap().address;
    let hold = seat.model.hold();
    seat.deploy("survivor", "think 2", None);
    seat.see("Thinking");
    let stopped = seat.kill_kernel();
    seat.see_part("Not connected. Trying");
    seat.pictures("reconnecting");
    seat.start_kernel(&stopped, address);
    seat.see_no("Not connected");
    drop(hold);
    seat.see("Start again…");
    assert!(seat.has("Completed"));
    seat.picture("after-restart-dark");
}

#[test]
fn settings_show_models_and_devices_and_sign_out() {
    let mut seat = Seat::signed_in();
    seat.press_in("Dock", "Settings");
    seat.pictures("settings-appearance");
    seat.press("Models");
    seat.see("scripted");
    seat.see("Available");
    seat.pictures("settings-models");
    seat.press("About");
    seat.see_part("0.1.0");
    seat.pictures("settings-about");
    seat.press("Session");
    seat.see("This device");
    seat.see("Signed-in devices");
    seat.pictures("settings-session");
    seat.press("Sign out");
    seat.see("Sign in");
    seat.until("the owner's name", |seat| seat.value("Name") == Some(OWNER.to_owned()));
    assert!(!seat.has("Your session has ended"), "she ended it herself");
    seat.picture("signed-out-dark");
    seat.write("Password", "wrong horse battery");
    seat.press("Sign in");
    seat.see("Name or password is wrong");
    seat.picture("sign-in-refused-dark");
    seat.write("Password", PASSWORD);
    seat.key(Modifiers::NONE, Key::Enter);
    // The windows are where they were.
    seat.see("Close Settings");
}

#[test]
fn a_locked_screen_opens_with_the_password() {
    let mut seat = Seat::signed_in();
    seat.key(Modifiers { alt: true, ctrl: true, command: true, ..Modifiers::NONE }, Key::L);
    seat.see("Unlock");
    seat.pictures("locked");
    seat.write("Password", PASSWORD);
    seat.press("Unlock");
    seat.see("No agents yet");
    seat.restart_desktop();
    seat.see("No agents yet");
}

#[test]
fn a_shell_runs_what_is_typed() {
    let mut seat = Seat::signed_in();
    seat.press_in("Dock", "Terminal");
    seat.focus_terminal();
    seat.until("a prompt", |seat| !seat.terminal().trim().is_empty());
    seat.type_text("echo hi-$((40+2))");
    seat.key(Modifiers::NONE, Key::Enter);
    seat.until("hi-42", |seat| seat.terminal().contains("hi-42"));
    seat.pictures("terminal");
    seat.focus_terminal();
    seat.type_text("exit");
    seat.key(Modifiers::NONE, Key::Enter);
    seat.see("The shell has ended");
    seat.picture("terminal-ended-dark");
    seat.press("Open again");
    seat.see_no("The shell has ended");
}
