//! Where a step takes manifests from, and which of them.

use serde_json::{Map, Value};

use super::kind::json_type;
use crate::{
    k8s::selector::Selector,
    manifests::{Chart, Failed, Origin, select::Selection},
    plan::context::{Context, below},
};

/// What a step says of manifests that stand elsewhere.
pub(in crate::plan) struct Wanted {
    /// Where they are.
    pub origin: Origin,
    /// Whether placeholders in them are filled in.
    pub fill: bool,
    /// The namespace of those that name none, and the pointer of it.
    pub into: Option<(String, String)>,
    /// Which of them.
    pub selection: Selection,
}

/// Reads what a step says; `None` after an error.
pub(in crate::plan) fn wanted(cx: &mut Context<'_>, at: &str, map: &Map<String, Value>) -> Option<Wanted> {
    let errors = cx.findings.errors();
    let named: Vec<&str> =
        ["file", "dir", "kustomize", "helm"].into_iter().filter(|key| map.contains_key(*key)).collect();
    let (key, more) = named.split_first()?;
    for other in more {
        cx.findings
            .error(&below(at, other), format!("`{other}` beside `{key}`"))
            .at_key()
            .second_key(&below(at, key), "the first")
            .hint("make two steps of it");
    }
    let takes: &[&str] = match *key {
        "file" | "dir" => &["fill", "namespace", "select", "only"],
        "kustomize" => &["namespace", "select", "only"],
        _ => &["select", "only"],
    };
    for other in map.keys().filter(|other| !named.contains(&other.as_str()) && !takes.contains(&other.as_str())) {
        let hint = match (*key, other.as_str()) {
            ("helm", "namespace") => "put it into `helm`: it is the release's, too",
            ("helm", "values" | "release" | "chart") => "put it into `helm`",
            (_, "fill") => "leave it out: only what is written in a file is filled in",
            ("kustomize" | "helm", _) => "leave it out",
            ("dir", _) => "leave it out: the folder has the manifests",
            _ => "leave it out: the file has the manifests",
        };
        cx.findings.error(&below(at, other), format!("`{other}` beside `{key}`")).at_key().hint(hint);
    }
    let named_at = below(at, key);
    let origin = if *key == "helm" {
        chart(cx, &named_at, map.get("helm")).map(Origin::Helm)
    } else {
        text_of_key(
            cx,
            &named_at,
            key,
            map.get(*key),
            match *key {
                "file" => "e.g. `file: role.yaml`",
                "dir" => "e.g. `dir: ../config/rbac`",
                _ => "e.g. `kustomize: ../config/default`",
            },
        )
        .map(|name| match *key {
            "file" => Origin::File(name),
            "dir" => Origin::Dir(name),
            _ => Origin::Kustomize(name),
        })
    };
    let fill = match map.get("fill") {
        None => false,
        Some(Value::Bool(fill)) => *fill,
        Some(_) => {
            cx.findings.error(&below(at, "fill"), "`fill` is neither `true` nor `false`");
            false
        }
    };
    let into = match &origin {
        Some(Origin::Helm(chart)) => chart.namespace.clone().map(|name| (name, below(&named_at, "namespace"))),
        _ => namespace(cx, &below(at, "namespace"), map.get("namespace")).map(|name| (name, below(at, "namespace"))),
    };
    let selection = selection(cx, at, map);
    (cx.findings.errors() == errors).then_some(Wanted { origin: origin?, fill, into, selection })
}

/// A text that must be there.
fn text_of_key(cx: &mut Context<'_>, at: &str, key: &str, value: Option<&Value>, example: &str) -> Option<String> {
    match value {
        Some(Value::String(name)) => Some(name.clone()),
        _ => {
            cx.findings.error(at, format!("`{key}` must be a text")).hint(example);
            None
        }
    }
}

fn namespace(cx: &mut Context<'_>, at: &str, value: Option<&Value>) -> Option<String> {
    match value {
        None => None,
        Some(Value::String(name)) if !name.is_empty() => Some(name.clone()),
        Some(_) => {
            cx.findings.error(at, "`namespace` must be a text").hint("e.g. `namespace: argocd`");
            None
        }
    }
}

/// One text, or several.
fn words_of_key(cx: &mut Context<'_>, at: &str, key: &str, value: Option<&Value>) -> Option<Vec<String>> {
    let list = match value? {
        Value::Array(list) if !list.is_empty() => list.clone(),
        one => vec![one.clone()],
    };
    let all: Option<Vec<String>> = list.iter().map(|one| one.as_str().map(str::to_owned)).collect();
    if all.is_none() {
        let said = format!("`{key}` is a text or a list of texts, and this is {}", value.map_or("nothing", json_type));
        cx.findings.error(at, said);
    }
    all
}

