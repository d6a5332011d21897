//! Runs the guest and judges it by what it says on its serial console.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

/// How long Linux may take until init says its first word.
const BOOT: Duration = Duration::from_mins(2);

/// Processors and memory of the guest, in MiB.
const CORES: &str = "2";
const MEMORY: &str = "3072";

/// No mitigations: nobody else is in the guest, and emulated they cost much.
const KERNEL_LINE: &str =
    "console=ttyS0 rdinit=/init psi=1 panic=-1 quiet loglevel=3 mitigations=off audit=0 nowatchdog";

/// One part of the plan.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) label: String,
    /// Its words in the plan: user, seconds, program, arguments.
    pub(super) user: u32,
    pub(super) secs: u64,
    pub(super) words: Vec<String>,
}

impl Part {
    /// Its line in the plan.
    pub(super) fn line(&self) -> String {
        format!("{} {} {} {}\n", self.label, self.user, self.secs, self.words.join(" "))
    }
}

/// How a part ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Outcome {
    status: Option<i32>,
    passed: u64,
    failed: Vec<String>,
}

/// Runs the guest to its end. Returns how many tests passed; fails when any part did. A part may run no test only where
/// the tests are filtered.
pub(super) fn run(
    kernel: &Path,
    initramfs: &Path,
    parts: &[Part],
    log: &Path,
    is_filtered: bool,
) -> Result<u64> {
    let started = Instant::now();
    let limit = BOOT + Duration::from_secs(parts.iter().map(|part| part.secs + 20).sum());
    let mut guest = Guest(
        Command::new("qemu-system-x86_64")
            .args(["-accel", "tcg,thread=multi", "-cpu", "max", "-smp", CORES, "-m", MEMORY])
            .args(["-nodefaults", "-display", "none", "-no-reboot", "-serial", "stdio"])
            .arg("-kernel")
            .arg(kernel)
            .arg("-initrd")
            .arg(initramfs)
            .args(["-append", KERNEL_LINE])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("starting qemu-system-x86_64")?,
    );
    let console = guest.0.stdout.take().context("the guest's console")?;
    let (to, lines) = mpsc::channel();
    thread::spawn(move || {
        let mut console = BufReader::new(console);
        let mut line = Vec::new();
        while console.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
            if to.send(String::from_utf8_lossy(&line).trim_end().to_owned()).is_err() {
                return;
            }
            line.clear();
        }
    });
    let mut log = File::create(log).with_context(|| format!("writing {}", log.display()))?;
    let mut report = Report::default();
    let mut deadline = started + BOOT;
    loop {
        let line = match lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(line) => line,
            Err(RecvTimeoutError::Timeout) => {
                bail!("the guest was ended: it said nothing more within its time ({})", report.stage)
            }
            Err(RecvTimeoutError::Disconnected) => break,
        };
        let at = started.elapsed().as_secs_f64();
        writeln!(log, "{at:7.1} {line}")?;
        // The firmware clears the screen of a terminal; nothing of that is passed on.
        let plain: String = line.chars().filter(|letter| !letter.is_control()).collect();
        println!("{at:7.1} {plain}");
        deadline = started + limit;
        report.take(&plain);
    }
    report.judge(parts, is_filtered)
}

/// The guest, ended with this.
struct Guest(Child);

