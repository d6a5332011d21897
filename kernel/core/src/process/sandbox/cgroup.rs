//! A cgroup for each sandbox, where the host delegates a cgroup v2 subtree with controllers
//! (Documentation/admin-guide/cgroup-v2.rst of Linux).
//!
//! *Invariant:* a group holds what this kernel has put there: what an earlier kernel left is ended and removed first.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use rustix::process::Pid;

use super::Limits;

/// The controllers that are used.
const CONTROLLERS: [&str; 3] = ["memory", "pids", "cpu"];

/// Where the kernel itself goes.
const LEAF: &str = "aetherd";

/// The kernel's weight. Each agent's group counts as much as the kernel with all that it does for everybody, so with the
/// usual 100 a few busy agents would leave it a small share.
const KERNEL_WEIGHT: u64 = 1000;

/// How the names of sandboxes' groups begin.
const GROUPS: [&str; 3] = ["agent-", "ready-", "terminal-"];

/// How long what an earlier kernel left may take to end.
const LEFTOVERS_WAIT: Duration = Duration::from_secs(2);

/// How often it looks.
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// The kernel's part of the host's cgroup tree.
#[derive(Debug)]
pub(super) struct Subtree {
    root: PathBuf,
}

impl Subtree {
    /// Claims the cgroup that the kernel was started in: moves the kernel into a leaf of it (a cgroup with
    /// controllers for children has no processes of its own) and hands the controllers down. What an earlier kernel
    /// left is removed. The reason when that cannot be done, for people.
    pub(super) fn claim() -> Result<Self, String> {
        let own = own_cgroup()?;
        // A kernel that divided it before, or whose service manager did, is in the leaf already.
        let is_leaf = own.file_name().is_some_and(|name| name == LEAF);
        let root = own.parent().filter(|_| is_leaf).map_or_else(|| own.clone(), Path::to_owned);
        let available = fs::read_to_string(root.join("cgroup.controllers"))
            .map_err(|error| format!("{} cannot be read: {error}", root.display()))?;
        let missing: Vec<_> = CONTROLLERS
            .iter()
            .filter(|name| !available.split_whitespace().any(|found| found == **name))
            .copied()
            .collect();
        if !missing.is_empty() {
            return Err(format!("the cgroup v2 controllers {} are not available here", missing.join(", ")));
        }
        let subtree = Self { root };
        if let Some(other) = subtree.other_kernel() {
            return Err(format!(
                "another kernel (process {other}) makes its agents' cgroups in {}",
                subtree.root.display()
            ));
        }
        subtree.divide().map_err(|error| {
            if !is_leaf {
                subtree.undo();
            }
            format!("{} is not delegated to the kernel: {error}", subtree.root.display())
        })?;
        subtree.sweep();
        Ok(subtree)
    }

    fn divide(&self) -> io::Result<()> {
        let leaf = self.root.join(LEAF);
        match fs::create_dir(&leaf) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        fs::write(leaf.join("cgroup.procs"), "0")?;
        fs::write(
            self.root.join("cgroup.subtree_control"),
            CONTROLLERS.map(|name| format!("+{name}")).join(" "),
        )?;
        fs::write(leaf.join("cpu.weight"), KERNEL_WEIGHT.to_string())
    }

    /// Where other processes share the cgroup it cannot be divided; the kernel goes back to where it was.
    fn undo(&self) {
        let _ = fs::write(self.root.join("cgroup.procs"), "0");
        let _ = fs::remove_dir(self.root.join(LEAF));
    }

