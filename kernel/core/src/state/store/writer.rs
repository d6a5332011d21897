//! The writer thread: it takes the changes that wait, runs each in a savepoint, and commits them together.

use std::sync::Arc;

use aether_protocol::{Actor, Event, EventBody, Seq};
use rusqlite::{Connection, TransactionBehavior, params};
use tokio::sync::{mpsc, oneshot};

use super::StoreError;
use crate::{
    clock,
    state::bus::{Bus, Record},
};

/// Changes that are committed together, at most.
const BATCH: usize = 128;

/// Answers the caller of one change, once it is known whether the batch is on disk.
type Answer = Box<dyn FnOnce(Result<(), StoreError>) + Send>;
/// One change: runs in its savepoint. `None` when it failed and must be undone; the caller has been told.
pub(super) type Job = Box<dyn FnOnce(&mut Tx<'_>) -> Option<Answer> + Send>;

/// A transaction, as a change sees it.
pub struct Tx<'a> {
    connection: &'a Connection,
    emitted: Vec<Arc<Record>>,
}

impl std::ops::Deref for Tx<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection
    }
}

impl Tx<'_> {
    /// Writes an event to the log. Subscribers get it once the transaction is on disk.
    pub fn emit(&mut self, actor: &Actor, body: EventBody) -> Result<Seq, StoreError> {
        let at = clock::now();
        self.connection
            .prepare_cached("INSERT INTO events (at, actor, body) VALUES (?1, ?2, ?3)")?
            .execute(params![at.0, serde_json::to_string(actor)?, serde_json::to_string(&body)?])?;
        let seq = Seq(u64::try_from(self.connection.last_insert_rowid()).unwrap_or_default());
        self.emitted.push(Arc::new(Record::new(Event { seq, at, actor: actor.clone(), body })?));
        Ok(seq)
    }
}

pub(super) fn job<T, F>(change: F, done: oneshot::Sender<Result<T, StoreError>>) -> Job
where
    T: Send + 'static,
    F: FnOnce(&mut Tx<'_>) -> Result<T, StoreError> + Send + 'static,
{
    Box::new(move |tx| match change(tx) {
        Ok(value) => Some(Box::new(move |committed: Result<(), StoreError>| {
            // The caller may have gone; its change is made all the same.
            let _ = done.send(committed.map(|()| value));
        }) as Answer),
        Err(error) => {
            if let Err(Err(error)) = done.send(Err(error)) {
                tracing::warn!(%error, "a write that nobody waits for failed");
            }
            None
        }
    })
}

/// Runs until every handle of the store is gone, then checkpoints.
pub(super) fn run(mut connection: Connection, mut queue: mpsc::Receiver<Job>, bus: &Bus) {
    while let Some(first) = queue.blocking_recv() {
        let mut batch = vec![first];
        while batch.len() < BATCH
            && let Ok(next) = queue.try_recv()
        {
            batch.push(next);
        }
        commit(&mut connection, batch, bus);
    }
    if let Err(error) = connection.pragma_update(None, "wal_checkpoint", "TRUNCATE") {
        tracing::debug!(%error, "the last checkpoint was left to the next start");
    }
}

fn commit(connection: &mut Connection, batch: Vec<Job>, bus: &Bus) {
    let mut answers: Vec<Answer> = Vec::with_capacity(batch.len());
    match try_commit(connection, batch, &mut answers) {
        Ok(records) => {
            // Subscribers first: whoever gets the reply finds the event on the bus.
            bus.publish(records);
            for answer in answers {
                answer(Ok(()));
            }
        }
        Err(error) => {
            tracing::error!(%error, "a transaction could not be committed");
            let again = || match &error {
                rusqlite::Error::SqliteFailure(cause, text) => {
                    rusqlite::Error::SqliteFailure(*cause, text.clone())
                }
                other => rusqlite::Error::SqliteFailure(
                    rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_ERROR),
                    Some(other.to_string()),
                ),
            };
            for answer in answers {
                answer(Err(StoreError::Sql(again())));
            }
        }
    }
}

fn try_commit(
    connection: &mut Connection,
    batch: Vec<Job>,
    answers: &mut Vec<Answer>,
) -> Result<Vec<Arc<Record>>, rusqlite::Error> {
    let mut transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut records = Vec::new();
    for job in batch {
        let savepoint = transaction.savepoint()?;
        let mut tx = Tx { connection: &savepoint, emitted: Vec::new() };
        // A savepoint that is dropped is rolled back, with the numbers of its events.
        if let Some(answer) = job(&mut tx) {
            let emitted = std::mem::take(&mut tx.emitted);
            savepoint.commit()?;
            answers.push(answer);
            records.extend(emitted);
        }
    }
    transaction.commit()?;
    Ok(records)
}
