//! Files: homes of agents and people, and the shared folder.
//!
//! Agents write into their homes while people read there, so nothing that lies in a home is trusted: not a
//! link, not a name, not what a path meant a moment ago.
//!
//! *Invariant:* no operation reads or changes anything outside the root that it was given. Paths are resolved
//! beneath the root by the operating system (openat2(2) with `RESOLVE_BENEATH`), the last part of a path that
//! is changed is never followed as a link, and whole trees are walked by directory descriptors.
//!
//! *Invariant:* what changes something returns after it is on disk.

mod change;
mod content;
mod listing;
mod path;
mod place;
mod tree;
mod words;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use aether_protocol::{
    Error, Page, Result,
    files::{Append, Copy, Entry, Gone, List, Mkdir, Move, Part, Read, Remove, Stat, Write},
};

use self::place::Place;

/// The most that one read returns, in bytes.
pub const MAX_READ_BYTES: u64 = 4 * 1024 * 1024;

/// The most that one write takes, in bytes.
pub const MAX_WRITE_BYTES: usize = 64 * 1024 * 1024;

/// The operations on files. The gate has decided before that the actor may use the root.
#[derive(Debug)]
pub struct Files {
    state_dir: PathBuf,
}

impl Files {
    /// Files whose roots are all below `state_dir`.
    pub fn new(state_dir: PathBuf) -> Self {
        Self { state_dir }
    }

    /// The entries of a folder: folders first, then by name, a page at a time.
    pub async fn list(&self, root: &Path, request: List) -> Result<Page<Entry>> {
        self.on(root, move |place| listing::list(place, &request)).await
    }

    /// What one path is. A link is described, not followed.
    pub async fn stat(&self, root: &Path, request: Stat) -> Result<Entry> {
        self.on(root, move |place| listing::stat(place, &request.path)).await
    }

    /// A part of a regular file.
    pub async fn read(&self, root: &Path, request: Read) -> Result<Part> {
        self.on(root, move |place| content::read(place, &request)).await
    }

    /// Writes a whole file. Of two writers at once, one whole version wins.
    pub async fn write(&self, root: &Path, request: Write) -> Result<Entry> {
        self.on(root, move |place| content::write(place, &request)).await
    }

    /// Adds to the end of a file; makes it where there is none.
    pub async fn append(&self, root: &Path, request: Append) -> Result<Entry> {
        self.on(root, move |place| content::append(place, &request)).await
    }

    /// Makes a folder and those above it. One that is there already is no error.
    pub async fn mkdir(&self, root: &Path, request: Mkdir) -> Result<Entry> {
        self.on(root, move |place| change::mkdir(place, &request)).await
    }

    /// Removes a file, a link (not what it points to), or a folder.
    pub async fn remove(&self, root: &Path, request: Remove) -> Result<Gone> {
        self.on(root, move |place| change::remove(place, &request)).await
    }

    /// Moves or renames (`files.move`).
    pub async fn rename(&self, root: &Path, request: Move) -> Result<Entry> {
        self.on(root, move |place| change::rename(place, &request)).await
    }

    /// Copies a file, or a folder with all that is in it. Links are copied as links.
    pub async fn copy(&self, root: &Path, request: Copy) -> Result<Entry> {
        self.on(root, move |place| change::copy(place, &request)).await
    }

    /// Opens a regular file for a part of the kernel that reads it as a whole.
    pub(crate) async fn open(&self, root: &Path, path: String) -> Result<std::fs::File> {
        self.on(root, move |place| Ok(place.open_file(&path::CleanPath::parse_inside(&path)?)?.0)).await
    }

    /// Does blocking work on a root, away from the threads that serve everybody.
    async fn on<T: Send + 'static>(
        &self,
        root: &Path,
        work: impl FnOnce(&Place) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        if !root.starts_with(&self.state_dir) {
            return Err(Error::internal("The folder asked for is not one of Aether's"));
        }
        let root = root.to_path_buf();
        tokio::task::spawn_blocking(move || work(&Place::open(&root)?))
            .await
            .map_err(|error| Error::internal(format!("The file operation broke off: {error}")))?
    }
}

/// Removes a whole home, links as links. Blocks. Returns the bytes that its files had; 0 where there is none.
pub fn remove_home(home: &Path) -> Result<u64> {
    tree::remove_root(home)
}
