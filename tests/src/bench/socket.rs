//! A WebSocket to the kernel that does no more than it must.

use aether_protocol::{
    Event, EventBody, TerminalId,
    frame::{ServerFrame, TerminalFrame},
    process::{Process, State},
};
use anyhow::{Context as _, Result, bail, ensure};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Message, client::IntoClientRequest as _},
};

use crate::{daemon::Daemon, raw::DEADLINE};

/// A connection, signed in.
pub struct Socket {
    stream: WebSocketStream<TlsStream<TcpStream>>,
    /// Events that came and were not taken.
    pending: std::collections::VecDeque<Event>,
}

impl Socket {
    /// Connects.
    pub async fn connect(daemon: &Daemon, token: &str) -> Result<Self> {
        let mut request = "wss://localhost/api/v1/ws".into_client_request()?;
        request.headers_mut().insert("authorization", format!("Bearer {token}").parse()?);
        let stream = daemon.connect().await?.stream;
        let (stream, _) = tokio_tungstenite::client_async(request, stream).await?;
        Ok(Self { stream, pending: std::collections::VecDeque::new() })
    }

    /// Connects and asks for every event from now on.
    pub async fn subscribed(daemon: &Daemon, token: &str) -> Result<Self> {
        let mut socket = Self::connect(daemon, token).await?;
        socket.send(&json!({"type": "subscribe"})).await?;
        loop {
            let text = socket.next().await?;
            if matches!(serde_json::from_str(&text)?, ServerFrame::Subscribed { .. }) {
                return Ok(socket);
            }
        }
    }

    /// Sends a frame.
    pub async fn send(&mut self, frame: &Value) -> Result<()> {
        Ok(self.stream.send(Message::text(frame.to_string())).await?)
    }

    /// The next frame of text.
    pub async fn next(&mut self) -> Result<String> {
        loop {
            let message = timeout(DEADLINE, self.stream.next()).await.context("no frame comes")?;
            match message.context("the connection was closed")?? {
                Message::Text(text) => return Ok(text.as_str().to_owned()),
                Message::Close(why) => bail!("the connection was closed: {why:?}"),
                _ => {}
            }
        }
    }

    /// Types into a terminal.
    pub async fn keys(&mut self, terminal: TerminalId, bytes: &[u8]) -> Result<()> {
        let frame = TerminalFrame { terminal, bytes }.encode();
        Ok(self.stream.send(Message::binary(frame)).await?)
    }

    /// The next output of a terminal.
    pub async fn output(&mut self) -> Result<Vec<u8>> {
        loop {
            let message = timeout(DEADLINE, self.stream.next()).await.context("no frame comes")?;
            match message.context("the connection was closed")?? {
                Message::Binary(frame) => {
                    return Ok(TerminalFrame::decode(&frame)
                        .context("no frame of a terminal")?
                        .bytes
                        .to_vec());
                }
                Message::Close(why) => bail!("the connection was closed: {why:?}"),
                _ => {}
            }
        }
    }

    /// The next event.
    pub async fn next_event(&mut self) -> Result<Event> {
        loop {
            if let Some(event) = self.pending.pop_front() {
                return Ok(event);
            }
            if let ServerFrame::Events { events } = serde_json::from_str(&self.next().await?)? {
                self.pending.extend(events);
            }
        }
    }

    /// Waits until a process is in this state; a process that dies instead is an error.
    pub async fn until(&mut self, pid: u64, state: State) -> Result<Process> {
        loop {
            if let EventBody::ProcessChanged { process } = self.next_event().await?.body
                && process.pid.0 == pid
            {
                if process.state == state {
                    return Ok(*process);
                }
                ensure!(process.state != State::Dead, "process {pid} ended: {:?}", process.reason);
            }
        }
    }
}
