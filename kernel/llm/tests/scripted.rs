//! The provider and the tests' scripted server, each the other's check.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

#[path = "../../../tests/src/scripted/mod.rs"]
#[allow(dead_code, reason = "the system tests use more of it")]
mod scripted;

use std::{path::PathBuf, sync::Arc};

use aether_llm::{
    LlmConfig, LlmError, OpenAiConfig, Registry, RetryConfig, ThinkRequest, WordSink,
    protocol::mind::{Message, ModelName, ToolCall, Usage},
};
use scripted::{Answer, Failure, Script, Server};
use serde_json::{Value, json};

fn registry(server: &Server, tries: u32) -> Registry {
    let endpoint = OpenAiConfig {
        base_url: server.base_url(),
        api_key_file: None,
        models: None,
        output_limit_field: None,
        send_temperature: true,
        silence_secs: 20,
    };
    let mut config = LlmConfig {
        default_model: Some(ModelName("scripted:scripted".to_owned())),
        endpoints: [("scripted".to_owned(), endpoint)].into(),
        retry: RetryConfig { tries, first_wait_ms: 1, longest_wait_ms: 2_000 },
        ..LlmConfig::default()
    };
    config.local.enabled = false;
    Registry::from_config(&config, &PathBuf::from("unused")).unwrap()
}

fn model() -> ModelName {
    ModelName("scripted:scripted".to_owned())
}

fn request(messages: &[Message]) -> ThinkRequest {
    ThinkRequest {
        model: String::new(),
        messages: messages.to_vec(),
        tools: Vec::new(),
        max_output_tokens: 100,
        temperature: 0.0,
    }
}

fn goal(text: &str) -> Vec<Message> {
    vec![Message::System { text: "Work".to_owned() }, Message::User { text: text.to_owned() }]
}

/// Thinks until complete, as an agent does, and returns the calls.
async fn live(registry: &Registry, text: &str) -> Vec<ToolCall> {
    let mut messages = goal(text);
    let mut calls = Vec::new();
    loop {
        let thought = registry.think(&model(), request(&messages), WordSink::none()).await.unwrap();
        messages.push(Message::Assistant { text: thought.text, calls: thought.calls.clone() });
        for call in thought.calls {
            let text = format!("result of {}", call.id);
            messages.push(Message::Tool { call: call.id.clone(), tool: call.tool.clone(), text });
            calls.push(call);
        }
        if calls.last().is_some_and(|call| call.tool == "complete") {
            return calls;
        }
        assert!(calls.len() < 50, "it never completes");
    }
}

#[tokio::test]
async fn each_goal_gets_its_own_calls_with_ids_of_their_own() {
    let server = Server::start(Script::goals()).await.unwrap();
    let registry = Arc::new(registry(&server, 1));
    let (five, three) = tokio::join!(live(&registry, "append 5"), live(&registry, "parallel 3"));
    let commands: Vec<&Value> =
        five.iter().filter(|call| call.tool == "run_command").map(|call| &call.args["command"]).collect();
    assert_eq!(commands.len(), 5);
    for call in five.iter().take(5) {
        assert_eq!(call.args["command"], format!("echo {} >> calls.log", call.id));
    }
    assert_eq!(
        three.iter().map(|call| call.id.as_str()).collect::<Vec<_>>(),
        ["call-0-0", "call-0-1", "call-0-2", "call-1-0"]
    );
    let read = live(&registry, "read notes.txt").await;
    assert_eq!(read[1].args, json!({ "summary": "result of call-0-0" }));
}

#[tokio::test]
async fn the_same_question_gets_the_same_answer() {
    let server = Server::start(Script::goals()).await.unwrap();
    let registry = registry(&server, 1);
    let once = registry.think(&model(), request(&goal("append 2")), WordSink::none()).await.unwrap();
    let again = registry.think(&model(), request(&goal("append 2")), WordSink::none()).await.unwrap();
    assert_eq!(once, again);
    assert_eq!(once.usage, Usage { input_tokens: 100, output_tokens: 2 });
    assert_eq!(once.model, "scripted:scripted");
}

#[tokio::test]
async fn failures_pass_and_the_thought_comes_in_the_end() {
    let server = Server::start(Script::calls(vec![("think", json!({ "thought": "a longer thought" }))]))
        .await
        .unwrap();
    let registry = registry(&server, 5);
    server.fail_next(Failure::Status { status: 500, retry_after: None });
    server.fail_next(Failure::Status { status: 429, retry_after: Some("0.01".to_owned()) });
    server.fail_next(Failure::Cut);
    server.fail_next(Failure::Garbage);
    let thought = registry.think(&model(), request(&goal("x")), WordSink::none()).await.unwrap();
    assert_eq!(thought.calls[0].args, json!({ "thought": "a longer thought" }));
    server.wait_for_answered(5).await;
    assert_eq!(server.requests().len(), 5);
}

#[tokio::test]
async fn malformed_arguments_reach_the_agent_as_text() {
    let server = Server::start(Script::calls(vec![("think", json!({ "thought": "abc" }))])).await.unwrap();
    server.fail_next(Failure::MalformedArguments);
    let thought = registry(&server, 1).think(&model(), request(&goal("x")), WordSink::none()).await.unwrap();
    assert_eq!(thought.calls[0].args, Value::String(r#"{"though"#.to_owned()));
}

#[tokio::test]
async fn a_held_answer_waits_and_a_dropped_thought_leaves() {
    let server = Server::start(Script::answers(vec![Answer::text("two words")])).await.unwrap();
    let registry = Arc::new(registry(&server, 1));
    let hold = server.hold();
    let thinking = {
        let registry = Arc::clone(&registry);
        tokio::spawn(async move { registry.think(&model(), request(&goal("x")), WordSink::none()).await })
    };
    server.wait_for_waiting(1).await;
    assert!(!thinking.is_finished());
    drop(hold);
    assert_eq!(thinking.await.unwrap().unwrap().text, "two words");
}

#[tokio::test]
async fn the_default_is_marked_and_an_unknown_provider_is_named() {
    let server = Server::start(Script::goals()).await.unwrap();
    let registry = registry(&server, 1);
    let models = registry.models().await;
    assert_eq!(models.len(), 1);
    assert!(models[0].available && models[0].is_default);
    let error =
        registry.think(&ModelName("else:x".to_owned()), request(&[]), WordSink::none()).await.unwrap_err();
    assert!(matches!(&error, LlmError::Missing { hint, .. } if hint.contains("scripted")), "{error:?}");
}
