//! Shortening conversations. Rebuilding them is tested with whole lives.

use aether_protocol::mind::{Message, ToolCall};
use serde_json::json;

use super::compaction::{compact, size_bytes};
use crate::tests::well_formed;

fn user(text: &str) -> Message {
    Message::User { text: text.to_owned() }
}

/// A thought with two calls, their results, and sometimes a word of a person.
fn exchange(number: usize, size: usize) -> Vec<Message> {
    let call = |which: &str| ToolCall {
        id: format!("{which}{number}"),
        tool: "write_file".to_owned(),
        args: json!({"path": "x", "content": "c".repeat(size)}),
    };
    let result = |which: &str| Message::Tool {
        call: format!("{which}{number}"),
        tool: "write_file".to_owned(),
        text: "r".repeat(size),
    };
    let mut messages = vec![
        Message::Assistant { text: format!("thought {number}"), calls: vec![call("a"), call("b")] },
        result("a"),
        result("b"),
    ];
    if number.is_multiple_of(3) {
        messages.push(user(&format!("word {number}")));
    }
    messages
}

fn conversation(exchanges: usize, size: usize) -> Vec<Message> {
    let mut messages = vec![Message::System { text: "instructions".to_owned() }];
    messages
        .extend([user("example goal"), Message::Assistant { text: "example".repeat(50), calls: Vec::new() }]);
    messages.push(user("the goal"));
    for number in 0..exchanges {
        messages.extend(exchange(number, size));
    }
    messages
}

#[test]
fn what_fits_is_left_alone() {
    let mut messages = conversation(3, 100);
    let before = messages.clone();
    assert!(!compact(&mut messages, &mut 2, 1_000_000));
    assert_eq!(messages, before);
}

#[test]
fn results_go_first_and_everything_said_stays() {
    let mut messages = conversation(20, 1000);
    let before = messages.len();
    let budget = size_bytes(&messages) / 2;
    assert!(compact(&mut messages, &mut 2, budget));
    assert!(size_bytes(&messages) <= budget);
    assert_eq!(messages.len(), before);
    assert!(matches!(&messages[5], Message::Tool { text, .. } if text == "[1000 bytes omitted]"));
    assert!(
        matches!(messages.iter().rev().find(|m| matches!(m, Message::Tool { .. })), Some(Message::Tool { text, .. }) if text.len() == 1000)
    );
    well_formed(&messages);
}

#[test]
fn any_budget_keeps_the_instructions_the_goal_the_last_exchange_and_pairs() {
    for exchanges in [1, 2, 7, 40] {
        for size in [0, 10, 200, 5000] {
            for budget in [600, 2000, 8000, 50_000] {
                let (mut messages, mut examples) = (conversation(exchanges, size), 2);
                let before = size_bytes(&messages);
                compact(&mut messages, &mut examples, budget);
                well_formed(&messages);
                assert!(size_bytes(&messages) <= before);
                assert_eq!(messages[0], Message::System { text: "instructions".to_owned() });
                assert_eq!(messages[1 + examples], user("the goal"));
                let last = format!("thought {}", exchanges - 1);
                assert!(
                    messages
                        .iter()
                        .any(|message| matches!(message, Message::Assistant { text, .. } if *text == last))
                );
                if budget >= 2000 {
                    assert!(
                        size_bytes(&messages) <= budget,
                        "{exchanges} {size} {budget}: {}",
                        size_bytes(&messages)
                    );
                }
                // Once more changes nothing that fits.
                let once = messages.clone();
                if size_bytes(&messages) <= budget {
                    assert!(!compact(&mut messages, &mut examples, budget));
                    assert_eq!(messages, once);
                }
            }
        }
    }
}

#[test]
fn one_huge_result_is_cut_in_its_middle_at_a_character() {
    let mut messages = vec![user("goal")];
    messages.extend(exchange(1, 10));
    messages[2] =
        Message::Tool { call: "a1".to_owned(), tool: "write_file".to_owned(), text: "ä€".repeat(100_000) };
    compact(&mut messages, &mut 0, 10_000);
    assert!(size_bytes(&messages) <= 10_000);
    assert!(
        matches!(&messages[2], Message::Tool { text, .. } if text.starts_with("ä€") && text.ends_with("ä€") && text.contains("bytes omitted"))
    );
}
