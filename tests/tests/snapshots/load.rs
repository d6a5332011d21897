//! An agent that writes all the time, and what a snapshot of it is worth.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use aether_protocol::{
    journal::StepBody,
    process::{Phase, Process, State},
};
use serde_json::json;

use crate::{
    ground::{Seen, look},
    world::{World, until_host},
};

/// Writes a number into `log`, then `a`, then `z`, the last two by rename, without an end. Between `a` and `z` lie
/// files that take a while to copy: a copy of a home that goes on would have a newer `z` than `a`.
const WRITER: &str = "for f in f1 f2 f3; do head -c 4000000 /dev/urandom > $f; done; ln -s nowhere dangling; \
    ln f1 f1-again; mkdir -m 700 private; mkfifo pipe; i=0; : > ready; \
    while :; do i=$((i+1)); echo $i >> log; echo $i > t1; mv t1 a; echo $i > t2; mv t2 z; done";

async fn writer(world: &mut World) -> Process {
    let process = world.spawn(&format!("run {WRITER}")).await;
    let home = world.home(&process);
    world.until(process.pid.0, "executing", |row| row.phase == Phase::Executing).await;
    until_written(&home).await;
    process
}

/// Returns when the agent has written on.
async fn until_written(home: &Path) {
    let before = number(home, "z");
    until_host("the agent does not write", || number(home, "z") > before).await;
}

fn number(home: &Path, name: &str) -> u64 {
    fs::read_to_string(home.join(name)).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}

