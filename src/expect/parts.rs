//! `json`, `object`, `path`, `stdout` and `stderr` of an expectation.

use serde_json::Value;

use super::{
    Class, Mismatch,
    hidden::Hidden,
    json, path,
    query::Budget,
    show,
    text::{self, Plain},
};
use crate::scenario::expect::{Expect, Text};

/// The most differences that one comparison of JSON lists.
const MOST: usize = 20;

/// A mismatch that says it all by what is expected and what came.
pub(super) fn plain(pointer: &str, class: Class, expected: String, got: String) -> Mismatch {
    let message = format!("expected {expected}, got {got}");
    Mismatch { pointer: pointer.into(), message, expected, got, server_words: None, hint: None, class }
}

/// A mismatch of a text.
pub(super) fn missed(pointer: &str, what: &str, class: Class, miss: text::Miss) -> Mismatch {
    Mismatch {
        pointer: format!("{pointer}{}", miss.key),
        message: format!("{what} is not as expected"),
        expected: miss.expected,
        got: miss.got,
        server_words: None,
        hint: miss.hint,
        class,
    }
}

/// `stdout` and `stderr`.
pub(super) fn output(rule: Option<&Text>, key: &str, class: Class, got: &[u8], found: &mut Vec<Mismatch>) {
    if let Some(Err(miss)) = rule.map(|rule| text::check(rule, Plain::Equals, &String::from_utf8_lossy(got))) {
        let what = if class == Class::Stdout { "the standard output" } else { "the standard error" };
        found.push(missed(&format!("/expect/{key}"), what, class, miss));
    }
}

/// `json`, `object` and `path`.
pub(super) fn parts(expect: &Expect, got: Option<&Value>, raw: &str, what: &str, found: &mut Vec<Mismatch>) {
    let no_json = |pointer: &str, class| {
        let got = if raw.trim().is_empty() { "nothing".into() } else { format!("`{}`", show::line(raw, show::VALUE)) };
        let mut mismatch = plain(pointer, class, "JSON".into(), got);
        mismatch.message = format!("{what} is not JSON");
        mismatch
    };
    let hidden = got.map(Hidden::of).unwrap_or_default();
    let mut budget = Budget::default();
    for (wanted, key, class) in [(&expect.json, "json", Class::Json), (&expect.object, "object", Class::Object)] {
        let Some(wanted) = wanted else { continue };
        let pointer = format!("/expect/{key}");
        let Some(got) = got else {
            found.push(no_json(&pointer, class));
            continue;
        };
        let differences = json::differences(wanted, got, &hidden);
        let more = differences.len().saturating_sub(MOST);
        for (index, difference) in differences.into_iter().take(MOST).enumerate() {
            let mut mismatch =
                plain(&format!("{pointer}{}", difference.pointer), class, difference.expected, difference.got);
            mismatch.message = format!("{} is not as expected", place(&difference.pointer, what));
            mismatch.hint = difference.hint;
            if more > 0 && index + 1 == MOST {
                mismatch.hint = Some(format!("{more} more differences are not shown"));
            }
            found.push(mismatch);
        }
    }
    for (index, wanted) in expect.path.iter().enumerate() {
        let pointer = format!("/expect/path/{index}");
        let Some(got) = got else {
            found.push(no_json(&pointer, Class::Path));
            continue;
        };
        for miss in path::check(wanted, got, &hidden, &mut budget) {
            let mut mismatch = plain(&format!("{pointer}{}", miss.pointer), Class::Path, miss.expected, miss.got);
            mismatch.message = format!("what is found at {} is not as expected", show::line(&wanted.at, show::VALUE));
            mismatch.hint = miss.hint;
            found.push(mismatch);
        }
    }
}

/// `/items/0/kind` as `items[0].kind`, as people write it.
fn place(pointer: &str, root: &str) -> String {
    let mut place = String::new();
    for segment in pointer.split('/').skip(1) {
        if !segment.is_empty() && segment.bytes().all(|byte| byte.is_ascii_digit()) {
            place.push_str(&format!("[{segment}]"));
        } else {
            if !place.is_empty() {
                place.push('.');
            }
            place.push_str(&segment.replace("~1", "/").replace("~0", "~"));
        }
    }
    if place.is_empty() { root.into() } else { format!("`{}`", show::line(&place, show::VALUE)) }
}
