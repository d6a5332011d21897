//! `cargo xtask run`: from a checkout to a running desktop.

use std::{
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use anyhow::{Context as _, Result, bail};

use crate::{
    command::{cargo, run as execute, say},
    model, project,
    setup::{self, Need},
    web,
};

/// Builds everything and starts the kernel with the web desktop.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Open the desktop in a native window
    #[arg(long)]
    native: bool,
    /// Optimised programs: slower to build, faster to run
    #[arg(long)]
    release: bool,
    /// Where to listen
    #[arg(long, default_value = "127.0.0.1:7380")]
    listen: String,
    /// Where the state lies [default: ~/.local/share/aether]
    #[arg(long)]
    state_dir: Option<PathBuf>,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let mut needs = vec![Need::Build, Need::Agents];
    if options.native {
        needs.push(Need::Window);
    }
    setup::packages(&needs)?;
    kernel(options.release, &[])?;
    if options.native {
        say("Building the native desktop");
        let mut build = cargo(["build", "--package", "aether-shell", "--bin", "aether-shell"]);
        execute(if options.release { build.arg("--release") } else { &mut build })?;
    }
    web::run(&web::Options::default())?;
    let state = match &options.state_dir {
        Some(state) => state.clone(),
        None => project::state()?,
    };
    model::install(&state)?;

    say("Starting the kernel");
    let mut daemon = Command::new(project::programs(options.release).join("aetherd"));
    daemon.arg("--state-dir").arg(&state).arg("--listen").arg(&options.listen);
    daemon.arg("--web-dir").arg(project::web());
    if options.native { with_window(daemon, options) } else { execute(&mut daemon).map(|_| ()) }
}

/// Builds the kernel's programs, and those of further packages.
pub(crate) fn kernel(release: bool, packages: &[&str]) -> Result<()> {
    say("Building the kernel, the agent, the command line and the local engine");
    let mut build = cargo(["build", "--bins", "--features", "aether-llm/engine"]);
    for package in ["aetherd", "aether", "aether-agent", "aether-llm"].iter().chain(packages) {
        build.args(["--package", package]);
    }
    if release {
        build.arg("--release");
    }
    execute(&mut build)?;
    Ok(())
}

/// The kernel in the background, the window in front; closing the window ends both.
fn with_window(mut daemon: Command, options: &Options) -> Result<()> {
    let mut daemon =
        Ended(daemon.arg("--json-ready").stdout(Stdio::piped()).spawn().context("starting aetherd")?);
    let out = daemon.0.stdout.take().context("the kernel's output")?;
    let mut line = String::new();
    BufReader::new(out).read_line(&mut line)?;
    if line.is_empty() {
        bail!("the kernel ended before it was ready; its messages above say why");
    }
    let ready: serde_json::Value = serde_json::from_str(&line).context("the kernel's ready line")?;
    let field =
        |name: &str| ready.get(name).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
    let mut shell = Command::new(project::programs(options.release).join("aether-shell"));
    shell.arg("--address").arg(field("address")).arg("--fingerprint").arg(field("fingerprint"));
    execute(&mut shell)?;
    Ok(())
}

/// Ends the kernel when the window closes, also after an error.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let pid = self.0.id().to_string();
        // TERM, so that it shuts down in good order; it ends by itself within its deadline.
        let _ = Command::new("kill").arg(&pid).status();
        let _ = self.0.wait();
    }
}
