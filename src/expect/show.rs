//! Texts of Pods and servers made fit to be shown: redacted, shortened, and harmless for a terminal.

use std::fmt::Write;

use crate::redact::redact;
pub use crate::scenario::diagnostic::unseen;

/// The most of a body or message that is shown, in bytes.
pub const BODY: usize = 1000;

/// The most of one JSON value that is shown, in bytes.
pub const VALUE: usize = 200;

/// So much behind the end of what is shown is looked at for credentials that begin before it.
const BEHIND: usize = 16 << 10;

/// A text of several lines: redacted, then cut after `cap` bytes, control characters escaped except newlines.
pub fn block(text: &str, cap: usize) -> String {
    escape(&clean(text, cap), true)
}

/// The same in one line: newlines are escaped too.
pub fn line(text: &str, cap: usize) -> String {
    escape(&clean(text, cap), false)
}

/// Redacted, then cut. However long the text is, only so much of it is looked at as can be shown.
pub fn clean(text: &str, cap: usize) -> String {
    let seen = &text[..floor(text, cap.saturating_add(BEHIND))];
    let clean = redact(seen);
    if seen.len() == text.len() {
        return shorten(&clean, cap);
    }
    format!("{}… ({} bytes)", &clean[..floor(&clean, cap)], text.len())
}

/// The beginning of a text whose end is not there, in one line.
pub fn beginning(text: &str, cap: usize) -> String {
    let clean = redact(text);
    format!("{}…", escape(&clean[..floor(&clean, cap)], false))
}

/// The text if it has at most `cap` bytes, or its beginning and its length: `abc… (12345 bytes)`.
pub fn shorten(text: &str, cap: usize) -> String {
    if text.len() <= cap {
        return text.to_owned();
    }
    let end = floor(text, cap);
    format!("{}… ({} bytes)", &text[..end], text.len())
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

/// Bytes as text; what is not UTF-8 is replaced.
pub fn text(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("plain text, ä ö ✓", "plain text, ä ö ✓")]
    #[case("\x1b[31mred\x1b[0m", r"\u{1b}[31mred\u{1b}[0m")]
    #[case("a\rb\tc\0\u{7f}\u{9b}", r"a\rb\tc\u{0}\u{7f}\u{9b}")]
    #[case("\u{fffe}\u{10ffff}", r"\u{fffe}\u{10ffff}")]
    #[case("\u{202e}abc\u{200b}", r"\u{202e}abc\u{200b}")]
    #[case("two\nlines", "two\nlines")]
    fn harmless(#[case] text: &str, #[case] shown: &str) {
        assert_eq!(block(text, BODY), shown);
    }

    #[test]
    fn cut_between_characters() {
        assert_eq!(shorten("aaäb", 3), "aa… (5 bytes)");
        assert_eq!(line("a\nb", 10), r"a\nb");
    }

    #[test]
    fn redacted_before_it_is_cut() {
        let token = format!("eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJrdWJlcm5ldGVzIn0.{}", "x".repeat(400));
        assert_eq!(line(&token, 30), crate::redact::TOKEN);
    }
}
