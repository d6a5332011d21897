//! All providers, by name.

#[cfg(test)]
mod tests;

use std::{path::Path, sync::Arc, time::Duration};

use futures_util::future::join_all;

use crate::{
    ConfigError, LlmConfig, LlmError, Provider, RetryConfig, ThinkRequest, WordSink,
    local::Local,
    ollama::Ollama,
    openai::OpenAi,
    protocol::mind::{Model, ModelName, Thought},
};

/// All providers, by name. Chooses by `provider:model` and tries again where that makes sense.
#[derive(Debug)]
pub struct Registry {
    providers: Vec<Arc<dyn Provider>>,
    default: Option<ModelName>,
    retry: RetryConfig,
}

impl Registry {
    /// What the configuration names. Nothing is started or sent yet. `models_dir` is where the local engine looks
    /// when the configuration names no other folder.
    pub fn from_config(config: &LlmConfig, models_dir: &Path) -> Result<Self, ConfigError> {
        config.check()?;
        let mut providers: Vec<Arc<dyn Provider>> = Vec::new();
        if config.local.enabled {
            providers.push(Arc::new(Local::new(&config.local, models_dir)));
        }
        if let Some(openai) = &config.openai {
            providers.push(Arc::new(OpenAi::new("openai", openai).stay_on_lan(config.offline)));
        }
        for (name, endpoint) in &config.endpoints {
            providers.push(Arc::new(OpenAi::new(name, endpoint).stay_on_lan(config.offline)));
        }
        if let Some(ollama) = &config.ollama {
            providers.push(Arc::new(Ollama::new(ollama).stay_on_lan(config.offline)));
        }
        Ok(Self::new(providers, config.default_model.clone(), config.retry.clone()))
    }

    /// These providers, in the order in which their models are listed.
    pub fn new(providers: Vec<Arc<dyn Provider>>, default: Option<ModelName>, retry: RetryConfig) -> Self {
        Self { providers, default, retry }
    }

    /// Every provider's models. The default is marked.
    pub async fn models(&self) -> Vec<Model> {
        let lists = join_all(self.providers.iter().map(|provider| provider.models())).await;
        let mut models: Vec<Model> = lists.into_iter().flatten().collect();
        let default = match &self.default {
            Some(name) => models.iter_mut().find(|model| model.name == *name),
            None => models.iter_mut().find(|model| model.available),
        };
        if let Some(model) = default {
            model.is_default = true;
        }
        models
    }

    /// The model to use where none is named: the configured one, else the first that is available.
    pub async fn default_model(&self) -> Option<ModelName> {
        if let Some(name) = &self.default {
            return Some(name.clone());
        }
        // One provider after the other, so that a slow one is not asked when a quick one has a model.
        for provider in &self.providers {
            if let Some(model) = provider.models().await.into_iter().find(|model| model.available) {
                return Some(model.name);
            }
        }
        None
    }

    /// The provider of a model, and the model's name there. Whether the provider has the model is not checked.
    pub fn resolve(&self, name: &ModelName) -> Result<(Arc<dyn Provider>, String), LlmError> {
        let (id, model) = name.split().ok_or_else(|| LlmError::Missing {
            what: format!("'{name}' does not name a model"),
            hint: "Write provider:model, for example local:smollm2-135m-instruct.q4_1".to_owned(),
        })?;
        let provider = self.providers.iter().find(|provider| provider.id() == id).ok_or_else(|| {
            let known: Vec<&str> = self.providers.iter().map(|provider| provider.id()).collect();
            LlmError::Missing {
                what: format!("There is no model provider '{id}'"),
                hint: format!("Configured are: {}", known.join(", ")),
            }
        })?;
        Ok((Arc::clone(provider), model.to_owned()))
    }

    /// The next thought of the model `name`; `request.model` is set from it. After a failure that can pass, it is
    /// tried again, and the words so far are taken back ([`crate::Words::Restart`]).
    pub async fn think(
        &self,
        name: &ModelName,
        mut request: ThinkRequest,
        words: WordSink,
    ) -> Result<Thought, LlmError> {
        let (provider, model) = self.resolve(name)?;
        request.model = model;
        let mut tries_left = self.retry.tries.max(1);
        let mut wait = Duration::from_millis(self.retry.first_wait_ms);
        let longest = Duration::from_millis(self.retry.longest_wait_ms);
        loop {
            let error = match provider.think(request.clone(), words.clone()).await {
                Ok(thought) => return Ok(thought),
                Err(error) => error,
            };
            tries_left -= 1;
            let pause = error.retry_after().unwrap_or_else(|| with_chance(wait.min(longest)));
            if !error.is_retryable() || tries_left == 0 || pause > longest {
                return Err(error);
            }
            tracing::warn!(model = %name, %error, wait_ms = pause.as_millis() as u64, tries_left, "a thought failed and is tried again");
            words.restart();
            tokio::time::sleep(pause).await;
            wait = wait.saturating_mul(2);
        }
    }

    /// Ends what the providers started.
    pub async fn shutdown(&self) {
        join_all(self.providers.iter().map(|provider| provider.shutdown())).await;
    }
}

/// Between half of the wait and all of it, so that many agents do not come back at the same instant.
fn with_chance(wait: Duration) -> Duration {
    let mut bytes = [0_u8; 2];
    // Without a source of chance the whole wait is right too.
    let share = if getrandom::fill(&mut bytes).is_ok() {
        f64::from(u16::from_le_bytes(bytes)) / 65_535.0
    } else {
        1.0
    };
    wait.mul_f64(0.5 + share / 2.0)
}
