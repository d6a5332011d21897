//! Garbage: what lies in the state directory and nothing refers to (FEATURES P12).
//!
//! A snapshot is no garbage because its agent is gone: it may be what somebody wants back. Nothing is removed whose
//! name the kernel cannot have given.

use std::{
    collections::HashSet,
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use aether_protocol::{
    Actor, Error, EventBody, Result, SnapshotId,
    system::{Collected, Garbage, GarbageKind, Gc},
};
use uuid::Uuid;

use crate::{
    Kernel,
    files::{self, Uploads},
    state::{
        snapshots::{self, archive_name, scratch},
        store::StoreError,
    },
};

/// Where homes lie, each under the id of its owner.
const HOMES: [(&str, &str); 2] =
    [("homes/agents", "its agent was removed"), ("homes/users", "its person was removed")];

/// After how many days what was thrown away is garbage.
const TRASH_DAYS: u32 = 30;

/// What the store knows of.
struct Known {
    agents: HashSet<Uuid>,
    users: HashSet<Uuid>,
    snapshots: Vec<(SnapshotId, aether_protocol::AgentId)>,
    restores: HashSet<String>,
}

impl Kernel {
    /// `system.gc`
    pub(crate) async fn collect_garbage(&self, actor: &Actor, gc: Gc) -> Result<Collected> {
        // Work in progress is no garbage: there is none while this is held.
        let _quiet = self.snapshots.quiet().await?;
        let state_dir = self.config.state_dir.clone();
        // Before the store is asked: whoever gets a home is in the store before.
        let folder = state_dir.clone();
        let homes = tokio::task::spawn_blocking(move || HOMES.map(|(homes, _)| entries(&folder.join(homes))))
            .await
            .map_err(|error| broke_off(&error))?;
        let known = self
            .store
            .write(|tx| {
                Ok(Known {
                    agents: uuids(tx, "SELECT id FROM agents")?,
                    users: uuids(tx, "SELECT id FROM users")?,
                    snapshots: snapshots::ids(tx)?,
                    restores: uuids(tx, "SELECT id FROM restores")?.iter().map(Uuid::to_string).collect(),
                })
            })
            .await?;
        let lost: Vec<_> = known
            .snapshots
            .iter()
            .filter(|(id, _)| !state_dir.join("snapshots").join(archive_name(*id)).exists())
            .copied()
            .collect();
        let dry_run = gc.dry_run;
        let mut items = tokio::task::spawn_blocking(move || {
            let kept = homes
                .clone()
                .into_iter()
                .flatten()
                .filter(|(name, _)| known.owns(name))
                .map(|(_, home)| home);
            let mut trash: Vec<_> = kept
                .chain([state_dir.join("shared")])
                .flat_map(|root| old_trash(&state_dir, &root, dry_run))
                .collect();
            let mut items = find(&state_dir, homes, &known);
            if !dry_run {
                for item in &mut items {
                    item.failure = remove(&state_dir.join(&item.path)).err().map(|error| error.to_string());
                }
            }
            items.append(&mut trash);
            items
        })
        .await
        .map_err(|error| broke_off(&error))?;
        for (id, agent) in lost {
            items.push(Garbage {
                kind: GarbageKind::Snapshot,
                path: format!("snapshots/{}", archive_name(id)),
                bytes: 0,
                reason: "the archive of this snapshot is gone".to_owned(),
                failure: None,
            });
            if !dry_run {
                let by = actor.clone();
                self.store
                    .write(move |tx| {
                        tx.execute("DELETE FROM snapshots WHERE id = ?1", [id.to_string()])?;
                        tx.emit(&by, EventBody::SnapshotRemoved { snapshot: id, agent })?;
                        Ok(())
                    })
                    .await?;
            }
        }
        let bytes = items.iter().filter(|item| item.failure.is_none()).map(|item| item.bytes).sum();
        Ok(Collected { dry_run, items, bytes })
    }
}

impl Known {
    fn owns(&self, home: &str) -> bool {
        home.parse::<Uuid>().is_ok_and(|id| self.agents.contains(&id) || self.users.contains(&id))
    }
}

/// What was thrown away in a place so long ago that nobody will want it back. By the way of files, since whoever
/// lives there may have put anything in the way.
fn old_trash(state_dir: &Path, root: &Path, dry_run: bool) -> Vec<Garbage> {
    let place = root.strip_prefix(state_dir).unwrap_or(root).display();
    let reason = format!("it was thrown away more than {TRASH_DAYS} days ago");
    let garbage = |name: &str, bytes, failure| Garbage {
        kind: GarbageKind::Trash,
        path: format!("{place}: trash: {name}"),
        bytes,
        reason: reason.clone(),
        failure,
    };
    // Where the trash is none (a link, a file), nothing of it is garbage.
    let old = files::old_trash(root, TRASH_DAYS).unwrap_or_default();
    let remove = |name: &str| if dry_run { Ok(()) } else { files::remove_trash(root, name) };
    old.into_iter()
        .map(|(name, bytes)| {
            let failure = remove(&name).err().map(|error| error.message);
            garbage(&name, bytes, failure)
        })
        .collect()
}

fn broke_off(error: &tokio::task::JoinError) -> Error {
    Error::internal(format!("The work broke off: {error}"))
}

fn uuids(connection: &rusqlite::Connection, query: &str) -> Result<HashSet<Uuid>, StoreError> {
    let mut query = connection.prepare(query)?;
    let rows = query.query_map([], |row| row.get::<_, String>(0))?;
    let mut ids = HashSet::new();
    for row in rows {
        ids.extend(row?.parse::<Uuid>());
    }
    Ok(ids)
}

/// What is there and is not known.
fn find(state_dir: &Path, homes: [Vec<(String, PathBuf)>; 2], known: &Known) -> Vec<Garbage> {
    let mut items = Vec::new();
    for ((homes, owners), (_, reason)) in homes.into_iter().zip([&known.agents, &known.users]).zip(HOMES) {
        for (name, path) in homes {
            if name.parse::<Uuid>().is_ok_and(|id| !owners.contains(&id)) {
                items.push(item(state_dir, &path, GarbageKind::Home, reason));
            }
        }
    }
    let archives: HashSet<String> = known.snapshots.iter().map(|(id, _)| archive_name(*id)).collect();
    for (name, path) in entries(&state_dir.join("snapshots")) {
        let is_ours = name.strip_suffix(".tar.zst").is_some_and(|id| id.parse::<Uuid>().is_ok());
        if is_ours && !archives.contains(&name) {
            items.push(item(state_dir, &path, GarbageKind::Archive, "no snapshot refers to it"));
        }
    }
    for folder in Uploads::new(state_dir).stale() {
        items.push(item(state_dir, &folder, GarbageKind::Upload, "no piece has come for a day"));
    }
    for folder in scratch::folders(state_dir) {
        for (name, path) in entries(&folder) {
            if !known.restores.contains(&name) {
                items.push(item(state_dir, &path, GarbageKind::Scratch, "the work that made it was cut off"));
            }
        }
    }
    items
}

fn entries(folder: &Path) -> Vec<(String, PathBuf)> {
    let mut found: Vec<_> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let entry = entry.ok()?;
            Some((entry.file_name().into_string().ok()?, entry.path()))
        })
        .collect();
    found.sort();
    found
}

fn item(state_dir: &Path, path: &Path, kind: GarbageKind, reason: &str) -> Garbage {
    let shown = path.strip_prefix(state_dir).unwrap_or(path).display().to_string();
    Garbage { kind, path: shown, bytes: size(path), reason: reason.to_owned(), failure: None }
}

/// What a file or a tree takes on disk, links as links.
fn size(path: &Path) -> u64 {
    let Ok(stat) = fs::symlink_metadata(path) else { return 0 };
    // In units of 512 bytes, whatever the file system's block is (stat(2)).
    let own = stat.blocks() * 512;
    if !stat.is_dir() {
        return own;
    }
    let inside = fs::read_dir(path).into_iter().flatten().filter_map(io::Result::ok);
    own + inside.map(|entry| size(&entry.path())).sum::<u64>()
}

fn remove(path: &Path) -> io::Result<()> {
    let gone = match fs::symlink_metadata(path) {
        Ok(stat) if stat.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match gone {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
