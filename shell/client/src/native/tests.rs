//! The transport against a real socket with real TLS.

use std::sync::{Arc, mpsc};

use aether_protocol::{
    Code, Event, EventBody, Pid, Seq, UnixMillis,
    frame::{ClientFrame, ServerFrame},
    identity::WhoAmI,
    process::Pause,
};
use futures_util::{SinkExt, StreamExt};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};

use super::*;
use crate::{Client, ConnectionState, Fingerprint, Incoming, Options};

/// A kernel's socket, in the hands of a test.
struct Server {
    listener: TcpListener,
    tls: TlsAcceptor,
    endpoint: Endpoint,
}

struct Peer(WebSocketStream<TlsStream<TcpStream>>);

impl Server {
    async fn start() -> Self {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
        let cert: CertificateDer<'static> = made.cert.der().clone();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let fingerprint = Fingerprint(Sha256::digest(cert.as_ref()).into());
        let config =
            rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(vec![cert], key)
                .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("https://{}", listener.local_addr().unwrap());
        let endpoint = Endpoint::new(&address, Some(fingerprint)).unwrap();
        Self { listener, tls: TlsAcceptor::from(Arc::new(config)), endpoint }
    }

    /// The next client, greeted. Returns the token that it showed.
    async fn accept(&self, last_seq: u64) -> (Peer, String) {
        let (tcp, _) = self.listener.accept().await.unwrap();
        let tls = self.tls.accept(tcp).await.unwrap();
        let (sender, receiver) = mpsc::channel();
        #[expect(clippy::result_large_err, reason = "the signature is tungstenite's")]
        let look = move |request: &Request, response: Response| -> Result<Response, ErrorResponse> {
            assert_eq!(request.uri().path(), "/api/v1/ws");
            sender.send(request.headers()["authorization"].to_str().unwrap().to_owned()).unwrap();
            Ok(response)
        };
        let socket = tokio_tungstenite::accept_hdr_async(tls, look).await.unwrap();
        let mut peer = Peer(socket);
        peer.send(&ServerFrame::Hello { version: "0".into(), last_seq: Seq(last_seq) }).await;
        (peer, receiver.recv().unwrap())
    }

    fn client(&self) -> Client {
        Client::connect(self.endpoint.clone(), Some(Token::new("t0ken")), || {})
    }
}

impl Peer {
    async fn send(&mut self, frame: &ServerFrame) {
        self.0.send(Message::text(serde_json::to_string(frame).unwrap())).await.unwrap();
    }

    async fn frame(&mut self) -> ClientFrame {
        let message = self.0.next().await.unwrap().unwrap();
        serde_json::from_str(message.to_text().unwrap()).unwrap()
    }
}

fn event(seq: u64) -> Event {
    Event {
        seq: Seq(seq),
        at: UnixMillis(0),
        actor: aether_protocol::Actor::Kernel,
        body: EventBody::SystemStopping {},
    }
}

#[tokio::test]
async fn the_shown_fingerprint_is_that_of_the_certificate() {
    let server = Server::start().await;
    let unpinned = Endpoint { fingerprint: None, ..server.endpoint.clone() };
    let (seen, _) = tokio::join!(observe_fingerprint(&unpinned), async {
        let (tcp, _) = server.listener.accept().await.unwrap();
        server.tls.accept(tcp).await
    });
    assert_eq!(Some(seen.unwrap()), server.endpoint.fingerprint);
}

