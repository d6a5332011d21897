//! The kernel is killed at random moments, and nothing that was acknowledged is lost.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use aether_protocol::{
    journal::{Step, StepBody},
    process::{Phase, Process, State},
};
use aether_tests::{
    daemon::{Daemon, Stopped},
    scripted::{MODEL, Script, Server},
};
use serde_json::{Value, json};

/// How often the kernel is killed.
const KILLS: usize = 50;
/// Agents that run at once.
const AGENTS: usize = 4;
/// Long enough for a slow machine; a test that reaches it fails.
const PATIENCE: Duration = Duration::from_mins(2);

/// Random enough, and the same in every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

fn config(server: &Server) -> String {
    format!(
        "[identity]\nanonymous_per_minute = 1000000\nsigned_in_per_minute = 1000000000\n\
         [models]\ndefault_model = \"openai:{MODEL}\"\n[models.local]\nenabled = false\n\
         [models.openai]\nbase_url = \"{}\"\n",
        server.base_url()
    )
}

async fn spawn(daemon: &Daemon, token: &str, goal: &str) -> Process {
    let answer = daemon
        .ask("POST", "/api/v1/processes", token, Some(json!({"role": "assistant", "goal": goal})))
        .await
        .unwrap();
    assert!(answer.status < 300, "spawn: {}", answer.text());
    serde_json::from_value(answer.json().unwrap()).unwrap()
}

async fn process(daemon: &Daemon, token: &str, pid: u64) -> Process {
    let answer = daemon.ask("GET", &format!("/api/v1/processes/{pid}"), token, None).await.unwrap();
    serde_json::from_value(answer.json().unwrap()).unwrap()
}

async fn steps(daemon: &Daemon, token: &str, pid: u64) -> Vec<Step> {
    let path = format!("/api/v1/processes/{pid}/steps?limit=200");
    let answer = daemon.ask("GET", &path, token, None).await.unwrap();
    serde_json::from_value(answer.json().unwrap()["items"].clone()).unwrap()
}

/// Follows the event stream until the process is dead.
async fn wait_until_dead(daemon: &Daemon, token: &str, pid: u64) -> Process {
    let finished = async {
        loop {
            let now = process(daemon, token, pid).await;
            if now.state == State::Dead {
                return now;
            }
            next_event(daemon, token).await;
        }
    };
    let Ok(process) = tokio::time::timeout(PATIENCE, finished).await else {
        panic!(
            "process {pid} does not end: {:?}\n{:?}\n{}",
            process(daemon, token, pid).await,
            steps(daemon, token, pid).await,
            daemon.log()
        )
    };
    process
}

/// Returns soon after something happened in the system; a look in between costs nothing.
async fn next_event(daemon: &Daemon, token: &str) {
    let mut stream = daemon.connect().await.unwrap();
    let authorization = format!("Authorization: Bearer {token}\r\n");
    let request = format!("GET /api/v1/events/stream HTTP/1.1\r\nHost: localhost\r\n{authorization}\r\n");
    stream.send(request.as_bytes()).await.unwrap();
    let head = stream.head().await.unwrap();
    assert_eq!(head.status, 200);
    // The state may have changed before the stream began: then nothing comes, and the next look finds it.
    let _ = tokio::time::timeout(Duration::from_millis(500), stream.more()).await;
}

/// Writes numbered files until told to stop; returns the numbers that were acknowledged.
async fn write_on(
    address: Arc<tokio::sync::RwLock<Option<Daemon>>>,
    token: String,
    stop: Arc<AtomicBool>,
) -> Vec<u64> {
    let mut acknowledged = Vec::new();
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) {
        number += 1;
        let daemon = address.read().await;
        let Some(daemon) = daemon.as_ref() else {
            tokio::task::yield_now().await;
            continue;
        };
        let Ok(mut connection) = daemon.connect().await else {
            tokio::task::yield_now().await;
            continue;
        };
        let bearer = format!("Bearer {token}");
        let body = format!("number {number}");
        let headers = [("authorization", bearer.as_str()), ("content-type", "text/plain")];
        let path = format!("/api/v1/files/shared/{number}.txt");
        if let Ok(answer) = connection.request("PUT", &path, &headers, body.as_bytes()).await
            && answer.status < 300
        {
            acknowledged.push(number);
        }
    }
    acknowledged
}

fn ids_of(log: &str) -> BTreeMap<&str, usize> {
    log.lines().fold(BTreeMap::new(), |mut count, line| {
        *count.entry(line.trim()).or_default() += 1;
        count
    })
}

