//! An opened root, and the way to a path in it.

use std::{fs::File, io, os::fd::OwnedFd, path::Path};

use aether_protocol::{Error, Result};
use cap_std::{ambient_authority, fs::Dir};
use rustix::{
    fs::{
        AtFlags, FileType, Gid, Mode, OFlags, ResolveFlags, Stat, Uid, fchown, fstat, openat, openat2, statat,
    },
    io::Errno,
};

use super::{path::CleanPath, words::in_words};

/// A root.
#[derive(Debug)]
pub(super) struct Place {
    root: Dir,
}

/// A name in an opened folder. The name has no slash, so nothing but the last link could be followed by it,
/// and no operation here does that.
#[derive(Debug)]
pub(super) struct Spot<'a> {
    pub folder: Dir,
    pub name: &'a str,
    /// The whole path, for people.
    pub path: &'a str,
}

impl Place {
    pub fn open(root: &Path) -> Result<Self> {
        let root = Dir::open_ambient_dir(root, ambient_authority()).map_err(|error| in_words("", error))?;
        Ok(Self { root })
    }

    /// The same root once more.
    pub fn try_clone(&self) -> Result<Self> {
        Ok(Self { root: self.root.try_clone().map_err(|error| in_words("", error))? })
    }

    /// A folder, by a way that never leaves the root. Links on the way are followed as long as they stay in.
    pub fn folder(&self, path: &str) -> io::Result<Dir> {
        if path.is_empty() { self.root.try_clone() } else { self.root.open_dir(path) }
    }

    /// A folder by a way without any link: what the kernel itself keeps in a place is where it says.
    pub fn folder_without_links(&self, path: &str) -> rustix::io::Result<OwnedFd> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        openat2(&self.root, path, flags, Mode::empty(), resolve)
    }

    /// The folder that a path is in, and its name there. The folder must exist.
    pub fn spot<'a>(&self, path: &'a CleanPath) -> Result<Spot<'a>> {
        let (above, name) = path.split();
        let folder = self.folder(above).map_err(|error| {
            // Which of the two is missing is what a writer wants to know.
            let missing = error.kind() == io::ErrorKind::NotFound;
            let words = in_words(path.as_str(), error);
            if missing {
                Error { message: format!("There is no folder '{above}' for '{name}'"), ..words }
            } else {
                words
            }
        })?;
        Ok(Spot { folder, name, path: path.as_str() })
    }

    /// A regular file for reading, by a way that never leaves the root. Does not wait for anybody.
    pub fn open_file(&self, path: &CleanPath) -> Result<(File, Stat)> {
        use cap_std::fs::OpenOptionsExt as _;
        let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
        let mut options = cap_std::fs::OpenOptions::new();
        options.read(true).custom_flags(flags.bits().cast_signed());
        let words = |error: io::Error| in_words(path.as_str(), error);
        let file = self.root.open_with(path.as_str(), &options).map_err(words)?.into_std();
        let stat = fstat(&file).map_err(|error| words(error.into()))?;
        regular(path.as_str(), &stat)?;
        Ok((file, stat))
    }
}

impl Spot<'_> {
    /// A failure at this path, in words.
    pub fn words(&self, error: impl Into<io::Error>) -> Error {
        in_words(self.path, error)
    }

    /// What is there; a link is itself.
    pub fn stat(&self) -> Result<Stat> {
        statat(&self.folder, self.name, AtFlags::SYMLINK_NOFOLLOW).map_err(|error| self.words(error))
    }

    /// The same, where there may be nothing.
    pub fn try_stat(&self) -> Result<Option<Stat>> {
        match statat(&self.folder, self.name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(self.words(error)),
        }
    }

    /// Puts the names in the folder on disk.
    pub fn sync(&self) -> Result<()> {
        sync_folder(&self.folder).map_err(|error| self.words(error))
    }
}

/// Refuses everything but a regular file.
pub(super) fn regular(path: &str, stat: &Stat) -> Result<()> {
    match kind(stat) {
        FileType::RegularFile => Ok(()),
        FileType::Directory => Err(in_words(path, Errno::ISDIR)),
        FileType::Symlink => Err(in_words(path, Errno::LOOP)),
        _ => Err(in_words(path, Errno::NXIO)),
    }
}

pub(super) fn kind(stat: &Stat) -> FileType {
    FileType::from_raw_mode(stat.st_mode)
}

/// A folder in a folder, never through a link.
pub(super) fn open_folder(
    parent: impl rustix::fd::AsFd,
    name: &std::ffi::CStr,
) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(parent, name, flags, Mode::empty())
}

/// Puts a folder's names on disk. The descriptor may be one that only names the folder (`O_PATH`).
pub(super) fn sync_folder(folder: impl rustix::fd::AsFd) -> rustix::io::Result<()> {
    rustix::fs::fsync(open_folder(folder, c".")?)
}

/// Gives something new to whoever owns the folder that it is in: the kernel may be root, the home is an
/// agent's.
pub(super) fn inherit_owner(
    new: impl rustix::fd::AsFd,
    folder: impl rustix::fd::AsFd,
) -> rustix::io::Result<()> {
    let owner = fstat(folder)?;
    let now = fstat(&new)?;
    if (owner.st_uid, owner.st_gid) == (now.st_uid, now.st_gid) || !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    fchown(new, Some(Uid::from_raw(owner.st_uid)), Some(Gid::from_raw(owner.st_gid)))
}
