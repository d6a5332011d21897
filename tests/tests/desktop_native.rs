//! The journey of a first day in the native window, on a display without a screen (Xvfb). Needs Xvfb, xdotool and
//! ImageMagick, and what [`aether_tests::journey`] needs.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use aether_tests::{journey, xvfb::Window};
use anyhow::Result;

#[tokio::test]
async fn desktop_native_does_a_real_job_from_first_start_to_finished_file() -> Result<()> {
    let daemon = journey::daemon().await?;
    let mut window = Window::open(&daemon, 1280, 800).await?;
    journey::first_day(&mut window, &daemon).await?;
    window.open_again(&daemon).await?;
    journey::second_visit(&mut window).await
}
