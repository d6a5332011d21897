//! The door of a sandbox: a listening socket in its network namespace, which the process in it has made before
//! it sealed itself, and has handed to the kernel.
//!
//! A socket belongs to the namespace that it was made in, whoever holds it. So the kernel accepts what tools
//! connect to inside, and nothing inside has to stand between.

use std::{
    io,
    mem::MaybeUninit,
    os::fd::{AsFd, OwnedFd},
};

use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SocketType, recvmsg, sockopt,
};
use tokio::{
    io::Interest,
    net::{TcpListener, UnixStream},
};

/// Waits for the listening socket.
pub(super) async fn receive(from: &UnixStream) -> io::Result<TcpListener> {
    let socket = from.async_io(Interest::READABLE, || take(from.as_fd())).await?;
    // Made by a process that had not read anybody's input yet; looked at all the same.
    if sockopt::socket_domain(&socket)? != AddressFamily::INET
        || sockopt::socket_type(&socket)? != SocketType::STREAM
        || !sockopt::socket_acceptconn(&socket)?
    {
        return Err(io::Error::other("what the sandbox handed over is no listening TCP socket"));
    }
    let listener = std::net::TcpListener::from(socket);
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}

fn take(from: std::os::fd::BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0_u8; 1];
    let message =
        recvmsg(from, &mut [io::IoSliceMut::new(&mut byte)], &mut control, RecvFlags::CMSG_CLOEXEC)?;
    let socket = control.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut sockets) => sockets.next(),
        _ => None,
    });
    match socket {
        Some(socket) => Ok(socket),
        None if message.bytes == 0 => Err(io::ErrorKind::UnexpectedEof.into()),
        None => Err(io::Error::other("the sandbox handed over nothing")),
    }
}
