//! Thinking, acting, observing.

use aether_protocol::{Code, Command, Error, journal::StepBody, life, mind::Message};
use serde_json::json;

use super::kernel::{Cue, Kernel, calls, completes, goal, says};
use crate::life::End;

fn kernel(thoughts: Vec<Result<aether_protocol::mind::Thought, Error>>) -> Kernel {
    Kernel::new(vec![goal("Write hello into hello.txt")], thoughts)
}

#[test]
fn a_goal_is_reached_in_two_thoughts() {
    let seen = kernel(vec![
        calls(&[("a", "write_file", json!({"path": "hello.txt", "content": "hello"}))]),
        completes("Wrote it"),
    ])
    .run();
    assert_eq!(seen.end(), End::Completed);
    assert_eq!(seen.file("hello.txt"), "hello");
    assert_eq!(
        seen.names(),
        [
            "life.boot",
            "mind.think",
            "life.begin_call",
            "life.finish_call",
            "mind.think",
            "life.begin_call",
            "life.complete"
        ]
    );
    let first = &seen.thinks[0];
    assert_eq!(first.messages[0], Message::System { text: "Do what you are told.".to_owned() });
    assert_eq!(first.messages[1], Message::User { text: "Write hello into hello.txt".to_owned() });
    assert_eq!(first.tools.len(), aether_protocol::tools::ALL.len());
    assert_eq!(first.max_output_tokens, 1000);
    assert!(matches!(&seen.thinks[1].messages[3], Message::Tool { call, .. } if call == "a"));
    assert_eq!(seen.journal.last(), Some(&StepBody::Completed { summary: "Wrote it".to_owned() }));
}

#[test]
fn only_granted_tools_are_offered() {
    let mut kernel = kernel(vec![completes("Nothing to do")]);
    kernel.briefing.tools = vec!["complete".to_owned(), "read_file".to_owned()];
    let seen = kernel.run();
    let offered: Vec<&str> = seen.thinks[0].tools.iter().map(|spec| spec.name.as_str()).collect();
    assert_eq!(offered, ["read_file", "complete"]);
}

#[test]
fn several_calls_of_a_thought_are_carried_out_in_order() {
    let seen = kernel(vec![
        calls(&[
            ("a", "append_file", json!({"path": "log", "content": "1\n"})),
            ("b", "append_file", json!({"path": "log", "content": "2\n"})),
            ("c", "read_file", json!({"path": "log"})),
        ]),
        completes("Counted"),
    ])
    .run();
    assert_eq!(seen.end(), End::Completed);
    assert_eq!(seen.results()[2], ("c", true, "1\n2\n"));
}

#[test]
fn malformed_calls_are_explained_and_the_life_goes_on() {
    let seen = kernel(vec![
        calls(&[("a", "write_file", json!({"path": "x"}))]),
        calls(&[("b", "write_file", json!("{\"path\": "))]),
        calls(&[("c", "fly", json!({}))]),
        calls(&[("d", "write_file", json!("{\"path\":\"x\",\"content\":\"y\"}"))]),
        completes("Done"),
    ])
    .run();
    assert_eq!(seen.end(), End::Completed);
    assert_eq!(seen.file("x"), "y", "arguments as a string of JSON are taken");
    let results = seen.results();
    assert!(
        !results[0].1 && results[0].2.contains("missing field `content`") && results[0].2.contains("schema")
    );
    assert!(!results[1].1 && results[1].2.contains("are not JSON"), "{}", results[1].2);
    assert!(!results[2].1 && results[2].2.contains("no tool 'fly'") && results[2].2.contains("run_command"));
    assert!(results[3].1);
    let begun = seen.names().iter().filter(|name| **name == "life.begin_call").count();
    assert_eq!(begun, 2, "only what fits is begun");
    let begun = seen.commands.iter().find_map(|command| match command {
        Command::Life(life::Command::BeginCall(begin)) => Some(&begin.call.args),
        _ => None,
    });
    assert_eq!(begun, Some(&json!({"path": "x", "content": "y"})));
}

