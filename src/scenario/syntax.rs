//! What is not YAML, in words that help; and small looks at the text around a place.

pub(super) use super::mistake::error;
use super::{
    Diagnostic, Span, advice,
    diagnostic::{floor, printable},
};

/// Why the YAML reader stopped, and where.
#[derive(Debug, Clone)]
pub(super) struct Trouble {
    pub kind: Kind,
    /// The YAML reader's own words.
    pub message: String,
    pub span: Span,
}

/// The troubles that have words of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    SecondDocument,
    RecursiveAlias,
    UnknownAnchor,
    KeyIsNoText,
    BadMerge,
    TooManyAliases,
    TooDeep,
    TooBig,
    Other,
}

/// The one diagnostic for a text that is not YAML.
pub(super) fn explain(text: &str, trouble: &Trouble) -> Diagnostic {
    let span = trouble.span;
    if trouble.kind == Kind::Other
        && let Some(found) =
            bad_space(text, trouble).or_else(|| advice::foreign::of_text(text)).or_else(|| levels(text, trouble))
    {
        return found;
    }
    let (message, hint) = match trouble.kind {
        Kind::SecondDocument => return second_document(span.start),
        Kind::RecursiveAlias => ("this alias contains itself", "write the value out"),
        Kind::UnknownAnchor => (
            "no anchor of this name stands before this alias",
            "write `&name` at a value further up; a text that begins with `*` must be quoted",
        ),
        Kind::KeyIsNoText => {
            ("this key is no text", "a key is a word before a colon; quote it if it looks like something else")
        }
        Kind::BadMerge => (
            "`<<` takes a mapping or a list of mappings",
            "e.g. `<<: *name` with an anchor `&name` at a mapping further up",
        ),
        Kind::TooManyAliases => ("the aliases of this file make too much of it", "write the values out"),
        Kind::TooDeep => ("this is nested too deeply", "64 levels are the most"),
        Kind::TooBig => ("this has too many values for a scenario", "split it: one file tells one story"),
        Kind::Other => return other(text, trouble),
    };
    error(message, span, hint)
}

/// A line that stands too deep, or a dash without a blank.
fn levels(text: &str, trouble: &Trouble) -> Option<Diagnostic> {
    let words = ["mapping values", "block mapping", "block collection", "block sequence", "simple key", "indentation"];
    words
        .iter()
        .any(|word| trouble.message.contains(word))
        .then(|| advice::levels::explain(text, trouble.span.start))?
}

fn other(text: &str, trouble: &Trouble) -> Diagnostic {
    let own = trouble.message.rsplit_once(" at line ").map_or(trouble.message.as_str(), |(own, _)| own);
    let mut span = trouble.span;
    if let Some(tag) = own.strip_prefix("unsupported tag `").and_then(|rest| rest.strip_suffix('`')) {
        if let Some(start) = text[..span.end].rfind(tag) {
            span = Span { start, end: start + tag.len() };
        }
        let hint = "plain YAML is enough here: texts, numbers, true and false, lists, mappings; a text that begins with `!` must be quoted";
        return error(&format!("the tag `{}` is not taken", printable(tag)), span, hint);
    }
    let hint = if own.contains("mapping values are not allowed") {
        "a text that contains `: ` must be quoted"
    } else if own.contains("unclosed quote") {
        "the quote that begins here has no end"
    } else if own.contains("unclosed bracket") {
        "the bracket that opens here has no end"
    } else if own.contains("inside a block") {
        "a bracket or brace further up may have no end"
    } else if own.contains("unexpected character") {
        "a text that begins with this character must be quoted"
    } else if own.contains("flow mapping") || own.contains("flow sequence") {
        "a text that contains `: ` or one of `,[]{}` must be quoted here"
    } else if own.contains("block mapping") || own.contains("simple key") || own.contains("indentation") {
        "the keys of one mapping stand in one column, each with `: ` behind it; look at this line and the one above"
    } else if own.contains("block collection") || own.contains("block sequence") {
        "this line begins in no column of the lines above: keys of one mapping, and dashes of one list, stand in one column"
    } else {
        ""
    };
    error(&format!("this is not YAML: {}", printable(own)), span, hint)
}

/// A tab or an odd space that indents the line of the trouble or one beside it, or an odd space behind a colon.
fn bad_space(text: &str, trouble: &Trouble) -> Option<Diagnostic> {
    let here = line_start(text, trouble.span.start);
    if trouble.message.contains("tab")
        && let Some(at) = text[here..].find('\t')
    {
        return indenting('\t', here + at);
    }
    let before = line_start(text, here.saturating_sub(1));
    [here, before].into_iter().find_map(|start| {
        let line = text[start..].split('\n').next().unwrap_or_default();
        let indentation = line.char_indices().find(|(_, c)| *c != ' ');
        let mut places = line.match_indices(':').filter_map(|(at, _)| {
            let c = line[at + 1..].chars().next()?;
            not_a_space(c, start + at + 1)
        });
        indentation.and_then(|(at, c)| indenting(c, start + at)).or_else(|| places.next())
    })
}

