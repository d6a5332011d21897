//! The request and the parts of the answer, as Ollama writes them.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{
    ThinkRequest,
    openai::wire::{arguments, tool},
    protocol::mind::Message,
};

/// The body of `POST /api/chat`.
pub(super) fn request(request: &ThinkRequest, context_tokens: Option<u32>) -> Value {
    let mut options = Map::new();
    options.insert("num_predict".to_owned(), json!(request.max_output_tokens));
    options.insert("temperature".to_owned(), json!(request.temperature));
    if let Some(tokens) = context_tokens {
        options.insert("num_ctx".to_owned(), json!(tokens));
    }
    let mut body = Map::new();
    body.insert("model".to_owned(), json!(request.model));
    body.insert("messages".to_owned(), request.messages.iter().map(message).collect());
    body.insert("stream".to_owned(), json!(true));
    body.insert("options".to_owned(), Value::Object(options));
    if !request.tools.is_empty() {
        body.insert("tools".to_owned(), request.tools.iter().map(tool).collect());
    }
    Value::Object(body)
}

fn message(message: &Message) -> Value {
    match message {
        Message::System { text } => json!({ "role": "system", "content": text }),
        Message::User { text } => json!({ "role": "user", "content": text }),
        Message::Assistant { text, calls } if calls.is_empty() => {
            json!({ "role": "assistant", "content": text })
        }
        Message::Assistant { text, calls } => {
            let calls: Value = calls
                .iter()
                .map(|call| json!({ "function": { "name": call.tool, "arguments": arguments(&call.args) } }))
                .collect();
            json!({ "role": "assistant", "content": text, "tool_calls": calls })
        }
        Message::Tool { tool, text, .. } => json!({ "role": "tool", "tool_name": tool, "content": text }),
    }
}

/// One line of the answer.
#[derive(Deserialize)]
pub(super) struct Part {
    #[serde(default)]
    pub(super) message: Option<PartMessage>,
    #[serde(default)]
    pub(super) done: bool,
    #[serde(default)]
    pub(super) done_reason: Option<String>,
    #[serde(default)]
    pub(super) prompt_eval_count: u64,
    #[serde(default)]
    pub(super) eval_count: u64,
}

#[derive(Deserialize)]
pub(super) struct PartMessage {
    #[serde(default)]
    pub(super) content: String,
    #[serde(default)]
    pub(super) tool_calls: Vec<PartCall>,
}

#[derive(Deserialize)]
pub(super) struct PartCall {
    #[serde(default)]
    pub(super) id: Option<String>,
    pub(super) function: PartFunction,
}

#[derive(Deserialize)]
pub(super) struct PartFunction {
    pub(super) name: String,
    #[serde(default)]
    pub(super) arguments: Value,
}
