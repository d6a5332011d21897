//! The rows of a log: steps as a person reads them, a call and its result as one.

use aether_protocol::{
    UnixMillis,
    journal::{Step, StepBody},
    mind::ToolCall,
    process::Phase,
};
use serde_json::Value;

use crate::text;

/// Characters of a folded row's line.
const LINE_CHARS: usize = 240;

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallEnd {
    /// It has not ended.
    Running,
    /// It did what was asked.
    Done,
    /// It did not.
    Failed,
    /// The kernel stopped meanwhile.
    Interrupted,
}

/// What a row is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// Somebody said something.
    Message,
    /// The model thought.
    Thought,
    /// A tool was called.
    Call(CallEnd),
    /// The agent asked.
    Question,
    /// Something to know.
    Note,
    /// The goal was reached.
    Completed,
    /// Somebody ended it.
    Ended,
    /// The goal was not reached.
    Failed,
}

/// A row of the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The step that it begins with.
    pub first: u32,
    /// The step that ends it: the call's result.
    pub last: u32,
    /// When it began.
    pub at: UnixMillis,
    /// What it is about.
    pub kind: EntryKind,
    /// The tool's name, for a call; who said it, for a message.
    pub label: String,
    /// One line.
    pub line: String,
    /// How long it took, where that is known.
    pub duration_ms: Option<u64>,
}

impl Entry {
    /// Whose colour it wears.
    pub fn phase(&self) -> Phase {
        match self.kind {
            EntryKind::Message | EntryKind::Note | EntryKind::Ended => Phase::Idle,
            EntryKind::Thought => Phase::Thinking,
            EntryKind::Call(CallEnd::Running) => Phase::Executing,
            EntryKind::Call(CallEnd::Done) => Phase::Observing,
            EntryKind::Question | EntryKind::Call(CallEnd::Interrupted) => Phase::Waiting,
            EntryKind::Completed => Phase::Completed,
            EntryKind::Failed | EntryKind::Call(CallEnd::Failed) => Phase::Failed,
        }
    }

    /// A word for what it is.
    pub fn word(&self) -> &str {
        match self.kind {
            EntryKind::Message => "Message",
            EntryKind::Thought => "Thought",
            EntryKind::Call(_) => "Call",
            EntryKind::Question => "Question",
            EntryKind::Note => "Note",
            EntryKind::Completed => "Completed",
            EntryKind::Ended => "Ended",
            EntryKind::Failed => "Failed",
        }
    }
}

/// Rows made from steps, as far as they have been read; new steps are added at the end.
#[derive(Default)]
pub struct Entries {
    rows: Vec<Entry>,
    read: usize,
    /// Calls without a result yet, and their rows.
    open_calls: Vec<(String, usize)>,
}

impl Entries {
    /// The rows.
    pub fn rows(&self) -> &[Entry] {
        &self.rows
    }

    /// Reads on where it stopped. Costs only what is new.
    pub fn update(&mut self, steps: &[Step]) {
        for step in steps.iter().skip(self.read) {
            self.add(step);
        }
        self.read = steps.len();
    }

