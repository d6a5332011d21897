//! Going on after a restart: cut the life off at every command, start it again with what the journal has.

use aether_protocol::{
    Error,
    journal::StepBody,
    mind::{Message, Thought},
};
use serde_json::json;

use super::kernel::{Cue, Kernel, calls, completes, goal, says};
use crate::{conversation::INTERRUPTED, life::End};

/// A life with a thought of several calls, a malformed one, a silent thought and a question.
fn script() -> Vec<Result<Thought, Error>> {
    let line = |id: &str| json!({"path": "log", "content": format!("{id}\n")});
    vec![
        calls(&[("a", "append_file", line("a")), ("b", "append_file", line("b")), ("c", "fly", json!({}))]),
        says("Nearly there"),
        calls(&[("d", "append_file", line("d")), ("e", "ask_user", json!({"question": "More?"}))]),
        calls(&[("f", "append_file", line("f"))]),
        completes("Done"),
    ]
}

/// What the kernel writes at its own start: the call in flight was interrupted.
fn recover(journal: &mut Vec<StepBody>) {
    let in_flight = journal.iter().rev().find_map(|step| match step {
        StepBody::CallStarted { call } => Some(call.clone()),
        _ => None,
    });
    let Some(call) = in_flight else { return };
    let ended = journal.iter().any(|step| match step {
        StepBody::CallFinished { call: id, .. } | StepBody::CallInterrupted { call: id, .. } => {
            *id == call.id
        }
        StepBody::Completed { .. } => call.tool == "complete",
        _ => false,
    });
    if !ended {
        journal.push(StepBody::CallInterrupted { call: call.id, tool: call.tool });
    }
}

#[test]
fn a_life_cut_off_anywhere_goes_on_and_repeats_no_finished_call() {
    let commands =
        ["mind.think", "life.begin_call", "life.finish_call", "life.note", "life.ask", "life.complete"];
    let mut cuts = 0;
    for command in commands {
        for occurrence in 0..6 {
            for kernel_recovers in [true, false] {
                let mut first = Kernel::new(vec![goal("Log")], script());
                first.answers.push_back(Ok("No".to_owned()));
                first.cues.push((command, occurrence, Cue::Vanish));
                let seen = first.run();
                if seen.end() == End::Completed {
                    continue;
                }
                cuts += 1;
                assert_eq!(seen.end(), End::KernelGone);
                let mut journal = seen.journal.clone();
                if kernel_recovers {
                    recover(&mut journal);
                }
                let thought = journal.iter().filter(|step| matches!(step, StepBody::Thought { .. })).count();
                let mut rest = script();
                rest.drain(..thought);
                // Where the interruption put off the end, the model says it once more.
                rest.push(completes("Done after all"));
                let mut second = Kernel::new(journal, rest);
                second.answers.push_back(Ok("No".to_owned()));
                let resumed = second.run_in(seen.home);
                assert_eq!(resumed.end(), End::Completed, "cut at {command} {occurrence}");

                // A call that was in flight has done its work here, since the cut came after it; none is done twice.
                let mut expected = vec!["a", "b", "d", "f"];
                let log = resumed.file("log");
                let lines: Vec<&str> = log.lines().collect();
                expected.retain(|id| lines.contains(id) || !began_and_was_cut(&resumed.journal, id));
                assert_eq!(lines, expected, "cut at {command} {occurrence}");
            }
        }
    }
    assert!(cuts > 30, "{cuts} cuts");
}

/// Begun, but interrupted before it did anything.
fn began_and_was_cut(journal: &[StepBody], id: &str) -> bool {
    journal.iter().any(|step| match step {
        StepBody::CallInterrupted { call, .. } => call == id,
        StepBody::CallFinished { call, output, .. } => call == id && output == INTERRUPTED,
        _ => false,
    })
}

