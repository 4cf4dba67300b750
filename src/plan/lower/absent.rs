//! `absent`, `empty`, `noWarning` and `tokenReview`: whether what is expected can be at all.

use crate::{
    plan::context::{Context, Draft, below},
    scenario::{
        Verb,
        calls::As,
        expect::{Expect, Text, TextRule},
    },
};

/// Looks at the expectations.
pub(in crate::plan) fn check(cx: &mut Context<'_>, draft: &Draft<'_>, at: &str, expect: &Expect) {
    let named = draft.step.get.as_ref().map(|get| get.name.is_some());
    if expect.absent.is_some() && named == Some(false) {
        cx.findings
            .error(&below(at, "absent"), "`absent` of a list")
            .at_key()
            .second_key(&draft.at(), "asks for a list")
            .hint("say `empty: true`, or give `get` a `name`");
    }
    if expect.empty.is_some() && named == Some(true) {
        cx.findings
            .error(&below(at, "empty"), "`empty` of one object")
            .at_key()
            .second_key(&draft.at(), "asks for one object")
            .hint("say `absent: true`, or leave the `name` out");
    }
    if expect.absent == Some(true) {
        let others = [
            ("object", expect.object.is_some()),
            ("path", !expect.path.is_empty()),
            ("status", expect.status.is_some_and(|status| status != 404)),
        ];
        for (key, _) in others.into_iter().filter(|(_, there)| *there) {
            cx.findings
                .error(&below(at, key), format!("`{key}` of an object that is not there"))
                .at_key()
                .second_key(&below(at, "absent"), "nothing is there")
                .hint("leave out one of them");
        }
    }
    if expect.no_warning == Some(true) && expect.warning.is_some() {
        cx.findings
            .error(&below(at, "noWarning"), "`noWarning` beside `warning`")
            .at_key()
            .second_key(&below(at, "warning"), "expects one")
            .hint("leave out one of them");
    }
    review(cx, draft, at, expect);
}

fn review(cx: &mut Context<'_>, draft: &Draft<'_>, at: &str, expect: &Expect) {
    let Some(review) = &expect.token_review else { return };
    let at = below(at, "tokenReview");
    let tokenless = match &draft.step.asked_as {
        _ if draft.verb != Some(Verb::Whoami) => false,
        None => true,
        Some(As::Word(word)) => word == "anonymous",
        Some(As::Full(full)) => full.token.is_none() && full.text.is_none(),
    };
    if tokenless {
        cx.findings
            .error(&at, "no token to review")
            .at_key()
            .second_key(&draft.at(), "asks without a token")
            .hint("ask `as: serviceaccount/NAME` or `as: {token: '{saved.NAME}'}`");
    }
    let says = review.authenticated.is_some()
        || review.username.is_some()
        || review.groups.is_some()
        || review.audiences.is_some()
        || review.error.is_some();
    if !says {
        cx.findings.error(&at, "a review without anything to expect").hint("e.g. `authenticated: true`");
    }
    let good = review.username.is_some() || review.groups.is_some() || review.audiences.is_some();
    if review.authenticated == Some(false) && good {
        cx.findings
            .error(&below(&at, "authenticated"), "of a token that is not good, the server says nothing else")
            .hint("leave `username`, `groups` and `audiences` out");
    }
    if let Some(Text::Rule(TextRule::Matches(pattern))) = &review.error
        && let Err(error) = crate::expect::pattern::compile(pattern, 0)
    {
        let last = error.lines().last().unwrap_or_default().to_owned();
        cx.findings.error(&below(&below(&at, "error"), "matches"), "this is no regular expression").label(last);
    }
}
