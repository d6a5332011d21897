//! What can be typed about snapshots.

use clap::Subcommand;

/// What to do with snapshots.
#[derive(Debug, Subcommand)]
#[command(
    after_help = "SNAPSHOT is an id or its beginning, or the name of an agent for its newest snapshot.\n\nExamples:\n  aether snapshot take scribe-1\n  aether snapshot restore scribe-1\n  aether snapshot clone scribe-1 --name scribe-2\n  aether snapshot export scribe-1 scribe.tar.zst"
)]
pub(crate) enum SnapshotCommand {
    /// Takes a snapshot of an agent. One that runs stands still for a moment; the answer says how long.
    Take {
        /// PID or name.
        agent: String,
    },
    /// Lists snapshots, newest first.
    Ls {
        /// Only those of this agent (PID or name).
        agent: Option<String>,
        /// At most so many.
        #[arg(long, default_value_t = 200, value_name = "N")]
        limit: usize,
    },
    /// Makes the agent what it was: its home is replaced, a new life goes on from the journal.
    Restore {
        /// Which.
        snapshot: String,
    },
    /// Makes a new agent from a snapshot.
    Clone {
        /// Which.
        snapshot: String,
        /// The new agent's name; made from the old one when left out.
        #[arg(short, long)]
        name: Option<String>,
    },
    /// Removes snapshots. There is no undo.
    Rm {
        /// Which, by their ids.
        #[arg(required = true)]
        snapshots: Vec<String>,
    },
    /// Writes a snapshot's archive to a local file.
    Export {
        /// Which.
        snapshot: String,
        /// Where to; `-` is stdout [default: ID.tar.zst in the current folder].
        file: Option<String>,
        /// Replaces a local file.
        #[arg(short, long)]
        force: bool,
    },
    /// Takes in an archive that was exported before.
    #[command(
        after_help = "An archive that another device has signed is refused; the refusal names that device's key.\nIf you trust the device, pass the key with --trust."
    )]
    Import {
        /// The local file.
        file: String,
        /// The key of another device whose archives you trust, in hex.
        #[arg(long, value_name = "KEY")]
        trust: Option<String>,
    },
    /// Checks the signature and every hash of snapshots.
    Verify {
        /// Which.
        #[arg(required_unless_present = "all")]
        snapshots: Vec<String>,
        /// All of them.
        #[arg(long, conflicts_with = "snapshots")]
        all: bool,
    },
}
