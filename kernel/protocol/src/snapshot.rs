//! Snapshots: an agent at one moment (identity, newest life, journal, home), as one signed archive.

use serde::{Deserialize, Serialize};

use crate::{
    AgentId, Blob, Cursor, LifeId, Page, Pid, SnapshotId, UnixMillis, call::calls, files::Part,
    process::Process,
};

calls! { Snapshot:
    /// Takes a snapshot. An agent that runs stands still while its home is copied; the reply says how long.
    write "snapshot.take" Take -> Snapshot;
    /// The snapshots, newest first.
    read "snapshot.list" List -> Page<Snapshot>;
    /// One snapshot.
    read "snapshot.get" Get -> Snapshot;
    /// Reads the whole archive and checks its signature and every hash.
    read "snapshot.verify" Verify -> Verified;
    /// A part of the archive, at most 4 MiB at once.
    read "snapshot.read" Read -> Part;
    /// Makes an agent what it was: the same one, or a new one. All of it or nothing.
    write "snapshot.restore" Restore -> Restored;
    /// Removes a snapshot with its archive.
    write "snapshot.remove" Remove -> Removed;
    /// Takes in an archive that was exported before. One that another device has signed is refused, unless
    /// that device is named as trusted.
    write "snapshot.import" Import -> Snapshot;
}

/// An agent at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Snapshot {
    /// Lasting; the same wherever the archive is imported.
    pub id: SnapshotId,
    /// Whose.
    pub agent: AgentId,
    /// The agent's name then.
    pub name: String,
    /// Its role then.
    pub role: String,
    /// The process that was its newest life then.
    pub pid: Pid,
    /// That life.
    pub life: LifeId,
    /// Whether that life was queued or alive.
    pub was_live: bool,
    /// When.
    pub taken_at: UnixMillis,
    /// Why.
    pub cause: Cause,
    /// How long the agent stood still for it, in milliseconds (rounded up; 0 when it did not run).
    pub standstill_ms: u64,
    /// Steps of the journal.
    pub steps: u32,
    /// Files, folders and links of the home.
    pub entries: u64,
    /// What the home's files hold, in bytes, without holes.
    pub home_bytes: u64,
    /// The archive's size.
    pub archive_bytes: u64,
    /// SHA-256 of the archive, in hex.
    pub sha256: String,
    /// The public key of the device that signed it, in hex.
    pub device_key: String,
    /// That device's name then.
    pub device: String,
    /// How much of the home could not be kept (sockets, pipes, what may not be read).
    #[serde(default)]
    pub left_out_count: u64,
    /// The first 100 of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<LeftOut>,
}

/// Something in a home that a snapshot does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LeftOut {
    /// Its path in the home.
    pub path: String,
    /// Why.
    pub reason: String,
}

/// Why there is a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", schema(as = SnapshotCause))]
pub enum Cause {
    /// Somebody asked for it. It stays until somebody removes it.
    Asked,
    /// It was time. Only the newest ones of an agent are kept.
    Scheduled,
    /// It was exported somewhere and imported here.
    Imported,
}

/// `snapshot.take`. Either `agent` or `pid`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", schema(as = SnapshotTake))]
pub struct Take {
    /// Whose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentId>,
    /// Of the agent whose life this is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<Pid>,
}

/// `snapshot.list`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema, utoipa::IntoParams))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", schema(as = SnapshotList))]
pub struct List {
    /// Only those of this agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentId>,
    /// From a page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Cursor>,
    /// At most 200; 50 when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// `snapshot.get`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", schema(as = SnapshotGet))]
pub struct Get {
    /// Which.
    pub snapshot: SnapshotId,
}

/// `snapshot.verify`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", schema(as = SnapshotVerify))]
pub struct Verify {
    /// Which.
    pub snapshot: SnapshotId,
}

/// What was checked, all of it sound.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = SnapshotVerified))]
pub struct Verified {
    /// Which.
    pub snapshot: SnapshotId,
    /// Members of the archive whose hash was compared.
    pub members: u64,
    /// What they hold, in bytes.
    pub bytes: u64,
    /// Whether this device has signed it.
    pub is_own: bool,
}

/// `snapshot.read`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", schema(as = SnapshotRead))]
pub struct Read {
    /// Which.
    pub snapshot: SnapshotId,
    /// From this byte.
    #[serde(default)]
    pub offset: u64,
    /// At most 4,194,304 bytes; as many when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<u64>,
}

/// Who a snapshot becomes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", schema(as = SnapshotRestoreAs))]
pub enum RestoreAs {
    /// The agent that it was taken of. What is in its home now is lost.
    #[default]
    SameAgent,
    /// A new agent, with a home of its own.
    NewAgent,
}

/// `snapshot.restore`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", schema(as = SnapshotRestore))]
pub struct Restore {
    /// Which.
    pub snapshot: SnapshotId,
    /// Who it becomes; the same agent when left out.
    #[serde(default, rename = "as")]
    pub restore_as: RestoreAs,
    /// The new agent's name; made from the old one when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// What `snapshot.restore` made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = SnapshotRestored))]
pub struct Restored {
    /// From which.
    pub snapshot: SnapshotId,
    /// The new life, which goes on from the snapshot's journal. It has ended already where the one in the
    /// snapshot had.
    pub process: Process,
}

/// `snapshot.remove`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", schema(as = SnapshotRemove))]
pub struct Remove {
    /// Which.
    pub snapshot: SnapshotId,
}

/// What `snapshot.remove` removed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = SnapshotRemoved))]
pub struct Removed {
    /// Which.
    pub snapshot: SnapshotId,
    /// The archive's size.
    pub archive_bytes: u64,
}

/// Where an archive comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "from", rename_all = "snake_case", deny_unknown_fields)]
#[cfg_attr(feature = "openapi", schema(as = SnapshotSource))]
pub enum Source {
    /// It is in the command.
    Bytes {
        /// The archive.
        data: Blob,
    },
    /// It lies in the actor's home.
    Home {
        /// Its path there.
        path: String,
    },
}

/// `snapshot.import`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", schema(as = SnapshotImport))]
pub struct Import {
    /// The archive.
    pub source: Source,
    /// The public key of another device whose archives are trusted for this import, in hex. The refusal of a
    /// foreign archive names the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trusted_key: Option<String>,
}
