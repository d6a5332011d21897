//! Attempts to reach by the proxy what is not granted, made inside a real sandbox. Two ports of this machine are
//! granted (a harmless server's, and the kernel's own); a third one, which is not, has something to tell.
//!
//! What needs a name server that lies (rebinding, a name with several addresses) is tried beside the proxy's code.

use std::{fs, sync::atomic::Ordering};

use serde_json::{Value, json};

use crate::Trial;

/// What comes back: the status of the first answer, or nothing.
#[derive(Clone, Copy)]
enum Expected {
    /// A refusal with this status.
    Status(u16),
    /// An answer of the granted server, and then a refusal with this status.
    Then(u16),
    /// The granted server answers, and what was tried has not got there.
    Harmless,
    /// The connection is closed without a word.
    Silence,
}
use Expected::{Harmless, Silence, Status, Then};

/// `{G}` stands for the granted port, `{S}` for the secret one, `{K}` for the kernel's own, which is granted.
/// `~` stands for CRLF. A head without an end gets `Host` and the empty line.
fn attempts() -> Vec<(&'static str, String, Expected)> {
    let get = |target: &str, host: &str| format!("GET {target} HTTP/1.1~Host: {host}~~");
    let connect = |authority: &str| format!("CONNECT {authority} HTTP/1.1~~");
    let literal = |authority: &str| get(&format!("http://{authority}/"), authority);
    let post = |fields: &str, body: &str| {
        format!("POST http://localhost:{{G}}/ HTTP/1.1~Host: localhost:{{G}}~{fields}~~{body}")
    };
    let smuggled = "GET http://127.0.0.1:{S}/smuggled HTTP/1.1~Host: 127.0.0.1:{S}~~";
    vec![
        // Addresses in every notation.
        ("loopback", literal("127.0.0.1:{S}"), Status(403)),
        ("loopback by name", literal("localhost:{S}"), Status(403)),
        ("another loopback address", literal("127.0.0.2:{S}"), Status(403)),
        ("a private address", literal("10.0.0.1"), Status(403)),
        ("the router", literal("192.168.1.1"), Status(403)),
        ("unspecified", literal("0.0.0.0:{S}"), Status(403)),
        ("decimal", literal("2130706433:{S}"), Status(400)),
        ("octal", literal("0177.0.0.1:{S}"), Status(400)),
        ("octal as one number", literal("017700000001:{S}"), Status(400)),
        ("hexadecimal", literal("0x7f000001:{S}"), Status(400)),
        ("hexadecimal with dots", literal("0x7f.0x0.0x0.0x1:{S}"), Status(400)),
        ("two parts", literal("127.1:{S}"), Status(400)),
        ("three parts", literal("127.0.1:{S}"), Status(400)),
        ("zero", literal("0:{S}"), Status(400)),
        ("leading zeros", literal("127.000.000.001:{S}"), Status(400)),
        ("too large a part", literal("127.0.0.257:{S}"), Status(400)),
        ("an address with a dot at its end", literal("127.0.0.1.:{S}"), Status(403)),
        ("IPv6 loopback", literal("[::1]:{S}"), Status(403)),
        ("IPv6 loopback in full", literal("[0:0:0:0:0:0:0:1]:{S}"), Status(403)),
        ("IPv4-mapped", literal("[::ffff:127.0.0.1]:{S}"), Status(403)),
        ("IPv4-mapped in hexadecimal", literal("[::ffff:7f00:1]:{S}"), Status(403)),
        ("IPv4-compatible", literal("[::127.0.0.1]:{S}"), Status(403)),
        ("NAT64", literal("[64:ff9b::7f00:1]:{S}"), Status(403)),
        ("6to4", literal("[2002:7f00:1::]:{S}"), Status(403)),
        ("IPv6 unspecified", literal("[::]:{S}"), Status(403)),
        ("a zone", literal("[fe80::1%25lo]:{S}"), Status(400)),
        ("IPv6 without brackets", literal("::1:{S}"), Status(400)),
        ("the metadata service", literal("169.254.169.254"), Status(403)),
        ("the metadata service by name", literal("metadata.google.internal"), Status(403)),
        // Other ports, other names.
        ("CONNECT to another port", connect("localhost:22"), Status(403)),
        ("CONNECT to the secret port", connect("localhost:{S}"), Status(403)),
        ("CONNECT without a port", connect("localhost"), Status(400)),
        ("CONNECT to port 0", connect("localhost:0"), Status(400)),
        ("CONNECT to a port that wraps", connect("localhost:65558"), Status(400)),
        ("CONNECT with a path", connect("localhost:{G}/"), Status(400)),
        ("CONNECT with a body", "CONNECT localhost:{G} HTTP/1.1~Content-Length: 3~~abc".into(), Status(400)),
        ("a user name", get("http://localhost:{G}@127.0.0.1:{S}/", "127.0.0.1:{S}"), Status(400)),
        ("CONNECT with a user name", connect("localhost:{G}@127.0.0.1:{S}"), Status(400)),
        ("a backslash", get("http://127.0.0.1:{S}\\@localhost:{G}/", "localhost:{G}"), Status(400)),
        ("a fragment", get("http://127.0.0.1:{S}#@localhost:{G}/", "localhost:{G}"), Status(400)),
        ("upper case and a dot", literal("LOCALHOST.:{S}"), Status(403)),
        ("two dots", literal("localhost..:{G}"), Status(400)),
        ("letters beyond ASCII", literal("\u{24db}ocalhost:{G}"), Status(400)),
        ("dots beyond ASCII", literal("127\u{ff0e}0\u{ff0e}0\u{ff0e}1:{S}"), Status(400)),
        ("an escaped dot", literal("127%2e0%2e0%2e1:{S}"), Status(400)),
        ("a name that begins so", literal("localhost.evil.test:{G}"), Status(403)),
        ("a name that ends so", literal("xlocalhost:{G}"), Status(403)),
        ("a space in the name", get("http://localhost:{G} .evil.test/", "localhost:{G}"), Status(400)),
        // Two readings of one message.
        ("another Host", get("http://localhost:{G}/", "127.0.0.1:{S}"), Status(400)),
        ("another port in Host", get("http://localhost:{G}/", "localhost:{S}"), Status(400)),
        (
            "another Host for CONNECT",
            "CONNECT localhost:{G} HTTP/1.1~Host: 127.0.0.1:{S}~~".into(),
            Status(400),
        ),
        ("no Host", "GET http://localhost:{G}/ HTTP/1.1~~".into(), Status(400)),
        ("two Hosts", get("http://localhost:{G}/", "localhost:{G}~Host: 127.0.0.1:{S}"), Status(400)),
        ("a path alone", get("/", "127.0.0.1:{S}"), Status(400)),
        ("an asterisk", "OPTIONS * HTTP/1.1~Host: localhost:{G}~~".into(), Status(400)),
        ("another scheme", get("ftp://localhost:{G}/", "localhost:{G}"), Status(400)),
        ("a file", get("file:///etc/passwd", "localhost"), Status(400)),
        (
            "length and chunks",
            post("Content-Length: 4~Transfer-Encoding: chunked", &format!("0~~{smuggled}")),
            Status(400),
        ),
        ("two lengths", post("Content-Length: 0~Content-Length: 5", smuggled), Status(400)),
        ("two equal lengths", post("Content-Length: 0~Content-Length: 0", smuggled), Status(400)),
        ("a list of lengths", post("Content-Length: 0, 5", smuggled), Status(400)),
        ("a length with a sign", post("Content-Length: +0", smuggled), Status(400)),
        ("an unknown coding", post("Transfer-Encoding: xchunked", &format!("0~~{smuggled}")), Status(501)),
        ("chunks twice", post("Transfer-Encoding: chunked, chunked", &format!("0~~{smuggled}")), Status(501)),
        ("a hidden coding", post("Transfer-Encoding:\x0bchunked", &format!("0~~{smuggled}")), Status(400)),
        ("a folded header", post("X: a~ Content-Length: 3", smuggled), Status(400)),
        ("a space before the colon", post("Content-Length : 3", smuggled), Status(400)),
        ("LF alone", "GET http://localhost:{G}/ HTTP/1.1\nHost: localhost:{G}\n\n".into(), Status(400)),
        ("CR alone", post("X: a\rContent-Length: 3", smuggled), Status(400)),
        ("NUL", post("X: a\0b", smuggled), Status(400)),
        ("a chunk's length with 0x", post("Transfer-Encoding: chunked", "0x3~abc~0~~"), Status(400)),
        (
            "a chunk's length that overflows",
            post("Transfer-Encoding: chunked", "10000000000000000~a~0~~"),
            Status(400),
        ),
        ("a chunk's extension", post("Transfer-Encoding: chunked", "3;x=\"~\"~abc~0~~"), Status(400)),
        ("a chunk that is longer", post("Transfer-Encoding: chunked", "3~abcdef~0~~"), Status(400)),
        ("LF between chunks", post("Transfer-Encoding: chunked", "3\nabc\n0\n\n"), Status(400)),
        (
            "a second request behind the first",
            format!("{}{smuggled}", get("http://localhost:{G}/", "localhost:{G}")),
            Then(403),
        ),
        (
            "a second request behind a body",
            format!("{}{smuggled}", post("Content-Length: 3", "abc")),
            Then(403),
        ),
        (
            "a second request behind chunks",
            format!("{}{smuggled}", post("Transfer-Encoding: chunked", "3~abc~0~~")),
            Then(403),
        ),
        (
            "a second request that says CONNECT",
            format!("{}{}", get("http://localhost:{G}/", "localhost:{G}"), connect("127.0.0.1:{S}")),
            Then(403),
        ),
        // Other protocols.
        (
            "a change to h2c",
            get(
                "http://localhost:{G}/",
                "localhost:{G}~Connection: Upgrade, HTTP2-Settings~Upgrade: h2c~HTTP2-Settings: AAMAAABkAAQAAP__",
            ),
            Harmless,
        ),
        (
            "a change that the server makes",
            get("http://localhost:{G}/switch", "localhost:{G}~Connection: upgrade~Upgrade: anything"),
            Status(502),
        ),
        ("HTTP/2 at once", "PRI * HTTP/2.0~~SM~~".into(), Status(400)),
        ("HTTP/0.9", "GET http://127.0.0.1:{S}/~~".into(), Status(400)),
        ("SOCKS", "\x05\x01\x00~".into(), Status(400)),
        ("TLS", "\x16\x03\x01\x02\x00\x01\x00\x01~".into(), Status(400)),
        ("an empty line first", format!("~{}", literal("127.0.0.1:{S}")), Status(400)),
        // Loops.
        ("the proxy itself", connect("127.0.0.1:3128"), Status(403)),
        ("the proxy by name", literal("localhost:3128"), Status(403)),
        ("the kernel, though granted", connect("127.0.0.1:{K}"), Status(403)),
        ("the kernel by name, though granted", literal("localhost:{K}"), Status(403)),
        // Too much, too slow.
        (
            "a long header",
            get("http://localhost:{G}/", &format!("localhost:{{G}}~X: {}", "a".repeat(40_000))),
            Status(431),
        ),
        (
            "many headers",
            get("http://localhost:{G}/", &format!("localhost:{{G}}{}", "~X: a".repeat(150))),
            Status(431),
        ),
        (
            "a long target",
            get(&format!("http://localhost:{{G}}/{}", "a".repeat(9000)), "localhost:{G}"),
            Status(414),
        ),
        ("a head that does not end", "GET http://localhost:{G}/ HTTP/1.1~X: ".into(), Status(408)),
        ("nothing at all", String::new(), Silence),
        ("an end in the middle", "GET http://localhost:{G}/ HT|".into(), Silence),
    ]
}

