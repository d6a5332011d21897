//! The trash of a place: `.local/share/Trash` in it, as freedesktop.org describes it.

use serde::{Deserialize, Serialize};

use super::{EntryKind, Place};
use crate::{Cursor, UnixMillis};

/// `files.trash`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", schema(as = FilesTrash))]
pub struct Trash {
    /// Where.
    pub place: Place,
    /// Which.
    pub path: String,
}

/// Something in the trash.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Trashed {
    /// Its name in the trash, by which it is restored.
    pub name: String,
    /// Where it was.
    pub path: String,
    /// What it is.
    pub kind: EntryKind,
    /// 0 for folders.
    pub size_bytes: u64,
    /// When it was put there.
    pub trashed_at: UnixMillis,
}

/// `files.trash_list`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", schema(as = FilesListTrash))]
pub struct ListTrash {
    /// Where.
    pub place: Place,
    /// From a page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Cursor>,
    /// At most 1,000; 200 when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// `files.restore`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", schema(as = FilesRestore))]
pub struct Restore {
    /// Where.
    pub place: Place,
    /// Its name in the trash.
    pub name: String,
    /// Where to; where it was when left out. Folders above it that are missing are made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Under another name beside it where there is something already; otherwise that is a conflict.
    #[serde(default)]
    pub rename: bool,
}

/// `files.empty_trash`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", schema(as = FilesEmptyTrash))]
pub struct EmptyTrash {
    /// Where.
    pub place: Place,
    /// Only these, by their names in the trash; all when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub names: Option<Vec<String>>,
    /// Only what was put there at least so many days ago.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub older_than_days: Option<u32>,
}
