//! One sandbox from the first `posix_spawn` to the last reaped process, as the keeper sees it.

use std::{
    fs, io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::{Arc, OnceLock, Weak},
};

use aether_protocol::process::Exit;
use parking_lot::Mutex;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{
        Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, WaitIdStatus, pidfd_open, pidfd_send_signal, waitid,
    },
};
use tokio::sync::watch;

use super::{
    Owner, SandboxError,
    arguments::UID_INSIDE,
    cgroup::{Group, OutOfMemory},
    spawn::Child,
};
use crate::process::tree::{ProcessTree, Root, Scope, children};

/// How much of what a sandbox writes to its standard error is kept.
const TAIL_BYTES: usize = 8 * 1024;

/// How often the removal of a cgroup is tried, with the keeper's pauses between.
const REMOVALS: u32 = 100;

/// The last words of a sandbox: bubblewrap's and the program's standard error.
#[derive(Debug, Default)]
pub(crate) struct Tail(Vec<u8>);

impl Tail {
    fn push(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
        let surplus = self.0.len().saturating_sub(TAIL_BYTES);
        self.0.drain(..surplus);
    }

    /// As text, trimmed.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0).trim().to_owned()
    }
}

/// All that is needed to start one.
pub(super) struct Start {
    pub(super) child: Child,
    /// The reading end of what bubblewrap reports on.
    pub(super) status: OwnedFd,
    /// The reading end of its standard error.
    pub(super) errors: Option<OwnedFd>,
    /// What to do when the user namespace stands, before the sandbox goes on.
    pub(super) gate: Option<Gate>,
    pub(super) group: Option<Group>,
    /// The cgroup of the sandbox that it enters.
    pub(super) joins: Weak<Group>,
    /// The user who appears as [`UID_INSIDE`], where the kernel maps.
    pub(super) owner: Option<Owner>,
    /// Whether the tree is a pid namespace of its own.
    pub(super) own_namespace: bool,
    pub(super) nice: i32,
}

/// The sandbox waits until this is written to.
pub(super) struct Gate {
    pub(super) release: OwnedFd,
}

/// What the keeper learned.
pub(super) enum Heard {
    Nothing,
    /// The namespaces stand.
    Stands(Result<ProcessTree, SandboxError>),
    /// Everything has ended and is reaped.
    Gone,
}

/// One that was started.
pub(super) struct Sandboxed {
    monitor: OwnedFd,
    monitor_pid: Pid,
    status: Option<OwnedFd>,
    report: Vec<u8>,
    errors: Option<OwnedFd>,
    tail: Arc<Mutex<Tail>>,
    gate: Option<Gate>,
    group: Option<Arc<Group>>,
    joins: Weak<Group>,
    out_of_memory: Arc<OnceLock<OutOfMemory>>,
    /// How often the cgroup could not be removed.
    removals: u32,
    owner: Option<Owner>,
    own_namespace: bool,
    nice: i32,
    root: Option<Arc<Root>>,
    /// Children of bubblewrap that were ended before they were reported.
    strays: Vec<OwnedFd>,
    exit: watch::Sender<Option<Exit>>,
    ended: Option<Exit>,
}

impl Start {
    pub(super) fn run(self) -> Result<Sandboxed, SandboxError> {
        let monitor_pid = self.child.spawn().map_err(SandboxError::host("starting bubblewrap"))?;
        // Not reaped yet, so the pid cannot have been given to another.
        let monitor = match pidfd_open(monitor_pid, PidfdFlags::empty()) {
            Ok(monitor) => monitor,
            Err(error) => {
                let _ = rustix::process::kill_process(monitor_pid, Signal::KILL);
                let _ = waitid(WaitId::Pid(monitor_pid), WaitIdOptions::EXITED);
                return Err(SandboxError::host("watching bubblewrap")(error));
            }
        };
        let _ = rustix::process::setpriority_process(Some(monitor_pid), self.nice);
        // Before it starts anything: what it starts is in the group too.
        if let Some(group) = self.joins.upgrade()
            && let Err(error) = group.adopt(monitor_pid)
        {
            tracing::warn!(%error, "what enters a sandbox could not be put into its cgroup");
        }
        Ok(Sandboxed {
            monitor,
            monitor_pid,
            status: Some(self.status),
            report: Vec::new(),
            errors: self.errors,
            tail: Arc::default(),
            gate: self.gate,
            group: self.group.map(Arc::new),
            joins: self.joins,
            out_of_memory: Arc::default(),
            removals: 0,
            owner: self.owner,
            own_namespace: self.own_namespace,
            nice: self.nice,
            root: None,
            strays: Vec::new(),
            exit: watch::Sender::new(None),
            ended: None,
        })
    }
}

