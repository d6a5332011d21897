//! What the operating system refuses, in plain words.

use std::io;

use aether_protocol::{Code, Error};
use rustix::io::Errno;

/// A failed call for this path. `path` is shown as the person wrote it.
pub(super) fn in_words(path: &str, error: impl Into<io::Error>) -> Error {
    let error = error.into();
    let path = if path.is_empty() { "The place".to_owned() } else { format!("'{path}'") };
    let Some(errno) = Errno::from_io_error(&error) else {
        // This is how cap-std says that a path led out: without a number.
        return if error.kind() == io::ErrorKind::PermissionDenied {
            leads_out(&path)
        } else {
            Error::internal(format!("{path} could not be used: {error}"))
        };
    };
    match errno {
        Errno::NOENT if path.contains(char::REPLACEMENT_CHARACTER) => {
            Error::new(Code::NotFound, format!("{path} does not exist under this name"))
                .hint("Its name may not be valid UTF-8; rename it in a terminal, then try again")
        }
        Errno::NOENT => Error::new(Code::NotFound, format!("{path} does not exist")),
        Errno::EXIST => Error::conflict(format!("{path} exists already"))
            .hint("Choose another name, or allow that it is replaced"),
        Errno::NOTEMPTY => Error::conflict(format!("{path} is a folder with something in it"))
            .hint("Remove it with all that is in it, or choose another name"),
        Errno::ISDIR => Error::conflict(format!("{path} is a folder")).hint("Name a file"),
        Errno::NOTDIR => Error::conflict(format!("{path} is not a folder, or lies below a file")),
        Errno::LOOP | Errno::MLINK => is_link(&path),
        Errno::XDEV => leads_out(&path),
        Errno::NXIO | Errno::NODEV => is_special(&path),
        Errno::ACCESS | Errno::PERM => Error::forbidden(format!("{path} may not be touched"))
            .hint("Its permissions keep the kernel out; change them in a terminal"),
        Errno::ROFS => Error::new(Code::Unavailable, format!("{path} is on a disk that is read-only"))
            .hint("A disk that becomes read-only is often failing; look at the system's log"),
        Errno::NOSPC | Errno::DQUOT => {
            Error::new(Code::Exhausted, format!("{path} does not fit: the disk is full"))
                .hint("Remove what is no longer needed, then try again")
        }
        Errno::FBIG => Error::new(Code::TooLarge, format!("{path} would be larger than a file may be")),
        Errno::NAMETOOLONG => Error::invalid(format!("{path} has a name that is too long")),
        Errno::INVAL => Error::invalid(format!("{path} cannot be used for this")),
        Errno::MFILE | Errno::NFILE => {
            Error::unavailable("Too many files are open").hint("Try again in a moment")
        }
        Errno::BUSY | Errno::TXTBSY => Error::conflict(format!("{path} is in use")),
        Errno::AGAIN | Errno::STALE => {
            Error::conflict(format!("{path} was changed in the meantime")).hint("Try again")
        }
        Errno::IO => Error::internal(format!("The disk failed at {path}"))
            .hint("Make a copy of what is dear to you and look at the system's log"),
        _ => Error::internal(format!("{path} could not be used: {error}")),
    }
}

/// A path whose way leads out of its root.
fn leads_out(path: &str) -> Error {
    Error::forbidden(format!("{path} leads out of its place through a link"))
        .hint("Name the file by a path without links")
}

/// A link where one is never followed.
pub(super) fn is_link(path: &str) -> Error {
    Error::conflict(format!("{path} is a link, or goes through links in a circle"))
        .hint("Remove the link first, or name what it points to")
}

/// A socket, a pipe or a device.
pub(super) fn is_special(path: &str) -> Error {
    Error::invalid(format!("{path} is a pipe, a socket or a device; these are never opened"))
}