/// Makes all attempts at once and writes what came back.
const RUNNER: &str = r#"
import json, socket, threading
attempts = json.load(open("attempts.json"))
said = {}
def make(name, text):
    half = text.endswith("|")
    answer = b""
    try:
        tool = socket.create_connection(("127.0.0.1", 3128), 60)
        tool.settimeout(60)
        tool.sendall(text.rstrip("|").encode())
        if half:
            tool.shutdown(socket.SHUT_WR)
    except OSError as error:
        said[name] = "cannot be sent: %s" % error
    try:
        while True:
            piece = tool.recv(65536)
            if not piece:
                break
            answer += piece
    except socket.timeout:
        answer += b"[no end]"
    except OSError:
        pass
    said[name] = answer.decode("latin-1")
threads = [threading.Thread(target=make, args=attempt) for attempt in attempts]
for thread in threads: thread.start()
for thread in threads: thread.join()
json.dump(said, open("said.json", "w"))
print(len(said))
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_reaches_what_is_not_granted() {
    let mut trial = Trial::new("", "").await;
    let (granted, secret) = (trial.outside.plain, trial.outside.secret);
    let kernel = trial.world.daemon.address.port();
    let attempts: Vec<(&str, String, Expected)> = attempts()
        .into_iter()
        .map(|(name, text, expected)| {
            let text = text
                .replace("{G}", &granted.to_string())
                .replace("{S}", &secret.to_string())
                .replace("{K}", &kernel.to_string())
                .replace('~', "\r\n");
            (name, text, expected)
        })
        .collect();
    assert!(attempts.len() >= 90, "{} attempts", attempts.len());
    let written: Vec<Value> = attempts.iter().map(|(name, text, _)| json!([name, text])).collect();
    fs::write(trial.home().join("attempts.json"), json!(written).to_string()).unwrap();
    fs::write(trial.home().join("attempts.py"), RUNNER).unwrap();
    let mut grants: Vec<String> = [granted, kernel].map(|port| format!("localhost:{port},local")).to_vec();
    grants.extend([granted, kernel].map(|port| format!("127.0.0.1:{port},local")));
    let (life, output) = trial.run(&grants, "/usr/bin/python3 attempts.py").await;
    assert!(output.starts_with(&format!("{}\n", attempts.len())), "{output}");
    let said: Value = serde_json::from_slice(&fs::read(trial.home().join("said.json")).unwrap()).unwrap();

    let mut failures = Vec::new();
    println!("{:<36} answer", "attempt");
    for (name, _, expected) in &attempts {
        let answer = said[name].as_str().unwrap_or("nothing was written");
        println!("{name:<36} {}", answer.lines().next().unwrap_or("(closed)"));
        let held = match expected {
            Status(status) => {
                answer.starts_with(&format!("HTTP/1.1 {status} ")) && answer.matches("HTTP/1.").count() == 1
            }
            Then(status) => {
                answer.starts_with("HTTP/1.1 200 ") && answer.contains(&format!("HTTP/1.1 {status} "))
            }
            Harmless => answer.starts_with("HTTP/1.1 200 "),
            Silence => answer.is_empty(),
        };
        if !held || answer.contains("a secret") {
            failures.push(format!("{name}: {answer:?}"));
        }
    }
    println!("{} attempts", attempts.len());
    assert!(failures.is_empty(), "{failures:#?}");
    assert_eq!(trial.outside.reached.load(Ordering::SeqCst), 0, "the secret was reached");
    let heads = trial.outside.heads.lock().unwrap().clone();
    for head in &heads {
        let head = head.to_ascii_lowercase();
        for trace in ["smuggled", "upgrade", "http2-settings", &format!(":{secret}")] {
            assert!(!head.contains(trace), "{head}");
        }
    }
    let refused = trial.events_of(&life, "egress.").await;
    let told = |event: &Value| event["refused"].as_u64().unwrap_or(u64::from(event.get("reason").is_some()));
    let told: u64 = refused.iter().map(told).sum();
    let expected = attempts.iter().filter(|(_, _, expected)| matches!(expected, Status(_) | Then(_))).count();
    assert_eq!(told, expected as u64, "refusals in the log");
}
