//! Prepares a start: the home, the descriptors, the command line.

use std::{
    ffi::OsString,
    fs,
    io::{Seek, Write},
    os::{
        fd::OwnedFd,
        unix::{ffi::OsStrExt, net::UnixStream as StdUnixStream},
    },
    path::Path,
    sync::Weak,
};

use aether_protocol::{link, process::Layer};
use rustix::{
    fs::{MemfdFlags, Mode, OFlags, memfd_create, open},
    io::ioctl_fionbio,
    pipe::{PipeFlags, pipe_with},
    process::{Gid, Uid},
};
use tokio::net::UnixStream;

use super::{
    Entry, Inner, Program, SandboxError, SpawnSpec, Spawned,
    arguments::{self, BLOCK_FD, HOME, Mapping, OPTIONS_FD, STATUS_FD},
    cgroup::Group,
    owner::{self, Owner},
    spawn::Child,
    started::{Gate, Start},
};
use crate::process::tree::ProcessTree;

/// Where the program's standard streams go.
enum Streams {
    /// Nothing to read; what is written is kept as the sandbox's last words.
    Kept,
    /// A terminal.
    Terminal(OwnedFd),
}

pub(super) async fn with_link(
    inner: &Inner,
    spec: &SpawnSpec,
    program: &Program,
) -> Result<Spawned, SandboxError> {
    let (ours, theirs) = StdUnixStream::pair().map_err(SandboxError::host("making the link"))?;
    ours.set_nonblocking(true).map_err(SandboxError::host("making the link"))?;
    // Before anybody inside can write: who reads it asks Linux who wrote ([`crate::process::link`]).
    rustix::net::sockopt::set_socket_passcred(&ours, true).map_err(SandboxError::host("making the link"))?;
    let (mut start, owner) = prepare(inner, spec, program, Streams::Kept, Some(theirs.into()))?;
    let handover = match &spec.network {
        Some(_) => {
            let making = "making the way to the proxy";
            let (kernels, sandboxs) = StdUnixStream::pair().map_err(SandboxError::host(making))?;
            kernels.set_nonblocking(true).map_err(SandboxError::host(making))?;
            start.child.descriptor(&sandboxs.into(), link::HANDOVER_FD)?;
            Some(UnixStream::from_std(kernels).map_err(SandboxError::host(making))?)
        }
        None => None,
    };
    let tree = keeper(inner)?.launch(start).await?;
    let link = UnixStream::from_std(ours).map_err(SandboxError::host("making the link"))?;
    Ok(Spawned { link, tree, layers: layers(inner, spec, owner), handover })
}

pub(super) async fn on_terminal(
    inner: &Inner,
    spec: &SpawnSpec,
    program: &Program,
    terminal: OwnedFd,
) -> Result<ProcessTree, SandboxError> {
    let (start, _) = prepare(inner, spec, program, Streams::Terminal(terminal), None)?;
    keeper(inner)?.launch(start).await
}

pub(super) async fn entered(
    inner: &Inner,
    inside: &ProcessTree,
    entry: &Entry,
    terminal: OwnedFd,
) -> Result<ProcessTree, SandboxError> {
    binary(&entry.agent_binary)?;
    let (host_pid, namespace) = inside.place().ok_or(SandboxError::NotStarted {
        detail: "the process has no sandbox of its own to enter".to_owned(),
    })?;
    give_terminal(&terminal, inside.owner())?;
    let mut child = Child::new(&entry.agent_binary)?;
    child.args([
        "enter",
        "--host-pid",
        &host_pid.to_string(),
        "--pidns-inode",
        &namespace.to_string(),
        "--status-fd",
        &STATUS_FD.to_string(),
        "--home",
        HOME,
        "--name",
        &arguments::host_name(&entry.name),
        "--limits",
        &arguments::limits_text(&entry.limits),
    ])?;
    if entry.network {
        child.args(["--proxy-port", &link::PROXY_PORT.to_string()])?;
    }
    child.arg("--")?;
    child.args(&entry.command)?;
    for target in 0..3 {
        child.descriptor(&terminal, target)?;
    }
    let (status, report) = pipe()?;
    child.descriptor(&report, STATUS_FD)?;
    let start = Start {
        child,
        status,
        errors: None,
        gate: None,
        group: None,
        joins: inside.group_to_join(),
        owner: None,
        own_namespace: false,
        nice: 0,
    };
    keeper(inner)?.launch(start).await
}

