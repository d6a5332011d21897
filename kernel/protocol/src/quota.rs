//! Quotas: what one life may use altogether, and what the governor decides about it.

use serde::{Deserialize, Serialize};

use crate::{AgentId, LifeId, Pid};

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", schema(as = QuotaKind))]
pub enum Kind {
    /// CPU time of all its processes, also of those that have ended; seconds.
    CpuTime,
    /// Memory of all its processes together, and of its `/tmp`; bytes.
    Memory,
    /// What its home holds; bytes.
    Disk,
    /// Processes and threads at once.
    Processes,
    /// Open files of all its processes together.
    OpenFiles,
    /// Tokens read and written by the model.
    Tokens,
    /// Thoughts.
    Steps,
    /// How long it ran, without the time in which it was held or waited; seconds.
    WallTime,
}

impl Kind {
    /// Every kind, in the order in which they are shown.
    pub const ALL: [Self; 8] = [
        Self::Steps,
        Self::Tokens,
        Self::CpuTime,
        Self::WallTime,
        Self::Memory,
        Self::Disk,
        Self::Processes,
        Self::OpenFiles,
    ];
}

/// What one life may use altogether. What is left out takes the role's value, else the one in `aether.toml`; in
/// `process.set_quota` it stays as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Quotas {
    /// CPU time of all its processes together, 1 to 31,536,000 seconds. It is paused at the limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_secs: Option<u64>,
    /// Memory of all its processes together, at least 64 MiB. It is ended above the limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// What its home may hold, at least 1 MiB. It is ended above the limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk_bytes: Option<u64>,
    /// Processes and threads at once, 8 to 4,096. It is ended where it stays at the limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub processes: Option<u32>,
    /// Open files of all its processes together, 32 to 1,000,000. It is ended where it stays at the limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_files: Option<u32>,
    /// Tokens read and written, 1 to 1,000,000,000,000. It is paused before a thought that would not fit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// Thoughts, 1 to 10,000. It waits at the limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<u32>,
    /// How long it may run, without the time in which it is held or waits, 1 to 31,536,000 seconds. It is paused at
    /// the limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wall_secs: Option<u64>,
}

impl Quotas {
    /// The limit of a kind, in the kind's unit.
    pub fn get(&self, kind: Kind) -> Option<u64> {
        match kind {
            Kind::CpuTime => self.cpu_secs,
            Kind::Memory => self.memory_bytes,
            Kind::Disk => self.disk_bytes,
            Kind::Processes => self.processes.map(u64::from),
            Kind::OpenFiles => self.open_files.map(u64::from),
            Kind::Tokens => self.tokens,
            Kind::Steps => self.steps.map(u64::from),
            Kind::WallTime => self.wall_secs,
        }
    }

    /// These, and those of `other` where these say nothing.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            cpu_secs: self.cpu_secs.or(other.cpu_secs),
            memory_bytes: self.memory_bytes.or(other.memory_bytes),
            disk_bytes: self.disk_bytes.or(other.disk_bytes),
            processes: self.processes.or(other.processes),
            open_files: self.open_files.or(other.open_files),
            tokens: self.tokens.or(other.tokens),
            steps: self.steps.or(other.steps),
            wall_secs: self.wall_secs.or(other.wall_secs),
        }
    }
}

/// What holds a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Mechanism {
    /// Linux refuses more to all of its processes together (cgroup v2).
    Cgroup,
    /// Linux refuses more to each process, or to the agent's user (setrlimit(2)).
    Rlimit,
    /// The kernel measures and acts.
    Accounting,
}

/// What happens at a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Consequence {
    /// It stands still until the limit is raised.
    Pause,
    /// It is ended: waiting would not help.
    End,
}

/// One limit of a process, and what it has used of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct QuotaUse {
    /// What is counted; tells the unit of `used` and `limit`.
    pub kind: Kind,
    /// So far; at once, for what is not used up. Left out where it has not been measured yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used: Option<u64>,
    /// The most; left out where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// What holds it, the strictest first.
    pub held_by: Vec<Mechanism>,
    /// What happens at the limit.
    pub at_limit: Consequence,
}

/// What a process may use, has used, and is held for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct QuotaReport {
    /// Whose.
    pub pid: Pid,
    /// One for each kind, in the order of [`Kind::ALL`].
    pub quotas: Vec<QuotaUse>,
    /// Why the governor holds it, where it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<Cause>,
}

/// What the machine is short of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Resource {
    /// Memory.
    Memory,
    /// Reading and writing.
    Io,
    /// CPU time.
    Cpu,
}

/// What the governor acted on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "cause", rename_all = "snake_case")]
pub enum Cause {
    /// A quota.
    Quota {
        /// Which.
        kind: Kind,
        /// How much was used.
        used: u64,
        /// The limit.
        limit: u64,
    },
    /// The same call with the same arguments, again and again.
    SameCall {
        /// The tool.
        tool: String,
        /// How often in a row.
        times: u32,
    },
    /// Call after call of which nothing was new.
    NoChange {
        /// How many in a row.
        calls: u32,
    },
    /// The machine is short of something.
    Pressure {
        /// Of what.
        resource: Resource,
        /// The share of the last ten seconds in which something waited for it (`some avg10` of `/proc/pressure`).
        percent: u32,
    },
}

/// What the governor did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// Told the agent and its owner that a limit is near.
    Warned,
    /// Let it stand still until a person decides.
    Paused,
    /// Ended it.
    Ended,
    /// Let it stand still until the machine has room again.
    Throttled,
    /// Let it go on.
    Released,
}

/// One decision of the governor. It is in the audit trail as well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Decision {
    /// About which process.
    pub pid: Pid,
    /// Whose life it is.
    pub agent: AgentId,
    /// Which life.
    pub life: LifeId,
    /// What was done.
    pub act: Act,
    /// For what.
    pub cause: Cause,
    /// In words, with the remedy where there is one.
    pub reason: String,
}
