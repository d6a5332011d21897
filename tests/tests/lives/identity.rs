//! Agents as identities: new lives, names, refusals, removal.

use aether_protocol::process::State;
use serde_json::{Value, json};

use crate::world::{World, summary};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_life_keeps_the_home_and_there_is_one_at_a_time() {
    let mut world = World::new("").await;
    let first = world
        .spawn_as(json!({"role": "assistant", "name": "Ida", "goal": "write notes.txt from before"}))
        .await;
    world.until_completed(first.pid.0).await;
    let agent = first.agent.to_string();
    let second = world.spawn_as(json!({"agent": agent, "goal": "read notes.txt"})).await;
    assert_eq!((second.agent, second.name.as_str(), second.role.as_str()), (first.agent, "Ida", "assistant"));
    assert!(second.pid > first.pid && second.life != first.life);
    world.until_completed(second.pid.0).await;
    assert!(summary(&world.steps(second.pid.0).await).contains("from before"));
    let lives = world.done("GET", &format!("/agents/{agent}/lives"), None).await;
    let pids: Vec<u64> =
        lives["items"].as_array().unwrap().iter().map(|life| life["pid"].as_u64().unwrap()).collect();
    assert_eq!(pids, [second.pid.0, first.pid.0]);

    // Found by its name, however that is written, among others.
    world.spawn("think 1").await;
    for (name, found) in [("Ida", vec!["Ida"]), ("IDA", vec!["Ida"]), ("Id", vec![])] {
        let page = world.done("GET", &format!("/agents?name={name}"), None).await;
        let names: Vec<_> = page["items"].as_array().unwrap().iter().map(|agent| &agent["name"]).collect();
        assert_eq!(names, found, "{page}");
    }

    // Eight at once: one begins.
    let _hold = world.server.hold();
    let token = world.token.clone();
    let body = json!({"agent": agent, "goal": "forever"});
    let asked = (0..8).map(|_| world.daemon.ask("POST", "/api/v1/processes", &token, Some(body.clone())));
    let answers = futures_util::future::join_all(asked).await;
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.as_ref().unwrap().status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409, 409, 409, 409, 409, 409, 409]);
    let refused = world.refused("POST", "/processes", Some(body), 409, "conflict").await;
    assert!(refused["detail"].as_str().unwrap().contains("Ida") && refused["hint"].is_string(), "{refused}");
    assert_eq!(world.live().await.iter().filter(|process| process.agent == first.agent).count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_deployed_is_refused_with_advice() {
    let mut world = World::new("").await;
    let _hold = world.server.hold();
    world.spawn_as(json!({"role": "assistant", "name": "Ida", "goal": "forever"})).await;
    let spawn = |more: Value| {
        let mut spawn = json!({"role": "assistant", "goal": "forever"});
        for (key, value) in more.as_object().unwrap() {
            spawn[key] = value.clone();
        }
        spawn
    };
    let cases = [
        (json!({"name": "Ida"}), 409, "conflict"),
        (json!({"name": "ida"}), 409, "conflict"),
        (json!({"name": "a/b"}), 400, "invalid"),
        (json!({"name": "7"}), 400, "invalid"),
        (json!({"role": "nobody"}), 404, "not_found"),
        (json!({"role": null}), 400, "invalid"),
        (json!({"tools": ["read_file", "launch_rocket"]}), 403, "forbidden"),
        (json!({"role": "scribe", "tools": ["run_command"]}), 403, "forbidden"),
        (json!({"goal": ""}), 400, "invalid"),
        (json!({"goal": "  \n "}), 400, "invalid"),
        (json!({"goal": "x".repeat(8001)}), 400, "invalid"),
        (json!({"goal": "a\u{0}b"}), 400, "invalid"),
        (json!({"priority": 0}), 400, "invalid"),
        (json!({"priority": 6}), 400, "invalid"),
        (json!({"limits": {"max_steps": 0}}), 400, "invalid"),
        (json!({"limits": {"max_steps": 10_001}}), 400, "invalid"),
        (json!({"limits": {"memory_bytes": 1}}), 400, "invalid"),
        (json!({"limits": {"cpu_secs": 0}}), 400, "invalid"),
        (json!({"model": "nobody:nothing"}), 503, "unavailable"),
    ];
    for (more, status, code) in cases {
        let problem = world.refused("POST", "/processes", Some(spawn(more.clone())), status, code).await;
        assert!(problem["hint"].is_string(), "no advice for {more}: {problem}");
    }
    assert_eq!(world.live().await.len(), 1, "something refused runs");
    // The longest goal is taken, counted in characters.
    let longest = world.spawn_as(spawn(json!({"goal": "ü".repeat(8000)}))).await;
    assert_eq!(longest.goal.chars().count(), 8000);
    let agents = world.done("GET", "/agents", None).await;
    assert_eq!(agents["items"].as_array().unwrap().len(), 2, "something refused left an agent");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removed_agent_leaves_nothing_but_the_event() {
    let mut world = World::new("").await;
    let hold = world.server.hold();
    let process = world.spawn("write notes.txt something").await;
    let (pid, agent, home) = (process.pid.0, format!("/agents/{}", process.agent), world.home(&process));
    world.held(1).await;
    let refused = world.refused("DELETE", &agent, None, 409, "conflict").await;
    assert!(refused["hint"].is_string(), "{refused}");
    assert_eq!(world.get(pid).await.state, State::Running);
    drop(hold);
    world.until_completed(pid).await;
    assert!(home.join("notes.txt").is_file());

    let removed = world.done("DELETE", &agent, None).await;
    assert_eq!(removed["name"], process.name.as_str());
    assert!(removed["home_bytes"].as_u64().unwrap() >= 9, "{removed}");
    assert!(!home.exists());
    for gone in [
        agent.clone(),
        format!("{agent}/lives"),
        format!("/processes/{pid}"),
        format!("/processes/{pid}/steps"),
    ] {
        world.refused("GET", &gone, None, 404, "not_found").await;
    }
    world.refused("DELETE", &agent, None, 404, "not_found").await;
    let again = json!({"agent": process.agent, "goal": "forever"});
    world.refused("POST", "/processes", Some(again), 404, "not_found").await;
    let events = world.events().await;
    let told = events.iter().find(|event| event["body"]["event"] == "agent.removed").unwrap();
    assert_eq!(told["body"]["data"], json!({"agent": process.agent, "name": process.name}));
    assert_eq!(told["actor"]["name"], "ada");
    // The name is free, the PID is not.
    let other = world.spawn_as(json!({"role": "assistant", "name": process.name, "goal": "nothing"})).await;
    assert!(other.pid.0 > pid && other.agent != process.agent);
    world.until_completed(other.pid.0).await;
}
