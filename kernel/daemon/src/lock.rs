//! One kernel for one state directory.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Seek as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::Path,
};

use rustix::fs::{FlockOperation, flock};

/// Why the state directory cannot be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LockError {
    /// Another one has it.
    #[error(
        "another aetherd (process {holder}) uses {path}\nhint: stop it, or give this one its own --state-dir"
    )]
    Taken {
        /// Its Linux pid, as it wrote it down.
        holder: String,
        /// The state directory.
        path: String,
    },
    /// It cannot be made or written.
    #[error("the state directory {path} cannot be used: {source}")]
    Folder {
        /// Which.
        path: String,
        /// Why.
        source: io::Error,
    },
}

/// Held as long as the daemon runs; the host gives it back however the daemon ends.
pub(crate) struct Lock(#[expect(dead_code, reason = "the open file is the lock")] File);

/// Makes `state_dir` where it is missing and takes it.
pub(crate) fn take(state_dir: &Path) -> Result<Lock, LockError> {
    let folder = |source| LockError::Folder { path: state_dir.display().to_string(), source };
    fs::DirBuilder::new().recursive(true).mode(0o700).create(state_dir).map_err(folder)?;
    let path = state_dir.join("aetherd.lock");
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(folder)?;
    if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        let mut holder = String::new();
        // Who it is only helps the reader of the message.
        let _ = file.read_to_string(&mut holder);
        return Err(LockError::Taken {
            holder: holder.trim().to_owned(),
            path: state_dir.display().to_string(),
        });
    }
    file.set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| writeln!(file, "{}", std::process::id()))
        .map_err(folder)?;
    Ok(Lock(file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_directory_has_one_holder() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("deep/state");
        let first = take(&state).unwrap();
        let told = take(&state).err().unwrap().to_string();
        assert!(told.contains(&std::process::id().to_string()) && told.contains("--state-dir"), "{told}");
        drop(first);
        take(&state).unwrap();
    }
}
