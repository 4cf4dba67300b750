//! A refusal that a command prints: the `Status` on the standard output of a curl of one's own, or kubectl's error. It is
//! compared as text, and so would hold whichever caller was refused; here it is looked at as any other refusal.

use serde_json::Value;

use super::{
    Class, Denial, Http, IntendedCall, Mismatch, Verdict, classify,
    hints::{SEEN_BY_OTHERS, shown_user, who_may, wrong_identity},
    http_answer, is_bare_denial, kubectl_error,
    status::{server_words, status_text},
};
use crate::{
    redact::show,
    scenario::{
        expect::{DeniedBy, Expect, Text, TextRule},
        outcome::Wanted,
    },
};

/// What is wrong with a printed refusal that the expectations are met by.
pub(super) fn refusal_mismatch(
    expect: &Expect,
    json: Option<&Value>,
    stderr: &str,
    meant: Option<&IntendedCall>,
) -> Option<Mismatch> {
    let status = json.filter(|json| json["kind"] == "Status" && json["code"] == 403).map(http);
    let (pointer, verdict, words) = match &status {
        Some(http) if about_output(expect) => {
            let words = server_words(http);
            (output_pointer(expect), classify(http), words)
        }
        _ => {
            // As whom kubectl asked is not always known.
            meant?;
            expect.stderr.as_ref()?;
            let (refused, message) = kubectl_error::refusals(stderr).into_iter().next()?;
            let denial = Denial { by: DeniedBy::Rbac, detail: refused.describe(), refused: Some(refused) };
            ("/expect/stderr", Verdict::Denied(denial), Some(show::block(&message, show::BODY)))
        }
    };
    let mismatch = |class, message: String, got: String, hint: String| Mismatch {
        pointer: pointer.into(),
        message,
        expected: match meant {
            Some(meant) => format!("403 Forbidden by RBAC for {}", shown_user(&meant.user)),
            None => "403 Forbidden by RBAC".into(),
        },
        got,
        server_words: words.clone(),
        hint: Some(hint),
        class,
    };
    match &verdict {
        Verdict::Denied(Denial { refused: Some(refused), .. }) => {
            let right = meant.is_some_and(|meant| meant.user == refused.user);
            if right || says(expect, &refused.user) {
                return None;
            }
            let meant = meant.map_or("the account of this step", |meant| meant.user.as_str());
            Some(mismatch(
                Class::WrongIdentity,
                format!("403, but the call was made as {}, not as {meant}", shown_user(&refused.user)),
                format!("403 Forbidden: {} may not {}", shown_user(&refused.user), refused.describe()),
                format!(
                    "{}; if just this is meant, name who is refused: `path: [{{at: $.message, matches: 'User \"{}\" cannot'}}]`",
                    wrong_identity(&refused.user, meant),
                    show::line(&refused.user, show::VALUE)
                ),
            ))
        }
        // A scenario that quotes the words means them.
        Verdict::Denied(denial) if !quotes(expect) => Some(mismatch(
            Class::OtherDenier,
            format!("403, but refused by {}, not by RBAC", denial.short()),
            format!("403 Forbidden, refused by {}", denial.describe()),
            "if that is meant, expect its words: `path: [{at: $.message, matches: …}]`".into(),
        )),
        _ => None,
    }
}

/// What to do about a refusal that a command hides.
const UNSEEN: &str =
    "a refusal must be seen: without `-o /dev/null`, `--fail` and the like; `curl` as a verb sees the answer itself";

/// A failure of the API server that a command has printed: a `Status`, or kubectl's line about one.
pub fn failure(json: Option<&Value>, stderr: &str) -> Option<Http> {
    let is_failure = |json: &&Value| json["kind"] == "Status" && json["status"] == "Failure";
    if let Some(json) = json.filter(is_failure) {
        let code = json["code"].as_u64().and_then(|code| u16::try_from(code).ok())?;
        return Some(Http { status: code, ..http(json) });
    }
    kubectl_error::first(stderr).map(kubectl_error::Said::answer)
}

/// What is said of a command that has succeeded where it was to print a failure.
const SUCCEEDED: &str = "the command has succeeded";

