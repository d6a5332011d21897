//! The wire: REST, WebSocket, SSE, TLS and the web desktop's files.
//!
//! *Invariant:* no handler decides anything. Each turns a request into one typed command, puts it to the
//! gate ([`aether_kernel::Kernel`]) in the name of whoever the token says, and writes down the reply.
//!
//! *Invariant:* without a valid token nothing answers but the lock screen's commands, health, and the web
//! desktop's own files.

mod body;
mod caller;
mod config;
mod guard;
mod health;
mod listen;
mod openapi;
mod problem;
mod rest;
mod routes;
mod sse;
mod state;
mod tls;
mod unread;
mod web;
mod ws;

use std::{
    io,
    net::{SocketAddr, TcpListener},
    sync::Arc,
};

use aether_kernel::Kernel;
use tokio::sync::watch;

pub use crate::{config::ServerConfig, openapi::document, tls::TlsError};

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The address is taken, or not this machine's.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// There is no certificate to serve with.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// The server, constructed by [`Server::bind`].
pub struct Server;

/// A server that owns its port but does not answer yet.
pub struct BoundServer {
    /// Where it listens, with the port that it really has.
    pub address: SocketAddr,
    /// SHA-256 of the certificate: `AB:CD:…`.
    pub fingerprint: String,
    state: actix_web::web::Data<state::State>,
    listener: TcpListener,
    tls: rustls::ServerConfig,
    stop: watch::Sender<bool>,
}

impl Server {
    /// Takes the port and loads or makes the certificate. Connections wait until [`BoundServer::run`].
    pub fn bind(config: ServerConfig, kernel: Arc<Kernel>) -> Result<BoundServer, BindError> {
        let names = tls::names(&config.names);
        let identity = tls::load_or_make(&config.secrets_dir, &names)?;
        let listen = |source| BindError::Listen { address: config.listen, source };
        let listener = TcpListener::bind(config.listen).map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let (stop, stopping) = watch::channel(false);
        let state = state::State::new(kernel, config, names, stopping);
        Ok(BoundServer {
            address,
            fingerprint: identity.fingerprint,
            state: actix_web::web::Data::new(state),
            listener,
            tls: identity.config,
            stop,
        })
    }
}

impl BoundServer {
    /// Serves until `stop` is done; then tells streams to end, lets open requests finish within
    /// [`ServerConfig::shutdown_timeout`] and returns.
    pub async fn run(self, stop: impl Future<Output = ()>) -> io::Result<()> {
        let server = listen::server(self.state, self.listener, self.tls)?;
        let handle = server.handle();
        let mut serving = std::pin::pin!(server);
        tokio::select! {
            result = &mut serving => return result,
            () = stop => {}
        }
        self.stop.send_replace(true);
        let (result, ()) = tokio::join!(serving, handle.stop(true));
        result
    }
}
