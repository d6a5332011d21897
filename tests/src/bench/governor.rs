//! Whether the kernel answers while five agents want all of the machine.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use super::{
    Bench,
    agents::ask,
    measure::{Sorted, millis},
};
use crate::{
    attack,
    daemon::Daemon,
    scripted::{MODEL, Script, Server},
};

/// What this group measures.
pub const NAMES: &[&str] = &[
    "governor.status_p99_under_attack",
    "governor.status_p50_under_attack",
    "governor.last_attacker_stopped",
];

/// After so long the governor has failed.
const PATIENCE: Duration = Duration::from_mins(2);

/// All five attacks at once; the status is asked for again and again until the last of them is stopped, and for two
/// seconds more at the least. Each round is a fresh kernel.
pub async fn measure(bench: &mut Bench) -> Result<()> {
    let (mut times, mut stopped) = (Vec::new(), Vec::new());
    for _ in 0..bench.rounds(5, 1) {
        let took = round(&mut times).await?;
        stopped.push(millis(took));
    }
    let times = Sorted::new(times);
    bench.add("governor.status_p99_under_attack", times.percentile(0.99), "ms", Some(100.0));
    bench.add("governor.status_p50_under_attack", times.median(), "ms", None);
    bench.add("governor.last_attacker_stopped", Sorted::new(stopped).median(), "ms", None);
    Ok(())
}

async fn round(times: &mut Vec<f64>) -> Result<Duration> {
    let server = Server::start(Script::goals()).await?;
    let config = format!(
        "[identity]\nanonymous_per_minute = 1000000\nsigned_in_per_minute = 1000000000\n[process]\n{}\
         [models]\ndefault_model = \"openai:{MODEL}\"\n[models.local]\nenabled = false\n\
         [models.openai]\nbase_url = \"{}\"\n",
        attack::QUOTAS,
        server.base_url()
    );
    let daemon = Daemon::start_with(&config).await?;
    let token = daemon.sign_up().await?;
    let mut raw = daemon.connect().await?;
    let mut left = Vec::new();
    for attack in attack::all() {
        let row = ask(&mut raw, &token, "POST", "/api/v1/processes", attack.spawn).await?;
        left.push(row.get("pid").and_then(serde_json::Value::as_u64).context("a row without a PID")?);
    }
    let bearer = format!("Bearer {token}");
    let began = Instant::now();
    let mut took = None;
    while took.is_none() || began.elapsed() < Duration::from_secs(2) {
        let asked = Instant::now();
        let headers = [("authorization", bearer.as_str())];
        let answer = raw.request("GET", "/api/v1/status", &headers, b"").await?;
        times.push(millis(asked.elapsed()));
        ensure!(answer.status == 200, "{}", answer.text());
        if let Some(pid) = left.last().copied() {
            let row = raw.request("GET", &format!("/api/v1/processes/{pid}"), &headers, b"").await?.json()?;
            let state = row.get("state").and_then(serde_json::Value::as_str).unwrap_or_default();
            if matches!(state, "dead" | "paused") {
                left.pop();
            }
        } else {
            took.get_or_insert(began.elapsed());
        }
        if began.elapsed() > PATIENCE {
            bail!("processes {left:?} are not stopped");
        }
    }
    Ok(took.unwrap_or_default())
}
