//! `cargo xtask test`: every test, with what it needs built and installed first.

use anyhow::Result;

use crate::{
    command::{cargo, run as execute, say},
    model, project, rust_std,
    setup::{self, Need},
    web,
};

/// Runs all tests.
#[derive(clap::Args, Default)]
pub(crate) struct Options {
    /// Only tests whose name contains this
    filter: Option<String>,
    /// Without the web desktop and the tests that drive it
    #[arg(long)]
    no_web: bool,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    setup::packages(&[Need::Build, Need::Agents, Need::Window, Need::Tests])?;
    rust_std::ensure()?;
    model::ensure()?;
    if !options.no_web {
        web::build(true)?;
    }
    say("Building programs and tests");
    // One build with one set of features: the tests find the programs beside themselves.
    execute(cargo(["build"]).args(WORKSPACE))?;
    say("Running the tests");
    let mut test = cargo(["test", "--no-fail-fast", "--config", LIMIT]);
    test.args(WORKSPACE).env("AETHER_TEST_MODELS", model::folder()?).env("AETHER_TEST_WEB", project::web());
    test.arg("--");
    if options.no_web {
        test.args(["--skip", "desktop_web"]);
    }
    if let Some(filter) = &options.filter {
        test.arg(filter);
    }
    execute(&mut test)?;
    Ok(())
}

/// What waits for ever fails within ten minutes; the test runner has named it by then ("has been running for …").
const LIMIT: &str = r#"target.'cfg(target_os = "linux")'.runner = ["timeout", "--foreground", "--verbose", "--kill-after=10", "600"]"#;

/// Everything in the workspace, with the local engine, and with a desktop that tells tests what it shows.
pub(crate) const WORKSPACE: [&str; 4] =
    ["--workspace", "--all-targets", "--features", "aether-llm/engine,aether-shell/inspect"];
