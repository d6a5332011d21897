//! What every handler shares.

use std::sync::{Arc, OnceLock};

use aether_kernel::Kernel;
use tokio::sync::{Semaphore, watch};

use crate::{config::ServerConfig, openapi::RouteTable, web::Desktop};

/// Uploads that are held in memory at once; further ones wait.
const UPLOADS_AT_ONCE: usize = 4;

/// Shared by all threads of the server.
pub(crate) struct State {
    /// The one gate.
    pub kernel: Arc<Kernel>,
    /// As given at start.
    pub config: ServerConfig,
    /// Every name under which the server answers, in lower case.
    pub names: Vec<String>,
    /// The web desktop's files.
    pub desktop: Desktop,
    /// Which methods an address answers; made when somebody first asks for a wrong one.
    pub routes: OnceLock<RouteTable>,
    /// The OpenAPI document; made when somebody first asks for it.
    pub document: OnceLock<bytes::Bytes>,
    /// Places for uploads.
    pub uploads: Semaphore,
    /// Turns true when the server stops, so that streams end.
    pub stopping: watch::Receiver<bool>,
}

impl State {
    /// Shares `kernel` under `config`.
    pub fn new(
        kernel: Arc<Kernel>,
        config: ServerConfig,
        names: Vec<String>,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        Self {
            kernel,
            desktop: Desktop::new(config.web_dir.clone()),
            config,
            names,
            routes: OnceLock::new(),
            document: OnceLock::new(),
            uploads: Semaphore::new(UPLOADS_AT_ONCE),
            stopping,
        }
    }
}
