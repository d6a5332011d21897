//! An agent that goes round in circles: the same call again and again, or calls that bring nothing new. Pure.

use std::{
    collections::VecDeque,
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

use aether_protocol::{journal::StepBody, mind::ToolCall, quota::Cause};

/// The tool that waits for what others say.
const WAITS: &str = "read_messages";
/// How many results are remembered.
const REMEMBERED: usize = 64;

/// What one life's calls have been like lately.
#[derive(Debug, Default)]
pub(crate) struct Runaway {
    /// Of the call that began last: tool and arguments.
    last: Option<u64>,
    /// How often it was made in a row.
    same: u32,
    /// Tool, arguments and result of the calls before.
    seen: VecDeque<u64>,
    /// How many calls in a row were among them.
    stale: u32,
}

impl Runaway {
    /// Why the call should not begin, if so: `same_call` equal calls were made in a row, or `no_change` calls in a
    /// row brought nothing new (0 turns a rule off).
    pub(crate) fn before(&self, call: &ToolCall, same_call: u32, no_change: u32) -> Option<Cause> {
        if same_call > 0 && self.same >= same_call && self.last == Some(of_call(call)) {
            return Some(Cause::SameCall { tool: call.tool.clone(), times: self.same });
        }
        (no_change > 0 && self.stale >= no_change).then_some(Cause::NoChange { calls: self.stale })
    }

    /// A call begins.
    pub(crate) fn begun(&mut self, call: &ToolCall) {
        let fingerprint = of_call(call);
        // Whoever waits for messages makes the same call again and again; whether any comes, its results tell.
        let repeats = self.last == Some(fingerprint) && call.tool != WAITS;
        self.same = if repeats { self.same + 1 } else { 1 };
        self.last = Some(fingerprint);
    }

    /// The call that began last has ended.
    pub(crate) fn ended(&mut self, ok: bool, output: &str) {
        let mut hasher = DefaultHasher::new();
        (self.last, ok, output).hash(&mut hasher);
        let fingerprint = hasher.finish();
        if self.seen.contains(&fingerprint) {
            self.stale += 1;
        } else {
            self.stale = 0;
            self.seen.push_back(fingerprint);
            if self.seen.len() > REMEMBERED {
                self.seen.pop_front();
            }
        }
    }

    /// A person has looked at it: it begins anew.
    pub(crate) fn forgive(&mut self) {
        *self = Self::default();
    }

    /// Takes in a journal that is read back.
    pub(crate) fn replay<'a>(&mut self, steps: impl Iterator<Item = &'a StepBody>) {
        for step in steps {
            match step {
                StepBody::CallStarted { call } => self.begun(call),
                StepBody::CallFinished { ok, output, .. } => self.ended(*ok, output),
                _ => {}
            }
        }
    }
}

fn of_call(call: &ToolCall) -> u64 {
    let mut hasher = DefaultHasher::new();
    call.tool.hash(&mut hasher);
    // Objects are ordered by key, so equal arguments are equal texts.
    call.args.to_string().hash(&mut hasher);
    hasher.finish()
}
