//! Texts made harmless for a terminal and a CI server, and cut: pure functions that know nothing of credentials. What is shown
//! goes through [`crate::redact::show`], which blacks those out first.

use std::{borrow::Cow, fmt::Write};

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

/// The begin and the end of a word in which a shell reads escapes.
const QUOTED: (&str, char) = ("$'", '\'');

/// A file's name as reports tell it: as it is, or if a line could not show it (a newline, a tab, an escape), as the word of a shell that
/// means it, `$'a\tb.yaml'`. [`file_named`] reads it back.
pub fn named(path: &str) -> Cow<'_, str> {
    if !(path.contains(unseen) || path.starts_with(QUOTED.0)) {
        return path.into();
    }
    let mut word = QUOTED.0.to_owned();
    for character in path.chars() {
        let code = u32::from(character);
        match character {
            '\n' => word.push_str("\\n"),
            '\t' => word.push_str("\\t"),
            '\r' => word.push_str("\\r"),
            '\'' | '\\' => word.extend(['\\', character]),
            _ if !unseen(character) => word.push(character),
            _ if code <= 0xffff => word.push_str(&format!("\\u{code:04x}")),
            _ => word.push_str(&format!("\\U{code:08x}")),
        }
    }
    word.push(QUOTED.1);
    word.into()
}

/// Whether a name is told as a shell's word already.
pub fn is_quoted(name: &str) -> bool {
    name.starts_with(QUOTED.0) && name.len() > QUOTED.0.len() && name.ends_with(QUOTED.1)
}

/// The file of a name as [`named`] tells it.
pub fn file_named(name: &str) -> Cow<'_, str> {
    let Some(mut rest) = name.strip_prefix(QUOTED.0).and_then(|rest| rest.strip_suffix(QUOTED.1)) else {
        return name.into();
    };
    let mut path = String::new();
    while let Some((before, escape)) = rest.split_once('\\') {
        path.push_str(before);
        let Some(letter) = escape.chars().next() else { break };
        let digits = match letter {
            'u' => 4,
            'U' => 8,
            _ => 0,
        };
        let code = escape.get(1..=digits).and_then(|digits| u32::from_str_radix(digits, 16).ok());
        path.push(match letter {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            other => code.and_then(char::from_u32).unwrap_or(other),
        });
        rest = escape.get(letter.len_utf8() + digits..).unwrap_or_default();
    }
    (path + rest).into()
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
    use rstest::rstest;

    use super::*;

    #[test]
    fn only_what_is_unreserved_stands_for_itself() {
        assert_eq!(percent_encoded("aZ09-._~"), "aZ09-._~");
        assert_eq!(percent_encoded("a/b?ä=%"), "a%2Fb%3F%C3%A4%3D%25");
    }

    #[rstest]
    #[case("a/b.yaml", "a/b.yaml")]
    #[case("a b's \\t.yaml", "a b's \\t.yaml")]
    #[case("a\tb\nc\r.yaml", r"$'a\tb\nc\r.yaml'")]
    #[case("e\x1b[31mf'\\.yaml", r"$'e\u001b[31mf\'\\.yaml'")]
    #[case("a\u{202e}b\u{e0001}1.yaml", r"$'a\u202eb\U000e00011.yaml'")]
    #[case("$'x'", r"$'$\'x\''")]
    fn a_file_name_is_told_as_a_word_of_a_shell_that_means_it(#[case] path: &str, #[case] told: &str) {
        assert_eq!(named(path), told);
        assert_eq!(file_named(told), path);
        assert!(!named(path).contains(unseen));
        if told != path {
            let mut echo = std::process::Command::new("bash");
            let said =
                echo.args(["-c", &format!("printf %s {told}")]).env("LC_ALL", "C.UTF-8").output().expect("a shell");
            assert_eq!(String::from_utf8_lossy(&said.stdout), path);
        }
    }

    #[test]
    fn cut_between_characters() {
        assert_eq!(shorten("aaäb", 3), "aa… (5 bytes)");
        assert_eq!((floor("aä", 2), floor("aä", 9)), (1, 3));
    }
}
