//! The real command line against a real kernel, with a scripted model.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::{
    io::{Read as _, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::Stdio,
    sync::mpsc,
    time::{Duration, Instant},
};

use aether_tests::{
    daemon::{Daemon, OWNER, PASSWORD, program},
    scripted::{Script, Server},
};
use portable_pty::{CommandBuilder, MasterPty, PtySize, native_pty_system};
use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _},
    process::Command,
    time::timeout,
};

/// Long enough for a busy machine; what takes longer has failed.
const PATIENCE: Duration = Duration::from_mins(1);

/// A person at a computer of their own: home, credentials, and the address of the kernel.
struct Person {
    home: TempDir,
    address: String,
}

/// What a command left behind.
#[derive(Debug)]
struct Ran {
    status: i32,
    out: String,
    err: String,
}

impl Ran {
    #[track_caller]
    fn ok(self) -> String {
        assert_eq!(self.status, 0, "{self:?}");
        self.out
    }

    #[track_caller]
    fn json(self) -> Value {
        let out = self.ok();
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}"))
    }

    #[track_caller]
    fn fails(self, status: i32, with: &str) {
        assert_eq!(self.status, status, "{self:?}");
        assert!(self.err.contains(with), "{self:?}");
        assert!(self.out.is_empty(), "a failure is told on stderr: {self:?}");
    }
}

impl Person {
    fn at(address: String) -> Self {
        Self { home: tempfile::tempdir().unwrap(), address }
    }

    /// The owner of a fresh device.
    async fn owner(daemon: &Daemon) -> Self {
        let person = Self::at(daemon.url());
        let code = daemon.setup_code.as_deref().unwrap();
        let args = [
            "--fingerprint",
            &daemon.fingerprint,
            "setup",
            "--code",
            code,
            "--name",
            OWNER,
            "--password-stdin",
        ];
        person.types(&args, PASSWORD).await.ok();
        person
    }

