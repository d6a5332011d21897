//! The provider with engines that do not work, and the folder of models. The real engine is tried in
//! `tests/real_model.rs`.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use super::{
    Local, files,
    wire::{FailKind, FromEngine, MAX_FRAME_BYTES, encode, read_frame},
};
use crate::{LlmError, LocalConfig, Provider, ThinkRequest, WordSink};

fn request() -> ThinkRequest {
    ThinkRequest {
        model: "tiny".to_owned(),
        messages: Vec::new(),
        tools: Vec::new(),
        max_output_tokens: 1,
        temperature: 0.0,
    }
}

/// The head of a GGUF file: a string, a list of numbers, then the context length.
fn gguf(context_tokens: u32) -> Vec<u8> {
    let text = |text: &str| [&(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat();
    let key = |name: &str, kind: u32| [text(name), kind.to_le_bytes().to_vec()].concat();
    [
        b"GGUF".to_vec(),
        3_u32.to_le_bytes().to_vec(),
        0_u64.to_le_bytes().to_vec(),
        3_u64.to_le_bytes().to_vec(),
        key("general.architecture", 8),
        text("llama"),
        key("general.numbers", 9),
        5_u32.to_le_bytes().to_vec(),
        2_u64.to_le_bytes().to_vec(),
        vec![0; 8],
        key("llama.context_length", 4),
        context_tokens.to_le_bytes().to_vec(),
    ]
    .concat()
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("Tiny.gguf"), gguf(1024)).unwrap();
    folder
}

fn engine(folder: &Path, script: &str) -> PathBuf {
    let file = folder.join("engine.sh");
    fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    file
}

fn local(folder: &Path, engine: PathBuf) -> Local {
    Local::new(&LocalConfig { engine: Some(engine), ..LocalConfig::default() }, folder)
}

#[tokio::test]
async fn models_are_the_files_with_what_their_heads_say() {
    let folder = folder();
    fs::write(folder.path().join("broken.GGUF"), "not a model").unwrap();
    fs::write(folder.path().join("readme.txt"), "").unwrap();
    let models = local(folder.path(), engine(folder.path(), "true")).models().await;
    let told: Vec<(&str, bool, Option<u32>)> =
        models.iter().map(|model| (model.name.0.as_str(), model.available, model.context_tokens)).collect();
    assert_eq!(told, [("local:broken", false, Some(4096)), ("local:tiny", true, Some(1024))]);
    assert!(models[0].note.as_ref().unwrap().contains("GGUF"), "{models:?}");
    assert_eq!(models[1].size_bytes, Some(gguf(1024).len() as u64));
    assert!(files::find(folder.path(), "TINY").is_some());
    assert!(files::find(folder.path(), "../tiny").is_none());
}

#[tokio::test]
async fn no_model_and_no_engine_say_what_to_do() {
    let empty = tempfile::tempdir().unwrap();
    let provider = local(empty.path(), "/nonexistent/aether-engine".into());
    let models = provider.models().await;
    let note = models[0].note.as_ref().unwrap();
    assert!(!models[0].available && note.contains(&empty.path().display().to_string()), "{note}");
    let error = provider.think(request(), WordSink::none()).await.unwrap_err();
    assert!(matches!(&error, LlmError::Missing { what, .. } if what.contains("tiny")), "{error:?}");

    let folder = folder();
    let provider = local(folder.path(), "/nonexistent/aether-engine".into());
    let models = provider.models().await;
    assert!(!models[0].available && models[0].note.as_ref().unwrap().contains("/nonexistent"), "{models:?}");
    let error = provider.think(request(), WordSink::none()).await.unwrap_err();
    assert!(matches!(&error, LlmError::Missing { what, .. } if what.contains("/nonexistent")), "{error:?}");
}

#[tokio::test]
async fn an_engine_that_dies_costs_the_thought_and_says_why() {
    let folder = folder();
    let provider =
        local(folder.path(), engine(folder.path(), "head -c 1 >/dev/null; echo out of luck >&2; exit 3"));
    for _ in 0..2 {
        let error = provider.think(request(), WordSink::none()).await.unwrap_err();
        let LlmError::Interrupted { reason, .. } = &error else { panic!("{error:?}") };
        assert!(reason.contains("status 3") && reason.contains("out of luck"), "{reason}");
        assert!(error.is_retryable());
    }
}

#[tokio::test]
async fn an_engine_that_talks_nonsense_is_ended() {
    let folder = folder();
    let provider = local(folder.path(), engine(folder.path(), "printf 'hello, world'; exec sleep 600"));
    let error = provider.think(request(), WordSink::none()).await.unwrap_err();
    assert!(
        matches!(&error, LlmError::Interrupted { reason, .. } if reason.contains("too long")),
        "{error:?}"
    );
    assert_eq!(provider.engine_process(), None);
}

#[test]
fn frames_are_bounded_and_come_back_as_they_were() {
    let frame = FromEngine::Failed { id: 7, kind: FailKind::TooLong, reason: "ä".to_owned() };
    let bytes = encode(&frame).unwrap();
    assert_eq!(read_frame::<FromEngine>(&mut bytes.as_slice()).unwrap(), Some(frame));
    assert_eq!(read_frame::<FromEngine>(&mut [].as_slice()).unwrap(), None);
    assert!(read_frame::<FromEngine>(&mut &bytes[..6]).is_err());
    let long = (MAX_FRAME_BYTES as u32 + 1).to_le_bytes();
    assert!(read_frame::<FromEngine>(&mut long.as_slice()).is_err());
}
