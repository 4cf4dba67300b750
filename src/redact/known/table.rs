//! What is known, by how it is looked up.

use std::{
    collections::{HashMap, HashSet},
    hash::{DefaultHasher, Hasher as _},
};

use super::filter::{Filter, gram};
use crate::redact::{gaps::Gaps, mark::Mark};

/// The shortest value that is taken for a credential wherever it stands; a shorter one would eat parts of ordinary words.
pub const LEAST: usize = 8;

/// The shortest piece of a credential that is one, too: of a text that was cut, or came in parts.
pub const PIECE: usize = 16;

/// Every [`STRIDE`]th piece of [`GRAM`] bytes is looked up: a piece of 16 bytes contains one of them, wherever it begins.
pub const GRAM: usize = 9;
const STRIDE: usize = PIECE + 1 - GRAM;

/// How many places of one gram are kept. Tokens of one issuer begin alike, and each has others of its own.
const PLACES: usize = 16;

/// All forms together have at most so many bytes; see [`Known::is_full`].
const MOST: usize = 64 << 20;

/// The shortest value that is hidden where it stands for itself (a line of its own); a shorter one only beside its key.
pub const ALONE: usize = 4;

/// Known values.
#[derive(Debug, Default)]
pub struct Known {
    pub(super) forms: Vec<Form>,
    pub(super) grams: HashMap<[u8; GRAM], Vec<(usize, usize)>>,
    /// By their first four bytes.
    pub(super) shorts: HashMap<[u8; 4], Vec<Short>>,
    /// By a key in lower case: the ordinary words that are secret beside it.
    pub(super) beside: HashMap<String, HashSet<String>>,
    /// The same words, where they stand alone.
    pub(super) alone: HashSet<String>,
    pub(super) filter: Filter,
    /// What is found also when it is cut into short pieces.
    pub(super) gaps: Gaps,
    /// The hashes of what was learned.
    learned: HashSet<u64>,
    bytes: usize,
}

/// A form of a value that is looked for in pieces.
#[derive(Debug)]
pub(super) struct Form {
    pub(super) text: String,
    pub(super) least: usize,
    pub(super) mark: Mark,
}

/// A form that counts only whole.
#[derive(Debug)]
pub(super) struct Short {
    pub(super) text: String,
    /// Not inside a longer word.
    pub(super) word: bool,
    pub(super) mark: Mark,
}

impl Known {
    /// Whether nothing more is learned. What cannot be told apart any more is not to be shown at all.
    pub fn is_full(&self) -> bool {
        self.bytes >= MOST
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.forms.is_empty() && self.shorts.is_empty() && self.beside.is_empty()
    }

    pub(super) fn is_new(&mut self, what: &impl std::hash::Hash) -> bool {
        let mut hasher = DefaultHasher::new();
        what.hash(&mut hasher);
        self.learned.insert(hasher.finish())
    }

    /// Adds a form: `least` is its shortest piece that counts, and a `word` does not stand inside a longer one.
    pub(super) fn insert(&mut self, text: String, least: usize, mark: Mark, word: bool) {
        if self.is_full() || text.len() < ALONE || !self.is_new(&(least, word, text.as_str())) {
            return;
        }
        self.bytes += text.len();
        if text.len() < PIECE {
            if (text.len() >= LEAST || word)
                && let Some(start) = gram::<4>(text.as_bytes(), 0)
            {
                self.filter.insert(start);
                self.shorts.entry(start).or_default().push(Short { text, word, mark });
            }
            return;
        }
        let index = self.forms.len();
        for at in (0..=text.len() - GRAM).step_by(STRIDE) {
            let Some(gram) = gram::<GRAM>(text.as_bytes(), at) else { continue };
            let places = self.grams.entry(gram).or_default();
            if places.len() < PLACES {
                places.push((index, at));
            }
            self.filter.insert([gram[0], gram[1], gram[2], gram[3]]);
        }
        // A value that is shorter than its shortest piece counts whole.
        let least = least.min(text.len());
        self.forms.push(Form { text, least, mark });
    }
}
