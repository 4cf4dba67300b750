//! Rules for texts.

use super::pattern;
use crate::{
    redact::show,
    scenario::expect::{Text, TextRule},
};

/// What a plain text means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plain {
    /// The text begins with it, as messages do.
    StartsWith,
    /// The text is equal to it, newlines at the end apart, as output is.
    Equals,
}

/// A rule that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Miss {
    /// Key of the rule inside the expectation: `/contains`, or an empty text for a plain one.
    pub key: &'static str,
    /// In words.
    pub expected: String,
    /// What came.
    pub got: String,
    /// Where the difference is, if the eye does not see it.
    pub hint: Option<String>,
}

/// Checks a text.
///
/// # Errors
/// The rule and the text, ready to be shown.
pub fn check(rule: &Text, plain: Plain, got: &str) -> Result<(), Miss> {
    let got = if plain == Plain::Equals { got.trim_end_matches(['\n', '\r']) } else { got };
    let (key, verb, wanted, holds) = match rule {
        Text::Is(text) if plain == Plain::StartsWith => ("", "begins with", text, got.starts_with(text)),
        Text::Is(text) => ("", "is", text, got == text.trim_end_matches(['\n', '\r'])),
        Text::Rule(TextRule::Equals(text)) => {
            let wanted = if plain == Plain::Equals { text.trim_end_matches(['\n', '\r']) } else { text };
            ("/equals", "is", text, got == wanted)
        }
        Text::Rule(TextRule::StartsWith(text)) => ("/startsWith", "begins with", text, got.starts_with(text)),
        Text::Rule(TextRule::Contains(text)) => ("/contains", "contains", text, got.contains(text)),
        Text::Rule(TextRule::Lacks(text)) => ("/lacks", "does not contain", text, !got.contains(text)),
        Text::Rule(TextRule::Matches(pattern)) => match pattern::compile(pattern, got.len()) {
            Ok(regex) => ("/matches", "matches", pattern, regex.is_match(got)),
            Err(error) => {
                return Err(Miss {
                    key: "/matches",
                    expected: "a regular expression".into(),
                    got: show::line(pattern, show::VALUE),
                    hint: Some(show::block(&error, show::BODY)),
                });
            }
        },
    };
    if holds {
        return Ok(());
    }
    let hint = match verb {
        "is" => invisible(wanted, got),
        "begins with" => invisible(wanted, got.get(..crate::text::floor(got, wanted.len())).unwrap_or(got)),
        _ => None,
    };
    Err(Miss {
        key,
        expected: match quote(wanted) {
            _ if wanted.is_empty() && verb == "is" => "an empty text".into(),
            lines if lines.contains('\n') => format!("{verb}\n{lines}"),
            line => format!("{verb} {line}"),
        },
        got: if got.is_empty() { "an empty text".into() } else { quote(got) },
        hint,
    })
}

/// As it is, if it has one line; otherwise as a block of its own.
fn quote(text: &str) -> String {
    let shown = show::block(text, show::BODY);
    if shown.contains('\n') { shown } else { format!("`{shown}`") }
}

/// If two texts look the same and are not: both with their blanks made visible, and the first difference.
fn invisible(expected: &str, got: &str) -> Option<String> {
    let seen = |text: &str| text.chars().filter(|c| !c.is_whitespace() && !crate::text::unseen(*c)).collect::<String>();
    if expected == got || seen(expected) != seen(got) {
        return None;
    }
    let (at, a, b) = first_difference(expected, got);
    let name = |character: Option<char>| match character {
        None => "the end".to_owned(),
        Some('\n') => "a newline".to_owned(),
        Some('\r') => "a carriage return".to_owned(),
        Some('\t') => "a tab".to_owned(),
        Some(' ') => "a blank".to_owned(),
        Some('\u{a0}') => "a no-break space (U+00A0)".to_owned(),
        Some(other) if crate::text::unseen(other) || other.is_whitespace() => {
            format!("U+{:04X}", u32::from(other))
        }
        Some(other) => format!("`{other}`"),
    };
    Some(format!(
        "they differ in blanks or unseen characters only: at character {} {} is expected and {} came\n\
         expected: {}\n     got: {}",
        at + 1,
        name(a),
        name(b),
        visible(expected),
        visible(got)
    ))
}

