//! Objects as YAML for people: in the order of their keys, in blocks, with short lists in one line.

use serde_json::{Map, Value};

/// How long a line of several values may be.
const WIDTH: usize = 100;

/// The first keys of a manifest, in the order that most manifests have.
const FIRST: [&str; 3] = ["apiVersion", "kind", "metadata"];

/// A document, with a line break at its end.
pub fn document(value: &Value) -> String {
    let mut text = String::new();
    match value {
        Value::Object(map) if !map.is_empty() => block(map, 0, &mut text),
        value => {
            text.push_str(&inline(value));
            text.push('\n');
        }
    }
    text
}

fn block(map: &Map<String, Value>, indent: usize, text: &mut String) {
    let first = FIRST.iter().filter_map(|key| map.get_key_value(*key));
    let rest = map.iter().filter(|(key, _)| !FIRST.contains(&key.as_str()));
    for (key, value) in first.chain(rest) {
        text.push_str(&" ".repeat(indent));
        text.push_str(&scalar(key));
        text.push(':');
        below(value, indent, text);
    }
}

/// What stands behind a key.
fn below(value: &Value, indent: usize, text: &mut String) {
    let line = inline(value);
    match value {
        Value::Object(map) if !map.is_empty() && (indent == 0 || line.len() + indent > WIDTH) => {
            text.push('\n');
            block(map, indent + 2, text);
        }
        Value::Array(items) if !items.is_empty() && line.len() + indent > 60 => {
            text.push('\n');
            for item in items {
                text.push_str(&" ".repeat(indent));
                text.push_str("- ");
                let line = inline(item);
                match item {
                    Value::Object(map) if !map.is_empty() && line.len() + indent > WIDTH => {
                        let mut inner = String::new();
                        block(map, indent + 2, &mut inner);
                        text.push_str(inner.trim_start());
                    }
                    _ => {
                        text.push_str(&line);
                        text.push('\n');
                    }
                }
            }
        }
        _ => {
            text.push(' ');
            text.push_str(&line);
            text.push('\n');
        }
    }
}

/// A value in one line.
pub fn inline(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(text) => scalar(text),
        Value::Array(items) => format!("[{}]", items.iter().map(inline).collect::<Vec<_>>().join(", ")),
        Value::Object(map) => {
            let entry = |(key, value): (&String, &Value)| format!("{}: {}", scalar(key), inline(value));
            format!("{{{}}}", map.iter().map(entry).collect::<Vec<_>>().join(", "))
        }
    }
}

/// A text that every reader of YAML takes for just this text, also in a list in one line.
pub fn scalar(text: &str) -> String {
    let begins = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/') || text.starts_with("../");
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./ ".contains(c) || (c == ':' && !text.ends_with(':'));
    let words = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"];
    let word = words.iter().any(|word| word.eq_ignore_ascii_case(text));
    // `a: b` is a mapping, and `a:b` a text.
    if begins && !word && !text.contains(": ") && !text.ends_with(' ') && text.chars().all(plain) {
        return text.to_owned();
    }
    if text.chars().all(|c| !c.is_control() && c != '\u{85}' && c != '\u{2028}' && c != '\u{2029}' && c != '\u{feff}') {
        return format!("'{}'", text.replace('\'', "''"));
    }
    // JSON's texts are YAML's, once what ends a line in YAML 1.1 is escaped.
    Value::from(text)
        .to_string()
        .replace('\u{85}', "\\u0085")
        .replace('\u{2028}', "\\u2028")
        .replace('\u{2029}', "\\u2029")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::beside;
    use serde_json::json;

    #[test]
    fn what_is_written_is_read_as_the_same() {
        let odd = json!({
            "apiVersion": "v1", "kind": "Role", "metadata": {"name": "r:a", "labels": {"a/b": "true", "y": "1e3", "z": "on"}},
            "rules": [{"apiGroups": [""], "resources": ["*", "pods/log"], "verbs": ["get"]}, {"nonResourceURLs": ["/x/*"], "verbs": ["get", "post"]}],
            "data": {"text": "a\nb\t'c'\u{85}\n", "quote": "it's", "empty": "", "space": " x ", "colon": "a: b", "hash": "a #b", "end": "a:"},
            "n": null, "t": true, "f": -1.5, "l": [], "m": {}, "deep": {"a": {"b": [{"c": ["x".repeat(80), "y".repeat(80)]}]}},
        });
        assert_eq!(beside::values(&document(&odd)), Some(vec![odd.clone()]), "{}", document(&odd));
        assert_eq!(beside::values(&inline(&odd)), Some(vec![odd]));
        assert!(document(&json!({"kind": "X", "apiVersion": "v1"})).starts_with("apiVersion: v1\nkind: X\n"));
    }
}
