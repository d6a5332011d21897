//! A kernel with a scripted model, and what tests ask of it.

use std::{collections::BTreeMap, fs, path::PathBuf, time::Duration};

use aether_protocol::{
    journal::{Step, StepBody},
    process::{Phase, Process, State},
};
use aether_tests::{
    daemon::{Daemon, Stopped},
    raw::{Raw, Response},
    scripted::{MODEL, Script, Server},
};
use serde_json::{Value, json};

/// Long enough for a busy machine; a test that reaches it fails.
pub const PATIENCE: Duration = Duration::from_mins(2);

/// How often a condition that nobody announces is looked at.
pub const BEAT: Duration = Duration::from_millis(10);

/// A kernel, its owner's token, and the model that thinks for its agents.
pub struct World {
    pub server: Server,
    pub daemon: Daemon,
    pub token: String,
    connection: Option<Raw>,
}

impl World {
    /// `process` goes into the configuration's `[process]`.
    pub async fn new(process: &str) -> Self {
        Self::with(Script::goals(), process, "").await
    }

    /// `models` goes into the configuration's `[models]`.
    pub async fn with(script: Script, process: &str, models: &str) -> Self {
        let server = Server::start(script).await.unwrap();
        let config = format!(
            "[identity]\nanonymous_per_minute = 1000000\nsigned_in_per_minute = 1000000000\n\
             [process]\n{process}\n\
             [models]\ndefault_model = \"openai:{MODEL}\"\n{models}\n[models.local]\nenabled = false\n\
             [models.openai]\nbase_url = \"{}\"\n",
            server.base_url()
        );
        let daemon = Daemon::start_with(&config).await.unwrap();
        let token = daemon.sign_up().await.unwrap();
        Self { server, daemon, token, connection: None }
    }

    /// The same world with a kernel that was started again.
    pub fn resumed(server: Server, daemon: Daemon, token: String) -> Self {
        Self { server, daemon, token, connection: None }
    }

    /// Kills the kernel without a word and starts it again on the same state.
    pub async fn crash_and_restart(self) -> Self {
        let Self { server, daemon, token, .. } = self;
        let stopped: Stopped = daemon.kill().await.unwrap();
        Self::resumed(server, Daemon::start_again(stopped).await.unwrap(), token)
    }

    pub async fn ask(&mut self, method: &str, path: &str, body: Option<Value>) -> Response {
        let bearer = format!("Bearer {}", self.token);
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let path = format!("/api/v1{path}");
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.daemon.connect().await.unwrap(),
        };
        let answer = connection.request(method, &path, &headers, body.as_bytes()).await.unwrap();
        self.connection = Some(connection);
        answer
    }

    /// What must succeed.
    pub async fn done(&mut self, method: &str, path: &str, body: Option<Value>) -> Value {
        let answer = self.ask(method, path, body).await;
        assert_eq!(answer.status, 200, "{method} {path}: {}", answer.text());
        answer.json().unwrap()
    }

    /// What must be refused under `status` with `code`; the refusal says what happened and what to do.
    pub async fn refused(
        &mut self,
        method: &str,
        path: &str,
        body: Option<Value>,
        status: u16,
        code: &str,
    ) -> Value {
        let shown = body.clone();
        let answer = self.ask(method, path, body).await;
        let text = answer.text();
        let problem = answer.json().unwrap();
        assert_eq!(
            (answer.status, problem["code"].as_str()),
            (status, Some(code)),
            "{path} {shown:?}: {text}"
        );
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.len() > 8), "{text}");
        problem
    }

    pub async fn spawn(&mut self, goal: &str) -> Process {
        self.spawn_as(json!({"role": "assistant", "goal": goal})).await
    }

    pub async fn spawn_as(&mut self, spawn: Value) -> Process {
        serde_json::from_value(self.done("POST", "/processes", Some(spawn)).await).unwrap()
    }

    pub async fn get(&mut self, pid: u64) -> Process {
        serde_json::from_value(self.done("GET", &format!("/processes/{pid}"), None).await).unwrap()
    }

    pub async fn live(&mut self) -> Vec<Process> {
        let page = self.done("GET", "/processes?limit=200", None).await;
        serde_json::from_value(page["items"].clone()).unwrap()
    }

    pub async fn signal(&mut self, pid: u64, signal: &str) -> Process {
        let path = format!("/processes/{pid}/signal");
        serde_json::from_value(self.done("POST", &path, Some(json!({"signal": signal}))).await).unwrap()
    }

    pub async fn order(&mut self, pid: u64, order: &str, body: Option<Value>) -> Process {
        let path = format!("/processes/{pid}/{order}");
        serde_json::from_value(self.done("POST", &path, body).await).unwrap()
    }

    pub async fn steps(&mut self, pid: u64) -> Vec<StepBody> {
        let page = self.done("GET", &format!("/processes/{pid}/steps?limit=200"), None).await;
        let steps: Vec<Step> = serde_json::from_value(page["items"].clone()).unwrap();
        steps.into_iter().map(|step| step.body).collect()
    }

    pub async fn events(&mut self) -> Vec<Value> {
        let mut all = Vec::new();
        loop {
            let after = all.last().map_or(0, |event: &Value| event["seq"].as_u64().unwrap());
            let page = self.done("GET", &format!("/events?after={after}&limit=1000"), None).await;
            let items = page["items"].as_array().unwrap().clone();
            if items.is_empty() {
                return all;
            }
            all.extend(items);
        }
    }

    /// Returns when the process is as wanted.
    pub async fn until(&mut self, pid: u64, what: &str, wanted: impl Fn(&Process) -> bool) -> Process {
        let mut beats = tokio::time::interval(BEAT);
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let process = self.get(pid).await;
            if wanted(&process) {
                return process;
            }
            if tokio::time::Instant::now() > deadline {
                let steps = self.steps(pid).await;
                panic!("{pid} is never {what}: {process:#?}\n{steps:#?}\n{}", self.daemon.log());
            }
            beats.tick().await;
        }
    }

    /// Returns when the journal has a step as wanted.
    pub async fn until_step(
        &mut self,
        pid: u64,
        what: &str,
        wanted: impl Fn(&StepBody) -> bool,
    ) -> Vec<StepBody> {
        let mut beats = tokio::time::interval(BEAT);
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let steps = self.steps(pid).await;
            if steps.iter().any(&wanted) {
                return steps;
            }
            assert!(
                tokio::time::Instant::now() < deadline,
                "{pid} has no {what}: {steps:#?}\n{}",
                self.daemon.log()
            );
            beats.tick().await;
        }
    }

    pub async fn until_dead(&mut self, pid: u64) -> Process {
        self.until(pid, "dead", |process| process.state == State::Dead).await
    }

    pub async fn until_completed(&mut self, pid: u64) -> Process {
        let process = self.until_dead(pid).await;
        let steps = self.steps(pid).await;
        assert_eq!(process.phase, Phase::Completed, "{process:#?}\n{steps:#?}");
        process
    }

    /// A whole life of another agent: whatever was free to go on meanwhile has had its time.
    pub async fn let_time_pass(&mut self) {
        let other = self.spawn("write time passes").await;
        self.until_completed(other.pid.0).await;
    }

    /// Returns when `count` thoughts are being held back.
    pub async fn held(&self, count: usize) {
        let waiting = tokio::time::timeout(PATIENCE, self.server.wait_for_waiting(count)).await;
        assert!(waiting.is_ok(), "{count} thoughts are never asked for\n{}", self.daemon.log());
    }

    /// Where an agent's home lies on the host.
    pub fn home(&self, process: &Process) -> PathBuf {
        self.daemon.state_dir().join("homes/agents").join(process.agent.to_string())
    }
}

