//! The tables of channels, their members, and what was said.

use aether_protocol::{
    AgentId, ChannelId, Error, UnixMillis, UserId,
    channel::{Channel, Kind, Member, Message, Party},
};
use rusqlite::{Connection, OptionalExtension as _, Row, params, types::Type};

use crate::{clock, state::store::StoreError};

type Result<T> = std::result::Result<T, StoreError>;

/// A channel as member `?1` sees it.
const SEEN_BY: &str = "SELECT id, name, pair, topic, owner, created_at, last, last_at,
        (SELECT count(*) FROM channel_members WHERE channel = channels.id),
        (SELECT waiting FROM channel_members WHERE channel = channels.id AND member = ?1)
    FROM channels";

const MEMBER: &str = "SELECT member, name, joined_at, acked, waiting, dropped FROM channel_members";
const MESSAGE: &str = "SELECT channel, number, at, sender, name, text, thread FROM channel_messages";

/// How a member is written.
pub(super) fn word(party: Party) -> String {
    match party {
        Party::Agent { agent } => format!("agent:{agent}"),
        Party::User { user } => format!("user:{user}"),
    }
}

fn party(row: &Row<'_>, column: usize) -> rusqlite::Result<Party> {
    let text: String = row.get(column)?;
    let known = match text.split_once(':') {
        Some(("agent", id)) => id.parse().ok().map(|agent| Party::Agent { agent }),
        Some(("user", id)) => id.parse().ok().map(|user| Party::User { user }),
        _ => None,
    };
    known.ok_or_else(|| rusqlite::Error::InvalidColumnType(column, text, Type::Text))
}

fn id<T: std::str::FromStr>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    text.parse().map_err(|_| rusqlite::Error::InvalidColumnType(column, text, Type::Text))
}

fn number(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    Ok(u64::try_from(row.get::<_, i64>(column)?).unwrap_or_default())
}

fn channel(row: &Row<'_>) -> rusqlite::Result<Channel> {
    let pair: Option<String> = row.get(2)?;
    let last = number(row, 6)?;
    let waiting: Option<u32> = row.get(9)?;
    Ok(Channel {
        id: id(row, 0)?,
        kind: if pair.is_some() { Kind::Direct } else { Kind::Channel },
        name: row.get(1)?,
        topic: row.get(3)?,
        owner: id(row, 4)?,
        created_at: UnixMillis(row.get(5)?),
        members: row.get(8)?,
        last,
        last_at: (last > 0).then_some(UnixMillis(row.get(7)?)),
        is_member: waiting.is_some(),
        waiting: waiting.unwrap_or_default(),
    })
}

fn member(row: &Row<'_>) -> rusqlite::Result<Member> {
    Ok(Member {
        party: party(row, 0)?,
        name: row.get(1)?,
        joined_at: UnixMillis(row.get(2)?),
        acked: number(row, 3)?,
        waiting: row.get(4)?,
        dropped: number(row, 5)?,
    })
}

fn message(row: &Row<'_>) -> rusqlite::Result<Message> {
    Ok(Message {
        channel: id(row, 0)?,
        number: number(row, 1)?,
        at: UnixMillis(row.get(2)?),
        from: party(row, 3)?,
        from_name: row.get(4)?,
        text: row.get(5)?,
        thread: row.get::<_, Option<i64>>(6)?.and_then(|number| u64::try_from(number).ok()),
    })
}

/// Makes a channel. `pair` for one between two.
pub(super) fn insert(
    connection: &Connection,
    owner: UserId,
    name: &str,
    topic: &str,
    pair: Option<&str>,
) -> Result<ChannelId> {
    let id = ChannelId(clock::new_id());
    let at = clock::now().0;
    let inserted = connection.execute(
        "INSERT OR IGNORE INTO channels (id, owner, name, pair, topic, created_at, last_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)",
        params![id.to_string(), owner.to_string(), name, pair, topic, at],
    )?;
    if inserted == 0 {
        return Err(Error::conflict(format!("There is a channel named {name} already"))
            .hint("Choose another name, or join that one")
            .into());
    }
    Ok(id)
}