#[test]
fn the_conversation_after_a_restart_is_the_one_before() {
    let mut first = Kernel::new(vec![goal("Log")], script());
    first.answers.push_back(Ok("No".to_owned()));
    let seen = first.run();
    assert_eq!(seen.end(), End::Completed);
    for (index, think) in seen.thinks.iter().enumerate() {
        let mut journal = Vec::new();
        let mut thoughts = 0;
        for step in &seen.journal {
            if matches!(step, StepBody::Thought { .. }) {
                if thoughts == index {
                    break;
                }
                thoughts += 1;
            }
            journal.push(step.clone());
        }
        let resumed = Kernel::new(journal, vec![completes("Done")]).run();
        assert_eq!(resumed.thinks[0].messages, think.messages, "before thought {index}");
    }
}

#[test]
fn an_interrupted_call_is_told_and_not_repeated() {
    let thought = calls(&[("a", "append_file", json!({"path": "log", "content": "a"}))]).unwrap();
    let journal = vec![
        goal("Log"),
        StepBody::Thought {
            text: thought.text,
            calls: thought.calls.clone(),
            model: thought.model,
            usage: thought.usage,
            duration_ms: 1,
        },
        StepBody::CallStarted { call: thought.calls[0].clone() },
        StepBody::CallInterrupted { call: "a".to_owned(), tool: "append_file".to_owned() },
    ];
    let seen = Kernel::new(journal, vec![completes("Checked")]).run();
    assert_eq!(seen.end(), End::Completed);
    assert!(!seen.home.path().join("log").exists());
    assert!(
        matches!(seen.thinks[0].messages.last(), Some(Message::Tool { text, .. }) if text == INTERRUPTED)
    );
}

#[test]
fn a_question_cut_off_after_its_answer_keeps_the_answer() {
    let thought = calls(&[("a", "ask_user", json!({"question": "Tea?"}))]).unwrap();
    let journal = vec![
        goal("Serve"),
        StepBody::Thought {
            text: thought.text,
            calls: thought.calls.clone(),
            model: thought.model,
            usage: thought.usage,
            duration_ms: 1,
        },
        StepBody::CallStarted { call: thought.calls[0].clone() },
        StepBody::Question { text: "Tea?".to_owned() },
        goal("Green tea"),
        StepBody::CallInterrupted { call: "a".to_owned(), tool: "ask_user".to_owned() },
    ];
    let seen = Kernel::new(journal, vec![completes("Served")]).run();
    assert_eq!(seen.thinks[0].messages.last(), Some(&Message::User { text: "Green tea".to_owned() }));
}

#[test]
fn a_question_that_is_still_out_is_asked_again_and_not_told_as_interrupted() {
    let thought = calls(&[("a", "ask_user", json!({"question": "Tea?"}))]).unwrap();
    let journal = vec![
        goal("Serve"),
        StepBody::Thought {
            text: thought.text,
            calls: thought.calls.clone(),
            model: thought.model,
            usage: thought.usage,
            duration_ms: 1,
        },
        StepBody::CallStarted { call: thought.calls[0].clone() },
        StepBody::Question { text: "Tea?".to_owned() },
    ];
    let mut kernel = Kernel::new(journal, vec![completes("Served")]);
    kernel.answers.push_back(Ok("Green tea".to_owned()));
    let seen = kernel.run();
    assert_eq!(seen.results(), [("a", true, "Green tea")]);
    assert_eq!(
        seen.names().get(..4),
        Some(["life.boot", "life.ask", "life.finish_call", "mind.think"].as_slice())
    );
}

#[test]
fn a_failed_life_that_a_person_continues_starts_counting_anew() {
    let mut journal = vec![goal("Log")];
    for _ in 0..3 {
        let thought = says("Hm").unwrap();
        journal.push(StepBody::Thought {
            text: thought.text,
            calls: Vec::new(),
            model: thought.model,
            usage: thought.usage,
            duration_ms: 1,
        });
    }
    journal.push(StepBody::Failed { reason: "It only talked".to_owned() });
    journal.push(goal("Try again, with tools"));
    let seen = Kernel::new(journal, vec![completes("Done")]).run();
    assert_eq!(seen.end(), End::Completed);
}
