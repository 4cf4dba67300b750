//! Files of other tools that were taken for scenarios.

use super::{
    super::{
        Diagnostic, Span,
        fix::Edit,
        syntax,
        tree::{Node, Value},
    },
    mended,
};

const NEW: &str = "`kubewalk new NAME` writes a scenario to begin with";

/// What a tree is, if it is something else than a scenario; told once, whatever else it lacks.
pub(in crate::scenario) fn tree(text: &str, root: &Node) -> Option<Diagnostic> {
    let word = |key: &str| match root.get(key).map(|entry| &entry.value.value) {
        Some(Value::String(word)) => word.as_str(),
        _ => "",
    };
    let at = |key: &str| {
        root.get(key).map_or(root.span, |entry| match entry.value.value {
            Value::String(_) => entry.value.span,
            _ => entry.key_span,
        })
    };
    let (api, kind) = (word("apiVersion"), word("kind"));
    let group = api.split('/').next().unwrap_or_default();
    let told = |what: &str, key: &str, hint: &str| {
        Some(syntax::error(&format!("this is {what}, not a scenario"), at(key), hint))
    };
    if group.ends_with("chainsaw.kyverno.io") {
        return told(
            &format!("a chainsaw {}", if kind.is_empty() { "file" } else { kind }),
            "apiVersion",
            &format!(
                "each of its operations is a step here: `apply` and `create` stay, `assert` is `get` with `expect: {{object: …}}`, `error` is `get` with `expect: {{absent: true}}`, `script` is `exec`; {NEW}"
            ),
        );
    }
    if group == "kuttl.dev" {
        return told(
            &format!("a kuttl {}", if kind.is_empty() { "file" } else { kind }),
            "apiVersion",
            &format!(
                "a folder of its numbered files is one scenario here: each file under `apply` is a step, an assert is `get` with `expect: {{object: …}}`, a command is `exec`; {NEW}"
            ),
        );
    }
    if group == "kustomize.config.k8s.io" {
        return told(
            "a kustomization",
            "apiVersion",
            "put what `kubectl kustomize` prints into a file beside the scenario, and that under `apply: {file: NAME}`",
        );
    }
    if group == "kind.x-k8s.io" {
        return told("a config for kind", "apiVersion", &format!("`--cluster kind` uses `kind-config.yaml`; {NEW}"));
    }
    if root.get("steps").is_none()
        && root.get("jobs").is_some()
        && (root.get("on").is_some() || root.get("name").is_some())
    {
        return told("a workflow for a CI server", "jobs", NEW);
    }
    if root.get("steps").is_none() && root.get("services").is_some() && root.get("title").is_none() {
        return told("a file for docker compose", "services", NEW);
    }
    match &root.value {
        Value::List(items)
            if items.iter().any(|item| item.get("title").is_some()) && !text[root.span.start..].starts_with('[') =>
        {
            let above = fix_above(text, root.span);
            Some(mended(
                "this is a list of steps, and a scenario is a mapping",
                root.span,
                "put `title: …` and `steps:` above the list",
                above,
            ))
        }
        Value::String(said) => of_words(said, root.span),
        _ => None,
    }
}

fn fix_above(text: &str, list: Span) -> Vec<Edit> {
    let start = text[..list.start].rfind('\n').map_or(0, |at| at + 1);
    vec![Edit::insert(start, "title: …\nsteps:\n")]
}

/// A text that is no YAML mapping: a script, or requests of hurl.
fn of_words(said: &str, span: Span) -> Option<Diagnostic> {
    let first = said.split_whitespace().next().unwrap_or_default();
    let method = matches!(first, "GET" | "POST" | "PUT" | "PATCH" | "DELETE" | "HEAD" | "OPTIONS");
    if method && said.contains("://") {
        return Some(syntax::error(
            "this is a file for hurl, not a scenario",
            span,
            &format!("a request is a step: `request: {{path: /api}}`, and its status stands under `expect`; {NEW}"),
        ));
    }
    if matches!(first, "kubectl" | "curl" | "set" | "export" | "echo" | "helm" | "kind") {
        return Some(syntax::error(
            "this is a script, not a scenario",
            span,
            &format!("a command is a step: `kubectl: {{args: [get, pods]}}`; {NEW}"),
        ));
    }
    None
}

/// What a text is that is not YAML at all.
pub(in crate::scenario) fn of_text(text: &str) -> Option<Diagnostic> {
    let first = text.lines().next().unwrap_or_default();
    let span = Span { start: 0, end: first.len() };
    if text.lines().any(|line| line.starts_with("@test ")) {
        return Some(syntax::error(
            "this is a file for bats, not a scenario",
            span,
            &format!(
                "each command is a step: `exec: {{in: client, command: [id]}}` or `kubectl: {{args: [get, pods]}}`; {NEW}"
            ),
        ));
    }
    if first.starts_with("#!") {
        return Some(syntax::error(
            "this is a script, not a scenario",
            span,
            &format!("a command is a step: `kubectl: {{args: [get, pods]}}`; {NEW}"),
        ));
    }
    let hurl = |line: &str| {
        matches!(line.split(' ').next(), Some("GET" | "POST" | "PUT" | "PATCH" | "DELETE")) && line.contains("://")
    };
    text.lines()
        .any(hurl)
        .then(|| {
            syntax::error(
                "this is a file for hurl, not a scenario",
                span,
                &format!("a request is a step: `request: {{path: /api}}`, and its status stands under `expect`; {NEW}"),
            )
        })
        .filter(|_| !text.contains("steps:"))
}
