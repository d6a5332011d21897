//! Writes an archive: a tar inside a zstd frame, the manifest first, a signature behind.

use std::{
    fs::File,
    io::{self, BufWriter, Read, Seek as _, SeekFrom, Write},
    os::unix::{ffi::OsStrExt as _, fs::FileExt as _},
    path::Path,
};

use sha2::{Digest as _, Sha256};
use tar::{Builder, EntryType, Header};

use super::{
    gather::{Copy, Found, Gathered, What},
    key::DeviceKey,
    manifest::{Kind, MANIFEST, Manifest, Member, Name, Pieces},
    seal::{self, Hashing},
};

/// zstd's own default: fast, and little larger than higher levels make it.
const LEVEL: i32 = 3;
/// The name of the member that holds a long link's target.
const LONG_LINK: &[u8] = b"././@LongLink";

/// What the archive became.
#[derive(Debug)]
pub(super) struct Packed {
    pub(super) bytes: u64,
    pub(super) sha256: String,
}

/// A member that is in memory.
pub(super) struct Record {
    pub(super) path: &'static str,
    pub(super) bytes: Vec<u8>,
}

/// Writes the archive to `out` and puts it on disk. `manifest` is complete but for its members.
pub(super) fn pack(
    out: File,
    key: &DeviceKey,
    mut manifest: Manifest,
    records: &[Record],
    gathered: &Gathered,
) -> io::Result<Packed> {
    let taken = (manifest.taken_at.0.div_euclid(1000), 0);
    for record in records {
        let size = record.bytes.len() as u64;
        let sha256 = hex::encode(Sha256::digest(&record.bytes));
        let kind = Kind::File { size, sha256, pieces: None };
        manifest.members.push(Member { path: record.path.into(), kind, mode: 0o600, mtime: taken });
    }
    for found in &gathered.found {
        manifest.members.push(member(found, gathered)?);
    }
    let text = serde_json::to_vec(&manifest)?;

    let mut zstd = zstd::stream::write::Encoder::new(Hashing::new(BufWriter::new(out)), LEVEL)?;
    zstd.include_checksum(true)?;
    let mut tar = Builder::new(zstd);
    add(&mut tar, &MANIFEST.into(), EntryType::Regular, (0o600, taken), text.len() as u64, text.as_slice())?;
    let mut records = records.iter();
    let mut found = gathered.found.iter();
    for member in &manifest.members {
        let attributes = (member.mode, member.mtime);
        match (&member.kind, records.next()) {
            (_, Some(record)) => {
                let size = record.bytes.len() as u64;
                add(&mut tar, &member.path, EntryType::Regular, attributes, size, record.bytes.as_slice())?;
            }
            (kind, None) => {
                let found = found.next().ok_or(io::ErrorKind::InvalidData)?;
                put(&mut tar, member, kind, &found.what, gathered)?;
            }
        }
    }
    let mut sealed = tar.into_inner()?.finish()?;
    seal::close(&mut sealed, key)?;
    let (sha256, bytes) = sealed.so_far();
    sealed.into_inner().into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    Ok(Packed { bytes, sha256: hex::encode(sha256) })
}

/// The manifest's entry, with the hash of what was copied.
fn member(found: &Found, gathered: &Gathered) -> io::Result<Member> {
    let kind = match &found.what {
        What::Folder => Kind::Folder,
        What::Link { target } => Kind::Link { target: target.clone() },
        What::HardLink { target } => Kind::HardLink { target: target.clone() },
        What::File { size, pieces, copy } => {
            let mut hash = Sha256::new();
            io::copy(&mut reader(copy, *size, pieces.as_ref(), gathered)?, &mut HashOnly(&mut hash))?;
            Kind::File { size: *size, sha256: hex::encode(hash.finalize()), pieces: pieces.clone() }
        }
    };
    Ok(Member { path: found.path.clone(), kind, mode: found.mode, mtime: found.mtime })
}

