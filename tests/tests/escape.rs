//! Attempts to get out of a real sandbox, as root with a user id for each home and as an ordinary user, and once
//! more with a layer left out, to see what the others hold. Each attempt is also made outside, where it works: one
//! that fails everywhere would prove nothing.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use aether_tests::escape::{
    ATTEMPTS, Control, Removed,
    suite::{Mode, run},
};

#[test]
fn no_attempt_gets_out() {
    let mut failures = Vec::new();
    for mode in Mode::all() {
        for (attempt, outcome) in ATTEMPTS.iter().zip(run(*mode, None).unwrap()) {
            if !outcome.is_held() {
                failures.push(format!("as {}: {}: {}", mode.name(), attempt.name, outcome.inside));
            }
            if attempt.control.must_work(*mode == Mode::Root) && !outcome.works_outside() {
                failures.push(format!("as {}: the control does not work: {outcome:?}", mode.name()));
            }
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

/// Each layer that is said to hold an attempt holds it alone: with another one gone it is still held, and with the
/// last one gone it gets out, where it would outside.
#[test]
fn each_layer_holds_what_is_said_of_it() {
    let mut failures = Vec::new();
    let whole = run(Mode::Ordinary, None).unwrap();
    for removed in Removed::ALL {
        let outcomes = run(Mode::Ordinary, Some(removed)).unwrap();
        for ((attempt, outcome), whole) in ATTEMPTS.iter().zip(outcomes).zip(&whole) {
            let rest = attempt.held_by.iter().any(|layer| !layer.goes_with(removed));
            if rest && !outcome.is_held() {
                failures.push(format!("nothing holds without {}: {outcome:?}", removed.name()));
            }
            // What only root can do outside is held by being an ordinary user.
            let anybody = matches!(attempt.control, Control::Works | Control::WhereThere);
            if !rest && anybody && whole.works_outside() && outcome.is_held() {
                failures.push(format!("still held without {}: {outcome:?}", removed.name()));
            }
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn the_table_in_the_document_is_this_one() {
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("../SECURITY.md");
    let document = std::fs::read_to_string(document).unwrap();
    for attempt in ATTEMPTS {
        let row = format!("| `{}` | {} | {} |", attempt.name, attempt.layers(), attempt.control.name());
        assert!(document.contains(&row), "run `cargo xtask escape --write`; SECURITY.md lacks: {row}");
    }
    let rows = document.lines().filter(|line| line.starts_with("| `")).count();
    assert_eq!(rows, ATTEMPTS.len(), "run `cargo xtask escape --write`; SECURITY.md has other rows");
}
