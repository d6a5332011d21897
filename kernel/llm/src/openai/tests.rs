//! Against a real server on loopback that sends exactly the bytes of the wire format.

use std::{
    io::Write,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::{Value, json};

use super::OpenAi;
use crate::{
    LlmError, OpenAiConfig, Provider, ThinkRequest, WordSink, Words,
    canned::{Canned, Seen, serve},
    protocol::{
        Code, Error,
        mind::{Message, Thought, ToolCall, ToolSpec, Usage},
    },
};

const STREAM: &str = "content-type: text/event-stream\r\n";
const HELLO: &[&str] = &[
    ": a comment\n\n",
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n",
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Gr\u{fc}\u{df}e, \"}}]}\r\n\r\n",
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Welt\"}}]}\n\n",
    "data:{\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":3}}\n\n",
    "data: [DONE]\n\n",
];

fn config(address: std::net::SocketAddr) -> OpenAiConfig {
    OpenAiConfig {
        base_url: format!("http://{address}/v1/"),
        api_key_file: None,
        models: None,
        output_limit_field: None,
        send_temperature: true,
        silence_secs: 20,
    }
}

fn request() -> ThinkRequest {
    ThinkRequest {
        model: "m".to_owned(),
        messages: vec![Message::User { text: "Hi".to_owned() }],
        tools: Vec::new(),
        max_output_tokens: 50,
        temperature: 0.5,
    }
}

async fn think(answer: Canned) -> Result<Thought, LlmError> {
    let (address, _seen) = serve(vec![answer]).await;
    OpenAi::new("openai", &config(address)).think(request(), WordSink::none()).await
}

fn chunk(delta: &Value) -> String {
    format!("data: {}\n\n", json!({ "choices": [{ "index": 0, "delta": delta }] }))
}

#[tokio::test]
async fn text_streams_in_whatever_pieces_it_comes() {
    for answer in [Canned::new("200 OK", STREAM, HELLO), Canned::new("200 OK", STREAM, HELLO).byte_by_byte()]
    {
        let (address, _seen) = serve(vec![answer]).await;
        let heard = Arc::new(Mutex::new(Vec::new()));
        let ear = Arc::clone(&heard);
        let sink = WordSink::new(move |words| {
            let Words::Text(text) = words else { panic!("{words:?}") };
            ear.lock().unwrap().push(text.to_owned());
        });
        let thought = OpenAi::new("openai", &config(address)).think(request(), sink).await.unwrap();
        assert_eq!(thought.text, "Grüße, Welt");
        assert_eq!(*heard.lock().unwrap(), ["Grüße, ", "Welt"]);
        assert_eq!(thought.usage, Usage { input_tokens: 7, output_tokens: 3 });
        assert_eq!((thought.model.as_str(), thought.cut_off), ("openai:m", false));
    }
}

#[tokio::test]
async fn calls_are_put_together_from_their_pieces() {
    let body = [
        chunk(
            &json!({ "tool_calls": [{ "index": 0, "id": "a", "function": { "name": "write_file", "arguments": "" } }] }),
        ),
        chunk(&json!({ "tool_calls": [{ "index": 0, "function": { "arguments": "{\"path\": \"x" } }] })),
        chunk(
            &json!({ "tool_calls": [{ "index": 1, "id": "b", "function": { "name": "rm", "arguments": "{}" } }] }),
        ),
        chunk(&json!({ "tool_calls": [{ "index": 0, "function": { "arguments": ".txt\"}" } }] })),
        chunk(&json!({ "tool_calls": [{ "index": 2, "id": "c", "function": { "name": "list_files" } }] })),
        chunk(
            &json!({ "tool_calls": [{ "index": 3, "id": "c", "function": { "name": "stat", "arguments": "{bad" } }] }),
        ),
        "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"tool_calls\"}]}\n\ndata: [DONE]\n\n"
            .to_owned(),
    ];
    let pieces: Vec<&str> = body.iter().map(String::as_str).collect();
    let thought = think(Canned::new("200 OK", STREAM, &pieces)).await.unwrap();
    let told: Vec<(&str, &Value)> =
        thought.calls.iter().map(|call| (call.tool.as_str(), &call.args)).collect();
    assert_eq!(
        told,
        [
            ("write_file", &json!({ "path": "x.txt" })),
            ("rm", &json!({})),
            ("list_files", &json!({})),
            ("stat", &json!("{bad")),
        ]
    );
    let ids: Vec<&str> = thought.calls.iter().map(|call| call.id.as_str()).collect();
    assert_eq!(ids[..3], ["a", "b", "c"]);
    assert!(ids[3].starts_with("call_"), "an id that occurs twice is replaced: {ids:?}");
}

