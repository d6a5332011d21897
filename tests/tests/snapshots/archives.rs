//! Archives that were carried around: damaged, foreign, and sound ones.

use std::fs;

use aether_tests::scripted::Script;

use crate::{
    ground::{look, parse},
    world::{Chance, World},
};

const FLIPS: usize = 50;
const CUTS: usize = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_archive_is_refused_whole() {
    let mut world = World::new("").await;
    let mut chance = Chance(0x5eed_0003);
    let process = world.spawn("write poem.txt roses").await;
    world.until_completed(process.pid.0).await;
    let snapshot = world.snapshot(process.pid.0).await;
    let good = world.export(&snapshot).await;
    world.done("DELETE", &format!("/snapshots/{}", snapshot.id), None).await;
    let home = look(&world.home(&process));

    let mut spoiled: Vec<Vec<u8>> = Vec::new();
    for _ in 0..FLIPS {
        let mut bytes = good.clone();
        let at = chance.below(bytes.len());
        bytes[at] ^= 1 << chance.below(8);
        spoiled.push(bytes);
    }
    for _ in 0..CUTS {
        spoiled.push(good[..chance.below(good.len())].to_vec());
    }
    spoiled.push([&good[..], b"x"].concat());
    spoiled.push([b"x", &good[..]].concat());
    spoiled.push([&good[..], &good[..]].concat());
    let (left, right) = good.split_at(good.len() / 2);
    spoiled.push([right, left].concat());
    spoiled.push(b"no archive at all".to_vec());
    for bytes in &spoiled {
        let (status, problem) = world.import(bytes, "").await;
        assert_eq!((status, problem["code"].as_str()), (400, Some("invalid")), "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains("damaged"), "{problem}");
        assert!(problem["hint"].as_str().is_some(), "{problem}");
    }
    assert!(world.snapshots().await.is_empty());
    world.assert_no_scratch();
    assert_eq!(look(&world.home(&process)), home);

    // As it was, it is taken in and becomes the agent again; a second time, also at once, it is here already.
    let (one, other) = tokio::join!(world.import(&good, ""), world.import(&good, ""));
    let ((status, back), (late, problem)) = if one.0 == 200 { (one, other) } else { (other, one) };
    assert_eq!((status, late), (200, 409), "{back} {problem}");
    assert_eq!(back["cause"], "imported");
    let back = parse(back);
    let (status, problem) = world.import(&good, "").await;
    assert_eq!((status, problem["code"].as_str()), (409, Some("conflict")), "{problem}");
    fs::remove_file(world.home(&process).join("poem.txt")).unwrap();

    // Damaged where it lies, it is refused and nothing of the agent is touched.
    let stored = world.daemon.state_dir().join(format!("snapshots/{}.tar.zst", snapshot.id));
    let before = look(&world.home(&process));
    for _ in 0..5 {
        let mut bytes = good.clone();
        let at = chance.below(bytes.len());
        bytes[at] ^= 1 << chance.below(8);
        fs::write(&stored, bytes).unwrap();
        let path = format!("/snapshots/{}", snapshot.id);
        world.refused("GET", &format!("{path}/verification"), None, 400, "invalid").await;
        let body = Some(serde_json::json!({"as": "same_agent"}));
        world.refused("POST", &format!("{path}/restore"), body, 400, "invalid").await;
        assert_eq!(look(&world.home(&process)), before);
    }
    world.assert_no_scratch();
    fs::write(&stored, &good).unwrap();
    world.restore(&back, None).await;
    assert_eq!(look(&world.home(&process)), home);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_archive_of_another_device_needs_its_key_to_be_trusted() {
    let mut here = World::new("").await;
    let mut there = World::with(Script::goals(), "", "").await;
    let process = there.spawn("write poem.txt violets").await;
    there.until_completed(process.pid.0).await;
    let snapshot = there.snapshot(process.pid.0).await;
    let archive = there.export(&snapshot).await;

    let (status, problem) = here.import(&archive, "").await;
    assert_eq!((status, problem["code"].as_str()), (403, Some("forbidden")), "{problem}");
    assert!(problem["hint"].as_str().unwrap().contains(&snapshot.device_key), "{problem}");
    let wrong = "0".repeat(64);
    assert_eq!(here.import(&archive, &format!("?trusted_key={wrong}")).await.0, 403);
    assert_eq!(here.import(&archive, "?trusted_key=me").await.0, 400);
    assert!(here.snapshots().await.is_empty());
    here.assert_no_scratch();

    let (status, taken) = here.import(&archive, &format!("?trusted_key={}", snapshot.device_key)).await;
    assert_eq!(status, 200, "{taken}");
    let taken = parse(taken);
    let verified = here.done("GET", &format!("/snapshots/{}/verification", snapshot.id), None).await;
    assert_eq!(verified["is_own"], false);
    let arrived = here.restore(&taken, None).await;
    assert_eq!((arrived.agent, &arrived.name), (process.agent, &process.name));
    assert_ne!(arrived.owner, process.owner);
    assert_eq!(look(&here.home(&arrived)), look(&there.home(&process)));
    // From a file of the owner's home it is the same.
    here.done("DELETE", &format!("/snapshots/{}", snapshot.id), None).await;
    let put = here
        .daemon
        .connect()
        .await
        .unwrap()
        .request(
            "PUT",
            "/api/v1/files/home/carried.tar.zst",
            &[
                ("authorization", &format!("Bearer {}", here.token)),
                ("content-type", "application/octet-stream"),
            ],
            &archive,
        )
        .await
        .unwrap();
    assert_eq!(put.status, 200);
    let query = format!("?path=carried.tar.zst&trusted_key={}", snapshot.device_key);
    assert_eq!(here.import(b"", &query).await.0, 200);
}
