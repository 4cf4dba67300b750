//! JUnit XML: one test case a scenario, and one for each thing that went wrong outside of them.
//!
//! `failure` is an expectation that failed, `error` the environment. Class name (the path) and name (the claim) are those of
//! the scenario, so that they are the same in every run.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestRerun, TestSuite};

use super::{
    Terminal, Verbosity,
    story::{Earlier, Run, Story, Verdict},
    trouble::{Trouble, TroubleClass},
    words::defuse,
};
use crate::{
    event::{Outcome, Record, StepFinished},
    redact::show,
    text,
};

/// The most of one text, in bytes.
const MOST: usize = 16 * 1024;

/// The report.
pub fn render(records: &[Record]) -> String {
    let run = Run::from_records(records);
    let mut suite = TestSuite::new("kubewalk");
    suite.set_time(Duration::from_millis(run.took_ms));
    suite.add_property(("kubewalk", run.kubewalk)).add_property(("started", run.started));
    if let Some(cluster) = run.cluster {
        suite.add_property(("cluster", cluster.kind)).add_property(("kubernetes", run.kubernetes().as_str()));
    }
    for trouble in &run.troubles {
        // A wrong file is a test case of its own; the others are the run's.
        let class_name = trouble.place.as_ref().map_or("kubewalk", |(path, ..)| path.as_str());
        suite.add_test_case(outside(class_name, trouble));
    }
    for story in &run.scenarios {
        suite.add_test_case(case(story));
        let own = story.troubles.iter().filter(|trouble| trouble.class == TroubleClass::CleanUp);
        suite.add_test_cases(own.map(|trouble| outside(story.path, trouble)));
    }
    let mut report = Report::new("kubewalk");
    report.set_time(Duration::from_millis(run.took_ms)).add_test_suite(suite);
    strict(&report.to_string().unwrap_or_default())
}

/// Jenkins' schema has no `skipped` for all suites together; that of the only suite says it.
fn strict(xml: &str) -> String {
    let (head, rest) = xml.split_once("<testsuite ").unwrap_or((xml, ""));
    let Some((before, from)) = head.split_once(" skipped=\"") else { return xml.to_owned() };
    let after = from.split_once('"').map_or("", |(_, after)| after);
    format!("{before}{after}<testsuite {rest}")
}

fn case(story: &Story<'_>) -> TestCase {
    let options = story.again_options();
    let mut status = match story.verdict {
        Verdict::Held | Verdict::Flaky => TestCaseStatus::success(),
        Verdict::Skipped | Verdict::Part => {
            let mut skipped = TestCaseStatus::skipped();
            skipped.set_message(line(&story.reason));
            skipped
        }
        Verdict::Failed | Verdict::Broken | Verdict::NotRun => {
            let failed = story.verdict == Verdict::Failed;
            let kind = if failed { NonSuccessKind::Failure } else { NonSuccessKind::Error };
            let mut status = TestCaseStatus::non_success(kind);
            status.set_message(line(&story.reason)).set_type(story.class());
            let text = failure_text(story.culprit(), &story.troubles, &options);
            if !text.is_empty() {
                status.set_description(text);
            }
            status
        }
    };
    status.add_reruns(story.earlier.iter().map(|earlier| rerun(earlier, &options)));
    let mut case = TestCase::new(story.heading(), status);
    case.set_classname(story.path).set_time(Duration::from_millis(story.took_ms));
    let line = story.culprit().map_or(story.line, |step| match &step.outcome {
        Outcome::Failed { failures } => {
            let own = failures.first().map(|failure| &failure.place).filter(|place| place.file.is_none());
            own.map_or(step.line, |place| place.line)
        }
        _ => step.line,
    });
    place(&mut case, story.path, line);
    case
}

/// An attempt that the environment broke off. Surefire's schema has only these parts of it.
fn rerun(earlier: &Earlier<'_>, options: &[String]) -> TestRerun {
    let mut rerun = TestRerun::new(NonSuccessKind::Error);
    rerun.set_message(line(&earlier.reason)).set_type(earlier.class.as_str());
    rerun.set_stack_trace(failure_text(earlier.culprit, &earlier.troubles, options));
    rerun
}

fn outside(class_name: &str, trouble: &Trouble) -> TestCase {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
    status.set_message(line(&trouble.message)).set_type(trouble.class.word());
    status.set_description(defuse(&text::shorten(&trouble.told(), MOST)));
    let name = match &trouble.place {
        // Two mistakes of one file are two test cases.
        Some((_, row, col)) => format!("{} at {row}:{col}: {}", trouble.class.word(), line(&trouble.message)),
        None => trouble.class.word().to_owned(),
    };
    let mut case = TestCase::new(name, status);
    case.set_classname(class_name).set_time(Duration::ZERO);
    if let Some((path, line, _)) = &trouble.place {
        place(&mut case, path, *line);
    }
    case
}

/// Annotations on a pull request need both; neither Jenkins' nor Surefire's schema knows them, and their readers skip them.
fn place(case: &mut TestCase, path: &str, line: usize) {
    case.extra.insert("file".into(), path.into());
    case.extra.insert("line".into(), line.to_string().into());
}

/// All that is known, as the terminal has it.
fn failure_text(culprit: Option<&StepFinished>, troubles: &[Trouble], options: &[String]) -> String {
    let mut text = String::new();
    if let Some(step) = culprit {
        text += &Terminal::new(false, Verbosity::Normal, 110).with_options(options).step(step);
    }
    for trouble in troubles {
        text += &trouble.told();
    }
    defuse(&text::shorten(&text, MOST))
}

/// An attribute has one line.
fn line(text: &str) -> String {
    show::line(text, show::BODY)
}
