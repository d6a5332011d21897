//! `cargo xtask escape`: the attempts to leave a sandbox, as a table.

use anyhow::{Context as _, Result};

use crate::{
    command::{cargo, command, output, run as execute, say},
    project,
    setup::{self, Need},
    test::WORKSPACE,
};

/// Tries to get out of a real sandbox.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Write the table into SECURITY.md
    #[arg(long)]
    write: bool,
}

/// Where the table stands in SECURITY.md.
const BEGIN: &str = "<!-- written by `cargo xtask escape --write` -->\n";
const END: &str = "<!-- end of what is written -->";

pub(crate) fn run(options: &Options) -> Result<()> {
    setup::packages(&[Need::Build, Need::Agents])?;
    say("Building the agent and the attempts");
    execute(cargo(["build"]).args(WORKSPACE))?;
    let suite = project::programs(false).join("aether-escape");
    let suite = suite.to_str().context("the target directory's name is not UTF-8")?;
    if !options.write {
        return execute(&mut command(suite, [""; 0])).map(|_| ());
    }
    let table = output(&mut command(suite, ["--markdown"]))?;
    let path = project::root().join("SECURITY.md");
    let text = std::fs::read_to_string(&path)?;
    let (before, rest) = text.split_once(BEGIN).context("SECURITY.md has no place for the table")?;
    let (_, after) = rest.split_once(END).context("SECURITY.md has no end of the table")?;
    std::fs::write(&path, format!("{before}{BEGIN}{table}\n{END}{after}"))?;
    say("The table in SECURITY.md is written");
    Ok(())
}