/// The status that a command was to print.
fn short(expect: &Expect) -> String {
    match (expect.wanted(), expect.status) {
        (Wanted::Denial(by, None), _) => format!("a refusal by {}", by.title()),
        (Wanted::Denial(_, Some(status)) | Wanted::Exactly(status), _) | (_, Some(status)) => status.to_string(),
        (Wanted::Success | Wanted::Failure, None) => "a failure".into(),
    }
}

/// A command has succeeded, and nothing that it has printed is a failure.
fn succeeded(expect: &Expect) -> Mismatch {
    Mismatch {
        message: format!("expected {}, and {SUCCEEDED}", short(expect)),
        hint: Some(UNSEEN.into()),
        ..Mismatch::new(
            http_answer::status_pointer(expect),
            Class::Status,
            wanted(expect),
            "exit code 0, and no failure of the API server in what it has printed",
        )
    }
}

/// What a printed failure is called that is expected.
fn wanted(expect: &Expect) -> String {
    match expect.status {
        Some(status) => format!("a `Status` with {}", status_text(status)),
        None => "a `Status` of a failure".into(),
    }
}

/// Says of kubectl, with these arguments, what its success means: unlike another command, it does not end well when it was refused.
pub fn kubectl_succeeded(found: &mut [Mismatch], expect: &Expect, args: &[String], meant: Option<&IntendedCall>) {
    let Some(mismatch) = found.iter_mut().find(|found| found.message.ends_with(SUCCEEDED)) else { return };
    let has = |flag: &str| args.iter().any(|word| word == flag);
    mismatch.message = format!("expected {}, and kubectl has succeeded", short(expect));
    mismatch.got = "exit code 0: the call was allowed".into();
    mismatch.expected = expect.status.map_or_else(|| mismatch.expected.clone(), status_text);
    mismatch.hint = None;
    if has("--dry-run=client") {
        mismatch.got = "exit code 0: kubectl has changed nothing, and perhaps asked nothing".into();
        mismatch.hint = Some("with `--dry-run=client` nothing is sent; `--dry-run=server` asks the API server".into());
    } else if matches!(expect.wanted(), Wanted::Denial(..)) {
        mismatch.class = Class::Allowed;
        mismatch.hint = matches!(expect.wanted(), Wanted::Denial(DeniedBy::Rbac, _)).then(|| who_may(meant));
    } else if expect.is_not_found() && (has("--ignore-not-found") || has("--ignore-not-found=true")) {
        mismatch.hint = Some("with `--ignore-not-found` a 404 is no failure of kubectl's: leave it out".into());
    }
}

/// What is wrong with the failure that a command has printed, when one is expected.
pub(super) fn failure_mismatches(
    expect: &Expect,
    json: Option<&Value>,
    (code, stderr): (i32, &[u8]),
    meant: Option<&IntendedCall>,
) -> Vec<Mismatch> {
    let stderr = String::from_utf8_lossy(stderr);
    let unsaid = kubectl_error::first(&stderr).filter(|said| said.reason.is_none() && json.is_none());
    if let Some(said) = unsaid
        && let Verdict::Denied(denial) = classify(&said.clone().answer())
    {
        return without_reason(expect, said, &denial, meant);
    }
    let Some(http) = failure(json, &stderr) else {
        if code == 0 && !kubectl_error::tells_of_refusal(&stderr) {
            return vec![succeeded(expect)];
        }
        let pointer = http_answer::status_pointer(expect);
        return vec![Mismatch {
            pointer: pointer.into(),
            message: "the command has printed no failure of the API server".into(),
            expected: wanted(expect),
            // It is the command that has said so, and no server.
            got: match stderr.trim() {
                "" => "no `Status` on its standard output, and no `Error from server` of kubectl's".into(),
                words => format!("no `Status`, and on its standard error `{}`", show::line(words, show::VALUE)),
            },
            server_words: None,
            hint: Some(match stderr.trim_start().starts_with("error: ") {
                _ if kubectl_error::tells_of_refusal(&stderr) => SEEN_BY_OTHERS.into(),
                true => "kubectl itself did not go on, so nothing was refused: mend its `args`".into(),
                false => UNSEEN.into(),
            }),
            class: Class::Status,
        }];
    };
    http_answer::judge(&about_status(expect), &http, meant)
}

