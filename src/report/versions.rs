//! One run on several versions of Kubernetes: a table of steps and versions, and what is different between them. A pure function
//! of the events; the terminal, Markdown and HTML show what it found.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthStr as _;

use super::story::{Run, Story};
use crate::{
    event::{ComparedCell, ComparedStep, ComparedVerdict, Event, KnownChange, Outcome, Record, StepFinished},
    k8s::{Version, changes},
    redact::show,
    text,
};

/// What a run on several versions has found; `None`: it was on one.
pub fn compare(records: &[Record]) -> Option<Event> {
    let run = Run::from_records(records);
    let versions: Vec<String> = run.versions.iter().map(|version| (*version).to_owned()).collect();
    if versions.len() < 2 {
        return None;
    }
    let mut steps: Vec<ComparedStep> = Vec::new();
    for story in run.scenarios.iter().filter(|story| !story.kubernetes.is_empty()) {
        for step in &story.steps {
            let step = step.finished;
            let known = steps.iter().position(|known| known.path == step.path && known.number == step.number);
            let at = known.unwrap_or_else(|| {
                steps.push(empty(step, &versions));
                steps.len() - 1
            });
            if let Some(cell) = steps[at].cells.iter_mut().find(|cell| cell.kubernetes == story.kubernetes) {
                *cell = self::cell(story, step);
            }
            if let Some(changes) = known_changes(&versions, &step.rows) {
                steps[at].changes = changes;
            }
        }
    }
    for step in &mut steps {
        if !step.differs() {
            step.changes.clear();
        }
    }
    Some(Event::Compared { versions, steps })
}

fn empty(step: &StepFinished, versions: &[String]) -> ComparedStep {
    let cell = |version: &String| ComparedCell {
        kubernetes: version.clone(),
        verdict: ComparedVerdict::NotRun,
        when: vec![],
        reason: String::new(),
    };
    ComparedStep {
        path: step.path.clone(),
        number: step.number,
        title: step.title.clone(),
        line: step.line,
        cells: versions.iter().map(cell).collect(),
        changes: vec![],
    }
}

fn cell(story: &Story<'_>, step: &StepFinished) -> ComparedCell {
    let (verdict, reason) = match &step.outcome {
        Outcome::Held => (ComparedVerdict::Held, String::new()),
        Outcome::Failed { failures } => {
            let message = failures.first().map(|failure| failure.mismatch.message.clone()).unwrap_or_default();
            (ComparedVerdict::Failed, message)
        }
        Outcome::Broken { message, .. } => (ComparedVerdict::Broken, message.clone()),
        Outcome::Skipped { reason } => (ComparedVerdict::Skipped, reason.clone()),
    };
    ComparedCell { kubernetes: story.kubernetes.to_owned(), verdict, when: step.when.clone(), reason }
}

fn known_changes(versions: &[String], rows: &[String]) -> Option<Vec<KnownChange>> {
    let mut parsed: Vec<Version> = versions.iter().filter_map(|version| version.parse().ok()).collect();
    parsed.sort_unstable();
    let found = changes::between(rows, *parsed.first()?, *parsed.last()?);
    let known = |change: &&changes::Change| KnownChange {
        what: change.what.into(),
        since: change.since.to_string(),
        then: change.then.into(),
        now: change.now.into(),
        by: change.by.into(),
        link: change.link.into(),
    };
    (!found.is_empty()).then(|| found.iter().map(known).collect())
}

/// What a step was on groups of versions that are alike: `1.34, 1.37`, and the words of their cells.
pub(super) fn alike(step: &ComparedStep) -> Vec<(String, String)> {
    let mut groups: Vec<(Vec<&str>, String)> = Vec::new();
    for cell in &step.cells {
        let words = cell.describe();
        // The version that a reason names is that of the cell.
        let plain = words.replace(&format!(", this is {}", cell.kubernetes), "");
        match groups.iter_mut().find(|(_, known)| *known == plain) {
            Some((versions, _)) => versions.push(&cell.kubernetes),
            None => groups.push((vec![&cell.kubernetes], plain)),
        }
    }
    groups.into_iter().map(|(versions, words)| (versions.join(", "), words)).collect()
}

/// The change in a sentence: `since 1.24 (KEP-2799): none is made; before: each ServiceAccount gets a Secret`.
pub(super) fn sentence(change: &KnownChange) -> String {
    format!("since {} ({}): {}; before: {}", change.since, change.by, change.now, change.then)
}

