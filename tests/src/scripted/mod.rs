//! A model server for deterministic runs: it speaks OpenAI's chat completions and answers from a script.
//!
//! It keeps nothing between two requests. Which answer is next follows from the conversation alone, so that a
//! kernel that was killed and started again gets on where it was, and many agents can be served at once. A test
//! can hold answers back ([`Server::hold`]) and let single ones fail ([`Server::fail_next`]).

mod http;
mod script;
mod stream;

use std::{
    collections::VecDeque,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde_json::{Value, json};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

pub use script::{Answer, Conversation, Script};

/// The only model that it has.
pub const MODEL: &str = "scripted";

/// How one answer fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// An error instead of an answer.
    Status {
        /// The HTTP status, 429 or 500 for example.
        status: u16,
        /// The header `Retry-After`.
        retry_after: Option<String>,
    },
    /// The arguments of every call are cut in the middle, so that they are no JSON.
    MalformedArguments,
    /// The stream ends in the middle, without a word.
    Cut,
    /// Something that is no event stream.
    Garbage,
}

/// A running server. Dropping it ends it.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    script: Script,
    failures: Mutex<VecDeque<Failure>>,
    requests: Mutex<Vec<Value>>,
    /// How many hold answers back.
    held: watch::Sender<usize>,
    /// How many requests wait for that.
    waiting: watch::Sender<usize>,
    answered: watch::Sender<usize>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Shared")
    }
}

/// While this lives, no answer begins.
#[derive(Debug)]
pub struct Hold(Arc<Shared>);

impl Drop for Hold {
    fn drop(&mut self) {
        self.0.held.send_modify(|held| *held -= 1);
    }
}

impl Server {
    /// Starts on a free port of loopback.
    pub async fn start(script: Script) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            script,
            failures: Mutex::default(),
            requests: Mutex::default(),
            held: watch::Sender::new(0),
            waiting: watch::Sender::new(0),
            answered: watch::Sender::new(0),
        });
        let serving = Arc::clone(&shared);
        let task = tokio::spawn(async move {
            // Ended with the server: the set drops its tasks.
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let shared = Arc::clone(&serving);
                connections.spawn(async move {
                    // A client that goes away is none of the script's business.
                    let _ = serve(stream, &shared).await;
                });
                while connections.try_join_next().is_some() {}
            }
        });
        Ok(Self { address, shared, task })
    }

    /// What belongs into the configuration as `base_url`.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// From now until the hold is dropped, no answer begins.
    #[must_use]
    pub fn hold(&self) -> Hold {
        self.shared.held.send_modify(|held| *held += 1);
        Hold(Arc::clone(&self.shared))
    }

    /// Returns when at least `count` requests wait for holds to be dropped.
    pub async fn wait_for_waiting(&self, count: usize) {
        // The sender lives as long as this.
        let _ = self.shared.waiting.subscribe().wait_for(|waiting| *waiting >= count).await;
    }

    /// Returns when at least `count` requests were answered, failures included.
    pub async fn wait_for_answered(&self, count: usize) {
        let _ = self.shared.answered.subscribe().wait_for(|answered| *answered >= count).await;
    }

    /// Lets one answer fail, after those that were told to before.
    pub fn fail_next(&self, failure: Failure) {
        lock(&self.shared.failures).push_back(failure);
    }

    /// The bodies of all requests for an answer, in the order in which they came.
    pub fn requests(&self) -> Vec<Value> {
        lock(&self.shared.requests).clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Serves one connection, request by request.
async fn serve(stream: TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut connection = http::Connection::new(stream);
    while let Some(request) = connection.read().await? {
        match (request.method.as_str(), request.path.as_str()) {
            ("GET", "/v1/models") => {
                let list = json!({ "object": "list", "data": [{ "id": MODEL, "object": "model" }] });
                connection.answer(200, &[], &list).await?;
            }
            ("POST", "/v1/chat/completions") => {
                let Ok(body) = serde_json::from_slice::<Value>(&request.body) else {
                    connection.answer(400, &[], &error("the body is not JSON")).await?;
                    continue;
                };
                lock(&shared.requests).push(body.clone());
                let result = complete(&mut connection, shared, &body).await;
                shared.answered.send_modify(|answered| *answered += 1);
                if !result? {
                    return Ok(());
                }
            }
            (_, path) => connection.answer(404, &[], &error(&format!("there is nothing at {path}"))).await?,
        }
    }
    Ok(())
}

/// Answers one conversation. False where the connection must end.
async fn complete(connection: &mut http::Connection, shared: &Shared, body: &Value) -> io::Result<bool> {
    pass_gate(shared).await;
    let failure = lock(&shared.failures).pop_front();
    if let Some(Failure::Status { status, retry_after }) = &failure {
        let headers: Vec<(&str, &str)> =
            retry_after.iter().map(|value| ("retry-after", value.as_str())).collect();
        connection.answer(*status, &headers, &error("the script says so")).await?;
        return Ok(true);
    }
    let Some(conversation) = Conversation::read(body) else {
        connection.answer(400, &[], &error("there is no user message")).await?;
        return Ok(true);
    };
    let answer = shared.script.answer(&conversation);
    let broken = failure == Some(Failure::MalformedArguments);
    if body.get("stream").and_then(Value::as_bool) != Some(true) {
        connection.answer(200, &[], &stream::whole(&conversation, &answer, broken)).await?;
        return Ok(true);
    }
    connection.begin_stream().await?;
    if failure == Some(Failure::Garbage) {
        connection.piece(b"data: {\"choices\": [}\n\n<html>").await?;
        return Ok(false);
    }
    let events = stream::events(&conversation, &answer, broken);
    let cut_at = if failure == Some(Failure::Cut) { events.len() / 2 } else { usize::MAX };
    for event in events.iter().take(cut_at) {
        // In two pieces, since a network cuts where it likes.
        let (first, second) = event.as_bytes().split_at(event.len() / 2);
        connection.piece(first).await?;
        connection.piece(second).await?;
    }
    if failure == Some(Failure::Cut) {
        return Ok(false);
    }
    connection.end_stream().await?;
    Ok(true)
}

async fn pass_gate(shared: &Shared) {
    /// Counts back also where the client goes away while it waits.
    struct Waiting<'a>(&'a Shared);
    impl Drop for Waiting<'_> {
        fn drop(&mut self) {
            self.0.waiting.send_modify(|waiting| *waiting -= 1);
        }
    }
    if *shared.held.borrow() == 0 {
        return;
    }
    shared.waiting.send_modify(|waiting| *waiting += 1);
    let _waiting = Waiting(shared);
    // The sender lives as long as `shared`.
    let _ = shared.held.subscribe().wait_for(|held| *held == 0).await;
}

fn error(message: &str) -> Value {
    json!({ "error": { "message": message, "type": "scripted" } })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
