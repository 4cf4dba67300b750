//! What is said past the test harness.

/// Says something past the test harness, which captures what is printed.
pub(super) fn uncaptured(text: &str) {
    use std::io::Write as _;
    let _ = std::io::stderr().write_all(crate::redact::outlet::plain(text).as_bytes());
}
