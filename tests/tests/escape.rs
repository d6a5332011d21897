//! Attempts to get out of a real sandbox, sealed by the real agent's binary. Each is also made outside, where
//! it works: an attempt that fails everywhere would prove nothing.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::{
    collections::BTreeMap,
    fs,
    net::TcpListener,
    os::{
        linux::net::SocketAddrExt,
        unix::{
            fs::PermissionsExt,
            net::{SocketAddr, UnixListener},
            process::CommandExt,
        },
    },
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use aether_kernel::process::sandbox::{Limits, Program, Sandbox, SandboxConfig, SpawnSpec};
use aether_protocol::Pid;
use tokio::io::AsyncReadExt;

/// What the same attempt does outside.
#[derive(Clone, Copy, PartialEq)]
enum Control {
    /// It works for anybody.
    Works,
    /// It works for root; other users' runs have no control.
    Root,
    /// It works for root, where this Linux has what it aims at.
    RootWhereThere,
    /// It works where this Linux offers it.
    WhereThere,
    /// None: it would harm the host, or there is nothing outside to compare with.
    No,
}
use Control::{No, Root, RootWhereThere, WhereThere, Works};

/// Name, what holds it, control.
const ATTEMPTS: &[(&str, &str, Control)] = &[
    ("read_shadow", "mount namespace", Root),
    ("read_state_db", "mount namespace", Works),
    ("read_other_home", "mount namespace", Works),
    ("read_through_init_root", "user and mount namespace", RootWhereThere),
    ("read_through_host_pid", "pid namespace", Works),
    ("read_host_environment", "pid namespace", Works),
    ("read_init_memory", "uid, Landlock", RootWhereThere),
    ("symlink_out_of_home", "mount namespace", Works),
    ("dot_dot_out_of_home", "mount namespace", Works),
    ("write_usr", "read-only mount", Root),
    ("write_etc", "read-only mount", Root),
    ("write_root", "read-only mount", Root),
    ("write_agent_binary", "read-only mount", Works),
    ("write_core_pattern", "read-only mount, Landlock", Root),
    ("write_sysrq", "read-only mount, Landlock", RootWhereThere),
    ("write_sysfs", "mount namespace", RootWhereThere),
    ("write_own_oom_score", "Landlock", Works),
    ("open_kernel_log", "mount namespace", RootWhereThere),
    ("open_disk", "mount namespace", RootWhereThere),
    ("make_device", "capabilities, seccomp", Root),
    ("run_setuid", "no_new_privs", Root),
    ("file_handle", "seccomp", Root),
    ("mount", "capabilities, seccomp", Root),
    ("new_mount_api", "capabilities, seccomp", Root),
    ("unshare_user", "seccomp", Works),
    ("unshare_time", "seccomp", Root),
    ("clone_user", "seccomp", Works),
    ("clone3_user", "seccomp", Works),
    ("setns", "capabilities, seccomp", Root),
    ("chroot", "capabilities, seccomp", Root),
    ("set_host_name", "capabilities, seccomp", Root),
    ("become_root", "user namespace", Root),
    ("am_i_root", "user namespace", Root),
    ("ptrace_parent", "seccomp", Works),
    ("read_parent_memory", "seccomp", Works),
    ("take_descriptor", "seccomp", Works),
    ("open_by_io_uring", "seccomp", WhereThere),
    ("bpf", "seccomp", RootWhereThere),
    ("userfaultfd", "seccomp", RootWhereThere),
    ("perf_event", "seccomp", RootWhereThere),
    ("kernel_keyring", "seccomp", WhereThere),
    ("load_module", "capabilities, seccomp", RootWhereThere),
    ("kernel_log", "capabilities, seccomp", RootWhereThere),
    ("personality", "seccomp", Works),
    ("x32_call", "seccomp", No),
    ("i386_call", "seccomp", WhereThere),
    ("connect_host_loopback", "net namespace, Landlock", Works),
    ("connect_kernel_socket", "mount namespace", Works),
    ("connect_abstract_socket", "net namespace, Landlock", Works),
    ("raw_socket", "capabilities", Root),
    ("packet_socket", "seccomp", Root),
    ("netlink_socket", "seccomp", Works),
    ("signal_host_process", "pid namespace", Works),
    ("watch_host_process", "pid namespace", Works),
    ("signal_init", "uid, Landlock", Root),
    ("type_into_terminal", "seccomp", RootWhereThere),
    ("fork_bomb", "rlimit", Works),
    ("exhaust_descriptors", "rlimit", Works),
    ("fill_disk", "rlimit", Works),
    ("fill_tmp", "tmpfs size", Works),
    ("take_memory", "rlimit", Works),
    ("raise_limits", "capabilities", RootWhereThere),
];

const PATIENCE: Duration = Duration::from_mins(2);

/// What a sandbox must not reach, really there.
struct Outside {
    folder: tempfile::TempDir,
    environment: BTreeMap<&'static str, String>,
    _listeners: (TcpListener, UnixListener, UnixListener),
}

