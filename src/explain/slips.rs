//! What exactly a rule or a subject lacks, and the slips by which that comes about.

use k8s_openapi::api::rbac::v1::{PolicyRule, Subject};

use super::{
    element::{Element, shortened},
    evaluate::{Caller, group_fits, list, name_fits, path_fits, resource_fits, verb_fits},
};
use crate::{
    k8s::{resource_name, served::long, usernames},
    plan::{
        Request,
        kinds::{self, OWN},
    },
};

/// One thing that a rule lacks.
pub(super) struct Lack {
    pub element: Element,
    /// Goes on after `rule 1 of Role a/x`.
    pub clause: String,
    /// The lower the nearer.
    pub cost: u32,
    /// Whether it looks like a slip of the pen.
    pub slip: bool,
}

/// All that a rule lacks; `None` when it is about something else entirely (paths, and the call is about a resource).
pub(super) fn lacks(rule: &PolicyRule, request: &Request) -> Option<Vec<Lack>> {
    let mut found = Vec::new();
    match request {
        Request::Path { verb, path } => {
            let paths = list(rule.non_resource_urls.as_ref());
            if paths.is_empty() {
                return None;
            }
            found.extend((!verb_fits(rule, verb)).then(|| verbs(rule, verb, shortened(paths))));
            found.extend((!path_fits(rule, path)).then(|| urls(paths, path)));
        }
        Request::Resource { verb, group, resource, subresource, name, .. } => {
            let resources = list(rule.resources.as_ref());
            if resources.is_empty() {
                return None;
            }
            let subresource = subresource.as_deref().filter(|sub| !sub.is_empty());
            found.extend((!verb_fits(rule, verb)).then(|| verbs(rule, verb, shortened(resources))));
            found.extend((!group_fits(rule, group)).then(|| groups(rule, group, resource)));
            found.extend((!resource_fits(rule, resource, subresource)).then(|| {
                let slip = resources.iter().find_map(|written| resource_slip(written, group, resource, subresource));
                let full = subresource.map_or_else(|| resource.clone(), |sub| format!("{resource}/{sub}"));
                let (element, more, cost, slip) = match slip {
                    Some((element, more)) => (element, format!(" ({more})"), 1, true),
                    None => (Element::Resource, String::new(), 5, false),
                };
                let clause = format!("is about {}; the call is about {full}{more}", shortened(resources));
                Lack { element, clause, cost, slip }
            }));
            found.extend((!name_fits(rule, name.as_deref())).then(|| names(rule, verb, name.as_deref())));
        }
    }
    Some(found)
}

fn verbs(rule: &PolicyRule, verb: &str, what: String) -> Lack {
    let slip = rule.verbs.iter().find_map(|written| {
        if written.to_lowercase() == verb {
            return Some(format!(" (`{written}`: verbs are written in lower case)"));
        }
        let meaning = match written.to_lowercase().as_str() {
            "post" => "create",
            "put" => "update",
            "read" | "view" => "get, list, watch",
            "write" | "edit" => "create, update, patch, delete",
            "remove" => "delete",
            "scale" => "update and patch on the subresource scale",
            "exec" => "create on the subresource exec",
            _ => return kinds::nearest(written, [verb].into_iter()).map(|_| format!(" (`{written}` is no verb)")),
        };
        Some(format!(" (`{written}` is no verb of Kubernetes; that is {meaning})"))
    });
    let (cost, is_slip) = if slip.is_some() { (1, true) } else { (3, false) };
    let has = |other: &str| rule.verbs.iter().any(|written| written == other);
    let more = slip.unwrap_or_else(|| {
        match verb {
            "list" if has("get") => " (get is one object by its name; list is all of them)",
            "get" if has("list") => " (list is all objects; get is one of them by its name)",
            "watch" if has("list") || has("get") => " (watch is a verb of its own)",
            "deletecollection" if has("delete") => " (delete is one object; deletecollection is all of them)",
            "patch" if has("update") => " (update replaces an object by PUT; patch is a verb of its own)",
            "update" if has("patch") => " (patch changes an object by PATCH; update is a verb of its own)",
            _ => "",
        }
        .into()
    });
    let clause = format!("allows {} on {what}, but not {verb}{more}", shortened(&rule.verbs));
    Lack { element: Element::Verb, clause, cost, slip: is_slip }
}

