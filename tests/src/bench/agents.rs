//! What an agent costs: to start, and while it waits for a person.

use std::time::{Duration, Instant};

use aether_protocol::process::State;
use anyhow::{Context as _, Result, ensure};
use serde_json::json;

use super::{
    Bench, config,
    measure::{Sorted, descendants, millis, pss_mib},
    socket::Socket,
};
use crate::{
    daemon::Daemon,
    raw::{DEADLINE, Raw},
    scripted::{Script, Server},
};

/// What this group measures.
pub const NAMES: &[&str] = &[
    "spawn.warm_p50",
    "spawn.warm_p99",
    "spawn.cold_p50",
    "spawn.cold_p99",
    "spawn.cold_reply_p50",
    "spawn.cold_from_reply_p50",
    "agent.idle_pss",
    "agent.idle_tree_pss",
];

/// Starts agents one after the other, without sandboxes that stand ready and with them. The clock runs from the first
/// byte of the command until a client sees the row that the agent's first call wrote: TLS, gate, two commits, sandbox,
/// `life.boot`, and the way back are all inside.
pub async fn measure(bench: &mut Bench) -> Result<()> {
    let server = Server::start(Script::goals()).await?;
    let cold =
        series(&config(&server).replace("[models]\n", "[process]\nwarm = 0\n[models]\n"), bench, false)
            .await?;
    let warm = series(&config(&server), bench, true).await?;
    for (name, series, p50, p99) in [("warm", &warm, 5.0, Some(30.0)), ("cold", &cold, 20.0, None)] {
        bench.add(&format!("spawn.{name}_p50"), series.whole.median(), "ms", Some(p50));
        bench.add(&format!("spawn.{name}_p99"), series.whole.percentile(0.99), "ms", p99);
    }
    bench.add("spawn.cold_reply_p50", cold.reply.median(), "ms", None);
    bench.add("spawn.cold_from_reply_p50", cold.rest.median(), "ms", None);
    bench.add("agent.idle_pss", cold.agent_pss.median(), "MiB", Some(6.0));
    bench.add("agent.idle_tree_pss", cold.tree_pss.median(), "MiB", None);
    Ok(())
}

struct Series {
    whole: Sorted,
    reply: Sorted,
    rest: Sorted,
    agent_pss: Sorted,
    tree_pss: Sorted,
}

async fn series(config: &str, bench: &Bench, is_warm: bool) -> Result<Series> {
    let daemon = Daemon::start_with(config).await?;
    let token = daemon.sign_up().await?;
    let mut events = Socket::subscribed(&daemon, &token).await?;
    let mut raw = daemon.connect().await?;
    let (mut whole, mut reply, mut rest) = (Vec::new(), Vec::new(), Vec::new());
    let (mut agent_pss, mut tree_pss) = (Vec::new(), Vec::new());
    let first = 3;
    for round in 0..first + bench.rounds(100, 5) {
        if is_warm {
            until_ready(&mut raw, &token, if round == 0 { 1 } else { 2 }).await?;
        }
        let sent = Instant::now();
        let pid = spawn(&mut raw, &token, "ask What now?").await?;
        let accepted = Instant::now();
        events.until(pid, State::Running).await?;
        let running = Instant::now();
        let process = events.until(pid, State::Sleeping).await?;
        if round >= first {
            whole.push(millis(running - sent));
            reply.push(millis(accepted - sent));
            rest.push(millis(running - accepted));
            agent_pss.push(pss_mib(process.host_pid.context("it runs and has no Linux pid")?)?);
            let tree = descendants(daemon.pid()?)?;
            tree_pss.push(tree.into_iter().map(pss_mib).sum::<Result<f64>>()?);
        }
        let path = format!("/api/v1/processes/{pid}/signal");
        ask(&mut raw, &token, "POST", &path, json!({"signal": "KILL"})).await?;
        events.until(pid, State::Dead).await?;
    }
    Ok(Series {
        whole: Sorted::new(whole),
        reply: Sorted::new(reply),
        rest: Sorted::new(rest),
        agent_pss: Sorted::new(agent_pss),
        tree_pss: Sorted::new(tree_pss),
    })
}

/// Returns when so many sandboxes stand ready.
async fn until_ready(raw: &mut Raw, token: &str, count: u64) -> Result<()> {
    let began = Instant::now();
    loop {
        let status = look(raw, token, "/api/v1/status").await?;
        if status.get("ready").and_then(serde_json::Value::as_u64).is_some_and(|ready| ready >= count) {
            return Ok(());
        }
        ensure!(began.elapsed() < DEADLINE, "no sandbox is made ahead: {status}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Deploys an agent; returns its PID.
pub async fn spawn(raw: &mut Raw, token: &str, goal: &str) -> Result<u64> {
    let row =
        ask(raw, token, "POST", "/api/v1/processes", json!({"role": "assistant", "goal": goal})).await?;
    row.get("pid").and_then(serde_json::Value::as_u64).context("a row without a PID")
}

/// A command over a connection that is kept.
pub async fn ask(
    raw: &mut Raw,
    token: &str,
    method: &str,
    path: &str,
    body: serde_json::Value,
) -> Result<serde_json::Value> {
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let answer = raw.request(method, path, &headers, body.to_string().as_bytes()).await?;
    ensure!(answer.status < 300, "{method} {path}: {}", answer.text());
    answer.json()
}

/// A question over a connection that is kept.
pub async fn look(raw: &mut Raw, token: &str, path: &str) -> Result<serde_json::Value> {
    let bearer = format!("Bearer {token}");
    let answer = raw.request("GET", path, &[("authorization", bearer.as_str())], b"").await?;
    ensure!(answer.status < 300, "GET {path}: {}", answer.text());
    answer.json()
}
