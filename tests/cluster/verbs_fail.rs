//! A false claim for each verb, on a real cluster: what a person then reads, with times and names of chance taken out.
//!
//! `KUBEWALK_BLESS=1 cargo test --test verbs_fail` writes `tests/offline/failures/verbs/*.txt` anew.

use std::{fs, path::PathBuf, sync::LazyLock};

use kubewalk::testing;
use regex::Regex;
use rstest::rstest;

/// What differs from run to run, and what stands for it.
static CHANCE: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    let all = [
        (r"\b\d+ ms\b|\b\d+\.\d+ s\b", "TIME"),
        (r"\b(kw-[a-zA-Z-]+)-[a-z0-9]{5}\b", "$1-CHANCE"),
        (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "UID"),
        (r"\b\d{4}-\d{2}-\d{2}T[0-9:.]+Z", "MOMENT"),
    ];
    all.into_iter().map(|(pattern, stands)| (Regex::new(pattern).expect("a pattern"), stands)).collect()
});

#[rstest]
fn false_claim(#[files("tests/offline/failures/verbs/*.yaml")] path: PathBuf) {
    let here = env!("CARGO_MANIFEST_DIR");
    let name = path.strip_prefix(here).expect("a file of this crate").to_string_lossy().into_owned();
    let (ended, report) = testing::run_text(&name, &fs::read_to_string(&path).expect("readable"));
    assert_eq!((ended.exit.code(), ended.failed), (1, 1), "one step fails\n{report}");
    let report = CHANCE.iter().fold(report, |text, (pattern, stands)| pattern.replace_all(&text, *stands).into_owned());
    let golden = path.with_extension("txt");
    if std::env::var_os("KUBEWALK_BLESS").is_some_and(|value| value == "1") {
        fs::write(&golden, &report).expect("writable");
    }
    let known = fs::read_to_string(&golden).unwrap_or_default();
    assert_eq!(report, known, "KUBEWALK_BLESS=1 writes {} anew", golden.display());
}
