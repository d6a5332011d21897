//! Limits, and what is decided about them. Pure: no clock, no I/O.

use aether_protocol::{
    Error, Pid, Result,
    mind::Usage,
    quota::{Cause, Consequence, Kind, Mechanism, QuotaUse, Quotas},
};
use serde::{Deserialize, Serialize};

use crate::config::QuotaConfig;

/// Tokens that an answer needs at least to be worth asking for.
const SMALLEST_ANSWER_TOKENS: u64 = 64;

/// Bytes of a conversation that are one token at the most: an estimate that is rather too high than too low.
const BYTES_PER_TOKEN: u64 = 3;

/// What is known of the thoughts before, to tell what the next one will read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LastThought {
    /// What it read.
    pub(crate) input_tokens: u64,
    /// How long the conversation was; not known of a thought before a restart.
    pub(crate) conversation_bytes: Option<u64>,
}

/// How many tokens a thought over so many bytes will read.
pub(crate) fn input_tokens(conversation_bytes: u64, last: Option<LastThought>) -> u64 {
    match last {
        None => conversation_bytes / BYTES_PER_TOKEN,
        Some(LastThought { input_tokens, conversation_bytes: Some(before) }) => {
            input_tokens + conversation_bytes.saturating_sub(before) / BYTES_PER_TOKEN
        }
        Some(LastThought { input_tokens, conversation_bytes: None }) => input_tokens + input_tokens / 8,
    }
}

/// A year, in seconds.
const YEAR_SECS: u64 = 365 * 86_400;

/// What governs one life. Kept beside its row.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Governed {
    /// The limits. A step limit stands in the row itself.
    pub(crate) quotas: Quotas,
    /// Of which limits it was warned; said once for each.
    pub(crate) warned: Vec<Kind>,
    /// Why the governor holds it.
    pub(crate) hold: Option<Cause>,
    /// What it waited for when it was held.
    pub(crate) reason_before: Option<String>,
    /// How many steps its journal had when a person last let it go on: going round in circles before that is forgiven.
    pub(crate) forgiven_steps: u32,
}

/// What was measured of one life. Kept beside its row as well; written now and then.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Used {
    pub(crate) cpu_ms: u64,
    pub(crate) wall_ms: u64,
    /// At the last look, as everything below.
    pub(crate) memory_bytes: u64,
    pub(crate) processes: u64,
    pub(crate) open_files: u64,
    /// Of the last whole walk through the home.
    pub(crate) disk_bytes: Option<u64>,
}

impl Used {
    /// In the kind's unit; `None` for what has not been measured, and for what stands in the row.
    pub(crate) fn get(&self, kind: Kind) -> Option<u64> {
        match kind {
            Kind::CpuTime => Some(self.cpu_ms / 1000),
            Kind::WallTime => Some(self.wall_ms / 1000),
            Kind::Memory => Some(self.memory_bytes),
            Kind::Processes => Some(self.processes),
            Kind::OpenFiles => Some(self.open_files),
            Kind::Disk => self.disk_bytes,
            Kind::Tokens | Kind::Steps => None,
        }
    }
}

/// What to do about one limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing.
    Fine,
    /// The share at which a warning is due is reached.
    Near,
    /// The limit is reached.
    Reached,
}

/// Where `used` stands against `limit`.
pub(crate) fn judge(used: u64, limit: u64, warn_percent: u8) -> Verdict {
    if used >= limit {
        Verdict::Reached
    } else if u128::from(used) * 100 >= u128::from(limit) * u128::from(warn_percent) {
        Verdict::Near
    } else {
        Verdict::Fine
    }
}

/// What happens at the limit of a kind.
pub(crate) fn consequence(kind: Kind) -> Consequence {
    match kind {
        Kind::CpuTime | Kind::Tokens | Kind::Steps | Kind::WallTime => Consequence::Pause,
        Kind::Memory | Kind::Disk | Kind::Processes | Kind::OpenFiles => Consequence::End,
    }
}

/// For how many looks in a row a limit must be reached before the life is ended. Programs get over a refused fork
/// or open; nothing gets over memory and disk that are in use.
pub(crate) fn patience(kind: Kind) -> u32 {
    match kind {
        Kind::Processes | Kind::OpenFiles => 2,
        _ => 1,
    }
}

