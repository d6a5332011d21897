//! The system files that all sandboxes share: a small `/etc` of their own, and how `/bin` and its like are
//! laid out on this host.

use std::{
    fs, io,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
};

/// What a top directory of the host's system is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A symbolic link, usually into `/usr`.
    Link(PathBuf),
    /// A directory of its own.
    Folder,
}

/// The top directories besides `/usr` that programs expect.
const SYSTEM: [&str; 7] = ["/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/libexec"];

const PASSWD: &str = "root:x:0:0:root:/root:/usr/sbin/nologin\n\
    agent:x:1000:1000:agent:/home/agent:/bin/bash\n\
    nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n";
const GROUP: &str = "root:x:0:\ntty:x:5:\nagent:x:1000:\nnogroup:x:65534:\n";
const HOSTS: &str = "127.0.0.1 localhost\n::1 localhost\n";
const NSSWITCH: &str = "passwd: files\ngroup: files\nhosts: files\n";
const PROFILE: &str = "# Read by login shells in this sandbox.\n\
    umask 022\n[ -n \"$PS1\" ] && PS1='\\u@${AETHER_AGENT:-\\h}:\\w\\$ '\n";

/// Files of the host that are copied when they are there.
const COPIED: [&str; 5] = ["ld.so.cache", "ld.so.conf", "localtime", "mime.types", "inputrc"];

/// Where the generated `/etc` lies.
pub(super) fn etc(runtime_dir: &Path) -> PathBuf {
    runtime_dir.join("etc")
}

/// How this host lays out its system.
pub(super) fn system() -> Vec<(PathBuf, Place)> {
    SYSTEM
        .iter()
        .map(PathBuf::from)
        .filter_map(|path| {
            let found = fs::symlink_metadata(&path).ok()?;
            if found.is_symlink() {
                let target = fs::read_link(&path).ok()?;
                Some((path, Place::Link(target)))
            } else {
                Some((path, Place::Folder))
            }
        })
        .collect()
}

/// Writes the `/etc` of sandboxes. Nothing of the host's accounts, names or configuration gets in but what
/// the dynamic linker, TLS libraries and Debian's alternatives need.
pub(super) fn generate(runtime_dir: &Path) -> io::Result<()> {
    let etc = etc(runtime_dir);
    make_folder(&etc)?;
    for (name, text) in [
        ("passwd", PASSWD),
        ("group", GROUP),
        ("hosts", HOSTS),
        ("nsswitch.conf", NSSWITCH),
        ("profile", PROFILE),
        ("resolv.conf", ""),
    ] {
        write(&etc.join(name), text.as_bytes())?;
    }
    for name in COPIED {
        if let Ok(bytes) = fs::read(Path::new("/etc").join(name)) {
            write(&etc.join(name), &bytes)?;
        }
    }
    copy_links(Path::new("/etc/alternatives"), &etc.join("alternatives"))?;
    certificates(&etc)
}

/// The authorities that the host trusts, as one file: links into it are not needed by any TLS library.
fn certificates(etc: &Path) -> io::Result<()> {
    let source = Path::new("/etc/ssl/certs/ca-certificates.crt");
    let folder = etc.join("ssl/certs");
    let target = folder.join("ca-certificates.crt");
    let Ok(found) = fs::metadata(source) else { return Ok(()) };
    make_folder(&etc.join("ssl"))?;
    make_folder(&folder)?;
    if fs::metadata(&target).is_ok_and(|old| old.len() == found.len()) {
        return Ok(());
    }
    write(&target, &fs::read(source)?)
}

/// Debian's alternatives: `cc`, `awk`, `editor` are links into this directory, and from it into `/usr`.
fn copy_links(source: &Path, target: &Path) -> io::Result<()> {
    let Ok(entries) = fs::read_dir(source) else { return Ok(()) };
    make_folder(target)?;
    for entry in entries {
        let entry = entry?;
        let Ok(leads_to) = fs::read_link(entry.path()) else { continue };
        let link = target.join(entry.file_name());
        match fs::read_link(&link) {
            Ok(old) if old == leads_to => {}
            Ok(_) => {
                fs::remove_file(&link)?;
                symlink(&leads_to, &link)?;
            }
            Err(_) => symlink(&leads_to, &link)?,
        }
    }
    Ok(())
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if fs::read(path).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    fs::write(path, bytes)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o644))
}

/// Readable for every sandbox's user, whatever the kernel's umask.
fn make_folder(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755))
}
