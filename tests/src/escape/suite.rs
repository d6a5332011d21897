//! Makes all attempts, as root with a user id for each home and as an ordinary user, with all layers and with one left
//! out.

use std::{
    fs,
    os::unix::{fs::PermissionsExt as _, fs::chown, process::CommandExt as _},
    path::Path,
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

use anyhow::{Context as _, Result, ensure};

use super::{ATTEMPTS, Outcome, Removed};
use crate::daemon::program;

/// Ordinary users, where the suite runs as root: one for each run, because the processes of a user are counted together
/// wherever they run.
static NEXT_USER: AtomicU32 = AtomicU32::new(64_000);

/// As whom the kernel runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// As root: a user id for each home.
    Root,
    /// As somebody without rights.
    Ordinary,
}

impl Mode {
    /// Those that this user can have: root can also be somebody else.
    pub fn all() -> &'static [Self] {
        if is_root() { &[Self::Root, Self::Ordinary] } else { &[Self::Ordinary] }
    }

    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Ordinary => "an ordinary user",
        }
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Makes all attempts in a folder and with programs that the user of the mode can reach. The outcomes are in the order
/// of [`ATTEMPTS`].
pub fn run(mode: Mode, removed: Option<Removed>) -> Result<Vec<Outcome>> {
    let base = tempfile::tempdir()?;
    open_to_all(base.path(), 0o755)?;
    let bin = base.path().join("bin");
    fs::create_dir(&bin)?;
    open_to_all(&bin, 0o755)?;
    for name in ["escape-run", "probe", "aether-agent", "weak-agent"] {
        fs::copy(program(name)?, bin.join(name))?;
        open_to_all(&bin.join(name), 0o755)?;
    }
    let folder = base.path().join("of-the-user");
    fs::create_dir(&folder)?;
    open_to_all(&folder, 0o755)?;
    if is_root() {
        let setuid = folder.join("setuid-probe");
        fs::copy(bin.join("probe"), &setuid)?;
        open_to_all(&setuid, 0o4755)?;
    }
    let mut command = Command::new(bin.join("escape-run"));
    command.arg(&folder).args(removed.map(Removed::name)).current_dir(base.path());
    if is_root() && mode == Mode::Ordinary {
        let user = NEXT_USER.fetch_add(1, Ordering::Relaxed);
        chown(&folder, Some(user), Some(user))?;
        command.uid(user).gid(user).env("HOME", &folder);
    }
    let output = command.output()?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "as {}: {}: {errors}", mode.name(), output.status);
    let outcomes: Vec<Outcome> =
        serde_json::from_slice(&output.stdout).with_context(|| format!("no outcomes: {errors}"))?;
    let in_order = outcomes.iter().map(|outcome| outcome.name.as_str());
    ensure!(in_order.eq(ATTEMPTS.iter().map(|attempt| attempt.name)), "other attempts were made: {errors}");
    Ok(outcomes)
}

fn open_to_all(path: &Path, mode: u32) -> Result<()> {
    Ok(fs::set_permissions(path, fs::Permissions::from_mode(mode))?)
}
