//! Texts made harmless for a terminal and a CI server, and cut: pure functions that know nothing of credentials. What is shown
//! goes through [`crate::redact::show`], which blacks those out first.

use std::fmt::Write;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What stands for itself in a segment of a path and in a value of a query.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The text if it has at most `cap` bytes, or its beginning and its length: `abc… (12345 bytes)`.
pub fn shorten(text: &str, cap: usize) -> String {
    if text.len() <= cap {
        return text.to_owned();
    }
    let end = floor(text, cap);
    format!("{}… ({} bytes)", &text[..end], text.len())
}

/// `sha256:…` of all that was taken.
pub fn sum(taken: &sha2::Sha256) -> String {
    use sha2::Digest as _;
    taken.clone().finalize().iter().fold("sha256:".to_owned(), |sum, byte| sum + &format!("{byte:02x}"))
}

/// The last boundary of characters that is not after `at`.
pub fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// Control characters, and those that turn the writing direction or are not seen, as `\u{1b}`.
pub fn escape(text: &str, keep_newlines: bool) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' if keep_newlines => safe.push('\n'),
            '\n' => safe.push_str("\\n"),
            '\r' => safe.push_str("\\r"),
            '\t' => safe.push_str("\\t"),
            _ if unseen(character) => {
                let _ = write!(safe, "\\u{{{:x}}}", u32::from(character));
            }
            _ => safe.push(character),
        }
    }
    safe
}

/// Without what a CI server takes for a command to itself: GitHub a line that begins with `::`, blanks aside; GitHub, Azure
/// and TeamCity `##[`, `##vso[` and `##teamcity[` anywhere.
pub fn defuse(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let start = begun(line);
        let blank = &line[..line.len() - start.len()];
        let line = match start.strip_prefix("::") {
            Some(rest) => format!("{blank}\\u{{3a}}:{rest}"),
            None => line.to_owned(),
        };
        let mut rest = line.as_str();
        while let Some(at) = rest.find("##") {
            let (before, from) = rest.split_at(at);
            let word = from[2..].trim_start_matches(|c: char| c.is_ascii_alphanumeric());
            safe.push_str(before);
            safe.push_str(if word.starts_with('[') { "\\u{23}" } else { "#" });
            rest = &from[1..];
        }
        safe.push_str(rest);
    }
    safe
}

/// A line without the blanks and the colours that it begins with.
fn begun(line: &str) -> &str {
    let mut rest = line.trim_start();
    while let Some((numbers, text)) = rest.strip_prefix("\x1b[").and_then(|rest| rest.split_once('m')) {
        if !numbers.bytes().all(|byte| byte.is_ascii_digit() || byte == b';') {
            break;
        }
        rest = text.trim_start();
    }
    rest
}

/// Whether a character is not seen, changes how others are, or is none (XML forbids those): Unicode's control characters
/// (Cc), format characters (Cf; but for the few that stand before a number and are seen), separators of lines and paragraphs,
/// noncharacters, what Unicode says may be drawn as nothing (`Default_Ignorable_Code_Point` in `DerivedCoreProperties.txt`: fillers,
/// joiners, variation selectors but for the two that choose between a sign and a picture), and the empty Braille pattern.
pub fn unseen(c: char) -> bool {
    c.is_control()
        || u32::from(c) & 0xfffe == 0xfffe
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fdd0}'..='\u{fdef}' | '\u{fe00}'..='\u{fe0d}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
            | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// Percent-encodes a segment of a path or a value of a query.
pub fn percent_encoded(text: &str) -> String {
    utf8_percent_encode(text, UNRESERVED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_unreserved_stands_for_itself() {
        assert_eq!(percent_encoded("aZ09-._~"), "aZ09-._~");
        assert_eq!(percent_encoded("a/b?ä=%"), "a%2Fb%3F%C3%A4%3D%25");
    }

    #[test]
    fn cut_between_characters() {
        assert_eq!(shorten("aaäb", 3), "aa… (5 bytes)");
        assert_eq!((floor("aä", 2), floor("aä", 9)), (1, 3));
    }
}