/// What holds a limit, the strictest first.
pub(crate) fn held_by(kind: Kind, has_group: bool) -> Vec<Mechanism> {
    use Mechanism::{Accounting, Cgroup, Rlimit};
    match (kind, has_group) {
        (Kind::Memory | Kind::Processes, true) => vec![Cgroup, Rlimit, Accounting],
        (Kind::Memory | Kind::Processes, false) | (Kind::OpenFiles | Kind::Disk, _) => {
            vec![Rlimit, Accounting]
        }
        (Kind::CpuTime | Kind::Tokens | Kind::Steps | Kind::WallTime, _) => vec![Accounting],
    }
}

/// The fence behind a limit that is accounted for: what Linux refuses, whoever looks or does not. Above the limit,
/// so that reaching the limit is seen and has its reason.
pub(crate) fn fence(limit: u64) -> u64 {
    limit.saturating_add((limit / 8).max(8))
}

/// How much one thought may write, so that it stays within the quota; `None` where it does not fit any more.
pub(crate) fn room_for_thought(
    limit: u64,
    usage: Usage,
    input_tokens: u64,
    wanted_output_tokens: u32,
) -> Option<u32> {
    let used = usage.input_tokens + usage.output_tokens;
    let left = limit.checked_sub(used)?.checked_sub(input_tokens)?;
    let least = SMALLEST_ANSWER_TOKENS.min(wanted_output_tokens.into());
    (left > 0 && left >= least)
        .then(|| wanted_output_tokens.min(u32::try_from(left).unwrap_or(wanted_output_tokens)))
}

/// As [`fence`] for processes, with more room: those that have ended and were not asked for count for Linux too.
pub(crate) fn fence_processes(limit: u32) -> u32 {
    limit.saturating_add((limit / 4).max(16))
}

/// Quotas within their bounds.
pub(crate) fn checked(quotas: Quotas) -> Result<Quotas> {
    let bounds: [(&str, Option<u64>, u64, u64, &str); 8] = [
        ("cpu_secs", quotas.cpu_secs, 1, YEAR_SECS, "1 to 31,536,000 seconds"),
        ("memory_bytes", quotas.memory_bytes, 64 << 20, 1 << 46, "64 MiB to 64 TiB"),
        ("disk_bytes", quotas.disk_bytes, 1 << 20, 1 << 46, "1 MiB to 64 TiB"),
        ("processes", quotas.processes.map(u64::from), 8, 4096, "8 to 4,096"),
        ("open_files", quotas.open_files.map(u64::from), 32, 1_000_000, "32 to 1,000,000"),
        ("tokens", quotas.tokens, 1, 1_000_000_000_000, "1 to 1,000,000,000,000"),
        ("steps", quotas.steps.map(u64::from), 1, 10_000, "1 to 10,000"),
        ("wall_secs", quotas.wall_secs, 1, YEAR_SECS, "1 to 31,536,000 seconds"),
    ];
    for (name, value, least, most, words) in bounds {
        if value.is_some_and(|value| !(least..=most).contains(&value)) {
            return Err(Error::invalid(format!("quotas.{name} is out of bounds")).hint(words));
        }
    }
    Ok(quotas)
}

/// The limits of a new life: what was asked for, else the role's, else the kernel's. `limits` is what each process
/// was asked to have: the whole is not smaller than one of them, and leaves the fence of its processes standing.
pub(crate) fn for_life(
    asked: Quotas,
    role: Quotas,
    config: &QuotaConfig,
    limits: &aether_protocol::process::Limits,
) -> Quotas {
    let mut kernel = config.defaults();
    if let (Some(bytes), Some(all)) = (limits.memory_bytes, kernel.memory_bytes.as_mut()) {
        *all = bytes.max(*all);
    }
    if let (Some(count), Some(all)) = (limits.open_files, kernel.open_files.as_mut()) {
        *all = count.max(*all);
    }
    if let Some(count) = limits.processes {
        kernel.processes = Some((count - count / 8).max(8));
    }
    if let (Some(secs), Some(all)) = (limits.cpu_secs, kernel.cpu_secs.as_mut()) {
        *all = secs.max(*all);
    }
    asked.or(role).or(kernel)
}

