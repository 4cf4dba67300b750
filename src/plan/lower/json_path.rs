//! JSON paths that are written where they are not read, as a key of a part, or in another way than RFC 9535 spells them.

use serde_json::Value;

use crate::{
    expect::query::Query,
    plan::context::{Context, below},
};

/// What a Kubernetes object has at its top, as far as paths begin with it.
const TOPS: [&str; 12] = [
    "apiVersion",
    "data",
    "items",
    "kind",
    "metadata",
    "roleRef",
    "rules",
    "secrets",
    "spec",
    "status",
    "subjects",
    "webhooks",
];

/// The path that was meant: `items[0].name`, kubectl's `{.items[0].name}`, the pointer `/items/0/name`.
pub(in crate::plan) fn meant(text: &str) -> Option<String> {
    let inner = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or(text);
    let path = match inner.strip_prefix('/') {
        Some(pointer) => pointer.split('/').map(segment_of_pointer).collect(),
        None => of_words(inner.strip_prefix('$').unwrap_or(inner))?,
    };
    let path = format!("${path}");
    (path != text && Query::parse(&path).is_ok()).then_some(path)
}

/// `did you mean …?` for a text that is no path, or what a path looks like.
pub(in crate::plan) fn hint(text: &str, usual: &str) -> String {
    // Within braces, YAML takes a bracket, a brace or a comma for its own.
    let written = |path: String| match path.contains(['[', ']', '{', '}', ',', '\'', '"', '#']) {
        true => format!("'{}'", path.replace('\'', "''")),
        false => path,
    };
    meant(text).map_or_else(|| usual.to_owned(), |meant| format!("did you mean `{}`?", written(meant)))
}

fn segment_of_pointer(segment: &str) -> String {
    let plain = segment.replace("~1", "/").replace("~0", "~");
    if plain.parse::<usize>().is_ok() { format!("[{plain}]") } else { named(&plain) }
}

/// Names behind dots and what stands in brackets; kubectl writes `\.` for a dot within a name.
fn of_words(text: &str) -> Option<String> {
    let mut path = String::new();
    let mut name = String::new();
    let mut rest = text.strip_prefix('.').unwrap_or(text).chars();
    while let Some(letter) = rest.next() {
        match letter {
            '\\' => name.push(rest.next()?),
            '.' | '[' => {
                if !name.is_empty() {
                    path += &named(&std::mem::take(&mut name));
                }
                if letter == '[' {
                    let (inner, _) = rest.as_str().split_once(']')?;
                    path += &format!("[{inner}]");
                    rest = rest.as_str()[inner.len() + 1..].chars();
                }
            }
            letter => name.push(letter),
        }
    }
    if !name.is_empty() {
        path += &named(&name);
    }
    (!path.is_empty()).then_some(path)
}

/// `.name`, or in brackets what is no plain name.
fn named(name: &str) -> String {
    let plain =
        name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && !name.starts_with(|c: char| c.is_ascii_digit());
    match name {
        "*" => "[*]".to_owned(),
        name if plain => format!(".{name}"),
        name => format!("['{}']", name.replace('\\', r"\\").replace('\'', r"\'")),
    }
}

/// What a part is a part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::plan) enum Of {
    /// A Kubernetes object, no key of which is spelt like a path.
    Object,
    /// The object that a `wait` is for, of which no path can be said.
    Awaited,
    /// Any JSON.
    Anything,
}

/// Looks for keys that are meant as paths: nothing in a part is looked for at a path.
/// `path` leads to what the part is compared with, e.g. `$`.
pub(in crate::plan) fn keys(cx: &mut Context<'_>, at: &str, part: &Value, (of, path): (Of, &str)) {
    below_keys(cx, at, part, (of, path));
}

fn below_keys(cx: &mut Context<'_>, at: &str, part: &Value, (of, path): (Of, &str)) {
    match part {
        Value::Object(map) => {
            for (key, value) in map {
                let at = below(at, key);
                match spelt(key, path == "$") {
                    Some(meant) => told(cx, &at, (of, &format!("{path}{}", &meant[1..])), (key, value)),
                    None => below_keys(cx, &at, value, (of, &format!("{path}{}", named(key)))),
                }
            }
        }
        Value::Array(list) => {
            for (index, value) in list.iter().enumerate() {
                below_keys(cx, &below(at, index), value, (of, &format!("{path}[{index}]")));
            }
        }
        _ => {}
    }
}

