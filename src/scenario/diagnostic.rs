//! Errors that point at the line.

use std::{borrow::Cow, path::PathBuf, sync::Arc};

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::{fix::Edit, lines};

pub use super::span::Span;
use crate::{redact::masked, text::unseen};

/// What the name of a text ends in that was rendered of the file of that name, and is in no file itself.
pub const RENDERED: &str = " (rendered)";

/// A file's name and text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// As the user named it.
    pub path: PathBuf,
    /// Its text.
    pub text: Arc<str>,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Nothing is started.
    Error,
    /// The scenario can run.
    Warning,
}

/// One thing that is wrong with a scenario file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// One sentence without a period, in lower case: `unknown key `staus``.
    pub message: String,
    /// The file, if it is not the scenario's own.
    pub file: Option<Source>,
    /// Where; `None` when the file could not be read at all.
    pub span: Option<Span>,
    /// A few words beside the caret.
    pub label: Option<String>,
    /// A second place, e.g. the first of two equal keys, with its label.
    pub second: Option<(Span, String)>,
    /// What to do.
    pub hint: Option<String>,
    /// The same for machines, where it can be said so: all of these changes together.
    pub fix: Vec<Edit>,
    /// Whether it is this machine that lacks something, and the file may be right.
    pub environment: bool,
}

/// Where a diagnostic is and what it says, for programs: they look the place up in a file that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// The file.
    pub path: String,
    /// Line and column of begin and end, both counted from 1; `None`: the file as a whole.
    pub range: Option<((usize, usize), (usize, usize))>,
    /// The message.
    pub message: String,
}

impl Diagnostic {
    /// Its place; `source` is the scenario's, where it names no file of its own. What was rendered is in no file, so there it is the file of
    /// which that was rendered, and the message has the line.
    pub fn placed(&self, source: &Source) -> Placed {
        let source = self.file.as_ref().unwrap_or(source);
        let at = |at: usize| line_col(source, at);
        let range = self.span.map(|span| (at(span.start), at(span.end.max(span.start))));
        let (shown, message) = (source.path.display().to_string(), self.message.clone());
        match shown.strip_suffix(RENDERED) {
            Some(file) => {
                let line =
                    range.map_or_else(String::new, |((line, _), _)| format!(" (line {line} of what it renders)"));
                Placed { path: file.to_owned(), range: None, message: message + &line }
            }
            None => Placed { path: shown, range, message },
        }
    }
}

