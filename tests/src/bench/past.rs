//! What a long past costs: the same pages on a kernel with one page of everything, and on one with 10,000 past agents
//! and 1,000,000 events.

use std::time::Instant;

use anyhow::{Context as _, Result};

use super::{
    Bench, config,
    history::{History, LONG},
    measure::{Sorted, cpu_time, millis, rss_mib},
    requests::burst,
};
use crate::{
    daemon::Daemon,
    raw::Raw,
    scripted::{Script, Server},
};

/// What this group measures.
pub const NAMES: &[&str] = &[
    "past.processes_ratio",
    "past.ended_ratio",
    "past.agents_ratio",
    "past.events_ratio",
    "past.steps_ratio",
    "past.status_ratio",
    "past.start",
    "past.idle_rss",
];

/// A page of each kind, and no more: an empty page would cost less because there is nothing in it.
const SHORT: History = History { agents: 210, events: 1_200 };

/// What the apps ask for on their first screens, and each list.
const PAGES: &[(&str, &str)] = &[
    ("past.processes_ratio", "/api/v1/processes?limit=200"),
    ("past.ended_ratio", "/api/v1/processes?which=ended&limit=50"),
    ("past.agents_ratio", "/api/v1/agents?limit=50"),
    ("past.events_ratio", "/api/v1/events?limit=200"),
    ("past.steps_ratio", "/api/v1/processes/100/steps"),
    ("past.status_ratio", "/api/v1/status"),
];

/// Asks the two kernels in turns, so that both have the same neighbours; the median of the rounds counts.
pub async fn measure(bench: &mut Bench) -> Result<()> {
    let server = Server::start(Script::goals()).await?;
    let (short, short_token) = with_past(&server, SHORT).await?;
    let (long, long_token) = with_past(&server, LONG).await?;
    let rounds = bench.rounds(7, 1);
    let requests = bench.rounds(2_000, 200);
    let mut short_raws = connect(&short).await?;
    let mut long_raws = connect(&long).await?;
    for (name, path) in PAGES {
        if !bench.wants(&[name]) {
            continue;
        }
        let mut ratios = Vec::new();
        let (mut short_micros, mut long_micros) = (Vec::new(), Vec::new());
        for round in 0..=rounds {
            let small = cost_micros(&short, &mut short_raws, &short_token, path, requests).await?;
            let large = cost_micros(&long, &mut long_raws, &long_token, path, requests).await?;
            // The first round warms up.
            if round > 0 {
                ratios.push(large / small);
                short_micros.push(small);
                long_micros.push(large);
            }
        }
        bench.add(name, Sorted::new(ratios).median(), "×", Some(1.2));
        for (size, micros) in [("short", short_micros), ("long", long_micros)] {
            bench.add(&format!("{name}.{size}_cpu"), Sorted::new(micros).median(), "µs", None);
        }
    }
    drop((short, short_raws, long_raws));
    let mut daemon = long;
    let (mut start, mut idle) = (Vec::new(), Vec::new());
    for _ in 0..bench.rounds(10, 1) {
        let (state, _) = daemon.stop().await?;
        let began = Instant::now();
        daemon = Daemon::start_again(state).await?;
        start.push(millis(began.elapsed()));
        idle.push(rss_mib(daemon.pid()?)?);
    }
    bench.add("past.start", Sorted::new(start).median(), "ms", Some(500.0));
    bench.add("past.idle_rss", Sorted::new(idle).median(), "MiB", Some(40.0));
    Ok(())
}

async fn with_past(server: &Server, history: History) -> Result<(Daemon, String)> {
    let daemon = Daemon::start_with(&config(server)).await?;
    let token = daemon.sign_up().await?;
    let (state, _) = daemon.stop().await?;
    history.write(&state.state_dir()).context("writing a past")?;
    Ok((Daemon::start_again(state).await?, token))
}

async fn connect(daemon: &Daemon) -> Result<Vec<Raw>> {
    futures_util::future::try_join_all((0..4).map(|_| daemon.connect())).await
}

/// CPU time of the server for one request.
async fn cost_micros(
    daemon: &Daemon,
    raws: &mut [Raw],
    token: &str,
    path: &str,
    requests: usize,
) -> Result<f64> {
    let before = cpu_time(daemon.pid()?)?;
    let times = burst(raws, token, path, requests).await?;
    let cpu = cpu_time(daemon.pid()?)?.saturating_sub(before);
    Ok(cpu.as_secs_f64() * 1e6 / times.len() as f64)
}
