//! How hard a password is to guess, roughly, and what would help. Pure.

/// How good a password is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strength {
    /// Shorter than the kernel takes.
    TooShort,
    /// Guessed soon.
    Weak,
    /// Holds against a person.
    Fair,
    /// Holds against a machine for long.
    Strong,
}

impl Strength {
    /// 0 to 1, for the bar.
    pub fn share(self) -> f32 {
        match self {
            Self::TooShort => 0.12,
            Self::Weak => 0.35,
            Self::Fair => 0.68,
            Self::Strong => 1.0,
        }
    }

    /// What to tell the person.
    pub fn advice(self) -> &'static str {
        match self {
            Self::TooShort => "At least 8 characters",
            Self::Weak => "Weak: easy to guess. Three or four unrelated words are better",
            Self::Fair => "Fair: a few more characters make it strong",
            Self::Strong => "Strong",
        }
    }
}

/// The least number of characters that the kernel takes.
pub const LEAST_CHARACTERS: usize = 8;

/// What people choose first, and guessers try first.
const WORN: [&str; 12] = [
    "password", "passwort", "123456", "qwert", "letmein", "welcome", "admin", "iloveyou", "aether", "dragon",
    "monkey", "abc123",
];

/// Estimates the bits that a guesser must find. It is a hint, never a rule.
pub fn strength(password: &str, name: &str) -> Strength {
    if password.chars().count() < LEAST_CHARACTERS {
        return Strength::TooShort;
    }
    match bits(password, name) {
        ..36 => Strength::Weak,
        36..56 => Strength::Fair,
        _ => Strength::Strong,
    }
}

fn bits(password: &str, name: &str) -> u32 {
    let lower = password.to_lowercase();
    let mut alphabet = 0_u32;
    for (present, letters) in [
        (password.chars().any(|c| c.is_ascii_lowercase()), 26),
        (password.chars().any(|c| c.is_ascii_uppercase()), 26),
        (password.chars().any(|c| c.is_ascii_digit()), 10),
        (password.chars().any(|c| c.is_ascii_punctuation() || c == ' '), 33),
        (!password.is_ascii(), 60),
    ] {
        if present {
            alphabet += letters;
        }
    }
    // Letters that repeat or follow one another (aaaa, 3456) add next to nothing.
    let mut telling = 0_u32;
    let mut before: Option<char> = None;
    for letter in lower.chars() {
        let follows = before.is_some_and(|b| {
            let step = i64::from(u32::from(letter)) - i64::from(u32::from(b));
            (-1..=1).contains(&step)
        });
        telling += u32::from(!follows);
        before = Some(letter);
    }
    let mut total = (f64::from(telling) * f64::from(alphabet.max(2)).log2()) as u32;
    for worn in WORN.iter().copied().chain((name.len() >= 3).then_some(name)) {
        if lower.contains(&worn.to_lowercase()) {
            total = total.saturating_sub(worn.len() as u32 * 5);
        }
    }
    total
}

#[cfg(test)]
mod tests {
    use super::{Strength, strength};

    #[test]
    fn what_everybody_chooses_is_weak() {
        for worn in
            ["password", "password1", "12345678", "aaaaaaaaaaaaaaaa", "qwertyuiop", "abcdefghij", "Admin123"]
        {
            assert!(strength(worn, "ada") <= Strength::Weak, "{worn}");
        }
        assert_eq!(strength("short", "ada"), Strength::TooShort);
    }

    #[test]
    fn length_counts_and_the_own_name_does_not() {
        assert_eq!(strength("correct horse battery", "ada"), Strength::Strong);
        assert_eq!(strength("v9#Tq!e2Lw", "ada"), Strength::Strong);
        assert!(strength("ada-lovelace", "ada-lovelace") <= Strength::Weak);
        assert!(strength("grüße aus köln", "ada") >= Strength::Fair);
    }
}
