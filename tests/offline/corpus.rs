//! What the fuzzers found or keep as a beginning (`scripts/fuzz`), tried without an instrumented build.

#[path = "../../fuzz/properties/mod.rs"]
mod properties;

use std::path::Path;

/// Tries every file of a target's corpus.
fn all(target: &str, holds: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut count = 0;
    for entry in std::fs::read_dir(&folder).expect("a corpus").flatten() {
        let data = std::fs::read(entry.path()).expect("an input");
        if std::panic::catch_unwind(|| holds(&data)).is_err() {
            panic!("{} does not hold", entry.path().display());
        }
        count += 1;
    }
    assert!(count >= 10, "{} has {count} inputs", folder.display());
}

#[test]
fn any_bytes_are_a_plan_or_errors_that_point_into_the_file() {
    all("scenario", properties::scenario::holds);
}

#[test]
fn any_output_of_curl_is_taken_apart_as_it_came() {
    all("curl", properties::curl::holds);
}

#[test]
fn any_stream_of_events_makes_sound_reports() {
    all("events", properties::events::holds);
}

#[test]
fn no_credential_comes_through_in_any_form() {
    all("redactor", properties::redactor::holds);
}
