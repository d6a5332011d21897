//! Bytes in and out, within limits of size and of time.

use std::{
    io,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use bytes::{Buf as _, BytesMut};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    time::timeout,
};

use super::http::{Bad, Framing, HeadEnd, bad};

/// What is read at once.
const PIECE: usize = 32 * 1024;
/// The longest line between chunks.
const MAX_CHUNK_LINE: usize = 1024;
/// The longest trailer.
const MAX_TRAILER: usize = 8 * 1024;

/// Why a message did not come.
#[derive(Debug)]
pub(super) enum Broken {
    /// It is not what HTTP allows.
    Bad(Bad),
    /// It took too long.
    Slow,
    /// The connection failed or ended in the middle.
    Io,
}

impl From<Bad> for Broken {
    fn from(bad: Bad) -> Self {
        Self::Bad(bad)
    }
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::TimedOut { Self::Slow } else { Self::Io }
    }
}

/// A reading end, with what was read and not used yet.
pub(super) struct Incoming<R> {
    stream: R,
    buffer: BytesMut,
    idle: Duration,
}

impl<R: AsyncRead + Unpin> Incoming<R> {
    /// Fails a read after `idle`.
    pub(super) fn new(stream: R, idle: Duration) -> Self {
        Self { stream, buffer: BytesMut::new(), idle }
    }

    /// Reads more. 0 at the end.
    async fn fill(&mut self) -> io::Result<usize> {
        self.buffer.reserve(PIECE);
        timeout(self.idle, self.stream.read_buf(&mut self.buffer)).await?
    }

    /// The next head, whole; `None` where the connection ended before it began.
    pub(super) async fn head(&mut self, within: Duration) -> Result<Option<Vec<u8>>, Broken> {
        match timeout(within, self.read_head()).await {
            Ok(head) => head,
            // Nobody has said anything: a connection that is kept and not used.
            Err(_) if self.buffer.is_empty() => Ok(None),
            Err(_) => Err(Broken::Slow),
        }
    }

    async fn read_head(&mut self) -> Result<Option<Vec<u8>>, Broken> {
        let mut end = HeadEnd::default();
        loop {
            if let Some(end) = end.find(&self.buffer)? {
                return Ok(Some(self.buffer.split_to(end).to_vec()));
            }
            if self.fill().await? == 0 {
                return if self.buffer.is_empty() { Ok(None) } else { Err(Broken::Io) };
            }
        }
    }

    /// Some bytes, at least one; empty at the end.
    pub(super) async fn some(&mut self) -> io::Result<BytesMut> {
        if self.buffer.is_empty() && self.fill().await? == 0 {
            return Ok(BytesMut::new());
        }
        Ok(self.buffer.split())
    }

    /// The rest of the reading end's bytes that are here already.
    pub(super) fn left_over(&mut self) -> BytesMut {
        self.buffer.split()
    }

    /// Reads what still comes and forgets it, so that an answer is not lost to a reset.
    pub(super) async fn drain(&mut self, within: Duration) {
        let _ = timeout(within, async {
            let mut drained = 0;
            while drained < 256 * 1024 {
                match self.some().await {
                    Ok(bytes) if !bytes.is_empty() => drained += bytes.len(),
                    _ => return,
                }
            }
        })
        .await;
    }

    /// Passes a body on, bounded for the other side by `out_framing`. Counts its bytes.
    pub(super) async fn pass_body<W: AsyncWrite + Unpin>(
        &mut self,
        framing: Framing,
        out_framing: Framing,
        to: &mut W,
        count: &AtomicU64,
    ) -> Result<(), Broken> {
        match framing {
            Framing::Length(length) => {
                let mut left = length;
                while left > 0 {
                    let mut bytes = self.some().await?;
                    if bytes.is_empty() {
                        return Err(Broken::Io);
                    }
                    let take = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                    let rest = bytes.split_off(take);
                    self.give_back(rest);
                    left -= take as u64;
                    self.send(to, &bytes, out_framing, count).await?;
                }
            }
            Framing::ToEnd => loop {
                let bytes = self.some().await?;
                if bytes.is_empty() {
                    break;
                }
                self.send(to, &bytes, out_framing, count).await?;
            },
            Framing::Chunked => self.pass_chunks(out_framing, to, count).await?,
        }
        if out_framing == Framing::Chunked {
            self.write(to, b"0\r\n\r\n").await?;
        }
        timeout(self.idle, to.flush()).await.map_err(|_| Broken::Slow)??;
        Ok(())
    }

