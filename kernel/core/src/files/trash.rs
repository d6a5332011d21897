//! The trash of a place, laid out as freedesktop.org describes it (Trash specification 1.0): what was thrown away
//! lies in `files`, a note for each in `info` says where it was and when.
//!
//! An agent may write what it likes into both, so a note is a wish of where to restore to, held to the root like
//! every path.

use std::{
    collections::HashSet,
    ffi::{CStr, CString},
    fmt::Write as _,
    fs::File,
    io::{Read as _, Write as _},
    os::fd::{AsFd, OwnedFd},
    sync::Arc,
    time::Instant,
};

use aether_protocol::{
    Cursor, Error, Page, Result, UnixMillis,
    files::{
        EmptyTrash, Entry, EntryKind, Gone, ListTrash, Mkdir, Place as PlaceName, Restore, Trash, Trashed,
        Usage,
    },
};
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use rustix::{
    fs::{AtFlags, Mode, OFlags, RenameFlags, fstat, openat, renameat_with, statat, unlinkat},
    io::Errno,
};

use super::{
    change,
    listing::entry,
    path::CleanPath,
    place::{Place, inherit_owner, regular, sync_folder},
    tree, usage,
    walk::Bounds,
    words::in_words,
};
use crate::{clock, process::SANDBOX_HOME};

/// Where it lies in a place.
const TRASH: &str = ".local/share/Trash";
const FILES: &str = ".local/share/Trash/files";
const INFO: &str = ".local/share/Trash/info";
const SUFFIX: &str = ".trashinfo";
/// A larger note is none.
const MAX_NOTE_BYTES: u64 = 16 * 1024;
/// More is in a trash than is looked at.
const MAX_NOTES: usize = 20_000;
/// How often another name is tried before it is given up.
const NAME_TRIES: u32 = 200;
/// What a name in the trash may have, so that its note's name is one too.
const MAX_NAME_BYTES: usize = 220;
const DEFAULT_LIMIT: u32 = 200;
const MAX_LIMIT: u32 = 1000;
const DAY_MILLIS: i64 = 24 * 3600 * 1000;

/// The two folders, opened by a way without links.
struct Bin {
    files: OwnedFd,
    info: OwnedFd,
}

impl Bin {
    /// `None` where nothing was ever thrown away.
    fn open(place: &Place) -> Result<Option<Self>> {
        let folder = |path: &str| match place.folder_without_links(path) {
            Ok(folder) => Ok(Some(folder)),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(in_words(path, error)),
        };
        Ok(match (folder(FILES)?, folder(INFO)?) {
            (Some(files), Some(info)) => Some(Self { files, info }),
            _ => None,
        })
    }

    fn make(place: &Place, of: PlaceName) -> Result<Self> {
        if let Some(bin) = Self::open(place)? {
            return Ok(bin);
        }
        for path in [FILES, INFO] {
            change::mkdir(place, &Mkdir { place: of, path: path.to_owned() })?;
        }
        Self::open(place)?
            .ok_or_else(|| Error::conflict("The trash was changed in the meantime").hint("Try again"))
    }

    /// Where something was and when it was put here, if its note says that in a way that can be.
    fn note(&self, name: &str) -> Option<(String, UnixMillis)> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = openat(&self.info, note_name(name), flags, Mode::empty()).ok()?;
        let stat = fstat(&file).ok()?;
        regular(name, &stat).ok()?;
        let mut text = String::new();
        File::from(file).take(MAX_NOTE_BYTES).read_to_string(&mut text).ok()?;
        let (path, at) = parse(&text)?;
        Some((path, at.unwrap_or(entry(name, &stat).modified_at)))
    }

    fn forget(&self, name: &str) -> rustix::io::Result<()> {
        match unlinkat(&self.info, note_name(name), AtFlags::empty()) {
            Err(Errno::NOENT) => Ok(()),
            result => result,
        }
    }

    fn sync(&self) -> rustix::io::Result<()> {
        sync_folder(&self.files).and_then(|()| sync_folder(&self.info))
    }

    /// Everything that has a note and is there.
    fn all(&self) -> Result<Vec<Trashed>> {
        let mut found = Vec::new();
        for name in tree::names(&self.info).map_err(|error| in_words(INFO, error))?.iter().take(MAX_NOTES) {
            let Some(name) = name.to_str().ok().and_then(|name| name.strip_suffix(SUFFIX)) else { continue };
            let Some((path, trashed_at)) = self.note(name) else { continue };
            let Ok(stat) = statat(&self.files, name, AtFlags::SYMLINK_NOFOLLOW) else { continue };
            let Entry { kind, size_bytes, .. } = entry(name, &stat);
            found.push(Trashed { name: name.to_owned(), path, kind, size_bytes, trashed_at });
        }
        found.sort_by(|one, other| key(other).cmp(&key(one)));
        Ok(found)
    }
}

