//! The view of one agent as a person meets it.

use aether_client::Incoming;
use aether_kit::Theme;
use aether_protocol::{
    Blob, Live, Page, UnixMillis,
    files::{Entry, EntryKind, Part, Trashed},
    journal::{Step, StepBody},
    process::{Phase, State},
    quota::{Cause, Consequence, Kind, Mechanism, QuotaReport, QuotaUse},
};
use egui::Vec2;
use egui_kittest::{Harness, kittest::Queryable as _};

use super::*;
use crate::{
    ShellCommand,
    files_pane::Preview,
    tests::{
        fixture::{NOW, agent_id, changed, journal as story, process, stepped, tell, world_of},
        stage::{PHONE, Stage, WIDE, has, looked_at, on},
    },
};

type Shown = Harness<'static, Stage<AgentView>>;

fn steps(bodies: Vec<StepBody>) -> Page<Step> {
    let items = bodies
        .into_iter()
        .enumerate()
        .map(|(index, body)| Step { index: index as u32, at: UnixMillis(NOW.0 - 60_000), body })
        .collect();
    Page { items, next: None }
}

fn entry(name: &str, kind: EntryKind, size_bytes: u64) -> Entry {
    Entry { name: name.to_owned(), path: name.to_owned(), kind, size_bytes, modified_at: NOW }
}

/// The view of an agent with its journal and its files read.
fn view(pid: u64) -> AgentView {
    let mut view = AgentView::new(Pid(pid));
    view.journal.take_page(Ok(steps(story())));
    let mut files = FilesPane::new(Place::Agent { agent: agent_id(pid) });
    let items = vec![
        entry("notes", EntryKind::Folder, 0),
        entry("hello.txt", EntryKind::File, 36),
        entry("run.sh", EntryKind::File, 1_204),
    ];
    files.take(Ok(Page { items, next: None }));
    view.files = Some(files);
    view
}

fn shown(pid: u64, size: Vec2, theme: Theme, text: u16) -> Shown {
    on(view(pid), world_of(8), size, theme, text)
}

fn click(harness: &mut Shown, name: &str) {
    harness.get_by_label(name).click();
    harness.run();
}

#[test]
fn the_log_reads_as_lines_and_unfolds() {
    let mut harness = shown(1, WIDE, Theme::Dark, 100);
    assert!(has(&harness, "Thinking: The file is there and reads well. I will count its bytes, and then"));
    looked_at(&mut harness, "agent");
    click(&mut harness, "Call run_command cat hello.txt && wc -c hello.txt");
    assert!(has(&harness, "Arguments") && has(&harness, "Result"));
    looked_at(&mut harness, "agent-unfolded");
    click(&mut harness, "Call run_command cat hello.txt && wc -c hello.txt");
    assert!(!has(&harness, "Arguments"));
}

#[test]
fn new_steps_and_words_appear_as_they_come() {
    let mut harness = shown(1, WIDE, Theme::Dark, 100);
    let body = StepBody::Note { text: "Tried again after 2 s".to_owned() };
    tell(&mut harness.state_mut().world, 900, stepped(1, 8, body));
    harness.state_mut().world.apply(Incoming::Live(Live::WordsEnd { pid: Pid(1) }));
    harness.run();
    assert!(has(&harness, "Note Tried again after 2 s"));
    assert_eq!(harness.query_all_by_label_contains("Thinking:").count(), 0);
}

#[test]
fn ten_thousand_steps_make_only_the_rows_in_sight() {
    let mut app = view(1);
    let bodies = (0..10_000).map(|index| StepBody::Note { text: format!("line {index}") }).collect();
    app.journal = Journal::new(Pid(1));
    app.journal.take_page(Ok(steps(bodies)));
    let harness = on(app, world_of(8), WIDE, Theme::Dark, 100);
    let rows = harness.query_all_by_label_contains("Note line ").count();
    assert!((5..=60).contains(&rows), "{rows} rows were made");
    assert!(has(&harness, "Note line 9999"), "the end is in sight");
}

