//! Manifests of `apply` and `create`: what they are, where they go, what is filled in.

use serde_json::{Map, Value, json};

use super::{
    Context, below,
    draft::{Draft, Placed},
    files, rbac,
};
use crate::{
    plan::{Kind, Object, kinds, names},
    scenario::{
        placeholder,
        verbs::{ManifestFile, Manifests},
    },
};

/// Reads the manifests of a step.
pub(super) fn read(cx: &mut Context<'_>, draft: &Draft<'_>) -> Vec<Placed> {
    let at = draft.at();
    let manifests = match draft.verb {
        Some("apply") => draft.step.apply.as_ref(),
        _ => draft.step.create.as_ref(),
    };
    let mut found: Vec<files::Found> = Vec::new();
    let mut add = |cx: &mut Context<'_>, at: String, map: &Map<String, Value>| {
        if files::is_one(map) {
            found.extend(files::read(cx, &at, map));
        } else {
            found.push((at, map.clone(), None));
        }
    };
    match manifests {
        Some(Manifests::File(file)) => add(cx, at, &json_of(file)),
        Some(Manifests::One(map)) => add(cx, at, map),
        Some(Manifests::Many(maps)) => {
            if maps.is_empty() {
                cx.findings.error(&at, "no manifest at all").label("an empty list");
            }
            maps.iter().enumerate().for_each(|(index, map)| add(cx, below(&at, index), map));
        }
        None => {}
    }
    let placed = found.into_iter().filter_map(|(at, map, file)| {
        let mut placed = manifest(cx, draft, &at, &map)?;
        placed.object.file = file;
        Some(placed)
    });
    placed.collect()
}

/// The same as an element of a list may say it.
fn json_of(file: &ManifestFile) -> Map<String, Value> {
    [("file".to_owned(), json!(file.file)), ("fill".to_owned(), json!(file.fill))].into_iter().collect()
}

fn manifest(cx: &mut Context<'_>, draft: &Draft<'_>, at: &str, map: &Map<String, Value>) -> Option<Placed> {
    let api_version = word(cx, at, map, "apiVersion", "e.g. `apiVersion: v1`");
    let kind = word(cx, at, map, "kind", "e.g. `kind: Pod`");
    let metadata = match map.get("metadata") {
        Some(Value::Object(metadata)) => Some(metadata),
        Some(other) => {
            cx.findings
                .error(&below(at, "metadata"), "`metadata` must be a map")
                .label(format!("this is {}", a(other)));
            None
        }
        None if kind.as_deref() == Some("List") => None,
        None => {
            cx.findings.error(at, "a manifest without `metadata`").hint("add `metadata: {name: …}`");
            None
        }
    };
    if kind.as_deref() == Some("List") {
        cx.findings
            .error(&below(at, "kind"), "a `List` is not sent as it is")
            .hint("write its items as a list of manifests");
        return None;
    }
    let kind = kind_of(cx, at, draft.refused, &kind?, Some(&api_version?))?;
    let metadata = metadata?;
    let name = name_of(cx, draft, at, &kind, metadata)?;

    let mut manifest = Value::Object(map.clone());
    let namespace = namespace_of(cx, at, &kind, metadata, &mut manifest)?;
    rbac::check(cx, draft, at, &kind, &mut manifest);
    Some(Placed {
        pointer: at.into(),
        name_at: below(&below(at, "metadata"), "name"),
        object: Object { kind, namespace, name, manifest, file: None },
    })
}

/// The text that a manifest has at a key that it must have.
fn word(cx: &mut Context<'_>, at: &str, map: &Map<String, Value>, key: &str, example: &str) -> Option<String> {
    match map.get(key) {
        Some(Value::String(text)) if !text.is_empty() => Some(text.clone()),
        Some(other) => {
            cx.findings
                .error(&below(at, key), format!("`{key}` must be a text"))
                .label(format!("this is {}", a(other)));
            None
        }
        None => {
            cx.findings.error(at, format!("a manifest without `{key}`")).hint(example);
            None
        }
    }
}

