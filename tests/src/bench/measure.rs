//! Order statistics, and what `/proc` says.

use std::{collections::BTreeSet, fs, time::Duration};

use anyhow::{Context as _, Result};

/// Values in order.
#[derive(Debug)]
pub struct Sorted(Vec<f64>);

impl Sorted {
    /// Puts `values` in order.
    pub fn new(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        Self(values)
    }

    /// The value below which `share` (0 to 1) of the values lie: nearest rank. NaN where there are none.
    pub fn percentile(&self, share: f64) -> f64 {
        let rank = (share * self.0.len() as f64).ceil() as usize;
        self.0.get(rank.saturating_sub(1)).copied().unwrap_or(f64::NAN)
    }

    /// The value in the middle.
    pub fn median(&self) -> f64 {
        self.percentile(0.5)
    }
}

/// Milliseconds.
pub fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// User and system time of a process so far, all its threads together. In steps of 10 ms, so take it over seconds.
pub fn cpu_time(pid: u32) -> Result<Duration> {
    ticks(&fs::read_to_string(format!("/proc/{pid}/stat"))?, 11)
}

/// User and system time of the children of this process that have ended and were waited for.
pub fn childrens_cpu_time() -> Result<Duration> {
    ticks(&fs::read_to_string("/proc/self/stat")?, 13)
}

/// Two fields of a `stat`, counted behind the program's name (proc(5)).
fn ticks(stat: &str, first: usize) -> Result<Duration> {
    let (_, fields) = stat.rsplit_once(") ").context("/proc/PID/stat is not as proc(5) says")?;
    let ticks: u64 =
        fields.split(' ').skip(first).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Ok(Duration::from_secs_f64(ticks as f64 / rustix::param::clock_ticks_per_second() as f64))
}

/// Resident memory, in MiB.
pub fn rss_mib(pid: u32) -> Result<f64> {
    field_mib(&format!("/proc/{pid}/status"), "VmRSS:")
}

/// Proportional set size, in MiB: pages that several processes share are divided among them.
pub fn pss_mib(pid: u32) -> Result<f64> {
    field_mib(&format!("/proc/{pid}/smaps_rollup"), "Pss:")
}

fn field_mib(path: &str, name: &str) -> Result<f64> {
    let text = fs::read_to_string(path).with_context(|| format!("reading {path}"))?;
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let kib = line
        .and_then(|line| line.split_whitespace().next())
        .with_context(|| format!("{path} has no {name}"))?;
    Ok(kib.parse::<f64>()? / 1024.0)
}

/// Every process that came from this one.
pub fn descendants(of: u32) -> Result<BTreeSet<u32>> {
    let mut parents = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        // It may have ended meanwhile.
        let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
        let parent = stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(1)?.parse::<u32>().ok());
        parents.extend(parent.map(|parent| (pid, parent)));
    }
    let mut found = BTreeSet::from([of]);
    while parents.iter().any(|(pid, parent)| found.contains(parent) && found.insert(*pid)) {}
    found.remove(&of);
    Ok(found)
}

/// How many processes wanted to run in the last minute, on average.
pub fn load() -> Result<f64> {
    let text = fs::read_to_string("/proc/loadavg")?;
    Ok(text.split(' ').next().context("/proc/loadavg is empty")?.parse()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_by_nearest_rank() {
        let sorted = Sorted::new((1..=100).rev().map(f64::from));
        assert_eq!((sorted.median(), sorted.percentile(0.99), sorted.percentile(1.0)), (50.0, 99.0, 100.0));
        assert!((Sorted::new([7.0]).percentile(0.99) - 7.0).abs() < f64::EPSILON);
        assert!(Sorted::new([]).median().is_nan());
    }

    #[test]
    fn this_process_can_be_read() {
        let own = std::process::id();
        assert!(rss_mib(own).unwrap() >= pss_mib(own).unwrap() / 2.0);
        let mut child = std::process::Command::new("sleep").arg("1000").spawn().unwrap();
        assert!(descendants(own).unwrap().contains(&child.id()));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(cpu_time(own).unwrap() < Duration::from_hours(1));
    }
}
