//! The table `snapshots`.

use aether_protocol::{
    AgentId, Cursor, Error, Page, SnapshotId, UserId,
    snapshot::{Cause, Snapshot},
};
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::state::store::StoreError;

type Result<T> = std::result::Result<T, StoreError>;

/// A snapshot that is here already is a conflict.
pub(super) fn insert(connection: &Connection, owner: UserId, snapshot: &Snapshot) -> Result<()> {
    let inserted = connection
        .prepare_cached(
            "INSERT OR IGNORE INTO snapshots (id, owner, agent, taken_at, is_scheduled, row)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            snapshot.id.to_string(),
            owner.to_string(),
            snapshot.agent.to_string(),
            snapshot.taken_at.0,
            snapshot.cause == Cause::Scheduled,
            serde_json::to_string(snapshot)?
        ])?;
    if inserted == 0 {
        return Err(here_already(snapshot.id).into());
    }
    Ok(())
}

pub(super) fn here_already(id: SnapshotId) -> Error {
    Error::conflict(format!("The snapshot {id} is here already")).hint("Restore it, or remove it first")
}

/// Whether there is one of this id, whoever owns it.
pub(super) fn is_there(connection: &Connection, id: SnapshotId) -> Result<bool> {
    Ok(connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM snapshots WHERE id = ?1)")?
        .query_row([id.to_string()], |row| row.get(0))?)
}

pub(super) fn get(connection: &Connection, owner: UserId, id: SnapshotId) -> Result<Option<Snapshot>> {
    let row: Option<String> = connection
        .prepare_cached("SELECT row FROM snapshots WHERE id = ?1 AND owner = ?2")?
        .query_row([id.to_string(), owner.to_string()], |row| row.get(0))
        .optional()?;
    Ok(row.map(|row| serde_json::from_str(&row)).transpose()?)
}

/// Newest first.
pub(super) fn list(
    connection: &Connection,
    owner: UserId,
    agent: Option<AgentId>,
    before: &str,
    limit: u32,
) -> Result<Vec<Snapshot>> {
    let owner = owner.to_string();
    match agent {
        Some(agent) => parse(
            connection,
            "SELECT row FROM snapshots WHERE agent = ?1 AND owner = ?2 AND id < ?3 ORDER BY id DESC LIMIT ?4",
            params![agent.to_string(), owner, before, limit],
        ),
        None => parse(
            connection,
            "SELECT row FROM snapshots WHERE owner = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3",
            params![owner, before, limit],
        ),
    }
}

/// Those that were taken because it was time, newest first.
pub(super) fn scheduled(connection: &Connection, agent: AgentId) -> Result<Vec<Snapshot>> {
    parse(
        connection,
        "SELECT row FROM snapshots WHERE agent = ?1 AND is_scheduled = 1 ORDER BY id DESC",
        [agent.to_string()],
    )
}

/// Whether there was one.
pub(super) fn remove(connection: &Connection, id: SnapshotId) -> Result<bool> {
    Ok(connection.prepare_cached("DELETE FROM snapshots WHERE id = ?1")?.execute([id.to_string()])? > 0)
}

/// Every snapshot of everybody, with its agent.
pub(crate) fn ids(connection: &Connection) -> Result<Vec<(SnapshotId, AgentId)>> {
    let mut query = connection.prepare_cached("SELECT id, agent FROM snapshots")?;
    let rows = query.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?;
    let mut ids = Vec::new();
    for row in rows {
        let (id, agent) = row?;
        if let (Ok(id), Ok(agent)) = (id.parse(), agent.parse()) {
            ids.push((id, agent));
        }
    }
    Ok(ids)
}

fn parse(connection: &Connection, query: &str, with: impl rusqlite::Params) -> Result<Vec<Snapshot>> {
    let mut query = connection.prepare_cached(query)?;
    let rows = query.query_map(with, |row| row.get::<_, String>(0))?;
    rows.map(|row| Ok(serde_json::from_str(&row?)?)).collect()
}

/// The id that a cursor stands for; above every id without one.
pub(super) fn before(cursor: Option<&Cursor>) -> std::result::Result<String, Error> {
    let Some(cursor) = cursor else { return Ok("~".to_owned()) };
    let id: SnapshotId = cursor.0.parse().map_err(|_| {
        Error::invalid("This is no cursor of this list")
            .hint("Pass back `next` of the page before, unchanged")
    })?;
    Ok(id.to_string())
}

/// A page, with a cursor when it is full.
pub(super) fn page(items: Vec<Snapshot>, limit: u32) -> Page<Snapshot> {
    let full = items.len() == limit as usize;
    let next = items.last().filter(|_| full).map(|snapshot| Cursor(snapshot.id.to_string()));
    Page { items, next }
}
