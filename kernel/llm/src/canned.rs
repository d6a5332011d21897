//! A server for tests that sends exactly the bytes that it is given.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};

/// What is sent on one connection. The connection closes after it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Canned {
    pieces: Vec<Vec<u8>>,
    hang: bool,
}

impl Canned {
    /// An answer with this status line, these headers, and the body in pieces. Its length is not told: it ends with
    /// the connection.
    pub(crate) fn new(status: &str, headers: &str, body: &[&str]) -> Self {
        let head = format!("HTTP/1.1 {status}\r\nconnection: close\r\n{headers}\r\n");
        let mut pieces = vec![head.into_bytes()];
        pieces.extend(body.iter().map(|piece| piece.as_bytes().to_vec()));
        Self { pieces, hang: false }
    }

    /// An answer in chunks that ends without the last chunk: a connection that broke.
    pub(crate) fn cut(headers: &str, body: &[&str]) -> Self {
        let mut canned = Self::new("200 OK", &format!("transfer-encoding: chunked\r\n{headers}"), &[]);
        canned
            .pieces
            .extend(body.iter().map(|piece| format!("{:x}\r\n{piece}\r\n", piece.len()).into_bytes()));
        canned
    }

    /// The same, byte by byte.
    pub(crate) fn byte_by_byte(mut self) -> Self {
        self.pieces = self.pieces.concat().into_iter().map(|byte| vec![byte]).collect();
        self
    }

    /// The same, but then it says no more and does not close.
    pub(crate) fn then_hang(mut self) -> Self {
        self.hang = true;
        self
    }
}

/// What happened at the server.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// A whole request: head and body.
    Request(String),
    /// The client closed a connection that hung.
    Closed,
}

/// Serves the answers, one connection each, and tells what was seen.
pub(crate) async fn serve(answers: Vec<Canned>) -> (SocketAddr, mpsc::UnboundedReceiver<Seen>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (tx, rx) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            let request = read_request(&mut stream).await;
            let _ = tx.send(Seen::Request(request));
            for piece in &answer.pieces {
                if stream.write_all(piece).await.is_err() {
                    break;
                }
                tokio::task::yield_now().await;
            }
            if answer.hang {
                let mut byte = [0];
                // Closed or reset: both mean that the client is gone.
                let gone = tokio::time::timeout(Duration::from_secs(20), stream.read(&mut byte)).await;
                assert!(matches!(gone, Ok(Ok(0) | Err(_))), "the client stayed");
                let _ = tx.send(Seen::Closed);
            }
        }
    });
    (address, rx)
}

async fn read_request(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| {
                    line.to_lowercase()
                        .strip_prefix("content-length:")
                        .map(|value| value.trim().parse().unwrap())
                })
                .unwrap_or(0);
            if body.len() >= length {
                return text;
            }
        }
        let mut buffer = [0; 4096];
        let count = stream.read(&mut buffer).await.unwrap();
        assert_ne!(count, 0, "the client closed in the middle of its request");
        bytes.extend_from_slice(&buffer[..count]);
    }
}
