//! A folder as one zip, made while it is sent. Links are never followed; what is left out is said in the archive.

use std::{
    collections::HashSet,
    fs::File,
    io::{self, Read, Write},
};

use aether_protocol::{Error, Result};
use bytes::Bytes;
use jiff::{Timestamp, tz::TimeZone};
use rustix::fs::{FileType, Mode, OFlags, Stat, fstat, openat};
use tokio::sync::mpsc;
use zip::{CompressionMethod, DateTime, ZipWriter, write::SimpleFileOptions};

use super::{
    listing::entry,
    path::CleanPath,
    place::{Place, kind, regular},
    walk::{Bounds, Next, Seen, walk},
};

/// What goes to the reader at once.
const PIECE_BYTES: usize = 64 * 1024;
/// Entries of one archive: its directory is kept in memory until the end.
pub(super) const MAX_ENTRIES: u64 = 500_000;
/// What is left out is told of by name, up to so many.
const MAX_LEFT_OUT: usize = 1000;
/// From this size on the sizes are written in 64 bits: also what grows meanwhile fits.
const LARGE_BYTES: u64 = 2 << 30;
/// Of deflate, 1 to 9: made while somebody waits.
const LEVEL: i64 = 3;
const LEFT_OUT: &str = "LEFT OUT.txt";

/// The pieces of an archive on their way.
pub(super) type Pieces = mpsc::Sender<io::Result<Bytes>>;

/// Writes the archive of a folder, under `name` in it. Ends when nobody takes its pieces.
pub(super) fn pack(place: &Place, path: &str, name: &str, bounds: &Bounds, pieces: &Pieces) -> Result<()> {
    let path = CleanPath::parse(path)?;
    let mut writer = ZipWriter::new_stream(Outlet { pieces, buffer: Vec::with_capacity(PIECE_BYTES) });
    let mut names = Names::default();
    let mut left_out: Vec<String> = Vec::new();
    let mut failure: Option<io::Error> = None;
    let walked = walk(place, &path, bounds, |seen| {
        let inside = format!("{name}/{}", names.portable(seen.path));
        let added = match kind(seen.stat) {
            FileType::Directory => writer.add_directory(inside, options(seen.stat)).map_err(io::Error::other),
            FileType::RegularFile => add(&mut writer, inside, seen, &mut left_out),
            other => {
                let is_link = other == FileType::Symlink;
                let why = if is_link { "is a link" } else { "is a pipe, a socket or a device" };
                leave_out(&mut left_out, seen.path, why);
                return Next::Past;
            }
        };
        match added {
            Ok(()) => Next::Into,
            Err(error) => {
                failure = Some(error);
                // Any reason: the failure is what counts.
                Next::Stop(aether_protocol::files::Stopped::Limit)
            }
        }
    })?;
    let broke_off = |error: io::Error| Error::internal(format!("The archive broke off: {error}"));
    if let Some(error) = failure {
        return Err(broke_off(error));
    }
    if walked.stopped.is_some() {
        return Err(Error::new(
            aether_protocol::Code::TooLarge,
            format!("An archive holds at most {MAX_ENTRIES} entries"),
        )
        .hint("Take the folders in it one by one"));
    }
    if walked.closed > 0 {
        left_out.push(format!("{} folders: too deep, or closed", walked.closed));
    }
    if !left_out.is_empty() {
        let text = left_out.join("\n") + "\n";
        let plain = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        writer
            .start_file(format!("{name}/{LEFT_OUT}"), plain)
            .map_err(|error| broke_off(io::Error::other(error)))?;
        writer.write_all(text.as_bytes()).map_err(broke_off)?;
    }
    let mut outlet = writer.finish().map_err(|error| broke_off(io::Error::other(error)))?.into_inner();
    outlet.flush().map_err(broke_off)
}

fn add<W: Write>(
    writer: &mut ZipWriter<zip::write::StreamWriter<W>>,
    inside: String,
    seen: &Seen<'_>,
    left_out: &mut Vec<String>,
) -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let opened = openat(seen.folder, seen.name, flags, Mode::empty())
        .and_then(|file| fstat(&file).map(|stat| (file, stat)))
        .ok()
        .filter(|(_, stat)| regular(seen.path, stat).is_ok());
    let Some((file, stat)) = opened else {
        leave_out(left_out, seen.path, "could not be opened");
        return Ok(());
    };
    let size = u64::try_from(stat.st_size).unwrap_or(0);
    writer.start_file(inside, options(&stat).large_file(size >= LARGE_BYTES)).map_err(io::Error::other)?;
    // No more than it had: one that grows without end would make an archive without one.
    let mut file = File::from(file).take(size);
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let read = match file.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        writer.write_all(piece.get(..read).unwrap_or_default())?;
    }
}

fn leave_out(left_out: &mut Vec<String>, path: &str, why: &str) {
    if left_out.len() < MAX_LEFT_OUT {
        left_out.push(format!("{}: {why}", path.replace(char::is_control, "?")));
    }
}

fn options(stat: &Stat) -> SimpleFileOptions {
    let millis = entry("", stat).modified_at.0;
    let at = Timestamp::from_millisecond(millis).unwrap_or_default().to_zoned(TimeZone::system());
    let part = |value: i8| u8::try_from(value).unwrap_or(0);
    let at = DateTime::from_date_and_time(
        u16::try_from(at.year()).unwrap_or(0),
        part(at.month()),
        part(at.day()),
        part(at.hour()),
        part(at.minute()),
        part(at.second()),
    );
    SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(LEVEL))
        .unix_permissions(stat.st_mode & 0o777)
        .last_modified_time(at.unwrap_or_default())
}

/// Gives names that mean the same everywhere: to some systems `\` and `:` are more than characters, and an archive
/// must not write outside of the folder that it is opened in. No name is given twice.
#[derive(Default)]
struct Names {
    given: HashSet<String>,
}

impl Names {
    fn portable(&mut self, path: &str) -> String {
        let clean = path.replace(|c: char| c.is_control() || matches!(c, '\\' | ':'), "_");
        let mut name = clean.clone();
        let mut number = 1_u64;
        while name == LEFT_OUT || !self.given.insert(name.clone()) {
            number += 1;
            name = format!("{clean}~{number}");
        }
        name
    }
}

/// Hands on what is written, in pieces, and waits while nobody takes them.
struct Outlet<'a> {
    pieces: &'a Pieces,
    buffer: Vec<u8>,
}

impl Write for Outlet<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= PIECE_BYTES {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.buffer, Vec::with_capacity(PIECE_BYTES));
        self.pieces.blocking_send(Ok(Bytes::from(piece))).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}
