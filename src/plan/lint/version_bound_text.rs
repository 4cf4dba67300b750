//! Texts that are expected although other versions of Kubernetes say something else.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use crate::{
    plan::context::{Context, below},
    scenario::expect::Expect,
};

/// A part of a text that depends on the version: how it is recognised (its first group stays the same in all versions),
/// and the reason.
static BOUND: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    [
        (
            r"(pod updates may not change fields other than).*spec\.",
            "the list of fields differs from version to version",
        ),
        (
            r#"(cannot impersonate)(?:-on:\S+| resource "(?:users|groups|serviceaccounts|uids|userextras))"#,
            "since 1.36 the verb is `impersonate-on:…`, up to 1.35 `impersonate`",
        ),
        (
            r#"(Invalid value:) (?:\{"|[a-z0-9]+\.[A-Z]\w*\{)"#,
            "new versions print the value as JSON, older ones in the syntax of Go",
        ),
        (
            r"()(?:: rbac)?: RBAC: \S+ .* not found",
            "what is appended for a missing role differs from version to version",
        ),
        (r"()\[invalid bearer token, ", "older versions say only what is behind the comma, and in other words"),
        (r"()^Token has (?:been invalidated|expired)", "up to 1.20; newer versions put it into a list"),
        (r"()invalid signature, no keys found", "older versions name the cryptographic error"),
        (r"()^No API token found for service account", "up to 1.23; later a token needs no Secret"),
        (r"()is deprecated in v1\.\d+\+", "the warning is gone with the version that it warns about"),
    ]
    .into_iter()
    .map(|(pattern, reason)| (Regex::new(pattern).expect("a pattern that the tests compile"), reason))
    .collect()
});

/// Looks at all texts that the steps expect. It reads the file as it is written, so that it knows every way to expect one.
pub(in crate::plan) fn check(cx: &mut Context<'_>) {
    let scenario = cx.findings.document().root.to_json();
    for (index, step) in scenario["steps"].as_array().into_iter().flatten().enumerate() {
        let at = below("/steps", index);
        if has_versions(step) {
            continue;
        }
        let expect_at = below(&at, "expect");
        match &step["expect"] {
            Value::Array(several) => {
                for (index, expect) in several.iter().enumerate().filter(|(_, expect)| !has_versions(expect)) {
                    texts(cx, &below(&expect_at, index), expect);
                }
            }
            expect => texts(cx, &expect_at, expect),
        }
    }
}

/// Whether it is limited to versions of Kubernetes.
fn has_versions(value: &Value) -> bool {
    value.pointer("/when/kubernetes").is_some()
}

/// Walks an expectation; what is expected of JSON is data and not looked at.
fn texts(cx: &mut Context<'_>, at: &str, expect: &Value) {
    let Value::Object(map) = expect else { return };
    for (key, value) in map {
        let at = below(at, key);
        match (key.as_str(), value) {
            ("message" | "stdout" | "stderr" | "error" | "warning", Value::String(text)) => bound(cx, &at, key, text),
            ("message" | "stdout" | "stderr" | "error" | "warning", Value::Object(rule)) => {
                for (word, text) in rule {
                    if let (Some(text), "equals" | "startsWith" | "contains") = (text.as_str(), word.as_str()) {
                        bound(cx, &below(&at, word), key, text);
                        appended(cx, &below(&at, word), (key, word), text, map);
                    }
                }
            }
            ("tokenReview", review) => texts(cx, &at, review),
            _ => {}
        }
    }
}

fn bound(cx: &mut Context<'_>, at: &str, key: &str, text: &str) {
    for (pattern, reason) in BOUND.iter() {
        let Some(found) = pattern.captures(text) else { continue };
        let keep = match found.get(1).map_or("", |part| part.as_str()) {
            "" => "expect a part that all versions have by `contains`".to_owned(),
            part => format!("end the text after `{part}`"),
        };
        cx.findings
            .warn(at, "this text depends on the version of Kubernetes")
            .label(*reason)
            .hint(format!("{keep}, or say for which versions it is: `when: {{kubernetes: …}}`"));
        return;
    }
    if key == "stdout" && (text.trim_start().starts_with("{\"") || text.contains("\": ")) {
        cx.findings
            .warn(at, "JSON is compared as a text")
            .label("blanks, line ends and the order of keys differ from version to version")
            .hint("say `json` or `path`");
    }
}

/// An RBAC refusal may go on behind its closing quote.
fn appended(cx: &mut Context<'_>, at: &str, rule: (&str, &str), text: &str, expect: &serde_json::Map<String, Value>) {
    let is_denial = || {
        let expect = serde_json::from_value::<Expect>(Value::Object(expect.clone()));
        expect.is_ok_and(|expect| expect.is_rbac_denial())
    };
    if rule == ("message", "equals") && text.contains(" cannot ") && is_denial() {
        cx.findings
            .warn(at, "servers append to this message")
            .label("e.g. when a binding names a role that does not exist")
            .hint("write the text without `equals`: then its beginning counts");
    }
}