impl Outside {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary directory");
        // The control with setuid runs as nobody, who must come this far.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("a mode");
        let at = |name: &str| folder.path().join(name);
        let secret = |name: &str| {
            fs::create_dir_all(at(name).parent().expect("a parent")).expect("a directory");
            fs::write(at(name), "a secret of the host").expect("a file");
            at(name).display().to_string()
        };
        let tcp = TcpListener::bind("127.0.0.1:0").expect("a port");
        let kernel = UnixListener::bind(at("kernel.sock")).expect("a socket");
        let name = format!("aether-escape-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).expect("a name");
        let hidden = UnixListener::bind_addr(&address).expect("an abstract socket");
        let environment = [
            ("STATE_DB", secret("state.db")),
            ("OTHER_HOME", secret("homes/other/note")),
            ("HOST_PID", std::process::id().to_string()),
            ("HOST_PORT", tcp.local_addr().expect("an address").port().to_string()),
            ("KERNEL_SOCKET", at("kernel.sock").display().to_string()),
            ("ABSTRACT_SOCKET", name),
            ("DISK", first_disk()),
            ("FILE_MIB", "8".to_owned()),
            ("TMP_MIB", "32".to_owned()),
        ];
        Self { folder, environment: environment.into(), _listeners: (tcp, kernel, hidden) }
    }

    /// The attempt outside: the process's status and words.
    fn control(&self, name: &str, probe: &Path) -> String {
        let scratch = self.folder.path().join("scratch");
        fs::create_dir_all(&scratch).expect("a directory");
        let copy = self.folder.path().join("agent-copy");
        fs::write(&copy, "stands for the agent's binary").expect("a file");
        let mut command = Command::new(probe);
        command.arg(name).envs(&self.environment).env("SCRATCH", &scratch).env("AGENT_BINARY", copy);
        if name == "run_setuid" {
            let setuid = self.folder.path().join("setuid-probe");
            setuid_copy(probe, &setuid);
            // As somebody who is not root, from a copy that everybody may execute.
            let plain = self.folder.path().join("plain-probe");
            fs::copy(probe, &plain).expect("a copy");
            command = Command::new(plain);
            command.arg(name).env("SETUID_PROBE", setuid).uid(65_534).gid(65_534);
        }
        let output = command.output().expect("the probe");
        String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().to_owned()
    }
}

fn setuid_copy(probe: &Path, target: &Path) {
    fs::copy(probe, target).expect("a copy");
    fs::set_permissions(target, fs::Permissions::from_mode(0o4755)).expect("a mode");
}

fn first_disk() -> String {
    let disks = fs::read_dir("/sys/class/block").into_iter().flatten().flatten();
    let mut names: Vec<_> = disks.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    let there = names.iter().map(|name| format!("/dev/{name}")).find(|path| fs::File::open(path).is_ok());
    there.unwrap_or_else(|| "/dev/sda".to_owned())
}

fn agent_binary() -> PathBuf {
    let test = std::env::current_exe().expect("the test's own path");
    let binary = test.parent().and_then(Path::parent).expect("the target directory").join("aether-agent");
    assert!(binary.is_file(), "{} is missing: run `cargo build -p aether-agent`", binary.display());
    binary
}

#[tokio::test]
async fn no_attempt_gets_out() {
    let probe = Path::new(env!("CARGO_BIN_EXE_probe"));
    let outside = Outside::new();
    let root = rustix::process::geteuid().is_root();

    let mut config = SandboxConfig::new(outside.folder.path().join("run"));
    config.tmp_bytes = 32 << 20;
    let sandbox = Sandbox::probe(config);
    let home = outside.folder.path().join("homes/agent");
    fs::create_dir_all(&home).expect("a home");
    fs::copy(probe, home.join("probe")).expect("the probe");
    let limits =
        Limits { processes: 64, open_files: 256, file_bytes: 8 << 20, memory_bytes: 4 << 30, cpu_secs: 60 };
    let spec = SpawnSpec {
        pid: Pid(1),
        hostname: "escape".to_owned(),
        home: home.clone(),
        agent_binary: agent_binary(),
        limits,
        priority: 3,
        network: None,
    };
    // The first run gives the home to its user; the setuid program of root's comes after that.
    let first = sandbox.launch(&spec, &Program::Exec(vec!["/bin/true".to_owned()])).await.expect("a sandbox");
    first.tree.wait().await;
    setuid_copy(probe, &home.join("setuid-probe"));

    let mut words = ["/home/agent/probe", "each"].map(str::to_owned).to_vec();
    words.extend(outside.environment.iter().map(|(name, value)| format!("{name}={value}")));
    words.extend(
        ["SCRATCH=/tmp", "AGENT_BINARY=/aether/aether-agent", "SETUID_PROBE=/home/agent/setuid-probe"]
            .map(str::to_owned),
    );
    words.extend(ATTEMPTS.iter().map(|(name, ..)| (*name).to_owned()));
    let mut spawned = sandbox.launch(&spec, &Program::Exec(words)).await.expect("a sandbox");
    let mut said = String::new();
    tokio::time::timeout(PATIENCE, spawned.link.read_to_string(&mut said))
        .await
        .expect("in time")
        .expect("lines");
    let inside: BTreeMap<&str, &str> =
        said.lines().filter_map(|line| Some((line.split('\t').next()?, line.split('\t').nth(2)?))).collect();

    let mut failures = Vec::new();
    println!("{:<26} {:<28} {:<58} outside", "attempt", "held by", "inside");
    for (name, layer, control) in ATTEMPTS {
        let result = inside.get(name).copied().unwrap_or("no answer");
        let outside = match control {
            No => "not tried".to_owned(),
            Root | RootWhereThere if !root => "needs root".to_owned(),
            _ => outside.control(name, probe),
        };
        println!("{name:<26} {layer:<28} {result:<58} {outside}");
        if !result.starts_with("held: ") {
            failures.push(format!("{name}: {result}"));
        }
        let must_work = *control == Works || (*control == Root && root);
        if must_work && !outside.starts_with("got out: ") {
            failures.push(format!("{name}: the control does not work: {outside}"));
        }
    }
    println!("{} attempts; {}", ATTEMPTS.len(), spawned.tree.last_words());
    assert!(failures.is_empty(), "{failures:#?}");
}