/// The report in Markdown; empty when the run was on one version.
pub fn markdown(records: &[Record]) -> String {
    let Some((versions, steps)) = records.iter().find_map(compared) else { return String::new() };
    let mut page = String::new();
    for path in paths(steps) {
        let _ = write!(page, "\n### {}\n\n| step |", cell_text(path));
        versions.iter().for_each(|version| page += &format!(" {version} |"));
        let _ = write!(page, "\n|---|{}\n", "---|".repeat(versions.len()));
        for step in steps.iter().filter(|step| step.path == path) {
            let _ = write!(page, "| {}. {} |", step.number, cell_text(&step.title));
            for cell in &step.cells {
                let when = if cell.when.is_empty() { String::new() } else { format!(" {}", cell.when.join(", ")) };
                let _ = write!(page, " {}{} |", cell.verdict.mark(), cell_text(&when));
            }
            page.push('\n');
        }
        let differing: Vec<_> = steps.iter().filter(|step| step.path == path && step.differs()).collect();
        if differing.is_empty() {
            page += "\nEach step is the same on all of them.\n";
            continue;
        }
        page += "\nWhat is different:\n\n";
        for step in differing {
            let _ = writeln!(page, "- **{}**", cell_text(&step.title));
            for (versions, words) in alike(step) {
                let _ = writeln!(page, "  - {versions}: {}", cell_text(&words));
            }
            for change in &step.changes {
                let _ = writeln!(
                    page,
                    "  - since {} ([{}]({})): {}; before: {}",
                    change.since,
                    cell_text(&change.by),
                    change.link,
                    cell_text(&change.now),
                    cell_text(&change.then)
                );
            }
        }
    }
    page
}

/// The table and the differences for a terminal; `bold` paints a heading.
pub(super) fn compared_text(versions: &[String], steps: &[ComparedStep], bold: &dyn Fn(&str) -> String) -> String {
    let safe = |text: &str| show::line(text, show::BODY);
    let column = versions.iter().map(|version| version.width()).max().unwrap_or(0) + 2;
    let padded = |text: &str| format!("{text}{}", " ".repeat(column.saturating_sub(text.width())));
    let mut text = String::new();
    for path in paths(steps) {
        let of_file = || steps.iter().filter(|step| step.path == path);
        let _ = write!(text, "\n{}\n  ", bold(&format!("{} on each version", safe(path))));
        versions.iter().for_each(|version| text += &padded(&safe(version)));
        text.push('\n');
        for step in of_file() {
            text += "  ";
            step.cells.iter().for_each(|cell| text += &padded(cell.verdict.mark()));
            let mark = if step.differs() { " ≠" } else { "" };
            let _ = writeln!(text, "{} {}{mark}", step.number, safe(&step.title));
        }
        for step in of_file().filter(|step| step.differs()) {
            let _ = writeln!(text, "\n  ≠ {} {}", step.number, safe(&step.title));
            for (versions, words) in alike(step) {
                let _ = writeln!(text, "      {versions}: {}", safe(&words));
            }
            for change in &step.changes {
                let _ = writeln!(text, "      {}", safe(&sentence(change)));
            }
        }
        if !of_file().any(ComparedStep::differs) {
            text += "  each step is the same on all of them\n";
        }
    }
    text
}

/// The comparison in a record, if it is one.
pub(super) fn compared(record: &Record) -> Option<(&[String], &[ComparedStep])> {
    match &record.event {
        Event::Compared { versions, steps } => Some((versions, steps)),
        _ => None,
    }
}

/// The files of the steps, each once.
pub(super) fn paths(steps: &[ComparedStep]) -> Vec<&str> {
    let mut paths: Vec<&str> = steps.iter().map(|step| step.path.as_str()).collect();
    paths.dedup();
    paths
}

