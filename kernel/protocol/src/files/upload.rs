//! Uploads in pieces, of any size.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Place;
use crate::{Blob, UnixMillis};

/// `files.begin_upload`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", schema(as = FilesBeginUpload))]
pub struct BeginUpload {
    /// Where.
    pub place: Place,
    /// Which. Its folder must be there.
    pub path: String,
    /// The whole file.
    pub size_bytes: u64,
    /// Also where there is a file already; it is replaced when the last byte has come.
    #[serde(default)]
    pub replace: bool,
    /// What the sender recognises its file by when it comes back, at most 256 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
}

/// An upload in pieces.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = FilesUpload))]
pub struct Upload {
    /// Its id.
    pub id: Uuid,
    /// Where.
    pub place: Place,
    /// Which.
    pub path: String,
    /// The whole file.
    pub size_bytes: u64,
    /// What of it is on disk: where the next piece begins.
    pub offset: u64,
    /// Whether the file is in its place.
    pub finished: bool,
    /// Until when the next piece must come.
    pub expires_at: UnixMillis,
    /// As the sender gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
}

/// `files.get_upload`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", schema(as = FilesGetUpload))]
pub struct GetUpload {
    /// Which.
    pub upload: Uuid,
}

/// `files.list_uploads`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", schema(as = FilesListUploads))]
pub struct ListUploads {}

/// `files.append_upload`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", schema(as = FilesAppendUpload))]
pub struct AppendUpload {
    /// Which.
    pub upload: Uuid,
    /// Where the piece begins: where the upload stands, or it is a conflict.
    pub offset: u64,
    /// The piece, at most 4,194,304 bytes. May be empty, to try once more to put a whole file in its place.
    pub data: Blob,
}

/// `files.drop_upload`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", schema(as = FilesDropUpload))]
pub struct DropUpload {
    /// Which.
    pub upload: Uuid,
}

/// An upload that is no more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Dropped {
    /// What was removed of it.
    pub bytes: u64,
}
