//! The journey of a first day, in a real browser: set up, sign in, deploy on the real local model, watch the
//! steps arrive, read the file that the agent made.
//!
//! Needs what `cargo xtask test` prepares: the web desktop built with `--inspect` (`AETHER_TEST_WEB`), the small
//! model (`AETHER_TEST_MODELS`), Chromium.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::path::{Path, PathBuf};

use aether_tests::{
    chromium::{Chromium, Control, screens},
    daemon::{Daemon, OWNER, PASSWORD},
};
use anyhow::{Context as _, Result, ensure};

const AGENT: &str = "inkwell";
const GOAL: &str = "Create a file named hello.txt containing the word hello";

fn folder(variable: &str, hint: &str) -> Result<PathBuf> {
    let path = std::env::var_os(variable)
        .map(PathBuf::from)
        .with_context(|| format!("{variable} is not set; {hint}"))?;
    ensure!(path.is_dir(), "{} is not there; {hint}", path.display());
    Ok(path)
}

async fn daemon() -> Result<Daemon> {
    let web = folder("AETHER_TEST_WEB", "run `cargo xtask web --inspect` and name its folder (target/web)")?;
    let models = folder("AETHER_TEST_MODELS", "run `cargo xtask setup` and name the folder of models")?;
    let config = format!(
        "[server]\nweb_dir = '{}'\n[identity]\nanonymous_per_minute = 1000000\n[models.local]\nmodels_dir = '{}'\n",
        web.display(),
        models.display()
    );
    Daemon::start_with(&config).await
}

fn says(control: &Control, words: &str) -> bool {
    control.name.contains(words) || control.value.contains(words)
}

/// Opens the desktop and waits for its first frame. Returns how long that took, in milliseconds.
async fn enter(browser: &mut Chromium, daemon: &Daemon) -> Result<f64> {
    browser.open(&daemon.url()).await?;
    browser.wait_for("performance.getEntriesByName('aether-first-frame').length > 0").await?;
    let at = browser.evaluate("performance.getEntriesByName('aether-first-frame')[0].startTime").await?;
    browser.wait_for("document.getElementById('boot') === null").await?;
    at.as_f64().context("no time of the first frame")
}

async fn set_up(browser: &mut Chromium, daemon: &Daemon) -> Result<()> {
    let code = daemon.setup_code.as_deref().context("there is an owner already")?;
    browser.fill("Set-up code", code).await?;
    browser.fill("Owner name", OWNER).await?;
    browser.fill("Password", PASSWORD).await?;
    browser.fill("Password again", PASSWORD).await?;
    browser.screenshot(&screens()?.join("web-set-up-dark.png")).await?;
    browser.click("Create owner account").await
}

async fn sign_out_and_in(browser: &mut Chromium) -> Result<()> {
    browser.click(&format!("User menu of {OWNER}")).await?;
    browser.click("Sign out").await?;
    browser.fill("Password", "not the password").await?;
    browser.key("Enter", "Enter", 0).await?;
    browser.find("a refusal", |control| says(control, "password")).await?;
    browser.fill("Password", PASSWORD).await?;
    browser.screenshot(&screens()?.join("web-sign-in-dark.png")).await?;
    browser.key("Enter", "Enter", 0).await
}

async fn deploy(browser: &mut Chromium) -> Result<()> {
    browser.click("Deploy agent").await?;
    browser.click("Role Scribe").await?;
    browser.fill("Name", AGENT).await?;
    let goal =
        browser.find("the goal", |control| control.name == "Goal" && control.role.contains("Input")).await?;
    browser.click_at(goal.x + 40.0, goal.y + 12.0).await?;
    browser.key("a", "KeyA", 2).await?;
    browser.type_text(GOAL).await?;
    browser.find("the goal as typed", |control| control.name == "Goal" && control.value == GOAL).await?;
    browser.screenshot(&screens()?.join("web-deploy-dark.png")).await?;
    browser.click("Deploy").await
}

