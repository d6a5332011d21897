//! The project's own tool. `cargo xtask help` lists what it does.

mod bench;
mod ci;
mod command;
mod escape;
mod guest;
mod model;
mod project;
mod run;
mod rust_std;
mod setup;
mod smoke;
mod test;
mod tidy;
mod web;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Builds, runs and checks Aether OS.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Installs what is missing: Debian packages, the WebAssembly standard library, a small language model
    Setup(setup::Options),
    /// Builds everything and starts the kernel with the web desktop
    Run(run::Options),
    /// Runs all tests; builds what they need first
    Test(test::Options),
    /// The whole job without a person, by the command line on the real local model
    Smoke(smoke::Options),
    /// Builds the web desktop
    Web(web::Options),
    /// Measures what SPECIFICATION.md promises
    Bench(bench::Options),
    /// Runs the escape attempts in a real sandbox
    Escape(escape::Options),
    /// Runs what needs cgroup v2 in a small guest under QEMU
    GuestTest(guest::Options),
    /// Checks what no compiler checks: module docs, file sizes, dependency arrows, documents
    Tidy,
    /// What continuous integration runs
    Ci,
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().task {
        Task::Setup(options) => setup::run(&options),
        Task::Run(options) => run::run(&options),
        Task::Test(options) => test::run(&options),
        Task::Smoke(options) => smoke::run(&options),
        Task::Web(options) => web::run(&options),
        Task::Bench(options) => bench::run(&options),
        Task::Escape(options) => escape::run(&options),
        Task::GuestTest(options) => guest::run(&options),
        Task::Tidy => tidy::run(),
        Task::Ci => ci::run(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