    fn add(&mut self, step: &Step) {
        let (kind, label, line, duration_ms) = match &step.body {
            StepBody::Message { from, text } => {
                let label = if step.index == 0 { "Goal".to_owned() } else { from.clone() };
                (EntryKind::Message, label, text::one_line(text, LINE_CHARS), None)
            }
            StepBody::Thought { text, calls, duration_ms, .. } => {
                (EntryKind::Thought, String::new(), thought_line(text, calls), Some(*duration_ms))
            }
            StepBody::CallStarted { call } => {
                (EntryKind::Call(CallEnd::Running), call.tool.clone(), call_line(call), None)
            }
            StepBody::CallFinished { call, tool, ok, output, duration_ms } => {
                let end = if *ok { CallEnd::Done } else { CallEnd::Failed };
                if self.end_call(call, step.index, end, Some(*duration_ms)) {
                    return;
                }
                (EntryKind::Call(end), tool.clone(), text::one_line(output, LINE_CHARS), Some(*duration_ms))
            }
            StepBody::CallInterrupted { call, tool } => {
                if self.end_call(call, step.index, CallEnd::Interrupted, None) {
                    return;
                }
                (EntryKind::Call(CallEnd::Interrupted), tool.clone(), String::new(), None)
            }
            StepBody::Question { text } => {
                (EntryKind::Question, String::new(), text::one_line(text, LINE_CHARS), None)
            }
            StepBody::Note { text } => {
                (EntryKind::Note, String::new(), text::one_line(text, LINE_CHARS), None)
            }
            StepBody::Completed { summary } => {
                (EntryKind::Completed, String::new(), text::one_line(summary, LINE_CHARS), None)
            }
            StepBody::Ended { reason } => {
                (EntryKind::Ended, String::new(), text::one_line(reason, LINE_CHARS), None)
            }
            StepBody::Failed { reason } => {
                (EntryKind::Failed, String::new(), text::one_line(reason, LINE_CHARS), None)
            }
        };
        // `complete` never returns: the life's end is its result. What else was in hand did not finish.
        match &step.body {
            StepBody::Completed { .. } => self.end_all(CallEnd::Done),
            StepBody::Failed { .. } | StepBody::Ended { .. } => self.end_all(CallEnd::Interrupted),
            _ => {}
        }
        let call = match &step.body {
            StepBody::CallStarted { call } => Some(call.id.clone()),
            _ => None,
        };
        self.rows.push(Entry {
            first: step.index,
            last: step.index,
            at: step.at,
            kind,
            label,
            line,
            duration_ms,
        });
        if let Some(call) = call {
            self.open_calls.push((call, self.rows.len() - 1));
        }
    }

    fn end_all(&mut self, end: CallEnd) {
        for (_, row) in self.open_calls.drain(..) {
            if let Some(entry) = self.rows.get_mut(row) {
                entry.kind = EntryKind::Call(end);
            }
        }
    }

    /// Joins a result to the call that it belongs to.
    fn end_call(&mut self, call: &str, index: u32, end: CallEnd, duration_ms: Option<u64>) -> bool {
        let Some(at) = self.open_calls.iter().position(|(id, _)| id == call) else { return false };
        let (_, row) = self.open_calls.remove(at);
        let Some(entry) = self.rows.get_mut(row) else { return false };
        entry.kind = EntryKind::Call(end);
        entry.last = index;
        entry.duration_ms = duration_ms;
        true
    }
}

fn thought_line(text: &str, calls: &[ToolCall]) -> String {
    let line = text::one_line(text, LINE_CHARS);
    if !line.is_empty() || calls.is_empty() {
        return line;
    }
    let names: Vec<&str> = calls.iter().map(|call| call.tool.as_str()).collect();
    format!("Wants to use {}", names.join(", "))
}

/// The argument that says most about a call: `hello.txt`, `ls -la`.
pub fn call_line(call: &ToolCall) -> String {
    let Some(fields) = call.args.as_object() else {
        return text::one_line(&call.args.to_string(), LINE_CHARS);
    };
    for name in ["command", "path", "question", "thought", "summary", "pattern"] {
        if let Some(Value::String(value)) = fields.get(name) {
            return text::one_line(value, LINE_CHARS);
        }
    }
    match (fields.get("from"), fields.get("to")) {
        (Some(Value::String(from)), Some(Value::String(to))) => format!("{from} → {to}"),
        _ => fields
            .values()
            .find_map(Value::as_str)
            .map_or_else(String::new, |value| text::one_line(value, LINE_CHARS)),
    }
}

/// The arguments as lines `name: value`, long texts below their names.
pub fn args_text(args: &Value) -> String {
    let Some(fields) = args.as_object() else { return args.to_string() };
    let mut lines = Vec::with_capacity(fields.len());
    for (name, value) in fields {
        match value {
            Value::String(text) if text.contains('\n') => lines.push(format!("{name}:\n{text}")),
            Value::String(text) => lines.push(format!("{name}: {text}")),
            other => lines.push(format!("{name}: {other}")),
        }
    }
    lines.join("\n")
}

