//! The tools on a real folder.

use std::{
    fs,
    os::{fd::OwnedFd, unix::fs::PermissionsExt, unix::net::UnixStream},
    time::{Duration, Instant},
};

use aether_protocol::tools::Tool;
use serde_json::{Value, json};

use super::{Home, KernelGone, Outcome, Watch, execute};
use crate::signals::Signals;

struct Room {
    dir: tempfile::TempDir,
    home: Home,
    signals: Signals,
    _source: UnixStream,
}

#[expect(clippy::needless_pass_by_value, reason = "arguments read best as they are written")]
impl Room {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (signals, source) = UnixStream::pair().unwrap();
        let home = Home::at(dir.path());
        Self { dir, home, signals: Signals::reading(OwnedFd::from(signals).into()), _source: source }
    }

    fn run(&mut self, tool: &str, args: &Value) -> Outcome {
        let tool = Tool::parse(tool, args).unwrap();
        execute(&self.home, tool, &mut Watch { signals: &mut self.signals, kernel: None }).unwrap()
    }

    fn done(&mut self, tool: &str, args: Value) -> String {
        let outcome = self.run(tool, &args);
        assert!(outcome.ok, "{tool}: {}", outcome.output);
        outcome.output
    }

    fn refused(&mut self, tool: &str, args: Value) -> String {
        let outcome = self.run(tool, &args);
        assert!(!outcome.ok, "{tool}: {}", outcome.output);
        outcome.output
    }

    fn file(&self, name: &str) -> String {
        fs::read_to_string(self.dir.path().join(name)).unwrap()
    }
}

#[test]
fn paths_are_meant_from_the_home() {
    let mut room = Room::new();
    room.done("write_file", json!({"path": "a/b.txt", "content": "b"}));
    for path in ["a/b.txt", "./a/b.txt", "~/a/b.txt", "/home/agent/a/b.txt", "a/../a/b.txt"] {
        assert_eq!(room.done("read_file", json!({"path": path})), "b", "{path}");
    }
    for path in [
        "/etc/passwd",
        "/home/agent2/x",
        "/home/agentx",
        "../x",
        "a/../../x",
        "~/../x",
        "/home/agent/../x",
        "a\0b",
    ] {
        let told = room.refused("write_file", json!({"path": path, "content": "x"}));
        assert!(told.contains("home") || told.contains("NUL"), "{told}");
        room.refused("read_file", json!({"path": path}));
    }
    for (tool, args) in
        [("rm", json!({"path": ".", "recursive": true})), ("mv", json!({"from": "", "to": "x"}))]
    {
        assert!(room.refused(tool, args).contains("home itself"));
    }
}

#[test]
fn reading_takes_lines_and_says_what_was_cut() {
    let mut room = Room::new();
    let text: String = (1..=20_000).map(|line| format!("line {line}")).collect::<Vec<_>>().join("\n") + "\n";
    room.done("write_file", json!({"path": "long", "content": text}));
    let part = room.done("read_file", json!({"path": "long", "from_line": 5, "lines": 2}));
    assert!(
        part.starts_with("line 5\nline 6\n[lines 5 to 6;") && part.contains("goes on at line 7"),
        "{part}"
    );
    let end = room.done("read_file", json!({"path": "long", "from_line": 20_000}));
    assert_eq!(end, "line 20000\n");
    let whole = room.done("read_file", json!({"path": "long"}));
    assert!(
        whole.len() < 66_000 && whole.contains("goes on at line") | whole.contains("cut off inside line")
    );
    assert!(room.refused("read_file", json!({"path": "long", "from_line": 20_001})).contains("past its end"));
    room.done("write_file", json!({"path": "one-line", "content": "ä".repeat(100_000)}));
    assert!(room.done("read_file", json!({"path": "one-line"})).contains("cut off inside line 1"));
    room.done("write_file", json!({"path": "none", "content": ""}));
    assert_eq!(room.done("read_file", json!({"path": "none"})), "['none' is empty]");
}

