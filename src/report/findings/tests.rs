use std::path::Path;

use super::*;
use crate::scenario::diagnostic::Span;

fn source(path: &str, text: &str) -> Source {
    Source { path: Path::new(path).to_owned(), text: text.into() }
}

fn diagnostic(severity: Severity, message: &str, start: usize, end: usize) -> Diagnostic {
    Diagnostic {
        severity,
        message: message.into(),
        file: None,
        span: Some(Span { start, end }),
        label: None,
        second: None,
        hint: Some("did you mean `steps`?".into()),
        fix: Vec::new(),
        environment: false,
    }
}

fn findings() -> Vec<Finding> {
    let here = source("./a b/sc#1.yaml", "title: ü\nstep: []\n");
    let start = here.text.find("step").expect("it is there");
    vec![
        Finding::from_diagnostic(&diagnostic(Severity::Error, "unknown key `step`", start, start + 4), &here),
        Finding::from_diagnostic(&diagnostic(Severity::Warning, "100% sure,\n::error::forged", 7, 9), &here),
        Finding::unreadable("/no/such".into(), &std::io::Error::from(std::io::ErrorKind::NotFound)),
    ]
}

#[test]
fn a_finding_is_where_the_diagnostic_is_and_columns_count_characters() {
    let all = findings();
    assert_eq!(all[0].range, Some(Range { start: (2, 1), end: (2, 5) }));
    assert_eq!(all[1].range, Some(Range { start: (1, 8), end: (1, 9) }));
}

#[test]
fn a_diagnostic_of_a_manifest_names_the_manifest() {
    let mut of_manifest = diagnostic(Severity::Error, "wrong", 0, 1);
    of_manifest.file = Some(source("manifests/role.yaml", "x"));
    assert_eq!(Finding::from_diagnostic(&of_manifest, &source("a.yaml", "")).path, "manifests/role.yaml");
}

#[test]
fn github_has_one_command_a_finding_and_none_that_a_text_forges() {
    let text = github::render(&findings());
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[0],
        "::error file=a b/sc#1.yaml,line=2,col=1,endColumn=4,title=kubewalk check::unknown key `step`%0Ahelp: did you mean \
         `steps`?"
    );
    assert!(lines[1].starts_with("::error file=/no/such,title="), "{text}");
    assert!(lines[2].starts_with("::warning file=a b/sc#1.yaml,line=1,col=8,endColumn=8,"), "{text}");
    assert!(lines[2].contains("100%25 sure,%0A"), "{text}");
    assert_eq!(lines.len(), 3);
}

#[test]
fn github_is_told_how_many_it_does_not_show() {
    let many: Vec<Finding> = std::iter::repeat_n(findings()[0].clone(), 13).collect();
    let text = github::render(&many);
    assert_eq!(text.lines().filter(|line| line.starts_with("::error ")).count(), 10);
    assert!(
        text.ends_with(
            "::notice title=kubewalk check::3 more errors than the ten that GitHub shows; the log has all\n"
        )
    );
}

#[test]
fn json_counts_and_gives_each_finding() {
    let read: serde_json::Value = serde_json::from_str(&json::render(&findings(), 4, 1)).expect("JSON");
    assert_eq!(
        (&read["errors"], &read["warnings"], &read["scenarios"], &read["invalid"]),
        (&2.into(), &1.into(), &4.into(), &1.into())
    );
    assert_eq!(read["findings"][0]["range"]["end"]["column"], 5);
    assert_eq!(read["findings"][2]["range"], serde_json::Value::Null);
}

#[test]
fn sarif_is_what_its_schema_asks_for() {
    let schema =
        serde_json::from_str(include_str!("../../../tests/offline/schemas/sarif-2.1.0.json")).expect("the schema");
    let judge = jsonschema::validator_for(&schema).expect("a schema");
    let log: serde_json::Value = serde_json::from_str(&sarif::render(&findings())).expect("JSON");
    let wrong: Vec<String> = judge.iter_errors(&log).map(|e| e.to_string()).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    let place = |index: usize| &log["runs"][0]["results"][index]["locations"][0]["physicalLocation"];
    assert_eq!(place(0)["artifactLocation"]["uri"], "a%20b/sc%231.yaml");
    assert_eq!(place(2)["artifactLocation"]["uri"], "file:///no/such");
    assert_eq!(place(2)["region"], serde_json::Value::Null);
    assert_eq!(place(0)["region"]["endColumn"], 5);
}
