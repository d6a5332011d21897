//! The engine on this machine, as a provider.
//!
//! The engine is a process of its own (`aether-engine`), started at the first thought, so that a crash or an
//! out-of-memory there costs one thought and nothing else. It ends with its parent: its stdin closes.

mod files;
mod process;
pub mod wire;

#[cfg(test)]
mod tests;

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use tokio::{sync::Mutex, time::Instant};

use crate::{
    LlmError, LocalConfig, Provider, ThinkRequest, WordSink, ids,
    protocol::mind::{Model, ModelName, Thought, ToolCall},
};
use process::{Engine, Launch, Pulse};
use wire::{FailKind, FromEngine, Job, Outcome, ToEngine};

/// The provider's id.
const ID: &str = "local";
/// The first wait after a crash; it doubles up to [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(15);

/// The engine on this machine, as a provider.
#[derive(Debug)]
pub struct Local {
    launch: Launch,
    models_dir: PathBuf,
    context_tokens: u32,
    threads: u32,
    idle: Duration,
    next_id: AtomicU64,
    slot: Arc<Mutex<Slot>>,
    pulse: std::sync::Mutex<Option<Pulse>>,
}

/// The engine's process, where there is one. Whoever holds the lock thinks; the others wait in line.
#[derive(Debug, Default)]
struct Slot {
    engine: Option<Engine>,
    /// The model that the engine holds: one process, one model.
    file: PathBuf,
    crashes: u32,
    not_before: Option<Instant>,
    closed: bool,
    /// Counts the engines that were started, so that a watch knows its own.
    started: u64,
    last_used: Option<Instant>,
}

impl Local {
    /// The engine as configured. `models_dir` is used where the configuration names no folder. Nothing is started.
    pub fn new(config: &LocalConfig, models_dir: &Path) -> Self {
        Self {
            launch: Launch {
                program: config.engine.clone().unwrap_or_else(beside_this_program),
                nice: config.nice,
            },
            models_dir: config.models_dir.clone().unwrap_or_else(|| models_dir.to_owned()),
            context_tokens: config.context_tokens,
            threads: config.threads.unwrap_or(0),
            idle: Duration::from_secs(u64::from(config.idle_unload_minutes.max(1)) * 60),
            next_id: AtomicU64::new(1),
            slot: Arc::default(),
            pulse: std::sync::Mutex::default(),
        }
    }

    /// The Linux process of the engine, where it runs. Does not wait for a thought to end.
    pub fn engine_process(&self) -> Option<u32> {
        self.pulse.lock().unwrap_or_else(PoisonError::into_inner).as_ref().and_then(Pulse::process)
    }

    /// The engine's process, started where there is none.
    async fn ready<'a>(&self, slot: &'a mut Slot, file: &Path) -> Result<&'a Engine, LlmError> {
        if slot.closed {
            return Err(unavailable("it is shutting down"));
        }
        if slot.engine.as_ref().is_some_and(|engine| !engine.is_alive()) {
            // It died between two thoughts; nobody was hurt.
            slot.engine = None;
        }
        if slot.file != file
            && let Some(other) = slot.engine.take()
        {
            other.end().await;
        }
        if slot.engine.is_none() {
            file.clone_into(&mut slot.file);
            if !self.launch.program.is_file() {
                return Err(LlmError::Missing {
                    what: format!(
                        "The local engine is missing: there is no {}",
                        self.launch.program.display()
                    ),
                    hint: "Build it with: cargo build -p aether-llm --features engine".to_owned(),
                });
            }
            if let Some(instant) = slot.not_before {
                tokio::time::sleep_until(instant).await;
            }
            let engine =
                self.launch.start().map_err(|error| unavailable(format!("it does not start: {error}")))?;
            *self.pulse.lock().unwrap_or_else(PoisonError::into_inner) = Some(engine.pulse());
            slot.engine = Some(engine);
            slot.started += 1;
            self.watch_idle(slot.started);
            tracing::info!(program = %self.launch.program.display(), "the local engine was started");
        }
        slot.engine.as_ref().ok_or_else(|| unavailable("it is not there"))
    }

    /// Ends the engine that was just started when no thought comes for a while.
    fn watch_idle(&self, own: u64) {
        let slot = Arc::downgrade(&self.slot);
        let idle = self.idle;
        tokio::spawn(async move {
            let mut wait = idle;
            loop {
                tokio::time::sleep(wait).await;
                let Some(slot) = slot.upgrade() else { return };
                let mut slot = slot.lock().await;
                if slot.started != own || slot.engine.is_none() {
                    return;
                }
                wait = idle.saturating_sub(slot.last_used.map_or(idle, |at| at.elapsed()));
                if wait.is_zero() {
                    slot.engine = None;
                    tracing::info!("the local engine was idle and gave its memory back");
                    return;
                }
            }
        });
    }
}

