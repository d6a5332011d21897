//! What the command line and the environment say. They go before `aether.toml`.

use std::{net::SocketAddr, path::PathBuf};

use clap::Parser;

/// The kernel of Aether OS.
#[derive(Debug, Parser)]
#[command(
    version,
    about,
    after_help = "Exit status: 0 stopped as asked, 1 failed, 2 wrong arguments, 75 another aetherd has the state directory, 78 wrong configuration."
)]
pub(crate) struct Options {
    /// The configuration; /etc/aether/aether.toml, where there is one, when left out
    #[arg(long, env = "AETHER_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Where the state lies
    #[arg(long, env = "AETHER_STATE_DIR", value_name = "FOLDER")]
    pub state_dir: Option<PathBuf>,
    /// Where to listen; port 0 takes a free one
    #[arg(long, env = "AETHER_LISTEN", value_name = "ADDRESS:PORT")]
    pub listen: Option<SocketAddr>,
    /// The built web desktop
    #[arg(long, env = "AETHER_WEB_DIR", value_name = "FOLDER")]
    pub web_dir: Option<PathBuf>,
    /// The program that an agent is; beside aetherd when left out
    #[arg(long, env = "AETHER_AGENT_BINARY", value_name = "FILE")]
    pub agent_binary: Option<PathBuf>,
    /// What is logged: a level, or directives as tracing-subscriber reads them
    #[arg(long, env = "AETHER_LOG", value_name = "FILTER")]
    pub log: Option<String>,
    /// Checks the configuration and ends
    #[arg(long)]
    pub check_config: bool,
    /// Prints the configuration in force, with every default, and ends
    #[arg(long)]
    pub print_config: bool,
    /// Writes one line of JSON to the standard output once everything answers
    #[arg(long)]
    pub json_ready: bool,
    /// Writes the same line to this open file descriptor
    #[arg(long, value_name = "NUMBER")]
    pub ready_fd: Option<u32>,
}
