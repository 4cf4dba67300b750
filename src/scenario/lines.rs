//! Lines and columns of a text, found without counting from its beginning each time: a file may have many findings, and one line of
//! megabytes.

use std::{cell::RefCell, sync::Arc};

/// A text of this size is counted through faster than it is remembered.
const SMALL: usize = 4 << 10;

/// How far the marks are apart, in bytes.
const STRIDE: usize = 4 << 10;

/// What is before each mark of a text.
struct Lines {
    text: Arc<str>,
    marks: Vec<Mark>,
}

/// What is before a place.
#[derive(Clone, Copy, Default)]
struct Mark {
    newlines: usize,
    characters: usize,
    /// Where the line begins that goes on here.
    line: usize,
}

/// Texts that are remembered: a scenario, and a file that it names.
const TEXTS: usize = 2;

thread_local! {
    /// Those that were asked about last.
    static LAST: RefCell<Vec<Lines>> = const { RefCell::new(Vec::new()) };
}

/// Line and column of an offset at which a character begins, both from 1; columns count characters.
pub(super) fn place(text: &Arc<str>, offset: usize) -> (usize, usize) {
    if text.len() <= SMALL {
        let before = &text[..offset];
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        return (1 + newlines(before), 1 + before[start..].chars().count());
    }
    LAST.with_borrow_mut(|last| {
        let known = last.iter().position(|lines| Arc::ptr_eq(&lines.text, text));
        let at = known.unwrap_or_else(|| {
            last.truncate(TEXTS - 1);
            last.insert(0, Lines::new(text));
            0
        });
        last[at].place(offset)
    })
}

fn newlines(text: &str) -> usize {
    text.bytes().filter(|byte| *byte == b'\n').count()
}

/// How many characters begin in these bytes.
fn characters(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte & 0xc0 != 0x80).count()
}

impl Lines {
    fn new(text: &Arc<str>) -> Lines {
        let (mut marks, mut mark) = (Vec::with_capacity(text.len() / STRIDE + 1), Mark::default());
        for (index, chunk) in text.as_bytes().chunks(STRIDE).enumerate() {
            marks.push(mark);
            mark = mark.behind(chunk, index * STRIDE);
        }
        Lines { text: Arc::clone(text), marks }
    }

    fn place(&self, offset: usize) -> (usize, usize) {
        let here = self.before(offset);
        (1 + here.newlines, 1 + here.characters - self.before(here.line).characters)
    }

    /// What is before an offset.
    fn before(&self, offset: usize) -> Mark {
        let index = (offset / STRIDE).min(self.marks.len().saturating_sub(1));
        let Some(mark) = self.marks.get(index) else { return Mark::default() };
        mark.behind(&self.text.as_bytes()[index * STRIDE..offset], index * STRIDE)
    }
}

impl Mark {
    /// What is before the end of these bytes, which begin at `start`.
    fn behind(self, bytes: &[u8], start: usize) -> Mark {
        Mark {
            newlines: self.newlines + bytes.iter().filter(|byte| **byte == b'\n').count(),
            characters: self.characters + characters(bytes),
            line: bytes.iter().rposition(|byte| *byte == b'\n').map_or(self.line, |at| start + at + 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_counted_as_a_short_one() {
        let text: Arc<str> = "ä line\n€\n\n".repeat(3_000).into();
        let long: Arc<str> = "🦀x".repeat(5_000).into();
        for text in [text, long, "".into()] {
            let lines = Lines::new(&format!("{text} ").into());
            let offsets = text.char_indices().map(|(at, _)| at).step_by(7).chain([text.len()]);
            for offset in offsets {
                let before = &text[..offset];
                let start = before.rfind('\n').map_or(0, |at| at + 1);
                let expected = (1 + newlines(before), 1 + before[start..].chars().count());
                assert_eq!(lines.place(offset), expected, "{offset}");
                assert_eq!(place(&text, offset), expected, "{offset}");
            }
        }
    }
}
