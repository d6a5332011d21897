//! What nothing refers to goes, and nothing else.

use std::fs;

use serde_json::json;

use crate::{ground::look, world::World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_goes_and_nothing_else() {
    let mut world = World::new("").await;
    let process = world.spawn("write poem.txt roses").await;
    world.until_completed(process.pid.0).await;
    let kept = world.snapshot(process.pid.0).await;
    let lost = world.snapshot(process.pid.0).await;
    let state = world.daemon.state_dir();
    assert_eq!(world.done("POST", "/gc", Some(json!({}))).await["items"], json!([]));

    let nobody = uuid::Uuid::now_v7();
    fs::create_dir_all(state.join(format!("homes/agents/{nobody}/deep"))).unwrap();
    fs::write(state.join(format!("homes/agents/{nobody}/deep/file")), vec![1; 100_000]).unwrap();
    fs::create_dir_all(state.join(format!("homes/users/{nobody}"))).unwrap();
    fs::write(state.join(format!("snapshots/{nobody}.tar.zst")), "an archive").unwrap();
    fs::create_dir_all(state.join("snapshots/.scratch/work")).unwrap();
    fs::create_dir_all(state.join("homes/.scratch/work")).unwrap();
    fs::remove_file(state.join(format!("snapshots/{}.tar.zst", lost.id))).unwrap();
    // What somebody else has put there is not the kernel's to remove.
    fs::write(state.join("snapshots/notes.txt"), "mine").unwrap();
    fs::create_dir(state.join("homes/agents/mine")).unwrap();

    let before = look(&state.join("homes"));
    let told = world.done("POST", "/gc", Some(json!({"dry_run": true}))).await;
    let mut kinds: Vec<_> =
        told["items"].as_array().unwrap().iter().map(|item| item["kind"].as_str().unwrap()).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["archive", "home", "home", "scratch", "scratch", "snapshot"], "{told}");
    assert!(told["bytes"].as_u64().unwrap() >= 100_000, "{told}");
    assert!(told["items"].as_array().unwrap().iter().all(|item| item["reason"].as_str().unwrap().len() > 8));
    assert_eq!(look(&state.join("homes")), before, "a dry run changed something");
    assert_eq!(world.snapshots().await.len(), 2);

    let gone = world.done("POST", "/gc", Some(json!({}))).await;
    assert_eq!(gone["items"].as_array().unwrap().len(), kinds.len(), "{gone}");
    assert_eq!(gone["bytes"], told["bytes"]);
    assert_eq!(world.done("POST", "/gc", Some(json!({}))).await["items"], json!([]));
    assert!(state.join("snapshots/notes.txt").exists() && state.join("homes/agents/mine").exists());
    let left = world.snapshots().await;
    assert_eq!(left.iter().map(|one| one.id).collect::<Vec<_>>(), [kept.id]);
    world.verify(&kept).await;
    assert_eq!(fs::read_to_string(world.home(&process).join("poem.txt")).unwrap(), "roses");
}
