//! The tables `users` and `sessions`.

use aether_protocol::{
    Error, SessionId, UnixMillis, UserId,
    identity::{Session, User},
};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::TokenHash;
use crate::state::store::StoreError;

type Result<T> = std::result::Result<T, StoreError>;

pub(super) fn has_user(connection: &Connection) -> Result<bool> {
    Ok(connection.query_row("SELECT EXISTS (SELECT 1 FROM users)", [], |row| row.get(0))?)
}

pub(super) fn insert_user(connection: &Connection, user: &User, password: &str) -> Result<()> {
    if has_user(connection)? {
        return Err(Error::conflict("This device has an owner already").hint("Sign in instead").into());
    }
    connection.execute(
        "INSERT INTO users (id, name, password, created_at) VALUES (?1, ?2, ?3, ?4)",
        params![user.id.to_string(), user.name, password, user.created_at.0],
    )?;
    Ok(())
}

pub(super) fn user(connection: &Connection, id: UserId) -> Result<Option<User>> {
    Ok(connection
        .query_row("SELECT id, name, created_at FROM users WHERE id = ?1", [id.to_string()], |row| {
            Ok(User { id: UserId(uuid(row, 0)?), name: row.get(1)?, created_at: UnixMillis(row.get(2)?) })
        })
        .optional()?)
}

/// The account and its password's hash.
pub(super) fn user_by_name(connection: &Connection, name: &str) -> Result<Option<(User, String)>> {
    Ok(connection
        .query_row("SELECT id, name, created_at, password FROM users WHERE name = ?1", [name.trim()], |row| {
            let user =
                User { id: UserId(uuid(row, 0)?), name: row.get(1)?, created_at: UnixMillis(row.get(2)?) };
            Ok((user, row.get(3)?))
        })
        .optional()?)
}

pub(super) fn insert_session(
    connection: &Connection,
    user: UserId,
    token_hash: &TokenHash,
    session: &Session,
) -> Result<()> {
    connection.execute(
        "INSERT INTO sessions (id, user, token_hash, device, created_at, seen_at, expires_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            session.id.to_string(),
            user.to_string(),
            token_hash,
            session.device,
            session.created_at.0,
            session.seen_at.0,
            session.expires_at.0
        ],
    )?;
    Ok(())
}

/// Whether there was such a session of this user.
pub(super) fn delete_session(connection: &Connection, user: UserId, session: SessionId) -> Result<bool> {
    let deleted = connection.execute(
        "DELETE FROM sessions WHERE id = ?1 AND user = ?2",
        [session.to_string(), user.to_string()],
    )?;
    Ok(deleted > 0)
}

pub(super) fn touch(connection: &Connection, session: SessionId, now: UnixMillis) -> Result<()> {
    connection
        .execute("UPDATE sessions SET seen_at = ?2 WHERE id = ?1", params![session.to_string(), now.0])?;
    Ok(())
}

/// Newest first.
pub(super) fn sessions(connection: &Connection, user: UserId) -> Result<Vec<Session>> {
    let mut query = connection.prepare_cached(
        "SELECT id, device, created_at, seen_at, expires_at FROM sessions WHERE user = ?1
         ORDER BY created_at DESC, id DESC LIMIT 200",
    )?;
    let rows = query.query_map([user.to_string()], |row| session(row, 0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Every session that has not expired; those that have are left for the next sweep.
pub(super) fn known(connection: &Connection, now: UnixMillis) -> Result<Vec<(TokenHash, User, Session)>> {
    let mut query = connection.prepare(
        "SELECT users.id, users.name, users.created_at, token_hash,
                sessions.id, device, sessions.created_at, seen_at, expires_at
         FROM sessions JOIN users ON users.id = sessions.user WHERE expires_at > ?1",
    )?;
    let rows = query.query_map([now.0], |row| {
        let user = User { id: UserId(uuid(row, 0)?), name: row.get(1)?, created_at: UnixMillis(row.get(2)?) };
        Ok((row.get(3)?, user, session(row, 4)?))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn session(row: &Row<'_>, first: usize) -> rusqlite::Result<Session> {
    Ok(Session {
        id: SessionId(uuid(row, first)?),
        device: row.get(first + 1)?,
        created_at: UnixMillis(row.get(first + 2)?),
        seen_at: UnixMillis(row.get(first + 3)?),
        expires_at: UnixMillis(row.get(first + 4)?),
        is_current: false,
    })
}

fn uuid(row: &Row<'_>, column: usize) -> rusqlite::Result<uuid::Uuid> {
    let text: String = row.get(column)?;
    text.parse().map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(error))
    })
}
