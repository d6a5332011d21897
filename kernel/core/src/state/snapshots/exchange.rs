//! Puts a restored home in its place, and finishes that where it was cut off.
//!
//! The decision is the transaction that makes the new life and a row in `restores`; what follows is done again
//! until it is done. Each step leaves a state that tells which is next.

use std::{fs, io, path::Path};

use aether_protocol::AgentId;
use rusqlite::{Connection, params};
use rustix::{
    fs::{CWD, RenameFlags, renameat_with},
    io::Errno,
};
use uuid::Uuid;

use super::{SnapshotError, scratch, sync};
use crate::state::store::{Store, StoreError};

/// In the folder of scratch: the home that was unpacked.
pub(super) const NEW: &str = "new";
/// In the folder of scratch: homes that were there before.
const OLD: &str = "old";
/// How often a home that somebody makes in between is moved out.
const ATTEMPTS: u32 = 16;

/// Notes that the new home of a folder of scratch is to be put in its place.
pub(super) fn note(connection: &Connection, scratch: Uuid, agent: AgentId) -> Result<(), StoreError> {
    connection
        .prepare_cached("INSERT INTO restores (id, agent) VALUES (?1, ?2)")?
        .execute(params![scratch.to_string(), agent.to_string()])?;
    Ok(())
}

/// It is in its place.
pub(super) fn done(connection: &Connection, scratch: Uuid) -> Result<(), StoreError> {
    connection.execute("DELETE FROM restores WHERE id = ?1", [scratch.to_string()])?;
    Ok(())
}

/// Moves the old home out and the new one in. Goes on from wherever an attempt before was cut off.
pub(super) fn put(scratch: &Path, home: &Path) -> io::Result<()> {
    let new = scratch.join(NEW);
    for attempt in 0..ATTEMPTS {
        if !exists(&new)? {
            break;
        }
        // With the new home still here, what lies in its place is the old one; or an empty one that somebody who
        // looked for the agent's files has made in between.
        if exists(home)? {
            renameat_with(CWD, home, CWD, scratch.join(format!("{OLD}-{attempt}")), RenameFlags::NOREPLACE)
                .or_else(|error| if error == Errno::EXIST { Ok(()) } else { Err(error) })?;
        }
        match renameat_with(CWD, &new, CWD, home, RenameFlags::NOREPLACE) {
            Ok(()) => break,
            Err(Errno::EXIST) if attempt + 1 < ATTEMPTS => {}
            Err(error) => return Err(error.into()),
        }
    }
    sync(scratch)?;
    home.parent().map_or(Ok(()), sync)
}

fn exists(path: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Finishes every restore that was decided and cut off.
pub(super) async fn finish(state_dir: &Path, store: &Store) -> Result<(), SnapshotError> {
    let pending = store
        .read(|connection| {
            let mut query = connection.prepare("SELECT id, agent FROM restores")?;
            let rows = query.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?;
            Ok(rows.collect::<Result<Vec<_>, _>>()?)
        })
        .await?;
    for (id, agent) in pending {
        let home = state_dir.join("homes/agents").join(&agent);
        put(&scratch::of_homes(state_dir).join(&id), &home).map_err(SnapshotError::Restore)?;
        tracing::info!(%agent, "finished a restore that was cut off");
        store.write(move |tx| Ok(tx.execute("DELETE FROM restores WHERE id = ?1", [id])?)).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each state that a cut can leave ends in the new home in its place.
    #[test]
    fn an_exchange_that_was_cut_anywhere_is_finished() {
        for cut in 0..3 {
            let dir = tempfile::tempdir().unwrap();
            let (scratch, home) = (dir.path().join("scratch"), dir.path().join("home"));
            fs::create_dir_all(scratch.join(NEW)).unwrap();
            fs::write(scratch.join(NEW).join("which"), "new").unwrap();
            fs::create_dir(&home).unwrap();
            fs::write(home.join("which"), "old").unwrap();
            if cut > 0 {
                fs::rename(&home, scratch.join("old-0")).unwrap();
            }
            if cut > 1 {
                fs::rename(scratch.join(NEW), &home).unwrap();
            }
            for _ in 0..2 {
                put(&scratch, &home).unwrap();
                assert_eq!(fs::read_to_string(home.join("which")).unwrap(), "new", "{cut}");
                assert_eq!(fs::read_to_string(scratch.join("old-0/which")).unwrap(), "old", "{cut}");
            }
        }
    }

    /// Somebody looks for the agent's files between the two moves, and an empty home is made for them.
    #[test]
    fn a_home_that_was_made_in_between_does_not_stay() {
        let dir = tempfile::tempdir().unwrap();
        let (scratch, home) = (dir.path().join("scratch"), dir.path().join("home"));
        fs::create_dir_all(scratch.join(NEW)).unwrap();
        fs::write(scratch.join(NEW).join("which"), "new").unwrap();
        fs::create_dir_all(scratch.join("old-0")).unwrap();
        fs::create_dir(&home).unwrap();
        put(&scratch, &home).unwrap();
        assert_eq!(fs::read_to_string(home.join("which")).unwrap(), "new");
    }

    #[test]
    fn a_home_that_was_not_there_is_put_there() {
        let dir = tempfile::tempdir().unwrap();
        let (scratch, home) = (dir.path().join("scratch"), dir.path().join("home"));
        fs::create_dir_all(scratch.join(NEW)).unwrap();
        put(&scratch, &home).unwrap();
        assert!(home.is_dir() && !scratch.join("old-0").exists());
    }
}
