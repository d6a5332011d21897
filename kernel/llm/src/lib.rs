//! Language models: one trait, and what stands behind it.
//!
//! A [`Provider`] turns a conversation and a set of tools into a [`Thought`](protocol::mind::Thought). There are
//! three kinds: any server that speaks OpenAI's chat completions ([`openai`]), Ollama ([`ollama`]), and the local
//! engine ([`local`]), which is a process of its own that this crate starts, watches and ends. The [`Registry`]
//! holds them by name, chooses by `provider:model`, and tries again where that makes sense.
//!
//! *Invariant:* dropping the future of a thought ends the work behind it: the connection is closed, the local
//! engine stops computing.
//!
//! *Invariant:* a key is read from its file for each request and is written nowhere.

pub use aether_protocol as protocol;

#[cfg(test)]
mod canned;
mod config;
mod error;
mod http;
mod ids;
pub mod lan;
pub mod local;
pub mod ollama;
pub mod openai;
mod provider;
mod registry;

pub use config::{ConfigError, LlmConfig, LocalConfig, OllamaConfig, OpenAiConfig, RetryConfig};
pub use error::LlmError;
pub use provider::{Provider, ThinkRequest, WordSink, Words};
pub use registry::Registry;
