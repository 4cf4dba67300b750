//! `kubewalk check`.

use std::{mem::ManuallyDrop, path::PathBuf};

use clap::{Args, ValueEnum};

use super::{
    rendering,
    select::{self, Selected, Selection, Slow},
    talk::Talk,
};
use crate::{
    destination::Destination,
    exit_code::Exit,
    output::{eprint, eprint_colored, print, print_commands},
    redact::show,
    report::findings::{github, json, sarif},
    report_target::spares,
    scenario::diagnostic::Severity,
};

#[derive(Debug, Args)]
pub struct Options {
    #[command(flatten)]
    selection: Selection,
    /// Takes warnings for errors: one is enough for exit code 2.
    #[arg(long, env = "KUBEWALK_DENY_WARNINGS", value_parser = clap::builder::FalseyValueParser::new())]
    deny_warnings: bool,
    /// Renders kustomizations and charts that scenarios name, by kubectl and helm in a bounded process. Left out, nothing is
    /// started: what a run has rendered before is known, and of the rest it is said that it was not checked.
    #[arg(long, env = "KUBEWALK_RENDER", value_parser = clap::builder::FalseyValueParser::new())]
    render: bool,
    /// Writes all findings once more: `github` (annotations at their lines), `json` or `sarif`, on standard output or, as
    /// KIND=PATH, into a file.
    #[arg(long, value_name = "KIND[=PATH]", value_parser = parse_target)]
    report: Option<FindingsTarget>,
}

/// A form in which findings are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FindingsKind {
    Github,
    Json,
    Sarif,
}

/// A report that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
struct FindingsTarget {
    kind: FindingsKind,
    /// `None`: standard output.
    path: Option<PathBuf>,
}

/// Reads `KIND[=PATH]`.
///
/// # Errors
/// One sentence.
fn parse_target(text: &str) -> Result<FindingsTarget, String> {
    let (word, path) = text.split_once('=').map_or((text, None), |(word, path)| (word, Some(path)));
    let kind = FindingsKind::from_str(word, false)
        .map_err(|_| format!("there is no report `{word}` of a check; the kinds are github, json and sarif"))?;
    match path {
        Some("") => Err(format!("a path is missing: `{word}=PATH`, or `{word}` alone for standard output")),
        path => Ok(FindingsTarget { kind, path: path.map(PathBuf::from) }),
    }
}

pub fn main(options: &Options, talk: Talk) -> anyhow::Result<Exit> {
    rendering::install(options.render, None);
    // The program ends after this: to take thousands of plans apart first is time lost.
    let selected = ManuallyDrop::new(select::select(&options.selection, Slow::Too, talk.stderr_colors()));
    let place = options.report.as_ref().and_then(|wanted| wanted.path.as_ref());
    if let Err(e) = spares(place, &selected.files_read()) {
        eprint_line!("error: {e}");
        return Ok(Exit::Invalid);
    }
    eprint_colored(&selected.complaints(), talk.stderr_colors());
    let mut exit = selected.verdict();
    let warnings = selected.findings.iter().filter(|problem| problem.severity == Severity::Warning).count();
    if options.deny_warnings && warnings > 0 && exit == Exit::Held {
        eprint_line!("error: {} denied by --deny-warnings", counted(warnings, "warning is", "warnings are"));
        exit = Exit::Invalid;
    }
    let mut text = notes(&selected, talk);
    let steps: usize = selected.plans.iter().map(|plan| plan.steps.len()).sum();
    let good = selected.plans.len();
    text.push_str(&format!("{good} scenarios with {steps} steps are good, {} are not\n", selected.invalid));
    if talk.quiet {
        text.clear();
    }
    let printed = match &options.report {
        Some(wanted) if wanted.path.is_none() => {
            // Standard output is the report's alone.
            eprint(&text);
            report(wanted, &selected)
        }
        Some(wanted) => print(&text).worst(report(wanted, &selected)),
        None => print(&text),
    };
    Ok(printed.worst(exit))
}

/// `1 warning is` or `2 warnings are`.
fn counted(number: usize, one: &str, more: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { more })
}

/// What `--verbose` adds: what is worth to know of each scenario, at its line.
fn notes(selected: &Selected, talk: Talk) -> String {
    let mut text = String::new();
    for plan in selected.plans.iter().filter(|_| talk.verbose > 0) {
        for note in &plan.notes {
            let (line, _) = crate::scenario::diagnostic::line_col(&plan.document.source, note.span.start);
            text.push_str(&format!("{}:{line}: note: {}\n", plan.document.source.path.display(), note.text));
        }
    }
    text
}

/// Writes a report.
fn report(wanted: &FindingsTarget, selected: &Selected) -> Exit {
    let findings = &selected.findings;
    let text = match wanted.kind {
        FindingsKind::Github => github::render(findings),
        FindingsKind::Json => json::render(findings, selected.plans.len(), selected.invalid),
        FindingsKind::Sarif => sarif::render(findings),
    };
    match (&wanted.path, wanted.kind) {
        (None, FindingsKind::Github) => print_commands(&text),
        (None, _) => print(&text),
        (Some(path), _) => match Destination::find(path).and_then(|to| to.replace(&text)) {
            Ok(()) => Exit::Held,
            Err(e) => {
                let path = show::line(&path.to_string_lossy(), show::BODY);
                eprint_line!("error[report]: the report could not be written to {path}: {e}");
                Exit::Report
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("sarif", Ok((FindingsKind::Sarif, None)))]
    #[case("json=a=b", Ok((FindingsKind::Json, Some("a=b"))))]
    #[case("github=x", Ok((FindingsKind::Github, Some("x"))))]
    #[case("json=", Err("a path is missing: `json=PATH`, or `json` alone for standard output"))]
    #[case("junit=a", Err("there is no report `junit` of a check; the kinds are github, json and sarif"))]
    fn what_is_wanted(#[case] text: &str, #[case] expected: Result<(FindingsKind, Option<&str>), &str>) {
        let read = parse_target(text).map(|wanted| (wanted.kind, wanted.path));
        assert_eq!(read, expected.map(|(kind, path)| (kind, path.map(PathBuf::from))).map_err(ToOwned::to_owned));
    }
}
