//! The one error that crosses the wire.

use serde::{Deserialize, Serialize};

/// What went wrong, as a word that a program can act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The input is malformed or out of bounds.
    Invalid,
    /// Nobody is signed in, or the session has ended.
    Unauthenticated,
    /// Signed in, but not allowed.
    Forbidden,
    /// The thing does not exist, or not for this actor.
    NotFound,
    /// The thing exists already, or its state does not permit this.
    Conflict,
    /// Larger than the limit.
    TooLarge,
    /// Too many calls; try again later.
    RateLimited,
    /// A quota or a budget is used up.
    Exhausted,
    /// Interrupted by a person, a signal or a restart. It may or may not have taken effect.
    Interrupted,
    /// A part that this needs is not available at present.
    Unavailable,
    /// This host or build cannot do it.
    Unsupported,
    /// A defect in Aether, or a failing disk.
    Internal,
}

/// A refusal or a failure, in words for a person: what happened, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[error("{message}")]
pub struct Error {
    /// For programs.
    pub code: Code,
    /// What happened, one sentence without a full stop.
    pub message: String,
    /// What to do, where there is something to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Seconds after which another try makes sense ([`Code::RateLimited`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_secs: Option<u32>,
}

/// What every call of the kernel returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error without a hint.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: None, retry_after_secs: None }
    }

    /// The same error with advice.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// [`Code::Invalid`]
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(Code::Invalid, message)
    }

    /// [`Code::NotFound`], for "no {what} {name}".
    pub fn not_found(what: &str, name: impl std::fmt::Display) -> Self {
        Self::new(Code::NotFound, format!("There is no {what} {name}"))
    }

    /// [`Code::Forbidden`]
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(Code::Forbidden, message)
    }

    /// [`Code::Conflict`]
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(Code::Conflict, message)
    }

    /// [`Code::Unavailable`]
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(Code::Unavailable, message)
    }

    /// [`Code::Internal`]
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(Code::Internal, message)
    }

    /// [`Code::Unauthenticated`]
    pub fn unauthenticated() -> Self {
        Self::new(Code::Unauthenticated, "Nobody is signed in").hint("Sign in, then try again")
    }
}
