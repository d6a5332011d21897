//! `aether-agent exec` with one layer of the seal left out, for the escape suite: `weak-agent exec -- LAYER COMMAND…`.

use anyhow::{Context as _, Result, bail};

use aether_agent::seal::{Omitted, Profile, exec_with};

fn main() -> Result<()> {
    let mut words = std::env::args_os().skip(1).skip_while(|word| word == "exec" || word == "--");
    let layer = words.next().context("The first word is the layer to leave out")?;
    let without = match layer.to_str() {
        Some("landlock") => Omitted::Landlock,
        Some("seccomp") => Omitted::Seccomp,
        _ => bail!("The layer must be landlock or seccomp"),
    };
    let profile = Profile { without: Some(without), ..Profile::from_environment()? };
    match exec_with(&profile, words)? {}
}
