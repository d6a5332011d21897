//! What holds only where the host has cgroup v2: each sandbox is bounded, weighed and counted as a whole.
//! `cargo xtask guest-test` runs it in a guest that has it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "lives/world.rs"]
#[allow(dead_code, reason = "shared with the tests of lives, which use the rest")]
mod world;

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

use aether_protocol::{
    Event, EventBody,
    process::{Phase, Process, State},
    quota::{Act, Cause, Decision, Kind, Mechanism, QuotaReport},
    system::{Diagnosis, Health},
};
use aether_tests::delegated;
use serde_json::{Value, json};
use world::{World, members, namespace, tasks, until_host};

/// The governor looks so seldom that what happens in these tests is Linux's own doing.
const SELDOM: &str = "max_running = 8\n[quotas]\nlook_every_ms = 60000\n\
    [quotas.pressure]\nmemory_percent = 0\nio_percent = 0\ncpu_percent = 0\n";

/// Where cgroups are given in whole pages.
const PAGE: u64 = 4096;

/// A kernel in a delegated cgroup; fails by name where there is none.
async fn world(process: &str) -> World {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    let has_v2 = mounts.lines().any(|line| line.split(' ').nth(2) == Some("cgroup2"));
    assert!(
        has_v2 && std::env::var_os(delegated::VARIABLE).is_some(),
        "cgroup v2 is missing, or none is delegated to the tests: `cargo xtask guest-test` runs them where it is"
    );
    // A group that stands ready is named after no process.
    World::new(&format!("warm = 0\n{process}")).await
}

/// The cgroup of one of the host's processes.
fn group_of(pid: u32) -> PathBuf {
    let listing = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
    let path = listing.lines().find_map(|line| line.strip_prefix("0::/")).unwrap();
    Path::new("/sys/fs/cgroup").join(path)
}

fn text(group: &Path, file: &str) -> String {
    let path = group.join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).trim().to_owned()
}

fn number(group: &Path, file: &str) -> u64 {
    text(group, file).parse().unwrap()
}

/// A number of a file of names and numbers.
fn field(group: &Path, file: &str, name: &str) -> u64 {
    let text = text(group, file);
    let found = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    found.unwrap_or_else(|| panic!("{file} has no {name}: {text}")).parse().unwrap()
}

fn processes_in(group: &Path) -> BTreeSet<u32> {
    text(group, "cgroup.procs").lines().map(|line| line.parse().unwrap()).collect()
}

/// The groups of sandboxes that a kernel has.
fn groups(world: &World) -> BTreeSet<String> {
    let root = world.daemon.cgroup().unwrap();
    let names = fs::read_dir(root).unwrap().map(|entry| entry.unwrap());
    let folders = names.filter(|entry| entry.file_type().unwrap().is_dir());
    folders.map(|entry| entry.file_name().into_string().unwrap()).filter(|name| name != "aetherd").collect()
}

fn fence(limit: u64) -> u64 {
    (limit + limit / 8) / PAGE * PAGE
}

async fn running(world: &mut World, spawn: Value) -> (Process, PathBuf) {
    let pid = world.spawn_as(spawn).await.pid.0;
    let process = world.until(pid, "running", |process| process.host_pid.is_some()).await;
    let group = group_of(process.host_pid.unwrap());
    (process, group)
}

async fn decisions(world: &mut World, pid: u64) -> Vec<Decision> {
    let events = world.events().await.into_iter();
    events
        .filter_map(|event| match serde_json::from_value::<Event>(event).unwrap().body {
            EventBody::GovernorActed { decision } if decision.pid.0 == pid => Some(*decision),
            _ => None,
        })
        .collect()
}

