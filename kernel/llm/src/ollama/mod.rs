//! An Ollama server, by its own API: newline-separated JSON.
//!
//! <https://github.com/ollama/ollama/blob/main/docs/api.md>

mod wire;

#[cfg(test)]
mod tests;

use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;

use crate::{
    LlmError, OllamaConfig, Provider, ThinkRequest, WordSink,
    http::Endpoint,
    ids,
    protocol::mind::{Model, ModelName, Thought, ToolCall, Usage},
};

/// How long the list of models may take.
const LIST_WITHIN: Duration = Duration::from_secs(5);

/// An Ollama server.
#[derive(Debug)]
pub struct Ollama {
    endpoint: Endpoint,
    context_tokens: Option<u32>,
}

impl Ollama {
    /// The server at `config.base_url`. Nothing is sent yet.
    pub fn new(config: &OllamaConfig) -> Self {
        Self {
            endpoint: Endpoint::new("ollama", &config.base_url, None, config.silence_secs),
            context_tokens: config.context_tokens,
        }
    }

    /// With `offline`, it is not asked where it is beyond the local network.
    #[must_use]
    pub fn stay_on_lan(mut self, offline: bool) -> Self {
        self.endpoint.stay_on_lan(offline);
        self
    }

    fn missing(note: impl Into<String>) -> Vec<Model> {
        vec![Model {
            name: ModelName("ollama:none".to_owned()),
            available: false,
            note: Some(note.into()),
            is_default: false,
            context_tokens: None,
            size_bytes: None,
        }]
    }

    /// Takes one line of the answer. True where it was the last one.
    fn take(&self, thought: &mut Thought, line: &[u8], words: &WordSink) -> Result<bool, LlmError> {
        let value: Value = serde_json::from_slice(line)
            .map_err(|error| self.endpoint.malformed(format!("a line of its answer is not JSON: {error}")))?;
        if let Some(error) = value.get("error") {
            let said = error.as_str().map_or_else(|| error.to_string(), str::to_owned);
            return Err(self.endpoint.unavailable(said));
        }
        let part: wire::Part =
            serde_json::from_value(value).map_err(|error| self.endpoint.malformed(error.to_string()))?;
        if let Some(message) = part.message {
            words.text(&message.content);
            thought.text.push_str(&message.content);
            for call in message.tool_calls {
                let args = match call.function.arguments {
                    Value::Null => Value::Object(serde_json::Map::new()),
                    // Ollama sends an object; what stands in for it may send JSON in a string, as OpenAI does.
                    Value::String(text) => serde_json::from_str(&text).unwrap_or(Value::String(text)),
                    args => args,
                };
                thought.calls.push(ToolCall {
                    id: call.id.unwrap_or_default(),
                    tool: call.function.name,
                    args,
                });
            }
        }
        if part.done {
            thought.cut_off = part.done_reason.as_deref() == Some("length");
            thought.usage = Usage { input_tokens: part.prompt_eval_count, output_tokens: part.eval_count };
        }
        Ok(part.done)
    }
}

#[async_trait]
impl Provider for Ollama {
    fn id(&self) -> &'static str {
        "ollama"
    }

    async fn models(&self) -> Vec<Model> {
        let tags = match self.endpoint.get("/api/tags", LIST_WITHIN).await {
            Ok(tags) => tags,
            Err(error) => return Self::missing(error.to_string()),
        };
        let models: Vec<Model> = tags
            .get("models")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|entry| {
                let name = entry.get("model").or_else(|| entry.get("name"))?.as_str()?;
                Some(Model {
                    name: ModelName(format!("ollama:{name}")),
                    available: true,
                    note: None,
                    is_default: false,
                    context_tokens: self.context_tokens,
                    size_bytes: entry.get("size").and_then(Value::as_u64),
                })
            })
            .collect();
        if models.is_empty() {
            return Self::missing("Ollama has no model; get one with: ollama pull qwen3");
        }
        models
    }

    async fn think(&self, request: ThinkRequest, words: WordSink) -> Result<Thought, LlmError> {
        let body = wire::request(&request, self.context_tokens);
        let answer = self.endpoint.post("/api/chat", &body).await.map_err(|error| match error {
            LlmError::Rejected { reason, .. } if reason.contains("not found") => LlmError::Missing {
                what: format!("Ollama has no model {}", request.model),
                hint: format!("Get it with: ollama pull {}", request.model),
            },
            other => other,
        })?;
        let mut thought = Thought {
            text: String::new(),
            calls: Vec::new(),
            model: format!("ollama:{}", request.model),
            usage: Usage::default(),
            cut_off: false,
        };
        let mut lines = self.endpoint.lines(answer);
        while let Some(line) = lines.next().await? {
            if line.trim_ascii().is_empty() {
                continue;
            }
            if self.take(&mut thought, &line, &words)? {
                ids::make_unique(&mut thought.calls, &request.messages);
                return Ok(thought);
            }
        }
        Err(self.endpoint.interrupted("the stream ended before the answer did"))
    }
}
