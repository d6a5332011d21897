//! Makes a home from an archive's members, in a fresh folder that nobody else uses.
//!
//! *Invariant:* nothing is made outside that folder. Each member's folder is opened name by name from the root,
//! never through a link; each member is made and never replaces anything.

use std::{
    ffi::CString,
    fs::File,
    io::{self, Read, Seek as _, SeekFrom},
    os::fd::{AsFd, OwnedFd},
    path::Path,
};

use aether_protocol::Result;
use rustix::{
    fs::{
        AtFlags, Mode, OFlags, Timespec, Timestamps, fchmod, futimens, linkat, mkdirat, openat, symlinkat,
        utimensat,
    },
    io::Errno,
};

use super::{
    damaged,
    gather::in_words,
    manifest::{KEPT_MODE, Kind, Member, Name, Pieces},
    read::Sink,
};

/// A home in the making.
pub(super) struct Unpack {
    root: File,
    /// Folders get their permissions and times when nothing is made in them any more.
    folders: Vec<(Name, u32, (i64, u32))>,
    /// The folder that was opened last.
    last: Option<(Vec<u8>, OwnedFd)>,
}

impl Unpack {
    /// Into `folder`, which is made and must not be there.
    pub(super) fn into(folder: &Path) -> io::Result<Self> {
        use std::os::unix::fs::DirBuilderExt as _;
        std::fs::DirBuilder::new().mode(0o700).create(folder)?;
        Ok(Self { root: File::open(folder)?, folders: Vec::new(), last: None })
    }

    /// Finishes the folders and puts everything on disk.
    pub(super) fn finish(mut self) -> Result<()> {
        self.last = None;
        for (path, mode, mtime) in std::mem::take(&mut self.folders).into_iter().rev() {
            let finished = self.open(&path.0).and_then(|folder| {
                fchmod(&folder, Mode::from_raw_mode(mode))?;
                futimens(&folder, &times(mtime))
            });
            finished.map_err(|error| failed(&path, error))?;
        }
        rustix::fs::syncfs(&self.root).map_err(|error| in_words("the disk", &error.into()))
    }

    /// A folder by its path below the root. No link is followed.
    fn open(&self, path: &[u8]) -> rustix::io::Result<OwnedFd> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut folder = rustix::io::fcntl_dupfd_cloexec(&self.root, 3)?;
        for name in path.split(|byte| *byte == b'/').filter(|name| !name.is_empty()) {
            folder = openat(&folder, name, flags, Mode::empty())?;
        }
        Ok(folder)
    }

    /// The folder that a path is in, and its name there.
    fn parent<'a>(&mut self, path: &'a [u8]) -> rustix::io::Result<(&OwnedFd, &'a [u8])> {
        let at = path.iter().rposition(|byte| *byte == b'/');
        let (folder, name) = match at {
            Some(at) => path.split_at_checked(at).unwrap_or((b"", path)),
            None => (b"".as_slice(), path),
        };
        let name = name.strip_prefix(b"/").unwrap_or(name);
        if self.last.as_ref().is_none_or(|(known, _)| known != folder) {
            self.last = Some((folder.to_vec(), self.open(folder)?));
        }
        match &self.last {
            Some((_, opened)) => Ok((opened, name)),
            None => Err(Errno::NOENT),
        }
    }

    fn make(&mut self, path: &[u8], member: &Member, data: &mut dyn Read) -> Result<(), Failed> {
        match &member.kind {
            Kind::Folder => {
                let (parent, name) = self.parent(path)?;
                mkdirat(parent, name, Mode::from_raw_mode(0o700))?;
                self.folders.push((Name(path.to_vec()), member.mode & KEPT_MODE, member.mtime));
            }
            Kind::Link { target } => {
                let (parent, name) = self.parent(path)?;
                symlinkat(CString::new(target.0.clone()).map_err(|_| Errno::INVAL)?, parent, name)?;
                utimensat(parent, name, &times(member.mtime), AtFlags::SYMLINK_NOFOLLOW)?;
            }
            Kind::HardLink { target } => {
                let target = target.0.strip_prefix(b"home/").ok_or(Errno::INVAL)?;
                let (from, first) = self.parent(target)?;
                let from = from.try_clone().map_err(Failed::Write)?;
                let (parent, name) = self.parent(path)?;
                linkat(&from, first, parent, name, AtFlags::empty())?;
            }
            Kind::File { pieces, .. } => {
                let flags =
                    OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                let (parent, name) = self.parent(path)?;
                let file = openat(parent, name, flags, Mode::from_raw_mode(0o600))?;
                let mut file = File::from(file);
                write(&mut file, pieces.as_ref(), data)?;
                fchmod(&file, Mode::from_raw_mode(member.mode & KEPT_MODE))?;
                futimens(file.as_fd(), &times(member.mtime))?;
            }
        }
        Ok(())
    }
}

impl Sink for Unpack {
    fn take(&mut self, member: &Member, data: &mut dyn Read) -> Result<()> {
        // The home itself is there: it is the root.
        let Some(path) = member.in_home() else { return Ok(()) };
        self.make(path, member, data).map_err(|error| match error {
            Failed::Host(error) => failed(&member.path, error),
            Failed::Read(error) => damaged(&format!("it cannot be taken apart: {error}")),
            Failed::Write(error) => in_words(&member.path.to_string(), &error),
        })
    }
}

/// Why a member was not made.
enum Failed {
    Host(Errno),
    Read(io::Error),
    Write(io::Error),
}

impl From<Errno> for Failed {
    fn from(error: Errno) -> Self {
        Self::Host(error)
    }
}

/// Writes the bytes to where they belong; what is between them stays a hole.
fn write(file: &mut File, pieces: Option<&Pieces>, data: &mut dyn Read) -> Result<(), Failed> {
    let Some(pieces) = pieces else { return copy(file, data) };
    for (offset, length) in &pieces.data {
        file.seek(SeekFrom::Start(*offset)).map_err(Failed::Write)?;
        copy(file, &mut (&mut *data).take(*length))?;
    }
    file.set_len(pieces.length).map_err(Failed::Write)
}

fn copy(file: &mut File, data: &mut dyn Read) -> Result<(), Failed> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = data.read(&mut buffer).map_err(Failed::Read)?;
        if count == 0 {
            return Ok(());
        }
        io::Write::write_all(file, buffer.get(..count).unwrap_or_default()).map_err(Failed::Write)?;
    }
}

fn times(mtime: (i64, u32)) -> Timestamps {
    let at = Timespec { tv_sec: mtime.0, tv_nsec: mtime.1.into() };
    Timestamps { last_access: at, last_modification: at }
}

fn failed(path: &Name, error: Errno) -> aether_protocol::Error {
    in_words(&path.to_string(), &error.into())
}
