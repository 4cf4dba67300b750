//! Secrets among what is sent and what comes: each value of each is known from then on.
//!
//! They are found in JSON (one document or several, the events of a watch, texts of JSON inside of JSON as in the annotation
//! `last-applied-configuration`), in YAML (also among other lines), and in Kubernetes' protobuf.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value};

use super::register_value;

/// More YAML than that is read by its lines alone.
const MOST_YAML: usize = 1 << 20;

/// How deep JSON may stand in texts of JSON.
const DEPTH: usize = 4;

/// Learns the values of the Secrets in a body, an output or a manifest.
pub fn learn(bytes: &[u8]) {
    if !bytes.windows(6).any(|window| window == b"Secret") {
        return;
    }
    if let Some(message) = bytes.strip_prefix(b"k8s\0") {
        return protobuf::learn(message);
    }
    let text = String::from_utf8_lossy(bytes);
    learn_text(&text, DEPTH);
}

/// The same of JSON that is read already.
pub fn learn_json(json: &Value) {
    walk(json, DEPTH);
}

fn learn_text(text: &str, depth: usize) {
    if depth == 0 || !text.contains("Secret") {
        return;
    }
    // Wherever a document of JSON begins: behind the lines of a header, or inside a command.
    let mut at = 0;
    let (mut tries, mut whole) = (0, false);
    while let Some(start) = text[at..].find(['{', '[']).map(|start| at + start) {
        let mut documents = serde_json::Deserializer::from_str(&text[start..]).into_iter::<Value>();
        match documents.next() {
            Some(Ok(json)) => {
                walk(&json, depth - 1);
                whole |= start == 0;
                at = start + documents.byte_offset().max(1);
            }
            _ => {
                tries += 1;
                // What is no JSON has few braces that lead far; each look may read to the end.
                if tries > 200 {
                    break;
                }
                at = start + 1;
            }
        }
    }
    if !whole {
        learn_yaml(text, depth - 1);
    }
}

fn walk(json: &Value, depth: usize) {
    match json {
        Value::Object(map) => {
            let kind = map.get("kind").and_then(Value::as_str);
            if kind == Some("Secret") {
                learn_secret(map);
            }
            if kind == Some("SecretList") {
                let items = map.get("items").and_then(Value::as_array);
                items.into_iter().flatten().filter_map(Value::as_object).for_each(learn_secret);
            }
            map.values().for_each(|value| walk(value, depth));
        }
        Value::Array(list) => list.iter().for_each(|value| walk(value, depth)),
        Value::String(text) => learn_text(text, depth),
        _ => {}
    }
}

/// Learns what one Secret holds.
pub fn learn_secret(map: &Map<String, Value>) {
    let secret_type = map.get("type").and_then(Value::as_str);
    for part in ["data", "stringData"] {
        for (key, value) in map.get(part).and_then(Value::as_object).into_iter().flatten() {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            learn_entry(secret_type, key, &text, part == "data");
        }
    }
}

/// Learns what stands under one key; under `data` it is in base64.
pub fn learn_entry(secret_type: Option<&str>, key: &str, text: &str, encoded: bool) {
    let bare: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    match STANDARD.decode(&bare).ok().filter(|_| encoded) {
        Some(bytes) => learn_value(secret_type, key, &bytes),
        None => learn_value(secret_type, key, text.as_bytes()),
    }
}

fn learn_value(secret_type: Option<&str>, key: &str, bytes: &[u8]) {
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    // A certificate is for everybody, and so is the name of a namespace.
    let public = secret_type == Some("kubernetes.io/service-account-token") && matches!(key, "namespace" | "ca.crt");
    if public || is_certificates(text) {
        return;
    }
    register_value(key, bytes);
    // The logins of a registry.
    if let (true, Ok(json)) = (text.contains("auth"), serde_json::from_str::<Value>(text)) {
        learn_logins(&json);
    }
}

/// Whether a text is nothing but certificates.
pub fn is_certificates(text: &str) -> bool {
    let text = text.trim();
    let begins = text.lines().filter(|line| line.starts_with("-----BEGIN ")).collect::<Vec<_>>();
    text.starts_with("-----BEGIN ")
        && text.ends_with("-----END CERTIFICATE-----")
        && begins.iter().all(|line| line.trim_end() == "-----BEGIN CERTIFICATE-----")
}

fn learn_logins(json: &Value) {
    const KEYS: [&str; 5] = ["auth", "password", "identitytoken", "registrytoken", "token"];
    match json {
        Value::Object(map) => {
            for (key, value) in map {
                match value.as_str() {
                    Some(text) if KEYS.contains(&key.as_str()) => register_value(key, text.as_bytes()),
                    _ => learn_logins(value),
                }
            }
        }
        Value::Array(list) => list.iter().for_each(learn_logins),
        _ => {}
    }
}

