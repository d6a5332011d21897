//! Choosing, trying again, giving up.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use tokio::time::Instant;

use super::Registry;
use crate::{
    ConfigError, LlmConfig, LlmError, Provider, RetryConfig, ThinkRequest, WordSink, Words,
    protocol::mind::{Model, ModelName, Thought, Usage},
};

/// Fails as told, then answers.
#[derive(Debug)]
struct Moody {
    failures: Mutex<VecDeque<LlmError>>,
    asked: Mutex<Vec<String>>,
}

impl Moody {
    fn new(failures: impl IntoIterator<Item = LlmError>) -> Arc<Self> {
        Arc::new(Self { failures: Mutex::new(failures.into_iter().collect()), asked: Mutex::default() })
    }
}

#[async_trait]
impl Provider for Moody {
    fn id(&self) -> &'static str {
        "moody"
    }

    async fn models(&self) -> Vec<Model> {
        let model = |name: &str, available| Model {
            name: ModelName(format!("moody:{name}")),
            available,
            note: None,
            is_default: false,
            context_tokens: None,
            size_bytes: None,
        };
        vec![model("a", false), model("b", true), model("c", true)]
    }

    async fn think(&self, request: ThinkRequest, words: WordSink) -> Result<Thought, LlmError> {
        self.asked.lock().unwrap().push(request.model.clone());
        words.text("half");
        match self.failures.lock().unwrap().pop_front() {
            Some(error) => Err(error),
            None => Ok(Thought {
                text: "half and half".to_owned(),
                calls: Vec::new(),
                model: request.model,
                usage: Usage::default(),
                cut_off: false,
            }),
        }
    }
}

fn request() -> ThinkRequest {
    ThinkRequest {
        model: String::new(),
        messages: Vec::new(),
        tools: Vec::new(),
        max_output_tokens: 1,
        temperature: 0.0,
    }
}

fn limited(secs: Option<u64>) -> LlmError {
    LlmError::RateLimited { provider: "moody".to_owned(), retry_after: secs.map(Duration::from_secs) }
}

fn cut() -> LlmError {
    LlmError::Interrupted { provider: "moody".to_owned(), reason: "cut".to_owned() }
}

fn name(text: &str) -> ModelName {
    ModelName(text.to_owned())
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_can_pass_is_tried_again_and_the_words_are_taken_back() {
    let moody = Moody::new([cut(), limited(Some(3))]);
    let registry = Registry::new(vec![moody.clone()], None, RetryConfig::default());
    let heard = Arc::new(Mutex::new(Vec::new()));
    let ear = Arc::clone(&heard);
    let sink = WordSink::new(move |words| {
        ear.lock().unwrap().push(match words {
            Words::Text(text) => text.to_owned(),
            Words::Restart => "|".to_owned(),
        });
    });
    let start = Instant::now();
    let thought = registry.think(&name("moody:b:7"), request(), sink).await.unwrap();
    assert_eq!(thought.model, "b:7", "only the first colon separates");
    assert_eq!(*heard.lock().unwrap(), ["half", "|", "half", "|", "half"]);
    let waited = start.elapsed();
    assert!(waited >= Duration::from_millis(3_250) && waited <= Duration::from_millis(3_600), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn the_tries_are_counted() {
    let moody = Moody::new(std::iter::repeat_with(cut).take(9));
    let registry =
        Registry::new(vec![moody.clone()], None, RetryConfig { tries: 3, ..RetryConfig::default() });
    assert_eq!(registry.think(&name("moody:b"), request(), WordSink::none()).await, Err(cut()));
    assert_eq!(moody.asked.lock().unwrap().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_stays_and_a_wait_that_is_too_long_end_it_at_once() {
    let refused = LlmError::Refused { provider: "moody".to_owned(), reason: "no".to_owned() };
    for error in [refused, limited(Some(3600))] {
        let moody = Moody::new([error.clone()]);
        let registry = Registry::new(vec![moody.clone()], None, RetryConfig::default());
        let start = Instant::now();
        assert_eq!(registry.think(&name("moody:b"), request(), WordSink::none()).await, Err(error));
        assert_eq!((moody.asked.lock().unwrap().len(), start.elapsed()), (1, Duration::ZERO));
    }
}

#[tokio::test]
async fn the_default_is_the_configured_model_or_the_first_that_is_available() {
    let registry = |default: Option<&str>| {
        Registry::new(vec![Moody::new([])], default.map(name), RetryConfig::default())
    };
    let chosen = |models: Vec<Model>| -> Vec<String> {
        models.into_iter().filter(|model| model.is_default).map(|model| model.name.0).collect()
    };
    assert_eq!(chosen(registry(None).models().await), ["moody:b"]);
    assert_eq!(registry(None).default_model().await, Some(name("moody:b")));
    assert_eq!(chosen(registry(Some("moody:c")).models().await), ["moody:c"]);
    assert_eq!(registry(Some("moody:c")).default_model().await, Some(name("moody:c")));
}

#[tokio::test]
async fn a_name_that_names_nothing_is_explained() {
    let registry = Registry::new(vec![Moody::new([])], None, RetryConfig::default());
    for (text, hint) in [("b", "provider:model"), (":b", "provider:model"), ("other:b", "moody")] {
        let error = registry.think(&name(text), request(), WordSink::none()).await.unwrap_err();
        assert!(
            matches!(&error, LlmError::Missing { hint: told, .. } if told.contains(hint)),
            "{text}: {error:?}"
        );
    }
}

#[test]
fn the_configuration_is_read_strictly() {
    let text = r#"
        default_model = "lab:large"
        [local]
        threads = 2
        context_tokens = 2048
        [openai]
        base_url = "https://api.openai.com/v1"
        api_key_file = "/run/keys/openai"
        [endpoints.lab]
        base_url = "http://10.0.0.5:8080/v1"
        models = ["large"]
        [ollama]
        base_url = "http://127.0.0.1:11434"
    "#;
    let config: LlmConfig = toml::from_str(text).unwrap();
    config.check().unwrap();
    assert_eq!(config.local.threads, Some(2));
    assert!(config.endpoints["lab"].send_temperature);
    assert!(toml::from_str::<LlmConfig>("[local]\nthread = 2").is_err());
    assert!(toml::from_str::<LlmConfig>("[openai]\napi_key = \"sk-1\"\nbase_url = \"http://x\"").is_err());

    let check = |text: &str| toml::from_str::<LlmConfig>(text).unwrap().check();
    assert!(matches!(check("[ollama]\nbase_url = \"ftp://x\""), Err(ConfigError::Address { .. })));
    assert!(matches!(check("[endpoints.local]\nbase_url = \"http://x\""), Err(ConfigError::Name(_))));
    assert!(matches!(check("default_model = \"ollama:x\""), Err(ConfigError::Default(_))));
    assert!(matches!(check("[local]\ncontext_tokens = 10"), Err(ConfigError::Bounds(_))));
    assert_eq!(check(""), Ok(()));
}
