//! Where this kernel answers, written into its state directory: programs of the same user on the same machine find
//! it there, with the fingerprint to trust.

use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use crate::banner::Ready;

/// The file, as long as the daemon runs.
pub(crate) struct Whereabouts(PathBuf);

impl Whereabouts {
    /// Writes `runtime.json`, readable by the daemon's user alone. Readers see the old or the new one.
    pub fn write(state_dir: &Path, ready: &Ready) -> io::Result<Self> {
        let file = state_dir.join("runtime.json");
        let fresh = state_dir.join("runtime.json.new");
        let text = serde_json::json!({ "address": ready.address, "fingerprint": ready.fingerprint });
        fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&fresh)?
            .write_all(text.to_string().as_bytes())?;
        fs::rename(&fresh, &file)?;
        Ok(Self(file))
    }
}

impl Drop for Whereabouts {
    fn drop(&mut self) {
        // After a crash it stays, and names an address where nobody answers; the next start writes it anew.
        let _ = fs::remove_file(&self.0);
    }
}
