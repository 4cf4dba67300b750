//! What is asked by `can`: verbs, resources, names, namespaces and paths, each combination of them.

use super::verbs::{self, Asking};
use crate::{
    k8s::{Served, rbac_words::SUBRESOURCES, served, special, well_known::EVERYWHERE},
    plan::{
        Request,
        can::Api,
        context::{Context, below, words::if_fresh},
        resolve::story::Story,
    },
    scenario::can::{Cells, Words},
};

/// A request that is asked about.
pub(in crate::plan) struct What {
    /// What the authorizer is asked.
    pub request: Request,
    /// What is known of its resource.
    pub api: Api,
    /// Whether its lines say that it is meant although it is not there.
    pub on_purpose: bool,
}

/// The verbs, resources and so on of one element, and the answer that they must have.
struct Asked<'c> {
    at: &'c str,
    cells: &'c Cells,
    verbs: Vec<(String, &'c str)>,
    allowed: bool,
    on_purpose: bool,
}

/// All combinations; nothing after an error.
pub(in crate::plan) fn read(
    cx: &mut Context<'_>,
    at: &str,
    cells: &Cells,
    story: &Story<'_>,
    allowed: bool,
) -> Vec<What> {
    let errors = cx.findings.errors();
    if cells.verb.is_none() {
        cx.findings.error(at, "a question without a `verb`").hint("e.g. `verb: list`");
    }
    let lines = ["verb", "resource", "subresource", "name", "url", "allowed"].map(|key| below(at, key));
    let on_purpose = cx.findings.on_purpose(&lines.iter().map(String::as_str).collect::<Vec<_>>());
    let verbs = list(at, "verb", cells.verb.as_ref());
    let asked = Asked { at, cells, verbs, allowed, on_purpose };
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
        (None, Some(urls)) => asked.paths(cx, urls),
        (Some(resources), None) => asked.resources(cx, resources, story),
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

/// A group and a plural, and what is known of it.
struct Resource {
    group: String,
    plural: String,
    api: Api,
}

impl Resource {
    /// Whether its objects are in namespaces; `None`: not known.
    fn namespaced(&self, verb: &str) -> Option<bool> {
        match &self.api {
            Api::Served { namespaced, .. } => Some(*namespaced),
            Api::Other => special::resource(verb, &self.group, &self.plural),
            Api::Unsure => None,
        }
    }
}

impl Asked<'_> {
    fn paths(&self, cx: &mut Context<'_>, urls: &Words) -> Vec<What> {
        let (at, cells) = (self.at, self.cells);
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
        for (at, verb) in self.verbs.iter().filter(|_| !self.on_purpose) {
            verbs::of_path(cx, at, verb, self.allowed);
        }
        let mut all = Vec::new();
        for (at, path) in list(at, "url", Some(urls)) {
            if !path.starts_with('/') && path != "*" {
                cx.findings.error(&at, format!("`{path}` is no path")).hint("it begins with `/`, e.g. `/metrics`");
            }
            let path = path.to_owned();
            self.path(cx, &at, &path);
            all.extend(self.verbs.iter().map(|(_, verb)| What {
                request: Request::Path { verb: (*verb).to_owned(), path: path.clone() },
                api: Api::Other,
                on_purpose: self.on_purpose,
            }));
        }
        all
    }

    /// Whether there is such a path, and whether it is none of a resource.
    fn path(&self, cx: &mut Context<'_>, at: &str, path: &str) {
        if self.on_purpose || !path.starts_with('/') {
            return;
        }
        match (cx.apis.path("GET", path), Request::from_http("GET", path)) {
            (_, Request::Resource { resource, group, .. }) if !path.contains('*') => {
                let word = if group.is_empty() { resource } else { format!("{resource}.{group}") };
                cx.findings
                    .error(at, "this is the path of a resource, about which nothing is asked as a path")
                    .label("RBAC's rules for paths do not see it")
                    .hint(format!("write `resource: {word}`"));
            }
            (Served::Missing(missing), _) => {
                let hint = missing.hint().map(|hint| if_fresh(cx.namespace, &hint));
                let message = missing.message.clone();
                let denied = !self.allowed;
                let finding = if denied { cx.findings.error(at, message) } else { cx.findings.warn(at, message) };
                finding.label("the answer says nothing about a real call").hint_if(hint);
            }
            _ => {}
        }
    }

    fn resources(&self, cx: &mut Context<'_>, words: &Words, story: &Story<'_>) -> Vec<What> {
        let (at, cells) = (self.at, self.cells);
        let before = cx.findings.len();
        for (at, verb) in self.verbs.iter().filter(|_| !self.on_purpose) {
            verbs::of_resource(cx, at, verb, self.allowed);
        }
        let subs = list(at, "subresource", cells.subresource.as_ref());
        for (at, sub) in &subs {
            if sub.is_empty() || sub.contains('/') {
                cx.findings.error(at, format!("`{sub}` is no subresource")).hint("e.g. `log`, `exec`, `status`");
            }
        }
        let resources: Vec<_> = (list(at, "resource", Some(words)).into_iter())
            .filter_map(|(at, word)| self.resource(cx, &at, word, &subs))
            .collect();
        if cx.findings.len() == before && !self.on_purpose {
            self.verbs_of_all(cx, &resources, story);
        }
        self.names(cx, &subs);
        let namespaces = self.namespaces(cx, &resources, story);
        let option = |key: &str, words: Option<&Words>| -> Vec<Option<String>> {
            let list = list(at, key, words);
            if list.is_empty() { vec![None] } else { list.into_iter().map(|(_, word)| Some(word.to_owned())).collect() }
        };
        let subs = option("subresource", cells.subresource.as_ref());
        let names = option("name", cells.name.as_ref());
        let mut all = Vec::new();
        for resource in &resources {
            for (_, verb) in &self.verbs {
                for subresource in &subs {
                    for name in &names {
                        for namespace in &namespaces {
                            // The API server takes the name of a Namespace for its namespace, too.
                            let of_itself = resource.group.is_empty() && resource.plural == "namespaces";
                            let namespace = match resource.namespaced(verb) {
                                Some(false) if of_itself => name.clone(),
                                Some(false) => None,
                                _ => namespace.clone(),
                            };
                            let request = Request::Resource {
                                verb: (*verb).to_owned(),
                                group: resource.group.clone(),
                                resource: resource.plural.clone(),
                                subresource: subresource.clone(),
                                namespace,
                                name: name.clone(),
                            };
                            all.push(What { request, api: resource.api.clone(), on_purpose: self.on_purpose });
                        }
                    }
                }
            }
        }
        all
    }

    /// Warns of a name where the request that is meant has none: RBAC decides about it without one.
    fn names(&self, cx: &mut Context<'_>, subs: &[(String, &str)]) {
        if self.cells.name.is_none() || !subs.is_empty() || !self.allowed || self.on_purpose {
            return;
        }
        for (at, verb) in &self.verbs {
            let (message, hint) = match *verb {
                "create" => (
                    "a request that creates says no name, so RBAC decides it without one",
                    "leave the `name` out; if server-side apply is meant, which does say it, end the line with `# on purpose`",
                ),
                "deletecollection" => (
                    "a request that deletes a collection says no name, so RBAC decides it without one",
                    "leave the `name` out, or ask about `delete`",
                ),
                "list" | "watch" => {
                    cx.findings
                        .warn(at, format!("a `{verb}` says a name only by `fieldSelector: metadata.name=…`, and every other is refused"))
                        .second_key(&below(self.at, "name"), "allowed for this one name?")
                        .hint("ask about `get`, or leave the `name` out; if just that list is meant, end the line with `# on purpose`");
                    continue;
                }
                _ => continue,
            };
            cx.findings.error(at, message).second_key(&below(self.at, "name"), "allowed by this name only?").hint(hint);
        }
    }

    fn namespaces(&self, cx: &mut Context<'_>, resources: &[Resource], story: &Story<'_>) -> Vec<Option<String>> {
        let said = list(self.at, "namespace", self.cells.namespace.as_ref());
        if said.is_empty() {
            return vec![Some(cx.namespace.to_owned())];
        }
        let cluster_wide = |resource: &&Resource| {
            self.verbs.iter().all(|(_, verb)| resource.namespaced(verb) == Some(false)) && !self.verbs.is_empty()
        };
        if let Some(resource) = resources.iter().find(cluster_wide) {
            cx.findings
                .error(&below(self.at, "namespace"), format!("`{}` are in no namespace", resource.plural))
                .at_key()
                .label("they are cluster-wide")
                .hint("remove the line, or ask about them in an element of their own");
        }
        let mut all = Vec::new();
        for (at, word) in said {
            let namespace = word.to_owned();
            let known =
                EVERYWHERE.contains(&namespace.as_str()) || namespace == cx.namespace || story.exists(&namespace);
            if namespace != "*" && !known && !cx.findings.on_purpose(&[&at]) {
                story.no_namespace(
                    cx,
                    &at,
                    &namespace,
                    "make it by an earlier step of kind Namespace; `*` stands for all",
                );
            }
            all.push((namespace != "*").then_some(namespace));
        }
        all
    }

    /// A resource with its subresources, or what is wrong with them.
    fn resource(&self, cx: &mut Context<'_>, at: &str, word: &str, subs: &[(String, &str)]) -> Option<Resource> {
        if let Some((plural, rest)) = word.split_once('/') {
            let hint = match SUBRESOURCES.contains(&rest) {
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
        let resource = |api: Api| Some(Resource { group: group.to_owned(), plural: plural.to_owned(), api });
        let mut api = Api::Unsure;
        let (mut whole, mut parts) = (Asking::default(), vec![Asking::default(); subs.len()]);
        for (_, verb) in &self.verbs {
            match cx.apis.resource(verb, group, plural, None) {
                Served::Missing(_) if self.on_purpose => {}
                Served::Missing(missing) => {
                    let hint = missing.hint();
                    let usual = "the plural, and behind a dot its API group, e.g. `deployments.apps`; if it is meant, end \
                                 the line with `# on purpose`";
                    cx.findings.error(at, missing.message).hint(hint.unwrap_or_else(|| usual.into()));
                    return None;
                }
                Served::Other => {
                    api = Api::Other;
                    [&mut whole].into_iter().chain(&mut parts).for_each(Asking::unknown);
                }
                Served::Unsure => [&mut whole].into_iter().chain(&mut parts).for_each(Asking::unknown),
                Served::Resource(own) => {
                    api = Api::Served { version: own.version.clone(), namespaced: own.namespaced };
                    whole.hear(verb, (group, plural), &own.verbs);
                    for ((sub_at, sub), part) in subs.iter().zip(&mut parts) {
                        self.subresource(cx, sub_at, (group, plural, sub), (verb, part));
                    }
                }
            }
        }
        if !self.on_purpose {
            let verbs: Vec<&str> = self.verbs.iter().map(|(_, verb)| *verb).collect();
            if subs.is_empty() {
                whole.check(cx, at, (plural, &verbs), self.allowed);
            }
            for ((at, sub), part) in subs.iter().zip(&parts) {
                part.check(cx, at, (&format!("{plural}/{sub}"), &verbs), self.allowed);
            }
        }
        resource(api)
    }

    /// Verbs that nothing asks for of any of the resources.
    fn verbs_of_all(&self, cx: &mut Context<'_>, resources: &[Resource], story: &Story<'_>) {
        let all: Vec<(&str, &str)> = resources.iter().map(|own| (own.group.as_str(), own.plural.as_str())).collect();
        let own = !all.is_empty() && all.iter().all(|(group, _)| served::is_own_group(group));
        for (at, verb) in &self.verbs {
            if self.verbs.len() > 1 && !all.is_empty() {
                verbs::of_table(cx, at, verb, &all);
            }
            if own && !self.allowed {
                verbs::strange(cx, at, verb, story);
            }
        }
    }

    fn subresource(
        &self,
        cx: &mut Context<'_>,
        at: &str,
        (group, plural, sub): (&str, &str, &str),
        (verb, part): (&str, &mut Asking),
    ) {
        match cx.apis.resource(verb, group, plural, Some(sub)) {
            Served::Missing(missing) if !self.on_purpose => {
                let hint = missing.hint();
                part.unknown();
                cx.findings.error(at, missing.message).label("the answer says nothing about a real call").hint_if(hint);
            }
            // Of a part of them only the verbs of requests are asked for.
            Served::Resource(own) => part.hear(verb, (group, &format!("{plural}/{sub}")), &own.verbs),
            _ => part.unknown(),
        }
    }
}
