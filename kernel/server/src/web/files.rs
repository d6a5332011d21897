//! Finding a file of the desktop and the best form of it.

use std::{
    collections::HashMap,
    fs::{File, Metadata},
    io::{self, Read as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use actix_web::{
    http::header::{self, HeaderMap},
    web,
};
use bytes::Bytes;
use futures_util::Stream;
use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};

use super::page;

const PIECE_BYTES: usize = 64 * 1024;

/// How a file travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Coding {
    /// As it is.
    Identity,
    /// `gzip`
    Gzip,
    /// `br`
    Brotli,
}

impl Coding {
    /// As it stands in `Content-Encoding`; `None` where the header is left out.
    pub fn name(self) -> Option<&'static str> {
        match self {
            Self::Identity => None,
            Self::Gzip => Some("gzip"),
            Self::Brotli => Some("br"),
        }
    }

    /// The best coding that the client accepts (RFC 9110 §12.5.3).
    pub fn best(headers: &HeaderMap) -> Self {
        let accepts = |wanted: &str| {
            headers.get_all(header::ACCEPT_ENCODING).filter_map(|value| value.to_str().ok()).any(|value| {
                value.split(',').any(|part| {
                    let (coding, weight) = part.split_once(';').unwrap_or((part, ""));
                    let is_refused = weight
                        .trim()
                        .strip_prefix("q=")
                        .is_some_and(|weight| weight.trim().parse::<f32>().is_ok_and(|weight| weight <= 0.0));
                    coding.trim().eq_ignore_ascii_case(wanted) && !is_refused
                })
            })
        };
        if accepts("br") {
            Self::Brotli
        } else if accepts("gzip") {
            Self::Gzip
        } else {
            Self::Identity
        }
    }

    /// This one, then those that any client of it takes as well.
    fn and_lesser(self) -> &'static [Self] {
        match self {
            Self::Brotli => &[Self::Brotli, Self::Identity],
            Self::Gzip => &[Self::Gzip, Self::Identity],
            Self::Identity => &[Self::Identity],
        }
    }

    fn suffix(self) -> &'static str {
        match self {
            Self::Identity => "",
            Self::Gzip => ".gz",
            Self::Brotli => ".br",
        }
    }
}

/// One form of a file, open.
pub(super) struct Variant {
    /// How it is packed.
    pub coding: Coding,
    /// As it travels.
    pub size_bytes: u64,
    /// Unpacked.
    pub uncompressed_bytes: u64,
    /// Over the bytes that travel, in lower-case hex.
    pub sha256: String,
    /// The hashes of a page's own scripts.
    pub inline_scripts: Vec<String>,
    file: File,
}

impl Variant {
    /// Its bytes.
    pub fn content(self) -> impl Stream<Item = io::Result<Bytes>> {
        futures_util::stream::try_unfold(Some(self.file), |file| async move {
            let Some(mut file) = file else { return Ok(None) };
            let read = web::block(move || {
                let mut piece = vec![0; PIECE_BYTES];
                let count = file.read(&mut piece)?;
                piece.truncate(count);
                Ok::<_, io::Error>((piece, file))
            });
            let (piece, file) = read.await.map_err(io::Error::other)??;
            Ok(if piece.is_empty() { None } else { Some((Bytes::from(piece), Some(file))) })
        })
    }
}

/// When and how large a file was when it was last read whole.
type Stamp = (u64, i64, i64, u64);

#[derive(Clone)]
struct Known {
    stamp: Stamp,
    sha256: String,
    inline_scripts: Vec<String>,
}

/// A folder with the desktop's files.
pub(super) struct Files {
    dir: PathBuf,
    known: std::sync::Arc<Mutex<HashMap<PathBuf, Known>>>,
}

impl Files {
    /// Serves what lies in `dir`.
    pub fn new(dir: PathBuf) -> Self {
        Self { dir, known: std::sync::Arc::default() }
    }

    /// The best form of `name`.
    pub async fn find(&self, name: &str, coding: Coding) -> Option<Variant> {
        if !is_clean(name) {
            return None;
        }
        let (dir, known, name) = (self.dir.clone(), std::sync::Arc::clone(&self.known), name.to_owned());
        web::block(move || find(&dir, &known, &name, coding)).await.ok()?
    }
}

fn find(dir: &Path, known: &Mutex<HashMap<PathBuf, Known>>, name: &str, coding: Coding) -> Option<Variant> {
    let dir = dir.canonicalize().ok()?;
    let plain = dir.join(name);
    let uncompressed_bytes = open_inside(&dir, &plain)?.1.len();
    coding.and_lesser().iter().find_map(|&coding| {
        let path = dir.join(format!("{name}{}", coding.suffix()));
        let (mut file, metadata) = open_inside(&dir, &path)?;
        let stamp = (metadata.ino(), metadata.mtime(), metadata.mtime_nsec(), metadata.len());
        let cached = known.lock().get(&path).filter(|known| known.stamp == stamp).cloned();
        let entry = if let Some(entry) = cached {
            entry
        } else {
            let sha256 = hash(&mut file).ok()?;
            let inline_scripts = if is_page(name) {
                page::inline_scripts(&std::fs::read_to_string(&plain).ok()?)
            } else {
                Vec::new()
            };
            let entry = Known { stamp, sha256, inline_scripts };
            known.lock().insert(path, entry.clone());
            entry
        };
        Some(Variant {
            coding,
            size_bytes: metadata.len(),
            uncompressed_bytes,
            sha256: entry.sha256,
            inline_scripts: entry.inline_scripts,
            file,
        })
    })
}

/// Opens a regular file that lies in `dir` also when every link is followed.
fn open_inside(dir: &Path, path: &Path) -> Option<(File, Metadata)> {
    let path = path.canonicalize().ok().filter(|path| path.starts_with(dir))?;
    let file = File::open(path).ok()?;
    let metadata = file.metadata().ok().filter(Metadata::is_file)?;
    Some((file, metadata))
}

/// Hashes from the start, and leaves the file at its start again.
fn hash(file: &mut File) -> io::Result<String> {
    let mut hasher = Sha256::new();
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let count = file.read(&mut piece)?;
        let Some(read) = piece.get(..count).filter(|read| !read.is_empty()) else { break };
        hasher.update(read);
    }
    io::Seek::rewind(file)?;
    Ok(hex::encode(hasher.finalize()))
}

/// Letters, digits, `.`, `_`, `-` in at most four parts, none of them hidden: neither `..` nor an encoded
/// anything.
pub(super) fn is_clean(name: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
    };
    name.len() <= 200 && name.split('/').count() <= 4 && name.split('/').all(is_part)
}

/// Whether a name carries a hash of its content (`shell-5f3a9c01d2e4b678.js`), so that it never changes.
pub(super) fn is_hashed(name: &str) -> bool {
    name.split(['.', '-', '_', '/']).any(|part| {
        part.len() >= 8
            && part.bytes().all(|byte| byte.is_ascii_hexdigit())
            && part.bytes().any(|byte| byte.is_ascii_digit())
    })
}

/// Whether it is a page, which gets a policy of its own.
pub(super) fn is_page(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, ending)| ending == "html")
}

/// By the ending.
pub(super) fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "wasm" => "application/wasm",
        "css" => "text/css; charset=utf-8",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "ttf" => "font/ttf",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
