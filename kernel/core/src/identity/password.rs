//! Passwords: Argon2id (RFC 9106) with the `argon2` crate's defaults (19 MiB, two passes).

use aether_protocol::{Error, Result};
use argon2::{
    Argon2,
    password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash},
};

/// Characters of a password, at least.
const MIN_CHARS: usize = 8;
/// Bytes of a password, at most.
const MAX_BYTES: usize = 1024;
/// Hashes computed at once: each takes 19 MiB, and a flood of sign-ins shall not take the memory.
static AT_ONCE: tokio::sync::Semaphore = tokio::sync::Semaphore::const_new(2);

/// A PHC string with a fresh salt.
pub(super) async fn hash(password: String) -> Result<String> {
    if password.chars().count() < MIN_CHARS || password.len() > MAX_BYTES {
        return Err(Error::invalid("This password cannot be used")
            .hint(format!("At least {MIN_CHARS} characters, at most {MAX_BYTES} bytes")));
    }
    blocking(move || {
        Argon2::default()
            .hash_password(password.as_bytes())
            .map(|hash| hash.to_string())
            .map_err(|error| Error::internal(format!("The password could not be hashed: {error}")))
    })
    .await?
}

/// Whether `password` is the one behind `hash`. Without a hash it computes one all the same, so that the time
/// does not tell whether an account exists.
pub(super) async fn verify(password: String, hash: Option<String>) -> Result<bool> {
    if password.len() > MAX_BYTES {
        return Ok(false);
    }
    blocking(move || {
        let Some(hash) = hash else {
            let _ = Argon2::default().hash_password(password.as_bytes());
            return false;
        };
        PasswordHash::new(&hash)
            .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
    })
    .await
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let _place = AT_ONCE.acquire().await.map_err(|_| Error::unavailable("The kernel is shutting down"))?;
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Error::internal(format!("The password could not be checked: {error}")))
}
