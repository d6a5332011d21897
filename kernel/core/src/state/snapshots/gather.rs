//! Copies a home aside while nothing changes it: as fast as the file system can, nothing is compressed or hashed.

use std::{
    collections::HashMap,
    ffi::{CStr, CString},
    fs::File,
    io,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::fs::FileExt as _,
    },
    path::{Path, PathBuf},
};

use aether_protocol::{Error, Result, snapshot::LeftOut};
use rustix::{
    fs::{
        AtFlags, Dir, FileType, Mode, OFlags, SeekFrom, Stat, fstat, ioctl_ficlone, openat, readlinkat, seek,
        statat,
    },
    io::Errno,
};

use super::{
    Bounds,
    manifest::{HOME, KEPT_MODE, MAX_DEPTH, Name, Pieces},
};

/// Files from this size on are cloned where the file system can; smaller ones are copied faster.
const CLONE_FROM_BYTES: u64 = 64 * 1024;
/// A file with more pieces than this is kept as if it had no holes.
const MAX_PIECES: usize = 10_000;
/// What was left out is told up to here.
const LEFT_OUT_TOLD: usize = 100;

/// A home, copied aside.
#[derive(Debug)]
pub(super) struct Gathered {
    /// Folders before what is in them, the home itself first.
    pub(super) found: Vec<Found>,
    pub(super) left_out: Vec<LeftOut>,
    pub(super) left_out_count: u64,
    /// What all files hold, without holes.
    pub(super) bytes: u64,
    /// The files that were copied, one after the other.
    pub(super) heap: File,
}

/// Something in the home.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) path: Name,
    pub(super) what: What,
    pub(super) mode: u32,
    pub(super) mtime: (i64, u32),
}

/// What it is.
#[derive(Debug)]
pub(super) enum What {
    Folder,
    File { size: u64, pieces: Option<Pieces>, copy: Copy },
    Link { target: Name },
    HardLink { target: Name },
}

/// Where a file's bytes lie now.
#[derive(Debug)]
pub(super) enum Copy {
    /// In the heap, from here on, without holes.
    Heap(u64),
    /// In a file of its own, which shares its blocks with the original.
    Clone(PathBuf),
}

/// Copies the home to files in `aside`, a folder that only the kernel uses. Links are not followed.
pub(super) fn gather(home: &Path, aside: &Path, bounds: &Bounds) -> Result<Gathered> {
    let failed = |error: io::Error| in_words("the home", &error);
    let root = File::open(home).map_err(failed)?;
    let heap =
        File::options().read(true).write(true).create_new(true).open(aside.join("heap")).map_err(failed)?;
    let stat = fstat(&root).map_err(|error| failed(error.into()))?;
    let mut walk = Walk {
        aside,
        bounds,
        clones: Clones::Untried,
        inodes: HashMap::new(),
        gathered: Gathered { found: Vec::new(), left_out: Vec::new(), left_out_count: 0, bytes: 0, heap },
        heap_end: 0,
    };
    walk.add(HOME.into(), &stat, What::Folder)?;
    walk.folder(root.as_fd(), HOME.as_bytes(), 1)?;
    Ok(walk.gathered)
}

/// Whether the file system can share blocks between files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Clones {
    Untried,
    Work,
    Fail,
}

struct Walk<'a> {
    aside: &'a Path,
    bounds: &'a Bounds,
    clones: Clones,
    /// Files with several names: the first name of each.
    inodes: HashMap<(u64, u64), Name>,
    gathered: Gathered,
    heap_end: u64,
}

