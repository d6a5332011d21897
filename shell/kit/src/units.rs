//! Figures with their units, and times relative to now.

use aether_protocol::UnixMillis;
use egui::{Response, Ui};

use crate::{TextKind, Tone, absolute_time, clock, label, now};

/// `512 B`, `4.2 KB`, `1.3 GB`. Powers of 1,000.
pub fn size_text(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["B", "KB", "MB", "GB", "TB", "PB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    // 999.95 would round up to "1000.0 KB".
    while value >= 999.95 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    let name = UNITS.get(unit).copied().unwrap_or("B");
    if unit == 0 || value >= 100.0 { format!("{value:.0} {name}") } else { format!("{value:.1} {name}") }
}

/// `1,234,567`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `950 tokens`, `12.4k tokens`, `3.1M tokens`.
pub fn tokens_text(tokens: u64) -> String {
    match tokens {
        1 => "1 token".to_owned(),
        0..1_000 => format!("{tokens} tokens"),
        1_000..1_000_000 => format!("{:.1}k tokens", tokens as f64 / 1e3),
        _ => format!("{:.1}M tokens", tokens as f64 / 1e6),
    }
}

/// `8 s`, `3 min 20 s`, `2 h 5 min`, `4 d 2 h`.
pub fn duration_text(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    if milliseconds < 1000 {
        format!("{milliseconds} ms")
    } else if minutes == 0 {
        format!("{seconds} s")
    } else if hours == 0 {
        two(minutes, "min", seconds % 60, "s")
    } else if days == 0 {
        two(hours, "h", minutes % 60, "min")
    } else {
        two(days, "d", hours % 24, "h")
    }
}

fn two(first: u64, first_unit: &str, second: u64, second_unit: &str) -> String {
    if second == 0 {
        format!("{first} {first_unit}")
    } else {
        format!("{first} {first_unit} {second} {second_unit}")
    }
}

/// `just now`, `5 min ago`, `3 h ago`, `in 2 h`; a date beyond a day.
pub fn relative(moment: UnixMillis, now: UnixMillis) -> String {
    let past = now.since_ms(moment);
    let future = moment.since_ms(now);
    let text = |milliseconds: u64| {
        let minutes = milliseconds / 60_000;
        if minutes < 60 { format!("{} min", minutes.max(1)) } else { format!("{} h", minutes / 60) }
    };
    match (past, future) {
        (0..45_000, 0..45_000) => "just now".to_owned(),
        (45_000..86_400_000, 0) => format!("{} ago", text(past)),
        (0, 45_000..86_400_000) => format!("in {}", text(future)),
        _ => {
            let year = |at: UnixMillis| clock::local(at).map(|at| at.year());
            let format = if year(moment) == year(now) { "%-d %b" } else { "%-d %b %Y" };
            clock::local(moment).map_or_else(|| "unknown".to_owned(), |at| at.strftime(format).to_string())
        }
    }
}

/// A moment relative to now, with the moment itself on hover. Asks for a repaint when the words change.
pub fn relative_time(ui: &mut Ui, moment: UnixMillis, kind: TextKind, tone: Tone) -> Response {
    let now = now();
    if now.since_ms(moment) < 3_600_000 {
        ui.ctx().request_repaint_after(std::time::Duration::from_secs(15));
    }
    label(ui, kind, tone, relative(moment, now)).on_hover_text(absolute_time(moment))
}

#[cfg(test)]
mod tests;