/// The order of a list, newest last.
fn key(trashed: &Trashed) -> (i64, &str) {
    (trashed.trashed_at.0, &trashed.name)
}

fn note_name(name: &str) -> String {
    format!("{name}{SUFFIX}")
}

pub(super) fn trash(place: &Place, request: &Trash) -> Result<Trashed> {
    let path = CleanPath::parse_inside(&request.path)?;
    let spot = place.spot(&path)?;
    spot.stat()?;
    let below = path.as_str().strip_prefix(TRASH);
    if below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
        return Err(Error::conflict(format!("'{}' is the trash, or in it", path.as_str()))
            .hint("Empty the trash to remove what is in it for good"));
    }
    let bin = Bin::make(place, request.place)?;
    let now = clock::now();
    let note = write_note(request.place, path.as_str(), now);
    let wrong = |error: Errno| in_words(TRASH, error);
    for number in 1..=NAME_TRIES {
        let name = numbered(spot.name, number);
        // The note first: it reserves the name.
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = match openat(&bin.info, note_name(&name), flags, Mode::from_raw_mode(0o600)) {
            Ok(file) => file,
            Err(Errno::EXIST) => continue,
            Err(error) => return Err(wrong(error)),
        };
        let moved = inherit_owner(&file, &bin.info)
            .map_err(wrong)
            .and_then(|()| {
                let mut file = File::from(file);
                file.write_all(note.as_bytes())
                    .and_then(|()| file.sync_all())
                    .map_err(|error| in_words(TRASH, error))
            })
            .and_then(|()| {
                match renameat_with(&spot.folder, spot.name, &bin.files, &name, RenameFlags::NOREPLACE) {
                    Ok(()) => Ok(true),
                    Err(Errno::EXIST) => Ok(false),
                    Err(Errno::INVAL) => {
                        Err(Error::conflict(format!("The trash itself is in '{}'", path.as_str()))
                            .hint("Throw away what is in it one by one"))
                    }
                    Err(error) => Err(spot.words(error)),
                }
            });
        if !matches!(moved, Ok(true)) {
            bin.forget(&name).map_err(wrong)?;
        }
        if moved? {
            bin.sync().map_err(wrong)?;
            spot.sync()?;
            let stat = statat(&bin.files, &name, AtFlags::SYMLINK_NOFOLLOW).map_err(wrong)?;
            let Entry { kind, size_bytes, .. } = entry(&name, &stat);
            // What the note says, which knows no parts of a second.
            let trashed_at = UnixMillis(now.0 - now.0.rem_euclid(1000));
            return Ok(Trashed { name, path: request.path.clone(), kind, size_bytes, trashed_at });
        }
    }
    Err(Error::conflict(format!("The trash is full of things that are called '{}'", spot.name))
        .hint("Empty the trash"))
}

pub(super) fn list(place: &Place, request: &ListTrash) -> Result<Page<Trashed>> {
    let limit = request.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(Error::invalid(format!("The limit {limit} is not between 1 and {MAX_LIMIT}")));
    }
    let after = request.cursor.as_ref().map(decode).transpose()?;
    let Some(bin) = Bin::open(place)? else { return Ok(Page { items: Vec::new(), next: None }) };
    let mut items = bin.all()?;
    if let Some((at, name)) = &after {
        items.retain(|item| key(item) < (*at, name.as_str()));
    }
    let more = items.len() > limit as usize;
    items.truncate(limit as usize);
    let next =
        items.last().filter(|_| more).map(|last| Cursor(format!("{}.{}", last.trashed_at.0, last.name)));
    Ok(Page { items, next })
}

fn decode(cursor: &Cursor) -> Result<(i64, String)> {
    cursor
        .0
        .split_once('.')
        .and_then(|(at, name)| Some((at.parse().ok()?, name.to_owned())))
        .ok_or_else(|| Error::invalid("The cursor is not one of this list").hint("Start from the first page"))
}

