//! `aether-engine`: llama.cpp in a process of its own, so that its crash or hunger for memory harms nobody.
//!
//! `serve` answers frames on stdin with frames on stdout and ends when stdin closes. `bench MODEL` prints figures.
//! `prompt MODEL` reads a job on stdin and prints the prompt that would be read.

mod bench;
mod brain;
mod grammar;
mod pick;
mod prompt;
mod serve;
mod threads;

use std::{path::Path, process::ExitCode};

use anyhow::{Context, bail};

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match run(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[String]) -> anyhow::Result<()> {
    let mut words = words.iter().map(String::as_str);
    match words.next() {
        Some("serve") => {
            let rest: Vec<&str> = words.collect();
            stand_back(number(&rest, "--nice")?.unwrap_or(0));
            serve::serve();
            Ok(())
        }
        Some("bench") => {
            let model = words.next().context("Say which model's file: aether-engine bench MODEL")?;
            let rest: Vec<&str> = words.collect();
            let plan = bench::Plan {
                threads: number(&rest, "--threads")?.unwrap_or(1),
                prompt_tokens: number(&rest, "--prompt")?.unwrap_or(512),
                generate_tokens: number(&rest, "--generate")?.unwrap_or(128),
                rounds: number(&rest, "--rounds")?.unwrap_or(3),
            };
            bench::bench(Path::new(model), &plan)
        }
        Some("prompt") => {
            let model = words.next().context("Say which model's file: aether-engine prompt MODEL < JOB")?;
            brain::show_prompt(Path::new(model))
        }
        _ => bail!("This program is started by aetherd. By hand: aether-engine bench MODEL"),
    }
}

/// The number behind a word, where the word is there.
fn number(words: &[&str], name: &str) -> anyhow::Result<Option<u32>> {
    let Some(at) = words.iter().position(|word| *word == name) else { return Ok(None) };
    let value = words.get(at + 1).with_context(|| format!("{name} wants a number"))?;
    Ok(Some(value.parse().with_context(|| format!("{name} wants a number, not '{value}'"))?))
}

/// Steps behind other programs, and first in line where memory runs out. Both are wishes: where they are refused,
/// thinking goes on.
fn stand_back(nice: u32) {
    let _ = rustix::process::nice(i32::try_from(nice).unwrap_or(19));
    let _ = std::fs::write("/proc/self/oom_score_adj", "500");
    let none = rustix::process::Rlimit { current: Some(0), maximum: Some(0) };
    let _ = rustix::process::setrlimit(rustix::process::Resource::Core, none);
}
