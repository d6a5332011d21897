//! Attempts to get out of a root, by paths and by links. After each, what lies beside the root is as before,
//! and nothing of it came out.

use std::{fs, os::unix::net::UnixListener};

use aether_protocol::{Code, Result, files::EntryKind};
use rustix::fs::{Mode, OFlags};

use super::{Ground, SECRET, code};

/// Every operation with this path, wherever a path can stand. The results, as what they showed.
fn try_everything(ground: &Ground, path: &str) -> Vec<(&'static str, Result<String>)> {
    fn shown<T: std::fmt::Debug>(result: Result<T>) -> Result<String> {
        result.map(|value| format!("{value:?}"))
    }
    let text = |result: Result<Vec<u8>>| result.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    fs::write(ground.at("probe"), "probe").unwrap();
    let results = vec![
        ("list", shown(ground.list(path))),
        ("stat", shown(ground.stat(path))),
        ("read", text(ground.read(path))),
        ("append", shown(ground.append(path, b"evil"))),
        ("write", shown(ground.write(path, b"evil"))),
        ("write new", shown(ground.write_as(path, b"evil", true))),
        ("mkdir", shown(ground.mkdir(path))),
        ("copy from", shown(ground.copy(path, "copied", true))),
        ("copy to", shown(ground.copy("inner/plain.txt", path, true))),
        ("copy tree to", shown(ground.copy("inner", path, true))),
        ("move from", shown(ground.rename(path, "moved", true))),
        ("move to", shown(ground.rename("probe", path, true))),
        ("remove", shown(ground.remove(path, false))),
        ("remove all", shown(ground.remove(path, true))),
    ];
    // What was copied or moved in must not be the secret either.
    for name in ["copied", "moved"] {
        if fs::symlink_metadata(ground.at(name)).is_ok_and(|metadata| metadata.is_file()) {
            assert_ne!(fs::read_to_string(ground.at(name)).unwrap(), SECRET, "{path} into {name}");
        }
    }
    results
}

