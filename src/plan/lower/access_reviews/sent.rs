//! The reviews that a step sends: as manifests, as bodies, on a program's standard input, in a command's words.

use serde_json::{Deserializer, Value};

use crate::{
    k8s::kubectl::grammar,
    plan::{
        Action,
        context::{Draft, below},
    },
};

/// How the kinds of all of them end.
const KIND: &str = "SubjectAccessReview";

/// So many places of a command's word are looked at for a body.
const MOST: usize = 100;

/// A review, and where it stands.
pub(super) struct Sent {
    /// Where: a pointer.
    at: String,
    /// Whether its keys have places of their own; in a text they have none.
    keys: bool,
    /// The review.
    pub body: Value,
}

impl Sent {
    /// Where a key of it stands.
    pub fn place(&self, keys: &[&str]) -> String {
        if self.keys { keys.iter().fold(self.at.clone(), |at, key| below(&at, key)) } else { self.at.clone() }
    }
}

/// All reviews of a step.
pub(super) fn read(draft: &Draft<'_>, action: &Action) -> Vec<Sent> {
    let at = draft.at();
    let body = |text: Option<&String>| -> Vec<Sent> {
        let body = text.and_then(|text| serde_json::from_str(text).ok());
        body.map(|body| Sent { at: below(&at, "body"), keys: true, body }).into_iter().collect()
    };
    let inside = |at: String, found: Vec<Value>| -> Vec<Sent> {
        found.into_iter().map(|body| Sent { at: at.clone(), keys: false, body }).collect()
    };
    let mut all: Vec<Sent> = match action {
        Action::Apply(objects) | Action::Create(objects) => {
            let all = draft.objects.iter().zip(objects);
            all.map(|(placed, object)| Sent { at: placed.pointer.clone(), keys: true, body: object.manifest.clone() })
                .collect()
        }
        Action::Request(call) => body(call.body.as_ref()),
        Action::Curl(call) => body(call.body.as_ref()),
        Action::Kubectl(call) if sends(&call.args) => inside(below(&at, "stdin"), documents(call.stdin.as_ref())),
        Action::Exec(call) => {
            let words = below(&at, "command");
            let words = call.command.iter().enumerate().map(|(index, word)| (below(&words, index), bodies(word)));
            let stdin = (below(&at, "stdin"), documents(call.stdin.as_ref()));
            words.chain([stdin]).flat_map(|(at, found)| inside(at, found)).collect()
        }
        _ => Vec::new(),
    };
    all.retain(|sent| is_review(&sent.body));
    all
}

fn is_review(body: &Value) -> bool {
    let group = body["apiVersion"].as_str().and_then(|version| version.split('/').next());
    group == Some("authorization.k8s.io") && body["kind"].as_str().is_some_and(|kind| kind.ends_with(KIND))
}

/// Whether kubectl sends the objects of its standard input.
fn sends(args: &[String]) -> bool {
    grammar::read(args).is_ok_and(|call| matches!(call.command.words, "create" | "apply" | "replace"))
}

/// The objects of a standard input, those of lists included.
fn documents(text: Option<&String>) -> Vec<Value> {
    let Some(text) = text.filter(|text| text.contains(KIND)) else { return Vec::new() };
    let documents: Vec<Value> = serde_saphyr::from_multiple(text).unwrap_or_default();
    let items = |document: Value| match document.get("items").and_then(Value::as_array) {
        Some(items) => items.clone(),
        None => vec![document],
    };
    documents.into_iter().flat_map(items).collect()
}

/// The reviews that stand as JSON in a word of a command, which may be a line for a shell. What the shell fills in is not known.
fn bodies(word: &str) -> Vec<Value> {
    if !word.contains(KIND) {
        return Vec::new();
    }
    let plain = word.replace("\\\"", "\"");
    let (mut found, mut rest) = (Vec::new(), plain.as_str());
    for _ in 0..MOST {
        let Some(start) = rest.find('{') else { break };
        rest = &rest[start..];
        let mut reader = Deserializer::from_str(rest).into_iter::<Value>();
        let next = match reader.next() {
            Some(Ok(value)) if is_review(&value) => {
                found.extend(Some(value).filter(|value| !value.to_string().contains('$')));
                reader.byte_offset()
            }
            _ => 1,
        };
        rest = rest.get(next..).unwrap_or_default();
    }
    found
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const REVIEW: &str = r#"{"apiVersion":"authorization.k8s.io/v1","kind":"SelfSubjectAccessReview","spec":{}}"#;

    #[rstest]
    #[case(REVIEW.to_owned(), 1)]
    #[case(format!("curl -H \"a: ${{B}}\" -d '{REVIEW}' https://kubernetes.default/"), 1)]
    #[case(format!("curl -d \"{}\" x", REVIEW.replace('"', "\\\"")), 1)]
    #[case(format!("f() {{ curl -d '{REVIEW}'; }}; f; curl -d '{REVIEW}' x"), 2)]
    #[case(REVIEW.replace("{}", r#"{"user": "'$USER'"}"#), 0)]
    #[case("echo SelfSubjectAccessReview {".to_owned(), 0)]
    #[case(REVIEW.replace("SelfSubjectAccessReview", "SelfSubjectRulesReview"), 0)]
    fn reviews_in_a_word(#[case] word: String, #[case] count: usize) {
        assert_eq!(bodies(&word).len(), count);
    }

    #[test]
    fn reviews_on_a_standard_input() {
        let one = "apiVersion: authorization.k8s.io/v1\nkind: SubjectAccessReview\nspec: {user: a}\n";
        assert_eq!(documents(Some(&format!("{one}---\n{one}"))).len(), 2);
        let list = format!(r#"{{"kind": "List", "items": [{REVIEW}, {REVIEW}]}}"#);
        assert_eq!(documents(Some(&list)).len(), 2);
        assert!(documents(Some(&"kind: [SubjectAccessReview".to_owned())).is_empty());
    }
}
