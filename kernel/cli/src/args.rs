//! What can be typed.

mod channels;
mod files;
mod quotas;
mod snapshots;

use aether_client::Fingerprint;
use aether_protocol::{SessionId, TerminalId, process::SignalName};
use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use channels::ChannelCommand;
pub(crate) use files::FsCommand;
pub(crate) use quotas::QuotaArgs;
pub(crate) use snapshots::SnapshotCommand;

const AFTER_HELP: &str = "\
A process is named by its PID or by its agent's name. Files are named PLACE:PATH, where PLACE
is home, shared, or a process; without a place the path lies in your own home.

Exit status:
  0  done                          6  the kernel cannot be reached, or a part of it is not available
  1  failed                        7  interrupted: it may or may not have taken effect
  2  malformed command or input    8  too many calls, or a quota is used up
  3  not signed in                10  the agent ended without reaching its goal (spawn --wait, wait)
  4  no such thing             128+N  the agent was ended by signal N (spawn --wait, wait)
  5  not allowed

First steps:
  aether setup --code ABCD-EFGH
  aether spawn --role scribe --wait 'create hello.txt containing the word hello'
  aether fs cat scribe-1:hello.txt";

/// Talks to Aether: agents, their processes, their files.
#[derive(Debug, Parser)]
#[command(name = "aether", version, after_help = AFTER_HELP, max_term_width = 110, propagate_version = false)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Global {
    /// Prints JSON on stdout (lists as an array, streams as a line for each item), errors as JSON on stderr.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// The kernel's address [default: the profile's, else https://127.0.0.1:7380].
    #[arg(long, global = true, env = "AETHER_ADDRESS", value_name = "URL")]
    pub(crate) address: Option<String>,
    /// The SHA-256 fingerprint of the kernel's certificate, as its screen shows it.
    #[arg(long, global = true, env = "AETHER_FINGERPRINT", value_name = "HEX")]
    pub(crate) fingerprint: Option<Fingerprint>,
    /// Which stored credentials to use.
    #[arg(long, global = true, env = "AETHER_PROFILE", default_value = "default", value_name = "NAME")]
    pub(crate) profile: String,
    /// Answers yes where a question would be asked.
    #[arg(short, long, global = true)]
    pub(crate) yes: bool,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Creates the owner of a fresh device, with the one-time code that it shows.
    #[command(after_help = "Example:\n  aether setup --code ABCD-EFGH --name ada")]
    Setup {
        /// The one-time code; asked for when left out.
        #[arg(long, env = "AETHER_SETUP_CODE", hide_env_values = true)]
        code: Option<String>,
        #[command(flatten)]
        who: Who,
    },
    /// Signs in and keeps the session.
    #[command(
        after_help = "Examples:\n  aether login --name ada\n  aether --address https://attic.local:7380 --fingerprint 3F:… login --name ada\n  pass aether | aether login --name ada --password-stdin"
    )]
    Login {
        #[command(flatten)]
        who: Who,
    },
    /// Ends the session and forgets it.
    Logout,
    /// Who is signed in.
    Whoami,
    /// Deploys an agent.
    #[command(
        after_help = "Examples:\n  aether spawn --role scribe 'write a haiku about rain into haiku.txt'\n  aether spawn --role coder --model ollama:qwen3 --max-steps 40 --wait - < task.md\n  aether spawn --agent scribe-1 'now translate it'"
    )]
    Spawn(Spawn),
    /// Lists processes, highest PID first.
    #[command(after_help = "Examples:\n  aether ps\n  aether ps --all --json | jq '.[].name'")]
    Ps {
        /// Also those that have ended.
        #[arg(short, long)]
        all: bool,
        /// Only those that have ended.
        #[arg(long, conflicts_with = "all")]
        ended: bool,
        /// At most so many.
        #[arg(long, default_value_t = 200, value_name = "N")]
        limit: usize,
    },
    /// Lists agents: the identities that keep their home over many lives.
    Agents {
        /// Lists when left out.
        #[command(subcommand)]
        command: Option<AgentsCommand>,
    },
    /// Shows what a process did, step by step.
    #[command(after_help = "Examples:\n  aether logs scribe-1\n  aether logs -f 7")]
    Logs {
        /// PID or name.
        process: String,
        /// Goes on until the process ends.
        #[arg(short, long)]
        follow: bool,
        /// Only steps after this one.
        #[arg(long, value_name = "INDEX")]
        after: Option<u32>,
        /// Whole texts, not only their beginnings.
        #[arg(long)]
        full: bool,
    },
    /// Sends a signal to a whole process tree.
    #[command(after_help = "Example:\n  aether signal STOP scribe-1 7")]
    Signal {
        /// TERM, KILL, STOP, CONT, INT, USR1 or USR2.
        #[arg(value_parser = parse_signal)]
        signal: SignalName,
        /// PIDs or names.
        #[arg(required = true)]
        processes: Vec<String>,
    },
    /// Ends processes: TERM, or another signal.
    #[command(after_help = "Examples:\n  aether kill scribe-1\n  aether kill -s KILL 7 8")]
    Kill {
        /// The signal.
        #[arg(short, long, default_value = "TERM", value_parser = parse_signal)]
        signal: SignalName,
        /// PIDs or names.
        #[arg(required = true)]
        processes: Vec<String>,
    },
    /// Freezes processes (signal STOP).
    Stop {
        /// PIDs or names.
        #[arg(required = true)]
        processes: Vec<String>,
    },
    /// Lets stopped processes go on (signal CONT).
    Cont {
        /// PIDs or names.
        #[arg(required = true)]
        processes: Vec<String>,
    },
    /// Takes over: the agent stands still before its next thought or call.
    Pause {
        /// PIDs or names.
        #[arg(required = true)]
        processes: Vec<String>,
    },
    /// Lets a paused agent go on.
    Resume {
        /// PIDs or names.
        #[arg(required = true)]
        processes: Vec<String>,
    },
    /// Grants more steps to an agent that has used up its own.
    Continue {
        /// PID or name.
        process: String,
        /// How many thoughts more.
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
        steps: u32,
    },
    /// Changes the priority of a process, 1 (highest) to 5.
    Renice {
        /// PID or name.
        process: String,
        /// 1 (highest) to 5.
        #[arg(value_parser = clap::value_parser!(u8).range(1..=5))]
        priority: u8,
    },
    /// Shows what a process may use and has used, or changes it; one that was paused at a limit then goes on.
    #[command(
        after_help = "Examples:\n  aether quota scribe-1\n  aether quota 7 --tokens 200000 --cpu-secs 600"
    )]
    Quota {
        /// PID or name.
        process: String,
        #[command(flatten)]
        quotas: QuotaArgs,
        /// Thoughts.
        #[arg(long, value_name = "N")]
        steps: Option<u32>,
    },
    /// Says something to an agent; answers its question, where it has asked one.
    #[command(visible_aliases = ["answer", "message"], after_help = "Example:\n  aether say scribe-1 make it rhyme")]
    Say {
        /// PID or name.
        process: String,
        /// What to say; `-` reads it from stdin.
        #[arg(required = true)]
        text: Vec<String>,
    },
    /// Opens a terminal: inside a process's sandbox, or in your own home.
    #[command(
        after_help = "Examples:\n  aether attach scribe-1\n  aether attach\n  aether attach --terminal 0193…   (comes back to one that you left)"
    )]
    Attach {
        /// PID or name; your own home when left out.
        process: Option<String>,
        /// Comes back to a terminal that goes on (see `aether terminals`).
        #[arg(long, value_name = "ID", conflicts_with = "process")]
        terminal: Option<TerminalId>,
        /// The key that leaves the terminal without ending it, as ^ and a character.
        #[arg(long, default_value = "^]", value_parser = parse_key, value_name = "KEY")]
        detach_key: u8,
    },
    /// Lists terminals that go on.
    Terminals,
    /// Records what a terminal shows into a new file in your home (asciicast v2).
    #[command(
        after_help = "Examples:\n  aether record 0193… lesson.cast\n  aether record 0193… --stop\n  aether replay lesson.cast"
    )]
    Record {
        /// Which (see `aether terminals`).
        terminal: TerminalId,
        /// The new file.
        #[arg(required_unless_present = "stop", conflicts_with = "stop")]
        path: Option<String>,
        /// Ends the recording; the shell goes on.
        #[arg(long)]
        stop: bool,
    },
    /// Plays a recording in this terminal.
    #[command(after_help = "Example:\n  aether replay lesson.cast --speed 2")]
    Replay {
        /// The file, in your home.
        path: String,
        /// How many times faster than it was.
        #[arg(long, default_value_t = 1.0, value_parser = parse_speed)]
        speed: f64,
        /// No pause is longer.
        #[arg(long, default_value_t = 2.0, value_name = "SECS", value_parser = parse_pause)]
        longest_pause_secs: f64,
    },
    /// Waits until processes have ended; the exit status tells how.
    #[command(after_help = "Example:\n  aether wait scribe-1 && aether fs cat scribe-1:haiku.txt")]
    Wait {
        /// PIDs or names.
        #[arg(required = true)]
        processes: Vec<String>,
        /// Gives up after so many seconds, with status 1.
        #[arg(long, value_name = "SECS")]
        timeout: Option<u64>,
    },
    /// Files in your home, in agents' homes, in the shared folder.
    #[command(visible_alias = "files")]
    Fs {
        /// What to do.
        #[command(subcommand)]
        command: FsCommand,
    },
    /// What agents and people say to each other: channels and direct threads.
    #[command(visible_alias = "channels")]
    Channel {
        /// What to do.
        #[command(subcommand)]
        command: ChannelCommand,
    },
    /// Snapshots: agents at one moment, to go back to or to copy.
    Snapshot {
        /// What to do.
        #[command(subcommand)]
        command: SnapshotCommand,
    },
    /// Removes what nothing refers to any more: homes of removed agents, archives, work and uploads that were cut off;
    /// and what was thrown away more than 30 days ago.
    #[command(after_help = "Example:\n  aether gc --dry-run")]
    Gc {
        /// Only shows what would be removed, and why.
        #[arg(short = 'n', long)]
        dry_run: bool,
    },
    /// Lists the models that can be chosen.
    Models,
    /// Lists the roles that can be deployed.
    Roles,
    /// Lists the devices that are signed in.
    Sessions {
        /// Ends this session.
        #[arg(long, value_name = "ID")]
        revoke: Option<SessionId>,
    },
    /// How the kernel is.
    Status,
    /// Checks the way to the kernel, and what its host can and cannot give.
    Doctor,
    /// Shows what happened in the system.
    #[command(
        after_help = "Examples:\n  aether events --after 100\n  aether events -f --json | jq .body.event"
    )]
    Events {
        /// Goes on with what happens from now on.
        #[arg(short, long)]
        follow: bool,
        /// Only events after this one.
        #[arg(long, value_name = "SEQ")]
        after: Option<u64>,
        /// At most so many, the newest (without --follow).
        #[arg(long, default_value_t = 50, value_name = "N")]
        limit: u32,
    },
    /// Prints a completion script for a shell.
    #[command(
        after_help = "Example:\n  aether completion bash > ~/.local/share/bash-completion/completions/aether"
    )]
    Completion {
        /// Which shell.
        shell: Shell,
    },
}

