//! What was acknowledged is on disk, what failed left nothing, what is damaged is named.

use aether_protocol::{Actor, Code, Error, EventBody, Seq};
use rusqlite::params;

use super::{Store, StoreError, migrations::MIGRATIONS};
use crate::state::bus::Bus;

fn stopping() -> EventBody {
    EventBody::SystemStopping {}
}

fn open(dir: &tempfile::TempDir) -> (Store, Bus) {
    let bus = Bus::default();
    (Store::open(&dir.path().join("state.db"), bus.clone()).unwrap(), bus)
}

async fn audit_rows(store: &Store) -> i64 {
    store.read(|db| Ok(db.query_row("SELECT count(*) FROM audit", [], |row| row.get(0))?)).await.unwrap()
}

fn add(tx: &rusqlite::Connection, command: &str) -> Result<(), StoreError> {
    tx.execute("INSERT INTO audit (at, actor, command, target) VALUES (0, '', ?1, '')", params![command])?;
    Ok(())
}

#[test]
fn migrations_are_sound() {
    MIGRATIONS.validate().unwrap();
}

#[tokio::test]
async fn a_failed_change_leaves_nothing_and_takes_no_number() {
    let dir = tempfile::tempdir().unwrap();
    let (store, bus) = open(&dir);
    store.write(|tx| tx.emit(&Actor::Kernel, stopping())).await.unwrap();
    let refused = store
        .write(|tx| {
            add(tx, "lost")?;
            tx.emit(&Actor::Kernel, stopping())?;
            Err::<(), _>(Error::conflict("no").into())
        })
        .await
        .unwrap_err();
    assert!(matches!(refused, StoreError::Refused(Error { code: Code::Conflict, .. })));
    assert_eq!((audit_rows(&store).await, bus.last()), (0, Seq(1)));
    assert_eq!(store.write(|tx| tx.emit(&Actor::Kernel, stopping())).await.unwrap(), Seq(2));
}

#[tokio::test]
async fn a_failure_beside_others_in_one_batch_undoes_only_itself() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(&dir);
    let writes = (0..200).map(|number| {
        let store = store.clone();
        async move {
            store
                .write(move |tx| {
                    add(tx, &number.to_string())?;
                    if number % 3 == 0 { Err(Error::conflict("no").into()) } else { Ok(()) }
                })
                .await
                .is_ok()
        }
    });
    let kept = futures_util::future::join_all(writes).await.into_iter().filter(|kept| *kept).count();
    assert_eq!(i64::try_from(kept).unwrap(), audit_rows(&store).await);
    assert_eq!(kept, 133);
}

#[tokio::test]
async fn late_writes_keep_their_order() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(&dir);
    store.write_later(|tx| add(tx, "first")).await;
    store
        .write(|tx| {
            let seen: i64 = tx.query_row("SELECT count(*) FROM audit", [], |row| row.get(0))?;
            assert_eq!(seen, 1);
            Ok(())
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn readers_cannot_write() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(&dir);
    assert!(store.read(|db| add(db, "by a reader")).await.is_err());
    assert_eq!(audit_rows(&store).await, 0);
}

#[tokio::test]
async fn numbers_go_on_after_a_restart_also_when_rows_are_gone() {
    let dir = tempfile::tempdir().unwrap();
    {
        let (store, _) = open(&dir);
        for _ in 0..3 {
            store.write(|tx| tx.emit(&Actor::Kernel, stopping())).await.unwrap();
        }
        store.write(|tx| Ok(tx.execute("DELETE FROM events", [])?)).await.unwrap();
    }
    let (store, bus) = open(&dir);
    assert_eq!(bus.last(), Seq(3));
    assert_eq!(store.write(|tx| tx.emit(&Actor::Kernel, stopping())).await.unwrap(), Seq(4));
}

#[tokio::test]
async fn a_file_that_is_no_database_is_named_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.db");
    let content = b"this is not a database, and nobody may replace it".repeat(100);
    std::fs::write(&path, &content).unwrap();
    let error = Store::open(&path, Bus::default()).err().unwrap();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    assert!(error.to_string().contains("state.db"));
    assert_eq!(std::fs::read(&path).unwrap(), content);
}

#[tokio::test]
async fn the_database_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(&dir);
    store.write(|tx| add(tx, "something")).await.unwrap();
    for name in ["state.db", "state.db-wal", "state.db-shm"] {
        let mode = std::fs::metadata(dir.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{name} is {mode:o}");
    }
}

#[test]
fn lives_of_the_first_schema_are_governed_by_nothing_until_somebody_says_so() {
    let mut connection = rusqlite::Connection::open_in_memory().unwrap();
    MIGRATIONS.to_version(&mut connection, 1).unwrap();
    connection
        .execute_batch(
            "INSERT INTO users (id, name, password, created_at) VALUES ('u', 'ada', '', 0);
             INSERT INTO agents (id, owner, name, role, created_at) VALUES ('a', 'u', 'scribe-1', 'scribe', 0);
             INSERT INTO lives (id, agent, is_live, row, tools, limits) VALUES ('l', 'a', 1, '{}', '[]', '{}');",
        )
        .unwrap();
    MIGRATIONS.to_latest(&mut connection).unwrap();
    let columns: (String, String) = connection
        .query_row("SELECT governed, used FROM lives", [], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap();
    assert_eq!(columns, ("{}".to_owned(), "{}".to_owned()));
    let governed: crate::govern::governor::quota::Governed = serde_json::from_str(&columns.0).unwrap();
    assert_eq!(governed, crate::govern::governor::quota::Governed::default());
}
