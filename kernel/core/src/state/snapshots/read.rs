//! Reads an archive and believes nothing of it but what a trusted key has signed; and not much of that.

use std::{
    fs::File,
    io::{self, BufReader, Read},
};

use aether_protocol::{
    Code, Error, Result,
    agent::Agent,
    journal::Step,
    network::HostGrant,
    process::{Limits, Process},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tar::{Archive, Entries, Entry, EntryType};

use super::{
    Bounds, damaged,
    manifest::{IDENTITY, JOURNAL, Kind, MANIFEST, Manifest, Member, PROCESS},
    seal,
};
use crate::process::Moment;

/// What a manifest may hold: a million members with long names fit.
const MAX_MANIFEST_BYTES: u64 = 256 << 20;
/// How far back the compressed data may refer, as a power of two: what decompression needs in memory. Our own
/// archives need 2 MiB.
const WINDOW_LOG_MAX: u32 = 25;
/// Headers of tar, and what fills its blocks.
const OVERHEAD_BYTES: u64 = 4 << 30;

/// The life's row with what it was granted, as the archive has it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Life {
    pub(super) process: Process,
    pub(super) tools: Vec<String>,
    pub(super) limits: Limits,
    /// The hosts that it could reach.
    #[serde(default)]
    pub(super) network: Vec<HostGrant>,
}

/// An archive that is sound.
#[derive(Debug)]
pub(super) struct Sound {
    pub(super) manifest: Manifest,
    pub(super) moment: Moment,
    /// Who signed it.
    pub(super) signer: String,
    pub(super) archive_bytes: u64,
    pub(super) sha256: String,
}

/// Takes the members of the home as they come. They are clean ([`Manifest::check`]); a file's hash is compared
/// after it was taken.
pub(super) trait Sink {
    /// One member. All of `data` must be read.
    fn take(&mut self, member: &Member, data: &mut dyn Read) -> Result<()>;
}

/// Looks and keeps nothing.
pub(super) struct Nowhere;

impl Sink for Nowhere {
    fn take(&mut self, _: &Member, data: &mut dyn Read) -> Result<()> {
        io::copy(data, &mut io::sink()).map_err(broken)?;
        Ok(())
    }
}

/// Checks signature, signer, manifest and every hash; gives the home's members to `sink`. What `sink` made is to
/// be thrown away when this fails.
pub(super) fn read(
    file: &mut File,
    trusted: &[String],
    bounds: &Bounds,
    sink: &mut dyn Sink,
) -> Result<Sound> {
    let sealed = seal::open(file)?;
    if !trusted.contains(&sealed.signer) {
        return Err(Error::forbidden("The archive was signed by another device").hint(format!(
            "If you trust that device, import it with its key {} as trusted (--trust)",
            sealed.signer
        )));
    }
    let frame = BufReader::with_capacity(256 * 1024, file.take(sealed.frame_bytes));
    let mut zstd = zstd::stream::read::Decoder::with_buffer(frame).map_err(broken)?.single_frame();
    zstd.window_log_max(WINDOW_LOG_MAX).map_err(broken)?;
    let most = bounds.max_bytes.saturating_add(MAX_MANIFEST_BYTES + OVERHEAD_BYTES);
    let mut archive = Archive::new(zstd.take(most));
    let (manifest, moment) = members(&mut archive, bounds, sink)?;
    if manifest.device_key != sealed.signer {
        return Err(damaged("it names another device than the one that signed it"));
    }
    nothing_follows(archive.into_inner())?;
    Ok(Sound {
        manifest,
        moment,
        signer: sealed.signer,
        archive_bytes: sealed.archive_bytes,
        sha256: sealed.sha256,
    })
}