impl Sandboxed {
    /// What to wait for.
    pub(super) fn watched<'a>(&'a self, list: &mut Vec<BorrowedFd<'a>>) {
        if self.ended.is_none() {
            list.push(self.monitor.as_fd());
        } else if let Some(root) = &self.root
            && !is_readable(&root.init)
        {
            list.push(root.init.as_fd());
        }
        if self.root.is_none() {
            list.extend(self.status.as_ref().map(AsFd::as_fd));
        }
        list.extend(self.errors.as_ref().map(AsFd::as_fd));
    }

    /// Whether something may change without any descriptor telling.
    pub(super) fn wants_retry(&self) -> bool {
        self.ended.is_some()
    }

    /// Takes in what has happened.
    pub(super) fn hear(&mut self) -> Heard {
        self.drain_errors();
        if self.root.is_none()
            && let Some(tree) = self.read_report()
        {
            return Heard::Stands(tree);
        }
        if self.ended.is_none() {
            self.ended = self.reap_monitor();
            if self.ended.is_some()
                && let Some(root) = &self.root
            {
                root.end();
            }
        }
        let Some(exit) = self.ended else { return Heard::Nothing };
        if !self.init_is_gone() || !self.group_is_gone() {
            return Heard::Nothing;
        }
        self.drain_errors();
        self.exit.send_replace(Some(exit));
        Heard::Gone
    }

    /// Ends it, however far it came.
    pub(super) fn kill(&mut self) {
        match &self.root {
            Some(root) => root.end(),
            None => self.kill_unreported(),
        }
        let _ = pidfd_send_signal(&self.monitor, Signal::KILL);
    }

    /// A child that bubblewrap has made and not reported is not tied to its parent yet, and would stay.
    fn kill_unreported(&mut self) {
        // Standing still it makes no other meanwhile.
        let _ = pidfd_send_signal(&self.monitor, Signal::STOP);
        for child in children(self.monitor_pid) {
            let Ok(pidfd) = pidfd_open(child, PidfdFlags::empty()) else { continue };
            if parent_of(child) == Some(self.monitor_pid) {
                let _ = pidfd_send_signal(&pidfd, Signal::KILL);
                self.strays.push(pidfd);
            }
        }
    }

    /// Why it never stood, for people.
    pub(super) fn why_not(&self) -> String {
        let said = self.tail.lock().text();
        if said.is_empty() { format!("bubblewrap ended: {:?}", self.ended) } else { said }
    }

    /// Reads what bubblewrap reports, `{ "child-pid": N, … }`.
    fn read_report(&mut self) -> Option<Result<ProcessTree, SandboxError>> {
        let status = self.status.as_ref()?;
        let mut buffer = [0_u8; 1024];
        match rustix::io::read(status, &mut buffer) {
            Ok(0) => self.status = None,
            Ok(count) => self.report.extend(buffer.get(..count).unwrap_or_default()),
            Err(_) => {}
        }
        if !self.report.contains(&b'}') {
            return None;
        }
        let child = child_pid(&self.report)?;
        let tree = self.stand(child);
        if tree.is_err() {
            self.kill();
        }
        Some(tree)
    }

    fn stand(&mut self, child: Pid) -> Result<ProcessTree, SandboxError> {
        let init =
            pidfd_open(child, PidfdFlags::empty()).map_err(SandboxError::host("watching a sandbox"))?;
        // Read after the pidfd was opened: a pid that had been recycled would have another parent.
        if parent_of(child) != Some(self.monitor_pid) {
            return Err(SandboxError::NotStarted { detail: "its first process ended at once".to_owned() });
        }
        let scope = if self.own_namespace {
            Scope::namespace_of(child).map_err(SandboxError::host("reading a sandbox's namespace"))?
        } else {
            Scope::Descendants
        };
        let root = Arc::new(Root::new(
            child,
            init,
            scope,
            self.owner,
            self.exit.subscribe(),
            Arc::clone(&self.tail),
            Arc::clone(&self.out_of_memory),
        ));
        self.root = Some(Arc::clone(&root));
        let tree = ProcessTree::new(root, self.group.as_ref().map(Arc::downgrade).unwrap_or_default());
        if let Some(group) = &self.group {
            group
                .adopt(child)
                .and_then(|()| group.adopt(self.monitor_pid))
                .map_err(SandboxError::host("putting a sandbox into its cgroup"))?;
        }
        if let Some(group) = self.joins.upgrade() {
            // It lives outside, and would keep the group from being removed with the sandbox.
            let _ = group.release(self.monitor_pid);
        }
        let _ = rustix::process::setpriority_process(Some(child), self.nice);
        if let Some(gate) = self.gate.take() {
            gate.open(child, self.owner).map_err(SandboxError::host("mapping a sandbox's user"))?;
        }
        Ok(tree)
    }

    fn reap_monitor(&self) -> Option<Exit> {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
        match waitid(WaitId::PidFd(self.monitor.as_fd()), options) {
            Ok(status) => status.map(|status| exit_of(&status)),
            Err(rustix::io::Errno::INTR) => None,
            // Somebody else reaped it.
            Err(_) => Some(Exit::NeverRan),
        }
    }

    /// Whether the namespace's init, and with it everything in the namespace, has ended and is reaped.
    fn init_is_gone(&self) -> bool {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
        for stray in &self.strays {
            let _ = waitid(WaitId::PidFd(stray.as_fd()), options);
        }
        if !self.strays.iter().all(is_readable) {
            return false;
        }
        let Some(root) = &self.root else { return true };
        match waitid(WaitId::PidFd(root.init.as_fd()), options) {
            Ok(Some(_)) => true,
            Ok(None) | Err(rustix::io::Errno::INTR) => false,
            // Not the kernel's child: its parent reaps it, or has.
            Err(_) => is_readable(&root.init) && !is_zombie(root.init_pid),
        }
    }

    /// Whether the cgroup, if there is one, is removed. What keeps it is ended, and it is tried again.
    fn group_is_gone(&mut self) -> bool {
        let Some(group) = &self.group else { return true };
        if let Some(found) = group.out_of_memory() {
            let _ = self.out_of_memory.set(found);
        }
        self.removals += 1;
        if !group.remove() && self.removals < REMOVALS {
            return false;
        }
        self.group = None;
        true
    }

    fn drain_errors(&mut self) {
        let mut buffer = [0_u8; 4096];
        while let Some(errors) = &self.errors {
            match rustix::io::read(errors, &mut buffer) {
                Ok(0) => self.errors = None,
                Ok(count) => self.tail.lock().push(buffer.get(..count).unwrap_or_default()),
                Err(_) => return,
            }
        }
    }
}

