//! Credentials that are known by their value: in every form in which they may appear, whole or in pieces.

use std::{collections::HashMap, ops::Range};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};

/// The shortest value that is taken for a credential; a shorter one would eat ordinary words.
const LEAST: usize = 8;

/// The shortest piece of a credential that is one, too: of a text that was cut, or came in parts.
pub const PIECE: usize = 16;

/// Every [`STRIDE`]th piece of [`GRAM`] bytes is looked up: a piece of 16 bytes contains one of them, wherever it begins.
const GRAM: usize = 9;
const STRIDE: usize = PIECE + 1 - GRAM;

/// How many places of one gram are kept. Tokens of one issuer begin alike, and each has others of its own.
const PLACES: usize = 16;

/// Known values.
#[derive(Debug, Default)]
pub struct Known {
    forms: Vec<String>,
    grams: HashMap<[u8; GRAM], Vec<(usize, usize)>>,
}

impl Known {
    /// Learns a value.
    pub fn add(&mut self, secret: &str) {
        if secret.len() < LEAST {
            return;
        }
        for form in forms(secret) {
            if form.len() >= LEAST && !self.forms.contains(&form) {
                let index = self.forms.len();
                for at in (0..=form.len().saturating_sub(GRAM)).step_by(STRIDE) {
                    let Some(gram) = gram(form.as_bytes(), at) else { continue };
                    let places = self.grams.entry(gram).or_default();
                    if places.len() < PLACES {
                        places.push((index, at));
                    }
                }
                self.forms.push(form);
            }
        }
    }

    /// Where in a text known values stand, in order and apart.
    pub fn find(&self, text: &str) -> Vec<Range<usize>> {
        let bytes = text.as_bytes();
        let mut found: Vec<Range<usize>> = Vec::new();
        // A value that is shorter than a piece counts only whole.
        for form in self.forms.iter().filter(|form| form.len() < PIECE) {
            found.extend(text.match_indices(form.as_str()).map(|(at, _)| at..at + form.len()));
        }
        let mut done = 0;
        for at in 0..bytes.len().saturating_sub(GRAM - 1) {
            let Some(places) = gram(bytes, at).filter(|_| at + GRAM > done).and_then(|gram| self.grams.get(&gram))
            else {
                continue;
            };
            let longest = places.iter().map(|&(form, from)| grow(bytes, at, self.forms[form].as_bytes(), from));
            if let Some(range) = longest.max_by_key(ExactSizeIterator::len).filter(|range| range.len() >= PIECE) {
                done = range.end;
                found.push(range);
            }
        }
        apart(found.into_iter().map(|range| floor(text, range.start)..ceil(text, range.end)).collect())
    }
}

/// The same places, in order, and those that touch as one.
pub fn apart(mut found: Vec<Range<usize>>) -> Vec<Range<usize>> {
    found.sort_by_key(|range| range.start);
    let mut apart: Vec<Range<usize>> = Vec::new();
    for range in found {
        match apart.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => apart.push(range),
        }
    }
    apart
}

/// A value as it is, percent-encoded, inside a JSON text, and in base64 at any offset.
fn forms(secret: &str) -> Vec<String> {
    let quoted = serde_json::to_string(secret).unwrap_or_default();
    let json = quoted.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or_default().to_owned();
    // As Go's encoder does, which is the API server's.
    let go = json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026");
    let mut forms = vec![secret.to_owned(), crate::plan::asks::escape(secret), json.replace('/', "\\/"), go, json];
    for offset in 0..3 {
        let shifted = [&vec![0; offset][..], secret.as_bytes()].concat();
        // What depends on the neighbours at both ends is left out.
        for mut form in [STANDARD.encode(&shifted), URL_SAFE_NO_PAD.encode(&shifted)] {
            form.truncate(shifted.len() * 8 / 6);
            forms.push(form.split_off((offset * 8).div_ceil(6)));
        }
    }
    forms
}

fn gram(bytes: &[u8], at: usize) -> Option<[u8; GRAM]> {
    bytes.get(at..at + GRAM)?.try_into().ok()
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Random enough that no two pieces are alike.
    fn secret(seed: u64) -> String {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            char::from(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[(state >> 58) as usize])
        };
        (0..300).map(|_| next()).collect()
    }

    fn places(known: &Known, text: &str) -> Vec<(usize, usize)> {
        known.find(text).into_iter().map(|range| (range.start, range.end)).collect()
    }

    #[test]
    fn every_piece_of_sixteen_bytes_is_found_in_every_form() {
        let mut known = Known::default();
        let secret = secret(1);
        known.add(&secret);
        for start in 0..=secret.len() - PIECE {
            let piece = &secret[start..start + PIECE];
            assert_eq!(places(&known, &format!("é {piece} ")), [(3, 3 + PIECE)], "{start}");
            assert!(known.find(&piece[..PIECE - 1]).is_empty());
        }
        let encoded = STANDARD.encode(format!("x{secret}y"));
        for start in 2..encoded.len() - PIECE - 4 {
            assert!(!known.find(&encoded[start..start + PIECE]).is_empty(), "{start}");
        }
    }

    #[test]
    fn of_many_that_begin_alike_each_is_found_to_its_end() {
        let mut known = Known::default();
        let all: Vec<String> = (0..60).map(|seed| format!("{}.{}", secret(7), secret(100 + seed))).collect();
        all.iter().for_each(|secret| known.add(secret));
        for secret in &all {
            assert_eq!(places(&known, &format!("a {secret} b")), [(2, 2 + secret.len())]);
        }
    }

    #[test]
    fn in_json_it_is_found_as_every_encoder_writes_it() {
        let mut known = Known::default();
        known.add("<b>&\"\\/c\"");
        for json in [r#"<b>&\"\\/c\""#, r#"<b>&\"\\\/c\""#, r#"\u003cb\u003e\u0026\"\\/c\""#] {
            assert_eq!(places(&known, &format!("\"{json}\"")), [(1, 1 + json.len())], "{json}");
        }
    }

    #[test]
    fn what_is_short_counts_only_whole() {
        let mut known = Known::default();
        known.add("hush/hush");
        known.add("short");
        let text = "a hush/hush, hush%2Fhush, hush\\/hush, hush/hus short";
        assert_eq!(places(&known, text), [(2, 11), (13, 24), (26, 36)]);
    }
}
