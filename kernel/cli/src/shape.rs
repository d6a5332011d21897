//! How things look: times, sizes, states, tables.

use std::io::{self, IsTerminal, Write};

use aether_protocol::{
    UnixMillis,
    process::{Exit, Phase, Process, State},
};
use comfy_table::{Cell, Color, ContentArrangement, Table, presets};

/// Where and how results are printed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    /// JSON for programs.
    pub(crate) json: bool,
    /// Colour and other styling.
    pub(crate) styled: bool,
    /// Whether a person looks at stdout: nothing that comes from agents may steer their terminal.
    pub(crate) is_terminal: bool,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        let stdout = io::stdout();
        let styled = anstream::AutoStream::choice(&stdout) != anstream::ColorChoice::Never;
        Self { json, styled: styled && !json, is_terminal: stdout.is_terminal() }
    }

    /// One value as JSON, on a line of its own.
    #[expect(clippy::unused_self, reason = "the counterpart of `line` and `table`")]
    pub(crate) fn json(self, value: &impl serde::Serialize) -> io::Result<()> {
        let mut out = io::stdout().lock();
        serde_json::to_writer(&mut out, value)?;
        out.write_all(b"\n")?;
        out.flush()
    }

    /// One line of text.
    pub(crate) fn line(self, line: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        if self.styled {
            writeln!(out, "{line}")?;
        } else {
            writeln!(anstream::StripStream::new(&mut out), "{line}")?;
        }
        out.flush()
    }

    /// Rows under headings, aligned. `columns` says which are numbers and stand at the right.
    pub(crate) fn table(self, headings: &[&str], right: &[usize], rows: Vec<Vec<Cell>>) -> io::Result<()> {
        let mut table = Table::new();
        table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        if self.styled {
            table.enforce_styling();
        } else {
            table.force_no_tty();
        }
        table.set_header(
            headings.iter().map(|heading| Cell::new(heading).fg(Color::DarkGrey)).collect::<Vec<_>>(),
        );
        table.add_rows(rows);
        let last = headings.len().saturating_sub(1);
        for (index, column) in table.column_iter_mut().enumerate() {
            column.set_padding((0, if index == last { 0 } else { 2 }));
            if right.contains(&index) {
                column.set_cell_alignment(comfy_table::CellAlignment::Right);
            }
        }
        let mut out = io::stdout().lock();
        writeln!(out, "{}", table.trim_fmt())?;
        out.flush()
    }
}

/// Text of an agent, for a terminal: without control characters, save line breaks and tabs.
pub(crate) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && !matches!(c, '\n' | '\t') { '\u{fffd}' } else { c }).collect()
}

