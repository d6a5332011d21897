//! Others outside: sockets, processes, terminals.

use std::{
    io,
    net::{SocketAddr, TcpStream},
    os::{
        fd::AsFd,
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr as UnixAddress, UnixStream},
    },
    time::Duration,
};

use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};

use crate::{Attempt, call, told};

pub(crate) const ATTEMPTS: &[(&str, Attempt)] = &[
    ("connect_host_loopback", connect_loopback),
    ("connect_kernel_socket", || {
        UnixStream::connect(told("KERNEL_SOCKET")).map(|_| "the kernel's socket answered".to_owned())
    }),
    ("connect_abstract_socket", || {
        UnixStream::connect_addr(&UnixAddress::from_abstract_name(told("ABSTRACT_SOCKET"))?)
            .map(|_| "an abstract socket of the host answered".to_owned())
    }),
    ("raw_socket", || socket(libc::AF_INET, libc::SOCK_RAW, 1)),
    ("packet_socket", || socket(libc::AF_PACKET, libc::SOCK_RAW, 0)),
    ("netlink_socket", || socket(libc::AF_NETLINK, libc::SOCK_RAW, 0)),
    ("signal_host_process", || {
        let pid = told("HOST_PID").parse().map_err(io::Error::other)?;
        call(libc::SYS_kill, &[pid, 0]).map(|_| format!("process {pid} of the host can be signalled"))
    }),
    ("watch_host_process", || {
        let pid = told("HOST_PID").parse().map_err(io::Error::other)?;
        call(libc::SYS_pidfd_open, &[pid, 0]).map(|_| format!("a descriptor of process {pid} of the host"))
    }),
    ("signal_init", || call(libc::SYS_kill, &[1, 0]).map(|_| "the init can be signalled".to_owned())),
    ("type_into_terminal", type_into_terminal),
];

fn connect_loopback() -> io::Result<String> {
    let port = told("HOST_PORT").parse().map_err(io::Error::other)?;
    TcpStream::connect_timeout(&SocketAddr::from(([127, 0, 0, 1], port)), Duration::from_secs(5))
        .map(|_| format!("port {port} of the host answered"))
}

fn socket(family: i32, kind: i32, protocol: usize) -> io::Result<String> {
    let number = |value: i32| usize::try_from(value).unwrap_or_default();
    call(libc::SYS_socket, &[number(family), number(kind), protocol])
        .map(|_| format!("a socket of family {family}"))
}

/// TIOCSTI puts a key into a terminal's input, as if the person had typed it. On a terminal of its own here.
fn type_into_terminal() -> io::Result<String> {
    let _ = rustix::process::setsid();
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY;
    // Hanging up would end this process before it has told.
    let ours = std::mem::ManuallyDrop::new(openpt(flags)?);
    grantpt(&*ours)?;
    unlockpt(&*ours)?;
    let terminal = ioctl_tiocgptpeer(&*ours, flags)?;
    rustix::process::ioctl_tiocsctty(&terminal)?;
    let key = b'x';
    let descriptor = std::os::fd::AsRawFd::as_raw_fd(&terminal.as_fd());
    let descriptor = usize::try_from(descriptor).unwrap_or_default();
    call(libc::SYS_ioctl, &[descriptor, 0x5412, (&raw const key) as usize])
        .map(|_| "a key was typed on somebody's behalf".to_owned())
}
