//! What travels: every event once and in order, terminals, files, and replies that fit the document.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use aether_protocol::{
    Seq, TerminalId,
    frame::{ServerFrame, TerminalFrame},
};
use aether_tests::{
    daemon::{Daemon, OWNER, PASSWORD},
    raw::{DEADLINE, Raw},
    schema,
};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::json;
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Message, client::IntoClientRequest as _},
};

/// Long enough for ten thousand commits to a slow disk.
const PATIENCE: Duration = Duration::from_mins(5);

type Socket = WebSocketStream<TlsStream<TcpStream>>;

async fn socket(daemon: &Daemon, token: &str) -> Socket {
    let mut request = "wss://localhost/api/v1/ws".into_client_request().unwrap();
    request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    let stream = daemon.connect().await.unwrap().stream;
    tokio_tungstenite::client_async(request, stream).await.unwrap().0
}

async fn send(socket: &mut Socket, frame: serde_json::Value) {
    socket.send(Message::text(frame.to_string())).await.unwrap();
}

/// The next frame of either kind.
async fn next(socket: &mut Socket) -> Result<ServerFrame, Vec<u8>> {
    loop {
        match timeout(PATIENCE, socket.next()).await.expect("no frame").expect("closed").unwrap() {
            Message::Text(text) => return Ok(serde_json::from_str(&text).unwrap()),
            Message::Binary(bytes) => return Err(bytes.to_vec()),
            _ => {}
        }
    }
}

