//! Many agents at once: a thousand that wait for a person, and fifty that work.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::{
    Bench,
    agents::{ask, look, spawn},
    measure::{Sorted, descendants, millis, pss_mib, rss_mib},
};
use crate::{
    daemon::Daemon,
    raw::Raw,
    scripted::{MODEL, Script, Server},
};

/// What this group measures.
pub const NAMES: &[&str] = &[
    "crowd.idle_agents",
    "crowd.spawns_per_second",
    "crowd.agent_pss",
    "crowd.kernel_rss",
    "crowd.list_all",
    "crowd.signal_p50",
    "crowd.signal_p99",
    "crowd.status_p99",
    "crowd.end_all",
    "crowd.workers",
    "crowd.steps_per_second",
    "crowd.step_p50",
    "crowd.step_p99",
];

/// How often what nobody announces is looked at.
const BEAT: Duration = Duration::from_millis(100);
/// After so long without the end of one of these, it has failed.
const PATIENCE: Duration = Duration::from_mins(5);
/// Rows of a page, at most.
const PAGE: usize = 200;

/// Both, each with a kernel of its own.
pub async fn measure(bench: &mut Bench) -> Result<()> {
    idle(bench, bench.rounds(1000, 20)).await?;
    work(bench, bench.rounds(50, 5), bench.rounds(20, 3)).await
}

async fn daemon(server: &Server, places: usize) -> Result<Daemon> {
    let config = format!(
        "[identity]\nanonymous_per_minute = 1000000\nsigned_in_per_minute = 1000000000\n\
         [process]\nmax_running = {places}\n\
         [models]\ndefault_model = \"openai:{MODEL}\"\n[models.local]\nenabled = false\n\
         [models.openai]\nbase_url = \"{}\"\n",
        server.base_url()
    );
    Daemon::start_with(&config).await
}

/// All live rows, page by page.
async fn rows(raw: &mut Raw, token: &str) -> Result<Vec<Value>> {
    let mut all = Vec::new();
    let mut path = format!("/api/v1/processes?limit={PAGE}");
    loop {
        let mut page = look(raw, token, &path).await?;
        let items = page.get_mut("items").and_then(Value::as_array_mut).context("a page without items")?;
        all.append(items);
        let Some(next) = page.get("next").and_then(Value::as_str) else { return Ok(all) };
        path = format!("/api/v1/processes?limit={PAGE}&cursor={next}");
    }
}

/// Returns the live rows once they are as wanted.
async fn until(
    raw: &mut Raw,
    token: &str,
    what: &str,
    wanted: impl Fn(&[Value]) -> bool,
) -> Result<Vec<Value>> {
    let began = Instant::now();
    loop {
        let all = rows(raw, token).await?;
        if wanted(&all) {
            return Ok(all);
        }
        ensure!(began.elapsed() < PATIENCE, "{what}: {} live rows, of them {:?}", all.len(), all.first());
        tokio::time::sleep(BEAT).await;
    }
}

fn is(row: &Value, field: &str, value: &str) -> bool {
    row.get(field).and_then(Value::as_str) == Some(value)
}

