//! Keys that stand beside the key that they belong under, and whole manifests where a short form is meant.

use serde_json::Value as Json;

use super::{
    super::{
        Diagnostic,
        fix::{self, Edit},
        json_schema::{branches, properties, type_of},
        tree::{Entry, Node, Value},
        wording::{self, ticked},
    },
    mended,
};

/// Keys of a mapping that belong under another key of it, told once for each such key.
pub(in crate::scenario) struct Strays {
    /// What is wrong.
    pub told: Vec<Diagnostic>,
    /// The entries that are thereby told, the key that they belong under included.
    pub entries: Vec<usize>,
}

/// Keys of manifests, which belong under a key that takes one.
const OF_MANIFESTS: [&str; 13] = [
    "apiVersion",
    "kind",
    "metadata",
    "spec",
    "data",
    "stringData",
    "rules",
    "roleRef",
    "subjects",
    "type",
    "immutable",
    "file",
    "fill",
];

/// Keys of a step that verbs have as well.
const OF_STEPS: [&str; 10] = ["title", "say", "predict", "expect", "as", "save", "when", "rows", "each", "timeout"];

/// Looks for keys that stand beside the key that they belong under.
pub(in crate::scenario) fn find(text: &str, entries: &[Entry], way: &'static Json) -> Strays {
    let mut strays = Strays { told: Vec::new(), entries: Vec::new() };
    let Some(keys) = properties(way) else { return strays };
    if keys.contains_key("apply")
        && let Some((told, found)) = bare_manifest(text, entries)
    {
        strays.told.push(told);
        strays.entries.extend(found);
        return strays;
    }
    for (index, home) in entries.iter().enumerate() {
        let Some(schema) = keys.get(&home.key) else { continue };
        let empty = matches!(home.value.value, Value::Null);
        let maps: Vec<_> = branches(schema).into_iter().filter(|way| type_of(way) == "object").collect();
        let free = maps.iter().any(|way| wording::is_free_map(way));
        let inner = |key: &str| maps.iter().any(|way| properties(way).is_some_and(|keys| keys.contains_key(key)));
        // A key that the home lacks may stand beside it; nothing else of a home that has a value does.
        let lacks = |key: &str| match &home.value.value {
            Value::Null => true,
            Value::Map(own) => {
                let missing = maps.iter().any(|way| {
                    let required = way.get("required").and_then(Json::as_array).into_iter().flatten();
                    required.filter_map(Json::as_str).any(|needed| needed == key)
                });
                missing && own.iter().all(|entry| entry.key != key)
            }
            _ => false,
        };
        let belongs = |entry: &Entry| {
            let named = inner(&entry.key) || free && OF_MANIFESTS.contains(&entry.key.as_str());
            named && entry.key != home.key
        };
        let unknown = |entry: &Entry| !keys.contains_key(&entry.key);
        if let Value::String(name) = &home.value.value
            && let Some((told, found)) = named(text, entries, index, name, keys, &inner)
        {
            strays.told.push(told);
            strays.entries.push(index);
            strays.entries.extend(found);
            continue;
        }
        let behind = || entries.iter().enumerate().skip(index + 1).filter(|(at, _)| !strays.entries.contains(at));
        if !behind().any(|(_, entry)| belongs(entry) && unknown(entry) && lacks(&entry.key)) {
            // `bind:` alone on its line, and only keys that are known here as well: `role: …`, `token: …`.
            let follows =
                behind().next().filter(|(at, entry)| *at == index + 1 && empty && belongs(entry) && scalar(entry));
            if follows.is_none() {
                continue;
            }
        }
        let mut found: Vec<usize> = Vec::new();
        for (at, entry) in behind() {
            if belongs(entry) && (unknown(entry) || !OF_STEPS.contains(&entry.key.as_str())) {
                found.push(at);
            }
        }
        if found.is_empty() {
            continue;
        }
        strays.told.push(beside(text, entries, index, &found));
        strays.entries.push(index);
        strays.entries.extend(found);
    }
    strays
}

