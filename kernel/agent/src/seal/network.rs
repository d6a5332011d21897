//! The way out to granted hosts: a socket that listens in this network namespace, for the kernel to accept on.
//!
//! It is made before Landlock forbids it. This process keeps no copy: what tools connect to is the kernel.

use std::{
    io::{self, IoSlice},
    mem::MaybeUninit,
    net::{Ipv4Addr, TcpListener},
    os::fd::{AsFd, BorrowedFd},
};

use aether_protocol::link;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};

use super::SealError;

/// Listens on `port` of this namespace's loopback and hands the socket to the kernel.
#[expect(unsafe_code, reason = "the kernel passes the socket as a bare file descriptor number")]
pub(super) fn hand_over_door(port: u16) -> Result<(), SealError> {
    let failed = SealError::host::<io::Error>("opening the way to the kernel's proxy");
    let door = match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
        Ok(door) => door,
        Err(error) => return Err(failed(error)),
    };
    // SAFETY: the kernel puts a socket there where it passes a port. Borrowed for this call only; a number that
    // is not open gives EBADF.
    let kernel = unsafe { BorrowedFd::borrow_raw(link::HANDOVER_FD) };
    let sockets = [door.as_fd()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    control.push(SendAncillaryMessage::ScmRights(&sockets));
    // A descriptor travels with at least one byte.
    match sendmsg(kernel, &[IoSlice::new(b"d")], &mut control, SendFlags::NOSIGNAL) {
        Ok(_) => Ok(()),
        Err(error) => Err(failed(error.into())),
    }
}
