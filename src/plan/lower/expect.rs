//! `expect`: what a verb can answer, and whether what is expected can be at all.

use std::{sync::LazyLock, time::Duration};

use crate::{
    expect::{pattern, query::Query, status::REASONS},
    plan::{
        Expected,
        context::{Context, Draft, below},
        kinds::nearest,
        lower::{
            absent,
            duration::duration,
            json_path::{self, Of},
            url, when,
        },
    },
    scenario::{
        ExpectKey as Key, Step, Verb,
        expect::{AtPath, DeniedBy, Expect, Text, TextRule},
    },
    text,
};

/// Whether a step expects that the API server refuses it.
pub(in crate::plan) fn is_refusal(step: &Step) -> bool {
    step.expect.as_ref().is_some_and(|expects| expects.items().iter().all(|(_, expect)| expect.is_failure()))
}

/// Checks all that a step expects, and fills in the namespace.
pub(in crate::plan) fn read(cx: &mut Context<'_>, draft: &Draft<'_>) -> Vec<Expected> {
    let Some(said) = &draft.step.expect else {
        return vec![Expected { pointer: "/expect".into(), when: None, expect: Expect::default(), within: None }];
    };
    let expected: Vec<_> =
        said.items().into_iter().map(|(pointer, said)| expectation(cx, draft, pointer, said)).collect();
    when::covers(cx, draft, draft.when.as_ref(), &expected);
    expected
}

fn expectation(cx: &mut Context<'_>, draft: &Draft<'_>, pointer: String, said: &Expect) -> Expected {
    let at = format!("{}{pointer}", draft.pointer);
    let expect = said.clone();
    let when = said.when.as_ref().map(|when| when::read(cx, &below(&at, "when"), when));
    let limit = said.within.as_ref().and_then(|within| duration(cx, &below(&at, "within"), within));
    answerable(cx, draft, &at, &expect);
    printed(cx, draft, &at, &expect);
    one_object(cx, draft, &at, &expect);
    status(cx, &at, &expect);
    elsewhere(cx, draft, &at, &expect);
    if draft.verb == Some(Verb::Curl) {
        curl_ends(cx, &at, &expect);
    }
    within(cx, draft, &at, &expect, limit);
    absent::check(cx, draft, &at, &expect);
    for (key, text) in [
        ("message", &expect.message),
        ("stdout", &expect.stdout),
        ("stderr", &expect.stderr),
        ("warning", &expect.warning),
    ] {
        if let Some(Text::Rule(TextRule::Matches(regex))) = text {
            check_regex(cx, &below(&below(&at, key), "matches"), regex);
        }
    }
    for (key, part, of) in [("json", &expect.json, Of::Anything), ("object", &expect.object, Of::Object)] {
        if let Some(part) = part {
            json_path::keys(cx, &below(&at, key), part, (of, "$"));
        }
    }
    for (index, path) in expect.path.iter().enumerate() {
        at_path(cx, &below(&below(&at, "path"), index), path);
    }
    Expected { pointer, when, expect, within: limit }
}

fn answerable(cx: &mut Context<'_>, draft: &Draft<'_>, at: &str, expect: &Expect) {
    let Some(verb) = draft.verb else { return };
    for key in expect.keys() {
        if let Some(hint) = super::unanswerable(verb, key) {
            cx.findings
                .error(&below(at, key), format!("`{verb}` cannot answer `{key}`"))
                .at_key()
                .second_key(&draft.at(), "the verb")
                .hint(hint);
        }
    }
}

/// A command has no status; but a failure of the API server shows in what it prints.
fn printed(cx: &mut Context<'_>, draft: &Draft<'_>, at: &str, expect: &Expect) {
    let Some(verb @ (Verb::Exec | Verb::Kubectl)) = draft.verb else { return };
    if expect.status.is_some_and(|status| status < 400) {
        let hint = match verb {
            Verb::Exec => "a command has no HTTP status: `exitCode`, `stdout`, `stderr`; to see one, use `curl`",
            _ => "kubectl has no HTTP status: `exitCode`, `stdout`, `stderr`",
        };
        cx.findings
            .error(&below(at, "status"), format!("`{verb}` cannot answer `status` of a success"))
            .at_key()
            .second_key(&draft.at(), "the verb")
            .hint(hint);
    }
}

fn one_object(cx: &mut Context<'_>, draft: &Draft<'_>, at: &str, expect: &Expect) {
    if !matches!(draft.verb, Some(Verb::Apply | Verb::Create)) || draft.objects.len() < 2 {
        return;
    }
    let about_one = |key: &Key| matches!(key, Key::Status | Key::Reason | Key::Message | Key::Object | Key::Path);
    if let Some(key) = expect.keys().into_iter().find(about_one) {
        cx.findings
            .error(&below(at, key), format!("`{key}` of which of the {} objects?", draft.objects.len()))
            .at_key()
            .second_key(&draft.at(), "several objects")
            .hint("an expectation is about one object only: give it a step of its own");
    }
}

