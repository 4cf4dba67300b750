//! The reports that a run writes: which, and where each goes.

use std::{
    collections::HashSet,
    io::Write as _,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use crate::{
    destination::Destination,
    event::{Record, stream},
    exit_code::Exit,
    k8s::nearest,
    output::{eprint, print_commands},
    redact::show,
    report::{github, json},
};

/// A kind of report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReportKind {
    /// The event stream itself, written while the run goes on.
    Events,
    /// JUnit XML.
    Junit,
    /// One JSON document.
    Json,
    /// One HTML page.
    Html,
    /// The summary that `github` writes, as a file of its own.
    Markdown,
    /// Annotations on standard output, and a step summary.
    Github,
}

/// What the command line says of `--report`.
pub const HELP: &str = "Writes a report, too; may be said more than once. KIND is `events` (the stream that all others can be made of), \
    `junit`, `json`, `html`, `markdown`, or `github` (annotations, and a summary in the file that `GITHUB_STEP_SUMMARY` names)";

/// The same for a stream that was written before.
pub const HELP_OF_A_STREAM: &str = "What to make of it: `html=`, `json=`, `junit=` or `markdown=` and a path, or `github`. Left out: the text that the run showed";

/// The words of the command line, in the order of the alphabet.
const KINDS: [(&str, ReportKind); 6] = [
    ("events", ReportKind::Events),
    ("github", ReportKind::Github),
    ("html", ReportKind::Html),
    ("json", ReportKind::Json),
    ("junit", ReportKind::Junit),
    ("markdown", ReportKind::Markdown),
];

impl ReportKind {
    fn word(self) -> &'static str {
        KINDS.iter().find(|(_, kind)| *kind == self).map_or("", |(word, _)| word)
    }

    /// Why this build makes no such report, if it does not.
    fn not_made(self) -> Option<String> {
        let made = cfg!(feature = "reports") || !matches!(self, ReportKind::Html | ReportKind::Junit);
        (!made).then(|| {
            format!(
                "this build of kubewalk makes no report `{}`: enable the feature `reports` of kubewalk",
                self.word()
            )
        })
    }
}

/// A report that a run is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ReportTarget {
    /// Which.
    pub kind: ReportKind,
    /// Where it goes; `None` for `github` alone: the file that `GITHUB_STEP_SUMMARY` names.
    pub path: Option<PathBuf>,
}

/// Reads `KIND=PATH`.
///
/// # Errors
/// One sentence.
pub fn parse(text: &str) -> Result<ReportTarget, String> {
    let (word, path) = text.split_once('=').map_or((text, None), |(word, path)| (word, Some(path)));
    let Some((_, kind)) = KINDS.iter().find(|(known, _)| *known == word) else {
        let hint = nearest(word, KINDS.iter().map(|(known, _)| *known)).map_or_else(
            || {
                let words = KINDS.map(|(word, _)| word);
                let (last, others) = words.split_last().expect("there are some");
                format!("the kinds are {}, and {last}", others.join(", "))
            },
            |known| format!("did you mean `{known}`?"),
        );
        return Err(format!("there is no report `{word}`; {hint}"));
    };
    if let Some(why) = kind.not_made() {
        return Err(why);
    }
    match path {
        Some("") => Err(format!("a path is missing: `{word}=PATH`")),
        None if *kind != ReportKind::Github => Err(format!("a path is missing: `{word}=PATH`")),
        path => Ok(ReportTarget { kind: *kind, path: path.map(PathBuf::from) }),
    }
}

/// What is wrong with all of them together: two that would overwrite each other.
///
/// # Errors
/// One sentence.
pub fn check_places(all: &[ReportTarget]) -> Result<(), String> {
    let mut seen = HashSet::new();
    // A pipe or a device takes many.
    let files = all.iter().filter_map(|wanted| wanted.path.as_ref());
    let mut files = files.filter(|path| std::fs::metadata(path).map_or(true, |found| found.is_file()));
    match files.find(|path| !seen.insert(identity(path))) {
        Some(path) => Err(format!("two reports would go to {}", path.display())),
        None => Ok(()),
    }
}

