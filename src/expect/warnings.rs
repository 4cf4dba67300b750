//! `warning` and `noWarning` of an expectation.

use super::{
    Class, Http, Mismatch,
    parts::text_mismatch,
    text::{self, Plain},
};
use crate::{redact::show, scenario::expect::Expect};

/// The text of a `Warning` header: `299 - "text"` without its code, agent and quotes; `None` for other codes.
fn warning_text(header: &str) -> Option<String> {
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
pub(super) fn judge(expect: &Expect, http: &Http, found: &mut Vec<Mismatch>) {
    let all: Vec<String> = http.warnings.iter().filter_map(|header| warning_text(header)).collect();
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
                let mut mismatch = text_mismatch("/expect/warning", "the warning", Class::Warning, miss);
                if all.is_empty() {
                    mismatch.message = "expected a warning, got none".into();
                }
                found.push(mismatch);
            }
        }
    }
    match expect.no_warning {
        Some(true) if !all.is_empty() => {
            found.push(Mismatch::new("/expect/noWarning", Class::Warning, "no warning", shown()));
        }
        Some(false) if all.is_empty() => {
            found.push(Mismatch::new("/expect/noWarning", Class::Warning, "a warning", shown()));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_are_unquoted() {
        assert_eq!(warning_text(r#"299 - "a \"b\" \\c""#).as_deref(), Some(r#"a "b" \c"#));
        assert_eq!(warning_text("299 - \"use v1\" \"Wed, 21 Oct 2026 07:28:00 GMT\"").as_deref(), Some("use v1"));
        assert_eq!(warning_text(r#"110 - "stale""#), None);
        assert_eq!(warning_text("299 - bare"), None);
    }
}
