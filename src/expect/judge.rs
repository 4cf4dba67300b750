//! Every expectation of a step against its answer, all mismatches at once.

use super::{
    Answer, Class, Http, IntendedCall, Mismatch, can, curl, http_answer,
    process::{command, unreached},
    status::{server_words, status_text},
};
use crate::scenario::expect::Expect;

/// Compares an answer with what is expected. Nothing found: all holds.
///
/// What holds without being said: an HTTP answer has a status 2xx unless `status`, `by`, `reason` or `message` (which only
/// failures have) say otherwise; curl and commands exit with 0 unless `exitCode` says otherwise; `reason: Forbidden`
/// without a status means `status: 403`. A 403 is by RBAC, about the user and the request that are `meant`, unless `by`
/// says otherwise; without `meant` any caller's will do. `stdout` of an HTTP answer is its body. A mismatch that only
/// follows from another one is left out: a refused call has no list of Pods.
pub fn judge(expect: &Expect, answer: &Answer, meant: Option<&IntendedCall>) -> Vec<Mismatch> {
    match answer {
        Answer::Reviews(reviews) => can::judge(reviews),
        Answer::Api(http) => http_answer::judge(expect, http, meant),
        Answer::Curl(http) => match expect.exit_code {
            None | Some(0) => http_answer::judge(expect, http, meant),
            Some(code) => vec![answered(code, http)],
        },
        Answer::CurlFailed { exit_code, stderr } => unreached(expect, *exit_code, stderr),
        Answer::Exec { exit_code, stdout, stderr } => command(expect, *exit_code, stdout, stderr, meant),
    }
}

/// curl should have failed, and there is an answer.
fn answered(code: i32, http: &Http) -> Mismatch {
    let (meaning, _) = curl::exit(code);
    let expected = format!("curl exit code {code}: {meaning}");
    let got = format!("{}, curl exit code 0", status_text(http.status));
    Mismatch {
        message: format!("expected curl to fail with exit code {code}, got an answer"),
        server_words: server_words(http),
        hint: Some("the server was reached: what should stand between did nothing".into()),
        ..Mismatch::new("/expect/exitCode", Class::ExitCode, expected, got)
    }
}
