//! `aether.toml`: what it may say, and what is said about a mistake in it.

use std::{
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use aether_kernel::config::{
    ChannelConfig, IdentityConfig, NetworkConfig, ProcessConfig, QuotaConfig, SnapshotConfig,
};
use aether_server::ServerConfig;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::options::Options;

/// Read where no other file is named.
const SYSTEM_FILE: &str = "/etc/aether/aether.toml";
/// The web desktop where a package has put it.
const SYSTEM_WEB_DIR: &str = "/usr/share/aether/web";

/// What is wrong with the configuration.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// The file cannot be read.
    #[error("{path} cannot be read: {source}")]
    Read {
        /// Which.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// The file does not say what it should.
    #[error("{path}, line {line}: {message}{}", .hint.as_ref().map(|hint| format!("\nhint: {hint}")).unwrap_or_default())]
    Content {
        /// Which.
        path: String,
        /// From 1.
        line: usize,
        /// What is wrong.
        message: String,
        /// What may have been meant.
        hint: Option<String>,
    },
    /// A value is out of bounds.
    #[error("{key}: {message}")]
    Value {
        /// Which.
        key: &'static str,
        /// Why not.
        message: String,
    },
    /// Nothing says where the state shall lie.
    #[error("nothing says where the state shall lie\nhint: give --state-dir, or set HOME")]
    NoStateDir,
}

/// The file. `M` is the kernel's own type for `[models]`.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, bound(deserialize = "M: DeserializeOwned + Default"))]
pub(crate) struct File<M> {
    #[serde(skip_serializing_if = "Option::is_none")]
    state_dir: Option<PathBuf>,
    device_name: String,
    server: ServerSection,
    log: LogSection,
    identity: IdentityConfig,
    process: ProcessConfig,
    snapshots: SnapshotConfig,
    /// What agents and people say to each other.
    channels: ChannelConfig,
    network: NetworkConfig,
    quotas: QuotaConfig,
    models: M,
}

/// `[server]`
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ServerSection {
    listen: SocketAddr,
    names: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    web_dir: Option<PathBuf>,
    workers: usize,
    max_connections: usize,
    upload_limit_bytes: usize,
    request_timeout_secs: u64,
    keep_alive_secs: u64,
    hsts: bool,
}

impl Default for ServerSection {
    fn default() -> Self {
        let config = ServerConfig::default();
        Self {
            listen: config.listen,
            names: config.names,
            web_dir: None,
            workers: 0,
            max_connections: config.max_connections,
            upload_limit_bytes: config.upload_limit_bytes,
            request_timeout_secs: config.request_timeout.as_secs(),
            keep_alive_secs: config.keep_alive.as_secs(),
            hsts: config.hsts,
        }
    }
}

/// How logs are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One object a line.
    Json,
}

/// `[log]`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LogSection {
    /// How.
    pub format: LogFormat,
    /// What.
    pub filter: String,
}

impl Default for LogSection {
    fn default() -> Self {
        Self { format: LogFormat::Text, filter: "info,actix_server=warn".to_owned() }
    }
}

/// All that the daemon needs to start.
pub(crate) struct Settings {
    /// For the kernel, with the state directory filled in.
    pub kernel: aether_kernel::Config,
    /// For the server.
    pub server: ServerConfig,
    /// For the logs.
    pub log: LogSection,
    /// The whole as TOML, with every default.
    pub text: String,
}

/// Reads, completes and checks the configuration.
pub(crate) fn load(options: &Options) -> Result<Settings, ConfigError> {
    let system = Path::new(SYSTEM_FILE);
    let path = options.config.as_deref().or_else(|| system.exists().then_some(system));
    let mut file = match path {
        None => File::default(),
        Some(path) => {
            let text = fs::read_to_string(path)
                .map_err(|source| ConfigError::Read { path: path.display().to_string(), source })?;
            parse(&text, path)?
        }
    };
    // What the command line says is part of what is printed.
    if let Some(listen) = options.listen {
        file.server.listen = listen;
    }
    if let Some(dir) = &options.web_dir {
        file.server.web_dir = Some(dir.clone());
    }
    if let Some(binary) = &options.agent_binary {
        file.process.agent_binary = Some(binary.clone());
    }
    if let Some(filter) = &options.log {
        file.log.filter.clone_from(filter);
    }
    let state_dir = state_dir(options.state_dir.clone().or(file.state_dir.take()))?;
    file.state_dir = Some(state_dir.clone());
    check(&file)?;
    let text = toml::to_string(&file)
        .map_err(|error| ConfigError::Value { key: "aether.toml", message: error.to_string() })?;

    let File {
        device_name,
        server,
        log,
        identity,
        process,
        quotas,
        snapshots,
        channels,
        network,
        models,
        ..
    } = file;
    let defaults = ServerConfig::default();
    let server = ServerConfig {
        listen: server.listen,
        secrets_dir: state_dir.join("secrets"),
        web_dir: server.web_dir.or_else(|| Some(PathBuf::from(SYSTEM_WEB_DIR)).filter(|dir| dir.is_dir())),
        names: server.names,
        workers: if server.workers == 0 { defaults.workers } else { server.workers },
        max_connections: server.max_connections,
        upload_limit_bytes: server.upload_limit_bytes,
        request_timeout: Duration::from_secs(server.request_timeout_secs),
        keep_alive: Duration::from_secs(server.keep_alive_secs),
        hsts: server.hsts,
        ..defaults
    };
    let kernel = aether_kernel::Config {
        state_dir,
        device_name,
        process,
        quotas,
        network,
        identity,
        snapshots,
        channels,
        models,
    };
    kernel
        .models
        .check()
        .map_err(|error| ConfigError::Value { key: "models", message: error.to_string() })?;
    Ok(Settings { kernel, server, log, text })
}

