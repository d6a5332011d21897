//! The certificate that the machine makes itself, and what it is called.

use std::{
    fs::{self, File, OpenOptions, Permissions},
    io::{self, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
    sync::Arc,
};

use jiff::{Timestamp, ToSpan as _, Zoned, tz::TimeZone};
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

const KEY: &str = "tls-key.pem";
const CERTIFICATE: &str = "tls-cert.pem";
const ABOUT: &str = "tls.json";

/// Longer than this is refused by Apple's systems even where a person has trusted the certificate.
const VALID_DAYS: i64 = 824;
const RENEW_BEFORE_DAYS: i64 = 30;

/// Why there is no certificate to serve with.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file under `secrets/` cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// The certificate cannot be made.
    #[error("the certificate cannot be made: {0}")]
    Make(#[from] rcgen::Error),
    /// A PEM file does not hold what it should.
    #[error("{path} does not hold a key or certificate: {source}")]
    Pem {
        /// Which.
        path: String,
        /// Why.
        source: rustls_pki_types::pem::Error,
    },
    /// Key and certificate are not taken.
    #[error("key and certificate are not usable: {0}")]
    Rustls(#[from] rustls::Error),
    /// The clock shows a time for which no certificate can be made.
    #[error("the clock shows an impossible time: {0}")]
    Clock(#[from] jiff::Error),
}

/// What is known about the stored certificate.
#[derive(Serialize, Deserialize)]
struct About {
    names: Vec<String>,
    not_after: Timestamp,
    /// Of the certificate, in lower-case hex.
    sha256: String,
}

/// A key and a certificate that are ready to serve.
pub(crate) struct Identity {
    /// Without ALPN; the HTTP layer sets it.
    pub config: ServerConfig,
    /// `AB:CD:…`, SHA-256 over the certificate.
    pub fingerprint: String,
}

/// Loads the certificate from `dir`, or makes one: at first start, when a name is new, when it ends soon.
pub(crate) fn load_or_make(dir: &Path, names: &[String]) -> Result<Identity, TlsError> {
    load_or_make_at(dir, names, Timestamp::now())
}

fn load_or_make_at(dir: &Path, names: &[String], now: Timestamp) -> Result<Identity, TlsError> {
    fs::create_dir_all(dir)
        .and_then(|()| fs::set_permissions(dir, Permissions::from_mode(0o700)))
        .map_err(at(dir))?;
    if !is_current(dir, names, now) {
        make(dir, names, now)?;
    }
    let certificate = dir.join(CERTIFICATE);
    let key = dir.join(KEY);
    let chain = CertificateDer::from_pem_file(&certificate).map_err(pem(&certificate))?;
    let key = PrivateKeyDer::from_pem_file(&key).map_err(pem(&key))?;
    let fingerprint =
        Sha256::digest(&chain).iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":");
    let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![chain], key)?;
    // A client that comes back spares both sides the handshake's signatures.
    config.ticketer = rustls::crypto::ring::Ticketer::new()?;
    Ok(Identity { config, fingerprint })
}

/// Whether what is stored is whole, covers `names` and lasts.
fn is_current(dir: &Path, names: &[String], now: Timestamp) -> bool {
    let Some(about) =
        fs::read(dir.join(ABOUT)).ok().and_then(|bytes| serde_json::from_slice::<About>(&bytes).ok())
    else {
        return false;
    };
    let Ok(certificate) = CertificateDer::from_pem_file(dir.join(CERTIFICATE)) else { return false };
    let lasts = now.checked_add((RENEW_BEFORE_DAYS * 24).hours()).is_ok_and(|soon| soon < about.not_after);
    // After a crash between the files' renames they may not belong together.
    lasts
        && PrivateKeyDer::from_pem_file(dir.join(KEY)).is_ok()
        && names.iter().all(|name| about.names.contains(name))
        && hex::encode(Sha256::digest(&certificate)) == about.sha256
}

fn make(dir: &Path, names: &[String], now: Timestamp) -> Result<(), TlsError> {
    let from = Zoned::new(now, TimeZone::UTC).checked_sub(1.day())?;
    let until = from.checked_add(VALID_DAYS.days())?;
    let mut params = CertificateParams::new(names.to_vec())?;
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, "Aether OS");
    params.distinguished_name = subject;
    params.not_before = rcgen::date_time_ymd(from.year().into(), from.month() as u8, from.day() as u8);
    params.not_after = rcgen::date_time_ymd(until.year().into(), until.month() as u8, until.day() as u8);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    // The old key stays where there is one, so that whoever trusts the key need not look again.
    let key = fs::read_to_string(dir.join(KEY))
        .ok()
        .and_then(|pem| KeyPair::from_pem(&pem).ok())
        .map_or_else(KeyPair::generate, Ok)?;
    let certificate = params.self_signed(&key)?;
    let about = About {
        names: names.to_vec(),
        not_after: until.start_of_day()?.timestamp(),
        sha256: hex::encode(Sha256::digest(certificate.der())),
    };
    write_secret(dir, KEY, key.serialize_pem().as_bytes())?;
    write_secret(dir, CERTIFICATE, certificate.pem().as_bytes())?;
    write_secret(dir, ABOUT, &serde_json::to_vec_pretty(&about).unwrap_or_default())?;
    File::open(dir).and_then(|folder| folder.sync_all()).map_err(at(dir))
}

