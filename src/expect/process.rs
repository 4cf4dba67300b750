//! Answers of processes in a Pod: curl without an HTTP answer, and commands.

use super::{
    Class, IntendedCall, Mismatch, curl,
    http_answer::status_pointer,
    json,
    parts::{self, output},
    printed,
    status::status_text,
};
use crate::{
    redact::show,
    scenario::{expect::Expect, outcome::Wanted},
};

/// curl got no answer, or not a whole one.
pub(super) fn unreached(expect: &Expect, code: i32, stderr: &str) -> Vec<Mismatch> {
    let (meaning, hint) = match curl::proxied(code, stderr) {
        Some((meaning, hint)) => (meaning, Some(hint)),
        None => curl::ended(code, stderr),
    };
    let mut found = Vec::new();
    if expect.exit_code != Some(code) {
        let (pointer, short, expected) = match (expect.exit_code, expect.wanted()) {
            (Some(wanted), _) => {
                let expected = if wanted == 0 { "an HTTP answer".into() } else { curl::exit(wanted).0.to_owned() };
                ("/expect/exitCode", format!("curl exit code {wanted}"), format!("curl exit code {wanted}: {expected}"))
            }
            (None, Wanted::Exactly(status) | Wanted::Denial(_, Some(status))) => {
                (status_pointer(expect), status.to_string(), status_text(status))
            }
            (None, _) => (status_pointer(expect), "an HTTP answer".into(), "an HTTP answer".into()),
        };
        found.push(Mismatch {
            message: format!("expected {short}, got no answer: {meaning}{}", moral(expect)),
            server_words: Some(show::block(stderr.trim_end(), show::BODY)).filter(|words| !words.is_empty()),
            hint: hint.map(str::to_owned),
            ..Mismatch::new(pointer, Class::NotReached, expected, format!("curl exit code {code}: {meaning}"))
        });
        if expect.exit_code.is_some() {
            output(expect.stderr.as_ref(), "stderr", Class::Stderr, stderr.as_bytes(), &mut found);
        }
        return found;
    }
    let got = format!("no answer, curl exit code {code} as expected");
    found.extend(impossible(expect, &["status", "by", "reason", "message", "json", "object", "path"], &got));
    output(expect.stderr.as_ref(), "stderr", Class::Stderr, stderr.as_bytes(), &mut found);
    output(expect.stdout.as_ref(), "stdout", Class::Stdout, b"", &mut found);
    found
}

/// Expectations that such an answer cannot fulfil: none passes silently.
fn impossible(expect: &Expect, keys: &[&str], got: &str) -> Vec<Mismatch> {
    let said = |key: &str| match key {
        "status" => expect.status.is_some(),
        "by" => expect.by.is_some(),
        "reason" => expect.reason.is_some(),
        "message" => expect.message.is_some(),
        "json" => expect.json.is_some(),
        "object" => expect.object.is_some(),
        _ => !expect.path.is_empty(),
    };
    let mismatch = |key: &&str| Mismatch::new(format!("/expect/{key}"), Class::NotReached, "an HTTP answer", got);
    keys.iter().filter(|key| said(key)).map(mismatch).collect()
}

/// What must never be mixed up, where a refusal is expected.
fn moral(expect: &Expect) -> &'static str {
    match expect.wanted() {
        Wanted::Denial(..) | Wanted::Failure | Wanted::Exactly(400..) => " (not reached is not refused)",
        Wanted::Success | Wanted::Exactly(_) => "",
    }
}

/// A command has ended.
pub(super) fn command(
    expect: &Expect,
    code: i32,
    stdout: &[u8],
    stderr: &[u8],
    meant: Option<&IntendedCall>,
) -> Vec<Mismatch> {
    let mut found = Vec::new();
    let about_status = expect.is_about_status();
    // A scenario that expects a failure of the server need not know with which code a program ends then.
    let wanted = expect.exit_code.unwrap_or(if about_status { code } else { 0 });
    if code != wanted {
        let pointer = match expect.exit_code {
            Some(_) => "/expect/exitCode",
            None => status_pointer(expect),
        };
        let mut mismatch =
            Mismatch::new(pointer, Class::ExitCode, format!("exit code {wanted}"), format!("exit code {code}"));
        let said = [stderr, stdout].into_iter().map(String::from_utf8_lossy).find(|text| !text.trim().is_empty());
        mismatch.server_words = said.map(|said| show::block(said.trim_end(), show::BODY));
        mismatch.hint = match code {
            126 => Some("the file is there, but it cannot be executed".into()),
            127 => Some("the command is not in the image".into()),
            137 => Some("the command was killed (SIGKILL): out of memory, or the container ended".into()),
            143 => Some("the command was ended (SIGTERM)".into()),
            _ => None,
        };
        found.push(mismatch);
    }
    let raw = String::from_utf8_lossy(stdout);
    let json = json::parse(stdout);
    if about_status {
        found.extend(printed::failure_mismatches(expect, json.as_ref(), (code, stderr), meant));
    }
    parts::judge(expect, json.as_ref(), &raw, "the standard output", &mut found);
    output(expect.stdout.as_ref(), "stdout", Class::Stdout, stdout, &mut found);
    output(expect.stderr.as_ref(), "stderr", Class::Stderr, stderr, &mut found);
    if found.is_empty() && !about_status {
        found.extend(printed::refusal_mismatch(expect, json.as_ref(), &String::from_utf8_lossy(stderr), meant));
    }
    found
}
