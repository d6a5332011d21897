//! Reading and writing text files.

use std::{
    fmt::Write as _,
    fs::{self, File, OpenOptions},
    io::{self, BufRead, BufReader, Read, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use aether_protocol::tools::{AppendFile, EditFile, ReadFile, WriteFile};

use super::{Home, in_words};

/// How much of a file one call returns, in bytes.
const READ_BYTES: usize = 64 * 1024;

/// How much of a file is looked at to tell text from anything else, in bytes.
const SNIFF_BYTES: usize = 8 * 1024;

/// The largest file that can be edited, in bytes.
const EDIT_BYTES: u64 = 8 * 1024 * 1024;

/// The permissions of a new file.
const NEW_MODE: u32 = 0o644;

pub fn read(home: &Home, args: &ReadFile) -> Result<String, String> {
    let path = home.resolve(&args.path)?;
    let words = |error: io::Error| in_words(&args.path, &error);
    let (file, size_bytes) = open_regular(&path, &args.path)?;
    let mut reader = BufReader::with_capacity(SNIFF_BYTES, file);
    if let Some(description) = describe_binary(reader.fill_buf().map_err(words)?) {
        return Err(format!("'{}' is not a text file: {size_bytes} bytes, {description}", args.path));
    }
    if size_bytes == 0 {
        return Ok(format!("['{}' is empty]", args.path));
    }

    let first = args.from_line.unwrap_or(1).max(1);
    let wanted = args.lines.unwrap_or(u32::MAX).max(1);
    let mut line = 0_u32;
    while line + 1 < first {
        if reader.skip_until(b'\n').map_err(words)? == 0 {
            return Err(format!("'{}' has {line} lines; line {first} is past its end", args.path));
        }
        line += 1;
    }
    let mut bytes = Vec::new();
    let mut taken = 0_u32;
    let mut cut_in_line = false;
    while taken < wanted && bytes.len() < READ_BYTES {
        let room = (READ_BYTES - bytes.len()) as u64;
        let read = (&mut reader).take(room).read_until(b'\n', &mut bytes).map_err(words)?;
        if read == 0 {
            break;
        }
        taken += 1;
        cut_in_line = read as u64 == room && bytes.last() != Some(&b'\n');
    }
    if taken == 0 {
        return Err(format!("'{}' has {line} lines; line {first} is past its end", args.path));
    }
    let more = !reader.fill_buf().map_err(words)?.is_empty();
    let mut text = String::from_utf8_lossy(&bytes).into_owned();
    let last = first.saturating_add(taken - 1);
    if more {
        if !text.ends_with('\n') {
            text.push('\n');
        }
        if cut_in_line {
            let _ = write!(
                text,
                "[cut off inside line {last} after {READ_BYTES} bytes; the file has {size_bytes} bytes]"
            );
        } else {
            let _ = write!(
                text,
                "[lines {first} to {last}; the file has {size_bytes} bytes and goes on at line {}]",
                last.saturating_add(1)
            );
        }
    }
    Ok(text)
}

pub fn write(home: &Home, args: &WriteFile) -> Result<String, String> {
    let path = home.resolve_inside(&args.path)?;
    let existed = path.symlink_metadata().is_ok();
    replace(&path, args.content.as_bytes()).map_err(|error| in_words(&args.path, &error))?;
    let verb = if existed { "Replaced" } else { "Wrote" };
    Ok(format!("{verb} '{}': {} bytes", args.path, args.content.len()))
}

pub fn append(home: &Home, args: &AppendFile) -> Result<String, String> {
    let path = home.resolve_inside(&args.path)?;
    let words = |error: io::Error| in_words(&args.path, &error);
    make_parents(&path).map_err(words)?;
    let mut file = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(NEW_MODE)
        .custom_flags(libc::O_NONBLOCK)
        .open(&path)
        .map_err(words)?;
    if !file.metadata().map_err(words)?.is_file() {
        return Err(format!("'{}' is not a regular file", args.path));
    }
    file.write_all(args.content.as_bytes()).and_then(|()| file.sync_all()).map_err(words)?;
    sync_folder_of(&path).map_err(words)?;
    let size = file.metadata().map_err(words)?.len();
    Ok(format!("Added {} bytes to '{}', which now has {size}", args.content.len(), args.path))
}

pub fn edit(home: &Home, args: &EditFile) -> Result<String, String> {
    let path = home.resolve_inside(&args.path)?;
    let words = |error: io::Error| in_words(&args.path, &error);
    if args.old.is_empty() {
        return Err("The old text is empty. Use write_file to write a whole file".to_owned());
    }
    if args.old == args.new {
        return Err("The old and the new text are the same; nothing was changed".to_owned());
    }
    let (mut file, size_bytes) = open_regular(&path, &args.path)?;
    if size_bytes > EDIT_BYTES {
        return Err(format!(
            "'{}' has {size_bytes} bytes, more than can be edited ({EDIT_BYTES})",
            args.path
        ));
    }
    let mut text = String::new();
    file.read_to_string(&mut text).map_err(|error| match error.kind() {
        io::ErrorKind::InvalidData => format!("'{}' is not a text file in UTF-8", args.path),
        _ => words(error),
    })?;
    let lines: Vec<usize> = text.match_indices(&args.old).map(|(at, _)| line_of(&text, at)).collect();
    match lines.as_slice() {
        [] => return Err(not_found(&text, args)),
        [_] => {}
        _ if args.all => {}
        several => {
            let shown: Vec<String> = several.iter().take(20).map(ToString::to_string).collect();
            return Err(format!(
                "The old text occurs {} times in '{}', at the lines {}. Give more of the text around the one \
                 that you mean, or set all",
                several.len(),
                args.path,
                shown.join(", ")
            ));
        }
    }
    let edited = text.replace(&args.old, &args.new);
    replace(&path, edited.as_bytes()).map_err(words)?;
    let (Some(first), count) = (lines.first(), lines.len()) else { return Ok(String::new()) };
    Ok(match count {
        1 => format!("Replaced the text at line {first} of '{}'", args.path),
        _ => format!("Replaced the text at {count} places of '{}', the first at line {first}", args.path),
    })
}

fn line_of(text: &str, at: usize) -> usize {
    text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count() + 1
}

/// Why the old text was not found: most often the white space is another.
fn not_found(text: &str, args: &EditFile) -> String {
    let squeeze = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let wanted = squeeze(&args.old);
    if !wanted.is_empty() && squeeze(text).contains(&wanted) {
        let first = args.old.lines().map(squeeze).find(|line| !line.is_empty()).unwrap_or_default();
        let line = text.lines().position(|line| squeeze(line).contains(&first)).map_or(0, |line| line + 1);
        return format!(
            "The old text does not occur in '{}' as written, but with other spaces or line breaks near line \
             {line}. Read the file and copy the text exactly",
            args.path
        );
    }
    format!("The old text does not occur in '{}'. Read the file and copy the text exactly", args.path)
}

/// Opens a regular file for reading, without waiting on a pipe.
fn open_regular(path: &Path, written: &str) -> Result<(File, u64), String> {
    let words = |error: io::Error| in_words(written, &error);
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path).map_err(words)?;
    let metadata = file.metadata().map_err(words)?;
    if metadata.is_dir() {
        return Err(format!("'{written}' is a folder. Use list_files to see what is in it"));
    }
    if !metadata.is_file() {
        return Err(format!("'{written}' is not a regular file"));
    }
    Ok((file, metadata.len()))
}

/// What bytes that are no text look like; `None` for text.
fn describe_binary(start: &[u8]) -> Option<String> {
    let is_text = !start.contains(&0)
        && match std::str::from_utf8(start) {
            Ok(_) => true,
            // A character may be cut at the end of what was read.
            Err(error) => error.error_len().is_none(),
        };
    if is_text {
        return None;
    }
    let hex: Vec<String> = start.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    Some(format!("it begins with {}", hex.join(" ")))
}

/// Puts a whole file in the place of another, or where there was none: readers see the old or the new one.
/// It is on disk when this returns. Through a link, what it points to is replaced; permissions stay.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let path = match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_symlink() => fs::canonicalize(path)?,
        _ => path.to_path_buf(),
    };
    let mode = match fs::metadata(&path) {
        Ok(metadata) if metadata.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
        Ok(metadata) if !metadata.is_file() => {
            return Err(io::Error::other("it is not a regular file, so it cannot be replaced"));
        }
        Ok(metadata) => metadata.permissions().mode() & 0o7777,
        Err(_) => NEW_MODE,
    };
    make_parents(&path)?;
    let (mut file, beside) = create_beside(&path)?;
    let written = file
        .write_all(content)
        .and_then(|()| file.set_permissions(fs::Permissions::from_mode(mode)))
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&beside, &path));
    if written.is_err() {
        // The first error is the one that counts.
        let _ = fs::remove_file(&beside);
    }
    written?;
    sync_folder_of(&path)
}

/// A new file in the same folder, under a name that nothing has.
fn create_beside(path: &Path) -> io::Result<(File, PathBuf)> {
    let pid = std::process::id();
    for attempt in 0..100_u32 {
        let beside = path.with_file_name(format!(".write-{pid}-{attempt}.tmp"));
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            result => return result.map(|file| (file, beside)),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// Makes the folders above a path.
pub fn make_parents(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)
}

/// Puts the name of a path on disk.
pub fn sync_folder_of(path: &Path) -> io::Result<()> {
    let Some(parent) = path.parent() else { return Ok(()) };
    File::open(parent)?.sync_all()
}
