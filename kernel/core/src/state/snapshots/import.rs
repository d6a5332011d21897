//! Taking in an archive that was exported before, here or on another device.

use std::{
    fs::File,
    io::{self, Read as _},
    sync::Arc,
};

use aether_protocol::{
    Actor, Error, Result, UserId,
    files::Place,
    snapshot::{Cause, Import, Snapshot, Source},
};

use super::{
    blocking,
    gather::in_words,
    manifest::Member,
    read::{self, Nowhere, Sound},
    scratch::{self, Scratch},
    store,
};
use crate::{Kernel, clock};

/// Where the archive comes from, ready to be copied.
enum From {
    Bytes(Vec<u8>),
    File(File),
}

impl Kernel {
    /// `snapshot.import`
    pub(crate) async fn import_snapshot(
        &self,
        actor: &Actor,
        owner: UserId,
        import: Import,
    ) -> Result<Snapshot> {
        let mut trusted = vec![self.snapshots.0.key.public_hex()];
        if let Some(key) = import.trusted_key {
            let key = key.trim().to_ascii_lowercase();
            if hex::decode(&key).map_or(0, |key| key.len()) != super::key::PUBLIC_BYTES {
                return Err(
                    Error::invalid("The trusted key is no key of a device").hint("64 hexadecimal digits")
                );
            }
            trusted.push(key);
        }
        let from = match import.source {
            Source::Bytes { data } => From::Bytes(data.0),
            Source::Home { path } => {
                From::File(self.files.open(&self.root(owner, Place::Home).await?, path).await?)
            }
        };
        let actor = actor.clone();
        self.see_through(|kernel| kernel.import(actor, owner, from, trusted)).await
    }

    async fn import(
        self: Arc<Self>,
        actor: Actor,
        owner: UserId,
        from: From,
        trusted: Vec<String>,
    ) -> Result<Snapshot> {
        let _place = self.snapshots.place().await?;
        let kernel = Arc::clone(&self);
        let (sound, scratch) = blocking(move || {
            let folder = scratch::of_archives(&kernel.snapshots.0.state_dir);
            let failed = |error: io::Error| in_words("the copy of the archive", &error);
            let scratch = Scratch::make(&folder, clock::new_id()).map_err(failed)?;
            let bounds = kernel.snapshots.bounds();
            let mut copy = scratch.archive().map_err(failed)?;
            let bytes = match from {
                From::Bytes(bytes) => io::copy(&mut bytes.as_slice(), &mut copy),
                // From here on its owner cannot change what is checked.
                From::File(file) => io::copy(&mut file.take(bounds.max_bytes.saturating_add(1)), &mut copy),
            };
            if bytes.map_err(failed)? > bounds.max_bytes {
                return Err(bounds.too_large());
            }
            let sound = read::read(&mut copy, &trusted, &bounds, &mut Nowhere)?;
            copy.sync_all().map_err(failed)?;
            Ok((sound, scratch))
        })
        .await?;
        let id = sound.manifest.snapshot;
        if self.store.read(move |connection| store::is_there(connection, id)).await? {
            return Err(store::here_already(id));
        }
        self.snapshots.adopt(&actor, owner, scratch, row(sound)).await
    }
}

fn row(sound: Sound) -> Snapshot {
    let Sound { manifest, moment, signer, archive_bytes, sha256 } = sound;
    let home: Vec<&Member> = manifest.members.iter().filter(|member| member.in_home().is_some()).collect();
    Snapshot {
        id: manifest.snapshot,
        agent: manifest.agent,
        role: moment.process.role.clone(),
        pid: manifest.pid,
        life: manifest.life,
        was_live: !moment.has_ended(),
        taken_at: manifest.taken_at,
        cause: Cause::Imported,
        standstill_ms: manifest.standstill_ms,
        steps: moment.journal.len() as u32,
        entries: home.len() as u64,
        home_bytes: home.iter().map(|member| member.size()).sum(),
        archive_bytes,
        sha256,
        device_key: signer,
        left_out_count: manifest.left_out_count,
        name: manifest.name,
        device: manifest.device,
        left_out: manifest.left_out,
    }
}
