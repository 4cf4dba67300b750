//! GitHub: workflow commands that annotate lines of the scenario files, and a summary of the job's step.
//!
//! Nothing that a Pod or a server says can begin a command or a tag: data is escaped as GitHub's own toolkit does it, and
//! in the summary as HTML.

use std::{
    fmt::Write as _,
    path::{Component, Path, PathBuf},
};

use super::{
    Terminal, Verbosity,
    story::{Run, Story, Verdict},
    trouble::{Trouble, TroubleClass},
    versions,
    words::defuse,
};
use crate::{
    duration::took,
    event::{Outcome, Record},
    redact::show,
    settings, text,
};

/// The most annotations of one kind that GitHub shows for a step.
const ANNOTATIONS: usize = 10;

/// The most of the text of one annotation, in bytes.
const MESSAGE: usize = 4096;

/// GitHub refuses a summary of more than 1 MiB; this leaves room for the last lines.
const SUMMARY: usize = 900 * 1024;

/// The most scenarios that the table of the summary lists, those that did not hold first.
const ROWS: usize = 500;

/// The ranks of what kept a run or a scenario from an answer, and a step from being carried out.
const ENVIRONMENT: u8 = 2;
const BROKEN: u8 = 3;

/// The rank of what held only when it was run again: a warning, where all others are errors.
const FLAKY: u8 = 5;

/// An annotation.
struct Annotation {
    /// The most telling first.
    rank: u8,
    place: Option<(String, usize, usize)>,
    title: String,
    message: String,
}

/// `::error …` lines, the most telling first, at most ten.
pub fn annotations(records: &[Record]) -> String {
    let run = Run::from_records(records);
    let mut all: Vec<Annotation> = run.troubles.iter().map(|trouble| outside(None, trouble)).collect();
    for story in &run.scenarios {
        all.extend(story.culprit().map(|step| {
            let mut file = None;
            let (rank, place, message) = match &step.outcome {
                Outcome::Failed { failures } => {
                    let first = failures.first();
                    let place = first.map(|failure| &failure.place);
                    file = place.and_then(|place| place.file.clone());
                    let place = place.map_or((step.line, step.col), |place| (place.line, place.col));
                    (0, place, first.map(failed).unwrap_or_default())
                }
                _ => (BROKEN, (step.line, step.col), story.reason.clone()),
            };
            let title = format!("{}: {}", story.heading(), step.title);
            Annotation {
                rank,
                place: Some((file.unwrap_or_else(|| story.path.to_owned()), place.0, place.1)),
                title,
                message,
            }
        }));
        all.extend(story.troubles.iter().map(|trouble| outside(Some(story), trouble)));
        if story.verdict == Verdict::Flaky {
            let place = Some((story.path.to_owned(), story.line, 1));
            all.push(Annotation { rank: FLAKY, place, title: story.title.to_owned(), message: story.reason.clone() });
        }
    }
    all.sort_by_key(|annotation| annotation.rank);
    // A cluster that broke says the same of each scenario; what is about a file is said of each.
    let mut seen = std::collections::HashSet::new();
    all.retain(|annotation| {
        !matches!(annotation.rank, ENVIRONMENT | BROKEN) || seen.insert(annotation.message.clone())
    });
    let more = all.len().saturating_sub(ANNOTATIONS);
    let mut text: String = all.iter().take(ANNOTATIONS).map(command).collect();
    if more > 0 {
        let _ =
            writeln!(text, "::notice title=kubewalk::{more} more than the ten that GitHub shows are in the summary");
    }
    text
}

fn failed(failure: &crate::event::Failure) -> String {
    let mismatch = &failure.mismatch;
    let mut text = format!("{}\nexpected: {}\ngot: {}", mismatch.message, mismatch.expected, mismatch.got);
    for (name, more) in [("the server says", &mismatch.server_words), ("hint", &mismatch.hint)] {
        text.extend(more.iter().map(|more| format!("\n{name}: {more}")));
    }
    text.extend(failure.why.iter().map(|why| format!("\nwhy: {why}")));
    text
}

