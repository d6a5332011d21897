//! The real engine with the real small model, through the provider.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use aether_llm::{
    LlmError, LocalConfig, Provider, ThinkRequest, WordSink, Words,
    local::Local,
    protocol::{
        mind::{Message, Thought, ToolCall, ToolSpec},
        tools,
    },
};
use serde::Deserialize;

const MODEL: &str = "smollm2-135m-instruct.q4_1";
const FILE: &str = "SmolLM2-135M-Instruct.Q4_1.gguf";

#[derive(Deserialize)]
struct Role {
    instructions: String,
    tools: Vec<String>,
    max_output_tokens: u32,
    examples: Vec<Message>,
}

fn models_dir() -> PathBuf {
    let dir = std::env::var_os("AETHER_TEST_MODELS").map_or_else(
        || PathBuf::from(std::env::var_os("HOME").expect("HOME is not set")).join(".cache/aether/models"),
        PathBuf::from,
    );
    assert!(
        dir.join(FILE).is_file(),
        "the model {FILE} is missing in {}; `cargo xtask setup` puts it there, or name another folder in AETHER_TEST_MODELS",
        dir.display()
    );
    dir
}

fn provider() -> Local {
    let config = LocalConfig {
        engine: Some(PathBuf::from(env!("CARGO_BIN_EXE_aether-engine"))),
        context_tokens: 2048,
        ..LocalConfig::default()
    };
    Local::new(&config, &models_dir())
}

