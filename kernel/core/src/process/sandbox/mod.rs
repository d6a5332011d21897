//! Sandboxes: where an agent's process lives, made with bubblewrap.
//!
//! A sandbox has user, mount, pid, net, ipc, uts and cgroup namespaces of its own, a read-only system, a
//! private `/tmp`, the agent's home and nothing else; no network, and where hosts are granted a port behind which
//! the kernel's proxy is ([`super::egress`]). The process inside closes the rest behind
//! itself (Landlock, seccomp, rlimits: `aether-agent`, `seal`).
//!
//! *Invariant:* a sandbox has no other way out than the socket on file descriptor 3 and that port, and it ends with the
//! kernel: the chain of parent-death signals runs from the kernel over bubblewrap to the namespace's init.

mod arguments;
mod cgroup;
mod error;
mod keeper;
mod launch;
mod owner;
mod probe;
mod skeleton;
mod spawn;
mod started;

#[cfg(test)]
pub(crate) mod tests;

use std::{
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    sync::Arc,
};

use aether_protocol::{process::Layer, system::Check};
use tokio::net::UnixStream;

pub(crate) use arguments::HOME;
pub(crate) use cgroup::{Group, OutOfMemory};
pub use error::SandboxError;
pub(crate) use launch::nice_of;
pub use owner::{Owner, owner_of};
pub(crate) use started::Tail;

use super::tree::ProcessTree;
use keeper::Keeper;
use probe::Findings;

/// Where things are, and how large what every sandbox gets may be.
#[derive(Clone, Debug)]
pub struct SandboxConfig {
    /// A directory that the kernel may write and every user may enter: the system files of sandboxes
    /// (`etc/`) are generated here.
    pub runtime_dir: PathBuf,
    /// bubblewrap; found along `PATH` when left out.
    pub bwrap: Option<PathBuf>,
    /// The size of a sandbox's `/tmp`.
    pub tmp_bytes: u64,
    /// Directories of the host that sandboxes may read besides `/usr`, under the same path.
    pub read_only_paths: Vec<PathBuf>,
}

impl SandboxConfig {
    /// Defaults: bubblewrap along `PATH`, 256 MiB of `/tmp`, nothing but `/usr` to read.
    pub fn new(runtime_dir: impl Into<PathBuf>) -> Self {
        Self {
            runtime_dir: runtime_dir.into(),
            bwrap: None,
            tmp_bytes: 256 * 1024 * 1024,
            read_only_paths: Vec::new(),
        }
    }
}

/// What a process in a sandbox may use. See [`aether_protocol::process::Limits`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Address space of each process (`RLIMIT_AS`); memory of all of them together where cgroup v2 is there.
    pub memory_bytes: u64,
    /// Processes and threads in the sandbox.
    pub processes: u32,
    /// Open files of each process.
    pub open_files: u32,
    /// The largest file that can be written.
    pub file_bytes: u64,
    /// CPU time of each process.
    pub cpu_secs: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: 4 * 1024 * 1024 * 1024,
            processes: 256,
            open_files: 1024,
            file_bytes: 1024 * 1024 * 1024,
            cpu_secs: 24 * 3600,
        }
    }
}

/// What to start.
#[derive(Clone, Debug)]
pub struct SpawnSpec {
    /// What its cgroup is called.
    pub group: String,
    /// The sandbox's host name.
    pub hostname: String,
    /// The home, which the caller has made. Where the kernel runs as root it is given to a user id of the
    /// agent's own ([`owner_of`] says which; whoever writes into a home should `fchown` to it).
    pub home: PathBuf,
    /// The binary `aether-agent`.
    pub agent_binary: PathBuf,
    /// What it may use.
    pub limits: Limits,
    /// 1 (highest) to 5.
    pub priority: u8,
    /// The hosts that it may reach through the kernel, in words for people; no network when left out.
    pub network: Option<String>,
}

/// What runs in a sandbox.
#[derive(Clone, Debug)]
pub enum Program {
    /// The agent's loop, on the link.
    Agent,
    /// Another program with its arguments, sealed like the agent (`aether-agent exec`). It has the link on
    /// file descriptor 3 too.
    Exec(Vec<String>),
}

/// A sandbox that runs.
#[derive(Debug)]
pub struct Spawned {
    /// The kernel's end of the link.
    pub link: UnixStream,
    /// The processes in it. Dropping it ends them.
    pub tree: ProcessTree,
    /// The layers that the kernel put around it. The process reports those that it closed itself.
    pub layers: Vec<Layer>,
    /// Where the process hands over the socket that it listens on for the kernel, where it has network.
    pub handover: Option<UnixStream>,
}

/// Makes sandboxes. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Sandbox {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    config: SandboxConfig,
    findings: Findings,
    keeper: Result<Keeper, String>,
}

impl Sandbox {
    /// Finds out what the host can give (once; under 20 ms) and generates what sandboxes share. Never
    /// fails: what is missing is told by [`Sandbox::checks`], and [`Sandbox::spawn`] refuses.
    pub fn probe(config: SandboxConfig) -> Self {
        let findings = Findings::gather(&config);
        let keeper = Keeper::start().map_err(|error| error.to_string());
        Self { inner: Arc::new(Inner { config, findings, keeper }) }
    }

    /// What the host can and cannot give, with remedies, most important first.
    pub fn checks(&self) -> Vec<Check> {
        self.inner.findings.checks()
    }

    /// Whether sandboxes can be made at all.
    pub fn ready(&self) -> bool {
        self.inner.findings.usable().is_ok() && self.inner.keeper.is_ok()
    }

    /// Starts an agent in a sandbox of its own. Returns when its namespaces stand; the process inside
    /// starts while this returns.
    pub async fn spawn(&self, spec: &SpawnSpec) -> Result<Spawned, SandboxError> {
        self.launch(spec, &Program::Agent).await
    }

    /// Like [`Sandbox::spawn`], with a program of the caller's choice.
    pub async fn launch(&self, spec: &SpawnSpec, program: &Program) -> Result<Spawned, SandboxError> {
        launch::with_link(&self.inner, spec, program).await
    }

    /// Starts a program in a sandbox of its own, on a terminal instead of a link.
    pub(crate) async fn launch_on_terminal(
        &self,
        spec: &SpawnSpec,
        program: &Program,
        terminal: OwnedFd,
    ) -> Result<ProcessTree, SandboxError> {
        launch::on_terminal(&self.inner, spec, program, terminal).await
    }

    /// Starts a program inside a sandbox that runs, on a terminal.
    pub(crate) async fn enter_on_terminal(
        &self,
        inside: &ProcessTree,
        entry: &Entry,
        terminal: OwnedFd,
    ) -> Result<ProcessTree, SandboxError> {
        launch::entered(&self.inner, inside, entry, terminal).await
    }

    /// Whether each sandbox has a cgroup v2 of its own.
    pub(crate) fn has_cgroups(&self) -> bool {
        self.inner.findings.cgroup.is_some()
    }

    /// The directory of generated system files.
    pub fn runtime_dir(&self) -> &Path {
        &self.inner.config.runtime_dir
    }
}

/// What to start inside a sandbox that runs.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The binary `aether-agent`.
    pub agent_binary: PathBuf,
    /// What the program may use.
    pub limits: Limits,
    /// Whether the sandbox has a way to the kernel's proxy.
    pub network: bool,
    /// Whose sandbox it is, as the prompt says it.
    pub name: String,
    /// The program with its arguments.
    pub command: Vec<String>,
}
