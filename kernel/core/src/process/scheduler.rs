//! Who runs and who waits: so many places, given by priority, then first come.

use std::collections::{BTreeSet, HashSet};

use aether_protocol::Pid;

/// Places and the queue before them.
#[derive(Debug)]
pub(super) struct Scheduler {
    places: u32,
    running: HashSet<Pid>,
    /// By priority (1 first), then PID, which grows with time.
    queue: BTreeSet<(u8, Pid)>,
}

impl Scheduler {
    pub(super) fn new(places: u32) -> Self {
        Self { places, running: HashSet::new(), queue: BTreeSet::new() }
    }

    pub(super) fn places(&self) -> u32 {
        self.places
    }

    pub(super) fn running(&self) -> u32 {
        self.running.len() as u32
    }

    pub(super) fn queued(&self) -> u32 {
        self.queue.len() as u32
    }

    pub(super) fn enqueue(&mut self, pid: Pid, priority: u8) {
        self.queue.insert((priority, pid));
    }

    /// Whether it was waiting; it waits no more.
    pub(super) fn dequeue(&mut self, pid: Pid) -> bool {
        let before = self.queue.len();
        self.queue.retain(|(_, queued)| *queued != pid);
        self.queue.len() < before
    }

    pub(super) fn set_priority(&mut self, pid: Pid, priority: u8) {
        if self.dequeue(pid) {
            self.enqueue(pid, priority);
        }
    }

    /// The next one to run, which gets a place; `None` when nobody waits or no place is free.
    pub(super) fn next(&mut self) -> Option<Pid> {
        if self.running() >= self.places {
            return None;
        }
        let (_, pid) = self.queue.pop_first()?;
        self.running.insert(pid);
        Some(pid)
    }

    /// Gives a place back.
    pub(super) fn release(&mut self, pid: Pid) {
        self.running.remove(&pid);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn priority_first_then_first_come() {
        let mut scheduler = Scheduler::new(2);
        for (pid, priority) in [(1, 3), (2, 1), (3, 3), (4, 5), (5, 1)] {
            scheduler.enqueue(Pid(pid), priority);
        }
        assert_eq!(
            (scheduler.next(), scheduler.next(), scheduler.next()),
            (Some(Pid(2)), Some(Pid(5)), None)
        );
        scheduler.set_priority(Pid(4), 2);
        scheduler.release(Pid(2));
        assert_eq!((scheduler.next(), scheduler.next()), (Some(Pid(4)), None));
        assert!(scheduler.dequeue(Pid(1)) && !scheduler.dequeue(Pid(1)));
        scheduler.release(Pid(5));
        assert_eq!(scheduler.next(), Some(Pid(3)));
        assert_eq!((scheduler.running(), scheduler.queued()), (2, 0));
    }

    #[test]
    fn a_running_process_is_not_queued_again_by_its_priority() {
        let mut scheduler = Scheduler::new(1);
        scheduler.enqueue(Pid(1), 3);
        assert_eq!(scheduler.next(), Some(Pid(1)));
        scheduler.set_priority(Pid(1), 1);
        scheduler.release(Pid(1));
        assert_eq!(scheduler.next(), None);
    }
}
