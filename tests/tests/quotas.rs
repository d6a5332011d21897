//! Quotas over a real kernel: what agents use up, what happens then, and that it hurts nobody else.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "lives/world.rs"]
#[allow(dead_code, reason = "shared with the tests of lives, which use the rest")]
mod world;

use std::time::Instant;

use aether_protocol::{
    Event, EventBody,
    journal::StepBody,
    process::{Phase, Process, State},
    quota::{Act, Cause, Decision, Kind, Mechanism, QuotaReport},
};
use aether_tests::{
    attack::{self, Attack},
    bench::measure::{Sorted, millis},
    scripted::{Answer, Script},
};
use serde_json::{Value, json};
use world::{World, members, namespace};

/// Nothing but thoughts, so that the descriptions of the tools cost little.
const SMALL: [&str; 2] = ["think", "complete"];

async fn report(world: &mut World, pid: u64) -> QuotaReport {
    serde_json::from_value(world.done("GET", &format!("/processes/{pid}/quotas"), None).await).unwrap()
}

async fn set(world: &mut World, pid: u64, quotas: Value) -> QuotaReport {
    let path = format!("/processes/{pid}/quotas");
    serde_json::from_value(world.done("PUT", &path, Some(quotas)).await).unwrap()
}

fn used(report: &QuotaReport, kind: Kind) -> Option<u64> {
    report.quotas.iter().find(|one| one.kind == kind).unwrap().used
}

async fn decisions(world: &mut World, pid: u64) -> Vec<Decision> {
    let events =
        world.events().await.into_iter().map(|event| serde_json::from_value::<Event>(event).unwrap());
    events
        .filter_map(|event| match event.body {
            EventBody::GovernorActed { decision } if decision.pid.0 == pid => Some(*decision),
            _ => None,
        })
        .collect()
}