#[test]
fn what_is_no_text_is_described() {
    let mut room = Room::new();
    fs::write(room.dir.path().join("image"), b"\x89PNG\r\n\x1a\n\0\0").unwrap();
    let told = room.refused("read_file", json!({"path": "image"}));
    assert!(told.contains("not a text file: 10 bytes, it begins with 89 50 4e 47"), "{told}");
    room.done("mkdir", json!({"path": "folder"}));
    assert!(room.refused("read_file", json!({"path": "folder"})).contains("list_files"));
    assert_eq!(room.refused("read_file", json!({"path": "missing"})), "'missing' does not exist");
    room.done("run_command", json!({"command": "mkfifo pipe"}));
    assert!(room.refused("read_file", json!({"path": "pipe"})).contains("not a regular file"));
    assert!(
        room.refused("write_file", json!({"path": "pipe", "content": ""})).contains("not a regular file")
    );
    assert!(room.refused("append_file", json!({"path": "pipe", "content": "x"})).contains("pipe"));
}

#[test]
fn writing_replaces_whole_files_and_keeps_permissions() {
    let mut room = Room::new();
    room.done("write_file", json!({"path": "s", "content": "1"}));
    fs::set_permissions(room.dir.path().join("s"), fs::Permissions::from_mode(0o755)).unwrap();
    assert!(room.done("write_file", json!({"path": "s", "content": "two"})).starts_with("Replaced"));
    assert_eq!(fs::metadata(room.dir.path().join("s")).unwrap().permissions().mode() & 0o777, 0o755);
    assert_eq!(room.file("s"), "two");
    assert!(room.done("append_file", json!({"path": "s", "content": "!"})).contains("now has 4"));
    std::os::unix::fs::symlink("s", room.dir.path().join("link")).unwrap();
    room.done("write_file", json!({"path": "link", "content": "through"}));
    assert_eq!(room.file("s"), "through");
    room.done("mkdir", json!({"path": "d"}));
    assert!(room.refused("write_file", json!({"path": "d", "content": ""})).contains("is a folder"));
    assert_eq!(fs::read_dir(room.dir.path()).unwrap().count(), 3, "nothing is left beside");
}

#[test]
fn editing_wants_one_place_or_all() {
    let mut room = Room::new();
    room.done("write_file", json!({"path": "f", "content": "one\n  two\none\n"}));
    let told = room.refused("edit_file", json!({"path": "f", "old": "one", "new": "1"}));
    assert!(told.contains("2 times") && told.contains("lines 1, 3"), "{told}");
    assert!(
        room.refused("edit_file", json!({"path": "f", "old": "one two", "new": ""})).contains("other spaces")
    );
    assert!(
        room.refused("edit_file", json!({"path": "f", "old": "six", "new": ""})).contains("does not occur")
    );
    assert!(room.refused("edit_file", json!({"path": "f", "old": "", "new": "x"})).contains("empty"));
    assert!(room.refused("edit_file", json!({"path": "f", "old": "x", "new": "x"})).contains("the same"));
    assert!(room.done("edit_file", json!({"path": "f", "old": "two", "new": "2"})).contains("line 2"));
    assert!(
        room.done("edit_file", json!({"path": "f", "old": "one", "new": "1", "all": true}))
            .contains("2 places")
    );
    assert_eq!(room.file("f"), "1\n  2\n1\n");
    fs::write(room.dir.path().join("latin1"), b"caf\xe9").unwrap();
    assert!(room.refused("edit_file", json!({"path": "latin1", "old": "c", "new": "k"})).contains("UTF-8"));
}

