//! Folders: listing, making, moving, copying, removing.

use std::{
    fmt::Write as _,
    fs, io,
    os::unix::fs::PermissionsExt,
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use aether_protocol::tools::{Cp, ListFiles, Mkdir, Mv, Rm, Stat};

use super::{Home, INTERRUPTED, Watch, in_words, text};

/// How many entries one call lists.
const LISTED: usize = 1000;

/// How deep a folder is copied.
const MAX_DEPTH: usize = 128;

pub fn list(home: &Home, args: &ListFiles, watch: &mut Watch<'_>) -> Result<String, String> {
    let path = home.resolve(&args.path)?;
    let words = |error: &io::Error| in_words(&args.path, error);
    let metadata = fs::metadata(&path).map_err(|error| words(&error))?;
    if !metadata.is_dir() {
        return Err(format!("'{}' is not a folder. Use stat or read_file", args.path));
    }
    let mut rows = Vec::new();
    let mut cut = false;
    if args.recursive {
        let walk = ignore::WalkBuilder::new(&path)
            .standard_filters(false)
            .follow_links(false)
            .sort_by_file_name(std::cmp::Ord::cmp)
            .build();
        for entry in walk.skip(1) {
            if watch.interrupted() {
                return Err(INTERRUPTED.to_owned());
            }
            if rows.len() == LISTED {
                cut = true;
                break;
            }
            match entry {
                Ok(entry) => rows.push(row(&home.shown(entry.path()), entry.path())),
                Err(error) => rows.push(format!("[{error}]")),
            }
        }
    } else {
        let mut entries = Vec::new();
        for entry in fs::read_dir(&path).map_err(|error| words(&error))? {
            let entry = entry.map_err(|error| words(&error))?;
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            entries.push((!is_folder, entry.file_name()));
        }
        entries.sort();
        cut = entries.len() > LISTED;
        rows.extend(
            entries.iter().take(LISTED).map(|(_, name)| row(&name.to_string_lossy(), &path.join(name))),
        );
    }
    if rows.is_empty() {
        return Ok("[The folder is empty]".to_owned());
    }
    let mut listing = rows.join("\n");
    if cut {
        let _ = write!(listing, "\n[Only the first {LISTED} are listed. List a folder below for the rest]");
    }
    Ok(listing)
}

fn row(name: &str, path: &Path) -> String {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => format!("{name}/"),
        Ok(metadata) if metadata.is_symlink() => {
            let to = fs::read_link(path).map(|to| to.to_string_lossy().into_owned()).unwrap_or_default();
            format!("{name} -> {to}")
        }
        Ok(metadata) if metadata.is_file() => format!("{name} ({} bytes)", metadata.len()),
        _ => format!("{name} (special)"),
    }
}

pub fn mkdir(home: &Home, args: &Mkdir) -> Result<String, String> {
    let path = home.resolve(&args.path)?;
    if path.is_dir() {
        return Ok(format!("The folder '{}' was there already", args.path));
    }
    fs::create_dir_all(&path)
        .and_then(|()| text::sync_folder_of(&path))
        .map_err(|error| in_words(&args.path, &error))?;
    Ok(format!("Made the folder '{}'", args.path))
}

pub fn rm(home: &Home, args: &Rm) -> Result<String, String> {
    let path = home.resolve_inside(&args.path)?;
    let words = |error: io::Error| in_words(&args.path, &error);
    let is_folder = fs::symlink_metadata(&path).map_err(words)?.is_dir();
    match (is_folder, args.recursive) {
        (false, _) => fs::remove_file(&path),
        (true, false) => fs::remove_dir(&path),
        (true, true) => fs::remove_dir_all(&path),
    }
    .and_then(|()| text::sync_folder_of(&path))
    .map_err(words)?;
    Ok(format!("Removed '{}'", args.path))
}

