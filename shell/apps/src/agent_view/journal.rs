//! The journal of one life as the desktop holds it: read by pages, then kept current from events.
//!
//! *Invariant:* the steps are dense from 0. A gap in the events is filled from `agent.steps`.

use std::collections::{BTreeMap, HashMap, HashSet};

use aether_client::{Client, Pending};
use aether_protocol::{
    Error, Page, Pid,
    agent::Steps,
    journal::{Step, StepBody},
};

use crate::{text, world::Known};

/// Steps asked for at once.
const PAGE_STEPS: u32 = 200;
/// Longer texts are cut while folded, and read again when unfolded.
const TEXT_KEPT_BYTES: usize = 4_096;
/// Whole texts kept of unfolded steps.
const WHOLE_KEPT: usize = 64;

/// The journal of one life.
pub struct Journal {
    pid: Pid,
    steps: Vec<Step>,
    cut: HashSet<u32>,
    page: Option<Pending<Page<Step>>>,
    is_whole: bool,
    error: Option<Error>,
    /// A gap in the events was seen, or the stream was broken.
    behind: bool,
    wanted: BTreeMap<u32, Pending<Page<Step>>>,
    whole: HashMap<u32, Result<Step, Error>>,
    whole_order: Vec<u32>,
}

impl Journal {
    /// The journal of the life under this PID. Nothing is asked yet.
    pub fn new(pid: Pid) -> Self {
        Self {
            pid,
            steps: Vec::new(),
            cut: HashSet::new(),
            page: None,
            is_whole: false,
            error: None,
            behind: false,
            wanted: BTreeMap::new(),
            whole: HashMap::new(),
            whole_order: Vec::new(),
        }
    }

    /// The steps held, dense from 0. Long texts may be cut ([`Journal::is_cut`]).
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Whether a step's texts are not whole here.
    pub fn is_cut(&self, index: u32) -> bool {
        self.cut.contains(&index)
    }

    /// Whether everything that there is has been read.
    pub fn is_whole(&self) -> bool {
        self.is_whole && !self.behind
    }

    /// Why reading stopped, where it stopped.
    pub fn error(&self) -> Option<&Error> {
        self.error.as_ref()
    }

    /// Reads on after an error.
    pub fn retry(&mut self) {
        self.error = None;
        self.is_whole = false;
    }

    /// Events were missed: there may be steps that nobody told of.
    pub fn missed(&mut self) {
        self.behind = true;
    }

    /// A step with its texts whole: `None` while they come.
    pub fn whole(&self, index: u32) -> Option<&Result<Step, Error>> {
        self.whole.get(&index)
    }

    /// Asks for a step with its texts whole, once.
    pub fn want_whole(&mut self, client: &Client, index: u32) {
        if self.whole.contains_key(&index) || self.wanted.contains_key(&index) {
            return;
        }
        let after = index.checked_sub(1);
        self.wanted.insert(index, client.call(Steps { pid: self.pid, after, limit: Some(1) }));
    }

    /// Runs each frame: reads on, and takes what events brought.
    pub fn logic(&mut self, client: &Client, known: Option<&Known>) {
        if let Some(known) = known {
            self.take_events(known);
        }
        if let Some(page) = &mut self.page
            && let Some(answer) = page.take()
        {
            self.page = None;
            self.take_page(answer);
        }
        if self.page.is_none() && self.error.is_none() && !self.is_whole() {
            let after = self.steps.last().map(|step| step.index);
            self.page = Some(client.call(Steps { pid: self.pid, after, limit: Some(PAGE_STEPS) }));
        }
        let mut came = Vec::new();
        self.wanted.retain(|index, pending| match pending.take() {
            None => true,
            Some(answer) => {
                came.push((*index, answer));
                false
            }
        });
        for (index, answer) in came {
            self.take_whole(index, answer);
        }
    }

    /// Takes in one page, as a reply brings it.
    pub fn take_page(&mut self, answer: Result<Page<Step>, Error>) {
        match answer {
            Ok(page) => {
                self.error = None;
                let came = page.items.len();
                let is_last = page.next.is_none();
                for step in page.items {
                    self.push(step, false);
                }
                if is_last || came == 0 {
                    self.is_whole = true;
                    self.behind = false;
                }
            }
            Err(error) => self.error = Some(error),
        }
    }

