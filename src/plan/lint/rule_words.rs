//! Rules of Roles: what the API server accepts though it grants nothing.

use serde_json::Value;

use super::{
    kubectl_rules, resource_names,
    rule::{Place, Rule},
    rule_paths, rule_stars, special_verbs,
};
use crate::{
    k8s::{
        near::{is_slip, nearest_group},
        nearest,
        rbac_words::{NOT_VERBS, SUBRESOURCES, group_of, several},
        resource_name,
        served::{Resource, TABLE, is_own_group, long},
        special::{self, VERBS},
        well_known::RBAC,
    },
    plan::{
        context::{Context, Draft, below},
        lower,
    },
};

/// Looks at the rules of every Role and ClusterRole that the steps apply or create, or make by kubectl's own commands.
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
                let Value::Object(words) = rule else { continue };
                let at = below(&below(&placed.pointer, "rules"), index);
                lint_rule(cx, &Rule { words, place: Place::Manifest(&at), draft });
            }
        }
    }
    for draft in drafts {
        kubectl_rules::with_created_rule(cx, draft, lint_rule);
    }
}

/// Looks at the words of one rule.
fn lint_rule(cx: &mut Context<'_>, rule: &Rule<'_>) {
    lint_several(cx, rule);
    if !rule.listed("nonResourceURLs").is_empty() {
        return rule_paths::check(cx, rule);
    }
    lint_verbs(cx, rule);
    lint_groups(cx, rule);
    lint_resources(cx, rule);
    lint_added(cx, rule);
    rule_stars::check(cx, rule);
    special_verbs::check(cx, rule);
    resource_names::check(cx, rule);
}

/// Words that were written as one.
fn lint_several(cx: &mut Context<'_>, rule: &Rule<'_>) {
    for key in ["apiGroups", "resources", "verbs"] {
        for (index, word) in rule.listed(key).into_iter().enumerate() {
            if let Some(parts) = several(word) {
                let hint = format!("write each as an element of its own: `[{}]`", parts.join(", "));
                rule.in_vain(cx, (key, index), format!("RBAC takes `{word}` for one word"), hint);
            }
        }
    }
}

fn lint_verbs(cx: &mut Context<'_>, rule: &Rule<'_>) {
    for (index, verb) in rule.listed("verbs").into_iter().enumerate() {
        if verb.contains('*') || special::is_verb(verb) || several(verb).is_some() {
            continue;
        }
        let meant = (NOT_VERBS.iter())
            .find(|(word, _)| word.eq_ignore_ascii_case(verb))
            .map(|(_, meant)| (*meant).to_owned())
            .or_else(|| nearest(verb, VERBS.iter().copied()).map(|near| format!("`{near}`")));
        if let Some(meant) = meant {
            let message = format!("`{verb}` is no verb that anything asks for");
            rule.in_vain(cx, ("verbs", index), message, format!("did you mean {meant}?"));
        }
    }
}

fn lint_groups(cx: &mut Context<'_>, rule: &Rule<'_>) {
    for (index, group) in rule.listed("apiGroups").into_iter().enumerate() {
        let at = ("apiGroups", index);
        let added = || cx.apis.added().iter().map(|own| own.group.as_str());
        let known = is_own_group(group) || cx.apis.is_others(group) || added().any(|own| own == group);
        if group.contains('*') || known || several(group).is_some() {
            continue;
        }
        if let Some(near) = added().find(|own| is_slip(group, own)).map(str::to_owned) {
            let message = format!("no kind of this scenario is of API group `{group}`");
            rule.in_vain(cx, at, message, format!("did you mean `{near}`?"));
            continue;
        }
        let meant = match group {
            "core" | "v1" | "api/v1" => Some("`\"\"` (the core group)".into()),
            _ => match group.split_once('/') {
                Some((group, _)) => Some(format!("`{group}` (a group has no version)")),
                None => {
                    let known = TABLE.resources.iter().map(|own| own.group.as_str());
                    // What has a domain may be a group of one's own.
                    let near = if group.contains('.') { nearest_group(group, known) } else { nearest(group, known) };
                    near.map(|near| format!("`{near}`"))
                }
            },
        };
        if let Some(meant) = meant {
            rule.in_vain(cx, at, format!("there is no API group `{group}`"), format!("did you mean {meant}?"));
        }
    }
}