fn outside(story: Option<&Story<'_>>, trouble: &Trouble) -> Annotation {
    let rank = match trouble.class {
        TroubleClass::Invalid => 1,
        TroubleClass::CleanUp => 4,
        _ => ENVIRONMENT,
    };
    let of_story = || story.map(|story| (story.path.to_owned(), story.line, 1));
    Annotation {
        rank,
        place: trouble.place.clone().or_else(of_story),
        title: story.map_or("kubewalk", |story| story.title).to_owned(),
        message: trouble.told().trim_end().to_owned(),
    }
}

fn command(annotation: &Annotation) -> String {
    let mut properties = Vec::new();
    if let Some((path, line, col)) = &annotation.place {
        properties.push(format!("file={},line={line},col={col}", property(&in_workspace(&text::file_named(path)))));
    }
    properties.push(format!("title={}", property(&show::line(&annotation.title, show::VALUE))));
    let level = if annotation.rank == FLAKY { "warning" } else { "error" };
    format!("::{level} {}::{}\n", properties.join(","), data(&defuse(&show::block(&annotation.message, MESSAGE))))
}

/// A path as GitHub reads it: from the folder of the checkout, also when the command runs in a folder below that.
pub(super) fn in_workspace(path: &str) -> String {
    let short = path.strip_prefix("./").unwrap_or(path);
    let here = std::env::current_dir().ok();
    let below = settings::github_workspace().zip(here).and_then(|(workspace, here)| from(&workspace, &here, short));
    below.unwrap_or_else(|| short.to_owned())
}

/// A path in a folder as it is from another folder; `None` when it is not below that, or is there already by its words.
fn from(workspace: &Path, here: &Path, path: &str) -> Option<String> {
    let mut whole = PathBuf::new();
    for part in here.join(path).components() {
        match part {
            Component::ParentDir => drop(whole.pop()),
            Component::CurDir => {}
            part => whole.push(part),
        }
    }
    Some(whole.strip_prefix(workspace).ok()?.to_string_lossy().into_owned())
}

/// A command's text, as `@actions/core` escapes it.
pub(super) fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A command's property.
pub(super) fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// The step's summary: a table, and each scenario that did not hold folded below it. `there` bytes are in the file already.
pub fn summary(records: &[Record], there: usize) -> String {
    let run = Run::from_records(records);
    let room = SUMMARY.saturating_sub(there);
    let mut text = head(&run);
    let mut order: Vec<&Story<'_>> = run.scenarios.iter().collect();
    order.sort_by_key(|story| matches!(story.verdict, Verdict::Held));
    text += &table(&order);
    let compared = versions::markdown(records);
    if !compared.is_empty() {
        push(&mut text, room, &mut 0, &format!("{compared}\n"));
    }
    let mut left_out = 0;
    for trouble in &run.troubles {
        push(&mut text, room, &mut left_out, &folded(&format!("! {}", trouble.message), &trouble.told()));
    }
    for story in order {
        for detail in details(story) {
            push(&mut text, room, &mut left_out, &detail);
        }
    }
    if left_out > 0 {
        let _ =
            writeln!(text, "\n{left_out} more are left out: GitHub takes at most 1 MiB. The other reports have all.");
    }
    // Even the head may be too much when the file is full already.
    if text.len() > room { String::new() } else { text }
}

fn push(text: &mut String, room: usize, left_out: &mut usize, detail: &str) {
    const LAST_WORDS: usize = 200;
    if text.len() + detail.len() + LAST_WORDS > room {
        *left_out += 1;
    } else {
        text.push_str(detail);
    }
}

