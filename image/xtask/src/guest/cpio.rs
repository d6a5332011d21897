//! Writes what Linux unpacks at its start: a cpio archive in the format "newc" (buffer-format.rst of Linux).

use std::{
    fmt::Write as _,
    io::{self, Write},
};

/// File types of `st_mode`.
const FOLDER: u32 = 0o040_000;
const FILE: u32 = 0o100_000;
const LINK: u32 = 0o120_000;

/// An archive that is being written. Everything in it belongs to root.
pub(super) struct Archive<W> {
    to: W,
    inode: u32,
}

impl<W: Write> Archive<W> {
    pub(super) fn new(to: W) -> Self {
        Self { to, inode: 0 }
    }

    pub(super) fn folder(&mut self, path: &str, permissions: u32) -> io::Result<()> {
        self.entry(path, FOLDER | permissions, &[])
    }

    pub(super) fn file(&mut self, path: &str, permissions: u32, content: &[u8]) -> io::Result<()> {
        self.entry(path, FILE | permissions, content)
    }

    pub(super) fn link(&mut self, path: &str, target: &str) -> io::Result<()> {
        self.entry(path, LINK | 0o777, target.as_bytes())
    }

    /// Writes the end.
    pub(super) fn finish(mut self) -> io::Result<W> {
        self.entry("TRAILER!!!", 0, &[])?;
        Ok(self.to)
    }

    fn entry(&mut self, path: &str, mode: u32, content: &[u8]) -> io::Result<()> {
        let name = path.trim_start_matches('/');
        let too_long = |_| io::Error::other(format!("{path} does not fit into an archive"));
        let size = u32::try_from(content.len()).map_err(too_long)?;
        let name_size = u32::try_from(name.len() + 1).map_err(too_long)?;
        self.inode += 1;
        // inode, mode, uid, gid, links, time, size, two device numbers of two parts each, length of the name, checksum
        let fields = [self.inode, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, name_size, 0];
        let mut header = "070701".to_owned();
        for field in fields {
            write!(header, "{field:08x}").map_err(io::Error::other)?;
        }
        self.to.write_all(header.as_bytes())?;
        self.to.write_all(name.as_bytes())?;
        self.to.write_all(&[0])?;
        self.pad(header.len() + name.len() + 1)?;
        self.to.write_all(content)?;
        self.pad(content.len())
    }

    /// Header with name, and content, each fill whole words of four bytes.
    fn pad(&mut self, written: usize) -> io::Result<()> {
        let missing = written.next_multiple_of(4) - written;
        self.to.write_all([0_u8; 4].get(..missing).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::Archive;

    #[test]
    fn entries_are_aligned_and_carry_their_sizes() {
        let mut archive = Archive::new(Vec::new());
        archive.folder("/usr", 0o755).unwrap();
        archive.file("/usr/five", 0o644, b"12345").unwrap();
        archive.link("/bin", "usr/bin").unwrap();
        let bytes = archive.finish().unwrap();
        assert_eq!(bytes.len() % 4, 0);
        let text = String::from_utf8(bytes).unwrap();
        assert_eq!(text.matches("070701").count(), 4);
        let at = text.find("usr/five\0").unwrap();
        // The header is 110 bytes; the size is its seventh number of eight digits.
        assert_eq!(text.get(at - 110 + 54..at - 110 + 62), Some("00000005"));
        assert_eq!(text.get(at - 110 + 14..at - 110 + 22), Some("000081a4"));
        assert!(text.contains("12345\x00\x00\x00070701"));
        assert!(text.ends_with("TRAILER!!!\0\0\0\0"));
    }
}
