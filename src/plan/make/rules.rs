//! Rules of Roles: what the API server refuses, and what it accepts though it grants nothing.

use serde_json::{Map, Value};

use super::{Context, below, draft::Draft, manifests::a, named_rules};
use crate::k8s::{
    nearest,
    served::{TABLE, is_own_group, long},
    special::{self, PATH_VERBS, VERBS},
};

/// Words that people write for a verb.
pub(super) const NOT_VERBS: &[(&str, &str)] = &[
    ("post", "`create`"),
    ("put", "`update`"),
    ("read", "`get`, `list`, `watch`"),
    ("write", "`create`, `update`, `patch`"),
    ("edit", "`update`, `patch`"),
    ("remove", "`delete`"),
    ("scale", "`patch` on the resource `deployments/scale`"),
    ("exec", "`create` and `get` on the resource `pods/exec`"),
    ("logs", "`get` on the resource `pods/log`"),
    ("all", "`*`"),
];

pub(super) const SUBRESOURCES: &[&str] = &[
    "attach",
    "binding",
    "ephemeralcontainers",
    "eviction",
    "exec",
    "finalize",
    "log",
    "portforward",
    "proxy",
    "resize",
    "scale",
    "status",
    "token",
];

/// Checks the rules of a Role or ClusterRole; `at` is the pointer of the list.
pub(super) fn check(cx: &mut Context<'_>, draft: &Draft<'_>, at: &str, kind: &str, rules: &[Value]) {
    for (index, rule) in rules.iter().enumerate() {
        let at = below(at, index);
        let Value::Object(rule) = rule else {
            cx.findings.error(&at, "a rule must be a map").label(format!("this is {}", a(rule)));
            continue;
        };
        if !draft.refused {
            shape(cx, &at, kind, rule);
        }
        lint_verbs(cx, &at, rule);
        lint_groups(cx, &at, rule);
        lint_resources(cx, &at, rule);
        named_rules::check(cx, &at, rule);
    }
}

pub(super) fn words<'r>(rule: &'r Map<String, Value>, key: &str) -> Vec<&'r str> {
    let list = rule.get(key).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).collect()
}

/// What the API server answers 422 to.
fn shape(cx: &mut Context<'_>, at: &str, kind: &str, rule: &Map<String, Value>) {
    let empty = |key: &str| words(rule, key).is_empty();
    if empty("verbs") {
        cx.findings.error(&below(at, "verbs"), "a rule without verbs").hint("e.g. `verbs: [get, list]`");
    }
    match (empty("resources"), empty("nonResourceURLs")) {
        (true, true) => {
            cx.findings
                .error(at, "a rule about nothing: neither `resources` nor `nonResourceURLs`")
                .hint("e.g. `apiGroups: [\"\"], resources: [pods]`");
        }
        (false, false) => {
            cx.findings
                .error(&below(at, "nonResourceURLs"), "a rule for resources and for URLs at once")
                .at_key()
                .second_key(&below(at, "resources"), "the resources")
                .hint("make two rules of it");
        }
        (false, true) if empty("apiGroups") => {
            let group = group_of(words(rule, "resources")[0]).unwrap_or_default();
            cx.findings
                .error(&below(at, "resources"), "a rule with `resources` needs `apiGroups`")
                .hint(format!("add `apiGroups: [\"{group}\"]`"));
        }
        _ => {}
    }
    if kind == "Role" && !empty("nonResourceURLs") {
        cx.findings
            .error(&below(at, "nonResourceURLs"), "`nonResourceURLs` in a Role")
            .at_key()
            .label("only a ClusterRole can have them")
            .hint("use a ClusterRole and bind it cluster-wide");
    }
}

fn lint_verbs(cx: &mut Context<'_>, at: &str, rule: &Map<String, Value>) {
    let paths = !words(rule, "nonResourceURLs").is_empty();
    let known = if paths { PATH_VERBS } else { VERBS };
    for (index, verb) in words(rule, "verbs").into_iter().enumerate() {
        if verb == "*" || known.contains(&verb) || (!paths && special::is_verb(verb)) {
            continue;
        }
        let meant = (NOT_VERBS.iter().filter(|_| !paths))
            .find(|(word, _)| word.eq_ignore_ascii_case(verb))
            .map(|(_, meant)| (*meant).to_owned())
            .or_else(|| nearest(verb, known.iter().copied()).map(|near| format!("`{near}`")));
        if let Some(meant) = meant {
            cx.findings
                .warn(&below(&below(at, "verbs"), index), format!("`{verb}` is no verb that anything asks for"))
                .label("stored, but it grants nothing")
                .hint(format!("did you mean {meant}?"));
        }
    }
}

/// The group of one of Kubernetes' own resources.
fn group_of(resource: &str) -> Option<&'static str> {
    let resource = resource.split('/').next().unwrap_or(resource);
    TABLE.resources.iter().find(|own| own.plural == resource).map(|own| own.group.as_str())
}