    /// Another process of this program that has divided the same cgroup.
    fn other_kernel(&self) -> Option<u32> {
        let program = fs::read_link("/proc/self/exe").ok()?;
        let inside = fs::read_to_string(self.root.join(LEAF).join("cgroup.procs")).ok()?;
        let others = inside.lines().filter_map(|line| line.parse::<u32>().ok());
        others
            .filter(|pid| *pid != std::process::id())
            .find(|pid| fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| exe == program))
    }

    /// Ends and removes the groups that an earlier kernel left. Once in a process: what is found later is its own.
    fn sweep(&self) {
        static DONE: AtomicBool = AtomicBool::new(false);
        if DONE.swap(true, Ordering::AcqRel) {
            return;
        }
        for entry in fs::read_dir(&self.root).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let is_group =
                name.to_str().is_some_and(|name| GROUPS.iter().any(|start| name.starts_with(start)));
            if is_group && let Err(error) = clear(&entry.path()) {
                tracing::warn!(path = %entry.path().display(), %error, "a cgroup of an earlier kernel stays");
            }
        }
    }

    /// For people.
    pub(super) fn describe(&self) -> String {
        format!("memory, processes and CPU weight are bounded per agent under {}", self.root.display())
    }

    /// Makes the cgroup of one sandbox.
    pub(super) fn make(&self, name: &str, limits: &Limits, priority: u8) -> io::Result<Group> {
        let path = self.root.join(name);
        match fs::create_dir(&path) {
            // Its counters would be those of the life before, and whoever is left in it would share the bounds.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                clear(&path)?;
                fs::create_dir(&path)?;
            }
            made => made?,
        }
        let group = Group { path, leaf: self.root.join(LEAF), removed: AtomicBool::new(false) };
        group.set_limits(limits.memory_bytes, limits.processes)?;
        // What is swapped out counts nowhere else. A Linux without swap has no such file.
        match group.set("memory.swap.max", 0) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        group.set("memory.oom.group", 1)?;
        group.set_priority(priority)?;
        Ok(group)
    }
}

/// The cgroup of one sandbox. Its directory goes with [`Group::remove`], at the latest when this is dropped.
#[derive(Debug)]
pub(crate) struct Group {
    path: PathBuf,
    /// Where the kernel is.
    leaf: PathBuf,
    removed: AtomicBool,
}

impl Group {
    /// Moves a process in; its children follow.
    pub(super) fn adopt(&self, pid: Pid) -> io::Result<()> {
        fs::write(self.path.join("cgroup.procs"), pid.as_raw_nonzero().to_string())
    }

    /// Moves a process to where the kernel is; its children stay.
    pub(super) fn release(&self, pid: Pid) -> io::Result<()> {
        fs::write(self.leaf.join("cgroup.procs"), pid.as_raw_nonzero().to_string())
    }

    /// CPU weight 100 is what a group has by itself.
    pub(crate) fn set_priority(&self, priority: u8) -> io::Result<()> {
        let weight = match priority {
            0 | 1 => 400,
            2 => 200,
            3 => 100,
            4 => 50,
            _ => 25,
        };
        self.set("cpu.weight", weight)
    }

    /// Bounds for all of its processes together. bubblewrap's two come on top of `processes`.
    pub(crate) fn set_limits(&self, memory_bytes: u64, processes: u32) -> io::Result<()> {
        self.set("memory.max", memory_bytes)?;
        self.set("pids.max", u64::from(processes) + 2)
    }

    /// CPU time in microseconds, of all that ever ran in it.
    pub(crate) fn cpu_micros(&self) -> Option<u64> {
        field(&self.read("cpu.stat")?, "usage_usec")
    }

    /// Memory in use, without what Linux takes back when it is needed: files that can be read again, and what it
    /// remembers of them.
    pub(crate) fn memory_bytes(&self) -> Option<u64> {
        let all: u64 = self.read("memory.current")?.trim().parse().ok()?;
        Some(all.saturating_sub(reclaimable(&self.read("memory.stat")?)))
    }

    /// The bound on memory and the most that was in use, where Linux has ended it for want of memory.
    pub(super) fn out_of_memory(&self) -> Option<OutOfMemory> {
        if field(&self.read("memory.events")?, "oom_kill")? == 0 {
            return None;
        }
        let limit_bytes = self.read("memory.max")?.trim().parse().ok()?;
        let peak = self.read("memory.peak").and_then(|text| text.trim().parse().ok());
        Some(OutOfMemory { used_bytes: peak.unwrap_or(limit_bytes), limit_bytes })
    }

