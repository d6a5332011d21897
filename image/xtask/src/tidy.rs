//! `cargo xtask tidy`: what no compiler checks.

mod arrows;
mod documents;
mod sources;

use anyhow::{Result, bail};
use cargo_metadata::{Metadata, MetadataCommand};

use crate::project;

/// Licences that an Apache-2.0/MIT product may stand on. A package may offer any one of them.
const LICENCES: &[&str] = &[
    "MIT",
    "MIT-0",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-1-Clause",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Zlib",
    "0BSD",
    "Unlicense",
    "CC0-1.0",
    "BSL-1.0",
    "Unicode-3.0",
    "OFL-1.1",
    "MPL-2.0",
    "CDLA-Permissive-2.0",
    "Ubuntu-font-1.0",
    "bzip2-1.0.6",
    "NCSA",
];

pub(crate) fn run() -> Result<()> {
    let metadata = metadata()?;
    let mut complaints = Vec::new();
    arrows::check(&metadata, &mut complaints);
    sources::check(&mut complaints)?;
    documents::check(&mut complaints)?;
    conclude("tidy", &complaints)
}

/// Checks that every package in the lockfile is under a licence that permits what we do with it.
pub(crate) fn licences() -> Result<()> {
    let mut complaints = Vec::new();
    for package in metadata()?.packages {
        let Some(licence) = &package.license else {
            if package.source.is_some() && package.license_file.is_none() {
                complaints.push(format!("{} names no licence", package.name));
            }
            continue;
        };
        let permitted = licence.split(" OR ").flat_map(|choice| choice.split('/')).any(|choice| {
            choice
                .split(" AND ")
                .map(|part| part.trim_matches(['(', ')', ' ']))
                .all(|part| LICENCES.contains(&part))
        });
        if !permitted {
            complaints.push(format!("{} is under {licence}", package.name));
        }
    }
    conclude("licences", &complaints)
}

fn metadata() -> Result<Metadata> {
    Ok(MetadataCommand::new().current_dir(project::root()).exec()?)
}

fn conclude(what: &str, complaints: &[String]) -> Result<()> {
    if complaints.is_empty() {
        println!("{what}: nothing to complain about");
        return Ok(());
    }
    for complaint in complaints {
        eprintln!("{what}: {complaint}");
    }
    bail!("{what}: {} complaints", complaints.len())
}
