//! What is answered to which conversation.

use std::sync::Arc;

use serde_json::{Value, json};

/// What a script sees of a conversation.
#[derive(Clone, Debug)]
pub struct Conversation {
    /// The first thing that the user said.
    pub goal: String,
    /// Which thought is asked for, from 0: how many the model has had since the goal.
    pub thought: usize,
    /// What was said last by anybody, as text: a call's result, or a message of the user.
    pub last: String,
}

/// One answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// The text beside the calls.
    pub text: String,
    /// Tools and arguments.
    pub calls: Vec<(String, Value)>,
}

/// What is answered to which conversation.
#[derive(Clone)]
pub struct Script(Arc<dyn Fn(&Conversation) -> Answer + Send + Sync>);

impl Conversation {
    /// Out of a request's body; `None` where the user said nothing.
    pub(super) fn read(body: &Value) -> Option<Self> {
        let messages = body.get("messages")?.as_array()?;
        let role =
            |message: &Value| message.get("role").and_then(Value::as_str).unwrap_or_default().to_owned();
        let goal = messages.iter().find(|message| role(message) == "user")?;
        let counted = messages.iter().filter(|message| role(message) == "assistant").count();
        // A long conversation may have been shortened. The calls that are left tell how far it was.
        let highest = messages
            .iter()
            .filter_map(|message| message.get("tool_calls")?.as_array())
            .flatten()
            .filter_map(|call| {
                call.get("id")?.as_str()?.strip_prefix("call-")?.split('-').next()?.parse::<usize>().ok()
            })
            .max();
        let thought = counted.max(highest.map_or(0, |highest| highest + 1));
        let last = messages.last().map(text).unwrap_or_default();
        Some(Self { goal: text(goal), thought, last })
    }

    /// The id of a call of this thought: the same whenever the thought is asked for again.
    pub fn call_id(&self, call: usize) -> String {
        format!("call-{}-{call}", self.thought)
    }
}

fn text(message: &Value) -> String {
    message.get("content").and_then(Value::as_str).unwrap_or_default().to_owned()
}

impl Answer {
    /// One call.
    pub fn call(tool: &str, args: Value) -> Self {
        Self::default().and_call(tool, args)
    }

    /// The call that ends a life.
    pub fn complete(summary: &str) -> Self {
        Self::call("complete", json!({ "summary": summary }))
    }

    /// Text alone.
    pub fn text(text: &str) -> Self {
        Self { text: text.to_owned(), calls: Vec::new() }
    }

    /// One more call.
    #[must_use]
    pub fn and_call(mut self, tool: &str, args: Value) -> Self {
        self.calls.push((tool.to_owned(), args));
        self
    }
}

impl Script {
    /// Asks `answer` each time. It must depend on nothing but the conversation.
    pub fn new(answer: impl Fn(&Conversation) -> Answer + Send + Sync + 'static) -> Self {
        Self(Arc::new(answer))
    }

    /// The n-th thought gets the n-th answer; after the last it completes.
    pub fn answers(answers: Vec<Answer>) -> Self {
        Self::new(move |conversation| {
            answers
                .get(conversation.thought)
                .cloned()
                .unwrap_or_else(|| Answer::complete("The script is over"))
        })
    }

    /// The n-th thought makes the n-th call; after the last it completes.
    pub fn calls(calls: Vec<(&str, Value)>) -> Self {
        Self::answers(calls.into_iter().map(|(tool, args)| Answer::call(tool, args)).collect())
    }

    /// Does what the goal's first word says, so that agents with different goals run at once:
    ///
    /// | goal | thoughts |
    /// |---|---|
    /// | `append N` | N times `echo CALL-ID >> calls.log`, one in each thought; then completes |
    /// | `parallel N` | the same N commands in a single thought; then completes |
    /// | `write PATH TEXT` | writes the file; then completes |
    /// | `read PATH` | reads the file; then completes with what it read |
    /// | `run COMMAND` | runs the command; then completes with its output |
    /// | `long COMMAND` | the same, with ten minutes for the command |
    /// | `ask QUESTION` | asks the person; then completes with the answer |
    /// | `think N` | N times the tool think; then completes |
    /// | `forever` | the tool think without an end |
    /// | `say TEXT` | says the text without a call; then completes |
    /// | anything else | completes at once |
    pub fn goals() -> Self {
        Self::new(by_goal)
    }

    pub(super) fn answer(&self, conversation: &Conversation) -> Answer {
        (self.0)(conversation)
    }
}

fn by_goal(conversation: &Conversation) -> Answer {
    let goal = conversation.goal.trim();
    let (word, rest) = goal.split_once(char::is_whitespace).unwrap_or((goal, ""));
    let rest = rest.trim();
    let count: usize = rest.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or(1);
    let is_first = conversation.thought == 0;
    let append =
        |call: usize| json!({ "command": format!("echo {} >> calls.log", conversation.call_id(call)) });
    match word {
        "append" if conversation.thought < count => Answer::call("run_command", append(0)),
        "parallel" if is_first => {
            (0..count).fold(Answer::default(), |answer, call| answer.and_call("run_command", append(call)))
        }
        "write" if is_first => {
            let (path, content) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
            Answer::call("write_file", json!({ "path": path, "content": content }))
        }
        "read" if is_first => Answer::call("read_file", json!({ "path": rest })),
        "run" if is_first => Answer::call("run_command", json!({ "command": rest })),
        "long" if is_first => Answer::call("run_command", json!({ "command": rest, "timeout_secs": 600 })),
        "ask" if is_first => Answer::call("ask_user", json!({ "question": rest })),
        "read" | "run" | "long" | "ask" => Answer::complete(&conversation.last),
        "think" if conversation.thought < count => {
            Answer::call("think", json!({ "thought": format!("Thought {}", conversation.thought) }))
        }
        "forever" => Answer::call("think", json!({ "thought": format!("Thought {}", conversation.thought) })),
        "say" if is_first => Answer::text(rest),
        _ => Answer::complete(&format!("Done: {goal}")),
    }
}
