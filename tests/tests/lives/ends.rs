//! How lives end without being told to: a shutdown, a crash, a broken link.

use aether_protocol::{
    journal::StepBody,
    process::{Exit, Phase, State},
};
use aether_tests::daemon::{Daemon, program};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::world::{World, descendants, members, namespace, summary, task, until_host};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shutdown_lets_calls_end_and_the_next_start_goes_on() {
    shut_down(false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shutdown_ends_terminals() {
    shut_down(true).await;
}

async fn shut_down(with_terminal: bool) {
    let mut world = World::new("").await;
    let process =
        world.spawn("run echo begun > begun; while [ ! -e go ]; do sleep 0.02; done; echo over").await;
    let (pid, home) = (process.pid.0, world.home(&process));
    until_host("the command runs", || home.join("begun").exists()).await;
    let hold = world.server.hold();
    let thinks = world.spawn("think 2").await.pid.0;
    world.held(1).await;
    if with_terminal {
        let shell = json!({"target": {"kind": "process", "pid": pid}});
        world.done("POST", "/terminals", Some(shell)).await;
    }
    let below = descendants(world.daemon.pid().unwrap());
    let agents = below.iter().filter(|task| task.name == "aether-agent").count();
    assert!(agents >= 2, "{below:?}");

    // The command ends only after the kernel has begun to end.
    let log = world.daemon.state_dir().with_file_name("log");
    let go = tokio::spawn(async move {
        until_host("the kernel shuts down", || {
            std::fs::read_to_string(&log).is_ok_and(|log| log.contains("shutting down"))
        })
        .await;
        std::fs::write(home.join("go"), "now").unwrap();
    });
    let World { server, daemon, token, .. } = world;
    let (stopped, status) = daemon.stop().await.unwrap();
    go.await.unwrap();
    assert!(status.success(), "{status}");
    for left in &below {
        let now = task(left.pid);
        assert!(now.as_ref().is_none_or(|now| now.name != left.name), "still there: {now:?}");
    }
    drop(hold);

    let daemon = Daemon::start_again(stopped).await.unwrap();
    let mut world = World::resumed(server, daemon, token);
    for pid in [pid, thinks] {
        let completed = world.until_completed(pid).await;
        assert_eq!(completed.restarts, 1);
        let steps = world.steps(pid).await;
        let interrupted = steps.iter().any(|step| matches!(step, StepBody::CallInterrupted { .. }));
        assert!(!interrupted, "{steps:#?}");
    }
    assert!(summary(&world.steps(pid).await).contains("over"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_of_one_agent_hurts_nobody_else() {
    let mut world = World::new("").await;
    let hold = world.server.hold();
    let victim = world.spawn("append 3").await.pid.0;
    let other = world.spawn("append 3").await.pid.0;
    world.held(2).await;
    let (host_pid, others) = (world.get(victim).await.host_pid.unwrap(), world.get(other).await.host_pid);
    let inside = namespace(host_pid, "pid").unwrap();
    kill_process(Pid::from_raw(i32::try_from(host_pid).unwrap()).unwrap(), Signal::KILL).unwrap();
    let dead = world.until_dead(victim).await;
    assert_eq!((dead.phase, dead.exit), (Phase::Failed, Some(Exit::Signal { number: 9 })));
    assert_eq!(dead.reason.as_deref(), Some("Its process was ended by signal 9"));
    assert!(members(&inside).is_empty());
    let steps = world.steps(victim).await;
    assert!(matches!(steps.last(), Some(StepBody::Failed { .. })), "{steps:#?}");
    drop(hold);
    let completed = world.until_completed(other).await;
    assert!(others.is_some() && completed.restarts == 0);
    let ended = world.done("GET", "/processes?which=ended", None).await;
    assert_eq!(ended["items"].as_array().unwrap().len(), 2);
}

/// A program that is no agent: what it does to its link follows from the goal.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_breaks_the_link_is_ended_with_the_reason() {
    let impostor = program("impostor").unwrap();
    let mut world = World::new(&format!("warm = 0\nagent_binary = {impostor:?}")).await;
    for (goal, reason) in [
        ("garbage", "It broke its link to the kernel: a frame is not what the link carries"),
        ("oversize", "It broke its link to the kernel: a frame of 16777217 bytes is longer than allowed"),
        ("hang up", "It ended without saying that it was done"),
        ("half a frame", "Its process ended with status 3: impostor: half a frame"),
        (
            "wrong version",
            "Its process ended with status 4: impostor: The agent's program is of another version",
        ),
        ("unknown command", "Its process ended with status 5: impostor: No such command"),
        ("another's command", "Its process ended with status 6: impostor: "),
        ("finish what never began", "Its process ended with status 7: impostor: The call x never began"),
    ] {
        let pid = world.spawn(goal).await.pid.0;
        let dead = world.until_dead(pid).await;
        assert_eq!((dead.state, dead.phase), (State::Dead, Phase::Failed), "{goal}: {dead:?}");
        let said = dead.reason.clone().unwrap_or_default();
        // Whoever hangs up and stays is ended by the kernel.
        let hung_up = goal == "hang up" && dead.exit == Some(Exit::Signal { number: 9 });
        assert!(said.starts_with(reason) || hung_up, "{goal}: {dead:?}");
    }
    assert!(descendants(world.daemon.pid().unwrap()).is_empty());
    assert_eq!(world.ask("GET", "/status", None).await.status, 200);
}
