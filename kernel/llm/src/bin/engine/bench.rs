//! How fast this build computes, in figures that can be put beside those of llama.cpp's own `llama-bench`.

use std::{num::NonZeroU32, path::Path};

use llama_cpp_2::{context::params::LlamaContextParams, llama_batch::LlamaBatch, token::LlamaToken};
use rustix::time::{ClockId, clock_gettime};
use serde_json::json;

use crate::brain::{Failure, backend, load};

/// What is measured.
pub struct Plan {
    /// Threads that compute.
    pub threads: u32,
    /// Tokens read at once.
    pub prompt_tokens: u32,
    /// Tokens written one after the other.
    pub generate_tokens: u32,
    /// How often; the median counts.
    pub rounds: u32,
}

/// Prints one JSON object: the tokens, and how many were computed in a second of CPU time (all threads together).
pub fn bench(file: &Path, plan: &Plan) -> anyhow::Result<()> {
    let failed = |failure: Failure| anyhow::anyhow!(failure.reason);
    let model = load(file).map_err(failed)?;
    let threads = i32::try_from(plan.threads)?;
    let params = LlamaContextParams::default()
        .with_n_ctx(NonZeroU32::new(plan.prompt_tokens.max(plan.generate_tokens)))
        .with_n_batch(512)
        .with_n_ubatch(512)
        .with_n_threads(threads)
        .with_n_threads_batch(threads)
        .with_no_perf(true);
    let mut context = model.new_context(backend().map_err(failed)?, params)?;
    let words = i64::from(model.n_vocab());
    let mut state = 1_u32;
    let mut token = move || {
        // Any tokens will do, and the same in each run.
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        LlamaToken((i64::from(state >> 8) % words) as i32)
    };
    let mut batch = LlamaBatch::new(512, 1);
    let mut read = Vec::new();
    let mut write = Vec::new();
    // The first round warms up and is not counted.
    for round in 0..=plan.rounds {
        context.clear_kv_cache();
        let start = cpu_secs();
        let mut position = 0;
        while position < plan.prompt_tokens {
            batch.clear();
            while position < plan.prompt_tokens && batch.n_tokens() < 512 {
                let is_last = position + 1 == plan.prompt_tokens;
                batch.add(token(), i32::try_from(position)?, &[0], is_last)?;
                position += 1;
            }
            context.decode(&mut batch)?;
        }
        context.synchronize();
        let between = cpu_secs();
        context.clear_kv_cache();
        let begin = cpu_secs();
        for position in 0..plan.generate_tokens {
            batch.clear();
            batch.add(token(), i32::try_from(position)?, &[0], true)?;
            context.decode(&mut batch)?;
            context.synchronize();
        }
        if round > 0 {
            read.push(f64::from(plan.prompt_tokens) / (between - start));
            write.push(f64::from(plan.generate_tokens) / (cpu_secs() - begin));
        }
    }
    let figures = json!({
        "threads": plan.threads,
        "prompt_tokens": plan.prompt_tokens,
        "prompt_tokens_per_cpu_sec": median(read),
        "generate_tokens": plan.generate_tokens,
        "generate_tokens_per_cpu_sec": median(write),
    });
    println!("{figures}");
    Ok(())
}

fn cpu_secs() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or_default()
}