impl Drop for Guest {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What was read from the console.
#[derive(Debug, Default)]
struct Report {
    /// What was under way, for people.
    stage: String,
    current: Option<String>,
    outcomes: BTreeMap<String, Outcome>,
    is_done: bool,
}

impl Report {
    fn take(&mut self, line: &str) {
        if let Some(said) = line.strip_prefix("guest: ") {
            said.clone_into(&mut self.stage);
            let words: Vec<&str> = said.split_whitespace().collect();
            match words.as_slice() {
                ["begin", label] => {
                    self.current = Some((*label).to_owned());
                    self.outcomes.insert((*label).to_owned(), Outcome::default());
                }
                ["end", label, status] => {
                    if let Some(outcome) = self.outcomes.get_mut(*label) {
                        outcome.status = status.parse().ok();
                    }
                    self.current = None;
                }
                ["all", "done"] => self.is_done = true,
                _ => {}
            }
            return;
        }
        let outcome = self.current.as_ref().and_then(|label| self.outcomes.get_mut(label));
        let Some(outcome) = outcome else { return };
        // As Rust's test runner says it.
        if let Some(counts) = line.strip_prefix("test result: ") {
            let passed = counts.split("; ").find_map(|part| part.strip_suffix(" passed"));
            let passed = passed.and_then(|part| part.rsplit(' ').next()?.parse::<u64>().ok());
            outcome.passed += passed.unwrap_or(0);
        } else if let Some(name) =
            line.strip_prefix("test ").and_then(|rest| rest.strip_suffix(" ... FAILED"))
        {
            outcome.failed.push(name.to_owned());
        }
    }

    fn judge(&self, parts: &[Part], is_filtered: bool) -> Result<u64> {
        let mut complaints = Vec::new();
        let mut passed = 0;
        for part in parts {
            let label = &part.label;
            match self.outcomes.get(label) {
                None => complaints.push(format!("{label} was never begun")),
                Some(Outcome { status: None, .. }) => complaints.push(format!("{label} did not end")),
                Some(Outcome { status: Some(0), passed: 0, .. }) if !is_filtered => {
                    complaints.push(format!("{label} ran no test"));
                }
                Some(Outcome { status: Some(0), passed: count, .. }) => passed += count,
                Some(Outcome { status: Some(124 | 137), .. }) => {
                    complaints.push(format!("{label} took longer than {} s", part.secs));
                }
                Some(Outcome { status: Some(status), failed, .. }) => {
                    complaints.push(format!("{label} failed with status {status}: {}", failed.join(", ")));
                }
            }
        }
        if !self.is_done {
            complaints.push(format!("the guest ended before its time ({})", self.stage));
        }
        if complaints.is_empty() && passed == 0 {
            complaints.push("no test has such a name".to_owned());
        }
        if complaints.is_empty() {
            return Ok(passed);
        }
        bail!("{}", complaints.join("\n"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::{Part, Report};

    fn judged(lines: &[&str]) -> Result<u64, String> {
        let part =
            |label: &str| Part { label: label.to_owned(), user: 0, secs: 5, words: vec!["x".to_owned()] };
        let mut report = Report::default();
        for line in lines {
            report.take(line);
        }
        report.judge(&[part("one"), part("two")], false).map_err(|error| error.to_string())
    }

    const ONE: [&str; 3] =
        ["guest: begin one", "test result: ok. 3 passed; 0 failed; 0 ignored", "guest: end one 0"];

    fn with(rest: &[&str]) -> Result<u64, String> {
        judged(&[&ONE[..], rest].concat())
    }

    #[test]
    fn a_guest_passes_only_with_every_part_and_its_last_word() {
        let two = ["guest: begin two", "test result: ok. 2 passed; 0 failed", "guest: end two 0"];
        let done = "guest: all done";
        assert_eq!(with(&[&two[..], &[done]].concat()), Ok(5));
        assert!(with(&two).unwrap_err().contains("ended before its time (end two 0)"));
        assert_eq!(with(&[done]).unwrap_err(), "two was never begun");
        assert_eq!(with(&["guest: begin two", done]).unwrap_err(), "two did not end");
        assert_eq!(with(&["guest: begin two", "guest: end two 0", done]).unwrap_err(), "two ran no test");
        assert_eq!(
            with(&["guest: begin two", "guest: end two 124", done]).unwrap_err(),
            "two took longer than 5 s"
        );
        let failed = ["guest: begin two", "test a::b ... FAILED", "guest: end two 101", done];
        assert_eq!(with(&failed).unwrap_err(), "two failed with status 101: a::b");
        assert_eq!(
            judged(&["Kernel panic"]).unwrap_err(),
            "one was never begun\ntwo was never begun\nthe guest ended before its time ()"
        );
    }
}
