//! How long an event takes to fifty clients that listen, at two hundred events a second.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;
use serde_json::json;

use super::{
    Bench, config,
    measure::{Sorted, cpu_time},
    socket::Socket,
};
use crate::{
    daemon::Daemon,
    scripted::{Script, Server},
};

/// What this group measures.
pub const NAMES: &[&str] = &[
    "events.to_50_clients_p50",
    "events.to_50_clients_p99",
    "events.command_to_50_clients_p50",
    "events.command_to_50_clients_p99",
    "events.cpu_per_delivery",
];

const CLIENTS: usize = 50;
const EVENTS_PER_SECOND: u32 = 200;

/// As much of a frame as the clock needs, so that fifty clients in one process do not hold each other up.
#[derive(Deserialize)]
struct Frame {
    #[serde(default)]
    events: Vec<Stamp>,
}

#[derive(Deserialize)]
struct Stamp {
    seq: u64,
    /// Unix time in ms, cut off: up to 1 ms before the event was written.
    at: u64,
}

/// Each event comes from a command (a folder is made), sent on time whether the one before is done or not.
pub async fn measure(bench: &mut Bench) -> Result<()> {
    let server = Server::start(Script::goals()).await?;
    let daemon = Daemon::start_with(&config(&server)).await?;
    let token = daemon.sign_up().await?;
    let events = bench.rounds(4_000, 400) as u64;
    let end = Arc::new(AtomicU64::new(u64::MAX));
    let mut listeners = Vec::new();
    for _ in 0..CLIENTS {
        listeners.push(tokio::spawn(listen(Socket::subscribed(&daemon, &token).await?, Arc::clone(&end))));
    }
    let start = last_seq(&daemon, &token).await?;
    // The first second warms up and is not counted.
    let warm = u64::from(EVENTS_PER_SECOND);
    end.store(start + warm + events, Ordering::Release);
    let cpu_before = cpu_time(daemon.pid()?)?;
    let sent = commands(Socket::connect(&daemon, &token).await?, warm + events).await?;
    let mut from_event = Vec::new();
    let mut from_command = Vec::new();
    for listener in listeners {
        let seen = listener.await??;
        ensure!(seen.len() as u64 == warm + events, "a client saw {} events", seen.len());
        for (index, seen) in seen.into_iter().enumerate().skip(warm as usize) {
            ensure!(seen.seq == start + 1 + index as u64, "event {} came out of order", seen.seq);
            from_event.push(seen.after_event_ms);
            let sent = sent.get(index).context("more events than commands")?;
            from_command.push(super::measure::millis(seen.at - *sent));
        }
    }
    let cpu = cpu_time(daemon.pid()?)?.saturating_sub(cpu_before);
    let (from_event, from_command) = (Sorted::new(from_event), Sorted::new(from_command));
    bench.add("events.to_50_clients_p50", from_event.median(), "ms", None);
    bench.add("events.to_50_clients_p99", from_event.percentile(0.99), "ms", Some(20.0));
    bench.add("events.command_to_50_clients_p50", from_command.median(), "ms", None);
    bench.add("events.command_to_50_clients_p99", from_command.percentile(0.99), "ms", None);
    let deliveries = (warm + events) as f64 * CLIENTS as f64;
    bench.add("events.cpu_per_delivery", cpu.as_secs_f64() * 1e6 / deliveries, "µs", None);
    Ok(())
}

struct Seen {
    seq: u64,
    at: Instant,
    after_event_ms: f64,
}

async fn listen(mut socket: Socket, end: Arc<AtomicU64>) -> Result<Vec<Seen>> {
    let mut seen = Vec::new();
    loop {
        let text = socket.next().await?;
        let at = Instant::now();
        let now_ms = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs_f64() * 1e3;
        let frame: Frame = serde_json::from_str(&text)?;
        let last = frame.events.last().map_or(0, |stamp| stamp.seq);
        seen.extend(frame.events.into_iter().map(|stamp| Seen {
            seq: stamp.seq,
            at,
            after_event_ms: now_ms - stamp.at as f64,
        }));
        if last >= end.load(Ordering::Acquire) {
            return Ok(seen);
        }
    }
}

/// Sends `count` commands, evenly spaced; returns when each was sent.
async fn commands(mut socket: Socket, count: u64) -> Result<Vec<Instant>> {
    let mut sent = Vec::new();
    let mut beats = tokio::time::interval(Duration::from_secs(1) / EVENTS_PER_SECOND);
    beats.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Burst);
    let mut answered = 0;
    while answered < count {
        tokio::select! {
            _ = beats.tick(), if (sent.len() as u64) < count => {
                let number = sent.len();
                let args = json!({"place": {"kind": "shared"}, "path": format!("{}/{number}", number / 500)});
                let command = json!({"call": "files.mkdir", "args": args});
                sent.push(Instant::now());
                socket.send(&json!({"type": "call", "id": number, "command": command})).await?;
            }
            frame = socket.next() => {
                let frame = frame?;
                if frame.contains("\"type\":\"reply\"") {
                    answered += 1;
                } else if !frame.contains("\"type\":\"hello\"") {
                    bail!("a command was not done: {frame}");
                }
            }
        }
    }
    Ok(sent)
}

async fn last_seq(daemon: &Daemon, token: &str) -> Result<u64> {
    let status = daemon.ask("GET", "/api/v1/status", token, None).await?.json()?;
    status.get("last_seq").and_then(serde_json::Value::as_u64).context("a status without last_seq")
}
