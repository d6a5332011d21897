//! Real sandboxes, real processes.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use aether_protocol::{
    process::{Exit, SignalName},
    system::Health,
};
use tokio::io::AsyncWriteExt;

use super::{Program, Sandbox, SandboxConfig, owner_of};

mod ground;

pub(crate) use ground::{ALONE, Ground, Talk, Traces, agent_binary, wait_until};

#[tokio::test]
async fn the_probe_is_quick_and_names_what_is_missing() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let mut config = SandboxConfig::new(folder.path());
    Sandbox::probe(config.clone());
    let start = Instant::now();
    assert!(Sandbox::probe(config.clone()).ready());
    println!("probe: {:?}", start.elapsed());
    config.bwrap = Some("/nowhere/bwrap".into());
    let sandbox = Sandbox::probe(config);
    assert!(!sandbox.ready());
    let check = sandbox.checks().into_iter().find(|check| check.name == "bubblewrap").expect("the check");
    assert_eq!(check.state, Health::Failed);
    assert!(check.remedy.expect("a remedy").contains("apt install bubblewrap"));
    let ground = Ground::new();
    let refused = sandbox.spawn(&ground.spec(1)).await.expect_err("no sandbox without bubblewrap");
    assert!(refused.to_string().contains("bubblewrap was not found"), "{refused}");
}

#[tokio::test]
async fn inside_there_is_a_home_a_read_only_system_and_nothing_else() {
    let _alone = ALONE.lock().await;
    let ground = Ground::new();
    let script = "echo $(id -u):$(id -g):$(hostname):$HOME:$(pwd) >&3
        echo $(ls /) >&3
        echo $(ls /proc/self/fd | wc -l) $(readlink /proc/$$/fd/3 | cut -d: -f1) >&3
        echo $(grep -c . /proc/net/route) >&3
        touch /usr/x 2>/dev/null || echo usr is closed >&3
        touch /x /etc/x 2>/dev/null || echo root is closed >&3
        echo $(ls /proc | grep -c '^[0-9]') >&3
        env | sort | tr '\\n' ' ' >&3; echo >&3
        echo hello > file && echo done >&3";
    let mut talk = ground.shell(1, script).await;
    assert_eq!(talk.line().await, "1000:1000:test-1:/home/agent:/home/agent");
    let root = talk.line().await;
    for name in root.split(' ') {
        let expected = [
            "aether", "bin", "dev", "etc", "home", "lib", "lib32", "lib64", "libx32", "libexec", "proc",
            "run", "sbin", "tmp", "usr",
        ];
        assert!(expected.contains(&name), "/{name} is visible");
    }
    // ls has 0 to 3 and the directory it lists.
    assert_eq!(talk.line().await, "5 socket");
    assert_eq!(talk.line().await, "1", "a route out of the sandbox");
    assert_eq!(talk.line().await, "usr is closed");
    assert_eq!(talk.line().await, "root is closed");
    // bubblewrap's init, the shell, ls and grep, and the subshell.
    assert!(talk.line().await.parse::<u32>().expect("a number") <= 6);
    let environment = talk.line().await;
    assert!(!environment.contains("AETHER") && !environment.contains("CARGO"), "{environment}");
    assert_eq!(talk.line().await, "done");
    assert_eq!(talk.exit().await, Exit::Status { code: 0 });
    let home = ground.spec(1).home;
    assert_eq!(fs::read_to_string(home.join("file")).expect("the file"), "hello\n");
    if rustix::process::geteuid().is_root() {
        let owner = owner_of(&home).expect("an owner");
        assert!(owner.uid >= 0x6000_0000, "{owner:?}");
    }
}

#[tokio::test]
async fn ordinary_tools_run() {
    let _alone = ALONE.lock().await;
    let ground = Ground::new();
    let script = "set -e; exec 2>&1
        bash -c 'x=(1 2); echo ${#x[@]}' >/dev/null
        git init -q repo; cd repo; git config user.email a@b; git config user.name a
        echo x > f; git add f; git commit -qm x; cd ..
        printf 'int main(void){return 0;}' > a.c; cc -o a a.c; ./a
        /usr/bin/python3 -c 'import subprocess,threading,tempfile,json; t=threading.Thread(target=print); t.start(); t.join(); subprocess.run([\"true\"], check=True)'
        seq 1000 | xargs -n100 -P4 echo | sort | tail -1 >/dev/null
        echo all well >&3";
    let mut talk = ground.shell(2, script).await;
    assert_eq!(talk.line().await, "all well");
}

#[tokio::test]
async fn how_it_ended_is_told() {
    let _alone = ALONE.lock().await;
    let ground = Ground::new();
    assert_eq!(ground.shell(3, "exit 7").await.exit().await, Exit::Status { code: 7 });
    assert_eq!(ground.shell(3, "kill -9 $$").await.exit().await, Exit::Signal { number: 9 });
    let talk = ground.shell(3, "echo too bad >&2; exit 1").await;
    talk.exit().await;
    assert_eq!(talk.tree.last_words(), "too bad");
    let mut spec = ground.spec(3);
    spec.home = ground.folder.path().join("missing");
    assert!(ground.sandbox.spawn(&spec).await.expect_err("no home").to_string().contains("missing"));
}

