//! Changing the shape of a tree: making, removing, moving, copying.

use std::{ffi::CString, os::fd::AsFd};

use aether_protocol::{
    Error, Result,
    files::{Copy, Entry, Gone, Mkdir, Move, Remove},
};
use rustix::{
    fs::{AtFlags, FileType, Mode, RenameFlags, fstat, mkdirat, renameat_with, unlinkat},
    io::Errno,
};

use super::{
    listing::entry,
    path::CleanPath,
    place::{Place, Spot, inherit_owner, kind, open_folder, sync_folder},
    tree,
    words::in_words,
};

/// The permissions of a new folder.
const NEW_MODE: u32 = 0o755;

/// How often a random name is tried before it is given up.
const NAME_TRIES: u32 = 16;

pub(super) fn mkdir(place: &Place, request: &Mkdir) -> Result<Entry> {
    let path = CleanPath::parse_inside(&request.path)?;
    let words = |error: Errno| in_words(path.as_str(), error);
    let mut folder = place.folder("").map_err(|error| in_words("", error))?;
    let mut way = String::new();
    for name in path.names() {
        if !way.is_empty() {
            way.push('/');
        }
        way.push_str(name);
        match mkdirat(&folder, name, Mode::from_raw_mode(NEW_MODE)) {
            Ok(()) => {
                let c_name = c_name(name)?;
                let made = open_folder(&folder, &c_name).map_err(words)?;
                inherit_owner(&made, &folder).map_err(words)?;
                sync_folder(&made).and_then(|()| sync_folder(&folder)).map_err(words)?;
            }
            Err(Errno::EXIST) => {}
            Err(error) => return Err(words(error)),
        }
        // From the root each time, so that links on the way are held to it.
        folder = place.folder(&way).map_err(|error| in_words(path.as_str(), error))?;
    }
    Ok(entry(path.as_str(), &fstat(&folder).map_err(words)?))
}

pub(super) fn remove(place: &Place, request: &Remove) -> Result<Gone> {
    let path = CleanPath::parse_inside(&request.path)?;
    let spot = place.spot(&path)?;
    let is_folder = kind(&spot.stat()?) == FileType::Directory;
    let gone = if is_folder && request.recursive {
        tree::remove(spot.path, spot.folder.as_fd(), &c_name(spot.name)?)?.into()
    } else {
        let flags = if is_folder { AtFlags::REMOVEDIR } else { AtFlags::empty() };
        unlinkat(&spot.folder, spot.name, flags).map_err(|error| spot.words(error))?;
        Gone { entries: 1 }
    };
    spot.sync()?;
    Ok(gone)
}

pub(super) fn rename(place: &Place, request: &Move) -> Result<Entry> {
    let (from_path, to_path) =
        (CleanPath::parse_inside(&request.from)?, CleanPath::parse_inside(&request.to)?);
    not_into_itself(&from_path, &to_path)?;
    let from = place.spot(&from_path)?;
    from.stat()?;
    let to = place.spot(&to_path)?;
    let flags = if request.replace { RenameFlags::empty() } else { RenameFlags::NOREPLACE };
    renameat_with(&from.folder, from.name, &to.folder, to.name, flags).map_err(|error| match error {
        Errno::INVAL => tree::into_itself(),
        other => to.words(other),
    })?;
    from.sync()?;
    to.sync()?;
    Ok(entry(to.path, &to.stat()?))
}

pub(super) fn copy(place: &Place, request: &Copy) -> Result<Entry> {
    let (from_path, to_path) =
        (CleanPath::parse_inside(&request.from)?, CleanPath::parse_inside(&request.to)?);
    not_into_itself(&from_path, &to_path)?;
    let from = place.spot(&from_path)?;
    let what = kind(&from.stat()?);
    let to = place.spot(&to_path)?;
    let old = to.try_stat()?;
    match old.as_ref().map(kind) {
        Some(_) if !request.replace => return Err(to.words(Errno::EXIST)),
        Some(FileType::Directory) if what != FileType::Directory => return Err(to.words(Errno::ISDIR)),
        Some(there) if there != FileType::Directory && what == FileType::Directory => {
            return Err(to.words(Errno::NOTDIR));
        }
        _ => {}
    }
    // Made beside, then named: who looks sees all of the copy or nothing of it.
    let beside = c_name(&free_name(&to)?)?;
    let source = c_name(from.name)?;
    let copied = tree::copy(from.path, (from.folder.as_fd(), &source), (to.folder.as_fd(), &beside))
        .and_then(|()| put(&to, &beside, old.is_some()));
    if copied.is_err() {
        // The first error is the one that counts.
        let _ = tree::remove(to.path, to.folder.as_fd(), &beside);
    }
    copied?;
    to.sync()?;
    Ok(entry(to.path, &to.stat()?))
}

/// Gives the copy its name. What had the name before is removed.
fn put(to: &Spot<'_>, beside: &std::ffi::CStr, replaces: bool) -> Result<()> {
    let name = c_name(to.name)?;
    let flags = if replaces { RenameFlags::EXCHANGE } else { RenameFlags::NOREPLACE };
    renameat_with(&to.folder, beside, &to.folder, name.as_c_str(), flags).map_err(|error| to.words(error))?;
    if replaces {
        tree::remove(to.path, to.folder.as_fd(), beside)?;
    }
    Ok(())
}

fn not_into_itself(from: &CleanPath, to: &CleanPath) -> Result<()> {
    if from == to {
        return Err(Error::conflict("Source and target are the same").hint("Choose another name"));
    }
    let below = to.as_str().strip_prefix(from.as_str()).is_some_and(|rest| rest.starts_with('/'));
    if below { Err(tree::into_itself()) } else { Ok(()) }
}

fn free_name(spot: &Spot<'_>) -> Result<String> {
    for _ in 0..NAME_TRIES {
        let mut random = [0; 8];
        getrandom::fill(&mut random)
            .map_err(|error| Error::internal(format!("No random number: {error}")))?;
        let name = format!(".copy-{}", hex::encode(random));
        let taken = Spot {
            folder: spot.folder.try_clone().map_err(|error| spot.words(error))?,
            name: &name,
            path: spot.path,
        };
        if taken.try_stat()?.is_none() {
            return Ok(name);
        }
    }
    Err(spot.words(Errno::EXIST))
}

fn c_name(name: &str) -> Result<CString> {
    CString::new(name).map_err(|_| Error::invalid("The path contains a NUL character"))
}
