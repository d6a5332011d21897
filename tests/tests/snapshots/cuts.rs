//! The kernel is killed while snapshots are taken and restored.
//!
//! `AETHER_TEST_LONG=1` runs more rounds than fit into a minute.

use std::{
    collections::BTreeSet,
    fs,
    time::{Duration, Instant},
};

use aether_protocol::{
    journal::StepBody,
    process::{Process, State},
    snapshot::Snapshot,
};
use aether_tests::daemon::Daemon;
use serde_json::json;

use crate::world::{Chance, World};

/// For an agent that works on and on: neither steps nor tokens end, however busy the machine is.
const TIRELESS: &str = "max_steps = 10000\n[quotas]\ntokens = 1000000000000";

fn rounds(long: usize, short: usize) -> usize {
    if std::env::var_os("AETHER_TEST_LONG").is_some() { long } else { short }
}

/// Sends a request and does not wait for its answer.
async fn send(daemon: &Daemon, token: &str, path: &str, body: &serde_json::Value) -> aether_tests::raw::Raw {
    let body = body.to_string();
    let request = format!(
        "POST /api/v1{path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut connection = daemon.connect().await.unwrap();
    connection.send(request.as_bytes()).await.unwrap();
    connection
}

/// Up to so many times what the work takes when nobody cuts it and nothing else goes on.
async fn some_time(chance: &mut Chance, whole: Duration, times: usize) {
    let most = usize::try_from(whole.as_micros()).unwrap() * times;
    tokio::time::sleep(Duration::from_micros(chance.below(most.max(1000)) as u64)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn snapshots_cut_by_kills_are_whole_or_not_there() {
    let rounds = rounds(400, 100);
    let mut world = World::new(TIRELESS).await;
    let mut chance = Chance(0x5eed_0001);
    // One that works all the time, one that has ended with something in its home.
    let working = world.spawn("append 9000").await;
    let resting = world.spawn("run head -c 3000000 /dev/urandom > noise; seq 1 200000 > numbers").await;
    world.until_completed(resting.pid.0).await;
    world.snapshot(working.pid.0).await;
    let started = Instant::now();
    world.snapshot(resting.pid.0).await;
    let whole = started.elapsed();
    let mut known: BTreeSet<_> = world.snapshots().await.iter().map(|one| one.id).collect();
    let mut came = 0;
    for _ in 0..rounds {
        let _first = send(&world.daemon, &world.token, "/snapshots", &json!({"pid": working.pid})).await;
        let _second = send(&world.daemon, &world.token, "/snapshots", &json!({"pid": resting.pid})).await;
        some_time(&mut chance, whole, 2).await;
        world = world.crash_and_restart().await;
        world.assert_no_scratch();
        let now = world.snapshots().await;
        let ids: BTreeSet<_> = now.iter().map(|one| one.id).collect();
        assert!(known.is_subset(&ids), "a snapshot that was there is gone");
        for one in now.iter().filter(|one| !known.contains(&one.id)) {
            world.verify(one).await;
            came += 1;
        }
        known = ids;
    }
    // Cut at the end, in the middle and at the beginning: otherwise the moments were not random.
    println!("{} snapshots were cut {rounds} times: {came} were whole", 2 * rounds);
    assert!(came > 0 && came < 2 * rounds, "{came} of {}", 2 * rounds);
    for one in world.snapshots().await {
        world.verify(&one).await;
    }
    world.until(working.pid.0, "at work", |row| row.state == State::Running).await;
    // What was finished and never got its row is garbage, and nothing else is.
    let garbage = world.done("POST", "/gc", Some(json!({}))).await;
    for item in garbage["items"].as_array().unwrap() {
        assert_eq!(item["kind"], "archive", "{item}");
    }
    let archives = fs::read_dir(world.daemon.state_dir().join("snapshots")).unwrap();
    assert_eq!(archives.filter(|file| file.as_ref().unwrap().path().is_file()).count(), known.len());
}

/// Writes the same word into many files of the home.
fn mark(world: &World, process: &Process, word: &str) {
    let home = world.home(process);
    for number in 0..60 {
        fs::write(home.join(format!("file-{number}")), word.repeat(5000)).unwrap();
    }
}

/// The word that all files have.
fn marked(world: &World, process: &Process) -> String {
    let home = world.home(process);
    let mut words = BTreeSet::new();
    for number in 0..60 {
        let text = fs::read_to_string(home.join(format!("file-{number}"))).unwrap();
        assert_eq!(text.len(), 15_000);
        words.insert(text[..3].to_owned());
        assert_eq!(text, text[..3].repeat(5000));
    }
    assert_eq!(words.len(), 1, "the home is a mixture: {words:?}");
    words.into_iter().next().unwrap()
}

/// The snapshot that the agent's newest life goes on from.
async fn origin(world: &mut World, process: &Process) -> Option<String> {
    let lives = world.done("GET", &format!("/agents/{}/lives?limit=1", process.agent), None).await;
    let newest = lives["items"][0]["pid"].as_u64().unwrap();
    world.steps(newest).await.into_iter().rev().find_map(|step| match step {
        StepBody::Note { text } => text.split(' ').nth(5).map(str::to_owned),
        _ => None,
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn restores_cut_by_kills_leave_the_old_or_the_new() {
    let rounds = rounds(200, 50);
    let mut world = World::new("").await;
    let mut chance = Chance(0x5eed_0002);
    let process = world.spawn("anything").await;
    world.until_completed(process.pid.0).await;
    let mut snapshots: Vec<(String, Snapshot)> = Vec::new();
    for word in ["one", "two"] {
        mark(&world, &process, word);
        snapshots.push((word.to_owned(), world.snapshot(process.pid.0).await));
    }
    let started = Instant::now();
    world.restore(&snapshots[1].1, None).await;
    let whole = started.elapsed();
    let (mut old, mut new, mut clones) = (0, 0, 0);
    for round in 0..rounds {
        let (word, snapshot) = &snapshots[round % 2];
        let before = marked(&world, &process);
        let path = format!("/snapshots/{}/restore", snapshot.id);
        let _answer = send(&world.daemon, &world.token, &path, &json!({"as": "same_agent"})).await;
        let name = format!("clone {round}");
        let clone = json!({"as": "new_agent", "name": name});
        let _other = send(&world.daemon, &world.token, &path, &clone).await;
        some_time(&mut chance, whole, 4).await;
        world = world.crash_and_restart().await;
        world.assert_no_scratch();
        let after = marked(&world, &process);
        assert!(after == before || after == *word);
        let is_new = after == *word && before != *word;
        new += usize::from(is_new);
        old += usize::from(!is_new);
        // The newest life is the one that this home belongs to.
        let origin = origin(&mut world, &process).await.unwrap();
        let expected = &snapshots.iter().find(|(known, _)| *known == after).unwrap().1;
        assert_eq!(
            origin,
            expected.id.to_string(),
            "round {round}: home and life are of different snapshots"
        );
        // A clone is there with its home, or is not there.
        let agents = world.done("GET", "/agents?limit=200", None).await;
        for agent in agents["items"].as_array().unwrap().iter().filter(|agent| agent["name"] == name) {
            let mut row = process.clone();
            row.agent = agent["id"].as_str().unwrap().parse().unwrap();
            assert_eq!(marked(&world, &row), *word);
            clones += 1;
        }
    }
    println!(
        "{} restores were cut {rounds} times: {new} were done, {old} were not; {clones} clones",
        2 * rounds
    );
    assert!(new > 0 && old > 0, "the moments were not random");
    let garbage = world.done("POST", "/gc", Some(json!({"dry_run": true}))).await;
    assert_eq!(garbage["items"], json!([]), "a home without an agent was left");
}
