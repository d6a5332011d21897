//! A kernel with a long past: ten thousand agents that have ended, and a million events.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::collections::HashSet;

use aether_protocol::{
    Event, Page,
    agent::Agent,
    process::{Process, State},
};
use aether_tests::{
    bench::history::LONG,
    daemon::Daemon,
    raw::{Raw, Response},
};
use serde::de::DeserializeOwned;

async fn get(raw: &mut Raw, token: &str, path: &str) -> Response {
    raw.request("GET", path, &[("authorization", &format!("Bearer {token}"))], b"").await.unwrap()
}

async fn page<T: DeserializeOwned>(raw: &mut Raw, token: &str, path: &str) -> Page<T> {
    let answer = get(raw, token, path).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    serde_json::from_slice(&answer.body).unwrap()
}

/// Follows the cursors to the end; no page may hold more than `limit` rows, and none but the last fewer.
async fn pages<T: DeserializeOwned>(
    raw: &mut Raw,
    token: &str,
    path: &str,
    cursor: &str,
    limit: usize,
) -> Vec<T> {
    let mut all = Vec::new();
    let mut next = None;
    loop {
        let mut address = format!("{path}limit={limit}");
        if let Some(next) = &next {
            address = format!("{address}&{cursor}={next}");
        }
        let page: Page<T> = page(raw, token, &address).await;
        assert!(page.items.len() <= limit, "{address}: {} rows", page.items.len());
        assert!(page.next.is_none() || page.items.len() == limit, "{address}: a page in the middle is short");
        all.extend(page.items);
        match page.next {
            Some(cursor) => next = Some(cursor.0),
            None => return all,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_past_is_paged_once_in_order_and_within_bounds() {
    let daemon = Daemon::start().await.unwrap();
    let token = daemon.sign_up().await.unwrap();
    let (state, _) = daemon.stop().await.unwrap();
    LONG.write(&state.state_dir()).unwrap();
    let daemon = Daemon::start_again(state).await.unwrap();
    let mut raw = daemon.connect().await.unwrap();
    let agents_written = LONG.agents as usize;

    // Agents, newest first; each once.
    let agents: Vec<Agent> = pages(&mut raw, &token, "/api/v1/agents?", "cursor", 200).await;
    assert_eq!(agents.len(), agents_written);
    assert!(agents.windows(2).all(|pair| pair[0].id.to_string() > pair[1].id.to_string()));
    assert!(agents.windows(2).all(|pair| pair[0].created_at > pair[1].created_at));
    assert!(agents.iter().all(|agent| agent.lives == 1 && agent.last_pid.is_some()));

    // Processes that have ended, highest PID first; each once, and each of another agent.
    let ended: Vec<Process> = pages(&mut raw, &token, "/api/v1/processes?which=ended&", "cursor", 200).await;
    assert_eq!(ended.len(), agents_written);
    assert!(ended.windows(2).all(|pair| pair[0].pid > pair[1].pid));
    assert!(ended.iter().all(|process| process.state == State::Dead));
    assert_eq!(ended.iter().map(|process| process.agent).collect::<HashSet<_>>().len(), agents_written);
    // An odd size of page reaches the same end.
    let all: Vec<Process> = pages(&mut raw, &token, "/api/v1/processes?which=all&", "cursor", 37).await;
    assert!(all == ended, "pages of another size hold other rows");
    let live: Page<Process> = page(&mut raw, &token, "/api/v1/processes").await;
    assert!(live.items.is_empty() && live.next.is_none(), "the past is not alive");

    // Events, oldest first; each once, without gaps, from the first to the last.
    let last = get(&mut raw, &token, "/api/v1/status").await.json().unwrap()["last_seq"].as_u64().unwrap();
    assert!(last > u64::from(LONG.events));
    let events: Vec<Event> = pages(&mut raw, &token, "/api/v1/events?", "after", 1000).await;
    let numbers: Vec<u64> = events.iter().map(|event| event.seq.0).collect();
    assert!(numbers == (1..=last).collect::<Vec<_>>(), "{} events, not {last}", numbers.len());

    // Steps of one of them.
    let pid = ended[agents_written / 2].pid;
    let steps = get(&mut raw, &token, &format!("/api/v1/processes/{pid}/steps")).await.json().unwrap();
    assert_eq!(steps["items"].as_array().unwrap().len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_are_bounded_and_a_bad_cursor_is_named() {
    let daemon = Daemon::start().await.unwrap();
    let token = daemon.sign_up().await.unwrap();
    let (state, _) = daemon.stop().await.unwrap();
    aether_tests::bench::history::History { agents: 450, events: 2_500 }.write(&state.state_dir()).unwrap();
    let daemon = Daemon::start_again(state).await.unwrap();
    let mut raw = daemon.connect().await.unwrap();

    for (path, left_out, most) in [
        ("/api/v1/agents?", 50, 200),
        ("/api/v1/processes?which=ended&", 50, 200),
        ("/api/v1/processes?which=all&", 50, 200),
        ("/api/v1/events?", 200, 1000),
    ] {
        for (limit, rows) in
            [("", left_out), ("limit=100000", most), ("limit=4294967295", most), ("limit=0", 1)]
        {
            let page: Page<serde_json::Value> = page(&mut raw, &token, &format!("{path}{limit}")).await;
            assert_eq!(page.items.len(), rows, "{path}{limit}");
            assert!(page.next.is_some(), "{path}{limit}: there is more");
        }
        for limit in ["-1", "4294967296", "many", "1.5"] {
            let answer = get(&mut raw, &token, &format!("{path}limit={limit}")).await;
            assert_eq!(answer.status, 400, "{path}limit={limit}: {}", answer.text());
        }
    }
    for (path, cursor) in [
        ("/api/v1/agents?", "cursor"),
        ("/api/v1/processes?which=ended&", "cursor"),
        ("/api/v1/processes?which=live&", "cursor"),
        ("/api/v1/events?", "after"),
    ] {
        for bad in [
            "x",
            "-1",
            "%00",
            "1%20OR%201=1",
            "99999999999999999999999",
            "zzzzzzzz-0000-7000-8000-000000000000",
        ] {
            let address = format!("{path}{cursor}={bad}");
            let answer = get(&mut raw, &token, &address).await;
            assert_eq!(answer.status, 400, "{address}: {}", answer.text());
            let problem = answer.json().unwrap();
            assert!(problem["detail"].as_str().is_some_and(|text| !text.is_empty()), "{address}: {problem}");
        }
    }
    // A cursor beyond the end is an empty last page, not an error.
    let beyond: Page<Event> = page(&mut raw, &token, "/api/v1/events?after=99999999").await;
    assert!(beyond.items.is_empty() && beyond.next.is_none());
}
