//! Terminals on real sandboxes, and the scrollback by itself.

use std::{path::Path, time::Duration};

use aether_protocol::{
    Pid, TerminalId, UnixMillis, UserId,
    process::{Exit, SignalName},
    terminal::{Size, Target, Terminal},
};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::{
    Place, TerminalClosed, TerminalError, TerminalStream, Terminals,
    scrollback::{SCROLLBACK_BYTES, Scrollback},
};
use crate::process::sandbox::{
    Limits, Program, SpawnSpec,
    tests::{ALONE, Ground, Talk, Traces, agent_binary, wait_until},
};

const PATIENCE: Duration = Duration::from_secs(20);

fn terminals(ground: &Ground) -> (Terminals, mpsc::UnboundedReceiver<TerminalClosed>) {
    let limits = Limits { processes: 64, ..Limits::default() };
    Terminals::new(ground.sandbox.clone(), agent_binary(), limits)
}

fn terminal(number: u128) -> Terminal {
    Terminal {
        id: TerminalId(Uuid::from_u128(number)),
        target: Target::Home,
        owner: UserId(Uuid::from_u128(7)),
        size: Size { cols: 100, rows: 30 },
        opened_at: UnixMillis(number.try_into().expect("small")),
        recording: None,
    }
}

/// A viewer and what it has not looked at yet.
struct Viewer {
    stream: TerminalStream,
    pending: String,
}

impl Viewer {
    fn new(terminals: &Terminals, id: TerminalId) -> Self {
        Self { stream: terminals.attach(id).expect("a viewer"), pending: String::new() }
    }

    async fn type_in(&self, keys: &str) {
        self.stream.input(keys.as_bytes()).await.expect("typed");
    }

    /// Reads until `wanted` was seen, and returns all up to its end.
    async fn until(&mut self, wanted: &str) -> String {
        loop {
            if let Some(at) = self.pending.find(wanted) {
                let rest = self.pending.split_off(at + wanted.len());
                return std::mem::replace(&mut self.pending, rest);
            }
            let output = tokio::time::timeout(PATIENCE, self.stream.next_output()).await;
            let output = output.unwrap_or_else(|_| panic!("{wanted:?} never came, but {:?}", self.pending));
            let output = output.unwrap_or_else(|| {
                panic!("ended before {wanted:?}: {:?} {:?}", self.stream.reason(), self.pending)
            });
            self.pending.push_str(&String::from_utf8_lossy(&output));
        }
    }
}

#[tokio::test]
async fn a_recording_holds_all_that_was_shown_before_its_end() {
    let _alone = ALONE.lock().await;
    let ground = Ground::new();
    let (terminals, _closed) = terminals(&ground);
    let home = ground.spec(1).home;
    let place = Place::Home { home: &home, hostname: "desk" };
    let opened = terminals.open(terminal(1), place).await.expect("a terminal");
    let mut stream = Viewer::new(&terminals, opened.id);
    // Nobody has read for the recording when its end is asked for.
    let mut recorder = terminals.record(opened.id, "a.cast".to_owned()).expect("recorded");
    let twice = terminals.record(opened.id, "b.cast".to_owned());
    assert!(matches!(twice.err(), Some(TerminalError::Recorded(path)) if path == "a.cast"));
    stream.type_in("seq 1 20000; echo sho''wn\n").await;
    stream.until("shown").await;
    let stopping = tokio::spawn({
        let (terminals, id) = (terminals.clone(), opened.id);
        async move { terminals.stop_recording(id).await }
    });
    let mut recorded = String::new();
    while let Some(output) =
        tokio::time::timeout(PATIENCE, recorder.next_output()).await.expect("the recording ends")
    {
        recorded.push_str(&String::from_utf8_lossy(&output));
    }
    assert!(recorded.contains("shown"), "{}", recorded.len());
    drop(recorder);
    assert_eq!(stopping.await.expect("it ends").expect("stopped").recording, None);
    assert!(matches!(terminals.stop_recording(opened.id).await, Err(TerminalError::NotRecorded)));
    terminals.close(opened.id).await.expect("closed");
}

