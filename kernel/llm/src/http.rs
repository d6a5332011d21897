//! What the providers over HTTP share: the client, the meaning of status codes, and lines out of a stream.

use std::{
    fmt,
    path::PathBuf,
    time::{Duration, SystemTime},
};

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use reqwest::{Client, RequestBuilder, Response, StatusCode, Url, header};
use tokio::sync::OnceCell;

use crate::{
    LlmError,
    lan::{self, LanOnly},
};

/// A line longer than this is not one.
const MAX_LINE_BYTES: usize = 8 << 20;
/// Of an error's body, only so much is read.
const MAX_ERROR_BYTES: usize = 64 << 10;

/// A server: its address, its key, and the client for it, made when first needed.
pub(crate) struct Endpoint {
    pub(crate) provider: String,
    base_url: String,
    key_file: Option<PathBuf>,
    silence: Duration,
    offline: bool,
    client: OnceCell<Client>,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("provider", &self.provider)
            .field("base_url", &self.base_url)
            .finish_non_exhaustive()
    }
}

impl Endpoint {
    pub(crate) fn new(provider: &str, base_url: &str, key_file: Option<PathBuf>, silence_secs: u64) -> Self {
        Self {
            provider: provider.to_owned(),
            base_url: base_url.trim_end_matches('/').to_owned(),
            key_file,
            silence: Duration::from_secs(silence_secs.max(1)),
            offline: false,
            client: OnceCell::new(),
        }
    }

    /// With `offline`, nothing is sent beyond the local network. Before the first request.
    pub(crate) fn stay_on_lan(&mut self, offline: bool) {
        self.offline = offline;
    }

    pub(crate) fn base_url(&self) -> &str {
        &self.base_url
    }

    /// `GET {base_url}{path}`, the whole answer as JSON, within `limit`.
    pub(crate) async fn get(&self, path: &str, limit: Duration) -> Result<serde_json::Value, LlmError> {
        let request = self.client().await?.get(format!("{}{path}", self.base_url)).timeout(limit);
        let answer = self.send(request).await?;
        let body = answer.bytes().await.map_err(|error| self.cut(&error))?;
        serde_json::from_slice(&body).map_err(|error| self.malformed(error.to_string()))
    }

    /// `POST {base_url}{path}`; returns when the status is known and good.
    pub(crate) async fn post(&self, path: &str, body: &serde_json::Value) -> Result<Response, LlmError> {
        let request = self.client().await?.post(format!("{}{path}", self.base_url)).json(body);
        self.send(request).await
    }

    async fn client(&self) -> Result<&Client, LlmError> {
        let client = self.client.get_or_try_init(|| async { self.make_client() }).await?;
        if self.offline {
            let url = Url::parse(&self.base_url).map_err(|error| self.unavailable(error.to_string()))?;
            lan::resolve(url.host_str().unwrap_or_default()).await.map_err(|error| LlmError::Missing {
                what: format!("{} cannot be asked: {error}", self.provider),
                hint: "Use a model on the local network, or set network.offline = false in aether.toml"
                    .to_owned(),
            })?;
        }
        Ok(client)
    }

    fn make_client(&self) -> Result<Client, LlmError> {
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            // Somebody else may have been quicker, which is as good.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        let mut builder = Client::builder()
            .connect_timeout(Duration::from_secs(10))
            .read_timeout(self.silence)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("aether/", env!("CARGO_PKG_VERSION")));
        let url = Url::parse(&self.base_url).map_err(|error| self.unavailable(error.to_string()))?;
        if url.scheme() == "http" {
            // Nothing to verify, so the system's certificates are not read: a device may have none.
            builder = builder.tls_certs_only([]);
        }
        let here = url.host_str().is_some_and(|host| {
            let ip = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
            host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback())
        });
        if self.offline {
            // Looked at before each request for the sake of the words; here so that nothing gets past.
            builder = builder.dns_resolver(LanOnly::shared());
        }
        if here || self.offline {
            builder = builder.no_proxy();
        }
        builder.build().map_err(|error| self.unavailable(chain(&error)))
    }

    async fn send(&self, mut request: RequestBuilder) -> Result<Response, LlmError> {
        if let Some(file) = &self.key_file {
            let key = tokio::fs::read_to_string(file).await.map_err(|error| LlmError::Missing {
                what: format!("The key of {} cannot be read: {error}", self.provider),
                hint: format!("Put the key into {}, readable by the kernel alone", file.display()),
            })?;
            let mut value =
                header::HeaderValue::from_str(&format!("Bearer {}", key.trim())).map_err(|_| {
                    LlmError::Missing {
                        what: format!(
                            "The key file of {} holds something that cannot be a key",
                            self.provider
                        ),
                        hint: format!("Put the key alone, on one line, into {}", file.display()),
                    }
                })?;
            value.set_sensitive(true);
            request = request.header(header::AUTHORIZATION, value);
        }
        let answer = request.send().await.map_err(|error| self.unavailable(chain(&error)))?;
        if answer.status().is_success() { Ok(answer) } else { Err(self.failure(answer).await) }
    }

    async fn failure(&self, answer: Response) -> LlmError {
        let provider = self.provider.clone();
        let status = answer.status();
        let retry_after =
            answer.headers().get(header::RETRY_AFTER).and_then(|value| retry_after(value.to_str().ok()?));
        let mut body = Vec::new();
        let mut stream = answer.bytes_stream();
        while let Some(Ok(chunk)) = stream.next().await {
            body.extend_from_slice(&chunk);
            if body.len() > MAX_ERROR_BYTES {
                break;
            }
        }
        let reason = reason(status, &body);
        match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => LlmError::Refused { provider, reason },
            StatusCode::TOO_MANY_REQUESTS => LlmError::RateLimited { provider, retry_after },
            StatusCode::REQUEST_TIMEOUT | StatusCode::CONFLICT | StatusCode::TOO_EARLY => {
                LlmError::Unavailable { provider, reason }
            }
            StatusCode::PAYLOAD_TOO_LARGE => LlmError::TooLong { model: provider, reason },
            _ if status.is_client_error() && speaks_of_length(&body) => {
                LlmError::TooLong { model: provider, reason }
            }
            _ if status.is_server_error() => LlmError::Unavailable { provider, reason },
            _ => LlmError::Rejected { provider, reason },
        }
    }

    pub(crate) fn unavailable(&self, reason: impl Into<String>) -> LlmError {
        LlmError::Unavailable { provider: self.provider.clone(), reason: reason.into() }
    }

    pub(crate) fn malformed(&self, reason: impl Into<String>) -> LlmError {
        LlmError::Malformed { provider: self.provider.clone(), reason: reason.into() }
    }

    pub(crate) fn interrupted(&self, reason: impl Into<String>) -> LlmError {
        LlmError::Interrupted { provider: self.provider.clone(), reason: reason.into() }
    }

    pub(crate) fn cut(&self, error: &reqwest::Error) -> LlmError {
        self.interrupted(chain(error))
    }

    /// The lines of an answer as they arrive.
    pub(crate) fn lines(&self, answer: Response) -> Lines<'_> {
        Lines {
            endpoint: self,
            stream: Box::pin(answer.bytes_stream()),
            buffer: BytesMut::new(),
            scanned: 0,
            ended: false,
        }
    }
}