pub(super) fn delete(connection: &Connection, channel: ChannelId) -> Result<()> {
    connection.execute("DELETE FROM channels WHERE id = ?1", [channel.to_string()])?;
    Ok(())
}

/// How many named channels somebody answers for.
pub(super) fn count(connection: &Connection, owner: UserId) -> Result<u32> {
    Ok(connection
        .prepare_cached("SELECT count(*) FROM channels WHERE owner = ?1 AND pair IS NULL")?
        .query_row([owner.to_string()], |row| row.get(0))?)
}

/// A channel of `owner`, as `by` sees it.
pub(super) fn get(
    connection: &Connection,
    owner: UserId,
    by: Party,
    id: ChannelId,
) -> Result<Option<Channel>> {
    Ok(connection
        .prepare_cached(&format!("{SEEN_BY} WHERE owner = ?2 AND id = ?3"))?
        .query_row(params![word(by), owner.to_string(), id.to_string()], channel)
        .optional()?)
}

/// The channel of this name.
pub(super) fn named(
    connection: &Connection,
    owner: UserId,
    by: Party,
    name: &str,
) -> Result<Option<Channel>> {
    Ok(connection
        .prepare_cached(&format!("{SEEN_BY} WHERE owner = ?2 AND name = ?3 AND pair IS NULL"))?
        .query_row(params![word(by), owner.to_string(), name], channel)
        .optional()?)
}

/// The direct thread between two.
pub(super) fn direct(
    connection: &Connection,
    owner: UserId,
    by: Party,
    pair: &str,
) -> Result<Option<Channel>> {
    Ok(connection
        .prepare_cached(&format!("{SEEN_BY} WHERE owner = ?2 AND pair = ?3"))?
        .query_row(params![word(by), owner.to_string(), pair], channel)
        .optional()?)
}

/// The one with the newest message first; `members_only` leaves out what `by` is no member of. `before` is the end
/// of the page before.
pub(super) fn list(
    connection: &Connection,
    owner: UserId,
    by: Party,
    members_only: bool,
    before: &(i64, String),
    limit: u32,
) -> Result<Vec<(i64, Channel)>> {
    let mut query = connection.prepare_cached(&format!(
        "{SEEN_BY} WHERE owner = ?2 AND (last_at, id) < (?3, ?4)
           AND (NOT ?5 OR EXISTS (SELECT 1 FROM channel_members WHERE channel = channels.id AND member = ?1))
         ORDER BY last_at DESC, id DESC LIMIT ?6"
    ))?;
    let rows = query
        .query_map(params![word(by), owner.to_string(), before.0, before.1, members_only, limit], |row| {
            Ok((row.get(7)?, channel(row)?))
        })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

pub(super) fn members(connection: &Connection, channel: ChannelId) -> Result<Vec<Member>> {
    let mut query =
        connection.prepare_cached(&format!("{MEMBER} WHERE channel = ?1 ORDER BY joined_at, member"))?;
    let rows = query.query_map([channel.to_string()], member)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

pub(super) fn find_member(connection: &Connection, channel: ChannelId, who: Party) -> Result<Option<Member>> {
    Ok(connection
        .prepare_cached(&format!("{MEMBER} WHERE channel = ?1 AND member = ?2"))?
        .query_row(params![channel.to_string(), word(who)], member)
        .optional()?)
}

/// Makes somebody a member, from the newest message on. Whoever is one already stays as it is.
pub(super) fn join(connection: &Connection, channel: ChannelId, who: Party, name: &str) -> Result<bool> {
    let joined = connection
        .prepare_cached(
            "INSERT OR IGNORE INTO channel_members (channel, member, name, joined_at, acked)
             VALUES (?1, ?2, ?3, ?4, (SELECT last FROM channels WHERE id = ?1))",
        )?
        .execute(params![channel.to_string(), word(who), name, clock::now().0])?;
    Ok(joined > 0)
}

/// Whether there was such a member.
pub(super) fn leave(connection: &Connection, channel: ChannelId, who: Party) -> Result<bool> {
    let left = connection.execute(
        "DELETE FROM channel_members WHERE channel = ?1 AND member = ?2",
        params![channel.to_string(), word(who)],
    )?;
    Ok(left > 0)
}

/// What the sender has said under this key before.
pub(super) fn under_key(connection: &Connection, sender: Party, key: &str) -> Result<Option<Message>> {
    Ok(connection
        .prepare_cached(&format!("{MESSAGE} WHERE sender = ?1 AND key = ?2"))?
        .query_row(params![word(sender), key], message)
        .optional()?)
}

/// What a message is before it has a number.
pub(super) struct Draft<'a> {
    pub(super) from: Party,
    pub(super) name: &'a str,
    pub(super) text: &'a str,
    pub(super) thread: Option<u64>,
    pub(super) key: Option<&'a str>,
}

/// Writes a message and puts it into every other member's queue. The channel keeps its newest `keep` messages.
pub(super) fn post(
    connection: &Connection,
    channel: ChannelId,
    draft: &Draft<'_>,
    keep: u32,
) -> Result<Message> {
    let (id, sender, at) = (channel.to_string(), word(draft.from), clock::now());
    let posted = connection
        .prepare_cached("UPDATE channels SET last = last + 1, last_at = ?2 WHERE id = ?1 RETURNING last")?
        .query_row(params![id, at.0], |row| number(row, 0))?;
    connection
        .prepare_cached(
            "INSERT INTO channel_messages (channel, number, at, sender, name, text, thread, key)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            id,
            sql(posted),
            at.0,
            sender,
            draft.name,
            draft.text,
            draft.thread.map(sql),
            draft.key
        ])?;
    connection
        .prepare_cached(
            "UPDATE channel_members SET waiting = waiting + 1 WHERE channel = ?1 AND member <> ?2",
        )?
        .execute(params![id, sender])?;
    connection
        .prepare_cached("DELETE FROM channel_messages WHERE channel = ?1 AND number <= ?2")?
        .execute(params![id, sql(posted.saturating_sub(u64::from(keep)))])?;
    Ok(Message {
        channel,
        number: posted,
        at,
        from: draft.from,
        from_name: draft.name.to_owned(),
        text: draft.text.to_owned(),
        thread: draft.thread,
    })
}

