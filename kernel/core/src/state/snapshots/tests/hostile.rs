//! Archives that are damaged, and archives that the right key has signed and that are wrong all the same.

use std::{fs, io::Write as _, path::Path};

use aether_protocol::{AgentId, Code, Error, Pid};
use sha2::{Digest as _, Sha256};
use tar::{Builder, EntryType, Header};

use super::{BOUNDS, Ground, records};
use crate::state::snapshots::{
    key::DeviceKey,
    manifest::{HOME, Kind, MANIFEST, Manifest, Member, Name, Pieces},
    read::Sink as _,
    seal::{self, Hashing},
    unpack::Unpack,
};

/// One member of a tar: its header's path and type, its content, where its header leads.
#[derive(Clone)]
struct Entry {
    path: Vec<u8>,
    kind: EntryType,
    content: Vec<u8>,
    target: Vec<u8>,
}

/// An archive in the making, which a test spoils.
struct Forged {
    manifest: Manifest,
    entries: Vec<Entry>,
    /// Behind the tar, inside the frame.
    tail: Vec<u8>,
    /// Between the frame and the signature.
    gap: Vec<u8>,
    window_log: Option<u32>,
    manifest_first: bool,
}

fn member(path: &str, kind: Kind) -> Member {
    Member { path: path.into(), kind, mode: 0o644, mtime: (0, 0) }
}

fn file(path: &str, content: &[u8]) -> (Member, Entry) {
    let sha256 = hex::encode(Sha256::digest(content));
    let kind = Kind::File { size: content.len() as u64, sha256, pieces: None };
    (member(path, kind), entry(path, EntryType::Regular, content, ""))
}

fn entry(path: &str, kind: EntryType, content: &[u8], target: &str) -> Entry {
    Entry { path: path.into(), kind, content: content.to_vec(), target: target.into() }
}

impl Forged {
    /// A sound one, with the home's root and two files.
    fn new(ground: &Ground) -> Self {
        let mut forged = Self {
            manifest: ground.manifest(),
            entries: Vec::new(),
            tail: Vec::new(),
            gap: Vec::new(),
            window_log: None,
            manifest_first: true,
        };
        for record in records() {
            forged.add(file(record.path, &record.bytes));
        }
        forged.add((member(HOME, Kind::Folder), entry(HOME, EntryType::Directory, b"", "")));
        forged.add(file("home/a", b"first"));
        forged.add(file("home/b", b"second"));
        forged
    }

    fn add(&mut self, (member, entry): (Member, Entry)) {
        self.manifest.members.push(member);
        self.entries.push(entry);
    }

    fn link(&mut self, path: &str, target: &str) {
        let kind = Kind::Link { target: target.into() };
        self.add((member(path, kind), entry(path, EntryType::Symlink, b"", target)));
    }

    fn hard_link(&mut self, path: &str, target: &str) {
        let kind = Kind::HardLink { target: target.into() };
        self.add((member(path, kind), entry(path, EntryType::Link, b"", target)));
    }

    fn build(self, key: &DeviceKey) -> Vec<u8> {
        let mut zstd = zstd::stream::write::Encoder::new(Hashing::new(Vec::new()), 3).unwrap();
        zstd.include_checksum(true).unwrap();
        if let Some(log) = self.window_log {
            zstd.window_log(log).unwrap();
        }
        let mut tar = Builder::new(zstd);
        let manifest = entry(MANIFEST, EntryType::Regular, &serde_json::to_vec(&self.manifest).unwrap(), "");
        let mut entries = self.entries;
        entries.insert(usize::from(!self.manifest_first), manifest);
        for entry in entries {
            let mut header = Header::new_gnu();
            header.as_old_mut().name[..entry.path.len()].copy_from_slice(&entry.path);
            header.set_entry_type(entry.kind);
            header.set_link_name_literal(&entry.target).unwrap();
            header.set_mode(0o644);
            header.set_size(entry.content.len() as u64);
            header.set_cksum();
            tar.append(&header, entry.content.as_slice()).unwrap();
        }
        let mut zstd = tar.into_inner().unwrap();
        zstd.write_all(&self.tail).unwrap();
        let mut out = zstd.finish().unwrap();
        out.write_all(&self.gap).unwrap();
        seal::close(&mut out, key).unwrap();
        out.into_inner()
    }
}