#[test]
fn folders_are_listed_made_moved_copied_and_removed() {
    let mut room = Room::new();
    assert_eq!(room.done("list_files", json!({})), "[The folder is empty]");
    room.done("write_file", json!({"path": "src/main.rs", "content": "fn"}));
    room.done("write_file", json!({"path": "a.txt", "content": "abc"}));
    room.done("mkdir", json!({"path": "z/y"}));
    assert!(room.done("mkdir", json!({"path": "z/y"})).contains("already"));
    assert_eq!(room.done("list_files", json!({})), "src/\nz/\na.txt (3 bytes)");
    let tree = room.done("list_files", json!({"recursive": true}));
    assert_eq!(tree, "a.txt (3 bytes)\nsrc/\nsrc/main.rs (2 bytes)\nz/\nz/y/");
    assert!(
        room.done("stat", json!({"path": "a.txt"})).starts_with("a.txt: file, 3 bytes, mode 644, changed 20")
    );
    room.done("cp", json!({"from": "src", "to": "copy"}));
    assert_eq!(room.file("copy/main.rs"), "fn");
    room.done("cp", json!({"from": "a.txt", "to": "z"}));
    assert_eq!(room.file("z/a.txt"), "abc");
    room.done("mv", json!({"from": "copy", "to": "new/place"}));
    assert_eq!(room.file("new/place/main.rs"), "fn");
    assert!(room.refused("mv", json!({"from": "z", "to": "z/y"})).contains("inside of what it is made from"));
    assert!(room.refused("cp", json!({"from": "a.txt", "to": "a.txt"})).contains("same place"));
    assert!(room.refused("rm", json!({"path": "z"})).contains("set recursive"));
    room.done("rm", json!({"path": "z", "recursive": true}));
    room.done("rm", json!({"path": "a.txt"}));
    assert!(room.refused("rm", json!({"path": "a.txt"})).contains("does not exist"));
}

#[test]
fn a_long_list_is_cut_and_says_so() {
    let mut room = Room::new();
    for number in 0..1100 {
        fs::write(room.dir.path().join(format!("{number:04}")), "").unwrap();
    }
    for recursive in [false, true] {
        let listing = room.done("list_files", json!({"recursive": recursive}));
        assert_eq!(listing.lines().count(), 1001);
        assert!(listing.ends_with("List a folder below for the rest]"));
    }
}

#[test]
fn searching_finds_lines_by_expression_and_glob() {
    let mut room = Room::new();
    room.done("write_file", json!({"path": "src/a.rs", "content": "fn one() {}\nlet x = 1;\nfn two() {}\n"}));
    room.done("write_file", json!({"path": "notes.md", "content": "fn is a word\n"}));
    fs::write(room.dir.path().join("blob"), b"fn\0").unwrap();
    let found = room.done("search_files", json!({"pattern": r"fn \w+\("}));
    assert_eq!(found, "src/a.rs:1:fn one() {}\nsrc/a.rs:3:fn two() {}\n");
    assert_eq!(
        room.done("search_files", json!({"pattern": "^fn", "glob": "*.md"})),
        "notes.md:1:fn is a word\n"
    );
    assert_eq!(room.done("search_files", json!({"pattern": "fn", "path": "src/a.rs"})).lines().count(), 2);
    assert_eq!(room.done("search_files", json!({"pattern": "zebra"})), "Nothing matches in 2 files");
    assert!(room.refused("search_files", json!({"pattern": "("})).contains("not valid"));
    assert!(room.refused("search_files", json!({"pattern": "x", "glob": "[" })).contains("not valid"));
    assert!(room.refused("search_files", json!({"pattern": "x", "path": "none"})).contains("does not exist"));
    room.done("write_file", json!({"path": "many", "content": "hit\n".repeat(500)}));
    let many = room.done("search_files", json!({"pattern": "hit"}));
    assert!(many.lines().count() == 201 && many.ends_with("Search for less]"));
}

#[test]
fn a_command_shows_output_in_order_and_its_status() {
    let mut room = Room::new();
    let output = room.done("run_command", json!({"command": "echo one; echo two >&2; echo three; cat"}));
    assert_eq!(output, "one\ntwo\nthree\n[exit status 0]");
    let output = room.refused("run_command", json!({"command": "printf x; exit 3"}));
    assert_eq!(output, "x\n[exit status 3]");
    assert_eq!(room.refused("run_command", json!({"command": "kill -9 $$"})), "[ended by signal 9]");
    let output = room.done("run_command", json!({"command": "printf 'a\\377b'; pwd"}));
    let home = room.dir.path().canonicalize().unwrap();
    assert_eq!(output, format!("a\u{fffd}b{}\n[exit status 0]", home.display()));
}

