//! A model in memory, and the thoughts that it has.

use std::{
    io::Read,
    num::NonZeroU32,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use aether_llm::{
    local::wire::{FailKind, Job, Outcome},
    protocol::mind::Usage,
};
use llama_cpp_2::{
    context::{LlamaContext, params::LlamaContextParams, session::LlamaStateSeqFlags},
    json_schema_to_grammar,
    llama_backend::LlamaBackend,
    llama_batch::LlamaBatch,
    model::{LlamaModel, params::LlamaModelParams},
    sampling::LlamaSampler,
    token::LlamaToken,
};
use serde_json::Value;

use crate::{grammar, pick::Picker, prompt, threads};

/// How many tokens are computed before it is asked again whether the thought is wanted.
const STRIDE: usize = 128;

/// After how many written tokens it is asked again whether the machine has become busy.
const LOOK_AROUND: u64 = 8;

/// Why there is no thought.
#[derive(Debug)]
pub struct Failure {
    /// For the program.
    pub kind: FailKind,
    /// In words.
    pub reason: String,
}

impl Failure {
    fn new(kind: FailKind, reason: impl Into<String>) -> Self {
        Self { kind, reason: reason.into() }
    }
}

/// The model that was last used, kept for the next thought.
#[derive(Default)]
pub struct Brain {
    loaded: Option<Loaded>,
}

struct Loaded {
    file: PathBuf,
    context_tokens: u32,
    threads: u32,
    model: &'static LlamaModel,
    context: LlamaContext<'static>,
    /// The tokens whose state is in the context.
    cached: Vec<LlamaToken>,
}

/// llama.cpp's process-wide state, quiet.
pub fn backend() -> Result<&'static LlamaBackend, Failure> {
    static BACKEND: OnceLock<Result<LlamaBackend, String>> = OnceLock::new();
    let started = BACKEND.get_or_init(|| {
        let mut backend = LlamaBackend::init().map_err(|error| error.to_string())?;
        backend.void_logs();
        Ok(backend)
    });
    started.as_ref().map_err(|reason| Failure::new(FailKind::Engine, reason.clone()))
}

/// Reads a model's file, mapped into memory.
pub fn load(file: &Path) -> Result<LlamaModel, Failure> {
    if !file.is_file() {
        return Err(Failure::new(FailKind::Model, format!("there is no file {}", file.display())));
    }
    LlamaModel::load_from_file(backend()?, file, &LlamaModelParams::default())
        .map_err(|error| Failure::new(FailKind::Model, error.to_string()))
}

impl Brain {
    /// The next thought. `wanted` is asked often; `words` hears what is written.
    pub fn think(
        &mut self,
        job: &Job,
        wanted: &dyn Fn() -> bool,
        words: &dyn Fn(&str),
    ) -> Result<Outcome, Failure> {
        if !wanted() {
            return Err(cancelled());
        }
        let loaded = self.load(job)?;
        let vocab = loaded.model.vocab();
        let text = prompt_text(loaded.model, job)?;
        let bos = vocab.token_to_piece(vocab.bos(), true, None);
        let add_special = vocab.should_add_bos() && (bos.is_empty() || !text.as_bytes().starts_with(&bos));
        let tokens = vocab.tokenize(text.as_bytes(), add_special, true);

        let room = loaded.context.n_ctx() as usize;
        let wished = job.max_output_tokens.max(1) as usize;
        if tokens.is_empty() || tokens.len() + wished.min(64) > room {
            let reason = format!("it has {} tokens, and there is room for {room}", tokens.len());
            return Err(Failure::new(FailKind::TooLong, reason));
        }
        let limit = wished.min(room - tokens.len());

        // The grammar before the work: a schema that cannot be one costs nothing then.
        let grammar = if job.tools.is_empty() { None } else { Some(call_grammar(loaded.model, job)?) };
        let mut picker = Picker::new(grammar, job.temperature, job.id as u32);
        let cached = loaded.read(&tokens, wanted)?;
        let written = loaded.write(limit, &mut picker, !job.tools.is_empty(), wanted, words)?;

        let usage = Usage { input_tokens: tokens.len() as u64, output_tokens: written.tokens };
        let mut outcome =
            Outcome { usage, cut_off: !written.ended, cached_tokens: cached as u64, ..Outcome::default() };
        if job.tools.is_empty() {
            outcome.text = written.text;
        } else if let Some(call) = parse_call(&written.text) {
            outcome.call = Some(call);
            outcome.cut_off = false;
        } else if written.ended {
            return Err(Failure::new(FailKind::Engine, "the grammar let something through that is no call"));
        }
        Ok(outcome)
    }

