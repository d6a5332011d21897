//! Load on the hot path: `GET /api/v1/processes`, signed in, over 64 TLS connections that are kept.
//!
//! Starts the `aetherd` that lies beside it and prints one object of JSON: what a request costs the server in
//! CPU time (user and system, from `/proc/PID/stat`), and how long it takes.
//!
//! `load [REQUESTS] [CONNECTIONS]`; 200,000 and 64 when left out.

use std::time::{Duration, Instant};

use aether_tests::{daemon::Daemon, raw::Raw};
use anyhow::{Context as _, Result, ensure};
use serde_json::json;

fn main() -> Result<()> {
    let mut numbers = std::env::args().skip(1).map(|text| text.parse::<usize>());
    let requests = numbers.next().transpose()?.unwrap_or(200_000);
    let connections = numbers.next().transpose()?.unwrap_or(64).max(1);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(run(requests, connections))
}

async fn run(requests: usize, connections: usize) -> Result<()> {
    let daemon = Daemon::start().await?;
    let token = daemon.sign_up().await?;
    let idle_kib = memory_kib(daemon.pid()?)?;
    let mut raws = futures_util::future::try_join_all((0..connections).map(|_| daemon.connect())).await?;
    // Warm: pages, caches, the allocator.
    burst(&mut raws, &token, 5_000).await?;
    let before = cpu_time(daemon.pid()?)?;
    let started = Instant::now();
    let mut times = burst(&mut raws, &token, requests).await?;
    let wall = started.elapsed();
    let cpu = cpu_time(daemon.pid()?)?.saturating_sub(before);
    times.sort_unstable();
    let percentile = |share: f64| times.get((times.len() as f64 * share) as usize).map(Duration::as_micros);
    println!(
        "{}",
        json!({
            "requests": times.len(),
            "connections": connections,
            "server_cpu_us_per_request": cpu.as_secs_f64() * 1e6 / times.len() as f64,
            "requests_per_second": times.len() as f64 / wall.as_secs_f64(),
            "latency_p50_us": percentile(0.5),
            "latency_p99_us": percentile(0.99),
            "start_to_ready_ms": daemon.start_ms,
            "idle_rss_kib": idle_kib,
            "rss_after_kib": memory_kib(daemon.pid()?)?,
        })
    );
    Ok(())
}

/// Sends `requests` requests over the connections, one at a time on each; returns how long each took.
async fn burst(raws: &mut [Raw], token: &str, requests: usize) -> Result<Vec<Duration>> {
    let bearer = format!("Bearer {token}");
    let share = requests / raws.len();
    let loads = raws.iter_mut().map(|raw| async {
        let headers = [("authorization", bearer.as_str())];
        let mut times = Vec::with_capacity(share);
        for _ in 0..share {
            let started = Instant::now();
            let answer = raw.request("GET", "/api/v1/processes", &headers, b"").await?;
            ensure!(answer.status == 200, "{}: {}", answer.status, answer.text());
            times.push(started.elapsed());
        }
        anyhow::Ok(times)
    });
    Ok(futures_util::future::try_join_all(loads).await?.concat())
}

/// User and system time of a process, all threads together (proc(5)).
fn cpu_time(pid: u32) -> Result<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, fields) = stat.rsplit_once(") ").context("no stat")?;
    let ticks: u64 = fields.split(' ').skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Ok(Duration::from_secs_f64(ticks as f64 / rustix::param::clock_ticks_per_second() as f64))
}

fn memory_kib(pid: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}
