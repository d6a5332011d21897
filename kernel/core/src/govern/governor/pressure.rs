//! A machine that is short of something: who stands back, and for how long. The rules are pure; [`read`] alone
//! looks at the host (Documentation/accounting/psi.rst of Linux).

use std::{collections::HashMap, fs};

use aether_protocol::{Pid, quota::Resource};

use crate::config::PressureConfig;

/// No process stands back longer at a time, however short the machine stays.
const LONGEST_MS: u64 = 30_000;

/// Shares of the last ten seconds in which something waited, in percent.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Reading {
    pub(crate) memory: f32,
    pub(crate) io: f32,
    pub(crate) cpu: f32,
}

impl Reading {
    fn of(&self, resource: Resource) -> f32 {
        match resource {
            Resource::Memory => self.memory,
            Resource::Io => self.io,
            Resource::Cpu => self.cpu,
        }
    }
}

/// `None` where this Linux does not tell.
pub(crate) fn read() -> Option<Reading> {
    let some = |what: &str| {
        let text = fs::read_to_string(format!("/proc/pressure/{what}")).ok()?;
        avg10(&text)
    };
    Some(Reading { memory: some("memory")?, io: some("io")?, cpu: some("cpu")? })
}

/// Of `some avg10=1.23 avg60=… `.
pub(crate) fn avg10(text: &str) -> Option<f32> {
    let line = text.lines().find_map(|line| line.strip_prefix("some "))?;
    line.split_ascii_whitespace().find_map(|word| word.strip_prefix("avg10="))?.parse().ok()
}

/// A process that may stand back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate {
    pub(crate) pid: Pid,
    pub(crate) priority: u8,
    /// Whether it works now: what sleeps or is held uses nothing that others wait for.
    pub(crate) is_working: bool,
    /// Whether a person has decided that it goes on.
    pub(crate) is_exempt: bool,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Order {
    /// Let it stand still.
    Throttle(Pid, Resource, f32),
    /// Let it go on.
    Release(Pid),
}

/// Remembers how long the machine has been short, and who stands back since when.
#[derive(Debug, Default)]
pub(crate) struct Throttle {
    /// Looks in a row above the threshold.
    above: HashMap<Resource, u32>,
    since: HashMap<Pid, (Resource, u64, u8)>,
}

impl Throttle {
    /// Whether it stands back by an order from here.
    pub(crate) fn holds(&self, pid: Pid) -> bool {
        self.since.contains_key(&pid)
    }

    /// Somebody else has let it go on, or it has ended.
    pub(crate) fn forget(&mut self, keep: impl Fn(Pid) -> bool) {
        self.since.retain(|pid, _| keep(*pid));
    }

    /// At most one order for each look, so that its effect is seen before the next.
    pub(crate) fn look(
        &mut self,
        now_ms: u64,
        reading: Reading,
        candidates: &[Candidate],
        config: &PressureConfig,
    ) -> Option<Order> {
        for resource in [Resource::Memory, Resource::Io, Resource::Cpu] {
            let (threshold, looks) = rule(resource, config);
            let share = reading.of(resource);
            let is_short = threshold > 0 && share >= f32::from(threshold);
            let count = self.above.entry(resource).or_default();
            *count = if is_short { *count + 1 } else { 0 };
            if *count >= looks
                && let Some(victim) = self.lowest(resource, candidates)
            {
                self.since.insert(victim.pid, (resource, now_ms, victim.priority));
                return Some(Order::Throttle(victim.pid, resource, share));
            }
        }
        // Half the threshold, so that one that goes on does not bring the pressure straight back.
        let may_go = self.since.iter().filter(|(_, (resource, since_ms, _))| {
            let (threshold, _) = rule(*resource, config);
            reading.of(*resource) < f32::from(threshold) / 2.0
                || now_ms.saturating_sub(*since_ms) >= LONGEST_MS
        });
        let first = may_go.min_by_key(|(pid, (_, _, priority))| (*priority, **pid)).map(|(pid, _)| *pid)?;
        self.since.remove(&first);
        Some(Order::Release(first))
    }

    /// The one with the lowest priority, the youngest of these. For memory equals stand back for one another, down
    /// to the last; for the rest only those below the best do, since equals share what there is anyway.
    fn lowest(&self, resource: Resource, candidates: &[Candidate]) -> Option<Candidate> {
        let working = || candidates.iter().filter(|one| one.is_working && !self.holds(one.pid));
        let best = working().map(|one| one.priority).min()?;
        let count = working().count();
        working()
            .filter(|one| !one.is_exempt && one.priority > 1)
            .filter(|one| one.priority > best || (resource == Resource::Memory && count > 1))
            .max_by_key(|one| (one.priority, one.pid))
            .copied()
    }
}

/// From which share on, and for how many looks in a row.
fn rule(resource: Resource, config: &PressureConfig) -> (u8, u32) {
    match resource {
        Resource::Memory => (config.memory_percent, 1),
        Resource::Io => (config.io_percent, 3),
        Resource::Cpu => (config.cpu_percent, 5),
    }
}