/// What is expected of a failure. The output as such is looked at by itself.
fn about_status(expect: &Expect) -> Expect {
    Expect {
        status: expect.status,
        by: expect.by,
        reason: expect.reason.clone(),
        message: expect.message.clone(),
        ..Expect::default()
    }
}

/// What is wrong with a refusal of which kubectl tells without its reason: by whom, and its words. With which status is not said, so
/// nothing contradicts the one that is claimed of this denier.
fn without_reason(
    expect: &Expect,
    said: kubectl_error::Said,
    denial: &Denial,
    meant: Option<&IntendedCall>,
) -> Vec<Mismatch> {
    if expect.by == Some(denial.by) || expect.status.is_none() && expect.by.is_none() && expect.reason.is_none() {
        let reason = expect.reason.clone().unwrap_or_default();
        let http = said.answer_as(expect.status.unwrap_or(403), &reason);
        return http_answer::judge(&about_status(expect), &http, meant);
    }
    let wanted = match (expect.wanted(), &expect.reason) {
        (Wanted::Denial(by, _), _) => format!("a refusal by {}", by.title()),
        (_, Some(reason)) => format!("a failure with reason {reason}"),
        _ => status_text(expect.status.unwrap_or_default()),
    };
    vec![Mismatch {
        message: match expect.wanted() {
            Wanted::Denial(by, _) => format!("refused by {}, not by {}", denial.short(), by.title()),
            _ => format!("refused by {}, and kubectl does not say with which status", denial.short()),
        },
        server_words: Some(show::block(&said.message, show::BODY)),
        hint: Some(format!(
            "if that is meant, name who refused: `by: {}` beside the status that it answers with",
            denial.by.word()
        )),
        ..Mismatch::new(
            http_answer::status_pointer(expect),
            Class::OtherDenier,
            wanted,
            format!("refused by {}", denial.describe()),
        )
    }]
}

fn http(json: &Value) -> Http {
    Http::with_object(403, Some(json.clone()))
}

/// Whether anything is expected of the standard output.
pub(crate) fn about_output(expect: &Expect) -> bool {
    expect.json.is_some() || !expect.path.is_empty() || expect.stdout.is_some()
}

fn output_pointer(expect: &Expect) -> &'static str {
    if expect.json.is_some() {
        "/expect/json"
    } else if expect.path.is_empty() {
        "/expect/stdout"
    } else {
        "/expect/path"
    }
}

/// Every text of an expectation about output.
fn texts(expect: &Expect) -> Vec<String> {
    let rule = |text: &Text| match text {
        Text::Is(text)
        | Text::Rule(
            TextRule::Equals(text) | TextRule::StartsWith(text) | TextRule::Contains(text) | TextRule::Matches(text),
        ) => Some(text.clone()),
        Text::Rule(TextRule::Lacks(_)) => None,
    };
    let values = expect.path.iter().flat_map(|path| [&path.equals, &path.contains]).chain([&expect.json]).flatten();
    let rules = [&expect.stdout, &expect.stderr].into_iter().flatten().filter_map(rule);
    let mut all: Vec<String> = values.flat_map(strings).chain(rules).collect();
    all.extend(expect.path.iter().filter_map(|path| path.matches.clone()));
    all
}

fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().flat_map(strings).collect(),
        Value::Object(map) => map.values().flat_map(strings).collect(),
        _ => vec![],
    }
}

/// Whether the expectation names a user.
fn says(expect: &Expect, user: &str) -> bool {
    let escaped = regex::escape(user);
    texts(expect).iter().any(|text| text.contains(user) || text.contains(&escaped))
}

/// Whether the expectation has more of the refusal than its bare words.
fn quotes(expect: &Expect) -> bool {
    texts(expect).iter().any(|text| !is_bare_denial(text) && text.chars().filter(|c| c.is_alphabetic()).count() > 7)
}

#[cfg(test)]
#[path = "printed/tests.rs"]
mod tests;
