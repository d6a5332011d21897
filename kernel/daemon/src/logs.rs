//! Logs, to the standard error.

use std::io::IsTerminal as _;

use tracing_subscriber::{EnvFilter, fmt};

use crate::config::{ConfigError, LogFormat, LogSection};

/// Starts logging.
pub(crate) fn start(section: &LogSection) -> Result<(), ConfigError> {
    let filter = EnvFilter::try_new(&section.filter)
        .map_err(|error| ConfigError::Value { key: "log.filter", message: error.to_string() })?;
    let logs =
        fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal());
    let started = match section.format {
        LogFormat::Text => logs.with_target(false).try_init(),
        LogFormat::Json => logs.json().flatten_event(true).try_init(),
    };
    started.map_err(|error| ConfigError::Value { key: "log", message: error.to_string() })
}
