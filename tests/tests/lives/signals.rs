//! What signals do to an agent and to all that it started.

use aether_protocol::{
    journal::StepBody,
    process::{Exit, Phase, State},
};
use serde_json::json;

use crate::world::{self, World, has_started_call, members, namespace, task, ticks, until_host};

/// Two loops that burn CPU time, one of them in a session of its own.
const BURN: &str = "run setsid sh -c 'while :; do :; done' >/dev/null 2>&1 & while :; do :; done";

/// An agent that burns CPU time; returns its PID and its pid namespace.
async fn burning(world: &mut World) -> (u64, String) {
    let pid = world.spawn(BURN).await.pid.0;
    let steps = world.until_step(pid, "call", |step| matches!(step, StepBody::CallStarted { .. })).await;
    assert!(has_started_call(&steps));
    let host_pid = world.get(pid).await.host_pid.unwrap();
    let inside = namespace(host_pid, "pid").unwrap();
    until_host("both loops burn", || {
        members(&inside).iter().filter(|task| task.name == "sh" && task.ticks > 5).count() >= 2
    })
    .await;
    (pid, inside)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stop_freezes_the_whole_tree_and_kill_ends_it() {
    let mut world = World::new("").await;
    let (frozen, frozen_inside) = burning(&mut world).await;
    let (other, other_inside) = burning(&mut world).await;

    let stopped = world.signal(frozen, "STOP").await;
    assert_eq!(stopped.state, State::Stopped);
    assert_eq!(stopped.reason.as_deref(), Some("Stopped by ada"));
    let tree = members(&frozen_inside);
    assert!(tree.len() >= 4, "{tree:?}");
    assert!(tree.iter().all(|task| matches!(task.state, 'T' | 'Z')), "{tree:?}");
    let (frozen_at, other_at) = (ticks(&frozen_inside), ticks(&other_inside));
    // The other one's progress is the clock.
    until_host("the other one goes on", || ticks(&other_inside) > other_at + 30).await;
    assert_eq!(ticks(&frozen_inside), frozen_at, "it got CPU time while stopped");
    assert_eq!(world.get(frozen).await.state, State::Stopped);

    let goes_on = world.signal(frozen, "CONT").await;
    assert_eq!(goes_on.state, State::Running);
    assert_eq!(goes_on.reason, None);
    until_host("it goes on", || ticks(&frozen_inside) > frozen_at + 5).await;

    world.signal(frozen, "STOP").await;
    let dead = world.signal(frozen, "KILL").await;
    assert_eq!((dead.state, dead.exit), (State::Dead, Some(Exit::Signal { number: 9 })));
    assert_ne!(dead.phase, Phase::Failed, "somebody wanted it to end");
    assert_eq!(dead.ending, dead.reason);
    let steps = world.steps(frozen).await;
    assert!(matches!(steps.last(), Some(StepBody::Ended { .. })), "{steps:#?}");
    assert_eq!(dead.reason.as_deref(), Some("Ended by ada with KILL"));
    assert_eq!(dead.host_pid, None);
    assert!(members(&frozen_inside).is_empty(), "{:?}", members(&frozen_inside));
    assert_eq!(world.get(other).await.state, State::Running);
    world.signal(other, "KILL").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn term_lets_the_thought_end_and_nothing_begin() {
    let mut world = World::new("").await;
    let hold = world.server.hold();
    let pid = world.spawn("append 3").await.pid.0;
    world.held(1).await;
    let told = world.signal(pid, "TERM").await;
    assert_ne!(told.state, State::Dead, "the thought was in hand");
    drop(hold);
    let dead = world.until_dead(pid).await;
    assert_eq!(dead.reason.as_deref(), Some("Ended by ada with TERM"));
    assert_eq!(dead.exit, Some(Exit::Signal { number: 15 }));
    let steps = world.steps(pid).await;
    assert!(steps.iter().any(|step| matches!(step, StepBody::Thought { .. })), "{steps:#?}");
    assert!(!has_started_call(&steps), "{steps:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn term_lets_the_call_end() {
    let mut world = World::new("").await;
    let process =
        world.spawn("run echo begun > begun; while [ ! -e go ]; do sleep 0.02; done; echo over").await;
    let (pid, home) = (process.pid.0, world.home(&process));
    until_host("the command runs", || home.join("begun").exists()).await;
    assert_ne!(world.signal(pid, "TERM").await.state, State::Dead);
    let path = format!("/files/agents/{}/go", process.agent);
    world.done("PUT", &path, Some(json!("now"))).await;
    let dead = world.until_dead(pid).await;
    assert_eq!(dead.reason.as_deref(), Some("Ended by ada with TERM"));
    let steps = world.steps(pid).await;
    let ended = steps.iter().any(
        |step| matches!(step, StepBody::CallFinished { ok: true, output, .. } if output.contains("over")),
    );
    assert!(ended, "{steps:#?}");
    assert_eq!(world.server.requests().len(), 1, "it thought again after TERM");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_acknowledged_term_outlives_a_crash() {
    let mut world = World::new("").await;
    let hold = world.server.hold();
    let pid = world.spawn("append 3").await.pid.0;
    world.held(1).await;
    assert_ne!(world.signal(pid, "TERM").await.state, State::Dead, "the thought was in hand");
    let mut world = world.crash_and_restart().await;
    drop(hold);
    let dead = world.until_dead(pid).await;
    assert_eq!(dead.reason.as_deref(), Some("Ended by ada with TERM"));
    assert_eq!((dead.restarts, dead.steps_used), (0, 0), "{dead:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn term_ends_what_stands_still() {
    let mut world = World::new("").await;
    // Taken over before a call, waiting for budget, waiting for an answer.
    let hold = world.server.hold();
    let paused = world.spawn("think 5").await.pid.0;
    world.held(1).await;
    world.order(paused, "pause", None).await;
    drop(hold);
    world.until_step(paused, "thought", |step| matches!(step, StepBody::Thought { .. })).await;
    let limits = json!({"role": "assistant", "goal": "think 5", "limits": {"max_steps": 1}});
    let poor = world.spawn_as(limits).await.pid.0;
    world.until(poor, "out of budget", |process| process.state == State::Sleeping).await;
    let asks = world.spawn("ask What now").await.pid.0;
    world.until(asks, "asking", |process| process.state == State::Sleeping).await;
    for pid in [paused, poor, asks] {
        world.signal(pid, "TERM").await;
        let dead = world.until_dead(pid).await;
        assert_eq!(dead.reason.as_deref(), Some("Ended by ada with TERM"), "{dead:?}");
        assert_eq!(dead.exit, Some(Exit::Signal { number: 15 }), "{dead:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn int_ends_the_command_and_the_agent_goes_on() {
    let mut world = World::new("").await;
    let process = world.spawn("run echo begun > begun; sleep 1000; echo not reached").await;
    let home = world.home(&process);
    let host_pid =
        world.until(process.pid.0, "running", |process| process.host_pid.is_some()).await.host_pid.unwrap();
    until_host("the command runs", || home.join("begun").exists()).await;
    let inside = namespace(host_pid, "pid").unwrap();
    until_host("it sleeps", || members(&inside).iter().any(|task| task.name == "sleep")).await;
    world.signal(process.pid.0, "INT").await;
    let completed = world.until_completed(process.pid.0).await;
    assert_eq!(completed.exit, Some(Exit::Status { code: 0 }));
    let steps = world.steps(process.pid.0).await;
    let told = steps.iter().find_map(|step| match step {
        StepBody::CallFinished { ok, output, .. } => Some((*ok, output.clone())),
        _ => None,
    });
    let (ok, output) = told.unwrap();
    assert!(!ok && !output.contains("not reached") && output.contains("signal 2"), "{output}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn int_gives_up_the_thought_and_the_agent_thinks_again() {
    let mut world = World::new("").await;
    let hold = world.server.hold();
    let pid = world.spawn("think 1").await.pid.0;
    world.held(1).await;
    world.signal(pid, "INT").await;
    world
        .until_step(
            pid,
            "note",
            |step| matches!(step, StepBody::Note { text } if text.contains("interrupted")),
        )
        .await;
    drop(hold);
    let completed = world.until_completed(pid).await;
    assert_eq!(completed.steps_used, 2, "the thought that was given up cost nothing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signals_before_and_after_a_life() {
    let mut world = World::new("max_running = 1").await;
    let _hold = world.server.hold();
    let running = world.spawn("forever").await.pid.0;
    world.held(1).await;
    let (queued, other) = (world.spawn("forever").await.pid.0, world.spawn("forever").await.pid.0);
    let signal = |pid: u64| format!("/processes/{pid}/signal");
    for early in ["STOP", "CONT", "INT", "USR1", "USR2"] {
        let body = Some(json!({"signal": early}));
        let problem = world.refused("POST", &signal(queued), body, 409, "conflict").await;
        assert!(problem["hint"].is_string(), "{problem}");
    }
    for (pid, ends) in [(queued, "KILL"), (other, "TERM")] {
        let dead = world.signal(pid, ends).await;
        assert_eq!((dead.state, dead.phase, dead.exit), (State::Dead, Phase::Booting, Some(Exit::NeverRan)));
        assert_eq!(dead.ending, dead.reason);
        assert!(dead.reason.as_deref().is_some_and(|reason| reason.contains("ada")), "{dead:?}");
        assert_eq!(dead.started_at, None);
    }
    world.signal(running, "KILL").await;
    for all in ["TERM", "KILL", "STOP", "CONT", "INT", "USR1", "USR2"] {
        let body = Some(json!({"signal": all}));
        world.refused("POST", &signal(running), body.clone(), 409, "conflict").await;
        world.refused("POST", &signal(999_999), body, 404, "not_found").await;
    }
    world.refused("POST", &signal(running), Some(json!({"signal": "HUP"})), 400, "invalid").await;
    for order in ["pause", "resume"] {
        world.refused("POST", &format!("/processes/{running}/{order}"), None, 409, "conflict").await;
    }
    let text = Some(json!({"text": "Hello"}));
    world.refused("POST", &format!("/processes/{running}/message"), text, 409, "conflict").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_stop_interrupts_is_there_again_after_cont() {
    let mut world = World::new("").await;
    let asks = world.spawn("ask Which colour").await.pid.0;
    world.until(asks, "asking", |process| process.state == State::Sleeping).await;
    let stopped = world.signal(asks, "STOP").await;
    assert_eq!((stopped.state, stopped.reason.as_deref()), (State::Stopped, Some("Which colour")));
    world.refused("POST", &format!("/processes/{asks}/pause"), None, 409, "conflict").await;
    let asking = world.signal(asks, "CONT").await;
    assert_eq!((asking.state, asking.reason.as_deref()), (State::Sleeping, Some("Which colour")));
    // Whoever has taken over has so after a STOP as well.
    world.order(asks, "pause", None).await;
    world.signal(asks, "STOP").await;
    assert_eq!(world.signal(asks, "CONT").await.state, State::Paused);
    assert_eq!(world.order(asks, "resume", None).await.state, State::Sleeping);
    world.order(asks, "message", Some(json!({"text": "Blue"}))).await;
    world.until_completed(asks).await;
    assert_eq!(world::summary(&world.steps(asks).await), "Blue");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_process_does_not_begin_what_it_thought_of() {
    let mut world = World::new("").await;
    let hold = world.server.hold();
    let pid = world.spawn("append 1").await.pid.0;
    world.held(1).await;
    let host_pid = world.get(pid).await.host_pid.unwrap();
    world.signal(pid, "STOP").await;
    drop(hold);
    world.until_step(pid, "thought", |step| matches!(step, StepBody::Thought { .. })).await;
    world.let_time_pass().await;
    assert!(!has_started_call(&world.steps(pid).await));
    assert_eq!(task(host_pid).unwrap().state, 'T');
    assert_eq!(world.get(pid).await.state, State::Stopped);
    world.signal(pid, "CONT").await;
    world.until_completed(pid).await;
}