#[test]
fn a_command_inherits_nothing_but_its_three_streams() {
    let mut room = Room::new();
    // What the test itself was started with goes to every program, so a program started without this tool is
    // the measure.
    let command = "ls /proc/$$/fd; readlink /proc/$$/fd/0";
    let mut plain = std::process::Command::new("/bin/sh");
    let plain = plain.args(["-c", command]).stdin(std::process::Stdio::null());
    let plain = String::from_utf8(plain.output().unwrap().stdout).unwrap();
    let _link = UnixStream::pair().unwrap();
    let output = room.done("run_command", json!({"command": command}));
    assert_eq!(output, format!("{plain}[exit status 0]"));
    room.done("run_command", json!({"command": "test $(cut -d ' ' -f 5 /proc/$$/stat) = $$"}));
}

#[test]
fn long_output_keeps_its_start_and_end() {
    let mut room = Room::new();
    let output =
        room.done("run_command", json!({"command": "echo first; yes filler | head -c 3000000; echo last"}));
    assert!(output.starts_with("first\n") && output.ends_with("last\n[exit status 0]"), "{}", output.len());
    assert!(output.len() < 66_000 && output.contains("bytes omitted]"));
}

#[test]
fn a_command_that_takes_too_long_is_ended_with_all_it_started() {
    let mut room = Room::new();
    let began = Instant::now();
    let output = room.refused(
        "run_command",
        // One that ignores TERM, one in the background; both hold the pipe.
        json!({"command": "trap '' TERM; echo begun; sleep 1000 & echo $! > child; while :; do sleep 1000; done", "timeout_secs": 1}),
    );
    assert!(output.starts_with("begun\n") && output.contains("ended after 1 seconds"), "{output}");
    assert!(began.elapsed() < Duration::from_secs(30));
    let child = room.file("child");
    // It was killed; that it is gone takes the system a moment.
    while fs::read_to_string(format!("/proc/{}/stat", child.trim())).is_ok_and(|stat| !stat.contains(") Z "))
    {
        assert!(began.elapsed() < Duration::from_secs(30), "the background process lives on");
        std::thread::yield_now();
    }
}

#[test]
fn a_command_that_writes_without_end_is_ended_too() {
    let mut room = Room::new();
    let output = room.refused("run_command", json!({"command": "yes", "timeout_secs": 1}));
    assert!(output.contains("ended after 1 seconds"));
}

#[test]
fn what_a_command_leaves_in_the_background_is_ended_and_told() {
    let mut room = Room::new();
    let output = room.done("run_command", json!({"command": "sleep 1000 & echo started"}));
    assert!(output.starts_with("started\n[exit status 0]\n[what it left running"), "{output}");
}

#[test]
fn an_interrupt_ends_a_command_and_a_search() {
    let mut room = Room::new();
    let (signals, mut source) = UnixStream::pair().unwrap();
    room.signals = Signals::reading(OwnedFd::from(signals).into());
    let mut record = [0; 128];
    record[..4].copy_from_slice(&libc::SIGINT.cast_unsigned().to_ne_bytes());
    std::io::Write::write_all(&mut source, &record).unwrap();
    let output = room.refused("run_command", json!({"command": "sleep 1000"}));
    assert!(output.contains("interrupted by a person"), "{output}");
    room.done("write_file", json!({"path": "f", "content": "x"}));
    std::io::Write::write_all(&mut source, &record).unwrap();
    assert!(room.refused("search_files", json!({"pattern": "x"})).contains("interrupted"));
}

#[test]
fn when_the_kernel_goes_a_command_is_ended() {
    let mut room = Room::new();
    let (kernel, other) = UnixStream::pair().unwrap();
    drop(other);
    let tool = Tool::parse("run_command", &json!({"command": "sleep 1000"})).unwrap();
    let mut watch = Watch { signals: &mut room.signals, kernel: Some(std::os::fd::AsFd::as_fd(&kernel)) };
    assert!(matches!(execute(&room.home, tool, &mut watch), Err(KernelGone)));
}
