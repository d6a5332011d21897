//! Why a thought could not be had.

use std::time::Duration;

use crate::protocol::{Code, Error};

/// Why a thought could not be had. Each message says what happened; the hint of the wire's error says what to do.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum LlmError {
    /// The provider or its engine cannot be reached, or fails at present.
    #[error("{provider} is not available: {reason}")]
    Unavailable {
        /// The provider's id.
        provider: String,
        /// What was seen.
        reason: String,
    },
    /// Something that must be there first, such as a model's file or a key, is missing.
    #[error("{what}")]
    Missing {
        /// What is missing, one sentence.
        what: String,
        /// How to get it.
        hint: String,
    },
    /// The provider does not accept the key.
    #[error("{provider} refused the key: {reason}")]
    Refused {
        /// The provider's id.
        provider: String,
        /// In its words.
        reason: String,
    },
    /// The provider asks to wait.
    #[error("{provider} has had too many requests")]
    RateLimited {
        /// The provider's id.
        provider: String,
        /// How long, where it said so.
        retry_after: Option<Duration>,
    },
    /// The provider does not accept the request.
    #[error("{provider} did not accept the request: {reason}")]
    Rejected {
        /// The provider's id.
        provider: String,
        /// In its words.
        reason: String,
    },
    /// The answer is not in the provider's format.
    #[error("{provider} sent an answer that is not in its format: {reason}")]
    Malformed {
        /// The provider's id.
        provider: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The answer ended too early.
    #[error("The answer of {provider} was cut: {reason}")]
    Interrupted {
        /// The provider's id.
        provider: String,
        /// What was seen.
        reason: String,
    },
    /// The conversation does not fit into the model's context.
    #[error("The conversation is too long for {model}: {reason}")]
    TooLong {
        /// The model.
        model: String,
        /// In figures, where they are known.
        reason: String,
    },
}

impl LlmError {
    /// Whether the same request can succeed a little later.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Unavailable { .. }
            | Self::RateLimited { .. }
            | Self::Malformed { .. }
            | Self::Interrupted { .. } => true,
            Self::Missing { .. } | Self::Refused { .. } | Self::Rejected { .. } | Self::TooLong { .. } => {
                false
            }
        }
    }

    /// How long the provider asked to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::Unavailable { provider, .. } if provider == "local" => {
                "Try again; if it keeps failing, the machine may be short of memory for this model".to_owned()
            }
            Self::Unavailable { provider, .. } => {
                format!("Check that {provider} runs and that its address in the configuration is right")
            }
            Self::Missing { hint, .. } => hint.clone(),
            Self::Refused { provider, .. } => {
                format!("Put a valid key into the file that the configuration names for {provider}")
            }
            Self::RateLimited { .. } => "Wait, or choose another model".to_owned(),
            Self::Rejected { .. } => "Check that the model exists there and accepts tools".to_owned(),
            Self::Malformed { .. } | Self::Interrupted { .. } => {
                "Try again, or choose another model".to_owned()
            }
            Self::TooLong { .. } => {
                "Start a new life with a shorter goal, or choose a larger model".to_owned()
            }
        }
    }
}

impl From<LlmError> for Error {
    fn from(error: LlmError) -> Self {
        let code = match &error {
            LlmError::Unavailable { .. } | LlmError::Missing { .. } | LlmError::Malformed { .. } => {
                Code::Unavailable
            }
            LlmError::Refused { .. } => Code::Forbidden,
            LlmError::RateLimited { .. } => Code::RateLimited,
            LlmError::Rejected { .. } => Code::Invalid,
            LlmError::Interrupted { .. } => Code::Interrupted,
            LlmError::TooLong { .. } => Code::TooLarge,
        };
        let wait = error.retry_after().map(|wait| wait.as_millis().div_ceil(1000) as u32);
        let mut wire = Self::new(code, error.to_string()).hint(error.hint());
        wire.retry_after_secs = wait;
        wire
    }
}
