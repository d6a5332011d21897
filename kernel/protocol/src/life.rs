//! What an agent's process asks of the kernel about its own life. Agents only.

use serde::{Deserialize, Serialize};

use crate::{
    LifeId, Pid,
    call::calls,
    journal::{Step, StepBody},
    mind::ToolCall,
    process::Phase,
};

calls! { Life:
    /// The first call of every process: what it lives for, and what it has done before.
    write "life.boot" Boot -> Briefing;
    /// Before a call: written down, then permitted. A granted call has the state `running` in the journal.
    write "life.begin_call" BeginCall -> Permit;
    /// After a call: its result is on disk when this returns.
    write "life.finish_call" FinishCall -> Inbox;
    /// Asks a person; returns when one has answered.
    write "life.ask" Ask -> Answer;
    /// Waits for a message: the agent has nothing to do.
    write "life.wait" Wait -> Inbox;
    /// Puts a sentence into the log.
    write "life.note" Note -> Noted;
    /// The goal is reached; the process ends after this.
    write "life.complete" Complete -> Noted;
    /// The goal cannot be reached; the process ends after this.
    write "life.fail" Fail -> Noted;
    /// Says what it is doing, where the kernel cannot know.
    write "life.phase" SetPhase -> Noted;
}

/// `life.boot`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Boot {
    /// The protocol version that the process speaks ([`crate::link::VERSION`]).
    pub version: u32,
    /// The layers of the sandbox that the process closed behind itself.
    pub sealed: Vec<crate::process::Layer>,
}

/// What a process needs to know to begin, or to go on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Briefing {
    /// The life.
    pub life: LifeId,
    /// Its process.
    pub pid: Pid,
    /// The agent's name.
    pub name: String,
    /// The role's instructions.
    pub instructions: String,
    /// Worked examples that are put before the goal, for small models: a conversation.
    pub examples: Vec<crate::mind::Message>,
    /// The names of the tools granted.
    pub tools: Vec<String>,
    /// Tokens that the model can read at once.
    pub context_tokens: u32,
    /// How much one thought may write.
    pub max_output_tokens: u32,
    /// The journal so far: at least the goal, as its first message.
    pub journal: Vec<Step>,
}

/// `life.begin_call`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BeginCall {
    /// The call as the model made it, with arguments that fit the tool's schema.
    pub call: ToolCall,
}

/// The answer to `life.begin_call`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "decision", rename_all = "snake_case")]
pub enum Permit {
    /// Go on.
    Granted,
    /// Not allowed; the reason is for the model. The refusal is journaled as the call's result.
    Refused {
        /// Why.
        reason: String,
    },
}

/// `life.finish_call`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FinishCall {
    /// The call's id.
    pub call: String,
    /// The tool's name.
    pub tool: String,
    /// Whether it did what was asked.
    pub ok: bool,
    /// What the model is told.
    pub output: String,
    /// How long it took.
    pub duration_ms: u64,
}

/// Messages that came in the meantime, as journal steps ([`StepBody::Message`]).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Inbox {
    /// In the order of the journal.
    pub messages: Vec<Step>,
}

/// `life.ask`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// The question.
    pub question: String,
}

/// What a person answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The answer.
    pub text: String,
}

/// `life.wait`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wait {}

/// `life.note`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Note {
    /// One sentence.
    pub text: String,
}

/// `life.complete`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Complete {
    /// What was done.
    pub summary: String,
}

/// `life.fail`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fail {
    /// Why.
    pub reason: String,
}

/// `life.phase`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetPhase {
    /// The phase.
    pub phase: Phase,
}

/// It is on disk.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Noted {}

/// Whether a step can be given back to an agent as a message.
pub fn is_message(step: &Step) -> bool {
    matches!(step.body, StepBody::Message { .. })
}
