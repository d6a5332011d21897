//! The host's load, read when asked for.

use std::path::{Path, PathBuf};

use aether_protocol::system::Host;
use parking_lot::Mutex;

/// Reads the host's load from `/proc`.
pub(crate) struct Devices {
    state_dir: PathBuf,
    /// Busy and total CPU time at the last look, in clock ticks.
    cpu: Mutex<Option<(u64, u64)>>,
}

impl Devices {
    pub(crate) fn start(state_dir: &Path) -> Self {
        let devices = Self { state_dir: state_dir.to_owned(), cpu: Mutex::new(None) };
        // The first share is that since now, not since the host started.
        devices.cpu_share();
        devices
    }

    /// One line for the boot banner.
    #[expect(clippy::unused_self, reason = "the face of a subsystem; what it says will come from its state")]
    pub(crate) fn summary(&self) -> String {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        format!("{cores} cores, {} MiB of memory", host_memory_bytes() >> 20)
    }

    /// The load since the last call.
    pub(crate) fn host(&self) -> Host {
        let memory = MemInfo::read();
        let disk = rustix::fs::statvfs(&self.state_dir).ok();
        Host {
            cpu_share: self.cpu_share(),
            memory_used_bytes: memory.total_bytes.saturating_sub(memory.available_bytes),
            memory_total_bytes: memory.total_bytes,
            disk_free_bytes: disk.as_ref().map_or(0, |disk| disk.f_bavail * disk.f_frsize),
            disk_total_bytes: disk.map_or(0, |disk| disk.f_blocks * disk.f_frsize),
        }
    }

    fn cpu_share(&self) -> f32 {
        let Some(now) = cpu_ticks() else { return 0.0 };
        let mut last = self.cpu.lock();
        let before = last.replace(now).unwrap_or((0, 0));
        let total = now.1.saturating_sub(before.1);
        if total == 0 { 0.0 } else { now.0.saturating_sub(before.0) as f32 / total as f32 }
    }
}

/// The host's memory in bytes, 0 where it cannot be read.
pub(crate) fn host_memory_bytes() -> u64 {
    MemInfo::read().total_bytes
}

/// What could be used without swapping, in bytes; 0 where it cannot be read.
pub(crate) fn available_memory_bytes() -> u64 {
    MemInfo::read().available_bytes
}

#[derive(Default)]
struct MemInfo {
    total_bytes: u64,
    available_bytes: u64,
}

impl MemInfo {
    /// From `/proc/meminfo` (proc(5)), in kB there.
    fn read() -> Self {
        let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let field = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim().trim_end_matches(" kB").parse::<u64>().ok()
        };
        Self {
            total_bytes: field("MemTotal:").unwrap_or(0) << 10,
            available_bytes: field("MemAvailable:").unwrap_or(0) << 10,
        }
    }
}

/// Busy and total time of all cores together, from `/proc/stat` (proc(5)).
fn cpu_ticks() -> Option<(u64, u64)> {
    let text = std::fs::read_to_string("/proc/stat").ok()?;
    let ticks: Vec<u64> =
        text.lines().next()?.split_whitespace().skip(1).take(8).map_while(|word| word.parse().ok()).collect();
    let total = ticks.iter().sum();
    let idle = ticks.get(3)? + ticks.get(4)?;
    Some((total - idle, total))
}