/// Finds the kind, or says what is wrong with it.
pub(super) fn kind_of(
    cx: &mut Context<'_>,
    at: &str,
    refused: bool,
    kind: &str,
    api_version: Option<&str>,
) -> Option<Kind> {
    match kinds::find(kind, api_version) {
        Ok(kind) => Some(kind),
        Err(unknown) => {
            if refused && let Some(asked) = unknown.asked {
                return Some(*asked);
            }
            let key = if unknown.api_version { "apiVersion" } else { "kind" };
            cx.findings.error(&below(at, key), unknown.message).hint_if(unknown.hint);
            None
        }
    }
}

fn name_of(
    cx: &mut Context<'_>,
    draft: &Draft<'_>,
    at: &str,
    kind: &Kind,
    metadata: &Map<String, Value>,
) -> Option<String> {
    let metadata_at = below(at, "metadata");
    match (metadata.get("name"), metadata.get("generateName")) {
        (Some(Value::String(name)), _) => {
            if !draft.refused {
                check_name(cx, &below(&metadata_at, "name"), kind, name);
            }
            Some(name.clone())
        }
        (Some(other), _) => {
            cx.findings
                .error(&below(&metadata_at, "name"), "`name` must be a text")
                .label(format!("this is {}", a(other)))
                .hint("quote it");
            None
        }
        (None, Some(_)) if draft.verb == Some("apply") => {
            cx.findings
                .error(&below(&metadata_at, "generateName"), "`apply` needs a name, not `generateName`")
                .at_key()
                .hint("give a `name`, or use `create`");
            None
        }
        (None, Some(Value::String(_))) => Some(String::new()),
        (None, Some(_)) => {
            cx.findings.error(&below(&metadata_at, "generateName"), "`generateName` must be a text");
            None
        }
        (None, None) => {
            cx.findings.error(&metadata_at, "a manifest without `metadata.name`").hint("add `name: …`");
            None
        }
    }
}

/// Checks a name by the rule of its kind.
pub(super) fn check_name(cx: &mut Context<'_>, at: &str, kind: &Kind, name: &str) {
    // What is no placeholder, though it was meant as one, is told as that.
    if name.contains(super::captures::PREFIX) || placeholder::slip(name).is_some() {
        return;
    }
    if let Err(bad) = names::check(kind, name) {
        cx.findings.error(at, bad.message).hint_if(bad.suggestion.map(|name| format!("try `{name}`")));
    }
}

/// Where the object goes: `Some(None)` for cluster-wide kinds, `None` after an error.
#[allow(clippy::option_option, reason = "an error, or nowhere, or a namespace")]
fn namespace_of(
    cx: &mut Context<'_>,
    at: &str,
    kind: &Kind,
    metadata: &Map<String, Value>,
    manifest: &mut Value,
) -> Option<Option<String>> {
    let said = below(&below(at, "metadata"), "namespace");
    match metadata.get("namespace") {
        Some(_) if !kind.namespaced => {
            cx.findings
                .error(&said, format!("a {} has no namespace", kind.kind))
                .label("its kind is cluster-wide")
                .hint("remove the line");
            Some(None)
        }
        Some(Value::String(namespace)) => Some(Some(namespace.clone())),
        Some(other) => {
            cx.findings.error(&said, "`namespace` must be a text").label(format!("this is {}", a(other)));
            None
        }
        None if !kind.namespaced => Some(None),
        None => {
            // Of a foreign kind only the cluster knows whether it has a namespace.
            if kind.plural.is_some() {
                manifest["metadata"]["namespace"] = json!(cx.namespace);
                let text = format!("namespace `{}` of the {}", cx.namespace, kind.kind);
                cx.note(&below(at, "metadata"), text);
            }
            Some(Some(cx.namespace.to_owned()))
        }
    }
}

/// A value's kind in words.
pub(super) fn a(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(text) if text.is_empty() => "an empty text",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}
