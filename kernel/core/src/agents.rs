//! Agents as lasting identities: what is kept of them whether they run or not.

use aether_protocol::{
    AgentId, Cursor, Error, Page, Pid, Result, UnixMillis, UserId,
    agent::{Agent, List, Lives, Steps},
    journal::Step,
    process::Process,
};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::{
    process::journal,
    process::rows,
    state::store::{Store, StoreError},
};

/// Agents of one owner, as [`agent`] reads them.
const OF_OWNER: &str = "SELECT id, owner, name, role, created_at,
        (SELECT max(pid) FROM lives WHERE agent = agents.id),
        (SELECT count(*) FROM lives WHERE agent = agents.id)
    FROM agents WHERE owner = ?1";

/// The table `agents`, read. What runs is [`crate::process`]'s matter.
pub(crate) struct Agents {
    store: Store,
}

impl Agents {
    pub(crate) fn new(store: Store) -> Self {
        Self { store }
    }

    /// Newest first.
    pub(crate) async fn list(&self, owner: UserId, list: List) -> Result<Page<Agent>> {
        let limit = page_limit(list.limit);
        let before = before(list.cursor.as_ref())?;
        if let Some(name) = list.name {
            let found = self.store.read(move |connection| find_named(connection, owner, &name)).await?;
            let items = found.into_iter().filter(|agent| agent.id.to_string() < before).collect();
            return Ok(Page { items, next: None });
        }
        let items = self
            .store
            .read(move |connection| {
                let mut query = connection
                    .prepare_cached(&format!("{OF_OWNER} AND id < ?2 ORDER BY id DESC LIMIT ?3"))?;
                let rows = query.query_map(params![owner.to_string(), before, limit], agent)?;
                Ok(rows.collect::<std::result::Result<Vec<_>, _>>()?)
            })
            .await?;
        let next =
            items.last().filter(|_| items.len() == limit as usize).map(|agent| Cursor(agent.id.to_string()));
        Ok(Page { items, next })
    }

    pub(crate) async fn get(&self, owner: UserId, id: AgentId) -> Result<Agent> {
        let found = self.store.read(move |connection| find(connection, owner, id)).await?;
        found.ok_or_else(|| Error::not_found("agent", id))
    }

    /// Newest first.
    pub(crate) async fn lives(&self, owner: UserId, lives: Lives) -> Result<Page<Process>> {
        let limit = page_limit(lives.limit);
        let before = rows::before(lives.cursor.as_ref())?;
        let agent = lives.agent;
        let items = self
            .store
            .read(move |connection| {
                if find(connection, owner, agent)?.is_none() {
                    return Err(Error::not_found("agent", agent).into());
                }
                rows::of_agent(connection, agent, before, limit)
            })
            .await?;
        Ok(rows::page(items, limit))
    }

    /// Oldest first.
    pub(crate) async fn steps(&self, owner: UserId, steps: Steps) -> Result<Page<Step>> {
        let limit = page_limit(steps.limit);
        let items = self
            .store
            .read(move |connection| {
                let process = rows::get(connection, steps.pid)?
                    .filter(|process| process.owner == owner)
                    .ok_or_else(|| Error::not_found("process", steps.pid))?;
                journal::list(connection, process.life, steps.after, limit)
            })
            .await?;
        let next =
            items.last().filter(|_| items.len() == limit as usize).map(|step| Cursor(step.index.to_string()));
        Ok(Page { items, next })
    }
}

/// The id that a cursor stands for, as it is stored; above every id without one.
fn before(cursor: Option<&Cursor>) -> Result<String> {
    let Some(cursor) = cursor else { return Ok("~".to_owned()) };
    let id: AgentId = cursor.0.parse().map_err(|_| {
        Error::invalid("This is no cursor of this list")
            .hint("Pass back `next` of the page before, unchanged")
    })?;
    Ok(id.to_string())
}

/// Rows of a page: 50 when left out, at most 200.
pub(crate) fn page_limit(limit: Option<u32>) -> u32 {
    limit.unwrap_or(50).clamp(1, 200)
}

/// An agent, if it is this owner's.
pub(crate) fn find(connection: &Connection, owner: UserId, id: AgentId) -> Result<Option<Agent>, StoreError> {
    Ok(connection
        .prepare_cached(&format!("{OF_OWNER} AND id = ?2"))?
        .query_row([owner.to_string(), id.to_string()], agent)
        .optional()?)
}

/// The agent that its owner calls so.
fn find_named(connection: &Connection, owner: UserId, name: &str) -> Result<Option<Agent>, StoreError> {
    Ok(connection
        .prepare_cached(&format!("{OF_OWNER} AND name = ?2"))?
        .query_row([owner.to_string(), name.to_owned()], agent)
        .optional()?)
}

/// Writes a new identity. A name that its owner uses already is a conflict.
pub(crate) fn insert(connection: &Connection, agent: &Agent) -> Result<(), StoreError> {
    let inserted = connection
        .prepare_cached(
            "INSERT OR IGNORE INTO agents (id, owner, name, role, created_at) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![
            agent.id.to_string(),
            agent.owner.to_string(),
            agent.name,
            agent.role,
            agent.created_at.0
        ])?;
    if inserted == 0 {
        return Err(Error::conflict(format!("There is an agent named {} already", agent.name))
            .hint("Choose another name, or start that agent again")
            .into());
    }
    Ok(())
}

/// Whether its owner has an agent of this name.
pub(crate) fn name_is_taken(connection: &Connection, owner: UserId, name: &str) -> Result<bool, StoreError> {
    Ok(connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM agents WHERE owner = ?1 AND name = ?2)")?
        .query_row(params![owner.to_string(), name], |row| row.get(0))?)
}

/// How many agents its owner has deployed in this role.
pub(crate) fn count_of_role(connection: &Connection, owner: UserId, role: &str) -> Result<u32, StoreError> {
    Ok(connection
        .prepare_cached("SELECT count(*) FROM agents WHERE owner = ?1 AND role = ?2")?
        .query_row(params![owner.to_string(), role], |row| row.get(0))?)
}

/// Deletes an identity with its lives and journals.
pub(crate) fn delete(connection: &Connection, id: AgentId) -> Result<(), StoreError> {
    connection.execute("DELETE FROM agents WHERE id = ?1", [id.to_string()])?;
    Ok(())
}

fn agent(row: &Row<'_>) -> rusqlite::Result<Agent> {
    let uuid = |column: usize| -> rusqlite::Result<uuid::Uuid> {
        let text: String = row.get(column)?;
        text.parse().map_err(|error| {
            rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(error))
        })
    };
    let last_pid: Option<i64> = row.get(5)?;
    Ok(Agent {
        id: AgentId(uuid(0)?),
        owner: UserId(uuid(1)?),
        name: row.get(2)?,
        role: row.get(3)?,
        created_at: UnixMillis(row.get(4)?),
        last_pid: last_pid.and_then(|pid| u64::try_from(pid).ok()).map(Pid),
        lives: row.get(6)?,
    })
}
