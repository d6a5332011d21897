//! Worlds filled from protocol values, as events and replies would fill them.

use std::sync::Arc;

use aether_client::Incoming;
use aether_protocol::{
    Actor, AgentId, Event, EventBody, LifeId, Pid, Seq, UnixMillis, UserId,
    agent::Role,
    journal::{Step, StepBody},
    mind::{Model, ModelName, ToolCall, Usage},
    process::{Exit, Layer, Phase, Process, State},
    system::{Health, Host, Status, Subsystem},
};
use serde_json::json;

use crate::World;

/// 2026-11-22 14:43:07 UTC
pub const NOW: UnixMillis = UnixMillis(1_795_358_587_000);

fn uuid(kind: u64, number: u64) -> uuid::Uuid {
    uuid::Uuid::from_u64_pair(kind, number)
}

pub fn agent_id(pid: u64) -> AgentId {
    AgentId(uuid(1, pid))
}

pub fn process(pid: u64, state: State, phase: Phase) -> Process {
    const NAMES: [&str; 6] = ["Scribe", "Librarian", "Cartographer", "Gardener", "Watchmaker", "Clerk"];
    const GOALS: [&str; 4] = [
        "Write hello.txt with one friendly sentence, then check that it can be read again",
        "Read every report in the folder in/, note what changed since last week, and write changes.md",
        "Sort the photographs by year and month, and list the ones without a date",
        "Build the project, run its tests, and put what failed into failures.md with the first error of each",
    ];
    let index = usize::try_from(pid).unwrap_or(0);
    let ended = matches!(state, State::Dead | State::Zombie);
    let started = state != State::Queued && state != State::Created;
    Process {
        pid: Pid(pid),
        agent: agent_id(pid),
        life: LifeId(uuid(2, pid)),
        name: format!("{}-{pid}", NAMES[index % NAMES.len()].to_lowercase()),
        role: NAMES[index % NAMES.len()].to_lowercase(),
        goal: GOALS[index % GOALS.len()].to_owned(),
        owner: UserId(uuid(3, 1)),
        model: ModelName("local:smollm2-135m".to_owned()),
        priority: 3,
        state,
        phase,
        reason: (phase == Phase::Waiting).then(|| "Which of the two reports is the final one?".to_owned()),
        ending: None,
        host_pid: started.then_some(4_200 + pid as u32),
        created_at: UnixMillis(NOW.0 - 400_000 - pid.cast_signed() * 1_000),
        started_at: started.then_some(UnixMillis(NOW.0 - 395_000 - pid.cast_signed() * 900)),
        ended_at: ended.then_some(UnixMillis(NOW.0 - 60_000)),
        steps_used: 3 + (pid % 14) as u32,
        steps_limit: 20,
        usage: Usage { input_tokens: 8_400 + pid * 31, output_tokens: 912 },
        restarts: 0,
        exit: ended.then_some(Exit::Status { code: i32::from(phase == Phase::Failed) }),
        sandbox: vec![
            layer("namespaces", true, "user, mount, pid, net, ipc, uts"),
            layer("landlock", true, "ABI 7: home and /tmp"),
            layer("seccomp", true, "104 system calls allowed"),
            layer("no_new_privs", true, "set"),
            layer("rlimits", true, "memory 512 MB, 64 processes"),
            layer(
                "cgroup",
                false,
                "This host has no cgroup v2; limits hold for each process, not for all together",
            ),
        ],
    }
}

fn layer(name: &str, active: bool, detail: &str) -> Layer {
    Layer { name: name.to_owned(), active, detail: detail.to_owned() }
}

pub fn event(seq: u64, body: EventBody) -> Event {
    Event { seq: Seq(seq), at: UnixMillis(NOW.0 - 1_000), actor: Actor::Kernel, body }
}

pub fn changed(process: Process) -> EventBody {
    EventBody::ProcessChanged { process: Box::new(process) }
}

pub fn stepped(pid: u64, index: u32, body: StepBody) -> EventBody {
    EventBody::ProcessStepped {
        pid: Pid(pid),
        agent: agent_id(pid),
        life: LifeId(uuid(2, pid)),
        step: Step { index, at: UnixMillis(NOW.0 - 60_000 + i64::from(index) * 2_000), body },
        cut: false,
    }
}

pub fn tell(world: &mut World, seq: u64, body: EventBody) -> Option<crate::Notice> {
    world.apply(Incoming::Event(Arc::new(event(seq, body))))
}

pub fn call(id: &str, tool: &str, args: serde_json::Value) -> ToolCall {
    ToolCall { id: id.to_owned(), tool: tool.to_owned(), args }
}