/// The clock of the spawns runs from the first command until the last agent waits for its person.
async fn idle(bench: &mut Bench, count: usize) -> Result<()> {
    let server = Server::start(Script::goals()).await?;
    let daemon = daemon(&server, count + 8).await?;
    let token = daemon.sign_up().await?;
    let mut raw = daemon.connect().await?;
    let began = Instant::now();
    for _ in 0..count {
        spawn(&mut raw, &token, "ask What now?").await?;
    }
    let all = until(&mut raw, &token, "not all wait for a person", |rows| {
        rows.len() == count && rows.iter().all(|row| is(row, "phase", "waiting"))
    })
    .await?;
    let took = began.elapsed();
    bench.add("crowd.idle_agents", all.len() as f64, "agents", None);
    bench.add("crowd.spawns_per_second", count as f64 / took.as_secs_f64(), "1/s", None);
    let kernel = daemon.pid()?;
    let tree = descendants(kernel)?;
    let pss = tree.into_iter().map(pss_mib).sum::<Result<f64>>()?;
    bench.add("crowd.agent_pss", pss / count as f64, "MiB", None);
    bench.add("crowd.kernel_rss", rss_mib(kernel)?, "MiB", None);
    let listed = Instant::now();
    let all = rows(&mut raw, &token).await?;
    bench.add("crowd.list_all", millis(listed.elapsed()), "ms", None);

    let (mut signals, mut status) = (Vec::new(), Vec::new());
    for row in &all {
        let pid = row.get("pid").and_then(Value::as_u64).context("a row without a PID")?;
        let path = format!("/api/v1/processes/{pid}/signal");
        let asked = Instant::now();
        ask(&mut raw, &token, "POST", &path, json!({"signal": "STOP"})).await?;
        signals.push(millis(asked.elapsed()));
        let asked = Instant::now();
        look(&mut raw, &token, "/api/v1/status").await?;
        status.push(millis(asked.elapsed()));
    }
    let stopped = rows(&mut raw, &token).await?;
    ensure!(stopped.iter().all(|row| is(row, "state", "stopped")), "not all obeyed STOP");
    let signals = Sorted::new(signals);
    bench.add("crowd.signal_p50", signals.median(), "ms", None);
    bench.add("crowd.signal_p99", signals.percentile(0.99), "ms", None);
    bench.add("crowd.status_p99", Sorted::new(status).percentile(0.99), "ms", None);
    let ended = Instant::now();
    for row in &all {
        let path = format!("/api/v1/processes/{}/signal", row.get("pid").unwrap_or(&Value::Null));
        ask(&mut raw, &token, "POST", &path, json!({"signal": "KILL"})).await?;
    }
    until(&mut raw, &token, "not all ended", <[Value]>::is_empty).await?;
    bench.add("crowd.end_all", millis(ended.elapsed()), "ms", None);
    Ok(())
}

/// Each step is a thought of the scripted model, its call run in the sandbox, and its journal; its length is the time
/// from one thought in the journal to the next.
async fn work(bench: &mut Bench, workers: usize, steps: usize) -> Result<()> {
    let server = Server::start(Script::goals()).await?;
    let daemon = daemon(&server, workers + 8).await?;
    let token = daemon.sign_up().await?;
    let mut raw = daemon.connect().await?;
    // They begin together: the model keeps them waiting until all are there.
    let hold = server.hold();
    let mut pids = Vec::new();
    for _ in 0..workers {
        pids.push(spawn(&mut raw, &token, &format!("append {steps}")).await?);
    }
    until(&mut raw, &token, "not all think", |rows| {
        rows.len() == workers && rows.iter().all(|row| is(row, "phase", "thinking"))
    })
    .await?;
    drop(hold);
    let began = Instant::now();
    until(&mut raw, &token, "not all completed", <[Value]>::is_empty).await?;
    let took = began.elapsed();
    let mut lengths = Vec::new();
    for pid in &pids {
        let page = look(&mut raw, &token, &format!("/api/v1/processes/{pid}/steps?limit=200")).await?;
        let items = page.get("items").and_then(Value::as_array).context("a page without items")?;
        let thoughts: Vec<f64> = items
            .iter()
            .filter(|step| step.pointer("/body/kind").and_then(Value::as_str) == Some("thought"))
            .filter_map(|step| step.get("at").and_then(Value::as_f64))
            .collect();
        ensure!(thoughts.len() == steps + 1, "process {pid} had {} thoughts", thoughts.len());
        lengths.extend(thoughts.windows(2).filter_map(|pair| Some(pair.last()? - pair.first()?)));
    }
    let lengths = Sorted::new(lengths);
    bench.add("crowd.workers", workers as f64, "agents", None);
    bench.add("crowd.steps_per_second", (workers * steps) as f64 / took.as_secs_f64(), "1/s", None);
    bench.add("crowd.step_p50", lengths.median(), "ms", None);
    bench.add("crowd.step_p99", lengths.percentile(0.99), "ms", None);
    Ok(())
}