fn parse<M: DeserializeOwned + Default>(text: &str, path: &Path) -> Result<File<M>, ConfigError> {
    toml::from_str(text).map_err(|error| {
        let start = error.span().map_or(0, |span| span.start);
        let line = text.get(..start).map_or(1, |before| before.matches('\n').count() + 1);
        let message = error.message().to_owned();
        ConfigError::Content { path: path.display().to_string(), line, hint: did_you_mean(&message), message }
    })
}

/// From "unknown field `lisen`, expected one of `listen`, `names`": the nearest of what was expected.
fn did_you_mean(message: &str) -> Option<String> {
    let mut quoted = message.split('`').skip(1).step_by(2);
    let wrong = message.starts_with("unknown").then(|| quoted.next()).flatten()?;
    let (nearness, nearest) = quoted
        .map(|right| (strsim::jaro_winkler(wrong, right), right))
        .max_by(|(one, _), (other, _)| one.total_cmp(other))?;
    (nearness > 0.75).then(|| format!("did you mean '{nearest}'?"))
}

fn check<M>(file: &File<M>) -> Result<(), ConfigError> {
    let bounds = |key, value: u64, least: u64, most: u64| {
        if (least..=most).contains(&value) {
            Ok(())
        } else {
            Err(ConfigError::Value { key, message: format!("{value} is not between {least} and {most}") })
        }
    };
    let server = &file.server;
    bounds("server.workers", server.workers as u64, 0, 256)?;
    bounds("server.max_connections", server.max_connections as u64, 8, 65_536)?;
    bounds("server.upload_limit_bytes", server.upload_limit_bytes as u64, 1, 64 << 20)?;
    bounds("server.request_timeout_secs", server.request_timeout_secs, 1, 600)?;
    bounds("server.keep_alive_secs", server.keep_alive_secs, 1, 3600)?;
    let process = &file.process;
    bounds("process.max_running", process.max_running.into(), 0, 10_000)?;
    bounds("process.warm", process.warm.into(), 0, 64)?;
    bounds("process.max_steps", process.max_steps.into(), 1, 100_000)?;
    bounds("process.memory_bytes", process.memory_bytes, 64 << 20, 1 << 46)?;
    bounds("process.processes", process.processes.into(), 4, 100_000)?;
    bounds("process.open_files", process.open_files.into(), 16, 1 << 20)?;
    bounds("process.file_bytes", process.file_bytes, 1 << 10, 1 << 46)?;
    bounds("process.cpu_secs", process.cpu_secs, 1, 1 << 40)?;
    let snapshots = &file.snapshots;
    bounds("snapshots.every_hours", snapshots.every_hours.into(), 0, 8760)?;
    bounds("snapshots.keep", snapshots.keep.into(), 1, 1000)?;
    bounds("snapshots.max_bytes", snapshots.max_bytes, 1 << 20, 1 << 46)?;
    let channels = &file.channels;
    bounds("channels.queue_messages", channels.queue_messages.into(), 1, 100_000)?;
    bounds("channels.keep_messages", channels.keep_messages.into(), 1, 10_000_000)?;
    bounds("channels.posts_per_minute", channels.posts_per_minute.into(), 1, 1_000_000_000)?;
    let quotas = &file.quotas;
    bounds("quotas.cpu_secs", quotas.cpu_secs, 1, 365 * 86_400)?;
    bounds("quotas.memory_bytes", quotas.memory_bytes, 64 << 20, 1 << 46)?;
    bounds("quotas.disk_bytes", quotas.disk_bytes, 1 << 20, 1 << 46)?;
    bounds("quotas.processes", quotas.processes.into(), 8, 4096)?;
    bounds("quotas.open_files", quotas.open_files.into(), 32, 1_000_000)?;
    bounds("quotas.tokens", quotas.tokens, 1, 1_000_000_000_000)?;
    bounds("quotas.wall_secs", quotas.wall_secs, 1, 365 * 86_400)?;
    bounds("quotas.warn_percent", quotas.warn_percent.into(), 1, 99)?;
    bounds("quotas.look_every_ms", quotas.look_every_ms, 10, 60_000)?;
    let pressure = &quotas.pressure;
    bounds("quotas.pressure.memory_percent", pressure.memory_percent.into(), 0, 100)?;
    bounds("quotas.pressure.io_percent", pressure.io_percent.into(), 0, 100)?;
    bounds("quotas.pressure.cpu_percent", pressure.cpu_percent.into(), 0, 100)?;
    let identity = &file.identity;
    bounds("identity.session_days", identity.session_days.into(), 1, 3650)?;
    bounds("identity.anonymous_per_minute", identity.anonymous_per_minute.into(), 1, 1_000_000)?;
    bounds("identity.signed_in_per_minute", identity.signed_in_per_minute.into(), 1, u32::MAX.into())?;
    if file.device_name.len() > 64 || file.device_name.chars().any(char::is_control) {
        let message = "a name has at most 64 bytes and no control characters".to_owned();
        return Err(ConfigError::Value { key: "device_name", message });
    }
    Ok(())
}