/// Takes the oldest message out of every queue that holds more than `bound`. Returns those whose queue has just
/// begun to overflow.
pub(super) fn bound(connection: &Connection, channel: ChannelId, bound: u32) -> Result<Vec<Member>> {
    let mut query = connection.prepare_cached(&format!("{MEMBER} WHERE channel = ?1 AND waiting > ?2"))?;
    let full: Vec<Member> =
        query.query_map(params![channel.to_string(), bound], member)?.collect::<rusqlite::Result<_>>()?;
    for member in &full {
        connection
            .prepare_cached(
                "UPDATE channel_members SET waiting = waiting - 1, dropped = dropped + 1,
                    acked = (SELECT min(number) FROM channel_messages
                             WHERE channel = ?1 AND number > acked AND sender <> ?2)
                 WHERE channel = ?1 AND member = ?2",
            )?
            .execute(params![channel.to_string(), word(member.party)])?;
    }
    Ok(full.into_iter().filter(|member| member.dropped == 0).collect())
}

/// Acknowledges everything up to `upto`, and `told` of the messages that were dropped.
pub(super) fn ack(
    connection: &Connection,
    channel: ChannelId,
    who: Party,
    upto: u64,
    told: u64,
) -> Result<()> {
    let (channel, member) = (channel.to_string(), word(who));
    connection
        .prepare_cached(
            "UPDATE channel_members SET acked = max(acked, ?3), dropped = max(dropped - ?4, 0)
             WHERE channel = ?1 AND member = ?2",
        )?
        .execute(params![channel, member, sql(upto), sql(told)])?;
    connection
        .prepare_cached(
            "UPDATE channel_members SET waiting = (SELECT count(*) FROM channel_messages AS said
                 WHERE said.channel = ?1 AND said.number > channel_members.acked AND said.sender <> ?2)
             WHERE channel = ?1 AND member = ?2",
        )?
        .execute(params![channel, member])?;
    Ok(())
}