#[tokio::test]
async fn a_shell_in_its_own_sandbox() {
    let _alone = ALONE.lock().await;
    let ground = Ground::new();
    let before = Traces::now().without_descriptors();
    let (terminals, mut closed) = terminals(&ground);
    let home = ground.spec(1).home;
    let place = Place::Home { home: &home, hostname: "desk" };
    let opened = terminals.open(terminal(1), place).await.expect("a terminal");
    assert_eq!(terminals.list(), vec![opened.clone()]);
    let mut stream = Viewer::new(&terminals, opened.id);
    stream.type_in("echo $((6*7))-$(id -un)-$(hostname)-$TERM\n").await;
    stream.until("42-agent-desk-xterm-256color").await;
    stream.type_in("stty size\n").await;
    stream.until("30 100").await;
    terminals.resize(opened.id, Size { cols: 77, rows: 11 }).expect("resized");
    stream.type_in("stty size; echo >/dev/tty to the t''ty; echo >/dev/stderr to std''err\n").await;
    let seen = stream.until("to stderr").await;
    assert!(seen.contains("11 77") && seen.contains("to the tty"), "{seen}");
    assert!(terminals.resize(opened.id, Size { cols: 0, rows: 1 }).is_err());
    // Ctrl-C reaches the program in the foreground: the shell has job control.
    stream.type_in("sh -c 'echo run''ning; exec sleep 1000'\n").await;
    stream.until("running\r\n").await;
    stream.type_in("\x03").await;
    stream.type_in("echo status $?\n").await;
    stream.until("status 130").await;
    stream.until("$ ").await;
    // A second viewer sees what was there, and both see what comes.
    let mut second = Viewer::new(&terminals, opened.id);
    second.until("status 130").await;
    second.type_in("echo bo''th\n").await;
    second.until("both\r\n").await;
    stream.until("both\r\n").await;
    stream.type_in("(setsid sleep 1000 &); exit 3\n").await;
    let ended = tokio::time::timeout(PATIENCE, closed.recv()).await.expect("in time").expect("told");
    assert_eq!((ended.exit, ended.terminal.size), (Exit::Status { code: 3 }, Size { cols: 77, rows: 11 }));
    while stream.stream.next_output().await.is_some() {}
    assert_eq!(stream.stream.reason().as_deref(), Some("The shell ended with status 3."));
    assert!(stream.stream.input(b"x").await.is_err());
    assert!(matches!(terminals.attach(opened.id), Err(TerminalError::NotFound)));
    drop((stream, second));
    wait_until(|| Traces::now().without_descriptors() == before).await;
}

#[tokio::test]
async fn a_shell_inside_a_running_sandbox_ends_with_it() {
    let _alone = ALONE.lock().await;
    let ground = Ground::new();
    let (terminals, mut closed) = terminals(&ground);
    let mut agent =
        ground.shell(2, "echo mine > note; exec 4>/tmp/private; echo ready >&3; read line <&3").await;
    assert_eq!(agent.line().await, "ready");
    let before = Traces::now();
    for number in 1..=2 {
        let wanted = Terminal { target: Target::Process { pid: Pid(2) }, ..terminal(number) };
        terminals
            .open(wanted, Place::Inside { tree: &agent.tree, name: "Ada 1", network: false })
            .await
            .expect("a terminal inside");
    }
    let first = TerminalId(Uuid::from_u128(1));
    let mut stream = Viewer::new(&terminals, first);
    stream.type_in("cat note; ls /tmp; echo $(hostname) $(id -u) $(cat /proc/1/comm)\n").await;
    let seen = stream.until("test-2 1000 bwrap").await;
    assert!(seen.contains("mine\r\n") && seen.contains("private\r\n"), "{seen}");
    // Sealed like the agent.
    stream.type_in("grep -E '[S]eccomp:|[N]oNewPrivs|[C]apEff' /proc/self/status\n").await;
    let seen = stream.until("Seccomp:").await;
    let rest = stream.until("$ ").await;
    let seen = (seen + &rest).replace(['\t', ' '], "");
    assert!(seen.contains("CapEff:0000000000000000") && seen.contains("NoNewPrivs:1"), "{seen}");
    assert!(seen.contains("Seccomp:2"), "{seen}");
    // It sees the agent's processes and may signal them.
    stream.type_in("kill -0 2 && echo reach''able\n").await;
    stream.until("reachable").await;
    // Closing one ends what it started, daemons too, and nothing else.
    stream.type_in("(setsid sleep 7777 &); (trap '' HUP TERM; sleep 7778 &) ; echo star''ted\n").await;
    stream.until("started").await;
    terminals.close(first).await.expect("closed");
    let ended = closed.recv().await.expect("told");
    assert_eq!((ended.terminal.id, ended.reason.as_str()), (first, "Closed."));
    let left: Vec<_> = agent.tree.host_pids().iter().filter_map(|pid| command_line(*pid)).collect();
    assert!(!left.iter().any(|line| line.starts_with("sleep\u{0}777")), "{left:?}");
    assert_eq!(terminals.list().len(), 1);
    // STOP stands over the shells as well; the end of the agent is the end of its terminals.
    agent.tree.signal(SignalName::Stop).expect("stopped");
    agent.tree.kill_and_wait().await;
    let ended = tokio::time::timeout(PATIENCE, closed.recv()).await.expect("in time").expect("told");
    assert_eq!(ended.exit, Exit::Signal { number: 9 });
    assert!(terminals.list().is_empty());
    drop(stream);
    wait_until(|| Traces::now().processes.is_empty() && Traces::now().terminals == before.terminals).await;
    let refused =
        terminals.open(terminal(3), Place::Inside { tree: &agent.tree, name: "Ada 1", network: false }).await;
    assert!(refused.is_err(), "a shell inside what has ended");
}

