//! Texts and figures as people read them, beyond what the kit has.

use aether_protocol::{
    UnixMillis,
    process::{Exit, Process},
};

/// `999`, `1.2k`, `34k`, `1.2M`: tokens and other counts where space is short.
pub fn count(number: u64) -> String {
    match number {
        0..1_000 => number.to_string(),
        1_000..10_000 => format!("{:.1}k", number as f64 / 1_000.0),
        10_000..1_000_000 => format!("{}k", number / 1_000),
        _ => format!("{:.1}M", number as f64 / 1_000_000.0),
    }
}

/// `1 agent`, `2 agents`.
pub fn plural(number: usize, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {one}s") }
}

/// A text on one line: its white space folded, cut after `max_chars` with `…`.
pub fn one_line(text: &str, max_chars: usize) -> String {
    let mut line = String::new();
    let mut chars = 0;
    for word in text.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
            chars += 1;
        }
        for character in word.chars() {
            if chars >= max_chars {
                line.push('…');
                return line;
            }
            line.push(character);
            chars += 1;
        }
    }
    line
}

/// The start of a text, whole characters, at most `max_bytes`; and whether something is missing.
pub fn head(text: &str, max_bytes: usize) -> (&str, bool) {
    if text.len() <= max_bytes {
        return (text, false);
    }
    let mut end = max_bytes;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    (text.get(..end).unwrap_or_default(), true)
}

/// How a process ended, in words; `None` while it lives.
pub fn exit_words(exit: Option<Exit>) -> Option<String> {
    Some(match exit? {
        Exit::Status { code: 0 } => "Ended by itself (status 0)".to_owned(),
        Exit::Status { code } => format!("Ended by itself with status {code}"),
        Exit::Signal { number } => format!("Ended by signal {number}{}", signal_name(number)),
        Exit::NeverRan => "Never ran".to_owned(),
    })
}

fn signal_name(number: i32) -> &'static str {
    match number {
        2 => " (INT)",
        6 => " (ABRT)",
        9 => " (KILL)",
        11 => " (SEGV)",
        15 => " (TERM)",
        24 => " (XCPU)",
        31 => " (SYS)",
        _ => "",
    }
}

/// How long a process has lived, or lived, in milliseconds; waiting in the queue does not count.
pub fn lifetime_ms(process: &Process, now: UnixMillis) -> u64 {
    process.started_at.map_or(0, |started| process.ended_at.unwrap_or(now).since_ms(started))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_folded_and_cut_between_characters() {
        assert_eq!(one_line("  a\n\tb   c ", 80), "a b c");
        assert_eq!(one_line("äöüß", 3), "äöü…");
        assert_eq!(head("äöü", 3), ("ä", true));
        assert_eq!(head("abc", 3), ("abc", false));
    }

    #[test]
    fn figures_keep_their_units() {
        assert_eq!(count(1_234), "1.2k");
        assert_eq!(count(12_345), "12k");
        assert_eq!(plural(1, "agent"), "1 agent");
        assert_eq!(plural(0, "agent"), "0 agents");
    }
}
