//! Channels over a real kernel: agents and people that speak to each other, through crashes, full queues and refusals.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "lives/world.rs"]
#[allow(dead_code, reason = "shared with the tests of lives, which use the rest")]
mod world;

use aether_protocol::{
    channel::{Channel, Member, Message},
    journal::StepBody,
    process::{Process, State},
};
use aether_tests::{
    daemon::OWNER,
    scripted::{Answer, Conversation, Script},
};
use serde_json::{Value, json};
use world::{PATIENCE, World, summary};

/// What the teller says before the end.
const ITEMS: usize = 30;

/// In the configuration: nobody is slowed down.
const FAST: &str = "[channels]\nposts_per_minute = 1000000";

/// Does what the goal's first word says.
fn by_goal(conversation: &Conversation) -> Answer {
    let (word, rest) = conversation.goal.split_once(' ').unwrap_or((&conversation.goal, ""));
    let (thought, last) = (conversation.thought, conversation.last.as_str());
    let wait = || Answer::call("read_messages", json!({"wait_secs": 3600}));
    match word {
        // Says so many things, and waits until it hears that they have arrived.
        "tell" if thought < ITEMS => {
            Answer::call("send_message", json!({"channel": rest, "text": format!("item {thought}")}))
        }
        "tell" if thought == ITEMS => {
            Answer::call("send_message", json!({"channel": rest, "text": "the end"}))
        }
        "tell" if last.contains("all here") => Answer::complete("It has arrived"),
        "collect" if last.contains("the end") => {
            Answer::call("send_message", json!({"to": rest, "text": "all here"}))
        }
        "collect" if last == "Sent." => Answer::complete("I have all of it"),
        "listen" if thought > 0 => Answer::complete(last),
        // Two of these talk for ever.
        "serve" if thought == 0 => Answer::call("send_message", json!({"to": rest, "text": "ping"})),
        "serve" | "return" if last.contains("ping") => {
            Answer::call("send_message", json!({"to": rest, "text": "ping"}))
        }
        "tell" | "collect" | "listen" | "serve" | "return" => wait(),
        // Every call at once, as JSON.
        "calls" if thought == 0 => {
            let calls: Vec<(String, Value)> = serde_json::from_str(rest).unwrap();
            calls.into_iter().fold(Answer::default(), |answer, (tool, args)| answer.and_call(&tool, args))
        }
        _ => Answer::complete("There is nothing to do"),
    }
}

async fn world(more: &str) -> World {
    World::with(Script::new(by_goal), more, "").await
}

/// An agent that exists and does not run.
async fn agent(world: &mut World, name: &str) -> String {
    let spawn = json!({"role": "assistant", "name": name, "goal": "be"});
    let process = world.spawn_as(spawn).await;
    world.until_completed(process.pid.0).await;
    process.agent.to_string()
}

async fn live(world: &mut World, agent: &str, goal: &str) -> Process {
    world.spawn_as(json!({"agent": agent, "goal": goal})).await
}

async fn create(world: &mut World, name: &str, agents: &[&str]) -> String {
    let channel = world.done("POST", "/channels", Some(json!({"name": name, "agents": agents}))).await;
    channel["id"].as_str().unwrap().to_owned()
}

async fn said(world: &mut World, channel: &str) -> Vec<Message> {
    let page = world.done("GET", &format!("/channels/{channel}/messages?after=0&limit=200"), None).await;
    serde_json::from_value(page["items"].clone()).unwrap()
}

async fn say(world: &mut World, channel: &str, text: &str) -> Message {
    let path = format!("/channels/{channel}/messages");
    serde_json::from_value(world.done("POST", &path, Some(json!({"text": text}))).await).unwrap()
}

async fn member(world: &mut World, channel: &str, name: &str) -> Member {
    let page = world.done("GET", &format!("/channels/{channel}/members"), None).await;
    let members: Vec<Member> = serde_json::from_value(page["items"].clone()).unwrap();
    members.into_iter().find(|member| member.name == name).unwrap()
}

/// Returns when so much was said.
async fn until_said(world: &mut World, channel: &str, count: usize) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    let mut beats = tokio::time::interval(std::time::Duration::from_millis(20));
    while said(world, channel).await.len() < count {
        assert!(tokio::time::Instant::now() < deadline, "{}", world.daemon.log());
        beats.tick().await;
    }
}

