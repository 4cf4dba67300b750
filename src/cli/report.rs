//! `kubewalk report`, and where the reports of a run go.

use std::{
    collections::HashSet,
    io::{Read as _, Write as _},
    os::unix::fs::{FileTypeExt as _, MetadataExt as _},
    path::{Path, PathBuf},
};

use clap::Args;

use super::{Talk, destination::Destination};
use crate::{
    event::{
        Place, Record,
        stream::{self, Unreadable},
    },
    exit_code::Exit,
    redact::show,
    report::{self, Caret, Terminal, snippet},
    text,
};

/// A kind of report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The event stream itself, written while the run goes on.
    Events,
    /// JUnit XML.
    Junit,
    /// One JSON document.
    Json,
    /// One HTML page.
    Html,
    /// Annotations on standard output, and a step summary.
    Github,
}

/// What the command line says of `--report`.
pub const HELP: &str = "Writes a report, too; may be said more than once. KIND is `events` (the stream that all others can be made of), \
    `junit`, `json`, `html`, or `github` (annotations, and a summary in the file that `GITHUB_STEP_SUMMARY` names)";

/// The words of the command line, in the order of the alphabet.
const KINDS: [(&str, Kind); 5] = [
    ("events", Kind::Events),
    ("github", Kind::Github),
    ("html", Kind::Html),
    ("json", Kind::Json),
    ("junit", Kind::Junit),
];

impl Kind {
    fn word(self) -> &'static str {
        KINDS.iter().find(|(_, kind)| *kind == self).map_or("", |(word, _)| word)
    }
}

/// A report that somebody asks for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Wanted {
    /// Which.
    pub kind: Kind,
    /// Where it goes; `None` for `github` alone: the file that `GITHUB_STEP_SUMMARY` names.
    pub path: Option<PathBuf>,
}

/// Reads `KIND=PATH`.
///
/// # Errors
/// One sentence.
pub fn wanted(text: &str) -> Result<Wanted, String> {
    let (word, path) = text.split_once('=').map_or((text, None), |(word, path)| (word, Some(path)));
    let Some((_, kind)) = KINDS.iter().find(|(known, _)| *known == word) else {
        let near = KINDS.iter().max_by(|a, b| strsim::jaro(a.0, word).total_cmp(&strsim::jaro(b.0, word)));
        let near = near.filter(|(known, _)| strsim::jaro(known, word) > 0.7);
        let hint = near.map_or_else(
            || {
                let words = KINDS.map(|(word, _)| word);
                let (last, others) = words.split_last().expect("there are some");
                format!("the kinds are {}, and {last}", others.join(", "))
            },
            |(known, _)| format!("did you mean `{known}`?"),
        );
        return Err(format!("there is no report `{word}`; {hint}"));
    };
    match path {
        Some("") => Err(format!("a path is missing: `{word}=PATH`")),
        None if *kind != Kind::Github => Err(format!("a path is missing: `{word}=PATH`")),
        path => Ok(Wanted { kind: *kind, path: path.map(PathBuf::from) }),
    }
}

/// What is wrong with all of them together: two that would overwrite each other.
///
/// # Errors
/// One sentence.
pub fn apart(all: &[Wanted]) -> Result<(), String> {
    let mut seen = HashSet::new();
    // A pipe or a device takes many.
    let files = all.iter().filter_map(|wanted| wanted.path.as_ref());
    let mut files = files.filter(|path| std::fs::metadata(path).map_or(true, |found| found.is_file()));
    match files.find(|path| !seen.insert(*path)) {
        Some(path) => Err(format!("two reports would go to {}", path.display())),
        None => Ok(()),
    }
}

/// What is wrong with a place that is one of the files that are read: the report would take the place of its source. Files are
/// the same by device and inode, whatever their names are.
///
/// # Errors
/// One sentence.
pub fn spares<'p>(places: impl IntoIterator<Item = &'p PathBuf>, read: &[PathBuf]) -> Result<(), String> {
    let id = |path: &PathBuf| {
        let found = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file);
        found.map(|found| (found.dev(), found.ino()))
    };
    let read: HashSet<_> = read.iter().filter_map(id).collect();
    match places.into_iter().find(|place| id(place).is_some_and(|id| read.contains(&id))) {
        Some(place) => {
            let name = show::line(&place.to_string_lossy(), show::BODY);
            Err(format!("the report would overwrite {name}, which is read here\n   = help: name another file"))
        }
        None => Ok(()),
    }
}

