//! Snapshots: an agent at one moment, in one signed archive; and agents made from such archives.
//!
//! Taking one: the agent's processes stand still while its home is copied aside and its journal is read; they go on;
//! then the copy is hashed, compressed, signed and put in its place, and only then there is a row of it.
//!
//! Restoring one: the archive is read whole and checked while its home is unpacked into a folder of scratch. One
//! transaction makes the new life and notes that the home is to be put in its place; then it is put there. A start
//! finishes what was noted, before anything runs, and throws all other scratch away.
//!
//! *Invariant:* a snapshot that has a row has its whole archive on disk.
//!
//! *Invariant:* at any instant an agent has its old home and its old life, or the new ones once the kernel has
//! started.

mod exchange;
mod gather;
mod import;
mod key;
mod manifest;
mod pack;
mod read;
mod restore;
mod schedule;
pub(crate) mod scratch;
mod seal;
mod store;
mod take;
mod unpack;

use std::{
    fs::File,
    io,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use aether_protocol::{
    Actor, Code, Error, EventBody, Page, Result, SnapshotId, UserId,
    files::Part,
    snapshot::{Get, List, Read, Remove, Removed, Snapshot, Verified, Verify},
};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use tokio::sync::{Semaphore, SemaphorePermit};

use self::{key::DeviceKey, scratch::Scratch};
use crate::{
    Config, Kernel,
    agents::page_limit,
    config::SnapshotConfig,
    files::MAX_READ_BYTES,
    state::store::{Store, StoreError},
};

pub(crate) use schedule::watch;
pub(crate) use store::ids;

/// Archives that are written or read at once; more would only take the disk from each other.
const PLACES: u32 = 2;
/// Files, folders and links of a home, at most.
const MAX_ENTRIES: u64 = 1_000_000;

/// Why snapshots could not be taken up.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// the store failed
    #[error(transparent)]
    Store(#[from] StoreError),
    /// the device's key could not be read or made
    #[error("the device's key cannot be used: {0}")]
    Key(io::Error),
    /// a restore that was cut off could not be finished
    #[error("a restore that was cut off cannot be finished: {0}")]
    Restore(io::Error),
    /// the folders of scratch could not be made
    #[error("{path} cannot be made: {cause}")]
    Scratch {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
}

/// What an archive may hold.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    max_bytes: u64,
    max_entries: u64,
}

impl Bounds {
    fn too_large(&self) -> Error {
        Error::new(Code::TooLarge, format!("The home holds more than {} MiB", self.max_bytes >> 20))
            .hint("Remove what is not needed, or raise max_bytes under [snapshots] in aether.toml")
    }

    fn too_many(&self) -> Error {
        Error::new(Code::TooLarge, format!("The home holds more than {} files", self.max_entries))
            .hint("Remove what is not needed")
    }
}

/// The subsystem. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Snapshots(Arc<Inner>);

struct Inner {
    state_dir: PathBuf,
    config: SnapshotConfig,
    store: Store,
    key: DeviceKey,
    places: Semaphore,
}

impl Snapshots {
    /// Reads the key, finishes restores that were cut off, throws scratch away. Nothing may run yet.
    pub(crate) async fn start(config: &Config, store: Store) -> Result<Self, SnapshotError> {
        let state_dir = config.state_dir.clone();
        let key = DeviceKey::read_or_make(&state_dir.join("secrets")).map_err(SnapshotError::Key)?;
        exchange::finish(&state_dir, &store).await?;
        for folder in scratch::folders(&state_dir) {
            scratch::empty(&folder).map_err(|cause| SnapshotError::Scratch { path: folder, cause })?;
        }
        let places = Semaphore::new(PLACES as usize);
        Ok(Self(Arc::new(Inner { state_dir, config: config.snapshots.clone(), store, key, places })))
    }

    /// One line for the boot banner.
    pub(crate) fn summary(&self) -> String {
        let key = self.0.key.public_hex();
        let schedule = match self.0.config.every_hours {
            0 => "by hand".to_owned(),
            hours => format!("every {hours} h, the newest {} kept", self.0.config.keep),
        };
        format!("{schedule}; device {}", key.get(..8).unwrap_or_default())
    }

    /// Waits until no archive is written or read, and keeps it so.
    pub(crate) async fn quiet(&self) -> Result<SemaphorePermit<'_>> {
        self.0
            .places
            .acquire_many(PLACES)
            .await
            .map_err(|_| Error::unavailable("The kernel is shutting down"))
    }

    /// Waits for a place among those that write or read archives.
    async fn place(&self) -> Result<SemaphorePermit<'_>> {
        self.0.places.acquire().await.map_err(|_| Error::unavailable("The kernel is shutting down"))
    }

    fn bounds(&self) -> Bounds {
        Bounds { max_bytes: self.0.config.max_bytes, max_entries: MAX_ENTRIES }
    }

    /// Where the archives lie.
    fn folder(&self) -> PathBuf {
        self.0.state_dir.join("snapshots")
    }

    fn archive(&self, id: SnapshotId) -> PathBuf {
        self.folder().join(archive_name(id))
    }

    fn open(&self, id: SnapshotId) -> Result<File> {
        File::open(self.archive(id)).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Error::new(Code::NotFound, "The archive of this snapshot is gone")
                .hint("`aether gc` removes the snapshot; an exported archive can be imported again"),
            _ => unreadable(error),
        })
    }

    /// Newest first.
    pub(crate) async fn list(&self, owner: UserId, list: List) -> Result<Page<Snapshot>> {
        let limit = page_limit(list.limit);
        let before = store::before(list.cursor.as_ref())?;
        let items = self
            .0
            .store
            .read(move |connection| store::list(connection, owner, list.agent, &before, limit))
            .await?;
        Ok(store::page(items, limit))
    }

    pub(crate) async fn get(&self, owner: UserId, get: Get) -> Result<Snapshot> {
        let found = self.0.store.read(move |connection| store::get(connection, owner, get.snapshot)).await?;
        found
            .ok_or_else(|| Error::not_found("snapshot", get.snapshot).hint("`aether snapshot ls` lists them"))
    }

    /// A part of the archive.
    pub(crate) async fn read(&self, owner: UserId, read: Read) -> Result<Part> {
        let length = read.length.unwrap_or(MAX_READ_BYTES);
        if length > MAX_READ_BYTES {
            return Err(Error::new(
                Code::TooLarge,
                format!("One read returns at most {MAX_READ_BYTES} bytes"),
            )
            .hint("Read the archive in parts"));
        }
        let snapshot = self.get(owner, Get { snapshot: read.snapshot }).await?;
        let file = self.open(snapshot.id)?;
        let part = move || {
            let mut data = vec![0; usize::try_from(length).unwrap_or(0)];
            let mut got = 0;
            while let Some(rest) = data.get_mut(got..).filter(|rest| !rest.is_empty()) {
                match file.read_at(rest, read.offset + got as u64)? {
                    0 => break,
                    count => got += count,
                }
            }
            data.truncate(got);
            Ok::<_, io::Error>(data)
        };
        let data = blocking(move || part().map_err(unreadable)).await?;
        Ok(Part {
            data: data.into(),
            offset: read.offset,
            size_bytes: snapshot.archive_bytes,
            modified_at: snapshot.taken_at,
        })
    }

    /// Reads the whole archive and compares everything.
    pub(crate) async fn verify(&self, owner: UserId, verify: Verify) -> Result<Verified> {
        let _place = self.place().await?;
        let snapshot = self.get(owner, Get { snapshot: verify.snapshot }).await?;
        let mut file = self.open(snapshot.id)?;
        let (bounds, known) = (self.bounds(), snapshot.clone());
        let sound = blocking(move || {
            let sound =
                read::read(&mut file, std::slice::from_ref(&known.device_key), &bounds, &mut read::Nowhere)?;
            same(&known, &sound)?;
            Ok(sound)
        })
        .await?;
        Ok(Verified {
            snapshot: snapshot.id,
            members: sound.manifest.members.len() as u64,
            bytes: sound.manifest.members.iter().map(manifest::Member::size).sum(),
            is_own: sound.signer == self.0.key.public_hex(),
        })
    }

    /// The row first: a crash leaves an archive that nothing refers to, never a snapshot without one.
    pub(crate) async fn remove(&self, actor: &Actor, owner: UserId, remove: Remove) -> Result<Removed> {
        let snapshot = self.get(owner, Get { snapshot: remove.snapshot }).await?;
        let (id, agent, by) = (snapshot.id, snapshot.agent, actor.clone());
        self.0
            .store
            .write(move |tx| {
                if store::remove(tx, id)? {
                    tx.emit(&by, EventBody::SnapshotRemoved { snapshot: id, agent })?;
                }
                Ok(())
            })
            .await?;
        if let Err(error) = std::fs::remove_file(self.archive(id))
            && error.kind() != io::ErrorKind::NotFound
        {
            return Err(Error::internal(format!("The archive could not be removed: {error}"))
                .hint("`aether gc` tries again"));
        }
        Ok(Removed { snapshot: id, archive_bytes: snapshot.archive_bytes })
    }

    /// Puts a finished archive in its place, then its row. The scratch that it lay in is thrown away afterwards.
    async fn adopt(&self, actor: &Actor, owner: UserId, part: Scratch, row: Snapshot) -> Result<Snapshot> {
        let (target, folder) = (self.archive(row.id), self.folder());
        let placed = target.clone();
        blocking(move || {
            // Never over another: two imports of the same archive may come at once.
            let made = part.path().join(scratch::ARCHIVE);
            let moved = renameat_with(CWD, &made, CWD, &placed, RenameFlags::NOREPLACE);
            let moved = moved.map_err(io::Error::from).and_then(|()| sync(&folder));
            drop(part);
            moved.map_err(|error| match error.kind() {
                io::ErrorKind::AlreadyExists => {
                    Error::conflict("The archive of this snapshot lies here already")
                        .hint("`aether gc` removes it where no snapshot refers to it")
                }
                _ => Error::internal(format!("The archive could not be put in its place: {error}")),
            })
        })
        .await?;
        let (by, kept) = (actor.clone(), row.clone());
        let written = self
            .0
            .store
            .write(move |tx| {
                store::insert(tx, owner, &row)?;
                tx.emit(&by, EventBody::SnapshotTaken { snapshot: Box::new(row) })?;
                Ok(())
            })
            .await;
        if let Err(error) = written {
            // Nothing refers to it; what cannot be removed now is left to `aether gc`.
            let _ = std::fs::remove_file(&target);
            return Err(error.into());
        }
        Ok(kept)
    }
}

