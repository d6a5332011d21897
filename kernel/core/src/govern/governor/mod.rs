//! The governor: measures what lives use, warns, pauses, ends and throttles, each time with the reason.
//!
//! Tokens, steps and calls are counted where they happen (`process::living`); what has to be measured is looked at
//! here, in one pass for all lives, on a thread of its own.
//!
//! *Invariant:* a decision is an event, an entry of the audit and the process's reason, in one transaction.
//!
//! *Invariant:* looking costs at most a twentieth of one core, however many processes there are.

mod home;
mod measure;
pub(crate) mod pressure;
pub(crate) mod quota;
pub(crate) mod runaway;
#[cfg(test)]
mod tests;

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use aether_protocol::{
    Pid,
    process::{Process, State},
    quota::{Cause, Consequence, Kind},
};

use crate::{
    Kernel,
    config::QuotaConfig,
    process::{Living, Processes},
};
use home::Walk;
use measure::{Census, CpuMeter, Look};
use pressure::{Candidate, Order, Throttle};
use quota::{Used, Verdict};

/// Entries of homes that one look goes through, of all homes together.
const HOME_ENTRIES: usize = 4000;

/// How much more often it looks where a life is near a limit that it would be ended for, and how soon at least.
const HASTE: u32 = 8;
const SOONEST: Duration = Duration::from_millis(25);

/// How much slower it looks where nothing works.
const CALM: u32 = 4;

/// From which share of a limit on it hurries, in percent.
const HASTE_PERCENT: u8 = 40;

/// How often what was measured is written down.
const SAVE_EVERY: Duration = Duration::from_secs(10);

/// How often the machine's pressure is looked at.
const PRESSURE_EVERY: Duration = Duration::from_secs(2);

/// What is kept of one life between looks.
struct Meter {
    cpu: CpuMeter,
    /// CPU time of earlier runs of this life, before a restart of the kernel.
    cpu_before_ms: u64,
    walk: Walk,
    /// Looks in a row at a limit.
    strikes: HashMap<Kind, u32>,
}

/// One life as it is looked at.
struct Subject {
    living: Arc<Living>,
    row: Arc<Process>,
    meter: Meter,
}

/// The loop of looks.
struct Governor {
    config: QuotaConfig,
    look: Look,
    meters: HashMap<Pid, Meter>,
    throttle: Throttle,
    began: Instant,
    last_look: Instant,
    last_save: Instant,
    last_pressure: Instant,
}

/// Governs a kernel's lives until the kernel is gone.
pub(crate) fn start(kernel: &Arc<Kernel>) {
    let config = kernel.config.quotas.clone();
    let kernel = Arc::downgrade(kernel);
    tokio::spawn(async move {
        let now = Instant::now();
        let governor = Governor {
            config,
            look: Look::default(),
            meters: HashMap::new(),
            throttle: Throttle::default(),
            began: now,
            last_look: now,
            last_save: now,
            last_pressure: now,
        };
        governor.govern(kernel).await;
    });
}

impl Governor {
    async fn govern(mut self, kernel: Weak<Kernel>) {
        let mut pause = Duration::from_millis(self.config.look_every_ms.max(1));
        loop {
            tokio::time::sleep(pause).await;
            let Some(kernel) = kernel.upgrade() else { return };
            let processes = kernel.processes.clone();
            drop(kernel);
            if processes.is_closing() {
                return;
            }
            pause = self.round(&processes).await;
        }
    }

