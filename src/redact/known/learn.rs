//! Learning a value: which of its forms are looked for, and how much of each must be there.

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};

use super::table::{ALONE, Known, LEAST, PIECE};
use crate::redact::{
    forms::{forms, short_forms},
    mark::Mark,
};

/// The shortest piece of a value of several words: shorter ones stand in ordinary texts, too.
const PHRASE: usize = 32;

/// So much of one value is known: more of it is not shown in one place, and its beginning hides it.
const LONGEST: usize = 64 << 10;

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
