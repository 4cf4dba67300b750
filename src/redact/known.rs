//! Credentials that are known by their value: in every form in which they may appear, whole or in pieces.

mod filter;
mod find;

use std::{
    collections::{HashMap, HashSet},
    hash::{DefaultHasher, Hasher as _},
};

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};

use super::{
    Mark,
    forms::{forms, short_forms},
    gaps::Gaps,
};
use filter::{Filter, gram};
pub use find::{Found, apart};

/// The shortest value that is taken for a credential wherever it stands; a shorter one would eat parts of ordinary words.
const LEAST: usize = 8;

/// The shortest piece of a credential that is one, too: of a text that was cut, or came in parts.
pub const PIECE: usize = 16;

/// The shortest piece of a value of several words: shorter ones stand in ordinary texts, too.
const PHRASE: usize = 32;

/// Every [`STRIDE`]th piece of [`GRAM`] bytes is looked up: a piece of 16 bytes contains one of them, wherever it begins.
const GRAM: usize = 9;
const STRIDE: usize = PIECE + 1 - GRAM;

/// How many places of one gram are kept. Tokens of one issuer begin alike, and each has others of its own.
const PLACES: usize = 16;

/// So much of one value is known: more of it is not shown in one place, and its beginning hides it.
const LONGEST: usize = 64 << 10;

/// All forms together have at most so many bytes; see [`Known::is_full`].
const MOST: usize = 64 << 20;

/// The shortest value that is hidden where it stands for itself (a line of its own); a shorter one only beside its key.
const ALONE: usize = 4;

/// Known values.
#[derive(Debug, Default)]
pub struct Known {
    forms: Vec<Form>,
    grams: HashMap<[u8; GRAM], Vec<(usize, usize)>>,
    /// By their first four bytes.
    shorts: HashMap<[u8; 4], Vec<Short>>,
    /// By a key in lower case: the ordinary words that are secret beside it.
    beside: HashMap<String, HashSet<String>>,
    /// The same words, where they stand alone.
    alone: HashSet<String>,
    filter: Filter,
    /// What is found also when it is cut into short pieces.
    gaps: Gaps,
    /// The hashes of what was learned.
    learned: HashSet<u64>,
    bytes: usize,
}

/// A form of a value that is looked for in pieces.
#[derive(Debug)]
struct Form {
    text: String,
    least: usize,
    mark: Mark,
}

/// A form that counts only whole.
#[derive(Debug)]
struct Short {
    text: String,
    /// Not inside a longer word.
    word: bool,
    mark: Mark,
}

impl Known {
    /// Learns a credential.
    pub fn add(&mut self, secret: &str) {
        if secret.len() < LEAST || !self.is_new(&("", secret)) {
            return;
        }
        self.add_gaps(secret);
        for form in forms(head(secret.as_bytes())) {
            self.insert(form, PIECE, Mark::Token, false);
        }
    }

    /// Learns what is random enough that its short pieces stand nowhere else: as it is, and in base64.
    fn add_gaps(&mut self, secret: &str) {
        if secret.starts_with("eyJ") || is_random(secret) {
            let secret = head(secret.as_bytes());
            self.gaps.add(&String::from_utf8_lossy(secret));
            self.gaps.add(STANDARD_NO_PAD.encode(secret).as_str());
        }
    }

    /// Learns what a Secret has under a key.
    pub fn add_value(&mut self, key: &str, value: &[u8]) {
        let text = std::str::from_utf8(value).ok();
        let bare = text.map_or(value, |text| text.trim_end_matches(['\n', '\r']).as_bytes());
        if bare.is_empty() || !self.is_new(&(key, bare)) {
            return;
        }
        let Some(text) = std::str::from_utf8(bare).ok() else {
            let encoded = forms(head(bare)).into_iter().filter(|form| form.len() >= PIECE);
            encoded.for_each(|form| self.insert(form, PIECE, Mark::Value, false));
            return;
        };
        let ordinary = is_ordinary(text);
        if text.len() < ALONE || ordinary {
            let words = self.beside.entry(key.to_ascii_lowercase()).or_default();
            words.insert(text.to_owned());
            words.extend(short_forms(text));
            if text.len() >= ALONE {
                self.alone.insert(text.to_owned());
            }
        }
        if text.len() < ALONE {
            return;
        }
        if text.len() < LEAST {
            let whole = (!ordinary).then(|| text.to_owned());
            whole.into_iter().chain(short_forms(text)).for_each(|form| self.insert(form, PIECE, Mark::Value, true));
        }
        if text.len() + 1 >= LEAST {
            let spoken = text.contains(char::is_whitespace);
            for form in forms(head(bare)) {
                // Encoded, it does not read as words.
                let least = if spoken && form.contains(char::is_whitespace) { PHRASE } else { PIECE };
                if form != text || text.len() >= LEAST && !ordinary {
                    self.insert(form, least, Mark::Value, false);
                }
            }
        }
        if !text.contains(char::is_whitespace) {
            self.add_gaps(text);
        }
        // Of a file of settings, what looks like a password stands alone elsewhere.
        if text.contains(char::is_whitespace) {
            let words = text.split(|c: char| c.is_whitespace() || "\"'=:,;{}[]()<>".contains(c));
            for word in words.filter(|word| (LEAST..=LONGEST).contains(&word.len()) && is_random(word)) {
                if self.is_new(&("", word)) {
                    forms(word.as_bytes()).into_iter().for_each(|form| self.insert(form, PIECE, Mark::Value, true));
                }
            }
        }
    }

    /// Learns a short word that its user calls a secret, ordinary or not.
    pub fn add_word(&mut self, word: &str) {
        self.insert(word.to_owned(), PIECE, Mark::Value, true);
    }

    /// Whether nothing more is learned. What cannot be told apart any more is not to be shown at all.
    pub fn is_full(&self) -> bool {
        self.bytes >= MOST
    }

    fn is_new(&mut self, what: &impl std::hash::Hash) -> bool {
        let mut hasher = DefaultHasher::new();
        what.hash(&mut hasher);
        self.learned.insert(hasher.finish())
    }

    fn insert(&mut self, text: String, least: usize, mark: Mark, word: bool) {
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

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.forms.is_empty() && self.shorts.is_empty() && self.beside.is_empty()
    }
}

/// The longest word that may be an ordinary one.
const WORD: usize = 12;

/// Letters of one case, or a few digits: such a word stands in texts that have nothing to do with a Secret.
fn is_ordinary(text: &str) -> bool {
    if text.is_empty() || text.len() > WORD {
        return false;
    }
    let all = |kind: fn(&u8) -> bool| text.as_bytes().iter().all(kind);
    let rest = |kind: fn(&u8) -> bool| text.as_bytes()[1..].iter().all(kind);
    all(u8::is_ascii_lowercase)
        || all(u8::is_ascii_uppercase)
        || all(u8::is_ascii_digit) && text.len() < LEAST
        || text.as_bytes()[0].is_ascii_uppercase() && rest(u8::is_ascii_lowercase)
}

/// Letters and digits mixed, as in what a generator makes; no name of a host or file.
fn is_random(word: &str) -> bool {
    let has = |kind: fn(&u8) -> bool| word.as_bytes().iter().any(kind);
    has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic) && !word.contains(['/', '.'])
}

fn head(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.len().min(LONGEST)]
}

#[cfg(test)]
mod tests;
