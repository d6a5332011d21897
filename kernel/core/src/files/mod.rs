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

mod archive;
mod change;
mod content;
mod listing;
mod path;
mod place;
mod search;
mod trash;
mod tree;
mod uploads;
mod usage;
mod walk;
mod watch;
mod words;

#[cfg(test)]
mod tests;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
    time::Instant,
};

use aether_protocol::{
    Error, Page, Result, UserId,
    files::{
        Append, AppendUpload, BeginUpload, Copy, Dropped, EmptyTrash, Entry, Found, Gone, List, ListTrash,
        Mkdir, Move, Part, Place as PlaceName, Read, Remove, Restore, Search, Stat, Trash, Trashed, Upload,
        Usage, UsageReport, Write,
    },
};
use bytes::Bytes;
use tokio::sync::{Semaphore, mpsc};
use uuid::Uuid;

pub(crate) use self::uploads::Uploads;
pub use self::watch::WatchStream;
use self::{
    place::Place,
    walk::{Bounds, Waiting},
};

/// The most that one read returns, in bytes.
pub const MAX_READ_BYTES: u64 = 4 * 1024 * 1024;

/// The most that one write takes, in bytes.
pub const MAX_WRITE_BYTES: usize = 64 * 1024 * 1024;

/// Searches and counts that run at once; further ones wait.
const WALKS_AT_ONCE: usize = 4;

/// Archives that are made at once; further ones are refused.
const ARCHIVES_AT_ONCE: usize = 16;

/// Folders that are watched at once; further ones are refused.
const WATCHES_AT_ONCE: usize = 32;

/// Pieces of an archive that wait for its reader.
const PIECES_AHEAD: usize = 4;

/// The operations on files. The gate has decided before that the actor may use the root.
#[derive(Debug)]
pub struct Files {
    state_dir: PathBuf,
    uploads: Uploads,
    /// Places for searches and counts, which read much.
    walks: Arc<Semaphore>,
    /// Places for archives, each of which holds a thread for as long as its reader takes.
    archives: Arc<Semaphore>,
    /// Places for watches: the operating system has few for one user.
    watches: Arc<Semaphore>,
}

/// An archive on its way. Dropping it ends the work behind it.
#[derive(Debug)]
pub struct ArchiveStream {
    pieces: mpsc::Receiver<std::io::Result<Bytes>>,
}

impl ArchiveStream {
    /// The next piece; `None` after the last. An error means that what has come is not whole.
    pub async fn next(&mut self) -> Option<std::io::Result<Bytes>> {
        self.pieces.recv().await
    }
}

