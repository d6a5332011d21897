//! Looking: lists and single entries.

use std::ffi::CString;

use aether_protocol::{
    Cursor, Error, Page, Result, UnixMillis,
    files::{Entry, EntryKind, List},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use rustix::{
    fs::{AtFlags, Dir, FileType, Stat, fstat, statat},
    io::Errno,
};

use super::{
    path::CleanPath,
    place::{Place, kind, open_folder},
    words::in_words,
};

const DEFAULT_LIMIT: u32 = 200;
const MAX_LIMIT: u32 = 1000;

/// The order of a list: folders before everything else, then by the bytes of the name. The cursor is the key
/// of the last row, so that a page is not moved by what was made or removed before it.
type Key = (bool, Vec<u8>);

pub(super) fn list(place: &Place, request: &List) -> Result<Page<Entry>> {
    let path = CleanPath::parse(&request.path)?;
    let limit = request.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(Error::invalid(format!("The limit {limit} is not between 1 and {MAX_LIMIT}")));
    }
    let limit = limit as usize;
    let after = request.cursor.as_ref().map(decode).transpose()?;
    let words = |error: Errno| in_words(path.as_str(), error);
    let folder = place.folder(path.as_str()).map_err(|error| in_words(path.as_str(), error))?;
    let folder = open_folder(&folder, c".").map_err(words)?;

    let mut keys: Vec<Key> = Vec::new();
    for row in Dir::read_from(&folder).map_err(words)? {
        let row = row.map_err(words)?;
        let name = row.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        let kind = match row.file_type() {
            // Some file systems do not say.
            FileType::Unknown => match statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) => kind(&stat),
                Err(Errno::NOENT) => continue,
                Err(error) => return Err(words(error)),
            },
            kind => kind,
        };
        let key = (kind != FileType::Directory, name.to_bytes().to_vec());
        if after.as_ref().is_none_or(|after| key > *after) {
            keys.push(key);
        }
    }
    // Only the page is put in order, however large the folder is.
    let more = keys.len() > limit;
    if more {
        keys.select_nth_unstable(limit);
        keys.truncate(limit);
    }
    keys.sort_unstable();
    let next = keys.last().filter(|_| more).map(encode);
    let mut items = Vec::with_capacity(keys.len());
    for (_, name) in keys {
        let shown = String::from_utf8_lossy(&name).into_owned();
        let Ok(name) = CString::new(name) else { continue };
        match statat(&folder, name.as_c_str(), AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => items.push(entry(&path.join(&shown), &stat)),
            // Removed since.
            Err(Errno::NOENT) => {}
            Err(error) => return Err(words(error)),
        }
    }
    Ok(Page { items, next })
}

fn encode((is_file, name): &Key) -> Cursor {
    let mut bytes = vec![u8::from(*is_file)];
    bytes.extend_from_slice(name);
    Cursor(URL_SAFE_NO_PAD.encode(bytes))
}

fn decode(cursor: &Cursor) -> Result<Key> {
    let wrong = || Error::invalid("The cursor is not one of this list").hint("Start from the first page");
    let bytes = URL_SAFE_NO_PAD.decode(&cursor.0).map_err(|_| wrong())?;
    match bytes.split_first() {
        Some((kind @ (0 | 1), name)) if !name.is_empty() => Ok((*kind == 1, name.to_vec())),
        _ => Err(wrong()),
    }
}

pub(super) fn stat(place: &Place, path: &str) -> Result<Entry> {
    let path = CleanPath::parse(path)?;
    let stat = if path.as_str().is_empty() {
        let root = place.folder("").map_err(|error| in_words("", error))?;
        fstat(&root).map_err(|error| in_words("", error))?
    } else {
        place.spot(&path)?.stat()?
    };
    Ok(entry(path.as_str(), &stat))
}

pub(super) fn entry(path: &str, stat: &Stat) -> Entry {
    let kind = match kind(stat) {
        FileType::Directory => EntryKind::Folder,
        FileType::RegularFile => EntryKind::File,
        FileType::Symlink => EntryKind::Link,
        _ => EntryKind::Special,
    };
    let size_bytes = if kind == EntryKind::Folder { 0 } else { u64::try_from(stat.st_size).unwrap_or(0) };
    let millis = stat
        .st_mtime
        .saturating_mul(1000)
        .saturating_add(i64::try_from(stat.st_mtime_nsec).unwrap_or(0) / 1_000_000);
    Entry {
        name: path.rsplit('/').next().unwrap_or_default().to_owned(),
        path: path.to_owned(),
        kind,
        size_bytes,
        modified_at: UnixMillis(millis),
    }
}