#[tokio::test]
async fn calls_without_an_index_or_in_one_piece_are_understood() {
    let body = [
        chunk(
            &json!({ "tool_calls": [{ "id": "a", "function": { "name": "rm", "arguments": "{\"path\":" } }] }),
        ),
        chunk(&json!({ "tool_calls": [{ "function": { "arguments": "\"x\"}" } }] })),
        chunk(
            &json!({ "tool_calls": [{ "id": "b", "function": { "name": "mkdir", "arguments": { "path": "y" } } }] }),
        ),
        "data: [DONE]\n\n".to_owned(),
    ];
    let pieces: Vec<&str> = body.iter().map(String::as_str).collect();
    let thought = think(Canned::new("200 OK", STREAM, &pieces)).await.unwrap();
    let told: Vec<&Value> = thought.calls.iter().map(|call| &call.args).collect();
    assert_eq!(told, [&json!({ "path": "x" }), &json!({ "path": "y" })]);
}

#[tokio::test]
async fn an_answer_in_one_piece_is_understood() {
    let body = json!({
        "choices": [{ "message": { "content": "Hi", "tool_calls": [
            { "id": "a", "function": { "name": "rm", "arguments": "{\"path\":\"x\"}" } },
        ] }, "finish_reason": "tool_calls" }],
        "usage": { "prompt_tokens": 1, "completion_tokens": 2 },
    });
    let thought = think(Canned::new("200 OK", "content-type: application/json\r\n", &[&body.to_string()]))
        .await
        .unwrap();
    assert_eq!(thought.text, "Hi");
    assert_eq!(thought.calls[0].args, json!({ "path": "x" }));
}

#[tokio::test]
async fn an_answer_at_its_limit_is_cut_off_and_half_a_call_is_left_out() {
    let body = [
        chunk(
            &json!({ "tool_calls": [{ "index": 0, "id": "a", "function": { "name": "rm", "arguments": "{\"pa" } }] }),
        ),
        "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"length\"}]}\n\ndata: [DONE]\n\n".to_owned(),
    ];
    let pieces: Vec<&str> = body.iter().map(String::as_str).collect();
    let thought = think(Canned::new("200 OK", STREAM, &pieces)).await.unwrap();
    assert!(thought.cut_off);
    assert!(thought.calls.is_empty());
}

