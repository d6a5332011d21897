//! Agents that have ended: read a page at a time, as far as a person asks.

use std::collections::BTreeMap;

use aether_client::{Client, Pending};
use aether_protocol::{
    Cursor, Error, Page, Pid,
    process::{List, Process, Which},
};

use crate::World;

/// Rows of one page.
const PAGE_ROWS: u32 = 50;

enum Next {
    First,
    More(Cursor),
    End,
}

/// The ended ones that have been read.
pub struct Ended {
    rows: BTreeMap<Pid, Process>,
    next: Next,
    pending: Option<Pending<Page<Process>>>,
    error: Option<Error>,
    age: u64,
}

impl Default for Ended {
    fn default() -> Self {
        Self { rows: BTreeMap::new(), next: Next::First, pending: None, error: None, age: 0 }
    }
}

impl Ended {
    /// Asks for the first page, once.
    pub fn want_first(&mut self, client: &Client) {
        if matches!(self.next, Next::First) && self.error.is_none() {
            self.ask(client);
        }
    }

    /// Asks for the next page; also tries again after an error.
    pub fn ask(&mut self, client: &Client) {
        if self.pending.is_some() {
            return;
        }
        let cursor = match &self.next {
            Next::First => None,
            Next::More(cursor) => Some(cursor.clone()),
            Next::End => return,
        };
        self.error = None;
        self.pending = Some(client.call(List { which: Which::Ended, cursor, limit: Some(PAGE_ROWS) }));
    }

    /// Events were missed: begins at the newest again. What has been read stays.
    pub fn refresh(&mut self) {
        self.next = Next::First;
        self.pending = None;
        self.error = None;
    }

    /// Takes in what has come.
    pub fn logic(&mut self) {
        if let Some(pending) = &mut self.pending
            && let Some(answer) = pending.take()
        {
            self.pending = None;
            self.take(answer);
        }
    }

    /// Takes in one page, as a reply brings it.
    pub fn take(&mut self, answer: Result<Page<Process>, Error>) {
        self.age += 1;
        match answer {
            Ok(page) => {
                self.next = page.next.map_or(Next::End, Next::More);
                self.rows.extend(page.items.into_iter().map(|process| (process.pid, process)));
            }
            Err(error) => self.error = Some(error),
        }
    }

    /// Every ended process that is known here or in the world, each once; the world knows better.
    pub fn all<'a>(&'a self, world: &'a World) -> BTreeMap<Pid, &'a Process> {
        let mut all: BTreeMap<Pid, &Process> = self
            .rows
            .iter()
            .filter(|(_, process)| !world.is_removed(process.agent))
            .map(|(pid, process)| (*pid, process))
            .collect();
        for known in world.live() {
            all.remove(&known.process.pid);
        }
        all.extend(world.ended().map(|known| (known.process.pid, &known.process)));
        all
    }

    /// One of those read here.
    pub fn get(&self, pid: Pid) -> Option<&Process> {
        self.rows.get(&pid)
    }

    /// Whether older ones can be asked for.
    pub fn has_more(&self) -> bool {
        matches!(self.next, Next::More(_))
    }

    /// Whether nothing has come yet.
    pub fn is_first(&self) -> bool {
        matches!(self.next, Next::First) && self.rows.is_empty()
    }

    /// Whether a page is on its way.
    pub fn is_loading(&self) -> bool {
        self.pending.is_some()
    }

    /// Why the last page did not come.
    pub fn error(&self) -> Option<&Error> {
        self.error.as_ref()
    }

    /// Grows with each page.
    pub fn age(&self) -> u64 {
        self.age
    }
}
