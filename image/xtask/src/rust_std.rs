//! Rust's standard library for WebAssembly: from rustup where it can fetch it, else built from Debian's source of
//! exactly this compiler.

use std::{fs, path::PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::{
    command::{command, output, run, say, succeeds},
    project,
};

const TARGET: &str = "wasm32-unknown-unknown";
/// The release that rust-toolchain.toml pins, and Debian's package of its source.
const RUST_VERSION: &str = "1.95.0";
const SOURCE_PACKAGE: &str = "rust-src=1.95.0+dfsg1-2~bpo13+1";
const SOURCE_SUITE: &str = "trixie-backports";
const SOURCE_SHA256: &str = "7b76db5b880a77f9e52975d2baa6209d2f76d2c9c2789515c3088cb960e2c83b";

/// Whether the toolchain has it.
pub(crate) fn is_there() -> Result<bool> {
    let folder = library()?;
    let Ok(entries) = fs::read_dir(folder) else { return Ok(false) };
    Ok(entries.filter_map(Result::ok).any(|entry| {
        let is_library = entry.path().extension().is_some_and(|extension| extension == "rlib");
        is_library && entry.file_name().to_string_lossy().starts_with("libstd-")
    }))
}

/// Brings it where it is missing.
pub(crate) fn ensure() -> Result<()> {
    if is_there()? {
        return Ok(());
    }
    say("Bringing Rust's standard library for WebAssembly");
    if succeeds(&mut command("rustup", ["target", "add", TARGET])) && is_there()? {
        return Ok(());
    }
    say("rustup could not fetch it; building it from Debian's source of this compiler (about a minute)");
    build()
}

fn build() -> Result<()> {
    let version = output(&mut command("rustc", ["-vV"]))?;
    if !version.contains(&format!("release: {RUST_VERSION}")) {
        bail!("the compiler is not {RUST_VERSION}, whose source this would build");
    }
    let hash = version.lines().find_map(|line| line.strip_prefix("commit-hash: ")).unwrap_or_default();
    let work = project::cache()?.join("rust-std");
    let source = unpack(&work)?;

    let mut cargo = crate::command::cargo(["build", "--locked", "--profile", "dist", "-p", "sysroot"]);
    cargo
        .args(["--target", TARGET, "--features", "compiler-builtins-mem"])
        .current_dir(&source)
        .env("CARGO_TARGET_DIR", work.join("target"))
        // What the compiler's own build passes for std; without it std does not compile.
        .env("RUSTC_BOOTSTRAP", "1")
        .env("__CARGO_DEFAULT_LIB_METADATA", "stablestd")
        .env(
            "RUSTFLAGS",
            format!(
                "-Zforce-unstable-if-unmarked --remap-path-prefix={}=/rustc/{hash}/library",
                source.display()
            ),
        );
    run(&mut cargo)?;

    let built = work.join("target").join(TARGET).join("dist/deps");
    let library = library()?;
    let fresh = library.with_extension("new");
    let _ = fs::remove_dir_all(&fresh);
    fs::create_dir_all(&fresh)?;
    for entry in fs::read_dir(&built)? {
        let entry = entry?;
        let (path, name) = (entry.path(), entry.file_name());
        let is_library = path.extension().is_some_and(|extension| extension == "rlib");
        if is_library && !name.to_string_lossy().starts_with("libsysroot-") {
            fs::copy(&path, fresh.join(&name))?;
        }
    }
    let _ = fs::remove_dir_all(&library);
    fs::rename(&fresh, &library)
        .with_context(|| format!("putting the library into {}", library.display()))?;
    fs::remove_dir_all(&work).context("removing the scratch folder")
}

/// Fetches and checks the source package; returns the folder of `library/`.
fn unpack(work: &std::path::Path) -> Result<PathBuf> {
    let _ = fs::remove_dir_all(work);
    for folder in ["apt/lists/partial", "apt/cache/archives/partial"] {
        fs::create_dir_all(work.join(folder))?;
    }
    let sources = fs::read_to_string("/etc/apt/sources.list.d/debian.sources")
        .context("finding the Debian mirror in /etc/apt/sources.list.d/debian.sources")?;
    let mirror =
        sources.lines().find_map(|line| line.strip_prefix("URIs:")).context("a mirror in debian.sources")?;
    let mirror = mirror.split_whitespace().next().context("a mirror in debian.sources")?;
    fs::write(
        work.join("apt/sources.list"),
        format!(
            "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] {mirror} {SOURCE_SUITE} main\n"
        ),
    )?;
    fs::write(work.join("apt/status"), "")?;
    let apt = work.join("apt");
    let apt = apt.display();
    // A configuration of its own: the system's lists and sources stay as they are.
    fs::write(
        work.join("apt.conf"),
        format!(
            "Dir::State::Lists \"{apt}/lists\";\nDir::State::Status \"{apt}/status\";\n\
             Dir::Cache \"{apt}/cache\";\nDir::Etc::SourceList \"{apt}/sources.list\";\n\
             Dir::Etc::SourceParts \"/dev/null\";\nDir::Etc::Preferences \"/dev/null\";\n\
             Dir::Etc::PreferencesParts \"/dev/null\";\nAPT::Sandbox::User \"\";\n"
        ),
    )?;
    for arguments in [["-q", "update"], ["download", SOURCE_PACKAGE]] {
        let mut apt = command("apt-get", arguments);
        run(apt.env("APT_CONFIG", work.join("apt.conf")).current_dir(work).stdout(std::io::stderr()))?;
    }
    let package = fs::read_dir(work)?
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|extension| extension == "deb"))
        .context("the downloaded package")?;
    let sum = output(command("sha256sum", [&package]).current_dir(work))?;
    if !sum.starts_with(SOURCE_SHA256) {
        bail!("the source package has another hash than expected: {sum}");
    }
    let unpacked = work.join("source");
    fs::create_dir_all(&unpacked)?;
    run(command("dpkg-deb", ["--extract"]).arg(&package).arg(&unpacked))?;
    let source = unpacked.join(format!("usr/src/rustc-{RUST_VERSION}/library"));
    if !source.is_dir() {
        bail!("the source package does not hold {}", source.display());
    }
    Ok(source)
}

/// Where the toolchain keeps the target's libraries.
fn library() -> Result<PathBuf> {
    let sysroot = output(command("rustc", ["--print", "sysroot"]).current_dir(project::root()))?;
    Ok(PathBuf::from(sysroot).join("lib/rustlib").join(TARGET).join("lib"))
}