/// As given, else where the service's supervisor says, else the user's own place.
fn state_dir(given: Option<PathBuf>) -> Result<PathBuf, ConfigError> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    given
        .or_else(|| variable("STATE_DIRECTORY"))
        .or_else(|| variable("XDG_DATA_HOME").map(|dir| dir.join("aether")))
        .or_else(|| variable("HOME").map(|home| home.join(".local/share/aether")))
        .ok_or(ConfigError::NoStateDir)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistake(text: &str) -> String {
        parse::<toml::Table>(text, Path::new("aether.toml")).unwrap_err().to_string()
    }

    #[test]
    fn a_mistake_is_named_with_its_line_and_what_was_meant() {
        let told = mistake("device_name = \"x\"\n[server]\nlisen = \"127.0.0.1:1\"\n");
        assert!(told.starts_with("aether.toml, line 3: unknown field `lisen`"), "{told}");
        assert!(told.ends_with("hint: did you mean 'listen'?"), "{told}");
        assert!(mistake("[sever]\n").contains("did you mean 'server'?"));
        assert!(mistake("[server]\nlisten = 5\n").contains("line 2"));
        assert!(!mistake("[server]\nqqqq = 5\n").contains("hint"));
        assert!(mistake("[server\n").contains("line 1"));
    }

    #[test]
    fn the_documented_file_is_the_default() {
        let text = include_str!("../../../configs/aether.toml");
        let file: File<toml::Table> = parse(text, Path::new("configs/aether.toml")).unwrap();
        let default = File::<toml::Table>::default();
        let server = |file: &File<toml::Table>| toml::to_string(&file.server).unwrap();
        assert_eq!(server(&file), server(&default));
        assert_eq!(file.process, default.process);
        assert_eq!(file.identity, default.identity);
        assert_eq!(file.snapshots, default.snapshots);
        assert_eq!(file.channels, default.channels);
        assert_eq!(file.network, default.network);
        assert_eq!(file.quotas, default.quotas);
        // Every key of the sections is in the file, if only as a comment.
        for section in [
            server(&default),
            toml::to_string(&default.process).unwrap(),
            toml::to_string(&default.identity).unwrap(),
            toml::to_string(&default.snapshots).unwrap(),
            toml::to_string(&default.channels).unwrap(),
            toml::to_string(&default.network).unwrap(),
            toml::to_string(&default.quotas).unwrap(),
        ] {
            for key in section.lines().filter_map(|line| line.split_once(" = ")).map(|(key, _)| key) {
                assert!(
                    text.lines().any(|line| line.trim_start_matches("# ").starts_with(&format!("{key} = "))),
                    "{key}"
                );
            }
        }
    }

    #[test]
    fn values_out_of_bounds_are_refused() {
        let refused = |text| {
            let file: File<toml::Table> = parse(text, Path::new("x")).unwrap();
            check(&file).unwrap_err().to_string()
        };
        assert!(refused("[server]\nmax_connections = 0").starts_with("server.max_connections"));
        assert!(refused("[process]\nmax_steps = 0").starts_with("process.max_steps"));
        assert!(refused("[snapshots]\nkeep = 0").starts_with("snapshots.keep"));
        assert!(refused("[channels]\nqueue_messages = 0").starts_with("channels.queue_messages"));
        assert!(refused("[identity]\nsession_days = 0").starts_with("identity.session_days"));
        assert!(refused("[quotas]\ntokens = 0").starts_with("quotas.tokens"));
        assert!(refused("[quotas]\nwarn_percent = 100").starts_with("quotas.warn_percent"));
    }
}