async fn report(world: &mut World, pid: u64) -> QuotaReport {
    serde_json::from_value(world.done("GET", &format!("/processes/{pid}/quotas"), None).await).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_agent_has_a_group_of_its_own_with_its_bounds() {
    let mut world = world(SELDOM).await;
    let diagnosis: Diagnosis = serde_json::from_value(world.done("GET", "/doctor", None).await).unwrap();
    let check = diagnosis.checks.iter().find(|check| check.name == "cgroup v2").unwrap();
    assert_eq!(check.state, Health::Ready, "{check:?}");

    let quotas = json!({"memory_bytes": 200 << 20, "processes": 40});
    let spawn = json!({"role": "assistant", "goal": "ask Wait", "quotas": quotas});
    let (one, first) = running(&mut world, spawn).await;
    let (_, second) =
        running(&mut world, json!({"role": "assistant", "goal": "ask Wait", "priority": 1})).await;
    assert_eq!(first.file_name().unwrap().to_str().unwrap(), format!("agent-{}", one.pid));
    assert_ne!(first, second);
    assert_eq!(first.parent(), world.daemon.cgroup());
    assert_eq!(number(&first, "memory.max"), fence(200 << 20));
    assert_eq!(number(&first, "memory.oom.group"), 1);
    // A quarter, and at least 16, beyond the quota; and bubblewrap's two.
    assert_eq!(number(&first, "pids.max"), 40 + 16 + 2);
    assert_eq!((number(&first, "cpu.weight"), number(&second, "cpu.weight")), (100, 400));
    if first.join("memory.swap.max").exists() {
        assert_eq!(number(&first, "memory.swap.max"), 0);
    }

    // All of the namespace is in it, and bubblewrap, and nobody else.
    let inside = namespace(one.host_pid.unwrap(), "pid").unwrap();
    let mut expected: BTreeSet<u32> = members(&inside).iter().map(|task| task.pid).collect();
    let all = tasks();
    let init = members(&inside).into_iter().map(|task| task.pid).min().unwrap();
    expected.insert(all[&init].parent);
    assert_eq!(processes_in(&first), expected);
    // The kernel is in none of them, and not pushed aside by a few that are busy.
    let kernel = group_of(world.daemon.pid().unwrap());
    assert_eq!(kernel.file_name().unwrap(), "aetherd");
    assert_eq!(number(&kernel, "cpu.weight"), 1000);

    let layer = |name: &str| one.sandbox.iter().find(|layer| layer.name == name).unwrap().clone();
    assert!(layer("cgroup").active, "{:?}", layer("cgroup"));
    assert!(layer("governor").detail.contains("cgroup v2 and rlimits"), "{:?}", layer("governor"));
    for one in report(&mut world, one.pid.0).await.quotas {
        let is_held = one.held_by.contains(&Mechanism::Cgroup);
        assert_eq!(is_held, matches!(one.kind, Kind::Memory | Kind::Processes), "{one:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_quota_is_in_the_group_when_the_reply_comes() {
    let mut world = world(SELDOM).await;
    let (process, group) = running(&mut world, json!({"role": "assistant", "goal": "ask Wait"})).await;
    let path = format!("/processes/{}/quotas", process.pid);
    for (memory, processes) in [(128_u64 << 20, 30_u64), (300 << 20, 60), (96 << 20, 8)] {
        let quotas = json!({"memory_bytes": memory, "processes": processes});
        world.done("PUT", &path, Some(quotas)).await;
        assert_eq!(number(&group, "memory.max"), fence(memory));
        assert_eq!(number(&group, "pids.max"), processes + 16 + 2);
    }
    // A quota does not widen what the life was given.
    let limits = json!({"memory_bytes": 256 << 20, "processes": 50});
    let spawn = json!({"role": "assistant", "goal": "ask Wait", "limits": limits});
    let (process, group) = running(&mut world, spawn).await;
    let path = format!("/processes/{}/quotas", process.pid);
    world.done("PUT", &path, Some(json!({"memory_bytes": 1_u64 << 30, "processes": 500}))).await;
    assert_eq!((number(&group, "memory.max"), number(&group, "pids.max")), (256 << 20, 52));
    world.done("PUT", &path, Some(json!({"memory_bytes": 64 << 20}))).await;
    assert_eq!((number(&group, "memory.max"), number(&group, "pids.max")), (fence(64 << 20), 52));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_weight_follows_the_priority() {
    let mut world = world(SELDOM).await;
    let (process, group) = running(&mut world, json!({"role": "assistant", "goal": "ask Wait"})).await;
    let path = format!("/processes/{}/priority", process.pid);
    // Downwards first: an ordinary user may not lower a nice value.
    for (priority, weight) in [(3, 100), (4, 50), (5, 25)] {
        world.done("PUT", &path, Some(json!({"priority": priority}))).await;
        assert_eq!(number(&group, "cpu.weight"), weight);
    }
    for (priority, weight) in [(2, 200), (1, 400)] {
        let answer = world.ask("PUT", &path, Some(json!({"priority": priority}))).await;
        let is_root = rustix::process::geteuid().is_root();
        assert!(answer.status == 200 || !is_root, "{}", answer.text());
        assert_eq!(number(&group, "cpu.weight"), weight);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_memory_hog_ends_alone_and_its_memory_is_the_reason() {
    let mut world = world(SELDOM).await;
    let limit = 96_u64 << 20;
    let (other, others) = running(&mut world, json!({"role": "assistant", "goal": "ask Wait"})).await;
    // Each of them stays within what one process may have.
    let goal = "run for i in 1 2 3 4; do tail /dev/zero & done; wait";
    let spawn = json!({"role": "assistant", "goal": goal, "quotas": {"memory_bytes": limit}});
    let hog = world.spawn_as(spawn).await.pid.0;
    let dead = world.until_dead(hog).await;
    assert_eq!(dead.phase, Phase::Failed, "{dead:#?}");
    let decisions = decisions(&mut world, hog).await;
    let [Decision { act: Act::Ended, cause, reason, .. }] = decisions.as_slice() else {
        panic!("{decisions:#?}")
    };
    let Cause::Quota { kind: Kind::Memory, used, limit: at } = cause else { panic!("{cause:?}") };
    assert_eq!(*at, limit);
    assert!((limit..=fence(limit)).contains(used), "{used}");
    assert_eq!(dead.reason.as_ref(), Some(reason));
    assert!(reason.contains("96 MiB") || reason.contains("100.7 MB"), "{reason}");

    // Nobody else was touched.
    assert_eq!(field(&others, "memory.events", "oom_kill"), 0);
    let now = world.get(other.pid.0).await;
    assert_eq!((now.host_pid, now.restarts), (other.host_pid, 0));
    assert_eq!(groups(&world), BTreeSet::from([format!("agent-{}", other.pid)]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fork_bomb_is_held_by_its_group() {
    let mut world = world(SELDOM).await;
    let bomb = "run while [ ! -e go ]; do sleep 0.05; done; bash -c 'bomb(){ bomb | bomb & }; bomb; exec sleep 1000'";
    let (process, group) = running(&mut world, json!({"role": "assistant", "goal": bomb})).await;
    // Lowered while it runs: what each process was told at its start (RLIMIT_NPROC) is far above.
    let path = format!("/processes/{}/quotas", process.pid);
    world.done("PUT", &path, Some(json!({"processes": 8}))).await;
    assert_eq!(number(&group, "pids.max"), 26);
    fs::write(world.home(&process).join("go"), "").unwrap();
    until_host("Linux refuses it no process", || field(&group, "pids.events", "max") > 0).await;
    assert!(number(&group, "pids.current") <= 26);
    // The others have room.
    let other = world.spawn("run for i in 1 2 3 4 5 6 7 8; do sleep 0.1 & done; wait").await.pid.0;
    world.until_completed(other).await;
    assert_eq!(world.signal(process.pid.0, "KILL").await.state, State::Dead);
    assert!(!group.exists(), "its group is still there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cpu_time_is_that_of_the_group() {
    let mut world = world("[quotas]\nlook_every_ms = 100\n").await;
    // Short processes: what has ended and is reaped counts too.
    let goal = "run while [ ! -e stop ]; do sh -c 'i=0; while [ $i -lt 2000 ]; do i=$((i+1)); done'; done";
    let spawn = json!({"role": "assistant", "goal": goal, "quotas": {"cpu_secs": 600}});
    let (process, group) = running(&mut world, spawn).await;
    let pid = process.pid.0;
    let deadline = Instant::now() + world::PATIENCE;
    let mut counted = 0;
    while counted < 2 {
        counted = cpu_secs(&mut world, pid).await;
        let used = field(&group, "cpu.stat", "usage_usec") / 1_000_000;
        assert!(counted <= used, "{counted} s were counted, the group has used {used} s");
        assert!(Instant::now() < deadline, "{counted} s were counted, the group has used {used} s");
    }
    // What it had used by now is known soon.
    let used = field(&group, "cpu.stat", "usage_usec") / 1_000_000;
    while counted < used {
        counted = cpu_secs(&mut world, pid).await;
        assert!(Instant::now() < deadline, "{counted} s were counted, the group had used {used} s");
    }
    fs::write(world.home(&process).join("stop"), "").unwrap();
    world.until_completed(pid).await;
}

async fn cpu_secs(world: &mut World, pid: u64) -> u64 {
    let report = report(world, pid).await;
    report.quotas.iter().find(|one| one.kind == Kind::CpuTime).unwrap().used.unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_terminal_in_a_sandbox_is_bounded_with_it() {
    let mut world = world(SELDOM).await;
    let (process, group) = running(&mut world, json!({"role": "assistant", "goal": "ask Wait"})).await;
    let inside = namespace(process.host_pid.unwrap(), "pid").unwrap();
    let before = processes_in(&group);
    let target = json!({"kind": "process", "pid": process.pid});
    let body = json!({"target": target, "size": {"cols": 80, "rows": 24}});
    world.done("POST", "/terminals", Some(body)).await;
    let deadline = Instant::now() + world::PATIENCE;
    // Who watches over the shell, and the shell.
    while processes_in(&group).len() < before.len() + 2 {
        let events = world.events().await;
        let closed = events.iter().find(|event| event["event"] == "terminal.closed");
        assert!(closed.is_none(), "the shell did not start: {closed:?}");
        assert!(Instant::now() < deadline, "the shell did not start\n{}", world.daemon.log());
    }
    let expected: BTreeSet<u32> = members(&inside).iter().map(|task| task.pid).collect();
    let found = processes_in(&group);
    assert!(expected.is_subset(&found), "{expected:?} {found:?}");
    assert_eq!(world.signal(process.pid.0, "KILL").await.state, State::Dead);
    assert!(!group.exists(), "its group is still there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn groups_go_with_their_lives_also_those_of_a_kernel_that_was_killed() {
    let mut world = world(SELDOM).await;
    let (killed, group) = running(&mut world, json!({"role": "assistant", "goal": "ask Wait"})).await;
    let (stays, _) = running(&mut world, json!({"role": "assistant", "goal": "ask Wait"})).await;
    let completed = world.spawn("write a b").await.pid.0;
    world.until_completed(completed).await;
    assert_eq!(world.signal(killed.pid.0, "KILL").await.state, State::Dead);
    assert!(!group.exists(), "the group of a life that was killed is still there");
    let only = BTreeSet::from([format!("agent-{}", stays.pid)]);
    assert_eq!(groups(&world), only);

    // Killed, with a group that no life will ask for again, and somebody in it who would stay.
    let World { server, daemon, token, .. } = world;
    let root = daemon.cgroup().unwrap().to_owned();
    let stopped = daemon.kill().await.unwrap();
    let before = fs::metadata(root.join(format!("agent-{}", stays.pid))).unwrap().ino();
    let left = root.join("agent-987654");
    fs::create_dir(&left).unwrap();
    let mut sleeper = Command::new("sleep").arg("1000").stdin(Stdio::null()).spawn().unwrap();
    fs::write(left.join("cgroup.procs"), sleeper.id().to_string()).unwrap();
    let daemon = aether_tests::daemon::Daemon::start_again(stopped).await.unwrap();
    let mut world = World::resumed(server, daemon, token);
    assert!(!left.exists(), "what an earlier kernel left is still there");
    assert!(!sleeper.wait().unwrap().success());
    let again = world.until(stays.pid.0, "there again", |process| process.host_pid.is_some()).await;
    assert_eq!(groups(&world), only);
    // A new group under the same name: what was used before is not counted once more.
    let group = group_of(again.host_pid.unwrap());
    assert_ne!(fs::metadata(&group).unwrap().ino(), before);
    assert_eq!(world.signal(stays.pid.0, "KILL").await.state, State::Dead);
    assert_eq!(groups(&world), BTreeSet::new());
}
