//! The transport of native programs: a thread with its own event loop, TLS by pinned certificate or by the
//! host's authorities.

#[cfg(test)]
mod tests;
mod tls;

use std::{
    io,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use aether_protocol::Error;
use futures_util::{SinkExt, StreamExt};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        self, Message,
        client::IntoClientRequest,
        http::{HeaderValue, header},
        protocol::WebSocketConfig,
    },
};

pub use tls::observe_fingerprint;

use crate::{
    Endpoint, Token,
    client::Shared,
    driver::{OpenError, Received, drive},
    rest::{Answer, Ask, problem},
    session::Frame,
};

/// Native clients keep the token and send it with each request.
pub(crate) const KEEPS_TOKEN: bool = true;
/// Time for a connection to be made, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The largest frame that is accepted: a 4 MiB part of a file in base64 fits.
const FRAME_LIMIT_BYTES: usize = 16 * 1024 * 1024;

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Starts tasks on the client's thread.
pub(crate) struct Spawner(tokio::runtime::Handle);

impl Spawner {
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.0.spawn(task);
    }
}

/// Starts the client's thread.
pub(crate) fn start(endpoint: Endpoint, shared: Arc<Shared>) -> Result<(Transport, Spawner), Error> {
    let broken = |error: io::Error| Error::internal(format!("The client could not be started: {error}"));
    let transport = Transport::new(endpoint)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(broken)?;
    let spawner = Spawner(runtime.handle().clone());
    let driver = drive(shared, transport.clone());
    std::thread::Builder::new()
        .name("aether-client".into())
        .spawn(move || runtime.block_on(driver))
        .map_err(broken)?;
    Ok((transport, spawner))
}

/// How to reach one kernel.
#[derive(Clone)]
pub(crate) struct Transport {
    endpoint: Endpoint,
    tls: Arc<tls::Trust>,
    http: reqwest::Client,
}

impl Transport {
    fn new(endpoint: Endpoint) -> Result<Self, Error> {
        let tls = Arc::new(tls::Trust::new(endpoint.fingerprint)?);
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls.for_http())
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .map_err(|error| Error::internal(format!("The HTTP client could not be started: {error}")))?;
        Ok(Self { endpoint, tls, http })
    }

    pub(crate) async fn http(&self, ask: Ask, token: Option<&Token>) -> Result<Answer, Error> {
        let method = reqwest::Method::from_bytes(ask.method.as_bytes())
            .map_err(|_| Error::internal("The HTTP method is malformed"))?;
        let mut request = self.http.request(method, self.endpoint.join("http", &ask.path));
        if let Some(content_type) = ask.content_type {
            request = request.header(header::CONTENT_TYPE, content_type).body(ask.body);
        }
        for (name, value) in ask.headers {
            request = request.header(name, value);
        }
        if let Some(token) = token {
            request = request.bearer_auth(token.as_str());
        }
        let unreachable = |error: reqwest::Error| match self.tls.mismatch(&self.endpoint) {
            Some(mismatch) => mismatch,
            None => Error::unavailable(self.cannot_reach(&innermost(&error)))
                .hint("Check that the kernel runs and that the address is right"),
        };
        let response = request.send().await.map_err(unreachable)?;
        let status = response.status().as_u16();
        let body = response.bytes().await.map_err(unreachable)?;
        Ok(Answer { status, body })
    }

    pub(crate) async fn open(&self, token: Option<&Token>) -> Result<Socket, OpenError> {
        let Some(token) = token else { return Err(OpenError::SignedOut(None)) };
        match timeout(CONNECT_TIMEOUT, self.open_socket(token)).await {
            Ok(opened) => opened,
            Err(_) => Err(OpenError::Failed(self.cannot_reach("no answer within 10 seconds"))),
        }
    }

    async fn open_socket(&self, token: &Token) -> Result<Socket, OpenError> {
        let stream = self.stream().await.map_err(|error| match self.tls.mismatch(&self.endpoint) {
            Some(mismatch) => OpenError::Refused(mismatch),
            None => OpenError::Failed(self.cannot_reach(&error.to_string())),
        })?;
        let mut request = self.endpoint.join("ws", "/api/v1/ws").into_client_request().map_err(|error| {
            OpenError::Refused(Error::invalid(format!("The address is malformed: {error}")))
        })?;
        let bearer = HeaderValue::from_str(&format!("Bearer {}", token.as_str()))
            .map_err(|_| OpenError::SignedOut(Some(Error::invalid("The session's token is malformed"))))?;
        request.headers_mut().insert(header::AUTHORIZATION, bearer);
        let config = WebSocketConfig::default()
            .max_message_size(Some(FRAME_LIMIT_BYTES))
            .max_frame_size(Some(FRAME_LIMIT_BYTES));
        match tokio_tungstenite::client_async_with_config(request, stream, Some(config)).await {
            Ok((socket, _)) => Ok(Socket(socket)),
            Err(tungstenite::Error::Http(response)) => {
                let body = response.body().as_deref().unwrap_or_default();
                match response.status().as_u16() {
                    401 => Err(OpenError::SignedOut(Some(problem(401, body)))),
                    status @ (403 | 404 | 426) => Err(OpenError::Refused(problem(status, body))),
                    status => Err(OpenError::Failed(problem(status, body).message)),
                }
            }
            Err(error) => Err(OpenError::Failed(self.cannot_reach(&error.to_string()))),
        }
    }

    async fn stream(&self) -> io::Result<Box<dyn Stream>> {
        let (host, port) = self.endpoint.host_and_port();
        let tcp = TcpStream::connect((host.as_str(), port)).await?;
        tcp.set_nodelay(true)?;
        if self.endpoint.url.starts_with("https://") {
            Ok(Box::new(self.tls.connect(&host, tcp).await?))
        } else {
            Ok(Box::new(tcp))
        }
    }

    fn cannot_reach(&self, reason: &str) -> String {
        format!("The kernel at {} cannot be reached: {reason}", self.endpoint)
    }
}

