//! What becomes of a life when its model fails.

use aether_protocol::{
    journal::StepBody,
    process::{Phase, State},
};
use aether_tests::scripted::{Failure, Script};

use crate::world::{World, summary};

/// The kernel does not try again by itself, so that each failure reaches the agent.
const ONE_TRY: &str = "[models.retry]\ntries = 1";

fn notes(steps: &[StepBody]) -> Vec<String> {
    steps
        .iter()
        .filter_map(|step| match step {
            StepBody::Note { text } => Some(text.clone()),
            _ => None,
        })
        .collect()
}

fn status(status: u16, retry_after: Option<&str>) -> Failure {
    Failure::Status { status, retry_after: retry_after.map(str::to_owned) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_lives_through_failures_and_tells_of_them() {
    let mut world = World::with(Script::goals(), "", ONE_TRY).await;
    world.server.fail_next(status(429, Some("2")));
    world.server.fail_next(status(500, None));
    world.server.fail_next(Failure::Garbage);
    world.server.fail_next(Failure::Cut);
    world.server.fail_next(Failure::MalformedArguments);
    let began = std::time::Instant::now();
    let pid = world.spawn("append 2").await.pid.0;
    let completed = world.until_completed(pid).await;
    assert!(began.elapsed().as_secs() >= 2, "it did not wait as long as the provider asked");
    let steps = world.steps(pid).await;
    let notes = notes(&steps);
    assert_eq!(notes.len(), 4, "{notes:#?}");
    for (note, says) in notes.iter().zip(["too many requests", "openai", "not in its format", "cut"]) {
        assert!(note.contains(says), "{note}");
    }
    let told = steps.iter().any(|step| matches!(step, StepBody::CallFinished { ok: false, output, .. } if output.contains("not carried out")));
    assert!(told, "{steps:#?}");
    // What failed cost no step; the malformed answer did.
    let thoughts = steps.iter().filter(|step| matches!(step, StepBody::Thought { .. })).count();
    assert_eq!(completed.steps_used as usize, thoughts);
    assert_eq!(world.server.requests().len(), 4 + thoughts);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_kernel_mends_short_failures_unseen() {
    let mut world = World::new("").await;
    world.server.fail_next(status(500, None));
    world.server.fail_next(Failure::Cut);
    let pid = world.spawn("say Hello there").await.pid.0;
    world.until_completed(pid).await;
    let steps = world.steps(pid).await;
    assert!(summary(&steps).starts_with("Done"), "{steps:#?}");
    let heard =
        steps.iter().any(|step| matches!(step, StepBody::Thought { text, .. } if text == "Hello there"));
    assert!(heard, "the words of the answer that was cut are in the journal: {steps:#?}");
    assert!(!notes(&steps).iter().any(|note| note.contains("gave no answer")), "{steps:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_retry_mends_fails_the_life_with_the_reason() {
    let mut world = World::with(Script::goals(), "", ONE_TRY).await;
    world.server.fail_next(status(401, None));
    let pid = world.spawn("think 1").await.pid.0;
    let dead = world.until_dead(pid).await;
    assert_eq!(dead.phase, Phase::Failed);
    let reason = dead.reason.unwrap();
    assert!(reason.starts_with("The model cannot be used: openai refused the key"), "{reason}");
    // The next life can.
    let again = world.spawn_as(serde_json::json!({"agent": dead.agent, "goal": "think 1"})).await;
    world.until_completed(again.pid.0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn malformed_arguments_without_end_fail_the_life() {
    let mut world = World::with(Script::goals(), "", ONE_TRY).await;
    for _ in 0..40 {
        world.server.fail_next(Failure::MalformedArguments);
    }
    let pid = world.spawn("think 1").await.pid.0;
    let dead = world.until_dead(pid).await;
    assert_eq!(dead.phase, Phase::Failed);
    assert!(dead.reason.unwrap().contains("cannot be carried out 5 times in a row"));
    assert_eq!(dead.steps_used, 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_that_cannot_be_reached_is_told_of_and_tried_again() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = closed.local_addr().unwrap();
    drop(closed);
    let server = format!("{ONE_TRY}\n[models.ollama]\nbase_url = \"http://{address}\"");
    let mut world = World::with(Script::goals(), "", &server).await;
    let spawn = serde_json::json!({"role": "assistant", "goal": "think 1", "model": "ollama:absent"});
    let pid = world.spawn_as(spawn).await.pid.0;
    let steps = world
        .until_step(
            pid,
            "second try",
            |step| matches!(step, StepBody::Note { text } if text.contains("try 2 of")),
        )
        .await;
    let notes = notes(&steps);
    assert!(
        notes[0].contains("ollama is not available") && notes[0].contains("Check that ollama runs"),
        "{notes:?}"
    );
    assert_eq!(world.get(pid).await.state, State::Running);
    assert_eq!(world.get(pid).await.steps_used, 0);
    // It ends at once while it waits for the next try.
    world.signal(pid, "TERM").await;
    let dead = world.until_dead(pid).await;
    assert_eq!(dead.reason.as_deref(), Some("Ended by ada with TERM"));
}
