//! `cargo xtask bench`: the figures that SPECIFICATION.md promises, measured on optimised programs.

use std::{fs, path::PathBuf};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use crate::{
    command::run as execute,
    model, project, run as build,
    setup::{self, Need},
};

/// Measures what is promised.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Write the figures there as JSON
    #[arg(long)]
    json: Option<PathBuf>,
    /// Only benchmarks whose name contains this
    filter: Option<String>,
    /// Fewer rounds: a check that the benchmarks run, not a measurement
    #[arg(long)]
    short: bool,
}

/// One measured promise.
#[derive(Serialize, Deserialize)]
struct Figure {
    name: String,
    value: f64,
    unit: String,
    /// What is promised; a figure without one is told for its own sake.
    target: Option<f64>,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    setup::packages(&[Need::Build, Need::Agents])?;
    model::ensure()?;
    // In one build, so that what both need is built once.
    build::kernel(true, &["aether-tests"])?;
    let out = project::target().join("bench.json");
    let mut bench = std::process::Command::new(project::programs(true).join("aether-bench"));
    bench.arg("--json").arg(&out).env("AETHER_TEST_MODELS", model::folder()?);
    bench.env("AETHER_TEST_WEB", project::web());
    if options.short {
        bench.arg("--short");
    }
    if let Some(filter) = &options.filter {
        bench.arg(filter);
    }
    execute(&mut bench)?;
    let text = fs::read_to_string(&out).context("the benchmarks' figures")?;
    let figures: Vec<Figure> = serde_json::from_str(&text).context("the benchmarks' figures")?;
    show(&figures);
    if let Some(file) = &options.json {
        fs::write(file, text).with_context(|| format!("writing {}", file.display()))?;
    }
    Ok(())
}

fn show(figures: &[Figure]) {
    println!("{:<52} {:>12} {:<16} {:>10}", "promise", "measured", "unit", "target");
    for figure in figures {
        let target = figure.target.map_or_else(String::new, |target| format!("≤ {target}"));
        println!("{:<52} {:>12.2} {:<16} {:>10}", figure.name, figure.value, figure.unit, target);
    }
}
