//! Where known values stand in a text: whole, in pieces, beside their keys.

use std::ops::Range;

use super::{
    filter::gram,
    table::{GRAM, Known},
};
use crate::redact::{
    mark::{Found, Mark},
    squeezed::Squeezed,
};

impl Known {
    /// Where in a text known values stand, also broken into lines.
    pub fn find(&self, text: &str, squeezed: Option<&Squeezed>) -> Vec<Found> {
        if self.is_empty() {
            return vec![];
        }
        let mut found = self.in_pieces(text, true);
        found.extend(self.gaps.find(text).into_iter().map(|at| (at, Mark::Token)));
        self.beside_keys(text, &mut found);
        if let Some(squeezed) = squeezed {
            found.extend(
                self.in_pieces(squeezed.as_str(), false).into_iter().map(|(at, mark)| (squeezed.place(at), mark)),
            );
            found.extend(self.gaps.find(squeezed.as_str()).into_iter().map(|at| (squeezed.place(at), Mark::Token)));
        }
        found.into_iter().map(|(range, mark)| (floor(text, range.start)..ceil(text, range.end), mark)).collect()
    }

    fn in_pieces(&self, text: &str, shorts: bool) -> Vec<Found> {
        let bytes = text.as_bytes();
        let mut found: Vec<Found> = Vec::new();
        let mut done = 0;
        for at in 0..bytes.len().saturating_sub(3) {
            let Some(start) = gram::<4>(bytes, at).filter(|start| self.filter.may_have(*start)) else { continue };
            for short in self.shorts.get(&start).into_iter().flatten().filter(|_| shorts) {
                if text.as_bytes()[at..].starts_with(short.text.as_bytes()) {
                    let range = at..at + short.text.len();
                    if !short.word || is_word(text, &range) {
                        found.push((range, short.mark));
                    }
                }
            }
            let places = gram::<GRAM>(bytes, at).filter(|_| at + GRAM > done).and_then(|gram| self.grams.get(&gram));
            let longest = places.into_iter().flatten().filter_map(|&(form, from)| {
                let form = &self.forms[form];
                let range = grow(bytes, at, form.text.as_bytes(), from);
                (range.len() >= form.least).then_some((range, form.mark))
            });
            if let Some(hit) = longest.max_by_key(|(range, _)| range.len()) {
                done = hit.0.end;
                found.push(hit);
            }
        }
        found
    }

    /// Ordinary words (`admin`, `1234`) that are secret: beside their key, and as a line of their own.
    fn beside_keys(&self, text: &str, found: &mut Vec<Found>) {
        if self.beside.is_empty() {
            return;
        }
        let lower = text.to_ascii_lowercase();
        for (key, words) in &self.beside {
            for (at, _) in lower.match_indices(key.as_str()).filter(|_| !key.is_empty()) {
                let rest = &text[at + key.len()..];
                let value = rest.trim_start_matches(['\\', '"', '\'', ' ']);
                let Some(value) = value.strip_prefix([':', '=']) else { continue };
                let value = value.trim_start_matches(['\\', '"', '\'', ' ', '`']);
                let end = value.find(|c: char| c.is_whitespace() || "\"'\\,;&{}`".contains(c)).unwrap_or(value.len());
                if words.contains(&value[..end]) {
                    let start = text.len() - value.len();
                    found.push((start..start + end, Mark::Value));
                }
            }
        }
        let mut start = 0;
        for line in text.split_inclusive('\n') {
            let word = line.trim_matches(|c: char| c.is_whitespace() || "\"'`".contains(c));
            if self.alone.contains(word)
                && let Some(at) = line.find(word)
            {
                found.push((start + at..start + at + word.len(), Mark::Value));
            }
            start += line.len();
        }
    }
}

/// Whether no letter or digit stands at either side.
fn is_word(text: &str, range: &Range<usize>) -> bool {
    let inner = |c: char| c.is_alphanumeric() || c == '_';
    let (before, after) = (text.get(..range.start), text.get(range.end..));
    !before.is_none_or(|before| before.ends_with(inner)) && !after.is_none_or(|after| after.starts_with(inner))
}

/// The longest stretch around `at` that is the form's around `from`.
fn grow(text: &[u8], at: usize, form: &[u8], from: usize) -> Range<usize> {
    let before = text[..at].iter().rev().zip(form[..from].iter().rev()).take_while(|(a, b)| a == b).count();
    let after = text[at..].iter().zip(&form[from..]).take_while(|(a, b)| a == b).count();
    at - before..at + after
}

fn floor(text: &str, at: usize) -> usize {
    (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

fn ceil(text: &str, at: usize) -> usize {
    (at..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len())
}