#[test]
fn the_files_are_listed_and_read() {
    let mut harness = shown(1, WIDE, Theme::Dark, 100);
    assert!(has(&harness, "hello.txt"));
    let data = Blob(b"Good morning from a small machine.\n".to_vec());
    let preview = Preview::of(
        Place::Agent { agent: agent_id(1) },
        "hello.txt",
        Part { data, offset: 0, size_bytes: 35, modified_at: aether_protocol::UnixMillis(0) },
    );
    harness.state_mut().app.files.as_mut().unwrap().show_preview(preview);
    harness.run();
    assert!(has(&harness, "Good morning from a small machine."));
    looked_at(&mut harness, "agent-files");
    click(&mut harness, "Open in a window");
    let file = Intent::File(Place::Agent { agent: agent_id(1) }, "hello.txt".to_owned());
    assert_eq!(harness.state().opened(), [file]);
}

#[test]
fn what_was_thrown_away_can_be_taken_back() {
    let mut harness = shown(1, WIDE, Theme::Dark, 100);
    let place = Place::Agent { agent: agent_id(1) };
    let part = Part { data: Blob(b"x".to_vec()), offset: 0, size_bytes: 1, modified_at: NOW };
    harness.state_mut().app.files.as_mut().unwrap().show_preview(Preview::of(place, "hello.txt", part));
    harness.run();
    click(&mut harness, "Throw hello.txt away");
    assert!(!has(&harness, "Close preview"), "what is on its way into the trash is not shown");
    let trashed = Trashed {
        name: "hello.txt.2".to_owned(),
        path: "hello.txt".to_owned(),
        kind: EntryKind::File,
        size_bytes: 36,
        trashed_at: NOW,
    };
    harness.state_mut().app.files.as_mut().unwrap().take_thrown(trashed);
    harness.run();
    assert!(has(&harness, "hello.txt is in the trash"));
    looked_at(&mut harness, "agent-thrown");
    harness.get_by_label("Undo").click();
    // The press and the release; what is asked for then has no end here.
    harness.run_steps(3);
    assert!(!has(&harness, "hello.txt is in the trash"));
}

#[test]
fn stopping_asks_and_says_what_is_lost() {
    let mut harness = shown(1, WIDE, Theme::Dark, 100);
    click(&mut harness, "Stop agent…");
    assert!(has(&harness, "Stop librarian-1?"));
    assert_eq!(harness.query_all_by_label_contains("It is at step 4 of 20").count(), 1);
    looked_at(&mut harness, "agent-stop");
    click(&mut harness, "Keep running");
    assert!(!has(&harness, "Stop librarian-1?"));
}

#[test]
fn a_refused_deed_is_told() {
    let mut harness = shown(1, WIDE, Theme::Dark, 100);
    click(&mut harness, "Pause");
    let told = |stage: &Stage<AgentView>| {
        stage.commands.iter().any(
            |command| matches!(command, ShellCommand::Notify(notice) if notice.title == "Could not pause librarian-1"),
        )
    };
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while !told(harness.state()) {
        assert!(
            std::time::Instant::now() < deadline,
            "the refusal was not told: {:?}",
            harness.state().commands
        );
        harness.step();
    }
}

#[test]
fn a_waiting_agent_is_answered_in_the_bar() {
    let mut harness = shown(3, WIDE, Theme::Dark, 100);
    assert!(has(&harness, "Which of the two reports is the final one?"));
    looked_at(&mut harness, "agent-waiting");
    harness.get_by_label("Message").focus();
    harness.run();
    harness.get_by_label("Message").type_text("The second");
    harness.run();
    click(&mut harness, "Answer");
    assert_eq!(harness.state().app.message, "");
}

