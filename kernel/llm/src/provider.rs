//! What a provider of models must be able to do.

use std::{fmt, sync::Arc};

use async_trait::async_trait;

use crate::{
    LlmError,
    protocol::mind::{Message, Model, Thought, ToolSpec},
};

/// One thought that is asked for.
#[derive(Clone, Debug)]
pub struct ThinkRequest {
    /// The model's name without the provider before it.
    pub model: String,
    /// The conversation so far.
    pub messages: Vec<Message>,
    /// The tools that may be called.
    pub tools: Vec<ToolSpec>,
    /// How many tokens may be written.
    pub max_output_tokens: u32,
    /// 0 for the likeliest word each time.
    pub temperature: f32,
}

/// What is heard while a model writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Words<'a> {
    /// The next piece of text.
    Text(&'a str),
    /// The thought is begun anew after a failure: forget the words so far.
    Restart,
}

/// Where streamed words go. Cheap to clone; it must not block.
#[derive(Clone)]
pub struct WordSink(Option<Arc<Ear>>);

type Ear = dyn Fn(Words<'_>) + Send + Sync;

impl WordSink {
    /// Calls `hear` for each piece, on the task that thinks.
    pub fn new(hear: impl Fn(Words<'_>) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(hear)))
    }

    /// Nobody listens.
    pub const fn none() -> Self {
        Self(None)
    }

    /// Passes on a piece of text. An empty one is left out.
    pub fn text(&self, text: &str) {
        if let Some(hear) = &self.0
            && !text.is_empty()
        {
            hear(Words::Text(text));
        }
    }

    /// Says that the thought is begun anew.
    pub fn restart(&self) {
        if let Some(hear) = &self.0 {
            hear(Words::Restart);
        }
    }
}

impl fmt::Debug for WordSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "WordSink" } else { "WordSink(none)" })
    }
}

/// A source of models.
#[async_trait]
pub trait Provider: Send + Sync + fmt::Debug {
    /// The part before the colon of its models' names.
    fn id(&self) -> &str;

    /// Its models, with the reason where one cannot be used now. Where the provider itself cannot be reached or
    /// has no model, one entry that is not available says so.
    async fn models(&self) -> Vec<Model>;

    /// The next thought. Dropping the future ends the work.
    async fn think(&self, request: ThinkRequest, words: WordSink) -> Result<Thought, LlmError>;

    /// Ends what it started. Later thoughts fail.
    async fn shutdown(&self) {}
}