fn prepare(
    inner: &Inner,
    spec: &SpawnSpec,
    program: &Program,
    streams: Streams,
    link: Option<OwnedFd>,
) -> Result<(Start, Option<Owner>), SandboxError> {
    let bwrap = inner.findings.usable()?;
    binary(&spec.agent_binary)?;
    let home = |source| SandboxError::Home { path: spec.home.clone(), source };
    let owner = if inner.findings.root {
        Some(owner::settle(&spec.home).map_err(home)?)
    } else {
        owner::owner_of(&spec.home).map_err(home)?;
        None
    };
    let mapping = if owner.is_some() { Mapping::PerHome } else { Mapping::Own };

    let mut child = Child::new(bwrap)?;
    child.args(arguments::command_line(program))?;
    let tty = matches!(streams, Streams::Terminal(_));
    let options = arguments::options(&inner.config, &inner.findings, spec, mapping, tty);
    child.descriptor(&file_of(&options)?, OPTIONS_FD)?;
    let errors = match streams {
        Streams::Kept => {
            let nothing = open("/dev/null", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
                .map_err(SandboxError::host("opening /dev/null"))?;
            let (read, write) = pipe()?;
            child.descriptor(&nothing, 0)?;
            child.descriptor(&write, 1)?;
            child.descriptor(&write, 2)?;
            Some(read)
        }
        Streams::Terminal(terminal) => {
            give_terminal(&terminal, owner)?;
            for target in 0..3 {
                child.descriptor(&terminal, target)?;
            }
            None
        }
    };
    if let Some(link) = link {
        child.descriptor(&link, link::FD)?;
    }
    let (status, report) = pipe()?;
    child.descriptor(&report, STATUS_FD)?;
    let group = make_group(inner, spec)?;
    let gate = if mapping == Mapping::PerHome || group.is_some() {
        let (block, release) = pipe_with(PipeFlags::CLOEXEC).map_err(SandboxError::host("making a pipe"))?;
        child.descriptor(&block, BLOCK_FD)?;
        Some(Gate { release })
    } else {
        None
    };
    let nice = nice_of(spec.priority);
    let joins = Weak::new();
    Ok((Start { child, status, errors, gate, group, joins, owner, own_namespace: true, nice }, owner))
}

/// The nice value of a priority: 1 is the kernel's own, 5 yields to everybody.
pub(crate) fn nice_of(priority: u8) -> i32 {
    match priority {
        0 | 1 => 0,
        2 => 2,
        3 => 5,
        4 => 10,
        _ => 15,
    }
}

fn make_group(inner: &Inner, spec: &SpawnSpec) -> Result<Option<Group>, SandboxError> {
    inner
        .findings
        .cgroup
        .as_ref()
        .map(|subtree| subtree.make(&spec.group, &spec.limits, spec.priority))
        .transpose()
        .map_err(SandboxError::host("making a cgroup"))
}

fn layers(inner: &Inner, spec: &SpawnSpec, owner: Option<Owner>) -> Vec<Layer> {
    let layer = |name: &str, active: bool, detail: String| Layer { name: name.to_owned(), active, detail };
    let reach = if spec.network.is_some() { "no network but the proxy" } else { "no network" };
    let mut layers = vec![
        layer("namespaces", true, format!("user, mount, pid, net, ipc, uts, cgroup of its own; {reach}")),
        match owner {
            Some(owner) => layer("uid", true, format!("host user {}, user 1000 inside", owner.uid)),
            None => layer(
                "uid",
                false,
                "all agents are the kernel's own user outside; only a kernel that runs as root can give each its own"
                    .to_owned(),
            ),
        },
        match &inner.findings.cgroup {
            Some(_) => layer(
                "cgroup",
                true,
                format!("{} bytes of memory, {} processes", spec.limits.memory_bytes, spec.limits.processes),
            ),
            None => layer("cgroup", false, inner.findings.cgroup_reason().to_owned()),
        },
    ];
    if let Some(hosts) = &spec.network {
        layers.push(layer("network", true, format!("through the proxy, only: {hosts}")));
    }
    layers
}

fn keeper(inner: &Inner) -> Result<&super::Keeper, SandboxError> {
    inner.keeper.as_ref().map_err(|reason| SandboxError::Unavailable {
        reason: format!("the sandbox thread could not be started: {reason}"),
        remedy: "Free memory or raise the limit on threads, then restart the kernel.".to_owned(),
    })
}

fn binary(path: &Path) -> Result<(), SandboxError> {
    if fs::metadata(path).is_ok_and(|found| found.is_file()) {
        Ok(())
    } else {
        Err(SandboxError::NoAgentBinary { path: path.to_owned() })
    }
}

/// The user inside may open it again, as `/dev/stderr` does.
fn give_terminal(terminal: &OwnedFd, owner: Option<Owner>) -> Result<(), SandboxError> {
    let Some(owner) = owner else { return Ok(()) };
    rustix::fs::fchown(terminal, Some(Uid::from_raw(owner.uid)), Some(Gid::from_raw(owner.gid)))
        .map_err(SandboxError::host("giving the terminal to the sandbox's user"))
}

/// Words in memory, as bubblewrap reads them: each ended by a NUL.
fn file_of(words: &[OsString]) -> Result<OwnedFd, SandboxError> {
    let mut bytes = Vec::with_capacity(4096);
    for word in words {
        if word.as_bytes().contains(&0) {
            return Err(SandboxError::Nul);
        }
        bytes.extend(word.as_bytes());
        bytes.push(0);
    }
    let mut file = fs::File::from(
        memfd_create("options", MemfdFlags::CLOEXEC)
            .map_err(SandboxError::host("making a file in memory"))?,
    );
    file.write_all(&bytes)
        .and_then(|()| file.rewind())
        .map_err(SandboxError::host("writing bubblewrap's options"))?;
    Ok(file.into())
}

/// A pipe; the reading end does not block.
fn pipe() -> Result<(OwnedFd, OwnedFd), SandboxError> {
    let (read, write) = pipe_with(PipeFlags::CLOEXEC).map_err(SandboxError::host("making a pipe"))?;
    ioctl_fionbio(&read, true).map_err(SandboxError::host("making a pipe"))?;
    Ok((read, write))
}
