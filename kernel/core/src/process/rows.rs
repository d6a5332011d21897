//! The table `lives`: a process's row, and the pages of it.

use aether_protocol::{
    AgentId, Cursor, Error, LifeId, Page, Pid, UserId,
    network::HostGrant,
    process::{Limits, Process, State, Which},
};
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::{
    govern::governor::quota::{Governed, Used},
    state::store::StoreError,
};

type Result<T> = std::result::Result<T, StoreError>;

/// What a life was granted when it was spawned.
#[derive(Clone, Debug)]
pub(crate) struct Grant {
    pub(crate) tools: Vec<String>,
    pub(crate) limits: Limits,
    /// The hosts that it may reach.
    pub(crate) network: Vec<HostGrant>,
    pub(crate) governed: Governed,
    pub(crate) used: Used,
}

/// Gives the next PID. The row is written by [`save`] once its PID is in it.
pub(super) fn insert(connection: &Connection, life: LifeId, agent: AgentId, grant: &Grant) -> Result<Pid> {
    connection
        .prepare_cached(
            "INSERT INTO lives (id, agent, is_live, row, tools, limits, network, governed)
             VALUES (?1, ?2, 1, '', ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            life.to_string(),
            agent.to_string(),
            serde_json::to_string(&grant.tools)?,
            serde_json::to_string(&grant.limits)?,
            serde_json::to_string(&grant.network)?,
            serde_json::to_string(&grant.governed)?
        ])?;
    Ok(Pid(u64::try_from(connection.last_insert_rowid()).unwrap_or_default()))
}

pub(super) fn save(connection: &Connection, process: &Process) -> Result<()> {
    connection.prepare_cached("UPDATE lives SET row = ?2, is_live = ?3 WHERE pid = ?1")?.execute(params![
        sql(process.pid),
        serde_json::to_string(process)?,
        process.state != State::Dead
    ])?;
    Ok(())
}

pub(crate) fn get(connection: &Connection, pid: Pid) -> Result<Option<Process>> {
    let row: Option<String> = connection
        .prepare_cached("SELECT row FROM lives WHERE pid = ?1")?
        .query_row([sql(pid)], |row| row.get(0))
        .optional()?;
    Ok(row.map(|row| serde_json::from_str(&row)).transpose()?)
}

pub(super) fn grant(connection: &Connection, pid: Pid) -> Result<Grant> {
    let (tools, limits, network): (String, String, String) = connection
        .prepare_cached("SELECT tools, limits, network FROM lives WHERE pid = ?1")?
        .query_row([sql(pid)], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    Ok(Grant {
        tools: serde_json::from_str(&tools)?,
        limits: serde_json::from_str(&limits)?,
        network: serde_json::from_str(&network)?,
        governed: governed(connection, pid)?,
        used: used(connection, pid)?,
    })
}

/// What governs a life.
pub(super) fn governed(connection: &Connection, pid: Pid) -> Result<Governed> {
    let text: String = connection
        .prepare_cached("SELECT governed FROM lives WHERE pid = ?1")?
        .query_row([sql(pid)], |row| row.get(0))?;
    Ok(serde_json::from_str(&text)?)
}

pub(super) fn save_governed(connection: &Connection, pid: Pid, governed: &Governed) -> Result<()> {
    connection
        .prepare_cached("UPDATE lives SET governed = ?2 WHERE pid = ?1")?
        .execute(params![sql(pid), serde_json::to_string(governed)?])?;
    Ok(())
}

/// What was last written down of what a life has used.
pub(super) fn used(connection: &Connection, pid: Pid) -> Result<Used> {
    let text: String = connection
        .prepare_cached("SELECT used FROM lives WHERE pid = ?1")?
        .query_row([sql(pid)], |row| row.get(0))?;
    Ok(serde_json::from_str(&text)?)
}

pub(super) fn save_used(connection: &Connection, pid: Pid, used: &Used) -> Result<()> {
    connection
        .prepare_cached("UPDATE lives SET used = ?2 WHERE pid = ?1")?
        .execute(params![sql(pid), serde_json::to_string(used)?])?;
    Ok(())
}

/// Every queued or living process, lowest PID first.
pub(super) fn live(connection: &Connection) -> Result<Vec<Process>> {
    parse(connection, "SELECT row FROM lives WHERE is_live = 1 ORDER BY pid", [])
}

/// Highest PID first.
pub(super) fn list(
    connection: &Connection,
    owner: UserId,
    which: Which,
    before: Pid,
    limit: u32,
) -> Result<Vec<Process>> {
    // Each of these walks its own index downwards from the cursor and stops after one page.
    let query = match which {
        Which::Live => "SELECT row FROM lives WHERE is_live = 1 AND pid < ?1 ORDER BY pid DESC LIMIT ?2",
        Which::Ended => "SELECT row FROM lives WHERE is_live = 0 AND pid < ?1 ORDER BY pid DESC LIMIT ?2",
        Which::All => "SELECT row FROM lives WHERE pid < ?1 ORDER BY pid DESC LIMIT ?2",
    };
    let mut rows = parse(connection, query, params![sql(before), limit])?;
    rows.retain(|process| process.owner == owner);
    Ok(rows)
}

/// Whether a life of this agent is queued or alive.
pub(super) fn is_live(connection: &Connection, agent: AgentId) -> Result<bool> {
    Ok(connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM lives WHERE agent = ?1 AND is_live = 1)")?
        .query_row([agent.to_string()], |row| row.get(0))?)
}

/// Highest PID first.
pub(crate) fn of_agent(
    connection: &Connection,
    agent: AgentId,
    before: Pid,
    limit: u32,
) -> Result<Vec<Process>> {
    parse(
        connection,
        "SELECT row FROM lives WHERE agent = ?1 AND pid < ?2 ORDER BY pid DESC LIMIT ?3",
        params![agent.to_string(), sql(before), limit],
    )
}

fn parse(connection: &Connection, query: &str, with: impl rusqlite::Params) -> Result<Vec<Process>> {
    let mut query = connection.prepare_cached(query)?;
    let rows = query.query_map(with, |row| row.get::<_, String>(0))?;
    rows.map(|row| Ok(serde_json::from_str(&row?)?)).collect()
}

/// The PID that a cursor stands for; above every PID without one.
pub(crate) fn before(cursor: Option<&Cursor>) -> std::result::Result<Pid, Error> {
    let Some(cursor) = cursor else { return Ok(Pid(u64::MAX)) };
    cursor.0.parse().map_err(|_| {
        Error::invalid("This is no cursor of this list")
            .hint("Pass back `next` of the page before, unchanged")
    })
}

/// A page, with a cursor when it is full.
pub(crate) fn page(items: Vec<Process>, limit: u32) -> Page<Process> {
    let full = items.len() == limit as usize;
    let next = items.last().filter(|_| full).map(|process| Cursor(process.pid.to_string()));
    Page { items, next }
}

fn sql(pid: Pid) -> i64 {
    i64::try_from(pid.0).unwrap_or(i64::MAX)
}
