//! For tests: where a native desktop tells what it shows, as `aether_inspect()` does in a browser.

use std::path::PathBuf;

use serde::Serialize;

use crate::inspect::Control;

/// The variable that names the file.
const VARIABLE: &str = "AETHER_INSPECT_FILE";

/// A file that always holds the controls of one whole frame.
pub struct InspectionFile {
    path: PathBuf,
    frame: u64,
}

#[derive(Serialize)]
struct Seen<'a> {
    /// Counts the frames.
    frame: u64,
    controls: &'a [Control],
}

impl InspectionFile {
    /// The one that a test asks for.
    pub fn wanted() -> Option<Self> {
        std::env::var_os(VARIABLE).map(|path| Self { path: path.into(), frame: 0 })
    }

    /// Replaces what it holds. A failure is logged: the test that reads the file fails by itself.
    pub fn write(&mut self, controls: &[Control]) {
        self.frame += 1;
        let fresh = self.path.with_extension("new");
        let written = serde_json::to_vec(&Seen { frame: self.frame, controls })
            .map_err(std::io::Error::from)
            .and_then(|bytes| std::fs::write(&fresh, bytes))
            .and_then(|()| std::fs::rename(&fresh, &self.path));
        if let Err(error) = written {
            tracing::error!(%error, path = %self.path.display(), "the controls could not be written down");
        }
    }
}
