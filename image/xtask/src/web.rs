//! `cargo xtask web`: the desktop as WebAssembly, packed for the server.

use anyhow::{Context as _, Result};

use crate::{
    command::{cargo, run as execute, say},
    project, rust_std,
};

/// Builds the web desktop.
#[derive(clap::Args, Default)]
pub(crate) struct Options {
    /// For tests: tells where each named control is
    #[arg(long)]
    inspect: bool,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    rust_std::ensure()?;
    build(options.inspect)
}

/// Builds and packs. With `inspect`, the page tells tests where each named control is.
pub(crate) fn build(inspect: bool) -> Result<()> {
    say("Building the web desktop");
    let mut build = cargo(["build", "--package", "aether-shell", "--lib"]);
    build.args(["--target", "wasm32-unknown-unknown", "--profile", "wasm-release"]);
    if inspect {
        build.args(["--features", "inspect"]);
    }
    execute(&mut build)?;
    let module = project::target().join("wasm32-unknown-unknown/wasm-release/aether_shell.wasm");
    let mut pack = cargo(["run", "--quiet", "--package", "web-pack", "--"]);
    pack.arg(module).arg(project::root().join("shell/desktop/web")).arg(project::web());
    execute(&mut pack).context("packing the web desktop")?;
    Ok(())
}
