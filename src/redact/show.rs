//! Texts of Pods and servers made fit to be shown: redacted, shortened, and harmless for a terminal.

use super::redact;
use crate::text::{escape, floor, shorten};

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

/// What a panic says, without credentials and without what drives a terminal.
pub fn panic_message(panic: &std::panic::PanicHookInfo<'_>) -> String {
    let payload = panic.payload();
    let words =
        payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    panicked(words.unwrap_or("no words"), &panic.location().map(ToString::to_string).unwrap_or_default())
}

fn panicked(words: &str, place: &str) -> String {
    const MOST: usize = 4000;
    format!("kubewalk panicked at {place}:\n{}\n", block(words, MOST))
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
    fn a_line_has_no_second_one() {
        assert_eq!(line("a\nb", 10), r"a\nb");
    }

    #[test]
    fn redacted_before_it_is_cut() {
        let token = format!("eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJrdWJlcm5ldGVzIn0.{}", "x".repeat(400));
        assert_eq!(line(&token, 30), crate::redact::TOKEN);
    }

    #[test]
    fn a_panic_says_no_token() {
        let jwt = "eyJhbGciOiJSUzI1NiIsImtpZCI6IkEifQ.eyJpc3MiOiJrdWJlcm5ldGVzIn0.c2lnbmF0dXJlLXNpZ25hdHVyZQ";
        let text = panicked(&format!("called `unwrap()` on {jwt}\u{1b}[2J"), "src/a.rs:1:2");
        let token = crate::redact::TOKEN;
        assert_eq!(text, format!("kubewalk panicked at src/a.rs:1:2:\ncalled `unwrap()` on {token}\\u{{1b}}[2J\n"));
    }
}
