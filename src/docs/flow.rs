//! JSON as YAML on one line, as a person would write it.

use serde_json::Value;

/// A value in flow style.
pub(super) fn flow(value: &Value) -> String {
    match value {
        Value::String(text) => word(text),
        Value::Array(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::Object(map) => {
            let entries: Vec<_> = map.iter().map(|(key, value)| format!("{}: {}", word(key), flow(value))).collect();
            format!("{{{}}}", entries.join(", "))
        }
        other => other.to_string(),
    }
}

/// A text, quoted if YAML or kubectl would take it for something else.
fn word(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-._/$".contains(c);
    let simple = !text.is_empty()
        && text.chars().all(|c| plain(c) || c == ' ' || c == ':' || c == '+')
        && text.starts_with(plain)
        && !text.starts_with('-')
        && !text.ends_with([' ', ':'])
        && !text.contains(": ");
    let other = text.parse::<f64>().is_ok()
        || ["y", "n", "yes", "no", "on", "off", "true", "false", "null"].contains(&text.to_lowercase().as_str());
    if simple && !other { text.to_owned() } else { format!("'{}'", text.replace('\'', "''")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_printed_reads_back_the_same() {
        let value =
            json!({"a": ["", "no", "1.10", "x: y", "it's", "https://k/{namespace}", "5m", true, 3], "b c": {"d": "*"}});
        let text = flow(&value);
        assert_eq!(
            text,
            "{a: ['', 'no', '1.10', 'x: y', 'it''s', 'https://k/{namespace}', 5m, true, 3], b c: {d: '*'}}"
        );
        assert_eq!(serde_saphyr::from_str::<Value>(&text).expect("YAML"), value);
    }
}
