//! What the desktop knows of the kernel, kept current from its events.
//!
//! *Invariant:* memory is bounded (live rows, ended rows, steps, words), and a list reply that comes late
//! never overwrites what an event said meanwhile.

mod rows;
mod status;

use std::{cell::Cell, collections::VecDeque};

use aether_client::{Client, Incoming, Pending};
use aether_protocol::{
    AgentId, Cursor, Error, Event, EventBody, Live, Page, Pid, UnixMillis,
    agent::{Role, Roles},
    files::Place,
    identity::{Me, WhoAmI},
    journal::StepBody,
    mind::{Model, Models},
    process::{List, Phase, Process, Which},
    system::{GetStatus, Status},
};

use rows::Rows;
pub use rows::{Known, SeenStep};
use status::Clock;

use crate::{Intent, Notice, NoticeKind};

/// Milliseconds between two reads of `system.status`.
const STATUS_EVERY_MS: u64 = 5_000;
/// Rows asked for at once.
const PAGE_ROWS: u32 = 200;
/// Removed agents that are remembered, so that pages loaded before can drop them.
const REMOVED_KEPT: usize = 1_000;
/// Places whose file version is remembered.
const PLACES_KEPT: usize = 1_000;

/// How far something that was asked for has come.
#[derive(Clone, Debug, PartialEq)]
pub enum Loaded<T> {
    /// Nothing has come yet.
    Loading,
    /// It is here.
    Ready(T),
    /// It could not be had; the last try's error.
    Failed(Error),
}

impl<T> Loaded<T> {
    /// The value, where it is here.
    pub fn ready(&self) -> Option<&T> {
        match self {
            Self::Ready(value) => Some(value),
            _ => None,
        }
    }

    /// Why it could not be had.
    pub fn error(&self) -> Option<&Error> {
        match self {
            Self::Failed(error) => Some(error),
            _ => None,
        }
    }

    /// Takes in an answer. A failure does not take away what is here already.
    fn take(&mut self, answer: Result<T, Error>) {
        match answer {
            Ok(value) => *self = Self::Ready(value),
            Err(error) => {
                if !matches!(self, Self::Ready(_)) {
                    *self = Self::Failed(error);
                }
            }
        }
    }
}

/// A list of live processes that is being read, page by page.
struct Census {
    pending: Pending<Page<Process>>,
    /// The world's age when the first page was asked for: rows touched later are newer than the list.
    asked_at_age: u64,
    seen: Vec<Pid>,
}

/// What the desktop knows of the kernel.
pub struct World {
    rows: Rows,
    census: Option<Census>,
    processes: Loaded<()>,
    stale: bool,
    gaps: u64,
    retry: Cell<bool>,

    roles: Loaded<Vec<Role>>,
    models: Loaded<Vec<Model>>,
    me: Loaded<Me>,
    status: Loaded<Status>,
    pending_roles: Option<Pending<Page<Role>>>,
    pending_models: Option<Pending<Page<Model>>>,
    pending_me: Option<Pending<Me>>,
    pending_status: Option<Pending<Status>>,
    status_asked_ms: Option<u64>,
    clock: Clock,

    removed: VecDeque<AgentId>,
    file_versions: VecDeque<(Place, u64)>,
    channels_version: u64,
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

impl World {
    /// A world that knows nothing yet; [`World::logic`] asks.
    pub fn new() -> Self {
        Self {
            rows: Rows::default(),
            census: None,
            processes: Loaded::Loading,
            stale: true,
            gaps: 0,
            retry: Cell::new(false),
            roles: Loaded::Loading,
            models: Loaded::Loading,
            me: Loaded::Loading,
            status: Loaded::Loading,
            pending_roles: None,
            pending_models: None,
            pending_me: None,
            pending_status: None,
            status_asked_ms: None,
            clock: Clock::system(),
            removed: VecDeque::new(),
            file_versions: VecDeque::new(),
            channels_version: 0,
        }
    }

    /// A world with its clock standing at `now`, for tests and previews.
    pub fn at(now: UnixMillis) -> Self {
        Self { clock: Clock::fixed(now), ..Self::new() }
    }

    /// Runs each frame while signed in: asks for what is missing, once, and takes in what has come.
    pub fn logic(&mut self, client: &Client) {
        if self.retry.replace(false) {
            self.stale = true;
            self.forget_failures();
        }
        self.take_small_replies();
        if self.pending_roles.is_none() && matches!(self.roles, Loaded::Loading) {
            self.pending_roles = Some(client.call(Roles {}));
        }
        if self.pending_models.is_none() && matches!(self.models, Loaded::Loading) {
            self.pending_models = Some(client.call(Models {}));
        }
        if self.pending_me.is_none() && matches!(self.me, Loaded::Loading) {
            self.pending_me = Some(client.call(WhoAmI {}));
        }
        let local_ms = self.clock.local_ms();
        if self.pending_status.is_none()
            && self.status_asked_ms.is_none_or(|asked| local_ms.saturating_sub(asked) >= STATUS_EVERY_MS)
        {
            self.status_asked_ms = Some(local_ms);
            self.pending_status = Some(client.call(GetStatus {}));
        }
        self.run_census(client);
    }

