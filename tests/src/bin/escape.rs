//! `aether-escape`: the escape suite as a table, for `cargo xtask escape`. The last line is `N tried, M out`; the status
//! is 0 when none got out and every control that must work did.
//!
//! With `--markdown` the table goes to standard output as SECURITY.md has it, and everything else to standard error.

use std::process::ExitCode;

use aether_tests::escape::{
    ATTEMPTS, Outcome, Removed,
    suite::{Mode, run},
};
use anyhow::{Result, bail};

fn main() -> Result<ExitCode> {
    let is_markdown = match std::env::args().nth(1).as_deref() {
        None => false,
        Some("--markdown") => true,
        Some(other) => bail!("there is no option {other}; --markdown is the only one"),
    };
    let (mut tried, mut out, mut broken) = (0, 0, 0);
    let mut columns: Vec<(String, Vec<Outcome>)> = Vec::new();
    for mode in Mode::all() {
        eprintln!("\nas {}\n{:<26} {:<34} {:<58} outside", mode.name(), "attempt", "held by", "inside");
        let outcomes = run(*mode, None)?;
        for (attempt, outcome) in ATTEMPTS.iter().zip(&outcomes) {
            let outside = outcome.outside.as_deref().unwrap_or("not tried");
            eprintln!("{:<26} {:<34} {:<58} {outside}", attempt.name, attempt.layers(), outcome.inside);
            tried += 1;
            out += usize::from(!outcome.is_held());
            let must_work = attempt.control.must_work(*mode == Mode::Root);
            broken += usize::from(must_work && !outcome.works_outside());
        }
        columns.push((format!("as {}", mode.name()), outcomes));
    }
    for removed in Removed::ALL {
        let outcomes = run(Mode::Ordinary, Some(removed))?;
        let got_out: Vec<_> = outcomes.iter().filter(|it| !it.is_held()).map(|it| it.name.as_str()).collect();
        eprintln!("\nwithout {} {} get out: {}", removed.name(), got_out.len(), got_out.join(", "));
        columns.push((format!("without {}", removed.name()), outcomes));
    }
    if is_markdown {
        markdown(&columns);
    }
    if broken > 0 {
        eprintln!("{broken} controls did not work outside, where they must");
    }
    eprintln!("{tried} tried, {out} out");
    Ok(if out + broken == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn markdown(columns: &[(String, Vec<Outcome>)]) {
    let names: Vec<_> = columns.iter().map(|(name, _)| name.as_str()).collect();
    println!("| attempt | held by | works outside for | {} |", names.join(" | "));
    println!("|---|---|---|{}", "---|".repeat(columns.len()));
    for (index, attempt) in ATTEMPTS.iter().enumerate() {
        let cells = columns.iter().filter_map(|(_, outcomes)| outcomes.get(index));
        let cells: Vec<_> = cells.map(|it| if it.is_held() { "held" } else { "**out**" }).collect();
        let (layers, control) = (attempt.layers(), attempt.control.name());
        println!("| `{}` | {layers} | {control} | {} |", attempt.name, cells.join(" | "));
    }
}
