//! As much of HTTP/1.1 as a client of chat completions uses.

use std::io;

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

const MAX_BODY_BYTES: usize = 64 << 20;

/// A connection of a client.
pub(super) struct Connection(BufReader<TcpStream>);

/// One request.
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) body: Vec<u8>,
}

impl Connection {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self(BufReader::new(stream))
    }

    /// The next request; `None` where the client has closed.
    pub(super) async fn read(&mut self) -> io::Result<Option<Request>> {
        let mut line = String::new();
        if self.0.read_line(&mut line).await? == 0 {
            return Ok(None);
        }
        let mut words = line.split_whitespace().map(str::to_owned);
        let (Some(method), Some(path)) = (words.next(), words.next()) else {
            return Err(io::Error::other("the request has no path"));
        };
        let mut length = 0;
        loop {
            let mut header = String::new();
            if self.0.read_line(&mut header).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let header = header.trim_end();
            if header.is_empty() {
                break;
            }
            let Some((name, value)) = header.split_once(':') else { continue };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().map_err(io::Error::other)?;
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                return Err(io::Error::other("a body in chunks is not understood here"));
            }
        }
        if length > MAX_BODY_BYTES {
            return Err(io::Error::other("the body is too long"));
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).await?;
        Ok(Some(Request { method, path, body }))
    }

    /// A whole answer.
    pub(super) async fn answer(
        &mut self,
        status: u16,
        headers: &[(&str, &str)],
        body: &Value,
    ) -> io::Result<()> {
        let body = body.to_string();
        let mut head = format!("HTTP/1.1 {status} Scripted\r\ncontent-type: application/json\r\n");
        for (name, value) in headers {
            head.extend([name, ": ", value, "\r\n"]);
        }
        head.extend(["content-length: ", &body.len().to_string(), "\r\n\r\n", &body]);
        self.write(head.as_bytes()).await
    }

    /// The head of an event stream.
    pub(super) async fn begin_stream(&mut self) -> io::Result<()> {
        self.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n",
        )
        .await
    }

    /// A piece of the stream, sent at once.
    pub(super) async fn piece(&mut self, bytes: &[u8]) -> io::Result<()> {
        // An empty chunk would end the stream.
        if bytes.is_empty() {
            return Ok(());
        }
        let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
        chunk.extend_from_slice(bytes);
        chunk.extend_from_slice(b"\r\n");
        self.write(&chunk).await
    }

    /// The end of the stream.
    pub(super) async fn end_stream(&mut self) -> io::Result<()> {
        self.write(b"0\r\n\r\n").await
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes).await?;
        self.0.flush().await
    }
}