/// Checks one life: it completed, and each of its calls happened as the journal says.
async fn check(daemon: &Daemon, token: &str, pid: u64, told: &[Value]) -> (usize, usize) {
    let process = wait_until_dead(daemon, token, pid).await;
    let steps = steps(daemon, token, pid).await;
    assert_eq!(process.phase, Phase::Completed, "{process:?}\n{steps:?}");
    let path = format!("/api/v1/files/agents/{}/calls.log", process.agent);
    let log = daemon.ask("GET", &path, token, None).await.unwrap();
    let log = if log.status == 200 { log.text() } else { String::new() };
    let happened = ids_of(&log);
    let (mut finished, mut interrupted) = (0, 0);
    for step in &steps {
        match &step.body {
            StepBody::CallFinished { call, tool, ok, output, .. } if tool == "run_command" => {
                assert!(ok, "{pid} {call}: {output}");
                assert_eq!(happened.get(call.as_str()), Some(&1), "{pid}: {call} in {log}");
                finished += 1;
            }
            StepBody::CallInterrupted { call, tool } if tool == "run_command" => {
                let times = happened.get(call.as_str()).copied().unwrap_or(0);
                assert!(times <= 1, "{pid}: the interrupted {call} happened {times} times");
                assert!(
                    was_told(told, &process.goal, call),
                    "{pid} was not told that {call} was interrupted"
                );
                interrupted += 1;
            }
            _ => {}
        }
    }
    let known = finished + interrupted;
    assert!(happened.len() <= known, "{pid}: more happened than the journal knows: {log}");
    for (index, step) in steps.iter().enumerate() {
        assert_eq!(step.index as usize, index, "{pid}: a step is missing");
    }
    (finished, interrupted)
}

/// Whether a request for this goal told the model that the call was interrupted.
fn was_told(requests: &[Value], goal: &str, call: &str) -> bool {
    requests.iter().any(|request| {
        let messages = request["messages"].as_array().cloned().unwrap_or_default();
        let is_his = messages.iter().any(|message| message["content"].as_str() == Some(goal));
        is_his
            && messages.iter().any(|message| {
                message["tool_call_id"].as_str() == Some(call)
                    && message["content"].as_str().is_some_and(|text| text.contains("interrupted"))
            })
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_kills_lose_nothing() {
    let server = Server::start(Script::goals()).await.unwrap();
    let daemon = Daemon::start_with(&config(&server)).await.unwrap();
    let token = daemon.sign_up().await.unwrap();
    let mut chance = Chance(0x5eed_1234_5678_9abc);
    let mut pids = Vec::new();
    let mut goal = 0;

    let shared = Arc::new(tokio::sync::RwLock::new(Some(daemon)));
    let stop = Arc::new(AtomicBool::new(false));
    let writer = tokio::spawn(write_on(Arc::clone(&shared), token.clone(), Arc::clone(&stop)));

    for _ in 0..KILLS {
        {
            let daemon = shared.read().await;
            let daemon = daemon.as_ref().unwrap();
            let live = daemon.ask("GET", "/api/v1/processes", &token, None).await.unwrap().json().unwrap();
            for _ in live["items"].as_array().unwrap().len()..AGENTS {
                goal += 1;
                let process = spawn(daemon, &token, &format!("append {} agent {goal}", 4 + goal % 9)).await;
                pids.push(process.pid.0);
            }
        }
        // The moment: after some more thoughts, and somewhere in what follows them.
        let answered = server.requests().len() + chance.below(6) as usize;
        let thought = tokio::time::timeout(Duration::from_secs(5), server.wait_for_answered(answered));
        let _ = thought.await;
        tokio::time::sleep(Duration::from_micros(chance.below(30_000))).await;
        // Killed first, while the writer may wait for an answer; taken then.
        let pid = i32::try_from(shared.read().await.as_ref().unwrap().pid().unwrap()).unwrap();
        rustix::process::kill_process(
            rustix::process::Pid::from_raw(pid).unwrap(),
            rustix::process::Signal::KILL,
        )
        .unwrap();
        let daemon = shared.write().await.take().unwrap();
        let state: Stopped = daemon.kill().await.unwrap();
        *shared.write().await = Some(Daemon::start_again(state).await.unwrap());
    }
    stop.store(true, Ordering::Relaxed);
    let acknowledged = writer.await.unwrap();

    let daemon = shared.write().await.take().unwrap();
    for pid in &pids {
        wait_until_dead(&daemon, &token, *pid).await;
    }
    let told = server.requests();
    let (mut finished, mut interrupted) = (0, 0);
    for pid in &pids {
        let (f, i) = check(&daemon, &token, *pid, &told).await;
        finished += f;
        interrupted += i;
    }
    assert!(acknowledged.len() > KILLS, "the writer wrote too little to prove anything: {acknowledged:?}");
    for number in &acknowledged {
        let path = format!("/api/v1/files/shared/{number}.txt");
        let answer = daemon.ask("GET", &path, &token, None).await.unwrap();
        assert_eq!(answer.text(), format!("number {number}"), "an acknowledged write is missing");
    }
    let doctor = daemon.ask("GET", "/api/v1/doctor", &token, None).await.unwrap().json().unwrap();
    let database =
        doctor["checks"].as_array().unwrap().iter().find(|check| check["name"] == "database").unwrap();
    assert_eq!(database["state"], "ready", "{database}");
    println!(
        "{KILLS} kills: {} lives completed, {finished} calls finished, {interrupted} interrupted, {} writes kept",
        pids.len(),
        acknowledged.len()
    );
}
