//! From outside, without a token: every hostile input ends in a clear refusal, the server stays up and
//! answers others, and nothing of anybody's data is readable.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::time::{Duration, Instant};

use aether_tests::{
    daemon::{Daemon, OWNER, PASSWORD},
    raw::{DEADLINE, Raw},
};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest as _};

/// Stands in the owner's files, and must never be seen.
const CANARY: &str = "CANARY-7f3d19";

/// Slow clients are let go sooner than in life.
const CONFIG: &str = "[server]\nrequest_timeout_secs = 2\n\
    [identity]\nanonymous_per_minute = 1000000\nsigned_in_per_minute = 1000000000\n";

const UPGRADE: &str = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
    sec-websocket-key: x3JJHMbDL1EzLkh9GBhXDw==\r\n";

async fn house() -> Daemon {
    let daemon = Daemon::start_with(CONFIG).await.unwrap();
    let token = daemon.sign_up().await.unwrap();
    let bearer = format!("Bearer {token}");
    for place in ["home", "shared"] {
        let path = format!("/api/v1/files/{place}/diary.txt");
        let headers = [("authorization", bearer.as_str())];
        let answer =
            daemon.connect().await.unwrap().request("PUT", &path, &headers, CANARY.as_bytes()).await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    daemon
}

/// The server still answers others, and at once.
async fn assert_alive(daemon: &Daemon, after: &str) {
    let answer = timeout(Duration::from_secs(10), daemon.ask("GET", "/healthz", "", None)).await;
    let answer = answer.unwrap_or_else(|_| panic!("no answer after {after}")).unwrap();
    assert_eq!(answer.status, 200, "after {after}");
}

/// Sends bytes and returns all that comes back until the server closes; it must close or answer in time.
async fn exchange(daemon: &Daemon, bytes: &[u8]) -> String {
    let mut raw = daemon.connect().await.unwrap();
    // The server may refuse and close before all is sent.
    let _ = raw.send(bytes).await;
    let mut all = Vec::new();
    let deadline = Instant::now() + DEADLINE;
    loop {
        match raw.more().await {
            Ok(piece) if piece.is_empty() => break,
            Ok(piece) => all.extend(piece),
            Err(_) => break,
        }
        assert!(Instant::now() < deadline, "the connection stays open");
        // An answer with a length on a connection that is kept is complete as well.
        let text = String::from_utf8_lossy(&all);
        let length =
            text.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
        if let (Some(length), Some((_, body))) = (length, text.split_once("\r\n\r\n"))
            && body.len() >= length
        {
            break;
        }
    }
    String::from_utf8_lossy(&all).into_owned()
}

fn status_of(answer: &str) -> Option<u16> {
    answer.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()
}

fn get(path: &str, more: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n{more}\r\n").into_bytes()
}

fn post(path: &str, kind: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// What is sent, and the statuses that refuse it. Empty: the connection is closed without an answer, or with
/// a 400.
fn inputs() -> Vec<(String, Vec<u8>, &'static [u16])> {
    let mut inputs: Vec<(String, Vec<u8>, &'static [u16])> = Vec::new();
    let mut add = |name: &str, bytes: Vec<u8>, statuses: &'static [u16]| {
        inputs.push((name.to_owned(), bytes, statuses));
    };

    for path in [
        "//",
        "///",
        "//etc/passwd",
        "/../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/..;/admin",
        "/%c0%ae%c0%ae/etc/passwd",
        "/%00",
        "/index.html%00.js",
        "/%",
        "/%zz",
        "/%e2%82",
        "/state.db",
        "/secrets/tls-key.pem",
    ] {
        add(&format!("GET {path}"), get(path, ""), &[400, 404]);
    }
    for path in [
        "/api/v1/files/home/diary.txt",
        "/api/v1/files/home/..%2f..%2fdiary.txt",
        "/api/v1/files/home/%",
        "/api/v1/files/shared/%2e%2e/state.db",
        "/api/v1/files/shared/diary.txt",
        "/api/v1/openapi.json",
        "/api/v1/events/stream",
        "/api/v1/processes",
        "/api/v1/folders/shared/",
    ] {
        add(&format!("GET {path}"), get(path, ""), &[401, 400]);
    }
    add("a very long address", get(&format!("/{}", "a".repeat(100_000)), ""), &[400, 404, 414, 431]);
    add("an upgrade to //", get("//", UPGRADE), &[400, 404]);
    add("an upgrade to the API's list", get("/api/v1/processes", UPGRADE), &[401]);
    add("a WebSocket without a token", get("/api/v1/ws", UPGRADE), &[401]);
    add(
        "a WebSocket with a false token",
        get("/api/v1/ws", &format!("{UPGRADE}authorization: Bearer no\r\n")),
        &[401],
    );
    add(
        "a WebSocket from another site",
        get("/api/v1/ws", &format!("{UPGRADE}origin: https://evil.example\r\n")),
        &[403],
    );
    add("a WebSocket from nowhere", get("/api/v1/ws", &format!("{UPGRADE}origin: null\r\n")), &[403]);
    add("another site's page", get("/api/v1/door", "origin: https://evil.example\r\n"), &[403]);
    add("another site's page on plain HTTP", get("/api/v1/door", "origin: http://localhost\r\n"), &[403]);
    add("a false cookie", get("/api/v1/me", "cookie: aether_session=; aether_session=x; =;;\r\n"), &[401]);
    add("a basic authorization", get("/api/v1/me", "authorization: Basic YTpi\r\n"), &[401]);
    add("an empty bearer", get("/api/v1/me", "authorization: Bearer \r\n"), &[401]);
    add(
        "a long token",
        get("/api/v1/me", &format!("authorization: Bearer {}\r\n", "x".repeat(60_000))),
        &[401],
    );
    add("a foreign name", b"GET /api/v1/door HTTP/1.1\r\nhost: evil.example\r\n\r\n".to_vec(), &[421]);
    add(
        "a name that begins like ours",
        b"GET / HTTP/1.1\r\nhost: localhost.evil.example\r\n\r\n".to_vec(),
        &[421],
    );
    add("no name", b"GET /api/v1/door HTTP/1.1\r\n\r\n".to_vec(), &[400]);
    add(
        "two names",
        b"GET /api/v1/door HTTP/1.1\r\nhost: localhost\r\nhost: evil.example\r\n\r\n".to_vec(),
        &[400],
    );
    add(
        "a proxy's request",
        b"GET http://evil.example/ HTTP/1.1\r\nhost: localhost\r\n\r\n".to_vec(),
        &[400, 421],
    );
    for method in ["TRACE", "CONNECT", "PATCH", "FOO", "DELETE"] {
        let bytes = format!("{method} /api/v1/processes HTTP/1.1\r\nhost: localhost\r\n\r\n").into_bytes();
        add(method, bytes, &[400, 401, 405]);
    }
    add(
        "a tunnel",
        b"CONNECT evil.example:443 HTTP/1.1\r\nhost: evil.example:443\r\n\r\n".to_vec(),
        &[400, 405, 421],
    );
    add("HTTP/0.9", b"GET /\r\n".to_vec(), &[]);
    add("HTTP/7.0", b"GET / HTTP/7.0\r\nhost: localhost\r\n\r\n".to_vec(), &[]);
    add("HTTP/2 without negotiation", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), &[]);
    add("noise inside TLS", (0..=255).cycle().take(4096).collect(), &[]);
    add("a NUL in a header", b"GET / HTTP/1.1\r\nhost: localhost\r\nx: a\0b\r\n\r\n".to_vec(), &[]);
    add("a header without a name", b"GET / HTTP/1.1\r\nhost: localhost\r\n: x\r\n\r\n".to_vec(), &[]);
    add(
        "a negative length",
        b"POST /api/v1/session HTTP/1.1\r\nhost: localhost\r\ncontent-length: -1\r\n\r\n".to_vec(),
        &[],
    );
    add("two lengths", b"POST /api/v1/session HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab".to_vec(), &[]);
    add("a length and chunks", b"POST /api/v1/session HTTP/1.1\r\nhost: localhost\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /api/v1/me HTTP/1.1\r\n\r\n".to_vec(), &[400, 415]);
    add("a false chunk", b"POST /api/v1/session HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n".to_vec(), &[400]);

    let json = "application/json";
    let deep = [b"[".repeat(100_000), b"]".repeat(100_000)].concat();
    let long =
        format!("{{\"name\":\"{}\",\"password\":\"x\",\"device\":\"x\"}}", "n".repeat(200_000)).into_bytes();
    for (name, body) in [
        ("null", b"null".to_vec()),
        ("a list", b"[]".to_vec()),
        ("a number", b"5".to_vec()),
        ("nothing", Vec::new()),
        ("an empty object", b"{}".to_vec()),
        ("null fields", br#"{"name":null,"password":null,"device":null}"#.to_vec()),
        ("wrong types", br#"{"name":1,"password":["x"],"device":{}}"#.to_vec()),
        ("an unknown field", br#"{"name":"a","password":"b","device":"c","admin":true}"#.to_vec()),
        ("a field twice", br#"{"name":"a","name":"ada","password":"b","device":"c"}"#.to_vec()),
        ("half an object", br#"{"name":"#.to_vec()),
        ("no UTF-8", b"{\"name\":\"\xff\"}".to_vec()),
        ("depth", deep),
        ("two documents", br#"{"name":"a","password":"b","device":"c"}{}"#.to_vec()),
    ] {
        add(&format!("a sign-in with {name}"), post("/api/v1/session", json, &body), &[400]);
    }
    add("a sign-in with a long name", post("/api/v1/session", json, &long), &[400, 401]);
    add(
        "a sign-in with a false password",
        post(
            "/api/v1/session",
            json,
            format!(r#"{{"name":"{OWNER}","password":"wrong wrong","device":"x"}}"#).as_bytes(),
        ),
        &[401],
    );
    add(
        "a sign-in as nobody",
        post("/api/v1/session", json, br#"{"name":"' OR 1=1 --","password":"wrong wrong","device":"x"}"#),
        &[400, 401],
    );
    add(
        "a sign-in as a form",
        post("/api/v1/session", "application/x-www-form-urlencoded", b"name=a&password=b"),
        &[415],
    );
    add(
        "a sign-in as text",
        post(
            "/api/v1/session",
            "text/plain",
            format!(r#"{{"name":"{OWNER}","password":"{PASSWORD}","device":"x"}}"#).as_bytes(),
        ),
        &[415],
    );
    add("a sign-in from another site", format!("POST /api/v1/session HTTP/1.1\r\nhost: localhost\r\norigin: https://evil.example\r\ncontent-type: {json}\r\ncontent-length: 2\r\n\r\n{{}}").into_bytes(), &[403]);
    add(
        "a second set-up",
        post(
            "/api/v1/setup",
            json,
            br#"{"code":"0000-0000","name":"eve","password":"password1","device":"x"}"#,
        ),
        &[400, 401, 403, 409],
    );
    add("a spawn", post("/api/v1/processes", json, br#"{"goal":"x","role":"scribe"}"#), &[401]);
    add("a huge sign-in that is announced", b"POST /api/v1/session HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 104857600\r\n\r\n{".to_vec(), &[413]);
    add(
        "a huge upload that is announced",
        b"PUT /api/v1/files/home/x HTTP/1.1\r\nhost: localhost\r\ncontent-length: 104857600\r\n\r\nx"
            .to_vec(),
        &[401],
    );
    inputs
}

#[tokio::test]
async fn every_hostile_input_is_refused_and_nothing_leaks() {
    let daemon = house().await;
    let inputs = inputs();
    assert!(inputs.len() >= 40, "{}", inputs.len());
    for (name, bytes, statuses) in &inputs {
        let answer = exchange(&daemon, bytes).await;
        assert!(!answer.contains(CANARY), "{name}: {answer}");
        match status_of(&answer) {
            Some(status) if statuses.is_empty() => assert_eq!(status, 400, "{name}: {answer}"),
            Some(status) => assert!(statuses.contains(&status), "{name}: {answer}"),
            None => assert!(statuses.is_empty() && answer.is_empty(), "{name}: {answer}"),
        }
        assert_alive(&daemon, name).await;
    }
    assert!(!daemon.log().contains("panicked"), "{}", daemon.log());
}

#[tokio::test]
async fn without_a_token_no_address_of_the_api_tells_anything() {
    let daemon = house().await;
    let token = daemon.sign_in().await.unwrap();
    let document = daemon.ask("GET", "/api/v1/openapi.json", &token, None).await.unwrap().json().unwrap();
    let open = ["/api/v1/door", "/api/v1/setup", "/api/v1/session", "/healthz", "/readyz"];
    let mut asked = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys().map(|method| method.to_uppercase()) {
            if open.contains(&path.as_str()) && method != "DELETE" {
                continue;
            }
            let address = path
                .replace("{place}", "home")
                .replace("{path}", "diary.txt")
                .replace("{pid}", "1")
                .replace("{agent}", "00000000-0000-0000-0000-000000000000")
                .replace("{session}", "00000000-0000-0000-0000-000000000000")
                .replace("{channel}", "00000000-0000-0000-0000-000000000000")
                .replace("{upload}", "00000000-0000-0000-0000-000000000000")
                .replace("{snapshot}", "00000000-0000-0000-0000-000000000000")
                .replace("{terminal}", "00000000-0000-0000-0000-000000000000");
            let answer = daemon.ask(&method, &address, "", Some(json!({}))).await.unwrap();
            assert_eq!(answer.status, 401, "{method} {address}: {}", answer.text());
            assert_eq!(answer.header("content-type"), Some("application/problem+json"));
            // An answer to HEAD has no body (RFC 9110, 9.3.2).
            if method != "HEAD" {
                assert_eq!(answer.json().unwrap()["code"], "unauthenticated");
            }
            assert!(answer.header("www-authenticate").is_some());
            asked += 1;
        }
    }
    assert!(asked >= 38, "{asked}");
}

#[tokio::test]
async fn endless_headers_and_bodies_are_cut_off() {
    let daemon = house().await;
    let piece = vec![b'a'; 64 * 1024];
    let headers = b"GET / HTTP/1.1\r\nhost: localhost\r\nx-long: ".to_vec();
    let body = b"POST /api/v1/session HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    for (name, opening, is_chunked) in [("headers", headers, false), ("a body", body, true)] {
        let mut raw = daemon.connect().await.unwrap();
        raw.send(&opening).await.unwrap();
        // The server refuses early, throws away what still comes for a moment, and hangs up, however long
        // the client would go on.
        let framed =
            if is_chunked { [b"10000\r\n".as_slice(), &piece, b"\r\n"].concat() } else { piece.clone() };
        let (mut reader, mut writer) = tokio::io::split(raw.stream);
        let sending = async { while writer.write_all(&framed).await.is_ok() {} };
        let reading = async {
            let mut said = Vec::new();
            // An error is a connection that was cut.
            let _ = reader.read_to_end(&mut said).await;
            String::from_utf8_lossy(&said).into_owned()
        };
        let ((), said) = timeout(Duration::from_secs(20), async { tokio::join!(sending, reading) })
            .await
            .unwrap_or_else(|_| panic!("{name} are taken without end"));
        let status = status_of(&said);
        assert!(
            if is_chunked { status == Some(413) } else { matches!(status, None | Some(400 | 413 | 431)) },
            "{name}: {said}"
        );
        assert_alive(&daemon, name).await;
    }
    let status = std::fs::read_to_string(format!("/proc/{}/status", daemon.pid().unwrap())).unwrap();
    let rss =
        status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap().trim().trim_end_matches(" kB");
    assert!(rss.parse::<u64>().unwrap() < 300 * 1024, "{rss} kB");
}

/// Waits until the server lets go of a connection; what it said.
async fn until_closed(mut stream: impl tokio::io::AsyncRead + Unpin) -> String {
    let mut said = Vec::new();
    timeout(DEADLINE, async {
        let mut piece = [0; 4096];
        while let Ok(count) = stream.read(&mut piece).await {
            if count == 0 {
                break;
            }
            said.extend_from_slice(&piece[..count]);
        }
    })
    .await
    .expect("the server holds on to it");
    String::from_utf8_lossy(&said).into_owned()
}

#[tokio::test]
async fn slow_half_open_and_plain_clients_are_let_go() {
    let daemon = house().await;
    // Many at once, and none of them keeps others from being served.
    let mut silent = Vec::new();
    for _ in 0..50 {
        silent.push(TcpStream::connect(daemon.address).await.unwrap());
    }
    let mut half: Vec<Raw> = Vec::new();
    for _ in 0..50 {
        let mut raw = daemon.connect().await.unwrap();
        raw.send(b"GET / HTTP/1.1\r\nhost: loc").await.unwrap();
        half.push(raw);
    }
    let mut slow = daemon.connect().await.unwrap();
    slow.send(b"POST /api/v1/session HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{").await.unwrap();
    assert_alive(&daemon, "a hundred slow clients").await;

    assert_eq!(slow.response().await.unwrap().status, 408);
    for raw in half {
        let said = until_closed(raw.stream).await;
        assert!(said.is_empty() || status_of(&said) == Some(408), "{said}");
    }
    for stream in silent {
        assert_eq!(until_closed(stream).await, "");
    }

    let mut plain = TcpStream::connect(daemon.address).await.unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let said = until_closed(plain).await;
    assert_eq!(status_of(&said), Some(400), "{said}");
    assert!(said.contains("https://"), "{said}");

    // The beginning of a handshake, and nothing more.
    let mut stuck = TcpStream::connect(daemon.address).await.unwrap();
    stuck.write_all(&[0x16, 3, 1, 2, 0, 1]).await.unwrap();
    until_closed(stuck).await;
    let mut wrong = TcpStream::connect(daemon.address).await.unwrap();
    wrong.write_all(&[0x16; 600]).await.unwrap();
    until_closed(wrong).await;
    assert_alive(&daemon, "broken handshakes").await;
}

/// The next text frame.
async fn heard<S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin>(
    socket: &mut tokio_tungstenite::WebSocketStream<S>,
) -> String {
    loop {
        if let Message::Text(text) =
            timeout(DEADLINE, socket.next()).await.expect("no frame").expect("closed").unwrap()
        {
            return text.to_string();
        }
    }
}

#[tokio::test]
async fn bad_frames_are_refused_and_too_many_end_the_connection() {
    let daemon = house().await;
    let token = daemon.sign_in().await.unwrap();
    let open = async || {
        let mut request = "wss://localhost/api/v1/ws".into_client_request().unwrap();
        request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
        let stream = daemon.connect().await.unwrap().stream;
        let (mut socket, _) = tokio_tungstenite::client_async(request, stream).await.unwrap();
        let hello = heard(&mut socket).await;
        assert!(hello.contains("\"type\":\"hello\""), "{hello}");
        socket
    };
    let bad = [
        "null",
        "[]",
        "5",
        "\"x\"",
        "{}",
        "{\"type\":\"dance\"}",
        "{\"type\":\"call\",\"id\":\"x\"}",
        "{\"type\":\"subscribe\",\"after\":-1}",
    ];
    for frame in bad {
        let mut socket = open().await;
        socket.send(Message::text(frame)).await.unwrap();
        let answer = heard(&mut socket).await;
        assert!(
            answer.contains("\"type\":\"refused\"") && answer.contains("\"code\":\"invalid\""),
            "{frame}: {answer}"
        );
        // The connection stays, and a bad command is answered under its id.
        socket
            .send(Message::text(r#"{"type":"call","id":7,"command":{"call":"weather.get","args":{}}}"#))
            .await
            .unwrap();
        let answer = heard(&mut socket).await;
        assert!(answer.contains("\"type\":\"failed\"") && answer.contains("\"id\":7"), "{answer}");
        // What only agents may do.
        socket.send(Message::text(r#"{"type":"call","id":8,"command":{"call":"mind.think","args":{"messages":[],"tools":[],"max_output_tokens":1}}}"#)).await.unwrap();
        let answer = heard(&mut socket).await;
        assert!(answer.contains("\"id\":8") && answer.contains("\"code\":\"forbidden\""), "{answer}");
    }
    let is_over = async |mut socket: tokio_tungstenite::WebSocketStream<_>| {
        timeout(DEADLINE, async {
            loop {
                match socket.next().await {
                    None | Some(Err(_) | Ok(Message::Close(_))) => break,
                    Some(Ok(_)) => {}
                }
            }
        })
        .await
        .expect("the connection stays open");
    };
    let mut socket = open().await;
    for frame in bad {
        // The server may close while more is on its way.
        let _ = socket.send(Message::text(frame)).await;
    }
    is_over(socket).await;
    let mut socket = open().await;
    let _ = socket.send(Message::text("x".repeat(2 << 20))).await;
    is_over(socket).await;
    let mut socket = open().await;
    socket.send(Message::binary(vec![1, 2, 3])).await.unwrap();
    let answer = heard(&mut socket).await;
    assert!(answer.contains("refused"), "{answer}");

    // A session that is ended elsewhere takes its sockets with it.
    let other = open().await;
    assert_eq!(daemon.ask("DELETE", "/api/v1/session", &token, None).await.unwrap().status, 200);
    is_over(other).await;
    assert_alive(&daemon, "bad frames").await;
}
