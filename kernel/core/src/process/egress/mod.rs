//! Egress: what an agent may reach beyond its sandbox, by HTTP and CONNECT, host by host.
//!
//! The kernel listens inside the sandbox's own network namespace ([`door`]), on the one port that the process
//! in it may connect to. Each request is decided anew: the host must be granted ([`policy`]), every address of
//! it must be of a kind that the grant covers ([`resolve`]), and the connection goes to a checked address. What
//! goes on is written anew from what was understood ([`http`]), over a connection that serves this request only.
//!
//! *Invariant:* an agent without grants has no socket, no port and no variables for any of this.
//!
//! *Invariant:* what went where, and what was refused to whom, is in the event log, or counted there.

mod door;
mod http;
mod policy;
mod proxy;
mod refusal;
mod report;
mod resolve;
mod wire;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use aether_protocol::{Actor, EventBody, Pid, network::HostGrant};
use parking_lot::RwLock;
use tokio::{
    net::{TcpListener, UnixStream},
    sync::oneshot,
    task::{JoinHandle, JoinSet},
};

use crate::{config::NetworkConfig, state::store::Store};
use policy::Policy;
pub(crate) use policy::{checked, in_words};
use proxy::{Desk, Pace};
use report::Reporter;
use resolve::{HostResolver, Resolve};

/// Connections of one process at once; more wait in the socket's queue.
const MAX_CONNECTIONS: usize = 64;

/// How long to rest when the host has no descriptor left.
const REST: Duration = Duration::from_millis(100);

/// The proxies of all sandboxes. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Egress {
    offline: bool,
    resolver: Arc<dyn Resolve>,
    listening: Arc<RwLock<Vec<SocketAddr>>>,
    store: Store,
}

/// The proxy of one sandbox.
pub(crate) struct Opened {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Opened {
    /// Ends its connections; returns when all that it did is written down.
    pub(crate) async fn close(self) {
        drop(self.stop);
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the proxy of a sandbox ended badly");
        }
    }
}

impl Egress {
    pub(crate) fn new(config: &NetworkConfig, store: Store) -> Self {
        let resolver = Arc::new(HostResolver { offline: config.offline });
        Self { offline: config.offline, resolver, listening: Arc::default(), store }
    }

    /// The kernel's own doors: no agent gets there, whatever it is granted.
    pub(crate) fn note_listening(&self, address: SocketAddr) {
        self.listening.write().push(address);
    }

    /// Serves a sandbox whose process hands its door over `handover`, as `actor`, until it is closed.
    pub(crate) fn open(&self, pid: Pid, actor: Actor, grants: &[HostGrant], handover: UnixStream) -> Opened {
        let (stop, stopped) = oneshot::channel();
        let (reporter, mut events) = Reporter::new(pid);
        let desk = Desk {
            // Grants were checked when they were given; one that is none grants nothing.
            policy: Policy::new(grants).unwrap_or_default(),
            resolver: Arc::clone(&self.resolver),
            offline: self.offline,
            listening: Arc::clone(&self.listening),
            reporter: reporter.clone(),
            pace: Pace::default(),
        };
        let store = self.store.clone();
        let task = tokio::spawn(async move {
            let serving = async move {
                match serve(Arc::new(desk), &handover, stopped).await {
                    Ok(()) => {}
                    Err(error) => tracing::warn!(%pid, %error, "a sandbox has no way to its proxy"),
                }
                reporter.finish();
                // With the last reporter the events end.
            };
            let writing = async {
                while let Some(body) = events.recv().await {
                    write(&store, actor.clone(), body).await;
                }
            };
            tokio::join!(serving, writing);
        });
        Opened { stop, task }
    }
}

async fn write(store: &Store, actor: Actor, body: EventBody) {
    store
        .write_later(move |tx| {
            tx.emit(&actor, body)?;
            Ok(())
        })
        .await;
}

async fn serve(
    desk: Arc<Desk>,
    handover: &UnixStream,
    mut stopped: oneshot::Receiver<()>,
) -> std::io::Result<()> {
    let listener = tokio::select! {
        listener = door::receive(handover) => listener?,
        _ = &mut stopped => return Ok(()),
    };
    accept(&desk, &listener, stopped).await;
    Ok(())
}

async fn accept(desk: &Arc<Desk>, listener: &TcpListener, mut stopped: oneshot::Receiver<()>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            _ = &mut stopped => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            accepted = listener.accept(), if connections.len() < MAX_CONNECTIONS => match accepted {
                Ok((stream, _)) => {
                    let desk = Arc::clone(desk);
                    connections.spawn(async move { proxy::serve(stream, &desk).await });
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection of a sandbox could not be taken");
                    tokio::time::sleep(REST).await;
                }
            },
        }
    }
    connections.shutdown().await;
}

#[cfg(test)]
mod tests;
