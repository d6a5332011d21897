//! What can be done with files.

use clap::Subcommand;

/// What to do with files.
#[derive(Debug, Subcommand)]
#[command(
    after_help = "Paths are PLACE:PATH. PLACE is home, shared, or a process (PID or name); your home when left out.\n\nExamples:\n  aether fs ls scribe-1:\n  aether fs put notes.md shared:notes.md\n  aether fs get scribe-1:out/report.md"
)]
pub(crate) enum FsCommand {
    /// Lists a folder.
    Ls {
        /// The folder.
        #[arg(default_value = "home:")]
        path: String,
    },
    /// Prints a file.
    Cat {
        /// The file.
        path: String,
    },
    /// Copies a local file there, of any size. Goes on where an attempt before was cut off.
    #[command(after_help = "Example:\n  aether fs put film.mkv shared:films/")]
    Put {
        /// The local file; `-` is stdin.
        local: String,
        /// Where to; a path that ends in `/` or `:` keeps the name.
        remote: String,
        /// Begins anew also where an attempt before was cut off.
        #[arg(long)]
        no_resume: bool,
    },
    /// Copies a file from there, of any size. Goes on where an attempt before was cut off.
    Get {
        /// Which.
        remote: String,
        /// Where to; `-` is stdout [default: its name, in the current folder].
        local: Option<String>,
        /// Replaces a local file.
        #[arg(short, long)]
        force: bool,
        /// Begins anew also where an attempt before was cut off.
        #[arg(long)]
        no_resume: bool,
    },
    /// Makes a folder and those above it.
    Mkdir {
        /// Which.
        path: String,
    },
    /// Puts a file or a folder into the trash of its place; `restore` brings it back.
    Rm {
        /// Which.
        path: String,
        /// Removes it for good.
        #[arg(long)]
        forever: bool,
        /// With --forever: also a folder with something in it.
        #[arg(short, long)]
        recursive: bool,
    },
    /// Lists the trash of a place, newest first.
    Trash {
        /// The place.
        #[arg(default_value = "home:")]
        place: String,
        /// Removes for good what is in it.
        #[arg(long)]
        empty: bool,
        /// With --empty: only what was thrown away at least so many days ago.
        #[arg(long, value_name = "DAYS", requires = "empty")]
        older_than: Option<u32>,
    },
    /// Brings something back from the trash.
    #[command(
        after_help = "Examples:\n  aether fs restore notes.txt\n  aether fs restore scribe-1:poem.md old/poem.md"
    )]
    Restore {
        /// Its place and its name in the trash (see `aether fs trash`).
        name: String,
        /// Where to, in the same place [default: where it was].
        to: Option<String>,
        /// Under a new name beside it where there is something already.
        #[arg(long)]
        rename: bool,
    },
    /// Finds files by name, by content, or by both.
    #[command(
        after_help = "Examples:\n  aether fs search '*.md' shared:\n  aether fs search --content TODO home:Projects"
    )]
    Search {
        /// A part of the name, or a pattern with `*`, `?` and `[…]` for the whole of it.
        #[arg(required_unless_present = "content")]
        name: Option<String>,
        /// The folder to begin with [default: home:].
        path: Option<String>,
        /// What a line of the file contains.
        #[arg(short, long, value_name = "TEXT")]
        content: Option<String>,
        /// The content is a regular expression.
        #[arg(long, requires = "content")]
        regex: bool,
        /// Capitals count in the content.
        #[arg(long, requires = "content")]
        match_case: bool,
        /// Also what has a name that begins with a dot.
        #[arg(short = 'a', long)]
        hidden: bool,
        /// At most so many files.
        #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=1000), value_name = "N")]
        limit: u32,
    },
    /// Shows what a folder holds, and which of its entries hold how much of that.
    Usage {
        /// The folder.
        #[arg(default_value = "home:")]
        path: String,
    },
    /// Moves or renames within a place.
    Mv {
        /// From.
        from: String,
        /// To.
        to: String,
        /// Replaces what is there.
        #[arg(short, long)]
        force: bool,
    },
    /// Copies within a place.
    Cp {
        /// From.
        from: String,
        /// To.
        to: String,
        /// Replaces what is there.
        #[arg(short, long)]
        force: bool,
    },
    /// Tells what a path is.
    Stat {
        /// Which.
        path: String,
    },
}
