//! Uploads in pieces. What has come of one lies beside the homes, not in them, until its last byte is there: nobody
//! sees half a file, and no agent can reach what is not whole.
//!
//! *Invariant:* an upload's offset is what is on disk. The file gets its name in one step; after that step the
//! upload has no data any more, by which it is known to be finished, also after a crash.

use std::{
    fs::{self, File, Permissions},
    io::{self, Write as _},
    os::{
        fd::AsFd as _,
        unix::fs::{
            DirBuilderExt as _, FileExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
        },
    },
    path::{Path, PathBuf},
};

use aether_protocol::{
    Code, Error, Result, UnixMillis, UserId,
    files::{AppendUpload, BeginUpload, Dropped, Place as PlaceName, Upload},
};
use cap_tempfile::TempFile;
use rustix::{
    fs::{FlockOperation, OFlags, RenameFlags, flock, renameat_with, statvfs},
    io::Errno,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    content,
    path::CleanPath,
    place::{Place, Spot, inherit_owner, regular},
    words::in_words,
};
use crate::clock;

/// The most that one piece has, in bytes.
pub(super) const MAX_PIECE_BYTES: usize = 4 * 1024 * 1024;
/// Uploads of one person at once.
const MAX_UPLOADS: usize = 256;
/// How long an upload waits for its next piece, in milliseconds.
const PATIENCE_MILLIS: i64 = 24 * 3600 * 1000;
/// What stays free on the disk.
const SPARE_BYTES: u64 = 64 << 20;
/// What a sender may note of its file.
const MAX_FINGERPRINT_BYTES: usize = 256;
const NEW_MODE: u32 = 0o644;
const DATA: &str = "data";
const META: &str = "meta.json";

/// What an upload is. Written once.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Meta {
    user: UserId,
    place: PlaceName,
    path: String,
    size_bytes: u64,
    replace: bool,
    #[serde(default)]
    fingerprint: Option<String>,
}

/// The folder of all uploads.
#[derive(Clone, Debug)]
pub(crate) struct Uploads {
    folder: PathBuf,
}

/// One that is there.
struct Known {
    id: Uuid,
    folder: PathBuf,
    meta: Meta,
}

impl Uploads {
    pub(crate) fn new(state_dir: &Path) -> Self {
        Self { folder: state_dir.join("uploads") }
    }

    /// Begins one. Throws away first what others have left.
    pub(super) fn begin(&self, root: &Path, user: UserId, request: BeginUpload) -> Result<Upload> {
        let path = CleanPath::parse_inside(&request.path)?;
        if request.fingerprint.as_ref().is_some_and(|text| text.len() > MAX_FINGERPRINT_BYTES) {
            return Err(Error::invalid(format!("A fingerprint has at most {MAX_FINGERPRINT_BYTES} bytes")));
        }
        let place = Place::open(root)?;
        may_be_put(&place.spot(&path)?, request.replace)?;
        let free = self.free_bytes()?;
        if request.size_bytes.saturating_add(SPARE_BYTES) > free {
            return Err(Error::new(
                Code::Exhausted,
                format!("'{}' does not fit: {} bytes are free on the disk", request.path, free),
            )
            .hint("Remove what is no longer needed, then try again"));
        }
        for old in self.stale() {
            // What cannot be removed now is found again.
            let _ = fs::remove_dir_all(old);
        }
        let mine = self.ids().filter(|id| self.known(user, *id).is_ok()).count();
        if mine >= MAX_UPLOADS {
            return Err(Error::new(Code::Exhausted, format!("There are {MAX_UPLOADS} uploads already"))
                .hint(
                    "Finish them or give them up; after a day without a piece they are gone by themselves",
                ));
        }
        let id = clock::new_id();
        let folder = self.folder.join(id.to_string());
        let BeginUpload { place: at, path, size_bytes, replace, fingerprint } = request;
        let meta = Meta { user, place: at, path, size_bytes, replace, fingerprint };
        let made = make(&folder, &meta).and_then(|()| File::open(&self.folder)?.sync_all());
        if let Err(error) = made {
            let _ = fs::remove_dir_all(&folder);
            return Err(in_words("The upload", error));
        }
        let known = Known { id, folder, meta };
        if size_bytes == 0 {
            known.put(root)?;
        }
        known.state()
    }

    /// How far one is.
    pub(super) fn get(&self, user: UserId, id: Uuid) -> Result<Upload> {
        self.known(user, id)?.state()
    }

