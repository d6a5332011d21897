//! A long past, written straight into a stopped kernel's database: what ten years of use leave behind, in seconds.

use std::path::Path;

use aether_protocol::{
    Actor, AgentId, EventBody, LifeId, Pid, UnixMillis, UserId,
    files::Place,
    journal::StepBody,
    mind::{ModelName, Usage},
    process::{Exit, Phase, Process, State},
};
use anyhow::{Context as _, Result};
use rusqlite::{Connection, params};
use uuid::Uuid;

/// How much past there is.
#[derive(Clone, Copy, Debug)]
pub struct History {
    /// Agents that have ended, each with one life of three steps.
    pub agents: u32,
    /// Events.
    pub events: u32,
}

/// 10,000 agents and 1,000,000 events: what the promises speak of.
pub const LONG: History = History { agents: 10_000, events: 1_000_000 };

/// When the first of these agents was deployed; each was deployed a minute after the one before.
const FIRST_AT_MS: i64 = 1_500_000_000_000;

/// One in so many events tells of a process's row, as large as rows are.
const ROWS_AMONG_EVENTS: u32 = 20;

impl History {
    /// Writes it into the database of a kernel that has an owner and does not run.
    pub fn write(self, state_dir: &Path) -> Result<()> {
        let mut connection = Connection::open(state_dir.join("state.db"))?;
        connection.pragma_update(None, "foreign_keys", true)?;
        let owner: String = connection
            .query_row("SELECT id FROM users ORDER BY created_at LIMIT 1", [], |row| row.get(0))
            .context("the kernel has no owner yet")?;
        let owner = owner.parse()?;
        let transaction = connection.transaction()?;
        self.write_agents(&transaction, owner)?;
        self.write_events(&transaction, owner)?;
        transaction.commit()?;
        Ok(())
    }

    fn write_agents(self, connection: &Connection, owner: UserId) -> Result<()> {
        let mut agent = connection.prepare(
            "INSERT INTO agents (id, owner, name, role, created_at) VALUES (?1, ?2, ?3, 'assistant', ?4)",
        )?;
        let mut life = connection.prepare(
            "INSERT INTO lives (id, agent, is_live, row, tools, limits) VALUES (?1, ?2, 0, '', '[]', '{}')",
        )?;
        let mut row = connection.prepare("UPDATE lives SET row = ?2 WHERE pid = ?1")?;
        let mut step = connection
            .prepare("INSERT INTO steps (life, idx, at, kind, body) VALUES (?1, ?2, ?3, ?4, ?5)")?;
        for number in 0..self.agents {
            let mut process = ended(owner, number);
            agent.execute(params![
                process.agent.to_string(),
                owner.to_string(),
                process.name,
                process.created_at.0
            ])?;
            life.execute(params![process.life.to_string(), process.agent.to_string()])?;
            process.pid = Pid(u64::try_from(connection.last_insert_rowid())?);
            row.execute(params![connection.last_insert_rowid(), serde_json::to_string(&process)?])?;
            for (index, body) in (0_i64..).zip(&journal(&process)) {
                let text = serde_json::to_value(body)?;
                let kind =
                    text.get("kind").and_then(serde_json::Value::as_str).context("a step has a kind")?;
                let life = process.life.to_string();
                step.execute(params![life, index, process.created_at.0, kind, text.to_string()])?;
            }
        }
        Ok(())
    }

    /// Made by SQLite itself from two patterns: a million of them take seconds.
    fn write_events(self, connection: &Connection, owner: UserId) -> Result<()> {
        let kernel = serde_json::to_string(&Actor::Kernel)?;
        let file = EventBody::FileChanged {
            place: Place::Shared,
            owner: None,
            path: "reports/2024/summary-of-the-week.md".to_owned(),
        };
        let changed = EventBody::ProcessChanged { process: Box::new(ended(owner, 0)) };
        connection.execute(
            "INSERT INTO events (at, actor, body)
             WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < ?1)
             SELECT ?2 + n, ?3, CASE WHEN n % ?4 = 0 THEN ?5 ELSE ?6 END FROM numbers",
            params![
                self.events,
                FIRST_AT_MS,
                kernel,
                ROWS_AMONG_EVENTS,
                serde_json::to_string(&changed)?,
                serde_json::to_string(&file)?
            ],
        )?;
        Ok(())
    }
}

/// The row of an agent that completed.
fn ended(owner: UserId, number: u32) -> Process {
    let at = FIRST_AT_MS + i64::from(number) * 60_000;
    let steps_used = 12;
    Process {
        pid: Pid(0),
        agent: AgentId(id(at, u64::from(number) * 2)),
        life: LifeId(id(at, u64::from(number) * 2 + 1)),
        name: format!("assistant-of-old-{number}"),
        role: "assistant".to_owned(),
        goal: format!("Read the notes of day {number} and write a summary of them into summary.md"),
        owner,
        model: ModelName("openai:scripted".to_owned()),
        priority: 3,
        state: State::Dead,
        phase: Phase::Completed,
        reason: None,
        ending: None,
        host_pid: None,
        created_at: UnixMillis(at),
        started_at: Some(UnixMillis(at + 20)),
        ended_at: Some(UnixMillis(at + 30_000)),
        steps_used,
        steps_limit: 50,
        usage: Usage { input_tokens: 14_203, output_tokens: 911 },
        restarts: 0,
        exit: Some(Exit::Status { code: 0 }),
        sandbox: Vec::new(),
    }
}

fn journal(process: &Process) -> [StepBody; 3] {
    [
        StepBody::Message { from: "ada".to_owned(), text: process.goal.clone() },
        StepBody::Note { text: "The notes of that day are short".to_owned() },
        StepBody::Completed { summary: "The summary is in summary.md".to_owned() },
    ]
}

/// A UUID of version 7 (RFC 9562): sorts by time.
fn id(at_ms: i64, random: u64) -> Uuid {
    let mut tail = [0; 10];
    for (place, byte) in tail.iter_mut().rev().zip(random.to_le_bytes()) {
        *place = byte;
    }
    uuid::Builder::from_unix_timestamp_millis(at_ms.unsigned_abs(), &tail).into_uuid()
}
