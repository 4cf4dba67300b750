//! `file` in `apply` and `create`: manifests from files beside the scenario.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{Context, below, placeholders};
use crate::{
    plan::FromFile,
    scenario::{
        beside::{self, Unread},
        tree::Node,
    },
};

/// A manifest, where it stands, and the file if it is not the scenario's own.
pub(super) type Found = (String, Map<String, Value>, Option<FromFile>);

/// Whether a map is not a manifest but names a file.
pub(super) fn is_one(map: &Map<String, Value>) -> bool {
    map.contains_key("file") && !map.contains_key("kind") && !map.contains_key("apiVersion")
}

/// The manifests of a file; none after an error.
pub(super) fn read(cx: &mut Context<'_>, at: &str, map: &Map<String, Value>) -> Vec<Found> {
    let file_at = below(at, "file");
    for key in map.keys().filter(|key| !matches!(key.as_str(), "file" | "fill")) {
        cx.findings
            .error(&below(at, key), format!("`{key}` beside `file`"))
            .at_key()
            .hint("leave it out: the file has the manifests");
    }
    let Some(Value::String(name)) = map.get("file") else {
        cx.findings.error(&file_at, "`file` must be a text").hint("e.g. `file: role.yaml`");
        return Vec::new();
    };
    let fill = match map.get("fill") {
        None => false,
        Some(Value::Bool(fill)) => *fill,
        Some(_) => {
            cx.findings.error(&below(at, "fill"), "`fill` is neither `true` nor `false`");
            false
        }
    };
    let beside = match beside::read(&cx.findings.document().source.path, name) {
        Ok(beside) => Arc::new(beside),
        Err(Unread::Name(message, hint)) => {
            cx.findings.error(&file_at, message).hint_if((!hint.is_empty()).then(|| hint.to_owned()));
            return Vec::new();
        }
        Err(Unread::Text(found)) => {
            cx.findings.foreign(&file_at, found);
            return Vec::new();
        }
    };
    cx.findings.graft(&file_at, Arc::clone(&beside));
    let from = FromFile { path: beside.source.path.clone(), fill };
    let mut all = Vec::new();
    for (index, node) in beside.documents().iter().enumerate() {
        let at = below(&file_at, index);
        placeholders::in_file(cx, &at, node, &beside.source.text, fill);
        manifests(cx, &at, node, &from, &mut all);
    }
    if beside.documents().is_empty() {
        cx.findings.error(&file_at, format!("`{name}` has no manifest")).label("empty, or only comments");
    }
    all
}

/// A manifest, or those of a `List`, as `kubectl get -o yaml` writes them.
fn manifests(cx: &mut Context<'_>, at: &str, node: &Node, from: &FromFile, all: &mut Vec<Found>) {
    let mut json = node.to_json();
    if from.fill {
        placeholders::fill_json(&mut json, cx.namespace);
    }
    let Value::Object(map) = json else {
        cx.findings
            .error(at, "a document that is no manifest")
            .hint("a manifest is a mapping with `apiVersion` and `kind`");
        return;
    };
    let list = map.get("kind").is_some_and(|kind| kind == "List");
    match map.get("items") {
        Some(Value::Array(items)) if list => {
            for (index, item) in items.iter().enumerate() {
                let at = below(&below(at, "items"), index);
                match item {
                    Value::Object(item) => all.push((at, item.clone(), Some(from.clone()))),
                    _ => {
                        cx.findings.error(&at, "an item that is no manifest");
                    }
                }
            }
        }
        _ => all.push((at.to_owned(), map, Some(from.clone()))),
    }
}