/// What one moment of the writer looks like.
fn assert_of_one_moment(home: &Path) -> u64 {
    let log = fs::read_to_string(home.join("log")).unwrap();
    let logged = log.lines().count() as u64;
    let (a, z) = (number(home, "a"), number(home, "z"));
    assert!(a == z || a == z + 1, "a is {a}, z is {z}");
    assert!(logged == a || logged == a + 1, "{logged} are logged, a is {a}");
    logged
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn snapshots_under_write_load_are_of_one_moment_and_the_agent_goes_on() {
    let mut world = World::new("").await;
    let process = writer(&mut world).await;
    let home = world.home(&process);
    let mut last = 0;
    for round in 0..5 {
        let snapshot = world.snapshot(process.pid.0).await;
        world.verify(&snapshot).await;
        assert!(snapshot.was_live && snapshot.standstill_ms > 0, "{snapshot:?}");
        assert_eq!(snapshot.left_out.len(), 1, "{snapshot:?}");
        println!(
            "round {round}: {} bytes, stood still for {} ms",
            snapshot.home_bytes, snapshot.standstill_ms
        );
        // It goes on as before, and nobody sees it stopped.
        assert_eq!(world.get(process.pid.0).await.state, State::Running);
        until_written(&home).await;
        let clone = world.restore(&snapshot, Some(&format!("clone {round}"))).await;
        assert_ne!((clone.agent, clone.pid), (process.agent, process.pid));
        let ended = world.until_completed(clone.pid.0).await;
        let logged = assert_of_one_moment(&world.home(&ended));
        assert!(logged > last, "the agent stood still between two snapshots");
        last = logged;
        // Its journal is that of the snapshot, and goes on: the command was in flight.
        let (was, is) = (world.steps(process.pid.0).await, world.steps(clone.pid.0).await);
        assert_eq!(was[..], is[..was.len()]);
        assert!(
            is[was.len()..].iter().any(|step| matches!(step, StepBody::CallInterrupted { .. })),
            "{is:#?}"
        );
        assert!(is.iter().any(|step| matches!(step, StepBody::Note { text } if text.contains("snapshot"))));
    }
    until_written(&home).await;
    world.assert_no_scratch();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_home_is_that_of_the_snapshot_to_the_byte() {
    let mut world = World::new("").await;
    let process = writer(&mut world).await;
    let home = world.home(&process);
    // Stopped by a person it stays stopped, and its home can be looked at.
    world.signal(process.pid.0, "STOP").await;
    let mut moment = look_without_pipe(&home);
    let snapshot = world.snapshot(process.pid.0).await;
    assert_eq!(world.get(process.pid.0).await.state, State::Stopped);
    assert_eq!(look_without_pipe(&home), moment, "it wrote although it was stopped");
    world.signal(process.pid.0, "CONT").await;
    until_written(&home).await;

    let path = format!("/snapshots/{}/restore", snapshot.id);
    let refused = world.refused("POST", &path, Some(json!({})), 409, "conflict").await;
    assert!(refused["hint"].as_str().unwrap().contains("clone"), "{refused}");

    let steps = world.steps(process.pid.0).await;
    world.signal(process.pid.0, "KILL").await;
    world.until_dead(process.pid.0).await;
    assert_ne!(look_without_pipe(&home), moment);

    let restored = world.restore(&snapshot, None).await;
    assert_eq!((restored.agent, &restored.name), (process.agent, &process.name));
    assert!(restored.pid > process.pid && restored.life != process.life);
    assert_eq!(restored.goal, process.goal);
    // It was held when the snapshot was taken, and is held now: nothing has changed its home.
    let held = world
        .until(restored.pid.0, "paused", |row| row.state == State::Paused && row.host_pid.is_some())
        .await;
    assert_eq!(held.phase, Phase::Booting);
    let clone = world.restore(&snapshot, Some("the other")).await;
    world.until(clone.pid.0, "paused", |row| row.state == State::Paused && row.host_pid.is_some()).await;
    for home in [home, world.home(&clone)] {
        let mut now = look_without_pipe(&home);
        // The standard folders are made where they are missing, and they are not.
        assert_eq!(now.keys().collect::<Vec<_>>(), moment.keys().collect::<Vec<_>>());
        for (path, seen) in &mut moment {
            let other = now.get_mut(path).unwrap();
            assert!(
                seen == other,
                "{} differs: {:o} {:?} {:o} {:?}",
                path.display(),
                seen.0,
                seen.1,
                other.0,
                other.1
            );
        }
    }
    world.order(restored.pid.0, "resume", None).await;
    let completed = world.until_completed(restored.pid.0).await;
    assert_eq!(completed.steps_used, 2, "one before the snapshot, one after");
    let after = world.steps(restored.pid.0).await;
    assert_eq!(after[..2], steps[..2]);
    world.assert_no_scratch();
}

fn look_without_pipe(home: &Path) -> BTreeMap<PathBuf, Seen> {
    // A pipe without a writer would hold the reader.
    let pipe = home.join("pipe");
    let aside = home.with_extension("pipe");
    let moved = fs::rename(&pipe, &aside).is_ok();
    let seen = look(home);
    if moved {
        fs::rename(&aside, &pipe).unwrap();
    }
    seen
}

/// A snapshot of what has ended brings back home and history, and waits for a new goal.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_that_was_removed_comes_back() {
    let mut world = World::new("").await;
    let process = world.spawn("write poem.txt roses").await;
    world.until_completed(process.pid.0).await;
    let snapshot = world.snapshot(process.pid.0).await;
    assert!(!snapshot.was_live && snapshot.standstill_ms == 0);
    let steps = world.steps(process.pid.0).await;
    world.done("DELETE", &format!("/agents/{}", process.agent), None).await;
    assert!(!world.home(&process).exists());

    let back = world.restore(&snapshot, None).await;
    assert_eq!((back.agent, back.state, back.phase), (process.agent, State::Dead, Phase::Completed));
    assert_eq!(fs::read_to_string(world.home(&process).join("poem.txt")).unwrap(), "roses");
    assert_eq!(world.steps(back.pid.0).await[..steps.len()], steps[..]);
    let again = world.spawn_as(json!({"agent": process.agent, "goal": "read poem.txt"})).await;
    world.until_completed(again.pid.0).await;

    let gone = world.done("DELETE", &format!("/snapshots/{}", snapshot.id), None).await;
    assert_eq!(gone["archive_bytes"], snapshot.archive_bytes);
    world.refused("GET", &format!("/snapshots/{}", snapshot.id), None, 404, "not_found").await;
    assert!(world.snapshots().await.is_empty());
}
