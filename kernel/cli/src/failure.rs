//! How a command ends when it does not end well.

use std::{io, process::ExitCode};

use aether_protocol::{Code, Error};
use serde_json::json;

/// Why a command ends with a status other than 0.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Something to tell the person.
    Said(Error),
    /// Everything was said; only the status is left.
    Status(u8),
    /// Whoever read our output has gone.
    Unread,
}

/// What every command returns.
pub(crate) type Outcome<T = ()> = Result<T, Failure>;

/// The status for an agent that ended without reaching its goal.
pub(crate) const AGENT_FAILED: u8 = 10;

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Said(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::Unread,
            io::ErrorKind::NotFound => Self::Said(Error::new(Code::NotFound, error.to_string())),
            io::ErrorKind::PermissionDenied => Self::Said(Error::forbidden(error.to_string())),
            _ => Self::Said(Error::internal(error.to_string())),
        }
    }
}

/// The exit status that a code stands for.
pub(crate) fn status(code: Code) -> u8 {
    match code {
        Code::Conflict | Code::TooLarge | Code::Unsupported | Code::Internal => 1,
        Code::Invalid => 2,
        Code::Unauthenticated => 3,
        Code::NotFound => 4,
        Code::Forbidden => 5,
        Code::Unavailable => 6,
        Code::Interrupted => 7,
        Code::RateLimited | Code::Exhausted => 8,
    }
}

impl Failure {
    /// Tells the person (on stderr), and gives the exit status.
    pub(crate) fn report(self, as_json: bool) -> ExitCode {
        match self {
            Self::Status(status) => ExitCode::from(status),
            // As if SIGPIPE had ended us, which is what a pipeline expects.
            Self::Unread => ExitCode::from(141),
            Self::Said(error) => {
                let status = status(error.code);
                if as_json {
                    eprintln!("{}", json!({ "error": error, "exit_status": status }));
                } else {
                    say(&error);
                }
                ExitCode::from(status)
            }
        }
    }
}

fn say(error: &Error) {
    let message = crate::shape::plain(&error.message);
    anstream::eprintln!("\x1b[1;31merror:\x1b[0m {message}");
    if let Some(hint) = &error.hint {
        anstream::eprintln!("\x1b[1;36mhint:\x1b[0m {}", crate::shape::plain(hint));
    }
    if error.code == Code::Unauthenticated
        && error.hint.as_deref().is_none_or(|hint| hint.starts_with("Sign in"))
    {
        anstream::eprintln!("\x1b[1;36mhint:\x1b[0m `aether login` signs in");
    }
    if let Some(secs) = error.retry_after_secs {
        anstream::eprintln!("\x1b[1;36mhint:\x1b[0m Try again in {secs} seconds");
    }
}
