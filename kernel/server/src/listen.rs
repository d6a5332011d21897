//! Accepting connections: TLS, and a clear answer for whoever speaks plain HTTP to it.

use std::{io, net::TcpListener, time::Duration};

use actix_http::{HttpService, TlsAcceptorConfig, error::DispatchError};
use actix_server::Server;
use actix_service::{IntoServiceFactory as _, ServiceFactoryExt as _, fn_service, map_config};
use actix_tls::accept::TlsError;
use actix_web::{App, Error, dev::AppConfig, middleware::from_fn, rt::net::TcpStream, web};
use tokio::io::AsyncWriteExt as _;

use crate::{guard, routes, state::State};

/// The first byte of a TLS connection: a handshake record (RFC 8446 §5.1).
const TLS_HANDSHAKE: u8 = 0x16;

/// How long a client may take for the TLS handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);

/// What a connection can fail with, before or after the handshake.
type ConnectionError = TlsError<io::Error, DispatchError>;

const PLAIN_ANSWER: &[u8] = b"HTTP/1.1 400 Bad Request\r\n\
    content-type: text/plain; charset=utf-8\r\n\
    connection: close\r\n\r\n\
    This port speaks HTTPS only.\nhint: put https:// in front of the address.\n";

/// The server on `listener`, not yet running.
pub(crate) fn server(
    state: web::Data<State>,
    listener: TcpListener,
    tls: rustls::ServerConfig,
) -> io::Result<Server> {
    let config = state.config.clone();
    let workers = config.workers.max(1);
    let secs = config.shutdown_timeout.as_secs();
    let server = actix_server::Server::build()
        .workers(workers)
        .worker_max_blocking_threads(4)
        .max_concurrent_connections(config.max_connections.div_ceil(workers).max(1))
        .shutdown_timeout(secs)
        .disable_signals()
        .listen("aether", listener, move || {
            let state = state.clone();
            let app = App::new()
                .app_data(state.clone())
                .configure(routes::register)
                .default_service(web::to(routes::nothing_here))
                .wrap(from_fn(guard::guard));
            let stopping = state.stopping.clone();
            let http = HttpService::build()
                .keep_alive(config.keep_alive)
                .client_request_timeout(config.request_timeout)
                .client_disconnect_timeout(Duration::from_secs(2))
                .h1_allow_half_closed(false)
                .tcp_nodelay(true)
                .graceful_shutdown_signal(move || {
                    let mut stopping = stopping.clone();
                    async move {
                        // An error means that the server is gone, which ends the connection as well.
                        let _ = stopping.wait_for(|stopping| *stopping).await;
                    }
                })
                .finish(map_config(app.into_factory().map_err(|error: Error| error.error_response()), |()| {
                    AppConfig::default()
                }))
                .rustls_0_23_with_config(
                    tls.clone(),
                    TlsAcceptorConfig::default().handshake_timeout(HANDSHAKE_TIMEOUT),
                );
            fn_service(refuse_plain_http).map_init_err(|()| ()).and_then(http)
        })?;
    Ok(server.run())
}

/// Looks at the first byte of a connection. TLS goes on; anything else is told what this port speaks.
async fn refuse_plain_http(mut stream: TcpStream) -> Result<TcpStream, ConnectionError> {
    let mut first = [0];
    let seen = tokio::time::timeout(HANDSHAKE_TIMEOUT, stream.peek(&mut first)).await;
    match seen {
        Err(_) => Err(TlsError::Timeout),
        Ok(Err(error)) => Err(TlsError::Tls(error)),
        Ok(Ok(0)) => Err(TlsError::Tls(io::ErrorKind::UnexpectedEof.into())),
        Ok(Ok(_)) if first == [TLS_HANDSHAKE] => Ok(stream),
        Ok(Ok(_)) => {
            // Read what has come, or closing with unread bytes would reset the connection and the answer
            // with it. Best effort: whoever speaks the wrong protocol is owed no more.
            let _ = stream.try_read(&mut [0; 4096]);
            let _ = tokio::time::timeout(HANDSHAKE_TIMEOUT, stream.write_all(PLAIN_ANSWER)).await;
            let _ = tokio::time::timeout(HANDSHAKE_TIMEOUT, stream.shutdown()).await;
            Err(TlsError::Tls(io::Error::new(io::ErrorKind::InvalidData, "plain text on the TLS port")))
        }
    }
}
