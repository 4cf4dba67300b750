//! `file` in `apply` and `create`: manifests from files beside the scenario, and Lists of manifests.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::{
    plan::{
        FromFile,
        context::{Context, below},
        lower::placeholders,
    },
    scenario::beside::{self, Unread},
};

/// A manifest, and where it stands.
pub(in crate::plan) struct Found {
    /// Its pointer.
    pub at: String,
    /// It.
    pub map: Map<String, Value>,
    /// The file, if it is not the scenario's own.
    pub file: Option<FromFile>,
    /// The namespace that the step names for what names none, and the pointer of that.
    pub into: Option<(String, String)>,
}

/// Whether a map is not a manifest but names a file.
pub(in crate::plan) fn is_one(map: &Map<String, Value>) -> bool {
    map.contains_key("file") && !map.contains_key("kind") && !map.contains_key("apiVersion")
}

/// The manifests of a file; none after an error.
pub(in crate::plan) fn read(cx: &mut Context<'_>, at: &str, map: &Map<String, Value>) -> Vec<Found> {
    let file_at = below(at, "file");
    for key in map.keys().filter(|key| !matches!(key.as_str(), "file" | "fill" | "namespace")) {
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
    let into_at = below(at, "namespace");
    let into = match map.get("namespace") {
        None => None,
        Some(Value::String(name)) if !name.is_empty() => Some((name.clone(), into_at)),
        Some(_) => {
            cx.findings.error(&into_at, "`namespace` must be a text").hint("e.g. `namespace: argocd`");
            None
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
    let namespace = into.as_ref().map_or_else(|| cx.namespace.to_owned(), |(name, _)| name.clone());
    let from = FromFile { path: beside.source.path.clone(), fill, namespace };
    let mut all = Vec::new();
    for (index, node) in beside.documents().iter().enumerate() {
        let at = below(&file_at, index);
        placeholders::in_file(cx, &at, node, &beside.source.text, fill);
        let mut json = node.to_json();
        if fill {
            placeholders::fill_json(&mut json, cx.namespace);
        }
        let Value::Object(map) = json else {
            cx.findings
                .error(&at, "a document that is no manifest")
                .hint("a manifest is a mapping with `apiVersion` and `kind`");
            continue;
        };
        flat(cx, Found { at, map, file: Some(from.clone()), into: into.clone() }, &mut all);
    }
    if beside.documents().is_empty() {
        cx.findings.error(&file_at, format!("`{name}` has no manifest")).label("empty, or only comments");
    }
    all.sort_by_key(|found| rank(&found.map));
    all
}

/// What others in a file need comes first: a Namespace, and the definition of a kind.
fn rank(map: &Map<String, Value>) -> u8 {
    match map.get("kind").and_then(Value::as_str) {
        Some("Namespace") => 0,
        Some("CustomResourceDefinition") => 1,
        _ => 2,
    }
}

/// A manifest, or those of a `List` or a `RoleList`, as `kubectl get -o yaml` and the API server write them; lists in lists, too.
pub(in crate::plan) fn flat(cx: &mut Context<'_>, found: Found, all: &mut Vec<Found>) {
    let kind = found.map.get("kind").and_then(Value::as_str).unwrap_or_default();
    let of = kind.strip_suffix("List").map(str::to_owned);
    let (Some(of), Some(Value::Array(items))) = (of, found.map.get("items")) else {
        all.push(found);
        return;
    };
    let items_at = below(&found.at, "items");
    if items.is_empty() {
        cx.findings.error(&items_at, format!("a `{kind}` without items")).hint("leave it out");
    }
    for (index, item) in items.iter().enumerate() {
        let at = below(&items_at, index);
        let Value::Object(item) = item else {
            cx.findings.error(&at, "an item that is no manifest");
            continue;
        };
        let mut map = item.clone();
        // The items of a list of one kind need not say it.
        if !of.is_empty() && !map.contains_key("kind") {
            map.insert("kind".into(), of.clone().into());
            if let Some(version) = found.map.get("apiVersion").filter(|_| !map.contains_key("apiVersion")) {
                map.insert("apiVersion".into(), version.clone());
            }
        }
        flat(cx, Found { at, map, file: found.file.clone(), into: found.into.clone() }, all);
    }
}