    fn load(&mut self, job: &Job) -> Result<&mut Loaded, Failure> {
        let threads = threads::free(job.threads);
        let fits = |loaded: &Loaded| loaded.file == job.file && loaded.context_tokens == job.context_tokens;
        if !self.loaded.as_ref().is_some_and(fits) {
            self.loaded = Some(Loaded::new(&job.file, job.context_tokens, threads)?);
        }
        let loaded =
            self.loaded.as_mut().ok_or_else(|| Failure::new(FailKind::Engine, "the model is not there"))?;
        if loaded.threads != threads {
            loaded.change_threads(threads)?;
        }
        Ok(loaded)
    }
}

/// What was written in one go.
struct Written {
    text: String,
    tokens: u64,
    /// By itself, not by the limit.
    ended: bool,
}

impl Loaded {
    fn new(file: &Path, context_tokens: u32, threads: u32) -> Result<Self, Failure> {
        let model = load(file)?;
        // The context borrows the model, which therefore stays until the process ends. The provider starts another
        // process for another model.
        let model: &'static LlamaModel = Box::leak(Box::new(model));
        let context = new_context(model, context_tokens, threads)?;
        Ok(Self { file: file.to_owned(), context_tokens, threads, model, context, cached: Vec::new() })
    }

    /// The same state in a context with another number of threads, which is fixed when a context is made.
    fn change_threads(&mut self, threads: u32) -> Result<(), Failure> {
        let failed = |error: &dyn std::fmt::Display| {
            Failure::new(FailKind::Engine, format!("its state was lost: {error}"))
        };
        let mut other = new_context(self.model, self.context_tokens, threads)?;
        if !self.cached.is_empty() {
            let state =
                self.context.state_seq_get(0, LlamaStateSeqFlags::empty()).map_err(|error| failed(&error))?;
            other.state_seq_set(&state, 0).map_err(|error| failed(&error))?;
        }
        self.context = other;
        self.threads = threads;
        Ok(())
    }

    /// Goes on with fewer threads where the machine has become busy. More are tried at the next thought only, since
    /// a change costs as much as some tokens.
    fn give_way(&mut self) -> Result<(), Failure> {
        if self.threads > 1 {
            let free = threads::free(self.threads);
            if free < self.threads {
                return self.change_threads(free);
            }
        }
        Ok(())
    }

    /// Brings the context to `tokens`, computing only what is not there yet. Returns how many were there.
    fn read(&mut self, tokens: &[LlamaToken], wanted: &dyn Fn() -> bool) -> Result<usize, Failure> {
        let same = self.cached.iter().zip(tokens).take_while(|(a, b)| a == b).count();
        // The last one is always computed: from it the next is chosen.
        let mut kept = same.min(tokens.len().saturating_sub(1));
        if self.context.kv_cache_seq_rm(0, Some(kept as u32), None).is_err() {
            // Models with a running state cannot forget a part.
            self.context.clear_kv_cache();
            kept = 0;
        }
        self.cached.truncate(kept);
        let mut batch = LlamaBatch::new(STRIDE, 1);
        let fresh = tokens.get(kept..).unwrap_or_default();
        let chunks = fresh.chunks(STRIDE).len();
        for (number, chunk) in fresh.chunks(STRIDE).enumerate() {
            if !wanted() {
                return Err(cancelled());
            }
            self.give_way()?;
            batch.clear();
            for (at, token) in chunk.iter().enumerate() {
                let is_last = number + 1 == chunks && at + 1 == chunk.len();
                self.add(&mut batch, *token, at, is_last)?;
            }
            self.decode(&mut batch)?;
            self.cached.extend_from_slice(chunk);
        }
        Ok(kept)
    }

