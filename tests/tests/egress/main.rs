//! What agents reach beyond their sandboxes: real tools in real sandboxes, through the real kernel, to servers of
//! the test's own.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod attacks;
mod grants;
mod offline;
mod outside;
mod tools;
#[allow(dead_code, reason = "shared with the lives, which use all of it")]
#[path = "../lives/world.rs"]
mod world;

use std::path::PathBuf;

use aether_protocol::{journal::StepBody, process::Process};
use aether_tests::scripted::{Answer, Script};
use serde_json::{Value, json};

use outside::Outside;
use world::World;

/// Seconds that a command may take on a busy machine.
const COMMAND_SECS: u32 = 240;

/// Address space enough for what reserves much and uses little.
const ROOMY: &str = "memory_bytes = 1099511627776";

/// Runs the goal as a command, then completes.
fn commands() -> Script {
    Script::new(|conversation| match conversation.thought {
        0 => {
            Answer::call("run_command", json!({ "command": conversation.goal, "timeout_secs": COMMAND_SECS }))
        }
        _ => Answer::complete("The command has run"),
    })
}

/// A kernel, an agent with a home, and what is outside of its sandbox.
struct Trial {
    world: World,
    outside: Outside,
    agent: Process,
}

impl Trial {
    /// `process` goes into the configuration's `[process]`, `models` into `[models]`.
    async fn new(process: &str, models: &str) -> Self {
        let outside = Outside::start().await;
        let process = format!("{ROOMY}\n{process}");
        let mut world = World::with(commands(), &process, models).await;
        let first = world.spawn("true").await;
        let agent = world.until_completed(first.pid.0).await;
        let trial = Self { world, outside, agent };
        std::fs::write(trial.home().join("ca.pem"), &trial.outside.authority).unwrap();
        trial
    }

    fn home(&self) -> PathBuf {
        self.world.home(&self.agent)
    }

    /// Runs a command in a new life of the agent, with these hosts granted, and returns what it printed.
    async fn run(&mut self, network: &[String], command: &str) -> (Process, String) {
        let life = self.world.spawn_as(self.spawn(network, command)).await;
        let life = self.world.until_completed(life.pid.0).await;
        let output = output(&self.world.steps(life.pid.0).await);
        (life, output)
    }

    fn spawn(&self, network: &[String], command: &str) -> Value {
        let grants: Vec<aether_protocol::network::HostGrant> =
            network.iter().map(|grant| grant.parse().unwrap()).collect();
        json!({ "agent": self.agent.agent, "goal": command, "network": grants })
    }

    /// The outside's servers, granted by name.
    fn by_name(&self) -> Vec<String> {
        [self.outside.plain, self.outside.tls].map(|port| format!("localhost:{port},local")).to_vec()
    }

    /// The events of one process whose name begins so.
    async fn events_of(&mut self, process: &Process, kind: &str) -> Vec<Value> {
        let mut events = self.world.events().await;
        events.retain(|event| event["body"]["event"].as_str().unwrap().starts_with(kind));
        events
            .into_iter()
            .map(|event| event["body"]["data"].clone())
            .filter(|data| data["pid"] == process.pid.0)
            .collect()
    }
}

/// What the only command printed.
fn output(steps: &[StepBody]) -> String {
    let found = steps.iter().find_map(|step| match step {
        StepBody::CallFinished { tool, output, .. } if tool == "run_command" => Some(output.clone()),
        _ => None,
    });
    found.unwrap_or_else(|| panic!("no command has run: {steps:#?}"))
}