fn lint_groups(cx: &mut Context<'_>, at: &str, rule: &Map<String, Value>) {
    for (index, group) in words(rule, "apiGroups").into_iter().enumerate() {
        let meant = match group {
            "core" | "v1" | "api/v1" => Some("`\"\"` (the core group)".into()),
            "*" => None,
            _ if is_own_group(group) => None,
            _ => match group.split_once('/') {
                Some((group, _)) => Some(format!("`{group}` (a group has no version)")),
                None => {
                    nearest(group, TABLE.resources.iter().map(|own| own.group.as_str())).map(|near| format!("`{near}`"))
                }
            },
        };
        if let Some(meant) = meant {
            cx.findings
                .warn(&below(&below(at, "apiGroups"), index), format!("there is no API group `{group}`"))
                .label("stored, but it grants nothing")
                .hint(format!("did you mean {meant}?"));
        }
    }
}

fn lint_resources(cx: &mut Context<'_>, at: &str, rule: &Map<String, Value>) {
    let groups = words(rule, "apiGroups");
    let all_own = groups.iter().all(|group| is_own_group(group));
    for (index, resource) in words(rule, "resources").into_iter().enumerate() {
        let at = below(&below(at, "resources"), index);
        if !all_own
            || groups.is_empty()
            || resource.starts_with('*')
            || is_special(&words(rule, "verbs"), &groups, resource)
        {
            continue;
        }
        if let Some(meant) = meant_resource(resource, &groups) {
            cx.findings
                .warn(&at, format!("there is no resource `{resource}`"))
                .label("stored, but it grants nothing")
                .hint(format!("did you mean `{meant}`?"));
        } else if let Some(group) = group_of(resource) {
            let base = resource.split('/').next();
            let fits = (TABLE.resources.iter())
                .any(|own| Some(own.plural.as_str()) == base && groups.contains(&own.group.as_str()));
            // Scale and eviction are kinds of other groups, but their resource's group counts.
            if !fits {
                cx.findings
                    .warn(&at, format!("`{resource}` is of API group `\"{group}\"`"))
                    .label("grants nothing in the groups of this rule")
                    .hint(format!("write `apiGroups: [\"{group}\"]`"));
            }
        }
    }
}

/// What was meant by a resource that does not exist.
fn meant_resource(resource: &str, groups: &[&str]) -> Option<String> {
    let (base, sub) = match resource.split_once('/') {
        Some((base, sub)) => (base, Some(sub)),
        None => (resource, None),
    };
    if is_own_group(base) && group_of(base).is_none() && sub.is_some() {
        return sub.map(ToOwned::to_owned); // apps/deployments
    }
    let plurals = || TABLE.resources.iter().map(|own| (own, own.plural.as_str()));
    let good_base = if plurals().any(|(_, plural)| plural == base) {
        base
    } else {
        let head = base.split('.').next().unwrap_or(base);
        let exact = plurals().map(|(_, plural)| plural).find(|plural| *plural == head);
        let short = long(head);
        let near = || {
            let group = plurals().filter(|(own, _)| groups.contains(&own.group.as_str()));
            nearest(head, group.map(|(_, plural)| plural))
        };
        exact.or(short).or_else(near)?
    };
    let good_sub = match sub {
        None => None,
        Some(sub) if is_subresource(good_base, sub) => Some(sub),
        Some(sub) => {
            let own = || TABLE.resources.iter().filter(|own| own.plural == good_base);
            let special = own().flat_map(|own| special::subresources(&own.group, good_base).iter().copied());
            let served = own().filter_map(|own| own.sub.as_deref());
            Some(nearest(sub, served.chain(special).chain(SUBRESOURCES.iter().copied())).unwrap_or(sub))
        }
    };
    let good = match good_sub {
        Some(sub) => format!("{good_base}/{sub}"),
        None => good_base.to_owned(),
    };
    (good != resource).then_some(good)
}

/// Whether something asks for this subresource.
fn is_subresource(plural: &str, sub: &str) -> bool {
    let own = || TABLE.resources.iter().filter(|own| own.plural == plural);
    let served = own().any(|own| own.sub.as_deref() == Some(sub));
    served || own().any(|own| special::subresource(&own.group, plural, sub))
}

/// Whether only authorizers know the resource, or its subresource, in one of the groups and for one of the verbs.
fn is_special(verbs: &[&str], groups: &[&str], resource: &str) -> bool {
    let (plural, sub) = resource.split_once('/').map_or((resource, None), |(plural, sub)| (plural, Some(sub)));
    groups.iter().any(|group| {
        let any_verb = |verb: &&str| special::resource(verb, group, plural).is_some();
        let own = TABLE.resources.iter().any(|own| own.group == *group && own.plural == plural);
        verbs.iter().any(any_verb) || sub.is_some_and(|sub| own && special::subresource(group, plural, sub))
    })
}
