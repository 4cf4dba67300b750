//! `kubewalk docs PATH`: a page of a run.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::{
    environment::eprint_environment,
    rendering, report, run,
    select::{self, Selected, Slow},
    talk::Talk,
};
use crate::{
    cluster::own,
    destination::Destination,
    event::{Event, Record, stream},
    exit_code::Exit,
    given_file,
    output::{eprint, eprint_colored, print},
    redact::show,
    report::pages::{self, Differs},
    report_target::{ReportKind, ReportTarget, check_places, spares},
};

#[derive(Debug, Args)]
#[group(skip)] // its name is that of the options of a run, which are within
pub struct Options {
    #[command(flatten)]
    pub(super) run: run::Options,
    /// What the page is: Markdown, one HTML file, or a terminal session (asciicast v3).
    #[arg(long, value_enum, default_value_t = Format::Markdown)]
    format: Format,
    /// The file that the page is written to, or compared with; left out: standard output.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The events of an earlier run (`run --report events=PATH`), instead of a new run. Those that were changed since, or are of
    /// other scenarios than these, are refused.
    #[arg(long, value_name = "EVENTS")]
    from: Option<PathBuf>,
    /// The page's title; left out: the scenario's, or the name of the folder.
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
    /// Compares the file of `--output` with the page that would be written, and writes nothing. Its day and the version of kubewalk do
    /// not count.
    #[arg(long, requires = "output")]
    check: bool,
    /// Makes a page also of a run that did not hold; the page says so.
    #[arg(long)]
    allow_failed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
/// What a page is.
enum Format {
    Markdown,
    Html,
    Cast,
}

pub fn main(options: &Options, talk: Talk) -> anyhow::Result<Exit> {
    // The reports of the run that the page is made of, and the page itself.
    let page = ReportTarget { kind: ReportKind::Html, path: options.output.clone() };
    let places: Vec<_> = options.run.report.iter().cloned().chain([page]).collect();
    let places = check_places(&places);
    if let Err(e) = places.and_then(|()| spares(&options.output, &options.from.iter().cloned().collect::<Vec<_>>())) {
        eprint(&format!("error: {e}\n"));
        return Ok(Exit::Invalid);
    }
    if options.from.is_none() && options.run.choice.kubernetes.len() > 1 {
        return Ok(several_versions("`--kubernetes` names"));
    }
    let made = match &options.from {
        Some(from) => {
            // A new run does it by itself.
            if let Err(exit) = options.run.secrets.register() {
                return Ok(exit);
            }
            recorded(options, from, talk)
        }
        None => ran(options, talk)?,
    };
    let records = match made {
        Ok(records) => records,
        Err(exit) => return Ok(exit),
    };
    if pages::versions(&records) > 1 {
        return Ok(several_versions("the run was on"));
    }
    if let Some(refused) = pages::refusal(&records).filter(|_| !options.allow_failed) {
        eprint_line!(
            "error[{}]: {}\n  = help: --allow-failed makes one that says that it did not hold",
            refused.class,
            show::block(&refused.message, show::BODY)
        );
        return Ok(Exit::Failed);
    }
    let format = match options.format {
        Format::Markdown => pages::Format::Markdown,
        Format::Html => pages::Format::Html,
        Format::Cast => pages::Format::Cast,
    };
    let page = pages::render(format, &records, options.title.as_deref());
    match &options.output {
        Some(path) if options.check => Ok(check(path, &page)),
        Some(path) => Ok(write(path, &page)),
        None => Ok(print(&page)),
    }
}

/// What stands on a page is of one version: the same step may be answered in other ways on the next.
fn several_versions(who: &str) -> Exit {
    eprint_line!(
        "error: {who} several versions of Kubernetes, and a page is of one\n  = help: make one for each version"
    );
    Exit::Invalid
}

/// The scenarios of which a page is made; none of the files that they are read from may be the page's place.
fn select_beside_the_page(options: &Options, talk: Talk) -> Result<Selected, Exit> {
    rendering::install(true, options.run.choice.kubernetes.first().copied());
    let selected = select::select(&options.run.selection, Slow::LeftOut, talk.stderr_colors());
    spares(&options.output, &selected.files_read()).map_err(|e| {
        eprint(&format!("error: {e}\n"));
        Exit::Invalid
    })?;
    Ok(selected)
}

/// The records of a new run; an `Err` within: it has no end of which a page could be made.
fn ran(options: &Options, talk: Talk) -> anyhow::Result<Result<Vec<Record>, Exit>> {
    if options.output.is_some()
        && let Err(exit) = select_beside_the_page(options, talk)
    {
        return Ok(Err(exit));
    }
    let folder = match own::temporary("kubewalk-docs-") {
        Ok(folder) => folder,
        Err(e) => {
            return Ok(Err(eprint_environment(&e)));
        }
    };
    let path = folder.path().join("events");
    let stream = ReportTarget { kind: ReportKind::Events, path: Some(path.clone()) };
    let mut report = options.run.report.clone();
    // A stream that is asked for, too, is the one.
    let path =
        match report.iter().find(|wanted| wanted.kind == ReportKind::Events).and_then(|wanted| wanted.path.clone()) {
            Some(path) => path,
            None => {
                report.push(stream);
                path
            }
        };
    let exit = run::with_reports(&options.run, &report, Talk { aside: true, ..talk })?;
    if !matches!(exit, Exit::Held | Exit::Failed | Exit::Environment | Exit::Flaky) {
        return Ok(Err(exit));
    }
    let Ok(text) = std::fs::read_to_string(&path) else { return Ok(Err(exit)) };
    match stream::read(&text) {
        Ok(records) if records.iter().any(|record| matches!(record.event, Event::StepFinished(_))) => Ok(Ok(records)),
        _ => Ok(Err(exit)),
    }
}

/// The records of an earlier run, of the scenarios that are named.
fn recorded(options: &Options, from: &Path, talk: Talk) -> Result<Vec<Record>, Exit> {
    let shown = show::line(&from.to_string_lossy(), show::BODY);
    let (name, text) = report::read_stream(from).map_err(|e| {
        eprint_line!("error: cannot read {shown}: {e}");
        Exit::Invalid
    })?;
    let colors = talk.stderr_colors();
    let records = stream::read(&text).map_err(|e| {
        eprint_colored(&report::unreadable(&name, &text, &e, colors), colors);
        Exit::Invalid
    })?;
    if !stream::is_sealed(&text) {
        eprint_line!(
            "error[unsealed]: {shown} has no seal: the run was killed, or another program or an older kubewalk wrote it\n  \
             = help: kubewalk run --report events=PATH, and let it end"
        );
        return Err(Exit::Invalid);
    }
    let selected = select_beside_the_page(options, talk)?;
    if selected.verdict() != Exit::Held {
        eprint_colored(&selected.complaints(), colors);
        return Err(selected.verdict());
    }
    // What another program has written has not been through the filter.
    let records = records.into_iter().map(|record| Record::new(record.at_ms, record.event)).collect();
    of_these(&selected, records, &shown)
}

/// Those of the scenarios that were selected, when each of them is as it was run.
fn of_these(selected: &Selected, records: Vec<Record>, name: &str) -> Result<Vec<Record>, Exit> {
    for plan in &selected.plans {
        let path = plan.document.source.path.to_string_lossy();
        let sum = records.iter().find_map(|record| match &record.event {
            Event::ScenarioStarted { path: known, sum, .. } if *known == path => Some(sum),
            _ => None,
        });
        let wrong = match sum {
            None => "was not run there",
            Some(sum) if *sum != plan.sum() => "was changed since",
            Some(_) => continue,
        };
        let path = show::line(&path, show::BODY);
        eprint_line!(
            "error[changed]: {path} {wrong}: {name} is of other scenarios\n  = help: make a new run: kubewalk docs without --from"
        );
        return Err(Exit::Invalid);
    }
    let named: Vec<_> = selected.plans.iter().map(|plan| plan.document.source.path.to_string_lossy()).collect();
    let ours = |path: &String| named.iter().any(|known| known == path);
    Ok(records
        .into_iter()
        .filter_map(|mut record| match &mut record.event {
            Event::RunStarted { selected, scenarios, .. } => {
                selected.retain(|one| ours(&one.path));
                *scenarios = selected.len();
                Some(record)
            }
            Event::ScenarioStarted { path, .. }
            | Event::ScenarioAgain { path, .. }
            | Event::StepStarted { path, .. }
            | Event::ScenarioFinished { path, .. }
            | Event::CleanUp { path: Some(path), .. }
            | Event::Aborted { path: Some(path), .. }
                if !ours(path) =>
            {
                None
            }
            Event::StepFinished(step) if !ours(&step.path) => None,
            Event::Rewound(rewound) if !ours(&rewound.path) => None,
            _ => Some(record),
        })
        .collect())
}

fn write(path: &Path, page: &str) -> Exit {
    match Destination::find(path).and_then(|place| place.replace(page)) {
        Ok(()) => Exit::Held,
        Err(e) => {
            let name = show::line(&path.to_string_lossy(), show::BODY);
            eprint_line!("error: cannot write {name}: {e}");
            Exit::Report
        }
    }
}

fn check(path: &Path, page: &str) -> Exit {
    let name = show::line(&path.to_string_lossy(), show::BODY);
    let there = match given_file::read_text(path, given_file::MOST_OF_A_STREAM) {
        Ok(there) => there,
        Err(e) => {
            eprint_line!("error: cannot read {name}: {e}");
            return Exit::Invalid;
        }
    };
    match pages::compare(&there, page) {
        Ok(()) => {
            eprint_line!("kubewalk: {name} is what the run makes");
            Exit::Held
        }
        Err(Differs::Altered) => {
            eprint_line!(
                "error[altered]: {name} was changed after it was made: its sum is another one\n  = help: without --check it is made anew"
            );
            Exit::Failed
        }
        Err(Differs::Stale { line, there, made }) => {
            let shown = |text: &str| show::line(text, show::BODY);
            eprint_line!(
                "error[stale]: {name} is not what the run makes; first in line {line}:\n  page: {}\n   run: {}\n  \
                 = help: without --check it is made anew",
                shown(&there),
                shown(&made)
            );
            Exit::Failed
        }
    }
}