/// YAML: as a whole where it is that, and by its lines where it stands among others.
fn learn_yaml(text: &str, depth: usize) {
    if text.len() <= MOST_YAML {
        for document in text.split("\n---").filter(|document| document.contains("Secret")) {
            let document = document.strip_prefix("---").unwrap_or(document);
            // A text alone is a document, too: the same one.
            if let Ok(json @ (Value::Object(_) | Value::Array(_))) = serde_saphyr::from_str::<Value>(document) {
                walk(&json, depth);
            }
        }
    }
    let lines: Vec<&str> = text.lines().collect();
    for (index, line) in lines.iter().enumerate() {
        let (indent, word) = indented(line);
        let part = word.trim_end();
        if part != "data:" && part != "stringData:" {
            continue;
        }
        // The kind stands beside it; the items of a SecretList need not say theirs.
        let listed = text.contains("kind: SecretList");
        match kind(&lines, index, indent) {
            Some(kind) if kind != "Secret" => {}
            None if !listed => {}
            _ => learn_entries(&lines[index + 1..], indent, part == "data:"),
        }
    }
}

/// How far a line is indented, the dash of a list counted, and what it says.
fn indented(line: &str) -> (usize, &str) {
    let word = line.trim_start_matches([' ', '-']);
    (line.len() - word.len(), word)
}

/// What `kind:` says at the same depth as a line, before or after it in the same map.
fn kind<'a>(lines: &[&'a str], at: usize, indent: usize) -> Option<&'a str> {
    let said = |line: &&'a str| {
        let (depth, word) = indented(line);
        word.strip_prefix("kind:").filter(|_| depth == indent).map(str::trim)
    };
    let begins = |line: &&str| line.trim_start().starts_with('-') && indented(line).0 == indent;
    let inside = |line: &&str| line.trim().is_empty() || indented(line).0 >= indent && !line.starts_with("---");
    let mut found = None;
    for line in lines[..=at].iter().rev().take_while(|line| inside(line)) {
        found = found.or_else(|| said(line));
        if begins(line) {
            break;
        }
    }
    found.or_else(|| lines[at + 1..].iter().take_while(|line| inside(line) && !begins(line)).find_map(said))
}

fn learn_entries(lines: &[&str], indent: usize, encoded: bool) {
    let mut lines = lines.iter().take_while(|line| line.trim().is_empty() || indented(line).0 > indent).peekable();
    while let Some(line) = lines.next() {
        let (depth, word) = indented(line);
        let Some((key, value)) = word.split_once(':') else { continue };
        let first = value.trim();
        // A text in several lines, whichever way it is written.
        let mut parts = Vec::new();
        while let Some(more) = lines.next_if(|line| line.trim().is_empty() || indented(line).0 > depth) {
            parts.push(more.trim());
        }
        let block = first.is_empty() || first.starts_with(['|', '>']);
        let text = match (block, parts.is_empty()) {
            (true, _) => parts.join("\n"),
            (false, true) => unquoted(first),
            (false, false) => unquoted(&format!("{first} {}", parts.join(" "))),
        };
        learn_entry(None, key.trim_matches(['"', '\'']), &text, encoded);
    }
}

fn unquoted(text: &str) -> String {
    match text.as_bytes() {
        [b'"', .., b'"'] => serde_json::from_str(text).unwrap_or_else(|_| text[1..text.len() - 1].to_owned()),
        [b'\'', .., b'\''] => text[1..text.len() - 1].replace("''", "'"),
        _ => text.split(" #").next().unwrap_or(text).trim_end().to_owned(),
    }
}

/// Kubernetes' protobuf, as far as it is about Secrets.
mod protobuf {
    use super::learn_value;

    /// Of a message: each field that has a length, with its number.
    fn fields(mut bytes: &[u8]) -> Vec<(u64, &[u8])> {
        let mut found = Vec::new();
        while let Some(tag) = varint(&mut bytes) {
            let skip = match tag & 7 {
                0 => varint(&mut bytes).map(|_| 0),
                1 => Some(8),
                2 => varint(&mut bytes).and_then(|length| usize::try_from(length).ok()),
                5 => Some(4),
                _ => None,
            };
            let Some(part) = skip.and_then(|length| bytes.get(..length)) else { break };
            bytes = &bytes[part.len()..];
            if tag & 7 == 2 {
                found.push((tag >> 3, part));
            }
        }
        found
    }

