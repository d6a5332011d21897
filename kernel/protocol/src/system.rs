//! The kernel about itself and its host.

use serde::{Deserialize, Serialize};

use crate::{Seq, UnixMillis, call::calls};

calls! { System:
    /// How the kernel is.
    read "system.status" GetStatus -> Status;
    /// What the host can and cannot give, with remedies.
    read "system.doctor" Doctor -> Diagnosis;
    /// Removes what nothing refers to any more: homes, archives, folders of work that was cut off.
    write "system.gc" Gc -> Collected;
}

/// `system.status`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct GetStatus {}

/// How the kernel is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = SystemStatus))]
pub struct Status {
    /// The version of Aether.
    pub version: String,
    /// The name of the device.
    pub device: String,
    /// When the kernel started.
    pub started_at: UnixMillis,
    /// The kernel's clock.
    pub now: UnixMillis,
    /// The last event.
    pub last_seq: Seq,
    /// Processes alive.
    pub running: u32,
    /// Processes waiting for a place.
    pub queued: u32,
    /// Places.
    pub max_running: u32,
    /// Sandboxes that stand ready for new agents.
    pub ready: u32,
    /// Each subsystem, in boot order.
    pub subsystems: Vec<Subsystem>,
    /// The host's load.
    pub host: Host,
}

/// A part of the kernel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Subsystem {
    /// `store`, `bus`, `sandbox` …
    pub name: String,
    /// Whether it does all it should.
    pub state: Health,
    /// What to know.
    pub detail: String,
    /// How long it took to start, in microseconds.
    pub start_us: u64,
}

/// Whether something does what it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// All of it.
    Ready,
    /// Some of it.
    Degraded,
    /// Nothing.
    Failed,
}

/// The host's load.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Host {
    /// All cores together, 0 to 1.
    pub cpu_share: f32,
    /// In use.
    pub memory_used_bytes: u64,
    /// In all.
    pub memory_total_bytes: u64,
    /// Free where the state directory lies.
    pub disk_free_bytes: u64,
    /// In all there.
    pub disk_total_bytes: u64,
}

/// `system.doctor`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Doctor {}

/// What the host can and cannot give.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Diagnosis {
    /// In the order in which they matter.
    pub checks: Vec<Check>,
}

/// One ability of the host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Check {
    /// `user namespaces`, `cgroup v2` …
    pub name: String,
    /// Whether it is there.
    pub state: Health,
    /// What was found.
    pub detail: String,
    /// What to do, where something is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// `system.gc`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Gc {
    /// Only tells what would be removed.
    #[serde(default)]
    pub dry_run: bool,
}

/// What `system.gc` found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Collected {
    /// Whether nothing was removed because only a look was asked for.
    pub dry_run: bool,
    /// What was found.
    pub items: Vec<Garbage>,
    /// What was removed, or would be, in bytes.
    pub bytes: u64,
}

/// Something that nothing refers to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Garbage {
    /// What it is.
    pub kind: GarbageKind,
    /// Where it lies, relative to the state directory.
    pub path: String,
    /// What it holds, in bytes.
    pub bytes: u64,
    /// Why it is garbage.
    pub reason: String,
    /// Why it could not be removed, where it could not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// Kinds of garbage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum GarbageKind {
    /// The home of an agent or a person that is not there any more.
    Home,
    /// An archive without a snapshot.
    Archive,
    /// A snapshot without its archive.
    Snapshot,
    /// A folder of work that was cut off.
    Scratch,
    /// An upload that nobody goes on with.
    Upload,
    /// Something that was thrown away long ago.
    Trash,
}