    /// Takes in what arrived without being asked for. Returns what a person should be told of it.
    pub fn apply(&mut self, incoming: Incoming) -> Option<Notice> {
        match incoming {
            Incoming::Event(event) => self.apply_event(&event),
            Incoming::Live(live) => {
                self.apply_live(live);
                None
            }
            Incoming::Resynced => {
                self.resync();
                None
            }
        }
    }

    /// Takes in one event. Returns what a person should be told of it.
    pub fn apply_event(&mut self, event: &Event) -> Option<Notice> {
        self.clock.heard(event.at);
        match &event.body {
            EventBody::ProcessChanged { process } => {
                let before = self.rows.get(process.pid).map(|known| known.process.phase);
                let notice = notice_of(before, process);
                self.rows.changed((**process).clone());
                notice
            }
            EventBody::ProcessStepped { pid, agent, step, cut, .. } => {
                if matches!(step.body, StepBody::CallFinished { .. }) {
                    self.touch_files(Place::Agent { agent: *agent });
                }
                self.rows.stepped(*pid, step.clone(), *cut);
                None
            }
            EventBody::AgentRemoved { agent, .. } => {
                self.rows.remove_agent(*agent);
                self.removed.push_back(*agent);
                if self.removed.len() > REMOVED_KEPT {
                    self.removed.pop_front();
                }
                None
            }
            EventBody::FileChanged { place, .. } => {
                self.touch_files(*place);
                None
            }
            EventBody::ChannelPosted { .. }
            | EventBody::ChannelChanged { .. }
            | EventBody::ChannelRemoved { .. }
            | EventBody::ChannelOverflowed { .. } => {
                self.channels_version += 1;
                None
            }
            EventBody::SystemStarted { .. } => {
                self.status_asked_ms = None;
                None
            }
            _ => None,
        }
    }

    /// Takes in words while they are thought.
    pub fn apply_live(&mut self, live: Live) {
        match live {
            Live::Words { pid, text } => self.rows.words(pid, &text),
            Live::WordsEnd { pid } => self.rows.words_end(pid),
        }
    }

    /// The stream of events has a gap: everything is read again, and stays on the screen meanwhile.
    pub fn resync(&mut self) {
        self.gaps += 1;
        self.channels_version += 1;
        self.stale = true;
        self.census = None;
        self.status_asked_ms = None;
        for (_, version) in &mut self.file_versions {
            *version += 1;
        }
    }

    /// Forgets everything, after signing out.
    pub fn clear(&mut self) {
        *self = Self::new();
    }

    /// Asks again for what failed, in the next frame.
    pub fn retry(&self) {
        self.retry.set(true);
    }

    /// How far the list of live processes has come. Rows known from events are there before.
    pub fn processes_state(&self) -> &Loaded<()> {
        &self.processes
    }

    /// The queued and living processes, lowest PID first.
    pub fn live(&self) -> impl DoubleEndedIterator<Item = &Known> {
        self.rows.live()
    }

    /// Those that ended lately, lowest PID first. Older ones are in `process.list`.
    pub fn ended(&self) -> impl DoubleEndedIterator<Item = &Known> {
        self.rows.ended()
    }

    /// One process, living or lately ended.
    pub fn process(&self, pid: Pid) -> Option<&Known> {
        self.rows.get(pid)
    }

    /// Whether an agent was removed since the desktop started.
    pub fn is_removed(&self, agent: AgentId) -> bool {
        self.removed.contains(&agent)
    }

    /// Grows each time that rows change (not with steps and words): what is derived from them can be kept.
    pub fn age(&self) -> u64 {
        self.rows.age()
    }

    /// How often events were missed. When it grows, what an app has read by itself is to be read again.
    pub fn gaps(&self) -> u64 {
        self.gaps
    }

    /// Counts of live processes: running, queued, waiting for a person.
    pub fn counts(&self) -> Counts {
        self.rows.counts()
    }

    /// How often the files of a place have changed, as far as known. A change means: read again.
    pub fn files_version(&self, place: Place) -> u64 {
        self.file_versions.iter().find(|(known, _)| *known == place).map_or(0, |(_, version)| *version)
    }

    /// How often something was said in a channel, or one has changed. A change means: read again.
    pub fn channels_version(&self) -> u64 {
        self.channels_version
    }

    /// The roles that can be deployed.
    pub fn roles(&self) -> &Loaded<Vec<Role>> {
        &self.roles
    }

    /// The models that can be chosen, as they were when last read.
    pub fn models(&self) -> &Loaded<Vec<Model>> {
        &self.models
    }

    /// Who is signed in.
    pub fn me(&self) -> &Loaded<Me> {
        &self.me
    }

