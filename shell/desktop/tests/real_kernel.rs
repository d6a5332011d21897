//! The whole desktop, natively, against a real kernel.

#[test]
fn nothing_yet() {
    aether_tests::daemon::program("aetherd").unwrap();
}
