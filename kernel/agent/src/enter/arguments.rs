//! The command line of `enter`. The kernel writes it; nobody types it.

use std::ffi::OsString;

use anyhow::{Context, bail};

use crate::seal::Limits;

/// What the kernel asks for.
#[derive(Debug)]
pub(super) struct Arguments {
    /// A process of the sandbox, seen from the host.
    pub(super) host_pid: i32,
    /// The inode of its pid namespace, by which it is known again.
    pub(super) pidns_inode: u64,
    /// Where to report the child's pid.
    pub(super) status_fd: i32,
    pub(super) home: String,
    /// Whose sandbox it is, as the prompt says it.
    pub(super) name: String,
    pub(super) limits: Limits,
    /// The port of the kernel's proxy, where hosts are granted.
    pub(super) proxy_port: Option<u16>,
    pub(super) command: Vec<OsString>,
}

impl Arguments {
    pub(super) fn parse(words: impl IntoIterator<Item = OsString>) -> anyhow::Result<Self> {
        let mut words = words.into_iter();
        let (mut host_pid, mut pidns_inode, mut status_fd) = (None, None, None);
        let (mut home, mut agent, mut limits, mut proxy_port) = (None, None, None, None);
        loop {
            let Some(word) = words.next() else { bail!("`enter` needs a program after `--`") };
            let name = word.to_str().unwrap_or_default().to_owned();
            if name == "--" {
                break;
            }
            let value = words.next().and_then(|value| value.into_string().ok());
            let value = value.with_context(|| format!("{name} has no value"))?;
            match name.as_str() {
                "--host-pid" => host_pid = Some(value.parse()?),
                "--pidns-inode" => pidns_inode = Some(value.parse()?),
                "--status-fd" => status_fd = Some(value.parse()?),
                "--home" => home = Some(value),
                "--name" => agent = Some(value),
                "--limits" => limits = Some(Limits::parse(&value)?),
                "--proxy-port" => proxy_port = Some(value.parse()?),
                _ => bail!("`enter` has no option {name}"),
            }
        }
        let missing = |name: &str| format!("`enter` needs {name}");
        Ok(Self {
            host_pid: host_pid.with_context(|| missing("--host-pid"))?,
            pidns_inode: pidns_inode.with_context(|| missing("--pidns-inode"))?,
            status_fd: status_fd.with_context(|| missing("--status-fd"))?,
            home: home.with_context(|| missing("--home"))?,
            name: agent.with_context(|| missing("--name"))?,
            limits: limits.with_context(|| missing("--limits"))?,
            proxy_port,
            command: words.collect(),
        })
    }
}