/// What `helm` says.
fn chart(cx: &mut Context<'_>, at: &str, value: Option<&Value>) -> Option<Chart> {
    const EXAMPLE: &str = "e.g. `helm: {chart: ../charts/app, values: [../charts/app/values-ci.yaml]}`";
    let Some(Value::Object(map)) = value else {
        cx.findings.error(at, "`helm` must be a map").hint(EXAMPLE);
        return None;
    };
    for key in map.keys().filter(|key| !["chart", "values", "release", "namespace"].contains(&key.as_str())) {
        let hint = match key.as_str() {
            "set" | "value" => "write the value into a file, and name that in `values`",
            "name" => "did you mean `release`?",
            _ => "it takes `chart`, `values`, `release` and `namespace`",
        };
        cx.findings.error(&below(at, key), format!("`helm` takes no `{key}`")).at_key().hint(hint);
    }
    if !map.contains_key("chart") {
        cx.findings.error(at, "`helm` has no `chart`").at_key().hint(EXAMPLE);
        return None;
    }
    let chart = text_of_key(cx, &below(at, "chart"), "chart", map.get("chart"), EXAMPLE);
    let values = words_of_key(cx, &below(at, "values"), "values", map.get("values")).unwrap_or_default();
    let namespace = namespace(cx, &below(at, "namespace"), map.get("namespace"));
    let release = map.get("release").and_then(|value| {
        let at = below(at, "release");
        let name = text_of_key(cx, &at, "release", Some(value), "e.g. `release: web`")?;
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
        if name.is_empty() || name.len() > 53 || !name.chars().all(fits) || name.starts_with(['-', '.']) {
            cx.findings
                .error(&at, format!("`{name}` is no name of a release"))
                .hint("lower-case letters, digits and `-`, 53 at most");
        }
        Some(name)
    });
    if let Some(name) = namespace.as_ref().filter(|name| name.starts_with('-')) {
        cx.findings.error(&below(at, "namespace"), format!("`{name}` is no name of a namespace"));
    }
    Some(Chart { chart: chart?, values, release, namespace })
}

/// What `select` and `only` say.
fn selection(cx: &mut Context<'_>, at: &str, map: &Map<String, Value>) -> Selection {
    let mut selection = Selection::default();
    match map.get("only") {
        None => {}
        Some(Value::String(only)) if only == "rbac" => selection.rbac = true,
        Some(_) => {
            cx.findings
                .error(&below(at, "only"), "`only` is `rbac` or nothing")
                .hint("for other objects, say `select: {kind: …}`");
        }
    }
    let at = below(at, "select");
    let said = match map.get("select") {
        None => return selection,
        Some(Value::Object(said)) if !said.is_empty() => said,
        Some(_) => {
            cx.findings
                .error(&at, "`select` says which objects, by `kind`, `name` or `label`")
                .hint("e.g. `select: {kind: [Role, RoleBinding]}`");
            return selection;
        }
    };
    for key in said.keys().filter(|key| !["kind", "name", "label"].contains(&key.as_str())) {
        let hint = match key.as_str() {
            "kinds" => "did you mean `kind`?",
            "names" => "did you mean `name`?",
            "labels" | "labelSelector" => "did you mean `label`?",
            _ => "it takes `kind`, `name` and `label`",
        };
        cx.findings.error(&below(&at, key), format!("`select` takes no `{key}`")).at_key().hint(hint);
    }
    selection.kinds = words_of_key(cx, &below(&at, "kind"), "kind", said.get("kind"));
    selection.names = words_of_key(cx, &below(&at, "name"), "name", said.get("name"));
    if let Some(label) = said.get("label") {
        let at = below(&at, "label");
        match label.as_str().map(Selector::read) {
            Some(Ok(labels)) => selection.labels = labels,
            Some(Err(part)) => {
                cx.findings
                    .error(&at, format!("`{part}` is no condition on a label"))
                    .hint("e.g. `app=web`, `app!=web`, `app in (a, b)`, `app`, `!app`, with commas between");
            }
            None => {
                cx.findings.error(&at, "`label` must be a text").hint("e.g. `label: app=web`");
            }
        }
    }
    selection
}

/// Leaves the selected ones.
pub(in crate::plan) fn some<T>(
    cx: &mut Context<'_>,
    at: &str,
    wanted: &Wanted,
    all: &mut Vec<T>,
    manifest: impl Fn(&T) -> &Map<String, Value>,
) {
    if wanted.selection.is_all() || all.is_empty() {
        return;
    }
    let mut kinds: Vec<String> = Vec::new();
    for found in all.iter() {
        let kind = manifest(found).get("kind").and_then(Value::as_str).unwrap_or_default().to_owned();
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    all.retain(|found| wanted.selection.takes(manifest(found)));
    if all.is_empty() {
        let by = if wanted.selection.rbac && wanted.selection.kinds.is_none() { "only" } else { "select" };
        kinds.sort();
        cx.findings
            .error(&below(at, by), "none of the objects is selected")
            .at_key()
            .hint(format!("there is {}", kinds.join(", ")));
    }
}

/// Says why nothing could be read. What it would have made is then not known, so nothing is said of what is not there.
pub(in crate::plan) fn failed(cx: &mut Context<'_>, at: &str, failed: Failed) {
    cx.unrendered = true;
    match failed {
        Failed::Named(_, message, hint) => {
            cx.findings.error(at, message).hint_if((!hint.is_empty()).then_some(hint));
        }
        Failed::Text(_, found) => cx.findings.foreign(at, found),
        Failed::Refused(_, message, shown) => {
            cx.findings.error(at, message).hint(format!("the same by hand: `{shown}`"));
        }
        Failed::Environment(key, why, remedy) => {
            cx.findings
                .error(at, format!("`{key}` cannot be rendered here: {why}"))
                .hint_if((!remedy.is_empty()).then_some(remedy))
                .environment();
        }
        Failed::NotRendered(key, why, remedy) => {
            cx.findings
                .warn(at, format!("`{key}` was not rendered: {why}"))
                .label("what is said of its objects was not checked")
                .hint(remedy);
        }
    }
}
