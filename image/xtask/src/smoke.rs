//! `cargo xtask smoke`: the whole job by the command line's own commands, on the real local model.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Instant,
};

use anyhow::{Context as _, Result, bail, ensure};

use crate::{
    command::{output, say},
    model, project, run as build,
    setup::{self, Need},
};

/// The whole job without a person.
#[derive(clap::Args, Default)]
pub(crate) struct Options {
    /// Use the programs that are built already
    #[arg(long)]
    pub(crate) no_build: bool,
    /// Optimised programs
    #[arg(long)]
    pub(crate) release: bool,
}

const GOAL: &str = "Create a file named hello.txt containing the word hello";
const PASSWORD: &str = "a password for the smoke test";

pub(crate) fn run(options: &Options) -> Result<()> {
    setup::packages(&[Need::Build, Need::Agents])?;
    if !options.no_build {
        build::kernel(options.release, &[])?;
    }
    let started = Instant::now();
    let world = World::start(options.release)?;

    say("Setting up the owner");
    world.aether(
        &["setup", "--code", &world.setup_code, "--name", "ada", "--password-stdin"],
        Some(PASSWORD),
    )?;
    world.aether(&["whoami"], None)?;

    say("Deploying an agent on the local model");
    let spawned = world.aether(&["--json", "spawn", "--role", "scribe", "--name", "smoke", GOAL], None)?;
    let spawned: serde_json::Value = serde_json::from_str(&spawned).context("the answer of spawn")?;
    let pid = spawned.get("pid").and_then(serde_json::Value::as_u64).context("the agent's PID")?.to_string();
    world.aether(&["wait", "--timeout", "240", &pid], None)?;
    let log = world.aether(&["logs", &pid], None)?;
    eprintln!("{log}");

    say("Reading the file that it made");
    let text = world.aether(&["fs", "cat", "smoke:hello.txt"], None)?;
    ensure!(text.to_lowercase().contains("hello"), "hello.txt does not say hello, but: {text}");
    println!("hello.txt: {text}");

    say("Cleaning up");
    world.aether(&["fs", "rm", "smoke:hello.txt"], None)?;
    world.aether(&["--yes", "agents", "rm", "smoke"], None)?;
    world.aether(&["logout"], None)?;
    drop(world);
    println!("smoke: the whole job was done in {:.1} s", started.elapsed().as_secs_f64());
    Ok(())
}

/// A kernel of its own in a folder of its own, ended and removed with this value.
struct World {
    folder: PathBuf,
    daemon: Child,
    programs: PathBuf,
    address: String,
    fingerprint: String,
    setup_code: String,
}

impl World {
    fn start(release: bool) -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("aether-smoke-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        let state = folder.join("state");
        model::install(&state)?;
        let programs = project::programs(release);
        say("Starting the kernel");
        let mut daemon = Command::new(programs.join("aetherd"))
            .args(["--json-ready", "--listen", "127.0.0.1:0", "--state-dir"])
            .arg(&state)
            .stdout(Stdio::piped())
            .spawn()
            .context("starting aetherd")?;
        let out = daemon.stdout.take().context("the kernel's output")?;
        let mut line = String::new();
        BufReader::new(out).read_line(&mut line)?;
        let Ok(ready) = serde_json::from_str::<serde_json::Value>(&line) else {
            let _ = daemon.kill();
            let _ = daemon.wait();
            bail!("the kernel ended before it was ready; its messages above say why");
        };
        let field =
            |name: &str| ready.get(name).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
        Ok(Self {
            address: field("address"),
            fingerprint: field("fingerprint"),
            setup_code: field("setup_code"),
            folder,
            daemon,
            programs,
        })
    }

    /// Runs the command line as a person would, with its configuration in this world's folder.
    fn aether(&self, arguments: &[&str], password: Option<&str>) -> Result<String> {
        let mut command = Command::new(self.programs.join("aether"));
        command
            .args(["--address", &self.address, "--fingerprint", &self.fingerprint])
            .args(arguments)
            .env("XDG_CONFIG_HOME", self.folder.join("config"));
        let Some(password) = password else { return output(&mut command) };
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().context("starting aether")?;
        if let Some(mut stdin) = child.stdin.take() {
            use std::io::Write as _;
            writeln!(stdin, "{password}")?;
        }
        let done = child.wait_with_output()?;
        ensure!(done.status.success(), "`aether {}` failed with {}", arguments.join(" "), done.status);
        Ok(String::from_utf8_lossy(&done.stdout).trim().to_owned())
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.daemon.id().to_string()).status();
        let _ = self.daemon.wait();
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            eprintln!("warning: {} could not be removed: {error}", self.folder.display());
        }
    }
}