    /// Where one goes to, and how large it is.
    pub(super) fn target(&self, user: UserId, id: Uuid) -> Result<(PlaceName, u64)> {
        let Meta { place, size_bytes, .. } = self.known(user, id)?.meta;
        Ok((place, size_bytes))
    }

    /// Those of one person, oldest first.
    pub(super) fn list(&self, user: UserId) -> Result<Vec<Upload>> {
        let mut ids: Vec<_> = self.ids().collect();
        ids.sort_unstable();
        // One that is gone by now was never there.
        ids.into_iter().filter_map(|id| self.known(user, id).ok()).map(|known| known.state()).collect()
    }

    /// Takes a piece; puts the file in its place with the last one, if `may_finish` agrees then.
    pub(super) fn append(
        &self,
        root: &Path,
        user: UserId,
        request: &AppendUpload,
        may_finish: impl FnOnce() -> Result<()>,
    ) -> Result<Upload> {
        let data = &request.data.0;
        if data.len() > MAX_PIECE_BYTES {
            return Err(Error::new(Code::TooLarge, format!("One piece has at most {MAX_PIECE_BYTES} bytes"))
                .hint("Send the upload in more pieces"));
        }
        let known = self.known(user, request.upload)?;
        let broken = |error: io::Error| in_words(&known.meta.path, error);
        let Some(file) = known.lock()? else {
            return if data.is_empty() && request.offset == known.meta.size_bytes {
                known.state()
            } else {
                Err(Error::conflict("The upload is finished").hint("Begin another one"))
            };
        };
        let size = file.metadata().map_err(broken)?.len();
        if request.offset != size {
            return Err(Error::conflict(format!(
                "The upload stands at byte {size}, and this piece begins at {}",
                request.offset
            ))
            .hint("Ask how far the upload is, and go on from there"));
        }
        let end = size.saturating_add(data.len() as u64);
        if end > known.meta.size_bytes {
            return Err(Error::new(
                Code::TooLarge,
                format!("The upload was announced with {} bytes, and this is more", known.meta.size_bytes),
            )
            .hint("Begin another one with the right size"));
        }
        if let Err(error) = file.write_all_at(data, size).and_then(|()| file.sync_data()) {
            // The offset must be what is on disk.
            file.set_len(size).map_err(broken)?;
            return Err(broken(error));
        }
        if end == known.meta.size_bytes {
            may_finish()?;
            known.put(root)?;
        }
        known.state()
    }

    /// Gives one up.
    pub(super) fn drop(&self, user: UserId, id: Uuid) -> Result<Dropped> {
        let known = self.known(user, id)?;
        let bytes = match known.lock()? {
            Some(file) => file.metadata().map_err(|error| in_words("The upload", error))?.len(),
            None => 0,
        };
        fs::remove_dir_all(&known.folder).map_err(|error| in_words("The upload", error))?;
        Ok(Dropped { bytes })
    }

    /// The folders of uploads that nobody goes on with.
    pub(crate) fn stale(&self) -> Vec<PathBuf> {
        let now = clock::now().0;
        let all = fs::read_dir(&self.folder).into_iter().flatten().filter_map(io::Result::ok);
        all.map(|row| row.path())
            .filter(|folder| touched(folder).is_some_and(|at| at.saturating_add(PATIENCE_MILLIS) <= now))
            .collect()
    }

    fn ids(&self) -> impl Iterator<Item = Uuid> {
        let all = fs::read_dir(&self.folder).into_iter().flatten().filter_map(io::Result::ok);
        all.filter_map(|row| row.file_name().to_str()?.parse().ok())
    }

    fn known(&self, user: UserId, id: Uuid) -> Result<Known> {
        let unknown = || {
            Error::not_found("upload", id).hint("It may have waited too long for its next piece; begin again")
        };
        let folder = self.folder.join(id.to_string());
        let bytes = match fs::read(folder.join(META)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(unknown()),
            result => result.map_err(|error| in_words("The upload", error))?,
        };
        let meta: Meta = serde_json::from_slice(&bytes)
            .map_err(|error| Error::internal(format!("The upload's description is damaged: {error}")))?;
        if meta.user == user { Ok(Known { id, folder, meta }) } else { Err(unknown()) }
    }

    fn free_bytes(&self) -> Result<u64> {
        let stat = statvfs(&self.folder).map_err(|error| in_words("The upload", error))?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }
}

