//! Finding files by name and content. No file is too hostile: bounded in entries, time, size, length of a line.

use std::{
    fs::File,
    io::{self, Read},
    time::Duration,
};

use aether_protocol::{
    Error, Result,
    files::{Found, Hit, Line, Search, Stopped},
};
use globset::{GlobBuilder, GlobMatcher};
use grep_matcher::Matcher as _;
use grep_regex::{RegexMatcher, RegexMatcherBuilder};
use grep_searcher::{BinaryDetection, Searcher, SearcherBuilder, Sink, SinkFinish, SinkMatch};
use rustix::fs::{FileType, Mode, OFlags, fstat, openat};

use super::{
    listing::entry,
    path::CleanPath,
    place::{Place, kind, regular},
    walk::{Bounds, Next, Seen, walk},
};

const DEFAULT_LIMIT: u32 = 200;
const MAX_LIMIT: u32 = 1000;
/// The longest name or content that is searched for.
const MAX_PATTERN_BYTES: usize = 1024;
/// Entries that one search looks at.
pub(super) const MAX_ENTRIES: u64 = 500_000;
/// How long one search may take.
pub(super) const MAX_TIME: Duration = Duration::from_secs(10);
/// Larger files are passed over where contents are searched.
const MAX_FILE_BYTES: u64 = 64 << 20;
/// Memory for one line, and for a compiled expression.
const MAX_HEAP_BYTES: usize = 1 << 20;
/// Lines that are shown of one file.
const MAX_LINES: usize = 5;
/// Characters that are shown of one line.
const MAX_SHOWN: usize = 200;

/// How a name is recognised.
enum Name {
    Any,
    Part(String),
    Pattern(GlobMatcher),
}

impl Name {
    fn new(text: Option<&str>) -> Result<Self> {
        let Some(text) = text else { return Ok(Self::Any) };
        within(text, "name")?;
        if !text.contains(['*', '?', '[']) {
            return Ok(Self::Part(text.to_lowercase()));
        }
        let glob = GlobBuilder::new(text).case_insensitive(true).build().map_err(|error| {
            Error::invalid(format!("The pattern of the name does not fit: {}", error.kind()))
                .hint("Write it like *.md, or a part of the name without *, ? and [")
        })?;
        Ok(Self::Pattern(glob.compile_matcher()))
    }

    fn fits(&self, name: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Part(part) => name.to_lowercase().contains(part.as_str()),
            Self::Pattern(pattern) => pattern.is_match(name),
        }
    }
}

fn within(text: &str, what: &str) -> Result<()> {
    if text.is_empty() || text.len() > MAX_PATTERN_BYTES {
        return Err(Error::invalid(format!(
            "The {what} to search for has not 1 to {MAX_PATTERN_BYTES} bytes"
        )));
    }
    Ok(())
}

fn matcher(request: &Search) -> Result<Option<RegexMatcher>> {
    let Some(content) = &request.content else { return Ok(None) };
    within(content, "content")?;
    RegexMatcherBuilder::new()
        .case_insensitive(!request.match_case)
        .fixed_strings(!request.regex)
        .line_terminator(Some(b'\n'))
        .size_limit(MAX_HEAP_BYTES)
        .dfa_size_limit(MAX_HEAP_BYTES)
        .build(content)
        .map(Some)
        .map_err(|error| {
            Error::invalid(format!("The content to search for does not fit: {error}"))
                .hint("A line is searched at a time; mask what is no expression, or leave `regex` out")
        })
}

