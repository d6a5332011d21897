//! Decisions, without a process: limits, circles, pressure, homes.

use std::{fs, os::unix::fs::symlink, path::Path};

use aether_protocol::{
    Pid,
    journal::StepBody,
    mind::{ToolCall, Usage},
    process::Limits,
    quota::{Cause, Consequence, Kind, Quotas, Resource},
};
use serde_json::json;

use super::{
    home::Walk,
    measure::{CpuMeter, Look},
    pressure::{Candidate, Order, Reading, Throttle, avg10},
    quota::{self, LastThought, Verdict},
    runaway::Runaway,
};
use crate::config::{PressureConfig, QuotaConfig};

#[test]
fn a_limit_is_near_from_four_fifths_on_and_reached_at_its_value() {
    let judge = |used| quota::judge(used, 10, 80);
    assert_eq!(
        (judge(0), judge(7), judge(8), judge(9)),
        (Verdict::Fine, Verdict::Fine, Verdict::Near, Verdict::Near)
    );
    assert_eq!(
        (judge(10), judge(11), judge(u64::MAX)),
        (Verdict::Reached, Verdict::Reached, Verdict::Reached)
    );
    // No overflow, and no division by nothing.
    assert_eq!(quota::judge(u64::MAX - 1, u64::MAX, 80), Verdict::Near);
    assert_eq!(quota::judge(0, 0, 80), Verdict::Reached);
}

#[test]
fn what_can_be_waited_for_is_paused_and_the_rest_is_ended() {
    let ends: Vec<Kind> =
        Kind::ALL.into_iter().filter(|kind| quota::consequence(*kind) == Consequence::End).collect();
    assert_eq!(ends, [Kind::Memory, Kind::Disk, Kind::Processes, Kind::OpenFiles]);
    for kind in Kind::ALL {
        assert!(!quota::held_by(kind, false).is_empty() && !quota::held_by(kind, true).is_empty());
    }
    assert!(quota::fence(64) > 64 && quota::fence(u64::MAX) == u64::MAX);
}

#[test]
fn a_thought_begins_only_where_it_fits() {
    let usage = |input_tokens, output_tokens| Usage { input_tokens, output_tokens };
    let room = |limit, usage| quota::room_for_thought(limit, usage, 100, 1000);
    assert_eq!(room(10_000, usage(0, 0)), Some(1000));
    // What it may write is cut to what is left, down to an answer that is worth asking for.
    assert_eq!(room(1000, usage(400, 100)), Some(400));
    assert_eq!(room(664, usage(400, 100)), Some(64));
    assert_eq!(room(663, usage(400, 100)), None);
    assert_eq!(room(500, usage(400, 100)), None);
    assert_eq!(room(100, usage(400, 100)), None);
    // What was read last tells more than bytes do.
    let last = |conversation_bytes| Some(LastThought { input_tokens: 800, conversation_bytes });
    assert_eq!(quota::input_tokens(3000, None), 1000);
    assert_eq!(quota::input_tokens(3000, last(Some(2700))), 900);
    assert_eq!(quota::input_tokens(3000, last(Some(9000))), 800);
    assert_eq!(quota::input_tokens(3000, last(None)), 900);
    // A role whose thoughts are shorter than that can use up the rest.
    assert_eq!(quota::room_for_thought(620, usage(400, 100), 100, 16), Some(16));
}

#[test]
fn quotas_out_of_bounds_are_named_with_their_bounds() {
    let bad: [(&str, Quotas); 10] = [
        ("cpu_secs", Quotas { cpu_secs: Some(0), ..Quotas::default() }),
        ("cpu_secs", Quotas { cpu_secs: Some(u64::MAX), ..Quotas::default() }),
        ("memory_bytes", Quotas { memory_bytes: Some((64 << 20) - 1), ..Quotas::default() }),
        ("disk_bytes", Quotas { disk_bytes: Some(0), ..Quotas::default() }),
        ("processes", Quotas { processes: Some(7), ..Quotas::default() }),
        ("processes", Quotas { processes: Some(u32::MAX), ..Quotas::default() }),
        ("open_files", Quotas { open_files: Some(31), ..Quotas::default() }),
        ("tokens", Quotas { tokens: Some(0), ..Quotas::default() }),
        ("steps", Quotas { steps: Some(10_001), ..Quotas::default() }),
        ("wall_secs", Quotas { wall_secs: Some(0), ..Quotas::default() }),
    ];
    for (name, quotas) in bad {
        let error = quota::checked(quotas).unwrap_err();
        assert_eq!(error.message, format!("quotas.{name} is out of bounds"));
        assert!(error.hint.is_some_and(|hint| hint.contains(" to ")), "{name}");
    }
    assert!(quota::checked(Quotas::default()).is_ok());
    assert!(
        quota::checked(QuotaConfig::default().defaults()).is_ok(),
        "the defaults are within their bounds"
    );
}

