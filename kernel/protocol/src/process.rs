//! Processes: one life of an agent under a PID.

use serde::{Deserialize, Serialize};

use crate::{
    AgentId, Cursor, LifeId, Page, Pid, UnixMillis, UserId,
    call::calls,
    mind::{ModelName, Usage},
    network::HostGrant,
    quota::{QuotaReport, Quotas},
};

calls! { Process:
    /// Deploys an agent: a new identity, or a new life of one that exists. Queued when too many run.
    write "process.spawn" Spawn -> Process;
    /// The processes that the actor may see, highest PID first.
    read "process.list" List -> Page<Process>;
    /// One process.
    read "process.get" Get -> Process;
    /// Sends a signal to the whole process tree.
    write "process.signal" Signal -> Process;
    /// Changes the priority of a queued or running process.
    write "process.set_priority" SetPriority -> Process;
    /// A person takes over: the agent stands still before its next thought or call.
    write "process.pause" Pause -> Process;
    /// The agent goes on.
    write "process.resume" Resume -> Process;
    /// Extends the step budget; a process that waits at its limit goes on.
    write "process.continue" Continue -> Process;
    /// Says something to the agent. Answers its question, where it has asked one.
    write "process.message" Message -> Process;
    /// What a process may use, has used, and what holds each limit.
    read "process.quotas" GetQuotas -> QuotaReport;
    /// Changes quotas. A process that was paused at a limit that is raised goes on. What Linux itself was told when
    /// its processes were started (memory, processes, open files of each) grows with the next life.
    write "process.set_quota" SetQuota -> QuotaReport;
}

/// The life of a process in the process table (DESIGN.md §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", schema(as = ProcessState))]
pub enum State {
    /// Waits for a place in the process table.
    Queued,
    /// The sandbox is being made.
    Created,
    /// It has made its first call and works.
    Running,
    /// It waits: for a person, for a message, for budget.
    Sleeping,
    /// `SIGSTOP`: no process of the tree gets CPU time.
    Stopped,
    /// A person has taken over.
    Paused,
    /// It has ended; its exit status has not been collected.
    Zombie,
    /// It has ended.
    Dead,
}

impl State {
    /// Whether a Linux process stands behind it.
    pub fn is_alive(self) -> bool {
        !matches!(self, Self::Queued | Self::Zombie | Self::Dead)
    }
}

/// What an agent is doing, over [`State::Running`] and its neighbours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Starting.
    Booting,
    /// The model is asked.
    Thinking,
    /// A tool runs.
    Executing,
    /// A result is taken in.
    Observing,
    /// Waits for a person.
    Waiting,
    /// Nothing to do.
    Idle,
    /// The goal is reached.
    Completed,
    /// The goal was not reached.
    Failed,
}

/// The signals that can be sent (signal(7)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "UPPERCASE")]
pub enum SignalName {
    /// Ends after the step in hand.
    Term,
    /// Ends at once.
    Kill,
    /// Freezes.
    Stop,
    /// Goes on after STOP.
    Cont,
    /// Interrupts the tool in hand.
    Int,
    /// Passed to the tree.
    Usr1,
    /// Passed to the tree.
    Usr2,
}

/// One layer of a sandbox, and whether it holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Layer {
    /// `namespaces`, `landlock`, `seccomp`, `no_new_privs`, `rlimits`, `cgroup`, `uid`; `network` where hosts are
    /// granted
    pub name: String,
    /// Whether it is in force.
    pub active: bool,
    /// What exactly, or why not.
    pub detail: String,
}

/// What each process in a sandbox may use. What is left out takes the kernel's default. What a life may use
/// altogether is [`Quotas`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Thoughts before the agent must ask for more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_steps: Option<u32>,
    /// Address space of each process in the sandbox.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// Processes and threads in the sandbox.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub processes: Option<u32>,
    /// Open files of each process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_files: Option<u32>,
    /// The largest file it may write.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_bytes: Option<u64>,
    /// CPU time of each process in the sandbox.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_secs: Option<u64>,
}