fn head(run: &Run<'_>) -> String {
    let words = run.sentence();
    let cluster = run.cluster.map(|cluster| format!(" on {} with Kubernetes {}", cluster.kind, run.kubernetes()));
    let cluster = html(&cluster.unwrap_or_default());
    format!("## kubewalk: {words}\n\nIn {}{cluster}, by kubewalk {}.\n\n", took(run.took_ms), html(run.kubewalk))
}

/// One block of HTML without an empty line, so that nothing in it is read as Markdown.
fn table(order: &[&Story<'_>]) -> String {
    if order.is_empty() {
        return String::new();
    }
    let mut text = String::from("<table>\n<tr><th></th><th>Scenario</th><th>Steps</th><th>Time</th></tr>\n");
    for story in order.iter().take(ROWS) {
        let _ = writeln!(
            text,
            "<tr><td>{}</td><td>{}<br><code>{}:{}</code></td><td>{}</td><td>{}</td></tr>",
            mark(story.verdict),
            html(&show::line(&story.heading(), show::VALUE)),
            html(&show::line(story.path, show::VALUE)),
            story.line,
            story.steps.iter().filter(|step| step.finished.outcome == Outcome::Held).count(),
            took(story.took_ms),
        );
    }
    text += "</table>\n\n";
    if order.len() > ROWS {
        let _ = writeln!(text, "And {} more.\n", order.len() - ROWS);
    }
    text
}

fn mark(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Held => "✅",
        Verdict::Flaky => "🔁",
        Verdict::Failed => "❌",
        Verdict::Broken => "⚠️",
        Verdict::Skipped | Verdict::Part | Verdict::NotRun => "⏭️",
    }
}

fn details(story: &Story<'_>) -> Vec<String> {
    let options = &story.again_options();
    let title = |reason: &str| format!("{} {}: {reason}", mark(story.verdict), story.heading());
    let mut all = Vec::new();
    match story.culprit() {
        Some(step) => {
            let text = Terminal::new(false, Verbosity::Verbose, 110).with_options(options).step(step);
            all.push(folded(&title(&story.reason), &text));
        }
        None if matches!(story.verdict, Verdict::Skipped | Verdict::Part | Verdict::NotRun) => {
            all.push(folded(&title(&story.reason), &story.reason));
        }
        None => {}
    }
    all.extend(story.troubles.iter().map(|trouble| folded(&title(&trouble.message), &trouble.told())));
    for (index, earlier) in story.earlier.iter().enumerate() {
        let step =
            earlier.culprit.map(|step| Terminal::new(false, Verbosity::Verbose, 110).with_options(options).step(step));
        let told: String = step.into_iter().chain(earlier.troubles.iter().map(Trouble::told)).collect();
        all.push(folded(&title(&format!("attempt {}: {}", index + 1, earlier.reason)), &told));
    }
    all
}

/// A folded block; the text stands in `<pre>`, where no Markdown is read and where only a tag could end it.
fn folded(summary: &str, text: &str) -> String {
    let summary = html(&show::line(summary, show::VALUE));
    format!(
        "<details><summary>{summary}</summary>\n\n<pre>\n{}\n</pre>\n\n</details>\n\n",
        html(text.trim_matches('\n'))
    )
}

fn html(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_told_from_the_folder_of_the_checkout() {
        let told = |here: &str, path: &str| from(Path::new("/work/repo"), Path::new(here), path);
        assert_eq!(told("/work/repo", "a/b.yaml").as_deref(), Some("a/b.yaml"));
        assert_eq!(told("/work/repo/team/x", "b.yaml").as_deref(), Some("team/x/b.yaml"));
        assert_eq!(told("/work/repo/team/x", "../m/./b.yaml").as_deref(), Some("team/m/b.yaml"));
        assert_eq!(told("/work/repo", "/work/repo/c.yaml").as_deref(), Some("c.yaml"));
        assert_eq!(told("/elsewhere", "b.yaml"), None);
        assert_eq!(told("/work/repo", "../b.yaml"), None);
    }
}
