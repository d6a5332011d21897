//! The guest's Linux: the newest of Debian's kernel packages, unpacked and not installed.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};

use crate::command::{command, exists, output, run as execute, say};

/// Debian's kernels for virtual machines; what the guest needs of them is built in.
const PACKAGES: &str = "^linux-image-[0-9][^-]*-cloud-amd64$";

/// Returns the kernel's path. It is downloaded once; `folder` keeps it.
pub(super) fn ensure(folder: &Path) -> Result<PathBuf> {
    if let Some(kernel) = find(folder) {
        return Ok(kernel);
    }
    if !exists("apt-get") || !exists("dpkg-deb") {
        bail!(
            "the guest's Linux comes from a Debian package, and this is not a Debian system\nhint: put a kernel image with cgroup v2, Landlock and a serial console, all built in, there: {}",
            folder.join("boot/vmlinuz").display()
        );
    }
    let package = newest()?;
    say(&format!("Downloading {package}"));
    fs::create_dir_all(folder)?;
    let downloads = folder.join("download");
    // What an interrupted download left is of no use.
    let _ = fs::remove_dir_all(&downloads);
    fs::create_dir_all(&downloads)?;
    // apt's own user for downloads may not enter here, which it would only warn of.
    execute(
        command("apt-get", ["-q", "-o", "APT::Sandbox::User=root", "download", package.as_str()])
            .current_dir(&downloads),
    )?;
    let archive = fs::read_dir(&downloads)?.next().context("apt-get downloaded nothing")??.path();
    execute(command("dpkg-deb", ["--extract"]).arg(&archive).arg(&downloads))?;
    let kernel = find(&downloads).context("the package holds no kernel")?;
    let name = kernel.file_name().context("the kernel's name")?;
    let boot = folder.join("boot");
    fs::create_dir_all(&boot)?;
    // Last, and at once: a kernel that is there is whole.
    fs::rename(&kernel, boot.join(name))?;
    fs::remove_dir_all(&downloads)?;
    Ok(boot.join(name))
}

fn find(folder: &Path) -> Option<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(folder.join("boot"))
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("vmlinuz")))
        .collect();
    found.sort();
    found.pop()
}

fn newest() -> Result<String> {
    let listing = output(&mut command("apt-cache", ["search", "--names-only", PACKAGES]))?;
    let names = listing.lines().filter_map(|line| line.split_whitespace().next());
    names.max_by_key(|name| numbers(name)).map(str::to_owned).context(
        "apt knows no kernel package for virtual machines\nhint: run `apt-get update` as root, then try again",
    )
}

/// `linux-image-6.12.117+deb12-cloud-amd64` → 6, 12, 117, 12
fn numbers(name: &str) -> Vec<u64> {
    let version = name.strip_suffix("-cloud-amd64").unwrap_or(name);
    version.split(|c: char| !c.is_ascii_digit()).filter_map(|part| part.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::numbers;

    #[test]
    fn versions_are_compared_as_numbers() {
        let of = |version: &str| numbers(&format!("linux-image-{version}-cloud-amd64"));
        assert!(of("6.12.117+deb12") > of("6.12.90+deb12"));
        assert!(of("6.12.117+deb12") > of("6.1.0-50"));
        assert!(of("7.0.1+deb14") > of("6.12.117+deb13"));
    }
}