#[async_trait]
impl Provider for Local {
    fn id(&self) -> &'static str {
        ID
    }

    async fn models(&self) -> Vec<Model> {
        let engine_missing = (!self.launch.program.is_file())
            .then(|| format!("The local engine is missing: there is no {}", self.launch.program.display()));
        let dir = self.models_dir.clone();
        let found = tokio::task::spawn_blocking(move || files::list(&dir)).await.unwrap_or_default();
        if found.is_empty() {
            let note = format!("There is no model here; put a .gguf file into {}", self.models_dir.display());
            return vec![Model {
                name: ModelName(format!("{ID}:none")),
                available: false,
                note: Some(note),
                is_default: false,
                context_tokens: None,
                size_bytes: None,
            }];
        }
        let models = found.into_iter().map(|file| Model {
            name: ModelName(format!("{ID}:{}", file.name)),
            available: engine_missing.is_none() && file.defect.is_none(),
            note: file.defect.or_else(|| engine_missing.clone()),
            is_default: false,
            context_tokens: Some(
                file.trained_tokens.map_or(self.context_tokens, |most| most.min(self.context_tokens)),
            ),
            size_bytes: Some(file.size_bytes),
        });
        models.collect()
    }

    async fn think(&self, request: ThinkRequest, words: WordSink) -> Result<Thought, LlmError> {
        let file = files::find(&self.models_dir, &request.model).ok_or_else(|| LlmError::Missing {
            what: format!("There is no local model {}", request.model),
            hint: format!("Put {}.gguf into {}", request.model, self.models_dir.display()),
        })?;
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let job = Job {
            id,
            file,
            messages: request.messages,
            tools: request.tools,
            max_output_tokens: request.max_output_tokens,
            temperature: request.temperature,
            context_tokens: self.context_tokens,
            threads: self.threads,
        };
        let mut slot = self.slot.lock().await;
        slot.last_used = Some(Instant::now());
        let engine = self.ready(&mut slot, &job.file).await?;
        let mut answers = engine.ask(id, &ToEngine::Think(Box::new(job))).map_err(unavailable)?;
        let result = loop {
            match answers.next().await {
                Some(FromEngine::Words { text, .. }) => words.text(&text),
                Some(FromEngine::Done { outcome, .. }) => break Ok(thought(&request.model, outcome)),
                Some(FromEngine::Failed { kind, reason, .. }) => {
                    break Err(failure(&request.model, kind, reason));
                }
                None => {
                    let reason = engine.last_words().await;
                    break Err(LlmError::Interrupted { provider: ID.to_owned(), reason });
                }
            }
        };
        drop(answers);
        if let Err(LlmError::Interrupted { reason, .. }) = &result {
            slot.engine = None;
            slot.crashes += 1;
            let wait =
                FIRST_WAIT.saturating_mul(1 << slot.crashes.saturating_sub(1).min(10)).min(LONGEST_WAIT);
            slot.not_before = Some(Instant::now() + wait);
            tracing::warn!(%reason, crashes = slot.crashes, "the local engine died in a thought");
        } else {
            slot.crashes = 0;
            slot.not_before = None;
        }
        slot.last_used = Some(Instant::now());
        result
    }

    async fn shutdown(&self) {
        let mut slot = self.slot.lock().await;
        slot.closed = true;
        if let Some(engine) = slot.engine.take() {
            engine.end().await;
        }
    }
}

fn thought(model: &str, outcome: Outcome) -> Thought {
    let call = outcome.call.map(|(tool, args)| ToolCall { id: ids::fresh(), tool, args });
    Thought {
        text: outcome.text,
        calls: call.into_iter().collect(),
        model: format!("{ID}:{model}"),
        usage: outcome.usage,
        cut_off: outcome.cut_off,
    }
}

fn failure(model: &str, kind: FailKind, reason: String) -> LlmError {
    match kind {
        FailKind::Model => LlmError::Missing {
            what: format!("The local model {model} cannot be used: {reason}"),
            hint: "Check that the file is whole and is a GGUF model for chat".to_owned(),
        },
        FailKind::TooLong => LlmError::TooLong { model: format!("{ID}:{model}"), reason },
        FailKind::Request => LlmError::Rejected { provider: ID.to_owned(), reason },
        FailKind::Engine | FailKind::Cancelled => unavailable(reason),
    }
}

fn unavailable(reason: impl Into<String>) -> LlmError {
    LlmError::Unavailable { provider: ID.to_owned(), reason: reason.into() }
}

/// `aether-engine` beside the running program; a test's program is one folder deeper.
fn beside_this_program() -> PathBuf {
    let mut folder = std::env::current_exe().unwrap_or_default();
    folder.pop();
    if folder.ends_with("deps") {
        folder.pop();
    }
    folder.join("aether-engine")
}
