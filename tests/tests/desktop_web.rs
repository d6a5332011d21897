//! The journey of a first day in a real browser. Needs Chromium, and what [`aether_tests::journey`] needs.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use aether_tests::{
    chromium::Chromium,
    daemon::{Daemon, OWNER, PASSWORD},
    journey,
    screen::{Key, Screen as _},
};
use anyhow::{Context as _, Result, ensure};

/// Opens the desktop and waits for its first frame. Returns how long that took, in milliseconds.
async fn enter(browser: &mut Chromium, daemon: &Daemon) -> Result<f64> {
    browser.open(&daemon.url()).await?;
    browser.wait_for("performance.getEntriesByName('aether-first-frame').length > 0").await?;
    let at = browser.evaluate("performance.getEntriesByName('aether-first-frame')[0].startTime").await?;
    browser.wait_for("document.getElementById('boot') === null").await?;
    at.as_f64().context("no time of the first frame")
}

#[tokio::test]
async fn desktop_web_does_a_real_job_from_first_start_to_finished_file() -> Result<()> {
    let daemon = journey::daemon_with_web().await?;
    let mut browser = Chromium::start(1280, 720).await?;
    let first_frame_ms = enter(&mut browser, &daemon).await?;
    println!("time to first frame, first visit: {first_frame_ms:.0} ms");
    journey::first_day(&mut browser, &daemon).await?;
    let again_ms = enter(&mut browser, &daemon).await?;
    println!("time to first frame, second visit: {again_ms:.0} ms");
    journey::second_visit(&mut browser).await?;
    ensure!(
        browser.complaints().iter().all(|text| text.contains("401") || text.contains("403")),
        "{:#?}",
        browser.complaints()
    );
    Ok(())
}

#[tokio::test]
async fn desktop_web_says_so_when_the_device_goes_away() -> Result<()> {
    let daemon = journey::daemon_with_web().await?;
    daemon.sign_up().await?;
    let mut browser = Chromium::start(1280, 720).await?;
    enter(&mut browser, &daemon).await?;
    browser.fill("Name", OWNER).await?;
    browser.fill("Password", PASSWORD).await?;
    browser.press(Key::Enter).await?;
    journey::mission_control(&mut browser).await?;
    let stopped = daemon.kill().await?;
    browser.find("the banner", |control| control.says("Not connected")).await?;
    browser.picture("reconnecting-dark").await?;
    drop(stopped);
    Ok(())
}