/// A short, believable journal.
pub fn journal() -> Vec<StepBody> {
    let write = call(
        "c1",
        "write_file",
        json!({"path": "hello.txt", "content": "Good morning from a small machine.\n"}),
    );
    let run = call("c2", "run_command", json!({"command": "cat hello.txt && wc -c hello.txt"}));
    let thought = |text: &str, calls: Vec<ToolCall>| StepBody::Thought {
        text: text.to_owned(),
        calls,
        model: "smollm2-135m".to_owned(),
        usage: Usage { input_tokens: 812, output_tokens: 64 },
        duration_ms: 1_412,
    };
    vec![
        StepBody::Message {
            from: "ada".to_owned(),
            text: "Write hello.txt with one friendly sentence, then check that it can be read again"
                .to_owned(),
        },
        thought("I will write the sentence first, then read the file back to be sure.", vec![write.clone()]),
        StepBody::CallStarted { call: write },
        StepBody::CallFinished {
            call: "c1".to_owned(),
            tool: "write_file".to_owned(),
            ok: true,
            output: "Wrote 36 bytes to hello.txt".to_owned(),
            duration_ms: 4,
        },
        thought("", vec![run.clone()]),
        StepBody::CallStarted { call: run },
        StepBody::CallFinished {
            call: "c2".to_owned(),
            tool: "run_command".to_owned(),
            ok: true,
            output: "Good morning from a small machine.\n36 hello.txt\nexit status 0".to_owned(),
            duration_ms: 38,
        },
        StepBody::Note { text: "The model's answer was not valid JSON; it was asked again".to_owned() },
    ]
}

pub fn roles() -> Vec<Role> {
    let role = |id: &str, title: &str, summary: &str, example: &str, tools: &[&str]| Role {
        id: id.to_owned(),
        title: title.to_owned(),
        summary: summary.to_owned(),
        example_goal: example.to_owned(),
        tools: tools.iter().map(|tool| (*tool).to_owned()).collect(),
        model: None,
    };
    vec![
        role(
            "scribe",
            "Scribe",
            "Writes and edits text files",
            "Create a file named hello.txt containing the word hello",
            &["read_file", "write_file", "list_files", "complete"],
        ),
        role(
            "librarian",
            "Librarian",
            "Reads, sorts and summarises what is in a folder",
            "List the files in the home and write index.md with one line for each",
            &["read_file", "list_files", "search_files", "write_file", "complete"],
        ),
        role(
            "engineer",
            "Engineer",
            "Runs commands, writes code and checks the result",
            "Write a shell script that prints the ten largest files, and run it",
            &["read_file", "write_file", "edit_file", "run_command", "ask_user", "complete"],
        ),
    ]
}

pub fn models() -> Vec<Model> {
    let model = |name: &str, available: bool, note: Option<&str>, is_default: bool| Model {
        name: ModelName(name.to_owned()),
        available,
        note: note.map(str::to_owned),
        is_default,
        context_tokens: Some(8_192),
        size_bytes: is_default.then_some(98_362_432),
    };
    vec![
        model("local:smollm2-135m", true, Some("Small: good for short, narrow goals"), true),
        model("openai:gpt-4.1-mini", false, Some("No key for openai. Add one in Settings, Models"), false),
        model("ollama:llama3.2", false, Some("No Ollama answers at 127.0.0.1:11434"), false),
    ]
}

pub fn status(world: &World) -> Status {
    let counts = world.counts();
    Status {
        version: "0.1.0".to_owned(),
        device: "aether".to_owned(),
        started_at: UnixMillis(NOW.0 - 86_400_000),
        now: NOW,
        last_seq: Seq(1_000),
        running: counts.running,
        queued: counts.queued,
        max_running: 8,
        ready: 1,
        subsystems: vec![Subsystem {
            name: "store".to_owned(),
            state: Health::Ready,
            detail: "WAL".to_owned(),
            start_us: 4_100,
        }],
        host: Host {
            cpu_share: 0.37,
            memory_used_bytes: 5_400_000_000,
            memory_total_bytes: 16_000_000_000,
            disk_free_bytes: 200_000_000_000,
            disk_total_bytes: 512_000_000_000,
        },
    }
}

/// A world that has heard of nothing but the lists it asks for at first.
pub fn empty_world() -> World {
    let mut world = World::at(NOW);
    world.set_processes(Ok(Vec::new()));
    world.set_roles(Ok(roles()));
    world.set_models(Ok(models()));
    let status = status(&world);
    world.set_status(status);
    world
}

/// A world with this many agents in all states, the lower ones with a journal.
pub fn world_of(agents: u64) -> World {
    const STATES: [(State, Phase); 8] = [
        (State::Running, Phase::Thinking),
        (State::Running, Phase::Executing),
        (State::Sleeping, Phase::Waiting),
        (State::Running, Phase::Observing),
        (State::Paused, Phase::Idle),
        (State::Queued, Phase::Booting),
        (State::Dead, Phase::Completed),
        (State::Dead, Phase::Failed),
    ];
    let mut world = empty_world();
    let mut seq = 0;
    for pid in 1..=agents {
        let (state, phase) = STATES[(pid as usize - 1) % STATES.len()];
        seq += 1;
        let mut row = process(pid, state, phase);
        if phase == Phase::Failed {
            row.reason = Some("The model's server did not answer three times in a row".to_owned());
        }
        tell(&mut world, seq, changed(row));
        if state != State::Queued {
            for (index, body) in journal().into_iter().enumerate() {
                seq += 1;
                tell(&mut world, seq, stepped(pid, index as u32, body));
            }
        }
        if phase == Phase::Thinking {
            let text = "The file is there and reads well. I will count its bytes, and then".to_owned();
            world.apply(Incoming::Live(aether_protocol::Live::Words { pid: Pid(pid), text }));
        }
    }
    let status = status(&world);
    world.set_status(status);
    world
}
