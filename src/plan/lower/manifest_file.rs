//! `file`, `dir`, `kustomize` and `helm` in `apply` and `create`: manifests that stand elsewhere, and Lists of manifests.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::plan::{
    FromFile, Trust,
    context::{Context, below},
    lower::{manifest_origin, placeholders},
};

/// A manifest, and where it stands.
pub(in crate::plan) struct Found {
    /// Its pointer.
    pub at: String,
    /// It.
    pub map: Map<String, Value>,
    /// The file, if it is not the scenario's own.
    pub file: Option<FromFile>,
    /// The namespace that the step names for what names none, and the pointer of that where all must be in it.
    pub into: Option<(String, Option<String>)>,
}

/// What names manifests that stand elsewhere.
const ORIGINS: [&str; 4] = ["file", "dir", "kustomize", "helm"];

/// Whether a map is not a manifest but names some.
pub(in crate::plan) fn is_one(map: &Map<String, Value>) -> bool {
    ORIGINS.iter().any(|key| map.contains_key(*key)) && !map.contains_key("kind") && !map.contains_key("apiVersion")
}

/// The manifests that a map names; none after an error.
pub(in crate::plan) fn read(cx: &mut Context<'_>, at: &str, map: &Map<String, Value>) -> Vec<Found> {
    let Some(wanted) = manifest_origin::wanted(cx, at, map) else { return Vec::new() };
    let key = wanted.origin.key();
    let named_at = below(at, key);
    if cx.trust == Trust::Narrow && key == "helm" {
        cx.findings
            .error(&named_at, "an untrusted scenario may not have a chart rendered")
            .at_key()
            .label("its templates are a program of its author's, which would run on this machine")
            .hint("apply what it renders from a file, or run the scenario without --untrusted if you trust its author");
        return Vec::new();
    }
    let path = cx.findings.document().source.path.clone();
    let loaded = match crate::manifests::load(&path, &wanted.origin, cx.namespace) {
        Ok(loaded) => loaded,
        Err(failed) => {
            manifest_origin::failed(cx, &named_at, failed);
            return Vec::new();
        }
    };
    let namespace = wanted.into.as_ref().map_or_else(|| cx.namespace.to_owned(), |(name, _)| name.clone());
    let read: Arc<[std::path::PathBuf]> = loaded.read.iter().cloned().collect();
    let mut all = Vec::new();
    for (index, part) in loaded.parts.iter().enumerate() {
        // One file stands for its key itself.
        let part_at = if key == "file" { named_at.clone() } else { below(&named_at, index) };
        cx.findings.graft(&part_at, Arc::clone(part));
        let path = if loaded.by.is_some() { loaded.path.clone() } else { part.source.path.clone() };
        let by = loaded.by.clone();
        let some = !wanted.selection.is_all();
        let from =
            FromFile { path, fill: wanted.fill, namespace: namespace.clone(), by, some, read: Arc::clone(&read) };
        for (index, node) in part.documents().iter().enumerate() {
            let at = below(&part_at, index);
            if loaded.by.is_none() {
                placeholders::in_file(cx, &at, node, &part.source.text, wanted.fill);
            }
            let mut json = node.to_json();
            if wanted.fill {
                placeholders::fill_json(&mut json, cx.namespace);
            }
            let Value::Object(map) = json else {
                cx.findings
                    .error(&at, "a document that is no manifest")
                    .hint("a manifest is a mapping with `apiVersion` and `kind`");
                continue;
            };
            // helm puts what names another namespace there; only kubectl refuses it.
            let into = wanted.into.clone().map(|(name, at)| (name, (key != "helm").then_some(at)));
            flat(cx, Found { at, map, file: Some(from.clone()), into }, &mut all);
        }
    }
    if all.is_empty() && loaded.parts.iter().all(|part| part.documents().is_empty()) {
        let name = loaded.path.display();
        cx.findings.error(&named_at, format!("`{name}` has no manifest")).label("empty, or only comments");
    }
    manifest_origin::some(cx, at, &wanted, &mut all, |found| &found.map);
    if let Some(by) = &loaded.by {
        cx.note(&named_at, format!("{} objects, rendered by `{by}`", all.len()));
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
