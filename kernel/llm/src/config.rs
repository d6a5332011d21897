//! The part of the configuration that is about models.

use std::{collections::BTreeMap, path::PathBuf};

use serde::{Deserialize, Serialize};

use crate::protocol::mind::ModelName;

/// Which models there are and where they come from. Without any entry: the local engine alone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LlmConfig {
    /// The model used where none is named, `provider:model`. When left out, the first that is available.
    pub default_model: Option<ModelName>,
    /// The engine on this machine, under the name `local`.
    pub local: LocalConfig,
    /// A server that speaks OpenAI's chat completions, under the name `openai`.
    pub openai: Option<OpenAiConfig>,
    /// More servers that speak OpenAI's chat completions, each under its own name.
    pub endpoints: BTreeMap<String, OpenAiConfig>,
    /// An Ollama server, under the name `ollama`.
    pub ollama: Option<OllamaConfig>,
    /// How often a failed thought is tried again.
    pub retry: RetryConfig,
    /// Whether no server beyond the local network is asked. Set for the whole device, not here.
    #[serde(skip)]
    pub offline: bool,
}

/// The engine on this machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LocalConfig {
    /// Whether it is offered.
    pub enabled: bool,
    /// The program `aether-engine`; when left out, the one beside the running program.
    pub engine: Option<PathBuf>,
    /// Where the models' files are; when left out, `models` in the state directory.
    pub models_dir: Option<PathBuf>,
    /// Threads that compute; when left out, one per core.
    pub threads: Option<u32>,
    /// Tokens that a conversation may hold. A model that was trained on fewer gets fewer.
    pub context_tokens: u32,
    /// Minutes without a thought after which the engine gives its memory back.
    pub idle_unload_minutes: u32,
    /// How far the engine stands back behind other programs, 0 to 19.
    pub nice: u8,
}

impl Default for LocalConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            engine: None,
            models_dir: None,
            threads: None,
            context_tokens: 4096,
            idle_unload_minutes: 10,
            nice: 5,
        }
    }
}

/// A server that speaks OpenAI's chat completions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenAiConfig {
    /// The address up to and with the version, `https://api.openai.com/v1`.
    pub base_url: String,
    /// A file that holds the key and nothing else; when left out, none is sent.
    #[serde(default)]
    pub api_key_file: Option<PathBuf>,
    /// Models to offer; when left out, those that the server lists.
    #[serde(default)]
    pub models: Option<Vec<String>>,
    /// The field that bounds the answer; when left out, `max_completion_tokens` for api.openai.com, else
    /// `max_tokens`.
    #[serde(default)]
    pub output_limit_field: Option<String>,
    /// Whether to send a temperature; some models accept only their own.
    #[serde(default = "yes")]
    pub send_temperature: bool,
    /// Seconds of silence after which an answer counts as cut.
    #[serde(default = "silence_secs")]
    pub silence_secs: u64,
}

/// An Ollama server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OllamaConfig {
    /// The address, `http://127.0.0.1:11434`.
    pub base_url: String,
    /// Tokens that a conversation may hold; when left out, the server decides.
    #[serde(default)]
    pub context_tokens: Option<u32>,
    /// Seconds of silence after which an answer counts as cut.
    #[serde(default = "silence_secs")]
    pub silence_secs: u64,
}

/// How often a failed thought is tried again. Waits double, with chance added, from the first to the longest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RetryConfig {
    /// How often in all, at least 1.
    pub tries: u32,
    /// The first wait.
    pub first_wait_ms: u64,
    /// The longest wait. A provider that asks for a longer one ends the tries.
    pub longest_wait_ms: u64,
}

impl Default for RetryConfig {
    fn default() -> Self {
        Self { tries: 4, first_wait_ms: 500, longest_wait_ms: 30_000 }
    }
}

fn yes() -> bool {
    true
}

fn silence_secs() -> u64 {
    180
}

/// What is wrong with the configuration of models.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// An address is not one.
    #[error("the address '{url}' of {provider} is not an http or https address")]
    Address {
        /// Which provider.
        provider: String,
        /// What stands there.
        url: String,
    },
    /// A name is taken or unusable.
    #[error(
        "'{0}' cannot be the name of an endpoint: it must be lower-case letters, digits and '-', and not local, openai or ollama"
    )]
    Name(String),
    /// The default names a provider that is not configured.
    #[error("the default model '{0}' names a provider that is not configured")]
    Default(String),
    /// A number is out of bounds.
    #[error("{0}")]
    Bounds(String),
}

impl LlmConfig {
    /// The same; with `offline`, servers beyond the local network are refused.
    #[must_use]
    pub fn stay_on_lan(self, offline: bool) -> Self {
        Self { offline, ..self }
    }

    /// Checks what types cannot.
    pub fn check(&self) -> Result<(), ConfigError> {
        let endpoints = self.openai.iter().map(|endpoint| ("openai", endpoint));
        let endpoints =
            endpoints.chain(self.endpoints.iter().map(|(name, endpoint)| (name.as_str(), endpoint)));
        for (name, endpoint) in endpoints {
            check_address(name, &endpoint.base_url)?;
        }
        for name in self.endpoints.keys() {
            let spelled = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
            if name.is_empty() || !spelled || ["local", "openai", "ollama"].contains(&name.as_str()) {
                return Err(ConfigError::Name(name.clone()));
            }
        }
        if let Some(ollama) = &self.ollama {
            check_address("ollama", &ollama.base_url)?;
        }
        if let Some(default) = &self.default_model {
            let known = match default.split() {
                Some(("local", _)) => self.local.enabled,
                Some(("openai", _)) => self.openai.is_some(),
                Some(("ollama", _)) => self.ollama.is_some(),
                Some((name, _)) => self.endpoints.contains_key(name),
                None => false,
            };
            if !known {
                return Err(ConfigError::Default(default.0.clone()));
            }
        }
        let local = &self.local;
        if local.context_tokens < 512 {
            return Err(ConfigError::Bounds("context_tokens must be at least 512".to_owned()));
        }
        if local.nice > 19 {
            return Err(ConfigError::Bounds("nice must be between 0 and 19".to_owned()));
        }
        if local.threads == Some(0) {
            return Err(ConfigError::Bounds("threads must be at least 1".to_owned()));
        }
        if self.retry.tries == 0 {
            return Err(ConfigError::Bounds("tries must be at least 1".to_owned()));
        }
        Ok(())
    }
}

fn check_address(provider: &str, url: &str) -> Result<(), ConfigError> {
    let sound =
        reqwest::Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    if sound {
        Ok(())
    } else {
        Err(ConfigError::Address { provider: provider.to_owned(), url: url.to_owned() })
    }
}
