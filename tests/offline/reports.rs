//! Reports of runs that need no cluster: recorded ones, and those that do not begin. Case C30 is here and in
//! tests/cluster/reported.rs.

#[path = "../common/recorded.rs"]
mod recorded;

use std::collections::HashSet;

use kubewalk::{
    event::{Record, stream},
    report::{github, html, json, junit},
};
use recorded::{HOSTILE, TOKEN, kubewalk, run, said, stream, valid};
use regex::Regex;

/// Everything that is made of records.
fn all(records: &[Record]) -> Vec<(&'static str, String)> {
    vec![
        ("junit", junit::render(records)),
        ("json", json::render(records)),
        ("html", html::render(records)),
        ("annotations", github::annotations(records)),
        ("summary", github::summary(records, 0)),
        ("events", records.iter().map(Record::line).collect()),
    ]
}

/// Each test case: class name, name, and what is inside of it.
fn cases(xml: &str) -> Vec<(String, String, String)> {
    let pattern =
        r#"(?s)<testcase name="([^"]*)" classname="([^"]*)" time="[0-9]+\.[0-9]{3}"[^>]*?(?:/>|>(.*?)</testcase>)"#;
    let found = Regex::new(pattern).expect("a pattern");
    let all: Vec<_> = found
        .captures_iter(xml)
        .map(|found| {
            let part = |index: usize| found.get(index).map_or("", |found| found.as_str()).to_owned();
            (part(2), part(1), part(3))
        })
        .collect();
    assert_eq!(all.len(), xml.matches("<testcase ").count(), "a numeric time everywhere:\n{xml}");
    all
}

