//! Making a conversation fit into what the model can read.
//!
//! What is oldest goes first, and what can be had again goes before what cannot: results of calls and long
//! arguments, then the worked examples, then whole exchanges. The instructions, the goal and the newest
//! exchange stay. A call and its result stay or go together.

use aether_protocol::mind::Message;
use serde_json::Value;

/// A token is taken to be this many bytes, or more. English has about four, code and JSON about three.
pub const BYTES_PER_TOKEN: usize = 3;

/// What a message costs besides its text, in bytes.
const OVERHEAD_BYTES: usize = 16;

/// A text shorter than this is not worth leaving out.
const WORTH_OMITTING_BYTES: usize = 160;

/// Results among this many messages at the end are left out only when nothing else is left.
const RECENT: usize = 6;

/// The text in the place of exchanges that were left out.
const GAP: &str = "[Earlier steps are left out here to save space.]";

/// Shortens the conversation to three quarters of `budget_bytes` where it is longer than that budget: the
/// quarter in hand keeps the beginning the same for some thoughts, so that a model can reuse what it has
/// read. Returns whether something was shortened.
pub fn compact(messages: &mut Vec<Message>, examples: &mut usize, budget_bytes: usize) -> bool {
    let mut total = size_bytes(messages);
    if total <= budget_bytes {
        return false;
    }
    let before = total;
    let target = budget_bytes / 4 * 3;
    let system = usize::from(matches!(messages.first(), Some(Message::System { .. })));

    let start = system + *examples;
    let old = messages.len().saturating_sub(RECENT);
    condense(messages.get_mut(start..old).unwrap_or_default(), &mut total, target, 0);

    if total > target {
        messages.drain(system..start.min(messages.len()));
        *examples = 0;
        total = size_bytes(messages);
    }
    // After the instructions comes the goal.
    let first = system + 1;
    while total > target {
        let Some(length) = oldest_exchange(messages, first) else { break };
        let from = first + usize::from(is_gap(messages.get(first)));
        messages.drain(from..from + length);
        if from == first {
            messages.insert(first, Message::User { text: GAP.to_owned() });
        }
        total = size_bytes(messages);
    }
    // What is left is the newest exchange: its longest texts are cut in the middle.
    let keep = target / 4;
    condense(messages.get_mut(first..).unwrap_or_default(), &mut total, target, keep);
    total < before
}

/// What the messages cost, in bytes.
pub fn size_bytes(messages: &[Message]) -> usize {
    messages.iter().map(message_bytes).sum()
}

fn message_bytes(message: &Message) -> usize {
    OVERHEAD_BYTES
        + match message {
            Message::System { text } | Message::User { text } => text.len(),
            Message::Assistant { text, calls } => {
                text.len()
                    + calls
                        .iter()
                        .map(|call| call.tool.len() + call.id.len() + value_bytes(&call.args))
                        .sum::<usize>()
            }
            Message::Tool { call, tool, text } => call.len() + tool.len() + text.len(),
        }
}

/// About the length of the JSON, without writing it.
fn value_bytes(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 5,
        Value::String(text) => text.len() + 2,
        Value::Array(items) => items.iter().map(|item| value_bytes(item) + 1).sum::<usize>() + 2,
        Value::Object(fields) => {
            fields.iter().map(|(key, value)| key.len() + value_bytes(value) + 4).sum::<usize>() + 2
        }
    }
}

/// Cuts results and arguments, oldest first, until the total fits. `keep_bytes` of each stay.
fn condense(messages: &mut [Message], total: &mut usize, target: usize, keep_bytes: usize) {
    for message in messages {
        if *total <= target {
            return;
        }
        let before = message_bytes(message);
        match message {
            Message::Tool { text, .. } => omit(text, keep_bytes),
            Message::Assistant { calls, .. } => {
                for call in calls {
                    omit_in(&mut call.args, keep_bytes);
                }
            }
            Message::User { text } if keep_bytes > 0 => omit(text, keep_bytes),
            Message::System { .. } | Message::User { .. } => {}
        }
        *total -= before.saturating_sub(message_bytes(message));
    }
}

fn omit_in(value: &mut Value, keep_bytes: usize) {
    match value {
        Value::String(text) => omit(text, keep_bytes),
        Value::Array(items) => items.iter_mut().for_each(|item| omit_in(item, keep_bytes)),
        Value::Object(fields) => fields.values_mut().for_each(|field| omit_in(field, keep_bytes)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn omit(text: &mut String, keep_bytes: usize) {
    if text.len() < WORTH_OMITTING_BYTES.max(keep_bytes + WORTH_OMITTING_BYTES) {
        return;
    }
    let head = text.floor_char_boundary(keep_bytes / 2);
    let tail = text.ceil_char_boundary(text.len() - keep_bytes / 2);
    let omitted = tail - head;
    let (Some(start), Some(end)) = (text.get(..head), text.get(tail..)) else { return };
    *text = format!("{start}[{omitted} bytes omitted]{end}");
}

fn is_gap(message: Option<&Message>) -> bool {
    matches!(message, Some(Message::User { text }) if text == GAP)
}

/// How many messages the oldest exchange after the goal has, `None` where only the newest is left.
fn oldest_exchange(messages: &[Message], first: usize) -> Option<usize> {
    let rest = messages.get(first..)?;
    let rest = if is_gap(rest.first()) { rest.get(1..)? } else { rest };
    let last_thought = rest.iter().rposition(|message| matches!(message, Message::Assistant { .. }))?;
    let length =
        1 + rest.iter().skip(1).take_while(|message| matches!(message, Message::Tool { .. })).count();
    (length <= last_thought).then_some(length)
}
