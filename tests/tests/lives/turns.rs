//! Whose turn it is: places, take-over, budget, questions, messages.

use aether_protocol::{
    journal::StepBody,
    process::{Phase, Process, State},
};
use serde_json::json;

use crate::world::{World, has_started_call, summary, task};

fn thoughts(steps: &[StepBody]) -> usize {
    steps.iter().filter(|step| matches!(step, StepBody::Thought { .. })).count()
}

fn is_thought(step: &StepBody) -> bool {
    matches!(step, StepBody::Thought { .. })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn places_go_by_priority_then_first_come() {
    let mut world = World::new("max_running = 2").await;
    let _hold = world.server.hold();
    let mut running = Vec::new();
    for _ in 0..2 {
        running.push(world.spawn("forever").await.pid.0);
    }
    world.held(2).await;
    let mut queued = Vec::new();
    for priority in [5, 1, 3, 1, 5] {
        let spawn = json!({"role": "assistant", "goal": "forever", "priority": priority});
        let process = world.spawn_as(spawn).await;
        assert_eq!((process.state, process.priority), (State::Queued, priority));
        queued.push(process.pid.0);
    }
    let body = Some(json!({"priority": 2}));
    let last = world.done("PUT", &format!("/processes/{}/priority", queued[4]), body).await;
    assert_eq!((last["priority"].as_u64(), last["state"].as_str()), (Some(2), Some("queued")));

    let mut left = vec![queued[1], queued[3], queued[4], queued[2], queued[0]];
    while !left.is_empty() {
        let next = left.remove(0);
        let gone = running.remove(0);
        world.signal(gone, "KILL").await;
        world.until(next, "running", |process| process.state == State::Running).await;
        for waits in &left {
            assert_eq!(world.get(*waits).await.state, State::Queued, "{waits} came before its turn");
        }
        running.push(next);
    }
    let started: Vec<Process> = world.live().await;
    assert_eq!(started.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_nice_value_follows_the_priority() {
    let mut world = World::new("").await;
    let _hold = world.server.hold();
    let spawn = json!({"role": "assistant", "goal": "forever", "priority": 2});
    let pid = world.spawn_as(spawn).await.pid.0;
    world.held(1).await;
    let host_pid = world.get(pid).await.host_pid.unwrap();
    let before = task(host_pid).unwrap().nice;
    let mut last = before;
    for priority in [3, 4, 5] {
        let path = format!("/processes/{pid}/priority");
        let changed = world.done("PUT", &path, Some(json!({"priority": priority}))).await;
        assert_eq!(changed["priority"], priority);
        let nice = task(host_pid).unwrap().nice;
        assert!(nice > last, "priority {priority}: {last} to {nice}");
        last = nice;
    }
    assert_eq!(last - before, 13);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_begins_while_a_person_has_taken_over_also_after_a_crash() {
    let mut world = World::new("").await;
    let hold = world.server.hold();
    let pid = world.spawn("append 2").await.pid.0;
    world.held(1).await;
    let paused = world.order(pid, "pause", None).await;
    assert_eq!((paused.state, paused.phase), (State::Paused, Phase::Thinking));
    assert_eq!(paused.reason.as_deref(), Some("Taken over by ada"));
    drop(hold);
    // The thought in hand is kept; its call does not begin.
    world.until_step(pid, "thought", is_thought).await;
    world.let_time_pass().await;
    assert!(!has_started_call(&world.steps(pid).await));
    let before = world.get(pid).await;
    assert_eq!((before.state, before.steps_used), (State::Paused, 1));

    let mut world = world.crash_and_restart().await;
    world.until(pid, "there again", |process| process.host_pid.is_some()).await;
    world.let_time_pass().await;
    let after = world.get(pid).await;
    assert_eq!((after.state, after.steps_used, after.restarts), (State::Paused, 1, before.restarts + 1));
    assert_eq!(after.reason, before.reason);
    let steps = world.steps(pid).await;
    assert!(!has_started_call(&steps) && thoughts(&steps) == 1, "{steps:#?}");

    assert_ne!(world.order(pid, "resume", None).await.state, State::Paused);
    let completed = world.until_completed(pid).await;
    assert_eq!(completed.steps_used, 3);
    let path = format!("/files/agents/{}/calls.log", completed.agent);
    assert_eq!(world.ask("GET", &path, None).await.text(), "call-0-0\ncall-1-0\n");
    let problem = world.refused("POST", &format!("/processes/{pid}/resume"), None, 409, "conflict").await;
    assert!(problem["hint"].is_string(), "{problem}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_thought_does_not_begin_while_paused() {
    let mut world = World::new("").await;
    let process = world.spawn("run echo begun > begun; while [ ! -e go ]; do sleep 0.02; done").await;
    let (pid, home) = (process.pid.0, world.home(&process));
    crate::world::until_host("the command runs", || home.join("begun").exists()).await;
    let paused = world.order(pid, "pause", None).await;
    assert_eq!(paused.state, State::Paused);
    world.done("PUT", &format!("/files/agents/{}/go", process.agent), Some(json!("now"))).await;
    // The call in hand ends.
    world.until_step(pid, "result", |step| matches!(step, StepBody::CallFinished { ok: true, .. })).await;
    let asked = world.server.requests().len();
    let other = world.spawn("think 1").await.pid.0;
    world.until_completed(other).await;
    assert_eq!(world.server.requests().len(), asked + 2, "the paused agent thought");
    assert_eq!(world.get(pid).await.state, State::Paused);
    world.refused("POST", &format!("/processes/{other}/resume"), None, 409, "conflict").await;
    world.order(pid, "resume", None).await;
    world.until_completed(pid).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_used_up_budget_is_waited_with_and_extended_also_after_a_crash() {
    let mut world = World::new("").await;
    let spawn = json!({"role": "assistant", "goal": "think 4", "limits": {"max_steps": 2}});
    let pid = world.spawn_as(spawn).await.pid.0;
    let out = |process: &Process| process.state == State::Sleeping && process.phase == Phase::Waiting;
    let waiting = world.until(pid, "out of budget", out).await;
    assert_eq!((waiting.steps_used, waiting.steps_limit), (2, 2));
    assert_eq!(waiting.reason.as_deref(), Some("All 2 steps of its budget are used"));

    let mut world = world.crash_and_restart().await;
    let again = world.until(pid, "out of budget again", out).await;
    assert_eq!((again.steps_used, again.steps_limit, again.restarts), (2, 2, 1));
    assert_eq!(again.reason, waiting.reason);
    assert_eq!(world.server.requests().len(), 2, "it thought without a budget");

    for steps in [0, 1001] {
        let body = Some(json!({"steps": steps}));
        world.refused("POST", &format!("/processes/{pid}/continue"), body, 400, "invalid").await;
    }
    let extended = world.order(pid, "continue", Some(json!({"steps": 3}))).await;
    assert_eq!(extended.steps_limit, 5);
    let completed = world.until_completed(pid).await;
    assert_eq!((completed.steps_used, completed.reason), (5, None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_waits_and_its_answer_reaches_the_model() {
    let mut world = World::new("").await;
    let pid = world.spawn("ask Which colour shall it be?").await.pid.0;
    let asking = world.until(pid, "asking", |process| process.phase == Phase::Waiting).await;
    assert_eq!(asking.state, State::Sleeping);
    assert_eq!(asking.reason.as_deref(), Some("Which colour shall it be?"));
    let steps = world.steps(pid).await;
    assert!(steps.iter().any(|step| matches!(step, StepBody::Question { .. })), "{steps:#?}");
    world.let_time_pass().await;
    assert_eq!(world.get(pid).await.phase, Phase::Waiting);
    world.order(pid, "message", Some(json!({"text": "Blue, with ünïcode"}))).await;
    let completed = world.until_completed(pid).await;
    assert_eq!(completed.reason, None);
    assert_eq!(summary(&world.steps(pid).await), "Blue, with ünïcode");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_is_still_open_after_a_crash() {
    let mut world = World::new("").await;
    let pid = world.spawn("ask Which colour?").await.pid.0;
    let asks = |process: &Process| process.phase == Phase::Waiting && process.state == State::Sleeping;
    world.until(pid, "asking", asks).await;
    let mut world = world.crash_and_restart().await;
    let again = world.until(pid, "asking again", asks).await;
    assert_eq!(again.reason.as_deref(), Some("Which colour?"));
    world.order(pid, "message", Some(json!({"text": "Red"}))).await;
    world.until_completed(pid).await;
    let steps = world.steps(pid).await;
    assert_eq!(summary(&steps), "Red");
    let questions = steps.iter().filter(|step| matches!(step, StepBody::Question { .. })).count();
    assert_eq!(questions, 1, "{steps:#?}");
    assert!(!steps.iter().any(|step| matches!(step, StepBody::CallInterrupted { .. })), "{steps:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_sent_during_a_thought_comes_with_the_next_result() {
    let mut world = World::new("").await;
    let hold = world.server.hold();
    let pid = world.spawn("think 2").await.pid.0;
    world.held(1).await;
    world.order(pid, "message", Some(json!({"text": "Mind the gap"}))).await;
    drop(hold);
    world.until_completed(pid).await;
    let requests = world.server.requests();
    let said = |request: &serde_json::Value| {
        request["messages"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|message| message["content"] == "Mind the gap")
            .count()
    };
    assert_eq!(requests.iter().map(said).collect::<Vec<_>>(), [0, 1, 1]);
    for (text, code) in [(String::new(), "invalid"), ("x".repeat(8001), "invalid")] {
        let other = world.spawn("ask Anything").await.pid.0;
        let path = format!("/processes/{other}/message");
        world.refused("POST", &path, Some(json!({"text": text})), 400, code).await;
        world.signal(other, "KILL").await;
    }
}
