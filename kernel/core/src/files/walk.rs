//! A walk through a tree, within bounds. By directory descriptors and through no link: nothing that is swapped
//! on the way leads elsewhere.

use std::{
    ffi::CStr,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use aether_protocol::{Result, files::Stopped};
use rustix::fs::{AtFlags, Dir, FileType, Stat, statat};

use super::{
    path::CleanPath,
    place::{Place, kind, open_folder},
    words::in_words,
};

/// How many folders deep a walk goes. Each level holds two descriptors open.
const MAX_DEPTH: usize = 128;

/// How far a walk may go.
#[derive(Clone, Debug)]
pub(super) struct Bounds {
    /// Entries that are looked at.
    pub entries: u64,
    /// When it has taken too long; `None` for never.
    pub until: Option<Instant>,
    /// Set when nobody waits for it any more.
    pub cancelled: Arc<AtomicBool>,
}

impl Bounds {
    /// Whether it is time to stop.
    pub fn are_over(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed) || self.until.is_some_and(|until| Instant::now() >= until)
    }
}

/// Says that nobody waits any more, when it is dropped.
#[derive(Debug, Default)]
pub(super) struct Waiting(pub Arc<AtomicBool>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// An entry on the way.
pub(super) struct Seen<'a> {
    /// The folder that it is in.
    pub folder: BorrowedFd<'a>,
    /// Its name there.
    pub name: &'a CStr,
    /// The same, for people.
    pub shown: &'a str,
    /// Its path from where the walk began.
    pub path: &'a str,
    /// What it is; a link is itself.
    pub stat: &'a Stat,
    /// 0 for an entry of the folder that the walk began with.
    pub depth: usize,
}

/// What to do after an entry.
#[derive(Debug)]
pub(super) enum Next {
    /// Into it, where it is a folder.
    Into,
    /// Past it.
    Past,
    /// No further.
    Stop(Stopped),
}

/// How a walk went.
#[derive(Debug, Default)]
pub(super) struct Walked {
    pub looked_at: u64,
    /// Folders that were too deep, or closed to the kernel.
    pub closed: u64,
    pub stopped: Option<Stopped>,
}

struct Level {
    folder: OwnedFd,
    rows: Dir,
    path: String,
}

/// Goes through all that is below a folder, each folder before what is in it.
pub(super) fn walk(
    place: &Place,
    path: &CleanPath,
    bounds: &Bounds,
    mut visit: impl FnMut(&Seen<'_>) -> Next,
) -> Result<Walked> {
    let words = |error: rustix::io::Errno| in_words(path.as_str(), error);
    let top = place.folder(path.as_str()).map_err(|error| in_words(path.as_str(), error))?;
    let folder = open_folder(&top, c".").map_err(words)?;
    let rows = Dir::read_from(&folder).map_err(words)?;
    let mut walked = Walked::default();
    let mut levels = vec![Level { folder, rows, path: String::new() }];
    while let Some(level) = levels.last_mut() {
        let Some(Ok(row)) = level.rows.read() else {
            levels.pop();
            continue;
        };
        let name = row.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        if bounds.are_over() {
            walked.stopped = Some(Stopped::Time);
            break;
        }
        if walked.looked_at >= bounds.entries {
            walked.stopped = Some(Stopped::Entries);
            break;
        }
        // Whatever is gone by now was never there.
        let Ok(stat) = statat(&level.folder, name, AtFlags::SYMLINK_NOFOLLOW) else { continue };
        walked.looked_at += 1;
        let shown = name.to_string_lossy();
        let below = if level.path.is_empty() { shown.to_string() } else { format!("{}/{shown}", level.path) };
        let depth = levels.len() - 1;
        let Some(level) = levels.last() else { break };
        let seen =
            Seen { folder: level.folder.as_fd(), name, shown: &shown, path: &below, stat: &stat, depth };
        match visit(&seen) {
            Next::Stop(why) => {
                walked.stopped = Some(why);
                break;
            }
            Next::Into if kind(&stat) == FileType::Directory => {
                let opened = (depth + 1 < MAX_DEPTH)
                    .then(|| open_folder(&level.folder, name).ok())
                    .flatten()
                    .and_then(|folder| Some((Dir::read_from(&folder).ok()?, folder)));
                match opened {
                    Some((rows, folder)) => levels.push(Level { folder, rows, path: below }),
                    None => walked.closed += 1,
                }
            }
            Next::Into | Next::Past => {}
        }
    }
    Ok(walked)
}
