//! The process closes its sandbox behind itself: user, limits, Landlock, seccomp.
//!
//! bubblewrap gives the namespaces and starts this binary; everything here happens before the first byte of
//! anybody's input is read, on the only thread there is.
//!
//! *Invariant:* a layer that is reported as active is in force; a step that must not fail ends the process.

mod calls;
mod exec;
mod files;
mod limits;
mod network;
mod user;

use std::{env, io, os::fd::RawFd};

use aether_protocol::{link, process::Layer};

pub(crate) use exec::{become_program, take_terminal};
pub use exec::{exec, exec_with};
pub use limits::Limits;
pub(crate) use user::drop_capabilities;

/// The variable in which the kernel passes the limits.
const LIMITS_VARIABLE: &str = "AETHER_LIMITS";

/// Why a process could not be sealed.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// A call to the host failed.
    #[error("{what}: {source}")]
    Host {
        /// What was tried.
        what: &'static str,
        /// What the host said.
        source: io::Error,
    },
    /// The limits are not what the kernel writes.
    #[error("the limits {0:?} cannot be read")]
    Limits(String),
    /// Landlock is there and refused.
    #[error("Landlock: {0}")]
    Landlock(#[from] landlock::RulesetError),
    /// The filter of system calls could not be made or installed.
    #[error("seccomp: {0}")]
    Seccomp(String),
}

impl SealError {
    fn host<E: Into<io::Error>>(what: &'static str) -> impl FnOnce(E) -> Self {
        move |source| Self::Host { what, source: source.into() }
    }
}

/// What to seal with.
#[derive(Clone, Debug)]
pub struct Profile {
    /// What the process may use; nothing is limited when left out.
    pub limits: Option<Limits>,
    /// Where it may write, besides `/tmp` and `/dev/shm`.
    pub home: String,
    /// Whether signals and abstract sockets are confined to what descends from this process. Not for a
    /// shell that enters another's sandbox: it is there to see and to signal.
    pub scoped: bool,
    /// The port of the kernel's proxy, where hosts are granted: the only one that may be connected to.
    pub proxy_port: Option<u16>,
    /// A layer that is left out, to see what the others hold. Only the escape suite has such a program.
    pub without: Option<Omitted>,
}

/// A layer that the escape suite leaves out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Omitted {
    /// What of the file system can be written, TCP, signals.
    Landlock,
    /// The filter of system calls.
    Seccomp,
}

impl Profile {
    /// As the kernel passes it to the first process of a sandbox.
    pub fn from_environment() -> Result<Self, SealError> {
        let limits = env::var(LIMITS_VARIABLE).ok().map(|text| Limits::parse(&text)).transpose()?;
        let home = env::var("HOME").unwrap_or_else(|_| "/home/agent".to_owned());
        let proxy_port = env::var(link::PROXY_VARIABLE).ok().and_then(|port| port.parse().ok());
        Ok(Self { limits, home, scoped: true, proxy_port, without: None })
    }
}

/// Seals this process for good and returns the layers that are in force, and those that the host does not
/// give. Call it before anything else, with one thread.
pub fn seal(profile: &Profile) -> Result<Vec<Layer>, SealError> {
    user::become_inside_user()?;
    rustix::process::chdir(profile.home.as_str()).map_err(SealError::host("entering the home"))?;
    if let Some(port) = profile.proxy_port.filter(|_| profile.scoped) {
        network::hand_over_door(port)?;
    }
    close_all_above(link::FD)?;
    let mut layers = vec![match &profile.limits {
        Some(limits) => limits.apply()?,
        None => layer("rlimits", false, "none were asked for".to_owned()),
    }];
    // Tools must not read or write the memory of the process that holds the link. A program that is executed
    // is dumpable again.
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)
        .map_err(SealError::host("protecting the process's memory"))?;
    rustix::thread::set_no_new_privs(true).map_err(SealError::host("setting no_new_privs"))?;
    layers.push(layer("no_new_privs", true, "setuid programs and file capabilities give nothing".to_owned()));
    if profile.without != Some(Omitted::Landlock) {
        layers.push(files::confine(profile)?);
    }
    if profile.without != Some(Omitted::Seccomp) {
        layers.push(calls::filter()?);
    }
    Ok(layers)
}

fn layer(name: &str, active: bool, detail: String) -> Layer {
    Layer { name: name.to_owned(), active, detail }
}

/// Nothing that the kernel or bubblewrap had open stays open here.
#[expect(unsafe_code, reason = "close_range has no safe binding")]
fn close_all_above(last: RawFd) -> Result<(), SealError> {
    let first = u32::try_from(last + 1).unwrap_or(4);
    // SAFETY: it runs before this process opens anything that it keeps, so no owned descriptor is closed.
    let result = unsafe { libc::close_range(first, libc::c_uint::MAX, 0) };
    if result == 0 { Ok(()) } else { Err(SealError::host("closing descriptors")(io::Error::last_os_error())) }
}
