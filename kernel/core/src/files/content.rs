//! What is in a file: reading, writing, appending.

use std::{
    fs::{File, Permissions},
    io::{self, Write as _},
    os::{fd::AsRawFd, unix::fs::FileExt, unix::fs::PermissionsExt},
};

use aether_protocol::{
    Blob, Code, Error, Result,
    files::{Append, Entry, Part, Read, Write},
};
use cap_tempfile::TempFile;
use rustix::{
    fs::{AtFlags, CWD, Mode, OFlags, Stat, fstat, linkat, openat},
    io::Errno,
};

use super::{
    MAX_READ_BYTES, MAX_WRITE_BYTES,
    listing::entry,
    path::CleanPath,
    place::{Place, Spot, inherit_owner, regular},
};

/// The permissions of a new file.
const NEW_MODE: u32 = 0o644;

pub(super) fn read(place: &Place, request: &Read) -> Result<Part> {
    let path = CleanPath::parse_inside(&request.path)?;
    let wanted = request.length.unwrap_or(MAX_READ_BYTES);
    if wanted > MAX_READ_BYTES {
        return Err(Error::new(Code::TooLarge, format!("One read returns at most {MAX_READ_BYTES} bytes"))
            .hint("Read the file in parts"));
    }
    let (file, stat) = place.open_file(&path)?;
    let size_bytes = u64::try_from(stat.st_size).unwrap_or(0);
    let length = wanted.min(size_bytes.saturating_sub(request.offset));
    let mut data = vec![0; usize::try_from(length).unwrap_or(0)];
    let mut filled = 0;
    while let Some(rest) = data.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, request.offset + filled as u64) {
            // The file became shorter meanwhile.
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(super::words::in_words(&request.path, error)),
        }
    }
    data.truncate(filled);
    let modified_at = entry(path.as_str(), &stat).modified_at;
    Ok(Part { data: Blob(data), offset: request.offset, size_bytes, modified_at })
}

pub(super) fn write(place: &Place, request: &Write) -> Result<Entry> {
    let path = CleanPath::parse_inside(&request.path)?;
    fits(&request.data)?;
    let spot = place.spot(&path)?;
    let there = spot.try_stat()?;
    match &there {
        Some(_) if request.must_be_new => return Err(spot.words(Errno::EXIST)),
        // A link is refused rather than replaced: the writer meant what it points to.
        Some(stat) => regular(spot.path, stat)?,
        None => {}
    }
    let mut new = TempFile::new(&spot.folder).map_err(|error| spot.words(error))?;
    new.write_all(&request.data.0).map_err(|error| spot.words(error))?;
    put(&spot, new, there.as_ref(), request.must_be_new)
}

pub(super) fn append(place: &Place, request: &Append) -> Result<Entry> {
    let path = CleanPath::parse_inside(&request.path)?;
    fits(&request.data)?;
    let spot = place.spot(&path)?;
    let flags = OFlags::WRONLY
        | OFlags::APPEND
        | OFlags::NOFOLLOW
        | OFlags::NONBLOCK
        | OFlags::NOCTTY
        | OFlags::CLOEXEC;
    let mode = Mode::from_raw_mode(NEW_MODE);
    let mut file = match openat(&spot.folder, spot.name, flags, mode) {
        Ok(file) => File::from(file),
        Err(Errno::NOENT) => {
            match openat(&spot.folder, spot.name, flags | OFlags::CREATE | OFlags::EXCL, mode) {
                Ok(file) => {
                    inherit_owner(&file, &spot.folder).map_err(|error| spot.words(error))?;
                    File::from(file)
                }
                // Another one made it in between.
                Err(Errno::EXIST) => {
                    openat(&spot.folder, spot.name, flags, mode).map_err(|error| spot.words(error))?.into()
                }
                Err(error) => return Err(spot.words(error)),
            }
        }
        Err(error) => return Err(spot.words(error)),
    };
    let stat = fstat(&file).map_err(|error| spot.words(error))?;
    regular(spot.path, &stat)?;
    if stat.st_nlink > 1 {
        return append_apart(&spot, &request.data.0);
    }
    file.write_all(&request.data.0).and_then(|()| file.sync_all()).map_err(|error| spot.words(error))?;
    spot.sync()?;
    Ok(entry(spot.path, &fstat(&file).map_err(|error| spot.words(error))?))
}

/// A file with another name somewhere, perhaps outside the root: the longer version becomes a file of its
/// own, and what has the other name stays as it is.
fn append_apart(spot: &Spot<'_>, data: &[u8]) -> Result<Entry> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let old = openat(&spot.folder, spot.name, flags, Mode::empty()).map_err(|error| spot.words(error))?;
    let stat = fstat(&old).map_err(|error| spot.words(error))?;
    regular(spot.path, &stat)?;
    let mut new = TempFile::new(&spot.folder).map_err(|error| spot.words(error))?;
    io::copy(&mut File::from(old), &mut new)
        .and_then(|_| new.write_all(data))
        .map_err(|error| spot.words(error))?;
    put(spot, new, Some(&stat), false)
}

/// Gives a written file its name: the old one is there, or the new one, never a mixture. A link that has come
/// there in the meantime is replaced, not followed.
pub(super) fn put(
    spot: &Spot<'_>,
    new: TempFile<'_>,
    old: Option<&Stat>,
    must_be_new: bool,
) -> Result<Entry> {
    let words = |error: io::Error| spot.words(error);
    let mode = old.map_or(NEW_MODE, |stat| stat.st_mode & 0o777);
    let file: File = new.as_file().try_clone().map_err(words)?.into_std();
    inherit_owner(&file, &spot.folder).map_err(|error| spot.words(error))?;
    file.set_permissions(Permissions::from_mode(mode)).map_err(words)?;
    file.sync_all().map_err(words)?;
    if must_be_new {
        // The only way to give a name that fails where there is one, for a file that has none yet.
        let unnamed = format!("/proc/self/fd/{}", file.as_raw_fd());
        linkat(CWD, unnamed.as_str(), &spot.folder, spot.name, AtFlags::SYMLINK_FOLLOW)
            .map_err(|error| spot.words(error))?;
    } else {
        new.replace(spot.name).map_err(words)?;
    }
    spot.sync()?;
    Ok(entry(spot.path, &fstat(&file).map_err(|error| spot.words(error))?))
}

fn fits(data: &Blob) -> Result<()> {
    if data.0.len() > MAX_WRITE_BYTES {
        return Err(Error::new(Code::TooLarge, format!("One write takes at most {MAX_WRITE_BYTES} bytes"))
            .hint("Write the beginning, then append the rest"));
    }
    Ok(())
}
