//! An answer, put together from the pieces that a stream brings.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::protocol::mind::{Thought, ToolCall, Usage};

/// A server that sends more calls than this in one answer is broken.
const MAX_CALLS: usize = 256;

/// What has come so far.
#[derive(Debug, Default)]
pub(super) struct Assembly {
    text: String,
    calls: BTreeMap<u64, PartialCall>,
    finish: Option<String>,
    usage: Usage,
    done: bool,
}

#[derive(Debug, Default)]
struct PartialCall {
    id: String,
    name: String,
    arguments: String,
}

#[derive(Deserialize)]
struct Chunk {
    #[serde(default)]
    choices: Vec<Choice>,
    #[serde(default)]
    usage: Option<WireUsage>,
}

#[derive(Deserialize)]
struct Choice {
    // A stream says `delta`, a whole answer `message`; they have the same shape.
    #[serde(default, alias = "message")]
    delta: Option<Delta>,
    #[serde(default)]
    finish_reason: Option<String>,
}

#[derive(Default, Deserialize)]
struct Delta {
    #[serde(default)]
    content: Option<String>,
    #[serde(default)]
    refusal: Option<String>,
    #[serde(default)]
    tool_calls: Option<Vec<CallDelta>>,
}

#[derive(Deserialize)]
struct CallDelta {
    #[serde(default)]
    index: Option<u64>,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    function: FunctionDelta,
}

#[derive(Default, Deserialize)]
struct FunctionDelta {
    #[serde(default)]
    name: Option<String>,
    // A string in pieces. Some servers send the object itself.
    #[serde(default)]
    arguments: Value,
}

#[derive(Deserialize)]
struct WireUsage {
    #[serde(default)]
    prompt_tokens: u64,
    #[serde(default)]
    completion_tokens: u64,
}

impl Assembly {
    /// Takes one event of the stream and returns the new text in it.
    pub(super) fn event(&mut self, event: Value) -> Result<String, String> {
        let chunk: Chunk = serde_json::from_value(event).map_err(|error| error.to_string())?;
        if let Some(usage) = chunk.usage {
            self.usage = Usage { input_tokens: usage.prompt_tokens, output_tokens: usage.completion_tokens };
        }
        let Some(choice) = chunk.choices.into_iter().next() else { return Ok(String::new()) };
        let delta = choice.delta.unwrap_or_default();
        for (place, call) in delta.tool_calls.unwrap_or_default().into_iter().enumerate() {
            self.call(call, place)?;
        }
        if choice.finish_reason.is_some() {
            self.finish = choice.finish_reason;
        }
        let new = delta.content.unwrap_or_default() + &delta.refusal.unwrap_or_default();
        self.text.push_str(&new);
        Ok(new)
    }

    /// Takes an answer that came in one piece.
    pub(super) fn whole(&mut self, body: &[u8]) -> Result<(), String> {
        let body: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        if body.get("choices").and_then(Value::as_array).is_none_or(Vec::is_empty) {
            return Err("it holds no choice".to_owned());
        }
        self.event(body)?;
        self.done = true;
        Ok(())
    }

    fn call(&mut self, delta: CallDelta, place: usize) -> Result<(), String> {
        let starts_anew = delta
            .id
            .as_ref()
            .is_some_and(|id| !id.is_empty() && !self.calls.values().any(|call| call.id == *id));
        let index = match delta.index {
            Some(index) => index,
            // Without an index a new id begins a new call, and anything else goes on with the last.
            None if starts_anew || self.calls.is_empty() => {
                self.calls.keys().last().map_or(0, |last| last + 1)
            }
            None => self.calls.keys().last().copied().unwrap_or(place as u64),
        };
        if self.calls.len() >= MAX_CALLS && !self.calls.contains_key(&index) {
            return Err(format!("it makes more than {MAX_CALLS} calls"));
        }
        let call = self.calls.entry(index).or_default();
        if let Some(id) = delta.id.filter(|id| !id.is_empty()) {
            call.id = id;
        }
        if let Some(name) = delta.function.name.filter(|name| *name != call.name) {
            call.name.push_str(&name);
        }
        match delta.function.arguments {
            Value::Null => {}
            Value::String(piece) => call.arguments.push_str(&piece),
            object => call.arguments.push_str(&object.to_string()),
        }
        Ok(())
    }

    /// The stream said that it is over.
    pub(super) fn done(&mut self) {
        self.done = true;
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Whether the server said, in one way or the other, that the answer is whole.
    pub(super) fn is_complete(&self) -> bool {
        self.done || self.finish.is_some()
    }

    /// The thought. Arguments that are not JSON are kept as the text they are, so that the agent can tell the
    /// model; only where the answer was cut off by its limit they are left out, since the model did not finish.
    pub(super) fn finish(self, model: String) -> Thought {
        let cut_off = self.finish.as_deref() == Some("length");
        let calls = self.calls.into_values().filter_map(|call| {
            let args = match call.arguments.trim() {
                "" => Value::Object(serde_json::Map::new()),
                text => match serde_json::from_str(text) {
                    Ok(args) => args,
                    Err(_) if cut_off => return None,
                    Err(_) => Value::String(call.arguments),
                },
            };
            Some(ToolCall { id: call.id, tool: call.name, args })
        });
        Thought { calls: calls.collect(), text: self.text, model, usage: self.usage, cut_off }
    }
}