impl Walk<'_> {
    fn folder(&mut self, folder: BorrowedFd<'_>, path: &[u8], depth: usize) -> Result<()> {
        let shown = String::from_utf8_lossy(path).into_owned();
        let mut names = names(folder).map_err(|error| in_words(&shown, &error.into()))?;
        names.sort();
        for name in names {
            let path = Name([path, b"/", name.to_bytes()].concat());
            match self.entry(folder, &name, path.clone(), depth) {
                // Gone: somebody removed it through the kernel.
                Ok(()) | Err(Failed::Host(Errno::NOENT)) => {}
                Err(Failed::Host(Errno::ACCESS | Errno::PERM)) => self.leave_out(&path, "it may not be read"),
                Err(Failed::Host(error)) => return Err(in_words(&path.to_string(), &error.into())),
                Err(Failed::Refused(error)) => return Err(error),
            }
        }
        Ok(())
    }

    fn entry(&mut self, folder: BorrowedFd<'_>, name: &CStr, path: Name, depth: usize) -> Result<(), Failed> {
        let stat = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => {
                if depth >= MAX_DEPTH {
                    self.leave_out(&path, &format!("it is more than {MAX_DEPTH} folders deep"));
                    return Ok(());
                }
                let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                let inside = openat(folder, name, flags, Mode::empty())?;
                self.add(path.clone(), &fstat(&inside)?, What::Folder)?;
                Ok(self.folder(inside.as_fd(), &path.0, depth + 1)?)
            }
            FileType::RegularFile => self.file(folder, name, path),
            FileType::Symlink => {
                let target = Name(readlinkat(folder, name, Vec::new())?.into_bytes());
                Ok(self.add(path, &stat, What::Link { target })?)
            }
            other => {
                let what = match other {
                    FileType::Socket => "it is a socket",
                    FileType::Fifo => "it is a pipe",
                    _ => "it is a device",
                };
                self.leave_out(&path, what);
                Ok(())
            }
        }
    }

    fn file(&mut self, folder: BorrowedFd<'_>, name: &CStr, path: Name) -> Result<(), Failed> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = openat(folder, name, flags, Mode::empty())?;
        let stat = fstat(&file)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            self.leave_out(&path, "it is no file any more");
            return Ok(());
        }
        if stat.st_nlink > 1 {
            let inode = (stat.st_dev, stat.st_ino);
            if let Some(first) = self.inodes.get(&inode) {
                let target = first.clone();
                return Ok(self.add(path, &stat, What::HardLink { target })?);
            }
            self.inodes.insert(inode, path.clone());
        }
        let length = u64::try_from(stat.st_size).unwrap_or(0);
        let data = pieces(&file, length)?;
        let size = data.iter().map(|(_, length)| length).sum();
        self.gathered.bytes = self.gathered.bytes.saturating_add(size);
        if self.gathered.bytes > self.bounds.max_bytes {
            return Err(Failed::Refused(self.bounds.too_large()));
        }
        let is_whole = matches!(data.as_slice(), [(0, all)] if *all == length) || length == 0;
        let copy = match self.clone_of(&file, size)? {
            Some(clone) => Copy::Clone(clone),
            None => Copy::Heap(self.copy(&file, &data)?),
        };
        let pieces = (!is_whole).then_some(Pieces { length, data });
        Ok(self.add(path, &stat, What::File { size, pieces, copy })?)
    }

    /// A file that shares its blocks with this one, where the file system can do that.
    fn clone_of(&mut self, file: &OwnedFd, size: u64) -> Result<Option<PathBuf>, Failed> {
        if size < CLONE_FROM_BYTES || self.clones == Clones::Fail {
            return Ok(None);
        }
        let path = self.aside.join(format!("clone-{}", self.gathered.found.len()));
        let clone = File::options().write(true).create_new(true).open(&path).map_err(Failed::from)?;
        if ioctl_ficlone(&clone, file).is_ok() {
            self.clones = Clones::Work;
            return Ok(Some(path));
        }
        if self.clones == Clones::Untried {
            self.clones = Clones::Fail;
        }
        std::fs::remove_file(&path).map_err(Failed::from)?;
        Ok(None)
    }

    /// Copies the pieces to the end of the heap; where they begin there.
    fn copy(&mut self, file: &OwnedFd, data: &[(u64, u64)]) -> Result<u64, Failed> {
        let start = self.heap_end;
        for (offset, length) in data {
            copy_range(file, *offset, &self.gathered.heap, self.heap_end, *length)?;
            self.heap_end += length;
        }
        Ok(start)
    }

    fn add(&mut self, path: Name, stat: &Stat, what: What) -> Result<()> {
        if self.gathered.found.len() as u64 >= self.bounds.max_entries {
            return Err(self.bounds.too_many());
        }
        let mode = stat.st_mode & KEPT_MODE;
        let nanos = u32::try_from(stat.st_mtime_nsec).unwrap_or(0);
        self.gathered.found.push(Found { path, what, mode, mtime: (stat.st_mtime, nanos) });
        Ok(())
    }

    fn leave_out(&mut self, path: &Name, reason: &str) {
        self.gathered.left_out_count += 1;
        if self.gathered.left_out.len() < LEFT_OUT_TOLD {
            let path = path.to_string();
            let path = path.strip_prefix("home/").unwrap_or(&path).to_owned();
            self.gathered.left_out.push(LeftOut { path, reason: reason.to_owned() });
        }
    }
}