fn lint_resources(cx: &mut Context<'_>, rule: &Rule<'_>) {
    let groups = rule.listed("apiGroups");
    let verbs = rule.listed("verbs");
    let all_own = groups.iter().all(|group| is_own_group(group));
    if !all_own || groups.is_empty() {
        return;
    }
    for (index, resource) in rule.listed("resources").into_iter().enumerate() {
        if resource.contains('*') || several(resource).is_some() {
            continue;
        }
        let at = ("resources", index);
        let (base, sub) = resource_name::split(resource);
        if let Some(group) = special::group_of(&verbs, base).filter(|group| !groups.contains(group)) {
            elsewhere(cx, rule, at, resource, group);
            continue;
        }
        if base == "userextras" && sub.is_none() && verbs.contains(&"impersonate") {
            let hint = "the key of the extra stands behind a slash, e.g. `userextras/scopes`";
            rule.in_vain(cx, at, "`userextras` without the key of an extra", hint);
            continue;
        }
        if is_special(&verbs, &groups, resource) {
            continue;
        }
        if let Some(meant) = meant_resource(resource, &groups) {
            rule.in_vain(cx, at, format!("there is no resource `{resource}`"), format!("did you mean `{meant}`?"));
        } else if let Some(group) = group_of(resource) {
            let fits = (TABLE.resources.iter()).any(|own| own.plural == base && groups.contains(&own.group.as_str()));
            // Scale and eviction are kinds of other groups, but their resource's group counts.
            if !fits {
                elsewhere(cx, rule, at, resource, group);
            }
        }
    }
}

/// Says of which group a resource is.
fn elsewhere(cx: &mut Context<'_>, rule: &Rule<'_>, (key, index): (&str, usize), resource: &str, group: &str) {
    cx.findings
        .warn(&rule.at(key, index), format!("`{resource}` is of API group `\"{group}\"`"))
        .label("grants nothing in the groups of this rule")
        .hint(format!("write `apiGroups: [\"{group}\"]`"));
}

/// Resources of the kinds that the scenario makes.
fn lint_added(cx: &mut Context<'_>, rule: &Rule<'_>) {
    let groups = rule.listed("apiGroups");
    let added = cx.apis.added();
    if groups.is_empty() || !groups.iter().all(|group| added.iter().any(|own| own.group == *group)) {
        return;
    }
    let own: Vec<_> = added.iter().filter(|own| groups.contains(&own.group.as_str())).cloned().collect();
    for (index, resource) in rule.listed("resources").into_iter().enumerate() {
        let (base, sub) = resource_name::split(resource);
        if resource.contains('*') || several(resource).is_some() {
            continue;
        }
        let of_base: Vec<_> = own.iter().filter(|own| own.plural == base).collect();
        let meant = if of_base.is_empty() {
            let same = |own: &&Resource| {
                let names = own.short.iter().chain([&own.singular, &own.kind, &own.plural]);
                names.into_iter().any(|name| name.eq_ignore_ascii_case(base)) || is_slip(base, &own.plural)
            };
            own.iter().find(same).map(|own| own.plural.clone())
        } else {
            let known = || of_base.iter().filter_map(|own| own.sub.as_deref()).chain(["finalizers"]);
            let odd = sub.filter(|sub| !known().any(|own| own == *sub) && !SUBRESOURCES.contains(sub));
            odd.and_then(|sub| nearest(sub, known().chain(["status", "scale"])).map(|near| format!("{base}/{near}")))
        };
        if let Some(meant) = meant {
            let message = format!("no kind of this scenario has the resource `{resource}`");
            rule.in_vain(cx, ("resources", index), message, format!("did you mean `{meant}`?"));
        }
    }
}

/// What was meant by a resource that does not exist.
fn meant_resource(resource: &str, groups: &[&str]) -> Option<String> {
    let (base, sub) = resource_name::split(resource);
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
    let (plural, sub) = resource_name::split(resource);
    groups.iter().any(|group| {
        let any_verb = |verb: &&str| special::resource(verb, group, plural).is_some();
        let own = TABLE.resources.iter().any(|own| own.group == *group && own.plural == plural);
        verbs.iter().any(any_verb) || sub.is_some_and(|sub| own && special::subresource(group, plural, sub))
    })
}