/// All that a life was told, in order: by itself, and by its tool.
fn heard(steps: &[StepBody]) -> Vec<String> {
    let mut heard = Vec::new();
    for step in steps {
        match step {
            StepBody::Message { from, text } => heard.push(format!("{from}: {text}")),
            StepBody::CallFinished { tool, output, ok: true, .. } if tool == "read_messages" => {
                heard.extend(output.lines().map(str::to_owned));
            }
            _ => {}
        }
    }
    heard
}

fn results(steps: &[StepBody]) -> Vec<(bool, String)> {
    steps
        .iter()
        .filter_map(|step| match step {
            StepBody::CallFinished { ok, output, .. } => Some((*ok, output.clone())),
            _ => None,
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_agents_work_through_a_channel_while_the_kernel_is_killed() {
    let mut world = world(FAST).await;
    let (teller, reader) = (agent(&mut world, "teller").await, agent(&mut world, "reader").await);
    let channel = create(&mut world, "work", &[&teller, &reader]).await;
    // Said while nobody runs: it waits for their next lives.
    say(&mut world, &channel, "begin").await;
    assert_eq!(member(&mut world, &channel, "reader").await.waiting, 1);
    let collecting = live(&mut world, &reader, "collect teller").await.pid.0;
    let telling = live(&mut world, &teller, "tell work").await.pid.0;
    for count in [3, 11, 19] {
        until_said(&mut world, &channel, count).await;
        world = world.crash_and_restart().await;
    }
    world.until_completed(telling).await;
    world.until_completed(collecting).await;

    // Each was said once and in order, over three ends of the kernel, and the numbers have no gap.
    let all = said(&mut world, &channel).await;
    let items = || (0..ITEMS).map(|item| format!("item {item}")).chain(["the end".to_owned()]);
    let texts: Vec<_> = all.iter().map(|message| message.text.clone()).collect();
    assert_eq!(texts, [vec!["begin".to_owned()], items().collect()].concat());
    assert_eq!(all.iter().map(|message| message.number).collect::<Vec<_>>(), (1..=32).collect::<Vec<_>>());
    // And each was heard once and in order.
    let steps = world.steps(collecting).await;
    let told: Vec<_> = heard(&steps).into_iter().filter(|line| line.contains(" in #work: ")).collect();
    let expected = [format!("{OWNER} in #work: begin")]
        .into_iter()
        .chain(items().map(|item| format!("agent teller in #work: {item}")));
    assert_eq!(told, expected.collect::<Vec<_>>(), "{steps:#?}");
    let acked = member(&mut world, &channel, "reader").await;
    assert_eq!((acked.acked, acked.waiting, acked.dropped), (32, 0, 0));
    // What they said to each other alone is there for their person to read.
    let page = world.done("GET", "/channels", None).await;
    let channels: Vec<Channel> = serde_json::from_value(page["items"].clone()).unwrap();
    let direct = channels.iter().find(|channel| channel.name == "reader, teller").unwrap();
    assert!(!direct.is_member);
    let texts: Vec<_> = said(&mut world, &direct.id.to_string()).await;
    assert_eq!(texts.iter().map(|message| message.text.as_str()).collect::<Vec<_>>(), ["all here"]);
    world.daemon.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_wakes_an_agent_that_waits_for_it_also_after_a_crash() {
    let mut world = world(FAST).await;
    let process = world.spawn_as(json!({"role": "assistant", "name": "ear", "goal": "listen"})).await;
    let is_asleep = |process: &Process| {
        process.state == State::Sleeping && process.reason.as_deref() == Some("Waits for messages")
    };
    world.until(process.pid.0, "asleep", is_asleep).await;
    world = world.crash_and_restart().await;
    world.until(process.pid.0, "asleep again", |process| process.restarts == 1 && is_asleep(process)).await;
    // Sent twice under one key, it is said once.
    let post = json!({"target": {"kind": "to", "name": "@ear"}, "text": "Good morning", "key": "morning"});
    let first = world.done("POST", "/messages", Some(post.clone())).await;
    assert_eq!(world.done("POST", "/messages", Some(post)).await, first);
    world.until_completed(process.pid.0).await;
    let steps = world.steps(process.pid.0).await;
    assert_eq!(summary(&steps), format!("{OWNER}, directly: Good morning"));
    assert!(!steps.iter().any(|step| matches!(step, StepBody::CallInterrupted { .. })), "{steps:#?}");
    let channel = first["channel"].as_str().unwrap().to_owned();
    assert_eq!(said(&mut world, &channel).await.len(), 1);
    // A person acknowledges what they have read, and not more than there is.
    let path = format!("/channels/{channel}/ack");
    assert_eq!(world.done("PUT", &path, Some(json!({"upto": 1}))).await["acked"], 1);
    world.refused("PUT", &path, Some(json!({"upto": 2})), 400, "invalid").await;
    world.daemon.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_drops_the_oldest_and_says_how_many() {
    let mut world = world("[channels]\nqueue_messages = 5").await;
    let late = agent(&mut world, "late").await;
    let channel = create(&mut world, "news", &[&late]).await;
    for number in 1..=8 {
        say(&mut world, &channel, &format!("news {number}")).await;
    }
    let full = member(&mut world, &channel, "late").await;
    assert_eq!((full.waiting, full.dropped, full.acked), (5, 3, 3));
    let events = world.events().await;
    let overflows = events.iter().filter(|event| event["body"]["event"] == "channel.overflowed");
    let names: Vec<_> = overflows.map(|event| event["body"]["data"]["name"].clone()).collect();
    assert_eq!(names, ["late"], "said once, when it begins");
    let database = rusqlite::Connection::open(world.daemon.state_dir().join("state.db")).unwrap();
    let audited: i64 = database
        .query_row("SELECT count(*) FROM audit WHERE command = 'channel.overflow'", [], |row| row.get(0))
        .unwrap();
    assert_eq!(audited, 1);

    let process = live(&mut world, &late, "catch up").await;
    world.until_completed(process.pid.0).await;
    let heard = heard(&world.steps(process.pid.0).await);
    let mut expected = vec![
        format!("{OWNER}: catch up"),
        "the kernel: 3 older messages in #news were dropped, because more than 5 waited for you".to_owned(),
    ];
    expected.extend((4..=8).map(|number| format!("{OWNER} in #news: news {number}")));
    assert_eq!(heard, expected);
    let told = member(&mut world, &channel, "late").await;
    assert_eq!((told.waiting, told.dropped, told.acked), (0, 0, 8));
    // Everything that was said is still there for people.
    assert_eq!(said(&mut world, &channel).await.len(), 8);
    world.daemon.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_no_member_is_refused_and_so_is_what_does_not_fit() {
    let mut world = world(FAST).await;
    let (inside, outside) = (agent(&mut world, "inside").await, agent(&mut world, "outside").await);
    let channel = create(&mut world, "closed", &[&inside]).await;
    say(&mut world, &channel, "a secret").await;
    let goal = "calls ".to_owned()
        + &json!([
            ["send_message", {"channel": "closed", "text": "let me in"}],
            ["send_message", {"channel": "nowhere", "text": "anybody?"}],
            ["send_message", {"to": "nobody", "text": "hello"}],
            ["send_message", {"to": "outside", "text": "hello"}],
            ["send_message", {"to": "inside", "channel": "closed", "text": "both"}],
            ["send_message", {"to": "inside", "text": " "}],
            ["read_messages", {"channel": "closed"}],
            ["read_messages", {"wait_secs": 4000}],
            ["read_messages", {}],
            ["list_channels", {}],
            ["list_agents", {}],
            ["send_message", {"to": "inside", "text": "hello"}],
        ])
        .to_string();
    let process = live(&mut world, &outside, &goal).await;
    world.until_completed(process.pid.0).await;
    let steps = world.steps(process.pid.0).await;
    let expected = [
        (false, "Not a member of closed"),
        (false, "Not a member of nowhere"),
        (false, "There is no agent or person nobody"),
        (false, "Nobody writes to themselves"),
        (false, "Give either"),
        (false, "The message is empty"),
        (false, "Not a member of closed"),
        (false, "At most 3,600 seconds"),
        (true, "There are no new messages."),
        (true, "You are in no channel."),
        (true, "inside: an agent, assistant, not running"),
        (true, "Sent."),
    ];
    let results = results(&steps);
    for (index, (ok, part)) in expected.into_iter().enumerate() {
        assert!(results[index].0 == ok && results[index].1.contains(part), "{index}: {:?}", results[index]);
    }
    assert!(!heard(&steps).iter().any(|line| line.contains("secret")), "{steps:#?}");
    assert_eq!(said(&mut world, &channel).await.len(), 1);

    // A role that does not grant it, and a life that was granted less.
    let goal = "calls ".to_owned() + &json!([["send_message", {"to": "inside", "text": "psst"}]]).to_string();
    let spawn = json!({"role": "assistant", "goal": goal, "tools": ["think", "complete"]});
    let mute = world.spawn_as(spawn).await;
    world.until_completed(mute.pid.0).await;
    let steps = world.steps(mute.pid.0).await;
    assert!(
        steps.iter().any(|step| matches!(step, StepBody::CallFinished { ok: false, output, .. }
        if output.contains("not granted"))),
        "{steps:#?}"
    );

    // People's mistakes.
    let path = format!("/channels/{channel}/messages");
    world.refused("POST", &path, Some(json!({"text": ""})), 400, "invalid").await;
    world.refused("POST", &path, Some(json!({"text": "x".repeat(8001)})), 400, "invalid").await;
    world.refused("POST", &path, Some(json!({"text": "a", "thread": 99})), 404, "not_found").await;
    world.refused("POST", &path, Some(json!({"text": "a", "key": "k".repeat(65)})), 400, "invalid").await;
    let nowhere = "/channels/01890a5d-ac96-774b-bcce-b302099a8057";
    for (method, path) in [("GET", ""), ("GET", "/messages"), ("GET", "/members"), ("DELETE", "")] {
        world.refused(method, &format!("{nowhere}{path}"), None, 404, "not_found").await;
    }
    for name in ["", "Caps", "two words", "ö", &"x".repeat(49)] {
        world.refused("POST", "/channels", Some(json!({"name": name})), 400, "invalid").await;
    }
    world.refused("POST", "/channels", Some(json!({"name": "closed"})), 409, "conflict").await;
    world.done("POST", &path, Some(json!({"text": "one", "key": "k"}))).await;
    world.refused("POST", &path, Some(json!({"text": "other", "key": "k"})), 409, "conflict").await;
    let (user, none) = (json!({"kind": "user", "user": "01890a5d-ac96-774b-bcce-b302099a8057"}), 404);
    let members = format!("/channels/{channel}/members");
    world.refused("POST", &members, Some(json!({"party": user})), none, "not_found").await;

    // An answer in a thread belongs to the message that began it.
    let first = say(&mut world, &channel, "a question").await.number;
    let answer = world.done("POST", &path, Some(json!({"text": "an answer", "thread": first}))).await;
    let answer_to = json!({"text": "thanks", "thread": answer["number"]});
    assert_eq!(world.done("POST", &path, Some(answer_to)).await["thread"], first);
    let thread = world.done("GET", &format!("{path}?thread={first}"), None).await;
    assert_eq!(thread["items"].as_array().unwrap().len(), 3);

    // Whoever is removed is in no channel any more; the channel goes with all that was said.
    world.done("DELETE", &format!("/agents/{inside}"), None).await;
    let page = world.done("GET", &members, None).await;
    assert_eq!(page["items"].as_array().unwrap().len(), 1, "{page}");
    world.done("DELETE", &format!("/channels/{channel}"), None).await;
    world.refused("GET", &path, None, 404, "not_found").await;
    world.daemon.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_talks_too_much_is_told_so() {
    let mut world = world("[channels]\nposts_per_minute = 1").await;
    let talker = agent(&mut world, "talker").await;
    let channel = create(&mut world, "noise", &[&talker]).await;
    let calls: Vec<_> = (0..30)
        .map(|n| json!(["send_message", {"channel": "noise", "text": format!("noise {n}")}]))
        .collect();
    let process = live(&mut world, &talker, &format!("calls {}", json!(calls))).await;
    world.until_completed(process.pid.0).await;
    let results = results(&world.steps(process.pid.0).await);
    let refused = results.iter().filter(|(ok, output)| {
        !ok && output.contains("More than 1 messages in a minute")
            && output.contains("the next can be sent in")
    });
    let refused = refused.count();
    // At one a minute nobody gets thirty through, however slow the machine is.
    assert!(refused > 0, "{results:#?}");
    assert_eq!(said(&mut world, &channel).await.len(), 30 - refused, "what was refused was not said");
    world.daemon.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_agents_that_talk_in_a_circle_are_paused() {
    let mut world = world(&format!("{FAST}\n[quotas]\nno_change = 8")).await;
    let (one, two) = (agent(&mut world, "one").await, agent(&mut world, "two").await);
    let returning = live(&mut world, &two, "return one").await.pid.0;
    let serving = live(&mut world, &one, "serve two").await.pid.0;
    let deadline = tokio::time::Instant::now() + PATIENCE;
    let mut beats = tokio::time::interval(std::time::Duration::from_millis(20));
    let paused = loop {
        let both = [world.get(serving).await, world.get(returning).await];
        if let Some(paused) = both.iter().find(|process| process.state == State::Paused) {
            break paused.clone();
        }
        assert!(tokio::time::Instant::now() < deadline, "{both:#?}\n{}", world.daemon.log());
        beats.tick().await;
    };
    assert!(paused.reason.as_deref().is_some_and(|reason| reason.contains("nothing new")), "{paused:#?}");
    world.daemon.stop().await.unwrap();
}
