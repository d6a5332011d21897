//! The signals that the kernel sends, read from a file descriptor instead of in a handler.
//!
//! They are blocked from the start, so that none is lost and none interrupts a system call; whoever waits
//! for something waits for this descriptor too. Programs that are started get an empty mask from the
//! standard library.

use std::{
    io::{self, Read},
    os::fd::{AsFd, BorrowedFd},
    time::{Duration, Instant},
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// The size of a `struct signalfd_siginfo` (signalfd(2)); its first four bytes are the signal's number.
const RECORD_BYTES: usize = 128;

/// What has come in.
#[derive(Debug)]
pub struct Signals {
    source: std::fs::File,
    /// TERM: end after the step in hand.
    terminated: bool,
    /// INT: end the tool in hand.
    interrupted: bool,
}

/// Why a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Woken {
    /// The descriptor at this position can be read, or its other end is gone.
    Ready(usize),
    /// A signal came.
    Signal,
    /// The time is up.
    Timeout,
}

impl Signals {
    /// Blocks TERM, INT, USR1 and USR2 for this process and opens a descriptor to read them from.
    ///
    /// USR1 and USR2 are read and dropped: they are meant for the programs that the agent runs, and would
    /// end it otherwise.
    pub fn block() -> io::Result<Self> {
        Ok(Self::reading(block_and_open()?.into()))
    }

    /// Reads records of signalfd(2) from any descriptor.
    pub fn reading(source: std::fs::File) -> Self {
        Self { source, terminated: false, interrupted: false }
    }

    /// Whether the process shall end after the step in hand.
    pub fn terminated(&self) -> bool {
        self.terminated
    }

    /// Whether the tool in hand shall end.
    pub fn interrupted(&self) -> bool {
        self.interrupted
    }

    /// Forgets an INT: it was meant for the tool before.
    pub fn forget_interrupt(&mut self) {
        self.interrupted = false;
    }

    /// Takes in what is waiting, without waiting.
    pub fn look(&mut self) -> io::Result<()> {
        while self.wait(&[], Some(Instant::now()))? == Woken::Signal {}
        Ok(())
    }

    /// Waits until one of `fds` can be read, a signal comes, or `deadline` has passed. Signals come first.
    pub fn wait(
        &mut self,
        fds: &[(BorrowedFd<'_>, PollFlags)],
        deadline: Option<Instant>,
    ) -> io::Result<Woken> {
        loop {
            let left = deadline.map(|at| timespec(at.saturating_duration_since(Instant::now())));
            let mut polled = Vec::with_capacity(fds.len() + 1);
            polled.push(PollFd::from_borrowed_fd(self.source.as_fd(), PollFlags::IN));
            polled.extend(fds.iter().map(|(fd, flags)| PollFd::from_borrowed_fd(*fd, *flags)));
            match poll(&mut polled, left.as_ref()) {
                Err(rustix::io::Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
                Ok(0) => return Ok(Woken::Timeout),
                Ok(_) => {}
            }
            let ready: Vec<PollFlags> = polled.iter().map(PollFd::revents).collect();
            drop(polled);
            if ready.first().is_some_and(|flags| flags.contains(PollFlags::IN)) {
                self.take()?;
                return Ok(Woken::Signal);
            }
            if let Some(position) = ready.iter().skip(1).position(|flags| !flags.is_empty()) {
                return Ok(Woken::Ready(position));
            }
        }
    }

    fn take(&mut self) -> io::Result<()> {
        let mut record = [0; RECORD_BYTES];
        self.source.read_exact(&mut record)?;
        let [a, b, c, d, ..] = record;
        match i32::try_from(u32::from_ne_bytes([a, b, c, d])) {
            Ok(libc::SIGTERM) => self.terminated = true,
            Ok(libc::SIGINT) => self.interrupted = true,
            _ => {}
        }
        Ok(())
    }
}

fn timespec(duration: Duration) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: duration.subsec_nanos().into(),
    }
}

#[expect(unsafe_code, reason = "neither the standard library nor rustix offers signal masks and signalfd(2)")]
fn block_and_open() -> io::Result<std::os::fd::OwnedFd> {
    use std::os::fd::FromRawFd;
    let mut set = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: `set` is initialised by sigemptyset before anything reads it, the pointers are valid for the
    // calls, and the descriptor that signalfd returns is new and owned by nobody else.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGUSR1, libc::SIGUSR2] {
            libc::sigaddset(set.as_mut_ptr(), signal);
        }
        if libc::sigprocmask(libc::SIG_BLOCK, set.as_ptr(), std::ptr::null_mut()) != 0 {
            return Err(io::Error::last_os_error());
        }
        let fd = libc::signalfd(-1, set.as_ptr(), libc::SFD_CLOEXEC);
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(std::os::fd::OwnedFd::from_raw_fd(fd))
    }
}
