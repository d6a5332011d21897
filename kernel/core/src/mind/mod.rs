//! Minds: which models there are, which roles agents can be deployed in.

mod roles;

use std::sync::Arc;

use aether_llm::{Registry, ThinkRequest, WordSink, Words};
use aether_protocol::{
    Error, Live, Pid,
    mind::{Model, ModelName, Think, Thought},
};

use crate::{Config, state::bus::Bus};

pub(crate) use roles::{RoleFile, Roles};

/// Why models or roles could not be read.
#[derive(Debug, thiserror::Error)]
pub enum MindError {
    /// the models' configuration is not usable
    #[error("the models' configuration is not usable: {0}")]
    Models(#[from] aether_llm::ConfigError),
    /// a role's file is not usable
    #[error("the role file {file} is not usable: {cause}")]
    Role {
        /// Which.
        file: String,
        /// Why.
        cause: String,
    },
}

/// Models and roles. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Mind {
    registry: Arc<Registry>,
    roles: Arc<Roles>,
    bus: Bus,
}

impl Mind {
    pub(crate) fn start(config: &Config, bus: Bus) -> Result<Self, MindError> {
        let models = config.models.clone().stay_on_lan(config.network.offline);
        let registry = Registry::from_config(&models, &config.state_dir.join("models"))?;
        let roles = Roles::read(config.process.roles_dir.as_deref())?;
        Ok(Self { registry: Arc::new(registry), roles: Arc::new(roles), bus })
    }

    /// One line for the boot banner.
    pub(crate) fn summary(&self) -> String {
        format!("{} roles", self.roles.list().len())
    }

    pub(crate) fn roles(&self) -> &Roles {
        &self.roles
    }

    pub(crate) async fn models(&self) -> Vec<Model> {
        self.registry.models().await
    }

    /// The model to think with: the one named, which must have a known provider, or the default.
    pub(crate) async fn choose(&self, named: Option<ModelName>) -> Result<ModelName, Error> {
        match named {
            Some(name) => {
                self.registry.resolve(&name).map_err(Error::from)?;
                Ok(name)
            }
            None => self.registry.default_model().await.ok_or_else(|| {
                Error::unavailable("There is no model to think with")
                    .hint("Settings → Models says what is missing; `aether models` does too")
            }),
        }
    }

    /// The next thought of `pid`; its words are shown while they come. Dropping the future ends the work.
    pub(crate) async fn think(&self, pid: Pid, model: &ModelName, think: Think) -> Result<Thought, Error> {
        let bus = self.bus.clone();
        let words = WordSink::new(move |words| match words {
            Words::Text(text) => bus.show(Live::Words { pid, text: text.to_owned() }),
            Words::Restart => bus.show(Live::WordsEnd { pid }),
        });
        let request = ThinkRequest {
            model: String::new(),
            messages: think.messages,
            tools: think.tools,
            max_output_tokens: think.max_output_tokens,
            temperature: 0.0,
        };
        Ok(self.registry.think(model, request, words).await?)
    }

    /// Forgets the words shown: the thought is in the journal, or was given up.
    pub(crate) fn words_end(&self, pid: Pid) {
        self.bus.show(Live::WordsEnd { pid });
    }

    pub(crate) async fn shutdown(&self) {
        self.registry.shutdown().await;
    }
}
