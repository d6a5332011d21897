//! Makes all attempts to get out, in a sandbox of this user's and outside of it, and prints what came of each as JSON.
//!
//! `escape-run FOLDER [landlock|seccomp|namespaces]`: FOLDER is this user's own; the second word is a layer to leave
//! out, and without it none is. Where FOLDER holds a `setuid-probe` of root's, it goes into the sandbox's home.
//! `aether-agent`, `weak-agent` and `probe` lie beside this program.

mod outside;

use std::{
    collections::BTreeMap,
    fs,
    io::Read as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use aether_kernel::process::sandbox::{Limits, Program, Sandbox, SandboxConfig, SpawnSpec};
use aether_tests::escape::{ATTEMPTS, Outcome, Removed};
use anyhow::{Context as _, Result, bail};
use outside::Outside;
use tokio::io::AsyncReadExt as _;

const PATIENCE: Duration = Duration::from_mins(2);

const LIMITS: Limits =
    Limits { processes: 64, open_files: 256, file_bytes: 8 << 20, memory_bytes: 4 << 30, cpu_secs: 60 };

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let mut words = std::env::args().skip(1);
    let folder = PathBuf::from(words.next().context("The first word is a folder of this user's")?);
    let removed = match words.next() {
        None => None,
        Some(word) => Some(
            Removed::ALL
                .into_iter()
                .find(|removed| removed.name() == word)
                .with_context(|| format!("There is no layer {word}"))?,
        ),
    };
    let outside = Outside::new(&folder)?;
    let said = match removed {
        Some(Removed::Namespaces) => bare(&folder, &outside)?,
        _ => sandboxed(&folder, &outside, removed).await?,
    };
    let inside: BTreeMap<&str, &str> =
        said.lines().filter_map(|line| Some((line.split('\t').next()?, line.split('\t').nth(2)?))).collect();
    let is_root = rustix::process::geteuid().is_root();
    let mut outcomes = Vec::new();
    for attempt in ATTEMPTS {
        let tried = removed.is_none() && attempt.control.is_tried(is_root);
        outcomes.push(Outcome {
            name: attempt.name.to_owned(),
            inside: inside.get(attempt.name).copied().unwrap_or("no answer").to_owned(),
            outside: if tried { Some(outside.control(attempt.name)?) } else { None },
        });
    }
    println!("{}", serde_json::to_string(&outcomes)?);
    Ok(())
}

/// In a real sandbox, sealed by the real agent's program or by one that leaves out a layer.
async fn sandboxed(folder: &Path, outside: &Outside, removed: Option<Removed>) -> Result<String> {
    let mut config = SandboxConfig::new(folder.join("run"));
    config.tmp_bytes = 32 << 20;
    let sandbox = Sandbox::probe(config);
    let home = folder.join("homes/agent");
    fs::create_dir_all(&home)?;
    fs::copy(beside("probe")?, home.join("probe"))?;
    let agent_binary = beside(if removed.is_some() { "weak-agent" } else { "aether-agent" })?;
    let spec = SpawnSpec {
        group: "escape".to_owned(),
        hostname: "escape".to_owned(),
        home: home.clone(),
        agent_binary,
        limits: LIMITS,
        priority: 3,
        network: None,
    };
    let leave_out = removed.map(|removed| removed.name().to_owned());
    let program = |words: Vec<String>| Program::Exec(leave_out.iter().cloned().chain(words).collect());
    // The first run gives the home to its user; the setuid program of root's comes after that.
    let first = sandbox.launch(&spec, &program(vec!["/bin/true".to_owned()])).await?;
    first.tree.wait().await;
    let setuid = folder.join("setuid-probe");
    if setuid.exists() {
        fs::rename(setuid, home.join("setuid-probe"))?;
    }
    let mut words = vec!["/home/agent/probe".to_owned(), "each".to_owned()];
    words.extend(outside.environment("/tmp", "/aether/aether-agent", "/home/agent/setuid-probe"));
    words.extend(ATTEMPTS.iter().map(|attempt| attempt.name.to_owned()));
    let mut spawned = sandbox.launch(&spec, &program(words)).await?;
    let mut said = String::new();
    tokio::time::timeout(PATIENCE, spawned.link.read_to_string(&mut said)).await.context("in time")??;
    if said.is_empty() {
        bail!("the sandbox said nothing: {}", spawned.tree.last_words());
    }
    Ok(said)
}

/// On the bare host as this user, sealed by the real agent's program. Never as root, whom little would hold here.
fn bare(folder: &Path, outside: &Outside) -> Result<String> {
    if rustix::process::geteuid().is_root() {
        bail!("without namespaces the attempts are not made as root");
    }
    let home = folder.join("homes/agent");
    let scratch = home.join("scratch");
    fs::create_dir_all(&scratch)?;
    let agent = beside("aether-agent")?;
    let setuid = folder.join("setuid-probe");
    let mut words = vec![beside("probe")?.display().to_string(), "each".to_owned()];
    words.extend(outside.environment(
        &scratch.display().to_string(),
        &agent.display().to_string(),
        &setuid.display().to_string(),
    ));
    words.extend(ATTEMPTS.iter().map(|attempt| attempt.name.to_owned()));
    // The probe tells what came of it on descriptor 3, where a sandbox has the link.
    let mut child = Command::new("sh")
        .args(["-c", r#"exec "$@" 3>&1 >&2"#, "sh"])
        .arg(&agent)
        .args(["exec", "--"])
        .args(words)
        .env_clear()
        .env("HOME", &home)
        .env("PATH", "/usr/bin:/bin")
        .env("AETHER_LIMITS", "memory=4294967296,processes=64,open_files=256,file=8388608,cpu=60")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut said = String::new();
    child.stdout.take().context("no standard output")?.read_to_string(&mut said)?;
    let status = child.wait()?;
    if said.is_empty() {
        bail!("the probe said nothing: {status}");
    }
    Ok(said)
}

fn beside(name: &str) -> Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name(name);
    if path.is_file() { Ok(path) } else { bail!("{} is missing", path.display()) }
}
