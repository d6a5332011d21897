//! The one-time code that proves that somebody stands at the device: whoever can read its screen or log may
//! create the owner.

use std::{
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use subtle::ConstantTimeEq as _;

/// No letters that are read as others: 32 signs, five bits each.
const SIGNS: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
/// 50 bits; with 30 tries a minute that is 70 million years.
const LENGTH: usize = 10;

/// The code, kept in a file of its own until it is used, so that a restart shows the same.
pub(super) struct SetupCode {
    code: String,
    file: PathBuf,
}

impl SetupCode {
    pub(super) fn make_or_read(state_dir: &Path) -> std::io::Result<Self> {
        let file = state_dir.join("setup-code");
        if let Ok(code) = std::fs::read_to_string(&file) {
            let code = normal(&code);
            if code.len() == LENGTH {
                return Ok(Self { code, file });
            }
        }
        let mut random = [0; LENGTH];
        getrandom::fill(&mut random).map_err(std::io::Error::other)?;
        let code: String = random
            .iter()
            .filter_map(|byte| SIGNS.get(usize::from(byte % 32)))
            .map(|sign| *sign as char)
            .collect();
        let mut out =
            std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&file)?;
        out.write_all(code.as_bytes())?;
        out.sync_all()?;
        Ok(Self { code, file })
    }

    /// In two groups, as people copy it.
    pub(super) fn shown(&self) -> String {
        let (left, right) = self.code.split_at(self.code.len() / 2);
        format!("{left}-{right}")
    }

    pub(super) fn matches(&self, typed: &str) -> bool {
        typed.len() <= 64 && bool::from(normal(typed).as_bytes().ct_eq(self.code.as_bytes()))
    }

    pub(super) fn used(self) {
        remove(&self.file);
    }

    /// Removes a code that a crash left behind after it was used.
    pub(super) fn forget(state_dir: &Path) {
        remove(&state_dir.join("setup-code"));
    }
}

fn remove(file: &Path) {
    if let Err(error) = std::fs::remove_file(file)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!(%error, "the used set-up code could not be removed");
    }
}

/// As it is compared: case, spaces and hyphens do not matter.
fn normal(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect()
}