fn scribe() -> Role {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs/roles/scribe.toml");
    toml::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

fn specs(names: &[String]) -> Vec<ToolSpec> {
    tools::specs().into_iter().filter(|spec| names.contains(&spec.name)).collect()
}

fn request(messages: Vec<Message>, tools: Vec<ToolSpec>, max_output_tokens: u32) -> ThinkRequest {
    ThinkRequest { model: MODEL.to_owned(), messages, tools, max_output_tokens, temperature: 0.0 }
}

/// Lets the scribe work on a goal as an agent would, and returns its calls.
async fn work(provider: &Local, goal: &str) -> Vec<ToolCall> {
    let role = scribe();
    let mut messages = vec![Message::System { text: role.instructions.clone() }];
    messages.extend(role.examples.clone());
    messages.push(Message::User { text: goal.to_owned() });
    let mut calls = Vec::new();
    for _ in 0..5 {
        let request = request(messages.clone(), specs(&role.tools), role.max_output_tokens);
        let thought = provider.think(request, WordSink::none()).await.unwrap();
        assert!(thought.usage.input_tokens > 0 && thought.usage.output_tokens > 0, "{thought:?}");
        if thought.calls.is_empty() {
            assert!(thought.cut_off, "{thought:?}");
            break;
        }
        messages.push(Message::Assistant { text: thought.text.clone(), calls: thought.calls.clone() });
        let call = thought.calls[0].clone();
        let parsed = tools::Tool::parse(&call.tool, &call.args).expect("the grammar lets through what fits");
        calls.push(call.clone());
        let text = match parsed {
            tools::Tool::WriteFile(file) => format!("Wrote '{}': {} bytes", file.path, file.content.len()),
            _ => break,
        };
        messages.push(Message::Tool { call: call.id, tool: call.tool, text });
    }
    calls
}

fn told(calls: &[ToolCall]) -> Vec<String> {
    calls.iter().map(|call| format!("{} {}", call.tool, call.args)).collect()
}

#[tokio::test]
async fn the_scribe_writes_hello_and_completes() {
    let provider = provider();
    let calls = work(&provider, "Create a file named hello.txt containing the word hello").await;
    let [write, complete] = calls.as_slice() else { panic!("{:?}", told(&calls)) };
    assert_eq!(write.tool, "write_file");
    assert_eq!(write.args["path"], "hello.txt");
    assert!(write.args["content"].as_str().unwrap().to_lowercase().contains("hello"), "{:?}", told(&calls));
    assert_eq!(complete.tool, "complete");
    provider.shutdown().await;
}

/// A goal that keeps the model busy: free text without an end of its own for a long while.
fn long_request() -> ThinkRequest {
    let text = "Count from one to one thousand in words, one number on each line. Do not stop early.";
    request(vec![Message::User { text: text.to_owned() }], Vec::new(), 1200)
}

/// A sink that tells of the first words.
fn first_words() -> (WordSink, tokio::sync::mpsc::UnboundedReceiver<String>) {
    let (tx, rx) = tokio::sync::mpsc::unbounded_channel();
    let sink = WordSink::new(move |words| {
        if let Words::Text(text) = words {
            // The test may have heard enough.
            let _ = tx.send(text.to_owned());
        }
    });
    (sink, rx)
}

async fn short(provider: &Local) -> Result<Thought, LlmError> {
    let messages = vec![Message::User { text: "Say hello".to_owned() }];
    provider.think(request(messages, Vec::new(), 24), WordSink::none()).await
}

/// Hundredths of seconds of CPU time that a process has used.
fn cpu_ticks(process: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

#[tokio::test]
async fn free_text_streams_and_is_counted() {
    let provider = provider();
    let (sink, mut words) = first_words();
    let messages = vec![Message::User { text: "Say hello".to_owned() }];
    let thought = provider.think(request(messages, Vec::new(), 24), sink).await.unwrap();
    let mut heard = String::new();
    while let Ok(text) = words.try_recv() {
        heard.push_str(&text);
    }
    assert_eq!(heard, thought.text);
    assert!(!thought.text.trim().is_empty() && thought.calls.is_empty());
    assert!(
        thought.usage.input_tokens > 10 && (1..=24).contains(&thought.usage.output_tokens),
        "{thought:?}"
    );
    assert_eq!(thought.model, format!("local:{MODEL}"));
    provider.shutdown().await;
}

#[tokio::test]
async fn a_call_that_is_cut_off_is_no_call() {
    let provider = provider();
    let role = scribe();
    let messages =
        vec![Message::User { text: "Create a file named hello.txt containing the word hello".to_owned() }];
    let thought = provider.think(request(messages, specs(&role.tools), 6), WordSink::none()).await.unwrap();
    assert!(thought.cut_off && thought.calls.is_empty(), "{thought:?}");
    assert_eq!(thought.usage.output_tokens, 6);
    provider.shutdown().await;
}

#[tokio::test]
async fn every_tool_makes_a_grammar_and_every_call_fits_its_schema() {
    let provider = provider();
    let messages = vec![Message::User { text: "List the files in the folder notes".to_owned() }];
    let thought = provider.think(request(messages, tools::specs(), 400), WordSink::none()).await.unwrap();
    for call in &thought.calls {
        tools::Tool::parse(&call.tool, &call.args).unwrap();
    }
    assert!(thought.cut_off || thought.calls.len() == 1, "{thought:?}");
    provider.shutdown().await;
}

#[tokio::test]
async fn a_conversation_that_does_not_fit_is_refused() {
    let provider = provider();
    let messages = vec![Message::User { text: "word ".repeat(4000) }];
    let error = provider.think(request(messages, Vec::new(), 24), WordSink::none()).await.unwrap_err();
    assert!(matches!(error, LlmError::TooLong { .. }), "{error:?}");
    provider.shutdown().await;
}

#[tokio::test]
async fn a_killed_engine_costs_one_thought() {
    let provider = Arc::new(provider());
    let (sink, mut words) = first_words();
    let thinking = {
        let provider = Arc::clone(&provider);
        tokio::spawn(async move { provider.think(long_request(), sink).await })
    };
    words.recv().await.expect("the first words");
    let process = i32::try_from(provider.engine_process().expect("the engine runs")).unwrap();
    let process = rustix::process::Pid::from_raw(process).unwrap();
    rustix::process::kill_process(process, rustix::process::Signal::KILL).unwrap();
    let error = thinking.await.unwrap().unwrap_err();
    assert!(matches!(&error, LlmError::Interrupted { reason, .. } if reason.contains("killed")), "{error:?}");
    assert!(error.is_retryable());
    assert!(!short(&provider).await.unwrap().text.is_empty());
    provider.shutdown().await;
}

#[tokio::test]
async fn dropping_a_thought_stops_the_engine_computing() {
    let provider = Arc::new(provider());
    let (sink, mut words) = first_words();
    let thinking = {
        let provider = Arc::clone(&provider);
        tokio::spawn(async move { provider.think(long_request(), sink).await })
    };
    words.recv().await.expect("the first words");
    thinking.abort();
    assert!(thinking.await.unwrap_err().is_cancelled());
    let process = provider.engine_process().expect("it still runs");
    // The next thought is answered only after the engine has left the old one.
    short(&provider).await.unwrap();
    assert_eq!(provider.engine_process(), Some(process), "the same process goes on");
    let before = cpu_ticks(process);
    short(&provider).await.unwrap();
    let one_thought = cpu_ticks(process) - before;
    // The long thought would have taken 1200 tokens, the short one takes 24.
    assert!(one_thought < 600, "{one_thought} ticks for 24 tokens: something else computes too");
    provider.shutdown().await;
}

#[tokio::test]
async fn the_engine_ends_when_its_stdin_closes() {
    use tokio::io::AsyncReadExt;
    let mut engine = tokio::process::Command::new(env!("CARGO_BIN_EXE_aether-engine"))
        .arg("serve")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut stdin = engine.stdin.take().unwrap();
    let job = aether_llm::local::wire::Job {
        id: 1,
        file: models_dir().join(FILE),
        messages: long_request().messages,
        tools: Vec::new(),
        max_output_tokens: 1200,
        temperature: 0.0,
        context_tokens: 2048,
        threads: 1,
    };
    let frame =
        aether_llm::local::wire::encode(&aether_llm::local::wire::ToEngine::Think(Box::new(job))).unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut stdin, &frame).await.unwrap();
    // In the middle of a thought.
    engine.stdout.as_mut().unwrap().read_u32_le().await.unwrap();
    drop(stdin);
    let status =
        tokio::time::timeout(Duration::from_secs(30), engine.wait()).await.expect("it ends").unwrap();
    assert!(status.success());
}
