//! What this host can give to sandboxes.

use std::{
    env, fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use aether_protocol::system::{Check, Health};

use super::{SandboxConfig, SandboxError, cgroup::Subtree, skeleton};

/// What was found, once, at the kernel's start.
#[derive(Debug)]
pub(super) struct Findings {
    /// bubblewrap.
    pub(super) bwrap: Option<PathBuf>,
    /// Why not, where user namespaces cannot be made.
    namespaces: Result<(), String>,
    /// Landlock's ABI version; 0 where there is none.
    landlock: u32,
    seccomp: bool,
    /// Where agents' cgroups are made.
    pub(super) cgroup: Option<Subtree>,
    cgroup_reason: String,
    /// `/bin` and its like.
    pub(super) system: Vec<(PathBuf, skeleton::Place)>,
    skeleton: Result<(), String>,
    /// Whether the kernel may map user ids of the host other than its own.
    pub(super) root: bool,
}

impl Findings {
    pub(super) fn gather(config: &SandboxConfig) -> Self {
        let (cgroup, cgroup_reason) = match Subtree::claim() {
            Ok(subtree) => (Some(subtree), String::new()),
            Err(reason) => (None, reason),
        };
        Self {
            bwrap: find_bwrap(config.bwrap.as_deref()),
            namespaces: user_namespaces(),
            landlock: landlock_abi(),
            seccomp: Path::new("/proc/sys/kernel/seccomp/actions_avail").exists(),
            cgroup,
            cgroup_reason,
            system: skeleton::system(),
            skeleton: skeleton::generate(&config.runtime_dir).map_err(|error| error.to_string()),
            root: rustix::process::geteuid().is_root(),
        }
    }

    /// Whether sandboxes can be made: bubblewrap's path, or what is missing.
    pub(super) fn usable(&self) -> Result<&Path, SandboxError> {
        let missing = self.checks().into_iter().find(|check| check.state == Health::Failed);
        match (missing, &self.bwrap) {
            (None, Some(bwrap)) => Ok(bwrap),
            (missing, _) => {
                let (reason, remedy) = missing.map_or_else(
                    || ("bubblewrap was not found".to_owned(), INSTALL.to_owned()),
                    |check| (check.detail, check.remedy.unwrap_or_default()),
                );
                Err(SandboxError::Unavailable { reason, remedy })
            }
        }
    }

    pub(super) fn checks(&self) -> Vec<Check> {
        vec![
            match &self.bwrap {
                Some(path) => ready("bubblewrap", path.display().to_string()),
                None => failed("bubblewrap", "bubblewrap was not found".to_owned(), INSTALL),
            },
            match &self.namespaces {
                Ok(()) => ready("user namespaces", "each agent gets its own".to_owned()),
                Err(reason) => failed("user namespaces", reason.clone(), ALLOW_NAMESPACES),
            },
            match &self.skeleton {
                Ok(()) => ready("sandbox files", "written".to_owned()),
                Err(reason) => failed(
                    "sandbox files",
                    format!("the system files of sandboxes could not be written: {reason}"),
                    "Make the runtime directory writable for the kernel.",
                ),
            },
            match self.landlock {
                0 => degraded("Landlock", "this Linux has no Landlock".to_owned(), ENABLE_LANDLOCK),
                abi @ 1..=3 => degraded(
                    "Landlock",
                    format!("ABI {abi}: files are confined, TCP and sockets are not"),
                    "Use Linux 6.12 or newer.",
                ),
                abi => ready("Landlock", format!("ABI {abi}")),
            },
            if self.seccomp {
                ready("seccomp", "system calls are filtered".to_owned())
            } else {
                failed(
                    "seccomp",
                    "this Linux cannot filter system calls".to_owned(),
                    "Use a Linux built with CONFIG_SECCOMP_FILTER.",
                )
            },
            match &self.cgroup {
                Some(subtree) => ready("cgroup v2", subtree.describe()),
                None => degraded("cgroup v2", self.cgroup_reason.clone(), DELEGATE),
            },
        ]
    }

    /// Why agents have no cgroup.
    pub(super) fn cgroup_reason(&self) -> &str {
        &self.cgroup_reason
    }
}

const INSTALL: &str = "Install bubblewrap (Debian: apt install bubblewrap).";
const ALLOW_NAMESPACES: &str = "Allow user namespaces: sysctl kernel.unprivileged_userns_clone=1, \
    user.max_user_namespaces above 0, and where AppArmor restricts them \
    kernel.apparmor_restrict_unprivileged_userns=0.";
const ENABLE_LANDLOCK: &str = "Use Linux 6.12 or newer, with landlock in the lsm= list.";
const DELEGATE: &str =
    "Run the kernel as a systemd service with Delegate=yes on a host that uses cgroup v2 only.";

fn find_bwrap(wanted: Option<&Path>) -> Option<PathBuf> {
    if let Some(path) = wanted {
        return is_program(path).then(|| path.to_owned());
    }
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain([PathBuf::from("/usr/bin"), PathBuf::from("/usr/local/bin")])
        .map(|folder| folder.join("bwrap"))
        .find(|candidate| is_program(candidate))
}

fn is_program(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

/// From what the host says about itself; that it is true shows with the first sandbox.
fn user_namespaces() -> Result<(), String> {
    if !Path::new("/proc/self/ns/user").exists() {
        return Err("this Linux has no user namespaces".to_owned());
    }
    let number = |path: &str| fs::read_to_string(path).ok().and_then(|text| text.trim().parse::<u64>().ok());
    if number("/proc/sys/user/max_user_namespaces") == Some(0) {
        return Err("user namespaces are turned off (user.max_user_namespaces is 0)".to_owned());
    }
    if rustix::process::geteuid().is_root() {
        return Ok(());
    }
    if number("/proc/sys/kernel/unprivileged_userns_clone") == Some(0) {
        return Err("only root may make user namespaces (kernel.unprivileged_userns_clone is 0)".to_owned());
    }
    if number("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == Some(1)
        && !Path::new("/etc/apparmor.d/bwrap-userns-restrict").exists()
    {
        return Err("AppArmor forbids user namespaces to programs without a profile".to_owned());
    }
    Ok(())
}

/// `landlock_create_ruleset(NULL, 0, LANDLOCK_CREATE_RULESET_VERSION)`, see landlock(7).
#[expect(unsafe_code, reason = "the version query has no safe binding in this crate")]
fn landlock_abi() -> u32 {
    // SAFETY: with a null attribute, size 0 and the version flag the call only returns a number.
    let version = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, 0_usize, 0_usize, 1_usize) };
    u32::try_from(version).unwrap_or(0)
}

fn ready(name: &str, detail: String) -> Check {
    Check { name: name.to_owned(), state: Health::Ready, detail, remedy: None }
}

fn degraded(name: &str, detail: String, remedy: &str) -> Check {
    Check { name: name.to_owned(), state: Health::Degraded, detail, remedy: Some(remedy.to_owned()) }
}

fn failed(name: &str, detail: String, remedy: &str) -> Check {
    Check { name: name.to_owned(), state: Health::Failed, detail, remedy: Some(remedy.to_owned()) }
}