/// A process: a row of the process table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Process {
    /// Its name for people. Never used twice.
    pub pid: Pid,
    /// Whose life it is.
    pub agent: AgentId,
    /// Which life.
    pub life: LifeId,
    /// The agent's name.
    pub name: String,
    /// The agent's role.
    pub role: String,
    /// What it lives for.
    pub goal: String,
    /// Who answers for it.
    pub owner: UserId,
    /// The model that thinks for it.
    pub model: ModelName,
    /// 1 (highest) to 5.
    pub priority: u8,
    /// Its state.
    pub state: State,
    /// What it is doing; once it has ended, what it did last.
    pub phase: Phase,
    /// Why it is in this state, where that needs saying: the question, the limit, the cause of death.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who told it to end, and how. Set before that takes effect, so that no crash forgets it; it tells an end that
    /// somebody wanted from a failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ending: Option<String>,
    /// The Linux pid of the agent's process, seen from the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_pid: Option<u32>,
    /// When it was asked for.
    pub created_at: UnixMillis,
    /// When it first ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<UnixMillis>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<UnixMillis>,
    /// Thoughts so far.
    pub steps_used: u32,
    /// Thoughts allowed.
    pub steps_limit: u32,
    /// Tokens so far.
    pub usage: Usage,
    /// How often it was started again after a crash of the kernel or a power cut.
    pub restarts: u32,
    /// How it ended: the exit status, or the signal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<Exit>,
    /// The sandbox it runs in; empty before it runs.
    #[serde(default)]
    pub sandbox: Vec<Layer>,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Exit {
    /// By itself.
    Status {
        /// 0 when it completed.
        code: i32,
    },
    /// By a signal.
    Signal {
        /// Its number (signal(7)).
        number: i32,
    },
    /// It never ran.
    NeverRan,
}

/// `process.spawn`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Spawn {
    /// A new life of this agent; a new agent when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentId>,
    /// The new agent's name; made from the role when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The role; required for a new agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// What it shall do. 1 to 8,000 characters.
    pub goal: String,
    /// The model; the role's or the default one when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelName>,
    /// Tools, a subset of the role's; all of them when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tools: Option<Vec<String>>,
    /// 1 (highest) to 5; 3 when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<u8>,
    /// What each of its processes may use.
    #[serde(default)]
    pub limits: Box<Limits>,
    /// The hosts that it may reach; the role's when left out, none when empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<Vec<HostGrant>>,
    /// What it may use altogether.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quotas: Option<Box<Quotas>>,
}

/// Which processes `process.list` returns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Which {
    /// Those that are queued or alive.
    #[default]
    Live,
    /// Those that have ended.
    Ended,
    /// All of them.
    All,
}

/// `process.list`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema, utoipa::IntoParams))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", schema(as = ProcessList))]
pub struct List {
    /// Live ones when left out.
    #[serde(default)]
    pub which: Which,
    /// From a page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Cursor>,
    /// At most 200; 50 when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// `process.get`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", schema(as = ProcessGet))]
pub struct Get {
    /// Which.
    pub pid: Pid,
}

/// `process.signal`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Signal {
    /// To whom.
    pub pid: Pid,
    /// What.
    pub signal: SignalName,
}

/// `process.set_priority`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SetPriority {
    /// Whose.
    pub pid: Pid,
    /// 1 (highest) to 5.
    pub priority: u8,
}

/// `process.pause`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Pause {
    /// Whom.
    pub pid: Pid,
}

/// `process.resume`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Resume {
    /// Whom.
    pub pid: Pid,
}

/// `process.continue`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Continue {
    /// Whom.
    pub pid: Pid,
    /// How many thoughts more, 1 to 1,000.
    pub steps: u32,
}

/// `process.message`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", schema(as = ProcessMessage))]
pub struct Message {
    /// To whom.
    pub pid: Pid,
    /// What. 1 to 8,000 characters.
    pub text: String,
}

/// `process.quotas`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct GetQuotas {
    /// Whose.
    pub pid: Pid,
}

/// `process.set_quota`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SetQuota {
    /// Whose.
    pub pid: Pid,
    /// Those that change.
    pub quotas: Box<Quotas>,
}
