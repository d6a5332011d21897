//! What can be typed about quotas.

use aether_protocol::quota::Quotas;
use clap::Args;

/// What one life may use altogether.
#[derive(Clone, Copy, Debug, Default, Args)]
pub(crate) struct QuotaArgs {
    /// Tokens that its model reads and writes.
    #[arg(long, value_name = "N")]
    pub(crate) tokens: Option<u64>,
    /// CPU time of all its processes together, in seconds.
    #[arg(long, value_name = "SECS")]
    pub(crate) cpu_secs: Option<u64>,
    /// How long it may run, without the time in which it is held or waits, in seconds.
    #[arg(long, value_name = "SECS")]
    pub(crate) wall_secs: Option<u64>,
    /// Memory of all its processes together, with K, M or G.
    #[arg(long, value_name = "SIZE", value_parser = crate::shape::parse_bytes)]
    pub(crate) memory: Option<u64>,
    /// What its home may hold, with K, M or G.
    #[arg(long, value_name = "SIZE", value_parser = crate::shape::parse_bytes)]
    pub(crate) disk: Option<u64>,
    /// Processes and threads at once.
    #[arg(long, value_name = "N")]
    pub(crate) processes: Option<u32>,
    /// Open files of all its processes together.
    #[arg(long, value_name = "N")]
    pub(crate) open_files: Option<u32>,
}

impl QuotaArgs {
    /// As the protocol has them; `None` where nothing was typed.
    pub(crate) fn quotas(self, steps: Option<u32>) -> Option<Quotas> {
        let quotas = Quotas {
            cpu_secs: self.cpu_secs,
            memory_bytes: self.memory,
            disk_bytes: self.disk,
            processes: self.processes,
            open_files: self.open_files,
            tokens: self.tokens,
            steps,
            wall_secs: self.wall_secs,
        };
        (quotas != Quotas::default()).then_some(quotas)
    }
}
