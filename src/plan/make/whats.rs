//! What is asked by `can`: verbs, resources, names, namespaces and paths, each combination of them.

use super::{
    Context, below,
    rules::{NOT_VERBS, PATH_VERBS, SHORT, VERBS},
    story::Story,
    targets::EVERYWHERE,
};
use crate::{
    plan::{
        Request,
        kinds::{OWN, nearest},
    },
    scenario::can::{Cells, Words},
};

/// All combinations; nothing after an error.
pub(super) fn read(cx: &mut Context<'_>, at: &str, cells: &Cells, story: &Story<'_>) -> Vec<Request> {
    let errors = cx.findings.errors();
    if cells.verb.is_none() {
        cx.findings.error(at, "a question without a `verb`").hint("e.g. `verb: list`");
    }
    let all = match (&cells.resource, &cells.url) {
        (Some(_), Some(_)) => {
            cx.findings
                .error(&below(at, "url"), "`resource` and `url` at once")
                .at_key()
                .second_key(&below(at, "resource"), "the resource")
                .hint("a path is no resource: ask about each in an element of its own");
            Vec::new()
        }
        (None, None) => {
            let key = if cells.verb.is_some() { "verb" } else { "" };
            let place = if key.is_empty() { at.to_owned() } else { below(at, key) };
            cx.findings
                .error(&place, "a question about nothing: neither `resource` nor `url`")
                .hint("e.g. `resource: pods`, `resource: deployments.apps`, or `url: /metrics`");
            Vec::new()
        }
        (None, Some(urls)) => paths(cx, at, cells, urls),
        (Some(resources), None) => resources_of(cx, at, cells, resources, story),
    };
    if cx.findings.errors() > errors { Vec::new() } else { all }
}

/// The texts with their pointers.
fn list<'w>(at: &str, key: &str, words: Option<&'w Words>) -> Vec<(String, &'w str)> {
    let at = below(at, key);
    match words {
        None => Vec::new(),
        Some(Words::One(word)) => vec![(at, word)],
        Some(Words::Many(words)) => {
            words.iter().enumerate().map(|(index, word)| (below(&at, index), word.as_str())).collect()
        }
    }
}

fn paths(cx: &mut Context<'_>, at: &str, cells: &Cells, urls: &Words) -> Vec<Request> {
    for (key, there) in [
        ("subresource", cells.subresource.is_some()),
        ("name", cells.name.is_some()),
        ("namespace", cells.namespace.is_some()),
    ] {
        if there {
            cx.findings
                .error(&below(at, key), format!("a path has no `{key}`"))
                .at_key()
                .second_key(&below(at, "url"), "the path")
                .hint("remove the line");
        }
    }
    let verbs = list(at, "verb", cells.verb.as_ref());
    for (at, verb) in &verbs {
        lint_verb(cx, at, verb, PATH_VERBS, false);
    }
    let mut all = Vec::new();
    for (at, path) in list(at, "url", Some(urls)) {
        if !path.starts_with('/') {
            cx.findings.error(&at, format!("`{path}` is no path")).hint("it begins with `/`, e.g. `/metrics`");
        }
        let path = path.to_owned();
        all.extend(verbs.iter().map(|(_, verb)| Request::Path { verb: (*verb).to_owned(), path: path.clone() }));
    }
    all
}

fn lint_verb(cx: &mut Context<'_>, at: &str, verb: &str, known: &[&str], resource: bool) {
    if verb == "*" || known.contains(&verb) || verb.starts_with("impersonate-on:") {
        return;
    }
    let meant = (NOT_VERBS.iter().filter(|_| resource))
        .find(|(word, _)| word.eq_ignore_ascii_case(verb))
        .map(|(_, meant)| (*meant).to_owned())
        .or_else(|| nearest(verb, known.iter().copied()).map(|near| format!("`{near}`")));
    if let Some(meant) = meant {
        cx.findings
            .warn(at, format!("`{verb}` is no verb that any request asks for"))
            .label("the answer says nothing about a real call")
            .hint(format!("did you mean {meant}?"));
    }
}

/// A group and a plural, and whether objects of it are in namespaces (`None`: not known).
struct Resource {
    group: String,
    plural: String,
    namespaced: Option<bool>,
}

