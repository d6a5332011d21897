//! Five agents that each want all of one thing, for tests and benchmarks of the governor.

use aether_protocol::quota::Kind;
use serde_json::{Value, json};

/// One attack: what is overused, and the order for an agent that runs it.
pub struct Attack {
    /// The quota that it must be stopped for.
    pub kind: Kind,
    /// The limit.
    pub limit: u64,
    /// For `process.spawn`.
    pub spawn: Value,
}

/// A configuration under which they are noticed soon; machines that are busy anyway do not get in the way.
pub const QUOTAS: &str = "max_running = 8\n[quotas]\nlook_every_ms = 100\n\
    [quotas.pressure]\nmemory_percent = 0\nio_percent = 0\ncpu_percent = 0\n";

/// A fork bomb, a memory hog, a disk filler, a descriptor hog and a busy loop.
pub fn all() -> Vec<Attack> {
    let hogs = "while :; do for i in 1 2 3 4; do tail /dev/zero & done; wait; done";
    let filler = "i=0; while :; do i=$((i+1)); head -c 1000000 /dev/zero > fill-$i; done";
    let opener = "for n in 1 2 3 4 5 6; do \
        bash -c 'for i in $(seq 100); do exec {fd}</dev/null; done; sleep 100' & done; wait";
    // Bash tries again where a fork is refused, so that the bomb does not die of its own success.
    let bomb = "bash -c 'bomb(){ bomb | bomb & }; bomb; exec sleep 100'";
    [
        (Kind::Processes, "processes", 64, bomb),
        (Kind::Memory, "memory_bytes", 160 << 20, hogs),
        (Kind::Disk, "disk_bytes", 32 << 20, filler),
        (Kind::OpenFiles, "open_files", 256, opener),
        (Kind::CpuTime, "cpu_secs", 2, "while :; do :; done"),
    ]
    .into_iter()
    .map(|(kind, name, limit, command)| Attack {
        kind,
        limit,
        spawn: json!({"role": "assistant", "goal": format!("long {command}"), "quotas": {name: limit}}),
    })
    .collect()
}
