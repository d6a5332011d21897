//! What a tree uses, and its share.

use std::{fs, io, time::Duration};

use rustix::process::{Pid, setpriority_process};

use super::{Root, members};

pub(super) fn cpu_time(root: &Root) -> Duration {
    let ticks: u64 = members::all(root).iter().map(|member| member.ticks).sum();
    let per_second = rustix::param::clock_ticks_per_second().max(1);
    Duration::from_millis(ticks * 1000 / per_second)
}

pub(super) fn memory_bytes(root: &Root) -> u64 {
    members::all(root).iter().map(|member| memory_of(member.pid)).sum()
}

fn memory_of(pid: Pid) -> u64 {
    let process = format!("/proc/{}", pid.as_raw_nonzero());
    let proportional = fs::read_to_string(format!("{process}/smaps_rollup")).ok().and_then(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
        line.trim().trim_end_matches(" kB").parse::<u64>().ok()
    });
    if let Some(kibibytes) = proportional {
        return kibibytes * 1024;
    }
    let resident = fs::read_to_string(format!("{process}/statm"))
        .ok()
        .and_then(|text| text.split_ascii_whitespace().nth(1)?.parse::<u64>().ok());
    resident.unwrap_or(0) * rustix::param::page_size() as u64
}

/// Every thread of every process: on Linux a nice value is a thread's.
pub(super) fn set_nice(root: &Root, nice: i32) -> io::Result<()> {
    for member in members::all(root) {
        let threads = fs::read_dir(format!("/proc/{}/task", member.pid.as_raw_nonzero()));
        for thread in threads.into_iter().flatten().flatten() {
            let name = thread.file_name();
            let Some(id) = name.to_str().and_then(|name| Pid::from_raw(name.parse().ok()?)) else { continue };
            match setpriority_process(Some(id), nice) {
                Ok(()) | Err(rustix::io::Errno::SRCH) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(())
}
