//! Making an agent from a snapshot.

use std::sync::Arc;

use aether_protocol::{
    Actor, AgentId, Error, EventBody, Result, UserId,
    agent::Agent,
    snapshot::{Get, Restore, RestoreAs, Restored, Snapshot},
};
use rusqlite::Connection;
use uuid::Uuid;

use super::{
    blocking, exchange,
    gather::in_words,
    read::{self, Sound},
    same,
    scratch::{self, Scratch},
    unpack::Unpack,
};
use crate::{
    Kernel, agents, clock,
    process::{Moment, Revival, checked_name, revive_in},
    state::store::StoreError,
};

/// Characters of a name that a copy keeps, so that what is added fits.
const KEPT_NAME_CHARS: usize = 36;
/// What is added to the name of a copy.
const COPY: &str = "-copy";

impl Kernel {
    /// `snapshot.restore`
    pub(crate) async fn restore_snapshot(
        &self,
        actor: &Actor,
        owner: UserId,
        restore: Restore,
    ) -> Result<Restored> {
        let snapshot = self.snapshots.get(owner, Get { snapshot: restore.snapshot }).await?;
        if let Some(name) = &restore.name {
            checked_name(name)?;
        }
        let actor = actor.clone();
        self.see_through(|kernel| kernel.restore(actor, owner, snapshot, restore)).await
    }

    async fn restore(
        self: Arc<Self>,
        actor: Actor,
        owner: UserId,
        snapshot: Snapshot,
        restore: Restore,
    ) -> Result<Restored> {
        let _place = self.snapshots.place().await?;
        let agent = match restore.restore_as {
            RestoreAs::SameAgent => snapshot.agent,
            RestoreAs::NewAgent => AgentId(clock::new_id()),
        };
        let held = self.processes.holds().take(agent, "it is being restored")?;
        if self.processes.is_live(agent) {
            return Err(Error::conflict(format!("{} is running", snapshot.name))
                .hint("End it first, or restore the snapshot as a new agent (`aether snapshot clone`)"));
        }
        let work = clock::new_id();
        let kernel = Arc::clone(&self);
        let known = snapshot.clone();
        let (sound, mut scratch) = blocking(move || kernel.unpack(&known, work)).await?;
        // From before the decision: where this is cut off, the next start knows whether it was decided.
        scratch.keep(true);
        let name_is_made = restore.name.is_none() && restore.restore_as == RestoreAs::NewAgent;
        let decision = async {
            let revival = self.revival(owner, &snapshot, sound.moment, agent, restore).await?;
            let (by, snapshot) = (actor, snapshot.id);
            let decided = self.store.write(move |tx| {
                let revival = name_free(tx, owner, revival, name_is_made)?;
                let process = revive_in(tx, &by, owner, revival)?;
                exchange::note(tx, work, agent)?;
                tx.emit(&by, EventBody::SnapshotRestored { snapshot, agent, pid: process.pid })?;
                Ok(process)
            });
            Ok::<_, Error>(decided.await?)
        };
        let process = match decision.await {
            Ok(process) => process,
            Err(error) => {
                blocking(move || {
                    scratch.keep(false);
                    Ok(())
                })
                .await?;
                return Err(error);
            }
        };
        // Decided. Whatever fails from here on is finished by the next start.
        let home = self.processes.home_of(agent);
        let scratch = blocking(move || {
            exchange::put(scratch.path(), &home).map_err(|error| {
                Error::internal(format!("The restored home could not be put in its place: {error}"))
                    .hint("Start the kernel again: it finishes the restore")
            })?;
            Ok(scratch)
        })
        .await?;
        if let Err(error) = self.store.write(move |tx| exchange::done(tx, work)).await {
            tracing::warn!(%error, "a restore is done, and the next start looks at it again");
        }
        drop(held);
        self.processes.take_up(&process);
        // The old home goes with it; nobody has to wait for that.
        self.processes.runtime().spawn_blocking(move || {
            let mut scratch = scratch;
            scratch.keep(false);
        });
        Ok(Restored { snapshot: snapshot.id, process })
    }

    /// Checks the archive and makes the home in a folder of scratch. Blocks.
    fn unpack(&self, snapshot: &Snapshot, work: Uuid) -> Result<(Sound, Scratch)> {
        let mut file = self.snapshots.open(snapshot.id)?;
        let folder = scratch::of_homes(&self.snapshots.0.state_dir);
        let failed = |error: std::io::Error| in_words("the new home", &error);
        let scratch = Scratch::make(&folder, work).map_err(failed)?;
        let mut home = Unpack::into(&scratch.path().join(exchange::NEW)).map_err(failed)?;
        let trusted = [snapshot.device_key.clone()];
        let sound = read::read(&mut file, &trusted, &self.snapshots.bounds(), &mut home)?;
        same(snapshot, &sound)?;
        home.finish()?;
        Ok((sound, scratch))
    }

    /// Who lives again, and with what of this device.
    async fn revival(
        &self,
        owner: UserId,
        snapshot: &Snapshot,
        mut moment: Moment,
        agent: AgentId,
        restore: Restore,
    ) -> Result<Revival> {
        let role = self.mind.roles().get(&moment.process.role).ok_or_else(|| {
            Error::not_found("role", &moment.process.role)
                .hint("The snapshot's agent had this role; put its file into roles_dir (aether.toml) first")
        })?;
        moment.narrow(role)?;
        let quotas = self.processes.quotas_of(role, &moment.limits);
        // The model may have gone; the agent goes on with the one that is there.
        let model = match self.mind.choose(Some(moment.process.model.clone())).await {
            Ok(model) => model,
            Err(_) => self.mind.choose(None).await?,
        };
        let known = self.store.read(move |connection| agents::find(connection, owner, agent)).await?;
        let agent = match known {
            Some(known) => {
                if restore.name.as_ref().is_some_and(|name| *name != known.name) {
                    return Err(Error::invalid("An agent that exists keeps its name")
                        .hint(format!("Leave the name out, or use {}", known.name)));
                }
                known
            }
            None => Agent {
                id: agent,
                name: new_name(snapshot, &restore)?,
                role: moment.process.role.clone(),
                owner,
                created_at: clock::now(),
                last_pid: None,
                lives: 0,
            },
        };
        let note = format!("Goes on from the snapshot {} of process {}", snapshot.id, snapshot.pid);
        Ok(Revival { agent, moment, quotas, model, note })
    }
}

/// The name asked for, the name then, or one made from it.
fn new_name(snapshot: &Snapshot, restore: &Restore) -> Result<String> {
    let name = match (&restore.name, restore.restore_as) {
        (Some(name), _) => name.trim().to_owned(),
        (None, RestoreAs::SameAgent) => snapshot.name.clone(),
        (None, RestoreAs::NewAgent) => {
            format!("{}{COPY}", snapshot.name.chars().take(KEPT_NAME_CHARS).collect::<String>())
        }
    };
    checked_name(&name)?;
    Ok(name)
}

/// A name that was made and is taken gets a number.
fn name_free(
    connection: &Connection,
    owner: UserId,
    mut revival: Revival,
    is_made: bool,
) -> Result<Revival, StoreError> {
    if is_made {
        let made = revival.agent.name.clone();
        let mut number = 2;
        while agents::name_is_taken(connection, owner, &revival.agent.name)? {
            revival.agent.name = format!("{made}-{number}");
            number += 1;
        }
    }
    Ok(revival)
}