/// The path as which a key is spelt, if it is.
fn spelt(key: &str, at_top: bool) -> Option<String> {
    let first = key.trim_start_matches(['{', '$', '.', '/']).split(['.', '[', '/']).next().unwrap_or_default();
    let deeper = key.contains(['.', '[', '/']);
    // Names of labels, annotations, and of what is in a ConfigMap have dots and slashes, and none of these.
    let as_path = key.starts_with("$.") || key.starts_with("$[") || key.starts_with("{.");
    let index = key.split_once('[').is_some_and(|(name, rest)| !name.is_empty() && rest.contains(']'));
    (as_path || index || at_top && deeper && TOPS.contains(&first))
        .then(|| meant(key).or_else(|| Query::parse(key).is_ok().then(|| key.to_owned())))
        .flatten()
}

fn told(cx: &mut Context<'_>, at: &str, (of, path): (Of, &str), (key, value): (&str, &Value)) {
    let message = format!("`{key}` is a path, and here it is the name of a key");
    let finding = if of == Of::Anything { cx.findings.warn(at, message) } else { cx.findings.error(at, message) };
    let finding = finding.at_key().label("a part is compared key by key");
    match nested(path, value).filter(|_| of == Of::Awaited) {
        Some(nested) => finding.hint(format!("write the keys one in the other: `{nested}`")),
        None if of == Of::Awaited => {
            finding.hint("a `wait` compares keys; ask by `get`, with `path` and `within` beside each other in `expect`")
        }
        None => {
            let quoted = path.replace('\'', "''");
            finding.hint(format!("write it beside, as `path: [{{at: '{quoted}', equals: {value}}}]`"))
        }
    };
}

/// `{"status":{"phase":"Running"}}` for `$.status.phase`; none for a path with more than names.
fn nested(path: &str, value: &Value) -> Option<Value> {
    let names: Vec<_> = path.strip_prefix("$.")?.split('.').collect();
    let plain = names.iter().all(|name| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric()));
    plain.then(|| names.iter().rev().fold(value.clone(), |inner, name| serde_json::json!({ *name: inner })))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("items[0].metadata.name", Some("$.items[0].metadata.name"))]
    #[case(".items[0].metadata.name", Some("$.items[0].metadata.name"))]
    #[case("{.items[*].metadata.name}", Some("$.items[*].metadata.name"))]
    #[case("/items/0/metadata/annotations/a~1b", Some("$.items[0].metadata.annotations['a/b']"))]
    #[case(r"metadata.annotations.kubernetes\.io/name", Some("$.metadata.annotations['kubernetes.io/name']"))]
    #[case(
        r#"{.status.conditions[?(@.type=="Ready")].status}"#,
        Some(r#"$.status.conditions[?(@.type=="Ready")].status"#)
    )]
    #[case("$.items[", None)]
    #[case("$.kind", None)]
    #[case("", None)]
    fn what_was_meant(#[case] text: &str, #[case] path: Option<&str>) {
        assert_eq!(meant(text).as_deref(), path);
    }

    #[rstest]
    #[case("$.items[0].metadata.name", true, true)]
    #[case("$.phase", false, true)]
    #[case("{.status.phase}", true, true)]
    #[case("metadata.name", true, true)]
    #[case("/metadata/name", true, true)]
    #[case("containers[0].image", false, true)]
    // Names of labels and files.
    #[case("metadata.name", false, false)]
    #[case("app.kubernetes.io/name", true, false)]
    #[case(".dockerconfigjson", false, false)]
    #[case("$ref", true, false)]
    #[case("$schema", false, false)]
    #[case("metadata", true, false)]
    #[case("[::]", false, false)]
    fn keys_that_are_paths(#[case] key: &str, #[case] at_top: bool, #[case] is: bool) {
        assert_eq!(spelt(key, at_top).is_some(), is);
    }
}
