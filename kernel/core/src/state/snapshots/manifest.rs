//! The first member of an archive: what it is of, and what the other members are.

use std::collections::{BTreeMap, BTreeSet};

use aether_protocol::{AgentId, Code, Error, LifeId, Pid, Result, SnapshotId, UnixMillis, snapshot::LeftOut};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::{Bounds, damaged};

/// The format that this version writes and reads.
pub(super) const FORMAT: u32 = 1;
/// The manifest's own name.
pub(super) const MANIFEST: &str = "manifest.json";
/// The agent's identity: `protocol::agent::Agent`.
pub(super) const IDENTITY: &str = "identity.json";
/// The newest life's row with what it was granted.
pub(super) const PROCESS: &str = "process.json";
/// The newest life's journal, one step a line.
pub(super) const JOURNAL: &str = "journal.jsonl";
/// The home's root.
pub(super) const HOME: &str = "home";

/// Permissions that are kept: of a set-user-ID or set-group-ID file the bit is dropped.
pub(super) const KEPT_MODE: u32 = 0o1777;
/// Folders above a member, at most.
pub(super) const MAX_DEPTH: usize = 128;
const MAX_PATH_BYTES: usize = 64 * 1024;
const MAX_NAME_BYTES: usize = 255;
/// What the members about the agent may hold, each.
const MAX_RECORD_BYTES: u64 = 1 << 20;

/// What an archive holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    pub(super) format: u32,
    pub(super) snapshot: SnapshotId,
    /// The device that took it: its name, and the public half of its key in hex.
    pub(super) device: String,
    pub(super) device_key: String,
    pub(super) agent: AgentId,
    pub(super) name: String,
    pub(super) pid: Pid,
    pub(super) life: LifeId,
    pub(super) taken_at: UnixMillis,
    /// How long the agent stood still, in milliseconds.
    pub(super) standstill_ms: u64,
    pub(super) left_out_count: u64,
    pub(super) left_out: Vec<LeftOut>,
    /// All other members, in the order in which they follow.
    pub(super) members: Vec<Member>,
}

/// One member.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Member {
    pub(super) path: Name,
    #[serde(flatten)]
    pub(super) kind: Kind,
    /// Permissions, at most [`KEPT_MODE`].
    pub(super) mode: u32,
    /// Seconds and nanoseconds since 1970.
    pub(super) mtime: (i64, u32),
}

/// What a member is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Kind {
    Folder,
    File {
        /// Bytes in the archive, and their hash.
        size: u64,
        sha256: String,
        /// The file's length where it has holes, and where its bytes go: offset and length of each piece.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pieces: Option<Pieces>,
    },
    /// A symbolic link. What it points to is never looked at.
    Link {
        target: Name,
    },
    /// Another name of a file that came before.
    HardLink {
        target: Name,
    },
}

/// A file with holes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pieces {
    pub(super) length: u64,
    pub(super) data: Vec<(u64, u64)>,
}

/// A path or a link's target: bytes without NUL. As text where it is text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Name(pub(super) Vec<u8>);

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", String::from_utf8_lossy(&self.0).escape_debug())
    }
}

impl From<&str> for Name {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Text(String),
    Bytes { base64: String },
}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(&self.0) {
            Ok(text) => serializer.serialize_str(text),
            Err(_) => Written::Bytes { base64: STANDARD.encode(&self.0) }.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(match Written::deserialize(deserializer)? {
            Written::Text(text) => text.into_bytes(),
            Written::Bytes { base64 } => STANDARD.decode(base64).map_err(D::Error::custom)?,
        }))
    }
}

impl Member {
    /// The bytes that follow it in the archive.
    pub(super) fn size(&self) -> u64 {
        if let Kind::File { size, .. } = self.kind { size } else { 0 }
    }

    /// Its path below the home; `None` for the home itself and what is no part of it.
    pub(super) fn in_home(&self) -> Option<&[u8]> {
        self.path.0.strip_prefix(HOME.as_bytes())?.strip_prefix(b"/")
    }
}

