//! The events of a run with one scenario of each end, side by side and full of what must not get through: control
//! characters, commands to CI servers, markup, a token. They go through the same filter as those of a real run.
#![allow(dead_code, reason = "each test file uses some of it")]

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use kubewalk::{
    event::{
        Event, Excerpt, Failure, Fault, Outcome, Place, Record, RequestRecord, ResponseRecord, Selected, StepFinished,
        VERSION,
        rbac::{Call, Rbac},
    },
    expect::{Class, Mismatch},
};
use regex::Regex;

/// A token that no server made.
pub const TOKEN: &str =
    "eyJhbGciOiJSUzI1NiIsImtpZCI6IkEifQ.eyJpc3MiOiJrdWJlcm5ldGVzIiwic3ViIjoieCJ9.c2lnbmF0dXJlLXNpZ25hdHVyZQ";

/// What a Pod may say to drive whoever shows it.
pub const HOSTILE: &str = "\u{1b}]0;owned\u{7}\u{1b}[2J\r\n::error file=x::owned\n##[error]owned\n##vso[task.setvariable variable=x]owned\n\
    </pre></details><script>owned()</script>]]><img src=http://owned.example/x onerror=owned()>&amp;\u{0}\u{1}\u{fffe}\u{202e}%0A::set-output name=x::y";

/// The recorded run.
pub fn run() -> Vec<Record> {
    let selected = [("a", "Same claim"), ("b", "Same claim"), ("c", "Broken"), ("d", "Skipped"), ("e", "Never begun")];
    let selected = selected.map(|(name, title)| Selected {
        path: path(name),
        title: title.into(),
        line: 2,
        steps: 2,
        shape: String::new(),
    });
    let mut at = 0;
    let mut all = vec![Event::RunStarted {
        version: VERSION,
        kubewalk: "0.1.0".into(),
        scenarios: selected.len(),
        started: "2026-11-25T21:04:15Z".into(),
        selected: selected.to_vec(),
        options: vec![],
    }];
    all.push(Event::ClusterReady {
        kind: "builtin".into(),
        kubernetes: "v1.37.2".into(),
        shape: String::new(),
        elapsed_ms: 900,
    });
    all.extend(["a", "b", "c", "d"].map(started));
    all.extend([step("a", 1, Outcome::Held), step("b", 1, Outcome::Held), step("b", 2, failed())].concat());
    all.extend(
        [step("b", 3, Outcome::Skipped { reason: "step 2 did not hold".into() }), step("c", 1, broken())].concat(),
    );
    all.extend(step("d", 1, Outcome::Skipped { reason: "needs Kubernetes <1.24, this is 1.37".into() }));
    all.extend([
        ended("a", [1, 0, 0, 0]),
        ended("b", [1, 1, 0, 1]),
        ended("c", [0, 0, 1, 1]),
        ended("d", [0, 0, 0, 1]),
    ]);
    let left = vec![format!("Namespace a: {HOSTILE}")];
    all.push(Event::CleanUp { path: Some(path("a")), took_ms: 5, left });
    all.push(Event::RunFinished { held: 2, failed: 1, broken: 1, skipped: 4, took_ms: 3000, exit_code: 3 });
    let record = |event| {
        at += 100;
        Record::new(at, event)
    };
    all.into_iter().map(record).collect()
}

/// As [`run`], as it is written.
pub fn stream() -> String {
    run().iter().map(Record::line).collect()
}

pub fn path(name: &str) -> String {
    format!("scenarios/x,y/{name}.yaml")
}

fn started(name: &str) -> Event {
    let say = Some(format!("A story about `{name}`.\n\nIt has <b>two</b> paragraphs."));
    let (path, title) = (path(name), if name == "a" || name == "b" { "Same claim" } else { "Another" }.to_owned());
    Event::ScenarioStarted { path, title, say, line: 2, namespace: format!("kw-{name}"), steps: 1, sum: String::new() }
}

fn ended(name: &str, [held, failed, broken, skipped]: [usize; 4]) -> Event {
    Event::ScenarioFinished { path: path(name), title: String::new(), held, failed, broken, skipped, took_ms: 150 }
}

fn broken() -> Outcome {
    Outcome::Broken { class: Fault::Exec, message: format!("no end was seen: {HOSTILE}"), remedy: None }
}

