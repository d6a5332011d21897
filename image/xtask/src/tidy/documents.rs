//! Documents that would rot in silence: promises name tests that exist, paths and tasks that are named are there.

use std::{fs, path::Path};

use anyhow::Result;

use crate::project;

const DOCUMENTS: &[&str] = &[
    "README.md",
    "ARCHITECTURE.md",
    "SPECIFICATION.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "CHANGELOG.md",
    "LICENSE-MIT",
    "LICENSE-APACHE",
];

pub(super) fn check(complaints: &mut Vec<String>) -> Result<()> {
    let root = project::root();
    for name in DOCUMENTS {
        let Ok(text) = fs::read_to_string(root.join(name)) else {
            complaints.push(format!("{name} is missing"));
            continue;
        };
        if Path::new(name).extension().is_some_and(|extension| extension == "md") {
            named_paths(&root, name, &text, complaints);
        }
    }
    if let Ok(specification) = fs::read_to_string(root.join("SPECIFICATION.md")) {
        proofs(&root, &specification, complaints)?;
    }
    Ok(())
}

/// Paths in backquotes that begin with one of our folders must exist.
fn named_paths(root: &Path, document: &str, text: &str, complaints: &mut Vec<String>) {
    let folders = ["kernel/", "shell/", "image/", "configs/", "tests/", "buildroot/", "firmware-notes/"];
    for word in text.split('`').skip(1).step_by(2) {
        let is_path = folders.iter().any(|folder| word.starts_with(folder))
            && !word.contains(['*', '<', '{', ' ', '…', ':', '(']);
        if is_path && !root.join(word).exists() {
            complaints.push(format!("{document}: there is no {word}"));
        }
    }
}

/// A promise is proven by `test: NAME` or `bench: NAME`; the name must occur in a source file.
fn proofs(root: &Path, specification: &str, complaints: &mut Vec<String>) -> Result<()> {
    let mut sources = String::new();
    for folder in ["kernel", "shell", "tests", "image"] {
        gather(&root.join(folder), &mut sources)?;
    }
    for word in specification.split('`').skip(1).step_by(2) {
        let named = word.strip_prefix("test: ").or_else(|| word.strip_prefix("bench: "));
        if let Some(name) = named
            && !sources.contains(name.rsplit("::").next().unwrap_or(name))
        {
            complaints.push(format!("SPECIFICATION.md: there is no test or benchmark {name}"));
        }
    }
    Ok(())
}

fn gather(folder: &Path, sources: &mut String) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            gather(&path, sources)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            sources.push_str(&fs::read_to_string(&path)?);
        }
    }
    Ok(())
}
