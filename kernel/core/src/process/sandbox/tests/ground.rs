//! What tests on real sandboxes stand on.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use aether_protocol::process::Exit;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    net::unix::{OwnedReadHalf, OwnedWriteHalf},
    sync::Mutex,
};

use crate::process::{
    sandbox::{Limits, Program, Sandbox, SandboxConfig, SpawnSpec, Spawned},
    tree::ProcessTree,
};

/// Long enough for a busy machine; a test that reaches it has failed.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// Tests that count what is left behind must not see each other's sandboxes.
pub(crate) static ALONE: Mutex<()> = Mutex::const_new(());

/// The agent's binary, built beside the tests.
pub(crate) fn agent_binary() -> PathBuf {
    let test = std::env::current_exe().expect("the test's own path");
    let binary = test.parent().and_then(Path::parent).expect("the target directory").join("aether-agent");
    assert!(binary.is_file(), "{} is missing: run `cargo build -p aether-agent`", binary.display());
    binary
}

/// A place for one test's homes and sandbox files. Readable for all, as users of sandboxes must enter it.
pub(crate) struct Ground {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) sandbox: Sandbox,
}

impl Ground {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let sandbox = Sandbox::probe(SandboxConfig::new(folder.path().join("run")));
        Self { folder, sandbox }
    }

    pub(crate) fn spec(&self, pid: u64) -> SpawnSpec {
        let home = self.folder.path().join(format!("home-{pid}"));
        fs::create_dir_all(&home).expect("a home");
        SpawnSpec {
            group: format!("test-{pid}"),
            hostname: format!("Test {pid}"),
            home,
            agent_binary: agent_binary(),
            limits: Limits { processes: 64, ..Limits::default() },
            priority: 3,
            network: None,
        }
    }

    /// Runs a shell script whose descriptor 3 is the link.
    pub(crate) async fn shell(&self, pid: u64, script: &str) -> Talk {
        let command = ["/bin/sh", "-c", script].map(str::to_owned).to_vec();
        let spawned = self.sandbox.launch(&self.spec(pid), &Program::Exec(command)).await.expect("a sandbox");
        Talk::new(spawned)
    }
}

/// A sandbox and its lines.
pub(crate) struct Talk {
    pub(crate) tree: ProcessTree,
    pub(crate) lines: BufReader<OwnedReadHalf>,
    pub(crate) input: OwnedWriteHalf,
}

impl Talk {
    pub(crate) fn new(spawned: Spawned) -> Self {
        let (read, input) = spawned.link.into_split();
        Self { tree: spawned.tree, lines: BufReader::new(read), input }
    }

    /// The next line, or what went wrong in the sandbox.
    pub(crate) async fn line(&mut self) -> String {
        let mut line = String::new();
        let read = tokio::time::timeout(PATIENCE, self.lines.read_line(&mut line)).await;
        let count = read.expect("a line in time").expect("a line");
        assert!(count > 0, "the sandbox ended: {:?} {}", self.tree.exit(), self.tree.last_words());
        line.trim_end().to_owned()
    }

    /// All that is still to come.
    pub(crate) async fn rest(&mut self) -> String {
        let mut text = String::new();
        let read = tokio::time::timeout(PATIENCE, self.lines.read_to_string(&mut text)).await;
        read.expect("the end in time").expect("text");
        text
    }

    /// How it ended.
    pub(crate) async fn exit(&self) -> Exit {
        tokio::time::timeout(PATIENCE, self.tree.wait()).await.expect("an end in time")
    }
}

/// All that a sandbox could leave behind.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Traces {
    pub(crate) processes: BTreeSet<String>,
    mounts: String,
    descriptors: BTreeSet<String>,
    pub(crate) terminals: BTreeSet<String>,
    cgroups: BTreeSet<String>,
}

impl Traces {
    pub(crate) fn now() -> Self {
        Self {
            // Every process of the host that came from these tests, zombies included.
            processes: names("/proc")
                .into_iter()
                .filter(|name| name.parse::<u32>().is_ok())
                .filter_map(|pid| fs::read_to_string(format!("/proc/{pid}/stat")).ok())
                .filter(|stat| {
                    ["(bwrap)", "(aether-agent)", "(sh)", "(sleep)"].iter().any(|it| stat.contains(it))
                })
                .filter(|stat| parent_is_ours(stat))
                .collect(),
            mounts: fs::read_to_string("/proc/self/mountinfo").expect("mounts"),
            descriptors: names("/proc/self/fd")
                .into_iter()
                .filter_map(|fd| {
                    Some(format!("{fd} {}", fs::read_link(format!("/proc/self/fd/{fd}")).ok()?.display()))
                })
                .collect(),
            terminals: names("/dev/pts"),
            cgroups: own_groups(),
        }
    }

    /// For tests that keep descriptors of their own.
    pub(crate) fn without_descriptors(mut self) -> Self {
        self.descriptors.clear();
        self
    }
}

/// The groups of sandboxes beside this process, where it has divided its cgroup v2.
fn own_groups() -> BTreeSet<String> {
    let listing = fs::read_to_string("/proc/self/cgroup").expect("cgroups");
    let own = listing.lines().find_map(|line| line.strip_prefix("0::")?.strip_suffix("/aetherd"));
    let mut found = own.map(|own| names(&format!("/sys/fs/cgroup{own}"))).unwrap_or_default();
    found.retain(|name| name.starts_with("agent-") || name.starts_with("terminal-"));
    found
}

fn names(folder: &str) -> BTreeSet<String> {
    fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect()
}

/// The kernel adopts orphans, so whatever came from it has it as an ancestor.
fn parent_is_ours(stat: &str) -> bool {
    let own = std::process::id();
    let mut stat = stat.to_owned();
    loop {
        let Some(parent) =
            stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(1)?.parse::<u32>().ok())
        else {
            return false;
        };
        if parent == own {
            return true;
        }
        match fs::read_to_string(format!("/proc/{parent}/stat")) {
            Ok(next) if parent > 1 => stat = next,
            _ => return false,
        }
    }
}

/// Looks again until it holds; fails when it never does.
pub(crate) async fn wait_until(mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    let mut beats = tokio::time::interval(Duration::from_millis(5));
    while !holds() {
        assert!(Instant::now() < deadline, "it never came to be: {:#?}", Traces::now());
        beats.tick().await;
    }
}