impl Gate {
    /// Maps the user ids where that is the kernel's part, and lets the sandbox go on.
    fn open(self, child: Pid, owner: Option<Owner>) -> io::Result<()> {
        if let Some(owner) = owner {
            let process = format!("/proc/{}", child.as_raw_nonzero());
            fs::write(format!("{process}/uid_map"), format!("0 0 1\n{UID_INSIDE} {} 1\n", owner.uid))?;
            fs::write(format!("{process}/gid_map"), format!("0 0 1\n{UID_INSIDE} {} 1\n", owner.gid))?;
        }
        rustix::io::write(&self.release, b"1")?;
        Ok(())
    }
}

/// bubblewrap passes on the status of its command, as a shell does: a signal becomes 128 and its number.
fn exit_of(status: &WaitIdStatus) -> Exit {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code @ 129..=192), _) => Exit::Signal { number: code - 128 },
        (Some(code), _) => Exit::Status { code },
        (None, Some(number)) => Exit::Signal { number },
        (None, None) => Exit::NeverRan,
    }
}

fn child_pid(report: &[u8]) -> Option<Pid> {
    let report: serde_json::Value = serde_json::from_slice(report).ok()?;
    Pid::from_raw(i32::try_from(report.get("child-pid")?.as_i64()?).ok()?)
}

fn parent_of(pid: Pid) -> Option<Pid> {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
    let (_, rest) = stat.rsplit_once(") ")?;
    Pid::from_raw(rest.split(' ').nth(1)?.parse().ok()?)
}

fn is_zombie(pid: Pid) -> bool {
    fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()))
        .is_ok_and(|stat| stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('Z')))
}

/// Whether the process of a pidfd has ended.
fn is_readable(pidfd: &OwnedFd) -> bool {
    let mut fds = [PollFd::new(pidfd, PollFlags::IN)];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut fds, Some(&at_once)).is_ok_and(|ready| ready > 0)
}