#[test]
fn nothing_but_malformed_calls_fails_the_life() {
    let seen = kernel((0..9).map(|n| calls(&[(&format!("c{n}"), "fly", json!({}))])).collect()).run();
    assert_eq!(seen.end(), End::Failed);
    assert_eq!(seen.thinks.len(), 5);
    assert!(seen.failure().contains("5 times in a row"), "{}", seen.failure());
}

#[test]
fn a_model_that_only_talks_is_told_twice_and_then_fails() {
    let seen = kernel(vec![says("I could write"), says("Shall I?"), says("Well."), completes("late")]).run();
    assert_eq!(seen.end(), End::Failed);
    assert_eq!(seen.thinks.len(), 3);
    assert!(
        matches!(seen.thinks[1].messages.last(), Some(Message::User { text }) if text.contains("called no tool"))
    );
    let notes = seen.journal.iter().filter(|step| matches!(step, StepBody::Note { .. })).count();
    assert_eq!(notes, 2);
}

#[test]
fn talking_once_is_forgiven() {
    let seen = kernel(vec![
        says("Hm"),
        says(""),
        calls(&[("a", "think", json!({"thought": "go"}))]),
        says("Hm"),
        says("Hm"),
        completes("Done"),
    ])
    .run();
    assert_eq!(seen.end(), End::Completed);
}

#[test]
fn a_refusal_is_told_and_not_carried_out() {
    let mut kernel = kernel(vec![
        calls(&[("a", "write_file", json!({"path": "x", "content": "y"}))]),
        completes("Could not"),
    ]);
    kernel.refused = vec!["write_file".to_owned()];
    let seen = kernel.run();
    assert_eq!(seen.end(), End::Completed);
    assert!(!seen.home.path().join("x").exists());
    assert!(!seen.names().contains(&"life.finish_call"));
    assert!(matches!(
        seen.thinks[1].messages.last(),
        Some(Message::Tool { text, .. }) if text == "Your role does not grant this tool"
    ));
}

#[test]
fn completing_after_a_failure_in_the_same_thought_is_put_off() {
    let seen = kernel(vec![
        calls(&[
            ("a", "read_file", json!({"path": "missing"})),
            ("b", "complete", json!({"summary": "All read"})),
        ]),
        completes("There is no such file"),
    ])
    .run();
    assert_eq!(seen.end(), End::Completed);
    assert_eq!(seen.thinks.len(), 2);
    assert!(!seen.results()[1].1);
}

#[test]
fn messages_that_come_in_are_heard_after_the_results() {
    let mut kernel = kernel(vec![
        calls(&[("a", "think", json!({"thought": "1"})), ("b", "think", json!({"thought": "2"}))]),
        completes("Done"),
    ]);
    kernel.inbox.push_back(StepBody::Message { from: "bob".to_owned(), text: "Hurry".to_owned() });
    let seen = kernel.run();
    assert_eq!(
        seen.thinks[1].messages.last(),
        Some(&Message::User { text: "Message from bob: Hurry".to_owned() })
    );
}

#[test]
fn an_answer_of_a_person_is_the_result_of_the_question() {
    let mut kernel = kernel(vec![calls(&[("a", "ask_user", json!({"question": "Tea?"}))]), completes("Tea")]);
    kernel.answers.push_back(Ok("Coffee".to_owned()));
    let seen = kernel.run();
    assert_eq!(seen.end(), End::Completed);
    let heard = seen.thinks[1].messages.iter().filter(
        |message| matches!(message, Message::Tool { text, .. } | Message::User { text } if text == "Coffee"),
    );
    assert_eq!(heard.count(), 1, "once, though it is also a message of the journal");
}

#[test]
fn a_model_that_is_away_is_tried_again() {
    let away = || Err(Error::unavailable("The model is being loaded"));
    let busy = || Err(Error::new(Code::RateLimited, "Too many thoughts"));
    let seen = kernel(vec![away(), busy(), away(), completes("Done")]).run();
    assert_eq!(seen.end(), End::Completed);
    let notes: Vec<_> = seen.journal.iter().filter(|step| matches!(step, StepBody::Note { .. })).collect();
    assert_eq!(notes.len(), 3);
    assert_eq!(seen.thinks[0].messages, seen.thinks[3].messages);
}

