//! Finding files.

use serde::{Deserialize, Serialize};

use super::{Entry, Place};

/// `files.search`: at least one of `name` and `content`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", schema(as = FilesSearch))]
pub struct Search {
    /// Where.
    pub place: Place,
    /// The folder to begin with.
    #[serde(default)]
    pub path: String,
    /// A part of the name, or a pattern with `*`, `?` and `[…]` for the whole of it. Capitals do not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What a line of the file contains. Binary files are passed over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// `content` is a regular expression.
    #[serde(default)]
    pub regex: bool,
    /// Capitals count in `content`.
    #[serde(default)]
    pub match_case: bool,
    /// Also what has a name that begins with a dot, and what is in such a folder.
    #[serde(default)]
    pub hidden: bool,
    /// At most 1,000 files; 200 when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Found {
    /// By path.
    pub items: Vec<Hit>,
    /// Why the search ended before it had seen everything; absent where it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<Stopped>,
    /// How many files and folders were looked at.
    pub looked_at: u64,
    /// Of these, how many could not be searched: too large, too deep, or closed to the kernel.
    pub passed_over: u64,
}

/// Why a search or a count is not complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Stopped {
    /// As much was found as was asked for.
    Limit,
    /// It took too long.
    Time,
    /// There are too many entries.
    Entries,
}

/// One file or folder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Hit {
    /// What it is.
    pub entry: Entry,
    /// Where `content` was asked for: the first lines that match.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<Line>,
}

/// A line that matches.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Line {
    /// From 1.
    pub number: u64,
    /// Its beginning, or the part around the match.
    pub text: String,
}