#[test]
fn an_ended_agent_shows_its_journal_and_starts_again() {
    let mut harness = shown(8, WIDE, Theme::Dark, 100);
    assert!(has(
        &harness,
        "Goal: Write hello.txt with one friendly sentence, then check that it can be read again"
    ));
    assert!(
        !has(&harness, "Terminal") && !has(&harness, "Pause"),
        "what an ended agent has not is not there"
    );
    click(&mut harness, "Info");
    assert!(has(&harness, "Ended by itself with status 1"));
    looked_at(&mut harness, "agent-ended");
    click(&mut harness, "Start again…");
    let again = harness.state().app.again.as_ref().unwrap();
    assert_eq!(again.form.again.as_ref().unwrap().0, agent_id(8));
    looked_at(&mut harness, "agent-again");
}

#[test]
fn the_sandbox_says_which_layers_hold() {
    let mut harness = shown(1, WIDE, Theme::Dark, 100);
    click(&mut harness, "Info");
    assert!(has(&harness, "landlock active") && has(&harness, "cgroup not active"));
    looked_at(&mut harness, "agent-info");
}

#[test]
fn quotas_show_use_and_why_it_is_held() {
    let kinds = [
        (Kind::Steps, Some(4), Some(20), Consequence::Pause),
        (Kind::Tokens, Some(9_343), Some(10_000), Consequence::Pause),
        (Kind::CpuTime, Some(61), Some(600), Consequence::Pause),
        (Kind::WallTime, Some(395), Some(86_400), Consequence::Pause),
        (Kind::Memory, Some(212 << 20), Some(256 << 20), Consequence::End),
        (Kind::Disk, None, Some(10 << 30), Consequence::End),
        (Kind::Processes, Some(6), Some(200), Consequence::End),
        (Kind::OpenFiles, Some(41), None, Consequence::End),
    ];
    let quotas = kinds.into_iter().map(|(kind, used, limit, at_limit)| QuotaUse {
        kind,
        used,
        limit,
        held_by: vec![Mechanism::Rlimit, Mechanism::Accounting],
        at_limit,
    });
    let hold = Cause::Quota { kind: Kind::Tokens, used: 9_343, limit: 10_000 };
    let report = QuotaReport { pid: Pid(1), quotas: quotas.collect(), hold: Some(hold) };
    let mut app = view(1);
    app.quotas.take(Ok(report));
    let mut world = world_of(8);
    let mut paused = process(1, State::Paused, Phase::Observing);
    paused.reason = Some("Its quota of 10,000 tokens leaves no room for the next thought".to_owned());
    tell(&mut world, 900, changed(paused));
    let mut harness = on(app, world, WIDE, Theme::Dark, 100);
    click(&mut harness, "Info");
    assert!(has(&harness, "Tokens") && has(&harness, "Running time") && has(&harness, "Memory"));
    assert!(has(&harness, "Open files: 41, no limit"));
    let held = "Held by the governor. Its quota of 10,000 tokens leaves no room for the next thought";
    assert!(has(&harness, held));
    looked_at(&mut harness, "agent-quotas");
}

#[test]
fn an_unknown_process_is_asked_for() {
    let harness = on(AgentView::new(Pid(77)), world_of(1), WIDE, Theme::Dark, 100);
    assert!(has(&harness, "Loading"));
    assert!(harness.state().app.fetching.is_some());
}

#[test]
fn pictures_for_every_screen() {
    for (name, size, theme, text) in [
        ("light", WIDE, Theme::Light, 100),
        ("phone", PHONE, Theme::Dark, 100),
        ("phone-light", PHONE, Theme::Light, 100),
        ("text-130", WIDE, Theme::Dark, 130),
    ] {
        for pid in [1, 3, 7] {
            let mut harness = shown(pid, size, theme, text);
            looked_at(&mut harness, &format!("agent-{pid}-{name}"));
        }
    }
    let mut harness = shown(1, PHONE, Theme::Dark, 100);
    click(&mut harness, "Files");
    looked_at(&mut harness, "agent-files-phone");
    assert!(has(&harness, "hello.txt"));
}