#[tokio::test]
async fn stop_freezes_the_whole_tree_and_cont_wakes_it() {
    let _alone = ALONE.lock().await;
    let ground = Ground::new();
    // A busy child, a busy daemon that has lost its parent, and the shell.
    let script = "(while :; do :; done) & ( (setsid sh -c 'while :; do :; done') & )
        echo ready >&3; wait";
    let mut talk = ground.shell(4, script).await;
    assert_eq!(talk.line().await, "ready");
    wait_until(|| talk.tree.host_pids().len() >= 4 && talk.tree.cpu_time() > Duration::from_millis(50)).await;
    let reached = talk.tree.signal(SignalName::Stop).expect("stopped");
    assert!(reached >= 4, "only {reached} were stopped");
    let before = talk.tree.cpu_time();
    // Real work on the same cores, so that time certainly passes.
    let mut beats = tokio::time::interval(Duration::from_millis(50));
    for _ in 0..6 {
        beats.tick().await;
    }
    assert_eq!(talk.tree.cpu_time(), before, "a stopped tree used CPU time");
    talk.tree.signal(SignalName::Cont).expect("woken");
    wait_until(|| talk.tree.cpu_time() > before + Duration::from_millis(100)).await;
    // KILL works on what stands still.
    talk.tree.signal(SignalName::Stop).expect("stopped again");
    let pids = talk.tree.host_pids();
    talk.tree.signal(SignalName::Kill).expect("killed");
    assert_eq!(talk.exit().await, Exit::Signal { number: 9 });
    for pid in pids {
        assert!(!Path::new(&format!("/proc/{pid}")).exists(), "process {pid} is left");
    }
}

/// The first line after a signal. A shell on a busy machine can miss one that comes between two of its commands, so it is
/// sent again where nothing follows.
async fn line_after(talk: &mut Talk, signal: SignalName) -> String {
    for _ in 0..20 {
        assert!(talk.tree.signal(signal).expect("sent") >= 1);
        if let Ok(line) = tokio::time::timeout(Duration::from_secs(3), talk.line()).await {
            return line;
        }
    }
    panic!("{signal:?} reaches nobody: {}", talk.tree.last_words());
}

#[tokio::test]
async fn int_reaches_the_tool_and_not_the_agent_and_term_the_agent() {
    let _alone = ALONE.lock().await;
    let ground = Ground::new();
    let script = "trap 'echo terminated >&3; exit 5' TERM; trap 'echo agent interrupted >&3' INT
        setsid sh -c 'trap \"echo tool interrupted >&3; exit\" INT; echo working >&3; while :; do sleep 0.05; done'
        echo next >&3; while :; do sleep 0.05; done";
    let mut talk = ground.shell(5, script).await;
    assert_eq!(talk.line().await, "working");
    assert_eq!(line_after(&mut talk, SignalName::Int).await, "tool interrupted");
    assert_eq!(talk.line().await, "next");
    assert_eq!(line_after(&mut talk, SignalName::Term).await, "terminated");
    assert_eq!(talk.exit().await, Exit::Status { code: 5 });
    assert!(talk.tree.signal(SignalName::Term).is_err(), "a signal to what has ended");
}

#[tokio::test]
async fn measures_and_priority() {
    let _alone = ALONE.lock().await;
    let ground = Ground::new();
    let mut talk = ground.shell(6, "echo ready >&3; read line <&3").await;
    assert_eq!(talk.line().await, "ready");
    let memory = talk.tree.memory_bytes();
    assert!((64 * 1024..64 * 1024 * 1024).contains(&memory), "{memory} bytes");
    let agent = talk.tree.agent_host_pid().expect("the shell's pid");
    let nice = |pid: u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("stat");
        stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(16)?.parse::<i32>().ok())
    };
    assert_eq!(nice(agent), Some(5));
    talk.tree.set_priority(5).expect("a lower priority");
    assert_eq!(nice(agent), Some(15));
    talk.input.write_all(b"go\n").await.expect("the link");
    assert_eq!(talk.exit().await, Exit::Status { code: 0 });
}

#[tokio::test]
async fn dropping_the_tree_or_the_waiting_task_ends_it() {
    let _alone = ALONE.lock().await;
    let ground = Ground::new();
    let mut talk = ground.shell(7, "setsid sleep 1000 & echo ready >&3; sleep 1000").await;
    assert_eq!(talk.line().await, "ready");
    let pids = talk.tree.host_pids();
    drop(talk);
    wait_until(|| pids.iter().all(|pid| !Path::new(&format!("/proc/{pid}")).exists())).await;
    let spec = ground.spec(8);
    let program = Program::Exec(vec!["/bin/sleep".to_owned(), "1000".to_owned()]);
    let start = ground.sandbox.launch(&spec, &program);
    // Asked once, then dropped; however far it came, nothing of it stays.
    tokio::select! {
        biased;
        started = start => drop(started),
        () = std::future::ready(()) => {}
    }
    wait_until(|| Traces::now().processes.is_empty()).await;
}

#[tokio::test]
async fn what_is_left_of_the_rest_of_the_link_is_read() {
    let _alone = ALONE.lock().await;
    let ground = Ground::new();
    let mut talk = ground.shell(9, "echo one >&3; echo two >&3").await;
    assert_eq!(talk.exit().await, Exit::Status { code: 0 });
    assert_eq!(talk.rest().await, "one\ntwo\n");
}
