//! `cargo xtask ci`: what must hold before a change lands.

use std::time::Instant;

use anyhow::Result;

use crate::{
    command::{cargo, exists, run as execute, say},
    setup::{self, Need},
    smoke, test, tidy,
};

pub(crate) fn run() -> Result<()> {
    let started = Instant::now();
    let mut times = Vec::new();
    let mut stage = |name: &'static str, work: &dyn Fn() -> Result<()>| -> Result<()> {
        let began = Instant::now();
        work()?;
        times.push((name, began.elapsed().as_secs_f64()));
        Ok(())
    };
    stage("setup", &|| setup::packages(&[Need::Build, Need::Agents, Need::Window, Need::Tests]))?;
    stage("tidy", &tidy::run)?;
    stage("format", &|| execute(&mut cargo(["fmt", "--all", "--check"])).map(|_| ()))?;
    stage("licences", &licences)?;
    stage("lints", &lints)?;
    stage("tests", &|| test::run(&test::Options::default()))?;
    stage("smoke", &|| smoke::run(&smoke::Options { no_build: true, release: false }))?;
    for (name, secs) in times {
        println!("{name:>10}  {secs:7.1} s");
    }
    println!("{:>10}  {:7.1} s", "all", started.elapsed().as_secs_f64());
    Ok(())
}

fn lints() -> Result<()> {
    say("Clippy, native");
    let mut clippy = cargo(["clippy"]);
    clippy.args(test::WORKSPACE).args(["--features", "aether-tests/guest"]);
    execute(clippy.args(["--", "--deny", "warnings"]))?;
    Ok(())
}

/// cargo-deny reads `deny.toml`. Where it is not installed, `tidy` has checked the licences from the metadata.
fn licences() -> Result<()> {
    if exists("cargo-deny") {
        execute(&mut cargo(["deny", "--offline", "check", "licenses", "bans", "sources"]))?;
    } else {
        say("cargo-deny is not installed; licences are checked from the packages' metadata alone");
    }
    tidy::licences()
}
