//! Lists, events and live words in every order in which they may come.

use aether_client::Incoming;
use aether_protocol::{
    Error, EventBody, Live, Pid,
    files::Place,
    journal::StepBody,
    process::{Phase, State},
};

use super::*;
use crate::tests::fixture::{NOW, agent_id, changed, empty_world, process, stepped, tell, world_of};

fn note(text: &str) -> StepBody {
    StepBody::Note { text: text.to_owned() }
}

fn phase(world: &World, pid: u64) -> Option<Phase> {
    world.process(Pid(pid)).map(|known| known.process.phase)
}

#[test]
fn an_event_during_a_listing_wins_over_the_list() {
    let mut world = World::at(NOW);
    let asked = world.rows.begin_list();
    tell(&mut world, 7, changed(process(1, State::Running, Phase::Executing)));
    world.rows.listed(
        vec![process(1, State::Running, Phase::Thinking), process(2, State::Running, Phase::Thinking)],
        asked,
    );
    world.rows.end_of_list(&[Pid(1), Pid(2)], asked);
    assert_eq!(phase(&world, 1), Some(Phase::Executing));
    assert_eq!(phase(&world, 2), Some(Phase::Thinking));
}

#[test]
fn a_process_that_ended_during_a_listing_stays_ended_even_when_forgotten() {
    let mut world = World::at(NOW);
    let asked = world.rows.begin_list();
    for pid in 1..=300 {
        tell(&mut world, pid, changed(process(pid, State::Dead, Phase::Completed)));
    }
    assert!(world.process(Pid(1)).is_none(), "only the newest ended ones are kept");
    world.rows.listed(vec![process(1, State::Running, Phase::Thinking)], asked);
    world.rows.end_of_list(&[Pid(1)], asked);
    assert_eq!(world.live().count(), 0);
}

#[test]
fn what_ended_while_nobody_listened_leaves_the_live_ones() {
    let mut world = world_of(3);
    world.resync();
    let asked = world.rows.begin_list();
    tell(&mut world, 900, changed(process(9, State::Running, Phase::Thinking)));
    world.rows.listed(vec![process(1, State::Running, Phase::Idle)], asked);
    world.rows.end_of_list(&[Pid(1)], asked);
    let live: Vec<u64> = world.live().map(|known| known.process.pid.0).collect();
    assert_eq!(live, [1, 9], "2 and 3 are not in the list; 9 is newer than the list");
    assert_eq!(phase(&world, 1), Some(Phase::Idle), "no event was newer than the list");
}

#[test]
fn a_list_without_events_is_believed() {
    let mut world = World::at(NOW);
    assert_eq!(world.processes_state(), &Loaded::Loading);
    world.set_processes(Ok(vec![process(4, State::Queued, Phase::Booting)]));
    assert_eq!(world.processes_state(), &Loaded::Ready(()));
    assert_eq!(world.counts(), Counts { running: 0, queued: 1, waiting: 0 });
}

#[test]
fn a_failed_list_says_so_until_one_comes() {
    let mut world = World::at(NOW);
    world.set_processes(Err(Error::unavailable("no connection")));
    assert!(world.processes_state().error().is_some());
    world.set_processes(Ok(Vec::new()));
    world.set_processes(Err(Error::unavailable("no connection")));
    assert_eq!(world.processes_state(), &Loaded::Ready(()), "what is here stays");
}

#[test]
fn memory_is_bounded() {
    let mut world = empty_world();
    for pid in 1..=1_000 {
        tell(&mut world, pid, changed(process(pid, State::Running, Phase::Thinking)));
        for index in 0..40 {
            tell(&mut world, pid, stepped(pid, index, note("x")));
        }
        tell(&mut world, pid, changed(process(pid, State::Dead, Phase::Completed)));
    }
    assert_eq!(world.ended().count(), 200);
    let steps: usize = world.ended().map(|known| known.steps.len()).sum();
    assert!(steps <= 6_000, "{steps} steps");
    for _ in 0..1_000 {
        world.apply(Incoming::Live(Live::Words { pid: Pid(1_000), text: "ä".repeat(100) }));
    }
    assert!(world.process(Pid(1_000)).is_some_and(|known| known.words.len() <= 16_384));
}

#[test]
fn steps_come_in_order_and_once() {
    let mut world = world_of(0);
    tell(&mut world, 1, changed(process(1, State::Running, Phase::Thinking)));
    for index in [0, 1, 1, 0, 2] {
        tell(&mut world, 2, stepped(1, index, note("x")));
    }
    let indexes: Vec<u32> =
        world.process(Pid(1)).map(|known| known.steps.iter().map(|seen| seen.step.index).collect()).unwrap();
    assert_eq!(indexes, [0, 1, 2]);
}

#[test]
fn words_last_until_the_thought_ends() {
    let mut world = world_of(0);
    tell(&mut world, 1, changed(process(1, State::Running, Phase::Thinking)));
    for text in ["one ", "two"] {
        world.apply(Incoming::Live(Live::Words { pid: Pid(1), text: text.to_owned() }));
    }
    assert_eq!(world.process(Pid(1)).unwrap().words, "one two");
    world.apply(Incoming::Live(Live::WordsEnd { pid: Pid(1) }));
    assert_eq!(world.process(Pid(1)).unwrap().words, "");
}

#[test]
fn a_person_is_told_of_what_waits_and_ends_once() {
    let mut world = empty_world();
    let running = changed(process(1, State::Running, Phase::Thinking));
    assert_eq!(tell(&mut world, 1, running), None, "a new process is no news by itself");
    let waiting = changed(process(1, State::Sleeping, Phase::Waiting));
    let notice = tell(&mut world, 2, waiting.clone()).unwrap();
    assert_eq!(notice.kind, NoticeKind::Waiting);
    assert_eq!(notice.body, "Which of the two reports is the final one?");
    assert_eq!(tell(&mut world, 3, waiting), None, "said already");
    let done = tell(&mut world, 4, changed(process(1, State::Dead, Phase::Completed))).unwrap();
    assert_eq!((done.kind, done.opens), (NoticeKind::Good, Some(Intent::Process(Pid(1)))));
}

#[test]
fn files_grow_a_version_with_each_change() {
    let mut world = world_of(0);
    let place = Place::Agent { agent: agent_id(1) };
    assert_eq!(world.files_version(place), 0);
    tell(&mut world, 1, EventBody::FileChanged { place, owner: None, path: "a".to_owned() });
    tell(&mut world, 2, EventBody::FileChanged { place: Place::Shared, owner: None, path: "a".to_owned() });
    assert_eq!((world.files_version(place), world.files_version(Place::Shared)), (1, 1));
    world.resync();
    assert_eq!(world.files_version(place), 2, "after a gap nobody knows, so it is read again");
}

#[test]
fn a_removed_agent_is_gone_and_remembered() {
    let mut world = world_of(8);
    tell(&mut world, 900, EventBody::AgentRemoved { agent: agent_id(7), name: "x".to_owned() });
    assert!(world.process(Pid(7)).is_none());
    assert!(world.is_removed(agent_id(7)));
}