/// Who signs in.
#[derive(Debug, Args)]
pub(crate) struct Who {
    /// The account's name [default: the name you are logged in with on this computer].
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Reads the password from stdin. Otherwise from AETHER_PASSWORD, else it is asked for.
    #[arg(long)]
    pub(crate) password_stdin: bool,
}

/// What to deploy.
#[derive(Debug, Args)]
pub(crate) struct Spawn {
    /// What it shall do; `-` reads it from stdin.
    #[arg(required = true)]
    pub(crate) goal: Vec<String>,
    /// The role of a new agent (see `aether roles`).
    #[arg(short, long, required_unless_present = "agent")]
    pub(crate) role: Option<String>,
    /// A new life for this agent.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["role", "name"])]
    pub(crate) agent: Option<String>,
    /// The new agent's name.
    #[arg(short, long)]
    pub(crate) name: Option<String>,
    /// The model (see `aether models`).
    #[arg(short, long)]
    pub(crate) model: Option<String>,
    /// Grants only this tool of the role's; may be repeated.
    #[arg(long = "tool", value_name = "TOOL")]
    pub(crate) tools: Vec<String>,
    /// 1 (highest) to 5.
    #[arg(short, long, value_parser = clap::value_parser!(u8).range(1..=5))]
    pub(crate) priority: Option<u8>,
    /// Thoughts before it must ask for more.
    #[arg(long, value_name = "N")]
    pub(crate) max_steps: Option<u32>,
    /// A host that it may reach, instead of the role's: a name, *. and a name, or an address; may be repeated.
    /// `,local` allows addresses of the local network, `none` takes the role's away.
    #[arg(long, value_name = "HOST[:PORT][,local]")]
    pub(crate) network: Vec<String>,
    #[command(flatten)]
    pub(crate) quotas: QuotaArgs,
    /// Shows its steps until it ends; the exit status tells how.
    #[arg(short, long)]
    pub(crate) wait: bool,
}

