//! The end of an archive: the device's signature over everything before it.
//!
//! An archive is one zstd frame and then a *skippable* frame (RFC 8878 §3.1.2), which `zstd -d` passes over. It
//! holds the public key and the signature of the SHA-256 of the first frame. Whatever is not as it was signed is
//! therefore found before a byte of it is decompressed or parsed.

use std::{
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom, Write},
};

use aether_protocol::Result;
use sha2::{Digest as _, Sha256};

use super::{
    damaged,
    key::{DeviceKey, PUBLIC_BYTES, SIGNATURE_BYTES, has_signed},
    unreadable,
};

/// A skippable frame's magic number, little endian.
const MAGIC: [u8; 4] = [0x50, 0x2a, 0x4d, 0x18];
/// What the frame is.
const TAG: &[u8; 18] = b"aether-snapshot-1\0";
/// Before the hash in what is signed, so that the signature means nothing elsewhere.
const CONTEXT: &[u8] = b"aether snapshot archive, format 1\0";
const CONTENT_BYTES: usize = TAG.len() + PUBLIC_BYTES + SIGNATURE_BYTES;
/// The whole end.
pub(super) const SEAL_BYTES: usize = MAGIC.len() + 4 + CONTENT_BYTES;

/// Hashes and counts what is written.
pub(super) struct Hashing<W> {
    inner: W,
    hash: Sha256,
    bytes: u64,
}

impl<W: Write> Hashing<W> {
    pub(super) fn new(inner: W) -> Self {
        Self { inner, hash: Sha256::new(), bytes: 0 }
    }

    /// What it writes to.
    pub(super) fn into_inner(self) -> W {
        self.inner
    }

    /// Hash and size of the whole so far.
    pub(super) fn so_far(&self) -> ([u8; 32], u64) {
        (self.hash.clone().finalize().into(), self.bytes)
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.hash.update(bytes.get(..count).unwrap_or_default());
        self.bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Signs what was written and adds the end.
pub(super) fn close<W: Write>(out: &mut Hashing<W>, key: &DeviceKey) -> io::Result<()> {
    let (hash, _) = out.so_far();
    let signature = key.sign(&[CONTEXT, &hash].concat());
    out.write_all(&MAGIC)?;
    out.write_all(&(CONTENT_BYTES as u32).to_le_bytes())?;
    out.write_all(TAG)?;
    out.write_all(key.public())?;
    out.write_all(&signature)?;
    out.flush()
}

/// An archive whose signature holds.
pub(super) struct Sealed {
    /// The public key of whoever signed it, in hex.
    pub(super) signer: String,
    /// Where the frame ends.
    pub(super) frame_bytes: u64,
    /// Size and SHA-256 of the whole.
    pub(super) archive_bytes: u64,
    pub(super) sha256: String,
}

/// Reads the whole file and checks the signature at its end. Who signed it is for the caller to judge.
pub(super) fn open(file: &mut File) -> Result<Sealed> {
    let archive_bytes = file.seek(SeekFrom::End(0)).map_err(unreadable)?;
    let frame_bytes = archive_bytes
        .checked_sub(SEAL_BYTES as u64)
        .filter(|frame| *frame > 0)
        .ok_or_else(|| damaged("it is shorter than any archive"))?;
    file.seek(SeekFrom::Start(0)).map_err(unreadable)?;
    let mut hash = Sha256::new();
    let mut frame = (&mut *file).take(frame_bytes);
    let mut buffer = vec![0; 256 * 1024];
    loop {
        let count = frame.read(&mut buffer).map_err(unreadable)?;
        if count == 0 {
            break;
        }
        hash.update(buffer.get(..count).unwrap_or_default());
    }
    let mut end = [0; SEAL_BYTES];
    file.read_exact(&mut end).map_err(unreadable)?;
    let digest: [u8; 32] = hash.clone().finalize().into();
    hash.update(end);

    let (magic, rest) = end.split_at(MAGIC.len());
    let (size, rest) = rest.split_at(4);
    let (tag, rest) = rest.split_at(TAG.len());
    let (public, signature) = rest.split_at(PUBLIC_BYTES);
    if magic != MAGIC || size != (CONTENT_BYTES as u32).to_le_bytes() || tag != TAG {
        return Err(damaged("it does not end with a signature; something is missing, or was added"));
    }
    if !has_signed(public, &[CONTEXT, &digest].concat(), signature) {
        return Err(damaged("its content is not what was signed"));
    }
    file.seek(SeekFrom::Start(0)).map_err(unreadable)?;
    Ok(Sealed {
        signer: hex::encode(public),
        frame_bytes,
        archive_bytes,
        sha256: hex::encode(hash.finalize()),
    })
}