    fn write(
        &mut self,
        limit: usize,
        picker: &mut Picker,
        is_call: bool,
        wanted: &dyn Fn() -> bool,
        words: &dyn Fn(&str),
    ) -> Result<Written, Failure> {
        let vocab = self.model.vocab();
        let mut written = Written { text: String::new(), tokens: 0, ended: false };
        let mut bytes: Vec<u8> = Vec::new();
        let mut batch = LlamaBatch::new(1, 1);
        while (written.tokens as usize) < limit {
            if !wanted() {
                return Err(cancelled());
            }
            let Some(token) = picker.pick(&self.context, -1) else {
                return Err(Failure::new(FailKind::Engine, "the grammar permits no token"));
            };
            written.tokens += 1;
            if vocab.is_eog(token) {
                written.ended = true;
                break;
            }
            vocab.token_to_piece_into(token, &mut bytes, false, None);
            let new = whole_characters(&mut bytes);
            if !new.is_empty() {
                words(&new);
                written.text.push_str(&new);
                if is_call && new.contains('}') && parse_call(&written.text).is_some() {
                    // Nothing can follow but the end; computing that would be one token for nothing.
                    written.ended = true;
                    break;
                }
            }
            if written.tokens % LOOK_AROUND == 1 {
                self.give_way()?;
            }
            batch.clear();
            self.add(&mut batch, token, 0, true)?;
            self.decode(&mut batch)?;
            self.cached.push(token);
        }
        Ok(written)
    }

    fn add(
        &self,
        batch: &mut LlamaBatch<'_>,
        token: LlamaToken,
        at: usize,
        is_last: bool,
    ) -> Result<(), Failure> {
        let position = i32::try_from(self.cached.len() + at)
            .map_err(|_| Failure::new(FailKind::TooLong, "there are more tokens than can be counted"))?;
        batch
            .add(token, position, &[0], is_last)
            .map_err(|error| Failure::new(FailKind::Engine, error.to_string()))
    }

    fn decode(&mut self, batch: &mut LlamaBatch<'_>) -> Result<(), Failure> {
        self.context.decode(batch).map_err(|error| {
            // What is in the context is unknown now.
            self.context.clear_kv_cache();
            self.cached.clear();
            Failure::new(FailKind::Engine, format!("computing failed: {error}"))
        })
    }
}

fn new_context(
    model: &'static LlamaModel,
    context_tokens: u32,
    threads: u32,
) -> Result<LlamaContext<'static>, Failure> {
    let size = context_tokens.min(model.n_ctx_train()).max(256);
    let threads = i32::try_from(threads).unwrap_or(1);
    let params = LlamaContextParams::default()
        .with_n_ctx(NonZeroU32::new(size))
        .with_n_batch(STRIDE as u32)
        .with_n_ubatch(STRIDE as u32)
        .with_n_threads(threads)
        .with_n_threads_batch(threads)
        .with_no_perf(true);
    model
        .new_context(backend()?, params)
        .map_err(|error| Failure::new(FailKind::Model, format!("no memory can be had for it: {error}")))
}

fn cancelled() -> Failure {
    Failure::new(FailKind::Cancelled, "it is not wanted any more")
}

fn prompt_text(model: &LlamaModel, job: &Job) -> Result<String, Failure> {
    let template = model
        .chat_template(None)
        .map_err(|_| Failure::new(FailKind::Model, "it has no chat template, so it is no model for chat"))?;
    let template = template.to_str().map_err(|error| Failure::new(FailKind::Model, error.to_string()))?;
    let vocab = model.vocab();
    let piece = |token| String::from_utf8_lossy(&vocab.token_to_piece(token, true, None)).into_owned();
    prompt::render(
        template,
        &prompt::turns(&job.messages, &job.tools),
        &piece(vocab.bos()),
        &piece(vocab.eos()),
    )
    .map_err(|error| {
        Failure::new(FailKind::Request, format!("its chat template refuses the conversation: {error}"))
    })
}