/// Finds the agent by the launcher, as a person in a hurry does.
async fn open_agent(browser: &mut Chromium) -> Result<()> {
    browser.key("k", "KeyK", 2).await?;
    let field = "Search apps, agents and commands";
    browser.find("the launcher", |control| control.name == field && control.focused).await?;
    browser.type_text(AGENT).await?;
    browser.find("the agent", |control| control.role == "ListItem" && control.name == AGENT).await?;
    browser.key("Enter", "Enter", 0).await?;
    browser
        .find("the agent's window", |control| {
            control.name.starts_with("Close ") && control.name.contains(AGENT)
        })
        .await?;
    Ok(())
}

fn made(folder: &Path) -> Option<PathBuf> {
    for entry in std::fs::read_dir(folder).ok()?.flatten() {
        let path = entry.path();
        if path.is_dir() {
            if let Some(found) = made(&path) {
                return Some(found);
            }
        } else if path.ends_with("hello.txt") {
            return Some(path);
        }
    }
    None
}

#[tokio::test]
async fn desktop_web_does_a_real_job_from_first_start_to_finished_file() -> Result<()> {
    let daemon = daemon().await?;
    let mut browser = Chromium::start(1280, 720).await?;
    let first_frame_ms = enter(&mut browser, &daemon).await?;
    println!("time to first frame, first visit: {first_frame_ms:.0} ms");

    set_up(&mut browser, &daemon).await?;
    browser.find("Mission Control", |control| control.name == "Close Mission Control").await?;
    sign_out_and_in(&mut browser).await?;
    browser.find("Mission Control", |control| control.name == "Close Mission Control").await?;

    deploy(&mut browser).await?;
    browser.find("the agent", |control| control.name == AGENT).await?;
    browser.screenshot(&screens()?.join("web-mission-control-dark.png")).await?;
    open_agent(&mut browser).await?;
    browser.find("the step that writes the file", |control| says(control, "write_file")).await?;
    browser.screenshot(&screens()?.join("web-agent-working-dark.png")).await?;
    browser
        .find("the end", |control| says(control, "Completed") || says(control, "reached its goal"))
        .await?;
    browser.screenshot(&screens()?.join("web-agent-done-dark.png")).await?;

    browser.click("Files").await?;
    browser.click("hello.txt").await?;
    let text = |control: &Control| {
        let words = format!("{} {}", control.name, control.value).to_lowercase();
        words.contains("hello") && !words.contains("hello.txt")
    };
    browser.find("what the file says", text).await?;
    browser.screenshot(&screens()?.join("web-file-dark.png")).await?;
    let file = made(&daemon.state_dir().join("homes")).context("the agent's home holds no hello.txt")?;
    ensure!(std::fs::read_to_string(&file)?.to_lowercase().contains("hello"), "the file does not say hello");

    // A reload finds the session, and the windows where they were.
    let again_ms = enter(&mut browser, &daemon).await?;
    println!("time to first frame, second visit: {again_ms:.0} ms");
    browser
        .find("the window of before", |control| {
            control.name.starts_with("Close ") && control.name.contains(AGENT)
        })
        .await?;
    browser.click("Use the light theme").await?;
    browser.find("the other theme", |control| control.name == "Use the dark theme").await?;
    browser.screenshot(&screens()?.join("web-agent-light.png")).await?;
    browser.resize(390, 844).await?;
    browser.find("the bar of a phone", |control| control.name == "Search" && control.y > 700.0).await?;
    browser.screenshot(&screens()?.join("web-phone-light.png")).await?;
    ensure!(
        browser.complaints().iter().all(|text| text.contains("401") || text.contains("403")),
        "{:#?}",
        browser.complaints()
    );
    Ok(())
}

#[tokio::test]
async fn desktop_web_says_so_when_the_device_goes_away() -> Result<()> {
    let daemon = daemon().await?;
    daemon.sign_up().await?;
    let mut browser = Chromium::start(1280, 720).await?;
    enter(&mut browser, &daemon).await?;
    browser.fill("Name", OWNER).await?;
    browser.fill("Password", PASSWORD).await?;
    browser.key("Enter", "Enter", 0).await?;
    browser.find("Mission Control", |control| control.name == "Close Mission Control").await?;
    let stopped = daemon.kill().await?;
    browser.find("the banner", |control| says(control, "Not connected")).await?;
    browser.screenshot(&screens()?.join("web-reconnecting-dark.png")).await?;
    drop(stopped);
    Ok(())
}