fn groups(rule: &PolicyRule, group: &str, resource: &str) -> Lack {
    let written = list(rule.api_groups.as_ref());
    let quoted = |group: &str| format!("\"{group}\"");
    let has = |test: &dyn Fn(&str) -> bool| written.iter().any(|written| test(written));
    let (more, slip) = if group.is_empty() && has(&|written| matches!(written, "core" | "v1" | "api/v1" | "core/v1")) {
        (" (the core group is written \"\")".to_owned(), true)
    } else if has(&|written| written.split('/').next() == Some(group) && written.contains('/')) {
        (" (without the version)".into(), true)
    } else if has(&|written| kinds::nearest(written, [group].into_iter()).is_some()) {
        (String::new(), true)
    } else if !group.is_empty() && has(&str::is_empty) {
        (format!(" (\"\" is the core group, to which {resource} of {group} do not belong)"), false)
    } else {
        (String::new(), false)
    };
    let said = written.iter().map(|written| quoted(written)).collect::<Vec<_>>().join(", ");
    let clause =
        format!("is about API group {said}; the call is about {resource} of API group {}{more}", quoted(group));
    Lack { element: Element::ApiGroup, clause, cost: if slip { 1 } else { 2 }, slip }
}

fn names(rule: &PolicyRule, verb: &str, name: Option<&str>) -> Lack {
    let written = shortened(list(rule.resource_names.as_ref()));
    let call = match name {
        Some(name) => format!("the call is about {name}"),
        None if verb == "create" => {
            "a create does not say its name in the URL, so it cannot be limited by names".into()
        }
        None => format!(
            "the call names no object (a {verb} is allowed by names only with fieldSelector=metadata.name=NAME)"
        ),
    };
    Lack { element: Element::Name, clause: format!("is limited to the names {written}; {call}"), cost: 2, slip: false }
}

fn urls(written: &[String], path: &str) -> Lack {
    let more = written.iter().find_map(|written| {
        if written.trim_end_matches('/') == path.trim_end_matches('/') {
            Some("a slash at the end makes it another path".to_owned())
        } else if written.strip_suffix("/*") == Some(path) {
            Some(format!("{written} is all below {path}, but not {path} itself"))
        } else if path.strip_prefix(written.as_str()).is_some_and(|rest| rest.starts_with('/')) {
            Some(format!("{written} is just this one path; {written}/* is all below it"))
        } else if written.trim_end_matches('*').contains('*') {
            Some("`*` counts only at the end".into())
        } else {
            None
        }
    });
    let (cost, slip) = if more.is_some() { (1, true) } else { (5, false) };
    let more = more.map(|more| format!(" ({more})")).unwrap_or_default();
    let clause = format!("is about the paths {}; the call is about {path}{more}", shortened(written));
    Lack { element: Element::Path, clause, cost, slip }
}

/// Why `written` does not mean the resource, if it looks as if it should.
fn resource_slip(written: &str, group: &str, resource: &str, sub: Option<&str>) -> Option<(Element, String)> {
    let full = sub.map_or_else(|| resource.to_owned(), |sub| format!("{resource}/{sub}"));
    let (head, tail) = resource_name::split(written);
    let of_sub = |text: String| Some((Element::Subresource, text));
    let of_resource = |text: String| Some((Element::Resource, text));
    match (sub, tail) {
        (_, Some("*")) if head == resource => {
            return of_sub(format!("`{written}` is no wildcard; only `*` and `*/NAME` are"));
        }
        (Some(_), None) if written == resource => {
            return of_sub(format!("{resource} does not include its subresources; `{full}` must be named"));
        }
        (Some(sub), None) if written == sub => {
            return of_sub(format!("a subresource is written with its resource: `{full}`"));
        }
        (None, Some(_)) if head == resource => {
            return of_sub(format!("`{written}` is only the subresource; `{resource}` must be named"));
        }
        (Some(sub), Some(tail)) if head == resource && kinds::nearest(tail, [sub].into_iter()).is_some() => {
            return of_sub(format!("the subresource is `{sub}`, not `{tail}`"));
        }
        _ => {}
    }
    if written.to_lowercase() == full {
        return of_resource("resources are written in lower case".into());
    }
    if written == format!("{resource}.{group}") || written == format!("{group}/{resource}") {
        return of_resource(format!("the group stands under apiGroups: `{resource}`"));
    }
    if let Some(plural) = long(&head.to_lowercase()).filter(|plural| *plural == resource) {
        return of_resource(format!("`{head}` is kubectl's short name; RBAC knows only `{plural}`"));
    }
    if tail == sub && singular(&head.to_lowercase(), resource) {
        return of_resource(format!("resources are named in plural: `{full}`"));
    }
    let known = OWN.iter().any(|own| own.plural.as_deref() == Some(head));
    (!known && kinds::nearest(written, [full.as_str()].into_iter()).is_some())
        .then(|| (Element::Resource, format!("it is written `{full}`")))
}

