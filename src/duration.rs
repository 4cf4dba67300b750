//! Lengths of time as people write and read them: one grammar for scenarios, the command line and the environment, where older variables
//! take a bare number of seconds, too. What a place takes at least and at most, it says itself.
//!
//! Not `jiff`'s friendly format: that takes `PT1H`, `1 hour ago` and forty spellings, which no pattern of a JSON Schema and so no
//! editor can check.

use std::time::Duration;

/// What the grammar is, as a pattern: a number and its unit.
pub const PATTERN: &str = r"^[0-9]+(ms|s|m|h)$";

/// The units, each in milliseconds.
const UNITS: [(&str, u64); 4] = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000)];

/// `500ms`, `90s`, `30m`, `2h`; nothing for what is written in another way. What is too long for a number is the longest.
pub fn read(text: &str) -> Option<Duration> {
    let at = text.find(|c: char| !c.is_ascii_digit())?;
    let (digits, unit) = text.split_at(at);
    let (_, millis) = UNITS.iter().find(|(known, _)| *known == unit)?;
    let number = if digits.is_empty() { return None } else { digits.parse().unwrap_or(u64::MAX) };
    Some(Duration::from_millis(number.saturating_mul(*millis)))
}

/// The same for an option of the command line: a second at least.
///
/// # Errors
/// How one is written.
pub fn option(text: &str) -> Result<Duration, String> {
    let duration = read(text).ok_or("give a number with s, m or h, such as 30m")?;
    if duration < Duration::from_secs(1) { Err("give a time of at least 1s".into()) } else { Ok(duration) }
}

/// How long something took: `41 ms`, `3.2 s`, `2 min 5 s`.
pub fn took(ms: u64) -> String {
    match ms {
        0..1000 => format!("{ms} ms"),
        1000..60_000 => format!("{}.{} s", ms / 1000, ms % 1000 / 100),
        _ => format!("{} min {} s", ms / 60_000, ms % 60_000 / 1000),
    }
}

/// How long something will be, about and not less: `90 s`, `30 min`, `2 h`.
pub fn about(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds.div_ceil(60)),
        _ => format!("{} h", seconds.div_ceil(3600)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_as_its_pattern_says() {
        let pattern = regex::Regex::new(PATTERN).expect("a pattern");
        for (text, millis) in [
            ("500ms", Some(500)),
            ("90s", Some(90_000)),
            ("30m", Some(1_800_000)),
            ("2h", Some(7_200_000)),
            ("0s", Some(0)),
            ("99999999999999999999s", Some(u64::MAX)),
            ("99999999999999999h", Some(u64::MAX)),
            ("5", None),
            ("s", None),
            ("", None),
            ("-5s", None),
            ("+5s", None),
            ("1.5s", None),
            ("5 s", None),
            ("5S", None),
            ("1h30m", None),
            ("5d", None),
        ] {
            assert_eq!(read(text), millis.map(Duration::from_millis), "{text}");
            assert_eq!(pattern.is_match(text), millis.is_some(), "{text}");
        }
    }

    #[test]
    fn an_option_is_a_second_at_least() {
        assert_eq!(option("2h"), Ok(Duration::from_secs(7200)));
        assert_eq!(option("1000ms"), Ok(Duration::from_secs(1)));
        for text in ["0s", "999ms"] {
            assert_eq!(option(text).expect_err(text), "give a time of at least 1s");
        }
        assert!(option("30").expect_err("no unit").contains("such as 30m"));
    }

    #[test]
    fn people_read_few_numbers() {
        assert_eq!([took(0), took(999), took(1000), took(125_000)], ["0 ms", "999 ms", "1.0 s", "2 min 5 s"]);
        assert_eq!([about(119), about(120), about(121), about(7200)], ["119 s", "2 min", "3 min", "2 h"]);
    }
}
