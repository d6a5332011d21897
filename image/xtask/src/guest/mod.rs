//! `cargo xtask guest-test`: what only a host with cgroup v2 shows, in a small guest under QEMU.

mod contents;
mod cpio;
mod linux;
mod machine;

use std::{
    fs,
    io::BufReader,
    path::PathBuf,
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use cargo_metadata::Message;

use crate::{
    command::{cargo, say},
    project,
    setup::{self, Need},
};
use contents::{Contents, TESTS};
use machine::Part;

/// Tests in a guest with cgroup v2.
///
/// A small Linux is booted under QEMU, without hardware acceleration, from a kernel package of Debian, programs of
/// this machine, and the project's own. In it the tests run that need cgroup v2, as root and as an ordinary user
/// with a delegated cgroup. Nothing of the guest is installed on this machine but QEMU and busybox.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Only tests whose name contains this
    filter: Option<String>,
    /// Boot and run so often, each time from the beginning
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    repeat: u32,
}

/// The programs that the tests start.
const PROGRAMS: [&str; 3] = ["aetherd", "aether-agent", "aether"];

/// A test binary in the guest: its target's name, the user, the seconds that it may take, and its arguments.
struct Series {
    target: &'static str,
    user: u32,
    secs: u64,
    arguments: &'static [&'static str],
}

const ORDINARY: u32 = 1000;

/// One test at a time: emulated processors are slow, and what a test waits for has its time.
const SERIES: &[Series] = &[
    Series { target: "cgroup", user: 0, secs: 600, arguments: &[] },
    Series { target: "cgroup", user: ORDINARY, secs: 600, arguments: &[] },
    // What the sandbox and its tree are tested by, now with a cgroup for each. The tools of one test are not in the
    // guest.
    Series {
        target: "aether_kernel",
        user: 0,
        secs: 600,
        arguments: &[
            "process::sandbox::",
            "process::tree::",
            "process::pty::",
            "--skip",
            "ordinary_tools_run",
        ],
    },
    // Of the quotas what Linux has a part in.
    Series {
        target: "quotas",
        user: 0,
        secs: 900,
        arguments: &[
            "five_attackers_at_once",
            "used_up_cpu_time_freezes_the_tree",
            "a_frozen_tree_is_thawed",
            "quotas_are_shown_with_what_holds_them",
        ],
    },
];

pub(crate) fn run(options: &Options) -> Result<()> {
    ensure!(
        cfg!(target_arch = "x86_64"),
        "the guest is made for x86-64 machines only\nhint: on another machine with cgroup v2 run the test `cgroup` of aether-tests with the feature `guest` as a service with Delegate=yes"
    );
    setup::packages(&[Need::Build, Need::Agents, Need::Guest])?;
    let folder = project::target().join("guest");
    fs::create_dir_all(&folder)?;
    let kernel = linux::ensure(&folder)?;
    let tests = build()?;

    say("Packing the guest");
    let mut parts: Vec<Part> = Vec::new();
    for series in SERIES {
        let binary = binary(&tests, series.target)?;
        let name = binary.file_name().context("a test without a name")?.to_string_lossy().into_owned();
        let mut words = vec![format!("{TESTS}/{name}")];
        match &options.filter {
            Some(filter) => words.push(filter.clone()),
            None => words.extend(series.arguments.iter().map(|argument| (*argument).to_owned())),
        }
        words.extend(["--test-threads", "1"].map(str::to_owned));
        let who = if series.user == 0 { "root" } else { "user" };
        parts.push(Part {
            label: format!("{}-{who}", series.target),
            user: series.user,
            secs: series.secs,
            words,
        });
    }
    let lines: Vec<String> = parts.iter().map(Part::line).collect();
    let plan = lines.concat();
    let contents = Contents {
        init: include_str!("init.sh"),
        plan: &plan,
        programs: PROGRAMS.iter().map(|name| project::programs(false).join(name)).collect(),
        tests: tests.into_iter().map(|(_, path)| path).collect(),
    };
    let initramfs = contents::write(&contents, &folder)?;
    let log = folder.join("console.log");
    for round in 1..=options.repeat {
        say(&format!(
            "Booting the guest ({round} of {}); its console goes to {} too",
            options.repeat,
            log.display()
        ));
        let started = Instant::now();
        let passed = machine::run(&kernel, &initramfs, &parts, &log, options.filter.is_some())?;
        let took = Duration::from_secs(started.elapsed().as_secs());
        println!("guest-test: {passed} tests passed in the guest, {took:?} with its boot");
    }
    Ok(())
}

/// Builds programs and tests; returns the test binaries by their target's name.
fn build() -> Result<Vec<(String, PathBuf)>> {
    say("Building the programs and the tests");
    // Both with the same packages and with tests, so that what they stand on is built once.
    let mut found = built(&["build", "--bins", "--test", "quotas", "--test", "cgroup"])?;
    found.extend(built(&["test", "--no-run", "--lib"])?);
    Ok(found)
}

fn built(what: &[&str]) -> Result<Vec<(String, PathBuf)>> {
    let mut build = cargo(what);
    for package in PROGRAMS.iter().chain(&["aether-tests", "aether-kernel"]) {
        build.args(["--package", package]);
    }
    build.args(["--features", "aether-tests/guest", "--message-format", "json-render-diagnostics"]);
    let mut child = build.stdout(Stdio::piped()).spawn().context("starting cargo")?;
    let out = child.stdout.take().context("cargo's output")?;
    let mut found = Vec::new();
    for message in Message::parse_stream(BufReader::new(out)) {
        if let Message::CompilerArtifact(artifact) = message?
            && artifact.profile.test
            && let Some(path) = artifact.executable
            && SERIES.iter().any(|series| series.target == artifact.target.name)
        {
            found.push((artifact.target.name, path.into_std_path_buf()));
        }
    }
    let status = child.wait()?;
    if !status.success() {
        bail!("building failed with {status}");
    }
    Ok(found)
}

fn binary<'a>(tests: &'a [(String, PathBuf)], target: &str) -> Result<&'a PathBuf> {
    let found = tests.iter().find(|(name, _)| name == target).map(|(_, path)| path);
    found.with_context(|| format!("cargo built no test named {target}"))
}
