//! Who asked for what. Commands that only read, and agents' own (their journal has them), are not audited.

use aether_protocol::{
    Actor, Command, Error, Result, agent, channel, files, identity, process, snapshot, system, terminal,
};
use rusqlite::{Connection, params};
use tokio::sync::oneshot;

use crate::{
    clock,
    state::store::{Store, StoreError},
};

/// The audit's entry for one call: opened before the command runs, closed with its outcome.
///
/// The entry is queued before the command's own writes, and the store commits in order: once a command has been
/// acknowledged, its entry is on disk.
pub(crate) struct Ticket(Option<oneshot::Receiver<i64>>);

impl Ticket {
    /// Queues the entry. A command that was refused already gets its outcome at once.
    pub(super) async fn open(
        store: &Store,
        actor: &Actor,
        command: &Command,
        refused: Option<&Error>,
    ) -> Result<Self> {
        // The pieces of an upload are as many as it is large; its beginning has an entry, its end an event.
        let is_piece = matches!(command, Command::Files(files::Command::AppendUpload(_)));
        if command.reads()
            || (is_piece && refused.is_none())
            || matches!(actor, Actor::Agent { .. } | Actor::Kernel)
        {
            return Ok(Self(None));
        }
        let (name, target) = (command.name(), target(command));
        let (at, actor) = (clock::now(), serde_json::to_string(actor).map_err(StoreError::from)?);
        let outcome = refused.map(|error| error.message.clone());
        let (entry, opened) = oneshot::channel();
        store
            .write_later(move |tx| {
                tx.prepare_cached(
                    "INSERT INTO audit (at, actor, command, target, outcome) VALUES (?1, ?2, ?3, ?4, ?5)",
                )?
                .execute(params![at.0, actor, name, target, outcome])?;
                let _ = entry.send(tx.last_insert_rowid());
                Ok(())
            })
            .await;
        Ok(Self(Some(opened)))
    }

    /// Adds the outcome, `ok` or the error. Without it (a crash) the entry says that the outcome is unknown.
    pub(super) async fn close(self, store: &Store, error: Option<&Error>) {
        let Some(mut opened) = self.0 else { return };
        let outcome = error.map_or_else(|| "ok".to_owned(), |error| error.message.clone());
        store
            .write_later(move |tx| {
                // Queued after the entry, so the entry's number is there.
                if let Ok(id) = opened.try_recv() {
                    tx.prepare_cached("UPDATE audit SET outcome = ?2 WHERE id = ?1")?
                        .execute(params![id, outcome])?;
                }
                Ok(())
            })
            .await;
    }
}

/// Writes down what the kernel decided by itself, in the transaction that does it.
pub(crate) fn decided(
    connection: &Connection,
    decision: &'static str,
    target: &str,
    reason: &str,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO audit (at, actor, command, target, outcome) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![clock::now().0, serde_json::to_string(&Actor::Kernel)?, decision, target, reason])?;
    Ok(())
}

/// What a command is about, without contents or secrets.
fn target(command: &Command) -> String {
    match command {
        Command::Identity(identity::Command::Setup(setup)) => setup.name.clone(),
        Command::Identity(identity::Command::Login(login)) => login.name.clone(),
        Command::Identity(identity::Command::Revoke(revoke)) => revoke.session.to_string(),
        Command::Agent(agent::Command::Remove(remove)) => remove.agent.to_string(),
        Command::Process(command) => match command {
            process::Command::Spawn(spawn) => spawn.role.clone().unwrap_or_default(),
            process::Command::Signal(it) => format!("{} {:?}", it.pid, it.signal),
            process::Command::SetPriority(it) => format!("{} {}", it.pid, it.priority),
            process::Command::Pause(it) => it.pid.to_string(),
            process::Command::Resume(it) => it.pid.to_string(),
            process::Command::Continue(it) => format!("{} +{}", it.pid, it.steps),
            process::Command::Message(it) => it.pid.to_string(),
            process::Command::SetQuota(it) => {
                format!("{} {}", it.pid, serde_json::to_string(&it.quotas).unwrap_or_default())
            }
            process::Command::List(_) | process::Command::Get(_) | process::Command::GetQuotas(_) => {
                String::new()
            }
        },
        Command::Files(command) => match command {
            files::Command::Write(it) => it.path.clone(),
            files::Command::Append(it) => it.path.clone(),
            files::Command::Mkdir(it) => it.path.clone(),
            files::Command::Remove(it) => it.path.clone(),
            files::Command::Move(it) => format!("{} → {}", it.from, it.to),
            files::Command::Copy(it) => format!("{} → {}", it.from, it.to),
            files::Command::Trash(it) => it.path.clone(),
            files::Command::Restore(it) => it.name.clone(),
            files::Command::EmptyTrash(it) => {
                it.names.as_ref().map_or_else(String::new, |names| names.join(" "))
            }
            files::Command::BeginUpload(it) => format!("{} {} bytes", it.path, it.size_bytes),
            files::Command::AppendUpload(it) => it.upload.to_string(),
            files::Command::DropUpload(it) => it.upload.to_string(),
            files::Command::List(_)
            | files::Command::Stat(_)
            | files::Command::Read(_)
            | files::Command::ListTrash(_)
            | files::Command::Search(_)
            | files::Command::Usage(_)
            | files::Command::Archive(_)
            | files::Command::Watch(_)
            | files::Command::GetUpload(_)
            | files::Command::ListUploads(_) => String::new(),
        },
        Command::Snapshot(command) => match command {
            snapshot::Command::Take(it) => {
                let agent = it.agent.map(|agent| agent.to_string());
                agent.or_else(|| it.pid.map(|pid| pid.to_string())).unwrap_or_default()
            }
            snapshot::Command::Restore(it) => format!("{} as {:?}", it.snapshot, it.restore_as),
            snapshot::Command::Remove(it) => it.snapshot.to_string(),
            snapshot::Command::Import(it) => match &it.source {
                snapshot::Source::Bytes { data } => format!("{} bytes", data.0.len()),
                snapshot::Source::Home { path } => path.clone(),
            },
            snapshot::Command::List(_)
            | snapshot::Command::Get(_)
            | snapshot::Command::Verify(_)
            | snapshot::Command::Read(_) => String::new(),
        },
        Command::Channel(command) => match command {
            channel::Command::Create(it) => it.name.clone(),
            channel::Command::Remove(it) => it.channel.to_string(),
            channel::Command::Join(it) => format!("{} {:?}", it.channel, it.party),
            channel::Command::Leave(it) => format!("{} {:?}", it.channel, it.party),
            channel::Command::Post(it) => format!("{:?}", it.target),
            channel::Command::Ack(it) => format!("{} {}", it.channel, it.upto),
            channel::Command::List(_)
            | channel::Command::Get(_)
            | channel::Command::Members(_)
            | channel::Command::Read(_)
            | channel::Command::Peers(_)
            | channel::Command::Receive(_) => String::new(),
        },
        Command::System(system::Command::Gc(gc)) if gc.dry_run => "dry run".to_owned(),
        Command::Terminal(command) => match command {
            terminal::Command::Open(it) => format!("{:?}", it.target),
            terminal::Command::Attach(it) => it.terminal.to_string(),
            terminal::Command::Resize(it) => it.terminal.to_string(),
            terminal::Command::Close(it) => it.terminal.to_string(),
            terminal::Command::Record(it) => format!("{} → {}", it.terminal, it.path),
            terminal::Command::StopRecording(it) => it.terminal.to_string(),
            terminal::Command::List(_) => String::new(),
        },
        _ => String::new(),
    }
}