fn put<W: Write>(
    tar: &mut Builder<W>,
    member: &Member,
    kind: &Kind,
    what: &What,
    gathered: &Gathered,
) -> io::Result<()> {
    let attributes = (member.mode, member.mtime);
    match (kind, what) {
        (Kind::File { size, pieces, .. }, What::File { copy, .. }) => {
            let data = reader(copy, *size, pieces.as_ref(), gathered)?;
            add(tar, &member.path, EntryType::Regular, attributes, *size, data)
        }
        (Kind::Folder, _) => add(tar, &member.path, EntryType::Directory, attributes, 0, io::empty()),
        (Kind::Link { target }, _) => link(tar, &member.path, EntryType::Symlink, attributes, target),
        (Kind::HardLink { target }, _) => link(tar, &member.path, EntryType::Link, attributes, target),
        (Kind::File { .. }, _) => Err(io::ErrorKind::InvalidData.into()),
    }
}

pub(super) fn add<W: Write>(
    tar: &mut Builder<W>,
    path: &Name,
    kind: EntryType,
    attributes: (u32, (i64, u32)),
    size: u64,
    data: impl Read,
) -> io::Result<()> {
    let mut header = header(kind, attributes);
    header.set_size(size);
    // Of what is shorter than its header says the next member would begin too early.
    let mut data = Counted { inner: data, left: size };
    tar.append_data(&mut header, as_path(path), &mut data)?;
    if data.left == 0 { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

/// A link. Its target goes into the archive as it is: an agent may have made a link to anything.
pub(super) fn link<W: Write>(
    tar: &mut Builder<W>,
    path: &Name,
    kind: EntryType,
    attributes: (u32, (i64, u32)),
    target: &Name,
) -> io::Result<()> {
    let mut header = header(kind, attributes);
    header.set_size(0);
    if header.set_link_name_literal(&target.0).is_err() {
        // Longer than its field: as GNU tar does it, in a member of its own before.
        let mut long = Header::new_gnu();
        if let Some(name) = long.as_old_mut().name.get_mut(..LONG_LINK.len()) {
            name.copy_from_slice(LONG_LINK);
        }
        long.set_entry_type(EntryType::GNULongLink);
        long.set_mode(0o644);
        long.set_size(target.0.len() as u64 + 1);
        long.set_cksum();
        tar.append(&long, target.0.as_slice().chain(b"\0".as_slice()))?;
    }
    tar.append_data(&mut header, as_path(path), io::empty())
}

fn header(kind: EntryType, (mode, mtime): (u32, (i64, u32))) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_mtime(u64::try_from(mtime.0).unwrap_or(0));
    header
}

fn as_path(name: &Name) -> &Path {
    Path::new(std::ffi::OsStr::from_bytes(&name.0))
}

/// The bytes of a file that was copied aside, without its holes.
fn reader<'a>(
    copy: &Copy,
    size: u64,
    pieces: Option<&Pieces>,
    gathered: &'a Gathered,
) -> io::Result<Box<dyn Read + 'a>> {
    Ok(match copy {
        Copy::Heap(offset) => Box::new(Stretch { file: &gathered.heap, at: *offset, end: offset + size }),
        Copy::Clone(path) => {
            let file = File::open(path)?;
            let data = pieces.map_or_else(|| vec![(0, size)], |pieces| pieces.data.clone());
            Box::new(Patches { file, data: data.into_iter(), left: 0 })
        }
    })
}

/// A part of the heap.
struct Stretch<'a> {
    file: &'a File,
    at: u64,
    end: u64,
}

impl Read for Stretch<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let want = usize::try_from(self.end - self.at).unwrap_or(usize::MAX).min(buffer.len());
        let count = self.file.read_at(buffer.get_mut(..want).unwrap_or_default(), self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}

/// The pieces of a clone, one after the other.
struct Patches {
    file: File,
    data: std::vec::IntoIter<(u64, u64)>,
    left: u64,
}

impl Read for Patches {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            let Some((offset, length)) = self.data.next() else { return Ok(0) };
            self.file.seek(SeekFrom::Start(offset))?;
            self.left = length;
        }
        let want = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let count = self.file.read(buffer.get_mut(..want).unwrap_or_default())?;
        self.left -= count as u64;
        Ok(count)
    }
}

struct Counted<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let want = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let count = self.inner.read(buffer.get_mut(..want).unwrap_or_default())?;
        self.left -= count as u64;
        Ok(count)
    }
}

struct HashOnly<'a>(&'a mut Sha256);

impl Write for HashOnly<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