impl Manifest {
    /// Whether it can be what this version writes. Afterwards every path is clean, lies in a folder that comes
    /// before it and comes once, every hard link leads to a file that comes before it, and all sizes are within
    /// bounds: nothing of it leads anywhere but into the home.
    pub(super) fn check(&self, bounds: &Bounds) -> Result<()> {
        if self.format != FORMAT {
            return Err(Error::new(
                Code::Unsupported,
                format!("The archive has format {}, and this version reads format {FORMAT}", self.format),
            )
            .hint("Import it with the version of Aether that it was exported with, or a later one"));
        }
        if self.members.len() as u64 > bounds.max_entries {
            return Err(bounds.too_many());
        }
        let bytes = self.members.iter().try_fold(0_u64, |sum, member| sum.checked_add(member.size()));
        if bytes.is_none_or(|bytes| bytes > bounds.max_bytes) {
            return Err(bounds.too_large());
        }
        let (records, home) = self.members.split_at_checked(3).ok_or_else(|| damaged("it lacks members"))?;
        for (member, path) in records.iter().zip([IDENTITY, PROCESS, JOURNAL]) {
            let fits = match &member.kind {
                Kind::File { size, pieces: None, .. } => path == JOURNAL || *size <= MAX_RECORD_BYTES,
                _ => false,
            };
            if member.path != path.into() || !fits {
                return Err(damaged(&format!("'{}' is not what belongs there", member.path)));
            }
        }
        let (root, inside) = home.split_first().ok_or_else(|| damaged("it lacks the home"))?;
        if root.path != HOME.into() || root.kind != Kind::Folder {
            return Err(damaged("the home is no folder"));
        }
        check_home(inside)
    }
}

fn check_home(members: &[Member]) -> Result<()> {
    let mut folders: BTreeSet<&[u8]> = BTreeSet::from([HOME.as_bytes()]);
    let mut others: BTreeMap<&[u8], bool> = BTreeMap::new();
    for member in members {
        let path = member.path.0.as_slice();
        let wrong = |what: &str| damaged(&format!("'{}' {what}", member.path));
        if !is_clean(path) {
            return Err(wrong("is no path in a home"));
        }
        let at = path.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
        if !path.get(..at).is_some_and(|parent| folders.contains(parent)) {
            return Err(wrong("lies in no folder that came before it"));
        }
        if folders.contains(path) || others.contains_key(path) {
            return Err(wrong("is there twice"));
        }
        if member.mode & !KEPT_MODE != 0 || member.mtime.1 >= 1_000_000_000 {
            return Err(wrong("has permissions or a time that no file has"));
        }
        match &member.kind {
            Kind::Folder => {
                folders.insert(path);
            }
            Kind::File { size, pieces, .. } => {
                if !pieces.as_ref().is_none_or(|pieces| pieces.fit(*size)) {
                    return Err(wrong("has pieces that do not fit"));
                }
                others.insert(path, true);
            }
            Kind::Link { target } => {
                if target.0.is_empty() || target.0.len() > MAX_PATH_BYTES || target.0.contains(&0) {
                    return Err(wrong("is a link to nowhere"));
                }
                others.insert(path, false);
            }
            Kind::HardLink { target } => {
                if others.get(target.0.as_slice()) != Some(&true) {
                    return Err(wrong("is another name of what is no file before it"));
                }
                others.insert(path, true);
            }
        }
    }
    Ok(())
}

impl Pieces {
    /// Whether they are in order, apart, within the file, and `size` bytes together.
    fn fit(&self, size: u64) -> bool {
        let (mut end, mut sum) = (0_u64, 0_u64);
        for (offset, length) in &self.data {
            if *offset < end || *length == 0 {
                return false;
            }
            let (Some(next), Some(more)) = (offset.checked_add(*length), sum.checked_add(*length)) else {
                return false;
            };
            (end, sum) = (next, more);
        }
        sum == size && end <= self.length && i64::try_from(self.length).is_ok()
    }
}

/// `home/` and names below it, none of them empty, `.` or `..`.
fn is_clean(path: &[u8]) -> bool {
    let Some(inside) = path.strip_prefix(HOME.as_bytes()).and_then(|rest| rest.strip_prefix(b"/")) else {
        return false;
    };
    path.len() <= MAX_PATH_BYTES
        && !path.contains(&0)
        && inside.split(|byte| *byte == b'/').count() <= MAX_DEPTH
        && inside
            .split(|byte| *byte == b'/')
            .all(|name| !matches!(name, b"" | b"." | b"..") && name.len() <= MAX_NAME_BYTES)
}
