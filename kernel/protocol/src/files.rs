//! Files: homes of agents and people, and the shared folder.

mod search;
mod trash;
mod upload;
mod usage;
mod watch;

use serde::{Deserialize, Serialize};

pub use search::{Found, Hit, Line, Search, Stopped};
pub use trash::{EmptyTrash, ListTrash, Restore, Trash, Trashed};
pub use upload::{AppendUpload, BeginUpload, DropUpload, Dropped, GetUpload, ListUploads, Upload};
pub use usage::{Archive, Share, Usage, UsageReport};
pub use watch::{Changed, Watch};

use crate::{AgentId, Blob, Cursor, Page, UnixMillis, call::calls};

calls! { Files:
    /// The entries of a folder: folders first, then by name.
    read "files.list" List -> Page<Entry>;
    /// What one path is.
    read "files.stat" Stat -> Entry;
    /// A part of a file, at most 4 MiB at once.
    read "files.read" Read -> Part;
    /// Writes a whole file: readers see the old or the new one, never a mixture. On disk when it returns.
    write "files.write" Write -> Entry;
    /// Adds to the end of a file; makes it where there is none.
    write "files.append" Append -> Entry;
    /// Makes a folder and those above it.
    write "files.mkdir" Mkdir -> Entry;
    /// Removes a file, or a folder with all that is in it.
    write "files.remove" Remove -> Gone;
    /// Moves or renames.
    write "files.move" Move -> Entry;
    /// Copies a file, or a folder with all that is in it.
    write "files.copy" Copy -> Entry;
    /// Puts a file, or a folder with all that is in it, into the trash of its place.
    write "files.trash" Trash -> Trashed;
    /// What is in the trash of a place, newest first.
    read "files.trash_list" ListTrash -> Page<Trashed>;
    /// Brings something back from the trash.
    write "files.restore" Restore -> Entry;
    /// Removes for good what is in the trash, or some of it.
    write "files.empty_trash" EmptyTrash -> Gone;
    /// Finds files by name, by content, or by both, within bounds that the reply tells of.
    read "files.search" Search -> Found;
    /// What a folder holds, and which of its entries hold how much of that.
    read "files.usage" Usage -> UsageReport;
    /// The folder that an archive would be made of. The archive itself is a stream.
    read "files.archive" Archive -> Entry;
    /// The folder that would be watched. What changes in it is a stream.
    read "files.watch" Watch -> Entry;
    /// Begins an upload in pieces, of any size.
    write "files.begin_upload" BeginUpload -> Upload;
    /// How far an upload is.
    read "files.get_upload" GetUpload -> Upload;
    /// Your uploads, those that are finished until a day after.
    read "files.list_uploads" ListUploads -> Page<Upload>;
    /// The next piece of an upload. On disk when it returns; with the last one the file is in its place.
    write "files.append_upload" AppendUpload -> Upload;
    /// Gives an upload up and removes what came of it.
    write "files.drop_upload" DropUpload -> Dropped;
}

/// A tree of files. Paths are relative to its root, separated by `/`; `""` is the root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Place {
    /// The actor's own home.
    Home,
    /// An agent's home.
    Agent {
        /// Whose.
        agent: AgentId,
    },
    /// The folder that people share.
    Shared,
}

/// What a path is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// A folder.
    Folder,
    /// A regular file.
    File,
    /// A symbolic link.
    Link,
    /// A socket, a pipe, a device: listed, never opened.
    Special,
}

/// A file or a folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Entry {
    /// The last part of the path.
    pub name: String,
    /// The path in its place.
    pub path: String,
    /// What it is.
    pub kind: EntryKind,
    /// 0 for folders.
    pub size_bytes: u64,
    /// When it was last changed.
    pub modified_at: UnixMillis,
}

/// `files.list`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", schema(as = FilesList))]
pub struct List {
    /// Where.
    pub place: Place,
    /// The folder.
    pub path: String,
    /// From a page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Cursor>,
    /// At most 1,000; 200 when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// `files.stat`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", schema(as = FilesStat))]
pub struct Stat {
    /// Where.
    pub place: Place,
    /// Which.
    pub path: String,
}

/// `files.read`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", schema(as = FilesRead))]
pub struct Read {
    /// Where.
    pub place: Place,
    /// Which.
    pub path: String,
    /// From this byte.
    #[serde(default)]
    pub offset: u64,
    /// At most 4,194,304 bytes; as many when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<u64>,
}

/// A part of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Part {
    /// The bytes; fewer than asked for only at the end.
    pub data: Blob,
    /// From which byte.
    pub offset: u64,
    /// The whole file.
    pub size_bytes: u64,
    /// When it was last changed: two parts with different times are not of one version.
    pub modified_at: UnixMillis,
}

/// `files.write`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", schema(as = FilesWrite))]
pub struct Write {
    /// Where.
    pub place: Place,
    /// Which.
    pub path: String,
    /// What.
    pub data: Blob,
    /// Fail where there is one already.
    #[serde(default)]
    pub must_be_new: bool,
}

/// `files.append`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", schema(as = FilesAppend))]
pub struct Append {
    /// Where.
    pub place: Place,
    /// Which.
    pub path: String,
    /// What.
    pub data: Blob,
}

/// `files.mkdir`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", schema(as = FilesMkdir))]
pub struct Mkdir {
    /// Where.
    pub place: Place,
    /// Which.
    pub path: String,
}

/// `files.remove`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", schema(as = FilesRemove))]
pub struct Remove {
    /// Where.
    pub place: Place,
    /// Which.
    pub path: String,
    /// Also where it is a folder with something in it.
    #[serde(default)]
    pub recursive: bool,
}

/// What `files.remove` removed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Gone {
    /// Files and folders.
    pub entries: u64,
}

/// `files.move`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", schema(as = FilesMove))]
pub struct Move {
    /// Where.
    pub place: Place,
    /// From.
    pub from: String,
    /// To.
    pub to: String,
    /// Also where there is something already.
    #[serde(default)]
    pub replace: bool,
}

/// `files.copy`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", schema(as = FilesCopy))]
pub struct Copy {
    /// Where.
    pub place: Place,
    /// From.
    pub from: String,
    /// To.
    pub to: String,
    /// Also where there is something already.
    #[serde(default)]
    pub replace: bool,
}
