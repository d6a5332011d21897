//! The device's key: what it signs was made here.

use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::Path,
};

use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};

/// Length of the seed that the key is made from.
const SEED_BYTES: usize = 32;
/// Length of a public key.
pub(super) const PUBLIC_BYTES: usize = 32;
/// Length of a signature.
pub(super) const SIGNATURE_BYTES: usize = 64;

/// An Ed25519 key pair (RFC 8032), kept as its seed in `secrets/device-key`.
pub(crate) struct DeviceKey(Ed25519KeyPair);

impl DeviceKey {
    /// Reads the key; makes one where there is none. A file that is no key is an error: it is never replaced,
    /// since archives that it has signed could not be told from foreign ones any more.
    pub(crate) fn read_or_make(secrets: &Path) -> io::Result<Self> {
        let path = secrets.join("device-key");
        let seed = match fs::read_to_string(&path) {
            Ok(text) => {
                hex::decode(text.trim()).ok().filter(|seed| seed.len() == SEED_BYTES).ok_or_else(|| {
                    io::Error::new(
                        io::ErrorKind::InvalidData,
                        format!(
                            "{} is no device key; put the one from a backup there, or move it away",
                            path.display()
                        ),
                    )
                })?
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => make(secrets, &path)?,
            Err(error) => return Err(error),
        };
        Ed25519KeyPair::from_seed_unchecked(&seed)
            .map(Self)
            .map_err(|error| io::Error::other(error.to_string()))
    }

    /// The public half, in hex.
    pub(crate) fn public_hex(&self) -> String {
        hex::encode(self.public())
    }

    pub(super) fn public(&self) -> &[u8] {
        self.0.public_key().as_ref()
    }

    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.0.sign(message).as_ref().to_vec()
    }
}

/// Whether the owner of this public key has signed the message.
pub(super) fn has_signed(public: &[u8], message: &[u8], signature: &[u8]) -> bool {
    UnparsedPublicKey::new(&ED25519, public).verify(message, signature).is_ok()
}

/// A new seed, on disk before anything is signed with it: whole or not at all.
fn make(secrets: &Path, path: &Path) -> io::Result<Vec<u8>> {
    let mut seed = vec![0; SEED_BYTES];
    getrandom::fill(&mut seed).map_err(io::Error::other)?;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(secrets)?;
    let part = secrets.join("device-key.part");
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
    writeln!(file, "{}", hex::encode(&seed))?;
    file.sync_all()?;
    fs::rename(&part, path)?;
    fs::File::open(secrets)?.sync_all()?;
    Ok(seed)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_key_is_made_once_is_private_and_signs() {
        let dir = tempfile::tempdir().unwrap();
        let first = DeviceKey::read_or_make(dir.path()).unwrap();
        let again = DeviceKey::read_or_make(dir.path()).unwrap();
        assert_eq!(first.public_hex(), again.public_hex());
        let mode = fs::metadata(dir.path().join("device-key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let signature = first.sign(b"hello");
        assert!(has_signed(again.public(), b"hello", &signature));
        assert!(!has_signed(again.public(), b"hullo", &signature));
        let other = tempfile::tempdir().unwrap();
        assert!(!has_signed(DeviceKey::read_or_make(other.path()).unwrap().public(), b"hello", &signature));
    }

    #[test]
    fn a_file_that_is_no_key_is_named_and_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("device-key"), "something else").unwrap();
        let error = DeviceKey::read_or_make(dir.path()).err().unwrap();
        assert!(error.to_string().contains("device-key"), "{error}");
        assert_eq!(fs::read_to_string(dir.path().join("device-key")).unwrap(), "something else");
    }
}
