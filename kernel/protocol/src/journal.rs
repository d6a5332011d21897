//! The journal: what one life did, in order. Each step is on disk before the next begins.

use serde::{Deserialize, Serialize};

use crate::{
    UnixMillis,
    mind::{ToolCall, Usage},
};

/// One entry of a life's journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Step {
    /// Counts from 0 within the life, without gaps.
    pub index: u32,
    /// When it was written.
    pub at: UnixMillis,
    /// What happened.
    pub body: StepBody,
}

/// What happened in one step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum StepBody {
    /// A person (or another agent) said something to it. The first one is the goal.
    Message {
        /// The name of who said it.
        from: String,
        /// What was said.
        text: String,
    },
    /// The model answered.
    Thought {
        /// What it wrote beside the calls.
        text: String,
        /// What it wants done, in this order.
        calls: Vec<ToolCall>,
        /// Which model thought.
        model: String,
        /// What it cost.
        usage: Usage,
        /// How long it took.
        duration_ms: u64,
    },
    /// A call began. One without a later end was in flight.
    CallStarted {
        /// Which.
        call: ToolCall,
    },
    /// A call ended, with a result that the model is told.
    CallFinished {
        /// The call's id.
        call: String,
        /// The tool's name.
        tool: String,
        /// Whether it did what was asked.
        ok: bool,
        /// What the model is told.
        output: String,
        /// How long it took.
        duration_ms: u64,
    },
    /// The kernel stopped while the call was in flight. It may or may not have taken effect; the agent is
    /// told so, and nobody repeats it unasked.
    CallInterrupted {
        /// The call's id.
        call: String,
        /// The tool's name.
        tool: String,
    },
    /// The agent asked a person; a later message answers.
    Question {
        /// What it wants to know.
        text: String,
    },
    /// Something that the reader of the log should know: a retry, a malformed answer of the model.
    Note {
        /// One sentence.
        text: String,
    },
    /// The agent says that the goal is reached.
    Completed {
        /// What it says it did.
        summary: String,
    },
    /// Somebody ended the life before it reached the goal.
    Ended {
        /// Who, and how.
        reason: String,
    },
    /// The life ended without reaching the goal.
    Failed {
        /// Why.
        reason: String,
    },
}
