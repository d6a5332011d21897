//! A proxy, a server behind it, and a resolver that says what the test wants.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use aether_protocol::{EventBody, Pid};
use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};

use super::super::{
    policy::Policy,
    proxy::{self, Desk, Pace},
    report::Reporter,
    resolve::Resolve,
};

/// Long enough for a busy machine; a test that reaches it has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// Says what it is told to: the n-th question gets the n-th answer, and the last one stays.
pub(super) struct Told {
    answers: Vec<Vec<IpAddr>>,
    pub(super) asked: AtomicUsize,
}

impl Told {
    pub(super) fn new(answers: &[&str]) -> Arc<Self> {
        let parse = |text: &&str| text.split_whitespace().map(|address| address.parse().unwrap()).collect();
        Arc::new(Self { answers: answers.iter().map(parse).collect(), asked: AtomicUsize::new(0) })
    }
}

#[async_trait]
impl Resolve for Told {
    async fn resolve(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        let asked = self.asked.fetch_add(1, Ordering::SeqCst);
        let answer = self.answers.get(asked).or(self.answers.last());
        answer.cloned().ok_or_else(|| io::Error::other("no such name"))
    }
}

/// A server that answers every request with `ok`, and remembers the heads.
pub(super) struct Server {
    pub(super) port: u16,
    pub(super) heads: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// At 127.0.0.1. A request of which the path begins with `/raw/` gets what follows, with `~` for CRLF.
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let heads: Arc<Mutex<Vec<String>>> = Arc::default();
        let seen = Arc::clone(&heads);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, Arc::clone(&seen)));
            }
        });
        Self { port, heads }
    }
}

async fn answer(mut stream: TcpStream, seen: Arc<Mutex<Vec<String>>>) {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break String::from_utf8_lossy(&bytes[..end]).into_owned();
        }
        if !matches!(stream.read_buf(&mut bytes).await, Ok(read) if read > 0) {
            return;
        }
    };
    seen.lock().push(head.clone());
    // The body, where its end can be known; an answer before it would hide what is wrong with it.
    let start = head.len() + 4;
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
    let is_chunked = head.contains("\r\ntransfer-encoding: chunked");
    while (is_chunked && !bytes.ends_with(b"0\r\n\r\n")) || bytes.len() < start + length.unwrap_or(0) {
        if !matches!(stream.read_buf(&mut bytes).await, Ok(read) if read > 0) {
            return;
        }
    }
    let raw = head.split(' ').nth(1).and_then(|path| path.strip_prefix("/raw/"));
    let answer = match raw {
        Some(raw) => raw.replace('~', "\r\n").replace('_', " "),
        None => "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_owned(),
    };
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
}

/// A proxy with these grants.
pub(super) struct Proxy {
    address: SocketAddr,
    pub(super) desk: Arc<Desk>,
    events: mpsc::UnboundedReceiver<EventBody>,
}

impl Proxy {
    pub(super) async fn new(grants: &str, resolver: Arc<dyn Resolve>, offline: bool) -> Self {
        let grants: Vec<_> = grants.split_whitespace().map(|grant| grant.parse().unwrap()).collect();
        let (reporter, events) = Reporter::new(Pid(7));
        let pace = Pace {
            head: Duration::from_millis(500),
            idle: Duration::from_secs(2),
            tunnel_idle: Duration::from_millis(500),
            connect: Duration::from_secs(5),
            last_words: Duration::from_millis(200),
        };
        let policy = Policy::new(&grants).unwrap();
        let desk = Arc::new(Desk { policy, resolver, offline, listening: Arc::default(), reporter, pace });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = Arc::clone(&desk);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let desk = Arc::clone(&serving);
                tokio::spawn(async move { proxy::serve(stream, &desk).await });
            }
        });
        Self { address, desk, events }
    }

    pub(super) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends bytes and reads until the end.
    pub(super) async fn ask(&self, bytes: &str) -> String {
        let mut stream = self.connect().await;
        stream.write_all(bytes.as_bytes()).await.unwrap();
        read_all(&mut stream).await
    }

    /// `GET http://HOST:PORT/`, once.
    pub(super) async fn get(&self, authority: &str) -> String {
        self.ask(&format!(
            "GET http://{authority}/ HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n"
        ))
        .await
    }

    /// The next event.
    pub(super) async fn event(&mut self) -> EventBody {
        tokio::time::timeout(PATIENCE, self.events.recv()).await.expect("an event in time").expect("an event")
    }
}

pub(super) async fn read_all(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    // A reset after the answer is an end too.
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut bytes)).await;
    let _ = read.expect("an end in time");
    String::from_utf8_lossy(&bytes).into_owned()
}
