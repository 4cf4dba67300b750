//! What stands in the place of a credential.

use std::ops::Range;

/// What stands in the place of a token.
pub const TOKEN: &str = "«redacted token»";

/// What stands in the place of a private key.
pub const KEY: &str = "«redacted key»";

/// What stands in the place of a password.
pub const PASSWORD: &str = "«redacted password»";

/// What stands in the place of a Secret's value that is known by its value.
pub const VALUE: &str = "«redacted value»";

/// What stands in the place of a Secret's value that is known by where it stands, and of what a user named as secret.
pub const DATA: &str = "«redacted»";

/// What a credential is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mark {
    /// A value of a Secret.
    Value,
    /// A password.
    Password,
    /// A token.
    Token,
    /// A private key.
    Key,
}

impl Mark {
    /// The mark itself.
    pub fn placeholder(self) -> &'static str {
        match self {
            Mark::Value => VALUE,
            Mark::Password => PASSWORD,
            Mark::Token => TOKEN,
            Mark::Key => KEY,
        }
    }
}

/// A place in a text and what credential stands there.
pub type Found = (Range<usize>, Mark);

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

/// Where marks stand in a text already: whatever the secret is, nothing of a mark is one.
pub fn places(text: &str) -> Vec<Range<usize>> {
    if !text.contains("«redacted") {
        return vec![];
    }
    let places_of = |mark: &'static str| text.match_indices(mark).map(|(at, mark)| at..at + mark.len());
    [TOKEN, KEY, PASSWORD, VALUE, DATA].into_iter().flat_map(places_of).collect()
}
