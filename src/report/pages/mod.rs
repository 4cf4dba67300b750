//! Pages for readers, made of a run that really happened: what is said, what is sent, what came back, and the picture of who may
//! do what. Values that are others in each run are written as `«uid»` and the like, so that two runs make the same page.

mod cast;
mod html;
mod markdown;
mod normal;
mod page;
mod step;

#[cfg(test)]
mod tests;

use sha2::{Digest as _, Sha256};

use self::page::{MADE, Page, SEAL, SUM_OF, Stamp};
use super::story::{Run, Story, Verdict};
use crate::{
    event::{Event, Record},
    text,
};

/// What a page is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Markdown, with the picture as Mermaid.
    Markdown,
    /// One HTML file, with the picture as SVG.
    Html,
    /// A terminal session, asciicast v3.
    Cast,
}

/// Why no page is made of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// A word, e.g. `notHeld`.
    pub class: &'static str,
    /// One sentence.
    pub message: String,
}

/// Why a run makes no page, if it does not: something of it did not hold, or was not run.
pub fn refusal(records: &[Record]) -> Option<Refusal> {
    let run = Run::from_records(records);
    let found = open(&run);
    let message = found.first()?.clone();
    let more = if found.len() > 1 { format!(", and {} more", found.len() - 1) } else { String::new() };
    Some(Refusal { class: "notHeld", message: format!("no page is made of a run that did not hold: {message}{more}") })
}

/// How many versions of Kubernetes a run was on, of which a page can show only one.
pub fn versions(records: &[Record]) -> usize {
    records.iter().filter(|record| matches!(record.event, Event::VersionStarted { .. })).count().max(1)
}

/// What of a run did not hold.
fn open(run: &Run<'_>) -> Vec<String> {
    // One that is for another cluster says so on the page, beside those that held.
    let held = run.scenarios.iter().any(|story| story.verdict == Verdict::Held);
    let is_open = |verdict| verdict != Verdict::Held && !(held && verdict == Verdict::Skipped);
    let stories = run.scenarios.iter().filter(|story| is_open(story.verdict));
    let mut found: Vec<String> = stories.map(|story| format!("{}: {}", story.path, reason(story))).collect();
    found.extend(run.troubles.iter().map(|trouble| trouble.message.clone()));
    if run.scenarios.is_empty() {
        found.push("there is no scenario in it".into());
    }
    if found.is_empty() && run.exit_code != Some(0) {
        found.push("it did not end with exit code 0".into());
    }
    found
}

fn reason(story: &Story<'_>) -> String {
    match (story.verdict, story.reason.as_str()) {
        (Verdict::Skipped, _) => "none of its steps is for this cluster".into(),
        (_, "") => "it did not hold".into(),
        (_, reason) => reason.to_owned(),
    }
}

/// The page; of a run that did not hold, with a stamp on it. Without a title, it is that of the only scenario, or the files'
/// folder.
pub fn render(format: Format, records: &[Record], title: Option<&str>) -> String {
    let records = normal::records(records);
    let run = Run::from_records(&records);
    let title = title.map_or_else(|| title_of(&run), str::to_owned);
    let open = open(&run);
    let stamp = (!open.is_empty()).then_some(Stamp(open));
    let page = Page { title: &title, run: &run, stamp };
    let text = match format {
        Format::Markdown => markdown::render(&page),
        Format::Html => html::render(&page),
        Format::Cast => cast::render(&page),
    };
    sealed(&text)
}

fn title_of(run: &Run<'_>) -> String {
    match run.scenarios.as_slice() {
        [only] => only.title.to_owned(),
        all => {
            let folder = all.first().and_then(|story| story.path.rsplit_once('/')).map_or("", |(folder, _)| folder);
            folder.rsplit('/').next().unwrap_or_default().to_owned()
        }
    }
}

/// Puts the page's sum into it.
fn sealed(text: &str) -> String {
    // Its own words stand last, or first in a cast, and always behind these; a title may have the same.
    let place = format!("{SUM_OF}{SEAL}");
    let at = if text.starts_with('{') { text.find(&place) } else { text.rfind(&place) };
    let Some(at) = at.map(|at| at + SUM_OF.len()) else { return text.to_owned() };
    format!("{}{}{}", &text[..at], sum(text), &text[at + SEAL.len()..])
}

fn sum(page: &str) -> String {
    text::sum(&Sha256::new().chain_update(dateless(page)))
}

/// The page without the day on which it was made and the version of kubewalk.
fn dateless(text: &str) -> String {
    MADE.replace_all(text, "Made").into_owned()
}

/// What is wrong with a page that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Differs {
    /// It is not as it was made: its sum is another one, or it has none.
    Altered,
    /// It is as it was made, and a new run makes another one: here, in the line of this number of both.
    Stale {
        /// 1 for the first; the line of the sum is not counted.
        line: usize,
        /// What is there.
        there: String,
        /// What the run makes.
        made: String,
    },
}

/// Compares a page that is there with one that was just made; the day and the version of kubewalk do not count.
///
/// # Errors
/// When they differ.
pub fn compare(there: &str, made: &str) -> Result<(), Differs> {
    if !is_whole(there) {
        return Err(Differs::Altered);
    }
    let (there, made) = (dateless(there), dateless(made));
    if there == made {
        return Ok(());
    }
    // The sum differs, too: what it is about comes before it, but in a cast.
    let sums = |line: &&str| !line.contains(SUM_OF);
    let (mut old, mut new) = (there.lines().filter(sums), made.lines().filter(sums));
    let mut at = 0;
    loop {
        at += 1;
        match (old.next(), new.next()) {
            (None, None) => return Err(Differs::Stale { line: at, there: String::new(), made: String::new() }),
            (old, new) if old == new => {}
            (old, new) => {
                let (old, new) = (old.unwrap_or_default(), new.unwrap_or_default());
                let same = old.chars().zip(new.chars()).take_while(|(a, b)| a == b).count();
                let shown = |line: &str| line.chars().skip(same.saturating_sub(30)).take(100).collect();
                return Err(Differs::Stale { line: at, there: shown(old), made: shown(new) });
            }
        }
    }
}

/// Whether a page has the sum of what is in it.
pub fn is_whole(page: &str) -> bool {
    let before = SEAL.len() - "SEAL-OF-THIS-PAGE".len();
    // In a cast the footer stands first, in all others last; nothing else has a sum behind these words.
    let all = page.match_indices(SUM_OF).map(|(at, words)| at + words.len());
    let Some(start) = all.filter(|at| page[*at..].starts_with(&SEAL[..before])).last() else { return false };
    let end = start + before + 64;
    let Some(said) = page.get(start..end) else { return false };
    let unsealed = format!("{}{SEAL}{}", &page[..start], &page[end..]);
    sum(&unsealed) == said
}
