//! A real headless Chromium, driven over the DevTools protocol.

#![allow(clippy::indexing_slicing, reason = "a JSON value answers a missing key with null")]

use std::{path::Path, process::Stdio, time::Instant};

use anyhow::{Context as _, Result, bail};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    net::TcpStream,
    process::{Child, Command},
    time::timeout,
};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, tungstenite::Message};

use crate::screen::{Control, Key, LOOK_EVERY, PATIENCE, Screen};

/// A browser with one page. Killed when dropped.
pub struct Chromium {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    session: String,
    next_id: u64,
    complaints: Vec<String>,
    _child: Child,
    _profile: TempDir,
}

impl Chromium {
    /// Starts a browser with a window of this size that accepts the certificate with this SPKI or any other:
    /// what is tested is the desktop, and the certificate is the daemon's own.
    pub async fn start(width: u32, height: u32) -> Result<Self> {
        Self::start_with(width, height, &[]).await
    }

    /// Starts one that looks up no names, so that nothing of its own leaves this machine.
    pub async fn start_without_names(width: u32, height: u32) -> Result<Self> {
        let rules = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1";
        Self::start_with(width, height, &[rules]).await
    }

    async fn start_with(width: u32, height: u32, options: &[&str]) -> Result<Self> {
        let program = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"]
            .map(Path::new)
            .into_iter()
            .find(|path| path.exists())
            .context("Chromium is not installed; run `cargo xtask setup`")?;
        let profile = tempfile::tempdir()?;
        let mut child = Command::new(program)
            .args([
                "--headless=new",
                "--no-sandbox",
                "--use-angle=swiftshader",
                "--enable-unsafe-swiftshader",
                "--ignore-certificate-errors",
                "--no-first-run",
                "--no-default-browser-check",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--disable-default-apps",
                "--disable-extensions",
                "--disable-dev-shm-usage",
                "--metrics-recording-only",
                "--mute-audio",
                "--remote-debugging-port=0",
            ])
            .args(options)
            .arg(format!("--window-size={width},{height}"))
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let stderr = child.stderr.take().context("no standard error")?;
        let mut lines = BufReader::new(stderr).lines();
        let url = timeout(PATIENCE, async {
            while let Some(line) = lines.next_line().await? {
                if let Some(url) = line.strip_prefix("DevTools listening on ") {
                    return Ok(url.trim().to_owned());
                }
            }
            bail!("Chromium ended before it listened")
        })
        .await
        .context("Chromium does not start")??;
        // What it writes later must go somewhere, or the pipe fills and it stands still.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });

        let (socket, _) = tokio_tungstenite::connect_async(url).await?;
        let mut browser = Self {
            socket,
            session: String::new(),
            next_id: 0,
            complaints: Vec::new(),
            _child: child,
            _profile: profile,
        };
        let page = browser.send("Target.createTarget", json!({"url": "about:blank"})).await?;
        let target = page["targetId"].as_str().context("no page")?.to_owned();
        let attached =
            browser.send("Target.attachToTarget", json!({"targetId": target, "flatten": true})).await?;
        browser.session = attached["sessionId"].as_str().context("no session")?.to_owned();
        for domain in ["Page.enable", "Runtime.enable", "Log.enable"] {
            browser.send(domain, json!({})).await?;
        }
        browser.resize(width, height).await?;
        Ok(browser)
    }

    /// Opens an address.
    pub async fn open(&mut self, url: &str) -> Result<()> {
        let answer = self.send("Page.navigate", json!({"url": url})).await?;
        match answer["errorText"].as_str() {
            Some(error) => bail!("{url}: {error}"),
            None => Ok(()),
        }
    }

    /// The value of a JavaScript expression; a promise is awaited.
    pub async fn evaluate(&mut self, expression: &str) -> Result<Value> {
        let arguments = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let answer = self.send("Runtime.evaluate", arguments).await?;
        if let Some(thrown) = answer.get("exceptionDetails") {
            bail!("{expression}: {thrown}");
        }
        Ok(answer["result"]["value"].clone())
    }

