//! Names for calls that a model did not name, or named twice.

use std::collections::HashSet;

use crate::protocol::mind::{Message, ToolCall};

/// A name that no other call has.
pub(crate) fn fresh() -> String {
    let mut bytes = [0_u8; 9];
    if getrandom::fill(&mut bytes).is_err() {
        // Without a source of chance the clock is the best there is; two calls in one nanosecond do not happen.
        let nanos =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_nanos();
        return format!("call_{nanos:x}");
    }
    bytes.iter().fold(String::from("call_"), |text, byte| text + &format!("{byte:02x}"))
}

/// Gives a name to each call that has none, or one that the conversation holds already. Some servers count from
/// zero in every answer.
pub(crate) fn make_unique(calls: &mut [ToolCall], messages: &[Message]) {
    let mut taken: HashSet<&str> = HashSet::new();
    for message in messages {
        if let Message::Assistant { calls, .. } = message {
            taken.extend(calls.iter().map(|call| call.id.as_str()));
        }
    }
    let mut seen = HashSet::new();
    for call in calls {
        if call.id.is_empty() || taken.contains(call.id.as_str()) || seen.contains(&call.id) {
            call.id = fresh();
        }
        seen.insert(call.id.clone());
    }
}