    fn varint(bytes: &mut &[u8]) -> Option<u64> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = bytes.split_first()?;
            *bytes = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    fn part<'a>(fields: &[(u64, &'a [u8])], number: u64) -> &'a [u8] {
        fields.iter().find(|(of, _)| *of == number).map(|(_, part)| *part).unwrap_or_default()
    }

    /// `runtime.Unknown`: the type, and the object.
    pub fn learn(message: &[u8]) {
        let unknown = fields(message);
        let (kind, raw) = (part(&fields(part(&unknown, 1)), 2), part(&unknown, 2));
        match kind {
            b"Secret" => learn_secret(raw),
            b"SecretList" => {
                fields(raw).into_iter().filter(|(of, _)| *of == 2).for_each(|(_, item)| learn_secret(item))
            }
            _ => {}
        }
    }

    /// `data` is field 2, `type` field 3, `stringData` field 4; an entry of a map has its key in field 1.
    fn learn_secret(message: &[u8]) {
        let all = fields(message);
        let secret_type = std::str::from_utf8(part(&all, 3)).ok();
        for (_, entry) in all.iter().filter(|(of, _)| matches!(of, 2 | 4)) {
            let entry = fields(entry);
            learn_value(secret_type, &String::from_utf8_lossy(part(&entry, 1)), part(&entry, 2));
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::redact::{VALUE, redact};

    fn encoded(text: &str) -> String {
        STANDARD.encode(text)
    }

    /// Each is a body with a password of its own, in the place of PLAIN and BASE64.
    #[rstest]
    #[case::json(r#"{"kind":"Secret","data":{"password":"BASE64"}}"#)]
    #[case::string_data(r#"{"kind":"Secret","stringData":{"password":"PLAIN"}}"#)]
    #[case::list(r#"{"kind":"SecretList","items":[{"metadata":{},"data":{"password":"BASE64"}}]}"#)]
    #[case::mixed(r#"{"kind":"List","items":[{"kind":"Pod"},{"kind":"Secret","data":{"a":"BASE64"}}]}"#)]
    #[case::watch(
        "{\"type\":\"ADDED\",\"object\":{\"kind\":\"Pod\"}}\n{\"type\":\"ADDED\",\"object\":{\"kind\":\"Secret\",\"data\":{\"a\":\"BASE64\"}}}\n"
    )]
    #[case::behind_a_header("HTTP/1.1 200 OK\r\n\r\n{\"kind\":\"Secret\",\"data\":{\"a\":\"BASE64\"}}")]
    #[case::applied(r#"{"metadata":{"annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{\"kind\":\"Secret\",\"stringData\":{\"a\":\"PLAIN\"}}\n"}}}"#)]
    #[case::in_a_command(r#"curl -d '{"kind":"Secret","stringData":{"a":"PLAIN"}}' https://x"#)]
    #[case::yaml("apiVersion: v1\ndata:\n  password: BASE64\nkind: Secret\nmetadata:\n  name: a\n")]
    #[case::yaml_quoted("kind: Secret\nstringData:\n  password: 'PLAIN'\n")]
    #[case::yaml_flow("kind: Secret\nstringData: {password: PLAIN}\n")]
    #[case::documents("kind: ConfigMap\ndata:\n  a: b\n---\nkind: Secret\ndata:\n  a: BASE64\n")]
    #[case::yaml_list(
        "apiVersion: v1\nitems:\n- apiVersion: v1\n  data:\n    a: BASE64\n  kind: Secret\n- kind: Pod\nkind: List\n"
    )]
    #[case::among_lines("it says:\n: {\nkind: Secret\ndata:\n  a: BASE64\nand that is all\n")]
    #[case::block("kind: Secret\n%%\nstringData:\n  a: |\n    PLAIN\n")]
    #[case::in_a_scenario("steps:\n  - create:\n      kind: Secret\n      stringData:\n        a: PLAIN\n")]
    fn every_secret_is_seen(#[case] body: &str) {
        let plain = format!(
            "pw-{:x}",
            body.len() * 7919 + usize::from(body.as_bytes()[0]) * 131 + body.as_bytes()[body.len() / 2] as usize
        );
        let body = body.replace("PLAIN", &plain).replace("BASE64", &encoded(&plain));
        assert_eq!(redact(&plain), plain, "nobody knows it before");
        learn(body.as_bytes());
        assert_eq!(redact(&format!("it is {plain}.")), format!("it is {VALUE}."));
        assert!(redact(&body).contains("«redacted "));
    }

    #[test]
    fn protobuf_is_read_too() {
        let message =
            |number: u8, inner: &[u8]| [&[number << 3 | 2, u8::try_from(inner.len()).expect("short")], inner].concat();
        let entry = [message(1, b"k"), message(2, b"proto-pa55word")].concat();
        let kind = [message(1, b"v1"), message(2, b"Secret")].concat();
        let body = [b"k8s\0".to_vec(), message(1, &kind), message(2, &message(2, &entry))].concat();
        learn(&body);
        assert_eq!(redact("proto-pa55word"), VALUE);
    }

    #[test]
    fn what_is_no_secret_stays() {
        let map = "kind: ConfigMap\ndata:\n  of: a-settings-file-9\n# Secret\n---\nkind: Secret\nmetadata: {name: a}\n";
        learn(map.as_bytes());
        assert_eq!(redact("a-settings-file-9"), "a-settings-file-9");
        let token = format!(
            r#"{{"kind":"Secret","type":"kubernetes.io/service-account-token","data":{{"namespace":"{}"}}}}"#,
            encoded("kw-some-namespace-1")
        );
        learn(token.as_bytes());
        assert_eq!(redact("kw-some-namespace-1"), "kw-some-namespace-1");
    }
}