impl Files {
    /// Files whose roots are all below `state_dir`.
    pub fn new(state_dir: PathBuf) -> Self {
        Self {
            uploads: Uploads::new(&state_dir),
            walks: Arc::new(Semaphore::new(WALKS_AT_ONCE)),
            archives: Arc::new(Semaphore::new(ARCHIVES_AT_ONCE)),
            watches: Arc::new(Semaphore::new(WATCHES_AT_ONCE)),
            state_dir,
        }
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

    /// Puts something into the trash of its place.
    pub async fn trash(&self, root: &Path, request: Trash) -> Result<Trashed> {
        self.on(root, move |place| trash::trash(place, &request)).await
    }

    /// What is in the trash, newest first, a page at a time.
    pub async fn trash_list(&self, root: &Path, request: ListTrash) -> Result<Page<Trashed>> {
        self.on(root, move |place| trash::list(place, &request)).await
    }

    /// Brings something back from the trash.
    pub async fn restore(&self, root: &Path, request: Restore) -> Result<Entry> {
        self.on(root, move |place| trash::restore(place, &request)).await
    }

    /// Removes for good what is in the trash, or some of it.
    pub async fn empty_trash(&self, root: &Path, request: EmptyTrash) -> Result<Gone> {
        self.on(root, move |place| trash::empty(place, &request)).await
    }

    /// Finds files by name and content. Ends when nobody waits for it any more.
    pub async fn search(&self, root: &Path, request: Search) -> Result<Found> {
        self.walk(root, search::MAX_ENTRIES, search::MAX_TIME, move |place, bounds| {
            search::search(place, &request, bounds)
        })
        .await
    }

    /// What a folder holds, by its entries. Ends when nobody waits for it any more.
    pub async fn usage(&self, root: &Path, request: Usage) -> Result<UsageReport> {
        self.walk(root, usage::MAX_ENTRIES, usage::MAX_TIME, move |place, bounds| {
            usage::usage(place, &request, bounds)
        })
        .await
    }

    /// Begins to make a zip of a folder, under `name` in it.
    pub async fn archive(&self, root: &Path, path: String, name: String) -> Result<ArchiveStream> {
        let permit = Arc::clone(&self.archives).try_acquire_owned().map_err(|_| {
            Error::unavailable("Too many archives are being made").hint("Try again when one has ended")
        })?;
        let (sender, pieces) = mpsc::channel(PIECES_AHEAD);
        let place = self.on(root, Place::try_clone).await?;
        tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let cancelled = Arc::new(AtomicBool::new(false));
            let bounds = Bounds { entries: archive::MAX_ENTRIES, until: None, cancelled };
            if let Err(error) = archive::pack(&place, &path, &name, &bounds, &sender)
                && !sender.is_closed()
            {
                tracing::warn!(%error, "an archive was not finished");
                // Whoever has gone need not be told.
                let _ = sender.blocking_send(Err(std::io::Error::other(error)));
            }
        });
        Ok(ArchiveStream { pieces })
    }

    /// Watches a folder: what comes, goes or is written in it, but not below.
    pub async fn watch(&self, root: &Path, path: String) -> Result<WatchStream> {
        let permit = Arc::clone(&self.watches).try_acquire_owned().map_err(|_| {
            Error::unavailable("Too many folders are being watched").hint("Close some, then try again")
        })?;
        WatchStream::new(self.on(root, move |place| watch::watch(place, &path)).await?, permit)
    }

    /// Begins an upload in pieces.
    pub async fn begin_upload(&self, root: &Path, user: UserId, request: BeginUpload) -> Result<Upload> {
        let (uploads, at) = (self.uploads.clone(), root.to_path_buf());
        self.on(root, move |_| uploads.begin(&at, user, request)).await
    }

    /// How far an upload is.
    pub async fn upload(&self, user: UserId, upload: Uuid) -> Result<Upload> {
        let uploads = self.uploads.clone();
        blocking(move || uploads.get(user, upload)).await
    }

    /// The uploads of one person, oldest first.
    pub async fn uploads(&self, user: UserId) -> Result<Vec<Upload>> {
        let uploads = self.uploads.clone();
        blocking(move || uploads.list(user)).await
    }

    /// Where an upload goes to, and how large it is.
    pub(crate) async fn upload_target(&self, user: UserId, upload: Uuid) -> Result<(PlaceName, u64)> {
        let uploads = self.uploads.clone();
        blocking(move || uploads.target(user, upload)).await
    }

    /// Takes the next piece of an upload. `limit_bytes` is what the root may hold, where that is limited.
    pub async fn append_upload(
        &self,
        root: &Path,
        user: UserId,
        request: AppendUpload,
        limit_bytes: Option<u64>,
        size_bytes: u64,
    ) -> Result<Upload> {
        let (uploads, at) = (self.uploads.clone(), root.to_path_buf());
        self.on(root, move |place| {
            uploads.append(&at, user, &request, || has_room(place, limit_bytes, size_bytes))
        })
        .await
    }

    /// Gives an upload up.
    pub async fn drop_upload(&self, user: UserId, upload: Uuid) -> Result<Dropped> {
        let uploads = self.uploads.clone();
        blocking(move || uploads.drop(user, upload)).await
    }

    /// Refuses what a root cannot take.
    pub(crate) async fn has_room(&self, root: &Path, limit_bytes: Option<u64>, more: u64) -> Result<()> {
        self.on(root, move |place| has_room(place, limit_bytes, more)).await
    }

    /// Opens a regular file for a part of the kernel that reads it as a whole.
    pub(crate) async fn open(&self, root: &Path, path: String) -> Result<std::fs::File> {
        self.on(root, move |place| Ok(place.open_file(&path::CleanPath::parse_inside(&path)?)?.0)).await
    }

    /// Does work that goes through a tree, a few at a time, within bounds.
    async fn walk<T: Send + 'static>(
        &self,
        root: &Path,
        entries: u64,
        time: std::time::Duration,
        work: impl FnOnce(&Place, &Bounds) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let permit = Arc::clone(&self.walks)
            .acquire_owned()
            .await
            .map_err(|_| Error::unavailable("The kernel stops"))?;
        let waiting = Waiting::default();
        let bounds =
            Bounds { entries, until: Some(Instant::now() + time), cancelled: Arc::clone(&waiting.0) };
        let done = self
            .on(root, move |place| {
                let _permit = permit;
                work(place, &bounds)
            })
            .await;
        drop(waiting);
        done
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
        blocking(move || work(&Place::open(&root)?)).await
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Error::internal(format!("The file operation broke off: {error}")))?
}

/// Refuses what would make a root larger than it may be.
fn has_room(place: &Place, limit_bytes: Option<u64>, more: u64) -> Result<()> {
    let Some(limit) = limit_bytes else { return Ok(()) };
    let bounds = Bounds {
        entries: usage::MAX_ENTRIES,
        until: Some(Instant::now() + usage::MAX_TIME),
        cancelled: Arc::default(),
    };
    let all = Usage { place: PlaceName::Home, path: String::new() };
    let used = usage::usage(place, &all, &bounds)?.bytes;
    if used.saturating_add(more) > limit {
        return Err(Error::new(
            aether_protocol::Code::Exhausted,
            format!("{more} bytes do not fit: the home holds {used} of at most {limit} bytes"),
        )
        .hint("Remove what is no longer needed, or raise the quota of disk"));
    }
    Ok(())
}

/// What was thrown away in a root at least so many days ago, by its name in the trash, with its bytes. Blocks.
pub(crate) fn old_trash(root: &Path, days: u32) -> Result<Vec<(String, u64)>> {
    trash::old(&Place::open(root)?, days)
}

/// Removes one thing from the trash of a root. Blocks.
pub(crate) fn remove_trash(root: &Path, name: &str) -> Result<()> {
    let names = Some(vec![name.to_owned()]);
    trash::empty(&Place::open(root)?, &EmptyTrash { place: PlaceName::Home, names, older_than_days: None })
        .map(drop)
}

/// Removes a whole home, links as links. Blocks. Returns the bytes that its files had; 0 where there is none.
pub fn remove_home(home: &Path) -> Result<u64> {
    tree::remove_root(home)
}
