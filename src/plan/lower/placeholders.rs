//! `{namespace}` in every text of every step, put in once, before anything else looks at a step; and what only looks like a
//! placeholder, or stands where none is filled in.

use serde_json::Value as Json;

use crate::{
    plan::context::{Context, below},
    scenario::{
        Document,
        placeholder::{self, NAMESPACE, SAVED, Slip},
        tree::{Entry, Node, Value},
    },
};

/// The keys of a step whose texts are taken as they are written.
const AS_WRITTEN: [&str; 5] = ["title", "say", "predict", "rows", "refs"];

/// Keys below which a program of the user's own may stand, in which braces mean what its language says.
const PROGRAMS: [&str; 6] = ["command", "args", "data", "stringData", "stdin", "annotations"];

/// The document with the scenario's namespace in all texts of its steps.
pub(in crate::plan) fn filled(document: &Document, namespace: &str) -> Document {
    let mut document = document.clone();
    let Value::Map(entries) = &mut document.root.value else { return document };
    let steps = entries.iter_mut().find(|entry| entry.key == "steps").map(|entry| &mut entry.value.value);
    let Some(Value::List(steps)) = steps else { return document };
    for (node, step) in steps.iter_mut().zip(&mut document.scenario.steps) {
        let Value::Map(entries) = &mut node.value else { continue };
        let mut changed = false;
        for entry in entries.iter_mut().filter(|entry| !AS_WRITTEN.contains(&entry.key.as_str())) {
            changed |= fill(&mut entry.value, namespace);
        }
        // A text stays a text, so the step can be read as before.
        if changed && let Ok(filled) = serde_json::from_value(node.to_json()) {
            *step = filled;
        }
    }
    document
}

fn fill(node: &mut Node, namespace: &str) -> bool {
    match &mut node.value {
        Value::String(text) => match placeholder::in_namespace(text, namespace) {
            std::borrow::Cow::Owned(filled) => {
                *text = filled;
                true
            }
            std::borrow::Cow::Borrowed(_) => false,
        },
        Value::List(items) => items.iter_mut().fold(false, |changed, item| fill(item, namespace) | changed),
        Value::Map(entries) => {
            entries.iter_mut().fold(false, |changed, entry| fill(&mut entry.value, namespace) | changed)
        }
        _ => false,
    }
}

/// A manifest of a file with the scenario's namespace in all its texts.
pub(in crate::plan) fn fill_json(value: &mut Json, namespace: &str) {
    match value {
        Json::String(text) => *text = placeholder::in_namespace(text, namespace).into_owned(),
        Json::Array(items) => items.iter_mut().for_each(|item| fill_json(item, namespace)),
        Json::Object(map) => map.values_mut().for_each(|value| fill_json(value, namespace)),
        _ => {}
    }
}

/// Says what is wrong with the placeholders in a file of manifests.
pub(in crate::plan) fn in_file(cx: &mut Context<'_>, at: &str, node: &Node, text: &str, fill: bool) {
    if fill {
        walk(cx, at, node, Place { text, assigned: assigns(node), program: false });
        return;
    }
    // The definition of a kind explains things in prose, for which no author means a placeholder.
    if matches!(node.get("kind").map(|kind| &kind.value.value), Some(Value::String(kind)) if kind == "CustomResourceDefinition")
    {
        return;
    }
    let Some((at, name)) = first(at, node) else { return };
    cx.findings
        .warn(&at, format!("`{{{name}}}` stays as it is written"))
        .label("a file is sent as it is")
        .hint("to have it filled in, write `{file: …, fill: true}`");
}

/// The first placeholder in a tree.
fn first(at: &str, node: &Node) -> Option<(String, String)> {
    match &node.value {
        Value::String(text) => {
            let found = placeholder::pieces(text, |name| name == NAMESPACE || name.starts_with(SAVED));
            found.into_iter().find_map(|piece| match piece {
                placeholder::Piece::Name(name) => Some((at.to_owned(), name.to_owned())),
                _ => None,
            })
        }
        Value::List(items) => items.iter().enumerate().find_map(|(index, item)| first(&below(at, index), item)),
        Value::Map(entries) => entries.iter().find_map(|entry| first(&below(at, &entry.key), &entry.value)),
        _ => None,
    }
}

/// Says what is wrong with the placeholders of a document as it is written.
pub(in crate::plan) fn check(cx: &mut Context<'_>, written: &Document) {
    let scenario = &written.scenario;
    as_written(cx, "/title", &scenario.title);
    for (index, tag) in scenario.tags.iter().enumerate() {
        as_written(cx, &below("/tags", index), tag);
    }
    if let Some(cluster) = written.root.get("cluster") {
        none_in(cx, "/cluster", &cluster.value);
    }
    let steps = written.root.get("steps").map(|entry| &entry.value.value);
    let Some(Value::List(steps)) = steps else { return };
    for (index, node) in steps.iter().enumerate() {
        let Value::Map(entries) = &node.value else { continue };
        let at = below("/steps", index);
        // The words of a row may be texts for other places, too.
        if written.rows.get(index).is_none_or(Option::is_none) {
            as_written(cx, &below(&at, "title"), &scenario.steps[index].title);
        }
        for entry in entries.iter().filter(|entry| !AS_WRITTEN.contains(&entry.key.as_str())) {
            let assigned = assigns(&entry.value);
            let place = Place { text: &written.source.text, assigned, program: false };
            let at = below(&at, &entry.key);
            verb(cx, &at, &entry.key, &entry.value, place);
        }
    }
}

