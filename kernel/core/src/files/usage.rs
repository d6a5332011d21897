//! What a folder holds, and which of its entries hold how much of that.

use std::time::Duration;

use aether_protocol::{
    Result,
    files::{EntryKind, Share, Usage, UsageReport},
};
use rustix::fs::{FileType, Stat};

use super::{
    listing::entry,
    path::CleanPath,
    place::{Place, kind},
    walk::{Bounds, Next, walk},
};

/// Entries that are counted.
pub(super) const MAX_ENTRIES: u64 = 2_000_000;
/// How long counting may take.
pub(super) const MAX_TIME: Duration = Duration::from_secs(20);
/// Entries of the folder that are told of by name.
const MAX_SHARES: usize = 1000;

pub(super) fn usage(place: &Place, request: &Usage, bounds: &Bounds) -> Result<UsageReport> {
    let path = CleanPath::parse(&request.path)?;
    let mut shares: Vec<Share> = Vec::new();
    let mut rest =
        UsageReport { bytes: 0, files: 0, folders: 0, shares: Vec::new(), stopped: None, limit_bytes: None };
    let walked = walk(place, &path, bounds, |seen| {
        let is_folder = kind(seen.stat) == FileType::Directory;
        if seen.depth == 0 {
            // What is in memory stays bounded in a folder of millions.
            if shares.len() >= 2 * MAX_SHARES {
                largest(&mut shares);
            }
            let kind: EntryKind = entry(seen.shown, seen.stat).kind;
            shares.push(Share { name: seen.shown.to_owned(), kind, bytes: 0, files: 0, folders: 0 });
        }
        let (files, folders) = if is_folder { (0, 1) } else { (1, 0) };
        let bytes = on_disk(seen.stat);
        rest.bytes += bytes;
        rest.files += files;
        rest.folders += folders;
        // Each entry of the folder is followed by all that is below it.
        if let Some(share) = shares.last_mut() {
            share.bytes += bytes;
            share.files += files;
            share.folders += folders;
        }
        Next::Into
    })?;
    largest(&mut shares);
    Ok(UsageReport { shares, stopped: walked.stopped, ..rest })
}

fn largest(shares: &mut Vec<Share>) {
    shares.sort_by(|one, other| other.bytes.cmp(&one.bytes).then_with(|| one.name.cmp(&other.name)));
    shares.truncate(MAX_SHARES);
}

/// What an entry takes on the disk. A file with several names is counted once, in parts.
#[allow(clippy::useless_conversion, reason = "the fields of `Stat` are of other types on other processors")]
fn on_disk(stat: &Stat) -> u64 {
    let bytes = u64::try_from(stat.st_blocks).unwrap_or(0) * 512;
    let names = if kind(stat) == FileType::Directory { 1 } else { u64::try_from(stat.st_nlink).unwrap_or(1) };
    bytes / names.max(1)
}
