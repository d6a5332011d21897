//! What the host sees of agents, and what is left on it.

use std::{collections::BTreeMap, fs};

use aether_protocol::process::State;
use serde_json::json;

use crate::world::{Chance, World, descendants, namespace, task, until_host};

const NAMESPACES: [&str; 6] = ["user", "mnt", "pid", "net", "ipc", "uts"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_agent_is_a_process_in_namespaces_of_its_own() {
    const AGENTS: usize = 3;
    let mut world = World::new("warm = 0").await;
    let _hold = world.server.hold();
    for _ in 0..AGENTS {
        world.spawn("forever").await;
    }
    world.held(AGENTS).await;
    let kernel = world.daemon.pid().unwrap();
    let live = world.live().await;
    let mut host_pids: Vec<u32> = live.iter().map(|process| process.host_pid.unwrap()).collect();
    host_pids.sort_unstable();
    let ps: Vec<u32> =
        descendants(kernel).iter().filter(|task| task.name == "aether-agent").map(|task| task.pid).collect();
    assert_eq!(ps, host_pids, "ps and the process table do not agree");
    for kind in NAMESPACES {
        let mut seen = vec![namespace(kernel, kind).unwrap()];
        for pid in &host_pids {
            let its = namespace(*pid, kind).unwrap();
            assert!(!seen.contains(&its), "{pid} shares its {kind} namespace");
            seen.push(its);
        }
    }
    for process in &live {
        let agent = task(process.host_pid.unwrap()).unwrap();
        let init = task(agent.parent).unwrap();
        let monitor = task(init.parent).unwrap();
        assert_eq!((init.name.as_str(), monitor.name.as_str(), monitor.parent), ("bwrap", "bwrap", kernel));
        assert!(
            process.sandbox.iter().any(|layer| layer.name == "namespaces" && layer.active),
            "{process:?}"
        );
        assert_eq!(process.state, State::Running);
    }
}

/// What a kernel has open, counted by kind; its own files and the tests' connections left out.
fn open(pid: u32) -> BTreeMap<String, usize> {
    let tcp: String =
        ["tcp", "tcp6"].map(|file| fs::read_to_string(format!("/proc/{pid}/net/{file}")).unwrap()).concat();
    let mut count = BTreeMap::new();
    for entry in fs::read_dir(format!("/proc/{pid}/fd")).unwrap().filter_map(Result::ok) {
        let Ok(target) = fs::read_link(entry.path()) else { continue };
        let target = target.display().to_string();
        let inode = target.split(['[', ']']).nth(1).unwrap_or_default();
        let kind = match target.split(':').next().unwrap_or_default() {
            "socket" if tcp.split_ascii_whitespace().any(|word| word == inode) => "tcp".to_owned(),
            // Readers are opened as they are needed, four at most.
            _ if target.contains("/state.db") => continue,
            _ if target.starts_with('/') => target,
            kind => format!(
                "{kind}:{}",
                target
                    .trim_matches(|c: char| c != '[' && !c.is_alphabetic())
                    .split(['[', ']'])
                    .nth(1)
                    .filter(|name| name.parse::<u64>().is_err())
                    .unwrap_or_default()
            ),
        };
        *count.entry(kind).or_default() += 1;
    }
    count
}

fn cgroups(pid: u32) -> Vec<String> {
    let own = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
    let Some(path) = own.lines().find_map(|line| line.strip_prefix("0::")) else { return Vec::new() };
    let parent = path.trim_end_matches("/aetherd");
    ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"]
        .iter()
        .filter_map(|mount| fs::read_dir(format!("{mount}{parent}")).ok())
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| {
            name.starts_with("agent-") || name.starts_with("ready-") || name.starts_with("terminal-")
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_lives_leave_nothing_behind() {
    const LIVES: usize = 200;
    const PLACES: usize = 6;
    let mut world = World::new(&format!("warm = 0\nmax_running = {PLACES}")).await;
    let kernel = world.daemon.pid().unwrap();
    // The connections to the model that are kept open are all there from now on.
    let hold = world.server.hold();
    let warm: Vec<u64> = {
        let mut warm = Vec::new();
        for _ in 0..PLACES {
            warm.push(world.spawn("think 1").await.pid.0);
        }
        warm
    };
    world.held(PLACES).await;
    drop(hold);
    for pid in &warm {
        world.until_completed(*pid).await;
    }
    until_host("the first ones are gone", || descendants(kernel).is_empty()).await;
    let mounts = || fs::read_to_string(format!("/proc/{kernel}/mountinfo")).unwrap();
    let (open_before, mounts_before) = (open(kernel), mounts());

    let _hold = world.server.hold();
    let mut chance = Chance(0x5eed_1234_5678_9abc);
    let mut alive: Vec<u64> = Vec::new();
    let mut all: Vec<u64> = Vec::new();
    let mut terminals = 0;
    while all.len() < LIVES || !alive.is_empty() {
        if all.len() < LIVES && (alive.len() < 2 || chance.below(3) > 0 && alive.len() < PLACES * 2) {
            let priority = 1 + chance.below(5);
            let spawn = json!({"role": "assistant", "goal": "forever", "priority": priority});
            let pid = world.spawn_as(spawn).await.pid.0;
            alive.push(pid);
            all.push(pid);
            continue;
        }
        let pid = alive.swap_remove(chance.below(alive.len()));
        match chance.below(4) {
            // Right away, whatever it is doing.
            0 | 1 => {}
            2 => {
                // Stopped first, where it runs.
                let body = Some(json!({"signal": "STOP"}));
                let stopped = world.ask("POST", &format!("/processes/{pid}/signal"), body).await;
                assert!(matches!(stopped.status, 200 | 409), "{}", stopped.text());
            }
            _ => {
                let shell = json!({"target": {"kind": "process", "pid": pid}});
                let opened = world.ask("POST", "/terminals", Some(shell)).await;
                assert!(matches!(opened.status, 200 | 409 | 503), "{}", opened.text());
                terminals += usize::from(opened.status == 200);
            }
        }
        let dead = world.signal(pid, "KILL").await;
        assert_eq!(dead.state, State::Dead, "{dead:?}");
        assert!(dead.ending.is_some() && dead.exit.is_some() && dead.host_pid.is_none(), "{dead:?}");
    }
    assert!(terminals > 10, "only {terminals} terminals were attached");
    assert!(world.live().await.is_empty());
    for pid in &all {
        let dead = world.get(*pid).await;
        assert_eq!(dead.state, State::Dead);
        let reason = dead.reason.unwrap();
        assert!(
            reason == "Ended by ada with KILL" || reason == "Taken from the queue by ada",
            "{pid}: {reason}"
        );
    }
    let shells = world.done("GET", "/terminals", None).await;
    assert_eq!(shells["items"], json!([]));
    until_host("no process is left", || descendants(kernel).is_empty()).await;
    let left = || {
        let mut left = open(kernel);
        // A connection to the model that was cut is not kept for later.
        let (now, before) = (left.get("tcp").copied(), open_before.get("tcp").copied());
        if now <= before {
            left.remove("tcp");
            left.extend(before.map(|before| ("tcp".to_owned(), before)));
        }
        left
    };
    until_host("descriptors are left open", || left() == open_before).await;
    assert_eq!(mounts(), mounts_before);
    assert_eq!(cgroups(kernel), Vec::<String>::new());
    let status = world.done("GET", "/status", None).await;
    assert_eq!((status["running"].as_u64(), status["queued"].as_u64()), (Some(0), Some(0)), "{status}");
}
