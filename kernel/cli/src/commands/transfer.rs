//! Files of any size, to and fro, a piece at a time. What was cut off goes on where it was: an upload is found again
//! by what the local file was, a download by what the file there is.

use std::{
    fs::{self, File},
    io::{self, IsTerminal as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::{FileExt as _, MetadataExt as _},
    path::{Path, PathBuf},
};

use aether_client::Client;
use aether_protocol::{
    Code, Error,
    files::{
        BeginUpload, DropUpload, Entry, EntryKind, GetUpload, ListUploads, Part, Place, Read, Stat, Upload,
    },
};
use rustix::fs::{FlockOperation, flock};

use super::files::{done, name_it};
use crate::{context::Context, failure::Outcome, resolve, shape};

/// What one request carries. Smaller files go in one.
const PIECE_BYTES: u64 = 8 << 20;
/// What one read brings.
const READ_BYTES: u64 = 4 << 20;
/// How often a piece is tried before the upload is left for another time.
const TRIES: u32 = 5;

/// How far something is, on a terminal.
struct Progress {
    total: u64,
    is_shown: bool,
}

impl Progress {
    fn new(cx: &Context, total: u64) -> Self {
        Self { total, is_shown: !cx.out.json && total > PIECE_BYTES && io::stderr().is_terminal() }
    }

    fn at(&self, done: u64) {
        if self.is_shown {
            let percent = done.saturating_mul(100) / self.total.max(1);
            eprint!("\r{percent:3} %  {} of {}   ", shape::bytes(done), shape::bytes(self.total));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.is_shown {
            eprintln!();
        }
    }
}

/// What is sent: an open file, its size, and what it is recognised by, where it can come back.
struct Source {
    file: File,
    size_bytes: u64,
    fingerprint: Option<String>,
}

impl Source {
    fn open(local: &str) -> io::Result<Self> {
        if local == "-" {
            // Of unknown length, so it is kept first.
            let mut file = tempfile::tempfile()?;
            let size_bytes = io::copy(&mut io::stdin().lock(), &mut file)?;
            return Ok(Self { file, size_bytes, fingerprint: None });
        }
        let file = File::open(local)?;
        if file.metadata()?.is_dir() {
            return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder"));
        }
        if !file.metadata()?.is_file() {
            let (mut from, mut file) = (file, tempfile::tempfile()?);
            let size_bytes = io::copy(&mut from, &mut file)?;
            return Ok(Self { file, size_bytes, fingerprint: None });
        }
        let mut source = Self { size_bytes: file.metadata()?.len(), file, fingerprint: None };
        source.fingerprint = Some(source.look()?);
        Ok(source)
    }

    fn look(&self) -> io::Result<String> {
        let now = self.file.metadata()?;
        Ok(format!("{}-{}-{}.{}-{}", now.dev(), now.ino(), now.mtime(), now.mtime_nsec(), now.len()))
    }

    /// Whether it is what it was at the beginning.
    fn is_same(&self) -> io::Result<bool> {
        Ok(match &self.fingerprint {
            Some(fingerprint) => self.look()? == *fingerprint,
            None => true,
        })
    }

    fn piece(&self, offset: u64) -> io::Result<Vec<u8>> {
        let length = (self.size_bytes - offset).min(PIECE_BYTES);
        let mut piece = vec![0; usize::try_from(length).unwrap_or(0)];
        self.file.read_exact_at(&mut piece, offset)?;
        Ok(piece)
    }
}

pub(super) async fn put(cx: &Context, client: &Client, local: &str, remote: &str, resume: bool) -> Outcome {
    let (place, mut path) = resolve::file(client, remote).await?;
    if remote.ends_with(['/', ':']) {
        let name = (local != "-").then(|| Path::new(local).file_name()).flatten();
        let name = name.and_then(std::ffi::OsStr::to_str).ok_or_else(|| {
            Error::invalid("The file has no name there")
                .hint("Write the whole path, with the name at its end")
        })?;
        path = if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") };
    }
    let source = Source::open(local).map_err(|error| name_it(local, &error))?;
    if source.size_bytes <= PIECE_BYTES {
        let bytes = source.piece(0).map_err(|error| name_it(local, &error))?;
        return done(cx, "Wrote", &client.upload(place, &path, bytes).await?);
    }
    let upload = match before(client, &source, place, &path).await? {
        Some(upload) if resume => upload,
        before => {
            if let Some(before) = before {
                client.call(DropUpload { upload: before.id }).await?;
            }
            let (size_bytes, fingerprint) = (source.size_bytes, source.fingerprint.clone());
            client
                .call(BeginUpload { place, path: path.clone(), size_bytes, replace: true, fingerprint })
                .await?
        }
    };
    send(cx, client, local, &source, upload).await?;
    done(cx, "Wrote", &client.call(Stat { place, path }).await?)
}

/// An attempt before with the same file, that was cut off.
async fn before(client: &Client, source: &Source, place: Place, path: &str) -> Result<Option<Upload>, Error> {
    if source.fingerprint.is_none() {
        return Ok(None);
    }
    let mut uploads = client.call(ListUploads {}).await?.items;
    uploads.retain(|upload| {
        !upload.finished
            && (upload.place, upload.path.as_str(), upload.size_bytes) == (place, path, source.size_bytes)
            && upload.fingerprint == source.fingerprint
    });
    Ok(uploads.pop())
}

async fn send(cx: &Context, client: &Client, local: &str, source: &Source, upload: Upload) -> Outcome {
    let progress = Progress::new(cx, source.size_bytes);
    let (id, mut offset, mut failures) = (upload.id, upload.offset, 0);
    loop {
        progress.at(offset);
        if !source.is_same().map_err(|error| name_it(local, &error))? {
            client.call(DropUpload { upload: id }).await?;
            return Err(Error::conflict(format!("{local} was changed while it was sent"))
                .hint("Try again when it stays as it is")
                .into());
        }
        let piece = source.piece(offset).map_err(|error| name_it(local, &error))?;
        let end = offset + piece.len() as u64;
        match client.upload_piece(id, offset, piece).await {
            Ok(()) => (offset, failures) = (end, 0),
            // Lost on the way, or an earlier attempt is still arriving: what stands there counts.
            Err(error)
                if failures < TRIES
                    && matches!(error.code, Code::Unavailable | Code::Interrupted | Code::Conflict) =>
            {
                failures += 1;
                let stands = client.call(GetUpload { upload: id }).await?;
                if stands.finished {
                    return Ok(());
                }
                // What is refused for what it is would be refused again.
                if error.code == Code::Conflict && stands.offset == offset {
                    return Err(error.into());
                }
                offset = stands.offset;
                continue;
            }
            Err(error) => {
                let again = "The same command goes on where this one stopped";
                let hint =
                    error.hint.as_ref().map_or_else(|| again.to_owned(), |hint| format!("{hint}. {again}"));
                return Err(error.hint(hint).into());
            }
        }
        if offset >= source.size_bytes {
            progress.at(offset);
            return Ok(());
        }
    }
}

/// Writes a file to stdout, piece by piece.
pub(super) async fn print(client: &Client, place: Place, path: &str) -> Outcome {
    let entry = file_at(client, place, path).await?;
    let mut offset = 0;
    while offset < entry.size_bytes {
        let part = part_of(client, place, &entry, offset).await?;
        offset += part.data.0.len() as u64;
        let mut out = io::stdout().lock();
        out.write_all(&part.data.0).and_then(|()| out.flush())?;
    }
    Ok(())
}

async fn file_at(client: &Client, place: Place, path: &str) -> Result<Entry, Error> {
    let mut entry = client.call(Stat { place, path: path.to_owned() }).await?;
    match entry.kind {
        EntryKind::Folder => Err(Error::conflict(format!("'{path}' is a folder")).hint("Name a file")),
        // Only the read knows what a link points to.
        EntryKind::Link => {
            let read = Read { place, path: path.to_owned(), offset: 0, length: Some(0) };
            let part = client.call(read).await?;
            (entry.size_bytes, entry.modified_at) = (part.size_bytes, part.modified_at);
            Ok(entry)
        }
        EntryKind::File | EntryKind::Special => Ok(entry),
    }
}

/// The next part of the same version of a file.
async fn part_of(client: &Client, place: Place, entry: &Entry, offset: u64) -> Result<Part, Error> {
    let read = Read { place, path: entry.path.clone(), offset, length: Some(READ_BYTES) };
    let part = client.call(read).await?;
    let is_same = (part.size_bytes, part.modified_at) == (entry.size_bytes, entry.modified_at);
    if is_same && !part.data.0.is_empty() {
        return Ok(part);
    }
    Err(Error::conflict(format!("'{}' was changed while it was read", entry.path)).hint("Try again"))
}

pub(super) async fn get(
    cx: &Context,
    client: &Client,
    remote: &str,
    local: Option<String>,
    force: bool,
    resume: bool,
) -> Outcome {
    let (place, path) = resolve::file(client, remote).await?;
    let name = path.rsplit('/').next().unwrap_or_default();
    let target = match local.as_deref() {
        Some("-") if cx.out.json || cx.out.is_terminal => {
            return super::files::print(cx, &client.download(place, &path).await?);
        }
        Some("-") => return print(client, place, &path).await,
        Some(local) if local.ends_with('/') || Path::new(local).is_dir() => Path::new(local).join(name),
        Some(local) => PathBuf::from(local),
        None => PathBuf::from(name),
    };
    if !force && target.symlink_metadata().is_ok() {
        return Err(Error::conflict(format!("{} exists already", target.display()))
            .hint("Pass --force to replace it")
            .into());
    }
    let entry = file_at(client, place, &path).await?;
    let shown = target.display().to_string();
    let wrong = |error: io::Error| name_it(&shown, &error);
    // Its name says of which version it is a part.
    let mut name = std::ffi::OsString::from(".");
    name.push(target.file_name().unwrap_or_default());
    name.push(format!(".{:x}-{:x}.part", entry.modified_at.0, entry.size_bytes));
    let part_path = target.with_file_name(name);
    let mut file =
        File::options().create(true).truncate(false).write(true).open(&part_path).map_err(wrong)?;
    if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        return Err(Error::conflict(format!("{shown} is being fetched already")).hint("Wait for it").into());
    }
    let there = file.metadata().map_err(wrong)?.len();
    let mut offset = if resume && there <= entry.size_bytes { there } else { 0 };
    file.set_len(offset).and_then(|()| file.seek(SeekFrom::Start(offset)).map(drop)).map_err(wrong)?;
    let progress = Progress::new(cx, entry.size_bytes);
    while offset < entry.size_bytes {
        progress.at(offset);
        let part = match part_of(client, place, &entry, offset).await {
            Ok(part) => part,
            Err(error) => {
                // Of a version that is no more, or nothing at all: it helps nobody.
                if offset == 0 || error.code == Code::Conflict {
                    let _ = fs::remove_file(&part_path);
                }
                return Err(error.into());
            }
        };
        file.write_all(&part.data.0).map_err(wrong)?;
        offset += part.data.0.len() as u64;
    }
    progress.at(offset);
    drop(progress);
    file.sync_all().and_then(|()| fs::rename(&part_path, &target)).map_err(wrong)?;
    done(cx, "Wrote", &Entry { path: shown, kind: EntryKind::File, ..entry })
}
