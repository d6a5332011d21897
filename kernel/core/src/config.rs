//! What the kernel is told: the part of `aether.toml` that concerns it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The kernel's configuration. The daemon reads it from `aether.toml` and fills in the paths.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where the state lies (`state.db`, `homes/`, `shared/`, `models/`, `secrets/`).
    #[serde(skip)]
    pub state_dir: PathBuf,
    /// The name of the device; the host's name when empty.
    pub device_name: String,
    /// Processes and sandbox.
    pub process: ProcessConfig,
    /// What agents and the kernel itself may reach.
    pub network: NetworkConfig,
    /// Accounts and limits.
    pub identity: IdentityConfig,
    /// Snapshots of agents.
    pub snapshots: SnapshotConfig,
    /// Language models.
    pub models: aether_llm::LlmConfig,
}

/// `[process]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProcessConfig {
    /// How many agents run at once; 0 for as many as cores and memory suggest.
    pub max_running: u32,
    /// Thoughts before an agent must ask for more.
    pub max_steps: u32,
    /// Address space of each process in a sandbox, in bytes.
    pub memory_bytes: u64,
    /// Processes and threads in a sandbox.
    pub processes: u32,
    /// Open files of each process.
    pub open_files: u32,
    /// The largest file an agent may write, in bytes.
    pub file_bytes: u64,
    /// CPU time of each process in a sandbox, in seconds.
    pub cpu_secs: u64,
    /// A folder of roles that are added to, or replace, those that come with Aether.
    pub roles_dir: Option<PathBuf>,
    /// The program that an agent is; beside `aetherd` when left out.
    pub agent_binary: Option<PathBuf>,
}

impl Default for ProcessConfig {
    fn default() -> Self {
        Self {
            max_running: 0,
            max_steps: 50,
            memory_bytes: 4 << 30,
            processes: 256,
            open_files: 1024,
            file_bytes: 1 << 30,
            cpu_secs: 3600,
            roles_dir: None,
            agent_binary: None,
        }
    }
}

/// `[snapshots]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SnapshotConfig {
    /// Hours after which another snapshot of an agent that lives is taken; 0 for none but those asked for.
    pub every_hours: u32,
    /// How many of those are kept of each agent.
    pub keep: u32,
    /// What the home in a snapshot may hold, in bytes.
    pub max_bytes: u64,
}

impl Default for SnapshotConfig {
    fn default() -> Self {
        Self { every_hours: 0, keep: 7, max_bytes: 16 << 30 }
    }
}

/// `[network]`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NetworkConfig {
    /// Whether nothing may leave the local network: no agent, and no model provider.
    pub offline: bool,
}

/// `[identity]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct IdentityConfig {
    /// Days after which a device must sign in again.
    pub session_days: u32,
    /// Calls a minute for one address where nobody is signed in.
    pub anonymous_per_minute: u32,
    /// Calls a minute for one session.
    pub signed_in_per_minute: u32,
}

impl Default for IdentityConfig {
    fn default() -> Self {
        Self { session_days: 30, anonymous_per_minute: 30, signed_in_per_minute: 6000 }
    }
}

impl ProcessConfig {
    /// [`Self::max_running`], or what this machine can bear: four for each core, and 128 MiB for each.
    pub fn places(&self) -> u32 {
        if self.max_running > 0 {
            return self.max_running;
        }
        let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u32);
        let memory = crate::devices::host_memory_bytes() / (128 << 20);
        (cores * 4).min(memory.max(1) as u32)
    }
}
