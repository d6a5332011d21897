//! `aether-agent enter`: a shell inside the sandbox of a running agent.
//!
//! Three processes. The one that the kernel starts joins the sandbox's namespaces and waits. Its child is
//! inside the pid namespace, adopts what the shell leaves behind and ends it with the shell. Its child is
//! sealed like the agent and becomes the shell.

mod arguments;
mod namespaces;

use std::{convert::Infallible, ffi::OsString, fs, io::Write, os::fd::FromRawFd, process::ExitCode};

use aether_protocol::link::PROXY_ENVIRONMENT;
use anyhow::{Context, bail};
use rustix::{
    process::{Pid, Signal, WaitOptions, WaitStatus, kill_process, wait, waitpid},
    thread::CapabilitySet,
};

use crate::seal::{self, Profile};
use arguments::Arguments;

/// Enters and waits; returns the shell's exit status, 128 and the signal's number where one ended it.
pub fn enter(arguments: impl IntoIterator<Item = OsString>) -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse(arguments)?;
    tie_to_parent()?;
    namespaces::join(arguments.host_pid, arguments.pidns_inode)?;
    // Joining a user namespace can forget it.
    tie_to_parent()?;
    match fork()? {
        Some(child) => {
            report(arguments.status_fd, child)?;
            let (_, status) = waitpid(Some(child), WaitOptions::empty())
                .context("Waiting for the shell failed")?
                .context("The shell's process is gone")?;
            Ok(ExitCode::from(code_of(status)))
        }
        None => watch_over(&arguments),
    }
}

/// The process in the pid namespace: starts the shell, adopts its orphans, ends what is left after it.
fn watch_over(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))
        .context("Orphans cannot be adopted")?;
    let Some(shell) = fork()? else { match become_shell(arguments)? {} };
    // What it keeps is the power to end the shell's processes, which have another user.
    seal::drop_capabilities(CapabilitySet::KILL)?;
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)?;
    tie_to_parent()?;
    let code = loop {
        match wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) if pid == shell => break code_of(status),
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error).context("The shell cannot be waited for"),
        }
    };
    end_leftovers()?;
    Ok(ExitCode::from(code))
}

fn become_shell(arguments: &Arguments) -> anyhow::Result<Infallible> {
    tie_to_parent()?;
    seal::take_terminal()?;
    let home = arguments.home.clone();
    std::env::set_current_dir(&home).with_context(|| format!("{home} cannot be entered"))?;
    let proxy_port = arguments.proxy_port;
    seal::seal(&Profile {
        limits: Some(arguments.limits),
        home: home.clone(),
        scoped: false,
        proxy_port,
        without: None,
    })?;
    let environment = [
        ("HOME", home.as_str()),
        ("AETHER_AGENT", arguments.name.as_str()),
        ("USER", "agent"),
        ("LOGNAME", "agent"),
        ("SHELL", "/bin/bash"),
        ("PATH", "/home/agent/.local/bin:/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"),
        ("LANG", "C.UTF-8"),
        ("TMPDIR", "/tmp"),
        ("TERM", "xterm-256color"),
        ("COLORTERM", "truecolor"),
    ];
    let mut command = arguments.command.iter().cloned();
    let Some(program) = command.next() else { bail!("There is no program to start after `--`") };
    let proxy = PROXY_ENVIRONMENT.into_iter().filter(|_| proxy_port.is_some());
    let environment = environment.into_iter().chain(proxy).map(|(name, value)| (name.into(), value.into()));
    seal::become_program(&program, command, environment)
}

/// Ends the children, those that are adopted while this goes on too, until there is none.
fn end_leftovers() -> anyhow::Result<()> {
    let listing = format!("/proc/self/task/{}/children", rustix::thread::gettid().as_raw_nonzero());
    loop {
        for child in fs::read_to_string(&listing).unwrap_or_default().split_ascii_whitespace() {
            if let Some(child) = child.parse().ok().and_then(Pid::from_raw) {
                let _ = kill_process(child, Signal::KILL);
            }
        }
        match wait(WaitOptions::empty()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(rustix::io::Errno::CHILD) => return Ok(()),
            Err(error) => return Err(error).context("What the shell left cannot be waited for"),
        }
    }
}

/// Tells the kernel the child's pid, in the words that bubblewrap uses.
#[expect(unsafe_code, reason = "the kernel passes the descriptor as a number")]
fn report(status_fd: i32, child: Pid) -> anyhow::Result<()> {
    // SAFETY: the kernel put the descriptor there for this, and nothing else in this process uses it.
    let mut status = unsafe { fs::File::from_raw_fd(status_fd) };
    writeln!(status, "{{ \"child-pid\": {} }}", child.as_raw_nonzero()).context("The kernel does not listen")
}

/// SIGKILL when the parent ends.
fn tie_to_parent() -> anyhow::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
        .context("The process cannot be tied to its parent")
}

#[expect(unsafe_code, reason = "fork has no safe binding")]
fn fork() -> anyhow::Result<Option<Pid>> {
    // SAFETY: this process has one thread, so the child may do anything that the parent may.
    let pid = unsafe { libc::fork() };
    if pid < 0 {
        return Err(std::io::Error::last_os_error()).context("A process cannot be made");
    }
    Ok(Pid::from_raw(pid))
}

fn code_of(status: WaitStatus) -> u8 {
    let code = status.exit_status().or_else(|| status.terminating_signal().map(|number| 128 + number));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}
