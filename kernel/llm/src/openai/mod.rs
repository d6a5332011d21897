//! Any server that speaks OpenAI's chat completions: OpenAI itself, llama-server, vLLM, OpenRouter, LM Studio …
//!
//! <https://platform.openai.com/docs/api-reference/chat>

mod assemble;
pub(crate) mod wire;

#[cfg(test)]
mod tests;

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::Value;

use crate::{
    LlmError, OpenAiConfig, Provider, ThinkRequest, WordSink,
    http::Endpoint,
    ids,
    protocol::mind::{Model, ModelName, Thought},
};
use assemble::Assembly;

/// How long the list of models may take.
const LIST_WITHIN: Duration = Duration::from_secs(5);

/// A server that speaks OpenAI's chat completions.
#[derive(Debug)]
pub struct OpenAi {
    endpoint: Endpoint,
    models: Option<Vec<String>>,
    limit_field: String,
    send_temperature: bool,
}

impl OpenAi {
    /// The server at `config.base_url`, as `id`. Nothing is sent yet.
    pub fn new(id: &str, config: &OpenAiConfig) -> Self {
        let endpoint = Endpoint::new(id, &config.base_url, config.api_key_file.clone(), config.silence_secs);
        let own = endpoint.base_url().contains("//api.openai.com");
        let limit_field = config.output_limit_field.clone().unwrap_or_else(|| {
            if own { "max_completion_tokens".to_owned() } else { "max_tokens".to_owned() }
        });
        Self {
            endpoint,
            models: config.models.clone(),
            limit_field,
            send_temperature: config.send_temperature,
        }
    }

    /// With `offline`, it is not asked where it is beyond the local network.
    #[must_use]
    pub fn stay_on_lan(mut self, offline: bool) -> Self {
        self.endpoint.stay_on_lan(offline);
        self
    }

    fn name(&self, model: &str) -> ModelName {
        ModelName(format!("{}:{model}", self.endpoint.provider))
    }

    fn model(&self, model: &str, note: Option<String>) -> Model {
        Model {
            name: self.name(model),
            available: note.is_none(),
            note,
            is_default: false,
            context_tokens: None,
            size_bytes: None,
        }
    }

    async fn listed(&self) -> Result<Vec<String>, LlmError> {
        let list = self.endpoint.get("/models", LIST_WITHIN).await?;
        let entries = list.get("data").and_then(Value::as_array);
        let entries = entries.ok_or_else(|| self.endpoint.malformed("the list of models has no data"))?;
        Ok(entries.iter().filter_map(|entry| entry.get("id")?.as_str().map(str::to_owned)).collect())
    }
}

#[async_trait]
impl Provider for OpenAi {
    fn id(&self) -> &str {
        &self.endpoint.provider
    }

    async fn models(&self) -> Vec<Model> {
        match (&self.models, self.listed().await) {
            (None, Ok(listed)) if listed.is_empty() => {
                vec![self.model("none", Some("The server lists no model".to_owned()))]
            }
            (None, Ok(listed)) => listed.iter().map(|model| self.model(model, None)).collect(),
            (None, Err(error)) => vec![self.model("unknown", Some(error.to_string()))],
            // A server need not list what it has, so a configured model counts as there unless the server is not.
            (
                Some(models),
                Err(
                    error @ (LlmError::Unavailable { .. }
                    | LlmError::Refused { .. }
                    | LlmError::Missing { .. }),
                ),
            ) => models.iter().map(|model| self.model(model, Some(error.to_string()))).collect(),
            (Some(models), _) => models.iter().map(|model| self.model(model, None)).collect(),
        }
    }

    async fn think(&self, request: ThinkRequest, words: WordSink) -> Result<Thought, LlmError> {
        let body = wire::request(&request, &self.limit_field, self.send_temperature);
        let answer = self.endpoint.post("/chat/completions", &body).await?;
        let kind = answer.headers().get(reqwest::header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let mut assembly = Assembly::default();
        if kind.is_some_and(|kind| kind.starts_with("application/json")) {
            // The server does not stream.
            let whole = answer.bytes().await.map_err(|error| self.endpoint.cut(&error))?;
            assembly.whole(&whole).map_err(|reason| self.endpoint.malformed(reason))?;
            words.text(assembly.text());
        } else {
            let mut lines = self.endpoint.lines(answer);
            let mut event = Vec::new();
            while let Some(line) = lines.next().await? {
                if !gather(&mut event, &line) {
                    continue;
                }
                let data = std::mem::take(&mut event);
                if self.take(&mut assembly, &data, &words)? {
                    break;
                }
            }
            if !event.is_empty() {
                self.take(&mut assembly, &event, &words)?;
            }
            if !assembly.is_complete() {
                return Err(self.endpoint.interrupted("the stream ended before the answer did"));
            }
        }
        let mut thought = assembly.finish(self.name(&request.model).0);
        ids::make_unique(&mut thought.calls, &request.messages);
        Ok(thought)
    }
}

impl OpenAi {
    /// Takes one event. True where it was the last one.
    fn take(&self, assembly: &mut Assembly, data: &[u8], words: &WordSink) -> Result<bool, LlmError> {
        if data == b"[DONE]" {
            assembly.done();
            return Ok(true);
        }
        let event: Value = serde_json::from_slice(data).map_err(|error| {
            self.endpoint.malformed(format!("an event of its stream is not JSON: {error}"))
        })?;
        if let Some(error) = event.get("error").filter(|error| !error.is_null()) {
            let said = error.get("message").unwrap_or(error);
            return Err(self
                .endpoint
                .unavailable(said.as_str().map_or_else(|| said.to_string(), str::to_owned)));
        }
        let text = assembly.event(event).map_err(|reason| self.endpoint.malformed(reason))?;
        words.text(&text);
        Ok(false)
    }
}

/// Gathers the lines of one server-sent event; true when it is whole. Only `data` matters here.
/// <https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation>
fn gather(event: &mut Vec<u8>, line: &Bytes) -> bool {
    if line.is_empty() {
        return !event.is_empty();
    }
    if let Some(data) = line.strip_prefix(b"data:") {
        if !event.is_empty() {
            event.push(b'\n');
        }
        event.extend_from_slice(data.strip_prefix(b" ").unwrap_or(data));
    }
    false
}
