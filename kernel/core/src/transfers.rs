//! Files, where more than their subsystem has a part: events, quotas, and what becomes a stream.

use aether_protocol::{
    Actor, AgentId, Error, Result, UserId,
    files::{
        AppendUpload, Archive, BeginUpload, Entry, EntryKind, Place, Restore, Stat, Trash, Trashed, Upload,
        Usage, UsageReport, Watch,
    },
    quota::Kind,
};

use crate::{
    Kernel,
    files::{ArchiveStream, WatchStream},
};

impl Kernel {
    /// The zip of a folder, through the gate as `files.archive`.
    pub async fn archive(&self, actor: &Actor, request: Archive) -> Result<ArchiveStream> {
        let (place, path) = (request.place, request.path.clone());
        let entry = self.request(actor, request).await?;
        let user = crate::gate::person(actor)?;
        let root = self.root(user, place).await?;
        self.files.archive(&root, path, entry.name).await
    }

    /// What changes in a folder, through the gate as `files.watch`.
    pub async fn watch(&self, actor: &Actor, request: Watch) -> Result<WatchStream> {
        let (place, path) = (request.place, request.path.clone());
        self.request(actor, request).await?;
        let user = crate::gate::person(actor)?;
        let root = self.root(user, place).await?;
        self.files.watch(&root, path).await
    }

    /// `files.archive`: the folder, with the name that its archive has.
    pub(crate) async fn folder_to_pack(&self, user: UserId, request: Archive) -> Result<Entry> {
        let Archive { place, path } = request;
        let mut entry = self.files.stat(&self.root(user, place).await?, Stat { place, path }).await?;
        if entry.kind != EntryKind::Folder {
            return Err(Error::conflict(format!("'{}' is no folder", entry.path))
                .hint("Only a folder becomes an archive; read a file as it is"));
        }
        if entry.name.is_empty() {
            entry.name = match place {
                Place::Home => "home".to_owned(),
                Place::Shared => "shared".to_owned(),
                Place::Agent { agent } => self.agents.get(user, agent).await?.name,
            };
        }
        Ok(entry)
    }

    /// `files.trash`
    pub(crate) async fn trash(&self, actor: &Actor, user: UserId, request: Trash) -> Result<Trashed> {
        let (place, root) = (request.place, self.root(user, request.place).await?);
        let trashed = self.files.trash(&root, request).await?;
        self.file_changed(actor, user, place, &trashed.path).await?;
        Ok(trashed)
    }

    /// `files.restore`
    pub(crate) async fn restore_file(&self, actor: &Actor, user: UserId, request: Restore) -> Result<Entry> {
        let (place, root) = (request.place, self.root(user, request.place).await?);
        let entry = self.files.restore(&root, request).await?;
        self.file_changed(actor, user, place, &entry.path).await?;
        Ok(entry)
    }

    /// `files.usage`
    pub(crate) async fn usage(&self, user: UserId, request: Usage) -> Result<UsageReport> {
        let place = request.place;
        let report = self.files.usage(&self.root(user, place).await?, request).await?;
        Ok(UsageReport { limit_bytes: self.disk_limit(user, place).await?, ..report })
    }

    /// `files.begin_upload`
    pub(crate) async fn begin_upload(
        &self,
        actor: &Actor,
        user: UserId,
        request: BeginUpload,
    ) -> Result<Upload> {
        let (place, root) = (request.place, self.root(user, request.place).await?);
        let limit = self.disk_limit(user, place).await?;
        self.files.has_room(&root, limit, request.size_bytes).await?;
        let upload = self.files.begin_upload(&root, user, request).await?;
        self.note_upload(actor, user, upload).await
    }

    /// `files.append_upload`
    pub(crate) async fn append_upload(
        &self,
        actor: &Actor,
        user: UserId,
        request: AppendUpload,
    ) -> Result<Upload> {
        let (place, size_bytes) = self.files.upload_target(user, request.upload).await?;
        let root = self.root(user, place).await?;
        let is_last = request.offset.saturating_add(request.data.0.len() as u64) >= size_bytes;
        let limit = if is_last { self.disk_limit(user, place).await? } else { None };
        let upload = self.files.append_upload(&root, user, request, limit, size_bytes).await?;
        self.note_upload(actor, user, upload).await
    }

    async fn note_upload(&self, actor: &Actor, user: UserId, upload: Upload) -> Result<Upload> {
        if upload.finished {
            self.file_changed(actor, user, upload.place, &upload.path).await?;
        }
        Ok(upload)
    }

    /// What a place may hold. An agent's home is limited by the quota of its newest life; people's own homes and the
    /// shared folder by the disk alone.
    async fn disk_limit(&self, user: UserId, place: Place) -> Result<Option<u64>> {
        match place {
            Place::Agent { agent } => Ok(Some(self.home_limit(user, agent).await?)),
            Place::Home | Place::Shared => Ok(None),
        }
    }

    async fn home_limit(&self, user: UserId, agent: AgentId) -> Result<u64> {
        let of_life = match self.agents.get(user, agent).await?.last_pid {
            Some(pid) => {
                let report = self.processes.quotas(user, pid).await?;
                report.quotas.iter().find(|quota| quota.kind == Kind::Disk).and_then(|quota| quota.limit)
            }
            None => None,
        };
        Ok(of_life.unwrap_or(self.config.quotas.disk_bytes))
    }
}