fn indenting(c: char, start: usize) -> Option<Diagnostic> {
    if c == '\t' {
        return Some(error("a tab cannot indent YAML", Span { start, end: start + 1 }, "use spaces"));
    }
    not_a_space(c, start)
}

/// An error if this character only looks like a space.
pub(super) fn not_a_space(c: char, start: usize) -> Option<Diagnostic> {
    let span = Span { start, end: start + c.len_utf8() };
    let name = match c {
        '\u{a0}' => "a non-breaking space (U+00A0)".to_owned(),
        '\u{200b}' | '\u{200c}' | '\u{200d}' | '\u{2060}' | '\u{feff}' => {
            format!("an invisible character (U+{:04X})", c as u32)
        }
        c if c.is_whitespace() && !c.is_ascii() => format!("an odd space (U+{:04X})", c as u32),
        _ => return None,
    };
    Some(error(
        &format!("{name} is no space to YAML"),
        span,
        "replace it by a plain space; web pages and word processors leave such characters",
    ))
}

/// What is said of a second document.
pub(super) const SECOND_DOCUMENT: &str = "a second document begins here";

/// The error for a second document that begins at the mark.
pub(super) fn second_document(mark: usize) -> Diagnostic {
    let span = Span { start: mark, end: mark + 3 };
    error(
        SECOND_DOCUMENT,
        span,
        "one file holds one scenario: move this part to a file of its own; several manifests go in a list under `apply`",
    )
}

/// Where the last `---` line at or before the offset begins.
pub(super) fn document_mark(text: &str, offset: usize) -> usize {
    let mut start = line_start(text, offset.min(text.len()));
    while start > 0 && !text[start..].starts_with("---") {
        start = line_start(text, start - 1);
    }
    start
}

/// Whether there is nothing but comments, blank lines, and document marks.
pub(super) fn is_blank(text: &str) -> bool {
    text.lines().map(str::trim).all(|line| line.is_empty() || line.starts_with('#') || line == "---" || line == "...")
}

/// Whether the scalar at this place has no quotes, no block sign, and no tag.
///
/// Looks back over a word or two only: it is asked for every scalar, and a line may be long.
pub(super) fn is_plain(text: &str, span: Span) -> bool {
    let quoted = text[span.start..span.end].starts_with(['"', '\'']);
    if quoted || span.start == span.end {
        return false;
    }
    let mut before = text[..span.start].trim_end_matches(' ');
    if before.is_empty() || before.ends_with('\n') {
        return !under_block_sign(before);
    }
    loop {
        let word = before.rsplit([' ', '\n']).next().unwrap_or_default();
        match word.chars().next() {
            Some('!') => return false,
            Some('&') => before = before[..before.len() - word.len()].trim_end_matches(' '),
            _ => return true,
        }
    }
}

/// Whether the last line with content ends with `|` or `>` and their settings.
fn under_block_sign(before: &str) -> bool {
    let Some(line) = before.lines().rev().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#')) else {
        return false;
    };
    let line = line.split(" #").next().unwrap_or(line).trim_end();
    let settings = |c: char| matches!(c, '+' | '-') || c.is_ascii_digit();
    let head = line.trim_end_matches(settings).strip_suffix(['|', '>']);
    head.is_some_and(|head| head.is_empty() || head.ends_with(' '))
}

fn line_start(text: &str, offset: usize) -> usize {
    text[..floor(text, offset)].rfind('\n').map_or(0, |at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_a_plain_scalar() {
        let plain = |text: &str| {
            let start = text.rfind("no").expect("the word");
            let start = if text[..start].ends_with(['"', '\'']) { start - 1 } else { start };
            is_plain(text, Span { start, end: text.len() })
        };
        for text in ["a: no", "a:\n  no", "- no", "a: &x no", "a: # |\n  no", "a: x |\nb:\n  no"] {
            assert!(plain(text), "{text}");
        }
        for text in [
            "a: 'no",
            "a: \"no",
            "a: !!str no",
            "a: !!str &x no",
            "a: |\n  no",
            "a: >-\n  no",
            "a: |- # c\n\n  no",
            "- |\n  no",
            "a: |2+\n  no",
        ] {
            assert!(!plain(text), "{text}");
        }
    }

    #[test]
    fn finds_the_mark_of_a_document() {
        let text = "a: 1\n--- # x\nb: 2\n";
        assert_eq!(document_mark(text, 13), 5);
        assert!(is_blank("\n# x\n...\n") && !is_blank("\nb"));
    }
}