/// Returns when a condition of the host holds.
pub async fn until_host(what: &str, mut holds: impl FnMut() -> bool) {
    let mut beats = tokio::time::interval(BEAT);
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while !holds() {
        assert!(tokio::time::Instant::now() < deadline, "{what}");
        beats.tick().await;
    }
}

/// What the host knows of one of its processes.
#[derive(Clone, Debug)]
pub struct Task {
    pub pid: u32,
    pub parent: u32,
    pub name: String,
    /// As in proc(5).
    pub state: char,
    /// CPU time in clock ticks, without that of its children.
    pub ticks: u64,
    pub nice: i64,
}

pub fn task(pid: u32) -> Option<Task> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (head, rest) = stat.rsplit_once(") ")?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    let number = |at: usize| fields.get(at)?.parse::<i64>().ok();
    Some(Task {
        pid,
        parent: u32::try_from(number(1)?).ok()?,
        name: head.split_once('(')?.1.to_owned(),
        state: fields.first()?.chars().next()?,
        ticks: u64::try_from(number(11)? + number(12)?).ok()?,
        nice: number(16)?,
    })
}

pub fn tasks() -> BTreeMap<u32, Task> {
    let entries = fs::read_dir("/proc").unwrap();
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.filter_map(|pid| Some((pid, task(pid)?))).collect()
}

/// All that came from a process, without itself.
pub fn descendants(of: u32) -> Vec<Task> {
    let all = tasks();
    let comes_from = |mut pid: u32| {
        while let Some(task) = all.get(&pid) {
            if task.parent == of {
                return true;
            }
            pid = task.parent;
        }
        false
    };
    all.values().filter(|task| comes_from(task.pid)).cloned().collect()
}

/// A namespace of a process, by the name under `/proc/PID/ns`.
pub fn namespace(pid: u32, kind: &str) -> Option<String> {
    Some(fs::read_link(format!("/proc/{pid}/ns/{kind}")).ok()?.display().to_string())
}

/// All processes of a pid namespace.
pub fn members(pid_namespace: &str) -> Vec<Task> {
    let inside = |task: &Task| namespace(task.pid, "pid").as_deref() == Some(pid_namespace);
    tasks().into_values().filter(inside).collect()
}

pub fn ticks(pid_namespace: &str) -> u64 {
    members(pid_namespace).iter().map(|task| task.ticks).sum()
}

pub fn has_started_call(steps: &[StepBody]) -> bool {
    steps.iter().any(|step| matches!(step, StepBody::CallStarted { .. }))
}

pub fn summary(steps: &[StepBody]) -> String {
    let found = steps.iter().find_map(|step| match step {
        StepBody::Completed { summary } => Some(summary.clone()),
        _ => None,
    });
    found.unwrap_or_else(|| panic!("it did not complete: {steps:#?}"))
}

/// Random enough, and the same in every run.
pub struct Chance(pub u64);

impl Chance {
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).unwrap()
    }
}