#[test]
fn a_life_takes_what_was_asked_then_the_roles_then_the_kernels() {
    let config = QuotaConfig::default();
    let asked = Quotas { tokens: Some(5), ..Quotas::default() };
    let role = Quotas { tokens: Some(7), disk_bytes: Some(9), ..Quotas::default() };
    let quotas = quota::for_life(asked, role, &config, &Limits::default());
    assert_eq!((quotas.tokens, quotas.disk_bytes), (Some(5), Some(9)));
    assert_eq!(quotas.cpu_secs, Some(config.cpu_secs));
    // The whole is not less than what one process was promised, and stays below the fence of its processes.
    let limits = Limits { memory_bytes: Some(64 << 30), processes: Some(80), ..Limits::default() };
    let quotas = quota::for_life(Quotas::default(), Quotas::default(), &config, &limits);
    assert_eq!((quotas.memory_bytes, quotas.processes), (Some(64 << 30), Some(70)));
}

#[test]
fn reasons_say_what_and_how_to_go_on() {
    let said = |kind, used, limit| quota::in_words(&Cause::Quota { kind, used, limit }, Pid(7));
    assert_eq!(
        said(Kind::Tokens, 1_150, 1_200),
        "Its quota of 1,200 tokens leaves no room for the next thought: 1,150 tokens are used; `aether quota 7 --tokens …` raises it"
    );
    assert_eq!(
        said(Kind::Memory, 300 << 20, 256 << 20),
        "It had 300 MiB of memory; its quota is 256 MiB of memory"
    );
    assert!(said(Kind::CpuTime, 2, 2).contains("`aether quota 7 --cpu-secs …`"));
    let same = Cause::SameCall { tool: "run_command".into(), times: 10 };
    assert!(quota::in_words(&same, Pid(7)).contains("`aether resume 7`"));
}

fn call(tool: &str, args: serde_json::Value) -> ToolCall {
    ToolCall { id: "call-0-0".into(), tool: tool.into(), args }
}

#[test]
fn the_same_call_in_a_row_is_noticed_and_another_in_between_is_not() {
    let (same, other) = (call("read_file", json!({"path": "a"})), call("read_file", json!({"path": "b"})));
    let mut runaway = Runaway::default();
    for round in 0..3 {
        assert_eq!(runaway.before(&same, 3, 0), None, "{round}");
        runaway.begun(&same);
        // Another result each time: it is the same call all the same.
        runaway.ended(true, &round.to_string());
    }
    assert_eq!(runaway.before(&other, 3, 0), None);
    assert_eq!(runaway.before(&same, 0, 0), None, "the rule is off");
    let cause = Cause::SameCall { tool: "read_file".into(), times: 3 };
    assert_eq!(runaway.before(&same, 3, 0), Some(cause));
    runaway.begun(&other);
    assert_eq!(runaway.before(&same, 3, 0), None);
    runaway.forgive();
    assert_eq!(runaway.before(&same, 1, 1), None);
}

#[test]
fn going_round_in_a_circle_brings_nothing_new() {
    let circle = [call("read_file", json!({"path": "a"})), call("list_dir", json!({"path": "."}))];
    let mut runaway = Runaway::default();
    let mut steps = Vec::new();
    for round in 0..12 {
        let call = &circle[round % 2];
        assert_eq!(runaway.before(call, 3, 10), None, "{round}");
        runaway.begun(call);
        runaway.ended(true, "as before");
        let (call, tool, output) = (call.clone(), call.tool.clone(), "as before".to_owned());
        steps.push(StepBody::CallStarted { call: call.clone() });
        steps.push(StepBody::CallFinished { call: call.id, tool, ok: true, output, duration_ms: 1 });
    }
    assert_eq!(runaway.before(&circle[0], 3, 10), Some(Cause::NoChange { calls: 10 }));
    // A journal that is read back knows the same.
    let mut again = Runaway::default();
    again.replay(steps.iter());
    assert_eq!(again.before(&circle[0], 3, 10), Some(Cause::NoChange { calls: 10 }));
    // Something new, and all is well again.
    runaway.begun(&circle[0]);
    runaway.ended(true, "another content");
    assert_eq!(runaway.before(&circle[1], 3, 10), None);
}