/// The beginning of a text, on one line of at most `width` characters.
pub(crate) fn one_line(text: &str, width: usize) -> String {
    let text = plain(text);
    let joined = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if joined.chars().count() <= width {
        return joined;
    }
    let mut cut: String = joined.chars().take(width.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

/// A word of the protocol as it is written on the wire.
pub(crate) fn word(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(other) => other.to_string(),
        Err(_) => String::new(),
    }
}

/// A state in its colour, with the phase where that says more.
pub(crate) fn state_cell(process: &Process) -> Cell {
    let (text, color) = match (process.state, process.phase) {
        (State::Running | State::Created, phase) => (word(&phase), Color::Blue),
        (State::Sleeping, Phase::Waiting) => ("waiting".into(), Color::Yellow),
        (State::Paused | State::Stopped, _) => (word(&process.state), Color::Yellow),
        (State::Zombie | State::Dead, Phase::Completed) => ("completed".into(), Color::Green),
        (State::Zombie | State::Dead, _) if process.ending.is_some() => (ending(process), Color::Grey),
        (State::Zombie | State::Dead, _) => (ending(process), Color::Red),
        (State::Queued | State::Sleeping, _) => (word(&process.state), Color::Grey),
    };
    Cell::new(text).fg(color)
}

/// How a process ended, in a word or two.
pub(crate) fn ending(process: &Process) -> String {
    match (process.phase, process.exit) {
        (Phase::Completed, _) => "completed".into(),
        _ if process.ending.is_some() => "ended".into(),
        (_, Some(Exit::Signal { number })) => format!("signal {number}"),
        (_, Some(Exit::NeverRan)) => "never ran".into(),
        (_, Some(Exit::Status { code })) if code != 0 => format!("failed ({code})"),
        _ => "failed".into(),
    }
}

/// `3 MiB`
pub(crate) fn bytes(size: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = size as f64;
    let mut unit = UNITS.iter();
    let mut name = unit.next().copied().unwrap_or_default();
    while value >= 1024.0 {
        let Some(larger) = unit.next() else { break };
        value /= 1024.0;
        name = larger;
    }
    if name == "B" || value >= 100.0 { format!("{value:.0} {name}") } else { format!("{value:.1} {name}") }
}

/// `512M` as bytes.
pub(crate) fn parse_bytes(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let (_, unit) = text.split_at(digits.len());
    let factor: u64 = match unit.to_ascii_uppercase().as_str() {
        "" | "B" => 1,
        "K" | "KB" | "KIB" => 1 << 10,
        "M" | "MB" | "MIB" => 1 << 20,
        "G" | "GB" | "GIB" => 1 << 30,
        _ => return Err(format!("'{unit}' is no unit; there are K, M and G")),
    };
    let count: u64 = digits.parse().map_err(|_| "write a whole number, then K, M or G".to_owned())?;
    count.checked_mul(factor).ok_or_else(|| "that is too much".into())
}

/// `1m 05s`
pub(crate) fn duration(ms: u64) -> String {
    let secs = ms / 1000;
    match secs {
        0 => format!("{ms}ms"),
        1..60 => format!("{}.{}s", secs, ms % 1000 / 100),
        60..3600 => format!("{}m {:02}s", secs / 60, secs % 60),
        3600..86_400 => format!("{}h {:02}m", secs / 3600, secs / 60 % 60),
        _ => format!("{}d {:02}h", secs / 86_400, secs / 3600 % 24),
    }
}

/// How long a process has run, or ran.
pub(crate) fn age(process: &Process) -> String {
    let from = process.started_at.unwrap_or(process.created_at);
    duration(process.ended_at.unwrap_or_else(now).since_ms(from))
}

/// The clock of this computer.
pub(crate) fn now() -> UnixMillis {
    UnixMillis(jiff::Timestamp::now().as_millisecond())
}

/// `2026-03-01 14:05:09`, in this computer's time zone.
pub(crate) fn time(at: UnixMillis) -> String {
    local(at, "%Y-%m-%d %H:%M:%S")
}

/// `14:05:09`
pub(crate) fn clock(at: UnixMillis) -> String {
    local(at, "%H:%M:%S")
}

fn local(at: UnixMillis, format: &str) -> String {
    jiff::Timestamp::from_millisecond(at.0).map_or_else(
        |_| at.0.to_string(),
        |timestamp| timestamp.to_zoned(jiff::tz::TimeZone::system()).strftime(format).to_string(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_well_and_come_back() {
        assert_eq!(bytes(0), "0 B");
        assert_eq!(bytes(1023), "1023 B");
        assert_eq!(bytes(1536), "1.5 KiB");
        assert_eq!(bytes(u64::MAX), "16777216 TiB");
        assert_eq!(parse_bytes("512M"), Ok(512 << 20));
        assert_eq!(parse_bytes("1gib"), Ok(1 << 30));
        assert_eq!(parse_bytes("7"), Ok(7));
        for bad in ["", "M", "1X", "-1", "99999999999G"] {
            assert!(parse_bytes(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn durations_read_well() {
        assert_eq!(duration(7), "7ms");
        assert_eq!(duration(1250), "1.2s");
        assert_eq!(duration(65_000), "1m 05s");
        assert_eq!(duration(3_660_000), "1h 01m");
        assert_eq!(duration(90_000_000), "1d 01h");
    }

    #[test]
    fn agents_cannot_steer_the_terminal() {
        assert_eq!(plain("a\x1b]0;title\x07b\u{9b}31m\n"), "a\u{fffd}]0;title\u{fffd}b\u{fffd}31m\n");
        assert_eq!(one_line("one\n  two\tthree", 9), "one two …");
        assert_eq!(one_line("one", 3), "one");
    }
}
