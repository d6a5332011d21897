//! Terminals inside an agent's sandbox and beside it, as a viewer sees them.

use std::time::Duration;

use aether_protocol::{
    TerminalId,
    frame::{ServerFrame, TerminalFrame},
};
use aether_tests::daemon::Daemon;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Message, client::IntoClientRequest as _},
};

use crate::world::{PATIENCE, World, descendants, members, namespace, until_host};

/// A WebSocket that watches one terminal.
struct Viewer {
    socket: WebSocketStream<TlsStream<TcpStream>>,
    terminal: TerminalId,
    shown: String,
}

impl Viewer {
    async fn attach(daemon: &Daemon, token: &str, terminal: TerminalId) -> Self {
        let mut request = "wss://localhost/api/v1/ws".into_client_request().unwrap();
        request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
        let stream = daemon.connect().await.unwrap().stream;
        let (mut socket, _) = tokio_tungstenite::client_async(request, stream).await.unwrap();
        let attach = json!({"type": "attach", "terminal": terminal}).to_string();
        socket.send(Message::text(attach)).await.unwrap();
        Self { socket, terminal, shown: String::new() }
    }

    async fn types(&mut self, keys: &str) {
        let frame = TerminalFrame { terminal: self.terminal, bytes: keys.as_bytes() }.encode();
        self.socket.send(Message::binary(frame)).await.unwrap();
    }

    /// Takes in the next frame; the reason where the terminal has ended.
    async fn next(&mut self) -> Option<String> {
        let message = timeout(PATIENCE, self.socket.next()).await;
        let message = message.unwrap_or_else(|_| panic!("nothing more comes after {:?}", self.shown));
        match message.expect("closed").unwrap() {
            Message::Binary(bytes) => {
                let frame = TerminalFrame::decode(&bytes).unwrap();
                assert_eq!(frame.terminal, self.terminal);
                self.shown.push_str(&String::from_utf8_lossy(frame.bytes));
                None
            }
            Message::Text(text) => match serde_json::from_str(&text).unwrap() {
                ServerFrame::TerminalEnded { terminal, reason } => {
                    assert_eq!(terminal, self.terminal);
                    Some(reason)
                }
                ServerFrame::Hello { .. } => None,
                other => panic!("{other:?}"),
            },
            _ => None,
        }
    }

    async fn until_shown(&mut self, text: &str) {
        while !self.shown.contains(text) {
            let ended = self.next().await;
            assert_eq!(ended, None, "it ended after {:?}", self.shown);
        }
    }

    async fn until_ended(&mut self) -> String {
        loop {
            if let Some(reason) = self.next().await {
                return reason;
            }
        }
    }
}

async fn open(world: &mut World, target: Value) -> (TerminalId, Viewer) {
    let body = json!({"target": target, "size": {"cols": 100, "rows": 30}});
    let opened = world.done("POST", "/terminals", Some(body)).await;
    let terminal: TerminalId = opened["id"].as_str().unwrap().parse().unwrap();
    let viewer = Viewer::attach(&world.daemon, &world.token, terminal).await;
    (terminal, viewer)
}

/// Echo, size, and a change of the size.
async fn try_out(world: &mut World, terminal: TerminalId, viewer: &mut Viewer) {
    viewer.types("echo $((6 * 7))-aether; stty size\r").await;
    viewer.until_shown("42-aether").await;
    viewer.until_shown("30 100").await;
    let size = json!({"cols": 61, "rows": 17});
    let resized = world.done("PUT", &format!("/terminals/{terminal}/size"), Some(size.clone())).await;
    assert_eq!(resized["size"], size);
    viewer.types("stty size\r").await;
    viewer.until_shown("17 61").await;
    for bad in [json!({"cols": 0, "rows": 10}), json!({"cols": 10, "rows": 5000})] {
        world.refused("PUT", &format!("/terminals/{terminal}/size"), Some(bad), 400, "invalid").await;
    }
}

