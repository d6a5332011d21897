//! `cargo xtask setup`: what is missing is named first, then installed.

use std::{path::Path, process::Command};

use anyhow::{Result, bail};

use crate::{
    command::{command, exists, say, succeeds},
    model, rust_std,
};

/// Installs what is missing.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Only say what is missing
    #[arg(long)]
    check: bool,
}

/// What a part of the work needs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// Building the kernel, with the local engine.
    Build,
    /// Running agents.
    Agents,
    /// The desktop in a native window.
    Window,
    /// Tests: a browser, a display, software rendering.
    Tests,
    /// A guest under QEMU.
    Guest,
}

/// A thing that must be there, and the Debian package that brings it.
struct Thing {
    need: Need,
    package: &'static str,
    is_there: fn() -> bool,
}

const THINGS: &[Thing] = &[
    Thing { need: Need::Build, package: "cmake", is_there: || exists("cmake") },
    Thing { need: Need::Build, package: "g++", is_there: || exists("g++") },
    Thing { need: Need::Build, package: "make", is_there: || exists("make") },
    // bindgen loads libclang; clang itself brings the headers that it looks for.
    Thing {
        need: Need::Build,
        package: "libclang-dev",
        is_there: || library("libclang.so") || llvm("libclang.so"),
    },
    Thing { need: Need::Build, package: "clang", is_there: || exists("clang") },
    Thing { need: Need::Build, package: "python3-pip", is_there: || exists("pip3") || exists("pip") },
    Thing { need: Need::Agents, package: "bubblewrap", is_there: || exists("bwrap") },
    Thing { need: Need::Window, package: "libgl1", is_there: || library("libGL.so.1") },
    Thing { need: Need::Window, package: "libegl1", is_there: || library("libEGL.so.1") },
    Thing {
        need: Need::Window,
        package: "libxkbcommon-x11-0",
        is_there: || library("libxkbcommon-x11.so.0"),
    },
    Thing { need: Need::Window, package: "libxcursor1", is_there: || library("libXcursor.so.1") },
    Thing { need: Need::Window, package: "libxi6", is_there: || library("libXi.so.6") },
    Thing { need: Need::Window, package: "libxrandr2", is_there: || library("libXrandr.so.2") },
    Thing { need: Need::Window, package: "libgl1-mesa-dri", is_there: || library("dri/swrast_dri.so") },
    Thing { need: Need::Tests, package: "mesa-vulkan-drivers", is_there: || library("libvulkan_lvp.so") },
    Thing { need: Need::Tests, package: "chromium", is_there: || exists("chromium") },
    Thing { need: Need::Tests, package: "xvfb", is_there: || exists("Xvfb") },
    Thing { need: Need::Tests, package: "xdotool", is_there: || exists("xdotool") },
    Thing { need: Need::Tests, package: "imagemagick", is_there: || exists("import") },
    Thing { need: Need::Tests, package: "iproute2", is_there: || exists("ip") },
    // Sandboxes see /usr and nothing else.
    Thing { need: Need::Tests, package: "curl", is_there: || Path::new("/usr/bin/curl").exists() },
    Thing { need: Need::Tests, package: "git", is_there: || Path::new("/usr/bin/git").exists() },
    Thing { need: Need::Tests, package: "python3-pip", is_there: || Path::new("/usr/bin/pip3").exists() },
    Thing { need: Need::Tests, package: "npm", is_there: || Path::new("/usr/bin/npm").exists() },
    Thing { need: Need::Guest, package: "qemu-system-x86", is_there: || exists("qemu-system-x86_64") },
    Thing { need: Need::Guest, package: "busybox-static", is_there: || exists("busybox") },
    Thing { need: Need::Guest, package: "binutils", is_there: || exists("strip") },
];

pub(crate) fn run(options: &Options) -> Result<()> {
    let all = [Need::Build, Need::Agents, Need::Window, Need::Tests];
    if options.check {
        let missing = missing(&all);
        if missing.is_empty() && rust_std::is_there()? && model::is_there()? {
            println!("nothing is missing");
            return Ok(());
        }
        bail!("missing: {}", describe(&missing)?);
    }
    packages(&all)?;
    rust_std::ensure()?;
    model::ensure()?;
    Ok(())
}

/// Installs the Debian packages that are missing for these needs.
pub(crate) fn packages(needs: &[Need]) -> Result<()> {
    let missing = missing(needs);
    if missing.is_empty() {
        return Ok(());
    }
    let list = missing.join(" ");
    say(&format!("Installing Debian packages: {list}"));
    if !exists("apt-get") {
        bail!(
            "these are missing, and this is not a Debian system: {list}\nhint: install their counterparts, then try again"
        );
    }
    let mut elevated: Vec<&str> = Vec::new();
    if !is_root() {
        if !exists("sudo") {
            bail!(
                "these packages are missing: {list}\nhint: as root, run: apt-get install --no-install-recommends {list}"
            );
        }
        elevated.push("sudo");
    }
    let apt = |arguments: &[&str]| -> Command {
        let mut words = elevated.clone();
        words.extend([
            "env",
            "DEBIAN_FRONTEND=noninteractive",
            "apt-get",
            "-q",
            "-o",
            "DPkg::Lock::Timeout=900",
        ]);
        words.extend_from_slice(arguments);
        let (program, rest) =
            words.split_first().map_or(("env", &[][..]), |(program, rest)| (*program, rest));
        command(program, rest)
    };
    run_in_silence(&mut apt(&["update"]))?;
    let mut install = vec!["install", "-y", "--no-install-recommends"];
    install.extend(missing);
    run_in_silence(&mut apt(&install))
}

fn run_in_silence(command: &mut Command) -> Result<()> {
    command.stdout(std::io::stderr());
    crate::command::run(command).map(|_| ())
}

fn missing(needs: &[Need]) -> Vec<&'static str> {
    THINGS
        .iter()
        .filter(|thing| needs.contains(&thing.need) && !(thing.is_there)())
        .map(|thing| thing.package)
        .collect()
}

fn describe(packages: &[&str]) -> Result<String> {
    let mut all: Vec<String> = packages.iter().map(|package| format!("package {package}")).collect();
    if !rust_std::is_there()? {
        all.push("the WebAssembly standard library".to_owned());
    }
    if !model::is_there()? {
        all.push("the language model".to_owned());
    }
    Ok(all.join(", "))
}

fn is_root() -> bool {
    succeeds(&mut command("sh", ["-c", "test $(id -u) = 0"]))
}

/// Whether a shared library lies where this machine's loader looks.
fn library(name: &str) -> bool {
    let triple = format!("{}-linux-gnu", std::env::consts::ARCH);
    [format!("/usr/lib/{triple}"), "/usr/lib".into(), "/usr/lib64".into(), format!("/lib/{triple}")]
        .iter()
        .any(|folder| Path::new(folder).join(name).exists())
}

/// Whether a library of some version of LLVM is there.
fn llvm(name: &str) -> bool {
    let Ok(folders) = std::fs::read_dir("/usr/lib") else { return false };
    folders
        .filter_map(Result::ok)
        .filter(|folder| folder.file_name().to_string_lossy().starts_with("llvm-"))
        .any(|folder| folder.path().join("lib").join(name).exists())
}
