//! The kernel: its subsystems, their boot order, and shutdown, which is that order reversed.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use aether_protocol::{
    Actor, Error, EventBody, Request, Result, Seq, TerminalId, UnixMillis, events,
    system::{Health, Subsystem},
    terminal,
};

use crate::{
    Config, Subscription,
    agents::Agents,
    clock,
    devices::Devices,
    files::Files,
    gate::Gate,
    govern::governor,
    identity::{Identity, IdentityError},
    mind::{Mind, MindError},
    process::{ProcessError, Processes, pty},
    state::{
        bus::Bus,
        snapshots::{self, SnapshotError, Snapshots},
        store::{Store, StoreError},
    },
};

/// How long calls in flight may take to end at shutdown.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(5);

/// Why the kernel did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// the state directory cannot be used
    #[error("the state directory {path} cannot be used: {cause}")]
    StateDir {
        /// Which.
        path: std::path::PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// the store did not open
    #[error(transparent)]
    Store(#[from] StoreError),
    /// accounts could not be read
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// models or roles could not be read
    #[error(transparent)]
    Mind(#[from] MindError),
    /// snapshots could not be taken up
    #[error(transparent)]
    Snapshots(#[from] SnapshotError),
    /// processes could not be taken up
    #[error(transparent)]
    Process(#[from] ProcessError),
}

/// The operating system for agents.
pub struct Kernel {
    pub(crate) config: Config,
    pub(crate) device: String,
    pub(crate) started_at: UnixMillis,
    pub(crate) subsystems: Vec<Subsystem>,
    pub(crate) store: Store,
    pub(crate) bus: Bus,
    pub(crate) identity: Identity,
    pub(crate) files: Files,
    pub(crate) devices: Devices,
    pub(crate) mind: Mind,
    pub(crate) agents: Agents,
    pub(crate) snapshots: Snapshots,
    pub(crate) processes: Processes,
    pub(crate) gate: Gate,
}

impl Kernel {
    /// Starts every subsystem, and every life that was running when the kernel last ended.
    pub async fn start(config: Config) -> Result<Arc<Self>, StartError> {
        let mut boot = BootOrder::default();
        let state_dir = config.state_dir.clone();
        for folder in ["homes/agents", "homes/users", "shared", "models", "secrets", "snapshots", "uploads"] {
            make_private(&state_dir.join(folder))
                .map_err(|cause| StartError::StateDir { path: state_dir.clone(), cause })?;
        }
        let device = if config.device_name.is_empty() { devices_name() } else { config.device_name.clone() };

        let bus = Bus::default();
        let store = Store::open(&state_dir.join("state.db"), bus.clone())?;
        boot.ready("store", "SQLite, write-ahead log, synchronous full");
        boot.ready("bus", format!("{} events", bus.last()));
        let identity = Identity::start(&config.identity, &state_dir, store.clone()).await?;
        boot.ready("identity", "accounts and sessions");
        let files = Files::new(state_dir.clone());
        boot.ready("files", "homes, shared folder");
        let devices = Devices::start(&state_dir);
        boot.ready("devices", devices.summary());
        let mind = Mind::start(&config, bus.clone())?;
        boot.ready("mind", mind.summary());
        let agents = Agents::new(store.clone());
        let snapshots = Snapshots::start(&config, store.clone()).await?;
        boot.ready("snapshots", snapshots.summary());
        let processes = Processes::start(&config, store.clone(), bus.clone()).await?;
        let (health, detail) = processes.health();
        boot.done("process", health, detail);
        let gate = Gate::new(&config.identity);

        let kernel = Arc::new(Self {
            device,
            started_at: clock::now(),
            subsystems: boot.subsystems,
            config,
            store,
            bus,
            identity,
            files,
            devices,
            mind,
            agents,
            snapshots,
            processes,
            gate,
        });
        let resumed = kernel.processes.recover(&kernel).await?;
        let version = env!("CARGO_PKG_VERSION").to_owned();
        kernel
            .store
            .write(move |tx| tx.emit(&Actor::Kernel, EventBody::SystemStarted { version, resumed }))
            .await?;
        kernel.processes.pump();
        tokio::spawn(snapshots::watch(Arc::downgrade(&kernel)));
        governor::start(&kernel);
        Ok(kernel)
    }

    /// [`Self::call`], with the reply's own type.
    pub async fn request<R: Request>(&self, actor: &Actor, request: R) -> Result<R::Reply> {
        let reply = self.call(actor, request.into()).await?;
        R::take(reply).ok_or_else(|| Error::internal(format!("{} was answered with another reply", R::NAME)))
    }

    /// The actor whom a session's token proves; `None` when it is unknown or has expired.
    pub fn authenticate(&self, token: &str) -> Option<Actor> {
        self.identity.authenticate(token)
    }

    /// The live stream, through the gate as `events.subscribe`.
    pub async fn subscribe(&self, actor: &Actor, after: Option<Seq>) -> Result<Subscription> {
        self.admit(actor, &events::Subscribe { after }.into()).await?;
        Ok(Subscription::start(&self.bus, &self.store, after).await?)
    }

    /// A terminal's output and input, through the gate as `terminal.attach`.
    pub async fn attach_terminal(&self, actor: &Actor, terminal: TerminalId) -> Result<pty::TerminalStream> {
        self.request(actor, terminal::Attach { terminal }).await?;
        Ok(self.processes.terminals().attach(terminal)?)
    }

    /// The one-time code that creates the owner; `None` once there is one.
    pub fn setup_code(&self) -> Option<String> {
        self.identity.setup_code()
    }

    /// Each subsystem with its state and how long it took to start, in boot order.
    pub fn subsystems(&self) -> &[Subsystem] {
        &self.subsystems
    }

    /// An address that this kernel is reached at: no agent gets there through the proxy, whatever it is granted.
    pub fn note_listening(&self, address: std::net::SocketAddr) {
        self.processes.egress().note_listening(address);
    }

    /// The name of the device.
    pub fn device(&self) -> &str {
        &self.device
    }

    /// Whether the kernel can do its work: the store answers. For `/readyz` and the watchdog.
    pub async fn healthy(&self) -> bool {
        self.store.read(|connection| Ok(connection.query_row("SELECT 1", [], |_| Ok(()))?)).await.is_ok()
    }

    /// Ends what runs, within a deadline, so that the next start takes it up. Every acknowledged fact is on disk
    /// already; this lets calls in flight end, so that they need not be reported as interrupted.
    pub async fn shutdown(&self) {
        let told = self.store.write(|tx| tx.emit(&Actor::Kernel, EventBody::SystemStopping {})).await;
        if let Err(error) = told {
            tracing::error!(%error, "the shutdown could not be written down");
        }
        self.processes.shutdown(SHUTDOWN_GRACE).await;
        self.mind.shutdown().await;
    }
}

/// Collects the state of each subsystem as it starts.
struct BootOrder {
    subsystems: Vec<Subsystem>,
    since: Instant,
}

impl Default for BootOrder {
    fn default() -> Self {
        Self { subsystems: Vec::new(), since: Instant::now() }
    }
}

impl BootOrder {
    fn ready(&mut self, name: &str, detail: impl Into<String>) {
        self.done(name, Health::Ready, detail.into());
    }

    fn done(&mut self, name: &str, state: Health, detail: String) {
        let start_us = u64::try_from(self.since.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.since = Instant::now();
        self.subsystems.push(Subsystem { name: name.to_owned(), state, detail, start_us });
    }
}

fn make_private(path: &std::path::Path) -> std::io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700))
}

fn devices_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