fn first_difference(a: &str, b: &str) -> (usize, Option<char>, Option<char>) {
    let (mut a, mut b) = (a.chars(), b.chars());
    let mut at = 0;
    loop {
        match (a.next(), b.next()) {
            (x, y) if x != y || x.is_none() => return (at, x, y),
            _ => at += 1,
        }
    }
}

/// Blanks as `·`, tabs as `→`, line ends as `␊` and `␍`.
fn visible(text: &str) -> String {
    let mut shown = String::new();
    for character in show::clean(text, show::VALUE).chars() {
        match character {
            ' ' => shown.push('·'),
            '\t' => shown.push('→'),
            '\n' => shown.push('␊'),
            '\r' => shown.push('␍'),
            '\u{a0}' => shown.push('⍽'),
            other => shown.push_str(&crate::text::escape(other.encode_utf8(&mut [0; 4]), false)),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn rule(yaml: &str) -> Text {
        serde_saphyr::from_str(yaml).unwrap()
    }

    #[rstest]
    #[case("abc", Plain::StartsWith, "abcd")]
    #[case("abc", Plain::Equals, "abc\n\n")]
    #[case("\"abc\\n\"", Plain::Equals, "abc\r\n")]
    #[case("{equals: abc}", Plain::Equals, "abc\n")]
    #[case("{contains: b}", Plain::Equals, "abc")]
    #[case("{lacks: d}", Plain::Equals, "abc")]
    #[case("{startsWith: ab}", Plain::Equals, "abc")]
    #[case("{matches: '^a.c$'}", Plain::Equals, "abc\n")]
    fn holds(#[case] yaml: &str, #[case] plain: Plain, #[case] got: &str) {
        assert_eq!(check(&rule(yaml), plain, got), Ok(()));
    }

    #[rstest]
    #[case("abc", Plain::StartsWith, "ab", "", "begins with `abc`", "`ab`")]
    #[case("abc", Plain::Equals, "", "", "is `abc`", "an empty text")]
    #[case("{equals: abc}", Plain::StartsWith, "abcd", "/equals", "is `abc`", "`abcd`")]
    #[case("{lacks: b}", Plain::Equals, "abc", "/lacks", "does not contain `b`", "`abc`")]
    #[case("{contains: d}", Plain::Equals, "a\nc", "/contains", "contains `d`", "a\nc")]
    #[case("{matches: '('}", Plain::Equals, "a", "/matches", "a regular expression", "(")]
    fn misses(
        #[case] yaml: &str,
        #[case] plain: Plain,
        #[case] got: &str,
        #[case] key: &str,
        #[case] expected: &str,
        #[case] shown: &str,
    ) {
        let miss = check(&rule(yaml), plain, got).unwrap_err();
        assert_eq!((miss.key, miss.expected.as_str(), miss.got.as_str()), (key, expected, shown));
    }

    #[rstest]
    #[case("a b", "a\u{a0}b", "at character 2 a blank is expected and a no-break space (U+00A0) came", "a⍽b")]
    #[case("ab", "ab ", "at character 3 the end is expected and a blank came", "ab·")]
    #[case("a b", "a\tb", "at character 2 a blank is expected and a tab came", "a→b")]
    #[case("ab", "a\u{200b}b", "at character 2 `b` is expected and U+200B came", r"a\u{200b}b")]
    fn shows_what_is_not_seen(#[case] wanted: &str, #[case] got: &str, #[case] words: &str, #[case] shown: &str) {
        let hint = check(&Text::Is(wanted.into()), Plain::Equals, got).unwrap_err().hint.unwrap();
        assert!(hint.contains(words) && hint.contains(shown), "{hint}");
    }
}
