//! Rules about what is in no namespace, where they hold in one: in a Role, and in a ClusterRole that a RoleBinding binds.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use crate::{
    k8s::{
        kubectl::grammar::{self, Call},
        rbac_words::listed,
        resource_name,
        served::is_own_group,
        special,
        well_known::RBAC,
    },
    plan::{
        context::{Context, Draft, Placed, below, words::if_fresh},
        lint::kubectl_rules,
        lower,
    },
    scenario::Verb,
};

/// ClusterRoles of Kubernetes' own that grant nothing in a namespace.
const CLUSTER_ONLY: [&str; 5] = [
    "system:auth-delegator",
    "system:basic-user",
    "system:discovery",
    "system:monitoring",
    "system:public-info-viewer",
];

/// The ClusterRoles of a scenario.
struct Roles<'d> {
    /// What makes each, by its name.
    made: HashMap<&'d str, Vec<&'d Placed>>,
    /// The names of what is changed later, which may bring in more.
    changed: HashSet<&'d str>,
}

impl<'d> Roles<'d> {
    fn from_drafts(drafts: &'d [Draft<'_>]) -> Self {
        let mut made: HashMap<&str, Vec<&Placed>> = HashMap::new();
        for placed in drafts.iter().filter(|draft| !draft.refused).flat_map(|draft| &draft.objects) {
            if placed.object.kind.is(RBAC, "ClusterRole") {
                made.entry(&placed.object.name).or_default().push(placed);
            }
        }
        let changed = drafts.iter().filter_map(|draft| Some(draft.step.patch.as_ref()?.name.as_str())).collect();
        Self { made, changed }
    }
}

/// Looks at the Roles and the RoleBindings of a scenario.
pub(in crate::plan) fn check(cx: &mut Context<'_>, drafts: &[Draft<'_>]) {
    let written = |draft: &&Draft<'_>| !draft.refused && draft.verb.is_some_and(lower::writes_manifests);
    let roles = Roles::from_drafts(drafts);
    for draft in drafts.iter().filter(written) {
        for placed in &draft.objects {
            if placed.object.kind.is(RBAC, "Role") {
                role(cx, draft, placed);
            } else if placed.object.kind.is(RBAC, "RoleBinding") {
                let role_ref = &placed.object.manifest["roleRef"];
                let short = draft.verb == Some(Verb::Bind);
                let at = match short {
                    true => below(&placed.pointer, "clusterRole"),
                    false => below(&below(&placed.pointer, "roleRef"), "name"),
                };
                if let (Some("ClusterRole"), Some(name)) = (role_ref["kind"].as_str(), role_ref["name"].as_str()) {
                    let hint = if short { "add `clusterWide: true`" } else { "bind it by a ClusterRoleBinding" };
                    bound(cx, &roles, &at, name, hint);
                }
            }
        }
    }
    for draft in drafts.iter().filter(|draft| !draft.refused) {
        let Some(kubectl) = &draft.step.kubectl else { continue };
        let Ok(call) = grammar::read(&kubectl.args) else { continue };
        if call.command.words == "create role" {
            by_kubectl(cx, draft, &call);
        }
        if call.command.words == "create rolebinding" {
            for (name, at) in kubectl_rules::list_flag_values(&call, &below(&draft.at(), "args"), "clusterrole") {
                bound(cx, &roles, &at, &name, "bind it by `create clusterrolebinding`");
            }
        }
    }
}

/// Warns of each resource of a Role that is in no namespace.
fn role(cx: &mut Context<'_>, draft: &Draft<'_>, placed: &Placed) {
    for (index, rule) in rules(placed).into_iter().enumerate() {
        for (nth, resource) in listed(rule, "resources").into_iter().enumerate() {
            if in_a_namespace(cx, rule, resource) {
                continue;
            }
            let at = below(&below(&below(&below(&placed.pointer, "rules"), index), "resources"), nth);
            let (message, hint) = match resource {
                "namespaces" => (
                    "`namespaces` are listed and made in no namespace".to_owned(),
                    "a Role can only grant `get`, `update`, `patch` and `delete` of its own; use a ClusterRole",
                ),
                _ if draft.verb == Some(Verb::Role) => (
                    format!("`{resource}` are in no namespace"),
                    "use `clusterRole`, and `bind` with `clusterWide: true`",
                ),
                _ => (format!("`{resource}` are in no namespace"), "use a ClusterRole and a ClusterRoleBinding"),
            };
            cx.findings.warn(&at, message).label("stored, but a Role grants nothing about them").hint(hint);
        }
    }
}