fn refused(ground: &Ground, bytes: &[u8]) -> Error {
    let path = ground.file(bytes);
    let before: usize = fs::read_dir(ground.dir.path()).unwrap().count();
    let error = ground.unpack(&path).unwrap_err();
    assert_eq!(fs::read_to_string(ground.at("canary")).unwrap(), "still here", "{error}");
    assert_eq!(fs::read_dir(ground.dir.path()).unwrap().count(), before, "{error}");
    // What a look finds is what unpacking finds.
    assert!(ground.read(&path).is_err(), "{error}");
    error
}

#[test]
fn a_sound_forgery_is_taken_so_that_the_others_prove_something() {
    let ground = Ground::new();
    let bytes = Forged::new(&ground).build(&ground.key);
    let home = ground.unpack(&ground.file(&bytes)).unwrap();
    assert_eq!(fs::read_to_string(home.join("b")).unwrap(), "second");
}

#[test]
fn a_flipped_bit_anywhere_is_found() {
    let ground = Ground::new();
    fs::write(ground.at("home/file"), "content").unwrap();
    let good = fs::read(ground.pack()).unwrap();
    for at in 0..good.len() {
        let mut bytes = good.clone();
        bytes[at] ^= 1 << (at % 8);
        let error = refused(&ground, &bytes);
        assert_eq!(error.code, Code::Invalid, "byte {at}: {error}");
        assert!(error.message.starts_with("The archive is damaged"), "byte {at}: {error}");
    }
}

#[test]
fn an_archive_of_another_length_is_refused() {
    let ground = Ground::new();
    fs::write(ground.at("home/file"), "content").unwrap();
    let good = fs::read(ground.pack()).unwrap();
    for length in 0..good.len() {
        assert_eq!(refused(&ground, &good[..length]).code, Code::Invalid, "{length}");
    }
    for more in [b"\0".as_slice(), b"x", &good, &good[good.len() - seal::SEAL_BYTES..]] {
        refused(&ground, &[&good, more].concat());
        refused(&ground, &[more, &good].concat());
    }
}

#[test]
fn an_archive_of_another_device_is_refused_and_its_key_is_named() {
    let (ground, other) = (Ground::new(), Ground::new());
    fs::write(other.at("home/file"), "content").unwrap();
    let error = refused(&ground, &fs::read(other.pack()).unwrap());
    assert_eq!(error.code, Code::Forbidden);
    assert!(error.hint.unwrap().contains(&other.key.public_hex()));
    // Signed again by a key that is trusted, it still says where it is from.
    let mut forged = Forged::new(&ground);
    forged.manifest.device_key = other.key.public_hex();
    assert!(refused(&ground, &forged.build(&ground.key)).message.contains("another device"));
}

