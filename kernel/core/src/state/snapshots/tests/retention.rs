//! How many snapshots are kept, with a whole kernel.

use std::sync::Arc;

use aether_protocol::{
    Actor, AgentId, SessionId, UnixMillis, UserId,
    snapshot::{Cause, List, Take},
};
use rusqlite::params;
use uuid::Uuid;

use super::{AGENT, LIFE, OWNER, process};
use crate::{
    Config, Kernel,
    config::{ProcessConfig, SnapshotConfig},
};

/// A kernel with one agent, whose life has ended.
async fn kernel(dir: &std::path::Path, snapshots: SnapshotConfig) -> Arc<Kernel> {
    let mut config = Config {
        state_dir: dir.to_path_buf(),
        snapshots,
        process: ProcessConfig { agent_binary: Some("/bin/true".into()), ..ProcessConfig::default() },
        ..Config::default()
    };
    config.models.local.enabled = false;
    let kernel = Kernel::start(config).await.unwrap();
    let mut row = process();
    row.state = aether_protocol::process::State::Dead;
    kernel
        .store
        .write(move |tx| {
            let owner = OWNER.to_string();
            tx.execute("INSERT INTO users (id, name, password, created_at) VALUES (?1, 'ada', '', 0)", [&owner])?;
            tx.execute(
                "INSERT INTO agents (id, owner, name, role, created_at) VALUES (?1, ?2, 'scribe-1', 'scribe', 0)",
                [AGENT.to_string(), owner],
            )?;
            tx.execute(
                "INSERT INTO lives (pid, id, agent, is_live, row, tools, limits) VALUES (1, ?1, ?2, 0, ?3, '[]', '{}')",
                params![LIFE.to_string(), AGENT.to_string(), serde_json::to_string(&row)?],
            )?;
            Ok(())
        })
        .await
        .unwrap();
    kernel
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_newest_scheduled_ones_are_kept_and_those_asked_for() {
    const KEEP: u32 = 3;
    const HOUR_MS: i64 = 3_600_000;
    let dir = tempfile::tempdir().unwrap();
    let schedule = SnapshotConfig { every_hours: 1, keep: KEEP, ..SnapshotConfig::default() };
    let kernel = kernel(dir.path(), schedule).await;
    let (owner, agent) = (UserId(OWNER), AgentId(AGENT));
    let actor = Actor::User { user: owner, name: "ada".into(), session: SessionId(Uuid::from_u128(1)) };
    let asked = kernel.take_snapshot(&actor, owner, Take { agent: Some(agent), pid: None }).await.unwrap();
    let now = crate::clock::now();
    let mut taken = Vec::new();
    for hour in 0..6 {
        let later = UnixMillis(now.0 + hour * HOUR_MS + 60_000);
        taken.push(kernel.take_scheduled(owner, agent, later).await.unwrap().unwrap().id);
        assert!(kernel.take_scheduled(owner, agent, UnixMillis(now.0 + 120_000)).await.unwrap().is_none());
    }
    let left = kernel.snapshots.list(owner, List::default()).await.unwrap().items;
    let scheduled: Vec<_> =
        left.iter().filter(|one| one.cause == Cause::Scheduled).map(|one| one.id).collect();
    taken.reverse();
    assert_eq!(scheduled, taken[..KEEP as usize]);
    assert!(left.iter().any(|one| one.id == asked.id));
    let files = std::fs::read_dir(dir.path().join("snapshots")).unwrap();
    let archives = files.filter(|file| file.as_ref().unwrap().path().extension().is_some()).count();
    assert_eq!(archives, KEEP as usize + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_throws_scratch_away() {
    let dir = tempfile::tempdir().unwrap();
    for folder in ["snapshots/.scratch", "homes/.scratch"] {
        std::fs::create_dir_all(dir.path().join(folder).join("left/over")).unwrap();
    }
    let _kernel = kernel(dir.path(), SnapshotConfig::default()).await;
    for folder in ["snapshots/.scratch", "homes/.scratch"] {
        assert_eq!(std::fs::read_dir(dir.path().join(folder)).unwrap().count(), 0, "{folder}");
    }
}
