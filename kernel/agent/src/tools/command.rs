//! Running a shell command.
//!
//! The command gets a process group of its own, so that a time limit, an interrupt and the end of the agent
//! reach everything that it started. Output and errors share one pipe: the model sees them in the order in
//! which they were written.

use std::{
    collections::VecDeque,
    fmt::Write as _,
    io::{self, PipeReader, Read},
    os::{fd::AsFd, unix::process::CommandExt, unix::process::ExitStatusExt},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use aether_protocol::tools::RunCommand;
use rustix::{
    event::PollFlags,
    process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open, test_kill_process_group},
};

use super::{Home, KernelGone, Outcome, Watch};
use crate::signals::Woken;

const DEFAULT_TIMEOUT_SECS: u32 = 60;
const MAX_TIMEOUT_SECS: u32 = 600;

/// How much of the output's start and end is kept, in bytes each.
const KEPT_BYTES: usize = 32 * 1024;

/// What a group has between TERM and KILL.
const GRACE: Duration = Duration::from_secs(2);

/// How long the pipe of a group that was killed may be silent before it is left.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// Why a command ended otherwise than by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cut {
    TimedOut,
    Interrupted,
    KernelGone,
}

pub fn run(home: &Home, args: &RunCommand, watch: &mut Watch<'_>) -> Result<Outcome, KernelGone> {
    let timeout_secs = args.timeout_secs.unwrap_or(DEFAULT_TIMEOUT_SECS).clamp(1, MAX_TIMEOUT_SECS);
    match start(home, &args.command) {
        Ok(running) => match running.attend(Duration::from_secs(timeout_secs.into()), watch) {
            Ok((_, Some(Cut::KernelGone), _)) => Err(KernelGone),
            Ok((status, cut, output)) => Ok(report(status, cut, timeout_secs, output)),
            Err(error) => {
                Ok(Outcome::failed(format!("The command could not be followed to its end: {error}")))
            }
        },
        Err(error) => Ok(Outcome::failed(format!("The command could not be started: {error}"))),
    }
}

struct Running {
    child: Child,
    group: Pid,
    output: PipeReader,
    /// Whether the shell's exit status was taken; its group may not be signalled unseen from then on.
    collected: bool,
}

/// Nothing that the command left in its group outlives the call, also where it is given up.
impl Drop for Running {
    fn drop(&mut self) {
        if !self.collected {
            // Nobody is left to tell of an error.
            let _ = self.collect(true);
        }
    }
}

fn start(home: &Home, command: &str) -> io::Result<Running> {
    let (output, input) = io::pipe()?;
    let child = Command::new("/bin/sh")
        .arg("-c")
        .arg(command)
        .current_dir(home.root())
        .stdin(Stdio::null())
        .stdout(input.try_clone()?)
        .stderr(input)
        .process_group(0)
        .spawn()?;
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw).ok_or(io::ErrorKind::InvalidData)?;
    Ok(Running { child, group, output, collected: false })
}

impl Running {
    /// Collects the output until the shell has ended, or is ended.
    fn attend(
        mut self,
        timeout: Duration,
        watch: &mut Watch<'_>,
    ) -> io::Result<(ExitStatus, Option<Cut>, Kept)> {
        let shell = pidfd_open(self.group, PidfdFlags::empty())?;
        let mut kept = Kept::default();
        let mut cut = None;
        let mut open = true;
        let mut deadline = Instant::now() + timeout;
        loop {
            let mut fds = vec![(shell.as_fd(), PollFlags::IN)];
            if let Some(kernel) = watch.kernel.filter(|_| cut.is_none()) {
                fds.push((kernel, PollFlags::RDHUP));
            }
            let output_at = fds.len();
            if open {
                // Last, so that a command that writes without end cannot hide that it has to end.
                fds.push((self.output.as_fd(), PollFlags::IN));
            }
            let woken = watch.signals.wait(&fds, Some(deadline))?;
            drop(fds);
            let ended = match woken {
                Woken::Ready(0) => break,
                Woken::Ready(at) if at == output_at => {
                    open = kept.read(&mut self.output)? > 0;
                    None
                }
                Woken::Ready(_) => Some(Cut::KernelGone),
                Woken::Timeout => Some(Cut::TimedOut),
                Woken::Signal => watch.signals.interrupted().then_some(Cut::Interrupted),
            };
            // A command that writes without end keeps its pipe ready; the time limit holds all the same.
            let ended = ended.or_else(|| (Instant::now() >= deadline).then_some(Cut::TimedOut));
            if let Some(reason) = ended {
                if cut.is_none() && reason != Cut::KernelGone {
                    let _ = kill_process_group(self.group, Signal::TERM);
                    deadline = Instant::now() + GRACE;
                    cut = Some(reason);
                    watch.signals.forget_interrupt();
                } else {
                    cut = cut.or(Some(reason));
                    let _ = kill_process_group(self.group, Signal::KILL);
                    break;
                }
            }
        }
        // What the shell left running would keep the pipe open.
        let (status, left_running) = self.collect(cut.is_some())?;
        kept.left_running = cut.is_none() && left_running;
        let patience = if cut.is_some() || left_running { LAST_WORDS } else { Duration::ZERO };
        kept.drain(&mut self.output, patience, watch)?;
        Ok((status, cut, kept))
    }