/// Writes a file that only its owner can read; readers see the old or the new one.
fn write_secret(dir: &Path, name: &str, bytes: &[u8]) -> Result<(), TlsError> {
    let path = dir.join(name);
    let draft = dir.join(format!("{name}.new"));
    let write = || {
        if let Err(error) = fs::remove_file(&draft)
            && error.kind() != io::ErrorKind::NotFound
        {
            return Err(error);
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&draft, &path)
    };
    write().map_err(at(&path))
}

fn at(path: &Path) -> impl Fn(io::Error) -> TlsError + use<> {
    let path = path.display().to_string();
    move |source| TlsError::File { path: path.clone(), source }
}

fn pem(path: &Path) -> impl Fn(rustls_pki_types::pem::Error) -> TlsError + use<> {
    let path = path.display().to_string();
    move |source| TlsError::Pem { path: path.clone(), source }
}

/// Every name under which the server answers, the configured ones last; lower case, each once.
pub(crate) fn names(configured: &[String]) -> Vec<String> {
    let host = rustix::system::uname().nodename().to_string_lossy().to_ascii_lowercase();
    let short = host.split('.').next().unwrap_or_default().to_owned();
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    let local = format!("{short}.local");
    for name in
        [host, short, local].into_iter().chain(configured.iter().map(|name| name.to_ascii_lowercase()))
    {
        if is_dns_name_or_ip(&name) && !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

fn is_dns_name_or_ip(name: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.parse::<std::net::IpAddr>().is_ok() || (name.len() <= 253 && name.split('.').all(is_label))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names_of(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn a_certificate_is_made_once_kept_and_renewed() {
        let dir = tempfile::tempdir().unwrap();
        let secrets = dir.path().join("secrets");
        let now = Timestamp::now();
        let names = names_of(&["localhost", "127.0.0.1"]);
        let first = load_or_make_at(&secrets, &names, now).unwrap();
        assert_eq!(first.fingerprint.len(), 32 * 3 - 1);
        assert_eq!(fs::metadata(secrets.join(KEY)).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(&secrets).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(load_or_make_at(&secrets, &names, now).unwrap().fingerprint, first.fingerprint);

        let key = fs::read(secrets.join(KEY)).unwrap();
        let later = now.checked_add((800 * 24).hours()).unwrap();
        let renewed = load_or_make_at(&secrets, &names, later).unwrap();
        assert_ne!(renewed.fingerprint, first.fingerprint);
        assert_eq!(fs::read(secrets.join(KEY)).unwrap(), key);

        let wider = names_of(&["localhost", "127.0.0.1", "attic.local"]);
        assert_ne!(load_or_make_at(&secrets, &wider, later).unwrap().fingerprint, renewed.fingerprint);
    }

    #[test]
    fn a_half_written_certificate_is_made_again() {
        let dir = tempfile::tempdir().unwrap();
        let now = Timestamp::now();
        let names = names_of(&["localhost"]);
        let first = load_or_make_at(dir.path(), &names, now).unwrap();
        fs::write(dir.path().join(CERTIFICATE), b"-----BEGIN").unwrap();
        fs::write(dir.path().join("tls-key.pem.new"), b"left over").unwrap();
        assert_ne!(load_or_make_at(dir.path(), &names, now).unwrap().fingerprint, first.fingerprint);
    }

    #[test]
    fn names_are_clean_and_hold_the_loopback() {
        let names = names(&["Attic.Example".to_owned(), "not a name".to_owned(), "localhost".to_owned()]);
        for name in ["localhost", "127.0.0.1", "::1", "attic.example"] {
            assert_eq!(names.iter().filter(|other| *other == name).count(), 1, "{name}");
        }
        assert!(!names.iter().any(|name| name.contains(' ')));
    }
}
