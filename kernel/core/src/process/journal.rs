//! The table `steps`: the journal of each life.

use aether_protocol::{
    Actor, EventBody, LifeId, UnixMillis,
    journal::{Step, StepBody},
    process::Process,
};
use rusqlite::{Connection, params};

use crate::{
    clock,
    state::store::{StoreError, Tx},
};

type Result<T> = std::result::Result<T, StoreError>;

/// Text of a step that an event carries, in bytes.
const EVENT_TEXT_BYTES: usize = 4096;

/// Writes the next step of a life, and its event.
pub(super) fn append(tx: &mut Tx<'_>, actor: &Actor, process: &Process, body: StepBody) -> Result<Step> {
    let life = process.life.to_string();
    let index = length(tx, process.life)?;
    let step = Step { index, at: clock::now(), body };
    tx.prepare_cached("INSERT INTO steps (life, idx, at, kind, body) VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute(params![life, index, step.at.0, kind(&step.body), serde_json::to_string(&step.body)?])?;
    let mut shown = step.clone();
    let cut = shorten(&mut shown.body);
    tx.emit(
        actor,
        EventBody::ProcessStepped {
            pid: process.pid,
            agent: process.agent,
            life: process.life,
            step: shown,
            cut,
        },
    )?;
    Ok(step)
}

/// How many steps a life has so far.
pub(super) fn length(tx: &Tx<'_>, life: LifeId) -> Result<u32> {
    Ok(tx
        .prepare_cached("SELECT coalesce(max(idx) + 1, 0) FROM steps WHERE life = ?1")?
        .query_row([life.to_string()], |row| row.get(0))?)
}

/// Writes a step as it was in another life. Nobody is told: it is the past.
pub(super) fn put(tx: &Tx<'_>, life: LifeId, step: &Step) -> Result<()> {
    tx.prepare_cached("INSERT INTO steps (life, idx, at, kind, body) VALUES (?1, ?2, ?3, ?4, ?5)")?.execute(
        params![
            life.to_string(),
            step.index,
            step.at.0,
            kind(&step.body),
            serde_json::to_string(&step.body)?
        ],
    )?;
    Ok(())
}

/// Steps with an index above `after`, oldest first.
pub(crate) fn list(
    connection: &Connection,
    life: LifeId,
    after: Option<u32>,
    limit: u32,
) -> Result<Vec<Step>> {
    read(
        connection,
        "SELECT idx, at, body FROM steps WHERE life = ?1 AND idx > ?2 ORDER BY idx LIMIT ?3",
        params![life.to_string(), after.map_or(-1, i64::from), limit],
    )
}

/// The whole journal, oldest first.
pub(super) fn whole(connection: &Connection, life: LifeId) -> Result<Vec<Step>> {
    read(
        connection,
        "SELECT idx, at, body FROM steps WHERE life = ?1 ORDER BY idx",
        params![life.to_string()],
    )
}

/// Messages with an index above `after`, oldest first.
pub(super) fn messages(connection: &Connection, life: LifeId, after: u32) -> Result<Vec<Step>> {
    read(
        connection,
        "SELECT idx, at, body FROM steps WHERE life = ?1 AND idx > ?2 AND kind = 'message' ORDER BY idx",
        params![life.to_string(), after],
    )
}

/// The call that began and did not end, if there is one: id and tool.
pub(super) fn open_call(steps: &[Step]) -> Option<(String, String)> {
    let mut open = None;
    for step in steps {
        match &step.body {
            StepBody::CallStarted { call } => open = Some((call.id.clone(), call.tool.clone())),
            StepBody::CallFinished { call, .. } | StepBody::CallInterrupted { call, .. }
                if open.as_ref().is_some_and(|(id, _)| id == call) =>
            {
                open = None;
            }
            _ => {}
        }
    }
    open
}

/// The index of the question that is out, if there is one: what was asked last, in a call that has not ended.
pub(super) fn open_question(connection: &Connection, life: LifeId) -> Result<Option<u32>> {
    Ok(connection
        .prepare_cached(
            "SELECT max(idx) FROM steps WHERE life = ?1 AND kind = 'question' AND idx > (
                SELECT coalesce(max(idx), -1) FROM steps
                WHERE life = ?1 AND kind IN ('thought', 'call_finished', 'call_interrupted'))",
        )?
        .query_row([life.to_string()], |row| row.get(0))?)
}

fn read(connection: &Connection, query: &str, with: impl rusqlite::Params) -> Result<Vec<Step>> {
    let mut query = connection.prepare_cached(query)?;
    let rows = query.query_map(with, |row| {
        Ok((row.get::<_, u32>(0)?, row.get::<_, i64>(1)?, row.get::<_, String>(2)?))
    })?;
    rows.map(|row| {
        let (index, at, body) = row?;
        Ok(Step { index, at: UnixMillis(at), body: serde_json::from_str(&body)? })
    })
    .collect()
}

fn kind(body: &StepBody) -> &'static str {
    match body {
        StepBody::Message { .. } => "message",
        StepBody::Thought { .. } => "thought",
        StepBody::CallStarted { .. } => "call_started",
        StepBody::CallFinished { .. } => "call_finished",
        StepBody::CallInterrupted { .. } => "call_interrupted",
        StepBody::Question { .. } => "question",
        StepBody::Note { .. } => "note",
        StepBody::Completed { .. } => "completed",
        StepBody::Ended { .. } => "ended",
        StepBody::Failed { .. } => "failed",
    }
}

/// Cuts long texts for the event; `true` when something was cut.
fn shorten(body: &mut StepBody) -> bool {
    match body {
        StepBody::Message { text, .. }
        | StepBody::Question { text }
        | StepBody::Note { text }
        | StepBody::Completed { summary: text }
        | StepBody::Ended { reason: text }
        | StepBody::Failed { reason: text }
        | StepBody::CallFinished { output: text, .. } => cut(text),
        StepBody::Thought { text, calls, .. } => {
            calls.iter_mut().fold(cut(text), |any, call| cut_args(&mut call.args) || any)
        }
        StepBody::CallStarted { call } => cut_args(&mut call.args),
        StepBody::CallInterrupted { .. } => false,
    }
}

fn cut(text: &mut String) -> bool {
    if text.len() <= EVENT_TEXT_BYTES {
        return false;
    }
    text.truncate(text.floor_char_boundary(EVENT_TEXT_BYTES));
    true
}

/// Arguments are objects of texts mostly: cuts each text.
fn cut_args(args: &mut serde_json::Value) -> bool {
    match args {
        serde_json::Value::String(text) => cut(text),
        serde_json::Value::Array(values) => values.iter_mut().map(cut_args).filter(|cut| *cut).count() > 0,
        serde_json::Value::Object(fields) => fields.values_mut().map(cut_args).filter(|cut| *cut).count() > 0,
        _ => false,
    }
}