/// Says that no placeholder is filled in below a value.
fn none_in(cx: &mut Context<'_>, at: &str, node: &Node) {
    match &node.value {
        Value::String(text) => as_written(cx, at, text),
        Value::List(items) => items.iter().enumerate().for_each(|(index, item)| none_in(cx, &below(at, index), item)),
        Value::Map(entries) => entries.iter().for_each(|entry| none_in(cx, &below(at, &entry.key), &entry.value)),
        _ => {}
    }
}

/// A key of a step. What a URL has in braces is told with the URL, and no shell reads kubectl's arguments.
fn verb(cx: &mut Context<'_>, at: &str, verb: &str, node: &Node, place: Place<'_>) {
    let Value::Map(entries) = &node.value else { return walk(cx, at, node, place) };
    for entry in entries {
        let at = below(at, &entry.key);
        match (verb, entry.key.as_str()) {
            ("curl", "url") | ("request", "path") => {}
            ("kubectl", "args") => walk(cx, &at, &entry.value, place),
            (_, word) => {
                key(cx, &at, entry, place.text);
                walk(cx, &at, &entry.value, Place { program: PROGRAMS.contains(&word), ..place });
            }
        }
    }
}

/// What is known of the place of a value.
#[derive(Clone, Copy)]
struct Place<'a> {
    /// The file, for what YAML makes of braces without quotes.
    text: &'a str,
    /// Whether a variable of the name `namespace` is given a value nearby.
    assigned: bool,
    /// Whether a program of the user's own may stand here.
    program: bool,
}

/// What in a text has no effect where it stands.
fn as_written(cx: &mut Context<'_>, at: &str, text: &str) {
    let found = placeholder::pieces(text, |name| name == NAMESPACE || name.starts_with(SAVED));
    let name = found.into_iter().find_map(|piece| match piece {
        placeholder::Piece::Name(name) => Some(name),
        _ => None,
    });
    if let Some(name) = name {
        cx.findings
            .error(at, format!("`{{{name}}}` is not filled in here"))
            .label("the same words in every run")
            .hint("say in words what it stands for, e.g. `its own namespace`");
    }
}

fn walk(cx: &mut Context<'_>, at: &str, node: &Node, place: Place<'_>) {
    match &node.value {
        Value::String(text) => check_text(cx, at, text, place),
        Value::List(items) => {
            items.iter().enumerate().for_each(|(index, item)| walk(cx, &below(at, index), item, place));
        }
        Value::Map(entries) => {
            for entry in entries {
                let program = place.program || PROGRAMS.contains(&entry.key.as_str());
                let at = below(at, &entry.key);
                key(cx, &at, entry, place.text);
                walk(cx, &at, &entry.value, Place { program, ..place });
            }
        }
        _ => {}
    }
}

/// A key is the same in every run; and a brace without quotes begins a mapping.
fn key(cx: &mut Context<'_>, at: &str, entry: &Entry, text: &str) {
    let names = placeholder::pieces(&entry.key, |name| name == NAMESPACE || name.starts_with(SAVED));
    if names.iter().any(|piece| matches!(piece, placeholder::Piece::Name(_))) {
        cx.findings.error(at, "a placeholder in a key is not filled in").at_key().hint(
            "only values are; write the key out, or apply such an object by `kubectl` with its manifest as `stdin`",
        );
    }
    if entry.key != NAMESPACE && !entry.key.starts_with(SAVED) || !matches!(entry.value.value, Value::Null) {
        return;
    }
    let braced = text.get(..entry.key_span.start).is_some_and(|before| before.trim_end().ends_with('{'))
        && text.get(entry.key_span.end..).is_some_and(|after| after.trim_start().starts_with('}'));
    if braced {
        cx.findings
            .error(at, "a brace without quotes begins a mapping")
            .at_key()
            .hint(format!("write `'{{{}}}'`", entry.key));
    }
}

/// A text in which something only looks like a placeholder.
fn check_text(cx: &mut Context<'_>, at: &str, text: &str, place: Place<'_>) {
    // With blanks, it is what a program of the user's own fills in: a template, a filter of jq.
    let slip = placeholder::slip(text).filter(|slip| !(place.program && slip.written.contains(' ')));
    if let Some(Slip { written, meant }) = slip {
        let hint = format!("did you mean `{meant}`?");
        if place.program {
            cx.findings.warn(at, format!("`{written}` stays as it is written")).hint(hint);
        } else {
            cx.findings.error(at, format!("unknown placeholder `{written}`")).hint(hint);
        }
    }
    if text.contains("${namespace}") && !place.assigned {
        cx.findings
            .warn(at, "`${namespace}` stays as it is written: a variable of a shell")
            .label("nothing here gives it a value")
            .hint("the placeholder is `{namespace}`, without a dollar");
    }
}

/// Whether a text gives a variable of the shell the name `namespace`.
fn assigns(node: &Node) -> bool {
    match &node.value {
        Value::String(text) => {
            text.contains("namespace=") || text.contains("read namespace") || text.contains("for namespace")
        }
        Value::List(items) => items.iter().any(assigns),
        Value::Map(entries) => entries.iter().any(|entry| {
            let variable =
                entry.key == "name" && matches!(&entry.value.value, Value::String(name) if name == NAMESPACE);
            variable || assigns(&entry.value)
        }),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
