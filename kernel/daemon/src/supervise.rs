//! Signals, and what the service's supervisor is told.

use std::{sync::Arc, time::Duration};

use aether_kernel::Kernel;
use sd_notify::NotifyState;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::{MissedTickBehavior, interval, timeout},
};

/// How long the kernel may take to say that it is well.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(5);

/// SIGTERM and SIGINT.
pub(crate) struct StopSignals {
    term: Signal,
    int: Signal,
}

impl StopSignals {
    /// From now on these signals do not end the process by themselves.
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self { term: signal(SignalKind::terminate())?, int: signal(SignalKind::interrupt())? })
    }

    /// Waits for one; returns its name.
    pub async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.term.recv() => "SIGTERM",
            _ = self.int.recv() => "SIGINT",
        }
    }
}

/// Tells systemd, where it listens.
pub(crate) fn tell(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::warn!(%error, "the supervisor cannot be told");
    }
}

/// Tells systemd that the kernel is well, twice in each of its intervals, and only after the kernel has
/// answered. Returns at once where no watchdog is set.
pub(crate) async fn watchdog(kernel: Arc<Kernel>) {
    let Some(patience) = sd_notify::watchdog_enabled() else { return };
    let mut tick = interval((patience / 2).max(Duration::from_millis(10)));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        match timeout(HEALTH_TIMEOUT, kernel.healthy()).await {
            Ok(true) => tell(NotifyState::Watchdog),
            Ok(false) => tracing::error!("the kernel is not well; the watchdog is not told"),
            Err(_) => tracing::error!("the kernel does not answer; the watchdog is not told"),
        }
    }
}
