//! Sandboxes and what they leave behind: two hundred spawned and ended in random order, and a kernel that is
//! killed.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use aether_kernel::process::sandbox::{Limits, Program, Sandbox, SandboxConfig, SpawnSpec, Spawned};
use aether_protocol::process::SignalName;
use tokio::io::AsyncReadExt;

const PATIENCE: Duration = Duration::from_secs(30);

/// Set in the process that plays the kernel that is killed: where it may work.
const VICTIM: &str = "AETHER_TEST_VICTIM";

#[derive(Debug)]
struct Traces {
    descendants: BTreeSet<u32>,
    mounts: String,
    descriptors: BTreeSet<String>,
    terminals: BTreeSet<String>,
    cgroups: BTreeSet<String>,
}

impl Traces {
    fn now() -> Self {
        let descriptors = names("/proc/self/fd").into_iter().filter_map(|fd| {
            Some(format!("{fd} {}", fs::read_link(format!("/proc/self/fd/{fd}")).ok()?.display()))
        });
        Self {
            descendants: descendants(std::process::id()),
            mounts: fs::read_to_string("/proc/self/mountinfo").expect("mounts"),
            descriptors: descriptors.collect(),
            terminals: names("/dev/pts"),
            cgroups: names("/sys/fs/cgroup/unified").union(&names("/sys/fs/cgroup")).cloned().collect(),
        }
    }

    /// Whether there is nothing that was not there `before`. Terminals are the whole host's: others may go meanwhile.
    fn add_nothing_to(&self, before: &Self) -> bool {
        self.descendants == before.descendants
            && self.mounts == before.mounts
            && self.descriptors == before.descriptors
            && self.terminals.is_subset(&before.terminals)
            && self.cgroups.is_subset(&before.cgroups)
    }
}

fn names(folder: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect()
}

fn parent_of(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
}

/// All that came from a process, zombies included.
fn descendants(of: u32) -> BTreeSet<u32> {
    let all: Vec<(u32, u32)> = names("/proc")
        .into_iter()
        .filter_map(|name| name.parse().ok())
        .filter_map(|pid| Some((pid, parent_of(pid)?)))
        .collect();
    let mut found = BTreeSet::from([of]);
    while all.iter().any(|(pid, parent)| found.contains(parent) && found.insert(*pid)) {}
    found.remove(&of);
    found
}

async fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    let mut beats = tokio::time::interval(Duration::from_millis(5));
    while !holds() {
        assert!(Instant::now() < deadline, "{what}: {:#?}", Traces::now());
        beats.tick().await;
    }
}

fn agent_binary() -> PathBuf {
    let test = env::current_exe().expect("the test's own path");
    let binary = test.parent().and_then(Path::parent).expect("the target directory").join("aether-agent");
    assert!(binary.is_file(), "{} is missing: run `cargo build -p aether-agent`", binary.display());
    binary
}

/// A sandbox with a daemon, a child and a shell that ends with its link; returns when all of them run.
async fn start(sandbox: &Sandbox, folder: &Path, number: u64) -> Spawned {
    let home = folder.join(format!("home-{number}"));
    fs::create_dir_all(&home).expect("a home");
    let spec = SpawnSpec {
        group: format!("test-{number}"),
        hostname: "test".to_owned(),
        home,
        agent_binary: agent_binary(),
        limits: Limits::default(),
        priority: 3,
        network: None,
    };
    let script = "(setsid sleep 1000 &); sleep 1000 & echo ready >&3; read line <&3";
    let command = ["/bin/sh", "-c", script].map(str::to_owned).to_vec();
    let mut spawned = sandbox.launch(&spec, &Program::Exec(command)).await.expect("a sandbox");
    let mut ready = [0; 6];
    let read = tokio::time::timeout(PATIENCE, spawned.link.read_exact(&mut ready)).await;
    read.expect("in time").unwrap_or_else(|error| panic!("{error}: {}", spawned.tree.last_words()));
    spawned
}

/// In one of the ways in which sandboxes end.
async fn end(spawned: Spawned, way: u64) {
    let Spawned { link, tree, .. } = spawned;
    match way % 4 {
        0 => drop(tree.kill_and_wait().await),
        1 => drop(tree),
        2 => {
            tree.signal(SignalName::Stop).expect("stopped");
            tree.kill_and_wait().await;
        }
        _ => {
            drop(link);
            tokio::time::timeout(PATIENCE, tree.wait()).await.expect("it ends with its link");
        }
    }
}

/// One test, because it counts what this process has open: another beside it would come and go in between.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_left_behind() {
    if let Some(folder) = env::var_os(VICTIM) {
        be_a_kernel_with_two_sandboxes(Path::new(&folder)).await;
    }
    two_hundred_spawns_and_kills().await;
    the_end_of_the_kernel_is_the_end_of_its_sandboxes().await;
}

async fn two_hundred_spawns_and_kills() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let sandbox = Sandbox::probe(SandboxConfig::new(folder.path().join("run")));
    end(start(&sandbox, folder.path(), 1000).await, 0).await;
    let before = Traces::now();
    let (mut latencies, mut living) = (Vec::new(), Vec::new());
    let mut random = u64::from(std::process::id()) | 1 << 40;
    for number in 0..200 {
        let asked = Instant::now();
        living.push(start(&sandbox, folder.path(), number % 16).await);
        latencies.push(asked.elapsed());
        // xorshift64, Marsaglia 2003.
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        while living.len() as u64 > random % 8 {
            let at = (random >> 8) % living.len() as u64;
            end(living.swap_remove(usize::try_from(at).expect("small")), random).await;
        }
    }
    for (way, spawned) in living.into_iter().enumerate() {
        end(spawned, way as u64).await;
    }
    wait_until("something is left behind", || Traces::now().add_nothing_to(&before)).await;
    latencies.sort();
    let at = |share: usize| latencies.get(share).copied().unwrap_or_default();
    println!("spawn to the first line of a sealed shell: median {:?}, p99 {:?}", at(100), at(198));
}

/// In the process that is killed.
async fn be_a_kernel_with_two_sandboxes(folder: &Path) {
    let sandbox = Sandbox::probe(SandboxConfig::new(folder.join("run")));
    let kept = [start(&sandbox, folder, 1).await, start(&sandbox, folder, 2).await];
    fs::write(folder.join("ready.new"), "").expect("a file");
    fs::rename(folder.join("ready.new"), folder.join("ready")).expect("a name");
    std::future::pending::<()>().await;
    drop(kept);
}

async fn the_end_of_the_kernel_is_the_end_of_its_sandboxes() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let mut kernel = Command::new(env::current_exe().expect("the test's own path"))
        .args(["--exact", "nothing_is_left_behind"])
        .env(VICTIM, folder.path())
        .stdout(Stdio::null())
        .spawn()
        .expect("a kernel");
    wait_until("the kernel never stood", || folder.path().join("ready").exists()).await;
    let processes = descendants(kernel.id());
    assert!(processes.len() >= 10, "{processes:?}");
    kernel.kill().expect("killed");
    kernel.wait().expect("reaped");
    // What was the kernel's may come to this process, which then sees it as a zombie.
    let runs = |pid: u32| {
        fs::read_to_string(format!("/proc/{pid}/stat"))
            .is_ok_and(|stat| !stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('Z')))
    };
    wait_until("a process outlived its kernel", || !processes.iter().any(|pid| runs(*pid))).await;
    while matches!(rustix::process::wait(rustix::process::WaitOptions::NOHANG), Ok(Some(_))) {}
}