fn status(cx: &mut Context<'_>, at: &str, expect: &Expect) {
    if let Some(by) = expect.by {
        // A policy and a webhook choose their code themselves.
        let free = matches!(by, DeniedBy::Policy | DeniedBy::Webhook);
        let denies = |status: u16| status == 403 || free && status >= 400;
        if !expect.status.is_some_and(denies) {
            let needs = if free { "the `status` of the denial" } else { "`status: 403`" };
            let finding =
                cx.findings.error(&below(at, "by"), format!("`by` says who denied, so it needs {needs}")).at_key();
            match (expect.status, by) {
                (Some(_), _) => finding.second(&below(at, "status"), "this is no denial"),
                (None, DeniedBy::Policy) => finding
                    .hint("add `status: 422`, or what the policy's `reason` stands for (Forbidden: `status: 403`)"),
                (None, _) => finding.hint("add `status: 403`"),
            };
        }
    }
    let Some(status) = expect.status else { return };
    if (200..300).contains(&status) {
        for (key, there) in [("reason", expect.reason.is_some()), ("message", expect.message.is_some())] {
            if there {
                cx.findings
                    .warn(&below(at, key), format!("an answer with {status} has no `{key}`"))
                    .at_key()
                    .second(&below(at, "status"), "a success")
                    .hint("only a refusal is a `Status` with a reason and a message");
            }
        }
        return;
    }
    let Some(reason) = &expect.reason else { return };
    let at_reason = below(at, "reason");
    match REASONS.iter().find(|(known, _)| known == reason) {
        Some((_, code)) if *code != status => {
            let other: Vec<_> =
                (REASONS.iter().filter(|(_, code)| *code == status)).map(|(reason, _)| format!("`{reason}`")).collect();
            let hint = (!other.is_empty()).then(|| format!("with {status} comes {}", other.join(" or ")));
            cx.findings
                .warn(&at_reason, format!("the API server sends `{reason}` with {code}"))
                .second(&below(at, "status"), "another code")
                .hint_if(hint);
        }
        Some(_) => {}
        None => {
            let near = nearest(reason, REASONS.iter().map(|(known, _)| *known));
            if let Some(near) = near {
                cx.findings
                    .warn(&at_reason, format!("the API server knows no reason `{reason}`"))
                    .hint(format!("did you mean `{near}`?"));
            }
        }
    }
}

/// A refusal by another server than the API server.
fn elsewhere(cx: &mut Context<'_>, draft: &Draft<'_>, at: &str, expect: &Expect) {
    let Some(by) = expect.by.filter(|by| by.is_elsewhere()) else { return };
    let word = by.word();
    let at_by = below(at, "by");
    let Some(curl) = draft.step.curl.as_ref() else {
        let message = match draft.verb {
            Some(Verb::Exec) => format!("`by: {word}` of a command, of which nobody knows whom it calls"),
            _ => format!("`by: {word}`, but this step asks the API server"),
        };
        cx.findings
            .error(&at_by, message)
            .second_key(&draft.at(), "the verb")
            .hint("call that server from a Pod, by `curl`");
        return;
    };
    let api = url::read(&curl.url).is_ok_and(|url| url.is_api_server()) && !url::is_late(&curl.url);
    if api {
        cx.findings
            .error(&at_by, format!("`by: {word}`, but the API server is called"))
            .second(&below(&draft.at(), "url"), "the API server")
            .hint(
                "e.g. `url: 'https://{saved.node}:10250/metrics'` for a kubelet, whose address an earlier step saves",
            );
    }
    for (key, there) in [("reason", expect.reason.is_some()), ("message", expect.message.is_some())] {
        if there {
            cx.findings
                .error(&below(at, key), format!("`{key}` of a refusal in plain text"))
                .at_key()
                .second(&at_by, "it sends no `Status`")
                .hint("what it says is `stdout`, e.g. `stdout: {contains: Forbidden}`");
        }
    }
    let says = matches!(&expect.stdout, Some(text) if !matches!(text, Text::Rule(TextRule::Lacks(_))));
    if by == DeniedBy::Endpoint && !says && expect.json.is_none() && expect.path.is_empty() {
        cx.findings
            .error(&at_by, "`by: endpoint` without a word of what it says")
            .label("anything between might answer 403")
            .hint("add what it says, e.g. `stdout: {startsWith: Authorization denied for user}`");
    }
}

/// curl either got an answer or it failed.
fn curl_ends(cx: &mut Context<'_>, at: &str, expect: &Expect) {
    let fails = expect.exit_code.is_some_and(|code| code != 0);
    if expect.stderr.is_some() && !fails {
        cx.findings
            .error(&below(at, "stderr"), "curl prints to its standard error only when it fails")
            .at_key()
            .hint("add the `exitCode` with which it fails, e.g. `exitCode: 6`");
    }
    if fails
        && let Some(key) = expect
            .keys()
            .into_iter()
            .find(|key| matches!(key, Key::Status | Key::Reason | Key::Message | Key::Json | Key::Path | Key::Stdout))
    {
        cx.findings
            .error(&below(at, key), format!("`{key}` of an answer that never came"))
            .at_key()
            .second(&below(at, "exitCode"), "curl fails")
            .hint("leave out one of them");
    }
}

