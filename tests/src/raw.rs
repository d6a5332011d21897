//! A client that sends exactly the bytes it is given, over TLS with the server's certificate pinned.

use std::{fmt::Write as _, net::SocketAddr, sync::Arc, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use rustls::{
    ClientConfig, DigitallySignedStruct, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use sha2::{Digest as _, Sha256};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

/// Nothing that a test waits for may take longer.
pub const DEADLINE: Duration = Duration::from_mins(1);

/// An answer.
#[derive(Debug)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, unchunked.
    pub body: Vec<u8>,
}

impl Response {
    /// A header's first value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    pub fn json(&self) -> Result<serde_json::Value> {
        serde_json::from_slice(&self.body).with_context(|| format!("no JSON: {}", self.text()))
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// A connection.
pub struct Raw {
    /// For protocols that take over, and for half a message.
    pub stream: TlsStream<TcpStream>,
    buffer: Vec<u8>,
}

/// TLS that trusts one certificate, by its SHA-256 fingerprint (`AB:CD:…`).
pub fn tls(fingerprint: &str) -> Result<TlsConnector> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let pin = Pin { fingerprint: fingerprint.to_owned(), provider: provider.clone() };
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(pin))
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

impl Raw {
    /// Connects.
    pub async fn connect(address: SocketAddr, tls: &TlsConnector) -> Result<Self> {
        let tcp = TcpStream::connect(address).await?;
        tcp.set_nodelay(true)?;
        let name = ServerName::from(address.ip());
        let stream = timeout(DEADLINE, tls.connect(name, tcp)).await.context("the TLS handshake hangs")??;
        Ok(Self { stream, buffer: Vec::new() })
    }

    /// Sends bytes.
    pub async fn send(&mut self, bytes: &[u8]) -> Result<()> {
        self.stream.write_all(bytes).await?;
        Ok(self.stream.flush().await?)
    }

    /// Sends a request with a `Host` and reads the answer.
    pub async fn request(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Response> {
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\n");
        // Writing to a string cannot fail.
        for (name, value) in headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        if !body.is_empty() || matches!(method, "POST" | "PUT") {
            let _ = write!(head, "content-length: {}\r\n", body.len());
        }
        head.push_str("\r\n");
        self.send(&[head.as_bytes(), body].concat()).await?;
        // An answer to HEAD tells the length of a body that does not come (RFC 9110, 9.3.2).
        if method == "HEAD" {
            return timeout(DEADLINE, self.head()).await.context("no answer")?;
        }
        self.response().await
    }

    /// Reads one answer.
    pub async fn response(&mut self) -> Result<Response> {
        timeout(DEADLINE, self.read_response()).await.context("no answer")?
    }

    /// Reads the head of an answer; what follows stays for [`Raw::more`].
    pub async fn head(&mut self) -> Result<Response> {
        let end = loop {
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                break end;
            }
            ensure!(self.fill().await?, "the connection was closed before an answer");
        };
        let rest = self.buffer.split_off(end + 4);
        let head = String::from_utf8(std::mem::replace(&mut self.buffer, rest))?;
        let mut lines = head.lines();
        let status =
            lines.next().and_then(|line| line.split(' ').nth(1)).context("no status line")?.parse()?;
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        Ok(Response { status, headers, body: Vec::new() })
    }

    /// What has come and was not read, or what comes next; empty at the end.
    pub async fn more(&mut self) -> Result<Vec<u8>> {
        if self.buffer.is_empty() {
            timeout(DEADLINE, self.fill()).await.context("nothing comes")??;
        }
        Ok(std::mem::take(&mut self.buffer))
    }

    async fn read_response(&mut self) -> Result<Response> {
        let mut response = self.head().await?;
        if let Some(length) = response.header("content-length") {
            let length: usize = length.parse()?;
            while self.buffer.len() < length {
                ensure!(self.fill().await?, "the body broke off");
            }
            let rest = self.buffer.split_off(length);
            response.body = std::mem::replace(&mut self.buffer, rest);
        } else if response.header("transfer-encoding") == Some("chunked") {
            loop {
                let Some(end) = find(&self.buffer, b"\r\n") else {
                    ensure!(self.fill().await?, "the body broke off");
                    continue;
                };
                let line = std::str::from_utf8(self.buffer.get(..end).unwrap_or_default())?;
                let size = usize::from_str_radix(line.trim(), 16)?;
                while self.buffer.len() < end + 2 + size + 2 {
                    ensure!(self.fill().await?, "the body broke off");
                }
                let rest = self.buffer.split_off(end + 2 + size + 2);
                let chunk = std::mem::replace(&mut self.buffer, rest);
                response.body.extend_from_slice(chunk.get(end + 2..end + 2 + size).unwrap_or_default());
                if size == 0 {
                    break;
                }
            }
        }
        Ok(response)
    }

    /// Reads more; `false` at the end.
    async fn fill(&mut self) -> Result<bool> {
        let mut piece = vec![0; 16 * 1024];
        let count = match self.stream.read(&mut piece).await {
            Ok(count) => count,
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => 0,
            Err(error) => bail!(error),
        };
        self.buffer.extend_from_slice(piece.get(..count).unwrap_or_default());
        Ok(count > 0)
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

#[derive(Debug)]
struct Pin {
    fingerprint: String,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pin {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let got = Sha256::digest(certificate)
            .iter()
            .map(|byte| format!("{byte:02X}"))
            .collect::<Vec<_>>()
            .join(":");
        if got == self.fingerprint {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(rustls::Error::General(format!("the certificate is another one: {got}")))
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
