//! A text without what breaks it into lines, and what may be encoded in it.

use std::ops::Range;

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

/// A text without blanks, line breaks (`\n` as an escape in JSON included) and the `=` that quoted-printable ends lines with.
pub struct Squeezed {
    text: String,
    /// Where each byte was, and at last the end.
    places: Vec<usize>,
}

impl Squeezed {
    /// Of a text that has something to leave out.
    pub fn of(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let breaks = |at: usize| {
            bytes[at].is_ascii_whitespace() || bytes[at..].starts_with(b"\\n") || bytes[at..].starts_with(b"\\r")
        };
        if !(0..bytes.len()).any(breaks) {
            return None;
        }
        let (mut squeezed, mut places, mut at) = (String::with_capacity(text.len()), Vec::with_capacity(text.len()), 0);
        while at < bytes.len() {
            let soft = bytes[at] == b'=' && bytes.get(at + 1).is_some_and(|next| matches!(next, b'\n' | b'\r'));
            match bytes[at] {
                b'\\' if breaks(at) => at += 2,
                byte if byte.is_ascii_whitespace() || soft => at += 1,
                _ => {
                    let length = text[at..].chars().next().map_or(1, char::len_utf8);
                    squeezed.push_str(&text[at..at + length]);
                    places.extend(at..at + length);
                    at += length;
                }
            }
        }
        places.push(text.len());
        Some(Self { text: squeezed, places })
    }

    /// What is left.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where in the whole text something stands.
    pub fn place(&self, range: Range<usize>) -> Range<usize> {
        self.places[range.start]..self.places[range.end - 1] + 1
    }
}

/// The shortest run of letters that is decoded.
const RUN: usize = 16;

/// Decodes whatever comes: padding or not, either alphabet (after [`plain`]).
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// What stands in base64 in a text: each run of its letters, read from its first, second, third and fourth letter, as text of
/// ASCII; and `found` says where in that something is, which is given as places of the text.
pub fn decoded<T>(text: &str, mut found: impl FnMut(&str) -> Vec<(Range<usize>, T)>) -> Vec<(Range<usize>, T)> {
    let letter = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_');
    let bytes = text.as_bytes();
    let (mut all, mut start) = (Vec::new(), 0);
    while start < bytes.len() {
        let length = bytes[start..].iter().take_while(|byte| letter(byte)).count();
        if length >= RUN {
            let run: Vec<u8> = bytes[start..start + length].iter().map(|byte| plain(*byte)).collect();
            for phase in 0..4 {
                let whole = &run[phase..];
                // One letter over is no byte.
                let whole = &whole[..whole.len() - usize::from(whole.len() % 4 == 1)];
                let Ok(raw) = LENIENT.decode(whole) else { continue };
                // A byte is a character, so that places stay true.
                let ascii = |byte: u8| if byte.is_ascii() { char::from(byte) } else { '\u{1}' };
                let inner: String = raw.into_iter().map(ascii).collect();
                for (range, what) in found(&inner) {
                    let from = start + phase + range.start * 8 / 6;
                    let to = (start + phase + (range.end * 8).div_ceil(6)).min(start + length);
                    all.push((from..to, what));
                }
            }
        }
        start += length.max(1);
    }
    all
}

fn plain(byte: u8) -> u8 {
    match byte {
        b'-' => b'+',
        b'_' => b'/',
        other => other,
    }
}
