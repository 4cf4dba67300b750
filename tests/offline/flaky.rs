//! What is run again because the environment failed, in every report: a pass after that is flaky, and not simply a pass.

#[path = "../common/recorded.rs"]
mod recorded;

use kubewalk::{
    event::{Event, Fault, Outcome, Record, Selected, StepFinished, VERSION},
    report::{self, Terminal, Verbosity},
};
use recorded::valid;

const FLAKY: &str = "scenarios/flaky.yaml";
const NEVER: &str = "scenarios/never.yaml";
const GOOD: &str = "scenarios/good.yaml";

/// The node died in two scenarios; one of them held the second time.
fn records() -> Vec<Record> {
    let selected = [FLAKY, GOOD, NEVER];
    let selected = selected.map(|path| Selected {
        path: path.into(),
        title: "A claim".into(),
        line: 1,
        steps: 1,
        shape: String::new(),
    });
    let mut all = vec![Event::RunStarted {
        version: VERSION,
        kubewalk: "0.1.0".into(),
        scenarios: 3,
        started: String::new(),
        selected: selected.to_vec(),
        options: vec![],
    }];
    let died = "kube-apiserver ended with signal SIGKILL";
    all.extend(attempt(GOOD, Outcome::Held));
    for path in [FLAKY, NEVER] {
        all.extend(attempt(path, broken(died)));
    }
    all.extend([FLAKY, NEVER].map(|path| Event::ScenarioAgain { path: path.into(), attempt: 2, of: 2 }));
    all.extend(attempt(FLAKY, Outcome::Held));
    all.extend(attempt(NEVER, broken("etcd ended with exit 1")));
    all.push(Event::RunFinished { held: 2, failed: 0, broken: 1, skipped: 0, took_ms: 900, exit_code: 3 });
    (1..).zip(all).map(|(at, event)| Record::new(100 * at, event)).collect()
}

fn broken(message: &str) -> Outcome {
    Outcome::Broken { class: Fault::Cluster, message: message.into(), remedy: None }
}

fn attempt(path: &str, outcome: Outcome) -> Vec<Event> {
    let (held, broken) = (usize::from(outcome == Outcome::Held), usize::from(outcome != Outcome::Held));
    let title = "A step".to_owned();
    let finished = StepFinished {
        path: path.into(),
        number: 1,
        title: title.clone(),
        line: 3,
        col: 5,
        took_ms: 40,
        outcome,
        equivalent: String::new(),
        summary: String::new(),
        warnings: vec![],
        rows: vec![],
        when: vec![],
        yaml: String::new(),
        asked: vec![],
        answered: None,
        attempts: 1,
        rbac: vec![],
        why: vec![],
    };
    let (claim, namespace) = ("A claim".to_owned(), "kw-a".to_owned());
    let path = path.to_owned();
    vec![
        Event::ScenarioStarted {
            path: path.clone(),
            title: claim.clone(),
            say: None,
            line: 1,
            namespace,
            steps: 1,
            sum: String::new(),
        },
        Event::StepStarted { path: path.clone(), number: 1, title, say: None, predict: None },
        Event::StepFinished(Box::new(finished)),
        Event::ScenarioFinished { path, title: claim, held, failed: 0, broken, skipped: 0, took_ms: 50 },
    ]
}

#[test]
fn junit_has_what_was_before() {
    let xml = report::junit::render(&records());
    valid(&xml);
    assert!(xml.contains(r#"tests="3""#), "{xml}");
    assert_eq!((xml.matches("<flakyError ").count(), xml.matches("<rerunError ").count()), (1, 1), "{xml}");
    assert_eq!(xml.matches("<error ").count(), 1, "{xml}");
    assert!(xml.contains(r#"<flakyError message="kube-apiserver ended with signal SIGKILL" type="cluster">"#), "{xml}");
    assert!(xml.contains(r#"<error message="etcd ended with exit 1" type="cluster">"#), "{xml}");
}

#[test]
fn json_has_every_attempt() {
    let run: serde_json::Value = serde_json::from_str(&report::json::render(&records())).expect("JSON");
    let verdicts: Vec<_> = (0..3).map(|at| run["scenarios"][at]["verdict"].clone()).collect();
    assert_eq!(verdicts, ["flaky", "held", "broken"]);
    let flaky = &run["scenarios"][0];
    assert_eq!(flaky["earlier"][0]["reason"], "kube-apiserver ended with signal SIGKILL");
    assert_eq!(flaky["steps"].as_array().map(Vec::len), Some(1), "only the last attempt's");
    assert!(run["scenarios"][1].get("earlier").is_none());
}

#[test]
fn people_are_told() {
    let mut terminal = Terminal::new(false, Verbosity::Normal, 110);
    let text: String = records().iter().map(|record| terminal.on(&record.event)).collect();
    assert!(text.contains("~ scenarios/flaky.yaml is run again (2 of 2)"), "{text}");
    assert_eq!(text.matches("~ flaky: it held only when it was run again").count(), 1, "{text}");
    assert!(text.trim_end().ends_with("; 1 scenario is flaky\n  ! scenarios/never.yaml:3  1 A step"), "{text}");

    let annotations = report::github::annotations(&records());
    assert_eq!(annotations.matches("::warning file=scenarios/flaky.yaml,line=1,col=1").count(), 1, "{annotations}");
    assert_eq!(annotations.matches("::error ").count(), 1, "{annotations}");
    let summary = report::github::summary(&records(), 0);
    assert!(
        summary.contains("2 of 3 scenarios held, 1 of them only when it was run again, 1 has no answer"),
        "{summary}"
    );

    let page = report::html::render(&records());
    assert!(page.contains("held only when it was run again; before: kube-apiserver ended"), "{page}");
}
