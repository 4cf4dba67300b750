//! `json`, `object`, `path`, `stdout` and `stderr` of an expectation.

use serde_json::Value;

use super::{
    Class, Mismatch,
    hidden::Hidden,
    json, path,
    query::Budget,
    text::{self, Plain},
};
use crate::{
    redact::show,
    scenario::expect::{Expect, Text},
};

/// The most differences that one comparison of JSON lists.
const MOST: usize = 20;

/// A mismatch of a text.
pub(super) fn text_mismatch(pointer: &str, what: &str, class: Class, miss: text::Miss) -> Mismatch {
    Mismatch {
        message: format!("{what} is not as expected"),
        hint: miss.hint,
        ..Mismatch::new(format!("{pointer}{}", miss.key), class, miss.expected, miss.got)
    }
}

/// `stdout` and `stderr`.
pub(super) fn output(rule: Option<&Text>, key: &str, class: Class, got: &[u8], found: &mut Vec<Mismatch>) {
    if let Some(Err(miss)) = rule.map(|rule| text::check(rule, Plain::Equals, &String::from_utf8_lossy(got))) {
        let what = if class == Class::Stdout { "the standard output" } else { "the standard error" };
        found.push(text_mismatch(&format!("/expect/{key}"), what, class, miss));
    }
}

/// `json`, `object` and `path`.
pub(super) fn judge(expect: &Expect, got: Option<&Value>, raw: &str, what: &str, found: &mut Vec<Mismatch>) {
    let no_json = |pointer: &str, class| {
        let got = if raw.trim().is_empty() { "nothing".into() } else { format!("`{}`", show::line(raw, show::VALUE)) };
        let mut mismatch = Mismatch::new(pointer, class, "JSON", got);
        mismatch.message = format!("{what} is not JSON");
        mismatch
    };
    let hidden = got.map(Hidden::in_answer).unwrap_or_default();
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
                Mismatch::new(format!("{pointer}{}", difference.pointer), class, difference.expected, difference.got);
            mismatch.message = format!("{} is not as expected", dotted_path(&difference.pointer, what));
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
            let mut mismatch =
                Mismatch::new(format!("{pointer}{}", miss.pointer), Class::Path, miss.expected, miss.got);
            mismatch.message = format!("what is found at {} is not as expected", show::line(&wanted.at, show::VALUE));
            mismatch.hint = miss.hint;
            found.push(mismatch);
        }
    }
}

/// `/items/0/kind` as `items[0].kind`, as people write it.
fn dotted_path(pointer: &str, root: &str) -> String {
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
