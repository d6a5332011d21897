//! Archives, written and read; and everything that an archive must not get away with.

mod hostile;
mod retention;
mod round;

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Write as _,
    os::unix::{ffi::OsStrExt as _, fs::MetadataExt as _},
    path::{Path, PathBuf},
};

use aether_protocol::{
    AgentId, Error, LifeId, Pid, SnapshotId, UnixMillis,
    journal::{Step, StepBody},
    process::{Limits, Process},
};
use serde_json::json;
use uuid::Uuid;

use super::{
    Bounds,
    gather::{self, Gathered},
    key::DeviceKey,
    manifest::{FORMAT, IDENTITY, JOURNAL, Manifest, PROCESS},
    pack::{self, Record},
    read::{self, Life, Nowhere, Sound},
    unpack::Unpack,
};

const BOUNDS: Bounds = Bounds { max_bytes: 64 << 20, max_entries: 10_000 };
const OWNER: Uuid = Uuid::from_u128(0xada);
const AGENT: Uuid = Uuid::from_u128(7);
const LIFE: Uuid = Uuid::from_u128(8);
const SNAPSHOT: Uuid = Uuid::from_u128(9);

/// A folder to work in, with a key and a home.
struct Ground {
    dir: tempfile::TempDir,
    key: DeviceKey,
}

/// Everything about an entry that a snapshot promises to keep.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    mode: u32,
    mtime: (i64, i64),
    content: Vec<u8>,
    /// The other names of the same file.
    names: Vec<PathBuf>,
}

impl Ground {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let key = DeviceKey::read_or_make(&dir.path().join("secrets")).unwrap();
        for folder in ["home", "aside", "out"] {
            fs::create_dir(dir.path().join(folder)).unwrap();
        }
        fs::write(dir.path().join("canary"), "still here").unwrap();
        Self { dir, key }
    }

    fn at(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    fn gather(&self) -> Result<Gathered, Error> {
        let aside = tempfile::tempdir_in(self.at("aside")).unwrap().keep();
        gather::gather(&self.at("home"), &aside, &BOUNDS)
    }

    /// An archive of the home.
    fn pack(&self) -> PathBuf {
        let path = self.at(&format!("archive-{}", Uuid::now_v7()));
        let out = File::create_new(&path).unwrap();
        let packed =
            pack::pack(out, &self.key, self.manifest(), &records(), &self.gather().unwrap()).unwrap();
        assert_eq!(packed.bytes, fs::metadata(&path).unwrap().len());
        path
    }

    fn manifest(&self) -> Manifest {
        Manifest {
            format: FORMAT,
            snapshot: SnapshotId(SNAPSHOT),
            device: "attic".into(),
            device_key: self.key.public_hex(),
            agent: AgentId(AGENT),
            name: "scribe-1".into(),
            pid: Pid(1),
            life: LifeId(LIFE),
            taken_at: UnixMillis(1_790_000_000_000),
            standstill_ms: 3,
            left_out_count: 0,
            left_out: Vec::new(),
            members: Vec::new(),
        }
    }

    fn trusted(&self) -> [String; 1] {
        [self.key.public_hex()]
    }

    fn read(&self, archive: &Path) -> Result<Sound, Error> {
        read::read(&mut File::open(archive).unwrap(), &self.trusted(), &BOUNDS, &mut Nowhere)
    }

    /// Unpacks to a fresh folder.
    fn unpack(&self, archive: &Path) -> Result<PathBuf, Error> {
        let target = self.at(&format!("out/{}", Uuid::now_v7()));
        let mut home = Unpack::into(&target).unwrap();
        read::read(&mut File::open(archive).unwrap(), &self.trusted(), &BOUNDS, &mut home)?;
        home.finish()?;
        Ok(target)
    }

    /// Bytes as a file.
    fn file(&self, bytes: &[u8]) -> PathBuf {
        let path = self.at("bytes");
        let mut file = File::create(&path).unwrap();
        file.write_all(bytes).unwrap();
        path
    }
}

fn process() -> Process {
    let (agent, life, owner) = (AGENT.to_string(), LIFE.to_string(), OWNER.to_string());
    serde_json::from_value(json!({
        "pid": 1, "agent": agent, "life": life, "name": "scribe-1", "role": "scribe", "goal": "write",
        "owner": owner, "model": "openai:scripted", "priority": 3, "state": "running", "phase": "executing",
        "created_at": 0, "steps_used": 1, "steps_limit": 50, "usage": aether_protocol::mind::Usage::default(),
        "restarts": 0
    }))
    .unwrap()
}

/// What an archive says of the agent.
fn records() -> Vec<Record> {
    let agent = json!({
        "id": AGENT.to_string(), "name": "scribe-1", "role": "scribe", "owner": OWNER.to_string(),
        "created_at": 0, "last_pid": 1, "lives": 1
    });
    let life = Life {
        process: process(),
        tools: vec!["write_file".into()],
        limits: Limits::default(),
        network: Vec::new(),
    };
    let step = Step {
        index: 0,
        at: UnixMillis(5),
        body: StepBody::Message { from: "ada".into(), text: "write".into() },
    };
    vec![
        Record { path: IDENTITY, bytes: serde_json::to_vec(&agent).unwrap() },
        Record { path: PROCESS, bytes: serde_json::to_vec(&life).unwrap() },
        Record { path: JOURNAL, bytes: serde_json::to_vec(&step).unwrap() },
    ]
}

/// A whole tree.
fn look(root: &Path) -> BTreeMap<PathBuf, Seen> {
    let mut inodes: BTreeMap<u64, Vec<PathBuf>> = BTreeMap::new();
    let mut seen = BTreeMap::new();
    walk(root, Path::new(""), &mut |path, stat, content| {
        let inode = inodes.entry(stat.ino()).or_default();
        inode.push(path.to_path_buf());
        let mtime = (stat.mtime(), stat.mtime_nsec());
        seen.insert(path.to_path_buf(), Seen { mode: stat.mode(), mtime, content, names: Vec::new() });
    });
    for names in inodes.into_values().filter(|names| names.len() > 1) {
        for name in &names {
            seen.get_mut(name).unwrap().names.clone_from(&names);
        }
    }
    seen
}

fn walk(root: &Path, path: &Path, visit: &mut impl FnMut(&Path, &fs::Metadata, Vec<u8>)) {
    let mut entries: Vec<_> = fs::read_dir(root.join(path)).unwrap().map(Result::unwrap).collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let inside = path.join(entry.file_name());
        let stat = entry.metadata().unwrap();
        if stat.is_dir() {
            visit(&inside, &stat, Vec::new());
            walk(root, &inside, visit);
        } else if stat.is_symlink() {
            let target = fs::read_link(entry.path()).unwrap();
            visit(&inside, &stat, target.as_os_str().as_bytes().to_vec());
        } else if stat.is_file() {
            let content = fs::read(entry.path()).unwrap();
            visit(&inside, &stat, content);
        }
    }
}