/// What the audit says of the governor's decisions about a process: decision and reason.
fn audited(world: &World, pid: u64) -> Vec<(String, String)> {
    let database = rusqlite::Connection::open(world.daemon.state_dir().join("state.db")).unwrap();
    let mut query = database
        .prepare("SELECT command, outcome FROM audit WHERE command LIKE 'governor.%' AND target = ?1 AND actor LIKE '%kernel%'")
        .unwrap();
    let rows = query.query_map([pid.to_string()], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

fn is_stopped(process: &Process) -> bool {
    matches!(process.state, State::Dead | State::Paused)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_attackers_at_once_are_each_stopped_for_their_own_reason() {
    let mut world = World::new(attack::QUOTAS).await;
    let mut attackers = Vec::new();
    for Attack { kind, limit, spawn } in attack::all() {
        attackers.push((kind, limit, world.spawn_as(spawn).await));
    }
    let other = world.spawn("append 3").await.pid.0;
    let (mut times, mut left) = (Vec::new(), attackers.len());
    let began = Instant::now();
    while left > 0 {
        let asked = Instant::now();
        world.done("GET", "/status", None).await;
        times.push(millis(asked.elapsed()));
        left = 0;
        for (kind, _, attacker) in &attackers {
            let now = world.get(attacker.pid.0).await;
            left += usize::from(!is_stopped(&now));
            assert!(began.elapsed() < world::PATIENCE, "{kind:?} goes on: {now:#?}\n{}", world.daemon.log());
        }
    }
    println!(
        "all stopped after {:?}; status under attack: p99 {:.1} ms of {}",
        began.elapsed(),
        Sorted::new(times.clone()).percentile(0.99),
        times.len()
    );
    world.until_completed(other).await;

    for (kind, limit, attacker) in attackers {
        let pid = attacker.pid.0;
        let ends = kind != Kind::CpuTime;
        let (state, act) = if ends { (State::Dead, Act::Ended) } else { (State::Paused, Act::Paused) };
        let stopped = world.until(pid, "stopped", |process| process.state == state).await;
        let decisions = decisions(&mut world, pid).await;
        let last = decisions.iter().find(|decision| decision.act == act);
        let last = last.unwrap_or_else(|| panic!("{kind:?}: {decisions:#?}"));
        let Cause::Quota { kind: cause, used, limit: at } = last.cause else { panic!("{kind:?}: {last:?}") };
        assert_eq!((cause, at), (kind, limit), "{last:?}");
        println!("{kind:?}: {used} of {limit}: {}", last.reason);
        // What Linux itself refuses stands an eighth above; what fills up between two looks comes on top.
        assert!(used >= limit && used <= limit * 20, "{last:?}");
        if matches!(kind, Kind::Processes) {
            assert!(used <= limit + 20, "{last:?}");
        }
        assert_eq!(stopped.reason.as_ref(), Some(&last.reason));
        if ends {
            assert_eq!(stopped.phase, Phase::Failed);
            let steps = world.steps(pid).await;
            let failed = StepBody::Failed { reason: last.reason.clone() };
            assert_eq!(steps.last(), Some(&failed), "{steps:#?}");
        }
        let audited = audited(&world, pid);
        let entry = (if ends { "governor.end" } else { "governor.pause" }).to_owned();
        assert!(audited.contains(&(entry, last.reason.clone())), "{audited:#?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn used_up_cpu_time_freezes_the_tree_until_the_quota_is_raised_also_after_a_crash() {
    let mut world = World::new(attack::QUOTAS).await;
    let goal = "run (setsid sh -c 'while :; do :; done' &); while [ ! -e stop ]; do :; done";
    let process = world.spawn_as(json!({"role": "assistant", "goal": goal, "quotas": {"cpu_secs": 1}})).await;
    let pid = process.pid.0;
    let paused = world.until(pid, "paused", |process| process.state == State::Paused).await;
    assert!(paused.reason.as_ref().unwrap().contains("quota of 1 s of CPU time is used up"), "{paused:#?}");
    let inside = namespace(paused.host_pid.unwrap(), "pid").unwrap();
    let ticks = world::ticks(&inside);
    world.let_time_pass().await;
    assert_eq!(world::ticks(&inside), ticks, "what is frozen gets CPU time");
    assert!(members(&inside).iter().all(|task| matches!(task.state, 'T' | 'Z')), "{:?}", members(&inside));
    // Neither a resume nor CONT is a way around it.
    let path = format!("/processes/{pid}/resume");
    let problem = world.refused("POST", &path, None, 409, "exhausted").await;
    assert!(problem["hint"].as_str().unwrap().contains("quota"), "{problem}");
    assert_eq!(world.signal(pid, "STOP").await.state, State::Stopped);
    assert_eq!(world.signal(pid, "CONT").await.state, State::Paused);
    assert_eq!(world::ticks(&inside), ticks, "CONT woke it");

    let before = used(&report(&mut world, pid).await, Kind::CpuTime).unwrap();
    let mut world = world.crash_and_restart().await;
    let again = world.until(pid, "there again", |process| process.host_pid.is_some()).await;
    assert_eq!((again.state, &again.reason), (State::Paused, &paused.reason));
    let kept = report(&mut world, pid).await;
    assert!(used(&kept, Kind::CpuTime).unwrap() >= before.max(1), "{kept:?}");
    assert!(matches!(kept.hold, Some(Cause::Quota { kind: Kind::CpuTime, .. })), "{kept:?}");

    std::fs::write(world.home(&process).join("stop"), "").unwrap();
    let raised = set(&mut world, pid, json!({"cpu_secs": 600})).await;
    assert_eq!(raised.hold, None);
    world.until_completed(pid).await;
    let acts: Vec<Act> = decisions(&mut world, pid).await.iter().map(|decision| decision.act).collect();
    assert!(acts.ends_with(&[Act::Paused, Act::Released]), "{acts:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_tree_is_thawed_in_place_and_can_be_ended() {
    let mut world = World::new(attack::QUOTAS).await;
    let goal = "run while [ ! -e stop ]; do :; done";
    let spawn = json!({"role": "assistant", "goal": goal, "quotas": {"cpu_secs": 1}});
    let (going, ending) = (world.spawn_as(spawn.clone()).await, world.spawn_as(spawn).await);
    for process in [&going, &ending] {
        world.until(process.pid.0, "paused", |process| process.state == State::Paused).await;
    }
    // Nothing of it can end by itself: TERM ends it at once.
    assert_eq!(world.signal(ending.pid.0, "TERM").await.state, State::Dead);
    std::fs::write(world.home(&going).join("stop"), "").unwrap();
    set(&mut world, going.pid.0, json!({"cpu_secs": 60})).await;
    assert_eq!(world.until_completed(going.pid.0).await.restarts, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_pause_before_the_quota_is_exceeded_and_raising_it_goes_on() {
    let mut world = World::new("").await;
    let spawn = json!({"role": "assistant", "goal": "think 30", "tools": SMALL, "quotas": {"tokens": 3000}});
    let pid = world.spawn_as(spawn).await.pid.0;
    let paused = world.until(pid, "paused", |process| process.state == State::Paused).await;
    let spent = paused.usage.input_tokens + paused.usage.output_tokens;
    assert!((2400..=3000).contains(&spent), "{paused:#?}");
    assert!(paused.reason.as_ref().unwrap().contains("quota of 3,000 tokens"), "{paused:#?}");
    let asked = world.server.requests().len();
    world.let_time_pass().await;
    assert_eq!(world.get(pid).await.usage, paused.usage);
    assert_eq!(world.server.requests().len(), asked + 2, "it thought without a quota");

    // The same after a restart, and no warning twice.
    let mut world = world.crash_and_restart().await;
    let again = world.until(pid, "there again", |process| process.host_pid.is_some()).await;
    assert_eq!((again.state, &again.reason, again.usage), (State::Paused, &paused.reason, paused.usage));
    let raised = set(&mut world, pid, json!({"tokens": 50_000})).await;
    assert_eq!((raised.hold, raised.quotas[1].limit), (None, Some(50_000)));
    let completed = world.until_completed(pid).await;
    assert_eq!((completed.steps_used, completed.reason), (31, None));

    let decisions = decisions(&mut world, pid).await;
    let warned: Vec<_> = decisions.iter().filter(|decision| decision.act == Act::Warned).collect();
    assert_eq!(warned.len(), 1, "{decisions:#?}");
    assert!(matches!(warned[0].cause, Cause::Quota { kind: Kind::Tokens, used: 2400..3000, limit: 3000 }));
    // The agent was told with its next result, once.
    let told: Vec<StepBody> = world
        .steps(pid)
        .await
        .into_iter()
        .filter(|step| matches!(step, StepBody::Message { from, .. } if from == "governor"))
        .collect();
    assert_eq!(told.len(), 1, "{told:?}");
    let last = world.server.requests().last().unwrap().to_string();
    assert!(last.contains("of your quota of 3,000 tokens; you will be paused"), "{last}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn running_time_counts_only_while_it_runs() {
    let mut world = World::new(attack::QUOTAS).await;
    let goal = "run while [ ! -e stop ]; do sleep 0.05; done";
    let process =
        world.spawn_as(json!({"role": "assistant", "goal": goal, "quotas": {"wall_secs": 1}})).await;
    let asking =
        world.spawn_as(json!({"role": "assistant", "goal": "ask What?", "quotas": {"wall_secs": 3}})).await;
    let pid = process.pid.0;
    let paused = world.until(pid, "paused", |process| process.state == State::Paused).await;
    assert!(paused.reason.unwrap().contains("1 s of running time"));
    // The other one waits for a person all the while, and longer than that.
    let long =
        world.spawn_as(json!({"role": "assistant", "goal": "run sleep 4", "quotas": {"wall_secs": 60}}));
    let long = long.await.pid.0;
    world.until_completed(long).await;
    assert_eq!(world.get(asking.pid.0).await.state, State::Sleeping);
    std::fs::write(world.home(&process).join("stop"), "").unwrap();
    set(&mut world, pid, json!({"wall_secs": 100})).await;
    world.until_completed(pid).await;
    let kept = report(&mut world, pid).await;
    assert!(used(&kept, Kind::WallTime).unwrap() >= 1, "what it has used is known after its end: {kept:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_runaway_is_paused_with_the_reason_and_goes_on_when_told_so() {
    let script = Script::new(|conversation| {
        let again = |command: &str| Answer::call("run_command", json!({"command": command}));
        match conversation.goal.as_str() {
            "same" if conversation.thought < 8 => again("date +%N >> calls.log; cat calls.log"),
            "circle" if conversation.thought < 40 => {
                again(if conversation.thought % 2 == 0 { "echo here" } else { "echo there" })
            }
            _ => Answer::complete("Done"),
        }
    });
    let mut world = World::with(script, "[quotas]\nsame_call = 5\nno_change = 10\n", "").await;
    let same = world.spawn("same").await;
    let paused = world.until(same.pid.0, "paused", |process| process.state == State::Paused).await;
    let reason = paused.reason.unwrap();
    assert!(reason.contains("same call of run_command with the same arguments 5 times in a row"), "{reason}");
    let calls = |steps: &[StepBody]| {
        steps.iter().filter(|step| matches!(step, StepBody::CallFinished { .. })).count()
    };
    assert_eq!(calls(&world.steps(same.pid.0).await), 5);
    // Still so after a restart; a person decides.
    let mut world = world.crash_and_restart().await;
    let again = world.until(same.pid.0, "there again", |process| process.host_pid.is_some()).await;
    assert_eq!((again.state, again.reason), (State::Paused, Some(reason)));
    world.order(same.pid.0, "resume", None).await;
    world.until_completed(same.pid.0).await;
    assert_eq!(std::fs::read_to_string(world.home(&same).join("calls.log")).unwrap().lines().count(), 8);

    let circle = world.spawn("circle").await.pid.0;
    let paused = world.until(circle, "paused", |process| process.state == State::Paused).await;
    assert!(paused.reason.unwrap().contains("Its last 10 calls brought nothing new"));
    assert_eq!(calls(&world.steps(circle).await), 12);
    let decisions = decisions(&mut world, circle).await;
    assert!(matches!(decisions[0], Decision { act: Act::Paused, cause: Cause::NoChange { calls: 10 }, .. }));
    assert_eq!(audited(&world, circle)[0].0, "governor.pause");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_runaway_that_a_person_let_go_on_is_not_held_for_the_same_calls_after_a_crash() {
    let script = Script::new(|conversation| match conversation.thought {
        0..5 => Answer::call("run_command", json!({"command": "echo here"})),
        _ => Answer::complete("Done"),
    });
    let mut world = World::with(script, "[quotas]\nsame_call = 4\n", "").await;
    let pid = world.spawn("same").await.pid.0;
    world.until(pid, "paused", |process| process.state == State::Paused).await;
    world.order(pid, "resume", None).await;
    // Its journal is read back, with the four calls it was held for.
    let mut world = world.crash_and_restart().await;
    world.until_completed(pid).await;
    let paused = |decision: &&Decision| decision.act == Act::Paused;
    assert_eq!(decisions(&mut world, pid).await.iter().filter(paused).count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn quotas_are_shown_with_what_holds_them_and_bad_ones_are_refused() {
    let mut world = World::new("max_steps = 7\n[quotas]\ntokens = 4321\n").await;
    let asked = json!({"role": "assistant", "goal": "ask Wait", "quotas": {"processes": 40, "disk_bytes": 5_000_000}});
    let pid = world.spawn_as(asked).await.pid.0;
    world.until(pid, "asking", |process| process.phase == Phase::Waiting).await;
    let shown = report(&mut world, pid).await;
    let limit = |kind| shown.quotas.iter().find(|one| one.kind == kind).unwrap().limit;
    assert_eq!(
        (limit(Kind::Processes), limit(Kind::Disk), limit(Kind::Tokens), limit(Kind::Steps)),
        (Some(40), Some(5_000_000), Some(4321), Some(7))
    );
    assert!(shown.quotas.iter().all(|one| one.held_by.contains(&Mechanism::Accounting)), "{shown:?}");
    let process = world.get(pid).await;
    let layer = process.sandbox.iter().find(|layer| layer.name == "governor").unwrap();
    assert!(layer.detail.contains("rlimits"), "{layer:?}");
    // What Linux refuses by itself stands close behind.
    let rlimits = process.sandbox.iter().find(|layer| layer.name == "rlimits").unwrap();
    assert!(rlimits.detail.contains("56 processes"), "{rlimits:?}");

    let path = format!("/processes/{pid}/quotas");
    for (bad, told) in [
        (json!({"tokens": 0}), "quotas.tokens is out of bounds"),
        (json!({"tokens": -1}), "tokens: invalid value: integer `-1`"),
        (json!({"tokens": 1e30}), "tokens: invalid type: floating point"),
        (json!({"tokens": u64::MAX}), "quotas.tokens is out of bounds"),
        (json!({"tokens": "many"}), "tokens: invalid type: string \"many\""),
        (json!({"memory_bytes": 1}), "quotas.memory_bytes is out of bounds"),
        (json!({"processes": 4_294_967_296_u64}), "processes: invalid value"),
        (json!({"cpu_secs": 31_536_001}), "quotas.cpu_secs is out of bounds"),
        (json!({"token": 5}), "unknown field `token`"),
        (json!({}), "No quota is named"),
    ] {
        let problem = world.refused("PUT", &path, Some(bad.clone()), 400, "invalid").await;
        assert!(problem["detail"].as_str().unwrap().contains(told), "{bad}: {problem}");
        if bad != json!({}) {
            let spawn = json!({"role": "assistant", "goal": "ask Wait", "quotas": bad});
            let problem = world.refused("POST", "/processes", Some(spawn), 400, "invalid").await;
            let detail = problem["detail"].as_str().unwrap();
            assert!(detail.contains("out of bounds") || detail.contains("does not fit"), "{bad}: {problem}");
        }
    }
    let limits = |report: &QuotaReport| -> Vec<_> {
        report.quotas.iter().map(|one| (one.kind, one.limit, one.held_by.clone())).collect()
    };
    let now = report(&mut world, pid).await;
    assert_eq!(limits(&now), limits(&shown), "a refused quota changed something");
    let some = Some(json!({"tokens": 5}));
    world.refused("PUT", "/processes/99999/quotas", some.clone(), 404, "not_found").await;
    world.signal(pid, "KILL").await;
    world.refused("PUT", &path, some, 409, "conflict").await;
    assert_eq!(limit_of(&report(&mut world, pid).await, Kind::Processes), Some(40));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lower_priorities_stand_back_first_while_the_machine_is_short_of_cpu() {
    assert!(
        std::fs::exists("/proc/pressure/cpu").unwrap(),
        "this Linux has no /proc/pressure: start it with psi=1"
    );
    let mut world = World::new("max_running = 8\n[quotas.pressure]\ncpu_percent = 25\n").await;
    let all = "run for i in $(seq $(($(nproc) + 3))); do while :; do :; done & done; wait";
    let hog = world.spawn_as(json!({"role": "assistant", "goal": all, "priority": 2})).await.pid.0;
    let goal = "run while [ ! -e stop ]; do sleep 0.05; done";
    let lowest = world.spawn_as(json!({"role": "assistant", "goal": goal, "priority": 5})).await;
    let lower = world.spawn_as(json!({"role": "assistant", "goal": goal, "priority": 4})).await;
    let stands_back = |process: &Process| process.state == State::Stopped;
    let first = world.until(lowest.pid.0, "standing back", stands_back).await;
    assert!(first.reason.as_ref().unwrap().contains("The machine is short of CPU"), "{first:#?}");
    let second = world.until(lower.pid.0, "standing back too", stands_back).await;
    assert_eq!(world.get(hog).await.state, State::Running);
    // A person's word stands above it.
    let woken = world.signal(lowest.pid.0, "CONT").await;
    assert_eq!((woken.state, woken.reason), (State::Running, None));
    for process in [&lowest, &lower] {
        std::fs::write(world.home(process).join("stop"), "").unwrap();
    }
    world.until_completed(lowest.pid.0).await;
    // The other one comes back when there is room, or after its time.
    world.signal(hog, "KILL").await;
    world.until_completed(lower.pid.0).await;
    let acts: Vec<Act> =
        decisions(&mut world, lower.pid.0).await.iter().map(|decision| decision.act).collect();
    assert_eq!(acts, [Act::Throttled, Act::Released]);
    assert_eq!(audited(&world, lower.pid.0)[0], ("governor.throttle".to_owned(), second.reason.unwrap()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lives_that_are_looked_at_all_the_time_from_their_first_moment_on_complete() {
    let mut world =
        World::new("max_running = 6\n[quotas]\nlook_every_ms = 10\nmemory_bytes = 268435456\n").await;
    let mut pids = Vec::new();
    for _ in 0..18 {
        pids.push(world.spawn("write a b").await.pid.0);
    }
    for pid in pids {
        world.until_completed(pid).await;
        assert_eq!(decisions(&mut world, pid).await, []);
    }
}

fn limit_of(report: &QuotaReport, kind: Kind) -> Option<u64> {
    report.quotas.iter().find(|one| one.kind == kind).unwrap().limit
}