pub fn stat(home: &Home, args: &Stat) -> Result<String, String> {
    let path = home.resolve(&args.path)?;
    let metadata = fs::symlink_metadata(&path).map_err(|error| in_words(&args.path, &error))?;
    let kind = if metadata.is_dir() {
        "folder".to_owned()
    } else if metadata.is_symlink() {
        let to = fs::read_link(&path).map(|to| to.to_string_lossy().into_owned()).unwrap_or_default();
        format!("link to '{to}'")
    } else if metadata.is_file() {
        format!("file, {} bytes", metadata.len())
    } else {
        "special file".to_owned()
    };
    let mode = metadata.permissions().mode() & 0o7777;
    let changed = metadata.modified().unwrap_or(UNIX_EPOCH);
    Ok(format!("{}: {kind}, mode {mode:03o}, changed {}", args.path, utc(changed)))
}

/// `2026-01-31 23:59:59 UTC`, by the algorithm of Howard Hinnant (chrono-compatible low-level date
/// algorithms, `civil_from_days`).
fn utc(time: SystemTime) -> String {
    let secs = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
    let (days, rest) = (secs / 86_400, secs % 86_400);
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

pub fn mv(home: &Home, args: &Mv) -> Result<String, String> {
    let from = home.resolve_inside(&args.from)?;
    fs::symlink_metadata(&from).map_err(|error| in_words(&args.from, &error))?;
    let to = target(home, &from, &args.to)?;
    let words = |error: io::Error| in_words(&args.to, &error);
    text::make_parents(&to).map_err(words)?;
    fs::rename(&from, &to)
        .and_then(|()| text::sync_folder_of(&from))
        .and_then(|()| text::sync_folder_of(&to))
        .map_err(words)?;
    Ok(format!("Moved '{}' to '{}'", args.from, home.shown(&to)))
}

pub fn cp(home: &Home, args: &Cp, watch: &mut Watch<'_>) -> Result<String, String> {
    let from = home.resolve_inside(&args.from)?;
    fs::symlink_metadata(&from).map_err(|error| in_words(&args.from, &error))?;
    let to = target(home, &from, &args.to)?;
    text::make_parents(&to).map_err(|error| in_words(&args.to, &error))?;
    copy(home, &from, &to, 0, watch)?;
    Ok(format!("Copied '{}' to '{}'", args.from, home.shown(&to)))
}

/// As `cp` and `mv` do: into a folder that is there, else under the new name.
fn target(home: &Home, from: &Path, to: &str) -> Result<std::path::PathBuf, String> {
    let mut target = home.resolve(to)?;
    if target.is_dir()
        && let Some(name) = from.file_name()
    {
        target.push(name);
    }
    if target == *from {
        return Err(format!("'{to}' is the same place; nothing was done"));
    }
    if target.starts_with(from) {
        return Err(format!("'{to}' is inside of what it is made from; nothing was done"));
    }
    Ok(target)
}

/// Copies files and folders; a link stays a link.
fn copy(home: &Home, from: &Path, to: &Path, depth: usize, watch: &mut Watch<'_>) -> Result<(), String> {
    let words = |path: &Path, error: io::Error| in_words(&home.shown(path), &error);
    if watch.interrupted() {
        return Err(INTERRUPTED.to_owned());
    }
    if depth > MAX_DEPTH {
        return Err(format!("'{}' is more than {MAX_DEPTH} folders deep", home.shown(from)));
    }
    let metadata = fs::symlink_metadata(from).map_err(|error| words(from, error))?;
    if metadata.is_symlink() {
        let aim = fs::read_link(from).map_err(|error| words(from, error))?;
        return std::os::unix::fs::symlink(aim, to).map_err(|error| words(to, error));
    }
    if metadata.is_file() {
        let done = fs::copy(from, to).and_then(|_| fs::File::open(to)?.sync_all());
        return done.map_err(|error| words(to, error));
    }
    if !metadata.is_dir() {
        return Err(format!("'{}' is a special file and cannot be copied", home.shown(from)));
    }
    fs::create_dir_all(to).map_err(|error| words(to, error))?;
    for entry in fs::read_dir(from).map_err(|error| words(from, error))? {
        let name = entry.map_err(|error| words(from, error))?.file_name();
        copy(home, &from.join(&name), &to.join(&name), depth + 1, watch)?;
    }
    Ok(())
}
