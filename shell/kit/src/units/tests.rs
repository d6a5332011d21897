//! Figures and times as people read them.

use super::*;

#[test]
fn sizes() {
    let texts = [0, 999, 1_000, 1_540, 98_362_432, 999_960, 2_500_000_000_000].map(size_text);
    assert_eq!(texts, ["0 B", "999 B", "1.0 KB", "1.5 KB", "98.4 MB", "1.0 MB", "2.5 TB"]);
}

#[test]
fn counts() {
    assert_eq!([0, 12, 999, 1_000, 1_234_567].map(count), ["0", "12", "999", "1,000", "1,234,567"]);
}

#[test]
fn tokens_are_counted() {
    assert_eq!(
        [1, 950, 12_400, 3_100_000].map(tokens_text),
        ["1 token", "950 tokens", "12.4k tokens", "3.1M tokens"]
    );
}

#[test]
fn durations() {
    let texts = [40, 8_000, 200_000, 7_500_000, 353_000_000].map(duration_text);
    assert_eq!(texts, ["40 ms", "8 s", "3 min 20 s", "2 h 5 min", "4 d 2 h"]);
}

#[test]
fn times_are_relative_within_a_day() {
    let now = UnixMillis(1_763_800_000_000);
    let at = |seconds: i64| relative(UnixMillis(now.0 - seconds * 1000), now);
    assert_eq!(at(3), "just now");
    assert_eq!(at(-10), "just now", "a device whose clock is a little ahead");
    assert_eq!(at(50), "1 min ago");
    assert_eq!(at(300), "5 min ago");
    assert_eq!(at(3 * 3600), "3 h ago");
    assert_eq!(at(-2 * 3600 - 60), "in 2 h");
    assert!(!at(30 * 3600).contains("ago"), "{}", at(30 * 3600));
}
