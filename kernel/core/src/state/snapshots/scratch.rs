//! Folders of work in progress. What is left in them when the kernel starts is thrown away.

use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use uuid::Uuid;

/// In the folder of scratch: the archive that is made there.
pub(super) const ARCHIVE: &str = "archive";

/// Where archives are made.
pub(crate) fn of_archives(state_dir: &Path) -> PathBuf {
    state_dir.join("snapshots/.scratch")
}

/// Where homes are made: on the file system of the homes, so that they can be moved.
pub(crate) fn of_homes(state_dir: &Path) -> PathBuf {
    state_dir.join("homes/.scratch")
}

/// All of them.
pub(crate) fn folders(state_dir: &Path) -> [PathBuf; 2] {
    [of_archives(state_dir), of_homes(state_dir)]
}

/// Makes the folder where it is not there, and throws away what is in it.
pub(super) fn empty(folder: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let gone = if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())
        } else {
            fs::remove_file(entry.path())
        };
        if let Err(error) = gone {
            // It takes room and does no harm.
            tracing::warn!(path = %entry.path().display(), %error, "scratch could not be thrown away");
        }
    }
    Ok(())
}

/// A folder of its own for one piece of work. Thrown away when dropped, which blocks.
#[derive(Debug)]
pub(super) struct Scratch {
    path: PathBuf,
    is_kept: bool,
}

impl Scratch {
    pub(super) fn make(folder: &Path, id: Uuid) -> io::Result<Self> {
        let path = folder.join(id.to_string());
        fs::DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self { path, is_kept: false })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// A new file for an archive, which only the kernel may read.
    pub(super) fn archive(&self) -> io::Result<fs::File> {
        let mut options = fs::OpenOptions::new();
        options.read(true).write(true).create_new(true).mode(0o600).open(self.path.join(ARCHIVE))
    }

    /// Whether it stays when this is dropped: the next start needs it.
    pub(super) fn keep(&mut self, keep: bool) {
        self.is_kept = keep;
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if self.is_kept {
            return;
        }
        if let Err(error) = fs::remove_dir_all(&self.path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(path = %self.path.display(), %error, "scratch is left to the next start");
        }
    }
}
