//! Which agents are shown, and in which order.

use std::{cmp::Reverse, collections::HashMap};

use aether_protocol::{
    Pid,
    process::{Phase, Process, State},
};

use super::ended::Ended;
use crate::{World, text};

/// Which agents are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Which {
    /// Living and ended.
    #[default]
    All,
    /// Queued and living.
    Live,
    /// Ended.
    Ended,
}

impl Which {
    /// Whether ended ones belong to it.
    pub fn has_ended(self) -> bool {
        self != Self::Live
    }
}

/// By what the list is sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Column {
    /// What needs a person first, then the living, the queue, the ended.
    #[default]
    Urgency,
    /// The agent's name.
    Name,
    /// The role.
    Role,
    /// The PID.
    Pid,
    /// Thoughts used.
    Steps,
    /// How long it has lived.
    Time,
    /// Tokens read and written.
    Tokens,
}

/// Filter and order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Filter {
    /// Living, ended or all.
    pub which: Which,
    /// Words that name, role, goal, model or PID must hold; all of them.
    pub text: String,
    /// Sorted by.
    pub by: Column,
    /// The other way round.
    pub reversed: bool,
}

/// The agents shown, made anew only when something changed.
#[derive(Default)]
pub struct Shown {
    made_of: Option<(u64, u64, Filter)>,
    pids: Vec<Pid>,
    queue: HashMap<Pid, usize>,
}

impl Shown {
    /// The PIDs in order.
    pub fn pids(&self) -> &[Pid] {
        &self.pids
    }

    /// The place in the queue, from 1.
    pub fn queue_position(&self, pid: Pid) -> Option<usize> {
        self.queue.get(&pid).copied()
    }

    /// Brings it up to date.
    pub fn update(&mut self, world: &World, ended: &Ended, filter: &Filter) {
        let made_of = (world.age(), ended.age(), filter.clone());
        if self.made_of.as_ref() == Some(&made_of) {
            return;
        }
        self.queue = queue(world);
        let words: Vec<String> = filter.text.split_whitespace().map(str::to_lowercase).collect();
        let mut rows: Vec<&Process> = Vec::new();
        if filter.which != Which::Ended {
            rows.extend(world.live().map(|known| &known.process));
        }
        if filter.which.has_ended() {
            rows.extend(ended.all(world).into_values());
        }
        rows.retain(|process| words.iter().all(|word| holds(process, word)));
        let now = world.now();
        match filter.by {
            Column::Urgency => rows.sort_by_key(|process| {
                (urgency(process), self.queue.get(&process.pid).copied().unwrap_or(0), Reverse(process.pid))
            }),
            Column::Name => rows.sort_by_cached_key(|process| process.name.to_lowercase()),
            Column::Role => rows.sort_by(|a, b| a.role.cmp(&b.role).then(a.pid.cmp(&b.pid))),
            Column::Pid => rows.sort_by_key(|process| process.pid),
            Column::Steps => rows.sort_by_key(|process| (process.steps_used, process.pid)),
            Column::Time => rows.sort_by_key(|process| (text::lifetime_ms(process, now), process.pid)),
            Column::Tokens => {
                rows.sort_by_key(|process| {
                    (process.usage.input_tokens + process.usage.output_tokens, process.pid)
                });
            }
        }
        if filter.reversed {
            rows.reverse();
        }
        self.pids = rows.into_iter().map(|process| process.pid).collect();
        self.made_of = Some(made_of);
    }
}

fn urgency(process: &Process) -> u8 {
    match (process.state, process.phase) {
        (State::Dead | State::Zombie, _) => 3,
        (State::Queued, _) => 2,
        (_, Phase::Waiting) => 0,
        _ => 1,
    }
}

fn holds(process: &Process, word: &str) -> bool {
    [&process.name, &process.role, &process.goal, &process.model.0]
        .into_iter()
        .any(|field| field.to_lowercase().contains(word))
        || process.pid.to_string() == *word
}

/// Places in the queue, from 1: by priority, then first come.
fn queue(world: &World) -> HashMap<Pid, usize> {
    let mut queued: Vec<&Process> =
        world.live().map(|known| &known.process).filter(|process| process.state == State::Queued).collect();
    queued.sort_by_key(|process| (process.priority, process.pid));
    queued.into_iter().enumerate().map(|(at, process)| (process.pid, at + 1)).collect()
}

#[cfg(test)]
mod tests {
    use aether_protocol::{Cursor, Page};

    use super::*;
    use crate::tests::fixture::{changed, empty_world, process, tell, world_of};

    fn shown(world: &World, ended: &Ended, filter: &Filter) -> Vec<u64> {
        let mut shown = Shown::default();
        shown.update(world, ended, filter);
        shown.pids().iter().map(|pid| pid.0).collect()
    }

    #[test]
    fn what_needs_a_person_comes_first_and_what_ended_last() {
        let world = world_of(8);
        assert_eq!(shown(&world, &Ended::default(), &Filter::default()), [3, 5, 4, 2, 1, 6, 8, 7]);
    }

    #[test]
    fn filters_by_life_and_by_words() {
        let world = world_of(16);
        let live = Filter { which: Which::Live, ..Filter::default() };
        assert_eq!(shown(&world, &Ended::default(), &live).len(), 12);
        let words = Filter { text: "LIBRARIAN changes.md".to_owned(), ..Filter::default() };
        assert_eq!(shown(&world, &Ended::default(), &words), [13, 1]);
        let pid = Filter { text: "12".to_owned(), ..Filter::default() };
        assert_eq!(shown(&world, &Ended::default(), &pid), [12]);
    }

    #[test]
    fn pages_of_ended_ones_join_what_the_world_knows() {
        let mut world = empty_world();
        tell(&mut world, 1, changed(process(50, State::Dead, Phase::Completed)));
        tell(&mut world, 2, changed(process(51, State::Running, Phase::Thinking)));
        let mut ended = Ended::default();
        let rows = [48, 49, 50, 51].map(|pid| process(pid, State::Dead, Phase::Completed));
        ended.take(Ok(Page { items: rows.to_vec(), next: Some(Cursor("c".to_owned())) }));
        let filter = Filter { which: Which::Ended, ..Filter::default() };
        assert_eq!(shown(&world, &ended, &filter), [50, 49, 48], "51 lives again as far as events say");
        assert!(ended.has_more());
    }

    #[test]
    fn the_queue_goes_by_priority_then_first_come() {
        let mut world = empty_world();
        for (pid, priority) in [(1, 3), (2, 3), (3, 1)] {
            let mut row = process(pid, State::Queued, Phase::Booting);
            row.priority = priority;
            tell(&mut world, pid, changed(row));
        }
        let mut shown = Shown::default();
        shown.update(&world, &Ended::default(), &Filter::default());
        assert_eq!(shown.queue_position(Pid(3)), Some(1));
        assert_eq!(shown.queue_position(Pid(2)), Some(3));
    }

    #[test]
    fn columns_sort_both_ways() {
        let world = world_of(8);
        let by_pid = Filter { by: Column::Pid, ..Filter::default() };
        assert_eq!(shown(&world, &Ended::default(), &by_pid), [1, 2, 3, 4, 5, 6, 7, 8]);
        let reversed = Filter { reversed: true, ..by_pid };
        assert_eq!(shown(&world, &Ended::default(), &reversed), [8, 7, 6, 5, 4, 3, 2, 1]);
    }
}
