//! Whole trees, walked by directory descriptors: nothing that is swapped on the way leads elsewhere.

use std::{
    ffi::{CStr, CString},
    fs::File,
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::Path,
};

use aether_protocol::{Error, Result, files::Gone};
use rustix::{
    fs::{
        AtFlags, Dir, FileType, Mode, OFlags, Stat, fchmod, fstat, fsync, mkdirat, openat, readlinkat,
        statat, symlinkat, unlinkat,
    },
    io::Errno,
};

use super::{
    place::{inherit_owner, kind, open_folder, regular},
    words::in_words,
};

/// How many folders deep a tree may be. Each level holds two descriptors open while it is copied.
const MAX_DEPTH: usize = 128;

/// What a walk has seen.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub entries: u64,
    pub bytes: u64,
}

/// The names in a folder.
pub(super) fn names(folder: impl AsFd) -> rustix::io::Result<Vec<CString>> {
    let mut names = Vec::new();
    for row in Dir::read_from(folder)? {
        let name = row?.file_name().to_owned();
        if !matches!(name.to_bytes(), b"." | b"..") {
            names.push(name);
        }
    }
    Ok(names)
}

/// Removes a name and all below it. Links are removed, never followed.
pub(super) fn remove(path: &str, parent: BorrowedFd<'_>, name: &CStr) -> Result<Tally> {
    let mut tally = Tally::default();
    remove_at(path, parent, name, 0, &mut tally)?;
    Ok(tally)
}

fn remove_at(path: &str, parent: BorrowedFd<'_>, name: &CStr, depth: usize, tally: &mut Tally) -> Result<()> {
    let words = |error: Errno| in_words(path, error);
    let stat = match statat(parent, name, AtFlags::SYMLINK_NOFOLLOW) {
        // Another one was faster; at the top that is for the caller to know.
        Err(Errno::NOENT) if depth > 0 => return Ok(()),
        result => result.map_err(words)?,
    };
    if kind(&stat) == FileType::Directory {
        too_deep(path, depth)?;
        let folder = open_folder(parent, name).map_err(words)?;
        empty_folder(path, folder.as_fd(), depth, tally)?;
        unlinkat(parent, name, AtFlags::REMOVEDIR).map_err(words)?;
    } else {
        unlinkat(parent, name, AtFlags::empty()).map_err(words)?;
        if kind(&stat) == FileType::RegularFile {
            tally.bytes += u64::try_from(stat.st_size).unwrap_or(0);
        }
    }
    tally.entries += 1;
    Ok(())
}

fn empty_folder(path: &str, folder: BorrowedFd<'_>, depth: usize, tally: &mut Tally) -> Result<()> {
    for name in names(folder).map_err(|error| in_words(path, error))? {
        remove_at(path, folder, &name, depth + 1, tally)?;
    }
    Ok(())
}

/// Removes a root with all that is in it, and puts that on disk. Returns its bytes.
pub(super) fn remove_root(root: &Path) -> Result<u64> {
    let wrong = |error: io::Error| in_words(&root.to_string_lossy(), error);
    let (Some(parent), Some(name)) = (root.parent(), root.file_name()) else {
        return Err(Error::internal("A home without a folder above it cannot be removed"));
    };
    let name = CString::new(name.as_encoded_bytes()).map_err(|error| wrong(error.into()))?;
    let parent = match File::open(parent) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        result => result.map_err(wrong)?,
    };
    if matches!(statat(&parent, name.as_c_str(), AtFlags::SYMLINK_NOFOLLOW), Err(Errno::NOENT)) {
        return Ok(0);
    }
    let tally = remove(&root.to_string_lossy(), parent.as_fd(), &name)?;
    parent.sync_all().map_err(wrong)?;
    Ok(tally.bytes)
}

impl From<Tally> for Gone {
    fn from(tally: Tally) -> Self {
        Self { entries: tally.entries }
    }
}

/// Copies a name and all below it to a new name. Files get new inodes, links stay links. Everything is on
/// disk when it returns, but for the new name itself.
pub(super) fn copy(path: &str, from: (BorrowedFd<'_>, &CStr), to: (BorrowedFd<'_>, &CStr)) -> Result<()> {
    copy_at(path, from, to, None, 0)
}

/// `made` is the copy's own top: a tree that is copied into itself would never end.
fn copy_at(
    path: &str,
    (from, name): (BorrowedFd<'_>, &CStr),
    (to, new_name): (BorrowedFd<'_>, &CStr),
    made: Option<(u64, u64)>,
    depth: usize,
) -> Result<()> {
    let words = |error: Errno| in_words(path, error);
    let stat = statat(from, name, AtFlags::SYMLINK_NOFOLLOW).map_err(words)?;
    match kind(&stat) {
        FileType::Directory if made == Some(identity(&stat)) => Err(into_itself()),
        FileType::Directory => {
            too_deep(path, depth)?;
            let source = open_folder(from, name).map_err(words)?;
            mkdirat(to, new_name, Mode::from_raw_mode(0o700)).map_err(words)?;
            let target = open_folder(to, new_name).map_err(words)?;
            let made = match made {
                Some(made) => made,
                None => identity(&fstat(&target).map_err(words)?),
            };
            for name in names(&source).map_err(words)? {
                copy_at(path, (source.as_fd(), &name), (target.as_fd(), &name), Some(made), depth + 1)?;
            }
            finish(&target, to, &fstat(&source).map_err(words)?).map_err(words)
        }
        FileType::Symlink => {
            let aim = readlinkat(from, name, Vec::new()).map_err(words)?;
            symlinkat(aim, to, new_name).map_err(words)
        }
        FileType::RegularFile => {
            let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
            let source = openat(from, name, flags | OFlags::RDONLY, Mode::empty()).map_err(words)?;
            let stat = fstat(&source).map_err(words)?;
            regular(path, &stat)?;
            let new = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
            let target = openat(to, new_name, flags | new, Mode::from_raw_mode(0o600)).map_err(words)?;
            let (mut source, mut target) = (File::from(source), File::from(target));
            io::copy(&mut source, &mut target).map_err(|error| in_words(path, error))?;
            finish(&target.into(), to, &stat).map_err(words)
        }
        _ => Err(in_words(path, Errno::NXIO)),
    }
}

/// Owner, permissions, disk.
fn finish(new: &OwnedFd, folder: BorrowedFd<'_>, like: &Stat) -> rustix::io::Result<()> {
    inherit_owner(new, folder)?;
    fchmod(new, Mode::from_raw_mode(like.st_mode & 0o777))?;
    fsync(new)
}

fn identity(stat: &Stat) -> (u64, u64) {
    (stat.st_dev, stat.st_ino)
}

pub(super) fn into_itself() -> Error {
    Error::invalid("A folder cannot be put into itself").hint("Choose a place outside of it")
}

fn too_deep(path: &str, depth: usize) -> Result<()> {
    if depth >= MAX_DEPTH {
        return Err(Error::new(
            aether_protocol::Code::TooLarge,
            format!("'{path}' is more than {MAX_DEPTH} folders deep"),
        )
        .hint("Begin with a folder further down"));
    }
    Ok(())
}