#[tokio::test]
async fn a_shell_inside_has_the_way_out_that_its_agent_has() {
    let _alone = ALONE.lock().await;
    let ground = Ground::new();
    let (terminals, _closed) = terminals(&ground);
    let spec = SpawnSpec { network: Some("a.test".to_owned()), ..ground.spec(4) };
    let script = ["/bin/sh", "-c", "echo ready >&3; read line <&3"].map(str::to_owned).to_vec();
    let mut spawned = ground.sandbox.launch(&spec, &Program::Exec(script)).await.expect("a sandbox");
    // Nobody accepts here; the socket itself takes connections as long as it is in this queue.
    let _handover = spawned.handover.take().expect("a way to the proxy");
    let mut agent = Talk::new(spawned);
    assert_eq!(agent.line().await, "ready");
    let wanted = Terminal { target: Target::Process { pid: Pid(4) }, ..terminal(1) };
    let inside = Place::Inside { tree: &agent.tree, name: "Ada 1", network: true };
    let opened = terminals.open(wanted, inside).await.expect("a terminal inside");
    let mut stream = Viewer::new(&terminals, opened.id);
    stream.type_in("echo $https_proxy; (: </dev/tcp/127.0.0.1/3128) && echo op''en\n").await;
    let seen = stream.until("open\r\n").await;
    assert!(seen.contains("http://127.0.0.1:3128\r\n"), "{seen}");
    stream.type_in("(: </dev/tcp/127.0.0.1/3127) || echo clo''sed\n").await;
    let seen = stream.until("closed\r\n").await;
    assert!(seen.contains("Permission denied"), "{seen}");
}

fn command_line(pid: u32) -> Option<String> {
    std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("cmdline")).ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_is_bounded_and_a_slow_viewer_is_told() {
    let _alone = ALONE.lock().await;
    let ground = Ground::new();
    let (terminals, _closed) = terminals(&ground);
    let home = ground.spec(3).home;
    terminals.open(terminal(1), Place::Home { home: &home, hostname: "desk" }).await.expect("a terminal");
    let id = TerminalId(Uuid::from_u128(1));
    let mut slow = Viewer::new(&terminals, id);
    let mut quick = Viewer::new(&terminals, id);
    quick.type_in("stty -echo; seq 200000; echo the e''nd\n").await;
    quick.until("the end").await;
    let mut skipped = false;
    let mut total = 0;
    loop {
        let output = tokio::time::timeout(PATIENCE, slow.stream.next_output())
            .await
            .expect("in time")
            .expect("output");
        total += output.len();
        let text = String::from_utf8_lossy(&output);
        skipped |= text.contains("bytes of output were skipped");
        if text.contains("the end") {
            break;
        }
    }
    assert!(skipped, "nobody said that something is missing");
    assert!(total <= SCROLLBACK_BYTES + 32 * 1024, "{total} bytes");
    // What nobody reads inside waits outside: typing stops instead of filling memory.
    quick.type_in("stty raw; sleep 1000\n").await;
    let big = vec![b'x'; 4 * 1024 * 1024];
    let typed = tokio::time::timeout(Duration::from_millis(300), quick.stream.input(&big)).await;
    assert!(typed.is_err(), "4 MiB went into a program that does not read");
    terminals.close_all().await;
    assert!(terminals.list().is_empty());
}

#[test]
fn the_scrollback_gives_every_byte_once_and_says_what_is_missing() {
    let mut scrollback = Scrollback::default();
    scrollback.push(b"one\n");
    let first = scrollback.after(0, 100);
    assert_eq!((first.skipped, first.bytes.as_slice(), first.position), (0, &b"one\n"[..], 4));
    scrollback.push(b"two\n");
    let second = scrollback.after(first.position, 2);
    assert_eq!((second.bytes.as_slice(), second.position), (&b"tw"[..], 6));
    assert_eq!(scrollback.after(8, 100).bytes, b"");
    let line = vec![b'a'; 99].into_iter().chain([b'\n']).collect::<Vec<u8>>();
    for _ in 0..SCROLLBACK_BYTES / 50 {
        scrollback.push(&line);
    }
    let late = scrollback.after(second.position, 1000);
    assert_eq!(late.skipped % 2, 0);
    assert!(late.bytes.starts_with(&line), "it begins in the middle of a line");
    assert_eq!(late.position, second.position + late.skipped + 1000);
    assert_eq!(scrollback.after(0, usize::MAX).position, scrollback.end());
    assert!(scrollback.after(0, usize::MAX).bytes.len() <= SCROLLBACK_BYTES);
}