    /// Ends what is left in it and removes it. False when something is still on its way out.
    pub(super) fn remove(&self) -> bool {
        if self.removed.load(Ordering::Acquire) {
            return true;
        }
        let gone = match fs::remove_dir(&self.path) {
            Ok(()) => true,
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        };
        if gone {
            self.removed.store(true, Ordering::Release);
        } else {
            let _ = fs::write(self.path.join("cgroup.kill"), "1");
        }
        gone
    }

    fn read(&self, file: &str) -> Option<String> {
        fs::read_to_string(self.path.join(file)).ok()
    }

    fn set(&self, file: &str, value: u64) -> io::Result<()> {
        fs::write(self.path.join(file), value.to_string())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if !self.remove() {
            tracing::warn!(path = %self.path.display(), "a cgroup could not be removed: something runs in it");
        }
    }
}

/// What a cgroup had used when Linux ended its processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OutOfMemory {
    pub(crate) used_bytes: u64,
    pub(crate) limit_bytes: u64,
}

/// Ends what runs in a cgroup and removes it. Blocks until that is done, for two seconds at most.
fn clear(path: &Path) -> io::Result<()> {
    let deadline = Instant::now() + LEFTOVERS_WAIT;
    loop {
        match fs::remove_dir(path) {
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy && Instant::now() < deadline => {}
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => return Ok(()),
        }
        fs::write(path.join("cgroup.kill"), "1")?;
        thread::sleep(LOOK_AGAIN);
    }
}

/// What of a cgroup's memory Linux can take back, from its `memory.stat`. Shared memory and `/tmp` are not in it:
/// they are on the lists of anonymous memory.
fn reclaimable(stat: &str) -> u64 {
    ["active_file", "inactive_file", "slab_reclaimable"].iter().filter_map(|name| field(stat, name)).sum()
}

/// A number of a file of names and numbers.
fn field(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?.trim().parse().ok()
}

/// The kernel's cgroup in the v2 hierarchy.
fn own_cgroup() -> Result<PathBuf, String> {
    let listing = fs::read_to_string("/proc/self/cgroup").map_err(|error| error.to_string())?;
    let relative = listing
        .lines()
        .find_map(|line| line.strip_prefix("0::/"))
        .ok_or("this host has no cgroup v2 hierarchy")?;
    let mounts = fs::read_to_string("/proc/self/mounts").map_err(|error| error.to_string())?;
    let mount = mounts
        .lines()
        .find_map(|line| {
            let mut fields = line.split(' ');
            let (_, path, kind) = (fields.next()?, fields.next()?, fields.next()?);
            (kind == "cgroup2").then(|| PathBuf::from(path))
        })
        .ok_or("cgroup v2 is not mounted on this host")?;
    Ok(mount.join(relative.trim_end_matches('/')))
}

#[cfg(test)]
mod tests {
    use super::{field, reclaimable};

    const STAT: &str = "anon 4096\nfile 900\nshmem 100\ninactive_anon 5000\nactive_anon 50\ninactive_file 300\n\
        active_file 500\nslab_reclaimable 70\nslab_unreclaimable 9\nslab 79\n";

    #[test]
    fn names_are_matched_whole() {
        assert_eq!(field(STAT, "slab"), Some(79));
        assert_eq!(field(STAT, "file"), Some(900));
        assert_eq!(field(STAT, "activ"), None);
        assert_eq!(field("oom_kill many\n", "oom_kill"), None);
    }

    #[test]
    fn what_linux_can_take_back_is_not_used() {
        assert_eq!(reclaimable(STAT), 870);
        assert_eq!(reclaimable(""), 0);
    }
}
