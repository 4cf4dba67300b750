//! `tokenReview`: what the server says about a token.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    Class, Mismatch,
    parts::text_mismatch,
    text::{self, Plain},
};
use crate::{redact::show, scenario::expect::TokenReview};

/// Compares the `status` of a TokenReview with what is expected.
pub fn judge(expect: &TokenReview, status: &Value) -> Vec<Mismatch> {
    let mut found = Vec::new();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let error = text(&status["error"]);
    let mut differ = |key: &str, expected: String, got: String| {
        let mut mismatch = Mismatch::new(format!("/expect/tokenReview/{key}"), Class::TokenReview, expected, got);
        mismatch.server_words = (!error.is_empty()).then(|| show::line(&error, show::BODY));
        found.push(mismatch);
    };
    let good = status["authenticated"].as_bool().unwrap_or_default();
    let words = |good: bool| if good { "a token that is good" } else { "a token that is not good" };
    if let Some(wanted) = expect.authenticated.filter(|wanted| *wanted != good) {
        differ("authenticated", words(wanted).into(), words(good).into());
        if let (false, Some(last)) = (wanted, found.last_mut()) {
            last.hint = Some(
                "the server remembers a good token for 10 s: ask with `within: 15s`, or with `askedAudiences` of your own"
                    .into(),
            );
        }
        return found;
    }
    let none = |text: String| if text.is_empty() { "none".to_owned() } else { show::line(&text, show::VALUE) };
    if let Some(wanted) = &expect.username {
        let got = text(&status["user"]["username"]);
        if *wanted != got {
            differ("username", format!("username {wanted}"), none(got));
        }
    }
    let lists =
        [("groups", &expect.groups, &status["user"]["groups"]), ("audiences", &expect.audiences, &status["audiences"])];
    for (key, wanted, got) in lists {
        let Some(wanted) = wanted else { continue };
        let got: BTreeSet<&str> = got.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let wanted: BTreeSet<&str> = wanted.iter().map(String::as_str).collect();
        if wanted != got {
            let list = |set: BTreeSet<&str>| none(set.into_iter().collect::<Vec<_>>().join(", "));
            differ(key, format!("{key} {}", list(wanted)), list(got));
        }
    }
    if let Some(Err(miss)) = expect.error.as_ref().map(|rule| text::check(rule, Plain::StartsWith, &error)) {
        found.push(text_mismatch("/expect/tokenReview/error", "the review's error", Class::TokenReview, miss));
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn groups_are_compared_as_sets() {
        let status =
            json!({"authenticated": true, "user": {"username": "u", "groups": ["b", "a"]}, "audiences": ["x"]});
        let mut expect = TokenReview {
            authenticated: Some(true),
            username: Some("u".into()),
            groups: Some(vec!["a".into(), "b".into()]),
            audiences: Some(vec!["x".into()]),
            ..TokenReview::default()
        };
        assert_eq!(judge(&expect, &status), vec![]);
        expect.groups = Some(vec!["a".into()]);
        expect.username = Some("v".into());
        let pointers: Vec<_> = judge(&expect, &status).into_iter().map(|mismatch| mismatch.pointer).collect();
        assert_eq!(pointers, ["/expect/tokenReview/username", "/expect/tokenReview/groups"]);
    }

    #[test]
    fn a_bad_token_has_an_error() {
        let status = json!({"error": "[invalid bearer token, service account token has been invalidated]"});
        let expect: TokenReview =
            serde_json::from_value(json!({"authenticated": false, "error": {"contains": "invalidated"}}))
                .expect("good");
        assert_eq!(judge(&expect, &status), vec![]);
        let found = judge(&TokenReview { authenticated: Some(true), ..TokenReview::default() }, &status);
        assert!(found[0].server_words.as_deref().is_some_and(|words| words.contains("invalid bearer")), "{found:?}");
    }
}
