//! What folders hold, and folders as one file.

use serde::{Deserialize, Serialize};

use super::{EntryKind, Place, Stopped};

/// `files.usage`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", schema(as = FilesUsage))]
pub struct Usage {
    /// Where.
    pub place: Place,
    /// The folder.
    #[serde(default)]
    pub path: String,
}

/// What a folder holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = FilesUsageReport))]
pub struct UsageReport {
    /// On the disk, all below the folder. A file with several names is counted in parts.
    pub bytes: u64,
    /// Files, links and the like.
    pub files: u64,
    /// Folders.
    pub folders: u64,
    /// The entries of the folder, the largest first, at most 1,000.
    pub shares: Vec<Share>,
    /// Why not everything was counted; absent where it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<Stopped>,
    /// What the place may hold altogether, where that is limited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_bytes: Option<u64>,
}

/// What one entry of a folder holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = FilesShare))]
pub struct Share {
    /// The last part of the path.
    pub name: String,
    /// What it is.
    pub kind: EntryKind,
    /// On the disk, with all below.
    pub bytes: u64,
    /// Files, links and the like, itself included.
    pub files: u64,
    /// Folders, itself included.
    pub folders: u64,
}

/// `files.archive`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", schema(as = FilesArchive))]
pub struct Archive {
    /// Where.
    pub place: Place,
    /// The folder.
    #[serde(default)]
    pub path: String,
}
