//! Golden texts of failures: what a person reads for each kind of wrong answer, byte for byte.
//!
//! The answers are texts of real clusters. `KUBEWALK_BLESS=1 cargo test --test failures` writes `tests/offline/failures/*.txt` anew.

#[path = "failures/cases.rs"]
mod cases;

use std::{fs, path::Path, sync::LazyLock};

use kubewalk::{
    event::{Event, Failure, Outcome, StepFinished},
    expect::{Answer, IntendedCall, judge},
    plan::{Names, Step, plan},
    report::{Terminal, Verbosity},
    run::summary::summarize,
    scenario::{self, Source, Span, expect::Expect},
};

/// The step that the answers are of.
static STEP: LazyLock<Step> = LazyLock::new(|| {
    let text = "title: t\nnamespace: a\nsteps:\n  - {title: t, serviceAccount: s}\n  - {title: t, pod: {name: p, image: curl, serviceAccount: s}}\n  - {title: t, curl: {in: p, url: https://kubernetes.default/x, token: mounted}}\n";
    let document = scenario::read(Path::new("a.yaml"), text.as_bytes()).expect("a scenario");
    plan(document, &Names { suffix: "x".into() }).expect("a plan").steps.remove(2)
});

/// The file as a contributor would have it, and the place of a value in it: good enough for these files.
fn source(name: &str, expect: &str) -> Source {
    let mut text = format!(
        "title: {name}\nsteps:\n  - title: This is the claim\n    curl: {{in: p, url: https://kubernetes.default/x}}\n"
    );
    if expect.starts_with("can:") {
        let (before, _) = text.rsplit_once("    curl").unwrap();
        text = format!("{before}    {}\n", expect.replace('\n', "\n    "));
    } else if expect.starts_with('{') {
        text += &format!("    expect: {expect}\n");
    } else if !expect.is_empty() {
        text += &format!("    expect:\n      {}\n", expect.replace('\n', "\n      "));
    }
    Source { path: format!("scenarios/{name}.yaml").into(), text: text.into() }
}

fn span(source: &Source, pointer: &str) -> Span {
    let mut at = source.text.find("curl").or(source.text.find("can")).unwrap();
    let mut item = 0;
    for segment in pointer.split('/').skip(1) {
        match (segment.parse::<usize>(), source.text[at..].find(&format!("{segment}:"))) {
            (Ok(index), _) => item = index,
            (Err(_), Some(found)) => at += found,
            (Err(_), None) => break,
        }
        for _ in 0..std::mem::take(&mut item) {
            at += source.text[at..].find("- {").unwrap_or(0) + 1;
        }
    }
    let rest = &source.text[at..];
    let start = at + rest.find(": ").map_or(0, |colon| colon + 2);
    let value = &source.text[start..];
    let stop: &[char] = if value.starts_with('\'') { &['\n'] } else { &['\n', ',', '}'] };
    Span { start, end: start + value.find(stop).unwrap_or(value.len()) }
}

fn rendered(name: &str, expect: &str, answer: &Answer, meant: Option<&IntendedCall>) -> String {
    let parsed: Expect = if expect.is_empty() || expect.starts_with("can:") {
        Expect::default()
    } else {
        serde_saphyr::from_str(expect).unwrap()
    };
    let source = source(name, expect);
    let failures: Vec<_> = judge(&parsed, answer, meant)
        .into_iter()
        .map(|mismatch| {
            let span = span(&source, &mismatch.pointer);
            Failure::new(mismatch, &source, span)
        })
        .collect();
    assert!(!failures.is_empty(), "{name} holds");
    Terminal::new(false, Verbosity::Normal, 120).on(&Event::StepFinished(Box::new(StepFinished {
        path: source.path.display().to_string(),
        number: 1,
        title: "This is the claim".into(),
        line: 3,
        col: 5,
        took_ms: 38,
        outcome: Outcome::Failed { failures },
        equivalent: "kubectl exec p -n a -- curl https://kubernetes.default/x".into(),
        summary: summarize(&STEP, answer),
        warnings: vec![],
        yaml: String::new(),
        asked: vec![],
        answered: None,
        attempts: 1,
        why: vec![],
    })))
}

#[test]
fn failures_read_well() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/offline/failures");
    let bless = std::env::var_os("KUBEWALK_BLESS").is_some_and(|value| value == "1");
    let mut wrong = Vec::new();
    let cases = cases::cases();
    for (name, expect, answer, meant) in &cases {
        let text = rendered(name, expect, answer, meant.as_ref());
        assert!(!text.contains("eyJ") && !text.contains(['\u{1b}', '\u{7}']), "{name} shows what it must not:\n{text}");
        let file = folder.join(format!("{name}.txt"));
        if bless {
            fs::write(&file, &text).unwrap();
        } else if fs::read_to_string(&file).ok().as_deref() != Some(&text) {
            wrong.push(format!("{name}.txt is not:\n{text}"));
        }
    }
    let known =
        |file: &fs::DirEntry| cases.iter().any(|(name, ..)| file.path().file_stem().is_some_and(|stem| stem == *name));
    wrong.extend(
        fs::read_dir(&folder)
            .unwrap()
            .map(Result::unwrap)
            .filter(|file| file.path().extension().is_some_and(|kind| kind == "txt") && !known(file))
            .map(|file| format!("{} belongs to no case", file.path().display())),
    );
    assert!(wrong.is_empty(), "{}\n(KUBEWALK_BLESS=1 writes them anew)", wrong.join("\n"));
}
