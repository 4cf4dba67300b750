//! A text as it reads when something in it is decoded, and where each of its bytes stands in the original.

use std::ops::Range;

/// What was decoded.
#[derive(Default)]
pub struct View {
    bytes: Vec<u8>,
    /// Where each byte begins in the original: no text that is looked at is longer than such a number says.
    starts: Vec<u32>,
    /// How long it is there.
    lengths: Vec<u8>,
}

impl View {
    /// Adds a byte that stands at `place`.
    pub fn push(&mut self, byte: u8, place: Range<usize>) {
        let Ok(start) = u32::try_from(place.start) else { return };
        self.bytes.push(byte);
        self.starts.push(start);
        self.lengths.push(u8::try_from(place.len()).unwrap_or(u8::MAX));
    }

    /// How many bytes there are.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Leaves out what comes after the first `len` bytes.
    pub fn truncate(&mut self, len: usize) {
        self.bytes.truncate(len);
        self.starts.truncate(len);
        self.lengths.truncate(len);
    }

    /// The last bytes once more.
    pub fn tail(&self, len: usize) -> View {
        let from = self.len().saturating_sub(len);
        View {
            bytes: self.bytes[from..].to_vec(),
            starts: self.starts[from..].to_vec(),
            lengths: self.lengths[from..].to_vec(),
        }
    }

    /// What `find` says is in the decoded text, as places of the original.
    pub fn found<T>(self, mut find: impl FnMut(&str) -> Vec<(Range<usize>, T)>) -> Vec<(Range<usize>, T)> {
        let text = String::from_utf8(self.bytes).unwrap_or_else(|error| {
            // Half a character, or bytes that are no text: each stays one byte, so that the places stay true.
            let bytes = error.into_bytes().into_iter();
            bytes.map(|byte| if byte.is_ascii() { char::from(byte) } else { '?' }).collect()
        });
        let start = |at: usize| usize::try_from(self.starts[at]).unwrap_or(usize::MAX);
        let end = |at: usize| start(at) + usize::from(self.lengths[at]);
        let place = |at: Range<usize>| start(at.start)..end(at.end - 1);
        find(&text).into_iter().filter(|(at, _)| !at.is_empty()).map(|(at, what)| (place(at), what)).collect()
    }
}
