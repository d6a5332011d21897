//! A cgroup for each sandbox, where the host delegates a cgroup v2 subtree with controllers
//! (Documentation/admin-guide/cgroup-v2.rst of Linux).

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use rustix::process::Pid;

use super::Limits;

/// The controllers that are used.
const CONTROLLERS: [&str; 3] = ["memory", "pids", "cpu"];

/// Where the kernel itself goes.
const LEAF: &str = "aetherd";

/// The kernel's part of the host's cgroup tree.
#[derive(Debug)]
pub(super) struct Subtree {
    root: PathBuf,
}

impl Subtree {
    /// Claims the cgroup that the kernel was started in: moves the kernel into a leaf of it (a cgroup with
    /// controllers for children has no processes of its own) and hands the controllers down. The reason when
    /// that cannot be done, for people.
    pub(super) fn claim() -> Result<Self, String> {
        let own = own_cgroup()?;
        let available = fs::read_to_string(own.join("cgroup.controllers"))
            .map_err(|error| format!("{} cannot be read: {error}", own.display()))?;
        let missing: Vec<_> = CONTROLLERS
            .iter()
            .filter(|name| !available.split_whitespace().any(|found| found == **name))
            .copied()
            .collect();
        if !missing.is_empty() {
            return Err(format!("the cgroup v2 controllers {} are not available here", missing.join(", ")));
        }
        let subtree = Self { root: own };
        subtree.divide().map_err(|error| {
            subtree.undo();
            format!("{} is not delegated to the kernel: {error}", subtree.root.display())
        })?;
        Ok(subtree)
    }

    fn divide(&self) -> io::Result<()> {
        let leaf = self.root.join(LEAF);
        make(&leaf)?;
        fs::write(leaf.join("cgroup.procs"), "0")?;
        fs::write(
            self.root.join("cgroup.subtree_control"),
            CONTROLLERS.map(|name| format!("+{name}")).join(" "),
        )
    }

    /// Where other processes share the cgroup it cannot be divided; the kernel goes back to where it was.
    fn undo(&self) {
        let _ = fs::write(self.root.join("cgroup.procs"), "0");
        let _ = fs::remove_dir(self.root.join(LEAF));
    }

    /// For people.
    pub(super) fn describe(&self) -> String {
        format!("memory, processes and CPU weight are bounded per agent under {}", self.root.display())
    }

    /// Makes the cgroup of one sandbox.
    pub(super) fn make(&self, name: &str, limits: &Limits, priority: u8) -> io::Result<Group> {
        let group = Group { path: self.root.join(name) };
        make(&group.path)?;
        group.set("memory.max", limits.memory_bytes)?;
        group.set("memory.oom.group", 1)?;
        // bubblewrap's two processes come on top of the agent's own.
        group.set("pids.max", u64::from(limits.processes) + 2)?;
        group.set_priority(priority)?;
        Ok(group)
    }
}

/// The cgroup of one sandbox. Its directory goes when this is dropped.
#[derive(Debug)]
pub(crate) struct Group {
    path: PathBuf,
}

impl Group {
    /// Moves a process in; its children follow.
    pub(super) fn adopt(&self, pid: Pid) -> io::Result<()> {
        fs::write(self.path.join("cgroup.procs"), pid.as_raw_nonzero().to_string())
    }

    /// CPU weight 100 is what everything else on the host has.
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

    /// Bounds for all of its processes together.
    pub(crate) fn set_limits(&self, memory_bytes: Option<u64>, processes: Option<u64>) -> io::Result<()> {
        if let Some(bytes) = memory_bytes {
            self.set("memory.max", bytes)?;
        }
        if let Some(count) = processes {
            self.set("pids.max", count + 2)?;
        }
        Ok(())
    }

    /// CPU time in microseconds, of all that ever ran in it.
    pub(crate) fn cpu_micros(&self) -> Option<u64> {
        self.field("cpu.stat", "usage_usec ")
    }

    /// Memory in use, without files that can be read again.
    pub(crate) fn memory_bytes(&self) -> Option<u64> {
        let all: u64 = fs::read_to_string(self.path.join("memory.current")).ok()?.trim().parse().ok()?;
        Some(all.saturating_sub(self.field("memory.stat", "inactive_file ").unwrap_or(0)))
    }

    fn field(&self, file: &str, name: &str) -> Option<u64> {
        let text = fs::read_to_string(self.path.join(file)).ok()?;
        text.lines().find_map(|line| line.strip_prefix(name))?.trim().parse().ok()
    }

    fn set(&self, file: &str, value: u64) -> io::Result<()> {
        fs::write(self.path.join(file), value.to_string())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // Empty by now: it is dropped after the namespace's init was reaped.
        if let Err(error) = fs::remove_dir(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "a cgroup could not be removed");
        }
    }
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
    // A kernel that divided it before is in the leaf already.
    let relative = relative.strip_suffix(LEAF).unwrap_or(relative);
    Ok(mount.join(relative.trim_end_matches('/')))
}

fn make(path: &Path) -> io::Result<()> {
    match fs::create_dir(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}
