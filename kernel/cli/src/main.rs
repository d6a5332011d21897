//! `aether`: the command line.

mod args;
mod commands;
mod context;
mod failure;
mod profile;
mod resolve;
mod shape;

use std::process::ExitCode;

use aether_protocol::Error;
use clap::{Parser, error::ErrorKind};

use crate::{
    args::Cli,
    context::Context,
    failure::{Failure, Outcome},
};

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let json = cli.global.json;
    match start(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(json),
    }
}

fn start(cli: Cli) -> Outcome {
    let context = Context::new(&cli.global)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::internal(format!("The event loop could not be started: {error}")))?;
    runtime.block_on(commands::run(context, cli.command))
}

/// What clap says, as JSON where JSON was asked for.
fn usage(error: &clap::Error) -> ExitCode {
    let is_help = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    if !is_help && std::env::args_os().any(|arg| arg == "--json") {
        let text = error.render().to_string();
        let message = text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
        return Failure::from(Error::invalid(message).hint("`aether --help` shows what can be typed"))
            .report(true);
    }
    // A closed stdout or stderr leaves nobody to tell.
    let _ = error.print();
    ExitCode::from(if is_help { 0 } else { 2 })
}
