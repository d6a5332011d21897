//! The request as chat completions want it.

use serde_json::{Map, Value, json};

use crate::{
    ThinkRequest,
    protocol::mind::{Message, ToolCall, ToolSpec},
};

/// The body of `POST /chat/completions`.
pub(super) fn request(request: &ThinkRequest, limit_field: &str, send_temperature: bool) -> Value {
    let mut body = Map::new();
    body.insert("model".to_owned(), json!(request.model));
    body.insert("messages".to_owned(), request.messages.iter().map(message).collect());
    body.insert("stream".to_owned(), json!(true));
    body.insert("stream_options".to_owned(), json!({ "include_usage": true }));
    body.insert(limit_field.to_owned(), json!(request.max_output_tokens));
    if send_temperature {
        body.insert("temperature".to_owned(), json!(request.temperature));
    }
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
            let content = if text.is_empty() { Value::Null } else { json!(text) };
            let calls: Value = calls.iter().map(call).collect();
            json!({ "role": "assistant", "content": content, "tool_calls": calls })
        }
        Message::Tool { call, text, .. } => json!({ "role": "tool", "tool_call_id": call, "content": text }),
    }
}

fn call(call: &ToolCall) -> Value {
    json!({
        "id": call.id,
        "type": "function",
        "function": { "name": call.tool, "arguments": arguments(&call.args).to_string() },
    })
}

/// Arguments as an object. What a model wrote that is none is wrapped, since many servers parse the history again
/// and answer an error of theirs where it is not an object.
pub(crate) fn arguments(args: &Value) -> Value {
    match args {
        Value::Object(_) => args.clone(),
        Value::String(raw) => json!({ "unreadable_arguments": raw }),
        other => json!({ "unreadable_arguments": other.to_string() }),
    }
}

/// A tool as both OpenAI and Ollama describe it.
pub(crate) fn tool(tool: &ToolSpec) -> Value {
    json!({
        "type": "function",
        "function": { "name": tool.name, "description": tool.description, "parameters": tool.parameters },
    })
}
