//! What changes in a folder, by inotify(7). The folder is watched by its descriptor: a path would be resolved anew,
//! and might by then lead elsewhere.

use std::{
    collections::BTreeSet,
    mem::MaybeUninit,
    os::fd::{AsRawFd as _, OwnedFd},
    time::Duration,
};

use aether_protocol::{Error, Result, files::Changed};
use rustix::{
    fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags},
    io::Errno,
};
use tokio::{io::unix::AsyncFd, sync::OwnedSemaphorePermit};

use super::{
    path::CleanPath,
    place::{Place, open_folder},
    words::in_words,
};

/// Changes that come this close together are told together.
const TOGETHER: Duration = Duration::from_millis(200);
/// Names that are told at once.
const MAX_NAMES: usize = 256;
/// Events that are read at once: a writer without end must not keep the reader.
const MAX_EVENTS: usize = 16_384;

/// Changes of one folder. Dropping it ends the watch.
#[derive(Debug)]
pub struct WatchStream {
    inotify: AsyncFd<OwnedFd>,
    seen: Seen,
    _permit: OwnedSemaphorePermit,
}

/// What has been seen and not told yet.
#[derive(Debug, Default)]
struct Seen {
    names: BTreeSet<String>,
    more: bool,
    gone: bool,
    has_ended: bool,
}

/// Begins to watch a folder.
pub(super) fn watch(place: &Place, path: &str) -> Result<OwnedFd> {
    let path = CleanPath::parse(path)?;
    let words = |error: Errno| in_words(path.as_str(), error);
    let folder = place.folder(path.as_str()).map_err(|error| in_words(path.as_str(), error))?;
    let folder = open_folder(&folder, c".").map_err(words)?;
    let full = |error: Errno| match error {
        Errno::MFILE | Errno::NOSPC => {
            Error::unavailable("Too many folders are being watched").hint("Close some, then try again")
        }
        error => words(error),
    };
    let inotify = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK).map_err(full)?;
    let what = WatchFlags::CREATE
        | WatchFlags::DELETE
        | WatchFlags::MOVED_FROM
        | WatchFlags::MOVED_TO
        | WatchFlags::MODIFY
        | WatchFlags::ATTRIB
        | WatchFlags::DELETE_SELF
        | WatchFlags::MOVE_SELF
        | WatchFlags::ONLYDIR;
    inotify::add_watch(&inotify, format!("/proc/self/fd/{}", folder.as_raw_fd()), what).map_err(full)?;
    Ok(inotify)
}

impl WatchStream {
    pub(super) fn new(inotify: OwnedFd, permit: OwnedSemaphorePermit) -> Result<Self> {
        // SAFETY: it is an `OwnedFd`, so it stays the same open descriptor as long as it exists.
        #[allow(unsafe_code, reason = "tokio asks for the promise above")]
        let inotify = unsafe { AsyncFd::register(inotify) };
        let inotify =
            inotify.map_err(|error| Error::internal(format!("The folder could not be watched: {error}")))?;
        Ok(Self { inotify, seen: Seen::default(), _permit: permit })
    }

    /// The next changes; `None` after the folder is gone. What was seen is not lost when the future is dropped.
    pub async fn next(&mut self) -> Option<Changed> {
        if self.seen.has_ended {
            return None;
        }
        while self.seen.is_empty() {
            // It fails only when the runtime ends.
            let mut ready = self.inotify.readable().await.ok()?;
            if self.seen.read(ready.get_inner()) {
                ready.clear_ready();
            }
        }
        tokio::time::sleep(TOGETHER).await;
        self.seen.read(self.inotify.get_ref());
        Some(self.seen.tell())
    }
}

impl Seen {
    fn is_empty(&self) -> bool {
        self.names.is_empty() && !self.more && !self.gone
    }

    /// Takes in what waits. Returns whether that was all.
    fn read(&mut self, inotify: &OwnedFd) -> bool {
        let mut buffer = [MaybeUninit::uninit(); 8192];
        let mut reader = Reader::new(inotify, &mut buffer);
        for _ in 0..MAX_EVENTS {
            match reader.next() {
                Ok(event) => self.note(&event),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return true,
                Err(_) => break,
            }
        }
        // What is left in the buffer goes with it.
        self.more = true;
        false
    }

    fn note(&mut self, event: &inotify::Event<'_>) {
        let what = event.events();
        self.more |= what.contains(ReadFlags::QUEUE_OVERFLOW);
        self.gone |= what.intersects(ReadFlags::DELETE_SELF | ReadFlags::MOVE_SELF | ReadFlags::IGNORED);
        if let Some(name) = event.file_name() {
            let name = name.to_string_lossy().into_owned();
            if self.names.len() < MAX_NAMES || self.names.contains(&name) {
                self.names.insert(name);
            } else {
                self.more = true;
            }
        }
    }

    fn tell(&mut self) -> Changed {
        self.has_ended |= self.gone;
        let names = std::mem::take(&mut self.names).into_iter().collect();
        Changed { names, more: std::mem::take(&mut self.more), gone: std::mem::take(&mut self.gone) }
    }
}
