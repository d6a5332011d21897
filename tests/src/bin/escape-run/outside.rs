//! What a sandbox must not reach, really there, and the same attempts without a sandbox.

use std::{
    collections::BTreeMap,
    fs,
    net::TcpListener,
    os::{
        linux::net::SocketAddrExt as _,
        unix::{
            fs::PermissionsExt as _,
            net::{SocketAddr, UnixListener},
            process::CommandExt as _,
        },
    },
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Result;

use super::beside;

/// Who runs the control with a setuid program, where root runs the others.
const NOBODY: u32 = 65_534;

pub(crate) struct Outside {
    folder: PathBuf,
    told: BTreeMap<&'static str, String>,
    _listeners: (TcpListener, UnixListener, UnixListener),
}

impl Outside {
    /// Secrets, sockets and a process of this user's.
    pub(crate) fn new(folder: &Path) -> Result<Self> {
        let at = |name: &str| folder.join(name);
        for name in ["state.db", "homes/other/note"] {
            if let Some(above) = at(name).parent() {
                fs::create_dir_all(above)?;
            }
            fs::write(at(name), "a secret of the host")?;
        }
        fs::create_dir_all(at("scratch"))?;
        let tcp = TcpListener::bind("127.0.0.1:0")?;
        let kernel = UnixListener::bind(at("kernel.sock"))?;
        let name = format!("aether-escape-{}", std::process::id());
        let hidden = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name)?)?;
        let told = [
            ("STATE_DB", at("state.db").display().to_string()),
            ("OTHER_HOME", at("homes/other/note").display().to_string()),
            ("HOST_PID", std::process::id().to_string()),
            ("HOST_PORT", tcp.local_addr()?.port().to_string()),
            ("KERNEL_SOCKET", at("kernel.sock").display().to_string()),
            ("ABSTRACT_SOCKET", name),
            ("DISK", first_disk()),
            ("FILE_MIB", "8".to_owned()),
            ("TMP_MIB", "32".to_owned()),
        ];
        Ok(Self { folder: folder.to_owned(), told: told.into(), _listeners: (tcp, kernel, hidden) })
    }

    /// What the attempts are told, as `NAME=value`.
    pub(crate) fn environment(
        &self,
        scratch: &str,
        agent_binary: &str,
        setuid_probe: &str,
    ) -> impl Iterator<Item = String> {
        let places = [("SCRATCH", scratch), ("AGENT_BINARY", agent_binary), ("SETUID_PROBE", setuid_probe)];
        let places = places.map(|(name, value)| format!("{name}={value}"));
        let told: Vec<String> = self.told.iter().map(|(name, value)| format!("{name}={value}")).collect();
        told.into_iter().chain(places)
    }

    /// The attempt outside, by this user: its words.
    pub(crate) fn control(&self, name: &str) -> Result<String> {
        let copy = self.folder.join("agent-copy");
        fs::write(&copy, "stands for the agent's binary")?;
        let probe = beside("probe")?;
        let mut command = Command::new(&probe);
        let scratch = self.folder.join("scratch");
        command.arg(name).envs(&self.told).env("SCRATCH", scratch).env("AGENT_BINARY", copy);
        if name == "run_setuid" {
            let setuid = self.folder.join("setuid-control");
            fs::copy(&probe, &setuid)?;
            fs::set_permissions(&setuid, fs::Permissions::from_mode(0o4755))?;
            // As somebody who is not root.
            command = Command::new(probe);
            command.arg(name).env("SETUID_PROBE", setuid).uid(NOBODY).gid(NOBODY);
        }
        let output = command.output()?;
        Ok(String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().to_owned())
    }
}

fn first_disk() -> String {
    let disks = fs::read_dir("/sys/class/block").into_iter().flatten().flatten();
    let mut names: Vec<_> = disks.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    let there = names.iter().map(|name| format!("/dev/{name}")).find(|path| fs::File::open(path).is_ok());
    there.unwrap_or_else(|| "/dev/sda".to_owned())
}
