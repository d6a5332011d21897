//! The local engine beside llama.cpp's own benchmark: the same file, the same tokens, one thread each, in turns.
//!
//! The peer is `llama-bench` of the `PATH`, or that of a folder that holds another system
//! (`AETHER_BENCH_PEER_ROOT`, entered by chroot: for a distribution newer than the host's).

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

use super::{
    Bench,
    measure::{Sorted, childrens_cpu_time},
};
use crate::daemon::program;

/// What this group measures.
pub const NAMES: &[&str] = &[
    "model.write_tokens_per_cpu_second",
    "model.read_tokens_per_cpu_second",
    "model.peer_write_tokens_per_cpu_second",
    "model.peer_read_tokens_per_cpu_second",
    "model.write_cpu_of_peer",
    "model.read_cpu_of_peer",
];

const READ_TOKENS: u32 = 512;
const WRITE_TOKENS: u32 = 128;

/// What `aether-engine bench` prints.
#[derive(Deserialize)]
struct Ours {
    prompt_tokens_per_cpu_sec: f64,
    generate_tokens_per_cpu_sec: f64,
}

/// The median of the rounds counts. A ratio above 1 says that our token costs more CPU time than the peer's.
pub fn measure(bench: &mut Bench) -> Result<()> {
    let model = model()?;
    let peer = Peer::find(&model)?;
    if peer.is_none() {
        eprintln!(
            "model: no llama-bench here, so there is nothing to compare with\n\
             hint: put one on the PATH, or name the root of a system that has one in AETHER_BENCH_PEER_ROOT"
        );
    }
    let (mut read, mut write) = (Vec::new(), Vec::new());
    let (mut peer_read, mut peer_write) = (Vec::new(), Vec::new());
    let (mut read_ratio, mut write_ratio) = (Vec::new(), Vec::new());
    for _ in 0..bench.rounds(5, 1) {
        let ours = ours(&model)?;
        read.push(ours.prompt_tokens_per_cpu_sec);
        write.push(ours.generate_tokens_per_cpu_sec);
        if let Some(peer) = &peer {
            let theirs = peer.tokens_per_cpu_second(READ_TOKENS, 0)?;
            peer_read.push(theirs);
            read_ratio.push(theirs / ours.prompt_tokens_per_cpu_sec);
            let theirs = peer.tokens_per_cpu_second(0, WRITE_TOKENS)?;
            peer_write.push(theirs);
            write_ratio.push(theirs / ours.generate_tokens_per_cpu_sec);
        }
    }
    bench.add("model.read_tokens_per_cpu_second", Sorted::new(read).median(), "tokens/s", None);
    bench.add("model.write_tokens_per_cpu_second", Sorted::new(write).median(), "tokens/s", None);
    if peer.is_some() {
        bench.add("model.peer_read_tokens_per_cpu_second", Sorted::new(peer_read).median(), "tokens/s", None);
        bench.add(
            "model.peer_write_tokens_per_cpu_second",
            Sorted::new(peer_write).median(),
            "tokens/s",
            None,
        );
        bench.add("model.read_cpu_of_peer", Sorted::new(read_ratio).median(), "×", Some(1.1));
        bench.add("model.write_cpu_of_peer", Sorted::new(write_ratio).median(), "×", Some(1.1));
    }
    Ok(())
}

/// The first model of the folder that `cargo xtask bench` names.
fn model() -> Result<PathBuf> {
    let folder = env::var_os("AETHER_TEST_MODELS")
        .context("AETHER_TEST_MODELS names no folder with a model; `cargo xtask bench` sets it")?;
    let mut files: Vec<PathBuf> = fs::read_dir(&folder)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "gguf"))
        .collect();
    files.sort();
    files.into_iter().next().with_context(|| format!("there is no model in {}", folder.display()))
}

fn ours(model: &Path) -> Result<Ours> {
    let output = Command::new(program("aether-engine")?)
        .arg("bench")
        .arg(model)
        .args(["--threads", "1", "--rounds", "3"])
        .args(["--prompt", &READ_TOKENS.to_string(), "--generate", &WRITE_TOKENS.to_string()])
        .stderr(Stdio::null())
        .output()?;
    ensure!(output.status.success(), "aether-engine bench: {}", output.status);
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// llama.cpp's own benchmark.
struct Peer {
    /// The folder to enter first.
    root: Option<PathBuf>,
    /// As it is called in there.
    model: PathBuf,
}

impl Peer {
    fn find(model: &Path) -> Result<Option<Self>> {
        if let Some(root) = env::var_os("AETHER_BENCH_PEER_ROOT").map(PathBuf::from) {
            let inside = root.join("model.gguf");
            if fs::metadata(&inside).map(|file| file.len()).ok() != Some(fs::metadata(model)?.len()) {
                fs::copy(model, &inside).context("the peer's copy of the model")?;
            }
            return Ok(Some(Self { root: Some(root), model: "/model.gguf".into() }));
        }
        let is_here =
            Command::new("llama-bench").arg("--help").stdout(Stdio::null()).stderr(Stdio::null()).status();
        Ok(is_here.is_ok_and(|status| status.success()).then(|| Self { root: None, model: model.into() }))
    }

    /// Runs it once with one repetition and once with more; the difference is free of loading and warming up.
    fn tokens_per_cpu_second(&self, read: u32, write: u32) -> Result<f64> {
        let more = 4;
        let short = self.cpu_secs(read, write, 1)?;
        let long = self.cpu_secs(read, write, 1 + more)?;
        ensure!(long > short, "the clock of CPU time is too coarse: {short} s and {long} s");
        Ok(f64::from((read + write) * more) / (long - short))
    }

    fn cpu_secs(&self, read: u32, write: u32, repetitions: u32) -> Result<f64> {
        let mut command = match &self.root {
            Some(root) => {
                let mut command = Command::new("chroot");
                command.arg(root).arg("/usr/bin/llama-bench");
                command
            }
            None => Command::new("llama-bench"),
        };
        let before = childrens_cpu_time()?;
        let output = command
            .arg("-m")
            .arg(&self.model)
            .args(["-t", "1", "-p", &read.to_string(), "-n", &write.to_string()])
            .args(["-r", &repetitions.to_string(), "-o", "json"])
            .envs([("OMP_WAIT_POLICY", "passive"), ("GOMP_SPINCOUNT", "0")])
            .output()?;
        ensure!(output.status.success(), "llama-bench: {}", String::from_utf8_lossy(&output.stderr));
        Ok(childrens_cpu_time()?.saturating_sub(before).as_secs_f64())
    }
}