    /// Waits until an expression is true.
    pub async fn wait_for(&mut self, expression: &str) -> Result<()> {
        let end = Instant::now() + PATIENCE;
        while self.evaluate(expression).await? != Value::Bool(true) {
            if Instant::now() > end {
                bail!("never came true: {expression}\n{}", self.state().await);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    /// What the page has complained of: thrown exceptions and errors in its console.
    pub fn complaints(&self) -> &[String] {
        &self.complaints
    }

    async fn mouse(&mut self, kind: &str, x: f64, y: f64, buttons: u8) -> Result<()> {
        let button = if kind == "mouseMoved" { "none" } else { "left" };
        let event = json!({
            "type": kind, "x": x, "y": y, "button": button, "buttons": buttons, "clickCount": 1,
        });
        self.send("Input.dispatchMouseEvent", event).await?;
        Ok(())
    }

    async fn send(&mut self, method: &str, params: Value) -> Result<Value> {
        self.next_id += 1;
        let id = self.next_id;
        let mut message = json!({"id": id, "method": method, "params": params});
        if !self.session.is_empty() && !method.starts_with("Target.") {
            message["sessionId"] = json!(self.session);
        }
        self.socket.send(Message::text(message.to_string())).await?;
        timeout(PATIENCE, self.answer(id)).await.with_context(|| format!("{method} was not answered"))?
    }

    async fn answer(&mut self, id: u64) -> Result<Value> {
        while let Some(message) = self.socket.next().await {
            let Message::Text(text) = message? else { continue };
            let value: Value = serde_json::from_str(&text)?;
            if value["id"] == id {
                return match value.get("error") {
                    Some(error) => bail!("{error}"),
                    None => Ok(value["result"].clone()),
                };
            }
            self.notice(&value);
        }
        bail!("Chromium closed the connection")
    }

    fn notice(&mut self, event: &Value) {
        let params = &event["params"];
        match event["method"].as_str() {
            Some("Runtime.exceptionThrown") => self.complaints.push(params["exceptionDetails"].to_string()),
            Some("Runtime.consoleAPICalled") if params["type"] == "error" => {
                self.complaints.push(params["args"].to_string());
            }
            Some("Log.entryAdded") if params["entry"]["level"] == "error" => {
                self.complaints.push(format!("{} {}", params["entry"]["text"], params["entry"]["url"]));
            }
            _ => {}
        }
    }
}

impl Screen for Chromium {
    fn label(&self) -> &'static str {
        "web"
    }

    async fn controls(&mut self) -> Result<Vec<Control>> {
        let text = self.evaluate("globalThis.aether_inspect ? aether_inspect() : '[]'").await?;
        Ok(serde_json::from_str(text.as_str().unwrap_or("[]"))?)
    }

    /// Presses and releases within one frame: software rendering on a busy machine can take a second for one, and
    /// what is pressed that long is no click.
    async fn click_at(&mut self, x: f64, y: f64) -> Result<()> {
        self.mouse("mouseMoved", x, y, 0).await?;
        self.frame().await?;
        self.mouse("mousePressed", x, y, 1).await?;
        self.mouse("mouseReleased", x, y, 0).await?;
        self.frame().await
    }

    async fn type_text(&mut self, text: &str) -> Result<()> {
        self.send("Input.insertText", json!({"text": text})).await?;
        self.frame().await
    }

    async fn press(&mut self, key: Key) -> Result<()> {
        // Alt is 1, Ctrl 2, Meta 4, Shift 8.
        let (name, code, number, modifiers) = match key {
            Key::Enter => ("Enter".to_owned(), "Enter".to_owned(), 13, 0),
            Key::Control(letter) => {
                let upper = letter.to_ascii_uppercase();
                (letter.to_string(), format!("Key{upper}"), u32::from(upper), 2)
            }
        };
        for kind in ["rawKeyDown", "keyUp"] {
            let event = json!({
                "type": kind, "key": name, "code": code, "modifiers": modifiers, "windowsVirtualKeyCode": number,
            });
            self.send("Input.dispatchKeyEvent", event).await?;
            self.frame().await?;
        }
        Ok(())
    }

    async fn frame(&mut self) -> Result<()> {
        self.evaluate(
            "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))",
        )
        .await?;
        Ok(())
    }

    async fn resize(&mut self, width: u32, height: u32) -> Result<()> {
        let mobile = width < 700;
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile});
        self.send("Emulation.setDeviceMetricsOverride", metrics).await?;
        Ok(())
    }

    async fn screenshot(&mut self, path: &Path) -> Result<()> {
        self.frame().await?;
        let answer = self.send("Page.captureScreenshot", json!({"format": "png"})).await?;
        let text = answer["data"].as_str().context("no picture")?;
        std::fs::write(path, STANDARD.decode(text)?)?;
        Ok(())
    }

    async fn state(&mut self) -> String {
        let boot =
            self.evaluate("document.getElementById('boot')?.innerText ?? ''").await.unwrap_or_default();
        format!("page: {boot}\ncomplaints: {:#?}", self.complaints)
    }
}