pub(super) fn search(place: &Place, request: &Search, bounds: &Bounds) -> Result<Found> {
    let path = CleanPath::parse(&request.path)?;
    if request.name.is_none() && request.content.is_none() {
        return Err(Error::invalid("There is nothing to search for").hint("Give a name, a content, or both"));
    }
    let limit = request.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(Error::invalid(format!("The limit {limit} is not between 1 and {MAX_LIMIT}")));
    }
    let name = Name::new(request.name.as_deref())?;
    let matcher = matcher(request)?;
    let mut searcher = SearcherBuilder::new()
        .line_number(true)
        .heap_limit(Some(MAX_HEAP_BYTES))
        .binary_detection(BinaryDetection::quit(0))
        .build();
    let mut items: Vec<Hit> = Vec::new();
    let mut passed_over = 0;
    let walked = walk(place, &path, bounds, |seen| {
        if !request.hidden && seen.shown.starts_with('.') {
            return Next::Past;
        }
        if !name.fits(seen.shown) {
            return Next::Into;
        }
        let lines = match &matcher {
            None => Vec::new(),
            Some(_) if kind(seen.stat) != FileType::RegularFile => return Next::Into,
            Some(matcher) => match lines(&mut searcher, matcher, seen, bounds) {
                Ok(lines) if lines.is_empty() => return Next::Into,
                Ok(lines) => lines,
                Err(_) if bounds.are_over() => return Next::Stop(Stopped::Time),
                Err(_) => {
                    passed_over += 1;
                    return Next::Into;
                }
            },
        };
        if items.len() >= limit as usize {
            return Next::Stop(Stopped::Limit);
        }
        items.push(Hit { entry: entry(&path.join(seen.path), seen.stat), lines });
        Next::Into
    })?;
    items.sort_by(|one, other| one.entry.path.cmp(&other.entry.path));
    Ok(Found {
        items,
        stopped: walked.stopped,
        looked_at: walked.looked_at,
        passed_over: passed_over + walked.closed,
    })
}

/// The first lines of a file that match; none where it is binary.
fn lines(
    searcher: &mut Searcher,
    matcher: &RegexMatcher,
    seen: &Seen<'_>,
    bounds: &Bounds,
) -> io::Result<Vec<Line>> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = File::from(openat(seen.folder, seen.name, flags, Mode::empty())?);
    let stat = fstat(&file)?;
    if regular(seen.path, &stat).is_err() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    if u64::try_from(stat.st_size).unwrap_or(0) > MAX_FILE_BYTES {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let mut found = Lines { matcher, found: Vec::new(), is_binary: false };
    // It may grow while it is read.
    let reader = Timed { inner: file.take(MAX_FILE_BYTES), bounds };
    searcher.search_reader(matcher, reader, &mut found)?;
    Ok(if found.is_binary { Vec::new() } else { found.found })
}

/// Stops reading when the search is over.
struct Timed<'a, R> {
    inner: R,
    bounds: &'a Bounds,
}

impl<R: Read> Read for Timed<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.bounds.are_over() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.inner.read(buffer)
    }
}

/// Collects the lines of one file.
struct Lines<'a> {
    matcher: &'a RegexMatcher,
    found: Vec<Line>,
    is_binary: bool,
}

impl Sink for Lines<'_> {
    type Error = io::Error;

    fn matched(&mut self, _: &Searcher, found: &SinkMatch<'_>) -> io::Result<bool> {
        let bytes = found.bytes();
        let first = self.matcher.find(bytes).ok().flatten().map_or(0, |at| at.start());
        self.found.push(Line { number: found.line_number().unwrap_or(0), text: around(bytes, first) });
        Ok(self.found.len() < MAX_LINES)
    }

    fn binary_data(&mut self, _: &Searcher, _: u64) -> io::Result<bool> {
        self.is_binary = true;
        Ok(false)
    }

    fn finish(&mut self, _: &Searcher, finish: &SinkFinish) -> io::Result<()> {
        self.is_binary |= finish.binary_byte_offset().is_some();
        Ok(())
    }
}

/// The line, or the part of a long one in which the match is.
fn around(line: &[u8], first: usize) -> String {
    let before = line.get(..first).unwrap_or_default();
    let skipped = String::from_utf8_lossy(before).chars().count().saturating_sub(MAX_SHOWN / 4);
    let text = String::from_utf8_lossy(line);
    let skipped = if text.chars().count() <= MAX_SHOWN { 0 } else { skipped };
    let shown: String = text.chars().skip(skipped).take(MAX_SHOWN).collect();
    let shown = shown.trim_end_matches(['\r', '\n']);
    if skipped > 0 { format!("…{shown}") } else { shown.to_owned() }
}
