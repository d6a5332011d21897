//! `aether-bench --json FILE [--short] [FILTER]`: measures what SPECIFICATION.md promises, on the programs that lie
//! beside it. `cargo xtask bench` builds them first and shows the table.

use std::{fs, path::PathBuf, process::ExitCode};

use aether_tests::bench::{
    Bench, agents, crowd, events, files, governor, kernel, measure, model, past, requests, terminals, web,
};
use anyhow::{Context as _, Result, bail};

fn main() -> Result<ExitCode> {
    let (mut bench, json) = options()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let mut has_failed = false;
    let mut failed = |group: &str, result: Result<()>| {
        if let Err(error) = result {
            eprintln!("{group} could not be measured: {error:#}");
            has_failed = true;
        }
    };
    bench.add("machine.load_at_start", measure::load()?, "processes", None);
    if bench.wants(kernel::NAMES) {
        failed("kernel", runtime.block_on(kernel::measure(&mut bench)));
    }
    if bench.wants(agents::NAMES) {
        failed("agents", runtime.block_on(agents::measure(&mut bench)));
    }
    if bench.wants(requests::NAMES) {
        failed("requests", runtime.block_on(requests::measure(&mut bench)));
    }
    if bench.wants(events::NAMES) {
        failed("events", runtime.block_on(events::measure(&mut bench)));
    }
    if bench.wants(terminals::NAMES) {
        failed("terminals", runtime.block_on(terminals::measure(&mut bench)));
    }
    if bench.wants(files::NAMES) {
        failed("files", runtime.block_on(files::measure(&mut bench)));
    }
    if bench.wants(governor::NAMES) {
        failed("governor", runtime.block_on(governor::measure(&mut bench)));
    }
    if bench.wants(crowd::NAMES) {
        failed("crowd", runtime.block_on(crowd::measure(&mut bench)));
    }
    if bench.wants(past::NAMES) {
        failed("past", runtime.block_on(past::measure(&mut bench)));
    }
    if bench.wants(model::NAMES) {
        failed("model", model::measure(&mut bench));
    }
    if bench.wants(web::NAMES) {
        failed("web", web::measure(&mut bench));
    }
    bench.add("machine.load_at_end", measure::load()?, "processes", None);
    fs::write(&json, serde_json::to_string_pretty(&bench.figures)?)
        .with_context(|| format!("writing {}", json.display()))?;
    Ok(if has_failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn options() -> Result<(Bench, PathBuf)> {
    let mut bench = Bench::default();
    let mut json = None;
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--json" => json = Some(words.next().context("--json wants a file")?),
            "--short" => bench.is_short = true,
            _ if word.starts_with('-') => bail!("there is no option {word}"),
            _ => bench.filter = Some(word),
        }
    }
    Ok((bench, json.context("say where the figures go: --json FILE")?.into()))
}