    /// One look, and what follows from it. Returns when the next is due.
    async fn round(&mut self, processes: &Processes) -> Duration {
        let every = Duration::from_millis(self.config.look_every_ms.max(1));
        let lives = processes.governed_lives();
        if lives.is_empty() {
            self.meters.clear();
            self.last_look = Instant::now();
            return every;
        }
        let began = Instant::now();
        let since = began - self.last_look;
        self.last_look = began;
        let Some((subjects, cost)) = self.measure(processes, lives).await else { return every };

        let mut in_haste = false;
        let working = subjects.iter().any(|subject| subject.row.state == State::Running);
        for subject in &subjects {
            count_wall_time(subject, since);
        }
        let (mut kept, mut candidates) = (HashMap::new(), Vec::new());
        for mut subject in subjects {
            in_haste |= self.judge(processes, &mut subject).await;
            candidates.push(Candidate {
                pid: subject.living.pid,
                priority: subject.row.priority,
                is_working: subject.row.state == State::Running,
                is_exempt: subject.living.is_exempt(),
            });
            kept.insert(subject.living.pid, subject.meter);
        }
        self.meters = kept;
        if began - self.last_save >= SAVE_EVERY {
            self.last_save = began;
            let lives: Vec<_> = processes.governed_lives().into_iter().map(|(life, _)| life).collect();
            processes.save_used(&lives).await;
        }
        if began - self.last_pressure >= PRESSURE_EVERY {
            self.last_pressure = began;
            self.heed_pressure(processes, &candidates).await;
        }
        let pause = match (in_haste, working) {
            (true, _) => (every / HASTE).max(SOONEST.min(every)),
            (false, true) => every,
            (false, false) => every * CALM,
        };
        pause.max(cost * 20)
    }

    /// Looks at all of them, on a thread that may block. With what it cost in CPU time: on a busy machine it takes
    /// longer than that, which is no reason to look less.
    async fn measure(
        &mut self,
        processes: &Processes,
        lives: Vec<(Arc<Living>, Arc<Process>)>,
    ) -> Option<(Vec<Subject>, Duration)> {
        let subjects: Vec<Subject> = lives
            .into_iter()
            .map(|(living, row)| {
                let meter = self.meters.remove(&living.pid).unwrap_or_else(|| Meter {
                    cpu: CpuMeter::default(),
                    cpu_before_ms: living.used().cpu_ms,
                    walk: Walk::new(processes.home_of(row.agent)),
                    strikes: HashMap::new(),
                });
                Subject { living, row, meter }
            })
            .collect();
        let mut look = std::mem::take(&mut self.look);
        let looked = tokio::task::spawn_blocking(move || {
            let before = thread_time();
            let subjects = survey(&mut look, subjects);
            (look, subjects, thread_time().saturating_sub(before))
        })
        .await;
        match looked {
            Ok((look, subjects, cost)) => {
                self.look = look;
                Some((subjects, cost))
            }
            Err(error) => {
                tracing::error!(%error, "the governor could not look at the processes");
                None
            }
        }
    }

    /// Holds one life against its limits. Returns whether it is near one that it would be ended for.
    async fn judge(&self, processes: &Processes, subject: &mut Subject) -> bool {
        let living = &subject.living;
        if living.is_doomed() {
            return false;
        }
        let governed = living.governed();
        let used = living.used();
        let mut in_haste = false;
        for kind in Kind::ALL {
            let (Some(used), Some(limit)) =
                (used_now(&used, subject.meter.walk.at_least(), kind), governed.quotas.get(kind))
            else {
                continue;
            };
            let ends = quota::consequence(kind) == Consequence::End;
            in_haste |= ends && quota::judge(used, limit, HASTE_PERCENT) != Verdict::Fine;
            let verdict = quota::judge(used, limit, self.config.warn_percent);
            let strikes = subject.meter.strikes.entry(kind).or_default();
            *strikes = if verdict == Verdict::Reached { *strikes + 1 } else { 0 };
            let cause = Cause::Quota { kind, used, limit };
            let done = match verdict {
                Verdict::Near if !governed.warned.contains(&kind) => {
                    processes.warn(living, kind, used, limit).await
                }
                Verdict::Reached if *strikes < quota::patience(kind) => Ok(()),
                Verdict::Reached if ends => {
                    let ended = processes.end(living, cause).await;
                    tell(living.pid, ended);
                    return true;
                }
                Verdict::Reached if governed.hold.is_none() || is_throttled(&governed) => {
                    processes.hold(living, cause, true, None).await
                }
                Verdict::Fine | Verdict::Near | Verdict::Reached => Ok(()),
            };
            tell(living.pid, done);
        }
        in_haste
    }

