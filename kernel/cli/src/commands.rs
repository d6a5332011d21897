//! What each command does.

mod account;
mod attach;
mod channels;
mod deploy;
mod files;
mod processes;
mod quota;
mod recordings;
mod snapshots;
mod steps;
mod system;
mod transfer;
mod trash;

use std::io::Write;

use aether_protocol::process::SignalName;
use clap::CommandFactory;

use crate::{
    args::{AgentsCommand, Cli, Command, Shell},
    context::Context,
    failure::Outcome,
};

/// Does what was typed.
pub(crate) async fn run(mut cx: Context, command: Command) -> Outcome {
    match command {
        Command::Setup { code, who } => account::setup(&mut cx, code, who).await,
        Command::Login { who } => account::login(&mut cx, who).await,
        Command::Logout => account::logout(&mut cx).await,
        Command::Whoami => account::whoami(&cx).await,
        Command::Sessions { revoke } => account::sessions(&cx, revoke).await,
        Command::Spawn(spawn) => deploy::spawn(&cx, spawn).await,
        Command::Wait { processes, timeout } => deploy::wait(&cx, &processes, timeout).await,
        Command::Ps { all, ended, limit } => processes::list(&cx, all, ended, limit).await,
        Command::Agents { command } => match command.unwrap_or(AgentsCommand::Ls { limit: 200 }) {
            AgentsCommand::Ls { limit } => processes::agents(&cx, limit).await,
            AgentsCommand::Lives { agent } => processes::lives(&cx, &agent).await,
            AgentsCommand::Rm { agent } => processes::remove(&cx, &agent).await,
        },
        Command::Logs { process, follow, after, full } => {
            steps::logs(&cx, &process, follow, after, full).await
        }
        Command::Signal { signal, processes } | Command::Kill { signal, processes } => {
            processes::signal(&cx, signal, &processes).await
        }
        Command::Stop { processes } => processes::signal(&cx, SignalName::Stop, &processes).await,
        Command::Cont { processes } => processes::signal(&cx, SignalName::Cont, &processes).await,
        Command::Pause { processes } => processes::pause(&cx, &processes).await,
        Command::Resume { processes } => processes::resume(&cx, &processes).await,
        Command::Continue { process, steps } => processes::extend(&cx, &process, steps).await,
        Command::Renice { process, priority } => processes::renice(&cx, &process, priority).await,
        Command::Quota { process, quotas, steps } => quota::quota(&cx, &process, quotas.quotas(steps)).await,
        Command::Say { process, text } => processes::say(&cx, &process, &text).await,
        Command::Attach { process, terminal, detach_key } => {
            attach::attach(&cx, process, terminal, detach_key).await
        }
        Command::Terminals => attach::list(&cx).await,
        Command::Record { terminal, path, stop: _ } => recordings::record(&cx, terminal, path).await,
        Command::Replay { path, speed, longest_pause_secs } => {
            let longest = std::time::Duration::from_secs_f64(longest_pause_secs);
            recordings::replay(&cx, &path, speed, longest).await
        }
        Command::Fs { command } => files::run(&cx, command).await,
        Command::Channel { command } => channels::run(&cx, command).await,
        Command::Snapshot { command } => snapshots::run(&cx, command).await,
        Command::Gc { dry_run } => system::gc(&cx, dry_run).await,
        Command::Models => system::models(&cx).await,
        Command::Roles => system::roles(&cx).await,
        Command::Status => system::status(&cx).await,
        Command::Doctor => system::doctor(&cx).await,
        Command::Events { follow, after, limit } => system::events(&cx, follow, after, limit).await,
        Command::Completion { shell } => completion(shell),
    }
}

fn completion(shell: Shell) -> Outcome {
    use clap_complete::Shell as Known;
    let shell = match shell {
        Shell::Bash => Known::Bash,
        Shell::Elvish => Known::Elvish,
        Shell::Fish => Known::Fish,
        Shell::Powershell => Known::PowerShell,
        Shell::Zsh => Known::Zsh,
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "aether", &mut script);
    std::io::stdout().write_all(&script)?;
    Ok(())
}
