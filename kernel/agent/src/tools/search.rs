//! Searching the text of files.

use std::{fmt::Write as _, fs, io::Read, os::unix::fs::OpenOptionsExt, path::Path};

use aether_protocol::tools::SearchFiles;
use regex::bytes::{Regex, RegexBuilder};

use super::{Home, INTERRUPTED, Watch, in_words};

/// How many lines one call returns.
const MAX_MATCHES: usize = 200;

/// How much of a line is shown, in bytes.
const MAX_LINE_BYTES: usize = 300;

/// Larger files are not searched; they are counted and named in the result.
const MAX_FILE_BYTES: u64 = 8 * 1024 * 1024;

/// What compiling the expression may take, in bytes.
const MAX_REGEX_BYTES: usize = 1024 * 1024;

pub fn search(home: &Home, args: &SearchFiles, watch: &mut Watch<'_>) -> Result<String, String> {
    let path = home.resolve(&args.path)?;
    fs::metadata(&path).map_err(|error| in_words(&args.path, &error))?;
    let pattern = RegexBuilder::new(&args.pattern)
        .size_limit(MAX_REGEX_BYTES)
        .dfa_size_limit(MAX_REGEX_BYTES)
        .build()
        .map_err(|error| format!("The regular expression is not valid: {error}"))?;

    let mut walk = ignore::WalkBuilder::new(&path);
    walk.hidden(false)
        .parents(false)
        .git_global(false)
        .git_exclude(false)
        .follow_links(false)
        .sort_by_file_name(std::cmp::Ord::cmp)
        .filter_entry(|entry| entry.file_name() != ".git");
    if let Some(glob) = &args.glob {
        let mut chosen = ignore::overrides::OverrideBuilder::new(&path);
        chosen.add(glob).map_err(|error| format!("The glob '{glob}' is not valid: {error}"))?;
        walk.overrides(chosen.build().map_err(|error| format!("The glob '{glob}' is not valid: {error}"))?);
    }

    let mut found = Found::default();
    for entry in walk.build() {
        if watch.interrupted() {
            return Err(INTERRUPTED.to_owned());
        }
        let Ok(entry) = entry else { continue };
        if entry.file_type().is_some_and(|kind| kind.is_file()) {
            found.search_file(home, entry.path(), &pattern);
        }
        if found.matches >= MAX_MATCHES {
            let _ = write!(found.text, "[Only the first {MAX_MATCHES} matches are shown. Search for less]");
            break;
        }
    }
    if found.matches == 0 {
        let _ = write!(found.text, "Nothing matches in {} files", found.files);
    }
    if found.skipped > 0 {
        let _ =
            write!(found.text, "\n[{} files larger than {MAX_FILE_BYTES} bytes were skipped]", found.skipped);
    }
    Ok(found.text)
}

#[derive(Default)]
struct Found {
    text: String,
    matches: usize,
    files: usize,
    skipped: usize,
}

impl Found {
    /// Searches one file; one that cannot be read, or is no text, has no matches.
    fn search_file(&mut self, home: &Home, path: &Path, pattern: &Regex) {
        let opened =
            fs::OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOFOLLOW).open(path);
        let Ok(file) = opened else { return };
        let Ok(metadata) = file.metadata() else { return };
        if !metadata.is_file() {
            return;
        }
        if metadata.len() > MAX_FILE_BYTES {
            self.skipped += 1;
            return;
        }
        let mut bytes = Vec::new();
        if file.take(MAX_FILE_BYTES).read_to_end(&mut bytes).is_err() || bytes.contains(&0) {
            return;
        }
        self.files += 1;
        for (index, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
            if self.matches >= MAX_MATCHES {
                return;
            }
            if pattern.is_match(line) {
                self.matches += 1;
                let cut = line.get(..MAX_LINE_BYTES).unwrap_or(line);
                let more = if cut.len() < line.len() { " […]" } else { "" };
                let shown = String::from_utf8_lossy(cut);
                let _ = writeln!(self.text, "{}:{}:{}{more}", home.shown(path), index + 1, shown.trim_end());
            }
        }
    }
}