impl Kernel {
    /// Work that goes on also where whoever asked for it goes away: what it has begun is finished.
    async fn see_through<T, W, F>(&self, work: W) -> Result<T>
    where
        T: Send + 'static,
        W: FnOnce(Arc<Self>) -> F,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let kernel = self.processes.kernel().ok_or_else(|| Error::unavailable("The kernel is starting"))?;
        let task = self.processes.runtime().spawn(work(kernel));
        task.await.map_err(|error| Error::internal(format!("The work broke off: {error}")))?
    }
}

/// An archive's file.
pub(crate) fn archive_name(id: SnapshotId) -> String {
    format!("{id}.tar.zst")
}

/// Whether an archive is the one that the row was made for.
fn same(row: &Snapshot, sound: &read::Sound) -> Result<()> {
    if sound.manifest.snapshot == row.id && sound.sha256 == row.sha256 {
        Ok(())
    } else {
        Err(damaged("it is the archive of another snapshot"))
    }
}

/// Away from the threads that serve everybody.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Error::internal(format!("The work broke off: {error}")))?
}

/// Puts a folder's names on disk.
fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// What is wrong with an archive.
fn damaged(what: &str) -> Error {
    Error::invalid(format!("The archive is damaged: {what}"))
        .hint("Nothing was changed. Use another snapshot, or an exported copy of this one")
}

/// The host could not read an archive.
fn unreadable(error: impl Into<io::Error>) -> Error {
    Error::internal(format!("The archive cannot be read: {}", error.into()))
}

#[cfg(test)]
mod tests;
