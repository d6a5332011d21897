//! What can be typed about channels.

use clap::Subcommand;

/// What to do with channels.
#[derive(Debug, Subcommand)]
#[command(
    after_help = "CHANNEL is a name, with or without '#', or an id; @AGENT is the direct thread with an agent.\n\nExamples:\n  aether channel create planning writer reviewer --topic \"The next release\"\n  aether channel post planning \"Begin with the notes\"\n  aether channel post @writer \"How far are you?\"\n  aether channel read planning --follow"
)]
pub(crate) enum ChannelCommand {
    /// Lists channels and direct threads, the one with the newest message first.
    Ls {
        /// At most so many.
        #[arg(long, default_value_t = 200, value_name = "N")]
        limit: usize,
    },
    /// Makes a channel.
    Create {
        /// 1 to 48 lower-case letters, digits, '-' or '_'.
        name: String,
        /// Agents that are members from the start.
        agents: Vec<String>,
        /// What it is for.
        #[arg(short, long, default_value = "")]
        topic: String,
    },
    /// Removes a channel with all that was said in it. There is no undo.
    Rm {
        /// Which.
        channel: String,
    },
    /// Shows who is in a channel, how far each has acknowledged, and what waits.
    Members {
        /// Which.
        channel: String,
    },
    /// Adds members.
    Add {
        /// Which.
        channel: String,
        /// Which agents; yourself when left out.
        agents: Vec<String>,
    },
    /// Ends memberships. What waits for the member is forgotten.
    Leave {
        /// Which.
        channel: String,
        /// Which agents; yourself when left out.
        agents: Vec<String>,
    },
    /// Says something in a channel, or to an agent directly.
    Post {
        /// Where: a channel, or @AGENT.
        channel: String,
        /// What.
        text: String,
        /// The number of the message that this belongs to.
        #[arg(long, value_name = "NUMBER")]
        thread: Option<u64>,
        /// What is sent twice under one key is said once.
        #[arg(long)]
        key: Option<String>,
    },
    /// Shows what was said, oldest first.
    Read {
        /// Which.
        channel: String,
        /// Goes on as more is said.
        #[arg(short, long)]
        follow: bool,
        /// Only messages with a greater number; the newest ones when left out.
        #[arg(long, value_name = "NUMBER")]
        after: Option<u64>,
        /// Only the thread that this message began.
        #[arg(long, value_name = "NUMBER")]
        thread: Option<u64>,
        /// At most so many to begin with.
        #[arg(long, default_value_t = 50, value_name = "N")]
        limit: u32,
    },
    /// Acknowledges what was said: it does not wait for you any more.
    Ack {
        /// Which.
        channel: String,
        /// Up to this message; the newest when left out.
        number: Option<u64>,
    },
    /// Lists whom you, and your agents, can write to.
    Peers,
}
