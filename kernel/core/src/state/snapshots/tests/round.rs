//! What goes in comes out.

use std::{
    fs::{self, File, Permissions},
    io::{Seek as _, SeekFrom, Write as _},
    os::unix::{
        ffi::OsStrExt as _,
        fs::{MetadataExt as _, PermissionsExt as _, symlink},
        net::UnixListener,
    },
    path::Path,
};

use rustix::fs::{AtFlags, CWD, FileType, Mode, Timespec, Timestamps, mknodat, utimensat};

use super::{Ground, look};

/// A home with everything that an agent can make.
fn furnish(home: &Path) {
    let at = |name: &str| home.join(name);
    fs::create_dir_all(at("Projects/deep/er")).unwrap();
    fs::write(at("hello.txt"), "hello").unwrap();
    fs::write(at("empty"), "").unwrap();
    fs::write(
        at("Projects/deep/er/noise"),
        (0..300_000_u32).map(|n| ((n * 7919) >> 5) as u8).collect::<Vec<_>>(),
    )
    .unwrap();
    fs::write(at(&format!("Projects/{}", "long".repeat(60))), "a name longer than a tar header's").unwrap();
    fs::write(home.join(std::ffi::OsStr::from_bytes(b"not \xff utf8\n")), "bytes").unwrap();
    for (name, mode) in [("secret", 0o600), ("program", 0o755), ("nobody", 0o000), ("set-user-id", 0o4755)] {
        fs::write(at(name), name).unwrap();
        fs::set_permissions(at(name), Permissions::from_mode(mode)).unwrap();
    }
    fs::create_dir(at("sticky")).unwrap();
    fs::write(at("sticky/inside"), "x").unwrap();
    fs::set_permissions(at("sticky"), Permissions::from_mode(0o1777)).unwrap();
    symlink("hello.txt", at("link")).unwrap();
    symlink("../../../etc/passwd", at("link-out")).unwrap();
    symlink("/nowhere//at/./all", at("link-dangling")).unwrap();
    symlink("x".repeat(1000), at("link-long")).unwrap();
    symlink("Projects", at("link-folder")).unwrap();
    fs::hard_link(at("hello.txt"), at("Projects/hello-again.txt")).unwrap();
    fs::hard_link(at("hello.txt"), at("hello-too.txt")).unwrap();
    let mut sparse = File::create(at("sparse")).unwrap();
    sparse.seek(SeekFrom::Start(3 << 20)).unwrap();
    sparse.write_all(b"in the middle").unwrap();
    sparse.set_len(32 << 20).unwrap();
    File::create(at("hole")).unwrap().set_len(5 << 20).unwrap();
    let long_ago = Timespec { tv_sec: -86_400, tv_nsec: 123_456_789 };
    let times = Timestamps { last_access: long_ago, last_modification: long_ago };
    for name in ["hello.txt", "link", "Projects/deep"] {
        utimensat(CWD, at(name), &times, AtFlags::SYMLINK_NOFOLLOW).unwrap();
    }
}

#[test]
fn a_home_comes_back_to_the_byte() {
    let ground = Ground::new();
    let home = ground.at("home");
    furnish(&home);
    let archive = ground.pack();
    let back = ground.unpack(&archive).unwrap();
    let mut before = look(&home);
    // A file of another user's rights is not made again.
    before.get_mut(Path::new("set-user-id")).unwrap().mode &= !0o6000;
    let after = look(&back);
    assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
    for (path, seen) in &before {
        assert!(seen == &after[path], "{}: {:?} {:?}", path.display(), seen.mode, after[path].mode);
    }
    assert_eq!(after[Path::new("hello.txt")].names.len(), 3);
    // Holes are holes again, and did not make the archive large.
    for name in ["sparse", "hole"] {
        let stat = fs::metadata(back.join(name)).unwrap();
        assert!(stat.blocks() * 512 < 1 << 20, "{name} takes {} bytes", stat.blocks() * 512);
    }
    assert!(fs::metadata(&archive).unwrap().len() < 1 << 20);
    let sound = ground.read(&archive).unwrap();
    assert_eq!(sound.moment.process, super::process());
    assert_eq!(sound.moment.journal.len(), 1);
}

#[test]
fn an_archive_of_an_archive_is_the_same_home() {
    let ground = Ground::new();
    furnish(&ground.at("home"));
    let back = ground.unpack(&ground.pack()).unwrap();
    fs::remove_dir_all(ground.at("home")).unwrap();
    fs::rename(&back, ground.at("home")).unwrap();
    let once = look(&ground.at("home"));
    assert_eq!(once, look(&ground.unpack(&ground.pack()).unwrap()));
}

#[test]
fn sockets_pipes_and_devices_are_left_out_and_told() {
    let ground = Ground::new();
    let at = |name: &str| ground.at(&format!("home/{name}"));
    let _socket = UnixListener::bind(at("socket")).unwrap();
    mknodat(CWD, at("pipe"), FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
    fs::write(at("file"), "kept").unwrap();
    let gathered = ground.gather().unwrap();
    let told: Vec<_> =
        gathered.left_out.iter().map(|left| (left.path.as_str(), left.reason.as_str())).collect();
    assert_eq!(told, [("pipe", "it is a pipe"), ("socket", "it is a socket")]);
    assert_eq!(gathered.left_out_count, 2);
    assert_eq!(look(&ground.unpack(&ground.pack()).unwrap()).len(), 1);
}

#[test]
fn a_home_that_is_too_large_is_refused() {
    let ground = Ground::new();
    fs::write(ground.at("home/large"), vec![1; 65 << 20]).unwrap();
    let error = ground.gather().unwrap_err();
    assert_eq!(error.code, aether_protocol::Code::TooLarge);
    assert!(error.hint.unwrap().contains("max_bytes"));
    fs::remove_file(ground.at("home/large")).unwrap();
    for number in 0..10_000 {
        fs::write(ground.at(&format!("home/{number}")), "").unwrap();
    }
    assert_eq!(ground.gather().unwrap_err().code, aether_protocol::Code::TooLarge);
}

#[test]
fn folders_that_are_too_deep_are_left_out() {
    let ground = Ground::new();
    let mut path = ground.at("home");
    for _ in 0..140 {
        path.push("d");
    }
    fs::create_dir_all(&path).unwrap();
    let gathered = ground.gather().unwrap();
    assert_eq!(gathered.left_out_count, 1);
    ground.unpack(&ground.pack()).unwrap();
}