fn failed() -> Outcome {
    let mismatch = Mismatch {
        pointer: "/expect/status".into(),
        message: format!("expected 403, got {HOSTILE} {TOKEN}"),
        expected: "403 Forbidden".into(),
        got: HOSTILE.into(),
        server_words: Some(format!("{HOSTILE} {TOKEN}")),
        hint: Some("look again".into()),
        class: Class::Allowed,
    };
    let place = Place { file: None, line: 7, col: 15, excerpt: "      status: 403".into(), start: 14, end: 17 };
    Outcome::Failed { failures: vec![Failure { mismatch, place, why: vec!["Role a/r gives <it>".into()] }] }
}

fn step(name: &str, number: usize, outcome: Outcome) -> Vec<Event> {
    let body = Some(Excerpt { text: format!("{HOSTILE} {TOKEN}"), bytes: 9000, cut: true });
    let finished = StepFinished {
        path: path(name),
        number,
        title: "The call is <refused>".into(),
        line: 5,
        col: 7,
        took_ms: 70,
        outcome,
        equivalent: "kubectl get pods <<'EOF'\n::error::x\nEOF".into(),
        summary: "200 OK, as system:anonymous".into(),
        warnings: vec![HOSTILE.into()],
        rows: vec![],
        when: vec![],
        yaml: "- title: The call is <refused>\n  curl: {in: client}".into(),
        asked: vec![RequestRecord {
            what: "GET https://kubernetes.default/api?a=<b>".into(),
            by: Some("system:anonymous".into()),
            place: Some("kw-b/client".into()),
            headers: vec![format!("Authorization: Bearer {TOKEN}")],
            body: body.clone(),
        }],
        answered: Some(ResponseRecord {
            status: Some(200),
            exit_code: None,
            headers: vec!["Content-Type: text/plain".into()],
            body: body.clone(),
            stderr: body,
        }),
        attempts: 3,
        rbac: vec![Rbac::Asked {
            user: HOSTILE.into(),
            groups: vec![],
            call: Call { verb: "list".into(), resource: format!("{HOSTILE} {TOKEN}"), ..Call::default() },
            allowed: false,
        }],
        why: vec![],
    };
    let started =
        Event::StepStarted { path: path(name), number, title: finished.title.clone(), say: None, predict: None };
    match finished.outcome {
        Outcome::Skipped { .. } => vec![Event::StepFinished(Box::new(finished))],
        _ => vec![started, Event::StepFinished(Box::new(finished))],
    }
}

/// A tool that a test needs, or `None` where it is not required; then the test says so past the harness.
///
/// # Panics
/// When the variable says `required` and the tool is not there.
pub fn tool(names: &[&str], variable: &str) -> Option<PathBuf> {
    let found = |name: &&str| Command::new(name).arg("--version").output().is_ok();
    let path = names.iter().find(|name| found(name)).map(PathBuf::from);
    if path.is_none() {
        let required = std::env::var(variable).is_ok_and(|word| word == "required");
        assert!(!required, "{variable}=required, and there is no {}", names.join(" or "));
        let said = format!("kubewalk: there is no {}: a part of this test was not run\n", names.join(" or "));
        std::io::stderr().write_all(said.as_bytes()).expect("standard error");
    }
    path
}

/// kubewalk without a developer's own settings.
pub fn kubewalk(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubewalk"));
    command.args(args).current_dir(env!("CARGO_MANIFEST_DIR")).stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("KUBEWALK_") || name == "GITHUB_STEP_SUMMARY" {
            command.env_remove(name);
        }
    }
    command
}

/// Runs it and gives the exit code, standard output and standard error.
pub fn said(command: &mut Command) -> (i32, String, String) {
    let output = command.output().expect("it starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code().expect("an exit code"), text(output.stdout), text(output.stderr))
}

/// A JUnit report by both schemas; their makers have no `file` and `line`, which annotations on a pull request need, so these two
/// are left out.
pub fn valid(xml: &str) {
    let plain = Regex::new(r#" (file|line)="[^"]*""#).expect("a pattern").replace_all(xml, "");
    validate(&plain, "jenkins-junit-10.xsd");
    let (start, end) = (plain.find("<testsuite ").expect("a suite"), plain.rfind("</testsuites>").expect("an end"));
    validate(&plain[start..end], "surefire-test-report.xsd");
}

/// Validates XML against a schema of tests/offline/schemas.
fn validate(xml: &str, schema: &str) {
    let Some(xmllint) = tool(&["xmllint"], "KUBEWALK_XMLLINT") else { return };
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/offline/schemas").join(schema);
    let mut child = Command::new(xmllint)
        .args(["--noout", "--nonet", "--schema"])
        .arg(schema)
        .arg("-")
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("xmllint starts");
    child.stdin.take().expect("a pipe").write_all(xml.as_bytes()).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{}\n{xml}", String::from_utf8_lossy(&output.stderr));
}