/// Tells that keys (`found`) stand beside the one (`index`) that they belong under, and moves them below it where that can be done.
fn beside(text: &str, entries: &[Entry], index: usize, found: &[usize]) -> Diagnostic {
    let home = &entries[index];
    let empty = matches!(home.value.value, Value::Null);
    let names: Vec<&str> = found.iter().map(|at| entries[*at].key.as_str()).collect();
    let (are, belong, they) = if names.len() == 1 { ("is", "belongs", "it") } else { ("are", "belong", "them") };
    let message = if empty {
        format!("`{}` is empty: {} {are} beside it, not under it", home.key, ticked(&names))
    } else {
        format!("{} {belong} under `{}`", ticked(&names), home.key)
    };
    let column = fix::column(text, home.key_span.start);
    let mut moved = Vec::new();
    for at in found {
        let key = entries[*at].key_span;
        match fix::block(text, key) {
            Some(block) if fix::column(text, key.start) == column => moved.extend(fix::shift(text, block, 2)),
            _ => {
                moved.clear();
                break;
            }
        }
    }
    // What is moved must be one block right below its new home.
    let close = found.iter().enumerate().all(|(nth, at)| *at == index + 1 + nth);
    let flow = matches!(&home.value.value, Value::Map(_)) && text[home.value.span.start..].starts_with('{');
    if !close || flow {
        moved.clear();
    }
    let mut told = mended(
        &message,
        entries[found[0]].key_span,
        &format!("indent {they} by two blanks more than `{}`", home.key),
        moved,
    );
    told.second = Some((home.key_span, "the key that it belongs under".to_owned()));
    told
}

fn scalar(entry: &Entry) -> bool {
    matches!(entry.value.value, Value::String(_) | Value::Number(_) | Value::Bool(_))
}

/// A whole manifest under a short form: `pod: {metadata: …, spec: …}`.
pub(in crate::scenario) fn whole_manifest(
    text: &str,
    node: &Node,
    home: &str,
    key: super::super::Span,
) -> Option<Diagnostic> {
    let (kind, api_version) = match home {
        "pod" => ("Pod", "v1"),
        "serviceAccount" => ("ServiceAccount", "v1"),
        "role" => ("Role", "rbac.authorization.k8s.io/v1"),
        "clusterRole" => ("ClusterRole", "rbac.authorization.k8s.io/v1"),
        "bind" => ("RoleBinding", "rbac.authorization.k8s.io/v1"),
        _ => return None,
    };
    node.get("metadata")?;
    let Value::Map(entries) = &node.value else { return None };
    let first = entries.first()?;
    let mut add = Vec::new();
    if node.get("apiVersion").is_none() {
        add.push(format!("apiVersion: {api_version}"));
    }
    if node.get("kind").is_none() {
        add.push(format!("kind: {kind}"));
    }
    let at = first.key_span.start;
    let put = match text[node.span.start..].starts_with('{') {
        true => add.iter().map(|line| format!("{line}, ")).collect::<String>(),
        false => {
            let indentation = " ".repeat(fix::column(text, at));
            add.iter().map(|line| format!("{line}\n{indentation}")).collect()
        }
    };
    let mut edits = vec![Edit::replace(key, "apply")];
    if !put.is_empty() {
        edits.push(Edit::insert(at, put));
    }
    let with = if add.is_empty() {
        String::new()
    } else {
        format!(", with {}", add.iter().map(|line| format!("`{line}`")).collect::<Vec<_>>().join(" and "))
    };
    let message = format!("`{home}` is a short form, and this is a whole manifest");
    Some(mended(&message, key, &format!("write `apply` instead of `{home}`{with}"), edits))
}

