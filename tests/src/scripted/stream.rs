//! An answer in the wire format of chat completions, in pieces and whole.

use serde_json::{Value, json};

use super::{Answer, Conversation, MODEL};

/// The events of a stream, each with its line ends: the text word by word, each call's name and then its arguments
/// in pieces, the reason of the end, the usage, and the end itself.
pub(super) fn events(conversation: &Conversation, answer: &Answer, broken_arguments: bool) -> Vec<String> {
    let mut deltas = vec![
        json!({ "role": "assistant", "content": if answer.text.is_empty() { Value::Null } else { json!("") } }),
    ];
    for word in answer.text.split_inclusive(' ') {
        deltas.push(json!({ "content": word }));
    }
    for (index, (tool, args)) in answer.calls.iter().enumerate() {
        deltas.push(json!({ "tool_calls": [{
            "index": index,
            "id": conversation.call_id(index),
            "type": "function",
            "function": { "name": tool, "arguments": "" },
        }] }));
        for piece in pieces(&arguments(args, broken_arguments)) {
            deltas.push(json!({ "tool_calls": [{ "index": index, "function": { "arguments": piece } }] }));
        }
    }
    let chunk = |choices: Value, usage: Value| {
        let chunk = json!({
            "id": "chatcmpl-scripted", "object": "chat.completion.chunk", "created": 0, "model": MODEL,
            "choices": choices, "usage": usage,
        });
        format!("data: {chunk}\n\n")
    };
    let mut events: Vec<String> = deltas
        .into_iter()
        .map(|delta| chunk(json!([{ "index": 0, "delta": delta, "finish_reason": null }]), Value::Null))
        .collect();
    events.push(chunk(json!([{ "index": 0, "delta": {}, "finish_reason": reason(answer) }]), Value::Null));
    events.push(chunk(json!([]), usage(conversation, answer)));
    events.push("data: [DONE]\n\n".to_owned());
    events
}

/// The answer in one piece, for a client that does not ask for a stream.
pub(super) fn whole(conversation: &Conversation, answer: &Answer, broken_arguments: bool) -> Value {
    let calls: Vec<Value> = answer
        .calls
        .iter()
        .enumerate()
        .map(|(index, (tool, args))| {
            json!({
                "id": conversation.call_id(index),
                "type": "function",
                "function": { "name": tool, "arguments": arguments(args, broken_arguments) },
            })
        })
        .collect();
    let mut message = json!({ "role": "assistant", "content": answer.text });
    if !calls.is_empty()
        && let Some(message) = message.as_object_mut()
    {
        message.insert("tool_calls".to_owned(), Value::Array(calls));
    }
    json!({
        "id": "chatcmpl-scripted", "object": "chat.completion", "created": 0, "model": MODEL,
        "choices": [{ "index": 0, "message": message, "finish_reason": reason(answer) }],
        "usage": usage(conversation, answer),
    })
}

fn reason(answer: &Answer) -> &'static str {
    if answer.calls.is_empty() { "stop" } else { "tool_calls" }
}

/// Figures that differ from thought to thought, so that a test can tell sums from single ones.
fn usage(conversation: &Conversation, answer: &Answer) -> Value {
    let read = 100 + 10 * conversation.thought;
    let written = 1 + answer.calls.len();
    json!({ "prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written })
}

fn arguments(args: &Value, broken: bool) -> String {
    let mut text = args.to_string();
    if broken {
        let mut half = text.len() / 2;
        while !text.is_char_boundary(half) {
            half -= 1;
        }
        text.truncate(half);
    }
    text
}

/// Pieces of a few characters each.
fn pieces(text: &str) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    characters.chunks(7).map(|piece| piece.iter().collect()).collect()
}