/// A line below a snippet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remark<'a> {
    /// `= note: …`: what else is known.
    Note(&'a str),
    /// `= help: …`: what to do.
    Help(&'a str),
}

/// The widest line that is printed; longer ones are cut around the place that matters.
const WIDTH: usize = 120;

/// All diagnostics of a file as rustc would print them, one blank line between two.
pub fn render(diagnostics: &[Diagnostic], source: &Source, color: bool) -> String {
    let texts: Vec<String> = diagnostics
        .iter()
        .map(|diagnostic| render_one(diagnostic, diagnostic.file.as_ref().unwrap_or(source), color))
        .collect();
    texts.join("\n")
}

fn render_one(diagnostic: &Diagnostic, source: &Source, color: bool) -> String {
    let remarks: Vec<Remark<'_>> = diagnostic.hint.as_deref().map(Remark::Help).into_iter().collect();
    let second = diagnostic.second.as_ref().map(|(span, label)| (*span, label.as_str()));
    let label = diagnostic.label.as_deref();
    paint(diagnostic.severity, source, diagnostic.span, &diagnostic.message, label, second, &remarks, color)
}

/// An error with the place it is about: title, `path:line:col`, the line with carets, and remarks.
///
/// Without a span only the path is shown. Ends with a newline.
pub fn snippet(
    source: &Source,
    span: Option<Span>,
    title: &str,
    label: Option<&str>,
    remarks: &[Remark<'_>],
    color: bool,
) -> String {
    paint(Severity::Error, source, span, title, label, None, remarks, color)
}

#[expect(clippy::too_many_arguments, reason = "the parts of one picture")]
fn paint(
    severity: Severity,
    source: &Source,
    span: Option<Span>,
    title: &str,
    label: Option<&str>,
    second: Option<(Span, &str)>,
    remarks: &[Remark<'_>],
    color: bool,
) -> String {
    let level = match severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let path = printable(&source.path.to_string_lossy()).into_owned();
    let mut group = level.primary_title(printable(title)).elements(Vec::<annotate_snippets::Message<'_>>::new());
    group = match span {
        Some(span) => group.element(excerpt(source, span, label, second).path(path)),
        None => group.element(Origin::path(path)),
    };
    for remark in remarks {
        group = group.element(match remark {
            Remark::Note(text) => Level::NOTE.message(printable(text)),
            Remark::Help(text) => Level::HELP.message(printable(text)),
        });
    }
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let report: &[Group<'_>] = &[group];
    // The renderer pads lines that end in nothing.
    let text = renderer.term_width(WIDTH).render(report);
    text.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// The lines of both places.
fn excerpt<'a>(
    source: &'a Source,
    span: Span,
    label: Option<&'a str>,
    second: Option<(Span, &'a str)>,
) -> Snippet<'a, annotate_snippets::Annotation<'a>> {
    let text = &*source.text;
    let span = inside(text, span);
    let second = second.map(|(span, label)| (inside(text, span), label));
    let first_byte = second.map_or(span.start, |(other, _)| other.start.min(span.start));
    let last_byte = second.map_or(span.end, |(other, _)| other.end.max(span.end));
    // Only these lines are handed over: the renderer looks at every line that it gets, for every diagnostic.
    let start = text[..first_byte].rfind('\n').map_or(0, |at| at + 1);
    let end = text[last_byte..].find('\n').map_or(text.len(), |at| last_byte + at);
    let line = lines::place(&source.text, start).0;
    let local = |span: Span| span.start - start..span.end - start;
    let mut primary = AnnotationKind::Primary.span(local(span));
    if let Some(label) = label {
        primary = primary.label(printable(label));
    }
    let context = second.map(|(span, label)| AnnotationKind::Context.span(local(span)).label(printable(label)));
    Snippet::source(shown(&text[start..end], first_byte - start, last_byte - start))
        .line_start(line)
        .annotation(primary)
        .annotations(context)
}

/// The lines as they are drawn: without credentials, which the renderer could cut so that no filter would know them, each
/// letter where it was. Of very long lines only what is about the places is looked at, as only that is drawn.
fn shown(lines: &str, first: usize, last: usize) -> Cow<'_, str> {
    const AROUND: usize = 4096;
    let begin = if lines.len() <= 4 * AROUND { 0 } else { floor(lines, first.saturating_sub(AROUND)) };
    let end = if lines.len() <= 4 * AROUND { lines.len() } else { floor(lines, last.saturating_add(AROUND)) };
    match masked(&lines[begin..end]) {
        Cow::Borrowed(_) => visible(lines),
        Cow::Owned(clean) => visible(&[&lines[..begin], &clean, &lines[end..]].concat()).into_owned().into(),
    }
}

/// The text with what the renderer would pass on to the terminal, or leave invisible, replaced by signs of as many bytes.
fn visible(text: &str) -> Cow<'_, str> {
    let sign = |c: char| match c.len_utf8() {
        // The renderer has signs of its own for these.
        1 => None,
        _ if !unseen(c) => None,
        2 => Some('¿'),
        3 => Some('\u{fffd}'),
        _ => Some('\u{10101}'),
    };
    if text.chars().all(|c| sign(c).is_none()) {
        return Cow::Borrowed(text);
    }
    text.chars().map(|c| sign(c).unwrap_or(c)).collect::<String>().into()
}

/// The span as far as the text has it, on whole characters.
fn inside(text: &str, span: Span) -> Span {
    let start = floor(text, span.start);
    let mut end = span.end.clamp(start, text.len());
    while !text.is_char_boundary(end) {
        end += 1;
    }
    Span { start, end }
}

/// The offset, or the nearest before it at which a character begins.
pub(super) fn floor(text: &str, offset: usize) -> usize {
    let mut at = offset.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// The line and the column of an offset, both from 1; columns count characters.
pub fn line_col(source: &Source, offset: usize) -> (usize, usize) {
    lines::place(&source.text, floor(&source.text, offset))
}

/// The offset of a line and a column, both from 1; the nearest that exists.
pub(super) fn offset(text: &str, line: usize, column: usize) -> usize {
    let skipped = line.saturating_sub(1);
    let start =
        if skipped == 0 { 0 } else { text.match_indices('\n').nth(skipped - 1).map_or(text.len(), |(at, _)| at + 1) };
    let rest = text[start..].split('\n').next().unwrap_or_default();
    start + rest.char_indices().nth(column.saturating_sub(1)).map_or(rest.len(), |(at, _)| at)
}

/// The text with everything that could steer a terminal or mislead the eye written as an escape.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(unseen) {
        return Cow::Borrowed(text);
    }
    text.chars()
        .map(|c| if unseen(c) { c.escape_default().to_string() } else { c.to_string() })
        .collect::<String>()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_rendered_is_placed_in_the_file_of_which_it_was() {
        let mut found = Diagnostic {
            severity: Severity::Error,
            message: "wrong".into(),
            file: Some(Source { path: "ch/templates/r.yaml (rendered)".into(), text: "a\nbc\n".into() }),
            span: Some(Span { start: 2, end: 4 }),
            label: None,
            second: None,
            hint: None,
            fix: vec![],
            environment: false,
        };
        let placed = found.placed(&source(""));
        assert_eq!((placed.path.as_str(), placed.range), ("ch/templates/r.yaml", None));
        assert_eq!(placed.message, "wrong (line 2 of what it renders)");
        found.file = None;
        assert_eq!(found.placed(&source("a\nbc\n")).range, Some(((2, 1), (2, 3))));
    }

    fn source(text: &str) -> Source {
        Source { path: "a.yaml".into(), text: text.into() }
    }

    fn span_of(text: &str, word: &str) -> Span {
        let start = text.find(word).expect("the word");
        Span { start, end: start + word.len() }
    }

    fn show(text: &str, word: &str) -> String {
        snippet(&source(text), Some(span_of(text, word)), "title", Some("here"), &[Remark::Help("do it")], false)
    }

    #[test]
    fn draws_as_rustc_does() {
        let expected = "error: title\n --> a.yaml:2:4\n  |\n2 | b: no\n  |    ^^ here\n  |\n  = help: do it\n";
        assert_eq!(show("a: 1\nb: no\nc: 3\n", "no"), expected);
    }

    #[test]
    fn keeps_carets_under_wide_characters_and_tabs() {
        for (text, column) in [("k: \"日本 👍 x\" no", 13), ("k:\tno", 4)] {
            let shown = show(text, "no");
            assert!(shown.contains(&format!("a.yaml:1:{column}")), "{shown}");
            let lines: Vec<&str> = shown.lines().collect();
            let width = |text: &str| text.chars().map(|c| if c > '\u{1100}' { 2 } else { 1 }).sum::<usize>();
            let above = width(&lines[3][..lines[3].find("no").expect("word")]);
            assert_eq!(above, lines[4].find('^').expect("caret"), "{shown}");
        }
    }

    #[test]
    fn lets_nothing_steer_the_terminal() {
        let text = "k: \u{1b}[31mred\u{202e}\u{ad}\u{2028}\u{2061}\u{61c}\u{fff9}\u{ffff}\u{10ffff}\u{e0041} no";
        let shown = snippet(
            &source(text),
            Some(span_of(text, "no")),
            "ti\u{1b}tle",
            Some("la\u{7}bel"),
            &[Remark::Note("n\u{9b}")],
            false,
        );
        assert!(shown.chars().all(|c| c == '\n' || !(c.is_control() || c == '\u{202e}')), "{shown:?}");
        assert!(!shown.contains(['\u{ad}', '\u{2028}', '\u{ffff}', '\u{10ffff}', '\u{e0041}']), "{shown:?}");
        assert!(!shown.contains(['\u{2061}', '\u{61c}', '\u{fff9}']), "{shown:?}");
    }

    #[test]
    fn trims_long_lines() {
        let text = format!("k: {} no {}", "x".repeat(100_000), "y".repeat(100_000));
        let shown = show(&text, "no");
        assert!(
            shown.lines().all(|line| line.chars().count() < 200) && shown.contains("a.yaml:1:100005"),
            "{}",
            &shown[..300]
        );
    }

    #[test]
    fn counts_lines_and_columns_in_characters() {
        let source = source("äö: 1\n\nüx: 2");
        assert_eq!(line_col(&source, 0), (1, 1));
        assert_eq!(line_col(&source, source.text.find('x').expect("x")), (3, 2));
        assert_eq!(line_col(&source, 999), (3, 6));
        assert_eq!(offset(&source.text, 3, 2), source.text.find('x').expect("x"));
        assert_eq!(offset(&source.text, 9, 9), source.text.len());
    }
}
