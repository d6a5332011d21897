//! Who owns a home: where the kernel runs as root, every home has a user id of its own.
//!
//! Without that an agent would be, for the host, user 0 with no capabilities: owner of every file of root's,
//! and exempt from `RLIMIT_NPROC`.

use std::{
    fs, io,
    os::unix::fs::{MetadataExt, lchown},
    path::Path,
};

/// The first user id given to homes. Far above what `/etc/passwd`, `/etc/subuid` and systemd hand out.
const FIRST_UID: u32 = 0x6000_0000;

/// How many there are.
const UID_COUNT: u32 = 0x1000_0000;

/// A user and group id of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The user.
    pub uid: u32,
    /// The group.
    pub gid: u32,
}

/// To whom a home belongs. A kernel that runs as root and writes into it gives the new file to this owner, so
/// that the agent can change it.
pub fn owner_of(home: &Path) -> io::Result<Owner> {
    let found = fs::symlink_metadata(home)?;
    if !found.is_dir() {
        return Err(io::Error::from(io::ErrorKind::NotADirectory));
    }
    Ok(Owner { uid: found.uid(), gid: found.gid() })
}

/// Gives a home that still belongs to root, and what lies in it, to a user id made from the directory's
/// identity. Returns the owner.
pub(super) fn settle(home: &Path) -> io::Result<Owner> {
    let found = owner_of(home)?;
    if found.uid != 0 {
        return Ok(found);
    }
    let uid = FIRST_UID + fold(&fs::canonicalize(home)?);
    let owner = Owner { uid, gid: uid };
    give(home, owner)?;
    // Last, so that a walk that was cut short is done again.
    lchown(home, Some(uid), Some(uid))?;
    Ok(owner)
}

/// Everything below `folder`, symbolic links themselves and not what they point to. No process of the agent
/// runs yet, so that nothing can be swapped underneath.
fn give(folder: &Path, owner: Owner) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            give(&entry.path(), owner)?;
        }
        lchown(entry.path(), Some(owner.uid), Some(owner.gid))?;
    }
    Ok(())
}

/// FNV-1a (64 bits), folded. The id of the agent or the person is part of the path, so that it spreads well.
fn fold(path: &Path) -> u32 {
    let hash = path.as_os_str().as_encoded_bytes().iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    ((hash ^ (hash >> 32)) as u32) % UID_COUNT
}
