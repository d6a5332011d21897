//! What a file costs through the API, against the same file on the same disk without it, in turns.

use std::{
    fs::File,
    io::{Read as _, Write as _},
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};

use super::{Bench, measure::Sorted};
use crate::daemon::Daemon;

/// What this group measures.
pub const NAMES: &[&str] = &["files.write_of_plain", "files.read_of_plain", "files.small_write_of_plain"];

const LARGE_BYTES: usize = 16 << 20;
const SMALL_BYTES: usize = 1 << 10;

/// A write is one that is on disk when it returns: through the API because that is promised, beside it by fsync of
/// the file and of its folder, and under a new name that takes the old one's place.
pub async fn measure(bench: &mut Bench) -> Result<()> {
    let daemon = Daemon::start().await?;
    let token = daemon.sign_up().await?;
    let bearer = format!("Bearer {token}");
    let mut raw = daemon.connect().await?;
    let plain = daemon.state_dir().join("beside");
    std::fs::create_dir(&plain)?;
    let (mut writes, mut reads, mut small_writes) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=bench.rounds(15, 1) {
        for (bytes, name) in [(LARGE_BYTES, "large"), (SMALL_BYTES, "small")] {
            let content: Vec<u8> = (0..bytes).map(|index| (index * 7 + round) as u8).collect();
            let path = format!("/api/v1/files/home/{name}");
            let headers = [("authorization", bearer.as_str())];
            let began = Instant::now();
            let answer = raw.request("PUT", &path, &headers, &content).await?;
            let through = began.elapsed();
            ensure!(answer.status == 200, "{}", answer.text());
            let beside = write(&plain, name, &content)?;
            let began = Instant::now();
            let answer = raw.request("GET", &path, &headers, b"").await?;
            let read_through = began.elapsed();
            ensure!(answer.body == content, "another file came back");
            let read_beside = read(&plain.join(name), &content)?;
            // The first round warms up.
            if round > 0 && bytes == LARGE_BYTES {
                writes.push(ratio(through, beside));
                reads.push(ratio(read_through, read_beside));
            } else if round > 0 {
                small_writes.push(ratio(through, beside));
            }
        }
    }
    bench.add("files.write_of_plain", Sorted::new(writes).median(), "×", None);
    bench.add("files.read_of_plain", Sorted::new(reads).median(), "×", None);
    bench.add("files.small_write_of_plain", Sorted::new(small_writes).median(), "×", None);
    Ok(())
}

fn ratio(through: Duration, beside: Duration) -> f64 {
    through.as_secs_f64() / beside.as_secs_f64()
}

fn write(folder: &Path, name: &str, content: &[u8]) -> Result<Duration> {
    let began = Instant::now();
    let fresh = folder.join("fresh");
    let mut file = File::create(&fresh)?;
    file.write_all(content)?;
    file.sync_all()?;
    std::fs::rename(fresh, folder.join(name))?;
    File::open(folder)?.sync_all()?;
    Ok(began.elapsed())
}

fn read(path: &Path, expected: &[u8]) -> Result<Duration> {
    let began = Instant::now();
    let mut content = Vec::new();
    File::open(path)?.read_to_end(&mut content)?;
    let time = began.elapsed();
    ensure!(content == expected, "another file is beside");
    Ok(time)
}
