//! What a terminal costs over the network: from a key to its echo, and how much output passes.

use std::time::{Duration, Instant};

use aether_protocol::TerminalId;
use anyhow::{Context as _, Result};
use serde_json::json;

use super::{
    Bench,
    agents::ask,
    measure::{Sorted, millis},
    socket::Socket,
};
use crate::daemon::Daemon;

/// What this group measures.
pub const NAMES: &[&str] = &["terminal.key_to_echo_p50", "terminal.key_to_echo_p99", "terminal.throughput"];

/// `seq` writes this much between the marks.
const LINES: u32 = 400_000;

/// Keys one at a time, each after the echo of the one before; then a program that writes as fast as it can.
pub async fn measure(bench: &mut Bench) -> Result<()> {
    let daemon = Daemon::start().await?;
    let token = daemon.sign_up().await?;
    let opened = ask(
        &mut daemon.connect().await?,
        &token,
        "POST",
        "/api/v1/terminals",
        json!({"target": {"kind": "home"}}),
    )
    .await?;
    let terminal: TerminalId = opened.get("id").and_then(|id| id.as_str()).context("no id")?.parse()?;
    let mut socket = Socket::connect(&daemon, &token).await?;
    socket.send(&json!({"type": "attach", "terminal": terminal})).await?;
    // `cat` without line editing echoes each key once; the mark says that it stands.
    socket.keys(terminal, b"stty -icanon; printf 'rea%s' dy; exec cat > /dev/null\r").await?;
    shown(&mut socket, "ready").await?;

    let mut echoes = Vec::new();
    for round in 0..bench.rounds(2_000, 50) + 20 {
        let key = b'a' + u8::try_from(round % 26)?;
        let began = Instant::now();
        socket.keys(terminal, &[key]).await?;
        while !socket.output().await?.contains(&key) {}
        if round >= 20 {
            echoes.push(millis(began.elapsed()));
        }
    }
    let echoes = Sorted::new(echoes);
    bench.add("terminal.key_to_echo_p50", echoes.median(), "ms", None);
    bench.add("terminal.key_to_echo_p99", echoes.percentile(0.99), "ms", None);

    let mut rates = Vec::new();
    for _ in 0..bench.rounds(5, 1) {
        let (bytes, time) = flood(&daemon, &token).await?;
        rates.push(bytes as f64 / f64::from(1 << 20) / time.as_secs_f64());
    }
    bench.add("terminal.throughput", Sorted::new(rates).median(), "MiB/s", None);
    Ok(())
}

/// A terminal of its own that writes lines without end: what came, and how long it took.
async fn flood(daemon: &Daemon, token: &str) -> Result<(usize, Duration)> {
    let mut raw = daemon.connect().await?;
    let opened =
        ask(&mut raw, token, "POST", "/api/v1/terminals", json!({"target": {"kind": "home"}})).await?;
    let terminal: TerminalId = opened.get("id").and_then(|id| id.as_str()).context("no id")?.parse()?;
    let mut socket = Socket::connect(daemon, token).await?;
    socket.send(&json!({"type": "attach", "terminal": terminal})).await?;
    let command = format!("stty -echo; printf 'rea%s' dy; seq {LINES}; printf 'do%s' ne\r");
    socket.keys(terminal, command.as_bytes()).await?;
    shown(&mut socket, "ready").await?;
    let began = Instant::now();
    let bytes = shown(&mut socket, "done").await?;
    let time = began.elapsed();
    let path = format!("/api/v1/terminals/{terminal}");
    ask(&mut raw, token, "DELETE", &path, json!({})).await?;
    Ok((bytes, time))
}

/// Reads until `mark` was written; returns how many bytes came.
async fn shown(socket: &mut Socket, mark: &str) -> Result<usize> {
    let (mut tail, mut bytes) = (Vec::new(), 0);
    loop {
        let output = socket.output().await?;
        bytes += output.len();
        tail.extend_from_slice(&output);
        if tail.windows(mark.len()).any(|window| window == mark.as_bytes()) {
            return Ok(bytes);
        }
        let surplus = tail.len().saturating_sub(mark.len());
        tail.drain(..surplus);
    }
}