    async fn heed_pressure(&mut self, processes: &Processes, candidates: &[Candidate]) {
        let Some(reading) = pressure::read() else { return };
        let throttled = |pid| processes.living(pid).is_ok_and(|living| is_throttled(&living.governed()));
        self.throttle.forget(throttled);
        let now_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let done = match self.throttle.look(now_ms, reading, candidates, &self.config.pressure) {
            Some(Order::Throttle(pid, resource, share)) => match processes.living(pid) {
                Ok(living) => {
                    let cause = Cause::Pressure { resource, percent: share as u32 };
                    (pid, processes.throttle(&living, cause).await)
                }
                Err(_) => return,
            },
            Some(Order::Release(pid)) => match processes.living(pid) {
                Ok(living) => (pid, processes.unthrottle(&living).await),
                Err(_) => return,
            },
            None => return,
        };
        tell(done.0, done.1);
    }
}

fn is_throttled(governed: &quota::Governed) -> bool {
    matches!(governed.hold, Some(Cause::Pressure { .. }))
}

/// A home that is being walked through for the first time counts with what was found already.
fn used_now(used: &Used, at_least: u64, kind: Kind) -> Option<u64> {
    match kind {
        Kind::Disk => Some(used.disk_bytes.unwrap_or(0).max(at_least)),
        _ => used.get(kind),
    }
}

/// Time in which it is held, or waits for a person, is not its own.
fn count_wall_time(subject: &Subject, since: Duration) {
    if subject.row.state == State::Running {
        let millis = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        subject.living.edit_used(|used| used.wall_ms += millis);
    }
}

fn tell(pid: Pid, done: aether_protocol::Result<()>) {
    if let Err(error) = done {
        tracing::warn!(%pid, %error, "a decision of the governor could not be carried out");
    }
}

/// CPU time of this thread.
fn thread_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// Takes the measures of all lives.
fn survey(look: &mut Look, mut subjects: Vec<Subject>) -> Vec<Subject> {
    let places: Vec<Option<(i32, u64)>> =
        subjects.iter().map(|subject| subject.living.tree.place()).collect();
    let wanted: HashSet<u64> = places.iter().flatten().map(|(_, namespace)| *namespace).collect();
    let mut found = look.take(&wanted);
    let share = HOME_ENTRIES / subjects.len().max(1);
    for (subject, place) in subjects.iter_mut().zip(places) {
        let Some((init, namespace)) = place else { continue };
        let census = found.remove(&namespace).unwrap_or_default();
        subject.meter.walk.go_on(share.max(64));
        take_in(subject, init, &census);
    }
    subjects
}

fn take_in(subject: &mut Subject, init: i32, census: &Census) {
    let group = subject.living.tree.group();
    let cpu_ms = if let Some(micros) = group.as_ref().and_then(|group| group.cpu_micros()) {
        micros / 1000
    } else {
        let ticks = subject.meter.cpu.take(census.ticks);
        u64::try_from(measure::duration(ticks).as_millis()).unwrap_or(u64::MAX)
    };
    // From its first call on it stands.
    let stands = subject.row.host_pid.is_some();
    let in_files = if stands { measure::shared_memory_bytes(init) } else { 0 };
    let mut memory_bytes = census.resident_bytes + in_files;
    if let Some(bytes) = group.as_ref().and_then(|group| group.memory_bytes()) {
        memory_bytes = bytes;
    } else if let Some(limit) = subject.living.governed().quotas.memory_bytes
        && quota::judge(memory_bytes, limit, HASTE_PERCENT) != Verdict::Fine
    {
        // Near its limit it is worth knowing what is counted twice.
        memory_bytes = measure::proportional_bytes(&census.members) + in_files;
    }
    let meter = &subject.meter;
    subject.living.edit_used(|used| {
        used.cpu_ms = (meter.cpu_before_ms + cpu_ms).max(used.cpu_ms);
        used.memory_bytes = memory_bytes;
        used.processes = census.processes;
        used.open_files = census.open_files;
        used.disk_bytes = meter.walk.bytes().or(used.disk_bytes);
    });
}