pub(super) fn restore(place: &Place, request: &Restore) -> Result<Entry> {
    let name = single(&request.name)?;
    let unknown = || {
        Error::not_found("entry in the trash", format!("'{name}'"))
            .hint("`aether fs trash` lists what is there, by name")
    };
    let bin = Bin::open(place)?.ok_or_else(unknown)?;
    statat(&bin.files, name, AtFlags::SYMLINK_NOFOLLOW).map_err(|_| unknown())?;
    let to = match &request.to {
        Some(to) => to.clone(),
        None => {
            bin.note(name)
                .ok_or_else(|| {
                    Error::conflict(format!("It is not known where '{name}' was"))
                        .hint("Say where to restore it to")
                })?
                .0
        }
    };
    let wanted = CleanPath::parse_inside(&to)?;
    let (above, last) = wanted.split();
    if !above.is_empty() {
        change::mkdir(place, &Mkdir { place: request.place, path: above.to_owned() })?;
    }
    for number in 1..=NAME_TRIES {
        let to = if number == 1 { wanted.clone() } else { beside(above, last, number)? };
        let spot = place.spot(&to)?;
        match renameat_with(&bin.files, name, &spot.folder, spot.name, RenameFlags::NOREPLACE) {
            Ok(()) => {
                spot.sync()?;
                bin.forget(name).and_then(|()| bin.sync()).map_err(|error| in_words(TRASH, error))?;
                return Ok(entry(spot.path, &spot.stat()?));
            }
            Err(Errno::EXIST) if request.rename => {}
            Err(Errno::EXIST) => {
                return Err(Error::conflict(format!("'{}' exists already", to.as_str()))
                    .hint("Restore it to another place, or under a new name beside it"));
            }
            Err(Errno::INVAL) => return Err(tree::into_itself()),
            Err(Errno::NOENT) => return Err(unknown()),
            Err(error) => return Err(spot.words(error)),
        }
    }
    Err(Error::conflict(format!("There is no free name beside '{}'", wanted.as_str()))
        .hint("Restore it to another place"))
}

pub(super) fn empty(place: &Place, request: &EmptyTrash) -> Result<Gone> {
    if let Some(names) = &request.names {
        names.iter().try_for_each(|name| single(name).map(drop))?;
    }
    let mut gone = Gone::default();
    let Some(bin) = Bin::open(place)? else { return Ok(gone) };
    let is_whole = request.names.is_none() && request.older_than_days.is_none();
    let mut remove = |name: &CStr| -> Result<()> {
        // The file before its note: a note without a file is nothing, a file without a note would be lost.
        match tree::remove(TRASH, bin.files.as_fd(), name) {
            Ok(tally) => gone.entries += tally.entries,
            Err(error) if error.code == aether_protocol::Code::NotFound => {}
            Err(error) => return Err(error),
        }
        let mut note = name.to_bytes().to_vec();
        note.extend_from_slice(SUFFIX.as_bytes());
        match CString::new(note).map(|note| unlinkat(&bin.info, note, AtFlags::empty())) {
            Ok(Err(Errno::NOENT | Errno::NAMETOOLONG)) | Err(_) => Ok(()),
            Ok(result) => result.map_err(|error| in_words(TRASH, error)),
        }
    };
    if is_whole {
        for name in tree::names(&bin.files).map_err(|error| in_words(FILES, error))? {
            remove(&name)?;
        }
        // Notes of what was never there.
        for name in tree::names(&bin.info).map_err(|error| in_words(INFO, error))? {
            tree::remove(TRASH, bin.info.as_fd(), &name)?;
        }
    } else {
        let chosen: Option<HashSet<&str>> =
            request.names.as_ref().map(|names| names.iter().map(String::as_str).collect());
        let days = i64::from(request.older_than_days.unwrap_or(0));
        let newest = clock::now().0.saturating_sub(days.saturating_mul(DAY_MILLIS));
        for item in bin.all()? {
            let is_chosen = chosen.as_ref().is_none_or(|chosen| chosen.contains(item.name.as_str()));
            let is_old = request.older_than_days.is_none() || item.trashed_at.0 <= newest;
            if is_chosen
                && is_old
                && let Ok(name) = CString::new(item.name)
            {
                remove(&name)?;
            }
        }
    }
    bin.sync().map_err(|error| in_words(TRASH, error))?;
    Ok(gone)
}

/// What was put there at least so many days ago, with its bytes as far as they can be counted in a moment.
pub(super) fn old(place: &Place, days: u32) -> Result<Vec<(String, u64)>> {
    let Some(bin) = Bin::open(place)? else { return Ok(Vec::new()) };
    let newest = clock::now().0.saturating_sub(i64::from(days).saturating_mul(DAY_MILLIS));
    let mut found = Vec::new();
    for item in bin.all()?.into_iter().filter(|item| item.trashed_at.0 <= newest) {
        let bytes = if item.kind == EntryKind::Folder {
            let bounds = Bounds {
                entries: usage::MAX_ENTRIES,
                until: Some(Instant::now() + usage::MAX_TIME),
                cancelled: Arc::default(),
            };
            let path = format!("{FILES}/{}", item.name);
            // One that is swapped for something else meanwhile weighs nothing.
            usage::usage(place, &Usage { place: PlaceName::Home, path }, &bounds)
                .map_or(0, |usage| usage.bytes)
        } else {
            item.size_bytes
        };
        found.push((item.name, bytes));
    }
    Ok(found)
}

