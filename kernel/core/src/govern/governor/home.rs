//! What a home holds, found piece by piece, so that a large one costs no more at a time than a small one.

use std::{
    ffi::{OsStr, OsString},
    os::{fd::OwnedFd, unix::ffi::OsStrExt as _},
    path::PathBuf,
};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags, Stat, open, openat2, statat};

/// What an entry costs at least: a million empty files are not nothing.
const ENTRY_BYTES: u64 = 512;

/// Names that are resolved at once: a path of as many of the longest names is one that Linux takes.
const NAMES_AT_ONCE: usize = 8;

/// Walks through a home again and again.
pub(crate) struct Walk {
    home: PathBuf,
    /// Folders that are still to be read, as names below the home.
    folders: Vec<Vec<OsString>>,
    /// The folder that is being read.
    current: Option<(OwnedFd, Dir, Vec<OsString>)>,
    bytes: u64,
    /// Of the last walk that came to its end.
    whole: Option<u64>,
}

impl Walk {
    pub(crate) fn new(home: PathBuf) -> Self {
        Self { home, folders: vec![Vec::new()], current: None, bytes: 0, whole: None }
    }

    /// The size of the last whole walk, or what this one has found already where that is more. `None` before the
    /// first walk came to its end.
    pub(crate) fn bytes(&self) -> Option<u64> {
        self.whole.map(|whole| whole.max(self.bytes))
    }

    /// At least so much, also before the first walk came to its end.
    pub(crate) fn at_least(&self) -> u64 {
        self.bytes().unwrap_or(self.bytes)
    }

    /// Goes on for at most `entries` entries; returns how many it looked at. Stops at the end of a walk.
    pub(crate) fn go_on(&mut self, entries: usize) -> usize {
        for looked_at in 0..entries {
            if self.current.is_none() && !self.next_folder() {
                return looked_at;
            }
            let Some((folder, dir, names)) = &mut self.current else { continue };
            let Some(Ok(entry)) = dir.read() else {
                self.current = None;
                continue;
            };
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            let Ok(found) = statat(&*folder, name, AtFlags::SYMLINK_NOFOLLOW) else { continue };
            self.bytes += cost(&found);
            if FileType::from_raw_mode(found.st_mode) == FileType::Directory {
                let mut below = names.clone();
                below.push(OsStr::from_bytes(name.to_bytes()).to_owned());
                self.folders.push(below);
            }
        }
        entries
    }

    /// Whether there is one. At the end the next walk begins.
    fn next_folder(&mut self) -> bool {
        let Some(names) = self.folders.pop() else {
            self.whole = Some(self.bytes);
            self.bytes = 0;
            self.folders.push(Vec::new());
            return false;
        };
        self.current = self.open(&names).and_then(|folder| {
            let dir = Dir::read_from(&folder).ok()?;
            Some((folder, dir, names))
        });
        true
    }

    /// Beneath the home and through no link, whatever the agent puts in the way meanwhile; however deep it is.
    fn open(&self, names: &[OsString]) -> Option<OwnedFd> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        let mut at = open(&self.home, flags, Mode::empty()).ok()?;
        for some in names.chunks(NAMES_AT_ONCE) {
            let path: PathBuf = some.iter().collect();
            at = openat2(&at, &path, flags, Mode::empty(), resolve).ok()?;
        }
        Some(at)
    }
}

/// What an entry takes on the disk. A file with several names is counted once, in parts.
#[allow(clippy::useless_conversion, reason = "the fields of `Stat` are of other types on other processors")]
fn cost(found: &Stat) -> u64 {
    let bytes = u64::try_from(found.st_blocks).unwrap_or(0) * 512;
    let names = if FileType::from_raw_mode(found.st_mode) == FileType::Directory {
        1
    } else {
        u64::try_from(found.st_nlink).unwrap_or(1).max(1)
    };
    (bytes / names).max(ENTRY_BYTES)
}
