//! Of which file of the project each object is that kustomize has written.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde_json::Value;

use super::names::{KEY, NAMES, join, shown_of};
use crate::{
    manifests::{
        render::Rendering,
        shared::{Failed, named},
    },
    scenario::{
        beside::{self, Beside},
        diagnostic::RENDERED,
    },
};

const ORIGIN: &str = "config.kubernetes.io/origin";

/// Has kustomize say of which file each object is, where that does not change what it reads.
pub(super) fn with_origins(start: &str, files: &mut BTreeMap<String, Vec<u8>>) {
    for name in NAMES {
        let Some(bytes) = files.get_mut(&join(start, name)) else { continue };
        let Ok(text) = std::str::from_utf8(bytes) else { continue };
        let more = format!("{}\nbuildMetadata: [originAnnotations]\n", text.trim_end());
        let (before, after) = (beside::values(text), beside::values(&more));
        let expected = before.and_then(|mut values| {
            let map = values.first_mut()?.as_object_mut()?;
            let new = map.insert("buildMetadata".into(), serde_json::json!(["originAnnotations"])).is_none();
            new.then_some(values)
        });
        if expected.is_some() && expected == after {
            *bytes = more.into_bytes();
        }
    }
}

/// The documents of what kustomize wrote, each with the file that it is from.
///
/// # Errors
/// When it is no YAML.
pub fn parts(text: &str, path: &Path, rendering: &Rendering) -> Result<Vec<Arc<Beside>>, Failed> {
    let mut parts: Vec<(PathBuf, String)> = Vec::new();
    for document in text.split("\n---\n").filter(|document| !document.trim().is_empty()) {
        let (origin, bare) = without_origin(document);
        let from = origin.map_or_else(|| path.to_owned(), |origin| shown_of(path, &origin));
        let bare = bare.trim_end_matches('\n');
        match parts.last_mut() {
            Some((last, all)) if *last == from => all.push_str(&format!("---\n{bare}\n")),
            _ => parts.push((from, format!("{bare}\n"))),
        }
    }
    if parts.is_empty() {
        let message = format!("`{}` renders nothing", path.display());
        return Err(Failed::Named(KEY, message, format!("look at `{}`", rendering.shown)));
    }
    parts.into_iter().map(|(from, text)| part(KEY, &from, &text)).collect()
}

/// What was rendered of a file.
pub(in crate::manifests) fn part(key: &'static str, from: &Path, text: &str) -> Result<Arc<Beside>, Failed> {
    crate::redact::secrets::learn(text.as_bytes());
    let shown = PathBuf::from(format!("{}{RENDERED}", from.display()));
    beside::documents(shown, text.as_bytes()).map(Arc::new).map_err(|why| named(key, why))
}

/// A document of kustomize without the note of which file it is, and that file.
pub(super) fn without_origin(document: &str) -> (Option<String>, String) {
    let whole = (None, document.to_owned());
    if !document.contains(ORIGIN) {
        return whole;
    }
    let (mut kept, mut path, mut inside, mut top) = (Vec::new(), None, false, "");
    for line in document.lines() {
        let indent = line.len() - line.trim_start().len();
        if indent == 0 {
            top = line;
        }
        inside = inside && (indent > 4 || line.trim().is_empty());
        if inside {
            path = path.or_else(|| line.trim().strip_prefix("path: ").map(str::to_owned));
            continue;
        }
        if top == "metadata:" && indent == 4 && line.trim_start().starts_with(&format!("{ORIGIN}:")) {
            inside = true;
            continue;
        }
        kept.push(line);
    }
    if let Some(at) = kept.iter().position(|line| *line == "  annotations:")
        && kept.get(at + 1).is_none_or(|line| line.len() - line.trim_start().len() <= 2)
    {
        kept.remove(at);
    }
    // Believed only if it is the same but for the note.
    let bare = kept.join("\n");
    let mut expected = beside::values(document).unwrap_or_default();
    if let Some(metadata) =
        expected.first_mut().and_then(|value| value.get_mut("metadata")).and_then(Value::as_object_mut)
    {
        let empty = match metadata.get_mut("annotations").and_then(Value::as_object_mut) {
            Some(notes) => {
                notes.remove(ORIGIN);
                notes.is_empty()
            }
            None => false,
        };
        if empty {
            metadata.remove("annotations");
        }
    }
    if beside::values(&bare).as_ref() == Some(&expected) {
        return (path, bare);
    }
    match expected.first() {
        Some(value) => (path, format!("{value:#}")),
        None => whole,
    }
}