/// The same of the resources in kubectl's arguments.
fn by_kubectl(cx: &mut Context<'_>, draft: &Draft<'_>, call: &Call<'_>) {
    let args = below(&draft.at(), "args");
    let verbs = kubectl_rules::list_flag_values(call, &args, "verb");
    let verbs: Vec<&str> = verbs.iter().map(|(verb, _)| verb.as_str()).collect();
    for (word, at) in kubectl_rules::list_flag_values(call, &args, "resource") {
        let (base, sub) = resource_name::split(&word);
        let Some(own) = cx.apis.named(base) else { continue };
        let resource = sub.map_or_else(|| own.plural.clone(), |sub| format!("{}/{sub}", own.plural));
        if !may_be(cx, &verbs, &[own.group.clone().as_str()], &resource) {
            cx.findings
                .warn(&at, format!("`{resource}` are in no namespace"))
                .label("stored, but a Role grants nothing about them")
                .hint("use `create clusterrole` and `create clusterrolebinding`");
        }
    }
}

/// Warns of a RoleBinding to a ClusterRole of which no rule grants anything in a namespace.
fn bound(cx: &mut Context<'_>, roles: &Roles<'_>, at: &str, name: &str, hint: &str) {
    let makers = roles.made.get(name).map_or(&[][..], Vec::as_slice);
    let own = makers.is_empty() && CLUSTER_ONLY.contains(&name);
    if roles.changed.contains(name)
        || !own && (makers.is_empty() || !makers.iter().all(|placed| is_cluster_only(cx, placed)))
    {
        return;
    }
    let name = if_fresh(cx.namespace, name);
    let message = format!("ClusterRole `{name}` grants nothing in a namespace");
    let finding = cx.findings.warn(at, message).label("a RoleBinding grants only what is in its namespace");
    let finding = match makers.first() {
        Some(placed) => finding.second(&below(&placed.pointer, "rules"), "about what is in no namespace"),
        None => finding,
    };
    finding.hint(hint);
}

fn is_cluster_only(cx: &Context<'_>, placed: &Placed) -> bool {
    let rules = rules(placed);
    let aggregated = placed.object.manifest.get("aggregationRule").is_some();
    let grants = |rule: &&Map<String, Value>| {
        listed(rule, "resources").into_iter().any(|resource| in_a_namespace(cx, rule, resource))
    };
    !aggregated && !rules.is_empty() && !rules.iter().any(grants)
}

fn rules(placed: &Placed) -> Vec<&Map<String, Value>> {
    let rules = placed.object.manifest.get("rules").and_then(Value::as_array);
    rules.into_iter().flatten().filter_map(Value::as_object).collect()
}

/// Whether a rule may grant something about a resource in a namespace.
fn in_a_namespace(cx: &Context<'_>, rule: &Map<String, Value>, resource: &str) -> bool {
    may_be(cx, &listed(rule, "verbs"), &listed(rule, "apiGroups"), resource)
}

fn may_be(cx: &Context<'_>, verbs: &[&str], groups: &[&str], resource: &str) -> bool {
    let (plural, sub) = resource_name::split(resource);
    if plural.contains('*') || groups.contains(&"*") {
        return true;
    }
    let any = |known: &[&str]| verbs.iter().any(|verb| known.contains(verb));
    let known = |group: &str| match (group, plural) {
        // The path of one is in itself.
        ("", "namespaces") => Some(sub.is_some() || any(&["get", "update", "patch", "delete", "*"])),
        // What a RoleBinding may bind is asked in its namespace.
        (RBAC, "clusterroles") if any(&["bind", "*"]) => Some(true),
        (group, plural) => {
            let special = || verbs.iter().find_map(|verb| special::resource(verb, group, plural));
            cx.apis.is_namespaced(group, plural).or_else(special)
        }
    };
    let all: Vec<Option<bool>> = groups.iter().map(|group| known(group)).collect();
    // Of other servers' groups, and of words that name nothing, nothing is said.
    let unknown = groups.iter().zip(&all).any(|(group, known)| known.is_none() && !is_own_group(group));
    unknown || all.contains(&Some(true)) || !all.contains(&Some(false))
}
