//! Against a real server on loopback that sends exactly the bytes of the wire format.

use serde_json::{Value, json};

use super::Ollama;
use crate::{
    LlmError, OllamaConfig, Provider, ThinkRequest, WordSink,
    canned::{Canned, Seen, serve},
    protocol::mind::{Message, Thought, ToolCall, ToolSpec, Usage},
};

const NDJSON: &str = "content-type: application/x-ndjson\r\n";
const ANSWER: &[&str] = &[
    "{\"model\":\"qwen3\",\"created_at\":\"2026-01-01T00:00:00Z\",\"message\":{\"role\":\"assistant\",\"content\":\"Let \"},\"done\":false}\n",
    "{\"message\":{\"role\":\"assistant\",\"content\":\"me\"},\"done\":false}\n",
    "{\"message\":{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[{\"function\":{\"name\":\"rm\",\"arguments\":{\"path\":\"x\"}}}]},\"done\":false}\n",
    "{\"message\":{\"role\":\"assistant\",\"content\":\"\"},\"done_reason\":\"stop\",\"done\":true,\"prompt_eval_count\":9,\"eval_count\":4}\n",
];

fn request() -> ThinkRequest {
    ThinkRequest {
        model: "qwen3".to_owned(),
        messages: vec![Message::User { text: "Hi".to_owned() }],
        tools: Vec::new(),
        max_output_tokens: 50,
        temperature: 0.0,
    }
}

fn provider(address: std::net::SocketAddr) -> Ollama {
    Ollama::new(&OllamaConfig {
        base_url: format!("http://{address}"),
        context_tokens: Some(8192),
        silence_secs: 20,
    })
}

async fn think(answer: Canned) -> Result<Thought, LlmError> {
    let (address, _seen) = serve(vec![answer]).await;
    provider(address).think(request(), WordSink::none()).await
}

#[tokio::test]
async fn an_answer_streams_in_whatever_pieces_it_comes() {
    for answer in
        [Canned::new("200 OK", NDJSON, ANSWER), Canned::new("200 OK", NDJSON, ANSWER).byte_by_byte()]
    {
        let thought = think(answer).await.unwrap();
        assert_eq!(thought.text, "Let me");
        assert_eq!(thought.usage, Usage { input_tokens: 9, output_tokens: 4 });
        assert_eq!((thought.model.as_str(), thought.cut_off), ("ollama:qwen3", false));
        let [call] = thought.calls.as_slice() else { panic!("{thought:?}") };
        assert_eq!((call.tool.as_str(), &call.args), ("rm", &json!({ "path": "x" })));
        assert!(call.id.starts_with("call_"), "Ollama names no call, so it gets a name here");
    }
}

#[tokio::test]
async fn the_request_says_everything() {
    let (address, mut seen) = serve(vec![Canned::new("200 OK", NDJSON, ANSWER)]).await;
    let mut request = request();
    request.tools = vec![ToolSpec {
        name: "rm".to_owned(),
        description: "Removes".to_owned(),
        parameters: json!({ "type": "object" }),
    }];
    request.messages.extend([
        Message::Assistant {
            text: "So".to_owned(),
            calls: vec![ToolCall { id: "a".to_owned(), tool: "rm".to_owned(), args: json!({ "path": "x" }) }],
        },
        Message::Tool { call: "a".to_owned(), tool: "rm".to_owned(), text: "gone".to_owned() },
    ]);
    provider(address).think(request, WordSink::none()).await.unwrap();
    let Some(Seen::Request(text)) = seen.recv().await else { panic!("no request") };
    assert!(text.starts_with("POST /api/chat HTTP/1.1\r\n"), "{text}");
    let body: Value = serde_json::from_str(text.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!(
        body,
        json!({
            "model": "qwen3",
            "messages": [
                { "role": "user", "content": "Hi" },
                { "role": "assistant", "content": "So", "tool_calls": [
                    { "function": { "name": "rm", "arguments": { "path": "x" } } } ] },
                { "role": "tool", "tool_name": "rm", "content": "gone" },
            ],
            "stream": true,
            "options": { "num_predict": 50, "temperature": 0.0, "num_ctx": 8192 },
            "tools": [{ "type": "function", "function": {
                "name": "rm", "description": "Removes", "parameters": { "type": "object" } } }],
        })
    );
}

#[tokio::test]
async fn failures_have_their_meanings() {
    let cut = think(Canned::new("200 OK", NDJSON, &ANSWER[..2])).await.unwrap_err();
    assert!(matches!(cut, LlmError::Interrupted { .. }), "{cut:?}");
    let garbage = think(Canned::new("200 OK", NDJSON, &["{\"message\": [}\n"])).await.unwrap_err();
    assert!(matches!(garbage, LlmError::Malformed { .. }), "{garbage:?}");
    let told = think(Canned::new("200 OK", NDJSON, &["{\"error\":\"out of memory\"}\n"])).await.unwrap_err();
    assert!(matches!(&told, LlmError::Unavailable { reason, .. } if reason == "out of memory"), "{told:?}");
    let missing = think(Canned::new("404 Not Found", "", &["{\"error\":\"model 'qwen3' not found\"}"]))
        .await
        .unwrap_err();
    assert!(
        matches!(&missing, LlmError::Missing { hint, .. } if hint.contains("ollama pull qwen3")),
        "{missing:?}"
    );
}

#[tokio::test]
async fn models_are_listed_and_an_empty_or_absent_server_says_what_to_do() {
    let json = "content-type: application/json\r\n";
    let list = "{\"models\":[{\"name\":\"qwen3:latest\",\"model\":\"qwen3:latest\",\"size\":5200}]}";
    let (address, _seen) =
        serve(vec![Canned::new("200 OK", json, &[list]), Canned::new("200 OK", json, &["{\"models\":[]}"])])
            .await;
    let provider = provider(address);
    let models = provider.models().await;
    assert_eq!((models[0].name.0.as_str(), models[0].size_bytes), ("ollama:qwen3:latest", Some(5200)));
    assert!(models[0].available);
    let none = provider.models().await;
    assert!(!none[0].available && none[0].note.as_ref().unwrap().contains("ollama pull"), "{none:?}");
}