fn within(cx: &mut Context<'_>, draft: &Draft<'_>, at: &str, expect: &Expect, within: Option<Duration>) {
    let Some(within) = within else { return };
    let at = below(at, "within");
    if expect.keys().len() == 1 && draft.verb != Some(Verb::Can) {
        cx.findings
            .error(&at, "`within` without anything to expect")
            .at_key()
            .hint("say what must come of it, e.g. `status: 200`");
    }
    if within > draft.timeout {
        let finding = cx.findings.error(&at, "`within` is longer than the step may take");
        if draft.step.timeout.is_some() {
            finding.second(&below(&draft.pointer, "timeout"), "the step's limit");
        } else {
            finding.hint("add a `timeout` to the step; without one it is 60s");
        }
    }
}

fn at_path(cx: &mut Context<'_>, at: &str, path: &AtPath) {
    if let Err(error) = Query::parse(&path.at) {
        cx.findings
            .error(&below(at, "at"), "this is no JSON path")
            .label(error)
            .hint(json_path::hint(&path.at, "e.g. `$.items[0].metadata.name` (RFC 9535)"));
    }
    for (key, value) in [("equals", &path.equals), ("contains", &path.contains)] {
        if let Some(value) = value {
            json_path::keys(cx, &below(at, key), value, (Of::Anything, &path.at));
        }
    }
    let rules: Vec<_> = [
        ("equals", path.equals.is_some()),
        ("matches", path.matches.is_some()),
        ("contains", path.contains.is_some()),
        ("count", path.count.is_some()),
        ("absent", path.absent.is_some()),
    ]
    .into_iter()
    .filter_map(|(key, there)| there.then_some(key))
    .collect();
    match rules.as_slice() {
        [] => {
            cx.findings.error(at, "a path without a rule").hint("one of equals, matches, contains, count, absent");
        }
        [first, more @ ..] => {
            for rule in more {
                cx.findings
                    .error(&below(at, rule), format!("two rules for one path: `{first}` and `{rule}`"))
                    .at_key()
                    .second_key(&below(at, first), "the other")
                    .hint("write the path twice");
            }
        }
    }
    if let Some(regex) = &path.matches {
        check_regex(cx, &below(at, "matches"), regex);
    }
}

/// What every report is made of: each letter by itself, and words of kubewalk and of Kubernetes. A pattern that finds a secret in it would
/// black out the reports of the whole run, letter by letter.
static ORDINARY: LazyLock<String> = LazyLock::new(|| {
    let letters = (b' '..=b'~').chain([b'\n', b'\t']).map(char::from).chain(['…', '✓', '✗', '·', '–', 'ä']);
    let words = "kubewalk: 3 steps held, 1 failed in 1.5 s\n  step 2 of 4: GET /api/v1/namespaces/default/pods gives 403 Forbidden\n\
                 reason: Forbidden, message: pods is forbidden: User \"system:anonymous\" cannot list resource \"pods\" in API group \"\"\n\
                 scenario, expected, ServiceAccount, ClusterRoleBinding, rbac.authorization.k8s.io, Kubernetes 1.37";
    letters.map(|letter| format!(" {letter} ")).collect::<String>() + words
});

/// The patterns of what is secret.
pub(in crate::plan) fn redact(cx: &mut Context<'_>, patterns: &[String]) {
    const HINT: &str = "e.g. `license-[0-9A-F]{16}`, or with a group for the secret part: `id: (\\S+)`";
    for (index, pattern) in patterns.iter().enumerate() {
        let at = below("/redact", index);
        match crate::redact::pattern(pattern) {
            Ok(regex) if regex.is_match("") => {
                cx.findings.error(&at, "this pattern matches an empty text").hint(HINT);
            }
            Ok(regex) => {
                let place = |found: &regex::Captures<'_>| found.get(1).or_else(|| found.get(0)).map(|it| it.range());
                let found = regex.captures_iter(&ORDINARY).filter_map(|found| place(&found));
                let found = found.filter_map(|range| ORDINARY.get(range)).find(|found| !found.is_empty());
                if let Some(found) = found {
                    let found = text::escape(&text::shorten(found, 20), false);
                    cx.findings.error(&at, format!("this pattern matches what every report has: `{found}`")).hint(HINT);
                }
            }
            Err(regex::Error::CompiledTooBig(_)) => {
                cx.findings.error(&at, "this pattern is too big").hint("say a part of what it is to match");
            }
            Err(_) => check_regex(cx, &at, pattern),
        }
    }
}

fn check_regex(cx: &mut Context<'_>, at: &str, regex: &str) {
    if let Err(text) = pattern::compile(regex, 0) {
        // The parser draws the place in several lines; its last one says what is wrong.
        let last = text.lines().last().unwrap_or_default();
        let marker = text.lines().find(|line| line.trim_start().starts_with('^'));
        let place = marker.and_then(|line| line.find('^')).map(|column| column.saturating_sub(4) + 1);
        let words = last.trim_start_matches("error: ");
        let label = match place {
            Some(place) => format!("at character {place}: {words}"),
            None => words.to_owned(),
        };
        cx.findings.error(at, "this is no regular expression").label(label);
    }
}
