//! What the tests ask of snapshots, and what they see of a home on the disk.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use aether_protocol::{process::Process, snapshot::Snapshot};
use serde_json::{Value, json};

use crate::world::World;

/// Permissions, time of change, content or target.
pub type Seen = (u32, (i64, i64), Vec<u8>);

impl World {
    /// Takes a snapshot of the agent whose process this is.
    pub async fn snapshot(&mut self, pid: u64) -> Snapshot {
        parse(self.done("POST", "/snapshots", Some(json!({"pid": pid}))).await)
    }

    pub async fn snapshots(&mut self) -> Vec<Snapshot> {
        let (mut all, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = self.done("GET", &format!("/snapshots?limit=50{cursor}"), None).await;
            all.extend(parse::<Vec<Snapshot>>(page["items"].clone()));
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return all,
            }
        }
    }

    /// `None` restores the same agent, a name makes a new one.
    pub async fn restore(&mut self, snapshot: &Snapshot, clone: Option<&str>) -> Process {
        let body = match clone {
            Some(name) => json!({"as": "new_agent", "name": name}),
            None => json!({"as": "same_agent"}),
        };
        let path = format!("/snapshots/{}/restore", snapshot.id);
        parse(self.done("POST", &path, Some(body)).await["process"].clone())
    }

    pub async fn verify(&mut self, snapshot: &Snapshot) {
        let found = self.done("GET", &format!("/snapshots/{}/verification", snapshot.id), None).await;
        assert!(found["members"].as_u64().unwrap() >= 4, "{found}");
    }

    pub async fn export(&mut self, snapshot: &Snapshot) -> Vec<u8> {
        let answer = self.ask("GET", &format!("/snapshots/{}/archive", snapshot.id), None).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.body.len() as u64, snapshot.archive_bytes);
        answer.body
    }

    /// Status and answer.
    pub async fn import(&self, bytes: &[u8], query: &str) -> (u16, Value) {
        let bearer = format!("Bearer {}", self.token);
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/octet-stream")];
        let mut connection = self.daemon.connect().await.unwrap();
        let path = format!("/api/v1/snapshots/archive{query}");
        let answer = connection.request("POST", &path, &headers, bytes).await.unwrap();
        (answer.status, answer.json().unwrap())
    }

    /// Nothing is left of work that was cut off.
    pub fn assert_no_scratch(&self) {
        for folder in ["snapshots/.scratch", "homes/.scratch"] {
            let left: Vec<_> = fs::read_dir(self.daemon.state_dir().join(folder)).unwrap().collect();
            assert!(left.is_empty(), "{folder}: {left:?}");
        }
    }
}

pub fn parse<T: serde::de::DeserializeOwned>(value: Value) -> T {
    let text = value.to_string();
    serde_json::from_value(value).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Everything below a folder, links as links.
pub fn look(root: &Path) -> BTreeMap<PathBuf, Seen> {
    let mut seen = BTreeMap::new();
    walk(root, Path::new(""), &mut seen);
    seen
}

fn walk(root: &Path, path: &Path, seen: &mut BTreeMap<PathBuf, Seen>) {
    for entry in fs::read_dir(root.join(path)).unwrap().map(Result::unwrap) {
        let (inside, stat) = (path.join(entry.file_name()), entry.metadata().unwrap());
        let content = if stat.is_dir() {
            walk(root, &inside, seen);
            Vec::new()
        } else if stat.is_symlink() {
            fs::read_link(entry.path()).unwrap().into_os_string().into_encoded_bytes()
        } else {
            fs::read(entry.path()).unwrap()
        };
        seen.insert(inside, (stat.mode(), (stat.mtime(), stat.mtime_nsec()), content));
    }
}
