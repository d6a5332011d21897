//! What a request on the hot path costs the server, and how long it takes: `GET /api/v1/processes`, signed in, with
//! three agents alive, over 64 TLS connections that are kept.

use std::time::{Duration, Instant};

use aether_protocol::process::State;
use anyhow::{Result, ensure};

use super::{
    Bench,
    agents::spawn,
    config,
    measure::{Sorted, cpu_time},
    socket::Socket,
};
use crate::{
    daemon::Daemon,
    raw::Raw,
    scripted::{Script, Server},
};

/// What this group measures.
pub const NAMES: &[&str] = &[
    "list.cpu_per_request",
    "list.latency_p50",
    "list.latency_p99",
    "list.requests_per_second",
    "list.cpu_per_request_without_agents",
];

const CONNECTIONS: usize = 64;
const PATH: &str = "/api/v1/processes";

/// Measures an empty list, then one of three agents that wait for a person.
pub async fn measure(bench: &mut Bench) -> Result<()> {
    let server = Server::start(Script::goals()).await?;
    let daemon = Daemon::start_with(&config(&server)).await?;
    let token = daemon.sign_up().await?;
    let mut raws = futures_util::future::try_join_all((0..CONNECTIONS).map(|_| daemon.connect())).await?;
    let requests = bench.rounds(200_000, 5_000);

    let empty = load(&daemon, &mut raws, &token, requests / 2).await?;
    let mut events = Socket::subscribed(&daemon, &token).await?;
    for _ in 0..3 {
        let pid = spawn(&mut daemon.connect().await?, &token, "ask What now?").await?;
        events.until(pid, State::Sleeping).await?;
    }
    drop(events);
    let three = load(&daemon, &mut raws, &token, requests).await?;
    let micros = |time: Duration| time.as_secs_f64() * 1e6;
    let latency = Sorted::new(three.times.iter().map(|time| time.as_secs_f64() * 1e3));
    bench.add("list.cpu_per_request", micros(three.cpu) / three.times.len() as f64, "µs", Some(15.0));
    bench.add("list.latency_p50", latency.median(), "ms", None);
    bench.add("list.latency_p99", latency.percentile(0.99), "ms", None);
    bench.add("list.requests_per_second", three.times.len() as f64 / three.wall.as_secs_f64(), "1/s", None);
    bench.add(
        "list.cpu_per_request_without_agents",
        micros(empty.cpu) / empty.times.len() as f64,
        "µs",
        None,
    );
    Ok(())
}

struct Load {
    times: Vec<Duration>,
    cpu: Duration,
    wall: Duration,
}

async fn load(daemon: &Daemon, raws: &mut [Raw], token: &str, requests: usize) -> Result<Load> {
    // Warm: pages, caches, the allocator.
    burst(raws, token, PATH, requests / 40).await?;
    let before = cpu_time(daemon.pid()?)?;
    let began = Instant::now();
    let times = burst(raws, token, PATH, requests).await?;
    let wall = began.elapsed();
    Ok(Load { times, cpu: cpu_time(daemon.pid()?)?.saturating_sub(before), wall })
}

/// Sends `requests` requests over the connections, one at a time on each; returns how long each took.
pub async fn burst(raws: &mut [Raw], token: &str, path: &str, requests: usize) -> Result<Vec<Duration>> {
    let bearer = format!("Bearer {token}");
    let share = requests.div_ceil(raws.len().max(1));
    let loads = raws.iter_mut().map(|raw| async {
        let headers = [("authorization", bearer.as_str())];
        let mut times = Vec::with_capacity(share);
        for _ in 0..share {
            let began = Instant::now();
            let answer = raw.request("GET", path, &headers, b"").await?;
            ensure!(answer.status == 200, "{path}: {}: {}", answer.status, answer.text());
            times.push(began.elapsed());
        }
        anyhow::Ok(times)
    });
    Ok(futures_util::future::try_join_all(loads).await?.concat())
}
