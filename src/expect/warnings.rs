//! `warning` and `noWarning` of an expectation, and the warning of which a success is none.

use super::{
    Answer, Class, Http, Mismatch,
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

/// How the API server warns of a field that the kind does not have, and that it drops: since 1.25, where a call says nothing of
/// `fieldValidation`.
const UNKNOWN_FIELD: &str = "unknown field \"";

/// What an answer tells of fields that the server has dropped, where nothing is expected of its warnings: a success then says
/// nothing of what was sent. `said_how`: the call itself says how its fields are validated.
pub fn dropped(expect: &Expect, answer: &Answer, said_how: bool) -> Option<Mismatch> {
    let (texts, hint): (Vec<_>, _) = match answer {
        Answer::Api(http) | Answer::Curl(http) => {
            if expect.warning.is_some() || expect.no_warning.is_some() || !(200..300).contains(&http.status) {
                return None;
            }
            let texts: Vec<_> = http.warnings.iter().filter_map(|header| warning_text(header)).collect();
            (texts, "`warning: {contains: unknown field}`")
        }
        Answer::Exec { exit_code: 0, stderr, .. } if expect.stderr.is_none() => {
            let stderr = String::from_utf8_lossy(stderr);
            let texts = stderr.lines().filter_map(|line| line.strip_prefix("Warning: ")).map(str::to_owned);
            (texts.collect(), "`stderr: {contains: unknown field}`")
        }
        Answer::Exec { .. } | Answer::Reviews(_) | Answer::CurlFailed { .. } => return None,
    };
    let unknown: Vec<_> = texts.iter().filter(|text| text.starts_with(UNKNOWN_FIELD)).collect();
    let first = unknown.first().filter(|_| !said_how)?;
    let all: Vec<_> = unknown.iter().map(|text| format!("`{}`", show::line(text, show::VALUE))).collect();
    let field = first[UNKNOWN_FIELD.len()..].split('"').next().unwrap_or_default();
    Some(Mismatch {
        message: format!("the server dropped `{}`, which the kind does not have", show::line(field, show::VALUE)),
        hint: Some(format!("mend the name of the field, or remove it; if the warning is meant, expect it: {hint}")),
        ..Mismatch::new("", Class::Warning, "all fields taken", format!("a warning: {}", all.join(", ")))
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("status: 200", 200, "299 - \"unknown field \\\"spec.a\\\"\"", false, true)]
    #[case("status: 200", 200, "299 - \"unknown field \\\"spec.a\\\"\"", true, false)]
    #[case("warning: unknown field", 200, "299 - \"unknown field \\\"spec.a\\\"\"", false, false)]
    #[case("noWarning: false", 200, "299 - \"unknown field \\\"spec.a\\\"\"", false, false)]
    #[case("status: 200", 200, "299 - \"spec.a: unknown field \\\"spec.a\\\"\"", false, false)]
    #[case("status: 200", 200, "299 - \"would violate PodSecurity\"", false, false)]
    #[case("status: 403", 403, "299 - \"unknown field \\\"spec.a\\\"\"", false, false)]
    fn a_success_of_which_a_field_was_dropped_is_none(
        #[case] expect: &str,
        #[case] status: u16,
        #[case] header: &str,
        #[case] said_how: bool,
        #[case] told: bool,
    ) {
        let expect: Expect = serde_saphyr::from_str(expect).expect("an expectation");
        let http = Http { warnings: vec![header.into()], ..Http::with_object(status, None) };
        for answer in [Answer::Api(http.clone()), Answer::Curl(http)] {
            let found = dropped(&expect, &answer, said_how);
            assert_eq!(found.is_some(), told, "{found:?}");
        }
    }

    #[rstest]
    #[case("{}", 0, "Warning: unknown field \"spec.a\"\n", true)]
    #[case("{stdout: {contains: x}}", 0, "Warning: v1 X is deprecated\nWarning: unknown field \"a\"", true)]
    #[case("{stderr: {contains: unknown}}", 0, "Warning: unknown field \"spec.a\"\n", false)]
    #[case("{exitCode: 1}", 1, "Warning: unknown field \"spec.a\"\n", false)]
    #[case("{}", 0, "error: unknown field \"spec.a\"\n", false)]
    fn nor_is_one_of_kubectls(#[case] expect: &str, #[case] exit_code: i32, #[case] stderr: &str, #[case] told: bool) {
        let expect: Expect = serde_saphyr::from_str(expect).expect("an expectation");
        let answer = Answer::Exec { exit_code, stdout: vec![], stderr: stderr.into() };
        assert_eq!(dropped(&expect, &answer, false).is_some(), told);
    }

    #[test]
    fn warnings_are_unquoted() {
        assert_eq!(warning_text(r#"299 - "a \"b\" \\c""#).as_deref(), Some(r#"a "b" \c"#));
        assert_eq!(warning_text("299 - \"use v1\" \"Wed, 21 Oct 2026 07:28:00 GMT\"").as_deref(), Some("use v1"));
        assert_eq!(warning_text(r#"110 - "stale""#), None);
        assert_eq!(warning_text("299 - bare"), None);
    }
}