    /// Takes the shell's exit status and ends what is left of its group. Returns whether something was.
    fn collect(&mut self, kill_first: bool) -> io::Result<(ExitStatus, bool)> {
        if kill_first {
            let _ = kill_process_group(self.group, Signal::KILL);
        }
        let status = self.child.wait()?;
        self.collected = true;
        // The group's number is in use, and so not another's, while it has a member.
        let left_running = test_kill_process_group(self.group).is_ok();
        if left_running {
            let _ = kill_process_group(self.group, Signal::KILL);
        }
        Ok((status, left_running))
    }
}

/// The start and the end of what was written.
#[derive(Default)]
struct Kept {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    dropped: usize,
    left_running: bool,
}

impl Kept {
    /// Takes in one piece. Returns its length, 0 at the end.
    fn read(&mut self, from: &mut PipeReader) -> io::Result<usize> {
        let mut piece = [0; 8192];
        let read = from.read(&mut piece)?;
        let piece = piece.get(..read).unwrap_or_default();
        let (head, tail) = piece.split_at(piece.len().min(KEPT_BYTES.saturating_sub(self.head.len())));
        self.head.extend_from_slice(head);
        self.tail.extend(tail);
        let over = self.tail.len().saturating_sub(KEPT_BYTES);
        self.tail.drain(..over);
        self.dropped += over;
        Ok(read)
    }

    /// What is still in the pipe. `patience` is for those who were killed to be gone; who has left the group
    /// and holds the pipe open is not waited for.
    fn drain(&mut self, from: &mut PipeReader, patience: Duration, watch: &mut Watch<'_>) -> io::Result<()> {
        let until = Instant::now() + GRACE;
        while Instant::now() < until {
            let deadline = Instant::now() + patience;
            let ready = watch.signals.wait(&[(from.as_fd(), PollFlags::IN)], Some(deadline))?;
            match ready {
                Woken::Ready(_) if self.read(from)? > 0 => {}
                Woken::Signal => {}
                Woken::Ready(_) | Woken::Timeout => break,
            }
        }
        Ok(())
    }

    fn text(mut self) -> String {
        let mut text = String::from_utf8_lossy(&self.head).into_owned();
        if self.dropped > 0 {
            let _ = write!(text, "\n[{} bytes omitted]\n", self.dropped);
        }
        if self.dropped == 0 {
            // A character may lie across the seam.
            self.head.extend(self.tail);
            return String::from_utf8_lossy(&self.head).into_owned();
        }
        text.push_str(&String::from_utf8_lossy(self.tail.make_contiguous()));
        text
    }
}

fn report(status: ExitStatus, cut: Option<Cut>, timeout_secs: u32, kept: Kept) -> Outcome {
    let left_running = kept.left_running;
    let mut output = kept.text();
    if !output.is_empty() && !output.ends_with('\n') {
        output.push('\n');
    }
    let end = match (cut, status.code(), status.signal()) {
        (Some(Cut::TimedOut), ..) => {
            format!(
                "[ended after {timeout_secs} seconds, its time limit; set timeout_secs for more, at most {MAX_TIMEOUT_SECS}]"
            )
        }
        (Some(_), ..) => "[interrupted by a person before it was done]".to_owned(),
        (None, Some(code), _) => format!("[exit status {code}]"),
        (None, None, signal) => format!("[ended by signal {}]", signal.unwrap_or_default()),
    };
    output.push_str(&end);
    if left_running {
        output.push_str(
            "\n[what it left running in the background was ended; start it with setsid to keep it]",
        );
    }
    Outcome { ok: cut.is_none() && status.success(), output }
}
