//! `kubewalk report`.

use std::path::{Path, PathBuf};

use clap::Args;

use super::{secret::Secrets, talk::Talk};
use crate::{
    event::{
        Place, Record,
        stream::{self, Unreadable},
    },
    exit_code::Exit,
    given_file::{self, MOST_OF_A_STREAM},
    output::{eprint, eprint_colored, print_colored, width},
    redact::{redact, show},
    report::{Caret, Terminal, snippet},
    report_target::{self, ReportKind, ReportTarget, check_places, spares, write_all},
    text,
};

#[derive(Debug, Args)]
pub struct Options {
    /// The event stream of a run: what `kubewalk run --report events=PATH` wrote; `-`: standard input.
    #[arg(value_name = "EVENTS")]
    events: PathBuf,
    #[arg(long, help = report_target::HELP_OF_A_STREAM, value_name = "KIND=PATH", value_parser = report_target::parse, value_delimiter = ',')]
    report: Vec<ReportTarget>,
    #[command(flatten)]
    secrets: Secrets,
}

pub fn main(options: &Options, talk: Talk) -> anyhow::Result<Exit> {
    if let Err(exit) = options.secrets.register() {
        return Ok(exit);
    }
    let stream = options.report.iter().any(|wanted| wanted.kind == ReportKind::Events);
    let invalid = stream.then(|| "`events` is what is read here".to_owned()).or(check_places(&options.report).err());
    let places = options.report.iter().filter_map(|wanted| wanted.path.as_ref());
    let invalid = invalid.or_else(|| spares(places, std::slice::from_ref(&options.events)).err());
    if let Some(invalid) = invalid {
        eprint(&format!("error: {invalid}\n"));
        return Ok(Exit::Invalid);
    }
    let (name, text) = match read_stream(&options.events) {
        Ok(text) => text,
        Err(e) => {
            let name = show::line(&options.events.to_string_lossy(), show::BODY);
            eprint(&format!("error: cannot read {name}: {e}\n"));
            return Ok(Exit::Invalid);
        }
    };
    let records = match stream::read(&text) {
        Ok(records) => records,
        Err(e) => {
            eprint_colored(&unreadable(&name, &text, &e, talk.stderr_colors()), talk.stderr_colors());
            return Ok(Exit::Invalid);
        }
    };
    // What another program has written has not been through the filter.
    let records: Vec<Record> = records.into_iter().map(|record| Record::new(record.at_ms, record.event)).collect();
    if options.report.is_empty() {
        let mut terminal = Terminal::new(talk.stdout_colors(), talk.verbosity(), width());
        let shown: String = records.iter().map(|record| terminal.on(&record.event)).collect();
        return Ok(print_colored(&shown, talk.stdout_colors()));
    }
    Ok(write_all(&options.report, &records))
}

/// The name and the text of a stream.
pub(super) fn read_stream(path: &Path) -> std::io::Result<(String, String)> {
    if path == Path::new("-") {
        let text = given_file::text_within(std::io::stdin(), MOST_OF_A_STREAM)?;
        return Ok(("standard input".into(), text));
    }
    Ok((path.display().to_string(), given_file::read_text(path, MOST_OF_A_STREAM)?))
}

/// What is wrong with a file that has nothing of a stream.
const NOT_ONE: &str = "this is no event stream: it does not begin with the event `runStarted`";

/// What is wrong with a stream, with its place.
pub(super) fn unreadable(name: &str, text: &str, wrong: &Unreadable, color: bool) -> String {
    const SHOWN: usize = 160;
    let hint = ("hint", "a stream is made by `kubewalk run --report events=PATH`".to_owned());
    // A file that does not begin as a stream is another file: nothing of it is shown.
    if stream::begins(text).is_none() {
        let name = show::line(name, show::BODY);
        let (line, col) = (wrong.line, wrong.col);
        return format!("error: {NOT_ONE}\n --> {name}:{line}:{col}\n  = {}: {}\n", hint.0, hint.1);
    }
    let line = text.lines().nth(wrong.line - 1).unwrap_or_default();
    let excerpt = text::escape(&redact(&line[..text::floor(line, SHOWN)]), false);
    let start = (wrong.col - 1).min(excerpt.len());
    let place =
        Place { file: None, line: wrong.line, col: wrong.col, end: (start + 1).min(excerpt.len()), start, excerpt };
    let caret = Caret { path: name, place: &place, label: "" };
    snippet(&wrong.message, &caret, &[hint], color, 110) + "\n"
}