    fn environment(&self) -> Vec<(&'static str, String)> {
        let home = self.home.path().display().to_string();
        vec![
            ("HOME", home.clone()),
            ("XDG_CONFIG_HOME", format!("{home}/config")),
            ("AETHER_STATE_DIR", format!("{home}/no-kernel-here")),
            ("AETHER_ADDRESS", self.address.clone()),
            ("PATH", std::env::var("PATH").unwrap_or_default()),
            ("TERM", "xterm-256color".to_owned()),
        ]
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(program("aether").unwrap());
        command.args(args).env_clear().envs(self.environment()).current_dir(self.home.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command
    }

    async fn types(&self, args: &[&str], input: &str) -> Ran {
        let mut child = self.command(args).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // A command that does not read its input closes it.
        let _ = stdin.write_all(input.as_bytes()).await;
        drop(stdin);
        let output = timeout(PATIENCE, child.wait_with_output()).await.expect("the command hangs").unwrap();
        Ran {
            status: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    async fn runs(&self, args: &[&str]) -> Ran {
        self.types(args, "").await
    }

    /// Waits until a process is as asked for, by what `aether ps` tells.
    async fn waits_until(&self, pid: u64, what: &str, is_so: impl Fn(&Value) -> bool) {
        let started = Instant::now();
        loop {
            let rows = self.runs(&["ps", "--all", "--json"]).await.json();
            let row = rows.as_array().unwrap().iter().find(|row| row["pid"] == pid).cloned().unwrap();
            if is_so(&row) {
                return;
            }
            assert!(started.elapsed() < PATIENCE, "process {pid} never was {what}: {row}");
        }
    }
}

async fn model_and_daemon() -> (Server, Daemon) {
    let model = Server::start(Script::goals()).await.unwrap();
    let config = format!(
        "[identity]\nanonymous_per_minute = 1000000\nsigned_in_per_minute = 1000000000\n\
         [models]\ndefault_model = \"test:scripted\"\n\
         [models.local]\nenabled = false\n\
         [models.endpoints.test]\nbase_url = \"{}\"\n",
        model.base_url()
    );
    let daemon = Daemon::start_with(&config).await.unwrap();
    (model, daemon)
}

/// The lines of a stream, as JSON.
fn lines(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

#[tokio::test]
async fn setting_up_signing_in_and_what_goes_wrong_there() {
    let daemon = Daemon::start().await.unwrap();
    let person = Person::at(daemon.url());
    let code = daemon.setup_code.clone().unwrap();
    let fingerprint = daemon.fingerprint.clone();

    person.runs(&["ps"]).await.fails(3, "Nobody is signed in");
    person.runs(&["dance"]).await.fails(2, "dance");
    let setup = ["setup", "--code", &code, "--name", OWNER, "--password-stdin"];
    person.types(&setup, PASSWORD).await.fails(2, &fingerprint);
    let other = "00:".repeat(31) + "00";
    let with_other = [&["--fingerprint", &other], &setup[..]].concat();
    person.types(&with_other, PASSWORD).await.fails(5, "HAS CHANGED");
    let wrong = ["--yes", "setup", "--code", "AAAAA-AAAAA", "--name", OWNER, "--password-stdin"];
    person.types(&wrong, PASSWORD).await.fails(3, "set-up code");

    let ran = person.types(&[&["--yes"], &setup[..]].concat(), PASSWORD).await;
    assert!(ran.err.contains(&fingerprint), "what is trusted is shown: {ran:?}");
    ran.ok();
    let profile = person.home.path().join("config/aether/profiles/default.toml");
    assert_eq!(std::fs::metadata(&profile).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!std::fs::read_to_string(&profile).unwrap().contains(PASSWORD));
    let me = person.runs(&["whoami", "--json"]).await.json();
    assert_eq!(me["user"]["name"], OWNER);

    // The certificate that was trusted counts from now on, also against what is typed.
    person.runs(&[&["--fingerprint", &other], &["whoami"][..]].concat()).await.fails(5, "HAS CHANGED");
    person.types(&["login", "--name", OWNER, "--password-stdin"], "not it at all").await.fails(3, "password");
    let login = person.types(&["--json", "login", "--name", OWNER, "--password-stdin"], PASSWORD).await;
    let login = login.json();
    assert_eq!(login["user"]["name"], OWNER);
    assert!(login.get("token").is_none(), "the token is kept, not shown");
    assert_eq!(person.runs(&["sessions", "--json"]).await.json().as_array().unwrap().len(), 2);

    person.runs(&["logout"]).await.ok();
    person.runs(&["whoami"]).await.fails(3, "aether login");

    let nobody = Person::at("https://127.0.0.1:1".into());
    nobody
        .types(&["--yes", "login", "--name", OWNER, "--password-stdin"], PASSWORD)
        .await
        .fails(6, "cannot be reached");
    let ran = nobody.types(&["--json", "--yes", "login", "--name", "a", "--password-stdin"], PASSWORD).await;
    let error: Value = serde_json::from_str(&ran.err).unwrap();
    assert_eq!(
        (error["error"]["code"].as_str(), error["exit_status"].as_u64()),
        (Some("unavailable"), Some(6))
    );
}

#[tokio::test]
async fn one_job_from_spawn_to_the_file() {
    let (_model, daemon) = model_and_daemon().await;
    let person = Person::owner(&daemon).await;

    let spawn = ["spawn", "--role", "assistant", "--name", "poet", "--wait", "write", "hello.txt", "hello"];
    let told = person.runs(&spawn).await.ok();
    assert!(told.contains("write_file") && told.contains("completed"), "{told}");
    assert!(person.runs(&["fs", "cat", "poet:hello.txt"]).await.ok().contains("hello"));
    person.runs(&["fs", "get", "poet:hello.txt", "here.txt"]).await.ok();
    assert!(std::fs::read_to_string(person.home.path().join("here.txt")).unwrap().contains("hello"));
    person.runs(&["fs", "get", "poet:hello.txt", "here.txt"]).await.fails(1, "--force");

    let rows = person.runs(&["ps", "--all", "--json"]).await.json();
    assert_eq!((rows[0]["name"].as_str(), rows[0]["phase"].as_str()), (Some("poet"), Some("completed")));
    let pid = rows[0]["pid"].to_string();
    assert_eq!(person.runs(&["ps", "--json"]).await.json(), serde_json::json!([]));
    assert!(person.runs(&["ps", "--all"]).await.ok().contains("completed"));
    for name in ["poet", &pid] {
        let steps = lines(&person.runs(&["logs", "--json", name]).await.ok());
        assert_eq!(steps.first().unwrap()["body"]["kind"], "message");
        assert_eq!(steps.last().unwrap()["body"]["kind"], "completed");
        person.runs(&["wait", name]).await.ok();
    }
    let events = lines(&person.runs(&["events", "--json", "--after", "0", "--limit", "1000"]).await.ok());
    let seqs: Vec<u64> = events.iter().map(|event| event["seq"].as_u64().unwrap()).collect();
    assert!(seqs.is_sorted() && seqs.contains(&1), "{seqs:?}");

    person.runs(&["logs", "999"]).await.fails(4, "999");
    person.runs(&["signal", "STOP", "nobody"]).await.fails(4, "nobody");
    person.runs(&["signal", "STOP", &pid]).await.fails(1, &pid);
    person.runs(&["fs", "cat", "poet:../../state.db"]).await.fails(2, "..");
    person.runs(&["fs", "cat", "poet:nothing"]).await.fails(4, "nothing");
    let removed = person.runs(&["--yes", "--json", "agents", "rm", "poet"]).await.json();
    assert_eq!(removed["name"], "poet");
    person.runs(&["fs", "ls", "poet:"]).await.fails(4, "poet");
}

#[tokio::test]
async fn snapshots_by_the_command_line() {
    let (_model, daemon) = model_and_daemon().await;
    let person = Person::owner(&daemon).await;
    let spawn = ["spawn", "--role", "assistant", "--name", "poet", "--wait", "write", "poem.txt", "roses"];
    person.runs(&spawn).await.ok();
    let taken = person.runs(&["snapshot", "take", "poet", "--json"]).await.json();
    let id = taken["id"].as_str().unwrap();
    assert!(person.runs(&["snapshot", "ls"]).await.ok().contains(id));
    assert!(person.runs(&["snapshot", "take", "poet"]).await.ok().contains("stood still for 0 ms"));
    let rows = person.runs(&["snapshot", "ls", "poet", "--json"]).await.json();
    assert_eq!((rows.as_array().unwrap().len(), rows[1]["id"].as_str()), (2, Some(id)), "newest first");
    assert!(person.runs(&["snapshot", "verify", "--all"]).await.ok().contains("is sound"));

    person.runs(&["fs", "rm", "poet:poem.txt"]).await.ok();
    person.runs(&["snapshot", "restore", "poet"]).await.fails(2, "--yes");
    person.runs(&["--yes", "snapshot", "restore", id]).await.ok();
    assert!(person.runs(&["fs", "cat", "poet:poem.txt"]).await.ok().contains("roses"));
    let clone = person.runs(&["--json", "snapshot", "clone", "poet"]).await.json();
    assert_eq!(clone["process"]["name"], "poet-copy");
    person.runs(&["snapshot", "clone", id, "--name", "bard"]).await.ok();
    assert!(person.runs(&["fs", "cat", "bard:poem.txt"]).await.ok().contains("roses"));
    person.runs(&["snapshot", "clone", id, "--name", "bard"]).await.fails(1, "bard");

    person.runs(&["snapshot", "export", id, "poet.tar.zst"]).await.ok();
    person.runs(&["snapshot", "export", id, "poet.tar.zst"]).await.fails(1, "--force");
    person.runs(&["snapshot", "import", "poet.tar.zst"]).await.fails(1, "here already");
    person.runs(&["--yes", "snapshot", "rm", id]).await.ok();
    person.runs(&["snapshot", "verify", id]).await.fails(4, id);
    let back = person.runs(&["--json", "snapshot", "import", "poet.tar.zst"]).await.json();
    assert_eq!((back["id"].as_str(), back["cause"].as_str()), (Some(id), Some("imported")));
    let path = person.home.path().join("poet.tar.zst");
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    std::fs::write(&path, bytes).unwrap();
    person.runs(&["snapshot", "import", "poet.tar.zst"]).await.fails(2, "damaged");
    person.runs(&["snapshot", "take", "nobody"]).await.fails(4, "nobody");
    person.runs(&["snapshot", "restore", "nothing"]).await.fails(4, "nothing");
    assert_eq!(
        person.runs(&["fs", "ls", "--json"]).await.json(),
        serde_json::json!([]),
        "an import leaves nothing"
    );

    assert_eq!(person.runs(&["gc", "--dry-run", "--json"]).await.json()["items"], serde_json::json!([]));
    let orphan = daemon.state_dir().join("homes/agents/0193a5c8-0000-7000-8000-000000000000");
    std::fs::create_dir(&orphan).unwrap();
    assert!(person.runs(&["gc", "-n"]).await.ok().contains("agent was removed"));
    assert!(orphan.exists());
    assert!(person.runs(&["gc"]).await.ok().contains("freed"));
    assert!(!orphan.exists());
    assert!(person.runs(&["gc"]).await.ok().contains("no garbage"));
}

#[tokio::test]
async fn channels_by_the_command_line() {
    let (_model, daemon) = model_and_daemon().await;
    let person = Person::owner(&daemon).await;
    for name in ["poet", "critic"] {
        person.runs(&["spawn", "--role", "assistant", "--name", name, "--wait", "be"]).await.ok();
    }
    let create = ["channel", "create", "letters", "poet", "--topic", "What is written", "--json"];
    let channel = person.runs(&create).await.json();
    assert_eq!((channel["name"].as_str(), channel["members"].as_u64()), (Some("letters"), Some(2)));
    person.runs(&["channel", "create", "Two words"]).await.fails(2, "cannot be used");
    assert!(
        person.runs(&["channel", "add", "#letters", "critic"]).await.ok().contains("critic is in #letters")
    );

    // What is followed is shown as it is said.
    let mut follow = person.command(&["channel", "read", "letters", "--follow", "--json"]).spawn().unwrap();
    let mut said = tokio::io::BufReader::new(follow.stdout.take().unwrap()).lines();
    for text in ["One", "Two"] {
        assert!(person.runs(&["channel", "post", "letters", text]).await.ok().contains("Said as message"));
        let line = timeout(PATIENCE, said.next_line()).await.expect("nothing is shown").unwrap().unwrap();
        assert_eq!(serde_json::from_str::<Value>(&line).unwrap()["text"], text);
    }
    follow.kill().await.unwrap();
    let answer = ["channel", "post", "letters", "Why?", "--thread", "2", "--json"];
    assert_eq!(person.runs(&answer).await.json()["thread"], 2);
    let all = lines(&person.runs(&["channel", "read", "letters", "--json"]).await.ok());
    assert_eq!(all.len(), 3);
    let thread = ["channel", "read", "letters", "--thread", "2", "--after", "2", "--json"];
    assert_eq!(lines(&person.runs(&thread).await.ok()).len(), 1);
    assert!(person.runs(&["channel", "read", "letters"]).await.ok().contains("Two"));

    let members = person.runs(&["channel", "members", "letters", "--json"]).await.json();
    let poet = members.as_array().unwrap().iter().find(|member| member["name"] == "poet").unwrap().clone();
    assert_eq!(poet["waiting"], 3, "it hears that in its next life");
    person.runs(&["channel", "leave", "letters", "critic"]).await.ok();

    // Directly to one, and what is there.
    person.runs(&["channel", "read", "@poet"]).await.fails(4, "aether channel ls");
    person.runs(&["channel", "post", "@poet", "Well done", "--key", "praise"]).await.ok();
    person.runs(&["channel", "post", "@poet", "Well done", "--key", "praise"]).await.ok();
    assert_eq!(lines(&person.runs(&["channel", "read", "@poet", "--json"]).await.ok()).len(), 1);
    let rows = person.runs(&["channel", "ls", "--json"]).await.json();
    assert_eq!(rows.as_array().unwrap().len(), 2);
    assert!(person.runs(&["channel", "ls"]).await.ok().contains("#letters"));
    assert_eq!(person.runs(&["channel", "ack", "letters", "--json"]).await.json()["waiting"], 0);
    let peers = person.runs(&["channel", "peers", "--json"]).await.json();
    assert_eq!(peers.as_array().unwrap().len(), 2);

    person.runs(&["channel", "rm", "letters"]).await.fails(2, "--yes");
    person.runs(&["--yes", "channel", "rm", "letters"]).await.ok();
    person.runs(&["channel", "members", "letters"]).await.fails(4, "no channel");
}

#[tokio::test]
async fn signals_pause_and_the_end_by_a_signal() {
    let (model, daemon) = model_and_daemon().await;
    let person = Person::owner(&daemon).await;
    let hold = model.hold();
    let spawned =
        person.runs(&["spawn", "--json", "--role", "assistant", "--name", "idler", "forever"]).await.json();
    let pid = spawned["pid"].as_u64().unwrap();
    timeout(PATIENCE, model.wait_for_waiting(1)).await.expect("it never thought");

    person.runs(&["stop", "idler"]).await.ok();
    person.waits_until(pid, "stopped", |row| row["state"] == "stopped").await;
    person.runs(&["cont", "idler"]).await.ok();
    person.waits_until(pid, "on its way", |row| row["state"] != "stopped").await;
    person.runs(&["pause", "idler"]).await.ok();
    drop(hold);
    person.waits_until(pid, "paused", |row| row["state"] == "paused").await;
    person.runs(&["resume", "idler"]).await.ok();
    person.waits_until(pid, "resumed", |row| row["state"] != "paused").await;
    let row = person.runs(&["--json", "renice", "idler", "5"]).await.json();
    assert_eq!(row[0]["priority"], 5);

    let mut wait = person.command(&["wait", "idler"]).spawn().unwrap();
    person.runs(&["kill", "-s", "KILL", "idler"]).await.ok();
    let status = timeout(PATIENCE, wait.wait()).await.expect("wait hangs").unwrap();
    assert_eq!(status.code(), Some(128 + 9));
}

#[tokio::test]
async fn a_question_is_answered_and_a_log_is_followed() {
    let (model, daemon) = model_and_daemon().await;
    let person = Person::owner(&daemon).await;
    let hold = model.hold();
    let spawned = person
        .runs(&["spawn", "--json", "--role", "assistant", "--name", "asker", "ask which colour"])
        .await
        .json();
    let pid = spawned["pid"].as_u64().unwrap();
    let log = person.command(&["logs", "-f", "--json", "asker"]).spawn().unwrap();
    drop(hold);
    person.waits_until(pid, "waiting", |row| row["phase"] == "waiting").await;
    person.runs(&["say", "asker", "deep", "blue"]).await.ok();
    let output = timeout(PATIENCE, log.wait_with_output()).await.expect("the log never ended").unwrap();
    assert!(output.status.success());
    let steps = lines(&String::from_utf8(output.stdout).unwrap());
    let indexes: Vec<u64> = steps.iter().map(|step| step["index"].as_u64().unwrap()).collect();
    assert_eq!(indexes, (0..indexes.len() as u64).collect::<Vec<_>>(), "each step once, in order");
    assert!(steps.iter().any(|step| step["body"]["kind"] == "question"), "{steps:?}");
    assert!(steps.iter().any(|step| step["body"]["text"] == "deep blue"), "{steps:?}");
    assert_eq!(steps.last().unwrap()["body"]["kind"], "completed");
}

/// `aether` in a terminal of its own.
struct Typed {
    master: Box<dyn MasterPty + Send>,
    keys: Box<dyn std::io::Write + Send>,
    output: mpsc::Receiver<Vec<u8>>,
    seen: String,
    child: Box<dyn portable_pty::Child + Send + Sync>,
}

impl Typed {
    fn start(person: &Person, args: &[&str]) -> Self {
        let size = PtySize { rows: 24, cols: 80, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new::<PathBuf>(program("aether").unwrap());
        command.args(args);
        command.env_clear();
        for (name, value) in person.environment() {
            command.env(name, value);
        }
        command.cwd(person.home.path());
        let child = pair.slave.spawn_command(command).unwrap();
        let mut reader = pair.master.try_clone_reader().unwrap();
        let (sender, output) = mpsc::channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                if sender.send(buffer[..count].to_vec()).is_err() {
                    break;
                }
            }
        });
        let keys = pair.master.take_writer().unwrap();
        Self { master: pair.master, keys, output, seen: String::new(), child }
    }

    fn type_in(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// Reads on until `text` was seen, and forgets what came up to it.
    #[track_caller]
    fn sees(&mut self, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(at) = self.seen.find(text) {
                self.seen.drain(..at + text.len());
                return;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            match self.output.recv_timeout(left) {
                Ok(bytes) => self.seen.push_str(&String::from_utf8_lossy(&bytes)),
                Err(error) => panic!("{error}: '{text}' never came: {}", self.seen),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_terminal_is_typed_into_left_and_come_back_to() {
    let daemon = Daemon::start().await.unwrap();
    let person = Person::owner(&daemon).await;
    let mut typed = Typed::start(&person, &["attach"]);
    typed.sees("leaves it without ending it");
    // The quotes keep the echo of the keys from passing for the output.
    typed.type_in("echo fir''st; stty size\r");
    typed.sees("first\r\n24 80");
    typed.master.resize(PtySize { rows: 30, cols: 100, pixel_width: 0, pixel_height: 0 }).unwrap();
    let started = Instant::now();
    loop {
        let terminals = person.runs(&["terminals", "--json"]).await.json();
        if terminals[0]["size"] == serde_json::json!({ "cols": 100, "rows": 30 }) {
            break;
        }
        assert!(started.elapsed() < PATIENCE, "the new size never arrived: {terminals}");
    }
    typed.type_in("stty size\r");
    typed.sees("30 100");
    typed.type_in("\x1d");
    typed.sees("Left the terminal");
    assert!(typed.child.wait().unwrap().success());

    let terminals = person.runs(&["terminals", "--json"]).await.json();
    let id = terminals[0]["id"].as_str().unwrap().to_owned();
    person.runs(&["record", &id, "no/folder/x.cast"]).await.fails(4, "no/folder");
    let recorded = person.runs(&["record", &id, "lesson.cast", "--json"]).await.json();
    assert_eq!(recorded["recording"], "lesson.cast");
    person.runs(&["record", &id, "other.cast"]).await.fails(1, "lesson.cast");
    let mut again = Typed::start(&person, &["attach", "--terminal", &id]);
    again.sees("first\r\n24 80");
    again.type_in("printf 'sec\\303\\251''ond\\n'\r");
    again.sees("sec\u{e9}ond");
    person.runs(&["record", &id, "--stop"]).await.ok();
    person.runs(&["record", &id, "--stop"]).await.fails(1, "not recorded");
    person.runs(&["record", &id, "lesson.cast"]).await.fails(1, "exists already");
    again.type_in("echo not''recorded; exit\r");
    again.sees("notrecorded");
    assert!(again.child.wait().unwrap().success(), "the shell ended");
    let played = person.runs(&["replay", "lesson.cast", "--speed", "1000"]).await.ok();
    // The scrollback comes first; what was typed after the end is not in it.
    assert!(played.contains("first\r\n24 80") && played.contains("sec\u{e9}ond"), "{played}");
    assert!(!played.contains("notrecorded"), "{played}");
    let cast = person.runs(&["fs", "cat", "lesson.cast"]).await.ok();
    let header: Value = serde_json::from_str(cast.lines().next().unwrap()).unwrap();
    assert_eq!(
        (&header["version"], &header["width"], &header["height"]),
        (&2.into(), &100.into(), &30.into())
    );
    person.types(&["fs", "put", "-", "notes.txt"], "no recording").await.ok();
    person.runs(&["replay", "notes.txt"]).await.fails(2, "no asciicast");
    let mut none = Typed::start(&person, &["attach", "--terminal", &id]);
    none.sees("error:");
    assert_eq!(none.child.wait().unwrap().exit_code(), 4);
}

#[tokio::test]
async fn what_is_thrown_away_is_found_again() {
    let (_model, daemon) = model_and_daemon().await;
    let person = Person::owner(&daemon).await;
    person.types(&["fs", "put", "-", "shared:plan.md"], "buy milk\nand bread").await.ok();
    let found = person.runs(&["files", "search", "*.md", "shared:"]).await.ok();
    assert_eq!(found.trim(), "plan.md");
    let found = person.runs(&["fs", "search", "--content", "BREAD", "shared:"]).await.ok();
    assert_eq!(found.trim(), "plan.md:2: and bread");
    person.runs(&["fs", "search"]).await.fails(2, "required");
    let usage = person.runs(&["fs", "usage", "shared:", "--json"]).await.json();
    assert_eq!((&usage["files"], &usage["shares"][0]["name"]), (&1.into(), &"plan.md".into()));

    assert!(person.runs(&["fs", "rm", "shared:plan.md"]).await.ok().contains("called plan.md"));
    person.runs(&["fs", "cat", "shared:plan.md"]).await.fails(4, "does not exist");
    assert!(person.runs(&["fs", "trash", "shared"]).await.ok().contains("plan.md"));
    person.types(&["fs", "put", "-", "shared:plan.md"], "another").await.ok();
    person.runs(&["fs", "restore", "shared:plan.md"]).await.fails(1, "exists already");
    assert!(person.runs(&["fs", "restore", "shared:plan.md", "--rename"]).await.ok().contains("plan (2).md"));
    assert!(person.runs(&["fs", "cat", "shared:plan (2).md"]).await.ok().contains("milk"));
    person.runs(&["fs", "rm", "shared:plan.md"]).await.ok();
    person.runs(&["fs", "trash", "--empty", "shared:"]).await.fails(2, "answer");
    assert!(person.runs(&["--yes", "fs", "trash", "--empty", "shared:"]).await.ok().contains("1 entry"));
    person.runs(&["fs", "restore", "shared:plan.md"]).await.fails(4, "no entry in the trash");
    person.runs(&["fs", "rm", "--forever", "shared:plan (2).md"]).await.ok();
    assert_eq!(person.runs(&["fs", "trash", "shared:", "--json"]).await.json(), serde_json::json!([]));
}

/// Starts a command and kills it as soon as the first bytes have arrived.
async fn cut_off(person: &Person, args: &[&str], has_begun: impl Fn() -> bool) {
    let mut child = person.command(args).spawn().unwrap();
    let started = Instant::now();
    while !has_begun() && child.try_wait().unwrap().is_none() {
        assert!(started.elapsed() < PATIENCE, "nothing arrives");
        tokio::task::yield_now().await;
    }
    child.kill().await.unwrap();
}

#[tokio::test]
async fn a_transfer_that_is_cut_off_goes_on() {
    let (_model, daemon) = model_and_daemon().await;
    let person = Person::owner(&daemon).await;
    // Larger than what one request carried before, and no two pieces are equal.
    let mut content = vec![0_u8; 80 << 20];
    for (number, block) in content.chunks_mut(4096).enumerate() {
        block[..8].copy_from_slice(&(number as u64).to_le_bytes());
    }
    std::fs::write(person.home.path().join("film"), &content).unwrap();
    let uploads = daemon.state_dir().join("uploads");
    let begun = || -> Vec<u64> {
        let all = std::fs::read_dir(&uploads).unwrap().filter_map(Result::ok);
        all.filter_map(|row| Some(std::fs::metadata(row.path().join("data")).ok()?.len())).collect()
    };
    let put = ["fs", "put", "film", "shared:film"];
    cut_off(&person, &put, || begun().iter().any(|size| *size > 0)).await;
    let there = daemon.state_dir().join("shared/film");
    // Early enough that what was on its way cannot have been the end.
    let was_cut = !begun().is_empty() && begun().iter().all(|size| *size < 40 << 20);
    assert!(person.runs(&put).await.ok().contains("80"));
    assert!(std::fs::read(&there).unwrap() == content, "the upload is another file");
    if was_cut {
        // What had come was used: there is one upload, not two.
        assert_eq!(std::fs::read_dir(&uploads).unwrap().count(), 1);
        assert!(begun().is_empty());
    }

    let parts = || -> Vec<u64> {
        let all = std::fs::read_dir(person.home.path()).unwrap().filter_map(Result::ok);
        let parts = all.filter(|row| row.file_name().to_string_lossy().ends_with(".part"));
        parts.filter_map(|row| Some(row.metadata().ok()?.len())).collect()
    };
    let get = ["fs", "get", "shared:film", "back"];
    cut_off(&person, &get, || parts().iter().any(|size| *size > 0)).await;
    if !person.home.path().join("back").exists() {
        person.runs(&get).await.ok();
    }
    assert!(
        std::fs::read(person.home.path().join("back")).unwrap() == content,
        "the download is another file"
    );
    assert!(parts().is_empty());
    person.runs(&["fs", "get", "shared:film", "back", "--force", "--no-resume"]).await.ok();
}
