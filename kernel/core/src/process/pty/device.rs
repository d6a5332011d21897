//! A PTY: the kernel's end without blocking, the shell's end for the shell.
//!
//! Made with rustix and not with portable-pty: that crate's ends block, so that each terminal would cost two
//! threads, and it starts the shell itself, closing the descriptors that bubblewrap reports on.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
};

use aether_protocol::terminal::Size;
use rustix::{
    pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt},
    termios::{Winsize, tcsetwinsize},
};
use tokio::io::{Interest, unix::AsyncFd};

/// The kernel's end.
#[derive(Debug)]
pub(super) struct Device {
    end: AsyncFd<OwnedFd>,
}

impl Device {
    /// A new PTY and the shell's end of it.
    pub(super) fn open(size: Size) -> io::Result<(Self, OwnedFd)> {
        let end = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        grantpt(&end)?;
        unlockpt(&end)?;
        let peer = ioctl_tiocgptpeer(&end, OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        rustix::io::ioctl_fionbio(&end, true)?;
        let device = Self { end: watch(end)? };
        device.resize(size)?;
        Ok((device, peer))
    }

    pub(super) fn resize(&self, size: Size) -> io::Result<()> {
        let size = Winsize { ws_col: size.cols, ws_row: size.rows, ws_xpixel: 0, ws_ypixel: 0 };
        Ok(tcsetwinsize(self.end.get_ref(), size)?)
    }

    /// Waits for output. An error (EIO) when nobody holds the other end any more.
    pub(super) async fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.end.async_io(Interest::READABLE, |end| Ok(rustix::io::read(end.as_fd(), &mut *buffer)?)).await
    }

    /// What is there, without waiting; 0 when there is nothing.
    pub(super) fn read_now(&self, buffer: &mut [u8]) -> usize {
        rustix::io::read(self.end.get_ref(), buffer).unwrap_or(0)
    }

    /// Writes some of it; waits while the shell does not read.
    pub(super) async fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.end.async_io(Interest::WRITABLE, |end| Ok(rustix::io::write(end.as_fd(), bytes)?)).await
    }
}

#[expect(unsafe_code, reason = "tokio asks the caller to promise that the descriptor stays the same")]
fn watch(end: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an OwnedFd has one descriptor from its making to its drop.
    let watched = unsafe { AsyncFd::register_with_interest(end, Interest::READABLE | Interest::WRITABLE) };
    Ok(watched?)
}