/// An open WebSocket.
pub(crate) struct Socket(WebSocketStream<Box<dyn Stream>>);

impl Socket {
    pub(crate) async fn send(&mut self, frame: Frame) -> Result<(), String> {
        let message = match frame {
            Frame::Text(text) => Message::text(text),
            Frame::Binary(bytes) => Message::binary(bytes),
        };
        self.0.send(message).await.map_err(|error| error.to_string())
    }

    pub(crate) async fn next(&mut self) -> Result<Received, String> {
        match self.0.next().await {
            Some(Ok(Message::Text(text))) => Ok(Received::Text(text.as_str().to_owned())),
            Some(Ok(Message::Binary(bytes))) => Ok(Received::Binary(bytes)),
            Some(Ok(Message::Close(frame))) => Err(frame
                .map(|frame| frame.reason.as_str().to_owned())
                .filter(|reason| !reason.is_empty())
                .unwrap_or_else(|| "the kernel closed the connection".into())),
            Some(Ok(_)) => Ok(Received::Other),
            Some(Err(error)) => Err(lost(&error)),
            None => Err("the connection was closed".into()),
        }
    }

    pub(crate) async fn close(&mut self) {
        // Nobody waits for the answer: the kernel notices either way.
        let _ = timeout(Duration::from_secs(1), self.0.close(None)).await;
    }
}

/// Why a connection ended. A kernel that dies says no goodbye, and how TLS words that helps nobody.
fn lost(error: &tungstenite::Error) -> String {
    match error {
        tungstenite::Error::Io(error)
            if matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset) =>
        {
            "the connection was closed".into()
        }
        tungstenite::Error::ConnectionClosed | tungstenite::Error::AlreadyClosed => {
            "the connection was closed".into()
        }
        error => error.to_string(),
    }
}

/// The reason at the bottom of an error, which names the cause.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// A clock that only runs forward, in milliseconds.
pub(crate) fn now_ms() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    u64::try_from(START.get_or_init(Instant::now).elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// A pause.
pub(crate) async fn sleep(ms: u64) {
    tokio::time::sleep(Duration::from_millis(ms)).await;
}

/// A random number from 0 to 1.
pub(crate) fn jitter() -> f64 {
    let random = getrandom::u32().unwrap_or(u32::MAX / 2);
    f64::from(random) / f64::from(u32::MAX)
}