fn members<R: Read>(
    archive: &mut Archive<R>,
    bounds: &Bounds,
    sink: &mut dyn Sink,
) -> Result<(Manifest, Moment)> {
    let mut entries = archive.entries().map_err(broken)?;
    let first = next(&mut entries)?.ok_or_else(|| damaged("it is empty"))?;
    if first.path_bytes() != MANIFEST.as_bytes() || first.header().entry_type() != EntryType::Regular {
        return Err(damaged("its first member is no manifest"));
    }
    let manifest: Manifest = json(&whole(first, MAX_MANIFEST_BYTES)?, MANIFEST)?;
    manifest.check(bounds)?;
    let (mut agent, mut life, mut journal) = (None, None, Vec::new());
    for member in &manifest.members {
        let mut entry =
            next(&mut entries)?.ok_or_else(|| damaged(&format!("it ends before '{}'", member.path)))?;
        if entry.path_bytes() != member.path.0.as_slice() {
            let found = String::from_utf8_lossy(&entry.path_bytes()).escape_debug().to_string();
            return Err(damaged(&format!("'{found}' stands where '{}' belongs", member.path)));
        }
        let (kind, size) = match &member.kind {
            Kind::File { size, .. } => (EntryType::Regular, *size),
            Kind::Folder => (EntryType::Directory, 0),
            Kind::Link { .. } => (EntryType::Symlink, 0),
            Kind::HardLink { .. } => (EntryType::Link, 0),
        };
        if entry.header().entry_type() != kind || entry.size() != size {
            return Err(damaged(&format!("'{}' is not what its manifest says", member.path)));
        }
        let mut data = Hashing { inner: &mut entry, hash: Sha256::new(), bytes: 0 };
        match member.path.0.as_slice() {
            path if path == IDENTITY.as_bytes() => agent = Some(json::<Agent>(&all(&mut data)?, IDENTITY)?),
            path if path == PROCESS.as_bytes() => life = Some(json::<Life>(&all(&mut data)?, PROCESS)?),
            path if path == JOURNAL.as_bytes() => journal = steps(&mut data)?,
            _ => sink.take(member, &mut data)?,
        }
        // A sink that stops early does not save the rest from being compared.
        io::copy(&mut data, &mut io::sink()).map_err(broken)?;
        if let Kind::File { size, sha256, .. } = &member.kind
            && (data.bytes != *size || hex::encode(data.hash.finalize()) != *sha256)
        {
            return Err(damaged(&format!("'{}' does not have the hash that its manifest says", member.path)));
        }
    }
    if let Some(more) = next(&mut entries)? {
        let found = String::from_utf8_lossy(&more.path_bytes()).escape_debug().to_string();
        return Err(damaged(&format!("'{found}' is in no manifest")));
    }
    let (Some(agent), Some(Life { process, tools, limits, network })) = (agent, life) else {
        return Err(damaged("it lacks members"));
    };
    let moment = Moment { agent, process, tools, limits, network, journal };
    agrees(&manifest, &moment)?;
    Ok((manifest, moment))
}

fn next<'a, R: Read>(entries: &mut Entries<'a, R>) -> Result<Option<Entry<'a, R>>> {
    entries.next().transpose().map_err(broken)
}

/// Whether manifest, identity, life and journal are of one agent.
fn agrees(manifest: &Manifest, moment: &Moment) -> Result<()> {
    let (agent, process) = (&moment.agent, &moment.process);
    let same = manifest.agent == agent.id
        && process.agent == agent.id
        && manifest.pid == process.pid
        && manifest.life == process.life
        && manifest.name == agent.name;
    let in_order = moment.journal.iter().enumerate().all(|(at, step)| step.index as usize == at);
    if same && in_order { Ok(()) } else { Err(damaged("its parts are not of one agent")) }
}

/// Nothing but the zeros that end a tar, and the end of the frame.
fn nothing_follows<R: io::BufRead>(rest: io::Take<zstd::stream::read::Decoder<'_, R>>) -> Result<()> {
    let mut zstd = rest.into_inner();
    let mut buffer = [0; 4096];
    loop {
        let count = zstd.read(&mut buffer).map_err(broken)?;
        if count == 0 {
            break;
        }
        if buffer.iter().take(count).any(|byte| *byte != 0) {
            return Err(damaged("something follows its last member"));
        }
    }
    zstd.finish_frame().map_err(broken)?;
    let mut frame = zstd.into_inner();
    if frame.fill_buf().map_err(broken)?.is_empty() {
        Ok(())
    } else {
        Err(damaged("something follows its last member"))
    }
}

fn whole(entry: impl Read, most: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    entry.take(most + 1).read_to_end(&mut bytes).map_err(broken)?;
    if bytes.len() as u64 > most {
        return Err(damaged("its manifest is too large"));
    }
    Ok(bytes)
}

/// The size is that of the manifest, which was checked.
fn all(data: &mut impl Read) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    data.read_to_end(&mut bytes).map_err(broken)?;
    Ok(bytes)
}

fn steps(data: &mut impl Read) -> Result<Vec<Step>> {
    let steps = serde_json::Deserializer::from_reader(BufReader::new(data)).into_iter::<Step>();
    steps.collect::<serde_json::Result<_>>().map_err(|error| misread(JOURNAL, &error))
}

fn json<T: for<'de> Deserialize<'de>>(bytes: &[u8], path: &str) -> Result<T> {
    serde_json::from_slice(bytes).map_err(|error| misread(path, &error))
}

fn misread(path: &str, error: &serde_json::Error) -> Error {
    damaged(&format!("'{path}' cannot be read: {error}"))
}

/// A failure while the archive was decompressed or taken apart.
#[expect(clippy::needless_pass_by_value, reason = "it is passed to `map_err`")]
fn broken(error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::OutOfMemory => {
            Error::new(Code::Exhausted, "There is not enough memory to read the archive")
        }
        _ => damaged(&format!("it cannot be taken apart: {error}")),
    }
}

/// Hashes and counts what is read.
struct Hashing<R> {
    inner: R,
    hash: Sha256,
    bytes: u64,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.hash.update(buffer.get(..count).unwrap_or_default());
        self.bytes += count as u64;
        Ok(count)
    }
}