    /// How the kernel was when last asked.
    pub fn status(&self) -> Option<&Status> {
        self.status.ready()
    }

    /// The kernel's clock, now.
    pub fn now(&self) -> UnixMillis {
        self.clock.now()
    }

    /// Puts the roles in place, as a reply would.
    pub fn set_roles(&mut self, answer: Result<Vec<Role>, Error>) {
        self.roles.take(answer);
    }

    /// Puts the models in place, as a reply would.
    pub fn set_models(&mut self, answer: Result<Vec<Model>, Error>) {
        self.models.take(answer);
    }

    /// Puts the status in place, as a reply would.
    pub fn set_status(&mut self, status: Status) {
        self.clock.told(status.now);
        self.status = Loaded::Ready(status);
    }

    /// Ends the list of live processes, as the reply to its last page would.
    pub fn set_processes(&mut self, answer: Result<Vec<Process>, Error>) {
        let age = self.rows.age();
        match answer {
            Ok(processes) => {
                let seen: Vec<Pid> = processes.iter().map(|process| process.pid).collect();
                self.rows.listed(processes, age);
                self.rows.end_of_list(&seen, age);
                self.processes = Loaded::Ready(());
            }
            Err(error) => self.processes.take(Err(error)),
        }
        self.stale = false;
    }

    fn forget_failures(&mut self) {
        if self.roles.error().is_some() {
            self.roles = Loaded::Loading;
        }
        if self.models.error().is_some() {
            self.models = Loaded::Loading;
        }
        if self.me.error().is_some() {
            self.me = Loaded::Loading;
        }
    }

    fn touch_files(&mut self, place: Place) {
        if let Some((_, version)) = self.file_versions.iter_mut().find(|(known, _)| *known == place) {
            *version += 1;
            return;
        }
        if self.file_versions.len() >= PLACES_KEPT {
            self.file_versions.pop_front();
        }
        self.file_versions.push_back((place, 1));
    }

    fn take_small_replies(&mut self) {
        if let Some(answer) = taken(&mut self.pending_roles) {
            self.roles.take(answer.map(|page| page.items));
        }
        if let Some(answer) = taken(&mut self.pending_models) {
            self.models.take(answer.map(|page| page.items));
        }
        if let Some(answer) = taken(&mut self.pending_me) {
            self.me.take(answer);
        }
        match taken(&mut self.pending_status) {
            Some(Ok(status)) => self.set_status(status),
            Some(Err(error)) => self.status.take(Err(error)),
            None => {}
        }
    }

    /// Reads the live processes page by page, from the start and after each gap.
    fn run_census(&mut self, client: &Client) {
        if self.stale && self.census.is_none() {
            self.stale = false;
            if !matches!(self.processes, Loaded::Ready(())) {
                self.processes = Loaded::Loading;
            }
            self.census = Some(Census {
                pending: client.call(list_live(None)),
                asked_at_age: self.rows.begin_list(),
                seen: Vec::new(),
            });
        }
        let Some(mut census) = self.census.take() else { return };
        match census.pending.take() {
            None => self.census = Some(census),
            Some(Err(error)) => self.processes.take(Err(error)),
            Some(Ok(page)) => {
                census.seen.extend(page.items.iter().map(|process| process.pid));
                self.rows.listed(page.items, census.asked_at_age);
                if let Some(next) = page.next {
                    census.pending = client.call(list_live(Some(next)));
                    self.census = Some(census);
                } else {
                    self.rows.end_of_list(&census.seen, census.asked_at_age);
                    self.processes = Loaded::Ready(());
                }
            }
        }
    }
}

/// Counts of live processes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// A Linux process stands behind it.
    pub running: u32,
    /// Waits for a place.
    pub queued: u32,
    /// Of those running: waits for a person.
    pub waiting: u32,
}

fn list_live(cursor: Option<Cursor>) -> List {
    List { which: Which::Live, cursor, limit: Some(PAGE_ROWS) }
}

/// The answer, where it has come; the pending call is gone then.
fn taken<T>(pending: &mut Option<Pending<T>>) -> Option<Result<T, Error>> {
    let answer = pending.as_mut()?.take()?;
    *pending = None;
    Some(answer)
}

/// What a change of a process is worth telling a person who may be looking elsewhere.
fn notice_of(before: Option<Phase>, process: &Process) -> Option<Notice> {
    if before? == process.phase {
        return None;
    }
    let reason = process.reason.clone().unwrap_or_default();
    let (kind, title) = match process.phase {
        Phase::Waiting => (NoticeKind::Waiting, format!("{} waits for you", process.name)),
        Phase::Completed => (NoticeKind::Good, format!("{} reached its goal", process.name)),
        Phase::Failed => (NoticeKind::Bad, format!("{} did not reach its goal", process.name)),
        _ => return None,
    };
    let body = if reason.is_empty() { process.goal.clone() } else { reason };
    Some(Notice { kind, title, body, opens: Some(Intent::Process(process.pid)) })
}

#[cfg(test)]
mod tests;
