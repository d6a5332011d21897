//! The process that an agent is. The program `aether-agent`:
//!
//! - `run` (or nothing) lives a life: think, act, observe. It speaks to the kernel over one inherited socket
//!   and to nobody else, and closes the sandbox behind itself before it reads the first byte.
//! - `exec -- COMMAND` closes the sandbox behind itself and becomes the command.
//! - `enter …` starts a shell in the sandbox of an agent that runs.

mod conversation;
mod enter;
mod life;
mod link;
mod messages;
mod retry;
pub mod seal;
mod signals;
mod tools;

#[cfg(test)]
mod tests;

use std::{
    os::{fd::FromRawFd, unix::net::UnixStream},
    process::ExitCode,
};

use anyhow::Context;

use crate::{life::End, link::Link, retry::Pace, seal::Profile, signals::Signals, tools::Home};

/// The agent's process could not do its part; the reason is on its standard error.
const EXIT_BROKEN: u8 = 2;

/// As a shell reports an end by TERM.
const EXIT_TERMINATED: u8 = 143;

/// What the program does, by its arguments.
pub fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let result = match arguments.next().as_deref().and_then(std::ffi::OsStr::to_str) {
        None | Some("run") => run(),
        Some("exec") => seal::exec(arguments).map(|never| match never {}),
        Some("enter") => enter::enter(arguments),
        _ => Err(anyhow::anyhow!("The first argument must be run, exec or enter")),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("aether-agent: {error:#}");
            ExitCode::from(EXIT_BROKEN)
        }
    }
}

fn run() -> anyhow::Result<ExitCode> {
    let sealed = seal::seal(&Profile::from_environment()?).context("The sandbox cannot be closed")?;
    let signals = Signals::block().context("Signals cannot be received")?;
    let home = Home::current().context("The home cannot be found")?;
    let end = life::live(Link::new(inherited_socket()?), signals, home, sealed, Pace::default())?;
    Ok(match end {
        // Where the kernel is gone, nobody reads the code.
        End::Completed | End::KernelGone => ExitCode::SUCCESS,
        End::Failed => ExitCode::FAILURE,
        End::Terminated => ExitCode::from(EXIT_TERMINATED),
    })
}

#[expect(unsafe_code, reason = "the kernel passes the socket as a bare file descriptor number")]
fn inherited_socket() -> anyhow::Result<UnixStream> {
    let fd = aether_protocol::link::FD;
    // SAFETY: the number is only compared and flagged by the kernel; a closed one gives EBADF.
    if unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) } < 0 {
        return Err(std::io::Error::last_os_error()).context(format!(
            "There is no socket on file descriptor {fd}; only the kernel starts this program"
        ));
    }
    // SAFETY: the descriptor is open, and nothing else in this process uses it.
    Ok(unsafe { UnixStream::from_raw_fd(fd) })
}
