//! The reader of scenarios: any bytes are a plan, or errors that point into the file.

use std::{path::PathBuf, sync::Arc};

use kubewalk::{
    event::exchange,
    plan::{self, Names, Plan, equivalent, needs},
    run,
    scenario::{self, Diagnostic, Source, Span, diagnostic},
};

use super::harmless;

/// What stands behind this line is a file of manifests beside the scenario.
const BESIDE: &[u8] = b"\n#--- beside.yml\n";

pub fn holds(data: &[u8]) {
    let mark = data.windows(BESIDE.len()).position(|window| window == BESIDE);
    let (text, beside) = mark.map_or((data, None), |at| (&data[..=at], Some(&data[at + BESIDE.len()..])));
    let folder = beside.map(|bytes| {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("beside.yml"), bytes).expect("written");
        folder
    });
    let folder = folder.as_ref().map_or(PathBuf::from("/nowhere"), |folder| folder.path().to_owned());
    match scenario::read(&folder.join("s.yaml"), text) {
        Ok(document) => {
            let source = document.source.clone();
            match plan::plan(document, &Names { suffix: "x7k2p".into() }) {
                Ok(plan) => planned(&plan),
                Err(found) => wrong(&source, &found),
            }
        }
        Err((source, found)) => wrong(&source, &found),
    }
}

/// There is an error, and each is told well.
fn wrong(source: &Source, found: &[Diagnostic]) {
    assert!(found.iter().any(|found| found.severity == diagnostic::Severity::Error), "{found:?}");
    told(source, found);
}

fn told(source: &Source, found: &[Diagnostic]) {
    for one in found {
        let text = &one.file.as_ref().unwrap_or(source).text;
        let second = one.second.as_ref().map(|(span, _)| *span);
        one.span.into_iter().chain(second).for_each(|span| inside(text, span, &one.message));
        let empty = one.message.is_empty() || one.message.contains("gap in kubewalk");
        let hint = one.hint.as_deref().unwrap_or_default();
        assert!(!empty && !hint.contains("gap in kubewalk"), "{one:?}");
    }
    harmless(&diagnostic::render(found, source, false));
}

fn inside(text: &Arc<str>, span: Span, what: &str) {
    assert!(text.get(span.start..span.end).is_some(), "{span:?} is no part of {} bytes: {what}", text.len());
}

/// All that is made of a plan before a run.
fn planned(plan: &Plan) {
    let source = &plan.document.source;
    assert!(plan.warnings.iter().all(|found| found.severity == diagnostic::Severity::Warning));
    told(source, &plan.warnings);
    plan.notes.iter().for_each(|note| inside(&source.text, note.span, &note.text));
    assert_eq!(run::selected(plan).steps, plan.steps.len());
    for (_, right) in needs::rights(plan) {
        needs::review(&right);
        needs::right_in_words(&right);
    }
    let _ = (needs::makes_cluster_wide(plan), needs::touches(plan, std::slice::from_ref(&plan.namespace)));
    for (index, step) in plan.steps.iter().enumerate() {
        assert!(step.number == index + 1 && !step.expected.is_empty() && !step.timeout.is_zero(), "{step:?}");
        inside(&source.text, plan.document.span(&step.pointer), &step.title);
        harmless(&exchange::step_yaml(&source.text, plan.document.span(&step.pointer).start));
        equivalent::equivalent(step);
        for asked in exchange::requests(step) {
            harmless(&asked.what);
            harmless(&asked.body.map(|body| body.shown()).unwrap_or_default());
        }
    }
}
