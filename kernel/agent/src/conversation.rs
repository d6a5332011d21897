//! The conversation with the model, built from the journal's steps.
//!
//! The same function takes in a step that is read back after a restart and one that has just happened, so
//! that a life goes on exactly where it was.

use std::collections::VecDeque;

use aether_protocol::{
    journal::StepBody,
    life::Briefing,
    mind::{Message, ToolCall},
};

use crate::{messages, tools};

pub mod compaction;
#[cfg(test)]
mod tests;

/// What the model reads about a call that a restart interrupted.
pub const INTERRUPTED: &str = "This call was interrupted by a restart. It may or may not have taken effect. \
     Check what is there before you repeat it.";

const NOT_CARRIED_OUT: &str = "This call was not carried out.";

const NUDGE: &str = "You called no tool. Call a tool to go on, or call `complete` with a summary when the \
     goal is reached.";

/// Messages, and what is still to be done of the last thought.
#[derive(Debug, Default)]
pub struct Conversation {
    messages: Vec<Message>,
    /// How many messages at the start are examples, after the instructions.
    examples: usize,
    /// Calls of the last thought that have no result yet, in order.
    pending: VecDeque<ToolCall>,
    /// The call of `pending` that has begun.
    in_flight: Option<String>,
    /// Whether a call of the last thought did not do what was asked.
    failed_in_thought: bool,
    /// What people said while calls were pending: a result must follow its call directly.
    held: Vec<Message>,
    /// Who set the goal; others are named where they speak.
    goal_from: Option<String>,
    /// A question is out.
    asked: bool,
    /// The message that answers it; it becomes the call's result.
    answer: Option<Message>,
    /// What the last question was answered with: the same message is not shown twice.
    answered: Option<String>,
    silent_in_row: u32,
    malformed_in_row: u32,
}

impl Conversation {
    /// Instructions, examples, and all that has happened.
    pub fn rebuild(briefing: &Briefing) -> Self {
        let mut conversation = Self::default();
        if !briefing.instructions.is_empty() {
            conversation.messages.push(Message::System { text: briefing.instructions.clone() });
        }
        conversation.examples = briefing.examples.len();
        conversation.messages.extend(briefing.examples.iter().cloned());
        for step in &briefing.journal {
            conversation.apply(&step.body);
        }
        conversation
    }

    /// What the model is shown.
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// Shortens the conversation to about `budget_bytes` where it is longer. Returns whether it was.
    pub fn compact(&mut self, budget_bytes: usize) -> bool {
        compaction::compact(&mut self.messages, &mut self.examples, budget_bytes)
    }

    /// The next call to carry out.
    pub fn next_call(&self) -> Option<ToolCall> {
        self.pending.front().cloned()
    }

    /// A call that had begun and has no end: the life was cut off in it.
    pub fn cut_off_call(&self) -> Option<ToolCall> {
        self.next_call().filter(|call| self.in_flight.as_ref() == Some(&call.id))
    }

    /// Whether a call of the last thought did not do what was asked.
    pub fn failed_in_thought(&self) -> bool {
        self.failed_in_thought
    }

    /// How many thoughts in a row called nothing.
    pub fn silent_in_row(&self) -> u32 {
        self.silent_in_row
    }

    /// How many thoughts in a row had calls, but none that could be carried out.
    pub fn malformed_in_row(&self) -> u32 {
        self.malformed_in_row
    }

    /// Takes in what happened.
    pub fn apply(&mut self, step: &StepBody) {
        match step {
            StepBody::Message { from, text } => self.hear(from, text),
            StepBody::Thought { text, calls, .. } => self.think(text, calls),
            StepBody::CallStarted { call } => self.in_flight = Some(call.id.clone()),
            StepBody::CallFinished { call, ok, output, .. } => {
                self.failed_in_thought |= !ok;
                self.resolve(call, output);
            }
            StepBody::CallInterrupted { call, .. } => {
                self.failed_in_thought = true;
                self.resolve(call, INTERRUPTED);
            }
            StepBody::Question { .. } => self.asked = true,
            StepBody::Note { .. } => {}
            StepBody::Completed { .. } => self.close("Done."),
            StepBody::Failed { .. } | StepBody::Ended { .. } => self.close(NOT_CARRIED_OUT),
        }
    }

    fn hear(&mut self, from: &str, text: &str) {
        if self.answered.as_deref() == Some(text) {
            self.answered = None;
            return;
        }
        let goal_from = self.goal_from.get_or_insert_with(|| from.to_owned());
        let said = if goal_from == from {
            text.to_owned()
        } else {
            format!("Message from {from}: {}", messages::set_off(text))
        };
        if self.asked {
            self.asked = false;
            self.answer = Some(Message::User { text: text.to_owned() });
        } else if self.pending.is_empty() {
            self.messages.push(Message::User { text: said });
        } else {
            self.held.push(Message::User { text: said });
        }
    }

    fn think(&mut self, text: &str, calls: &[ToolCall]) {
        self.give_up_pending(NOT_CARRIED_OUT);
        self.answered = None;
        self.failed_in_thought = false;
        if calls.is_empty() {
            self.silent_in_row += 1;
            if !text.is_empty() {
                self.messages.push(Message::Assistant { text: text.to_owned(), calls: Vec::new() });
            }
            self.messages.push(Message::User { text: NUDGE.to_owned() });
            return;
        }
        self.silent_in_row = 0;
        if calls.iter().any(|call| tools::check(call).is_ok()) {
            self.malformed_in_row = 0;
        } else {
            self.malformed_in_row += 1;
        }
        self.messages.push(Message::Assistant { text: text.to_owned(), calls: calls.to_vec() });
        self.pending.extend(calls.iter().cloned());
    }

    /// A result. One for a call that nobody waits for is left out: a model refuses it.
    fn resolve(&mut self, id: &str, text: &str) {
        let Some(position) = self.pending.iter().position(|call| call.id == id) else { return };
        let Some(call) = self.pending.remove(position) else { return };
        if self.in_flight.as_deref() == Some(id) {
            self.in_flight = None;
        }
        self.asked = false;
        match self.answer.take() {
            Some(Message::User { text: answer }) if answer == text => {}
            Some(message) => self.held.push(message),
            None => {}
        }
        if call.tool == "ask_user" {
            self.answered = Some(text.to_owned());
        }
        self.messages.push(Message::Tool { call: call.id, tool: call.tool, text: text.to_owned() });
        if self.pending.is_empty() {
            self.messages.append(&mut self.held);
        }
    }

    fn close(&mut self, text: &str) {
        self.give_up_pending(text);
        self.silent_in_row = 0;
        self.malformed_in_row = 0;
    }

    fn give_up_pending(&mut self, text: &str) {
        while let Some(call) = self.next_call() {
            self.resolve(&call.id, text);
        }
    }
}
