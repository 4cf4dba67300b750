use rstest::rstest;
use serde_json::{Value, json};

use super::*;

/// A run of one scenario of one step, with an answer.
fn run(day: &str, answer: &str, outcome: Value) -> Vec<Record> {
    let lines = [
        json!({"atMs": 0, "event": "runStarted", "version": 1, "kubewalk": "0.1.0", "scenarios": 1, "started": format!("{day}T01:02:03Z"),
            "selected": [{"path": "s/a.yaml", "title": "A *claim* of `x` <b>", "line": 1, "steps": 1}]}),
        json!({"atMs": 1, "event": "clusterReady", "kind": "builtin", "kubernetes": "v1.37.2", "elapsedMs": 1}),
        json!({"atMs": 2, "event": "scenarioStarted", "path": "s/a.yaml", "title": "A *claim* of `x` <b>", "say": "Some words.\n\nMore `words` | <i>.",
            "line": 1, "namespace": "kw-a-x7k2p", "steps": 1, "sum": "sha256:00"}),
        json!({"atMs": 3, "event": "stepStarted", "path": "s/a.yaml", "number": 1, "title": "It is so", "say": "Look."}),
        json!({"atMs": 4, "event": "stepFinished", "path": "s/a.yaml", "number": 1, "title": "It is so", "line": 3, "col": 5, "tookMs": 9,
            "outcome": outcome, "equivalent": "kubectl get pods -n kw-a-x7k2p\necho '```'", "summary": "403 Forbidden", "warnings": [],
            "asked": [{"what": "apply Role r in namespace kw-a-x7k2p", "by": null, "place": null, "headers": [],
                "body": {"text": "{\"apiVersion\":\"v1\",\"kind\":\"Role\",\"metadata\":{\"name\":\"r\"}}", "bytes": 1, "cut": false}}],
            "answered": {"status": 403, "exitCode": null, "headers": [], "body": {"text": answer, "bytes": 1, "cut": false}, "stderr": null},
            "rbac": [{"is": "asked", "user": "jane", "groups": [], "allowed": false,
                "call": {"verb": "list", "group": "", "resource": "pods", "namespace": "kw-a-x7k2p"}}]}),
        json!({"atMs": 5, "event": "scenarioFinished", "path": "s/a.yaml", "title": "A", "held": 1, "failed": 0, "broken": 0, "skipped": 0, "tookMs": 1}),
        json!({"atMs": 6, "event": "runFinished", "held": 1, "failed": 0, "broken": 0, "skipped": 0, "tookMs": 1,
            "exitCode": if outcome["is"] == "held" { 0 } else { 1 }}),
    ];
    lines.into_iter().map(|line| serde_json::from_value(line).expect("a record")).collect()
}

const ANSWER: &str =
    "{\n  \"uid\": \"3c9f2a1e-5d6b-4f7a-9c8d-0e1f2a3b4c5d\",\n  \"message\": \"</pre><script>``` is forbidden\"\n}";
const ALL: [Format; 3] = [Format::Markdown, Format::Html, Format::Cast];

fn held(day: &str, answer: &str) -> Vec<Record> {
    run(day, answer, json!({"is": "held"}))
}

#[test]
fn another_day_and_another_uid_make_the_same_page() {
    let (one, two) = (held("2026-11-30", ANSWER), held("2027-01-01", &ANSWER.replace("3c9f2a1e", "aaaaaaaa")));
    for format in ALL {
        let (one, two) = (render(format, &one, None), render(format, &two, None));
        assert_ne!(one, two);
        assert_eq!(compare(&one, &two), Ok(()), "{format:?}");
        assert!(one.contains("«uid»") && !one.contains("x7k2p") && one.contains("kw-a"), "{one}");
    }
}

#[test]
fn a_page_that_is_changed_by_one_byte_is_none_of_ours() {
    for format in ALL {
        let page = render(format, &held("2026-11-30", ANSWER), None);
        assert!(is_whole(&page), "{page}");
        let at = page.find("is forbidden").expect("the answer");
        let changed = format!("{}as{}", &page[..at], &page[at + 2..]);
        assert_eq!(compare(&changed, &page), Err(Differs::Altered), "{format:?}");
        // An author who makes its sum anew is found out by a run.
        let line = page[at..].find("sha256:").map(|from| at + from);
        let again =
            super::sealed(&changed.replace(&page[page.rfind(SUM_OF).expect("it") + SUM_OF.len()..][..71], SEAL));
        assert!(is_whole(&again), "{again} {line:?}");
        let found = compare(&again, &page).expect_err("it differs");
        assert!(
            matches!(&found, Differs::Stale { there, made, .. } if there.contains("as forbidden") && made.contains("is forbidden")),
            "{found:?}"
        );
    }
    assert!(!is_whole("") && !is_whole("# A page of somebody\n"));
}

#[test]
fn what_is_hostile_is_text() {
    let records = held("2026-11-30", ANSWER);
    let html = render(Format::Html, &records, None);
    assert!(!html.contains("<script") && html.contains("&lt;/pre&gt;&lt;script&gt;"), "{html}");
    assert!(
        !html.contains("http://")
            || html.matches("http").count()
                == html.matches("http://www.w3.org/2000/svg").count() + html.matches("http-equiv").count()
    );
    let markdown = render(Format::Markdown, &records, None);
    let heading = markdown.lines().next().expect("a line");
    assert_eq!(heading, "# A \\*claim\\* of `x` &lt;b&gt;");
    assert!(markdown.contains("\n````sh\nkubectl get pods -n kw-a\necho '```'\n````\n"), "{markdown}");
    assert!(markdown.contains("\n````text\n{\n"), "{markdown}");
    assert!(markdown.contains("More `words` \\| &lt;i&gt;."), "{markdown}");
    assert!(markdown.contains("```yaml\napiVersion: v1\nkind: Role\nmetadata:\n  name: r\n```"), "{markdown}");
}

#[rstest]
#[case(json!({"is": "failed", "failures": []}), "no page is made of a run that did not hold: s/a.yaml: ")]
#[case(json!({"is": "skipped", "reason": "no"}), "no page is made of a run that did not hold: s/a.yaml: none of its steps is for this cluster")]
fn of_a_run_that_did_not_hold_no_page_is_made_without_a_stamp(#[case] outcome: Value, #[case] words: &str) {
    let records = run("2026-11-30", ANSWER, outcome);
    let refused = refusal(&records).expect("a refusal");
    assert!(refused.message.starts_with(words), "{refused:?}");
    for format in ALL {
        let page = render(format, &records, None);
        assert!(page.contains("This run did not hold."), "{page}");
    }
    let good = held("2026-11-30", ANSWER);
    assert_eq!(refusal(&good), None);
    assert!(!render(Format::Html, &good, None).contains("did not hold"));
}

#[test]
fn a_killed_run_makes_no_page() {
    let mut records = held("2026-11-30", ANSWER);
    records.pop();
    assert!(refusal(&records).is_some());
}
