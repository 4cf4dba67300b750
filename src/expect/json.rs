//! Partial comparison of JSON: objects may have more keys, lists have as many elements, `1` is `1.0`.

use serde_json::Value;

use super::hidden::Hidden;
pub use super::one_line::{Head, value};
use crate::{k8s::nearest, redact::show};

/// One place where an answer is not as expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// JSON pointer from the root of the comparison, e.g. `/items/0/kind`.
    pub pointer: String,
    /// Shortened.
    pub expected: String,
    /// Shortened; `nothing` for a missing key.
    pub got: String,
    /// More about it.
    pub hint: Option<String>,
}

/// The most values that an answer may have: more take more memory than a run should.
const MOST_VALUES: usize = 2_000_000;

/// Bytes as JSON, if they are, and not so much of it that it fills the memory.
pub fn parse(bytes: &[u8]) -> Option<Value> {
    let values = bytes.iter().filter(|byte| matches!(byte, b',' | b'[' | b'{')).count();
    (values <= MOST_VALUES).then(|| serde_json::from_slice(bytes).ok())?
}

/// All differences, in the order of the expected value.
pub fn differences(expected: &Value, got: &Value, hidden: &Hidden) -> Vec<Difference> {
    let mut found = Vec::new();
    compare(expected, Some(got), &mut String::new(), hidden, &mut found);
    found
}

/// Whether `got` contains `expected`.
pub fn contains(got: &Value, expected: &Value) -> bool {
    match (expected, got) {
        (Value::Object(expected), Value::Object(got)) => {
            expected.iter().all(|(key, value)| got.get(key).is_some_and(|got| contains(got, value)))
        }
        (Value::Array(expected), Value::Array(got)) => {
            expected.len() == got.len() && expected.iter().zip(got).all(|(expected, got)| contains(got, expected))
        }
        _ => same(expected, got),
    }
}

fn compare(expected: &Value, got: Option<&Value>, pointer: &mut String, hidden: &Hidden, found: &mut Vec<Difference>) {
    let differ = |expected: String, got: String, hint| Difference { pointer: pointer.clone(), expected, got, hint };
    match (expected, got) {
        (Value::Object(expected), Some(Value::Object(got))) => {
            for (key, value) in expected {
                let length = pointer.len();
                pointer.push('/');
                pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
                let before = found.len();
                compare(value, got.get(key), pointer, hidden, found);
                if !got.contains_key(key)
                    && let Some(difference) = found.get_mut(before)
                {
                    difference.hint = near(key, got.keys());
                }
                pointer.truncate(length);
            }
        }
        (Value::Array(expected), Some(Value::Array(got))) if expected.len() == got.len() => {
            for (index, (expected, got)) in expected.iter().zip(got).enumerate() {
                let length = pointer.len();
                pointer.push_str(&format!("/{index}"));
                compare(expected, Some(got), pointer, hidden, found);
                pointer.truncate(length);
            }
        }
        (Value::Array(expected), Some(whole @ Value::Array(got))) => {
            let words = |list: &[Value], line: String| {
                let plural = if list.len() == 1 { "element" } else { "elements" };
                format!("{} {plural}: {line}", list.len())
            };
            let (expected, got) =
                (words(expected, value(&Value::from(expected.clone()))), words(got, hidden.line(whole)));
            let hint = "a list must have as many elements; `path` with `contains` looks for one".to_owned();
            found.push(differ(expected, got, Some(hint)));
        }
        (_, None) => found.push(differ(value(expected), "nothing".into(), None)),
        (_, Some(got)) if same(expected, got) => {}
        (_, Some(got)) => found.push(differ(value(expected), hidden.line(got), type_hint(expected, got))),
    }
}

fn same(expected: &Value, got: &Value) -> bool {
    expected == got
        || matches!((expected, got), (Value::Number(a), Value::Number(b))
            if (a.is_f64() || b.is_f64()) && a.as_f64() == b.as_f64())
}

fn type_hint(expected: &Value, got: &Value) -> Option<String> {
    let bare = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    (std::mem::discriminant(expected) != std::mem::discriminant(got) && bare(expected) == bare(got))
        .then(|| format!("the same characters, but {} is expected and {} came", kind(expected), kind(got)))
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn near<'a>(key: &str, keys: impl Iterator<Item = &'a String>) -> Option<String> {
    // Only those of about the same length: a key of some megabytes must not be compared letter by letter.
    let alike = keys.map(String::as_str).filter(|other| other.len().abs_diff(key.len()) <= 8);
    nearest(key, alike).map(|other| format!("there is a key `{}`", show::line(other, 80)))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case(json!({"a": 1}), json!({"a": 1, "b": 2}))]
    #[case(json!(1), json!(1.0))]
    #[case(json!({}), json!({"a": []}))]
    #[case(json!([{"a": 1}, {}]), json!([{"a": 1, "b": 0}, {"c": 1}]))]
    #[case(json!(null), json!(null))]
    #[case(json!(u64::MAX), json!(u64::MAX))]
    fn holds(#[case] expected: Value, #[case] got: Value) {
        assert_eq!(differences(&expected, &got, &Hidden::default()), []);
        assert!(contains(&got, &expected));
    }

    #[rstest]
    #[case(json!({"a": {"b": 1, "c": 2}}), json!({"a": {"b": 2, "c": 3}}), &["/a/b 1 2", "/a/c 2 3"])]
    #[case(json!({"a": null}), json!({}), &["/a null nothing"])]
    #[case(json!({"a/b~c": 1}), json!({"a/b~c": 2}), &["/a~1b~0c 1 2"])]
    #[case(json!([1]), json!([1, 2]), &[" 1 element: [1] 2 elements: [1,2]"])]
    #[case(json!([]), json!({}), &[" [] {}"])]
    #[case(json!({"items": [{"kind": "A"}]}), json!({"items": [{"kind": "B"}]}), &["/items/0/kind \"A\" \"B\""])]
    #[case(json!(9_007_199_254_740_993_u64), json!(9_007_199_254_740_992_u64), &[" 9007199254740993 9007199254740992"])]
    fn differs(#[case] expected: Value, #[case] got: Value, #[case] found: &[&str]) {
        let differences: Vec<_> = differences(&expected, &got, &Hidden::default())
            .into_iter()
            .map(|d| format!("{} {} {}", d.pointer, d.expected, d.got))
            .collect();
        assert_eq!(differences, found);
    }

    #[test]
    fn hints() {
        let (expected, got) = (json!({"kinds": "1", "n": "1"}), json!({"kind": "1", "n": 1}));
        let found = differences(&expected, &got, &Hidden::default());
        assert_eq!(found[0].hint.as_deref(), Some("there is a key `kind`"));
        assert_eq!(found[1].hint.as_deref(), Some("the same characters, but a string is expected and a number came"));
    }

    #[test]
    fn long_values_are_cut() {
        let got = differences(&json!(1), &json!("x".repeat(5000)), &Hidden::default()).remove(0).got;
        assert!(got.len() < 230 && got.ends_with("… (5002 bytes)"), "{got}");
    }
}
