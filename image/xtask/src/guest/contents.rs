//! What the guest's file system holds: programs of the host with the libraries they need, and our own.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::BufWriter,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};

use super::cpio::Archive;
use crate::command::{command, output};

/// Where our programs lie in the guest: the tests look for the others beside themselves.
pub(super) const PROGRAMS: &str = "/aether";
/// Where the tests lie.
pub(super) const TESTS: &str = "/aether/deps";

/// Programs of the host that init, tests and agents use.
const HOST_PROGRAMS: &[&str] = &[
    "awk", "base64", "bash", "busybox", "bwrap", "cat", "chmod", "cp", "cut", "date", "dd", "echo", "env",
    "false", "find", "grep", "head", "hostname", "id", "kill", "ln", "ls", "mkdir", "mkfifo", "mv", "nproc",
    "ps", "python3", "readlink", "rm", "sed", "seq", "setpriv", "setsid", "sh", "sleep", "sort", "stat",
    "stty", "tail", "tee", "test", "timeout", "touch", "tr", "true", "uname", "wc", "xargs", "yes",
];

/// Programs without which a test would fail for a reason that is none.
const OPTIONAL: &[&str] = &["awk", "ps", "python3", "hostname"];

/// Links at the root of a system whose programs all lie below `/usr`.
const LINKS: &[&str] = &["bin", "sbin", "lib", "lib64"];

const PASSWD: &str = "root:x:0:0:root:/root:/usr/bin/bash\naether:x:1000:1000::/tmp:/usr/bin/bash\n";
const GROUP: &str = "root:x:0:\naether:x:1000:\n";

/// What goes in beside the programs of the host.
pub(super) struct Contents<'a> {
    /// `/init`
    pub(super) init: &'a str,
    /// `/plan`, which init follows.
    pub(super) plan: &'a str,
    /// Our programs.
    pub(super) programs: Vec<PathBuf>,
    /// Test binaries.
    pub(super) tests: Vec<PathBuf>,
}

/// Writes the archive that Linux unpacks at its start. Returns its size.
pub(super) fn write(contents: &Contents<'_>, folder: &Path) -> Result<PathBuf> {
    let stripped = folder.join("stripped");
    fs::create_dir_all(&stripped)?;
    let path = folder.join("initramfs.cpio");
    let file = File::create(&path).with_context(|| format!("writing {}", path.display()))?;
    let mut image = Image { archive: Archive::new(BufWriter::new(file)), done: BTreeSet::new() };

    for name in LINKS {
        let Ok(target) = fs::read_link(Path::new("/").join(name)) else {
            bail!(
                "/{name} is not a link into /usr; the guest is made from systems where it is\nhint: use a Debian 12 or newer"
            )
        };
        image.archive.link(name, &target.to_string_lossy())?;
    }
    for folder in ["new", "proc", "sys", "dev", "etc", "tmp", "run", "root"] {
        image.archive.folder(folder, 0o755)?;
    }
    image.text("/init", 0o755, contents.init)?;
    image.text("/plan", 0o644, contents.plan)?;
    image.text("/etc/passwd", 0o644, PASSWD)?;
    image.text("/etc/group", 0o644, GROUP)?;
    image.text("/etc/hosts", 0o644, "127.0.0.1 localhost\n")?;
    let certificates = Path::new("/etc/ssl/certs/ca-certificates.crt");
    if certificates.exists() {
        image.file(certificates, "/etc/ssl/certs/ca-certificates.crt")?;
    }

    let mut libraries = BTreeSet::new();
    for name in HOST_PROGRAMS {
        let Some(program) = program(name) else {
            if OPTIONAL.contains(name) {
                continue;
            }
            bail!("the program {name} is missing on this machine; the guest needs it");
        };
        // Also those that are reached through a chain of links, as awk is.
        let real = fs::canonicalize(&program)?;
        image.file(&real, &format!("/usr/bin/{name}"))?;
        libraries.extend(needed(&real)?);
    }
    for (programs, place) in [(&contents.programs, PROGRAMS), (&contents.tests, TESTS)] {
        for program in programs {
            let name =
                program.file_name().context("a program without a name")?.to_string_lossy().into_owned();
            let small = stripped.join(&name);
            strip(program, &small)?;
            image.file(&small, &format!("{place}/{name}"))?;
            libraries.extend(needed(program)?);
        }
    }
    for library in libraries {
        let folder = library.parent().context("a library without a folder")?;
        let place = fs::canonicalize(folder)?.join(library.file_name().context("a library without a name")?);
        image.file(&library, &place.to_string_lossy())?;
    }
    image.archive.finish()?.into_inner().map_err(std::io::IntoInnerError::into_error)?;
    Ok(path)
}

struct Image {
    archive: Archive<BufWriter<File>>,
    done: BTreeSet<String>,
}

impl Image {
    fn file(&mut self, from: &Path, to: &str) -> Result<()> {
        let content = fs::read(from).with_context(|| format!("reading {}", from.display()))?;
        let mode = fs::metadata(from)?.permissions().mode() & 0o755;
        self.put(to, mode | 0o444, &content)
    }

    fn text(&mut self, to: &str, mode: u32, content: &str) -> Result<()> {
        self.put(to, mode, content.as_bytes())
    }

    fn put(&mut self, to: &str, mode: u32, content: &[u8]) -> Result<()> {
        let mut folders: Vec<&Path> = Path::new(to).ancestors().skip(1).collect();
        folders.reverse();
        for folder in folders.iter().filter_map(|folder| folder.to_str()).filter(|folder| *folder != "/") {
            if self.done.insert(folder.to_owned()) {
                self.archive.folder(folder, 0o755)?;
            }
        }
        if self.done.insert(to.to_owned()) {
            self.archive.file(to, mode, content)?;
        }
        Ok(())
    }
}

fn program(name: &str) -> Option<PathBuf> {
    ["/usr/bin", "/usr/sbin"].iter().map(|folder| Path::new(folder).join(name)).find(|path| path.is_file())
}

/// The shared libraries that a program is loaded with, the loader included.
fn needed(program: &Path) -> Result<Vec<PathBuf>> {
    // It fails for programs that need none.
    let listing = std::process::Command::new("ldd").arg(program).output().context("starting ldd")?;
    let text = String::from_utf8_lossy(&listing.stdout).into_owned();
    if let Some(missing) = text.lines().find(|line| line.contains("not found")) {
        bail!("{} lacks a library: {}", program.display(), missing.trim());
    }
    Ok(text
        .lines()
        .filter_map(|line| line.split_whitespace().find(|word| word.starts_with('/')))
        .map(PathBuf::from)
        .collect())
}

/// Debug information is most of a program, and nobody reads it in the guest.
fn strip(program: &Path, to: &Path) -> Result<()> {
    let is_new = |of: &Path| fs::metadata(of).and_then(|found| found.modified()).ok();
    if is_new(to) > is_new(program) {
        return Ok(());
    }
    let partial = to.with_extension("partial");
    output(command("strip", ["--strip-debug", "-o"]).arg(&partial).arg(program))?;
    fs::rename(&partial, to)?;
    Ok(())
}
