//! `aether-agent exec -- CMD…`: seals itself and becomes another program.

use std::{
    convert::Infallible,
    env,
    ffi::{OsStr, OsString},
    io,
    os::unix::process::CommandExt,
    process::Command,
};

use aether_protocol::link;
use anyhow::{Context, bail};

use super::{LIMITS_VARIABLE, Profile, seal};

/// Seals this process and becomes `command`; `--` before it is skipped. Returns only when that fails. On a
/// terminal the program gets it as its controlling one.
pub fn exec(command: impl IntoIterator<Item = OsString>) -> anyhow::Result<Infallible> {
    exec_with(&Profile::from_environment()?, command)
}

/// The same with a profile of the caller's.
pub fn exec_with(
    profile: &Profile,
    command: impl IntoIterator<Item = OsString>,
) -> anyhow::Result<Infallible> {
    let mut command = command.into_iter().skip_while(|word| word == "--");
    let Some(program) = command.next() else { bail!("There is no program to start after `exec --`") };
    take_terminal()?;
    seal(profile)?;
    let told = [LIMITS_VARIABLE, link::PROXY_VARIABLE];
    let environment = env::vars_os().filter(|(name, _)| !told.iter().any(|told| name == told));
    become_program(&program, command, environment)
}

/// Leads a session of its own, with the terminal on standard input as its controlling one, so that Ctrl-C and
/// job control work. Nothing where standard input is no terminal.
pub(crate) fn take_terminal() -> anyhow::Result<()> {
    let terminal = io::stdin();
    if rustix::termios::isatty(&terminal) {
        rustix::process::setsid().context("A session cannot be made")?;
        rustix::process::ioctl_tiocsctty(&terminal).context("The terminal cannot be taken")?;
    }
    Ok(())
}

/// Becomes a program with this environment and no other.
pub(crate) fn become_program(
    program: &OsStr,
    arguments: impl IntoIterator<Item = OsString>,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> anyhow::Result<Infallible> {
    let error = Command::new(program).args(arguments).env_clear().envs(environment).exec();
    Err(error).with_context(|| format!("{} cannot be started", program.display()))
}