fn candidate(pid: u64, priority: u8) -> Candidate {
    Candidate { pid: Pid(pid), priority, is_working: true, is_exempt: false }
}

fn config() -> PressureConfig {
    PressureConfig { memory_percent: 20, io_percent: 60, cpu_percent: 90 }
}

#[test]
fn the_lowest_priority_stands_back_first_and_comes_back_last() {
    let all = [candidate(1, 1), candidate(2, 3), candidate(3, 5), candidate(4, 5)];
    let short = Reading { memory: 50.0, ..Reading::default() };
    let mut throttle = Throttle::default();
    let order = |throttle: &mut Throttle, at, reading| throttle.look(at, reading, &all, &config());
    let stands_back = |pid| Some(Order::Throttle(Pid(pid), Resource::Memory, 50.0));
    assert_eq!(order(&mut throttle, 0, short), stands_back(4));
    assert_eq!(order(&mut throttle, 1, short), stands_back(3));
    assert_eq!(order(&mut throttle, 2, short), stands_back(2));
    // The highest priority never does, and nothing is released while it lasts.
    assert_eq!(order(&mut throttle, 3, short), None);
    // Between half the threshold and the threshold nothing happens.
    assert_eq!(order(&mut throttle, 4, Reading { memory: 15.0, ..Reading::default() }), None);
    let calm = Reading { memory: 5.0, ..Reading::default() };
    for pid in [2, 3, 4] {
        assert_eq!(order(&mut throttle, 5, calm), Some(Order::Release(Pid(pid))));
    }
    assert_eq!(order(&mut throttle, 6, calm), None);
}

#[test]
fn nobody_stands_back_for_ever_nor_against_a_persons_word() {
    let all = [candidate(1, 2), candidate(2, 3)];
    let short = Reading { memory: 50.0, ..Reading::default() };
    let mut throttle = Throttle::default();
    assert!(matches!(throttle.look(0, short, &all, &config()), Some(Order::Throttle(Pid(2), ..))));
    assert_eq!(throttle.look(29_999, short, &all, &config()), None, "the last one works on");
    assert_eq!(throttle.look(30_000, short, &all, &config()), Some(Order::Release(Pid(2))));
    let exempt = [candidate(1, 2), Candidate { is_exempt: true, ..candidate(2, 3) }];
    let first = throttle.look(30_001, short, &exempt, &config());
    assert!(matches!(first, Some(Order::Throttle(Pid(1), ..))), "{first:?}");
    throttle.forget(|_| false);
    assert!(!throttle.holds(Pid(1)));
}

#[test]
fn cpu_that_equals_share_is_no_reason_to_stand_back_and_short_peaks_are_none() {
    let busy = Reading { cpu: 99.0, ..Reading::default() };
    let mut throttle = Throttle::default();
    let equals = [candidate(1, 3), candidate(2, 3)];
    for at in 0..20 {
        assert_eq!(throttle.look(at, busy, &equals, &config()), None);
    }
    let mixed = [candidate(1, 3), candidate(2, 4)];
    let mut throttle = Throttle::default();
    for at in 0..4 {
        assert_eq!(throttle.look(at, busy, &mixed, &config()), None);
    }
    assert!(matches!(
        throttle.look(4, busy, &mixed, &config()),
        Some(Order::Throttle(Pid(2), Resource::Cpu, _))
    ));
    // Turned off.
    let off = PressureConfig { memory_percent: 0, io_percent: 0, cpu_percent: 0 };
    let mut throttle = Throttle::default();
    for at in 0..20 {
        assert_eq!(throttle.look(at, busy, &mixed, &off), None);
    }
}

#[test]
fn pressure_is_read_as_linux_writes_it() {
    let text = "some avg10=50.75 avg60=50.22 avg300=38.40 total=6736567678\nfull avg10=1.00 avg60=0.00 avg300=0.00 total=0\n";
    assert_eq!(avg10(text), Some(50.75));
    assert_eq!(avg10("nonsense"), None);
}

