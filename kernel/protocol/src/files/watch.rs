//! What changes in a folder, while somebody looks at it.

use serde::{Deserialize, Serialize};

use super::Place;

/// `files.watch`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", schema(as = FilesWatch))]
pub struct Watch {
    /// Where.
    pub place: Place,
    /// The folder.
    #[serde(default)]
    pub path: String,
}

/// What has changed in a folder since the last time, whoever changed it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", schema(as = FilesChanged))]
pub struct Changed {
    /// Names of entries that came, went or were written, each once, by name.
    pub names: Vec<String>,
    /// There was more than is named: read the folder again.
    #[serde(default)]
    pub more: bool,
    /// The folder itself is gone or elsewhere; nothing follows.
    #[serde(default)]
    pub gone: bool,
}
