//! A text as it reads when something in it is decoded, and where each of its bytes stands in the original.

use std::ops::Range;

/// What was decoded.
#[derive(Default)]
pub struct View {
    bytes: Vec<u8>,
    places: Vec<Range<usize>>,
}

impl View {
    /// Adds a byte that stands at `place`.
    pub fn push(&mut self, byte: u8, place: Range<usize>) {
        self.bytes.push(byte);
        self.places.push(place);
    }

    /// How many bytes there are.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Leaves out what comes after the first `len` bytes.
    pub fn truncate(&mut self, len: usize) {
        self.bytes.truncate(len);
        self.places.truncate(len);
    }

    /// What `find` says is in the decoded text, as places of the original.
    pub fn found<T>(self, mut find: impl FnMut(&str) -> Vec<(Range<usize>, T)>) -> Vec<(Range<usize>, T)> {
        let text = String::from_utf8(self.bytes).unwrap_or_else(|error| {
            // Half a character, or bytes that are no text: each stays one byte, so that the places stay true.
            let bytes = error.into_bytes().into_iter();
            bytes.map(|byte| if byte.is_ascii() { char::from(byte) } else { '?' }).collect()
        });
        let place = |at: Range<usize>| self.places[at.start].start..self.places[at.end - 1].end;
        find(&text).into_iter().filter(|(at, _)| !at.is_empty()).map(|(at, what)| (place(at), what)).collect()
    }
}
