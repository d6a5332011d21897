//! Sandboxes that stand ready: made before anybody asks, each with a home of its own and an agent's process that has
//! sealed itself and waits for the answer to its first call. A new agent that fits gets one, and what is left of its
//! spawn is the assignment: the home is moved to its place, the process gets its briefing.
//!
//! *Invariant:* one that stands ready is the sandbox that it would be if it were made at the spawn, and nothing of
//! anybody's has run in it; it is given away once, and only where the limits that it was made with are those that
//! are wanted. Who calls on its link is asked of Linux, as for every other ([`super::link`]).

use std::{
    collections::VecDeque,
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Weak},
    time::Duration,
};

use aether_protocol::{
    process::{Exit, Limits},
    quota::Quotas,
};
use parking_lot::Mutex;
use tokio::{sync::Notify, time::Instant};

use super::{
    Inner, Processes,
    sandbox::{self, Sandbox, SpawnSpec, Spawned},
    spawn::make_home,
};
use crate::{devices::available_memory_bytes, govern::governor::quota};

/// For how long a spawn counts as the load of now.
const LATELY: Duration = Duration::from_mins(1);
/// How often the shelf is looked over where nothing happens.
const LOOK_EVERY: Duration = Duration::from_secs(15);
/// How long after a spawn the next sandbox is made: those that begin go first.
const BREATH: Duration = Duration::from_millis(30);
/// Memory that must be available for each one that stands ready; below, none does.
const ROOM_BYTES: u64 = 256 << 20;
/// The priority that it is made with (a spawn's own, where it says none).
pub(super) const PRIORITY: u8 = 3;
/// What every agent's sandbox calls the machine.
pub(super) const HOSTNAME: &str = "aether";

/// What stands ready, and what to make next.
#[derive(Debug)]
pub(super) struct Warm {
    /// Where the homes lie that belong to nobody yet.
    folder: PathBuf,
    agent_binary: PathBuf,
    most: u32,
    shelf: Mutex<Shelf>,
    /// Something was taken, or it is closed.
    changed: Notify,
}

#[derive(Debug)]
struct Shelf {
    ready: Vec<Ready>,
    /// What the last new agent wanted.
    limits: sandbox::Limits,
    /// When new agents were spawned lately.
    spawns: VecDeque<Instant>,
    closed: bool,
}

#[derive(Debug)]
struct Ready {
    home: PathBuf,
    limits: sandbox::Limits,
    spawned: Spawned,
}

impl Ready {
    async fn end(self) -> Exit {
        let exit = self.spawned.tree.kill_and_wait().await;
        remove(self.home).await;
        exit
    }
}

impl Warm {
    /// An empty shelf for at most `most`. What an earlier kernel left is removed.
    pub(super) fn new(state_dir: &Path, agent_binary: PathBuf, most: u32) -> io::Result<Self> {
        let folder = state_dir.join("homes/ready");
        if folder.try_exists()? {
            crate::files::remove_home(&folder).map_err(io::Error::other)?;
        }
        let limits = sandbox::Limits::default();
        let shelf = Shelf { ready: Vec::new(), limits, spawns: VecDeque::new(), closed: false };
        Ok(Self { folder, agent_binary, most, shelf: Mutex::new(shelf), changed: Notify::new() })
    }

    /// How many stand ready.
    pub(super) fn ready(&self) -> u32 {
        self.shelf.lock().ready.len() as u32
    }

    /// One for a new agent, with its home at `home`, where nothing is; `None` where none fits.
    pub(super) fn take(&self, home: &Path, limits: sandbox::Limits) -> Option<Spawned> {
        let mut shelf = self.shelf.lock();
        shelf.limits = limits;
        shelf.spawns.push_back(Instant::now());
        self.changed.notify_one();
        loop {
            let fits = |ready: &Ready| ready.limits == limits && ready.spawned.tree.exit().is_none();
            let at = shelf.ready.iter().position(fits)?;
            let ready = shelf.ready.swap_remove(at);
            match fs::rename(&ready.home, home) {
                Ok(()) => return Some(ready.spawned),
                Err(error) => {
                    tracing::warn!(%error, "a home that stood ready could not be moved to its place");
                }
            }
        }
    }

    /// Ends what stands ready; nothing is made any more.
    pub(super) async fn close(&self) {
        let ready = {
            let mut shelf = self.shelf.lock();
            shelf.closed = true;
            std::mem::take(&mut shelf.ready)
        };
        self.changed.notify_one();
        futures_util::future::join_all(ready.into_iter().map(Ready::end)).await;
    }