/// Whether anything waits for this member, in `channel` or anywhere.
pub(super) fn waits(connection: &Connection, who: Party, channel: Option<ChannelId>) -> Result<bool> {
    Ok(connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM channel_members
                WHERE member = ?1 AND (?2 IS NULL OR channel = ?2) AND waiting > 0)",
        )?
        .query_row(params![word(who), channel.map(|channel| channel.to_string())], |row| row.get(0))?)
}

/// The queues in which something waits for this member.
pub(super) fn queues(
    connection: &Connection,
    who: Party,
    channel: Option<ChannelId>,
) -> Result<Vec<(ChannelId, Member)>> {
    let mut query = connection.prepare_cached(
        "SELECT member, name, joined_at, acked, waiting, dropped, channel FROM channel_members
         WHERE member = ?1 AND (?2 IS NULL OR channel = ?2) AND waiting > 0",
    )?;
    let rows = query
        .query_map(params![word(who), channel.map(|channel| channel.to_string())], |row| {
            Ok((id(row, 6)?, member(row)?))
        })?
        .collect::<rusqlite::Result<_>>()?;
    Ok(rows)
}

/// What waits in one queue, oldest first.
pub(super) fn queued(
    connection: &Connection,
    channel: ChannelId,
    who: Party,
    acked: u64,
    limit: u32,
) -> Result<Vec<Message>> {
    let query =
        format!("{MESSAGE} WHERE channel = ?1 AND number > ?2 AND sender <> ?3 ORDER BY number LIMIT ?4");
    let mut query = connection.prepare_cached(&query)?;
    let rows = query.query_map(params![channel.to_string(), sql(acked), word(who), limit], message)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// One message, as far as it is kept.
pub(super) fn said(connection: &Connection, channel: ChannelId, number: u64) -> Result<Option<Message>> {
    Ok(connection
        .prepare_cached(&format!("{MESSAGE} WHERE channel = ?1 AND number = ?2"))?
        .query_row(params![channel.to_string(), sql(number)], message)
        .optional()?)
}

/// Oldest first: those after `after`, or the newest ones before `before`.
pub(super) fn read(
    connection: &Connection,
    what: &aether_protocol::channel::Read,
    limit: u32,
) -> Result<Vec<Message>> {
    let channel = what.channel.to_string();
    let newest_first = what.after.is_none();
    let order = if newest_first { "DESC" } else { "ASC" };
    let mut query = connection.prepare_cached(&format!(
        "{MESSAGE} WHERE channel = ?1 AND number > ?2 AND number < ?3
           AND (?4 IS NULL OR thread = ?4 OR number = ?4) ORDER BY number {order} LIMIT ?5"
    ))?;
    let (after, before) = (what.after.map_or(0, sql), what.before.map_or(i64::MAX, sql));
    let rows = query.query_map(params![channel, after, before, what.thread.map(sql), limit], message)?;
    let mut rows: Vec<Message> = rows.collect::<rusqlite::Result<_>>()?;
    if newest_first {
        rows.reverse();
    }
    Ok(rows)
}

fn sql(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The person of this id.
pub(super) fn person(connection: &Connection, user: UserId) -> Result<Option<String>> {
    Ok(connection
        .prepare_cached("SELECT name FROM users WHERE id = ?1")?
        .query_row([user.to_string()], |row| row.get(0))
        .optional()?)
}

/// Agents of one owner: id, name, role.
pub(super) fn agents(
    connection: &Connection,
    owner: UserId,
    limit: u32,
) -> Result<Vec<(AgentId, String, String)>> {
    let mut query = connection
        .prepare_cached("SELECT id, name, role FROM agents WHERE owner = ?1 ORDER BY id DESC LIMIT ?2")?;
    let rows = query
        .query_map(params![owner.to_string(), limit], |row| Ok((id(row, 0)?, row.get(1)?, row.get(2)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The agent of this name or id.
pub(super) fn agent(connection: &Connection, owner: UserId, name: &str) -> Result<Option<(AgentId, String)>> {
    Ok(connection
        .prepare_cached("SELECT id, name FROM agents WHERE owner = ?1 AND (name = ?2 OR id = ?2)")?
        .query_row(params![owner.to_string(), name], |row| Ok((id(row, 0)?, row.get(1)?)))
        .optional()?)
}
