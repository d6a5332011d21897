//! What an agent costs: to start, and while it waits for a person.

use std::time::Instant;

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
    raw::Raw,
    scripted::{Script, Server},
};

/// What this group measures.
pub const NAMES: &[&str] = &[
    "spawn.p50",
    "spawn.p99",
    "spawn.from_reply_p50",
    "spawn.reply_p50",
    "agent.idle_pss",
    "agent.idle_tree_pss",
];

/// Starts agents one after the other. The clock runs from the first byte of the command until a client sees the row
/// that the agent's first call wrote: TLS, gate, two commits, sandbox, `life.boot`, and the way back are all inside.
pub async fn measure(bench: &mut Bench) -> Result<()> {
    let server = Server::start(Script::goals()).await?;
    let daemon = Daemon::start_with(&config(&server)).await?;
    let token = daemon.sign_up().await?;
    let mut events = Socket::subscribed(&daemon, &token).await?;
    let mut raw = daemon.connect().await?;
    let (mut whole, mut reply, mut rest) = (Vec::new(), Vec::new(), Vec::new());
    let (mut agent_pss, mut tree_pss) = (Vec::new(), Vec::new());
    let warm = 3;
    for round in 0..warm + bench.rounds(100, 5) {
        let sent = Instant::now();
        let pid = spawn(&mut raw, &token, "ask What now?").await?;
        let accepted = Instant::now();
        events.until(pid, State::Running).await?;
        let running = Instant::now();
        let process = events.until(pid, State::Sleeping).await?;
        if round >= warm {
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
    let whole = Sorted::new(whole);
    bench.add("spawn.p50", whole.median(), "ms", Some(25.0));
    bench.add("spawn.p99", whole.percentile(0.99), "ms", None);
    bench.add("spawn.reply_p50", Sorted::new(reply).median(), "ms", None);
    bench.add("spawn.from_reply_p50", Sorted::new(rest).median(), "ms", None);
    bench.add("agent.idle_pss", Sorted::new(agent_pss).median(), "MiB", Some(6.0));
    bench.add("agent.idle_tree_pss", Sorted::new(tree_pss).median(), "MiB", None);
    Ok(())
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