fn resources_of(cx: &mut Context<'_>, at: &str, cells: &Cells, words: &Words, story: &Story<'_>) -> Vec<Request> {
    let verbs = list(at, "verb", cells.verb.as_ref());
    for (at, verb) in &verbs {
        lint_verb(cx, at, verb, VERBS, true);
    }
    let resources: Vec<_> =
        list(at, "resource", Some(words)).into_iter().filter_map(|(at, word)| resource(cx, &at, word)).collect();
    for (at, sub) in list(at, "subresource", cells.subresource.as_ref()) {
        if sub.is_empty() || sub.contains('/') {
            cx.findings.error(&at, format!("`{sub}` is no subresource")).hint("e.g. `log`, `exec`, `status`");
        }
    }
    let namespaces = namespaces(cx, at, cells, &resources, story);
    let option = |key: &str, words: Option<&Words>| -> Vec<Option<String>> {
        let list = list(at, key, words);
        if list.is_empty() { vec![None] } else { list.into_iter().map(|(_, word)| Some(word.to_owned())).collect() }
    };
    let subs = option("subresource", cells.subresource.as_ref());
    let names = option("name", cells.name.as_ref());
    let mut all = Vec::new();
    for resource in &resources {
        for (_, verb) in &verbs {
            for subresource in &subs {
                for name in &names {
                    for namespace in &namespaces {
                        // The API server takes the name of a Namespace for its namespace, too.
                        let of_itself = resource.group.is_empty() && resource.plural == "namespaces";
                        let namespace = match resource.namespaced {
                            Some(false) if of_itself => name.clone(),
                            Some(false) => None,
                            _ => namespace.clone(),
                        };
                        all.push(Request::Resource {
                            verb: (*verb).to_owned(),
                            group: resource.group.clone(),
                            resource: resource.plural.clone(),
                            subresource: subresource.clone(),
                            namespace,
                            name: name.clone(),
                        });
                    }
                }
            }
        }
    }
    all
}

fn namespaces(
    cx: &mut Context<'_>,
    at: &str,
    cells: &Cells,
    resources: &[Resource],
    story: &Story<'_>,
) -> Vec<Option<String>> {
    let said = list(at, "namespace", cells.namespace.as_ref());
    if said.is_empty() {
        return vec![Some(cx.namespace.to_owned())];
    }
    if let Some(resource) = resources.iter().find(|resource| resource.namespaced == Some(false)) {
        cx.findings
            .error(&below(at, "namespace"), format!("`{}` are in no namespace", resource.plural))
            .at_key()
            .label("they are cluster-wide")
            .hint("remove the line, or ask about them in an element of their own");
    }
    let mut all = Vec::new();
    for (at, word) in said {
        let namespace = word.to_owned();
        let known = EVERYWHERE.contains(&namespace.as_str()) || namespace == cx.namespace || story.exists(&namespace);
        if namespace != "*" && !known {
            story.no_namespace(cx, &at, &namespace, "make it by an earlier step of kind Namespace; `*` stands for all");
        }
        all.push((namespace != "*").then_some(namespace));
    }
    all
}

fn resource(cx: &mut Context<'_>, at: &str, word: &str) -> Option<Resource> {
    if let Some((plural, rest)) = word.split_once('/') {
        let hint = match super::rules::SUBRESOURCES.contains(&rest) {
            true => format!("write `resource: {plural}` and `subresource: {rest}`"),
            false => format!("write `resource: {plural}` and `name: {rest}` or `subresource: {rest}`"),
        };
        cx.findings
            .error(at, format!("`{word}`: a name or a subresource?"))
            .label("kubectl would read a name")
            .hint(hint);
        return None;
    }
    let (plural, group) = word.split_once('.').unwrap_or((word, ""));
    let own = OWN.iter().find(|kind| kind.group == group && kind.plural.as_deref() == Some(plural));
    if let Some(kind) = own {
        return Some(Resource { group: group.into(), plural: plural.into(), namespaced: Some(kind.namespaced) });
    }
    let versioned = group.strip_prefix('v').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    let foreign = group.contains('.') && !versioned && !OWN.iter().any(|kind| kind.group == group);
    if plural == "*" || foreign {
        return Some(Resource { group: group.into(), plural: plural.into(), namespaced: None });
    }
    cx.findings.error(at, format!("there is no resource `{word}`")).hint(meant(plural, group));
    None
}

/// What was meant by a resource that is not Kubernetes' own.
fn meant(plural: &str, group: &str) -> String {
    let written = |plural: &str| {
        let kind = OWN.iter().find(|kind| kind.plural.as_deref() == Some(plural))?;
        let group = &kind.group;
        Some(if group.is_empty() { plural.to_owned() } else { format!("{plural}.{group}") })
    };
    let plurals = || OWN.iter().filter_map(|kind| kind.plural.as_deref());
    let short = SHORT.iter().find(|(short, _)| *short == plural).map(|(_, long)| *long);
    let found = (written(plural))
        .or_else(|| written(short?))
        .or_else(|| written(nearest(plural, plurals())?))
        .filter(|found| !group.contains('/') && *found != format!("{plural}.{group}"));
    match found {
        Some(found) => format!("did you mean `{found}`?"),
        None => "the plural, and behind a dot its API group, e.g. `deployments.apps`".into(),
    }
}