/// A text that can begin no tag, no row and no link.
fn cell_text(text: &str) -> String {
    text::escape(text, false).replace('&', "&amp;").replace('<', "&lt;").replace('|', "\\|").replace('[', "\\[")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        event::{Selected, VERSION},
        report::{Terminal, Verbosity, html, junit},
    };

    fn step(number: usize, title: &str, outcome: Outcome, when: &[&str], rows: &[&str]) -> Event {
        let words = |list: &[&str]| list.iter().map(ToString::to_string).collect();
        Event::StepFinished(Box::new(StepFinished {
            path: "a.yaml".into(),
            number,
            title: title.into(),
            line: 3 * number,
            col: 5,
            took_ms: 1,
            outcome,
            equivalent: String::new(),
            summary: String::new(),
            warnings: vec![],
            rows: words(rows),
            when: words(when),
            yaml: String::new(),
            asked: vec![],
            answered: None,
            attempts: 1,
            why: vec![],
            rbac: vec![],
        }))
    }

    /// A run on two versions: the first step is the same on both, the second expects something else, the third is for one alone.
    fn records() -> Vec<Record> {
        let (path, title) = ("a.yaml".to_owned(), "A story".to_owned());
        let selected = Selected { path: path.clone(), title: title.clone(), line: 1, steps: 3, shape: String::new() };
        let mut events = vec![Event::RunStarted {
            version: VERSION,
            kubewalk: "0".into(),
            scenarios: 1,
            started: String::new(),
            selected: vec![selected],
            options: vec![],
        }];
        for (version, when) in [("1.20", "with Kubernetes <1.24"), ("1.37", "with Kubernetes >=1.24")] {
            let skipped = Outcome::Skipped { reason: format!("needs Kubernetes <1.22, this is {version}") };
            events.extend([
                Event::VersionStarted { kubernetes: version.into() },
                Event::ScenarioStarted {
                    path: path.clone(),
                    title: title.clone(),
                    say: None,
                    line: 1,
                    namespace: "n".into(),
                    steps: 3,
                    sum: String::new(),
                },
                step(1, "Same", Outcome::Held, &[], &["S1.10"]),
                step(2, "A Secret | <b>", Outcome::Held, &[when], &["S1.10"]),
                step(3, "Old", if version == "1.20" { Outcome::Held } else { skipped }, &[], &["S1.30"]),
                Event::ScenarioFinished {
                    path: path.clone(),
                    title: title.clone(),
                    held: 2,
                    failed: 0,
                    broken: 0,
                    skipped: 1,
                    took_ms: 1,
                },
            ]);
        }
        let mut records: Vec<Record> = events.into_iter().map(|event| Record::new(0, event)).collect();
        records.push(Record::new(1, compare(&records).expect("two versions")));
        let (held, skipped) = (5, 1);
        let end = Event::RunFinished { held, failed: 0, broken: 0, skipped, took_ms: 1, exit_code: 0 };
        records.push(Record::new(1, end));
        records
    }

    #[test]
    fn a_step_differs_where_it_ends_or_expects_otherwise() {
        let records = records();
        let (versions, steps) = records.iter().find_map(compared).expect("it is told");
        assert_eq!(versions, ["1.20", "1.37"]);
        let differ: Vec<bool> = steps.iter().map(ComparedStep::differs).collect();
        assert_eq!(differ, [false, true, true]);
        assert!(steps[0].changes.is_empty(), "what is the same needs no reason");
        let by: Vec<_> = steps.iter().flat_map(|step| &step.changes).map(|change| change.by.as_str()).collect();
        assert_eq!(by, ["KEP-2799", "removed API versions"]);
    }

    #[test]
    fn each_version_is_a_story_of_its_own() {
        let records = records();
        let run = Run::from_records(&records);
        let of: Vec<_> = run.scenarios.iter().map(|story| (story.heading(), story.steps.len())).collect();
        assert_eq!(of, [("A story (Kubernetes 1.20)".into(), 3), ("A story (Kubernetes 1.37)".into(), 3)]);
        assert!(run.scenarios.iter().all(|story| story.verdict == crate::report::story::Verdict::Held));
        assert!(junit::render(&records).contains("A story (Kubernetes 1.20)"));
    }

    #[test]
    fn the_terminal_shows_a_table_and_what_is_different() {
        let mut terminal = Terminal::new(false, Verbosity::Quiet, 100);
        let text: String = records().iter().map(|record| terminal.on(&record.event)).collect();
        let table = "a.yaml on each version\n  1.20  1.37  \n  ✓     ✓     1 Same\n  ✓     ✓     2 A Secret | <b> ≠\n  ✓     -     3 Old ≠\n";
        assert!(text.contains(table), "{text}");
        assert!(text.contains("      1.20: held, as is expected with Kubernetes <1.24\n"), "{text}");
        assert!(text.contains("      1.37: not run: needs Kubernetes <1.22\n"), "{text}");
        assert!(text.contains("      since 1.24 (KEP-2799): none is made; "), "{text}");
    }

    #[test]
    fn markdown_and_html_show_the_same_and_no_text_can_begin_a_tag() {
        let page = markdown(&records());
        assert!(page.contains("| step | 1.20 | 1.37 |\n|---|---|---|\n| 1. Same | ✓ | ✓ |\n"), "{page}");
        assert!(page.contains("| 2. A Secret \\| &lt;b> | ✓ with Kubernetes &lt;1.24 |"), "{page}");
        assert!(page.contains("since 1.24 ([KEP-2799](https://kep.k8s.io/2799)):"), "{page}");
        let page = html::render(&records());
        assert!(
            page.contains("Versions of Kubernetes") && page.contains("(KEP-2799)") && !page.contains("<b>"),
            "{page}"
        );
    }

    #[test]
    fn a_run_on_one_version_has_nothing_to_compare() {
        let records = [Record::new(0, Event::VersionStarted { kubernetes: "1.37".into() })];
        assert!(compare(&records).is_none() && markdown(&records).is_empty());
    }
}