#[derive(Debug, Args)]
pub struct Options {
    /// The event stream of a run: what `kubewalk run --report events=PATH` wrote; `-`: standard input.
    #[arg(value_name = "EVENTS")]
    events: PathBuf,
    /// What to make of it: `html=`, `json=` or `junit=` and a path, or `github`. Left out: the text that the run showed.
    #[arg(long, value_name = "KIND=PATH", value_parser = wanted, value_delimiter = ',')]
    report: Vec<Wanted>,
}

pub fn main(options: &Options, talk: Talk) -> anyhow::Result<Exit> {
    let stream = options.report.iter().any(|wanted| wanted.kind == Kind::Events);
    let invalid = stream.then(|| "`events` is what is read here".to_owned()).or(apart(&options.report).err());
    let places = options.report.iter().filter_map(|wanted| wanted.path.as_ref());
    let invalid = invalid.or_else(|| spares(places, std::slice::from_ref(&options.events)).err());
    if let Some(invalid) = invalid {
        super::complain(&format!("error: {invalid}\n"));
        return Ok(Exit::Invalid);
    }
    let (name, text) = match text(&options.events) {
        Ok(text) => text,
        Err(e) => {
            let name = show::line(&options.events.to_string_lossy(), show::BODY);
            super::complain(&format!("error: cannot read {name}: {e}\n"));
            return Ok(Exit::Invalid);
        }
    };
    let records = match stream::read(&text) {
        Ok(records) => records,
        Err(e) => {
            super::complain_colored(&unreadable(&name, &text, &e, talk.stderr_colors()), talk.stderr_colors());
            return Ok(Exit::Invalid);
        }
    };
    // What was written by somebody else has not been through the filter.
    let records: Vec<Record> = records.into_iter().map(|record| Record::new(record.at_ms, record.event)).collect();
    if options.report.is_empty() {
        let mut terminal = Terminal::new(talk.stdout_colors(), talk.verbosity(), super::width());
        let shown: String = records.iter().map(|record| terminal.on(&record.event)).collect();
        return Ok(super::print_colored(&shown, talk.stdout_colors()));
    }
    Ok(write_all(&options.report, &records))
}

fn text(path: &Path) -> std::io::Result<(String, String)> {
    if path == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text)?;
        return Ok(("standard input".into(), text));
    }
    let mut file = std::fs::File::open(path)?;
    let found = file.metadata()?.file_type();
    if (found.is_char_device() && !rustix::termios::isatty(&file)) || found.is_block_device() {
        return Err(std::io::Error::other("it is a device, which has no end"));
    }
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    Ok((path.display().to_string(), text))
}

/// What is wrong with a file that has nothing of a stream.
const NOT_ONE: &str = "this is no event stream: it does not begin with the event `runStarted`";

fn unreadable(name: &str, text: &str, wrong: &Unreadable, color: bool) -> String {
    const SHOWN: usize = 160;
    let hint = ("hint", "a stream is made by `kubewalk run --report events=PATH`".to_owned());
    // A file that does not begin as a stream is another file: nothing of it is shown.
    if stream::begins(text).is_none() {
        let name = show::line(name, show::BODY);
        let (line, col) = (wrong.line, wrong.col);
        return format!("error: {NOT_ONE}\n --> {name}:{line}:{col}\n  = {}: {}\n", hint.0, hint.1);
    }
    let line = text.lines().nth(wrong.line - 1).unwrap_or_default();
    let excerpt = text::escape(&crate::redact::redact(&line[..text::floor(line, SHOWN)]), false);
    let start = (wrong.col - 1).min(excerpt.len());
    let place =
        Place { file: None, line: wrong.line, col: wrong.col, end: (start + 1).min(excerpt.len()), start, excerpt };
    let caret = Caret { path: name, place: &place, label: "" };
    snippet(&wrong.message, &caret, &[hint], color, 110) + "\n"
}

