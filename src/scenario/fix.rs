//! Changes of a text that mend what is wrong with it: what a hint says in words, for machines.

use super::span::Span;

/// One change: this text instead of what stands there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// What is replaced; of no length where something is put in.
    pub span: Span,
    /// What stands there afterwards.
    pub text: String,
}

impl Edit {
    /// This text instead of what stands there.
    pub fn replace(span: Span, text: impl Into<String>) -> Self {
        Edit { span, text: text.into() }
    }

    /// This text before what stands there.
    pub fn insert(at: usize, text: impl Into<String>) -> Self {
        Edit::replace(Span { start: at, end: at }, text)
    }
}

/// A text that was changed, and where its parts were before.
#[derive(Debug)]
pub struct Fixed {
    /// The text.
    pub text: String,
    /// What was changed, in the order of the text.
    edits: Vec<Edit>,
}

/// Makes the changes, those of each group together: a group that meets an earlier one is left out.
pub fn apply<'a>(text: &str, groups: impl Iterator<Item = &'a [Edit]>) -> Fixed {
    let mut edits: Vec<Edit> = Vec::new();
    for group in groups {
        let fits = group.iter().all(|edit| {
            let whole = text.is_char_boundary(edit.span.start) && text.is_char_boundary(edit.span.end);
            let within = edit.span.start <= edit.span.end && edit.span.end <= text.len();
            whole && within && edits.iter().all(|other| apart(other.span, edit.span))
        });
        if fits {
            edits.extend(group.iter().cloned());
        }
    }
    edits.sort_by_key(|edit| (edit.span.start, edit.span.end));
    let (mut made, mut at) = (String::with_capacity(text.len()), 0);
    for edit in &edits {
        made.push_str(text.get(at..edit.span.start).unwrap_or_default());
        made.push_str(&edit.text);
        at = edit.span.end;
    }
    made.push_str(text.get(at..).unwrap_or_default());
    Fixed { text: made, edits }
}

fn apart(one: Span, other: Span) -> bool {
    one.end < other.start
        || other.end < one.start
        || (one.end <= other.start && one.start < one.end && other.start < other.end)
        || (other.end <= one.start && one.start < one.end && other.start < other.end)
}

impl Fixed {
    /// Where something in the changed text stands in the first one: in a part that was put in, the place of the change.
    pub fn before(&self, span: Span) -> Span {
        let start = self.offset(span.start);
        Span { start, end: self.offset(span.end).max(start) }
    }

    fn offset(&self, after: usize) -> usize {
        let (mut old, mut new) = (0, 0);
        for edit in &self.edits {
            let kept = edit.span.start - old;
            if after < new + kept {
                break;
            }
            new += kept;
            old = edit.span.start;
            if after < new + edit.text.len() {
                return old;
            }
            new += edit.text.len();
            old = edit.span.end;
        }
        old + (after - new)
    }
}

/// The line of a key and all lines below it that are indented more, if the key is the first on its line (behind dashes or not).
pub(super) fn block(text: &str, key: Span) -> Option<Span> {
    let start = text[..key.start].rfind('\n').map_or(0, |at| at + 1);
    if !text[start..key.start].bytes().all(|byte| byte == b' ') {
        return None;
    }
    let column = key.start - start;
    let mut end = start;
    for line in text[start..].split_inclusive('\n') {
        let indentation = line.bytes().take_while(|byte| *byte == b' ').count();
        // A list may stand in the column of its key.
        let item = indentation == column && line[indentation..].starts_with("- ");
        let blank = line.trim().is_empty() || line.trim_start().starts_with('#');
        if end > start && !blank && indentation <= column && !item {
            break;
        }
        end += line.len();
    }
    // Blank lines and comments at the end belong to what follows.
    let kept = text[start..end].trim_end().len();
    Some(Span { start, end: start + kept })
}

/// The column of an offset, from 0.
pub(super) fn column(text: &str, offset: usize) -> usize {
    offset - text[..offset].rfind('\n').map_or(0, |at| at + 1)
}

/// The changes that move all lines of a block so many columns.
pub(super) fn shift(text: &str, block: Span, by: isize) -> Vec<Edit> {
    let mut edits = Vec::new();
    let mut at = block.start;
    for line in text[block.start..block.end].split_inclusive('\n') {
        if !line.trim().is_empty() {
            match usize::try_from(by) {
                Ok(more) => edits.push(Edit::insert(at, " ".repeat(more))),
                Err(_) => {
                    let less = by.unsigned_abs().min(line.bytes().take_while(|byte| *byte == b' ').count());
                    edits.push(Edit::replace(Span { start: at, end: at + less }, ""));
                }
            }
        }
        at += line.len();
    }
    edits
}

/// A text as one writes it within brackets: quoted if it would be something else, or less, without.
pub fn flow(text: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | '=' | '+' | '~' | '^');
    let odd = matches!(
        text.to_lowercase().as_str(),
        "y" | "n" | "yes" | "no" | "on" | "off" | "true" | "false" | "null" | "~" | "-" | "="
    );
    let number =
        text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '.' | '+')) || text.parse::<f64>().is_ok();
    if !text.is_empty() && text.chars().all(safe) && !odd && !number {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(start: usize, end: usize) -> Span {
        Span { start, end }
    }

    #[test]
    fn changes_know_where_things_were() {
        let text = "abc def ghi";
        let first = [Edit::replace(span(4, 7), "XY")];
        let second = [Edit::insert(0, "__"), Edit::replace(span(8, 11), "")];
        let clash = [Edit::replace(span(5, 6), "!"), Edit::insert(3, "?")];
        let fixed = apply(text, [&first[..], &second[..], &clash[..]].into_iter());
        assert_eq!(fixed.text, "__abc XY ");
        assert_eq!(fixed.before(span(2, 5)), span(0, 3));
        assert_eq!(fixed.before(span(6, 8)), span(4, 7));
        assert_eq!(fixed.before(span(0, 2)), span(0, 0));
        assert_eq!(fixed.before(span(8, 9)).start, 7);
    }

    #[test]
    fn a_block_is_a_key_and_what_is_below_it() {
        let text = "steps:\n  - a: 1\n    b:\n    - x\n    - y\n\n    # c\n    d:\n      e: 2\n\nf: 3\n";
        let of = |key: &str| {
            let at = text.find(&format!("{key}:")).expect("the key");
            block(text, span(at, at + 1)).map(|block| &text[block.start..block.end])
        };
        assert_eq!(of("b"), Some("    b:\n    - x\n    - y\n\n    # c"));
        assert_eq!(of("d"), Some("    d:\n      e: 2"));
        assert_eq!(of("a"), None);
    }

    #[test]
    fn words_within_brackets() {
        for (word, written) in [
            ("get", "get"),
            ("-n", "-n"),
            ("--as=x", "--as=x"),
            ("no", "'no'"),
            ("3", "'3'"),
            ("it's", "'it''s'"),
            ("", "''"),
            ("a: b", "'a: b'"),
            ("{x}", "'{x}'"),
        ] {
            assert_eq!(flow(word), written);
            let list: Vec<String> = serde_saphyr::from_str(&format!("[{written}]")).expect("a list");
            assert_eq!(list, [word]);
        }
    }
}