impl Known {
    /// The data, for one at a time; `None` where the file is in its place already.
    fn lock(&self) -> Result<Option<File>> {
        let path = self.folder.join(DATA);
        let busy = || {
            Error::conflict("Another piece of this upload is on its way").hint("Wait for it, then try again")
        };
        let wrong = |error: io::Error| in_words("The upload", error);
        let flags = OFlags::NOFOLLOW.bits().cast_signed();
        let file = match File::options().read(true).write(true).custom_flags(flags).open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            result => result.map_err(wrong)?,
        };
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => return Err(busy()),
            Err(error) => return Err(wrong(error.into())),
        }
        // Whoever held it before may have put it in its place: then it is somebody's file.
        let held = file.metadata().map_err(wrong)?;
        match fs::symlink_metadata(&path) {
            Ok(there) if (there.dev(), there.ino()) == (held.dev(), held.ino()) => Ok(Some(file)),
            Ok(_) => Err(busy()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(wrong(error)),
        }
    }

    fn state(&self) -> Result<Upload> {
        let Meta { place, path, size_bytes, fingerprint, .. } = self.meta.clone();
        let data = match fs::symlink_metadata(self.folder.join(DATA)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            result => Some(result.map_err(|error| in_words("The upload", error))?),
        };
        let touched = touched(&self.folder).unwrap_or_else(|| clock::now().0);
        Ok(Upload {
            id: self.id,
            place,
            path,
            size_bytes,
            offset: data.as_ref().map_or(size_bytes, fs::Metadata::len),
            finished: data.is_none(),
            expires_at: UnixMillis(touched.saturating_add(PATIENCE_MILLIS)),
            fingerprint,
        })
    }

    /// Gives the whole file its name. Whoever calls holds the lock, or is the only one to know of it.
    fn put(&self, root: &Path) -> Result<()> {
        let path = CleanPath::parse_inside(&self.meta.path)?;
        let place = Place::open(root)?;
        let spot = place.spot(&path)?;
        let words = |error: io::Error| spot.words(error);
        let old = may_be_put(&spot, self.meta.replace)?;
        let data = self.folder.join(DATA);
        let file = File::options().read(true).write(true).open(&data).map_err(words)?;
        inherit_owner(&file, &spot.folder).map_err(|error| spot.words(error))?;
        let mode = old.as_ref().map_or(NEW_MODE, |stat| stat.st_mode & 0o777);
        file.set_permissions(Permissions::from_mode(mode)).map_err(words)?;
        file.sync_all().map_err(words)?;
        let from = File::open(&self.folder).map_err(words)?;
        let flags = if self.meta.replace { RenameFlags::empty() } else { RenameFlags::NOREPLACE };
        match renameat_with(from.as_fd(), DATA, &spot.folder, spot.name, flags) {
            Ok(()) => spot.sync()?,
            // The place is on another disk: a copy beside, then its name.
            Err(Errno::XDEV) => {
                let mut new = TempFile::new(&spot.folder).map_err(words)?;
                io::copy(&mut &file, &mut new).map_err(words)?;
                content::put(&spot, new, old.as_ref(), !self.meta.replace)?;
                fs::remove_file(&data).map_err(words)?;
            }
            Err(error) => return Err(spot.words(error)),
        }
        from.sync_all().map_err(words)
    }
}

/// Whether a file may come here; what is there already.
fn may_be_put(spot: &Spot<'_>, replace: bool) -> Result<Option<rustix::fs::Stat>> {
    let there = spot.try_stat()?;
    match &there {
        Some(_) if !replace => return Err(spot.words(Errno::EXIST)),
        // A link is refused rather than replaced: the writer meant what it points to.
        Some(stat) => regular(spot.path, stat)?,
        None => {}
    }
    Ok(there)
}

fn make(folder: &Path, meta: &Meta) -> io::Result<()> {
    fs::DirBuilder::new().mode(0o700).create(folder)?;
    let new = |name: &str| File::options().write(true).create_new(true).mode(0o600).open(folder.join(name));
    new(DATA)?.sync_all()?;
    // Last, under its own name: what has it is whole.
    let mut file = new("meta.new")?;
    file.write_all(&serde_json::to_vec(meta)?)?;
    file.sync_all()?;
    fs::rename(folder.join("meta.new"), folder.join(META))?;
    File::open(folder)?.sync_all()
}

/// When something last changed in the folder of an upload.
fn touched(folder: &Path) -> Option<i64> {
    let at = |path: &Path| {
        let stat = fs::symlink_metadata(path).ok()?;
        Some(stat.mtime().saturating_mul(1000).saturating_add(stat.mtime_nsec() / 1_000_000))
    };
    at(folder).max(at(&folder.join(DATA)))
}
