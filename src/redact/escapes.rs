//! Texts whose letters are written as escapes: of URLs, of programs, of HTML, of mails.

use std::ops::Range;

use super::view::View;

/// Fewer escapes near to each other are not undone: other forms know them.
const LEAST: usize = 4;

/// Letters between two escapes that belong together, and around them.
const AROUND: usize = 64;

/// The text around escapes with these undone.
pub fn view(text: &str) -> Option<View> {
    let bytes = text.as_bytes();
    let mut view = View::default();
    let (mut group, mut at, mut done): (Vec<(Range<usize>, u32)>, usize, usize) = (Vec::new(), 0, 0);
    while at < bytes.len() {
        let Some((code, length)) = escape(&bytes[at..]) else {
            at += 1;
            continue;
        };
        if group.last().is_some_and(|(last, _)| at > last.end + AROUND) {
            done = undo(bytes, &group, done, &mut view);
            group.clear();
        }
        group.push((at..at + length, code));
        at += length;
    }
    undo(bytes, &group, done, &mut view);
    (view.len() > 0).then_some(view)
}

/// Adds a group of escapes and the letters between and around them; says how far the text is read.
fn undo(bytes: &[u8], group: &[(Range<usize>, u32)], done: usize, view: &mut View) -> usize {
    let (Some((first, _)), Some((last, _))) = (group.first(), group.last()) else { return done };
    if group.len() < LEAST {
        return done;
    }
    let mut at = first.start.saturating_sub(AROUND).max(done);
    let end = (last.end + AROUND).min(bytes.len());
    for (place, code) in group {
        (at..place.start).for_each(|at| view.push(bytes[at], at..at + 1));
        match u8::try_from(*code) {
            // Two digits are a byte, also of a letter that has several.
            Ok(byte) if byte.is_ascii() || place.len() <= 4 => view.push(byte, place.clone()),
            _ => {
                let letter = char::from_u32(*code).unwrap_or('?');
                letter.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| view.push(byte, place.clone()));
            }
        }
        at = place.end;
    }
    (at..end).for_each(|at| view.push(bytes[at], at..at + 1));
    view.push(b'\n', end..end);
    end
}

/// The code of the letter that an escape at the beginning stands for, and how long it is.
fn escape(bytes: &[u8]) -> Option<(u32, usize)> {
    match bytes {
        [b'%', b'u', rest @ ..] => Some((number(rest.get(..4)?, 16)?, 6)),
        [b'%' | b'=', rest @ ..] => Some((number(rest.get(..2)?, 16)?, 3)),
        [b'&', ..] => {
            let mark: &[u8] = if bytes.starts_with(b"&amp;") { b"&amp;#" } else { b"&#" };
            let rest = bytes.strip_prefix(mark)?;
            let (digits, base, more) = match rest {
                [b'x' | b'X', digits @ ..] => (digits, 16, 1),
                digits => (digits, 10, 0),
            };
            let end = closed(digits, b';')?;
            Some((number(&digits[..end], base)?, mark.len() + more + end + 1))
        }
        [b'\\', ..] => {
            // As often as a text was quoted.
            let slashes = bytes.iter().take(16).take_while(|byte| **byte == b'\\').count();
            let rest = &bytes[slashes..];
            let (code, length) = match rest {
                [b'x' | b'u', b'{', digits @ ..] => {
                    let end = closed(digits, b'}')?;
                    (number(&digits[..end], 16)?, end + 3)
                }
                [b'x', digits @ ..] => (number(digits.get(..2)?, 16)?, 3),
                [b'u', digits @ ..] => (number(digits.get(..4)?, 16)?, 5),
                [b'U', digits @ ..] => (number(digits.get(..8)?, 16)?, 9),
                [b'0', digits @ ..] if digits.get(..3).is_some_and(|digits| number(digits, 8).is_some()) => {
                    (number(&digits[..3], 8)?, 4)
                }
                digits => (number(digits.get(..3)?, 8)?, 3),
            };
            Some((code, slashes + length))
        }
        _ => None,
    }
}

/// How many digits there are before the sign that ends them.
fn closed(digits: &[u8], end: u8) -> Option<usize> {
    digits.iter().take(9).position(|byte| *byte == end).filter(|end| *end > 0)
}

fn number(digits: &[u8], base: u32) -> Option<u32> {
    digits.iter().try_fold(0_u32, |value, byte| value.checked_mul(base)?.checked_add(char::from(*byte).to_digit(base)?))
}