#[test]
fn c30_every_scenario_is_a_test_case_with_its_end_and_its_line() {
    let xml = junit::render(&run());
    valid(&xml);
    let cases = cases(&xml);
    let inside = |name: &str| &cases.iter().find(|(class, ..)| *class == recorded::path(name)).expect("a test case").2;
    assert_eq!(inside("a"), "");
    assert!(inside("b").contains("<failure message=") && inside("b").contains("type=\"allowed\""), "{xml}");
    assert!(inside("c").contains("<error message=") && inside("c").contains("type=\"exec\""), "{xml}");
    assert!(inside("d").contains("<skipped message=\"every step was skipped: needs Kubernetes"), "{xml}");
    assert!(inside("e").contains("the run ended before this scenario began"), "{xml}");
    assert!(xml.contains(r#"file="scenarios/x,y/b.yaml" line="7""#), "{xml}");
    assert!(
        xml.contains(r#"tests="6" skipped="1" errors="3" failures="1""#) && xml.contains("the clean-up failed"),
        "{xml}"
    );
}

#[test]
fn c30_a_cluster_that_cannot_start_is_an_error_in_every_report() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name).display().to_string();
    let make = |name: &str| {
        let mut command = kubewalk(&[
            "run",
            "--cluster",
            "builtin",
            "scenarios/rbac/one-role.yaml",
            "scenarios/rbac/delete-one-or-all.yaml",
        ]);
        let reports = format!("junit={},html={}", at(name), at("page.html"));
        let events = format!("events={}", at("events.jsonl"));
        command
            .args(["--report", &events, "--report", "github"])
            .env("KUBEWALK_CACHE", folder.path())
            .env("PATH", "/nowhere");
        command.args(["--report", &reports]);
        let (code, stdout, stderr) = said(&mut command);
        assert_eq!(code, 3, "{stderr}");
        assert!(
            stdout.lines().any(|line| line.starts_with("::error title=kubewalk::go is not on the PATH")),
            "{stdout}"
        );
        std::fs::read_to_string(at(name)).expect("a report")
    };
    let (one, two) = (make("one.xml"), make("two.xml"));
    valid(&one);
    let cases_of = |xml: &str| cases(xml).into_iter().map(|(class, name, _)| (class, name)).collect::<Vec<_>>();
    assert_eq!(cases_of(&one), cases_of(&two), "the same names in every run");
    assert_eq!(cases_of(&one)[0], ("kubewalk".into(), "cluster".into()));
    assert_eq!(one.matches("<error ").count(), 3, "the cluster, and two scenarios without an answer:\n{one}");
    assert!(std::fs::read_to_string(at("page.html")).expect("a page").contains("go is not on the PATH"));
}

#[test]
fn c30_nothing_selected_and_invalid_files_are_said_in_the_report() {
    let folder = tempfile::tempdir().expect("a folder");
    let report = folder.path().join("new/folder/junit.xml");
    let wanted = format!("junit={}", report.display());
    let (code, ..) = said(&mut kubewalk(&["run", "--filter", "no scenario has this", "--report", &wanted]));
    let xml = std::fs::read_to_string(&report).expect("a report");
    valid(&xml);
    assert!(
        code == 4 && xml.contains("type=\"nothingSelected\"") && xml.contains("left out by --filter"),
        "{code} {xml}"
    );

    let (code, stdout, _) = said(&mut kubewalk(&[
        "run",
        "tests/offline/invalid/shape/duration.yaml",
        "--report",
        &wanted,
        "--report",
        "github",
    ]));
    let xml = std::fs::read_to_string(&report).expect("a report");
    valid(&xml);
    assert!(
        code == 2
            && xml.contains(r#"classname="tests/offline/invalid/shape/duration.yaml""#)
            && xml.contains("<error "),
        "{code} {xml}"
    );
    assert!(stdout.starts_with("::error file=tests/offline/invalid/shape/duration.yaml,line="), "{stdout}");
}

#[test]
fn c30_two_scenarios_with_one_title_are_two_test_cases() {
    let cases = cases(&junit::render(&run()));
    let names: HashSet<_> = cases.iter().map(|(class, name, _)| (class, name)).collect();
    assert_eq!(names.len(), cases.len(), "{names:?}");
    assert_eq!(cases.iter().filter(|(_, name, _)| name == "Same claim").count(), 2);
}

#[test]
fn c30_control_characters_and_tokens_get_into_no_report() {
    for (name, text) in all(&run()) {
        assert!(!text.contains("eyJhbGci") && !text.contains("c2lnbmF0dXJl"), "{name} has the token");
        let unseen = |c: char| c.is_control() && c != '\n';
        assert!(
            !text.contains(unseen) && !text.contains('\u{202e}'),
            "{name} has {:?}",
            text.chars().find(|c| unseen(*c))
        );
    }
    valid(&junit::render(&run()));
}

#[test]
fn c30_a_report_that_cannot_be_written_leaves_the_verdict() {
    for path in ["/dev/null/junit.xml", "/dev/full"] {
        let (code, _, stderr) =
            said(&mut kubewalk(&["run", "--filter", "none has this", "--report", &format!("junit={path}")]));
        assert_eq!(code, 4, "the verdict outranks it: {stderr}");
        assert!(
            stderr.contains(&format!("error[report]: the junit report could not be written to {path}")),
            "{stderr}"
        );
        // Made later, there is no verdict to keep.
        let folder = tempfile::tempdir().expect("a folder");
        let events = folder.path().join("events.jsonl");
        std::fs::write(&events, stream()).expect("written");
        let mut later = kubewalk(&["report", "--report", &format!("json={path}")]);
        assert_eq!(said(later.arg(&events)).0, 7);
    }
}

#[test]
fn no_pod_drives_a_ci_server_or_a_page() {
    let records = run();
    let annotations = github::annotations(&records);
    for line in annotations.lines() {
        assert!(line.starts_with("::error ") || line.starts_with("::notice title=kubewalk::"), "{line}");
        assert!(!line[2..].contains("##["), "{line}");
    }
    assert!(
        annotations.starts_with(
            "::error file=scenarios/x%2Cy/b.yaml,line=7,col=15,title=Same claim%3A The call is <refused>::"
        ),
        "{annotations}"
    );
    for (name, text) in all(&records).into_iter().filter(|(name, _)| ["html", "summary"].contains(name)) {
        assert!(!text.contains("<script") && !text.contains("<img") && !text.contains("]]><"), "{name}");
        assert!(text.contains("&lt;script&gt;owned()"), "{name}: it is told");
    }
    let summary = github::summary(&records, 0);
    assert_eq!(summary.matches("<pre>").count(), summary.matches("</pre>").count());
    assert_eq!(summary.matches("<details>").count(), summary.matches("</details>").count());
}

#[test]
fn at_most_ten_annotations_and_a_summary_that_github_takes() {
    let mut lines: Vec<String> = stream().lines().map(ToOwned::to_owned).collect();
    let failure = lines.iter().find(|line| line.contains("\"is\":\"failed\"")).expect("a failed step").clone();
    let end = lines.pop().expect("an end");
    for index in 0..400 {
        lines
            .push(failure.replace("y/b.yaml", &format!("y/b{index}.yaml")).replace("look again", &"long ".repeat(800)));
    }
    lines.push(end);
    let records = stream::read(&(lines.join("\n") + "\n")).expect("records");
    let annotations = github::annotations(&records);
    assert_eq!(annotations.lines().filter(|line| line.starts_with("::error ")).count(), 10);
    assert!(
        annotations.lines().take(10).all(|line| line.contains("expected%3A") || line.contains("expected: ")),
        "failures first"
    );
    for there in [0, 500 * 1024, 2 << 20] {
        let summary = github::summary(&records, there);
        assert!(there + summary.len() <= (1 << 20).max(there), "{} bytes", summary.len());
        assert!(summary.is_empty() || summary.contains("are left out: GitHub takes at most 1 MiB"));
    }
}

#[test]
fn a_summary_is_added_to_the_file_that_github_names() {
    let folder = tempfile::tempdir().expect("a folder");
    let (events, summary) = (folder.path().join("events.jsonl"), folder.path().join("summary.md"));
    std::fs::write(&events, stream()).expect("written");
    std::fs::write(&summary, "an earlier step\n").expect("written");
    let mut command = kubewalk(&["report", "--report", "github"]);
    let (code, stdout, stderr) = said(command.arg(&events).env("GITHUB_STEP_SUMMARY", &summary));
    assert_eq!((code, stderr.as_str()), (0, ""));
    assert_eq!(stdout, github::annotations(&run()));
    assert_eq!(
        std::fs::read_to_string(&summary).expect("a file"),
        format!("an earlier step\n{}", github::summary(&run(), 16))
    );
}

#[test]
fn the_stream_fits_its_schema_and_the_schema_is_published() {
    let schema = stream::schema_json();
    let validator = jsonschema::draft7::new(&schema).expect("a schema");
    for line in stream().lines() {
        let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let wrong: Vec<String> = validator.iter_errors(&line).map(|e| e.to_string()).collect();
        assert!(wrong.is_empty(), "{wrong:?}\n{line}");
    }
    assert!(!validator.is_valid(&serde_json::json!({"atMs": 1, "event": "landed"})));
    let (code, printed, _) = said(&mut kubewalk(&["schema", "events"]));
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/events.schema.json");
    if std::env::var_os("KUBEWALK_BLESS").is_some_and(|word| word == "1") {
        std::fs::write(path, &printed).expect("written");
    }
    assert_eq!(code, 0);
    assert!(
        std::fs::read_to_string(path).is_ok_and(|committed| committed == printed),
        "KUBEWALK_BLESS=1 cargo test --test reports"
    );
}

#[test]
fn later_reports_are_the_same_and_what_is_no_stream_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let events = folder.path().join("events.jsonl");
    std::fs::write(&events, stream()).expect("written");
    assert_eq!(stream::read(&stream()).expect("records"), run());
    let (code, stdout, _) = said(kubewalk(&["report"]).arg(&events));
    assert!(
        code == 0 && stdout.contains("2 steps held, 1 failed, 1 could not be carried out, 4 not run in 3.0 s"),
        "{stdout}"
    );
    assert!(!stdout.contains(TOKEN) && !stdout.contains(HOSTILE));
    assert!(!stdout.lines().any(|line| line.trim_start().starts_with("::") || line.contains("##[")), "{stdout}");
    std::fs::write(&events, "{\"atMs\":0}\n").expect("written");
    let (code, _, stderr) = said(kubewalk(&["report"]).arg(&events));
    assert!(code == 2 && stderr.contains("events.jsonl:1:"), "{stderr}");
    for args in [
        ["report", "x", "--report", "events=y"],
        ["report", "x", "--report", "junti=y"],
        ["run", "--report", "junit=a", "--report=json=a"],
    ] {
        let (code, _, stderr) = said(&mut kubewalk(&args));
        assert!(code == 2 && !stderr.is_empty(), "{args:?} {stderr}");
    }
}
