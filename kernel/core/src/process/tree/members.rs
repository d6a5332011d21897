//! Finds the processes of a tree.

use std::{
    collections::HashMap,
    fs, io,
    os::{fd::OwnedFd, unix::fs::MetadataExt},
};

use rustix::process::{Pid, PidfdFlags, pidfd_open, test_kill_process};

use super::{Root, Scope, stat_fields};

/// A process of a tree.
pub(super) struct Member {
    pub(super) pid: Pid,
    pub(super) parent: Option<Pid>,
    pub(super) group: i32,
    /// As in proc(5): `R`, `S`, `T`, `Z` …
    pub(super) state: char,
    /// CPU time in clock ticks, its own and that of its reaped children.
    pub(super) ticks: u64,
}

/// The inode of the pid namespace that a process lives in.
pub(super) fn namespace(pid: Pid) -> io::Result<u64> {
    fs::metadata(format!("/proc/{}/ns/pid", pid.as_raw_nonzero())).map(|found| found.ino())
}

/// All processes of the tree, zombies included.
pub(super) fn all(root: &Root) -> Vec<Member> {
    match root.scope {
        Scope::Namespace(inode) => host_processes()
            .filter(|pid| namespace(*pid).ok() == Some(inode) || is_dead_child(*pid, root))
            .filter_map(read)
            .collect(),
        Scope::Descendants => descendants(root),
    }
}

/// A zombie has no namespace links any more. Those that matter are children of the init.
fn is_dead_child(pid: Pid, root: &Root) -> bool {
    pid == root.init_pid
}

/// A pidfd of a member, verified after it was opened.
pub(super) fn open(root: &Root, member: &Member) -> Option<OwnedFd> {
    let pidfd = pidfd_open(member.pid, PidfdFlags::empty()).ok()?;
    let belongs = match root.scope {
        Scope::Namespace(inode) => namespace(member.pid).ok() == Some(inode),
        Scope::Descendants => {
            member.pid == root.init_pid
                || read(member.pid)?.parent == member.parent
                || is_below(root, member.pid)
        }
    };
    belongs.then_some(pidfd)
}

/// The program's process: the init's first child. bubblewrap's init starts it and nothing else; orphans that
/// the init adopts come later, with higher numbers.
pub(super) fn program(root: &Root) -> Option<Pid> {
    if let Some(known) = root.program.get() {
        return test_kill_process(*known).is_ok().then_some(*known);
    }
    let first = *children(root.init_pid).first()?;
    let second = match root.scope {
        // Inside, the init has the pid 1 and the program 2.
        Scope::Namespace(_) => pid_inside(first)? == 2,
        Scope::Descendants => true,
    };
    if !second || read(first)?.parent != Some(root.init_pid) {
        return None;
    }
    Some(*root.program.get_or_init(|| first))
}

fn pid_inside(pid: Pid) -> Option<i32> {
    let status = fs::read_to_string(format!("/proc/{}/status", pid.as_raw_nonzero())).ok()?;
    status.lines().find_map(|line| line.strip_prefix("NSpid:"))?.split_ascii_whitespace().last()?.parse().ok()
}

/// The children of a process, the oldest first.
pub(crate) fn children(pid: Pid) -> Vec<Pid> {
    let number = pid.as_raw_nonzero();
    fs::read_to_string(format!("/proc/{number}/task/{number}/children"))
        .unwrap_or_default()
        .split_ascii_whitespace()
        .filter_map(|child| Pid::from_raw(child.parse().ok()?))
        .collect()
}

fn descendants(root: &Root) -> Vec<Member> {
    let everybody: HashMap<i32, Member> =
        host_processes().filter_map(read).map(|member| (number(member.pid), member)).collect();
    let mut inside = vec![number(root.init_pid)];
    let mut at = 0;
    while let Some(parent) = inside.get(at).copied() {
        at += 1;
        inside.extend(
            everybody
                .values()
                .filter(|member| member.parent.map(number) == Some(parent))
                .map(|member| number(member.pid)),
        );
    }
    let mut everybody = everybody;
    inside.iter().filter_map(|pid| everybody.remove(pid)).collect()
}

fn is_below(root: &Root, pid: Pid) -> bool {
    let mut at = Some(pid);
    while let Some(pid) = at {
        if pid == root.init_pid {
            return true;
        }
        at = read(pid).and_then(|member| member.parent);
    }
    false
}

/// The processes of the host, by number.
fn host_processes() -> impl Iterator<Item = Pid> {
    fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|entry| Pid::from_raw(entry.ok()?.file_name().to_str()?.parse().ok()?))
}

pub(super) fn read(pid: Pid) -> Option<Member> {
    let fields = stat_fields(pid).ok()?;
    let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
    Some(Member {
        pid,
        state: fields.first()?.chars().next()?,
        parent: Pid::from_raw(fields.get(1)?.parse().ok()?),
        group: fields.get(2)?.parse().ok()?,
        // utime, stime, cutime, cstime: fields 14 to 17 of proc(5).
        ticks: number(11)? + number(12)? + number(13)? + number(14)?,
    })
}

fn number(pid: Pid) -> i32 {
    pid.as_raw_nonzero().get()
}