/// What is the same for two names of one place: its folder by device and inode, and its name there; of a file that is there, itself by
/// them. A folder that is yet to be made goes by its whole path.
fn identity(path: &Path) -> (Option<(u64, u64)>, PathBuf) {
    let id = |path: &Path| std::fs::metadata(path).ok().map(|found| (found.dev(), found.ino()));
    if let Some(file) = id(path) {
        return (Some(file), PathBuf::new());
    }
    let whole: PathBuf = std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).components().collect();
    match (whole.parent().and_then(id), whole.file_name()) {
        (Some(folder), Some(name)) => (Some(folder), name.into()),
        _ => (None, whole),
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

/// Writes the reports of tests: the whole stream, too, and nothing that can be said only once (`github`).
pub fn write_stream(all: &[ReportTarget], records: &[Record]) -> Exit {
    let mut exit = Exit::Held;
    for wanted in all.iter().filter(|wanted| wanted.kind == ReportKind::Events) {
        if let Some(Err(e)) = wanted.path.as_ref().map(|path| replace(path, &stream::sealed(records))) {
            exit = exit.worst(not_written(wanted, &e));
        }
    }
    let others: Vec<_> = all.iter().filter(|wanted| wanted.kind != ReportKind::Github).cloned().collect();
    exit.worst(write_all(&others, records))
}

/// Makes and writes reports; `events` is written by the run itself.
pub fn write_all(all: &[ReportTarget], records: &[Record]) -> Exit {
    let mut exit = Exit::Held;
    for wanted in all {
        let written = match (wanted.kind, &wanted.path) {
            (ReportKind::Events, _)
            | (ReportKind::Html | ReportKind::Json | ReportKind::Junit | ReportKind::Markdown, None) => Ok(()),
            (ReportKind::Html | ReportKind::Junit, Some(path)) => {
                rendered(wanted.kind, records).and_then(|text| replace(path, &text))
            }
            (ReportKind::Json, Some(path)) => replace(path, &json::render(records)),
            (ReportKind::Markdown, Some(path)) => replace(path, &github::summary(records, 0)),
            (ReportKind::Github, path) => {
                exit = exit.worst(print_commands(&github::annotations(records)));
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

/// A report that the feature `reports` makes.
#[cfg(feature = "reports")]
fn rendered(kind: ReportKind, records: &[Record]) -> std::io::Result<String> {
    use crate::report::{html, junit};
    Ok(if kind == ReportKind::Html { html::render(records) } else { junit::render(records) })
}

#[cfg(not(feature = "reports"))]
fn rendered(kind: ReportKind, _records: &[Record]) -> std::io::Result<String> {
    Err(std::io::Error::other(kind.not_made().unwrap_or_default()))
}

/// Says that a report could not be written; the verdict stays what it is.
pub fn not_written(wanted: &ReportTarget, error: &std::io::Error) -> Exit {
    let name = |path: &PathBuf| show::line(&path.to_string_lossy(), show::BODY);
    let path = wanted.path.as_ref().map(|path| format!(" to {}", name(path))).unwrap_or_default();
    let remedy = match error.kind() {
        std::io::ErrorKind::FileTooLarge => {
            "\n   = help: no file may be so large here; raise the limit: `ulimit -f unlimited`"
        }
        _ => "",
    };
    eprint(&format!(
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
    file.write_all(github::summary(records, there).as_bytes())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("junit=a/b.xml", Ok((ReportKind::Junit, Some("a/b.xml"))))]
    #[case("json=a=b", Ok((ReportKind::Json, Some("a=b"))))]
    #[case("github", Ok((ReportKind::Github, None)))]
    #[case("html", Err("a path is missing: `html=PATH`"))]
    #[case("events=", Err("a path is missing: `events=PATH`"))]
    #[case("junti=a", Err("there is no report `junti`; did you mean `junit`?"))]
    #[case("x=a", Err("there is no report `x`; the kinds are events, github, html, json, junit, and markdown"))]
    fn what_is_wanted(#[case] text: &str, #[case] expected: Result<(ReportKind, Option<&str>), &str>) {
        let read = parse(text).map(|wanted| (wanted.kind, wanted.path));
        assert_eq!(read, expected.map(|(kind, path)| (kind, path.map(PathBuf::from))).map_err(ToOwned::to_owned));
    }

    #[test]
    fn two_names_of_one_place_are_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("in")).expect("a folder");
        std::os::unix::fs::symlink("in", at("link")).expect("a link");
        std::fs::write(at("there"), "").expect("written");
        std::fs::hard_link(at("there"), at("hard")).expect("a second name");
        let refused = |a: &str, b: &str| {
            let target = |name: &str| ReportTarget { kind: ReportKind::Json, path: Some(at(name)) };
            check_places(&[target(a), target(b)]).is_err()
        };
        for (a, b) in [
            ("x", "x"),
            ("x", "./x"),
            ("in/x", "link/x"),
            ("in/x", "in/../in/x"),
            ("there", "hard"),
            ("no/x", "no/./x"),
        ] {
            assert!(refused(a, b), "{a} {b}");
        }
        for (a, b) in [("x", "y"), ("x", "in/x"), ("no/x", "in/x")] {
            assert!(!refused(a, b), "{a} {b}");
        }
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
        let all: Vec<_> = ["junit=a", "json=a", "github"].iter().map(|text| parse(text).expect("valid")).collect();
        assert_eq!(check_places(&all), Err("two reports would go to a".into()));
        assert_eq!(check_places(&all[1..]), Ok(()));
    }
}
