//! The process table as the desktop sees it.

use std::collections::{BTreeMap, HashSet, VecDeque};

use aether_protocol::{
    AgentId, Pid,
    journal::Step,
    process::{Phase, Process, State},
};

use super::Counts;

/// Live rows kept. More than any host runs; queued ones beyond are found through `process.list`.
const LIVE_KEPT: usize = 5_000;
/// Ended rows kept.
const ENDED_KEPT: usize = 200;
/// Steps kept for one process.
const STEPS_KEPT: usize = 32;
/// Steps kept for all processes together.
const STEPS_KEPT_IN_ALL: usize = 6_000;
/// Bytes of words kept for one thought; its beginning is forgotten first.
const WORDS_KEPT_BYTES: usize = 16_384;

/// A process, and what it has done lately.
#[derive(Clone, Debug)]
pub struct Known {
    /// Its row.
    pub process: Process,
    /// Its last steps, oldest first. They may begin anywhere in the journal.
    pub steps: VecDeque<SeenStep>,
    /// The words of the thought that it is having; empty between thoughts.
    pub words: String,
    /// The table's age when an event last spoke of it.
    touched: u64,
}

/// A step as an event told it.
#[derive(Clone, Debug, PartialEq)]
pub struct SeenStep {
    /// The step.
    pub step: Step,
    /// Whether its texts were cut; `agent.steps` has them whole.
    pub cut: bool,
}

/// Processes by PID.
#[derive(Default)]
pub(super) struct Rows {
    live: BTreeMap<Pid, Known>,
    ended: BTreeMap<Pid, Known>,
    /// Which steps were kept, in the order in which they came.
    step_order: VecDeque<(Pid, u32)>,
    /// What ended while a list is being read: the list may still show it alive.
    ended_meanwhile: Option<HashSet<Pid>>,
    age: u64,
}

impl Rows {
    pub fn age(&self) -> u64 {
        self.age
    }

    pub fn live(&self) -> impl DoubleEndedIterator<Item = &Known> {
        self.live.values()
    }

    pub fn ended(&self) -> impl DoubleEndedIterator<Item = &Known> {
        self.ended.values()
    }

    pub fn get(&self, pid: Pid) -> Option<&Known> {
        self.live.get(&pid).or_else(|| self.ended.get(&pid))
    }

    fn get_mut(&mut self, pid: Pid) -> Option<&mut Known> {
        match self.live.get_mut(&pid) {
            Some(known) => Some(known),
            None => self.ended.get_mut(&pid),
        }
    }

    /// An event says how a process is now.
    pub fn changed(&mut self, process: Process) {
        self.age += 1;
        if !is_live(process.state)
            && let Some(ended) = &mut self.ended_meanwhile
        {
            ended.insert(process.pid);
        }
        self.put(process, self.age);
    }

    /// A list is asked for now. Returns the age to give to [`Rows::listed`].
    pub fn begin_list(&mut self) -> u64 {
        self.ended_meanwhile = Some(HashSet::new());
        self.age
    }

    /// A list says how processes were at some moment after `asked_at_age`. What an event touched later
    /// stays as the event said: either the event is newer than the list, or a still newer one is on its way.
    pub fn listed(&mut self, processes: Vec<Process>, asked_at_age: u64) {
        for process in processes {
            let touched = self.get(process.pid).map_or(0, |known| known.touched);
            let has_ended = self.ended_meanwhile.as_ref().is_some_and(|ended| ended.contains(&process.pid));
            if touched <= asked_at_age && !has_ended {
                self.put(process, touched);
            }
        }
        self.age += 1;
    }

    /// The list of live ones is through: what was not in it, and no event has touched since it was asked
    /// for, has ended in the meantime.
    pub fn end_of_list(&mut self, seen: &[Pid], asked_at_age: u64) {
        let seen: HashSet<Pid> = seen.iter().copied().collect();
        self.ended_meanwhile = None;
        self.live.retain(|pid, known| seen.contains(pid) || known.touched > asked_at_age);
        self.age += 1;
    }

    fn put(&mut self, process: Process, touched: u64) {
        let pid = process.pid;
        let is_live = is_live(process.state);
        let known = self.live.remove(&pid).or_else(|| self.ended.remove(&pid));
        let known = match known {
            Some(mut known) => {
                known.process = process;
                known.touched = touched;
                known
            }
            None => Known { process, steps: VecDeque::new(), words: String::new(), touched },
        };
        if is_live {
            if self.live.len() >= LIVE_KEPT {
                self.live.pop_last();
            }
            self.live.insert(pid, known);
        } else {
            self.ended.insert(pid, Known { words: String::new(), ..known });
            if self.ended.len() > ENDED_KEPT {
                self.ended.pop_first();
            }
        }
    }

    pub fn stepped(&mut self, pid: Pid, step: Step, cut: bool) {
        let Some(known) = self.get_mut(pid) else { return };
        if known.steps.back().is_some_and(|last| last.step.index >= step.index) {
            return;
        }
        let index = step.index;
        known.steps.push_back(SeenStep { step, cut });
        if known.steps.len() > STEPS_KEPT {
            known.steps.pop_front();
        }
        self.step_order.push_back((pid, index));
        if self.step_order.len() > STEPS_KEPT_IN_ALL
            && let Some((oldest, index)) = self.step_order.pop_front()
            && let Some(known) = self.get_mut(oldest)
            && known.steps.front().is_some_and(|seen| seen.step.index == index)
        {
            known.steps.pop_front();
        }
    }

    pub fn words(&mut self, pid: Pid, text: &str) {
        let Some(known) = self.get_mut(pid) else { return };
        known.words.push_str(text);
        if known.words.len() > WORDS_KEPT_BYTES {
            let mut from = known.words.len() - WORDS_KEPT_BYTES / 2;
            while !known.words.is_char_boundary(from) {
                from += 1;
            }
            known.words.drain(..from);
        }
    }

    pub fn words_end(&mut self, pid: Pid) {
        if let Some(known) = self.get_mut(pid) {
            known.words.clear();
        }
    }

    pub fn remove_agent(&mut self, agent: AgentId) {
        self.live.retain(|_, known| known.process.agent != agent);
        self.ended.retain(|_, known| known.process.agent != agent);
        self.age += 1;
    }

    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for known in self.live.values() {
            if known.process.state == State::Queued {
                counts.queued += 1;
            } else {
                counts.running += 1;
            }
            if known.process.phase == Phase::Waiting {
                counts.waiting += 1;
            }
        }
        counts
    }
}

/// Whether a process is queued or alive.
pub fn is_live(state: State) -> bool {
    state.is_alive() || state == State::Queued
}
