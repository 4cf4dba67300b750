//! A refusal that a command prints: the `Status` on the standard output of a curl of one's own, or kubectl's error. It is
//! compared as text, and so would hold whoever was refused; here it is looked at as any other refusal.

use serde_json::Value;

use super::{
    Class, Http, Meant, Mismatch,
    deny::{self, Verdict, classify},
    hints::{user, wrong_identity},
    refused::Refused,
    show,
};
use crate::scenario::expect::{Expect, Text, TextRule};

/// How kubectl begins what the server refuses.
const KUBECTL: &str = "Error from server (Forbidden): ";

/// What is wrong with a printed refusal that the expectations are met by.
pub(super) fn refusal(expect: &Expect, json: Option<&Value>, stderr: &str, meant: Option<&Meant>) -> Option<Mismatch> {
    let status = json.filter(|json| json["kind"] == "Status" && json["code"] == 403).map(http);
    let (pointer, verdict, words) = match &status {
        Some(http) if about_output(expect) => {
            let words = super::status::server_words(http);
            (output_pointer(expect), classify(http), words)
        }
        _ => {
            // As whom kubectl asked is not always known.
            meant?;
            let line = stderr.lines().find_map(|line| line.strip_prefix(KUBECTL))?;
            let refused = Refused::parse(line).filter(|_| expect.stderr.is_some())?;
            let denial = deny::Denial { by: deny::RBAC, detail: refused.words(), refused: Some(refused) };
            ("/expect/stderr", Verdict::Denied(denial), Some(show::block(line, show::BODY)))
        }
    };
    let mismatch = |class, message: String, got: String, hint: String| Mismatch {
        pointer: pointer.into(),
        message,
        expected: match meant {
            Some(meant) => format!("403 Forbidden by RBAC for {}", user(&meant.user)),
            None => "403 Forbidden by RBAC".into(),
        },
        got,
        server_words: words.clone(),
        hint: Some(hint),
        class,
    };
    match &verdict {
        Verdict::Denied(deny::Denial { refused: Some(refused), .. }) => {
            let right = meant.is_some_and(|meant| meant.user == refused.user);
            if right || says(expect, &refused.user) {
                return None;
            }
            let meant = meant.map_or("the account of this step", |meant| meant.user.as_str());
            Some(mismatch(
                Class::WrongIdentity,
                format!("403, but the call was made as {}, not as {meant}", user(&refused.user)),
                format!("403 Forbidden: {} may not {}", user(&refused.user), refused.words()),
                format!(
                    "{}; if just this is meant, name who is refused: `path: [{{at: $.message, matches: 'User \"{}\" cannot'}}]`",
                    wrong_identity(&refused.user, meant),
                    show::line(&refused.user, show::VALUE)
                ),
            ))
        }
        // Whoever quotes the words means them.
        Verdict::Denied(denial) if !quotes(expect) => Some(mismatch(
            Class::OtherDenier,
            format!("403, but refused by {}, not by RBAC", denial.short()),
            format!("403 Forbidden, refused by {}", denial.words()),
            "if that is meant, expect its words: `path: [{at: $.message, matches: …}]`".into(),
        )),
        _ => None,
    }
}

fn http(json: &Value) -> Http {
    Http {
        status: 403,
        content_type: Some("application/json".into()),
        warnings: vec![],
        body: json.to_string().into_bytes(),
        json: Some(json.clone()),
        retry_after: None,
        took: std::time::Duration::ZERO,
    }
}

/// Whether anything is expected of the standard output.
fn about_output(expect: &Expect) -> bool {
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
    texts(expect)
        .iter()
        .any(|text| !super::is_bare_denial(text) && text.chars().filter(|c| c.is_alphabetic()).count() > 7)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;
    use crate::expect::{Answer, judge};

    fn status(user: &str) -> String {
        json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "reason": "Forbidden", "code": 403,
            "message": format!("pods is forbidden: User \"{user}\" cannot list resource \"pods\" in API group \"\" in the namespace \"a\""),
            "details": {"kind": "pods"},
        })
        .to_string()
    }

    fn quota() -> String {
        json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "reason": "Forbidden", "code": 403,
            "message": "pods \"a\" is forbidden: exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1",
            "details": {"name": "a", "kind": "pods"},
        })
        .to_string()
    }

    const ME: &str = "system:serviceaccount:a:me";

    #[rstest]
    #[case("json: {code: 403}", status(ME), None)]
    #[case("json: {code: 403}", status("system:anonymous"), Some("/expect/json"))]
    #[case("json: {reason: Forbidden}", status("system:serviceaccount:b:me"), Some("/expect/json"))]
    #[case("path: [{at: $.code, equals: 403}]", status("system:anonymous"), Some("/expect/path"))]
    #[case("stdout: {contains: '403'}", status("system:anonymous"), Some("/expect/stdout"))]
    #[case("stdout: {contains: 'User \\\"system:anonymous\\\" cannot'}", status("system:anonymous"), None)]
    #[case(
        "path: [{at: $.message, matches: 'User \"system:anonymous\" cannot list'}]",
        status("system:anonymous"),
        None
    )]
    #[case("json: {code: 403}", quota(), Some("/expect/json"))]
    #[case("path: [{at: $.message, matches: 'exceeded quota: q'}]", quota(), None)]
    #[case("exitCode: 0", status("system:anonymous"), None)]
    fn a_printed_status_is_about_somebody(#[case] expect: &str, #[case] stdout: String, #[case] wrong: Option<&str>) {
        let expect: Expect = serde_saphyr::from_str(expect).expect("an expectation");
        let answer = Answer::Exec { exit_code: 0, stdout: stdout.into_bytes(), stderr: vec![] };
        let meant = Meant { user: ME.into(), denial: String::new() };
        let found = judge(&expect, &answer, Some(&meant));
        assert_eq!(found.first().map(|found| found.pointer.as_str()), wrong, "{found:?}");
    }

    #[rstest]
    #[case(ME, None)]
    #[case("system:serviceaccount:a:other", Some("/expect/stderr"))]
    fn kubectls_error_is_about_somebody(#[case] user: &str, #[case] wrong: Option<&str>) {
        let expect: Expect =
            serde_saphyr::from_str("{exitCode: 1, stderr: {contains: 'cannot list resource \"pods\"'}}")
                .expect("an expectation");
        let stderr = format!(
            "{KUBECTL}pods is forbidden: User \"{user}\" cannot list resource \"pods\" in API group \"\" in the namespace \"a\"\n"
        );
        let answer = Answer::Exec { exit_code: 1, stdout: vec![], stderr: stderr.into_bytes() };
        let meant = Meant { user: ME.into(), denial: String::new() };
        let found = judge(&expect, &answer, Some(&meant));
        assert_eq!(found.first().map(|found| found.pointer.as_str()), wrong, "{found:?}");
    }
}
