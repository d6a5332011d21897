//! The event log in the store.

use aether_protocol::{Event, Seq, UnixMillis};
use rusqlite::{Connection, OptionalExtension as _};

use crate::state::store::StoreError;

/// The last event's number, also when its row is no longer kept; 0 when there was none.
pub(super) fn last(connection: &Connection) -> Result<Seq, StoreError> {
    let last: Option<i64> = connection
        .query_row("SELECT seq FROM sqlite_sequence WHERE name = 'events'", [], |row| row.get(0))
        .optional()?;
    Ok(Seq(last.and_then(|last| u64::try_from(last).ok()).unwrap_or(0)))
}

/// The oldest event still kept; 0 when there is none.
pub(crate) fn oldest(connection: &Connection) -> Result<Seq, StoreError> {
    let oldest: Option<i64> = connection
        .query_row("SELECT seq FROM events ORDER BY seq LIMIT 1", [], |row| row.get(0))
        .optional()?;
    Ok(Seq(oldest.and_then(|oldest| u64::try_from(oldest).ok()).unwrap_or(0)))
}

/// At most `limit` events after `after`, oldest first.
pub(crate) fn list(connection: &Connection, after: Seq, limit: u32) -> Result<Vec<Event>, StoreError> {
    let mut query = connection
        .prepare_cached("SELECT seq, at, actor, body FROM events WHERE seq > ?1 ORDER BY seq LIMIT ?2")?;
    let after = i64::try_from(after.0).unwrap_or(i64::MAX);
    let rows = query.query_map((after, limit), |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, String>(2)?, row.get::<_, String>(3)?))
    })?;
    let mut events = Vec::new();
    for row in rows {
        let (seq, at, actor, body) = row?;
        events.push(Event {
            seq: Seq(u64::try_from(seq).unwrap_or_default()),
            at: UnixMillis(at),
            actor: serde_json::from_str(&actor)?,
            body: serde_json::from_str(&body)?,
        });
    }
    Ok(events)
}