fn singular(word: &str, plural: &str) -> bool {
    let own = OWN.iter().any(|own| own.plural.as_deref() == Some(plural) && own.kind.to_lowercase() == word);
    own || format!("{word}s") == plural
        || format!("{word}es") == plural
        || word.strip_suffix('y').is_some_and(|stem| format!("{stem}ies") == plural)
}

/// The kind that a person means by its plural, its singular or kubectl's short name, if it is Kubernetes' own.
pub fn own_kind(word: &str) -> Option<&'static kinds::Kind> {
    let word = word.to_lowercase();
    let long = long(&word).unwrap_or(&word);
    OWN.iter().find(|own| own.plural.as_deref() == Some(long) || own.kind.to_lowercase() == long)
}

/// What differs between a subject and the caller, when they look as if they should be the same, and what to say of it.
pub(super) fn subject(caller: &Caller, subject: &Subject, binding: Option<&str>) -> Option<(Element, String)> {
    let name = subject.name.as_str();
    let near = |word: &str| !word.is_empty() && kinds::nearest(name, [word].into_iter()).is_some();
    let kind = |wanted: &str| Some((Element::SubjectKind, format!(" (kind: {wanted})")));
    let plain = |element| Some((element, String::new()));
    let account = usernames::account(&caller.user);
    match (subject.kind.as_str(), account) {
        ("ServiceAccount", Some((namespace, own))) => {
            let said = subject.namespace.as_deref().filter(|said| !said.is_empty()).or(binding);
            match said {
                Some(said) if said == namespace => near(own).then_some((Element::SubjectName, String::new())),
                Some(said) if name == own && said.to_lowercase() == namespace => {
                    Some((Element::SubjectNamespace, " (namespaces are written in lower case)".into()))
                }
                _ if name == own => plain(Element::SubjectNamespace),
                _ => None,
            }
        }
        ("User", Some((namespace, own))) => {
            if let Some((_, other)) = usernames::account(name) {
                return if other == own { plain(Element::SubjectNamespace) } else { None };
            }
            let written = name.strip_prefix(usernames::GROUP_PREFIX).unwrap_or(name);
            (written == own || written == format!("{namespace}:{own}")).then(|| kind("ServiceAccount")).flatten()
        }
        ("Group", Some((namespace, own))) => {
            // It is impersonated with groups, or it would be in this one.
            if name == "system:serviceaccounts" || name == usernames::group(namespace) {
                return Some((
                    Element::SubjectName,
                    " (an account that is impersonated with groups has no others)".into(),
                ));
            }
            if let Some(of) = name.strip_prefix(usernames::GROUP_PREFIX) {
                return (of.to_lowercase() == namespace).then_some((Element::SubjectNamespace, String::new()));
            }
            if name == format!("system:serviceaccount:{namespace}") || name == "system:serviceaccount" {
                let more = format!(" (the group of its ServiceAccounts is system:serviceaccounts:{namespace})");
                return Some((Element::SubjectName, more));
            }
            (name == own || name == caller.user).then(|| kind("ServiceAccount")).flatten()
        }
        ("User", None) if caller.groups.iter().any(|group| group == name) => kind("Group"),
        ("User", None) => near(&caller.user).then_some((Element::SubjectName, String::new())),
        ("Group" | "ServiceAccount", None) if name == caller.user => kind("User"),
        ("Group", None) => caller
            .groups
            .iter()
            .any(|group| !group.starts_with("system:") && near(group))
            .then_some((Element::SubjectName, String::new())),
        _ => None,
    }
}
