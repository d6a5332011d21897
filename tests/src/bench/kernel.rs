//! What the kernel costs: to start, and while nothing happens.

use std::time::Instant;

use aether_protocol::process::State;
use anyhow::Result;

use super::{
    Bench,
    agents::spawn,
    config,
    measure::{Sorted, millis, rss_mib},
    socket::Socket,
};
use crate::{
    daemon::Daemon,
    scripted::{Script, Server},
};

/// What this group measures.
pub const NAMES: &[&str] = &[
    "kernel.start_fresh",
    "kernel.start_fresh_p99",
    "kernel.start_existing",
    "kernel.start_existing_p99",
    "kernel.start_existing_own_clock",
    "kernel.idle_rss",
    "kernel.idle_rss_after_work",
];

/// The clock runs from before the program is executed until its ready line has been read.
pub async fn measure(bench: &mut Bench) -> Result<()> {
    let rounds = bench.rounds(20, 2);
    let mut fresh = Vec::new();
    for _ in 0..rounds {
        let began = Instant::now();
        let daemon = Daemon::start().await?;
        fresh.push(millis(began.elapsed()));
        daemon.stop().await?;
    }
    let fresh = Sorted::new(fresh);
    bench.add("kernel.start_fresh", fresh.median(), "ms", Some(500.0));
    bench.add("kernel.start_fresh_p99", fresh.percentile(0.99), "ms", None);

    let server = Server::start(Script::goals()).await?;
    let mut daemon = Daemon::start_with(&config(&server)).await?;
    let token = daemon.sign_up().await?;
    work(&daemon, &token).await?;
    let (mut existing, mut own_clock, mut idle) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        let (state, _) = daemon.stop().await?;
        let began = Instant::now();
        daemon = Daemon::start_again(state).await?;
        existing.push(millis(began.elapsed()));
        own_clock.push(daemon.start_ms);
        // A client that is signed in, looks at its list and listens: as a kernel is when nothing happens.
        let answer = daemon.ask("GET", "/api/v1/processes", &token, None).await?;
        anyhow::ensure!(answer.status == 200, "{}", answer.text());
        let listener = Socket::subscribed(&daemon, &token).await?;
        idle.push(rss_mib(daemon.pid()?)?);
        drop(listener);
    }
    let existing = Sorted::new(existing);
    bench.add("kernel.start_existing", existing.median(), "ms", Some(500.0));
    bench.add("kernel.start_existing_p99", existing.percentile(0.99), "ms", None);
    bench.add("kernel.start_existing_own_clock", Sorted::new(own_clock).median(), "ms", None);
    bench.add("kernel.idle_rss", Sorted::new(idle).median(), "MiB", Some(40.0));
    daemon.sign_in().await?;
    work(&daemon, &token).await?;
    bench.add("kernel.idle_rss_after_work", rss_mib(daemon.pid()?)?, "MiB", Some(40.0));
    Ok(())
}

/// Eight agents, one after the other, from spawn to completion.
async fn work(daemon: &Daemon, token: &str) -> Result<()> {
    let mut events = Socket::subscribed(daemon, token).await?;
    let mut raw = daemon.connect().await?;
    for _ in 0..8 {
        let pid = spawn(&mut raw, token, "write hello.txt hello").await?;
        events.until(pid, State::Dead).await?;
    }
    Ok(())
}