#[tokio::test]
async fn another_certificate_is_refused_loudly_and_nothing_is_sent() {
    let server = Server::start().await;
    let endpoint = Endpoint { fingerprint: Some(Fingerprint([1; 32])), ..server.endpoint.clone() };
    let client = Client::connect(endpoint, Some(Token::new("t0ken")), || {});
    let (tcp, _) = server.listener.accept().await.unwrap();
    assert!(server.tls.accept(tcp).await.is_err(), "the handshake must not succeed");
    let error = client.ready().await.unwrap_err();
    assert_eq!(error.code, Code::Forbidden);
    assert!(error.message.contains("HAS CHANGED"), "{}", error.message);
    assert!(matches!(client.state(), ConnectionState::SignedOut { .. }), "no second attempt");
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_refused() {
    let server = Server::start().await;
    let endpoint = Endpoint { fingerprint: None, ..server.endpoint.clone() };
    let client = Client::connect(endpoint, Some(Token::new("t0ken")), || {});
    let (tcp, _) = server.listener.accept().await.unwrap();
    assert!(server.tls.accept(tcp).await.is_err());
    assert_eq!(client.ready().await.unwrap_err().code, Code::Unavailable);
}

#[tokio::test]
async fn calls_and_events_survive_a_lost_connection() {
    let server = Server::start().await;
    let client = server.client();
    let mut read = client.call(WhoAmI {});
    let (mut first, token) = server.accept(4).await;
    assert_eq!(token, "Bearer t0ken");
    assert_eq!(first.frame().await, ClientFrame::Subscribe { after: None });
    let ClientFrame::Call { id, .. } = first.frame().await else { panic!("no call") };
    let write = client.call(Pause { pid: Pid(1) });
    assert!(matches!(first.frame().await, ClientFrame::Call { .. }));
    first.send(&ServerFrame::Subscribed { after: Seq(4), oldest: Seq(1) }).await;
    first.send(&ServerFrame::Events { events: vec![event(5), event(6)] }).await;
    let mut seen = Vec::new();
    while seen.len() < 2 {
        seen.extend(client.drain());
        tokio::task::yield_now().await;
    }
    drop(first);

    assert_eq!(write.await.unwrap_err().code, Code::Interrupted);
    assert!(read.poll().is_none(), "the read is asked again");
    let (mut second, _) = server.accept(8).await;
    assert_eq!(second.frame().await, ClientFrame::Subscribe { after: Some(Seq(6)) });
    let ClientFrame::Call { id: again, command } = second.frame().await else { panic!("no call") };
    assert_eq!((again, command["call"].as_str()), (id, Some("identity.whoami")));
    second.send(&ServerFrame::Failed { id, error: Error::not_found("session", 1) }).await;
    second.send(&ServerFrame::Subscribed { after: Seq(6), oldest: Seq(1) }).await;
    second.send(&ServerFrame::Events { events: vec![event(6), event(7), event(8)] }).await;
    assert_eq!(read.await.unwrap_err().code, Code::NotFound);
    while seen.len() < 4 {
        seen.extend(client.drain());
        tokio::task::yield_now().await;
    }
    let seqs: Vec<u64> = seen
        .iter()
        .map(|incoming| match incoming {
            Incoming::Event(event) => event.seq.0,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(seqs, [5, 6, 7, 8]);
}

#[tokio::test]
async fn an_answer_of_another_command_is_a_defect_and_not_a_panic() {
    let server = Server::start().await;
    let client = Client::connect_with(
        server.endpoint.clone(),
        Some(Token::new("t0ken")),
        Options { events: false },
        || {},
    );
    let (mut peer, _) = server.accept(0).await;
    let answer = client.call(WhoAmI {});
    let ClientFrame::Call { id, .. } = peer.frame().await else { panic!("it subscribed") };
    let reply = json!({"call": "files.remove", "reply": {"entries": 3}});
    peer.send(&ServerFrame::Reply { id, reply }).await;
    assert_eq!(answer.await.unwrap_err().code, Code::Internal);
}

#[tokio::test]
async fn dropping_the_client_closes_the_connection_and_answers_what_is_open() {
    let server = Server::start().await;
    let client = server.client();
    let (mut peer, _) = server.accept(0).await;
    assert!(matches!(peer.frame().await, ClientFrame::Subscribe { .. }));
    let open = client.call(WhoAmI {});
    assert!(matches!(peer.frame().await, ClientFrame::Call { .. }));
    drop(client);
    assert_eq!(open.await.unwrap_err().code, Code::Interrupted);
    assert!(matches!(peer.0.next().await, None | Some(Ok(Message::Close(_)) | Err(_))));
}

#[tokio::test]
async fn nobody_there_is_said_with_the_address() {
    let server = Server::start().await;
    let endpoint = server.endpoint.clone();
    drop(server);
    let client = Client::connect(endpoint.clone(), Some(Token::new("t0ken")), || {});
    let error = client.ready().await.unwrap_err();
    assert_eq!(error.code, Code::Unavailable);
    assert!(error.message.contains(&endpoint.url) && error.hint.is_some(), "{error:?}");
    // What goes over plain HTTP says the same.
    let login =
        aether_protocol::identity::Login { name: "a".into(), password: "b".into(), device: "c".into() };
    let error = client.sign_in(&login).await.unwrap_err();
    assert_eq!(error.code, Code::Unavailable);
    assert!(error.message.contains(&endpoint.url), "{error:?}");
}
