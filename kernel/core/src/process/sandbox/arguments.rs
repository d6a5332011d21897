//! The arguments of bubblewrap.

use std::{ffi::OsString, path::Path};

use aether_protocol::link;

use super::{Limits, Program, SandboxConfig, SpawnSpec, probe::Findings, skeleton};

/// Where the home appears inside.
pub(crate) const HOME: &str = "/home/agent";
/// Where the agent's binary appears inside.
pub(super) const AGENT: &str = "/aether/aether-agent";
/// The user id inside.
pub(super) const UID_INSIDE: u32 = 1000;
/// bubblewrap reports its child's pid here.
pub(super) const STATUS_FD: i32 = 4;
/// bubblewrap waits here until the user ids are mapped or the cgroup is joined.
pub(super) const BLOCK_FD: i32 = 5;
/// bubblewrap reads its options here and not from its command line, which those inside can read: it names
/// the host's paths.
pub(super) const OPTIONS_FD: i32 = 6;

/// How the user ids of a sandbox are mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mapping {
    /// By bubblewrap: the kernel's own user appears as [`UID_INSIDE`].
    Own,
    /// By the kernel, which is root: a user of the home's own appears as [`UID_INSIDE`]. The process inside
    /// begins as user 0 of the namespace and becomes that user while it seals itself.
    PerHome,
}

/// All of bubblewrap's options.
pub(super) fn options(
    config: &SandboxConfig,
    findings: &Findings,
    spec: &SpawnSpec,
    mapping: Mapping,
    tty: bool,
) -> Vec<OsString> {
    let mut list = Arguments(Vec::with_capacity(128));
    list.words(&[
        "--unshare-user",
        "--unshare-ipc",
        "--unshare-pid",
        "--unshare-net",
        "--unshare-uts",
        "--unshare-cgroup-try",
        "--die-with-parent",
        "--new-session",
        "--cap-drop",
        "ALL",
    ]);
    match mapping {
        Mapping::Own => {
            list.option("--uid", UID_INSIDE.to_string());
            list.option("--gid", UID_INSIDE.to_string());
        }
        // Dropped with the change of the user, before anything else happens inside.
        Mapping::PerHome => {
            list.words(&["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]);
            list.option("--userns-block-fd", BLOCK_FD.to_string());
        }
    }
    if mapping == Mapping::Own && findings.cgroup.is_some() {
        list.option("--block-fd", BLOCK_FD.to_string());
    }
    list.option("--info-fd", STATUS_FD.to_string());
    list.option("--hostname", host_name(&spec.hostname));

    list.bind("--ro-bind", Path::new("/usr"), Path::new("/usr"));
    for (path, place) in &findings.system {
        match place {
            skeleton::Place::Link(target) => list.pair("--symlink", target.as_os_str(), path.as_os_str()),
            skeleton::Place::Folder => list.bind("--ro-bind", path, path),
        }
    }
    list.bind("--ro-bind", &skeleton::etc(&config.runtime_dir), Path::new("/etc"));
    for path in &config.read_only_paths {
        list.bind("--ro-bind-try", path, path);
    }
    list.words(&["--proc", "/proc", "--dev", "/dev"]);
    // bubblewrap's own /dev has no bound of its own: shared memory gets one.
    for place in ["/tmp", "/dev/shm"] {
        list.words(&["--size", &config.tmp_bytes.to_string(), "--perms", "1777", "--tmpfs", place]);
    }
    for folder in ["/run", "/home", "/aether"] {
        list.words(&["--perms", "0755", "--dir", folder]);
    }
    list.bind("--bind", &spec.home, Path::new(HOME));
    list.bind("--ro-bind", &spec.agent_binary, Path::new(AGENT));
    // What is left is the root itself: nobody inside needs to write there.
    // The process enters the home itself, once it is the agent's user: nobody else may enter a private one.
    list.words(&["--remount-ro", "/", "--chdir", "/"]);
    environment(&mut list, &spec.limits, tty, spec.network.is_some());
    list.0
}

/// bubblewrap's command line.
pub(super) fn command_line(program: &Program) -> Vec<String> {
    let options = OPTIONS_FD.to_string();
    let mut words: Vec<String> = ["--args", &options, "--", AGENT].map(str::to_owned).to_vec();
    match program {
        Program::Agent => words.push("run".to_owned()),
        Program::Exec(command) => {
            words.extend(["exec", "--"].map(str::to_owned));
            words.extend(command.iter().cloned());
        }
    }
    words
}

fn environment(list: &mut Arguments, limits: &Limits, tty: bool, network: bool) {
    list.words(&["--clearenv"]);
    for (name, value) in [
        ("HOME", HOME),
        ("USER", "agent"),
        ("LOGNAME", "agent"),
        ("SHELL", "/bin/bash"),
        ("PATH", PATH),
        ("LANG", "C.UTF-8"),
        ("TMPDIR", "/tmp"),
    ] {
        list.words(&["--setenv", name, value]);
    }
    if tty {
        list.words(&["--setenv", "TERM", "xterm-256color", "--setenv", "COLORTERM", "truecolor"]);
    }
    if network {
        for (name, value) in link::PROXY_ENVIRONMENT {
            list.words(&["--setenv", name, value]);
        }
        list.words(&["--setenv", link::PROXY_VARIABLE, &link::PROXY_PORT.to_string()]);
    }
    list.words(&["--setenv", LIMITS, &limits_text(limits)]);
}

/// Where programs are looked for inside.
const PATH: &str = "/home/agent/.local/bin:/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin";

/// The variable that tells the process inside which limits to set; it removes it.
const LIMITS: &str = "AETHER_LIMITS";

/// The limits as the process inside reads them: `memory=…,processes=…,open_files=…,file=…,cpu=…`.
pub(super) fn limits_text(limits: &Limits) -> String {
    format!(
        "memory={},processes={},open_files={},file={},cpu={}",
        limits.memory_bytes, limits.processes, limits.open_files, limits.file_bytes, limits.cpu_secs
    )
}

/// A host name of what is allowed in one (RFC 1123), at most 63 characters.
pub(super) fn host_name(wanted: &str) -> String {
    let name: String = wanted
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '-' })
        .take(63)
        .collect();
    let name = name.trim_matches('-');
    if name.is_empty() { "agent".to_owned() } else { name.to_owned() }
}

struct Arguments(Vec<OsString>);

impl Arguments {
    fn words(&mut self, words: &[&str]) {
        self.0.extend(words.iter().map(OsString::from));
    }

    fn option(&mut self, name: &str, value: String) {
        self.0.push(name.into());
        self.0.push(value.into());
    }

    fn pair(&mut self, name: &str, from: &std::ffi::OsStr, to: &std::ffi::OsStr) {
        self.0.push(name.into());
        self.0.push(from.into());
        self.0.push(to.into());
    }

    fn bind(&mut self, kind: &str, from: &Path, to: &Path) {
        self.pair(kind, from.as_os_str(), to.as_os_str());
    }
}
