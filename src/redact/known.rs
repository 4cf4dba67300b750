//! Credentials that are known by their value: in every form in which they may appear, whole or in pieces.

use std::{
    collections::{HashMap, HashSet},
    hash::{DefaultHasher, Hasher as _},
    ops::Range,
};

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};

use super::{
    Mark,
    forms::{forms, short_forms},
    gaps::Gaps,
    squeezed::Squeezed,
};

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

/// A place and what stands there.
pub type Found = (Range<usize>, Mark);

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
                self.in_pieces(squeezed.text(), false).into_iter().map(|(at, mark)| (squeezed.place(at), mark)),
            );
            found.extend(self.gaps.find(squeezed.text()).into_iter().map(|at| (squeezed.place(at), Mark::Token)));
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

/// The same places, in order, and those that touch as one.
pub fn apart(mut found: Vec<Found>) -> Vec<Found> {
    found.sort_by_key(|(range, _)| range.start);
    let mut apart: Vec<Found> = Vec::new();
    for (range, mark) in found {
        match apart.last_mut() {
            Some((last, of)) if range.start <= last.end => {
                last.end = last.end.max(range.end);
                *of = (*of).max(mark);
            }
            _ => apart.push((range, mark)),
        }
    }
    apart
}

/// The bytes that may begin something that is known: so much is looked up that this has to come first.
struct Filter(Vec<u64>);

impl Default for Filter {
    fn default() -> Self {
        Filter(vec![0; 1 << 12])
    }
}

impl std::fmt::Debug for Filter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Filter")
    }
}

impl Filter {
    fn place(start: [u8; 4]) -> (usize, u64) {
        let hash = (u32::from_le_bytes(start).wrapping_mul(0x9E37_79B1) >> 14) as usize;
        (hash / 64, 1 << (hash % 64))
    }

    fn insert(&mut self, start: [u8; 4]) {
        let (word, bit) = Self::place(start);
        self.0[word] |= bit;
    }

    fn may_have(&self, start: [u8; 4]) -> bool {
        let (word, bit) = Self::place(start);
        self.0[word] & bit != 0
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

/// Whether no letter or digit stands at either side.
fn is_word(text: &str, range: &Range<usize>) -> bool {
    let inner = |c: char| c.is_alphanumeric() || c == '_';
    let (before, after) = (text.get(..range.start), text.get(range.end..));
    !before.is_none_or(|before| before.ends_with(inner)) && !after.is_none_or(|after| after.starts_with(inner))
}

fn head(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.len().min(LONGEST)]
}

fn gram<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
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
    use base64::{Engine as _, engine::general_purpose::STANDARD};

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

    fn found(known: &Known, text: &str) -> Vec<Found> {
        known.find(text, Squeezed::of(text).as_ref())
    }

    fn places(known: &Known, text: &str) -> Vec<(usize, usize)> {
        apart(found(known, text)).into_iter().map(|(range, _)| (range.start, range.end)).collect()
    }

    #[test]
    fn every_piece_of_sixteen_bytes_is_found_in_every_form() {
        let mut known = Known::default();
        let secret = secret(1);
        known.add(&secret);
        for start in 0..=secret.len() - PIECE {
            let piece = &secret[start..start + PIECE];
            assert_eq!(places(&known, &format!("é {piece} ")), [(3, 3 + PIECE)], "{start}");
            assert!(found(&known, &piece[..PIECE - 1]).is_empty());
        }
        let encoded = STANDARD.encode(format!("x{secret}y"));
        for start in 2..encoded.len() - PIECE - 4 {
            assert!(!found(&known, &encoded[start..start + PIECE]).is_empty(), "{start}");
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

    #[test]
    fn broken_into_lines_or_bytes_it_is_found_too() {
        let mut known = Known::default();
        let secret = secret(3);
        known.add(&secret);
        let encoded = STANDARD.encode(&secret);
        for (text, width) in [(secret.as_str(), 7), (&encoded, 10), (&encoded, 76)] {
            let lines: Vec<_> = text.as_bytes().chunks(width).map(String::from_utf8_lossy).collect();
            for between in ["\n", "\r\n", "\n    ", "=\n", "\\n"] {
                let broken = lines.join(between);
                let rest = broken.len() - places(&known, &broken).iter().map(|(from, to)| to - from).sum::<usize>();
                assert!(rest <= 4, "{rest} bytes of {broken:?}");
            }
        }
        let bytes: Vec<String> = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(places(&known, &bytes.join(" ")), [(0, 3 * bytes.len() - 1)]);
    }

    #[test]
    fn a_short_value_of_a_secret_goes_as_a_word_and_an_ordinary_word_only_where_it_is_the_value() {
        let mut known = Known::default();
        known.add_value("password", b"hunter2\n");
        known.add_value("user", b"admin");
        known.add_value("pin", b"42");
        let shown = |text: &str| {
            let mut text = text.to_owned();
            for (range, _) in apart(found(&known, &text)).into_iter().rev() {
                text.replace_range(range, "*");
            }
            text
        };
        assert_eq!(shown("it is hunter2, not hunter22"), "it is *, not hunter22");
        assert_eq!(shown("aHVudGVyMg== aHVudGVyMgo= aHVudGVyMg"), "* * *");
        assert_eq!(
            shown("ClusterRole admin, user: admin, USER=admin, name: admin"),
            "ClusterRole admin, user: *, USER=*, name: admin"
        );
        assert_eq!(shown("admin\nadmins\n"), "*\nadmins\n");
        assert_eq!(shown(r#"{"user":"YWRtaW4=","pin":"NDI=","port":"42"}"#), r#"{"user":"*","pin":"*","port":"42"}"#);
        assert_eq!(shown("pin: 42\n42 Pods"), "pin: *\n42 Pods");
    }

    #[test]
    fn of_a_file_in_a_secret_long_pieces_and_its_passwords_go_and_ordinary_lines_stay() {
        let mut known = Known::default();
        known.add_value("config.yaml", b"apiVersion: v1\nkind: Config\ndsn: app:pa55word9@db\n");
        assert!(places(&known, "apiVersion: v1\nkind: Pod\n").is_empty());
        assert_eq!(places(&known, "apiVersion: v1\nkind: Config\ndsn: app"), [(0, 36)]);
        assert_eq!(places(&known, "it has pa55word9@db in it"), [(7, 19)]);
    }
}
