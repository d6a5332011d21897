//! A real `aetherd` on a free port, with a state directory of its own.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use serde_json::json;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
    time::timeout,
};
use tokio_rustls::TlsConnector;

use crate::{
    delegated::Group,
    raw::{DEADLINE, Raw, Response, tls},
};

/// The owner that [`Daemon::sign_up`] creates.
pub const OWNER: &str = "ada";
/// Her password.
pub const PASSWORD: &str = "correct horse battery";

/// A test calls more often in a minute than a person does.
const UNHURRIED: &str = "[identity]\nanonymous_per_minute = 1000000\nsigned_in_per_minute = 1000000000\n";

/// What the daemon says once it answers.
#[derive(Debug, Deserialize)]
struct Ready {
    address: String,
    fingerprint: String,
    setup_code: Option<String>,
    start_ms: f64,
}

/// A running daemon. Killed when dropped.
pub struct Daemon {
    /// Where it listens.
    pub address: SocketAddr,
    /// SHA-256 of its certificate.
    pub fingerprint: String,
    /// Until the owner exists.
    pub setup_code: Option<String>,
    /// From its start to its readiness, by its own clock.
    pub start_ms: f64,
    tls: TlsConnector,
    child: Child,
    home: Home,
}

/// What outlives one run of the daemon.
struct Home {
    dir: TempDir,
    config: PathBuf,
    group: Option<Group>,
}

/// A program of this workspace, beside the tests' own.
pub fn program(name: &str) -> Result<PathBuf> {
    let here = std::env::current_exe()?;
    here.ancestors()
        .skip(1)
        .take(3)
        .map(|dir| dir.join(name))
        .find(|path| path.is_file())
        .with_context(|| format!("{name} is not built; run `cargo build --workspace --bins` first"))
}

impl Daemon {
    /// Starts one that is not in a hurry to limit rates.
    pub async fn start() -> Result<Self> {
        Self::start_with(UNHURRIED).await
    }

    /// Starts one with this `aether.toml`.
    pub async fn start_with(config: &str) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let path = dir.path().join("aether.toml");
        std::fs::write(&path, config)?;
        Self::launch(Home { dir, config: path, group: Group::delegated()? }).await
    }

    /// Starts it again on the same state, after [`Daemon::stop`] or [`Daemon::kill`]. The port is another.
    pub async fn start_again(home: Stopped) -> Result<Self> {
        Self::launch(home.0).await
    }

    async fn launch(home: Home) -> Result<Self> {
        let program = program("aetherd")?;
        let mut command = match &home.group {
            Some(group) => group.command(&program),
            None => Command::new(program),
        };
        command
            .args(["--listen", "127.0.0.1:0", "--json-ready", "--config"])
            .arg(&home.config)
            .arg("--state-dir")
            .arg(home.dir.path().join("state"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        // The log of a test that fails is part of its failure.
        let log = std::fs::OpenOptions::new().create(true).append(true).open(home.dir.path().join("log"))?;
        command.stderr(log);
        let mut child = command.spawn()?;
        let stdout = child.stdout.take().context("no standard output")?;
        let mut line = String::new();
        let read = timeout(DEADLINE, BufReader::new(stdout).read_line(&mut line)).await;
        let ready: Ready = match read.map(|_| serde_json::from_str(&line)) {
            Ok(Ok(ready)) => ready,
            _ => bail!(
                "aetherd did not become ready:\n{}",
                std::fs::read_to_string(home.dir.path().join("log"))?
            ),
        };
        let address = ready.address.strip_prefix("https://").context("no https address")?.parse()?;
        Ok(Self {
            address,
            tls: tls(&ready.fingerprint)?,
            fingerprint: ready.fingerprint,
            setup_code: ready.setup_code,
            start_ms: ready.start_ms,
            child,
            home,
        })
    }

    /// `https://…`
    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// Its Linux pid.
    pub fn pid(&self) -> Result<u32> {
        self.child.id().context("aetherd has ended")
    }

    /// Where its state lies.
    pub fn state_dir(&self) -> PathBuf {
        self.home.dir.path().join("state")
    }

    /// The cgroup that it was started in, where the tests have cgroup v2.
    pub fn cgroup(&self) -> Option<&Path> {
        self.home.group.as_ref().map(Group::path)
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.home.dir.path().join("log")).unwrap_or_default()
    }

    /// A connection of its own.
    pub async fn connect(&self) -> Result<Raw> {
        Raw::connect(self.address, &self.tls).await
    }

    /// One request over a connection of its own; with a token where `token` is not empty.
    pub async fn ask(
        &self,
        method: &str,
        path: &str,
        token: &str,
        body: Option<serde_json::Value>,
    ) -> Result<Response> {
        let bearer = format!("Bearer {token}");
        let mut headers = vec![("connection", "close")];
        if !token.is_empty() {
            headers.push(("authorization", &bearer));
        }
        let bytes = body.map(|body| body.to_string()).unwrap_or_default();
        if !bytes.is_empty() {
            headers.push(("content-type", "application/json"));
        }
        self.connect().await?.request(method, path, &headers, bytes.as_bytes()).await
    }

    /// Creates the owner; returns her token.
    pub async fn sign_up(&self) -> Result<String> {
        let code = self.setup_code.as_deref().context("there is an owner already")?;
        let body = json!({"code": code, "name": OWNER, "password": PASSWORD, "device": "test"});
        token_of(&self.ask("POST", "/api/v1/setup", "", Some(body)).await?)
    }

    /// Signs the owner in once more; returns the token.
    pub async fn sign_in(&self) -> Result<String> {
        let body = json!({"name": OWNER, "password": PASSWORD, "device": "test"});
        token_of(&self.ask("POST", "/api/v1/session", "", Some(body)).await?)
    }

    /// Asks it to end and waits until it has.
    pub async fn stop(mut self) -> Result<(Stopped, ExitStatus)> {
        let pid = i32::try_from(self.pid()?)?;
        kill_process(Pid::from_raw(pid).context("no pid")?, Signal::TERM)?;
        let status = timeout(DEADLINE, self.child.wait()).await.context("aetherd does not stop")??;
        Ok((Stopped(self.home), status))
    }

    /// Kills it.
    pub async fn kill(mut self) -> Result<Stopped> {
        self.child.kill().await?;
        Ok(Stopped(self.home))
    }
}

/// The state of a daemon that has ended.
pub struct Stopped(Home);

impl Stopped {
    /// Where it lies.
    pub fn state_dir(&self) -> PathBuf {
        self.0.dir.path().join("state")
    }

    /// The configuration that the next start reads.
    pub fn config(&self) -> &Path {
        &self.0.config
    }
}

fn token_of(response: &Response) -> Result<String> {
    let json = response.json()?;
    json.get("token")
        .and_then(serde_json::Value::as_str)
        .filter(|token| !token.is_empty())
        .map(str::to_owned)
        .with_context(|| format!("no token: {json}"))
}
