//! What the processes of each sandbox use, in one pass over `/proc` for all of them (proc(5)).

use std::{
    collections::{HashMap, HashSet},
    fs,
    os::unix::fs::MetadataExt as _,
    time::Duration,
};

/// Open files of one process that are counted one by one, where Linux does not say how many there are.
const COUNTED_FILES: usize = 70_000;

/// The kind of file system that lies in memory (statfs(2)).
const TMPFS_MAGIC: i128 = 0x0102_1994;

/// What one sandbox's processes use at the moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Census {
    /// CPU time of those that are there, and of those that they have reaped; clock ticks.
    pub(crate) ticks: u64,
    /// Resident memory; what several share counts several times.
    pub(crate) resident_bytes: u64,
    /// Processes and threads.
    pub(crate) processes: u64,
    /// Open files.
    pub(crate) open_files: u64,
    /// The Linux pids.
    pub(crate) members: Vec<i32>,
}

/// Looks at all processes of the host, and remembers which sandbox each belongs to: a zombie does not tell any more.
#[derive(Debug, Default)]
pub(crate) struct Look {
    /// By Linux pid: when it started, and its pid namespace.
    known: HashMap<i32, (u64, u64)>,
}

impl Look {
    /// The processes of the sandboxes with these pid namespaces (inodes on nsfs).
    pub(crate) fn take(&mut self, namespaces: &HashSet<u64>) -> HashMap<u64, Census> {
        let mut found: HashMap<u64, Census> = HashMap::new();
        let mut seen = HashMap::with_capacity(self.known.len());
        for pid in host_pids() {
            let Some(stat) = Stat::read(pid) else { continue };
            let namespace = match self.known.get(&pid) {
                Some((started, namespace)) if *started == stat.started => *namespace,
                _ => match namespace_of(pid).or_else(|| stat.is_zombie.then(|| namespace_of(stat.parent))?) {
                    Some(namespace) => namespace,
                    None => continue,
                },
            };
            seen.insert(pid, (stat.started, namespace));
            if !namespaces.contains(&namespace) {
                continue;
            }
            let census = found.entry(namespace).or_default();
            census.ticks += stat.ticks;
            census.resident_bytes += stat.resident_pages * rustix::param::page_size() as u64;
            census.processes += stat.threads;
            census.open_files += open_files(pid);
            census.members.push(pid);
        }
        self.known = seen;
        found
    }
}

/// CPU time of a tree, out of sums that can fall: who is reaped by one that ignores its children takes its time
/// along.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct CpuMeter {
    last: u64,
    lost: u64,
}

impl CpuMeter {
    /// The whole so far, in the unit of `sum`.
    pub(crate) fn take(&mut self, sum: u64) -> u64 {
        self.lost += self.last.saturating_sub(sum);
        self.last = sum;
        self.last + self.lost
    }
}

/// Clock ticks as a time.
pub(crate) fn duration(ticks: u64) -> Duration {
    Duration::from_millis(ticks * 1000 / rustix::param::clock_ticks_per_second().max(1))
}

/// Memory of these processes, where what they share counts once (`smaps_rollup`); resident memory where Linux does
/// not tell. Dearer than [`Look::take`]: for those that are near their limit.
pub(crate) fn proportional_bytes(members: &[i32]) -> u64 {
    members.iter().map(|pid| proportional(*pid)).sum()
}

/// What lies in the file systems in memory that a sandbox has of its own; for one that stands. While it is being
/// made, its root is still the host's.
pub(crate) fn shared_memory_bytes(init: i32) -> u64 {
    ["tmp", "dev/shm"]
        .into_iter()
        .filter_map(|place| rustix::fs::statfs(format!("/proc/{init}/root/{place}")).ok())
        .filter(|found| i128::from(found.f_type) == TMPFS_MAGIC)
        .map(|found| found.f_blocks.saturating_sub(found.f_bfree) * u64::try_from(found.f_bsize).unwrap_or(0))
        .sum()
}

fn proportional(pid: i32) -> u64 {
    let told = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok().and_then(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
        line.trim().trim_end_matches(" kB").parse::<u64>().ok()
    });
    told.map_or_else(
        || Stat::read(pid).map_or(0, |stat| stat.resident_pages) * rustix::param::page_size() as u64,
        |kibibytes| kibibytes * 1024,
    )
}

/// A line of `/proc/PID/stat`.
struct Stat {
    /// It has ended and its parent has not asked how: it has no namespaces any more, but counts.
    is_zombie: bool,
    parent: i32,
    ticks: u64,
    threads: u64,
    started: u64,
    resident_pages: u64,
}

impl Stat {
    fn read(pid: i32) -> Option<Self> {
        let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let (_, rest) = text.rsplit_once(") ")?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
        // Fields 14 to 17, 20, 22 and 24 of proc(5); the state is field 3.
        Some(Self {
            is_zombie: fields.first() == Some(&"Z"),
            parent: fields.get(1)?.parse().ok()?,
            ticks: number(11)? + number(12)? + number(13)? + number(14)?,
            threads: number(17)?.max(1),
            started: number(19)?,
            resident_pages: number(21)?,
        })
    }
}

fn host_pids() -> impl Iterator<Item = i32> {
    fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
}

fn namespace_of(pid: i32) -> Option<u64> {
    fs::metadata(format!("/proc/{pid}/ns/pid")).ok().map(|found| found.ino())
}

/// Since Linux 6.2 the folder's size is the number of its entries.
fn open_files(pid: i32) -> u64 {
    let folder = format!("/proc/{pid}/fd");
    match fs::metadata(&folder).map(|found| found.len()) {
        Ok(0) | Err(_) => fs::read_dir(folder).map_or(0, |files| files.take(COUNTED_FILES).count() as u64),
        Ok(count) => count,
    }
}