/// A name in the trash, which is a name and no path.
fn single(name: &str) -> Result<&str> {
    CleanPath::parse_inside(name)?;
    if name.contains('/') {
        return Err(
            Error::invalid("A name in the trash has no slash").hint("Use the name that the list shows")
        );
    }
    Ok(name)
}

/// The name itself, then with a number behind it.
fn numbered(name: &str, number: u32) -> String {
    let mut end = name.len().min(MAX_NAME_BYTES);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    let name = name.get(..end).unwrap_or_default();
    if number == 1 { name.to_owned() } else { format!("{name}.{number}") }
}

/// `notes (2).txt` beside `notes.txt`.
fn beside(above: &str, name: &str, number: u32) -> Result<CleanPath> {
    let (stem, extension) = match name.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() => (stem, format!(".{extension}")),
        _ => (name, String::new()),
    };
    CleanPath::parse_inside(&CleanPath::parse(above)?.join(&format!("{stem} ({number}){extension}")))
}

/// What a note says. In an agent's home the path is the one that the agent sees, so that its own tools understand
/// it; elsewhere there is no such thing and the path is that in the place.
fn write_note(place: PlaceName, path: &str, at: UnixMillis) -> String {
    let mut note = "[Trash Info]\nPath=".to_owned();
    if matches!(place, PlaceName::Agent { .. }) {
        note.push_str(SANDBOX_HOME);
        note.push('/');
    }
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'/') {
            note.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(note, "%{byte:02X}");
        }
    }
    let at = Timestamp::from_millisecond(at.0).unwrap_or_default().to_zoned(TimeZone::system());
    let _ = writeln!(note, "\nDeletionDate={}", at.strftime("%Y-%m-%dT%H:%M:%S"));
    note
}

fn parse(text: &str) -> Option<(String, Option<UnixMillis>)> {
    let mut lines = text.lines();
    if lines.next()?.trim() != "[Trash Info]" {
        return None;
    }
    // The first of each counts.
    let (mut path, mut at) = (None, None);
    for line in lines.take_while(|line| !line.starts_with('[')) {
        match line.split_once('=') {
            Some(("Path", value)) if path.is_none() => path = Some(unescape(value.trim())?),
            Some(("DeletionDate", value)) if at.is_none() => {
                at = value
                    .trim()
                    .parse::<DateTime>()
                    .ok()
                    .and_then(|at| at.to_zoned(TimeZone::system()).ok())
                    .map(|at| UnixMillis(at.timestamp().as_millisecond()));
            }
            _ => {}
        }
    }
    let path = path?;
    let inside = path.strip_prefix(SANDBOX_HOME).and_then(|rest| rest.strip_prefix('/')).unwrap_or(&path);
    CleanPath::parse_inside(inside).ok()?;
    Some((inside.to_owned(), at))
}

fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first == b'%' {
            let (digits, after) = rest.split_at_checked(2)?;
            rest = after;
            bytes.extend(hex::decode(digits).ok()?);
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_read_as_they_were_written_and_hostile_ones_are_none() {
        let at = UnixMillis(1_700_000_000_000);
        let agent = PlaceName::Agent { agent: aether_protocol::AgentId(uuid::Uuid::nil()) };
        for place in [PlaceName::Home, agent] {
            for path in ["a", "notes/ä b%\n=.txt", "[x]/#"] {
                assert_eq!(parse(&write_note(place, path, at)), Some((path.to_owned(), Some(at))), "{path}");
            }
        }
        assert!(write_note(agent, "a b", at).contains("Path=/home/agent/a%20b\n"));
        for text in [
            "",
            "Path=a",
            "[Trash Info]\n",
            "[Trash Info]\nPath=../../etc/passwd",
            "[Trash Info]\nPath=/etc/passwd",
            "[Trash Info]\nPath=/home/agent/../x",
            "[Trash Info]\nPath=%2e%2e/x",
            "[Trash Info]\nPath=a%0",
            "[Trash Info]\nPath=a%zz",
            "[Trash Info]\nPath=%ff",
            "[Trash Info]\nPath=a%00b",
            "[Trash Info]\nPath=",
            "[Other]\nPath=a",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(parse("[Trash Info]\nPath=a\nDeletionDate=soon"), Some(("a".to_owned(), None)));
    }

    #[test]
    fn names_are_numbered_and_stay_names() {
        assert_eq!(numbered("a.txt", 1), "a.txt");
        assert_eq!(numbered("a.txt", 3), "a.txt.3");
        assert!(numbered(&"ä".repeat(127), 200).len() + SUFFIX.len() <= 255);
        assert_eq!(beside("x", "a.tar.gz", 2).unwrap().as_str(), "x/a.tar (2).gz");
        assert_eq!(beside("", ".bashrc", 2).unwrap().as_str(), ".bashrc (2)");
    }
}
