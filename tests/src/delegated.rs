//! cgroups for the daemons of tests, where the tests themselves run in a cgroup v2 that is delegated to them.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

use anyhow::{Context as _, Result};
use tokio::process::Command;

/// Names the cgroup that is delegated to the tests. They run in a child of it, and may make others.
pub const VARIABLE: &str = "AETHER_TEST_CGROUP";

/// Where a kernel goes that divides its cgroup (systemd: `DelegateSubgroup=aetherd`).
const LEAF: &str = "aetherd";

/// A cgroup for one daemon, also when it is started again.
pub(crate) struct Group {
    path: PathBuf,
}

impl Group {
    /// One of its own; none where nothing is delegated.
    pub(crate) fn delegated() -> Result<Option<Self>> {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let Some(parent) = std::env::var_os(VARIABLE) else { return Ok(None) };
        let name = format!("kernel-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = Path::new(&parent).join(name);
        fs::create_dir(&path).with_context(|| format!("making the cgroup {}", path.display()))?;
        Ok(Some(Self { path }))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A program that is started in it. What was divided before has room for processes in its leaf alone.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let leaf = self.path.join(LEAF);
        let place = if leaf.is_dir() { leaf } else { self.path.clone() };
        let mut command = Command::new("/bin/sh");
        // The words after the script are its $0 and arguments.
        command.args(["-c", r#"echo $$ > "$0/cgroup.procs" && exec "$@""#]).arg(place).arg(program);
        command
    }
}

impl Drop for Group {
    /// What still runs in it ends with its kernel; what cannot be removed yet stays.
    fn drop(&mut self) {
        let _ = fs::write(self.path.join("cgroup.kill"), "1");
        for child in fs::read_dir(&self.path).into_iter().flatten().flatten() {
            let _ = fs::remove_dir(child.path());
        }
        let _ = fs::remove_dir(&self.path);
    }
}
