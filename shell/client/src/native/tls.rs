//! Which certificate is believed.

use std::sync::Arc;

use aether_protocol::Error;
use parking_lot::Mutex;
use rustls::{
    ClientConfig, DigitallySignedStruct, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use sha2::{Digest, Sha256};
use tokio::{io, net::TcpStream, time::timeout};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::{Endpoint, Fingerprint};

/// Which certificate is believed.
pub(super) struct Trust {
    config: ClientConfig,
    pinned: Option<(Fingerprint, Arc<Pin>)>,
}

impl Trust {
    pub(super) fn new(fingerprint: Option<Fingerprint>) -> Result<Self, Error> {
        let broken = |error: rustls::Error| Error::internal(format!("TLS could not be started: {error}"));
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(broken)?
            .dangerous();
        let (config, pinned) = if let Some(fingerprint) = fingerprint {
            let pin = Arc::new(Pin::new(Some(fingerprint), provider));
            let verifier: Arc<dyn ServerCertVerifier> = Arc::<Pin>::clone(&pin);
            (builder.with_custom_certificate_verifier(verifier), Some((fingerprint, pin)))
        } else {
            let verifier = rustls_platform_verifier::Verifier::new(provider).map_err(broken)?;
            (builder.with_custom_certificate_verifier(Arc::new(verifier)), None)
        };
        Ok(Self { config: config.with_no_client_auth(), pinned })
    }

    /// The configuration for an HTTP client, which adds its own protocols.
    pub(super) fn for_http(&self) -> ClientConfig {
        self.config.clone()
    }

    pub(super) async fn connect(&self, host: &str, tcp: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let mut config = self.config.clone();
        // A WebSocket is an upgrade of HTTP/1.1.
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        handshake(config, host, tcp).await
    }

    /// The error to show when the last certificate seen was not the pinned one.
    pub(super) fn mismatch(&self, endpoint: &Endpoint) -> Option<Error> {
        let (pinned, pin) = self.pinned.as_ref()?;
        let seen = (*pin.seen.lock())?;
        if seen == *pinned {
            return None;
        }
        Some(
            Error::forbidden(format!(
                "THE CERTIFICATE OF {endpoint} HAS CHANGED. Expected {pinned}, got {seen}. Somebody may be \
                 posing as your device"
            ))
            .hint("If the device was set up anew, compare the new fingerprint with the one on its screen and sign in again with --fingerprint"),
        )
    }
}

async fn handshake(config: ClientConfig, host: &str, tcp: TcpStream) -> io::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from(host.to_owned())
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    TlsConnector::from(Arc::new(config)).connect(name, tcp).await
}

/// The fingerprint of the certificate that a kernel shows, without believing it: for a person to compare
/// before it is pinned.
pub async fn observe_fingerprint(endpoint: &Endpoint) -> Result<Fingerprint, Error> {
    let cannot = |reason: String| {
        Error::unavailable(format!("The kernel at {endpoint} cannot be reached: {reason}"))
            .hint("Check that the kernel runs and that the address is right")
    };
    let provider = Arc::new(ring::default_provider());
    let pin = Arc::new(Pin::new(None, Arc::clone(&provider)));
    let verifier: Arc<dyn ServerCertVerifier> = Arc::<Pin>::clone(&pin);
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::internal(format!("TLS could not be started: {error}")))?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    let (host, port) = endpoint.host_and_port();
    let observed = timeout(super::CONNECT_TIMEOUT, async {
        handshake(config, &host, TcpStream::connect((host.as_str(), port)).await?).await
    });
    match observed.await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => return Err(cannot(error.to_string())),
        Err(_) => return Err(cannot("no answer within 10 seconds".into())),
    }
    let seen = *pin.seen.lock();
    seen.ok_or_else(|| cannot("it showed no certificate".into()))
}

/// Believes one certificate, by its fingerprint. Names and dates do not matter then: a device is known by
/// its key. With nothing to expect it only looks.
#[derive(Debug)]
struct Pin {
    expected: Option<Fingerprint>,
    seen: Mutex<Option<Fingerprint>>,
    provider: Arc<CryptoProvider>,
}

impl Pin {
    fn new(expected: Option<Fingerprint>, provider: Arc<CryptoProvider>) -> Self {
        Self { expected, seen: Mutex::new(None), provider }
    }
}

impl ServerCertVerifier for Pin {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let seen = Fingerprint(Sha256::digest(end_entity.as_ref()).into());
        *self.seen.lock() = Some(seen);
        if self.expected.is_none_or(|expected| expected == seen) {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(rustls::CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