/// What a step says, whole: for an unfolded row.
pub fn step_text(body: &StepBody) -> String {
    match body {
        StepBody::Message { text, .. } | StepBody::Question { text } | StepBody::Note { text } => {
            text.clone()
        }
        StepBody::Thought { text, calls, .. } if text.trim().is_empty() => thought_line(text, calls),
        StepBody::Thought { text, .. } => text.clone(),
        StepBody::CallStarted { call } => args_text(&call.args),
        StepBody::CallFinished { output, .. } => output.clone(),
        StepBody::CallInterrupted { .. } => {
            "The kernel stopped while the call was in flight. It may or may not have taken effect.".to_owned()
        }
        StepBody::Completed { summary } => summary.clone(),
        StepBody::Ended { reason } | StepBody::Failed { reason } => reason.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn step(index: u32, body: StepBody) -> Step {
        Step { index, at: UnixMillis(0), body }
    }

    fn call(id: &str) -> ToolCall {
        ToolCall {
            id: id.to_owned(),
            tool: "write_file".to_owned(),
            args: json!({"path": "a.txt", "content": "x"}),
        }
    }

    fn finished(id: &str, ok: bool) -> StepBody {
        StepBody::CallFinished {
            call: id.to_owned(),
            tool: "write_file".to_owned(),
            ok,
            output: "written".to_owned(),
            duration_ms: 3,
        }
    }

    #[test]
    fn a_result_joins_its_call_also_when_calls_overlap() {
        let steps = [
            step(0, StepBody::CallStarted { call: call("1") }),
            step(1, StepBody::CallStarted { call: call("2") }),
            step(2, finished("1", true)),
            step(3, finished("2", false)),
        ];
        let mut entries = Entries::default();
        entries.update(&steps[..3]);
        assert_eq!(entries.rows()[1].kind, EntryKind::Call(CallEnd::Running));
        entries.update(&steps);
        let rows = entries.rows();
        assert_eq!(rows.len(), 2);
        assert_eq!((rows[0].kind, rows[0].last), (EntryKind::Call(CallEnd::Done), 2));
        assert_eq!((rows[1].kind, rows[1].last), (EntryKind::Call(CallEnd::Failed), 3));
        assert_eq!(rows[0].line, "a.txt");
    }

    #[test]
    fn a_result_without_its_call_stands_alone() {
        let mut entries = Entries::default();
        entries.update(&[step(0, finished("9", true))]);
        assert_eq!(entries.rows()[0].line, "written");
    }

    #[test]
    fn no_call_runs_on_after_the_life_has_ended() {
        for (body, end) in [
            (StepBody::Completed { summary: "Done".to_owned() }, CallEnd::Done),
            (StepBody::Ended { reason: "Ended by ada with KILL".to_owned() }, CallEnd::Interrupted),
        ] {
            let mut entries = Entries::default();
            entries.update(&[step(0, StepBody::CallStarted { call: call("1") }), step(1, body)]);
            assert_eq!(entries.rows()[0].kind, EntryKind::Call(end));
        }
    }

    #[test]
    fn an_interrupted_call_says_so() {
        let mut entries = Entries::default();
        entries.update(&[
            step(0, StepBody::CallStarted { call: call("1") }),
            step(1, StepBody::CallInterrupted { call: "1".to_owned(), tool: "write_file".to_owned() }),
        ]);
        assert_eq!(entries.rows()[0].kind, EntryKind::Call(CallEnd::Interrupted));
    }

    #[test]
    fn a_thought_without_words_names_its_calls() {
        let body = StepBody::Thought {
            text: "  ".to_owned(),
            calls: vec![call("1")],
            model: "m".to_owned(),
            usage: aether_protocol::mind::Usage::default(),
            duration_ms: 1,
        };
        let mut entries = Entries::default();
        entries.update(&[step(0, body)]);
        assert_eq!(entries.rows()[0].line, "Wants to use write_file");
    }
}
