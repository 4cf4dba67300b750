//! Every expectation of a step against its answer, all mismatches at once.

use super::{
    Answer, Class, Http, Meant, Mismatch, absence, can, curl,
    deny::{self, Stranger, Verdict, classify},
    doors,
    parts::{missed, output, parts, plain},
    process::{command, unreached},
    show,
    status::{Status, words},
    text::{self, Plain},
    truth,
};
use crate::scenario::{expect::Expect, outcome::Wanted};

/// Compares an answer with what is expected. Nothing found: all holds.
///
/// What holds without being said: an HTTP answer has a status 2xx unless `status`, `by`, `reason` or `message` (which only
/// failures have) say otherwise; curl and commands exit with 0 unless `exitCode` says otherwise; `reason: Forbidden`
/// without a status means `status: 403`. A 403 is by RBAC, about the user and the request that are `meant`, unless `by`
/// says otherwise; without `meant` anybody's will do. `stdout` of an HTTP answer is its body. A mismatch that only follows from another one is left out: a
/// refused call has no list of Pods.
pub fn judge(expect: &Expect, answer: &Answer, meant: Option<&Meant>) -> Vec<Mismatch> {
    match answer {
        Answer::Reviews(reviews) => can::judge(reviews),
        Answer::Api(http) => over_http(expect, http, meant),
        Answer::Curl(http) => match expect.exit_code {
            None | Some(0) => over_http(expect, http, meant),
            Some(code) => vec![answered(code, http)],
        },
        Answer::CurlFailed { exit_code, stderr } => unreached(expect, *exit_code, stderr),
        Answer::Exec { exit_code, stdout, stderr } => command(expect, *exit_code, stdout, stderr, meant),
    }
}

/// An answer in a few words: `403 Forbidden as system:anonymous`, `curl exit 6: …`.
pub fn summary(answer: &Answer) -> String {
    match answer {
        Answer::Reviews(reviews) => can::summary(reviews),
        Answer::Api(http) | Answer::Curl(http) => match classify(http) {
            Verdict::Denied(denial) => match &denial.refused {
                Some(refused) => format!("{} as {}", words(http.status), show::line(&refused.user, show::VALUE)),
                None => format!("{} by {}", words(http.status), deny::who(denial.by)),
            },
            Verdict::NotKubernetes(stranger) => {
                format!("{} with {}", words(http.status), stranger.words())
            }
            _ => words(http.status),
        },
        Answer::CurlFailed { exit_code, .. } => {
            format!("curl exit {exit_code}: {}", curl::exit(*exit_code).0)
        }
        Answer::Exec { exit_code, .. } => format!("exit {exit_code}"),
    }
}

/// curl should have failed, and there is an answer.
fn answered(code: i32, http: &Http) -> Mismatch {
    let (meaning, _) = curl::exit(code);
    let mut mismatch = plain(
        "/expect/exitCode",
        Class::ExitCode,
        format!("curl exit code {code}: {meaning}"),
        format!("{}, curl exit code 0", words(http.status)),
    );
    mismatch.message = format!("expected curl to fail with exit code {code}, got an answer");
    mismatch.server_words = super::status::server_words(http);
    mismatch.hint = Some("the server was reached: what should stand between did nothing".into());
    mismatch
}

/// The key that asks for a status.
pub(super) fn pointer(expect: &Expect) -> &'static str {
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

pub(super) fn over_http(expect: &Expect, http: &Http, meant: Option<&Meant>) -> Vec<Mismatch> {
    let verdict = classify(http);
    let pointer = pointer(expect);
    let surprise = |short: &str, expected: &str| Some(truth::surprise(pointer, short, expected, http, &verdict, meant));
    let wrong = match expect.wanted() {
        Wanted::Denial(by, _) if by.is_elsewhere() => doors::denied(by, pointer, http, &verdict),
        Wanted::Denial(by, status) => truth::denied(by, status, pointer, http, &verdict, meant),
        Wanted::Success if verdict != Verdict::Allowed => surprise("success", "success (2xx)"),
        Wanted::Exactly(status) if status != http.status => surprise(&status.to_string(), &words(status)),
        Wanted::Failure if verdict == Verdict::Allowed => surprise("a failure", "a failure"),
        Wanted::Failure => None,
        Wanted::Success | Wanted::Exactly(_) => match &verdict {
            Verdict::NotKubernetes(stranger)
                if meant.is_some() && (http.status == 401 || http.status >= 400 && deny::is_html(http)) =>
            {
                Some(truth::impostor(pointer, http, stranger))
            }
            Verdict::Allowed if meant.is_some_and(|meant| !may_be_html(&meant.denial)) && deny::is_html(http) => {
                Some(truth::impostor(pointer, http, &Stranger::Html(None)))
            }
            _ => None,
        },
    };
    // A body that is not the wanted one at all is not compared further.
    let other_body = wrong.is_some();
    let mut found: Vec<_> = wrong.into_iter().collect();
    let failure = Status::of(http).filter(|status| status.failure);
    if failure.is_some() || !other_body {
        status_words(expect, http, failure, &mut found);
    }
    absence::warnings(expect, http, &mut found);
    if !other_body {
        absence::absence(expect, http, &mut found);
        parts(expect, http.json.as_ref(), &String::from_utf8_lossy(&http.body), "the body", &mut found);
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
    let none = || format!("{} without a Status of a failure", words(http.status));
    if let Some(wanted) = &expect.reason {
        let reason = status.map(|status| status.reason);
        if reason != Some(wanted) && !found.iter().any(|mismatch| mismatch.pointer == "/expect/reason") {
            let got = match reason {
                None => none(),
                Some("") => "no reason".into(),
                Some(reason) => show::line(reason, show::VALUE),
            };
            let mut mismatch = plain("/expect/reason", Class::Reason, format!("reason {wanted}"), got);
            mismatch.server_words = super::status::server_words(http);
            found.push(mismatch);
        }
    }
    if let Some(rule) = &expect.message {
        let outcome = match status {
            Some(status) => text::check(rule, Plain::StartsWith, status.message),
            None => Err(text::Miss { key: "", expected: "a message".into(), got: none(), hint: None }),
        };
        if let Err(miss) = outcome {
            found.push(missed("/expect/message", "the message", Class::Message, miss));
        }
    }
}