/// A manifest that is a step itself.
fn bare_manifest(text: &str, entries: &[Entry]) -> Option<(Diagnostic, Vec<usize>)> {
    let at = |key: &str| entries.iter().position(|entry| entry.key == key);
    let (first, _) = (at("apiVersion")?.min(at("kind")?), at("metadata")?);
    if at("apply").is_some() || at("create").is_some() {
        return None;
    }
    let own = ["title", "say", "predict", "rows", "timeout", "expect", "when", "each", "as", "save"];
    let (mut found, mut moved) = (Vec::new(), Vec::new());
    for (index, entry) in entries.iter().enumerate().filter(|(_, entry)| !own.contains(&entry.key.as_str())) {
        found.push(index);
        if let Some(block) = fix::block(text, entry.key_span) {
            moved.extend(fix::shift(text, block, 2));
        }
    }
    let close = found.iter().enumerate().all(|(nth, at)| *at == first + nth);
    let column = fix::column(text, entries[first].key_span.start);
    match moved.first_mut().filter(|edit| close && edit.span.start < entries[first].key_span.start) {
        Some(edit) => edit.text = format!("{}apply:\n  ", " ".repeat(column)),
        None => moved.clear(),
    }
    let hint = "write `apply:` above it, and indent the manifest by two blanks more";
    Some((mended("a manifest stands under `apply` or `create`", entries[first].key_span, hint, moved), found))
}

/// `role: list-pods` with `rules` beside it: the text is the name, and both stand one level further in.
fn named(
    text: &str,
    entries: &[Entry],
    index: usize,
    name: &str,
    keys: &serde_json::Map<String, Json>,
    inner: &dyn Fn(&str) -> bool,
) -> Option<(Diagnostic, Vec<usize>)> {
    let home = &entries[index];
    let behind = entries.iter().enumerate().skip(index + 1);
    let stray = |(_, entry): &(usize, &Entry)| !keys.contains_key(&entry.key) && inner(&entry.key);
    let found: Vec<usize> = behind.filter(stray).map(|(at, _)| at).collect();
    let first = &entries[*found.first().filter(|_| inner("name"))?];
    let names: Vec<&str> = found.iter().map(|at| entries[*at].key.as_str()).collect();
    let column = fix::column(text, home.key_span.start);
    let mut moved =
        vec![Edit::replace(home.value.span, format!("\n{}name: {}", " ".repeat(column + 2), fix::flow(name)))];
    for (nth, at) in found.iter().enumerate() {
        match fix::block(text, entries[*at].key_span).filter(|_| *at == index + 1 + nth) {
            Some(block) => moved.extend(fix::shift(text, block, 2)),
            None => {
                moved.clear();
                break;
            }
        }
    }
    let message =
        format!("{} {} under `{}`", ticked(&names), if names.len() == 1 { "belongs" } else { "belong" }, home.key);
    let hint = format!("write `name: {}` under `{}:`, and {} below it", fix::flow(name), home.key, ticked(&names));
    let mut told = mended(&message, first.key_span, &hint, moved);
    told.second = Some((home.key_span, "the key that it belongs under".to_owned()));
    Some((told, found))
}

/// Steps that a dash tears into two: a title without a verb, and behind it a verb without a title. Gives the first of each.
pub(in crate::scenario) fn torn(text: &str, steps: &[Node]) -> Vec<(usize, Diagnostic)> {
    const BESIDE: [&str; 4] = ["title", "say", "predict", "rows"];
    let mut torn: Vec<(usize, Diagnostic)> = Vec::new();
    for (index, pair) in steps.windows(2).enumerate() {
        let [Node { value: Value::Map(first), .. }, Node { value: Value::Map(second), span, .. }] = pair else {
            continue;
        };
        let alone = first.iter().all(|entry| BESIDE.contains(&entry.key.as_str())) && pair[0].get("title").is_some();
        let headless = pair[1].get("title").is_none() && !second.is_empty();
        if !alone || !headless || torn.last().is_some_and(|(at, _)| at + 1 == index) {
            continue;
        }
        let dash = text[..span.start].rfind('-').filter(|at| text[at + 1..span.start].trim().is_empty());
        let Some(dash) = dash else { continue };
        let place = super::super::Span { start: dash, end: dash + 1 };
        let mut found = mended(
            "this dash begins a new step, without a title",
            place,
            "write a blank instead of the dash: the verb stands in the step of its title",
            vec![Edit::replace(place, " ")],
        );
        found.second = first.first().map(|entry| (entry.key_span, "a title without a verb".to_owned()));
        torn.push((index, found));
    }
    torn
}
