//! Rules of Roles: what the API server accepts though it grants nothing.

use serde_json::{Map, Value};

use super::resource_names;
use crate::{
    k8s::{
        nearest,
        rbac_words::{NOT_VERBS, SUBRESOURCES, group_of, listed},
        served::{TABLE, is_own_group, long},
        special::{self, PATH_VERBS, VERBS},
        well_known::RBAC,
    },
    plan::{
        context::{Context, Draft, below},
        lower,
    },
};

/// Looks at the rules of every Role and ClusterRole that the steps apply or create.
pub(in crate::plan) fn check(cx: &mut Context<'_>, drafts: &[Draft<'_>]) {
    // The manifests of calls are looked at by the API server alone.
    let written = |draft: &&Draft<'_>| draft.verb.is_some_and(lower::writes_manifests);
    for draft in drafts.iter().filter(written) {
        for placed in &draft.objects {
            let object = &placed.object;
            if !object.kind.is(RBAC, "Role") && !object.kind.is(RBAC, "ClusterRole") {
                continue;
            }
            let rules = object.manifest.get("rules").and_then(Value::as_array);
            for (index, rule) in rules.into_iter().flatten().enumerate() {
                let Value::Object(rule) = rule else { continue };
                let at = below(&below(&placed.pointer, "rules"), index);
                lint_verbs(cx, &at, rule);
                lint_groups(cx, &at, rule);
                lint_resources(cx, &at, rule);
                resource_names::check(cx, &at, rule);
            }
        }
    }
}

fn lint_verbs(cx: &mut Context<'_>, at: &str, rule: &Map<String, Value>) {
    let paths = !listed(rule, "nonResourceURLs").is_empty();
    let known = if paths { PATH_VERBS } else { VERBS };
    for (index, verb) in listed(rule, "verbs").into_iter().enumerate() {
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

fn lint_groups(cx: &mut Context<'_>, at: &str, rule: &Map<String, Value>) {
    for (index, group) in listed(rule, "apiGroups").into_iter().enumerate() {
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
    let groups = listed(rule, "apiGroups");
    let all_own = groups.iter().all(|group| is_own_group(group));
    for (index, resource) in listed(rule, "resources").into_iter().enumerate() {
        let at = below(&below(at, "resources"), index);
        if !all_own
            || groups.is_empty()
            || resource.starts_with('*')
            || is_special(&listed(rule, "verbs"), &groups, resource)
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