/// Why an entry was not taken.
enum Failed {
    /// The host's answer, which may concern this entry alone.
    Host(Errno),
    /// It concerns the whole.
    Refused(Error),
}

impl From<Errno> for Failed {
    fn from(error: Errno) -> Self {
        Self::Host(error)
    }
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Self {
        Errno::from_io_error(&error).map_or_else(|| Self::Refused(in_words("the copy", &error)), Self::Host)
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

fn names(folder: BorrowedFd<'_>) -> rustix::io::Result<Vec<CString>> {
    let mut names = Vec::new();
    for row in Dir::read_from(folder)? {
        let name = row?.file_name().to_owned();
        if !matches!(name.to_bytes(), b"." | b"..") {
            names.push(name);
        }
    }
    Ok(names)
}

/// Where a file has data. One piece for all of it where the file system does not tell.
fn pieces(file: &OwnedFd, length: u64) -> rustix::io::Result<Vec<(u64, u64)>> {
    let whole = if length == 0 { Vec::new() } else { vec![(0, length)] };
    let (mut pieces, mut at) = (Vec::new(), 0);
    while at < length {
        let start = match seek(file, SeekFrom::Data(at)) {
            Ok(start) => start,
            Err(Errno::NXIO) => break,
            Err(Errno::INVAL) => return Ok(whole),
            Err(error) => return Err(error),
        };
        let end = seek(file, SeekFrom::Hole(start))?.min(length);
        if start >= end {
            break;
        }
        pieces.push((start, end - start));
        if pieces.len() > MAX_PIECES {
            return Ok(whole);
        }
        at = end;
    }
    Ok(pieces)
}

fn copy_range(
    from: &OwnedFd,
    mut offset: u64,
    to: &File,
    mut target: u64,
    length: u64,
) -> Result<(), Failed> {
    let end = offset + length;
    while offset < end {
        let want = usize::try_from(end - offset).unwrap_or(usize::MAX);
        match rustix::fs::copy_file_range(from, Some(&mut offset), to, Some(&mut target), want) {
            // It is shorter than it was: somebody cut it through the kernel. What is not there is zero.
            Ok(0) => return to.set_len(target + (end - offset)).map_err(Failed::from),
            Ok(_) | Err(Errno::INTR) => {}
            Err(Errno::XDEV | Errno::NOSYS | Errno::INVAL | Errno::OPNOTSUPP | Errno::PERM) => {
                return copy_by_hand(from, offset, to, target, end - offset);
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn copy_by_hand(
    from: &OwnedFd,
    mut offset: u64,
    to: &File,
    mut target: u64,
    length: u64,
) -> Result<(), Failed> {
    let end = offset + length;
    let mut buffer = vec![0; 256 * 1024];
    while offset < end {
        let want = usize::try_from(end - offset).unwrap_or(usize::MAX).min(buffer.len());
        let piece = buffer.get_mut(..want).unwrap_or_default();
        let got = rustix::io::pread(from, &mut *piece, offset)?;
        if got == 0 {
            return to.set_len(target + (end - offset)).map_err(Failed::from);
        }
        to.write_all_at(piece.get(..got).unwrap_or_default(), target)?;
        offset += got as u64;
        target += got as u64;
    }
    Ok(())
}

/// A failure of the host while the home was copied.
pub(super) fn in_words(what: &str, error: &io::Error) -> Error {
    if error.kind() == io::ErrorKind::StorageFull {
        return Error::new(aether_protocol::Code::Exhausted, "The disk is full")
            .hint("Free some space, then try again");
    }
    Error::internal(format!("The snapshot failed at {what}: {error}"))
}
