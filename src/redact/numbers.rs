//! Texts that are written as numbers: by `od`, `hexdump` and `xxd`, or as a list of bytes.

use std::ops::Range;

use super::view::View;

/// One way to read a number.
struct Reading {
    base: u32,
    /// How many digits it has.
    digits: Range<usize>,
    /// How many bytes it stands for, of which the least comes first.
    bytes: usize,
}

const fn reading(base: u32, digits: Range<usize>, bytes: usize) -> Reading {
    Reading { base, digits, bytes }
}

/// Hexadecimal words on a machine whose least byte comes first; decimal, octal and binary numbers. The last decimal word has fewer
/// digits when the text ends in it.
const READINGS: [Reading; 12] = [
    reading(16, 4..5, 2),
    reading(16, 8..9, 4),
    reading(16, 16..17, 8),
    reading(10, 2..4, 1),
    reading(10, 2..6, 2),
    reading(10, 2..11, 4),
    reading(10, 2..21, 8),
    reading(8, 2..5, 1),
    reading(8, 5..7, 2),
    reading(8, 10..12, 4),
    reading(8, 20..23, 8),
    reading(2, 8..9, 1),
];

/// The shortest text that is looked at.
const LEAST: usize = 4;

/// Numbers that are further apart do not belong together: between them is at most an address and a column of letters.
const APART: usize = 96;

/// Of a reading so many bytes are looked at together, so that a dump of any length takes little memory.
const WINDOW: usize = 256 << 10;

/// So many of them are looked at again with what follows: more than the longest credential that is known by its shape alone.
const AGAIN: usize = 64 << 10;

/// A number in a text.
struct Number {
    digits: Range<usize>,
    decimal: bool,
}

/// Looks at what stands in a text as numbers: one view after the other for each way to read them.
pub fn views(text: &str, mut look: impl FnMut(View)) {
    let mut pairs = Run::default();
    let mut words: Vec<Run> = READINGS.iter().map(|_| Run::default()).collect();
    let bytes = text.as_bytes();
    numbers(bytes, |number| {
        let digits = &bytes[number.digits.clone()];
        if digits.len().is_multiple_of(2) {
            for (at, pair) in digits.chunks(2).enumerate() {
                let place = number.digits.start + 2 * at;
                pairs.push(
                    u8::try_from(16 * digit(pair[0]) + digit(pair[1])).unwrap_or(0),
                    place..place + 2,
                    &mut look,
                );
            }
        }
        for (reading, run) in READINGS.iter().zip(&mut words) {
            if reading.digits.contains(&digits.len())
                && (number.decimal || reading.base == 16)
                && let Some(value) = value(digits, reading.base)
            {
                let all = value.to_le_bytes();
                let (own, rest) = all.split_at(reading.bytes);
                // The last word of a text that has an odd number of bytes ends with zeros.
                if rest.iter().all(|byte| *byte == 0)
                    && (reading.bytes == 1 || own.iter().all(|byte| text_or_zero(*byte)))
                {
                    own.iter().for_each(|byte| run.push(*byte, number.digits.clone(), &mut look));
                }
            }
        }
    });
    words.into_iter().chain([pairs]).filter_map(Run::end).for_each(look);
}

/// What one reading has found.
#[derive(Default)]
struct Run {
    view: View,
    /// Where the stretch begins that is being read.
    start: usize,
    /// Where its last number ended.
    last: usize,
}

impl Run {
    fn push(&mut self, byte: u8, place: Range<usize>, look: &mut impl FnMut(View)) {
        if self.view.len() >= WINDOW {
            let tail = self.view.tail(AGAIN);
            self.start = self.start.saturating_sub(self.view.len() - tail.len());
            look(std::mem::replace(&mut self.view, tail));
        }
        if self.view.len() > self.start && place.start > self.last + APART {
            self.cut();
        }
        self.last = place.end;
        match byte {
            // Letters of two bytes have one that is zero.
            0 => {}
            _ if text_or_zero(byte) => self.view.push(byte, place),
            _ => self.cut(),
        }
    }

    /// Ends a stretch: one that is too short goes.
    fn cut(&mut self) {
        if self.view.len() < self.start + LEAST {
            self.view.truncate(self.start);
        } else {
            self.view.push(b'\n', self.last..self.last);
        }
        self.start = self.view.len();
    }

    fn end(mut self) -> Option<View> {
        self.cut();
        (self.view.len() > 0).then_some(self.view)
    }
}

fn text_or_zero(byte: u8) -> bool {
    matches!(byte, 0 | b' '..=b'~' | b'\n' | b'\r' | b'\t')
}

/// Each number of a text but the addresses at the beginnings of lines.
fn numbers(bytes: &[u8], mut each: impl FnMut(Number)) {
    let (mut at, mut first) = (0, true);
    // The first of its line: an address, if what comes next says so.
    let mut held: Option<Number> = None;
    while at < bytes.len() {
        let byte = bytes[at];
        if !byte.is_ascii_alphanumeric() {
            if byte == b'\n' {
                held.take().into_iter().for_each(&mut each);
                first = true;
            }
            at += 1;
            continue;
        }
        let mut start = at;
        let (mut decimal, mut hexadecimal) = (true, true);
        while at < bytes.len() && bytes[at].is_ascii_alphanumeric() {
            let prefix = at == start + 1 && bytes[start] == b'0' && matches!(bytes[at], b'x' | b'X' | b'o');
            if prefix {
                start = at + 1;
            } else {
                decimal &= bytes[at].is_ascii_digit();
                hexadecimal &= bytes[at].is_ascii_hexdigit();
            }
            at += 1;
        }
        let number = (hexadecimal && at > start).then_some(Number { digits: start..at, decimal });
        if let Some(address) = held.take()
            && number.as_ref().is_none_or(|number| number.digits.len() == address.digits.len())
        {
            each(address);
        }
        if let Some(number) = number {
            let named = number.digits.len() >= 4
                && bytes.get(at) == Some(&b':')
                && bytes.get(at + 1).is_some_and(u8::is_ascii_whitespace);
            match first {
                true if named => {}
                true if (6..=16).contains(&number.digits.len()) => held = Some(number),
                _ => each(number),
            }
        }
        first = false;
    }
    held.into_iter().for_each(&mut each);
}

fn digit(byte: u8) -> u32 {
    char::from(byte).to_digit(16).unwrap_or(0)
}

fn value(digits: &[u8], base: u32) -> Option<u64> {
    digits.iter().try_fold(0_u64, |value, byte| {
        let digit = char::from(*byte).to_digit(base)?;
        value.checked_mul(u64::from(base))?.checked_add(u64::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_dump_of_any_length_is_looked_at_in_parts_and_what_is_in_two_of_them_is_whole_in_one() {
        const WORD: &str = "across-the-windows ";
        let times = 3 * WINDOW / WORD.len();
        // As `od -b` writes it, but without addresses.
        let text: String = WORD.repeat(times).bytes().map(|byte| format!("{byte:03o} ")).collect();
        let (mut found, mut parts) = (BTreeSet::new(), 0);
        views(&text, |view| {
            parts += 1;
            assert!(view.len() <= WINDOW + 1, "{}", view.len());
            let places =
                view.found(|text| text.match_indices(WORD).map(|(at, word)| (at..at + word.len(), ())).collect());
            found.extend(places.into_iter().map(|(place, ())| place.start));
        });
        let every: BTreeSet<usize> = (0..times).map(|number| number * WORD.len() * 4).collect();
        assert!(parts > 3 && found == every, "{parts} parts, {} of {times}", found.len());
    }
}