fn nothing_leaked(path: &str, results: &[(&'static str, Result<String>)]) {
    for (operation, result) in results {
        let shown = format!("{result:?}");
        assert!(!shown.contains(SECRET) && !shown.contains("empty\""), "{operation} {path:?}: {shown}");
    }
}

#[test]
fn paths_that_are_not_plain_are_refused_by_every_operation() {
    let mut paths: Vec<String> = [
        "..",
        ".",
        "../secret.txt",
        "../data-evil",
        "../data-evil/secret.txt",
        "../outside/secret.txt",
        "../../../../../../../../etc/passwd",
        "inner/..",
        "inner/../..",
        "inner/../../outside/secret.txt",
        "inner/../../data-evil/secret.txt",
        "./inner/plain.txt",
        "inner/./plain.txt",
        "inner/.",
        "/",
        "//",
        "/..",
        "/etc/passwd",
        "//etc/passwd",
        "/proc/self/root/etc/passwd",
        "inner//plain.txt",
        "inner/",
        "inner/plain.txt/",
        "inner/plain.txt/..",
        "inner/\0",
        "inner/plain.txt\0.png",
        "../outside/secret.txt\0",
        "\0",
        "\0/../../outside/secret.txt",
    ]
    .map(str::to_owned)
    .to_vec();
    let ground = Ground::new();
    paths.push(ground.outside("outside/secret.txt").to_string_lossy().into_owned());
    paths.push(ground.at("inner/plain.txt").to_string_lossy().into_owned());
    paths.push("n".repeat(256));
    paths.push(format!("inner/{}", "n".repeat(256)));
    paths.push("a/".repeat(2048) + "a");
    paths.push("../".repeat(1400) + "etc/passwd");
    assert!(paths.len() >= 35);
    let before = ground.neighbours();
    for path in &paths {
        let results = try_everything(&ground, path);
        nothing_leaked(path, &results);
        for (operation, result) in results {
            assert_eq!(result.unwrap_err().code, Code::Invalid, "{operation} {path:?}");
        }
        assert_eq!(ground.neighbours(), before, "{path:?}");
    }
    assert_eq!(fs::read_to_string(ground.at("inner/plain.txt")).unwrap(), "plain");
}

#[test]
fn what_only_looks_like_a_way_out_is_a_name() {
    let names = [
        "%2e%2e",
        "%2e%2e%2foutside%2fsecret.txt",
        "..%2foutside%2fsecret.txt",
        "..%00",
        "%252e%252e%252foutside",
        "%c0%ae%c0%ae%c0%afoutside",
        "..\\outside\\secret.txt",
        "\\..\\..\\outside",
        "C:\\Windows\\win.ini",
        "\\\\?\\C:\\secret.txt",
        "\u{ff0e}\u{ff0e}",
        "\u{2024}\u{2024}",
        "..\u{2215}outside\u{2215}secret.txt",
        "..\u{ff0f}outside\u{ff0f}secret.txt",
        "..\u{200b}",
        "\u{feff}..",
        "\u{202e}..",
        "..;",
        ".. ",
        " ..",
        "...",
        "..\n",
        "~",
        "~root",
        "$HOME",
        "`id`",
        "*",
        "-rf",
    ];
    for name in names {
        let ground = Ground::new();
        let before = ground.neighbours();
        for path in
            [name.to_owned(), format!("{name}/outside/secret.txt"), format!("inner/{name}/secret.txt")]
        {
            nothing_leaked(&path, &try_everything(&ground, &path));
            assert_eq!(ground.neighbours(), before, "{path:?}");
        }
        // It is a name like any other.
        let ground = Ground::new();
        ground.write(name, b"mine").unwrap();
        assert_eq!(ground.read(name).unwrap(), b"mine", "{name:?}");
        assert!(ground.list("").unwrap().items.iter().any(|entry| entry.name == name));
    }
}

/// Links to make, in order, each with its aim first, and the paths to try through them.
type Case = (&'static [(&'static str, &'static str)], &'static [&'static str]);

#[test]
fn links_out_of_the_root_lead_nowhere() {
    let inside_out: &[Case] = &[
        (&[("../outside/secret.txt", "l")], &["l"]),
        (&[("../secret.txt", "l")], &["l"]),
        (&[("../data-evil/secret.txt", "l")], &["l"]),
        (&[("../data-evil", "l")], &["l", "l/secret.txt", "l/new"]),
        (&[("../outside", "l")], &["l", "l/secret.txt", "l/dir/file", "l/dir", "l/empty", "l/new", "l/a/b"]),
        (&[("..", "l")], &["l", "l/secret.txt", "l/outside/secret.txt", "l/data/inner/plain.txt"]),
        (&[(".", "l")], &["l/l/l/../secret.txt", "l/../secret.txt"]),
        (&[("../outside/new.txt", "l")], &["l"]),
        (&[("../outside/new/dir", "l")], &["l", "l/x"]),
        (&[("../outside", "b"), ("b", "l")], &["l/secret.txt", "l/dir/file"]),
        (&[("../outside/secret.txt", "c"), ("c", "b"), ("b", "l")], &["l"]),
        (&[("inner", "a"), ("a/../../outside", "l")], &["l/secret.txt"]),
        (&[("inner/../../outside", "l")], &["l/secret.txt", "l/new"]),
        (&[("l", "l")], &["l", "l/secret.txt"]),
        (&[("b", "a"), ("a", "b")], &["a", "b/x"]),
        (&[("/", "l")], &["l/etc/passwd", "l/proc/self/root", "l"]),
        (&[("/proc/self/root", "l")], &["l/etc/passwd", "l"]),
        (&[("/proc/self/cwd", "l")], &["l", "l/Cargo.toml"]),
        (&[("/proc/self/fd", "l")], &["l", "l/0", "l/1"]),
        (&[("/proc/thread-self/root", "l")], &["l/etc/passwd"]),
        (&[("/dev/zero", "l")], &["l"]),
        (&[("/dev/stdin", "l")], &["l"]),
        (&[("../../outside", "inner/l")], &["inner/l/secret.txt", "inner/l", "inner/l/new"]),
        (&[("../../../outside/dir", "inner/deep/l")], &["inner/deep/l/file", "inner/deep/l/x/y"]),
        (&[("inner/deep", "in"), ("../../../outside", "inner/deep/l")], &["in/l/secret.txt", "in/l/new"]),
    ];
    let mut cases = 0;
    for absolute in [false, true] {
        for (links, paths) in inside_out {
            for path in *paths {
                let ground = Ground::new();
                for (aim, at) in *links {
                    if absolute && aim.starts_with("..") {
                        // The same aim, written from the top.
                        let above = aim.trim_start_matches("../").trim_start_matches("..");
                        ground.link(ground.outside(above), at);
                    } else {
                        ground.link(aim, at);
                    }
                }
                let before = ground.neighbours();
                nothing_leaked(path, &try_everything(&ground, path));
                assert_eq!(ground.neighbours(), before, "{links:?} {path} absolute {absolute}");
                cases += 1;
            }
        }
    }
    assert!(cases >= 80, "{cases}");
}

#[test]
fn the_whole_root_can_be_used_through_links_that_stay_in() {
    let ground = Ground::new();
    ground.link("inner", "in");
    ground.link("inner/plain.txt", "file");
    assert_eq!(ground.read("in/plain.txt").unwrap(), b"plain");
    assert_eq!(ground.read("file").unwrap(), b"plain");
    assert_eq!(ground.stat("file").unwrap().kind, EntryKind::Link);
    assert_eq!(ground.list("in").unwrap().items.len(), 2);
    ground.write("in/new", b"new").unwrap();
    assert_eq!(ground.read("inner/new").unwrap(), b"new");
}

#[test]
fn writing_on_a_link_is_refused_and_names_the_link() {
    for aim in ["inner/plain.txt", "../outside/secret.txt", "../outside/new.txt", "nowhere"] {
        let ground = Ground::new();
        ground.link(aim, "l");
        let before = ground.neighbours();
        for result in [ground.write("l", b"evil"), ground.append("l", b"evil")] {
            let error = result.unwrap_err();
            assert_eq!(error.code, Code::Conflict);
            assert!(error.message.contains("'l' is a link"), "{error}");
        }
        assert_eq!(code(ground.write_as("l", b"evil", true)), Code::Conflict);
        assert_eq!(ground.neighbours(), before);
        assert_eq!(fs::read_to_string(ground.at("inner/plain.txt")).unwrap(), "plain");
        assert_eq!(fs::read_link(ground.at("l")).unwrap().to_str(), Some(aim));
    }
}

#[test]
fn a_way_out_is_called_that() {
    let ground = Ground::new();
    ground.link("../outside", "l");
    let error = ground.read("l/secret.txt").unwrap_err();
    assert_eq!(error.code, Code::Forbidden);
    assert!(error.message.contains("leads out of its place"), "{error}");
}

#[test]
fn removing_a_link_removes_the_link() {
    let ground = Ground::new();
    ground.link("../outside", "dir");
    ground.link("../outside/secret.txt", "file");
    ground.link("inner", "in");
    let before = ground.neighbours();
    for name in ["dir", "file", "in"] {
        assert_eq!(ground.remove(name, true).unwrap().entries, 1);
    }
    assert_eq!(ground.neighbours(), before);
    assert_eq!(ground.read("inner/plain.txt").unwrap(), b"plain");
}

#[test]
fn removing_a_tree_does_not_follow_the_links_in_it() {
    let ground = Ground::new();
    ground.link("../../outside", "inner/dir");
    ground.link("../../../outside/secret.txt", "inner/deep/file-link");
    let before = ground.neighbours();
    assert_eq!(ground.remove("inner", true).unwrap().entries, 6);
    assert_eq!(ground.neighbours(), before);
}

#[test]
fn copying_a_tree_copies_links_as_links() {
    let ground = Ground::new();
    ground.link("../../outside", "inner/dir");
    ground.link("../../outside/secret.txt", "inner/file");
    let before = ground.neighbours();
    ground.copy("inner", "copy", false).unwrap();
    assert_eq!(fs::read_link(ground.at("copy/dir")).unwrap().to_str(), Some("../../outside"));
    assert!(fs::symlink_metadata(ground.at("copy/file")).unwrap().is_symlink());
    assert_eq!(code(ground.read("copy/file")), Code::Forbidden);
    ground.copy("inner/file", "single", false).unwrap();
    assert!(fs::symlink_metadata(ground.at("single")).unwrap().is_symlink());
    assert_eq!(ground.neighbours(), before);
}

#[test]
fn moving_onto_a_link_replaces_the_link() {
    let ground = Ground::new();
    ground.link("../outside/secret.txt", "file");
    ground.link("../outside", "dir");
    let before = ground.neighbours();
    ground.write("mine", b"mine").unwrap();
    assert_eq!(code(ground.rename("mine", "file", false)), Code::Conflict);
    ground.rename("mine", "file", true).unwrap();
    assert_eq!(ground.read("file").unwrap(), b"mine");
    ground.copy("file", "dir", true).unwrap();
    assert_eq!(ground.read("dir").unwrap(), b"mine");
    assert_eq!(ground.neighbours(), before);
}

#[test]
fn moving_a_link_moves_the_link() {
    let ground = Ground::new();
    ground.link("../outside", "l");
    let before = ground.neighbours();
    assert_eq!(ground.rename("l", "inner/l", false).unwrap().kind, EntryKind::Link);
    assert_eq!(ground.neighbours(), before);
}

#[test]
fn a_hard_link_to_a_file_outside_is_cut_by_writing() {
    for operation in ["write", "append", "copy"] {
        let ground = Ground::new();
        fs::hard_link(ground.outside("outside/secret.txt"), ground.at("hard")).unwrap();
        match operation {
            "write" => ground.write("hard", b"mine"),
            "append" => ground.append("hard", b"mine"),
            _ => ground.copy("inner/plain.txt", "hard", true),
        }
        .unwrap();
        let outside = fs::read_to_string(ground.outside("outside/secret.txt")).unwrap();
        assert_eq!(outside, SECRET, "{operation}");
        let inside = fs::read_to_string(ground.at("hard")).unwrap();
        match operation {
            "write" => assert_eq!(inside, "mine"),
            "append" => assert_eq!(inside, format!("{SECRET}mine")),
            _ => assert_eq!(inside, "plain"),
        }
    }
}

#[test]
fn removing_and_moving_a_hard_link_leaves_the_other_name() {
    let ground = Ground::new();
    fs::hard_link(ground.outside("outside/secret.txt"), ground.at("hard")).unwrap();
    let before = ground.neighbours();
    ground.rename("hard", "moved", false).unwrap();
    ground.remove("moved", false).unwrap();
    assert_eq!(ground.neighbours(), before);
}

#[test]
fn pipes_and_sockets_are_refused_without_waiting() {
    let ground = Ground::new();
    let made = std::process::Command::new("mkfifo").arg(ground.at("pipe")).status().unwrap();
    assert!(made.success());
    let _listener = UnixListener::bind(ground.at("socket")).unwrap();
    for name in ["pipe", "socket"] {
        assert_eq!(ground.stat(name).unwrap().kind, EntryKind::Special);
        assert_eq!(code(ground.read(name)), Code::Invalid, "read {name}");
        assert_eq!(code(ground.write(name, b"x")), Code::Invalid, "write {name}");
        assert_eq!(code(ground.append(name, b"x")), Code::Invalid, "append {name}");
        assert_eq!(code(ground.copy(name, "copy", false)), Code::Invalid, "copy {name}");
        assert_eq!(code(ground.list(name)), Code::Conflict, "list {name}");
    }
    // A reader at the other end changes nothing. It opens without waiting for a writer, as nobody here is one.
    let reader =
        rustix::fs::open(ground.at("pipe"), OFlags::RDONLY | OFlags::NONBLOCK, Mode::empty()).unwrap();
    assert_eq!(code(ground.append("pipe", b"x")), Code::Invalid);
    assert_eq!(code(ground.write("pipe", b"x")), Code::Invalid);
    drop(reader);
    ground.write("inner/deep/x", b"x").unwrap();
    fs::rename(ground.at("pipe"), ground.at("inner/pipe")).unwrap();
    assert_eq!(code(ground.copy("inner", "copy", false)), Code::Invalid);
    assert_eq!(code(ground.stat("copy")), Code::NotFound);
    assert_eq!(ground.remove("inner/pipe", false).unwrap().entries, 1);
    assert_eq!(ground.remove("socket", false).unwrap().entries, 1);
}

#[test]
fn the_root_itself_is_not_removed_moved_or_overwritten() {
    let ground = Ground::new();
    let before = ground.neighbours();
    assert_eq!(code(ground.remove("", true)), Code::Invalid);
    assert_eq!(code(ground.rename("", "x", false)), Code::Invalid);
    assert_eq!(code(ground.rename("inner", "", true)), Code::Invalid);
    assert_eq!(code(ground.copy("", "x", false)), Code::Invalid);
    assert_eq!(code(ground.copy("inner", "", true)), Code::Invalid);
    assert_eq!(code(ground.write("", b"x")), Code::Invalid);
    assert_eq!(code(ground.read("")), Code::Invalid);
    assert_eq!(code(ground.mkdir("")), Code::Invalid);
    assert_eq!(ground.stat("").unwrap().kind, EntryKind::Folder);
    assert_eq!(ground.list("").unwrap().items.len(), 1);
    assert_eq!(ground.neighbours(), before);
}
