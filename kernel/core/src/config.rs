//! What the kernel is told: the part of `aether.toml` that concerns it.

use std::path::PathBuf;

use aether_protocol::quota::Quotas;
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
    /// What one life may use altogether, and what the governor does about it.
    pub quotas: QuotaConfig,
    /// Accounts and limits.
    pub identity: IdentityConfig,
    /// Snapshots of agents.
    pub snapshots: SnapshotConfig,
    /// What agents and people say to each other.
    pub channels: ChannelConfig,
    /// Language models.
    pub models: aether_llm::LlmConfig,
}

/// `[process]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProcessConfig {
    /// How many agents run at once; 0 for as many as cores and memory suggest.
    pub max_running: u32,
    /// How many sandboxes may stand ready for new agents, 0 for none; how many do follows load and memory.
    pub warm: u32,
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
            warm: 4,
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

/// `[channels]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ChannelConfig {
    /// How many messages wait for one member of one channel; then the oldest are dropped, and the member is told.
    pub queue_messages: u32,
    /// How many messages a channel keeps; never fewer than may wait.
    pub keep_messages: u32,
    /// Messages that one agent may send in a minute.
    pub posts_per_minute: u32,
}

impl Default for ChannelConfig {
    fn default() -> Self {
        Self { queue_messages: 1000, keep_messages: 10_000, posts_per_minute: 30 }
    }
}

/// `[network]`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NetworkConfig {
    /// Whether nothing may leave the local network: no agent, and no model provider.
    pub offline: bool,
}

/// `[quotas]`: what one life may use altogether, where neither its role nor whoever deploys it says more. The step
/// limit is `process.max_steps`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct QuotaConfig {
    /// CPU time of all its processes together, in seconds.
    pub cpu_secs: u64,
    /// Memory of all its processes together, in bytes.
    pub memory_bytes: u64,
    /// What its home may hold, in bytes.
    pub disk_bytes: u64,
    /// Processes and threads at once. `process.processes` is the fence behind it: leave some room between them.
    pub processes: u32,
    /// Open files of all its processes together.
    pub open_files: u32,
    /// Tokens read and written.
    pub tokens: u64,
    /// How long it may run, without the time in which it is held or waits, in seconds.
    pub wall_secs: u64,
    /// From which share of a limit on it is warned, in percent.
    pub warn_percent: u8,
    /// How often processes are measured, in milliseconds; more often where one is near a limit.
    pub look_every_ms: u64,
    /// After how many equal calls in a row an agent is paused; 0 for never.
    pub same_call: u32,
    /// After how many calls in a row that brought nothing new it is paused; 0 for never.
    pub no_change: u32,
    /// When agents stand back because the machine is short of something.
    pub pressure: PressureConfig,
}

impl Default for QuotaConfig {
    fn default() -> Self {
        Self {
            cpu_secs: 4 * 3600,
            memory_bytes: 4 << 30,
            disk_bytes: 10 << 30,
            processes: 200,
            open_files: 8192,
            tokens: 5_000_000,
            wall_secs: 24 * 3600,
            warn_percent: 80,
            look_every_ms: 500,
            same_call: 10,
            no_change: 25,
            pressure: PressureConfig::default(),
        }
    }
}

impl QuotaConfig {
    /// The kernel's limits.
    pub(crate) fn defaults(&self) -> Quotas {
        Quotas {
            cpu_secs: Some(self.cpu_secs),
            memory_bytes: Some(self.memory_bytes),
            disk_bytes: Some(self.disk_bytes),
            processes: Some(self.processes),
            open_files: Some(self.open_files),
            tokens: Some(self.tokens),
            steps: None,
            wall_secs: Some(self.wall_secs),
        }
    }
}

/// `[quotas.pressure]`: shares of the last ten seconds in which something waited (`some avg10` of `/proc/pressure`),
/// in percent, from which on agents of lower priority stand still; 0 for never.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PressureConfig {
    /// For memory.
    pub memory_percent: u8,
    /// For reading and writing.
    pub io_percent: u8,
    /// For CPU time.
    pub cpu_percent: u8,
}

impl Default for PressureConfig {
    fn default() -> Self {
        Self { memory_percent: 20, io_percent: 70, cpu_percent: 95 }
    }
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
