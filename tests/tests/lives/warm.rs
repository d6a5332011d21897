//! Sandboxes that stand ready: given away once, to whom they fit, and nothing of them stays.

use std::{collections::BTreeSet, fs};

use aether_protocol::process::{Phase, Process};
use aether_tests::bench::measure::descendants;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use super::world::{World, until_host};

/// The homes that belong to nobody yet.
fn waiting(world: &World) -> BTreeSet<String> {
    let entries = fs::read_dir(world.daemon.state_dir().join("homes/ready"));
    entries.into_iter().flatten().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

async fn until_ready(world: &mut World, count: u64) {
    let mut beats = tokio::time::interval(super::world::BEAT);
    let deadline = tokio::time::Instant::now() + super::world::PATIENCE;
    loop {
        let status = world.done("GET", "/status", None).await;
        if status["ready"] == count {
            return;
        }
        assert!(tokio::time::Instant::now() < deadline, "{count} are never ready: {status}");
        beats.tick().await;
    }
}

async fn asking(world: &mut World, pid: u64) -> Process {
    world.until(pid, "asking", |process| process.phase == Phase::Waiting).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_stands_ready_is_given_to_one_new_agent_that_fits() {
    let mut world = World::new("warm = 2").await;
    until_ready(&mut world, 1).await;
    let kernel = world.daemon.pid().unwrap();
    let home = waiting(&world).pop_first().unwrap();
    let before = descendants(kernel).unwrap();

    // It gets the process that was there before anybody asked, at its own priority, and its home has moved.
    let asked = json!({"role": "assistant", "goal": "ask What?", "priority": 5, "name": "first"});
    let first = world.spawn_as(asked).await;
    let running = asking(&mut world, first.pid.0).await;
    assert!(before.contains(&running.host_pid.unwrap()), "{running:?} of {before:?}");
    assert!(!waiting(&world).contains(&home) && world.home(&first).join("Documents").is_dir());
    let stat = fs::read_to_string(format!("/proc/{}/stat", running.host_pid.unwrap())).unwrap();
    assert_eq!(stat.rsplit_once(") ").unwrap().1.split(' ').nth(16), Some("15"), "its nice value");

    // Load asks for more.
    until_ready(&mut world, 2).await;
    let before = descendants(kernel).unwrap();
    let (one, other) = (world.spawn("write hello.txt one").await, world.spawn("write hello.txt other").await);
    for (process, text) in [(&one, "one"), (&other, "other")] {
        world.until_completed(process.pid.0).await;
        assert_eq!(fs::read_to_string(world.home(process).join("hello.txt")).unwrap(), text);
    }

    // Whoever wants other limits does not get it, and neither does an agent that has a home.
    until_ready(&mut world, 2).await;
    let before: BTreeSet<u32> = before.union(&descendants(kernel).unwrap()).copied().collect();
    let asked = json!({"role": "assistant", "goal": "ask What?", "limits": {"open_files": 100}});
    let limited = world.spawn_as(asked).await;
    let limited = asking(&mut world, limited.pid.0).await;
    assert!(!before.contains(&limited.host_pid.unwrap()), "{limited:?} of {before:?}");
    let before = descendants(kernel).unwrap();
    let again = world.spawn_as(json!({"agent": one.agent, "goal": "ask What?"})).await;
    let again = asking(&mut world, again.pid.0).await;
    assert!(!before.contains(&again.host_pid.unwrap()), "{again:?} of {before:?}");
    assert_eq!(fs::read_to_string(world.home(&again).join("hello.txt")).unwrap(), "one");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_stands_ready_dies_without_harm_and_leaves_nothing() {
    let mut world = World::new("warm = 1").await;
    until_ready(&mut world, 1).await;
    let kernel = world.daemon.pid().unwrap();
    let dead = descendants(kernel).unwrap();
    for pid in &dead {
        // The init of the namespace takes the rest with it.
        let _ = kill_process(Pid::from_raw(i32::try_from(*pid).unwrap()).unwrap(), Signal::KILL);
    }
    until_host("what was killed is gone", || descendants(kernel).unwrap().is_disjoint(&dead)).await;
    let process = world.spawn("write hello.txt hello").await;
    world.until_completed(process.pid.0).await;
    assert_eq!(fs::read_to_string(world.home(&process).join("hello.txt")).unwrap(), "hello");

    // A kernel that crashes leaves a home that belongs to nobody; the next one removes it.
    until_ready(&mut world, 1).await;
    let left = waiting(&world);
    let mut world = world.crash_and_restart().await;
    until_ready(&mut world, 1).await;
    assert!(waiting(&world).is_disjoint(&left), "{left:?}");
    let kernel = world.daemon.pid().unwrap();
    let (state, _) = world.daemon.stop().await.unwrap();
    until_host("nothing runs any more", || descendants(kernel).unwrap().is_empty()).await;
    let left: Vec<_> = fs::read_dir(state.state_dir().join("homes/ready")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}
