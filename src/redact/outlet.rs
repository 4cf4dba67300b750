//! The last filter before a terminal or a log: no credential leaves, and nothing in a text drives the program that shows it.
//!
//! Texts of servers, Pods, files and other programs are escaped where they are made a part of a sentence. This filter does not
//! rely on that: it looks at everything that is about to be written, whichever code made it. Three kinds of text may leave:
//!
//! | function | lets through | for |
//! |---|---|---|
//! | [`plain`] | newlines and tabs | all sentences and all data |
//! | [`colored`] | colours, too | what the two renderers made that draw in colour |
//! | [`commands`] | `::error …` at the beginning of a line, too | GitHub's annotations, whose parts are escaped by their report |

use super::redact;
use crate::text::{defuse, unseen};

/// A text without credentials, control characters, and commands to a CI server.
pub fn plain(text: &str) -> String {
    defuse(&escaped(&redact(text), false))
}

/// The same of a text that kubewalk has coloured: sequences that only choose a colour or a weight stay.
pub fn colored(text: &str) -> String {
    defuse(&escaped(&redact(text), true))
}

/// The same of GitHub's workflow commands: they stay what they are.
pub fn commands(text: &str) -> String {
    escaped(&redact(text), false)
}

fn escaped(text: &str, colors: bool) -> String {
    if !text.contains(|c| unseen(c) && c != '\n') {
        return text.to_owned();
    }
    let mut safe = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let (whole, after) = match sequence(rest).filter(|_| colors) {
            Some(length) => rest.split_at(length),
            None => rest.split_at(character.len_utf8()),
        };
        match character {
            _ if whole.len() > character.len_utf8() => safe.push_str(whole),
            '\n' | '\t' => safe.push(character),
            '\r' if after.starts_with('\n') => {} // how Windows ends a line
            '\r' => safe.push_str("\\r"),
            _ if unseen(character) => safe.push_str(&character.escape_unicode().to_string()),
            _ => safe.push(character),
        }
        rest = after;
    }
    safe
}

/// The length of a sequence that chooses a colour or a weight, if the text begins with one: `ESC [ 1 ; 31 m`.
fn sequence(text: &str) -> Option<usize> {
    const MOST: usize = 20;
    let numbers = text.strip_prefix("\x1b[")?;
    let end = numbers.find(|c: char| !(c.is_ascii_digit() || c == ';'))?;
    (end <= MOST && numbers[end..].starts_with('m')).then_some(2 + end + 1)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const HOSTILE: &str =
        "a\x1b]0;owned\x07\u{202e}b\x1b[2J\u{9b}31m\u{200b}\rc\n  ::error::x\n##[group]y ##vso[task.setvariable]";

    #[rstest]
    #[case(plain)]
    #[case(colored)]
    fn nothing_drives_a_terminal_or_a_ci_server(#[case] filter: fn(&str) -> String) {
        let text = filter(HOSTILE);
        assert!(!text.contains(|c| unseen(c) && c != '\n'), "{text:?}");
        assert!(text.lines().all(|line| !line.trim_start().starts_with("::")), "{text}");
        assert!(!text.contains("##[") && !text.contains("##vso["), "{text}");
        assert_eq!(filter(&text), text, "a second time changes nothing");
    }

    #[test]
    fn only_what_is_coloured_by_us_keeps_its_colours() {
        let text = "\x1b[1;31m✗\x1b[0m \x1b[38;5;9mtwo\x1b[m\x1b[31K\x1b[?25l";
        assert_eq!(colored(text), "\x1b[1;31m✗\x1b[0m \x1b[38;5;9mtwo\x1b[m\\u{1b}[31K\\u{1b}[?25l");
        assert!(!plain(text).contains('\x1b'));
    }

    #[test]
    fn a_command_behind_a_colour_is_none() {
        assert_eq!(colored("\x1b[31m::error::x"), "\x1b[31m\\u{3a}:error::x");
    }

    #[test]
    fn commands_of_ours_stay_and_carry_nothing_else() {
        assert_eq!(commands("::error title=a::b\x1b[2J\n"), "::error title=a::b\\u{1b}[2J\n");
    }

    #[test]
    fn ordinary_texts_stay() {
        for text in ["", "a\tb\r\n", "kind: Role\n---\n# ✓ ä 日本\n", "a::b ##x #[y]"] {
            assert_eq!(plain(text), text.replace('\r', ""));
        }
    }
}