#[test]
fn cpu_time_of_those_who_vanish_is_not_forgotten() {
    let mut meter = CpuMeter::default();
    assert_eq!(meter.take(10), 10);
    assert_eq!(meter.take(40), 40);
    // One that nobody waits for took 30 along.
    assert_eq!(meter.take(12), 40);
    assert_eq!(meter.take(20), 48);
}

fn file(path: &Path, bytes: usize) {
    fs::write(path, vec![7; bytes]).unwrap();
}

#[test]
fn a_home_is_measured_piece_by_piece_and_not_beyond_its_links() {
    let dir = tempfile::tempdir().unwrap();
    let (home, outside) = (dir.path().join("home"), dir.path().join("outside"));
    fs::create_dir_all(home.join("a/b/c")).unwrap();
    fs::create_dir(&outside).unwrap();
    file(&outside.join("large"), 4 << 20);
    for number in 0..50 {
        file(&home.join(format!("a/b/c/{number}")), 64 << 10);
    }
    file(&home.join("twice"), 1 << 20);
    fs::hard_link(home.join("twice"), home.join("a/again")).unwrap();
    symlink(&outside, home.join("a/out")).unwrap();
    symlink("/", home.join("root")).unwrap();
    let mut walk = Walk::new(home.clone());
    assert_eq!(walk.bytes(), None);
    let mut looks = 0;
    while walk.bytes().is_none() {
        assert!(walk.go_on(10) <= 10);
        looks += 1;
    }
    assert!(looks > 5, "{looks}");
    let whole = walk.bytes().unwrap();
    let expected = 50 * (64 << 10) + (1 << 20);
    assert!((expected..expected + (512 << 10)).contains(&whole), "{whole}");
    // What comes is found by the next walk, also before it is at its end.
    file(&home.join("more"), 8 << 20);
    for _ in 0..4 {
        walk.go_on(1000);
    }
    assert!(walk.at_least() >= whole + (8 << 20));
}

#[test]
fn a_home_deeper_than_a_path_can_be_is_measured() {
    use rustix::fs::{Mode, OFlags, mkdirat, open, openat};
    let dir = tempfile::tempdir().unwrap();
    let flags = OFlags::RDONLY | OFlags::DIRECTORY;
    let mut at = open(dir.path(), flags, Mode::empty()).unwrap();
    let name = "d".repeat(250);
    for _ in 0..30 {
        mkdirat(&at, name.as_str(), Mode::RWXU).unwrap();
        at = openat(&at, name.as_str(), flags, Mode::empty()).unwrap();
    }
    let hidden = openat(&at, "hidden", OFlags::CREATE | OFlags::WRONLY, Mode::RUSR | Mode::WUSR).unwrap();
    rustix::io::write(&hidden, &vec![1; 1 << 20]).unwrap();
    let mut walk = Walk::new(dir.path().to_owned());
    while walk.bytes().is_none() {
        walk.go_on(1000);
    }
    assert!(walk.bytes().unwrap() >= 1 << 20, "{:?}", walk.bytes());
}

#[test]
fn a_pass_over_the_host_finds_this_process() {
    use std::os::unix::fs::MetadataExt as _;
    let namespace = fs::metadata("/proc/self/ns/pid").unwrap().ino();
    let mut look = Look::default();
    let found = look.take(&[namespace].into());
    let census = &found[&namespace];
    assert!(census.members.contains(&i32::try_from(std::process::id()).unwrap()));
    assert!(census.resident_bytes > 1 << 20 && census.processes > 1 && census.open_files > 3, "{census:?}");
    assert!(look.take(&[1].into()).is_empty());
}

#[test]
fn waiting_for_messages_is_no_circle_while_some_come() {
    use super::runaway::Runaway;
    let call = aether_protocol::mind::ToolCall {
        id: "c".into(),
        tool: "read_messages".into(),
        args: serde_json::json!({"wait_secs": 60}),
    };
    let mut runaway = Runaway::default();
    for number in 0..50 {
        assert!(runaway.before(&call, 10, 25).is_none(), "{number}");
        runaway.begun(&call);
        runaway.ended(true, &format!("agent one, directly: {number}"));
    }
    for _ in 0..26 {
        runaway.begun(&call);
        runaway.ended(true, "There are no new messages.");
    }
    assert!(runaway.before(&call, 10, 25).is_some());
}
