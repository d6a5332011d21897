//! Taking a snapshot.

use std::sync::Arc;

use aether_protocol::{
    Actor, AgentId, Error, Pid, Result, SnapshotId, UserId,
    agent::Agent,
    snapshot::{Cause, Snapshot, Take},
};

use super::{
    Bounds, blocking,
    gather::{self, Gathered},
    manifest::{FORMAT, IDENTITY, JOURNAL, Manifest, PROCESS},
    pack::{self, Packed, Record},
    read::Life,
    scratch::{self, Scratch},
};
use crate::{
    Kernel, clock,
    process::{Held, Moment, Standing, tree::TreeError},
};

/// An agent, copied aside.
struct Copied {
    gathered: Gathered,
    moment: Moment,
    standstill_ms: u64,
}

/// How often an agent is asked to stand still, each time for up to two seconds.
const FREEZE_TRIES: u32 = 4;

impl Kernel {
    /// `snapshot.take`
    pub(crate) async fn take_snapshot(&self, actor: &Actor, owner: UserId, take: Take) -> Result<Snapshot> {
        let agent = match (take.agent, take.pid) {
            (Some(agent), None) => agent,
            (None, Some(pid)) => self.processes.get(owner, pid).await?.agent,
            _ => {
                return Err(Error::invalid("A snapshot is of one agent")
                    .hint("Name it by its id or by the PID of one of its lives, not by both"));
            }
        };
        let actor = actor.clone();
        self.see_through(|kernel| kernel.snapshot(actor, owner, agent, Cause::Asked)).await
    }

    /// A snapshot of an agent, for whatever cause.
    pub(super) async fn snapshot(
        self: Arc<Self>,
        actor: Actor,
        owner: UserId,
        agent: AgentId,
        cause: Cause,
    ) -> Result<Snapshot> {
        let _place = self.snapshots.place().await?;
        self.agents.get(owner, agent).await?;
        let held = self.processes.holds().take(agent, "a snapshot of it is being taken")?;
        let standing = self.processes.standing(agent).await?;
        let home = self.processes.home_of(agent);
        tokio::fs::create_dir_all(&home)
            .await
            .map_err(|error| Error::internal(format!("The home could not be made: {error}")))?;
        let id = SnapshotId(clock::new_id());
        let kernel = Arc::clone(&self);
        let (row, scratch) = blocking(move || {
            let folder = scratch::of_archives(&kernel.snapshots.0.state_dir);
            let scratch =
                Scratch::make(&folder, id.0).map_err(|error| gather::in_words("its beginning", &error))?;
            let copied = kernel.copy_aside(&home, &scratch, owner, agent, &standing, held)?;
            Ok((kernel.pack(id, &scratch, copied, cause)?, scratch))
        })
        .await?;
        self.snapshots.adopt(&actor, owner, scratch, row).await
    }

    /// Copies home, life and journal while nothing of the agent moves. Blocks.
    fn copy_aside(
        &self,
        home: &std::path::Path,
        scratch: &Scratch,
        owner: UserId,
        agent: AgentId,
        standing: &Standing,
        held: Held,
    ) -> Result<Copied> {
        let bounds: Bounds = self.snapshots.bounds();
        let frozen = match standing {
            Standing::Still => None,
            Standing::Runs(tree) => match patiently(|| tree.freeze()) {
                Ok(frozen) => Some(frozen),
                Err(TreeError::Ended) => None,
                Err(error) => {
                    return Err(Error::conflict(format!(
                        "The agent could not be stopped for a moment: {error}"
                    ))
                    .hint("Try again"));
                }
            },
        };
        let gathered = gather::gather(home, scratch.path(), &bounds)?;
        // Last: what the kernel has written down meanwhile is part of it.
        let moment = self.processes.runtime().block_on(self.processes.moment(owner, agent))?;
        let standstill_ms = frozen.map_or(0, crate::process::tree::Frozen::thaw);
        drop(held);
        Ok(Copied { gathered, moment, standstill_ms })
    }

    /// Writes the archive into the scratch; returns the row that it will have. Blocks.
    fn pack(&self, id: SnapshotId, scratch: &Scratch, copied: Copied, cause: Cause) -> Result<Snapshot> {
        let Copied { gathered, moment, standstill_ms } = copied;
        let key = &self.snapshots.0.key;
        let taken_at = clock::now();
        let was_live = !moment.has_ended();
        let Moment { agent, process, tools, limits, network, journal } = moment;
        let Agent { id: agent_id, name, role, .. } = agent.clone();
        let manifest = Manifest {
            format: FORMAT,
            snapshot: id,
            device: self.device.clone(),
            device_key: key.public_hex(),
            agent: agent_id,
            name: name.clone(),
            pid: process.pid,
            life: process.life,
            taken_at,
            standstill_ms,
            left_out_count: gathered.left_out_count,
            left_out: gathered.left_out.clone(),
            members: Vec::new(),
        };
        let (pid, life, steps): (Pid, _, _) = (process.pid, process.life, journal.len() as u32);
        let failed = |error: std::io::Error| gather::in_words("the archive", &error);
        let json = |value: serde_json::Result<Vec<u8>>| value.map_err(|error| failed(error.into()));
        let mut lines = Vec::new();
        for step in &journal {
            lines.extend(json(serde_json::to_vec(step))?);
            lines.push(b'\n');
        }
        let records = [
            Record { path: IDENTITY, bytes: json(serde_json::to_vec(&agent))? },
            Record {
                path: PROCESS,
                bytes: json(serde_json::to_vec(&Life { process, tools, limits, network }))?,
            },
            Record { path: JOURNAL, bytes: lines },
        ];
        let out = scratch.archive().map_err(failed)?;
        let Packed { bytes, sha256 } = pack::pack(out, key, manifest, &records, &gathered).map_err(failed)?;
        Ok(Snapshot {
            id,
            agent: agent_id,
            name,
            role,
            pid,
            life,
            was_live,
            taken_at,
            cause,
            standstill_ms,
            steps,
            // The home itself is none of its entries.
            entries: (gathered.found.len() as u64).saturating_sub(1),
            home_bytes: gathered.bytes,
            archive_bytes: bytes,
            sha256,
            device_key: key.public_hex(),
            device: self.device.clone(),
            left_out_count: gathered.left_out_count,
            left_out: gathered.left_out,
        })
    }
}

/// Tries again where a process waits for a busy disk; in between everything goes on, so that it can get what it waits
/// for.
fn patiently<T>(mut freeze: impl FnMut() -> Result<T, TreeError>) -> Result<T, TreeError> {
    for _ in 1..FREEZE_TRIES {
        match freeze() {
            Err(TreeError::StillRunning { .. }) => {}
            other => return other,
        }
    }
    freeze()
}