/// Random enough, and the same in every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// Watches events after `start` until `end` is known and reached; drops the connection without a goodbye
/// `drops` times on the way. Returns the numbers it saw, in order.
async fn watch(
    daemon: Arc<Daemon>,
    token: String,
    start: u64,
    end: Arc<AtomicU64>,
    mut drops: u64,
    seed: u64,
) -> Vec<u64> {
    let mut chance = Chance(seed);
    let mut seen: Vec<u64> = Vec::new();
    loop {
        let mut socket = socket(&daemon, &token).await;
        let after = seen.last().copied().unwrap_or(start);
        send(&mut socket, json!({"type": "subscribe", "after": after})).await;
        let until_drop = if drops > 0 { chance.below(1500) + 1 } else { u64::MAX };
        let mut got = 0;
        while got < until_drop {
            match next(&mut socket).await.unwrap() {
                ServerFrame::Events { events } => {
                    got += events.len() as u64;
                    seen.extend(events.iter().map(|event| event.seq.0));
                }
                ServerFrame::Subscribed { after: told, .. } => assert_eq!(told.0, after),
                ServerFrame::Hello { .. } | ServerFrame::Live { .. } => {}
                other => panic!("{other:?}"),
            }
            let end = end.load(Ordering::Acquire);
            if end > 0 && seen.last().is_some_and(|&last| last >= end) {
                assert_eq!(drops, 0, "the events were over before the drops");
                return seen;
            }
        }
        drops -= 1;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_events_reach_five_clients_once_and_in_order_over_twenty_drops() {
    const EVENTS: u64 = 10_000;
    let daemon = Arc::new(Daemon::start().await.unwrap());
    let token = daemon.sign_up().await.unwrap();
    let status = daemon.ask("GET", "/api/v1/status", &token, None).await.unwrap().json().unwrap();
    let start = status["last_seq"].as_u64().unwrap();
    let end = Arc::new(AtomicU64::new(0));
    let watchers: Vec<_> = (0..5)
        .map(|number| {
            tokio::spawn(watch(
                daemon.clone(),
                token.clone(),
                start,
                end.clone(),
                4,
                0x9E37_79B9 + number * 7919,
            ))
        })
        .collect();

    // Real commands, as many at once as one connection may have.
    let mut commands = socket(&daemon, &token).await;
    let (mut sent, mut done) = (0, 0);
    while done < EVENTS {
        while sent < EVENTS && sent - done < 32 {
            let path = format!("d{}/e{sent}", sent / 500);
            let args = json!({"place": {"kind": "shared"}, "path": path});
            send(
                &mut commands,
                json!({"type": "call", "id": sent, "command": {"call": "files.mkdir", "args": args}}),
            )
            .await;
            sent += 1;
        }
        match next(&mut commands).await.unwrap() {
            ServerFrame::Reply { .. } => done += 1,
            ServerFrame::Hello { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    let status = daemon.ask("GET", "/api/v1/status", &token, None).await.unwrap().json().unwrap();
    let last = status["last_seq"].as_u64().unwrap();
    assert!(last >= start + EVENTS, "{start} to {last}");
    end.store(last, Ordering::Release);
    // One more event, for whoever has read all of them already and waits.
    let mkdir = daemon.ask("PUT", "/api/v1/folders/shared/end", &token, None).await.unwrap();
    assert_eq!(mkdir.status, 200, "{}", mkdir.text());
    for watcher in watchers {
        let seen = timeout(PATIENCE, watcher).await.unwrap().unwrap();
        let expected: Vec<_> = (start + 1..=*seen.last().unwrap()).collect();
        assert!(seen == expected, "{} events, not {}", seen.len(), expected.len());
        assert!(*seen.last().unwrap() >= last);
    }
}

/// Opens the stream of events and reads `count` of them.
async fn read_stream(
    daemon: &Daemon,
    token: &str,
    more: &str,
    count: usize,
) -> Vec<(u64, serde_json::Value)> {
    let mut raw = daemon.connect().await.unwrap();
    let request = format!(
        "GET /api/v1/events/stream?after=0 HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n{more}\r\n"
    );
    raw.send(request.as_bytes()).await.unwrap();
    let head = raw.head().await.unwrap();
    assert_eq!(head.status, 200);
    assert_eq!(head.header("content-type"), Some("text/event-stream"));
    let mut text = String::new();
    loop {
        // The chunk sizes stand on lines of their own, which are no fields of an event.
        let events: Vec<_> = text
            .split("id: ")
            .skip(1)
            .filter_map(|piece| {
                let (id, rest) = piece.split_once('\n')?;
                let data = rest.strip_prefix("data: ")?.split_once("\n\n")?.0;
                Some((id.parse().unwrap(), serde_json::from_str(data).unwrap()))
            })
            .take(count)
            .collect();
        if events.len() == count {
            return events;
        }
        text.push_str(&String::from_utf8(raw.more().await.unwrap()).unwrap());
    }
}

#[tokio::test]
async fn server_sent_events_resume_where_they_ended() {
    let daemon = Daemon::start().await.unwrap();
    let token = daemon.sign_up().await.unwrap();
    for number in 0..10 {
        let path = format!("/api/v1/folders/shared/f{number}");
        assert_eq!(daemon.ask("PUT", &path, &token, None).await.unwrap().status, 200);
    }
    let first = read_stream(&daemon, &token, "", 4).await;
    assert_eq!(first.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [1, 2, 3, 4]);
    for (id, event) in &first {
        assert_eq!(event["seq"], *id);
    }
    let rest = read_stream(&daemon, &token, "last-event-id: 4\r\n", 6).await;
    assert_eq!(rest.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [5, 6, 7, 8, 9, 10]);
    let wrong = daemon
        .connect()
        .await
        .unwrap()
        .request(
            "GET",
            "/api/v1/events/stream",
            &[("authorization", &format!("Bearer {token}")), ("last-event-id", "x")],
            b"",
        )
        .await
        .unwrap();
    assert_eq!(wrong.status, 400);
}

#[tokio::test]
async fn terminals_travel_as_binary_frames() {
    let daemon = Daemon::start().await.unwrap();
    let token = daemon.sign_up().await.unwrap();
    let body = json!({"target": {"kind": "home"}, "size": {"cols": 100, "rows": 30}});
    let opened = daemon.ask("POST", "/api/v1/terminals", &token, Some(body)).await.unwrap();
    assert_eq!(opened.status, 200, "{}", opened.text());
    let terminal: TerminalId = opened.json().unwrap()["id"].as_str().unwrap().parse().unwrap();
    let mut socket = socket(&daemon, &token).await;
    assert!(matches!(next(&mut socket).await, Ok(ServerFrame::Hello { .. })));
    send(&mut socket, json!({"type": "attach", "terminal": terminal})).await;
    let keys = TerminalFrame { terminal, bytes: b"echo $((6 * 7))-aether; stty size\r" }.encode();
    socket.send(Message::binary(keys)).await.unwrap();
    let mut shown = String::new();
    while !(shown.contains("42-aether") && shown.contains("30 100")) {
        let frame = next(&mut socket).await.unwrap_err();
        let frame = TerminalFrame::decode(&frame).unwrap();
        assert_eq!(frame.terminal, terminal);
        shown.push_str(&String::from_utf8_lossy(frame.bytes));
    }
    // A second viewer sees the scrollback first.
    let mut second = self::socket(&daemon, &token).await;
    send(&mut second, json!({"type": "attach", "terminal": terminal})).await;
    let mut again = String::new();
    while !again.contains("42-aether") {
        if let Err(frame) = next(&mut second).await {
            again.push_str(&String::from_utf8_lossy(TerminalFrame::decode(&frame).unwrap().bytes));
        }
    }
    let closed = daemon.ask("DELETE", &format!("/api/v1/terminals/{terminal}"), &token, None).await.unwrap();
    assert_eq!(closed.status, 200, "{}", closed.text());
    loop {
        if let Ok(ServerFrame::TerminalEnded { terminal: ended, .. }) = next(&mut socket).await {
            assert_eq!(ended, terminal);
            break;
        }
    }
}

async fn with(
    raw: &mut Raw,
    token: &str,
    method: &str,
    path: &str,
    more: &[(&str, &str)],
    body: &[u8],
) -> aether_tests::raw::Response {
    let bearer = format!("Bearer {token}");
    let headers = [&[("authorization", bearer.as_str())], more].concat();
    raw.request(method, path, &headers, body).await.unwrap()
}

#[tokio::test]
async fn files_go_up_and_come_down_whole_and_in_parts() {
    let daemon = Daemon::start().await.unwrap();
    let token = daemon.sign_up().await.unwrap();
    let mut raw = daemon.connect().await.unwrap();
    let content: Vec<u8> = (0..3_000_000_u32).map(|index| (index % 251) as u8).collect();
    let path = "/api/v1/files/home/a%20folder/d%C3%A4ta.bin";
    let folder = with(&mut raw, &token, "PUT", "/api/v1/folders/home/a%20folder", &[], b"").await;
    assert_eq!(folder.status, 200, "{}", folder.text());
    let put = with(&mut raw, &token, "PUT", path, &[], &content).await;
    assert_eq!(put.status, 200, "{}", put.text());
    assert_eq!(put.json().unwrap()["path"], "a folder/däta.bin");

    let whole = with(&mut raw, &token, "GET", path, &[], b"").await;
    assert_eq!(whole.status, 200);
    assert!(whole.body == content);
    assert!(whole.header("content-disposition").unwrap().starts_with("attachment"));
    assert_eq!(whole.header("x-content-type-options"), Some("nosniff"));
    let etag = whole.header("etag").unwrap().to_owned();
    let part = with(&mut raw, &token, "GET", path, &[("range", "bytes=1500000-2700000")], b"").await;
    assert_eq!(part.status, 206);
    assert_eq!(part.header("content-range"), Some("bytes 1500000-2700000/3000000"));
    assert!(part.body == content[1_500_000..=2_700_000]);
    let tail = with(&mut raw, &token, "GET", path, &[("range", "bytes=-5")], b"").await;
    assert!(tail.body == content[2_999_995..]);
    assert_eq!(with(&mut raw, &token, "GET", path, &[("range", "bytes=3000000-")], b"").await.status, 416);
    assert_eq!(with(&mut raw, &token, "GET", path, &[("if-none-match", &etag)], b"").await.status, 304);
    assert_eq!(with(&mut raw, &token, "PUT", path, &[("if-none-match", "*")], b"x").await.status, 409);
    let longer = with(&mut raw, &token, "POST", path, &[], b"more").await;
    assert_eq!(longer.json().unwrap()["size_bytes"], 3_000_004);

    // Nothing outside, however it is spelled; the canary lies beside the folders.
    std::fs::write(daemon.state_dir().join("canary.txt"), "CANARY").unwrap();
    for path in [
        "..%2fcanary.txt",
        "%2e%2e%2fcanary.txt",
        "../canary.txt",
        "%2e%2e/canary.txt",
        "a/..%2f..%2fcanary.txt",
        "..%2f..%2fcanary.txt",
        "%2fetc%2fpasswd",
        "/etc/passwd",
        "canary.txt%00",
        "%00",
        "..%5ccanary.txt",
        "..%252fcanary.txt",
        "%c0%ae%c0%ae%2fcanary.txt",
        "..%ff%2fcanary.txt",
    ] {
        for place in ["shared", "home"] {
            for method in ["GET", "PUT", "POST", "DELETE"] {
                let address = format!("/api/v1/files/{place}/{path}");
                let answer = daemon
                    .connect()
                    .await
                    .unwrap()
                    .request(method, &address, &[("authorization", &format!("Bearer {token}"))], b"")
                    .await
                    .unwrap();
                assert!(
                    !answer.text().contains("CANARY") && !answer.text().contains("root:"),
                    "{method} {address}"
                );
                // On this system these are names like any other.
                let is_a_name = path.contains("%5c") || path.contains("%25");
                if !is_a_name && (method == "GET" || method == "DELETE") {
                    assert!(
                        (400..500).contains(&answer.status),
                        "{method} {address}: {} {}",
                        answer.status,
                        answer.text()
                    );
                }
            }
        }
    }
    assert_eq!(std::fs::read_to_string(daemon.state_dir().join("canary.txt")).unwrap(), "CANARY");
    let too_much = vec![0; (64 << 20) + 1];
    let mut other = daemon.connect().await.unwrap();
    let head = format!(
        "PUT /api/v1/files/home/big HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\ncontent-length: {}\r\n\r\n",
        too_much.len()
    );
    other.send(head.as_bytes()).await.unwrap();
    assert_eq!(other.response().await.unwrap().status, 413);
}

#[tokio::test]
async fn replies_fit_the_document_and_methods_are_named() {
    let daemon = Daemon::start().await.unwrap();
    let token = daemon.sign_up().await.unwrap();
    assert_eq!(daemon.ask("PUT", "/api/v1/folders/home/notes", &token, None).await.unwrap().status, 200);
    let document = daemon.ask("GET", "/api/v1/openapi.json", &token, None).await.unwrap().json().unwrap();
    for (address, path) in [
        ("/api/v1/door", "/api/v1/door"),
        ("/api/v1/status", "/api/v1/status"),
        ("/api/v1/doctor", "/api/v1/doctor"),
        ("/api/v1/me", "/api/v1/me"),
        ("/api/v1/sessions", "/api/v1/sessions"),
        ("/api/v1/agents", "/api/v1/agents"),
        ("/api/v1/roles", "/api/v1/roles"),
        ("/api/v1/processes?which=all", "/api/v1/processes"),
        ("/api/v1/models", "/api/v1/models"),
        ("/api/v1/terminals", "/api/v1/terminals"),
        ("/api/v1/events?limit=1000", "/api/v1/events"),
        ("/api/v1/folders/home/", "/api/v1/folders/{place}/{path}"),
        ("/api/v1/entries/home/notes", "/api/v1/entries/{place}/{path}"),
    ] {
        let answer = daemon.ask("GET", address, &token, None).await.unwrap();
        assert_eq!(answer.status, 200, "{address}: {}", answer.text());
        let operation = &document["paths"][path]["get"];
        let described = &operation["responses"]["200"]["content"]["application/json"]["schema"];
        assert!(described.is_object(), "{path}");
        schema::check(&document, described, &answer.json().unwrap())
            .unwrap_or_else(|error| panic!("{address}: {error}"));
    }
    // A wrong method is told which are right, and a mistake where it is.
    let answer = daemon.ask("PATCH", "/api/v1/processes", &token, None).await.unwrap();
    assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, POST")));
    let wrong = daemon
        .ask("POST", "/api/v1/processes", &token, Some(json!({"goal": "x", "limits": {"max_steps": "many"}})))
        .await
        .unwrap();
    assert_eq!(wrong.status, 400);
    let problem = wrong.json().unwrap();
    assert!(problem["detail"].as_str().unwrap().contains("limits.max_steps"), "{problem}");
    let described = json!({"$ref": "#/components/schemas/Problem"});
    schema::check(&document, &described, &problem).unwrap();
    let answer = daemon.ask("GET", "/api/v1/processes?colour=blue", &token, None).await.unwrap();
    assert_eq!(answer.status, 400);
    assert_eq!(daemon.ask("GET", "/api/v1/nothing", &token, None).await.unwrap().status, 404);
}

#[tokio::test]
async fn browsers_sign_in_by_a_cookie_that_only_their_own_page_can_use() {
    let daemon = Daemon::start().await.unwrap();
    daemon.sign_up().await.unwrap();
    let body = json!({"name": OWNER, "password": PASSWORD, "device": "browser"}).to_string();
    let browser = [
        ("origin", "https://localhost"),
        ("sec-fetch-site", "same-origin"),
        ("content-type", "application/json"),
    ];
    let mut raw = daemon.connect().await.unwrap();
    let answer = raw.request("POST", "/api/v1/session", &browser, body.as_bytes()).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json().unwrap()["token"], "");
    let cookie = answer.header("set-cookie").unwrap().to_owned();
    for attribute in ["HttpOnly", "Secure", "SameSite=Strict", "Path=/"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    let cookie = cookie.split(';').next().unwrap();
    let mut ask = async |method: &str, path: &str, more: &[(&str, &str)]| {
        let headers = [&[("cookie", cookie)], more].concat();
        raw.request(method, path, &headers, b"").await.unwrap().status
    };
    assert_eq!(ask("GET", "/api/v1/me", &[]).await, 200);
    assert_eq!(ask("PUT", "/api/v1/folders/home/a", &[]).await, 403);
    assert_eq!(ask("PUT", "/api/v1/folders/home/a", &[("sec-fetch-site", "same-site")]).await, 403);
    assert_eq!(ask("PUT", "/api/v1/folders/home/a", &[("sec-fetch-site", "same-origin")]).await, 200);
    assert_eq!(ask("PUT", "/api/v1/folders/home/a", &[("origin", "https://localhost")]).await, 200);
}

#[tokio::test]
async fn two_daemons_cannot_share_a_state_directory_and_sessions_outlive_a_restart() {
    let daemon = Daemon::start().await.unwrap();
    let token = daemon.sign_up().await.unwrap();
    let second = tokio::process::Command::new(aether_tests::daemon::program("aetherd").unwrap())
        .args(["--listen", "127.0.0.1:0", "--state-dir"])
        .arg(daemon.state_dir())
        .output();
    let second = timeout(DEADLINE, second).await.unwrap().unwrap();
    assert_eq!(second.status.code(), Some(75));
    assert!(String::from_utf8_lossy(&second.stderr).contains("--state-dir"));

    let fingerprint = daemon.fingerprint.clone();
    let (stopped, status) = daemon.stop().await.unwrap();
    assert!(status.success(), "{status}");
    let daemon = Daemon::start_again(stopped).await.unwrap();
    assert_eq!(daemon.fingerprint, fingerprint);
    assert_eq!(daemon.setup_code, None);
    assert_eq!(daemon.ask("GET", "/api/v1/me", &token, None).await.unwrap().status, 200);
    let last = daemon.ask("GET", "/api/v1/status", &token, None).await.unwrap().json().unwrap();
    assert!(last["last_seq"].as_u64() > Some(Seq(1).0));
}