    /// Takes from the shelf what does not belong there any more, and says how many are missing.
    fn look_over(&self, available_bytes: u64) -> (Vec<Ready>, u32, sandbox::Limits) {
        let mut shelf = self.shelf.lock();
        let now = Instant::now();
        while shelf.spawns.front().is_some_and(|spawn| now.duration_since(*spawn) > LATELY) {
            shelf.spawns.pop_front();
        }
        let wanted = if shelf.closed { 0 } else { wanted(self.most, shelf.spawns.len(), available_bytes) };
        let limits = shelf.limits;
        let (mut kept, mut surplus): (Vec<_>, Vec<_>) = std::mem::take(&mut shelf.ready)
            .into_iter()
            .partition(|ready| ready.limits == limits && ready.spawned.tree.exit().is_none());
        surplus.extend(kept.drain(kept.len().min(wanted as usize)..));
        let missing = wanted.saturating_sub(kept.len() as u32);
        shelf.ready = kept;
        (surplus, missing, limits)
    }

    /// Makes one; false where it could not be made, or is not wanted any more.
    async fn make(&self, sandbox: &Sandbox, limits: sandbox::Limits) -> bool {
        let name = crate::clock::new_id().to_string();
        let home = self.folder.join(&name);
        if let Err(error) = make_home(&home) {
            tracing::warn!(%error, "a home could not be made ahead");
            return false;
        }
        let spec = SpawnSpec {
            group: format!("ready-{name}"),
            hostname: HOSTNAME.to_owned(),
            home: home.clone(),
            agent_binary: self.agent_binary.clone(),
            limits,
            priority: PRIORITY,
            network: None,
        };
        let ready = match sandbox.spawn(&spec).await {
            Ok(spawned) => Ready { home, limits, spawned },
            Err(error) => {
                tracing::warn!(%error, "a sandbox could not be made ahead");
                remove(home).await;
                return false;
            }
        };
        // Until it says its first word it is still sealing itself, which a spawn should not have to wait for.
        let said = tokio::select! {
            readable = ready.spawned.link.readable() => readable.is_ok(),
            _ = ready.spawned.tree.wait() => false,
        };
        let refused = {
            let mut shelf = self.shelf.lock();
            if said && !shelf.closed && shelf.limits == limits {
                shelf.ready.push(ready);
                None
            } else {
                Some(ready)
            }
        };
        let Some(ready) = refused else { return true };
        let last_words = ready.spawned.tree.last_words();
        ready.end().await;
        if !said {
            tracing::warn!(last_words, "a process that was made ahead ended before anybody needed it");
        }
        false
    }
}

impl Processes {
    /// Keeps as many standing ready as load and memory suggest, until the kernel goes.
    pub(super) fn keep_warm(&self) {
        if self.warm.most == 0 || !self.sandbox.ready() {
            return;
        }
        // What a spawn gets that asks for nothing in particular, of a role that does not either.
        let asked = Limits::default();
        let quotas = quota::for_life(Quotas::default(), Quotas::default(), &self.quota_config, &asked);
        self.warm.shelf.lock().limits = self.sandbox_limits(&asked, &quotas);
        self.runtime.spawn(keep(Arc::downgrade(&self.0)));
    }
}

async fn keep(processes: Weak<Inner>) {
    loop {
        let Some(warm) = processes.upgrade().filter(|inner| !inner.warm.shelf.lock().closed) else { return };
        let (surplus, missing, limits) = warm.warm.look_over(available_memory_bytes());
        for ready in surplus {
            ready.end().await;
        }
        for _ in 0..missing {
            if !warm.warm.make(&warm.sandbox, limits).await {
                break;
            }
        }
        let waiting = Arc::clone(&warm.warm);
        // The kernel may go meanwhile.
        drop(warm);
        if tokio::time::timeout(LOOK_EVERY, waiting.changed.notified()).await.is_ok() {
            tokio::time::sleep(BREATH).await;
        }
    }
}

/// One, one more for each spawn of the last minute, at most `most`, and no more than memory has room for.
fn wanted(most: u32, spawns_lately: usize, available_bytes: u64) -> u32 {
    let load = u32::try_from(spawns_lately).unwrap_or(u32::MAX).saturating_add(1);
    let room = u32::try_from(available_bytes / ROOM_BYTES).unwrap_or(u32::MAX);
    most.min(load).min(room)
}

async fn remove(home: PathBuf) {
    let removed = tokio::task::spawn_blocking(move || crate::files::remove_home(&home)).await;
    if !matches!(removed, Ok(Ok(_))) {
        tracing::warn!(
            "a home that belongs to nobody could not be removed; the next start of the kernel does it"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_as_load_and_memory_suggest() {
        let plenty = 64 << 30;
        assert_eq!(wanted(4, 0, plenty), 1);
        assert_eq!(wanted(4, 2, plenty), 3);
        assert_eq!(wanted(4, usize::MAX, plenty), 4);
        assert_eq!(wanted(4, 9, 2 * ROOM_BYTES + 1), 2);
        assert_eq!(wanted(4, 9, ROOM_BYTES - 1), 0);
        assert_eq!(wanted(0, 9, plenty), 0);
    }
}
