//! What each signal does to a tree.

use std::{
    collections::HashSet,
    thread,
    time::{Duration, Instant},
};

use aether_protocol::process::SignalName;
use rustix::process::{Pid, Signal, pidfd_send_signal};

use super::{
    Root, TreeError,
    members::{self, Member},
};

/// How long STOP waits for processes that are in the kernel.
const STOP_WAIT: Duration = Duration::from_secs(2);

/// How often it looks.
const LOOK_AGAIN: Duration = Duration::from_micros(500);

pub(super) fn send(root: &Root, signal: SignalName) -> Result<usize, TreeError> {
    // KILL does not wait for a STOP that is under way.
    if signal == SignalName::Kill {
        root.end();
        return Ok(1);
    }
    let _turn = root.turn.lock();
    match signal {
        SignalName::Stop => {
            let mut reached = HashSet::new();
            stop(root, &mut reached)?;
            Ok(reached.len())
        }
        SignalName::Cont => Ok(wake(root, |_| true)),
        SignalName::Term => to_program(root, Signal::TERM),
        SignalName::Int => interrupt(root),
        SignalName::Usr1 => Ok(to_everybody(root, Signal::USR1)),
        SignalName::Usr2 => Ok(to_everybody(root, Signal::USR2)),
        SignalName::Kill => Ok(0),
    }
}

/// Stops everything. A process that is not stopped yet can start another or wake one, so this goes on until
/// twice in a row all were found standing. `reached` are those that this has stopped, also when it fails.
pub(super) fn stop(root: &Root, reached: &mut HashSet<Pid>) -> Result<(), TreeError> {
    let deadline = Instant::now() + STOP_WAIT;
    let mut still = 0;
    loop {
        let moving: Vec<Member> = members::all(root).into_iter().filter(moves).collect();
        for member in &moving {
            if deliver(root, member, Signal::STOP) {
                reached.insert(member.pid);
            }
        }
        still = if moving.is_empty() { still + 1 } else { 0 };
        if still == 2 {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(TreeError::StillRunning { count: moving.len() });
        }
        if still == 0 {
            thread::sleep(LOOK_AGAIN);
        }
    }
}

fn moves(member: &Member) -> bool {
    !matches!(member.state, 'T' | 't' | 'Z' | 'X')
}

/// Wakes those that are wanted, the parents last, so that a parent that watches its children finds them running.
pub(super) fn wake(root: &Root, wanted: impl Fn(Pid) -> bool) -> usize {
    let mut all = members::all(root);
    all.sort_by_key(|member| std::cmp::Reverse(member.pid.as_raw_nonzero()));
    all.iter().filter(|member| wanted(member.pid) && deliver(root, member, Signal::CONT)).count()
}

fn to_program(root: &Root, signal: Signal) -> Result<usize, TreeError> {
    let pid = members::program(root).ok_or(TreeError::Starting)?;
    let member = members::read(pid).ok_or(TreeError::Ended)?;
    Ok(usize::from(deliver(root, &member, signal)))
}

/// The process groups that the program's children lead or belong to, without the program's own.
fn interrupt(root: &Root) -> Result<usize, TreeError> {
    let program = members::program(root).ok_or(TreeError::Starting)?;
    let all = members::all(root);
    let own = all.iter().find(|member| member.pid == program).map(|member| member.group);
    let groups: HashSet<i32> = all
        .iter()
        .filter(|member| member.parent == Some(program) && Some(member.group) != own)
        .map(|member| member.group)
        .collect();
    // A child in the program's own group is interrupted by itself.
    let reached = all
        .iter()
        .filter(|member| member.pid != program && member.pid != root.init_pid)
        .filter(|member| groups.contains(&member.group) || member.parent == Some(program))
        .filter(|member| deliver(root, member, Signal::INT))
        .count();
    Ok(reached)
}

fn to_everybody(root: &Root, signal: Signal) -> usize {
    members::all(root)
        .iter()
        .filter(|member| member.pid != root.init_pid)
        .filter(|member| deliver(root, member, signal))
        .count()
}

/// Ends all that descends from the root, which adopts what loses its parent: stopped first, so that nothing
/// can start while it goes.
pub(super) fn end_descendants(root: &Root) {
    let _turn = root.turn.lock();
    let _ = stop(root, &mut HashSet::new());
    for member in members::all(root).iter().filter(|member| member.pid != root.init_pid) {
        deliver(root, member, Signal::KILL);
    }
}

fn deliver(root: &Root, member: &Member, signal: Signal) -> bool {
    members::open(root, member).is_some_and(|pidfd| pidfd_send_signal(&pidfd, signal).is_ok())
}
