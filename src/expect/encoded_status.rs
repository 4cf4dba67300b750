//! A `Status` that is not sent as JSON: an API server answers in protobuf or in YAML to those who ask for it (`Accept`), refusals, too.
//!
//! Sources: `runtime.Unknown` in `apimachinery/pkg/runtime/generated.proto`, `Status` in
//! `apimachinery/pkg/apis/meta/v1/generated.proto`.

use serde_json::{Map, Value, json};

use super::json;

/// How Kubernetes' protobuf begins.
const MAGIC: &[u8] = b"k8s\0";

/// The longest body that is looked at: no `Status` is longer.
const MOST: usize = 64 << 10;

/// A body as JSON: what is JSON, and a `Status` in any other form that API servers have.
pub fn body_as_json(content_type: Option<&str>, body: &[u8]) -> Option<Value> {
    if let Some(json) = json::parse(body) {
        return Some(json);
    }
    let form = content_type?.split(';').next()?.trim();
    match form {
        _ if body.len() > MOST => None,
        "application/vnd.kubernetes.protobuf" => status(body.strip_prefix(MAGIC)?),
        "application/yaml" => {
            let value: Value = serde_saphyr::from_str(std::str::from_utf8(body).ok()?).ok()?;
            (value["kind"] == "Status").then_some(value)
        }
        _ => None,
    }
}

/// The `Status` in an envelope that has the kind and the object's own bytes.
fn status(envelope: &[u8]) -> Option<Value> {
    let envelope = Message::read(envelope)?;
    let kind = Message::read(envelope.bytes(1)?)?;
    if (kind.text_field(1)?, kind.text_field(2)?) != ("v1", "Status") {
        return None;
    }
    let raw = Message::read(envelope.bytes(2)?)?;
    let mut status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}});
    for (field, key) in [(2, "status"), (3, "message"), (4, "reason")] {
        status[key] = json!(raw.text_field(field).unwrap_or_default());
    }
    status["code"] = json!(raw.number(6)?);
    if let Some(details) = raw.bytes(5).and_then(Message::read) {
        let mut known = texts(&details, &[(1, "name"), (2, "group"), (3, "kind")]);
        let causes: Vec<Value> = (details.all(4).filter_map(Message::read))
            .map(|cause| Value::Object(texts(&cause, &[(1, "reason"), (2, "message"), (3, "field")])))
            .collect();
        if !causes.is_empty() {
            known.insert("causes".into(), json!(causes));
        }
        status["details"] = Value::Object(known);
    }
    Some(status)
}

/// These fields of a message, without those that are empty.
fn texts(message: &Message<'_>, fields: &[(u64, &str)]) -> Map<String, Value> {
    let text = |(field, key): &(u64, &str)| {
        let text = message.text_field(*field).filter(|text| !text.is_empty())?;
        Some(((*key).to_owned(), json!(text)))
    };
    fields.iter().filter_map(text).collect()
}

/// The fields of a protobuf message, in their order.
struct Message<'a>(Vec<(u64, Field<'a>)>);

/// The value of a field.
enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

impl<'a> Message<'a> {
    fn read(mut bytes: &'a [u8]) -> Option<Self> {
        let mut fields = Vec::new();
        while !bytes.is_empty() {
            let tag = number(&mut bytes)?;
            let field = match tag & 7 {
                0 => Field::Number(number(&mut bytes)?),
                2 => {
                    let length = usize::try_from(number(&mut bytes)?).ok()?;
                    let (value, rest) = bytes.split_at_checked(length)?;
                    bytes = rest;
                    Field::Bytes(value)
                }
                _ => return None,
            };
            fields.push((tag >> 3, field));
        }
        Some(Self(fields))
    }

    /// All values of a field.
    fn all(&self, wanted: u64) -> impl Iterator<Item = &'a [u8]> {
        self.0.iter().filter_map(move |(field, value)| match value {
            Field::Bytes(bytes) if *field == wanted => Some(*bytes),
            _ => None,
        })
    }

    fn bytes(&self, wanted: u64) -> Option<&'a [u8]> {
        self.all(wanted).next()
    }

    fn text_field(&self, wanted: u64) -> Option<&'a str> {
        std::str::from_utf8(self.bytes(wanted)?).ok()
    }

    fn number(&self, wanted: u64) -> Option<u64> {
        self.0.iter().find_map(|(field, value)| match value {
            Field::Number(number) if *field == wanted => Some(*number),
            _ => None,
        })
    }
}

/// Takes a number of variable length from the beginning.
fn number(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expect::{Denial, Http, Verdict, classify};

    const MESSAGE: &str =
        r#"secrets is forbidden: User "u" cannot list resource "secrets" in API group "" in the namespace "a""#;
    const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";

    fn field(number: u8, value: &[u8]) -> Vec<u8> {
        [&[number << 3 | 2, u8::try_from(value.len()).expect("short")], value].concat()
    }

    /// As an API server of 1.37 sends it, with the fields that it leaves empty.
    fn protobuf(kind: &str) -> Vec<u8> {
        let details = [field(1, b""), field(2, b""), field(3, b"secrets"), vec![5 << 3, 0], field(6, b"")].concat();
        let raw = [
            field(1, &[field(1, b""), field(2, b""), field(3, b"")].concat()),
            field(2, b"Failure"),
            field(3, MESSAGE.as_bytes()),
            field(4, b"Forbidden"),
            field(5, &details),
            vec![6 << 3, 0x93, 3],
        ]
        .concat();
        let mut sized = vec![2 << 3 | 2];
        sized.extend([
            u8::try_from(raw.len() & 0x7f).expect("small") | 0x80,
            u8::try_from(raw.len() >> 7).expect("small"),
        ]);
        let kind = field(1, &[field(1, b"v1"), field(2, kind.as_bytes())].concat());
        [MAGIC, &kind, &sized, &raw, &field(3, b""), &field(4, b"")].concat()
    }

    fn verdict(content_type: &str, body: Vec<u8>) -> Verdict {
        let json = body_as_json(Some(content_type), &body);
        classify(&Http { content_type: Some(content_type.into()), body, ..Http::with_object(403, json) })
    }

    #[test]
    fn a_refusal_in_another_form_is_the_same_refusal() {
        let yaml = format!(
            "apiVersion: v1\ncode: 403\ndetails:\n  kind: secrets\nkind: Status\nmessage: '{MESSAGE}'\nmetadata: {{}}\nreason: Forbidden\nstatus: Failure\n"
        );
        for (form, body) in [(PROTOBUF, protobuf("Status")), ("application/yaml", yaml.into_bytes())] {
            let verdict = verdict(form, body);
            assert!(matches!(&verdict, Verdict::Denied(Denial { refused: Some(_), .. })), "{form}: {verdict:?}");
        }
    }

    #[test]
    fn nothing_else_is_made_of_bytes() {
        let whole = protobuf("Status");
        for end in 0..whole.len() - 4 {
            assert_eq!(
                body_as_json(Some(PROTOBUF), &whole[..end]).filter(|json| json["message"] == MESSAGE),
                None,
                "{end}"
            );
        }
        assert_eq!(body_as_json(Some(PROTOBUF), &protobuf("Secret")), None);
        assert_eq!(body_as_json(Some("text/plain"), &whole), None);
        assert_eq!(body_as_json(Some("application/yaml"), b"kind: Pod"), None);
        assert_eq!(body_as_json(None, b"kind: Status"), None);
    }
}
