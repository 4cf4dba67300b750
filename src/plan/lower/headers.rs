//! Headers of `curl` and `request`: their names, and what must not stand in them.

use std::collections::BTreeMap;

use crate::{
    plan::context::{Context, below},
    scenario::verbs,
};

/// Whether a header's value could be a real credential, and not one made up to be refused.
pub(in crate::plan) fn looks_secret(value: &str) -> bool {
    value.split(|c: char| !(c.is_ascii_alphanumeric() || "-._~+/=".contains(c))).any(|word| word.len() >= 32)
}

/// Checks the headers of a call from a Pod.
pub(in crate::plan) fn of_curl(cx: &mut Context<'_>, at: &str, curl: &verbs::Curl) {
    for (name, value) in &curl.headers {
        let at = below(&below(at, "headers"), name);
        let lower = name.to_lowercase();
        if lower == "authorization" && (looks_secret(value) || curl.token.is_some()) {
            cx.findings
                .error(&at, "a token must not stand in a file or an argument")
                .at_key()
                .label("a credential")
                .hint("write `token: mounted`: it is read in the Pod at each call");
        } else if lower.starts_with("impersonate-")
            && !curl.headers.keys().any(|name| name.eq_ignore_ascii_case("impersonate-user"))
        {
            cx.findings
                .warn(&at, format!("`{name}` without `Impersonate-User`"))
                .at_key()
                .label("the API server answers 400 to this")
                .hint("add `Impersonate-User: NAME`");
        }
        if http::HeaderName::from_bytes(name.as_bytes()).is_err() {
            cx.findings.error(&at, format!("`{name}` is no name of a header")).at_key();
        }
        if value.contains(['\r', '\n', '\0']) {
            cx.findings.error(&at, "a line break in a header").hint("a header is one line");
        }
    }
}

/// Checks the headers of a request from outside.
pub(in crate::plan) fn of_request(cx: &mut Context<'_>, at: &str, headers: &BTreeMap<String, String>) {
    for (name, value) in headers {
        let at = below(&below(at, "headers"), name);
        let lower = name.to_lowercase();
        if lower == "authorization" || lower.starts_with("impersonate-") {
            let hint = match lower.as_str() {
                "authorization" => "`as: {token: '{saved.NAME}'}` sends a token, `as: {text: …}` a text that is none",
                _ => "`as: {user: NAME, groups: […]}` impersonates",
            };
            cx.findings
                .error(&at, format!("`{name}` says who asks"))
                .at_key()
                .label("this is what `as` does")
                .hint(hint);
        } else if lower == "content-type" {
            cx.findings.error(&at, format!("`{name}` among the headers")).at_key().hint("say `contentType: …`");
        }
        if http::HeaderName::from_bytes(name.as_bytes()).is_err() {
            cx.findings.error(&at, format!("`{name}` is no name of a header")).at_key();
        }
        if http::HeaderValue::from_str(value).is_err() {
            cx.findings.error(&at, "a line break or control character in a header").hint("a header is one line");
        }
    }
}