/// What to do with agents.
#[derive(Debug, Subcommand)]
pub(crate) enum AgentsCommand {
    /// Lists agents, newest first.
    Ls {
        /// At most so many.
        #[arg(long, default_value_t = 200, value_name = "N")]
        limit: usize,
    },
    /// Lists the lives of an agent, newest first.
    Lives {
        /// The agent's name or id.
        agent: String,
    },
    /// Removes an agent that does not run: identity, home and history. Only its snapshots stay.
    Rm {
        /// The agent's name or id.
        agent: String,
    },
}

/// Shells with completion.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Shell {
    /// GNU Bash.
    Bash,
    /// Elvish.
    Elvish,
    /// Fish.
    Fish,
    /// PowerShell.
    Powershell,
    /// Z shell.
    Zsh,
}

fn parse_signal(text: &str) -> Result<SignalName, String> {
    let upper = text.to_ascii_uppercase();
    Ok(match upper.strip_prefix("SIG").unwrap_or(&upper) {
        "TERM" | "15" => SignalName::Term,
        "KILL" | "9" => SignalName::Kill,
        "STOP" | "19" => SignalName::Stop,
        "CONT" | "18" => SignalName::Cont,
        "INT" | "2" => SignalName::Int,
        "USR1" | "10" => SignalName::Usr1,
        "USR2" | "12" => SignalName::Usr2,
        _ => return Err("there are TERM, KILL, STOP, CONT, INT, USR1 and USR2".into()),
    })
}

