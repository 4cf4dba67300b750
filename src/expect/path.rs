//! What is found at a JSON path.

use serde_json::Value;

use super::{
    hidden::Hidden,
    json, pattern,
    query::{Budget, Query},
};
use crate::{redact::show, scenario::expect::AtPath};

/// A path whose values are not as expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Miss {
    /// JSON pointer from the `AtPath`, e.g. `/equals/kind`.
    pub pointer: String,
    /// In words.
    pub expected: String,
    /// What was found.
    pub got: String,
    /// More about it.
    pub hint: Option<String>,
}

/// All that does not hold.
pub fn check(wanted: &AtPath, root: &Value, hidden: &Hidden, budget: &mut Budget) -> Vec<Miss> {
    let miss =
        |pointer: &str, expected: String, got: String, hint| Miss { pointer: pointer.into(), expected, got, hint };
    let found = match Query::parse(&wanted.at) {
        Ok(query) => query.find(root, budget).map_err(|why| ("a JSON path that ends in time", why)),
        Err(why) => Err(("a JSON path (RFC 9535)", why)),
    };
    let found = match found {
        Ok(found) => found,
        Err((expected, why)) => {
            let hint = Some(show::block(&why, show::BODY));
            return vec![miss("/at", expected.into(), show::line(&wanted.at, show::VALUE), hint)];
        }
    };
    let list = |found: &[&Value]| list(found, hidden);
    let mut misses = Vec::new();
    let nothing = || found.is_empty().then(|| last_seen(&wanted.at, root)).flatten();

    if let Some(expected) = &wanted.equals {
        match found.as_slice() {
            [one] => misses.extend(json::differences(expected, one, hidden).into_iter().map(|difference| Miss {
                pointer: format!("/equals{}", difference.pointer),
                expected: difference.expected,
                got: difference.got,
                hint: difference.hint,
            })),
            many => {
                misses.push(miss("/equals", format!("one value, {}", json::value(expected)), list(many), nothing()))
            }
        }
    }
    if let Some(pattern) = &wanted.matches {
        let expected = format!("one string that matches `{}`", show::line(pattern, show::VALUE));
        let length = found.iter().filter_map(|value| value.as_str()).map(str::len).max().unwrap_or_default();
        match (pattern::compile(pattern, length), found.as_slice()) {
            (Err(error), _) => {
                let hint = Some(show::block(&error, show::BODY));
                misses.push(miss("/matches", "a regular expression".into(), show::line(pattern, show::VALUE), hint));
            }
            (Ok(regex), [Value::String(text)]) if regex.is_match(text) => {}
            (Ok(_), found) => misses.push(miss("/matches", expected, list(found), nothing())),
        }
    }
    if let Some(expected) = &wanted.contains
        && !found.iter().any(|value| json::contains(value, expected))
    {
        misses.push(miss(
            "/contains",
            format!("one of them contains {}", json::value(expected)),
            list(&found),
            nothing(),
        ));
    }
    if let Some(count) = wanted.count
        && found.len() != count
    {
        misses.push(miss(
            "/count",
            if count == 1 { "1 value".into() } else { format!("{count} values") },
            list(&found),
            nothing(),
        ));
    }
    match wanted.absent {
        Some(true) if !found.is_empty() => misses.push(miss("/absent", "nothing".into(), list(&found), None)),
        Some(false) if found.is_empty() => misses.push(miss("/absent", "something".into(), list(&found), nothing())),
        _ => {}
    }
    misses
}

fn list(found: &[&Value], hidden: &Hidden) -> String {
    match found {
        [] => "nothing".into(),
        [one] => hidden.line(one),
        many => {
            // More than these are not shown anyway.
            let values: Vec<_> = many.iter().take(show::VALUE).map(|value| hidden.line(value)).collect();
            format!("{} values: {}", many.len(), show::line(&values.join(", "), show::VALUE))
        }
    }
}

/// Where a path of plain keys and indexes ends, and which keys there are.
fn last_seen(path: &str, root: &Value) -> Option<String> {
    let mut here = root;
    let mut seen = "$".to_owned();
    for segment in path.strip_prefix('$')?.replace('[', ".[").split('.').filter(|segment| !segment.is_empty()) {
        let next = match segment.strip_prefix('[').and_then(|segment| segment.strip_suffix(']')) {
            Some(inner) => match inner.parse::<usize>() {
                Ok(index) => here.get(index),
                Err(_) => here.get(inner.trim_matches(['\'', '"'])),
            },
            None => here.get(segment),
        };
        let Some(next) = next else {
            return Some(match here {
                Value::Object(map) => {
                    let keys: Vec<_> = map.keys().map(String::as_str).take(show::VALUE).collect();
                    format!("{seen} has the keys {}", show::line(&keys.join(", "), show::VALUE))
                }
                Value::Array(list) => format!("{seen} is a list of {}", list.len()),
                other => format!("{seen} is {}", json::value(other)),
            });
        };
        here = next;
        if !segment.starts_with('[') {
            seen.push('.');
        }
        seen.push_str(segment);
    }
    None
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn run(yaml: &str) -> Vec<String> {
        let root = json!({"items": [{"name": "a", "n": 1}, {"name": "b", "n": 2}], "kind": "List"});
        let wanted: AtPath = serde_saphyr::from_str(yaml).unwrap();
        check(&wanted, &root, &Hidden::default(), &mut Budget::default())
            .into_iter()
            .map(|miss| [miss.pointer, miss.expected, miss.got, miss.hint.unwrap_or_default()].join(" | "))
            .collect()
    }

    #[rstest]
    #[case("{at: $.kind, equals: List}")]
    #[case("{at: '$.items[0]', equals: {n: 1.0}}")]
    #[case("{at: '$.items[*].name', contains: b}")]
    #[case("{at: '$.items[*]', count: 2}")]
    #[case("{at: $.none, absent: true}")]
    #[case("{at: $.kind, absent: false}")]
    #[case("{at: $.kind, matches: ^L}")]
    #[case("{at: '$.items[?@.n > 1].name', equals: b}")]
    fn holds(#[case] yaml: &str) {
        assert_eq!(run(yaml), [""; 0]);
    }

    #[rstest]
    #[case("{at: '$.items[0]', equals: {n: 2}}", "/equals/n | 2 | 1 | ")]
    #[case("{at: '$.items[*].n', equals: 1}", "/equals | one value, 1 | 2 values: 1, 2 | ")]
    #[case(
        "{at: '$.items[0].nam', equals: a}",
        "/equals | one value, \"a\" | nothing | $.items[0] has the keys name, n"
    )]
    #[case("{at: '$.items[5]', absent: false}", "/absent | something | nothing | $.items is a list of 2")]
    #[case(
        "{at: '$.items[*]', count: 3}",
        "/count | 3 values | 2 values: {\"name\":\"a\",\"n\":1}, {\"name\":\"b\",\"n\":2} | "
    )]
    #[case("{at: $.kind, absent: true}", "/absent | nothing | \"List\" | ")]
    #[case("{at: '$.items[0].n', matches: '1'}", "/matches | one string that matches `1` | 1 | ")]
    #[case(
        "{at: '$.items[*].name', contains: c}",
        "/contains | one of them contains \"c\" | 2 values: \"a\", \"b\" | "
    )]
    fn misses(#[case] yaml: &str, #[case] miss: &str) {
        assert_eq!(run(yaml), [miss]);
    }

    #[test]
    fn names_a_bad_path() {
        assert!(run("{at: items, count: 1}")[0].starts_with("/at | a JSON path (RFC 9535) | items | "));
    }
}
