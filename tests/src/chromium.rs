//! A real headless Chromium, driven over the DevTools protocol: pages, input by the names of controls,
//! screenshots.

#![allow(clippy::indexing_slicing, reason = "a JSON value answers a missing key with null")]

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use futures_util::{SinkExt as _, StreamExt as _};
use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    net::TcpStream,
    process::{Child, Command},
    time::timeout,
};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, tungstenite::Message};

/// How long anything may take before a test fails. Software rendering on a busy machine is slow.
pub const PATIENCE: Duration = Duration::from_mins(2);
/// How often a condition in the page is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(150);

/// A control of the desktop, as `aether_inspect()` tells it.
#[derive(Clone, Debug, Deserialize)]
pub struct Control {
    /// `Button`, `TextInput` …
    pub role: String,
    /// What it is called.
    pub name: String,
    /// What it holds.
    pub value: String,
    /// The left edge, in CSS pixels.
    pub x: f64,
    /// The upper edge.
    pub y: f64,
    /// Its width.
    pub w: f64,
    /// Its height.
    pub h: f64,
    /// Whether the keyboard acts on it.
    pub focused: bool,
    /// Whether it takes no input.
    pub disabled: bool,
}

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

    /// Gives the page another size.
    pub async fn resize(&mut self, width: u32, height: u32) -> Result<()> {
        let mobile = width < 700;
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile});
        self.send("Emulation.setDeviceMetricsOverride", metrics).await?;
        Ok(())
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

    /// The named controls of the desktop now; none before it runs.
    pub async fn controls(&mut self) -> Result<Vec<Control>> {
        let text = self.evaluate("globalThis.aether_inspect ? aether_inspect() : '[]'").await?;
        Ok(serde_json::from_str(text.as_str().unwrap_or("[]"))?)
    }

    /// Waits until a control satisfies `wanted`, and returns it.
    pub async fn find(&mut self, what: &str, wanted: impl Fn(&Control) -> bool) -> Result<Control> {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(control) = self.controls().await?.into_iter().find(|control| wanted(control)) {
                return Ok(control);
            }
            if Instant::now() > end {
                let picture = screens()?.join("web-failed.png");
                self.screenshot(&picture).await?;
                bail!("there is no {what}; look at {}\n{}", picture.display(), self.state().await);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// The same, once it stands still: what has just appeared may still move.
    pub async fn find_still(&mut self, what: &str, wanted: impl Fn(&Control) -> bool) -> Result<Control> {
        let place =
            |control: &Control| [control.x, control.y, control.w, control.h].map(|side| side.round() as i64);
        let mut before = None;
        loop {
            let control = self.find(what, &wanted).await?;
            if before == Some(place(&control)) {
                return Ok(control);
            }
            before = Some(place(&control));
            self.frame().await?;
        }
    }

    /// Waits for a control of this name that takes input and stands still, and clicks its middle.
    pub async fn click(&mut self, name: &str) -> Result<()> {
        let takes_input = |control: &Control| control.name == name && !control.disabled && control.w > 0.0;
        // Where text and a control share a name, the control is meant.
        let is_text = |control: &Control| control.role == "Label" || control.role == "Window";
        let control = self.find_still(name, |control| takes_input(control) && !is_text(control)).await?;
        self.click_at(control.x + control.w / 2.0, control.y + control.h / 2.0).await
    }

    /// Presses and releases the mouse at a point. Both within one frame: software rendering on a busy machine can
    /// take a second for one, and what is pressed that long is no click.
    pub async fn click_at(&mut self, x: f64, y: f64) -> Result<()> {
        self.mouse("mouseMoved", x, y, 0).await?;
        self.frame().await?;
        self.mouse("mousePressed", x, y, 1).await?;
        self.mouse("mouseReleased", x, y, 0).await?;
        self.frame().await
    }

    /// Clicks the text field of this name and types.
    pub async fn fill(&mut self, name: &str, text: &str) -> Result<()> {
        let named = |control: &Control| control.name == name && control.role.contains("Input");
        let field = self.find_still(name, |control| named(control) && !control.disabled).await?;
        self.click_at(field.x + field.w.min(80.0) / 2.0, field.y + field.h / 2.0).await?;
        self.find(name, |control| named(control) && control.focused).await?;
        self.type_text(text).await
    }

    /// Types into what has the focus.
    pub async fn type_text(&mut self, text: &str) -> Result<()> {
        self.send("Input.insertText", json!({"text": text})).await?;
        self.frame().await
    }

    /// Presses a key by its DOM name (`Enter`, `Escape`, `k`), with modifiers (Alt 1, Ctrl 2, Meta 4, Shift 8).
    pub async fn key(&mut self, key: &str, code: &str, modifiers: u8) -> Result<()> {
        let number = match key {
            "Enter" => 13,
            "Escape" => 27,
            "Tab" => 9,
            other => other.chars().next().map_or(0, |letter| u32::from(letter.to_ascii_uppercase())),
        };
        for kind in ["rawKeyDown", "keyUp"] {
            let event = json!({
                "type": kind, "key": key, "code": code, "modifiers": modifiers, "windowsVirtualKeyCode": number,
            });
            self.send("Input.dispatchKeyEvent", event).await?;
            self.frame().await?;
        }
        Ok(())
    }

    /// Waits until the page has drawn.
    pub async fn frame(&mut self) -> Result<()> {
        self.evaluate(
            "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))",
        )
        .await?;
        Ok(())
    }

    /// Writes a picture of the page.
    pub async fn screenshot(&mut self, path: &Path) -> Result<()> {
        self.frame().await?;
        let answer = self.send("Page.captureScreenshot", json!({"format": "png"})).await?;
        let text = answer["data"].as_str().context("no picture")?;
        let bytes = decode_base64(text).context("no picture")?;
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(path, bytes)?;
        Ok(())
    }

    /// What the page has complained of: thrown exceptions and errors in its console.
    pub fn complaints(&self) -> &[String] {
        &self.complaints
    }

    /// What a failing test wants to know.
    pub async fn state(&mut self) -> String {
        let names: Vec<String> = match self.controls().await {
            Ok(controls) => controls.iter().map(|c| format!("{} '{}' {}", c.role, c.name, c.value)).collect(),
            Err(error) => vec![error.to_string()],
        };
        let boot =
            self.evaluate("document.getElementById('boot')?.innerText ?? ''").await.unwrap_or_default();
        format!("page: {boot}\ncomplaints: {:#?}\ncontrols: {names:#?}", self.complaints)
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

/// Where pictures go: `screens` in the folder of build results.
pub fn screens() -> Result<PathBuf> {
    let program = std::env::current_exe()?;
    let target = program.ancestors().nth(3).context("no folder of build results")?;
    Ok(target.join("screens"))
}

/// RFC 4648, section 4.
fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count) = (0_u32, 0);
    for letter in text.bytes().filter(|byte| *byte != b'=') {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    #[test]
    fn base64_as_in_rfc_4648() {
        for (text, bytes) in [("", ""), ("Zg==", "f"), ("Zm8=", "fo"), ("Zm9vYmFy", "foobar")] {
            assert_eq!(super::decode_base64(text).unwrap(), bytes.as_bytes());
        }
        assert_eq!(super::decode_base64("Z*"), None);
    }
}