    async fn pass_chunks<W: AsyncWrite + Unpin>(
        &mut self,
        out_framing: Framing,
        to: &mut W,
        count: &AtomicU64,
    ) -> Result<(), Broken> {
        loop {
            let line = self.line().await?;
            let mut left = chunk_length(&line)?;
            if left == 0 {
                break;
            }
            while left > 0 {
                let mut bytes = self.some().await?;
                if bytes.is_empty() {
                    return Err(Broken::Io);
                }
                let take = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                let rest = bytes.split_off(take);
                self.give_back(rest);
                left -= take as u64;
                self.send(to, &bytes, out_framing, count).await?;
            }
            if !self.line().await?.is_empty() {
                return Err(bad("a chunk is longer than it says").into());
            }
        }
        // Trailers are read and not passed on.
        let mut length = 0;
        loop {
            let line = self.line().await?;
            length += line.len();
            if line.is_empty() {
                return Ok(());
            }
            if length > MAX_TRAILER {
                return Err(bad("its trailer is too long").into());
            }
        }
    }

    /// A line without its end, which must be CRLF.
    async fn line(&mut self) -> Result<Vec<u8>, Broken> {
        loop {
            if let Some(at) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let mut line = self.buffer.split_to(at + 1).to_vec();
                line.pop();
                if line.pop() != Some(b'\r') || line.contains(&b'\r') {
                    return Err(bad("a line of its body ends otherwise than with CRLF").into());
                }
                return Ok(line);
            }
            if self.buffer.len() > MAX_CHUNK_LINE {
                return Err(bad("a line between its chunks is too long").into());
            }
            if self.fill().await? == 0 {
                return Err(Broken::Io);
            }
        }
    }

    fn give_back(&mut self, rest: BytesMut) {
        if !rest.is_empty() {
            // `some` has emptied the buffer.
            self.buffer = rest;
        }
    }

    async fn send<W: AsyncWrite + Unpin>(
        &self,
        to: &mut W,
        bytes: &[u8],
        framing: Framing,
        count: &AtomicU64,
    ) -> Result<(), Broken> {
        if framing == Framing::Chunked {
            self.write(to, format!("{:x}\r\n", bytes.len()).as_bytes()).await?;
        }
        self.write(to, bytes).await?;
        count.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        if framing == Framing::Chunked {
            self.write(to, b"\r\n").await?;
        }
        Ok(())
    }

    async fn write<W: AsyncWrite + Unpin>(&self, to: &mut W, bytes: &[u8]) -> Result<(), Broken> {
        timeout(self.idle, to.write_all(bytes)).await.map_err(|_| Broken::Slow)??;
        Ok(())
    }
}

/// Hexadecimal digits and nothing else: extensions are not taken (RFC 9112 §7.1.1 lets nobody rely on them).
fn chunk_length(line: &[u8]) -> Result<u64, Bad> {
    let no = || bad("the length of a chunk is no hexadecimal number");
    let plain = !line.is_empty() && line.len() <= 15 && line.iter().all(u8::is_ascii_hexdigit);
    let text = std::str::from_utf8(line).map_err(|_| no())?;
    u64::from_str_radix(text, 16).ok().filter(|_| plain).ok_or_else(no)
}

/// Passes bytes on both ways until both sides have ended, one has failed, or nothing has moved for `idle`.
/// Where one side has ended, the other has `idle` for what is left.
pub(super) async fn tunnel<A, B, C, D>(
    tool: (&mut Incoming<A>, &mut B),
    server: (&mut Incoming<C>, &mut D),
    sent: &AtomicU64,
    received: &AtomicU64,
    idle: Duration,
) where
    A: AsyncRead + Unpin,
    B: AsyncWrite + Unpin,
    C: AsyncRead + Unpin,
    D: AsyncWrite + Unpin,
{
    let moved = AtomicU64::new(0);
    let out = one_way(tool.0, server.1, sent, &moved);
    let back = one_way(server.0, tool.1, received, &moved);
    let both = async { tokio::join!(out, back) };
    let mut both = std::pin::pin!(both);
    let mut before = 0;
    loop {
        if timeout(idle, &mut both).await.is_ok() {
            return;
        }
        let now = moved.load(Ordering::Relaxed);
        if now == before {
            return;
        }
        before = now;
    }
}

async fn one_way<R: AsyncRead + Unpin, W: AsyncWrite + Unpin>(
    from: &mut Incoming<R>,
    to: &mut W,
    count: &AtomicU64,
    moved: &AtomicU64,
) {
    loop {
        let mut bytes = from.left_over();
        if bytes.is_empty() {
            from.buffer.reserve(PIECE);
            match from.stream.read_buf(&mut from.buffer).await {
                Ok(0) | Err(_) => break,
                Ok(_) => bytes = from.left_over(),
            }
        }
        while bytes.has_remaining() {
            match to.write(&bytes).await {
                Ok(0) | Err(_) => return,
                Ok(written) => {
                    bytes.advance(written);
                    count.fetch_add(written as u64, Ordering::Relaxed);
                    moved.fetch_add(written as u64, Ordering::Relaxed);
                }
            }
        }
    }
    let _ = to.shutdown().await;
}
