//! Finding by a few letters. Pure.

/// How well `query` matches `text`, larger is better, and none when it does not: every word of the query
/// must occur in order, letter by letter. Starts of words and runs of letters count most.
pub fn score(query: &str, text: &str) -> Option<i32> {
    let text: Vec<char> = text.chars().flat_map(char::to_lowercase).collect();
    let mut total = 0;
    for word in query.split_whitespace() {
        let word: Vec<char> = word.chars().flat_map(char::to_lowercase).collect();
        total += best(&word, &text)?;
    }
    // Among equals the shorter text wins.
    Some(total * 4 - i32::try_from(text.len().min(200)).unwrap_or(200))
}

/// The best way to place `word` in `text`, tried from every start of its first letter.
fn best(word: &[char], text: &[char]) -> Option<i32> {
    let first = word.first()?;
    text.iter()
        .enumerate()
        .filter(|(_, letter)| *letter == first)
        .filter_map(|(start, _)| placed(word, text, start))
        .max()
}

fn placed(word: &[char], text: &[char], start: usize) -> Option<i32> {
    let mut points = 0;
    let mut from = start;
    let mut last: Option<usize> = None;
    for letter in word {
        let offset = text.get(from..)?.iter().position(|candidate| candidate == letter)?;
        let at = from + offset;
        let opens_word = at == 0 || text.get(at - 1).is_some_and(|before| !before.is_alphanumeric());
        points += match last {
            Some(previous) if previous + 1 == at => 8,
            _ if opens_word => 7,
            Some(_) => 1 - i32::try_from(offset.min(6)).unwrap_or(6),
            None => 1,
        };
        last = Some(at);
        from = at + 1;
    }
    Some(points)
}

#[cfg(test)]
mod tests {
    use super::score;

    fn order<'a>(query: &str, texts: &[&'a str]) -> Vec<&'a str> {
        let mut found: Vec<_> = texts.iter().filter_map(|t| score(query, t).map(|s| (s, *t))).collect();
        found.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
        found.into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn initials_find_and_lead() {
        let all = ["Command history", "Mission Control", "Compact mode"];
        assert_eq!(order("mc", &all).first(), Some(&"Mission Control"));
    }

    #[test]
    fn a_run_of_letters_beats_scattered_ones() {
        assert_eq!(order("term", &["The export man", "Terminal"]).first(), Some(&"Terminal"));
        assert_eq!(order("set", &["Sort events by time", "Settings"]).first(), Some(&"Settings"));
    }

    #[test]
    fn every_word_must_occur() {
        assert!(score("deploy scribe", "Deploy agent").is_none());
        assert!(score("age dep", "Deploy agent").is_some());
        assert!(score("zq", "Deploy agent").is_none());
    }

    #[test]
    fn nothing_asked_keeps_everything() {
        assert_eq!(order("", &["Terminal", "Settings"]).len(), 2);
    }

    #[test]
    fn other_alphabets_and_case_do_not_matter() {
        assert!(score("ÉTÉ", "un été").is_some());
        assert!(score("İ", "istanbul").is_none_or(|s| s != i32::MAX));
    }
}
