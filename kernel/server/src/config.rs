//! What the server is told at start.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

/// How the server listens and what it accepts. The defaults are those of `aether.toml`.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Where to listen. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where the key and the certificate are kept; made when missing.
    pub secrets_dir: PathBuf,
    /// The built web desktop. A plain page says how to build it when there is none.
    pub web_dir: Option<PathBuf>,
    /// Names by which people reach this machine, besides its host name and `localhost`.
    pub names: Vec<String>,
    /// Threads that serve. At least 1.
    pub workers: usize,
    /// Open connections of all threads together.
    pub max_connections: usize,
    /// The largest JSON body in bytes.
    pub json_limit_bytes: usize,
    /// The largest uploaded file in bytes.
    pub upload_limit_bytes: usize,
    /// How long a client may take to send its headers, and between two pieces of a body.
    pub request_timeout: Duration,
    /// How long an idle connection is kept.
    pub keep_alive: Duration,
    /// How long open requests may go on once the server stops.
    pub shutdown_timeout: Duration,
    /// Whether browsers shall be told to insist on HTTPS (`Strict-Transport-Security`). Off by default: with
    /// a certificate that the machine made itself, it would take away the way past the browser's warning.
    pub hsts: bool,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 7380)),
            secrets_dir: PathBuf::from("secrets"),
            web_dir: None,
            names: Vec::new(),
            workers: std::thread::available_parallelism().map_or(2, usize::from).clamp(1, 4),
            max_connections: 1024,
            json_limit_bytes: 1024 * 1024,
            upload_limit_bytes: 64 * 1024 * 1024,
            request_timeout: Duration::from_secs(10),
            keep_alive: Duration::from_secs(75),
            shutdown_timeout: Duration::from_secs(5),
            hsts: false,
        }
    }
}
