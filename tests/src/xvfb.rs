//! The native desktop in a real window on a display without a screen, driven by xdotool.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Instant,
};

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
    time::timeout,
};

use crate::{
    daemon::{Daemon, program},
    screen::{Control, Key, LOOK_EVERY, PATIENCE, Screen},
};

/// A display with the desktop's window on it. Both end when dropped.
pub struct Window {
    display: String,
    /// By the X server's number.
    id: String,
    shell: Child,
    settings: TempDir,
    _server: Child,
}

/// Large enough for every window, a phone's included.
const DISPLAY: &str = "1920x1080x24";

/// What the desktop writes after each frame (`AETHER_INSPECT_FILE`).
#[derive(Deserialize)]
struct Seen {
    frame: u64,
    controls: Vec<Control>,
}

impl Window {
    /// Starts a display and opens the desktop of `daemon` on it, in a window of this size.
    pub async fn open(daemon: &Daemon, width: u32, height: u32) -> Result<Self> {
        let mut server = Command::new("Xvfb")
            .args(["-displayfd", "1", "-nolisten", "tcp", "-screen", "0", DISPLAY])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .context("Xvfb is not installed; run `cargo xtask setup`")?;
        let stdout = server.stdout.take().context("no standard output")?;
        let mut number = String::new();
        timeout(PATIENCE, BufReader::new(stdout).read_line(&mut number))
            .await
            .context("Xvfb is not ready")??;
        let display = format!(":{}", number.trim());
        let settings = tempfile::tempdir()?;
        let shell = start(daemon, &display, settings.path())?;
        let mut window = Self { display, id: String::new(), shell, settings, _server: server };
        window.wait_for_window().await?;
        window.resize(width, height).await?;
        Ok(window)
    }

    /// Closes the window as a crash does, and opens the desktop again with the same settings.
    pub async fn open_again(&mut self, daemon: &Daemon) -> Result<()> {
        self.shell.kill().await?;
        std::fs::remove_file(inspection(self.settings.path()))?;
        self.shell = start(daemon, &self.display, self.settings.path())?;
        self.wait_for_window().await
    }

    /// Waits for the first frame, then gives the window the keyboard: there is no window manager here.
    async fn wait_for_window(&mut self) -> Result<()> {
        let end = Instant::now() + PATIENCE;
        while !inspection(self.settings.path()).exists() {
            if let Some(status) = self.shell.try_wait()? {
                bail!("the window ended: {status}\n{}", self.log());
            }
            if Instant::now() > end {
                bail!("the window draws nothing\n{}", self.log());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        let found = self.xdotool(&["search", "--sync", "--onlyvisible", "--name", "^Aether$"]).await?;
        found.lines().next().context("there is no window")?.trim().clone_into(&mut self.id);
        let window = self.id.clone();
        self.xdotool(&["windowmove", &window, "0", "0", "windowfocus", "--sync", &window]).await?;
        Ok(())
    }

    async fn xdotool(&self, arguments: &[&str]) -> Result<String> {
        let mut command = Command::new("xdotool");
        command.args(arguments).env("DISPLAY", &self.display).stdin(Stdio::null()).kill_on_drop(true);
        let output = timeout(PATIENCE, command.output())
            .await
            .with_context(|| format!("xdotool {arguments:?} does not end\n{}", self.log()))?
            .context("xdotool is not installed; run `cargo xtask setup`")?;
        if !output.status.success() {
            bail!("xdotool {arguments:?}: {}\n{}", String::from_utf8_lossy(&output.stderr), self.log());
        }
        Ok(String::from_utf8(output.stdout)?)
    }

    fn seen(&self) -> Result<Seen> {
        Ok(serde_json::from_slice(&std::fs::read(inspection(self.settings.path()))?)?)
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.settings.path().join("log")).unwrap_or_default()
    }
}

impl Screen for Window {
    fn label(&self) -> &'static str {
        "native"
    }

    async fn controls(&mut self) -> Result<Vec<Control>> {
        Ok(self.seen()?.controls)
    }

    async fn click_at(&mut self, x: f64, y: f64) -> Result<()> {
        let (x, y) = (x.round().to_string(), y.round().to_string());
        self.xdotool(&["mousemove", "--window", &self.id, &x, &y]).await?;
        self.frame().await?;
        self.xdotool(&["click", "1"]).await?;
        self.frame().await
    }

    async fn type_text(&mut self, text: &str) -> Result<()> {
        self.xdotool(&["type", "--delay", "1", "--", text]).await?;
        self.frame().await
    }

    async fn press(&mut self, key: Key) -> Result<()> {
        let keys = match key {
            Key::Enter => "Return".to_owned(),
            Key::Control(letter) => format!("ctrl+{letter}"),
        };
        self.xdotool(&["key", &keys]).await?;
        self.frame().await
    }

    /// A still desktop draws nothing, so the mouse is moved there and back until two frames have come.
    async fn frame(&mut self) -> Result<()> {
        let drawn = self.seen()?.frame + 2;
        let end = Instant::now() + PATIENCE;
        while self.seen()?.frame < drawn {
            if Instant::now() > end {
                bail!("the window draws no more\n{}", self.log());
            }
            self.xdotool(&["mousemove_relative", "1", "0", "mousemove_relative", "--", "-1", "0"]).await?;
        }
        Ok(())
    }

    async fn resize(&mut self, width: u32, height: u32) -> Result<()> {
        let (width, height) = (width.to_string(), height.to_string());
        self.xdotool(&["windowsize", "--sync", &self.id, &width, &height]).await?;
        self.frame().await
    }

    async fn screenshot(&mut self, path: &Path) -> Result<()> {
        self.frame().await?;
        let mut command = Command::new("import");
        command.args(["-window", &self.id]).arg(path).env("DISPLAY", &self.display).kill_on_drop(true);
        let status = timeout(PATIENCE, command.status())
            .await
            .context("import does not end")?
            .context("import is not installed; run `cargo xtask setup`")?;
        if !status.success() {
            bail!("import: {status}");
        }
        Ok(())
    }

    async fn state(&mut self) -> String {
        self.log()
    }
}

fn inspection(settings: &Path) -> PathBuf {
    settings.join("inspection.json")
}

fn start(daemon: &Daemon, display: &str, settings: &Path) -> Result<Child> {
    let log = std::fs::OpenOptions::new().create(true).append(true).open(settings.join("log"))?;
    Command::new(program("aether-shell")?)
        .args(["--address", &daemon.url(), "--fingerprint", &daemon.fingerprint, "--config-dir"])
        .arg(settings.join("config"))
        .env("DISPLAY", display)
        .env_remove("WAYLAND_DISPLAY")
        .env("AETHER_INSPECT_FILE", inspection(settings))
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
        .context("the desktop does not start")
}
