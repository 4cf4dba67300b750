//! `absent`, `empty`, `warning` and `noWarning` of an expectation.

use super::{
    Class, Http, Mismatch,
    parts::{missed, plain},
    show,
    status::{Status, words},
    text::{self, Plain},
};
use crate::scenario::expect::Expect;

/// The text of a `Warning` header: `299 - "text"` without its code, agent and quotes; `None` for other codes.
pub(super) fn warning(header: &str) -> Option<String> {
    let rest = header.trim().strip_prefix("299 ")?;
    let (_, quoted) = rest.split_once(' ')?;
    let inner = quoted.trim().strip_prefix('"')?;
    let mut text = String::new();
    let mut escaped = false;
    for c in inner.chars() {
        match c {
            '\\' if !escaped => escaped = true,
            '"' if !escaped => return Some(text),
            c => {
                text.push(c);
                escaped = false;
            }
        }
    }
    Some(text)
}

/// `warning` and `noWarning`.
pub(super) fn warnings(expect: &Expect, http: &Http, found: &mut Vec<Mismatch>) {
    let all: Vec<String> = http.warnings.iter().filter_map(|header| warning(header)).collect();
    let shown = || match all.as_slice() {
        [] => "no warning".to_owned(),
        all => all.iter().map(|text| format!("`{}`", show::line(text, show::BODY))).collect::<Vec<_>>().join(", "),
    };
    if let Some(rule) = &expect.warning {
        let mut misses = all.iter().map(|text| text::check(rule, Plain::StartsWith, text).err());
        if !misses.any(|miss| miss.is_none()) {
            let miss = text::check(rule, Plain::StartsWith, all.first().map_or("", String::as_str)).err();
            if let Some(miss) = miss {
                let miss = text::Miss { got: shown(), hint: miss.hint.filter(|_| !all.is_empty()), ..miss };
                let mut mismatch = missed("/expect/warning", "the warning", Class::Warning, miss);
                if all.is_empty() {
                    mismatch.message = "expected a warning, got none".into();
                }
                found.push(mismatch);
            }
        }
    }
    match expect.no_warning {
        Some(true) if !all.is_empty() => {
            found.push(plain("/expect/noWarning", Class::Warning, "no warning".into(), shown()));
        }
        Some(false) if all.is_empty() => {
            found.push(plain("/expect/noWarning", Class::Warning, "a warning".into(), shown()));
        }
        _ => {}
    }
}

/// `absent` and `empty`, when the status is as expected.
pub(super) fn absence(expect: &Expect, http: &Http, found: &mut Vec<Mismatch>) {
    if expect.absent == Some(true) {
        let status = Status::of(http).filter(|status| status.failure);
        let about = status.is_some_and(|status| status.reason == "NotFound" && !status.detail("name").is_empty());
        if !about {
            let got = match status {
                Some(status) => format!("{}: {}", words(http.status), show::line(status.message, show::VALUE)),
                None => format!("{} without a Status", words(http.status)),
            };
            let mut mismatch = plain("/expect/absent", Class::Absence, "404 NotFound about this object".into(), got);
            mismatch.message = "404, but not about this object".into();
            mismatch.hint =
                Some("the server does not know the kind or the path, which says nothing about the object; to claim that it does not know the kind, say `status: 404`".into());
            found.push(mismatch);
        }
    }
    let Some(empty) = expect.empty else { return };
    match http.json.as_ref().and_then(|json| json["items"].as_array()) {
        None => {
            found.push(plain("/expect/empty", Class::Absence, "a list".into(), "no list (no `items`)".into()));
        }
        Some(items) if items.is_empty() != empty => {
            let names: Vec<&str> = items.iter().filter_map(|item| item["metadata"]["name"].as_str()).take(10).collect();
            let plural = if items.len() == 1 { "element" } else { "elements" };
            let got = match items.len() {
                0 => "an empty one".to_owned(),
                count => format!("{count} {plural}: {}", show::line(&names.join(", "), show::VALUE)),
            };
            let wanted = if empty { "an empty list" } else { "a list with elements" };
            found.push(plain("/expect/empty", Class::Absence, wanted.into(), got));
        }
        Some(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_are_unquoted() {
        assert_eq!(warning(r#"299 - "a \"b\" \\c""#).as_deref(), Some(r#"a "b" \c"#));
        assert_eq!(warning("299 - \"use v1\" \"Wed, 21 Oct 2026 07:28:00 GMT\"").as_deref(), Some("use v1"));
        assert_eq!(warning(r#"110 - "stale""#), None);
        assert_eq!(warning("299 - bare"), None);
    }
}
