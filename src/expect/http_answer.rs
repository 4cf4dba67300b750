//! Every expectation of a step against an HTTP answer.

use super::{
    Class, ForeignResponse, Http, IntendedCall, Mismatch, Verdict, absent, classify, foreign_denial,
    parts::{self, output, text_mismatch},
    status::{Status, server_words, status_text},
    status_mismatch::{self, foreign_response, unexpected_status},
    text::{self, Plain},
    verdict::is_html,
    warnings,
};
use crate::{
    redact::show,
    scenario::{expect::Expect, outcome::Wanted},
};

/// The key that asks for a status.
pub fn status_pointer(expect: &Expect) -> &'static str {
    if expect.status.is_some() {
        "/expect/status"
    } else if expect.by.is_some() {
        "/expect/by"
    } else if expect.reason.is_some() {
        "/expect/reason"
    } else if expect.message.is_some() {
        "/expect/message"
    } else if expect.absent.is_some() {
        "/expect/absent"
    } else if says_anything(expect) {
        "/expect"
    } else {
        ""
    }
}

/// Whether anything is expected beside what has a pointer of its own.
fn says_anything(expect: &Expect) -> bool {
    let Expect {
        when: _,
        status: _,
        by: _,
        reason: _,
        message: _,
        absent: _,
        json,
        object,
        path,
        exit_code,
        stdout,
        stderr,
        within,
        warning,
        no_warning,
        empty,
        token_review,
    } = expect;
    let values = json.is_some() || object.is_some() || !path.is_empty();
    let texts = stdout.is_some() || stderr.is_some() || warning.is_some();
    let others = exit_code.is_some() || within.is_some() || no_warning.is_some() || empty.is_some();
    values || texts || others || token_review.is_some()
}

/// Compares an HTTP answer with what is expected, as [`super::judge()`] says.
pub fn judge(expect: &Expect, http: &Http, meant: Option<&IntendedCall>) -> Vec<Mismatch> {
    let verdict = classify(http);
    let pointer = status_pointer(expect);
    let unexpected =
        |short: &str, expected: &str| Some(unexpected_status(pointer, short, expected, http, &verdict, meant));
    let wrong = match expect.wanted() {
        Wanted::Denial(by, _) if by.is_elsewhere() => foreign_denial::denial(by, pointer, http, &verdict),
        Wanted::Denial(by, status) => status_mismatch::denial(by, status, pointer, http, &verdict, meant),
        Wanted::Success if verdict != Verdict::Allowed => unexpected("success", "success (2xx)"),
        Wanted::Exactly(status) if status != http.status => unexpected(&status.to_string(), &status_text(status)),
        Wanted::Failure if verdict == Verdict::Allowed => unexpected("a failure", "a failure"),
        Wanted::Failure => None,
        Wanted::Success | Wanted::Exactly(_) => match &verdict {
            Verdict::NotKubernetes(foreign)
                if meant.is_some() && (http.status == 401 || http.status >= 400 && is_html(http)) =>
            {
                Some(foreign_response(pointer, http, foreign))
            }
            Verdict::Allowed if meant.is_some_and(|meant| !may_be_html(&meant.denial)) && is_html(http) => {
                Some(foreign_response(pointer, http, &ForeignResponse::Html(None)))
            }
            _ => None,
        },
    };
    // A body that is not the wanted one at all is not compared further.
    let other_body = wrong.is_some();
    let mut found: Vec<_> = wrong.into_iter().collect();
    let failure = Status::in_answer(http).filter(|status| status.failure);
    if failure.is_some() || !other_body {
        status_words(expect, http, failure, &mut found);
    }
    warnings::judge(expect, http, &mut found);
    if !other_body {
        absent::judge(expect, http, &mut found);
        parts::judge(expect, http.json.as_ref(), &String::from_utf8_lossy(&http.body), "the body", &mut found);
        let before = found.len();
        output(expect.stdout.as_ref(), "stdout", Class::Stdout, &http.body, &mut found);
        for mismatch in &mut found[before..] {
            mismatch.message = mismatch.message.replace("the standard output", "the body");
        }
        output(expect.stderr.as_ref(), "stderr", Class::Stderr, b"", &mut found);
    }
    found
}

/// Where the API server itself gives pages: proxies to Pods, Services and nodes, the log folder, and profiles.
fn may_be_html(denial: &str) -> bool {
    ["/proxy\" in API group", " path \"/logs", " path \"/debug"].iter().any(|page| denial.contains(page))
}

/// `reason` and `message`.
fn status_words(expect: &Expect, http: &Http, status: Option<Status<'_>>, found: &mut Vec<Mismatch>) {
    let none = || format!("{} without a Status of a failure", status_text(http.status));
    if let Some(wanted) = &expect.reason {
        let reason = status.map(|status| status.reason);
        if reason != Some(wanted) && !found.iter().any(|mismatch| mismatch.pointer == "/expect/reason") {
            let got = match reason {
                None => none(),
                Some("") => "no reason".into(),
                Some(reason) => show::line(reason, show::VALUE),
            };
            let mut mismatch = Mismatch::new("/expect/reason", Class::Reason, format!("reason {wanted}"), got);
            mismatch.server_words = server_words(http);
            found.push(mismatch);
        }
    }
    if let Some(rule) = &expect.message {
        let outcome = match status {
            Some(status) => text::check(rule, Plain::StartsWith, status.message),
            None => Err(text::Miss { key: "", expected: "a message".into(), got: none(), hint: None }),
        };
        if let Err(miss) = outcome {
            found.push(text_mismatch("/expect/message", "the message", Class::Message, miss));
        }
    }
}
