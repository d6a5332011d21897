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
        let leaf = own.join("aetherd");
        let describe =
            |error: io::Error| format!("{} is not delegated to the kernel: {error}", own.display());
        make(&leaf).map_err(describe)?;
        fs::write(leaf.join("cgroup.procs"), "0").map_err(describe)?;
        let wanted = CONTROLLERS.map(|name| format!("+{name}")).join(" ");
        fs::write(own.join("cgroup.subtree_control"), wanted).map_err(describe)?;
        Ok(Self { root: own })
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
    Ok(mount.join(relative))
}

fn make(path: &Path) -> io::Result<()> {
    match fs::create_dir(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}
