//! `kubewalk check`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{
    Talk,
    destination::Destination,
    select::{self, Selected, Selection, Slow},
};
use crate::{
    exit_code::Exit,
    redact::show,
    report::findings::{github, json, sarif},
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
    #[arg(long, value_name = "KIND[=PATH]", value_parser = wanted)]
    report: Option<Wanted>,
}

/// A form in which findings are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    Github,
    Json,
    Sarif,
}

/// A report that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Wanted {
    kind: Kind,
    /// `None`: standard output.
    path: Option<PathBuf>,
}

/// Reads `KIND[=PATH]`.
///
/// # Errors
/// One sentence.
fn wanted(text: &str) -> Result<Wanted, String> {
    let (word, path) = text.split_once('=').map_or((text, None), |(word, path)| (word, Some(path)));
    let kind = Kind::from_str(word, false)
        .map_err(|_| format!("there is no report `{word}` of a check; the kinds are github, json and sarif"))?;
    match path {
        Some("") => Err(format!("a path is missing: `{word}=PATH`, or `{word}` alone for standard output")),
        path => Ok(Wanted { kind, path: path.map(PathBuf::from) }),
    }
}

pub fn main(options: &Options, talk: Talk) -> anyhow::Result<Exit> {
    super::renders(options.render);
    let selected = select::select(&options.selection, Slow::Too, talk.stderr_colors());
    let place = options.report.as_ref().and_then(|wanted| wanted.path.as_ref());
    if let Err(e) = super::report::spares(place, &selected.read()) {
        tell!("error: {e}");
        return Ok(Exit::Invalid);
    }
    super::complain_colored(&selected.complaints(), talk.stderr_colors());
    let mut exit = selected.verdict();
    let warnings = selected.findings.iter().filter(|problem| problem.severity == Severity::Warning).count();
    if options.deny_warnings && warnings > 0 && exit == Exit::Held {
        tell!("error: {} denied by --deny-warnings", counted(warnings, "warning is", "warnings are"));
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
            super::complain(&text);
            report(wanted, &selected)
        }
        Some(wanted) => super::print(&text).worst(report(wanted, &selected)),
        None => super::print(&text),
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
    for plan in selected.plans.iter().filter(|_| talk.verbose) {
        for note in &plan.notes {
            let (line, _) = crate::scenario::diagnostic::line_col(&plan.document.source, note.span.start);
            text.push_str(&format!("{}:{line}: note: {}\n", plan.document.source.path.display(), note.text));
        }
    }
    text
}

/// Writes a report.
fn report(wanted: &Wanted, selected: &Selected) -> Exit {
    let findings = &selected.findings;
    let text = match wanted.kind {
        Kind::Github => github::render(findings),
        Kind::Json => json::render(findings, selected.plans.len(), selected.invalid),
        Kind::Sarif => sarif::render(findings),
    };
    match (&wanted.path, wanted.kind) {
        (None, Kind::Github) => super::say::commands(&text),
        (None, _) => super::print(&text),
        (Some(path), _) => match Destination::find(path).and_then(|to| to.replace(&text)) {
            Ok(()) => Exit::Held,
            Err(e) => {
                let path = show::line(&path.to_string_lossy(), show::BODY);
                tell!("error[report]: the report could not be written to {path}: {e}");
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
    #[case("sarif", Ok((Kind::Sarif, None)))]
    #[case("json=a=b", Ok((Kind::Json, Some("a=b"))))]
    #[case("github=x", Ok((Kind::Github, Some("x"))))]
    #[case("json=", Err("a path is missing: `json=PATH`, or `json` alone for standard output"))]
    #[case("junit=a", Err("there is no report `junit` of a check; the kinds are github, json and sarif"))]
    fn what_is_wanted(#[case] text: &str, #[case] expected: Result<(Kind, Option<&str>), &str>) {
        let read = wanted(text).map(|wanted| (wanted.kind, wanted.path));
        assert_eq!(read, expected.map(|(kind, path)| (kind, path.map(PathBuf::from))).map_err(ToOwned::to_owned));
    }
}