/// `^]`, `^a`, `^\`: the control key of a character.
fn parse_speed(text: &str) -> Result<f64, String> {
    let speed: f64 = text.parse().map_err(|_| "this is no number".to_owned())?;
    if (0.01..=1000.0).contains(&speed) { Ok(speed) } else { Err("0.01 to 1,000 are possible".to_owned()) }
}

fn parse_pause(text: &str) -> Result<f64, String> {
    let secs: f64 = text.parse().map_err(|_| "this is no number".to_owned())?;
    if (0.0..=3600.0).contains(&secs) { Ok(secs) } else { Err("0 to 3,600 seconds are possible".to_owned()) }
}

fn parse_key(text: &str) -> Result<u8, String> {
    let mut characters = text.chars();
    match (characters.next(), characters.next(), characters.next()) {
        (Some('^'), Some(key), None) if matches!(key.to_ascii_uppercase(), '@'..='_') => {
            Ok(key.to_ascii_uppercase() as u8 & 0x1f)
        }
        _ => Err("write it as ^ and a letter or one of @ [ \\ ] ^ _".into()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_and_option_has_help() {
        fn check(command: &clap::Command) {
            assert!(command.get_about().is_some(), "{} has no help", command.get_name());
            for arg in
                command.get_arguments().filter(|arg| !matches!(arg.get_id().as_str(), "help" | "version"))
            {
                assert!(arg.get_help().is_some(), "{} {} has no help", command.get_name(), arg.get_id());
            }
            command.get_subcommands().for_each(check);
        }
        check(&Cli::command());
    }

    #[test]
    fn signals_are_read_as_people_write_them() {
        for text in ["stop", "SIGSTOP", "19", "STOP"] {
            assert_eq!(parse_signal(text), Ok(SignalName::Stop));
        }
        assert!(parse_signal("HUP").is_err());
    }

    #[test]
    fn detach_keys_are_control_keys() {
        assert_eq!(parse_key("^]"), Ok(0x1d));
        assert_eq!(parse_key("^a"), Ok(1));
        for bad in ["", "]", "^", "^]]", "^1"] {
            assert!(parse_key(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_password_cannot_be_given_as_an_argument() {
        assert!(Cli::try_parse_from(["aether", "login", "--password", "x"]).is_err());
    }

    #[test]
    fn global_options_stand_anywhere() {
        let cli = Cli::try_parse_from(["aether", "ps", "--json", "--address", "https://x:1"]).unwrap();
        assert!(cli.global.json);
        assert_eq!(cli.global.address.as_deref(), Some("https://x:1"));
    }
}