/// Makes and writes reports; `events` is written by the run itself.
pub fn write_all(all: &[Wanted], records: &[Record]) -> Exit {
    let mut exit = Exit::Held;
    for wanted in all {
        let written = match (wanted.kind, &wanted.path) {
            (Kind::Events, _) | (Kind::Html | Kind::Json | Kind::Junit, None) => Ok(()),
            (Kind::Html, Some(path)) => replace(path, &report::html::render(records)),
            (Kind::Json, Some(path)) => replace(path, &report::json::render(records)),
            (Kind::Junit, Some(path)) => replace(path, &report::junit::render(records)),
            (Kind::Github, path) => {
                exit = exit.worst(super::say::commands(&report::github::annotations(records)));
                let summary = path.clone().or_else(|| std::env::var_os("GITHUB_STEP_SUMMARY").map(PathBuf::from));
                summary.map_or(Ok(()), |path| append(&path, records))
            }
        };
        if let Err(e) = written {
            exit = exit.worst(not_written(wanted, &e));
        }
    }
    exit
}

/// Says that a report could not be written; the verdict stays what it is.
pub fn not_written(wanted: &Wanted, error: &std::io::Error) -> Exit {
    let name = |path: &PathBuf| show::line(&path.to_string_lossy(), show::BODY);
    let path = wanted.path.as_ref().map(|path| format!(" to {}", name(path))).unwrap_or_default();
    let remedy = match error.kind() {
        std::io::ErrorKind::FileTooLarge => {
            "\n   = help: no file may be so large here; raise the limit: `ulimit -f unlimited`"
        }
        _ => "",
    };
    super::complain(&format!(
        "error[report]: the {} report could not be written{path}: {error}{remedy}\n   = the verdict above holds all the same\n",
        wanted.kind.word()
    ));
    Exit::Report
}

fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    Destination::find(path)?.replace(text)
}

/// The summary is added to what earlier steps of the job wrote.
fn append(path: &Path, records: &[Record]) -> std::io::Result<()> {
    let mut file = Destination::find(path)?.append()?;
    let there = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
    file.write_all(report::github::summary(records, there).as_bytes())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("junit=a/b.xml", Ok((Kind::Junit, Some("a/b.xml"))))]
    #[case("json=a=b", Ok((Kind::Json, Some("a=b"))))]
    #[case("github", Ok((Kind::Github, None)))]
    #[case("html", Err("a path is missing: `html=PATH`"))]
    #[case("events=", Err("a path is missing: `events=PATH`"))]
    #[case("junti=a", Err("there is no report `junti`; did you mean `junit`?"))]
    #[case("x=a", Err("there is no report `x`; the kinds are events, github, html, json, and junit"))]
    fn what_is_wanted(#[case] text: &str, #[case] expected: Result<(Kind, Option<&str>), &str>) {
        let read = wanted(text).map(|wanted| (wanted.kind, wanted.path));
        assert_eq!(read, expected.map(|(kind, path)| (kind, path.map(PathBuf::from))).map_err(ToOwned::to_owned));
    }

    #[test]
    fn a_file_that_is_read_is_no_place_for_a_report() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("a.yaml"), "").expect("written");
        std::fs::write(at("b.yaml"), "").expect("written");
        std::fs::hard_link(at("a.yaml"), at("hard")).expect("a second name");
        std::os::unix::fs::symlink("a.yaml", at("soft")).expect("a link");
        let read = [at("a.yaml"), "/dev/null".into(), at("none")];
        for place in ["a.yaml", "./a.yaml", "hard", "soft"] {
            assert!(spares([&at(place)], &read).is_err(), "{place}");
        }
        for place in ["b.yaml", "none", "new/a.yaml", "/dev/null"] {
            assert_eq!(spares([&at(place)], &read), Ok(()), "{place}");
        }
    }

    #[test]
    fn two_reports_have_two_places() {
        let all: Vec<_> = ["junit=a", "json=a", "github"].iter().map(|text| wanted(text).expect("valid")).collect();
        assert_eq!(apart(&all), Err("two reports would go to a".into()));
        assert_eq!(apart(&all[1..]), Ok(()));
    }
}