/// Why it was acted on, in words, with the remedy.
pub(crate) fn in_words(cause: &Cause, pid: Pid) -> String {
    match cause {
        Cause::Quota { kind, used, limit } => {
            let (used, limit) = (amount(*kind, *used), amount(*kind, *limit));
            let raise = format!("`aether quota {pid} --{} …` raises it", flag(*kind));
            match kind {
                Kind::Tokens => format!(
                    "Its quota of {limit} leaves no room for the next thought: {used} are used; {raise}"
                ),
                Kind::CpuTime | Kind::WallTime | Kind::Steps => {
                    format!("Its quota of {limit} is used up; {raise}")
                }
                Kind::Memory | Kind::Disk | Kind::Processes | Kind::OpenFiles => {
                    format!("It had {used}; its quota is {limit}")
                }
            }
        }
        Cause::SameCall { tool, times } => format!(
            "It made the same call of {tool} with the same arguments {times} times in a row; `aether resume {pid}` lets it go on"
        ),
        Cause::NoChange { calls } => {
            format!("Its last {calls} calls brought nothing new; `aether resume {pid}` lets it go on")
        }
        Cause::Pressure { resource, percent } => {
            use aether_protocol::quota::Resource;
            let what = match resource {
                Resource::Memory => "memory",
                Resource::Io => "disk",
                Resource::Cpu => "CPU",
            };
            format!(
                "The machine is short of {what} ({percent} % of the time something waits for it); it goes on when there is room again"
            )
        }
    }
}

/// What an agent is told when a limit is near.
pub(crate) fn warning(kind: Kind, used: u64, limit: u64) -> String {
    let then = match consequence(kind) {
        Consequence::Pause => "you will be paused at the limit",
        Consequence::End => "you will be ended at the limit",
    };
    format!("You have used {} of your quota of {}; {then}.", amount(kind, used), amount(kind, limit))
}

/// `1,200 tokens`, `256 MiB of memory`.
fn amount(kind: Kind, value: u64) -> String {
    match kind {
        Kind::CpuTime => format!("{} s of CPU time", grouped(value)),
        Kind::WallTime => format!("{} s of running time", grouped(value)),
        Kind::Memory => format!("{} of memory", size(value)),
        Kind::Disk => format!("{} on disk", size(value)),
        Kind::Processes => format!("{} processes", grouped(value)),
        Kind::OpenFiles => format!("{} open files", grouped(value)),
        Kind::Tokens => format!("{} tokens", grouped(value)),
        Kind::Steps => format!("{} steps", grouped(value)),
    }
}

fn size(bytes: u64) -> String {
    match bytes {
        0..0x10_0000 => format!("{} KiB", bytes >> 10),
        0x10_0000..0x2_8000_0000 => format!("{} MiB", grouped(bytes >> 20)),
        _ => format!("{} GiB", grouped(bytes >> 30)),
    }
}

fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The option of the command line that sets a kind.
fn flag(kind: Kind) -> &'static str {
    match kind {
        Kind::CpuTime => "cpu-secs",
        Kind::Memory => "memory",
        Kind::Disk => "disk",
        Kind::Processes => "processes",
        Kind::OpenFiles => "open-files",
        Kind::Tokens => "tokens",
        Kind::Steps => "steps",
        Kind::WallTime => "wall-secs",
    }
}

/// Limits and use, as they are shown.
pub(crate) fn uses(
    quotas: &Quotas,
    used: &Used,
    process: &aether_protocol::process::Process,
    has_group: bool,
) -> Vec<QuotaUse> {
    let one = |kind| QuotaUse {
        kind,
        used: match kind {
            Kind::Tokens => Some(process.usage.input_tokens + process.usage.output_tokens),
            Kind::Steps => Some(process.steps_used.into()),
            _ => used.get(kind),
        },
        limit: if kind == Kind::Steps { Some(process.steps_limit.into()) } else { quotas.get(kind) },
        held_by: held_by(kind, has_group),
        at_limit: consequence(kind),
    };
    Kind::ALL.into_iter().map(one).collect()
}
