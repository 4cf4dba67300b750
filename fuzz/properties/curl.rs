//! curl's output taken apart: status, headers and body are those that came, whatever they are, and what is not whole is no
//! answer. And the truth of a 403: whatever a body says, it counts only as a refusal by RBAC of the call that is meant.

use std::{path::Path, sync::LazyLock};

use kubewalk::{
    event::exchange,
    expect::{self, Answer, Http, IntendedCall},
    plan::{Names, Step, plan},
    run::summary::summarize,
    scenario::{self, expect::Expect},
    steps::{curl::take_apart, pod_exec::Output},
};
use serde_json::{Value, json};

use super::{Input, harmless};

const TRAILER: &str = "abcdefghijklmnopqrst";

/// The step that the answers are of.
static STEP: LazyLock<Step> = LazyLock::new(|| {
    let text = "title: t\nnamespace: a\nsteps:\n  - {title: t, serviceAccount: s}\n  - {title: t, pod: {name: p, image: curl, serviceAccount: s}}\n  - {title: t, curl: {in: p, url: https://kubernetes.default/x, token: mounted}}\n";
    let document = scenario::read(Path::new("a.yaml"), text.as_bytes()).expect("a scenario");
    plan(document, &Names { suffix: "x".into() }).expect("a plan").steps.remove(2)
});

pub fn holds(data: &[u8]) {
    let mut input = Input(data);
    if input.byte() % 2 == 0 { any(input) } else { composed(input) }
}

/// Any bytes; 0xff stands for the trailer.
fn any(mut input: Input<'_>) {
    let exit_code = i32::from(input.byte());
    let length = input.number();
    let stdout = input.take(length).to_vec();
    let parts: Vec<&[u8]> = input.0.split(|byte| *byte == 0xff).collect();
    let stderr = parts.join(TRAILER.as_bytes());
    match take_apart(Output { exit_code, stdout: stdout.clone(), stderr }, TRAILER) {
        Err(why) => assert!(exit_code == 0 && !why.is_empty()),
        Ok(answer) => {
            match &answer {
                Answer::CurlFailed { exit_code: code, .. } => assert!(*code == exit_code && exit_code != 0),
                // Of HEAD it has none.
                Answer::Curl(http) => assert!(exit_code == 0 && (http.body == stdout || http.body.is_empty())),
                other => panic!("{other:?} is no answer of curl"),
            }
            judged(&answer);
        }
    }
}

/// An answer as curl writes it.
fn composed(mut input: Input<'_>) {
    let choices = input.byte();
    let status = u16::try_from(input.number()).unwrap_or_default() % 1000;
    let content_type = (choices & 1 == 0).then(|| input.text());
    let warnings: Vec<String> = (0..choices >> 5).map(|_| input.text()).collect();
    let words = input.byte();
    let words = input.take(words.into());
    let (body, head) = (input.0.to_vec(), choices & 2 != 0);
    let facts = json!({"content_type": content_type, "http_code": status, "method": if head { "HEAD" } else { "GET" },
        "size_download": body.len(), "time_total": 0.25})
    .to_string();
    let headers = json!({"warning": warnings, "date": ["today"]}).to_string();
    let said = format!("{TRAILER}{facts}{TRAILER}{headers}{TRAILER}");
    if said.matches(TRAILER).count() != 3 || words.windows(TRAILER.len()).any(|window| window == TRAILER.as_bytes()) {
        return; // nobody can know it
    }
    let stderr = [words, b"\n", said.as_bytes()].concat();
    let output = Output { exit_code: 0, stdout: body.clone(), stderr };
    let answer = take_apart(output.clone(), TRAILER).expect("it is whole");
    let Answer::Curl(http) = &answer else { panic!("{answer:?}") };
    // What curl prints of HEAD is the answer's head.
    let body = if head { Vec::new() } else { body };
    assert_eq!((http.status, &http.body, &http.content_type), (status, &body, &content_type));
    assert_eq!(http.warnings, warnings);
    judged(&answer);

    let failed = take_apart(Output { exit_code: 7, ..output.clone() }, TRAILER).expect("curl's own end");
    let Answer::CurlFailed { exit_code: 7, stderr } = failed else { panic!("{failed:?}") };
    assert_eq!(stderr, String::from_utf8_lossy(words).trim());
    let cut = |at: usize| Output { stderr: output.stderr[..at].to_vec(), ..output.clone() };
    for at in [output.stderr.len() - 1, output.stderr.len() * usize::from(choices) / 256] {
        assert!(take_apart(cut(at), TRAILER).is_err(), "cut at {at}");
    }
    if !head {
        let longer = Output { stdout: [&body[..], b"x"].concat(), ..output.clone() };
        assert!(take_apart(longer, TRAILER).is_err());
        if let Some((_, shorter)) = body.split_last() {
            assert!(take_apart(Output { stdout: shorter.to_vec(), ..output }, TRAILER).is_err());
        }
    }
}

fn judged(answer: &Answer) {
    harmless(&summarize(&STEP, answer));
    let told = exchange::response(answer);
    for text in [told.body, told.stderr].into_iter().flatten() {
        harmless(&text.shown());
    }
    let user = "system:serviceaccount:a:reader";
    let denial = format!(
        "pods is forbidden: User \"{user}\" cannot list resource \"pods\" in API group \"\" in the namespace \"a\""
    );
    let meant = IntendedCall { user: user.into(), denial: denial.clone() };
    let refused = json!({"status": 403});
    for expect in [
        refused.clone(),
        json!({"status": 200}),
        json!({"status": 401}),
        json!({"by": "admission"}),
        json!({"absent": true}),
    ] {
        let expect: Expect = serde_json::from_value(expect).expect("an expectation");
        for mismatch in expect::judge(&expect, answer, Some(&meant)) {
            harmless(&format!("{}\n{}\n{}", mismatch.message, mismatch.expected, mismatch.got));
        }
    }
    let expect: Expect = serde_json::from_value(refused).expect("an expectation");
    if expect::judge(&expect, answer, Some(&meant)).is_empty() {
        let Answer::Curl(Http { status: 403, json: Some(json), .. }) = answer else {
            panic!("{answer:?} is no refusal")
        };
        let says = |key: &str, value: &str| json.get(key).and_then(Value::as_str) == Some(value);
        let message = json.get("message").and_then(Value::as_str).unwrap_or_default();
        let refused = says("kind", "Status") && says("status", "Failure") && says("reason", "Forbidden");
        assert!(refused && message.starts_with(&denial) && json["code"] == 403, "{json} counts as the refusal");
    }
}