/// What is told of a terminal, once its end is: viewers hear of it first.
async fn events_of(world: &mut World, terminal: TerminalId) -> Vec<Value> {
    let mut beats = tokio::time::interval(Duration::from_millis(10));
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let events = world.events().await;
        let of = |event: &&Value| event["body"]["data"]["terminal"] == json!(terminal);
        let told: Vec<Value> = events.iter().filter(of).map(|event| event["body"].clone()).collect();
        if told.iter().any(|event| event["event"] == "terminal.closed") {
            return told;
        }
        assert!(tokio::time::Instant::now() < deadline, "nobody tells that it ended: {told:?}");
        beats.tick().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shell_inside_an_agents_sandbox_sees_what_the_agent_sees_and_ends_with_it() {
    let mut world = World::new("warm = 0").await;
    let _hold = world.server.hold();
    let process = world.spawn("forever").await;
    let pid = process.pid.0;
    world.held(1).await;
    let inside = namespace(world.get(pid).await.host_pid.unwrap(), "pid").unwrap();
    let before = members(&inside).len();

    let (first, mut viewer) = open(&mut world, json!({"kind": "process", "pid": pid})).await;
    try_out(&mut world, first, &mut viewer).await;
    viewer.types("echo from the shell > $HOME/seen.txt; echo agents-$(grep -l aether-agent /proc/[0-9]*/comm | wc -l)\r").await;
    viewer.until_shown("agents-").await;
    until_host("the file is in the agent's home", || world.home(&process).join("seen.txt").is_file()).await;
    // What the shell leaves in the background ends with it.
    viewer.types("setsid sleep 1000 & echo back$((1 + 1))ground\r").await;
    viewer.until_shown("back2ground").await;
    until_host("it runs", || members(&inside).iter().any(|task| task.name == "sleep")).await;
    world.done("DELETE", &format!("/terminals/{first}"), None).await;
    assert!(viewer.until_ended().await.contains("Closed"));
    assert_eq!(members(&inside).len(), before, "{:?}", members(&inside));
    world.refused("DELETE", &format!("/terminals/{first}"), None, 404, "not_found").await;

    let (second, mut viewer) = open(&mut world, json!({"kind": "process", "pid": pid})).await;
    viewer.types("echo $((40 + 2))-again\r").await;
    viewer.until_shown("42-again").await;
    world.signal(pid, "KILL").await;
    let reason = viewer.until_ended().await;
    assert!(reason.contains("signal 9"), "{reason}");
    assert!(members(&inside).is_empty());
    until_host("no process is left", || descendants(world.daemon.pid().unwrap()).is_empty()).await;
    let told = events_of(&mut world, second).await;
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(
        (&told[0]["event"], &told[1]["event"]),
        (&json!("terminal.opened"), &json!("terminal.closed"))
    );
    assert_eq!(told[1]["data"]["reason"], json!(reason));
    let body = json!({"target": {"kind": "process", "pid": pid}});
    let refused = world.refused("POST", "/terminals", Some(body), 409, "conflict").await;
    assert!(refused["hint"].is_string(), "{refused}");
    let body = json!({"target": {"kind": "process", "pid": 999_999}});
    world.refused("POST", "/terminals", Some(body), 404, "not_found").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shell_of_ones_own_works_and_leaves_nothing() {
    let mut world = World::new("warm = 0").await;
    let kernel = world.daemon.pid().unwrap();
    assert!(descendants(kernel).is_empty());
    let (terminal, mut viewer) = open(&mut world, json!({"kind": "home"})).await;
    try_out(&mut world, terminal, &mut viewer).await;
    viewer.types("echo kept > kept.txt; setsid sleep 1000 & echo back$((1 + 1))ground\r").await;
    viewer.until_shown("back2ground").await;
    world.done("DELETE", &format!("/terminals/{terminal}"), None).await;
    viewer.until_ended().await;
    until_host("no process is left", || descendants(kernel).is_empty()).await;
    assert_eq!(world.ask("GET", "/files/home/kept.txt", None).await.text(), "kept\n");
    // One that ends by itself says how.
    let (terminal, mut viewer) = open(&mut world, json!({"kind": "home"})).await;
    viewer.types("exit 3\r").await;
    assert_eq!(viewer.until_ended().await, "The shell ended with status 3.");
    until_host("no process is left", || descendants(kernel).is_empty()).await;
    let told = events_of(&mut world, terminal).await;
    assert_eq!(told.last().unwrap()["data"]["reason"], "The shell ended with status 3.");
    let page = world.done("GET", "/terminals", None).await;
    assert_eq!(page["items"], json!([]));
}
