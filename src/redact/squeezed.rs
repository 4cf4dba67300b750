//! A text without what breaks it into lines, and what may be encoded in it.

use std::ops::Range;

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

/// A text without blanks, line breaks (`\n` as an escape in JSON included) and the `=` that quoted-printable ends lines with.
pub struct Squeezed {
    text: String,
    /// Of each stretch without a gap: where it begins here, and where in the whole text.
    stretches: Vec<(usize, usize)>,
}

impl Squeezed {
    /// Of a text that has something to leave out.
    pub fn without_breaks(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let (mut squeezed, mut stretches) = (Vec::new(), Vec::new());
        let (mut at, mut start) = (0, 0);
        while at < bytes.len() {
            // What is left out is ASCII, so what stays are whole letters.
            let gap = match bytes[at] {
                b'\t' | b'\n' | b'\x0c' | b'\r' | b' ' => 1,
                b'\\' if matches!(bytes.get(at + 1), Some(b'n' | b'r')) => 2,
                b'=' if matches!(bytes.get(at + 1), Some(b'\n' | b'\r')) => 1,
                _ => {
                    at += 1;
                    continue;
                }
            };
            if squeezed.capacity() == 0 {
                squeezed.reserve_exact(bytes.len());
            }
            stretch(&mut squeezed, &mut stretches, bytes, start..at);
            at += gap;
            start = at;
        }
        // Nothing was left out.
        if start == 0 {
            return None;
        }
        stretch(&mut squeezed, &mut stretches, bytes, start..at);
        Some(Self { text: String::from_utf8(squeezed).ok()?, stretches })
    }

    /// What is left.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Where in the whole text something stands.
    pub fn place(&self, range: Range<usize>) -> Range<usize> {
        let of = |at: usize| {
            let stretch = self.stretches.partition_point(|(start, _)| *start <= at).saturating_sub(1);
            let (start, whole) = self.stretches[stretch];
            whole + at - start
        };
        of(range.start)..of(range.end - 1) + 1
    }
}

fn stretch(squeezed: &mut Vec<u8>, stretches: &mut Vec<(usize, usize)>, bytes: &[u8], range: Range<usize>) {
    if !range.is_empty() {
        stretches.push((squeezed.len(), range.start));
        squeezed.extend_from_slice(&bytes[range]);
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

/// What stands in base64 in a text: each run of its letters, read from its first, second, third and fourth letter, as far as
/// that is text; and `found` says where in that something is, which is given as places of the text.
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
                for (at, inner) in texts(&raw) {
                    for (range, what) in found(inner) {
                        let from = start + phase + (at + range.start) * 8 / 6;
                        let to = (start + phase + ((at + range.end) * 8).div_ceil(6)).min(start + length);
                        all.push((from..to, what));
                    }
                }
            }
        }
        start += length.max(1);
    }
    all
}

/// The shortest text among bytes that is looked at: what is read from the wrong letter is hardly ever so long.
const TEXT: usize = 8;

/// Each stretch of letters, signs and blanks among bytes, with where it begins.
fn texts(bytes: &[u8]) -> Vec<(usize, &str)> {
    let printable = |byte: &u8| matches!(byte, b' '..=b'~' | b'\n' | b'\r' | b'\t');
    let (mut all, mut start) = (Vec::new(), 0);
    while start < bytes.len() {
        let length = bytes[start..].iter().take_while(|byte| printable(byte)).count();
        if length >= TEXT
            && let Ok(text) = std::str::from_utf8(&bytes[start..start + length])
        {
            all.push((start, text));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_letter_keeps_its_place() {
        let text = " é one\\ntwo=\r\n\tthr=ee\\x\n";
        let squeezed = Squeezed::without_breaks(text).expect("something to leave out");
        assert_eq!(squeezed.as_str(), "éonetwothr=ee\\x");
        for word in ["é", "one", "two", "thr=ee", "\\x"] {
            let at = squeezed.as_str().find(word).expect("it is there");
            assert_eq!(&text[squeezed.place(at..at + word.len())], word);
        }
        let over = squeezed.as_str().find("netw").expect("it is there");
        assert_eq!(&text[squeezed.place(over..over + 4)], "ne\\ntw");
        assert!(Squeezed::without_breaks("nothing=").is_none() && Squeezed::without_breaks("").is_none());
    }
}