    fn take_whole(&mut self, index: u32, answer: Result<Page<Step>, Error>) {
        let step = answer.and_then(|page| {
            page.items
                .into_iter()
                .find(|step| step.index == index)
                .ok_or_else(|| Error::not_found("step", index))
        });
        if self.whole_order.len() >= WHOLE_KEPT {
            let oldest = self.whole_order.remove(0);
            self.whole.remove(&oldest);
        }
        self.whole_order.push(index);
        self.whole.insert(index, step);
    }

    fn take_events(&mut self, known: &Known) {
        let Some(newest) = known.steps.back() else { return };
        if (newest.step.index as usize) < self.steps.len() {
            return;
        }
        for seen in &known.steps {
            if seen.step.index as usize == self.steps.len() {
                self.push(seen.step.clone(), seen.cut);
            }
        }
        if (newest.step.index as usize) >= self.steps.len() && self.is_whole {
            self.behind = true;
        }
    }

    fn push(&mut self, mut step: Step, cut: bool) {
        if step.index as usize != self.steps.len() {
            return;
        }
        let shortened = shorten(&mut step.body);
        if cut || shortened {
            self.cut.insert(step.index);
        }
        self.steps.push(step);
    }
}

/// Cuts long texts; says whether it did.
fn shorten(body: &mut StepBody) -> bool {
    let text = match body {
        StepBody::Message { text, .. }
        | StepBody::Thought { text, .. }
        | StepBody::Question { text }
        | StepBody::Note { text } => text,
        StepBody::CallFinished { output, .. } => output,
        StepBody::Completed { summary } => summary,
        StepBody::Ended { reason } | StepBody::Failed { reason } => reason,
        StepBody::CallStarted { call } => {
            return shorten_args(&mut call.args);
        }
        StepBody::CallInterrupted { .. } => return false,
    };
    let (kept, is_cut) = text::head(text, TEXT_KEPT_BYTES);
    if is_cut {
        *text = kept.to_owned();
    }
    is_cut
}

fn shorten_args(args: &mut serde_json::Value) -> bool {
    let mut is_cut = false;
    if let Some(fields) = args.as_object_mut() {
        for (_, value) in fields.iter_mut() {
            if let serde_json::Value::String(text) = value {
                let (kept, cut) = text::head(text, TEXT_KEPT_BYTES);
                if cut {
                    *text = kept.to_owned();
                    is_cut = true;
                }
            }
        }
    }
    is_cut
}

#[cfg(test)]
mod tests {
    use aether_protocol::{Cursor, UnixMillis};

    use super::*;

    fn note(index: u32, text: &str) -> Step {
        Step { index, at: UnixMillis(i64::from(index)), body: StepBody::Note { text: text.to_owned() } }
    }

    fn page(from: u32, to: u32, more: bool) -> Page<Step> {
        Page {
            items: (from..to).map(|index| note(index, "x")).collect(),
            next: more.then(|| Cursor("n".to_owned())),
        }
    }

    #[test]
    fn pages_are_joined_without_gaps_or_doubles() {
        let mut journal = Journal::new(Pid(1));
        journal.take_page(Ok(page(0, 200, true)));
        assert!(!journal.is_whole());
        journal.take_page(Ok(page(198, 300, false)));
        assert!(journal.is_whole());
        assert_eq!(journal.steps().len(), 300);
        assert!(journal.steps().iter().enumerate().all(|(at, step)| step.index as usize == at));
    }

    #[test]
    fn a_long_text_is_cut_and_marked() {
        let mut journal = Journal::new(Pid(1));
        let long = "ä".repeat(5_000);
        journal.take_page(Ok(Page { items: vec![note(0, &long), note(1, "short")], next: None }));
        assert!(journal.is_cut(0));
        assert!(!journal.is_cut(1));
        journal.take_whole(0, Ok(Page { items: vec![note(0, &long)], next: None }));
        assert_eq!(journal.whole(0), Some(&Ok(note(0, &long))));
    }

    #[test]
    fn after_a_gap_it_is_read_on() {
        let mut journal = Journal::new(Pid(1));
        journal.take_page(Ok(page(0, 10, false)));
        journal.missed();
        assert!(!journal.is_whole());
        journal.take_page(Ok(page(10, 12, false)));
        assert!(journal.is_whole());
        assert_eq!(journal.steps().len(), 12);
    }

    #[test]
    fn an_error_stops_reading_until_retried() {
        let mut journal = Journal::new(Pid(1));
        journal.take_page(Err(Error::unavailable("no connection")));
        assert!(journal.error().is_some());
        journal.retry();
        assert!(journal.error().is_none() && !journal.is_whole());
    }
}
