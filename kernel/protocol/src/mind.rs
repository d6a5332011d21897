//! Models, messages and thoughts.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Page, call::calls};

calls! { Mind:
    /// The models that can be chosen, with the reason where one cannot be used now.
    read "mind.models" Models -> Page<Model>;
    /// Asks the life's model for its next thought. Agents only. The thought is journaled before the reply.
    write "mind.think" Think -> Thought;
}

/// `provider:model`, as a person types it: `local:smollm2-135m-instruct.q4_1`, `openai:gpt-4.1-mini`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct ModelName(pub String);

impl ModelName {
    /// Provider and model; `None` where there is no colon or a side is empty.
    pub fn split(&self) -> Option<(&str, &str)> {
        self.0.split_once(':').filter(|(provider, model)| !provider.is_empty() && !model.is_empty())
    }
}

impl std::fmt::Display for ModelName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A model that can be chosen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Model {
    /// Its name.
    pub name: ModelName,
    /// Whether a thought can be had from it now.
    pub available: bool,
    /// Why not, or what to know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Whether this is the model used where none is named.
    #[serde(default)]
    pub is_default: bool,
    /// Tokens it can read at once, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_tokens: Option<u32>,
    /// Size on disk, where it is a local file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_bytes: Option<u64>,
}

/// One message of a conversation with a model, in no provider's format.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "role", rename_all = "snake_case")]
pub enum Message {
    /// Instructions.
    System {
        /// The text.
        text: String,
    },
    /// What a person said.
    User {
        /// The text.
        text: String,
    },
    /// What the model said.
    Assistant {
        /// The text beside the calls.
        text: String,
        /// The calls it made.
        calls: Vec<ToolCall>,
    },
    /// What a call returned.
    Tool {
        /// The call's id.
        call: String,
        /// The tool's name.
        tool: String,
        /// What it returned.
        text: String,
    },
}

/// A tool as it is offered to a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ToolSpec {
    /// The name.
    pub name: String,
    /// When to use it.
    pub description: String,
    /// The JSON schema of its arguments, an object.
    pub parameters: Value,
}

/// A tool that a model wants to be used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ToolCall {
    /// Unique within the life.
    pub id: String,
    /// The tool's name, as the model wrote it.
    pub tool: String,
    /// The arguments, as the model wrote them. Not checked.
    pub args: Value,
}

/// What a thought cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Usage {
    /// Tokens read.
    pub input_tokens: u64,
    /// Tokens written.
    pub output_tokens: u64,
}

impl std::ops::AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        self.input_tokens += other.input_tokens;
        self.output_tokens += other.output_tokens;
    }
}

/// `mind.models`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Models {}

/// `mind.think`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Think {
    /// The conversation so far.
    pub messages: Vec<Message>,
    /// The tools that may be called. Those that the life is not granted are refused.
    pub tools: Vec<ToolSpec>,
    /// How much it may write.
    pub max_output_tokens: u32,
}

/// What the model answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Thought {
    /// The text beside the calls.
    pub text: String,
    /// The calls, in order. Their arguments are not checked.
    pub calls: Vec<ToolCall>,
    /// Which model thought.
    pub model: String,
    /// What it cost.
    pub usage: Usage,
    /// Whether it was cut off by `max_output_tokens`.
    #[serde(default)]
    pub cut_off: bool,
}
