//! The single outlet filter: credentials are known by their value and by their shape, and never leave kubewalk.
//!
//! Nothing that is shown, logged or written to a report goes around [`redact()`]. What it learns by itself, from everything that
//! is sent or comes, is in [`secrets`].

mod escapes;
mod forms;
mod gaps;
mod known;
mod mark;
mod numbers;
pub mod outlet;
pub mod secrets;
mod shapes;
pub mod show;
mod squeezed;
mod stream;
mod view;

use std::{
    borrow::Cow,
    ops::Range,
    sync::{LazyLock, PoisonError, RwLock},
};

use regex::{Regex, RegexBuilder};
use secrecy::{ExposeSecret as _, SecretString};

use known::Known;
pub use mark::{DATA, KEY, PASSWORD, TOKEN, VALUE};
use mark::{Found, Mark, apart};
use squeezed::{Squeezed, decoded};
pub use stream::Stream;

/// What is known by its value.
#[derive(Default)]
struct Values {
    /// Tokens, and what users named: never a text, not even a saved one.
    credentials: Known,
    /// What Secrets hold.
    secrets: Known,
}

static KNOWN: LazyLock<RwLock<Values>> = LazyLock::new(RwLock::default);

/// What users say is secret, as patterns.
static PATTERNS: RwLock<Vec<Regex>> = RwLock::new(Vec::new());

/// Keeps a credential out of every text from now on, whole and in pieces: as it is, in base64 at any offset, in hexadecimal
/// digits, percent-encoded, and in JSON; in one line or broken into several.
pub fn register(secret: &str) {
    KNOWN.write().unwrap_or_else(PoisonError::into_inner).credentials.add(secret);
}

/// The same for what a Secret has under a key. One of less than eight letters goes as a word; an ordinary word (`admin`, `42`)
/// only beside its key, or where it is a line of its own.
pub fn register_value(key: &str, value: &[u8]) {
    KNOWN.write().unwrap_or_else(PoisonError::into_inner).secrets.add_value(key, value);
}

/// The same for what a user names as secret: a short one goes as a word, whatever it is.
pub fn register_named(name: &str, value: &SecretString) {
    let value = value.expose_secret();
    let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    known.credentials.add(value);
    known.credentials.add_value(name, value.as_bytes());
    known.credentials.add_word(value);
}

/// A pattern as it is looked for: it may not be so big that every line that is shown takes long.
///
/// # Errors
/// When it is no pattern, or too big a one.
pub fn pattern(pattern: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(pattern).size_limit(1 << 18).build()
}

/// Keeps out of every text what a pattern finds: its first group, or if it has none, all of it.
///
/// # Errors
/// When it is no pattern, or too big a one.
pub fn register_pattern(pattern: &str) -> Result<(), regex::Error> {
    let regex = self::pattern(pattern)?;
    let mut patterns = PATTERNS.write().unwrap_or_else(PoisonError::into_inner);
    if patterns.iter().all(|known| known.as_str() != pattern) {
        patterns.push(regex);
    }
    Ok(())
}

/// Whether there is more to be kept secret than can be told apart: then texts of others are not shown at all.
pub fn is_full() -> bool {
    let known = KNOWN.read().unwrap_or_else(PoisonError::into_inner);
    known.credentials.is_full() || known.secrets.is_full()
}

/// The text with every credential replaced by a mark that keeps it readable.
pub fn redact(text: &str) -> Cow<'_, str> {
    filtered(text, true)
}

/// The text without tokens, keys, passwords and what else has the shape of a credential; what only is a value of a Secret stays.
/// For names of files, and for what decides whether a value may be kept as a text.
pub fn credentials(text: &str) -> Cow<'_, str> {
    filtered(text, false)
}

/// The text with a star for each byte of a credential, so that everything else stays where it was.
pub fn masked(text: &str) -> Cow<'_, str> {
    let found = {
        let known = KNOWN.read().unwrap_or_else(PoisonError::into_inner);
        let mut found = find_all(&known, text, true, DEPTH);
        found.extend(shapes::find_named(text));
        found
    };
    let mut clean = Cow::Borrowed(text);
    for (range, _) in apart(found) {
        let stars = "*".repeat(range.len());
        clean.to_mut().replace_range(range, &stars);
    }
    clean
}

fn filtered(text: &str, secrets: bool) -> Cow<'_, str> {
    let mut clean = shapes::without_keys(text);
    // Together, on the same text: a piece that two tokens share is known of one, and cut out of the other it would leave a rest
    // that looks like nothing.
    let found = {
        let known = KNOWN.read().unwrap_or_else(PoisonError::into_inner);
        let mut found = find_all(&known, &clean, secrets, DEPTH);
        // A word that is a Secret's value, too, still says that a password comes.
        found.extend(shapes::find_named(&clean));
        found
    };
    let done = mark::places(&clean);
    let fresh = |range: &Range<usize>| !done.iter().any(|mark| range.start < mark.end && mark.start < range.end);
    // From the end, so that the places before it stay true.
    for (range, mark) in apart(found.into_iter().filter(|(range, _)| fresh(range)).collect()).into_iter().rev() {
        clean.to_mut().replace_range(range, mark.placeholder());
    }
    if secrets { without_patterns(clean) } else { clean }
}

/// How often something may be encoded: in base64, in numbers, in escapes.
const DEPTH: usize = 2;

/// What is known, by value and by shape, in a text and in what stands encoded in it.
fn find_all(known: &Values, text: &str, secrets: bool, depth: usize) -> Vec<Found> {
    let squeezed = Squeezed::without_breaks(text);
    let mut found = known.credentials.find(text, squeezed.as_ref());
    if secrets {
        found.extend(known.secrets.find(text, squeezed.as_ref()));
    }
    found.extend(shapes::find(text));
    if depth > 0 {
        let inner = |inner: &str| find_all(known, inner, secrets, depth - 1);
        numbers::views(text, |view| found.extend(view.found(inner)));
        let views = escapes::views(text, depth == DEPTH).chain(gaps::spelled(text));
        found.extend(views.flat_map(|view| view.found(inner)));
        match squeezed {
            // A run that goes on in the word before or behind it is read all the same: from one of four letters.
            Some(squeezed) => {
                found
                    .extend(decoded(squeezed.as_str(), inner).into_iter().map(|(at, mark)| (squeezed.place(at), mark)));
                let keys = shapes::find(squeezed.as_str()).into_iter().filter(|(_, mark)| *mark == Mark::Key);
                found.extend(keys.map(|(at, mark)| (squeezed.place(at), mark)));
            }
            None => found.extend(decoded(text, inner)),
        }
    }
    found
}

fn without_patterns(text: Cow<'_, str>) -> Cow<'_, str> {
    let patterns = PATTERNS.read().unwrap_or_else(PoisonError::into_inner);
    let mut clean = text;
    for pattern in patterns.iter() {
        let done = mark::places(&clean);
        let place = |found: regex::Captures<'_>| found.get(1).or_else(|| found.get(0)).map(|found| found.range());
        let found: Vec<Range<usize>> = pattern.captures_iter(&clean).filter_map(place).collect();
        let fresh = |range: &&Range<usize>| {
            !range.is_empty() && !done.iter().any(|mark| range.start < mark.end && mark.start < range.end)
        };
        for range in found.iter().filter(fresh).rev() {
            clean.to_mut().replace_range(range.clone(), DATA);
        }
    }
    clean
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod written;
