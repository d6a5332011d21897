//! The store: one SQLite database in WAL mode, one writer thread, a pool of readers.
//!
//! *Invariant:* when [`Store::write`] returns `Ok`, the change is on disk (`synchronous = FULL`), and so are
//! the events that it emitted; subscribers see them only after that, in the order of their numbers.

mod migrations;
mod writer;

use std::path::{Path, PathBuf};

use aether_protocol::{Code, Error};
use deadpool_sqlite::{Hook, HookError, Runtime};
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

pub use writer::Tx;

use super::bus::Bus;

/// How many writes may wait for the writer before callers wait too.
const QUEUE: usize = 1024;
/// Readers open at once.
const READERS: usize = 4;

/// Why the store did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// the database refused
    #[error("the database refused: {0}")]
    Sql(#[from] rusqlite::Error),
    /// a stored value is not what this version writes
    #[error("a stored value cannot be read: {0}")]
    Json(#[from] serde_json::Error),
    /// the command was refused inside the transaction, which was undone
    #[error("{0}")]
    Refused(#[from] Error),
    /// the database could not be brought to this version
    #[error("the database could not be brought to this version: {0}")]
    Migration(#[from] rusqlite_migration::Error),
    /// the database is damaged; it was left as it is
    #[error("the database {path} is damaged: {finding}")]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What the check said.
        finding: String,
    },
    /// no reader could be had
    #[error("no reader could be had: {0}")]
    Pool(String),
    /// the state directory cannot be used
    #[error("the state directory cannot be used: {0}")]
    Io(#[from] std::io::Error),
    /// the kernel is shutting down
    #[error("the kernel is shutting down")]
    Closed,
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Refused(error) => error,
            StoreError::Closed => Self::unavailable("The kernel is shutting down"),
            StoreError::Sql(rusqlite::Error::SqliteFailure(cause, _))
                if cause.code == rusqlite::ErrorCode::DiskFull =>
            {
                Self::new(Code::Exhausted, "The disk is full").hint("Free some space, then try again")
            }
            other => {
                tracing::error!(error = %other, "the store failed");
                Self::internal(format!("The store failed: {other}"))
            }
        }
    }
}

/// The kernel's database. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    jobs: mpsc::Sender<writer::Job>,
    readers: deadpool_sqlite::Pool,
}

impl Store {
    /// Opens the database at `path`, makes it where there is none, checks it and brings it to this version.
    /// Committed events go to `bus`.
    ///
    /// A damaged database is an error: it is never replaced.
    pub fn open(path: &Path, bus: Bus) -> Result<Self, StoreError> {
        make_private(path)?;
        let mut connection = Connection::open(path)?;
        tune(&connection)
            .map_err(|error| StoreError::Damaged { path: path.into(), finding: error.to_string() })?;
        // The whole check reads the whole file: `aether doctor` does that. This finds a file that is no database.
        connection
            .query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))
            .map_err(|error| StoreError::Damaged { path: path.into(), finding: error.to_string() })?;
        migrations::run(&mut connection)?;
        bus.start_from(&connection)?;

        let (jobs, queue) = mpsc::channel(QUEUE);
        std::thread::Builder::new()
            .name("store-writer".into())
            .stack_size(512 * 1024)
            .spawn(move || writer::run(connection, queue, &bus))?;

        let mut config = deadpool_sqlite::Config::new(path);
        config.pool = Some(deadpool_sqlite::PoolConfig::new(READERS));
        let readers = config
            .builder(Runtime::Tokio1)
            .map_err(|error| StoreError::Pool(error.to_string()))?
            .post_create(Hook::async_fn(|reader, _| {
                Box::pin(async move {
                    reader
                        .interact(|connection| {
                            tune(connection)?;
                            connection.pragma_update(None, "query_only", true)
                        })
                        .await
                        .map_err(|error| HookError::message(error.to_string()))?
                        .map_err(HookError::Backend)
                })
            }))
            .build()
            .map_err(|error| StoreError::Pool(error.to_string()))?;
        Ok(Self { jobs, readers })
    }

    /// Runs `change` in a transaction. Returns once it is on disk; when `change` fails, nothing of it remains.
    ///
    /// Changes that wait together are committed together, so that a busy kernel syncs the disk once for many.
    pub async fn write<T, F>(&self, change: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let (done, result) = oneshot::channel();
        self.jobs.send(writer::job(change, done)).await.map_err(|_| StoreError::Closed)?;
        result.await.map_err(|_| StoreError::Closed)?
    }

    /// Queues `change` behind the writes before it and does not wait. A failure is logged. For facts that no
    /// reply vouches for (the outcome of an audited command, a session's last use).
    pub async fn write_later<F>(&self, change: F)
    where
        F: FnOnce(&mut Tx<'_>) -> Result<(), StoreError> + Send + 'static,
    {
        let (done, result) = oneshot::channel();
        drop(result);
        if self.jobs.send(writer::job(change, done)).await.is_err() {
            tracing::debug!("a late write came after the store was closed");
        }
    }

    /// Runs `query` on a reader: it sees everything committed before it began.
    pub async fn read<T, F>(&self, query: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let reader = self.readers.get().await.map_err(|error| StoreError::Pool(error.to_string()))?;
        reader
            .interact(move |connection| query(connection))
            .await
            .map_err(|error| StoreError::Pool(error.to_string()))?
    }

    /// Reads the whole database and says `ok`, or the first thing that is wrong.
    pub async fn integrity(&self) -> Result<String, StoreError> {
        self.read(|connection| Ok(connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?))
            .await
    }
}

/// Makes an empty file that only its owner may read, where there is none; SQLite gives its companions the same
/// permissions.
fn make_private(path: &Path) -> Result<(), std::io::Error> {
    use std::os::unix::fs::OpenOptionsExt as _;
    std::fs::OpenOptions::new().append(true).create(true).mode(0o600).open(path).map(drop)
}

fn tune(connection: &Connection) -> Result<(), rusqlite::Error> {
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "cache_size", -2048)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}

#[cfg(test)]
mod tests;