#[tokio::test]
async fn the_request_says_everything() {
    let mut key = tempfile::NamedTempFile::new().unwrap();
    writeln!(key, "sk-secret-123").unwrap();
    let (address, mut seen) = serve(vec![Canned::new("200 OK", STREAM, HELLO)]).await;
    let mut config = config(address);
    config.api_key_file = Some(key.path().to_owned());
    let provider = OpenAi::new("openai", &config);
    assert!(!format!("{provider:?}").contains("secret"));
    let mut request = request();
    request.tools = vec![ToolSpec {
        name: "rm".to_owned(),
        description: "Removes".to_owned(),
        parameters: json!({ "type": "object" }),
    }];
    let call = |args| ToolCall { id: "a".to_owned(), tool: "rm".to_owned(), args };
    request.messages.extend([
        Message::Assistant {
            text: String::new(),
            calls: vec![call(json!({ "path": "x" })), call(json!("{bad"))],
        },
        Message::Tool { call: "a".to_owned(), tool: "rm".to_owned(), text: "gone".to_owned() },
    ]);
    provider.think(request, WordSink::none()).await.unwrap();
    let Some(Seen::Request(text)) = seen.recv().await else { panic!("no request") };
    assert!(text.starts_with("POST /v1/chat/completions HTTP/1.1\r\n"), "{text}");
    assert!(text.contains("authorization: Bearer sk-secret-123\r\n"), "{text}");
    let body: Value = serde_json::from_str(text.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!(
        body,
        json!({
            "model": "m",
            "messages": [
                { "role": "user", "content": "Hi" },
                { "role": "assistant", "content": null, "tool_calls": [
                    { "id": "a", "type": "function", "function": { "name": "rm", "arguments": "{\"path\":\"x\"}" } },
                    { "id": "a", "type": "function", "function": {
                        "name": "rm", "arguments": "{\"unreadable_arguments\":\"{bad\"}" } },
                ] },
                { "role": "tool", "tool_call_id": "a", "content": "gone" },
            ],
            "stream": true,
            "stream_options": { "include_usage": true },
            "max_tokens": 50,
            "temperature": 0.5,
            "tools": [{ "type": "function", "function": {
                "name": "rm", "description": "Removes", "parameters": { "type": "object" } } }],
        })
    );
}

#[tokio::test]
async fn a_stream_that_ends_early_is_interrupted() {
    let half = &HELLO[..4];
    for answer in [Canned::new("200 OK", STREAM, half), Canned::cut(STREAM, half)] {
        let error = think(answer).await.unwrap_err();
        assert!(matches!(error, LlmError::Interrupted { .. }), "{error:?}");
        assert!(error.is_retryable());
        assert_eq!(Error::from(error).code, Code::Interrupted);
    }
}

#[tokio::test]
async fn garbage_is_malformed() {
    for body in ["data: {\"choices\": [}\n\n", "data: {\"choices\": 5}\n\n"] {
        let error = think(Canned::new("200 OK", STREAM, &[body])).await.unwrap_err();
        assert!(matches!(error, LlmError::Malformed { .. }), "{error:?}");
    }
    for body in ["<html>", "{\"choices\":[]}"] {
        let error =
            think(Canned::new("200 OK", "content-type: application/json\r\n", &[body])).await.unwrap_err();
        assert!(matches!(error, LlmError::Malformed { .. }), "{error:?}");
    }
    // A page that is no stream has no event, so nothing ever ended it.
    let error =
        think(Canned::new("200 OK", "content-type: text/html\r\n", &["<html></html>"])).await.unwrap_err();
    assert!(matches!(error, LlmError::Interrupted { .. }), "{error:?}");
}

#[tokio::test]
async fn an_error_in_the_stream_is_told() {
    let error =
        think(Canned::new("200 OK", STREAM, &["data: {\"error\":{\"message\":\"overloaded\"}}\n\n"])).await;
    assert_eq!(
        error,
        Err(LlmError::Unavailable { provider: "openai".to_owned(), reason: "overloaded".to_owned() })
    );
}

#[tokio::test]
async fn each_status_has_its_meaning() {
    let limited =
        think(Canned::new("429 Too Many Requests", "retry-after: 7\r\n", &["{}"])).await.unwrap_err();
    assert_eq!(limited.retry_after(), Some(Duration::from_secs(7)));
    assert_eq!(Error::from(limited).retry_after_secs, Some(7));

    let error =
        think(Canned::new("500 Oops", "", &["{\"error\":{\"message\":\"boom.\"}}"])).await.unwrap_err();
    assert!(
        matches!(&error, LlmError::Unavailable { reason, .. } if reason.starts_with("boom (500")),
        "{error:?}"
    );

    let error = think(Canned::new("401 No", "", &["{\"error\":\"bad key\"}"])).await.unwrap_err();
    assert!(matches!(&error, LlmError::Refused { reason, .. } if reason.starts_with("bad key")), "{error:?}");
    assert!(!error.is_retryable());

    let long = "{\"error\":{\"message\":\"too much\",\"code\":\"context_length_exceeded\"}}";
    let error = think(Canned::new("400 Bad", "", &[long])).await.unwrap_err();
    assert!(matches!(error, LlmError::TooLong { .. }), "{error:?}");

    let error = think(Canned::new("404 Not Found", "", &["no such model"])).await.unwrap_err();
    assert!(matches!(error, LlmError::Rejected { .. }), "{error:?}");
    assert!(!error.is_retryable());
}

#[tokio::test]
async fn nobody_there_is_unavailable_and_a_missing_key_is_named() {
    // A port that was free a moment ago.
    let address = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
    let mut config = config(address);
    let provider = OpenAi::new("openai", &config);
    let error = provider.think(request(), WordSink::none()).await.unwrap_err();
    assert!(matches!(error, LlmError::Unavailable { .. }), "{error:?}");
    let models = provider.models().await;
    assert!(!models[0].available && models[0].note.is_some(), "{models:?}");

    config.api_key_file = Some("/nonexistent/key".into());
    let error = OpenAi::new("openai", &config).think(request(), WordSink::none()).await.unwrap_err();
    assert!(
        matches!(&error, LlmError::Missing { hint, .. } if hint.contains("/nonexistent/key")),
        "{error:?}"
    );
}

#[tokio::test]
async fn dropping_the_thought_closes_the_connection() {
    let (address, mut seen) = serve(vec![Canned::new("200 OK", STREAM, &HELLO[..3]).then_hang()]).await;
    let provider = OpenAi::new("openai", &config(address));
    let (heard_tx, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let thinking = tokio::spawn(async move {
        let sink = WordSink::new(move |_| heard_tx.send(()).unwrap());
        provider.think(request(), sink).await
    });
    heard.recv().await.expect("the first words");
    assert!(matches!(seen.recv().await, Some(Seen::Request(_))));
    thinking.abort();
    assert!(thinking.await.unwrap_err().is_cancelled());
    assert_eq!(seen.recv().await, Some(Seen::Closed));
}

#[tokio::test]
async fn models_are_listed() {
    let list = "{\"data\":[{\"id\":\"a\"},{\"id\":\"b\"}]}";
    let (address, _seen) =
        serve(vec![Canned::new("200 OK", "content-type: application/json\r\n", &[list])]).await;
    let models = OpenAi::new("lab", &config(address)).models().await;
    let names: Vec<&str> = models.iter().map(|model| model.name.0.as_str()).collect();
    assert_eq!(names, ["lab:a", "lab:b"]);
    assert!(models.iter().all(|model| model.available));
}