#[test]
fn a_model_that_stays_away_fails_the_life_with_the_reason() {
    let away = || Err(Error::unavailable("The model is being loaded").hint("Wait a minute"));
    let seen = kernel(vec![away(), away(), away(), away(), completes("late")]).run();
    assert_eq!(seen.end(), End::Failed);
    assert_eq!(seen.failure(), "The model cannot be used: The model is being loaded. Wait a minute");
}

#[test]
fn an_interrupted_thought_is_thought_again() {
    let interrupted = Err(Error::new(Code::Interrupted, "A person interrupted"));
    let seen = kernel(vec![interrupted, completes("Done")]).run();
    assert_eq!(seen.end(), End::Completed);
}

#[test]
fn an_answer_that_always_breaks_off_fails_the_life_with_the_reason() {
    let cut = || Err(Error::new(Code::Interrupted, "The answer was cut").hint("Choose another model"));
    let seen = kernel(vec![cut(), cut(), cut(), cut(), completes("late")]).run();
    assert_eq!(seen.end(), End::Failed);
    assert_eq!(seen.failure(), "The model cannot be used: The answer was cut. Choose another model");
}

#[test]
fn a_conversation_that_is_too_long_is_shortened_and_sent_again() {
    let long = "x".repeat(40_000);
    let seen = kernel(vec![
        calls(&[("a", "write_file", json!({"path": "long", "content": long}))]),
        calls(&[("b", "read_file", json!({"path": "long"}))]),
        Err(Error::new(Code::TooLarge, "The model reads at most 8192 tokens")),
        completes("Done"),
    ])
    .run();
    assert_eq!(seen.end(), End::Completed);
    let size = |index: usize| serde_json::to_string(&seen.thinks[index].messages).unwrap().len();
    assert!(size(2) > 80_000 && size(3) < size(2) / 2, "{} then {}", size(2), size(3));
}

#[test]
fn term_ends_the_life_after_the_step_in_hand() {
    let mut during_thought =
        kernel(vec![calls(&[("a", "write_file", json!({"path": "x", "content": "y"}))]), completes("Done")]);
    during_thought.cues.push(("mind.think", 0, Cue::Signal(libc::SIGTERM)));
    let seen = during_thought.run();
    assert_eq!(seen.end(), End::Terminated);
    assert_eq!(seen.names(), ["life.boot", "mind.think"]);

    let mut during_call =
        kernel(vec![calls(&[("a", "write_file", json!({"path": "x", "content": "y"}))]), completes("Done")]);
    during_call.cues.push(("life.begin_call", 0, Cue::Signal(libc::SIGTERM)));
    let seen = during_call.run();
    assert_eq!(seen.end(), End::Terminated);
    assert_eq!(seen.names(), ["life.boot", "mind.think", "life.begin_call", "life.finish_call"]);
    assert_eq!(seen.file("x"), "y");
}

#[test]
fn int_ends_the_tool_in_hand_and_the_life_goes_on() {
    let mut kernel = kernel(vec![
        // The command signals that it runs by opening the pipe, then never ends by itself.
        calls(&[("a", "run_command", json!({"command": "echo begun; : > signal-now; sleep 1000 & wait"}))]),
        completes("Done"),
    ]);
    kernel.signal_on_file = Some(libc::SIGINT);
    let seen = kernel.run();
    assert_eq!(seen.end(), End::Completed);
    let (_, ok, output) = seen.results()[0];
    assert!(!ok && output.starts_with("begun\n") && output.contains("interrupted by a person"), "{output}");
}

#[test]
fn when_the_kernel_goes_the_life_ends_quietly() {
    for command in ["life.boot", "mind.think", "life.begin_call", "life.finish_call", "life.complete"] {
        let mut kernel = kernel(vec![calls(&[("a", "think", json!({"thought": "hm"}))]), completes("Done")]);
        kernel.cues.push((command, 0, Cue::Vanish));
        assert_eq!(kernel.run().end(), End::KernelGone, "{command}");
    }
}

#[test]
fn an_error_that_no_retry_mends_fails_the_life_with_its_reason() {
    let seen = kernel(vec![Err(Error::internal("The disk is broken"))]).run();
    assert_eq!(seen.end(), End::Failed);
    assert_eq!(seen.thinks.len(), 1);
    assert_eq!(seen.failure(), "The model cannot be used: The disk is broken");
}