/// Each of these has a signature that holds.
#[test]
fn what_is_signed_and_wrong_is_refused_whole() {
    type Spoil = Box<dyn Fn(&mut Forged)>;
    let cases: Vec<(&str, Spoil)> = vec![
        ("no path in a home", Box::new(|f| f.add(file("home/../x", b"out")))),
        ("no path in a home", Box::new(|f| f.add(file("home/../../canary", b"out")))),
        ("no path in a home", Box::new(|f| f.add(file("../canary", b"out")))),
        ("no path in a home", Box::new(|f| f.add(file("/tmp/x", b"out")))),
        ("no path in a home", Box::new(|f| f.add(file("home//x", b"out")))),
        ("no path in a home", Box::new(|f| f.add(file("home/./x", b"out")))),
        ("no path in a home", Box::new(|f| f.add(file("home/", b"out")))),
        ("no path in a home", Box::new(|f| f.add(file("homes/x", b"out")))),
        ("no path in a home", Box::new(|f| f.add(file("canary", b"out")))),
        (
            "no path in a home",
            Box::new(|f| {
                f.add(file("home/x", b"out"));
                f.manifest.members.last_mut().unwrap().path = Name(b"home/x\0y".to_vec());
            }),
        ),
        ("in no folder", Box::new(|f| f.add(file("home/none/x", b"out")))),
        ("in no folder", Box::new(|f| f.add(file("home/a/x", b"out")))),
        (
            "in no folder",
            Box::new(|f| {
                f.link("home/l", "/tmp");
                f.add(file("home/l/x", b"out"));
            }),
        ),
        ("there twice", Box::new(|f| f.add(file("home/a", b"again")))),
        (
            "there twice",
            Box::new(|f| {
                f.link("home/l", "/tmp");
                f.add((member("home/l", Kind::Folder), entry("home/l", EntryType::Directory, b"", "")));
            }),
        ),
        ("link to nowhere", Box::new(|f| f.link("home/l", ""))),
        ("another name of what is no file", Box::new(|f| f.hard_link("home/h", "../canary"))),
        ("another name of what is no file", Box::new(|f| f.hard_link("home/h", "/etc/passwd"))),
        ("another name of what is no file", Box::new(|f| f.hard_link("home/h", "home/none"))),
        (
            "another name of what is no file",
            Box::new(|f| {
                f.link("home/l", "/etc/passwd");
                f.hard_link("home/h", "home/l");
            }),
        ),
        ("stands where", Box::new(|f| f.entries.swap(4, 5))),
        ("stands where", Box::new(|f| f.entries[4].path = b"home/../a".to_vec())),
        ("stands where", Box::new(|f| f.entries[4].path = b"/home/a".to_vec())),
        ("in no manifest", Box::new(|f| f.entries.push(entry("home/c", EntryType::Regular, b"more", "")))),
        (
            "stands where",
            Box::new(|f| {
                f.entries.insert(4, entry("home/c", EntryType::Regular, b"more", ""));
            }),
        ),
        ("ends before", Box::new(|f| drop(f.entries.pop()))),
        ("hash", Box::new(|f| f.entries[4].content = b"f1rst".to_vec())),
        ("not what its manifest says", Box::new(|f| f.entries[4].content = b"longer than it says".to_vec())),
        ("not what its manifest says", Box::new(|f| f.entries[4].kind = EntryType::Symlink)),
        (
            "not what its manifest says",
            Box::new(|f| {
                f.entries[5] = entry("home/b", EntryType::Char, b"", "");
            }),
        ),
        (
            "not what its manifest says",
            Box::new(|f| {
                f.entries[5] = entry("home/b", EntryType::Link, b"", "../canary");
            }),
        ),
        ("no manifest", Box::new(|f| f.manifest_first = false)),
        ("follows", Box::new(|f| f.tail = b"something".to_vec())),
        ("follows", Box::new(|f| f.gap = zstd::encode_all(b"second frame".as_slice(), 3).unwrap())),
        ("follows", Box::new(|f| f.gap = b"\0".to_vec())),
        ("pieces", Box::new(|f| pieces(f, 100, vec![(10, 5), (0, 0)]))),
        ("pieces", Box::new(|f| pieces(f, 100, vec![(50, 3), (10, 2)]))),
        ("pieces", Box::new(|f| pieces(f, 4, vec![(0, 5)]))),
        ("pieces", Box::new(|f| pieces(f, 100, vec![(0, 4)]))),
        ("pieces", Box::new(|f| pieces(f, u64::MAX, vec![(u64::MAX - 4, 5)]))),
        ("permissions", Box::new(|f| f.manifest.members[4].mode = 0o4755)),
        ("permissions", Box::new(|f| f.manifest.members[4].mtime = (0, 1_000_000_000))),
        ("of one agent", Box::new(|f| f.manifest.agent = AgentId(uuid::Uuid::from_u128(99)))),
        ("of one agent", Box::new(|f| f.manifest.pid = Pid(99))),
        ("of one agent", Box::new(|f| journal(f, r#"{"index":1,"at":0,"body":{"kind":"note","text":"x"}}"#))),
        ("cannot be read", Box::new(|f| journal(f, "no step"))),
        (
            "lacks",
            Box::new(|f| {
                f.manifest.members.truncate(2);
                f.entries.truncate(2);
            }),
        ),
        (
            "not what belongs there",
            Box::new(|f| {
                f.manifest.members.swap(0, 1);
                f.entries.swap(0, 1);
            }),
        ),
        (
            "home is no folder",
            Box::new(|f| {
                f.manifest.members[3].kind = Kind::Link { target: "/tmp".into() };
                f.entries[3] = entry(HOME, EntryType::Symlink, b"", "/tmp");
            }),
        ),
        ("taken apart", Box::new(|f| f.window_log = Some(27))),
    ];
    for (told, spoil) in &cases {
        let ground = Ground::new();
        let mut forged = Forged::new(&ground);
        spoil(&mut forged);
        let error = refused(&ground, &forged.build(&ground.key));
        assert!(error.message.contains(told), "{told}: {error}");
        assert_eq!(error.code, Code::Invalid, "{error}");
        assert!(error.hint.is_some(), "{error}");
    }
}

fn pieces(forged: &mut Forged, length: u64, data: Vec<(u64, u64)>) {
    let Kind::File { pieces, .. } = &mut forged.manifest.members[4].kind else { panic!("no file") };
    *pieces = Some(Pieces { length, data });
}

fn journal(forged: &mut Forged, text: &str) {
    (forged.manifest.members[2], forged.entries[2]) = file("journal.jsonl", text.as_bytes());
}

#[test]
fn a_bomb_is_refused_before_it_unfolds() {
    let ground = Ground::new();
    // What it says it holds is too much.
    let mut forged = Forged::new(&ground);
    forged.add(file("home/zeros", b""));
    let Kind::File { size, .. } = &mut forged.manifest.members.last_mut().unwrap().kind else {
        panic!("no file")
    };
    *size = BOUNDS.max_bytes + 1;
    assert_eq!(refused(&ground, &forged.build(&ground.key)).code, Code::TooLarge);
    // What it holds is more than it says.
    let mut forged = Forged::new(&ground);
    forged.add(file("home/zeros", b"0"));
    forged.entries.last_mut().unwrap().content = vec![0; 80 << 20];
    let archive = forged.build(&ground.key);
    assert!(archive.len() < 1 << 20);
    assert_eq!(refused(&ground, &archive).code, Code::Invalid);
    // It holds too many.
    let mut forged = Forged::new(&ground);
    for number in 0..10_000 {
        forged.add(file(&format!("home/{number}"), b""));
    }
    assert_eq!(refused(&ground, &forged.build(&ground.key)).code, Code::TooLarge);
    // Another format is told as such.
    let mut forged = Forged::new(&ground);
    forged.manifest.format = 2;
    assert_eq!(refused(&ground, &forged.build(&ground.key)).code, Code::Unsupported);
}

/// The folder that unpacks does not rely on what the manifest promises.
#[test]
fn unpacking_follows_no_link_and_replaces_nothing() {
    let ground = Ground::new();
    fs::create_dir(ground.at("outside")).unwrap();
    let mut home = Unpack::into(&ground.at("out/home")).unwrap();
    let target = Name(ground.at("outside").as_os_str().as_encoded_bytes().to_vec());
    let mut take = |path: &str, kind: Kind| home.take(&member(path, kind), &mut b"x".as_slice());
    let file = || Kind::File { size: 1, sha256: String::new(), pieces: None };
    take("home/link", Kind::Link { target }).unwrap();
    take("home/file", file()).unwrap();
    take("home/link/x", file()).unwrap_err();
    take("home/link", file()).unwrap_err();
    take("home/file", file()).unwrap_err();
    take("home/link/folder", Kind::Folder).unwrap_err();
    take("home/hard", Kind::HardLink { target: "home/link/canary".into() }).unwrap_err();
    take("home/hard", Kind::HardLink { target: "../canary".into() }).unwrap_err();
    assert_eq!(fs::read_dir(ground.at("outside")).unwrap().count(), 0);
    assert!(Path::new(&ground.at("out/home/file")).is_file());
}
