//! A desktop on some screen, driven as a person does it: by what stands there, with mouse and keyboard.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

/// How long anything may take before a test fails. Software rendering on a busy machine is slow.
pub const PATIENCE: Duration = Duration::from_mins(2);
/// How often a condition on the screen is looked at.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(150);

/// A control of the desktop, as its tree for screen readers tells it.
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

impl Control {
    /// Whether it is called so, or holds it.
    pub fn says(&self, words: &str) -> bool {
        self.name.contains(words) || self.value.contains(words)
    }

    fn place(&self) -> [i64; 4] {
        [self.x, self.y, self.w, self.h].map(|side| side.round() as i64)
    }
}

/// What can be pressed.
#[derive(Clone, Copy, Debug)]
pub enum Key {
    /// Enter.
    Enter,
    /// A letter with Ctrl.
    Control(char),
}

/// A desktop that can be looked at and acted on.
#[expect(async_fn_in_trait, reason = "only tests use it, each on one thread")]
pub trait Screen {
    /// What pictures of it are called after.
    fn label(&self) -> &'static str;

    /// The named controls now; none before it runs.
    async fn controls(&mut self) -> Result<Vec<Control>>;

    /// Presses and releases the mouse at a point.
    async fn click_at(&mut self, x: f64, y: f64) -> Result<()>;

    /// Types into what has the focus.
    async fn type_text(&mut self, text: &str) -> Result<()>;

    /// Presses a key and lets it go.
    async fn press(&mut self, key: Key) -> Result<()>;

    /// Waits until what was done before is drawn.
    async fn frame(&mut self) -> Result<()>;

    /// Gives the desktop another size.
    async fn resize(&mut self, width: u32, height: u32) -> Result<()>;

    /// Writes a picture of it into a file.
    async fn screenshot(&mut self, path: &Path) -> Result<()>;

    /// What a failing test wants to know besides the controls.
    async fn state(&mut self) -> String;

    /// Writes the picture `LABEL-NAME.png` to where pictures go.
    async fn picture(&mut self, name: &str) -> Result<()> {
        let folder = screens()?;
        std::fs::create_dir_all(&folder)?;
        let path = folder.join(format!("{}-{name}.png", self.label()));
        self.screenshot(&path).await
    }

    /// Waits until a control satisfies `wanted`, and returns it.
    async fn find(&mut self, what: &str, wanted: impl Fn(&Control) -> bool) -> Result<Control> {
        let end = Instant::now() + PATIENCE;
        loop {
            let controls = self.controls().await?;
            if let Some(control) = controls.iter().find(|control| wanted(control)) {
                return Ok(control.clone());
            }
            if Instant::now() > end {
                self.picture("failed").await?;
                let names: Vec<String> =
                    controls.iter().map(|c| format!("{} '{}' {}", c.role, c.name, c.value)).collect();
                let picture = screens()?.join(format!("{}-failed.png", self.label()));
                bail!(
                    "there is no {what}; look at {}\n{}\ncontrols: {names:#?}",
                    picture.display(),
                    self.state().await
                );
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// The same, once it stands still: what has just appeared may still move.
    async fn find_still(&mut self, what: &str, wanted: impl Fn(&Control) -> bool) -> Result<Control> {
        let mut before = None;
        loop {
            let control = self.find(what, &wanted).await?;
            if before == Some(control.place()) {
                return Ok(control);
            }
            before = Some(control.place());
            self.frame().await?;
        }
    }

    /// Waits for a control of this name that takes input and stands still, and clicks its middle.
    async fn click(&mut self, name: &str) -> Result<()> {
        let takes_input = |control: &Control| control.name == name && !control.disabled && control.w > 0.0;
        // Where text and a control share a name, the control is meant.
        let is_text = |control: &Control| control.role == "Label" || control.role == "Window";
        let control = self.find_still(name, |control| takes_input(control) && !is_text(control)).await?;
        self.click_at(control.x + control.w / 2.0, control.y + control.h / 2.0).await
    }

    /// Clicks the text field of this name and types.
    async fn fill(&mut self, name: &str, text: &str) -> Result<()> {
        let named = |control: &Control| control.name == name && control.role.contains("Input");
        let field = self.find_still(name, |control| named(control) && !control.disabled).await?;
        self.click_at(field.x + field.w.min(80.0) / 2.0, field.y + field.h / 2.0).await?;
        self.find(name, |control| named(control) && control.focused).await?;
        self.type_text(text).await
    }
}

/// Where pictures go: `screens` in the folder of build results.
pub fn screens() -> Result<PathBuf> {
    let program = std::env::current_exe()?;
    let target = program.ancestors().nth(3).context("no folder of build results")?;
    Ok(target.join("screens"))
}
