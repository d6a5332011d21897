//! What is kept between two calls: address, certificate, session. One file for each profile, for its owner
//! alone.

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use aether_client::{Fingerprint, Token};
use aether_protocol::Error;
use serde::{Deserialize, Serialize};

/// What a profile holds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Profile {
    /// Where the kernel is.
    pub(crate) address: String,
    /// The certificate that was trusted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) fingerprint: Option<Fingerprint>,
    /// Who signed in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) user: Option<String>,
    /// What proves the session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) token: Option<Secret>,
}

/// A token as it is kept. It never shows in a log.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Secret(String);

impl Secret {
    pub(crate) fn new(token: &str) -> Self {
        Self(token.to_owned())
    }

    pub(crate) fn token(&self) -> Token {
        Token::new(self.0.clone())
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// What a kernel on this computer says of itself, in its state directory.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct Runtime {
    /// Where it listens.
    pub(crate) address: String,
    /// Its certificate.
    pub(crate) fingerprint: Fingerprint,
}

/// Where a profile is kept.
pub(crate) fn path(name: &str) -> Result<PathBuf, Error> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.starts_with('.') || !name.chars().all(is_plain) {
        return Err(Error::invalid(format!("'{name}' cannot be the name of a profile"))
            .hint("Use letters, digits, hyphens and underscores"));
    }
    let base = match absolute("XDG_CONFIG_HOME") {
        Some(dir) => dir,
        None => absolute("HOME")
            .ok_or_else(|| {
                Error::invalid("There is no place for credentials").hint("Set HOME or XDG_CONFIG_HOME")
            })?
            .join(".config"),
    };
    Ok(base.join("aether").join("profiles").join(format!("{name}.toml")))
}

fn absolute(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute())
}

/// The profile; an empty one where there is none.
pub(crate) fn load(path: &Path) -> Result<Profile, Error> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Profile::default()),
        Err(error) => {
            return Err(Error::internal(format!("{} cannot be read: {error}", path.display())));
        }
    };
    toml::from_str(&text).map_err(|error| {
        // The file holds a token, so the line at fault is not quoted.
        Error::invalid(format!("{} is malformed: {}", path.display(), error.message()))
            .hint("Remove the file and sign in again")
    })
}

/// Writes the profile whole or not at all, readable by its owner alone.
pub(crate) fn store(path: &Path, profile: &Profile) -> Result<(), Error> {
    let failed = |error: io::Error| Error::internal(format!("{} cannot be written: {error}", path.display()));
    let text = toml::to_string(profile)
        .map_err(|error| Error::internal(format!("The profile cannot be written: {error}")))?;
    let dir = path.parent().ok_or_else(|| Error::internal("The profile has no folder"))?;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(failed)?;
    let fresh = path.with_extension(format!("new-{}", std::process::id()));
    let written = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&fresh)
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&fresh, path));
    written.map_err(|error| {
        // What is left of a failed attempt helps nobody.
        let _ = fs::remove_file(&fresh);
        failed(error)
    })
}

/// A kernel of this user (or of the system) on this computer, where one says that it is there.
pub(crate) fn find_runtime() -> Option<Runtime> {
    state_dirs().into_iter().find_map(|dir| read_runtime(&dir.join("runtime.json")))
}

fn state_dirs() -> Vec<PathBuf> {
    if let Some(dir) = absolute("AETHER_STATE_DIR") {
        return vec![dir];
    }
    let user = absolute("XDG_DATA_HOME").or_else(|| Some(absolute("HOME")?.join(".local/share")));
    user.map(|dir| dir.join("aether")).into_iter().chain([PathBuf::from("/var/lib/aether")]).collect()
}

fn read_runtime(path: &Path) -> Option<Runtime> {
    let owner = fs::metadata(path).ok()?.uid();
    // A file of somebody else could name somebody else's kernel.
    if owner != 0 && owner != rustix::process::getuid().as_raw() {
        return None;
    }
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn scratch() -> PathBuf {
        let name = format!("aether-cli-{}-{:?}", std::process::id(), std::thread::current().id());
        let dir = std::env::temp_dir().join(name.replace(['(', ')'], ""));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).unwrap();
        dir
    }

    #[test]
    fn profiles_come_back_and_are_private() {
        let dir = scratch();
        let path = dir.join("aether/profiles/default.toml");
        assert_eq!(load(&path).unwrap(), Profile::default());
        let profile = Profile {
            address: "https://127.0.0.1:7380".into(),
            fingerprint: Some(Fingerprint([7; 32])),
            user: Some("ada".into()),
            token: Some(Secret::new("secret-token")),
        };
        store(&path, &profile).unwrap();
        store(&path, &profile).unwrap();
        assert_eq!(load(&path).unwrap(), profile);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing is left behind");
        assert!(!format!("{profile:?}").contains("secret-token"));
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn a_malformed_profile_is_named_but_not_quoted() {
        let dir = scratch();
        let path = dir.join("x.toml");
        fs::write(&path, "address = 1\ntoken = \"secret-token\"").unwrap();
        let error = load(&path).unwrap_err();
        assert!(error.message.contains("x.toml"));
        assert!(!format!("{error:?}").contains("secret-token"));
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn profile_names_stay_in_their_folder() {
        for bad in ["", "../x", "a/b", ".hidden", "a b"] {
            assert!(path(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_local_kernel_is_found_by_its_own_word() {
        let dir = scratch();
        let path = dir.join("runtime.json");
        assert_eq!(read_runtime(&path), None);
        let fingerprint = Fingerprint([1; 32]);
        fs::write(&path, format!(r#"{{"address":"https://127.0.0.1:9","fingerprint":"{fingerprint}"}}"#))
            .unwrap();
        assert_eq!(read_runtime(&path), Some(Runtime { address: "https://127.0.0.1:9".into(), fingerprint }));
        fs::remove_dir_all(dir).unwrap();
    }
}