type Chunks = std::pin::Pin<Box<dyn futures_util::Stream<Item = reqwest::Result<Bytes>> + Send>>;

/// Lines out of a stream of chunks that are cut anywhere.
pub(crate) struct Lines<'a> {
    endpoint: &'a Endpoint,
    stream: Chunks,
    buffer: BytesMut,
    scanned: usize,
    ended: bool,
}

impl Lines<'_> {
    /// The next line without its end; `None` after the last. A last line without an end counts.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, LlmError> {
        loop {
            if let Some(at) = self.buffer.iter().skip(self.scanned).position(|byte| *byte == b'\n') {
                let mut line = self.buffer.split_to(self.scanned + at + 1);
                self.scanned = 0;
                line.truncate(line.len() - 1);
                if line.last() == Some(&b'\r') {
                    line.truncate(line.len() - 1);
                }
                return Ok(Some(line.freeze()));
            }
            self.scanned = self.buffer.len();
            if self.ended {
                let rest = self.buffer.split();
                self.scanned = 0;
                return Ok(if rest.is_empty() { None } else { Some(rest.freeze()) });
            }
            if self.buffer.len() > MAX_LINE_BYTES {
                return Err(self.endpoint.malformed("a line of its answer is longer than 8 MiB"));
            }
            match self.stream.next().await {
                Some(Ok(chunk)) => self.buffer.extend_from_slice(&chunk),
                Some(Err(error)) => return Err(self.endpoint.cut(&error)),
                None => self.ended = true,
            }
        }
    }
}

/// The text of an error with its causes: reqwest's own says only "error sending request". The address is left out,
/// since it can hold a secret.
fn chain(error: &reqwest::Error) -> String {
    let mut text = if error.is_timeout() {
        "no answer in time".to_owned()
    } else if error.is_connect() {
        "cannot connect".to_owned()
    } else {
        "the connection failed".to_owned()
    };
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

/// What the body of an error says, in the forms that servers use.
fn reason(status: StatusCode, body: &[u8]) -> String {
    let said = serde_json::from_slice::<serde_json::Value>(body).ok().and_then(|body| {
        let error = body.get("error")?;
        error.get("message").or(Some(error))?.as_str().map(str::to_owned)
    });
    match said {
        Some(said) => {
            format!("{} ({status})", said.trim().trim_end_matches('.').chars().take(400).collect::<String>())
        }
        None => status.to_string(),
    }
}

fn speaks_of_length(body: &[u8]) -> bool {
    let text = String::from_utf8_lossy(body).to_lowercase();
    [
        "context_length_exceeded",
        "exceed_context_size",
        "maximum context length",
        "context window",
        "exceeds the available context",
    ]
    .iter()
    .any(|sign| text.contains(sign))
}

/// `Retry-After`: seconds, whole or with a fraction, or an HTTP date.
fn retry_after(value: &str) -> Option<Duration> {
    if let Ok(secs) = value.trim().parse::<f64>() {
        return Duration::try_from_secs_f64(secs).ok();
    }
    let at = httpdate::parse_http_date(value).ok()?;
    Some(at.duration_since(SystemTime::now()).unwrap_or_default())
}
