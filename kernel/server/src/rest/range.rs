//! `Range` of one part (RFC 9110 §14).

/// What a `Range` header asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Range {
    /// The whole: nothing was asked for, or something that may be ignored (another unit, several parts).
    Whole,
    /// From the first byte, that many.
    Part {
        /// The first byte.
        first: u64,
        /// How many; at least 1.
        length: u64,
    },
    /// Nothing of it is there.
    OutOfBounds,
}

/// Reads the header's value for a file of `size_bytes`.
pub(crate) fn parse(value: &str, size_bytes: u64) -> Range {
    let Some((first, last)) = value
        .strip_prefix("bytes=")
        .filter(|spec| !spec.contains(','))
        .and_then(|spec| spec.trim().split_once('-'))
    else {
        return Range::Whole;
    };
    let number = |text: &str| {
        text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<u64>().ok()).flatten()
    };
    let (first, last) = match (first.is_empty(), last.is_empty()) {
        (true, true) => return Range::Whole,
        // The last bytes.
        (true, false) => match number(last) {
            None => return Range::Whole,
            Some(length) => (
                size_bytes.saturating_sub(length),
                if length == 0 { None } else { size_bytes.checked_sub(1) },
            ),
        },
        (false, true) => match number(first) {
            None => return Range::Whole,
            Some(first) => (first, size_bytes.checked_sub(1)),
        },
        (false, false) => match (number(first), number(last)) {
            (Some(first), Some(last)) if first <= last => {
                (first, size_bytes.checked_sub(1).map(|end| end.min(last)))
            }
            _ => return Range::Whole,
        },
    };
    match last {
        Some(last) if first <= last => Range::Part { first, length: last - first + 1 },
        _ => Range::OutOfBounds,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_and_bounded() {
        let part = |first, length| Range::Part { first, length };
        for (value, size, range) in [
            ("bytes=0-0", 10, part(0, 1)),
            ("bytes=2-5", 10, part(2, 4)),
            ("bytes=2-", 10, part(2, 8)),
            ("bytes=-3", 10, part(7, 3)),
            ("bytes=-30", 10, part(0, 10)),
            ("bytes=5-50", 10, part(5, 5)),
            ("bytes=10-", 10, Range::OutOfBounds),
            ("bytes=-0", 10, Range::OutOfBounds),
            ("bytes=0-", 0, Range::OutOfBounds),
            ("bytes=5-2", 10, Range::Whole),
            ("bytes=0-1,3-4", 10, Range::Whole),
            ("bytes=a-b", 10, Range::Whole),
            ("bytes=+1-2", 10, Range::Whole),
            ("bytes=99999999999999999999-", 10, Range::Whole),
            ("lines=1-2", 10, Range::Whole),
            ("bytes=-", 10, Range::Whole),
        ] {
            assert_eq!(parse(value, size), range, "{value}");
        }
    }
}
