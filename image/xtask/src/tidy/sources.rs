//! Files: every module says what it is, none is too long, none names this or that machine.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Result;

use crate::project;

/// Lines above which a file must be split by idea.
const LONGEST: usize = 800;
/// Nearly all files stay below this; so many may exceed it.
const LONG: usize = 600;
const LONG_SHARE: f64 = 0.03;
/// The median must stay below this.
const MEDIAN: usize = 200;

pub(super) fn check(complaints: &mut Vec<String>) -> Result<()> {
    let mut lengths = Vec::new();
    for path in rust_files(&project::root())? {
        let text = fs::read_to_string(&path)?;
        let shown = path.strip_prefix(project::root()).unwrap_or(&path).display().to_string();
        if !text.starts_with("//!") && !text.starts_with("#!") {
            complaints.push(format!("{shown}: no module documentation at its head"));
        }
        let lines = text.lines().count();
        if lines > LONGEST {
            complaints.push(format!("{shown}: {lines} lines; split it by idea"));
        }
        for (number, line) in text.lines().enumerate() {
            if line.trim_end() != line {
                complaints.push(format!("{shown}:{}: space at the end of the line", number + 1));
            }
        }
        for word in ["todo!(", "unimplemented!(", "FIXME", "#[ignore"] {
            // Written apart here, so that this file does not complain about itself.
            if text.contains(word) && !shown.ends_with("tidy/sources.rs") {
                complaints.push(format!("{shown}: {word}"));
            }
        }
        lengths.push(lines);
    }
    lengths.sort_unstable();
    let median = lengths.get(lengths.len() / 2).copied().unwrap_or(0);
    if median > MEDIAN {
        complaints.push(format!("the median file has {median} lines, more than {MEDIAN}"));
    }
    let long = lengths.iter().filter(|lines| **lines > LONG).count();
    if long as f64 > lengths.len() as f64 * LONG_SHARE {
        complaints.push(format!("{long} of {} files have more than {LONG} lines", lengths.len()));
    }
    println!("tidy: {} files, median {median} lines, {long} above {LONG}", lengths.len());
    Ok(())
}

fn rust_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (path, name) = (entry.path(), entry.file_name());
        if entry.file_type()?.is_dir() {
            if name != "target" && !name.to_string_lossy().starts_with('.') {
                files.extend(rust_files(&path)?);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