fn call_grammar(model: &LlamaModel, job: &Job) -> Result<LlamaSampler, Failure> {
    let schema = grammar::calls_schema(&job.tools, job.max_output_tokens);
    let text = json_schema_to_grammar(&schema).map_err(|error| {
        Failure::new(FailKind::Request, format!("a tool's schema is not understood: {error}"))
    })?;
    LlamaSampler::grammar(model, &text, "root").map_err(|error| {
        Failure::new(FailKind::Request, format!("a tool's schema makes no grammar: {error}"))
    })
}

/// The call in a text, where the text is a whole one.
fn parse_call(text: &str) -> Option<(String, Value)> {
    let Ok(Value::Object(mut call)) = serde_json::from_str(text.trim()) else { return None };
    let tool = call.get("tool")?.as_str()?.to_owned();
    Some((tool, call.remove("args")?))
}

/// Takes the whole characters out of `bytes` and leaves a last one that is not whole yet.
fn whole_characters(bytes: &mut Vec<u8>) -> String {
    let mut text = String::new();
    loop {
        match std::str::from_utf8(bytes) {
            Ok(rest) => {
                text.push_str(rest);
                bytes.clear();
                return text;
            }
            Err(error) => {
                let valid: Vec<u8> = bytes.drain(..error.valid_up_to()).collect();
                text.push_str(&String::from_utf8_lossy(&valid));
                let Some(broken) = error.error_len() else { return text };
                bytes.drain(..broken);
                text.push(char::REPLACEMENT_CHARACTER);
            }
        }
    }
}

/// Prints the prompt of the job on stdin.
pub fn show_prompt(file: &Path) -> anyhow::Result<()> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    let job: Job = serde_json::from_str(&text)?;
    let model = load(file).map_err(|failure| anyhow::anyhow!(failure.reason))?;
    println!("{}", prompt_text(&model, &job).map_err(|failure| anyhow::anyhow!(failure.reason))?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use serde_json::json;

    use super::{Loaded, parse_call, whole_characters};
    use crate::pick::Picker;

    /// The small model, in the folder that `AETHER_TEST_MODELS` names, else in the cache.
    fn model_file() -> PathBuf {
        let home = || PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cache/aether/models");
        let folder = std::env::var_os("AETHER_TEST_MODELS").map_or_else(home, PathBuf::from);
        let file = folder.join("SmolLM2-135M-Instruct.Q4_1.gguf");
        assert!(file.is_file(), "the model is missing: there is no {}", file.display());
        file
    }

    #[test]
    fn a_change_of_threads_in_the_middle_changes_no_word() {
        let texts = [false, true].map(|change| {
            let mut loaded = Loaded::new(&model_file(), 512, 1).unwrap();
            let prompt = "The capital of France is Paris. The capital of Spain is";
            let tokens = loaded.model.vocab().tokenize(prompt.as_bytes(), false, false);
            loaded.read(&tokens[..4], &|| true).unwrap();
            if change {
                loaded.change_threads(2).unwrap();
                assert_eq!(loaded.threads, 2);
                loaded.change_threads(1).unwrap();
            }
            assert_eq!(loaded.read(&tokens, &|| true).unwrap(), 4, "what was read is not read again");
            let mut picker = Picker::new(None, 0.0, 0);
            loaded.write(6, &mut picker, false, &|| true, &|_| {}).unwrap().text
        });
        assert!(texts[0].contains("Madrid"), "{texts:?}");
        assert_eq!(texts[0], texts[1]);
    }

    #[test]
    fn characters_wait_until_they_are_whole() {
        let mut bytes = "aé".as_bytes()[..2].to_vec();
        assert_eq!(whole_characters(&mut bytes), "a");
        bytes.push(0xa9);
        assert_eq!(whole_characters(&mut bytes), "é");
        bytes.extend_from_slice(&[0xff, b'b']);
        assert_eq!(whole_characters(&mut bytes), "\u{fffd}b");
    }

    #[test]
    fn half_a_call_is_none() {
        assert_eq!(parse_call(r#"{"tool": "rm", "args": {"path": "a}"#), None);
        assert_eq!(parse_call(r#" {"tool": "rm", "args": {}} "#), Some(("rm".to_owned(), json!({}))));
        assert_eq!(parse_call(r#"{"tool": "rm"}"#), None);
    }
}
