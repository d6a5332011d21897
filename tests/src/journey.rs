//! The journey of a first day on a desktop: set up, sign in, deploy on the real local model, watch the steps
//! arrive, read the file that the agent made.
//!
//! Needs what `cargo xtask test` prepares: the small model (`AETHER_TEST_MODELS`), a desktop built to be inspected,
//! and for browsers its folder (`AETHER_TEST_WEB`).

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

use crate::{
    daemon::{Daemon, OWNER, PASSWORD},
    screen::{Control, Key, Screen},
};

/// What the agent is called.
pub const AGENT: &str = "inkwell";
const GOAL: &str = "Create a file named hello.txt containing the word hello";

fn folder(variable: &str, hint: &str) -> Result<PathBuf> {
    let path = std::env::var_os(variable)
        .map(PathBuf::from)
        .with_context(|| format!("{variable} is not set; {hint}"))?;
    ensure!(path.is_dir(), "{} is not there; {hint}", path.display());
    Ok(path)
}

/// A daemon with the small model.
pub async fn daemon() -> Result<Daemon> {
    start("").await
}

/// A daemon with the small model that serves the web desktop.
pub async fn daemon_with_web() -> Result<Daemon> {
    let web = folder("AETHER_TEST_WEB", "run `cargo xtask web --inspect` and name its folder (target/web)")?;
    start(&format!("[server]\nweb_dir = '{}'\n", web.display())).await
}

async fn start(config: &str) -> Result<Daemon> {
    let models = folder("AETHER_TEST_MODELS", "run `cargo xtask setup` and name the folder of models")?;
    let config = format!(
        "{config}[identity]\nanonymous_per_minute = 1000000\n[models.local]\nmodels_dir = '{}'\n",
        models.display()
    );
    Daemon::start_with(&config).await
}

/// Waits until the desktop shows Mission Control.
pub async fn mission_control(screen: &mut impl Screen) -> Result<()> {
    screen.find("Mission Control", |control| control.name == "Close Mission Control").await.map(|_| ())
}

/// From the first screen of a new device to the file that the first agent made, read on the screen.
pub async fn first_day(screen: &mut impl Screen, daemon: &Daemon) -> Result<()> {
    set_up(screen, daemon).await?;
    mission_control(screen).await?;
    sign_out_and_in(screen).await?;
    mission_control(screen).await?;
    deploy(screen).await?;
    screen.find("the agent", |control| control.name == AGENT).await?;
    screen.picture("mission-control-dark").await?;
    open_agent(screen).await?;
    screen.find("the step that writes the file", |control| control.says("write_file")).await?;
    screen.picture("agent-working-dark").await?;
    screen.find("the end", |control| control.says("Completed") || control.says("reached its goal")).await?;
    screen.picture("agent-done-dark").await?;
    read_file(screen, daemon).await
}

/// After the desktop was opened anew: the session goes on and the windows are where they were. Then the other
/// theme, and the width of a phone.
pub async fn second_visit(screen: &mut impl Screen) -> Result<()> {
    screen.find("the window of before", is_agents_window).await?;
    screen.click("Use the light theme").await?;
    screen.find("the other theme", |control| control.name == "Use the dark theme").await?;
    screen.picture("agent-light").await?;
    screen.resize(390, 844).await?;
    screen.find("the bar of a phone", |control| control.name == "Search" && control.y > 700.0).await?;
    screen.picture("phone-light").await
}

async fn set_up(screen: &mut impl Screen, daemon: &Daemon) -> Result<()> {
    let code = daemon.setup_code.as_deref().context("there is an owner already")?;
    screen.fill("Set-up code", code).await?;
    screen.fill("Owner name", OWNER).await?;
    screen.fill("Password", PASSWORD).await?;
    screen.fill("Password again", PASSWORD).await?;
    screen.picture("set-up-dark").await?;
    screen.click("Create owner account").await
}

async fn sign_out_and_in(screen: &mut impl Screen) -> Result<()> {
    screen.click(&format!("User menu of {OWNER}")).await?;
    screen.click("Sign out").await?;
    screen.fill("Password", "not the password").await?;
    screen.press(Key::Enter).await?;
    screen.find("a refusal", |control| control.says("password")).await?;
    screen.fill("Password", PASSWORD).await?;
    screen.picture("sign-in-dark").await?;
    screen.press(Key::Enter).await
}

async fn deploy(screen: &mut impl Screen) -> Result<()> {
    screen.click("Deploy agent").await?;
    screen.click("Role Scribe").await?;
    screen.fill("Name", AGENT).await?;
    let is_goal = |control: &Control| control.name == "Goal" && control.role.contains("Input");
    let goal = screen.find_still("the goal", is_goal).await?;
    screen.click_at(goal.x + 40.0, goal.y + 12.0).await?;
    screen.press(Key::Control('a')).await?;
    screen.type_text(GOAL).await?;
    screen.find("the goal as typed", |control| control.name == "Goal" && control.value == GOAL).await?;
    screen.picture("deploy-dark").await?;
    screen.click("Deploy").await
}

fn is_agents_window(control: &Control) -> bool {
    control.name.starts_with("Close ") && control.name.contains(AGENT)
}

/// Finds the agent by the launcher, as a person in a hurry does.
async fn open_agent(screen: &mut impl Screen) -> Result<()> {
    screen.press(Key::Control('k')).await?;
    let field = "Search apps, agents and commands";
    screen.find("the launcher", |control| control.name == field && control.focused).await?;
    screen.type_text(AGENT).await?;
    screen.find("the agent", |control| control.role == "ListItem" && control.name == AGENT).await?;
    screen.press(Key::Enter).await?;
    screen.find("the agent's window", is_agents_window).await.map(|_| ())
}

async fn read_file(screen: &mut impl Screen, daemon: &Daemon) -> Result<()> {
    screen.click("Files").await?;
    screen.click("hello.txt").await?;
    let is_text = |control: &Control| {
        let words = format!("{} {}", control.name, control.value).to_lowercase();
        words.contains("hello") && !words.contains("hello.txt")
    };
    screen.find("what the file says", is_text).await?;
    screen.picture("file-dark").await?;
    let file = made(&daemon.state_dir().join("homes")).context("the agent's home holds no hello.txt")?;
    ensure!(std::fs::read_to_string(&file)?.to_lowercase().contains("hello"), "the file does not say hello");
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
