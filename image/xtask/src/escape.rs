//! `cargo xtask escape`: the attempts to leave a sandbox, as a table.

use anyhow::Result;

use crate::{
    command::{cargo, run as execute, say},
    setup::{self, Need},
    test::WORKSPACE,
};

pub(crate) fn run() -> Result<()> {
    setup::packages(&[Need::Build, Need::Agents])?;
    say("Building the agent and the attempts");
    execute(cargo(["build"]).args(WORKSPACE))?;
    let mut test = cargo(["test", "--package", "aether-tests", "--test", "escape", "--", "--nocapture"]);
    execute(&mut test)?;
    Ok(())
}
