//! Recordings of terminals: from what is shown to a file in the person's home.

use std::{path::PathBuf, time::Duration};

use aether_protocol::{
    Actor, Blob, Error, EventBody, Result, UserId,
    files::{self, Append, Write},
    terminal::{Record, Terminal},
};

use super::pty::{Cast, Recorder};
use crate::{Kernel, clock, files::Files, state::store::Store};

/// A recording that becomes larger ends.
const MAX_BYTES: u64 = 64 << 20;

/// What is shown is on disk after so long, or once there is so much of it.
const FLUSH_EVERY: Duration = Duration::from_secs(1);
const FLUSH_BYTES: usize = 64 * 1024;

impl Kernel {
    /// `terminal.record`
    pub(crate) async fn record_terminal(
        &self,
        actor: &Actor,
        user: UserId,
        record: Record,
    ) -> Result<Terminal> {
        self.processes.terminal_of(user, record.terminal)?;
        let root = self.root(user, files::Place::Home).await?;
        let recorder = self.processes.terminals().record(record.terminal, record.path.clone())?;
        let (cast, header) = Cast::begin(&recorder.terminal(), clock::now().0 / 1000);
        let write = Write {
            place: files::Place::Home,
            path: record.path,
            data: Blob(header.into_bytes()),
            must_be_new: true,
        };
        let entry = self.files.write(&root, write).await?;
        self.file_changed(actor, user, files::Place::Home, &entry.path).await?;
        let terminal = recorder.terminal();
        let file = CastFile {
            files: Files::new(self.config.state_dir.clone()),
            root,
            path: entry.path,
            size_bytes: entry.size_bytes,
            pending: String::new(),
        };
        let store = self.store.clone();
        self.processes.runtime.spawn(run(recorder, cast, file, store));
        Ok(terminal)
    }
}

struct CastFile {
    files: Files,
    root: PathBuf,
    path: String,
    size_bytes: u64,
    pending: String,
}

impl CastFile {
    async fn flush(&mut self) -> Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let data = Blob(std::mem::take(&mut self.pending).into_bytes());
        let append = Append { place: files::Place::Home, path: self.path.clone(), data };
        self.size_bytes = self.files.append(&self.root, append).await?.size_bytes;
        if self.size_bytes > MAX_BYTES {
            return Err(Error::new(aether_protocol::Code::TooLarge, "The recording has reached 64 MiB"));
        }
        Ok(())
    }
}

async fn run(mut recorder: Recorder, mut cast: Cast, mut file: CastFile, store: Store) {
    let mut beat = tokio::time::interval(FLUSH_EVERY);
    beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let ended = loop {
        let output = tokio::select! {
            output = recorder.next_output() => output,
            _ = beat.tick() => {
                match file.flush().await {
                    Ok(()) => continue,
                    Err(error) => break Err(error),
                }
            }
        };
        let Some(bytes) = output else { break file.flush().await };
        file.pending.push_str(&cast.output(recorder.terminal().size, &bytes));
        if file.pending.len() >= FLUSH_BYTES
            && let Err(error) = file.flush().await
        {
            break Err(error);
        }
    };
    let terminal = recorder.terminal().id;
    let reason = match ended {
        Ok(()) => recorder.reason(),
        Err(error) => error.message,
    };
    let (path, size_bytes) = (file.path, file.size_bytes);
    store
        .write_later(move |tx| {
            tx.emit(&Actor::Kernel, EventBody::TerminalRecorded { terminal, path, size_bytes, reason })?;
            Ok(())
        })
        .await;
    // Whoever has asked for the end hears of it now.
    drop(recorder);
}
