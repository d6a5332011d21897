//! What a native desktop keeps: a folder of small files, one folder for each kernel.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use aether_protocol::UnixMillis;

use crate::Host;

/// The file with the session's token.
const TOKEN: &str = "token";

/// A folder that only its owner can read.
#[derive(Clone, Debug)]
pub struct FileHost {
    folder: PathBuf,
}

impl FileHost {
    /// The folder for the kernel at `address`, below `base` or below the person's configuration folder.
    /// Made when it is not there. Fails when it cannot be made.
    pub fn open(base: Option<&Path>, address: &str) -> io::Result<Self> {
        let base = match base {
            Some(base) => base.to_owned(),
            None => configuration_folder()?.join("aether").join("shell"),
        };
        let authority = address.split_once("://").map_or(address, |(_, rest)| rest);
        let folder = base.join(file_name(authority));
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        Ok(Self { folder })
    }

    /// The token of the last session, if there is one.
    pub fn token(&self) -> Option<String> {
        self.load(TOKEN).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    fn write(&self, key: &str, value: &str) -> io::Result<()> {
        let target = self.folder.join(file_name(key));
        let fresh = self.folder.join(format!("{}.new", file_name(key)));
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
        file.write_all(value.as_bytes())?;
        file.sync_all()?;
        fs::rename(fresh, target)
    }
}

fn configuration_folder() -> io::Result<PathBuf> {
    let from = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    from("XDG_CONFIG_HOME").or_else(|| from("HOME").map(|home| home.join(".config"))).ok_or_else(|| {
        io::Error::new(io::ErrorKind::NotFound, "neither XDG_CONFIG_HOME nor HOME names a folder")
    })
}

/// A name that is a file name on every system.
fn file_name(key: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-') { c } else { '_' };
    let name: String = key.chars().map(safe).collect();
    if name.trim_matches('.').is_empty() { "_".to_owned() } else { name }
}

impl Host for FileHost {
    fn load(&self, key: &str) -> Option<String> {
        fs::read_to_string(self.folder.join(file_name(key))).ok()
    }

    fn store(&mut self, key: &str, value: &str) {
        if let Err(error) = self.write(key, value) {
            tracing::warn!(key, %error, "a setting could not be kept");
        }
    }

    fn forget(&mut self, key: &str) {
        match fs::remove_file(self.folder.join(file_name(key))) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(key, %error, "a setting could not be removed");
            }
            _ => {}
        }
    }

    fn now(&self) -> UnixMillis {
        aether_kit::now()
    }

    fn utc_offset_minutes(&self, at: UnixMillis) -> i32 {
        let zone = jiff::tz::TimeZone::system();
        jiff::Timestamp::from_millisecond(at.0).map_or(0, |at| zone.to_offset(at).seconds() / 60)
    }

    fn device(&self) -> String {
        let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        match name.trim() {
            "" => "Desktop".to_owned(),
            name => format!("Desktop on {name}"),
        }
    }

    fn keep_token(&mut self, token: Option<&str>) {
        match token {
            Some(token) => self.store(TOKEN, token),
            None => self.forget(TOKEN),
        }
    }

    fn is_apple(&self) -> bool {
        cfg!(target_os = "macos")
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_is_kept_comes_back_and_only_the_owner_reads_it() {
        let base = tempfile::tempdir().unwrap();
        let mut host = FileHost::open(Some(base.path()), "https://127.0.0.1:7380").unwrap();
        assert_eq!(host.token(), None);
        host.keep_token(Some("secret"));
        host.store("layout.a/../b", "{}");
        let again = FileHost::open(Some(base.path()), "https://127.0.0.1:7380").unwrap();
        assert_eq!(again.token().as_deref(), Some("secret"));
        assert_eq!(again.load("layout.a/../b").as_deref(), Some("{}"));
        let mode = fs::metadata(again.folder.join(TOKEN)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(fs::read_dir(base.path()).unwrap().count() == 1, "nothing may leave the folder");
        host.keep_token(None);
        assert_eq!(again.token(), None);
    }

    #[test]
    fn two_kernels_do_not_share_a_token() {
        let base = tempfile::tempdir().unwrap();
        let mut one = FileHost::open(Some(base.path()), "https://127.0.0.1:7380").unwrap();
        one.keep_token(Some("secret"));
        let other = FileHost::open(Some(base.path()), "https://127.0.0.1:7381").unwrap();
        assert_eq!(other.token(), None);
    }
}
