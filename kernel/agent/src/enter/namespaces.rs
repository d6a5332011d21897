//! Joins the namespaces of a running sandbox.

use std::{
    fs::{self, File},
    io,
    os::{
        fd::{AsFd, AsRawFd, FromRawFd, OwnedFd},
        unix::fs::MetadataExt,
    },
};

use anyhow::{Context, bail};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, PidfdFlags, pidfd_open},
    thread::move_into_link_name_space,
};

/// `NS_GET_USERNS` of ioctl_ns(2).
const NS_GET_USERNS: libc::Ioctl = 0xb701;

/// Joins the user, mount, ipc, uts, net, cgroup and, for children to come, pid namespace of `host_pid`. It is
/// the right process when its pid namespace has the inode `pidns_inode` and it lives after everything of it
/// was opened: then its number was nobody else's in between.
pub(super) fn join(host_pid: i32, pidns_inode: u64) -> anyhow::Result<()> {
    let gone = "The process has ended";
    let pid = Pid::from_raw(host_pid).context(gone)?;
    let pidfd = pidfd_open(pid, PidfdFlags::empty()).context(gone)?;
    let open = |name: &str| {
        File::open(format!("/proc/{host_pid}/ns/{name}"))
            .with_context(|| format!("The {name} namespace of the sandbox cannot be opened"))
    };
    let (user, mount, pids) = (open("user")?, open("mnt")?, open("pid")?);
    let others = [open("ipc")?, open("uts")?, open("net")?, open("cgroup")?];
    if pids.metadata()?.ino() != pidns_inode {
        bail!("The process is not the one that was meant; it has ended and its number was given to another");
    }
    if has_ended(&pidfd) {
        bail!(gone);
    }
    // bubblewrap without root makes two user namespaces, and the mounts belong to the outer one: only from
    // there can they be joined.
    let outer = owner_of(&mount).context("The owner of the sandbox's mounts cannot be found")?;
    enter(&outer).context("The sandbox's user namespace cannot be joined")?;
    for namespace in others.iter().chain([&pids, &mount]) {
        enter(namespace).context("A namespace of the sandbox cannot be joined")?;
    }
    let inner = fs::File::from(outer).metadata()?.ino() != user.metadata()?.ino();
    if inner {
        enter(&user).context("The sandbox's inner user namespace cannot be joined")?;
    }
    Ok(())
}

fn enter(namespace: &impl AsFd) -> io::Result<()> {
    Ok(move_into_link_name_space(namespace.as_fd(), None)?)
}

#[expect(unsafe_code, reason = "this ioctl has no safe binding")]
fn owner_of(namespace: &File) -> io::Result<OwnedFd> {
    // SAFETY: the ioctl takes no argument and returns a new descriptor or -1.
    let fd = unsafe { libc::ioctl(namespace.as_raw_fd(), NS_GET_USERNS) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor is new and nobody else's.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn has_ended(pidfd: &OwnedFd) -> bool {
    let mut fds = [PollFd::new(pidfd, PollFlags::IN)];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut fds, Some(&at_once)).is_ok_and(|ready| ready > 0)
}
