//! Texts whose letters are written as escapes: of URLs, of programs, of HTML, of mails.

use std::ops::Range;

use super::view::View;

/// The entities of HTML and XML that have names, but for those that no program needs.
const ENTITIES: [(&[u8], char); 5] =
    [(b"&amp;", '&'), (b"&lt;", '<'), (b"&gt;", '>'), (b"&quot;", '"'), (b"&apos;", '\'')];

/// How an apostrophe is written in a text between apostrophes: by shells, by YAML and SQL.
const APOSTROPHES: [&[u8]; 3] = [b"'\\''", b"'\"'\"'", b"''"];

/// Fewer escapes of several kinds near to each other are not undone together.
const LEAST: usize = 4;

/// Letters between two escapes that belong together, and around them.
const AROUND: usize = 64;

/// The text around escapes with these undone: all of them where there are many, and, if so, those of each kind alone, since what
/// is an escape to one program is a letter to the next.
pub fn views(text: &str, alone: bool) -> impl Iterator<Item = View> {
    let bytes = text.as_bytes();
    let kinds = if alone { b"%=&\\'".as_slice() } else { &[] };
    let alone =
        kinds.iter().filter(|first| bytes.contains(first)).filter_map(|first| view(bytes, 1, |at| at == *first));
    view(bytes, LEAST, |first| first != b'\'').into_iter().chain(alone)
}

/// The text around the escapes that begin so, where there are at least so many of them.
fn view(bytes: &[u8], least: usize, begins: impl Fn(u8) -> bool) -> Option<View> {
    let mut view = View::default();
    let (mut group, mut at, mut done): (Vec<(Range<usize>, u32)>, usize, usize) = (Vec::new(), 0, 0);
    while at < bytes.len() {
        let Some((code, length)) = Some(bytes[at]).filter(|first| begins(*first)).and_then(|_| escape(&bytes[at..]))
        else {
            at += 1;
            continue;
        };
        if group.last().is_some_and(|(last, _)| at > last.end + AROUND) {
            done = undo(bytes, &group, (done, least), &mut view);
            group.clear();
        }
        group.push((at..at + length, code));
        at += length;
    }
    undo(bytes, &group, (done, least), &mut view);
    (view.len() > 0).then_some(view)
}

/// Adds a group of escapes and the letters between and around them; says how far the text is read.
fn undo(bytes: &[u8], group: &[(Range<usize>, u32)], (done, least): (usize, usize), view: &mut View) -> usize {
    let (Some((first, _)), Some((last, _))) = (group.first(), group.last()) else { return done };
    if group.len() < least {
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
            let named = || ENTITIES.iter().find(|(name, _)| bytes.starts_with(name));
            numbered(bytes).or_else(|| named().map(|(name, letter)| (u32::from(*letter), name.len())))
        }
        [b'\'', ..] => {
            let written = APOSTROPHES.iter().find(|written| bytes.starts_with(written))?;
            Some((u32::from(b'\''), written.len()))
        }
        [b'\\', ..] => {
            // As often as a text was quoted.
            let slashes = bytes.iter().take(16).take_while(|byte| **byte == b'\\').count();
            let rest = &bytes[slashes..];
            let (code, length) = match rest {
                [quote @ (b'"' | b'\'' | b'/' | b'$' | b'`' | b' '), ..] => (u32::from(*quote), 1),
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

/// An entity of HTML by its number, also one whose sign is an entity itself.
fn numbered(bytes: &[u8]) -> Option<(u32, usize)> {
    let mark: &[u8] = if bytes.starts_with(b"&amp;") { b"&amp;#" } else { b"&#" };
    let rest = bytes.strip_prefix(mark)?;
    let (digits, base, more) = match rest {
        [b'x' | b'X', digits @ ..] => (digits, 16, 1),
        digits => (digits, 10, 0),
    };
    let end = closed(digits, b';')?;
    Some((number(&digits[..end], base)?, mark.len() + more + end + 1))
}

/// How many digits there are before the sign that ends them.
fn closed(digits: &[u8], end: u8) -> Option<usize> {
    digits.iter().take(9).position(|byte| *byte == end).filter(|end| *end > 0)
}

fn number(digits: &[u8], base: u32) -> Option<u32> {
    digits.iter().try_fold(0_u32, |value, byte| value.checked_mul(base)?.checked_add(char::from(*byte).to_digit(base)?))
}
