//! ClusterRoles that are made of others: labels that nothing selects, and selectors that nothing fits.

use serde_json::{Map, Value};

use crate::{
    k8s::{
        near::{is_slip, is_slip_of_own},
        well_known::{AGGREGATE_TO, RBAC},
    },
    plan::{
        context::{Context, Draft, Placed, below},
        lower,
    },
};

/// Looks at the labels of Roles and ClusterRoles, and at their aggregation rules.
pub(in crate::plan) fn check(cx: &mut Context<'_>, drafts: &[Draft<'_>]) {
    let written = |draft: &&Draft<'_>| !draft.refused && draft.verb.is_some_and(lower::writes_manifests);
    let objects: Vec<&Placed> = drafts.iter().filter(written).flat_map(|draft| &draft.objects).collect();
    let is_role = |placed: &&&Placed, kind| placed.object.kind.is(RBAC, kind);
    let cluster_roles: Vec<&Placed> = objects.iter().filter(|placed| is_role(placed, "ClusterRole")).copied().collect();
    let selected: Vec<(String, &str, &str)> = cluster_roles.iter().flat_map(|placed| selectors(placed)).collect();
    for placed in objects.iter().filter(|placed| is_role(placed, "Role")) {
        let all = labels(placed).into_iter().flatten();
        for (key, _) in all.filter(|(key, _)| AGGREGATE_TO.contains(&key.as_str())) {
            cx.findings
                .warn(&label_at(placed, key), "a Role is never aggregated")
                .at_key()
                .label("only ClusterRoles are")
                .hint("make it a ClusterRole");
        }
    }
    for placed in &cluster_roles {
        for (key, value) in labels(placed).into_iter().flatten() {
            label(cx, placed, (key, value.as_str()), &selected);
        }
    }
    let carried: Vec<(&str, &str)> = (cluster_roles.iter())
        .filter_map(|placed| labels(placed))
        .flatten()
        .filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)))
        .collect();
    for (at, key, value) in &selected {
        selector(cx, at, (key, value), &carried);
    }
}

fn labels(placed: &Placed) -> Option<&Map<String, Value>> {
    placed.object.manifest.pointer("/metadata/labels")?.as_object()
}

fn label_at(placed: &Placed, key: &str) -> String {
    below(&below(&below(&placed.pointer, "metadata"), "labels"), key)
}

/// The labels that an aggregation rule asks for: where, the key and the value.
fn selectors(placed: &Placed) -> Vec<(String, &str, &str)> {
    let all = placed.object.manifest.pointer("/aggregationRule/clusterRoleSelectors").and_then(Value::as_array);
    let at = below(&below(&placed.pointer, "aggregationRule"), "clusterRoleSelectors");
    let of = |(index, selector)| {
        let labels = Value::as_object(Value::get(selector, "matchLabels")?)?;
        let at = below(&below(&at, index), "matchLabels");
        let pairs = labels.iter().filter_map(|(key, value)| Some((below(&at, key), key.as_str(), value.as_str()?)));
        Some(pairs.collect::<Vec<_>>())
    };
    all.into_iter().flatten().enumerate().filter_map(of).flatten().collect()
}

/// A label of a ClusterRole that is nearly one by which Kubernetes' own are made.
fn label(cx: &mut Context<'_>, placed: &Placed, (key, value): (&str, Option<&str>), selected: &[(String, &str, &str)]) {
    let at = label_at(placed, key);
    if AGGREGATE_TO.contains(&key) {
        // `false` takes a role out of the sum.
        if let Some(value) = value.filter(|value| !matches!(*value, "true" | "false" | "")) {
            cx.findings
                .warn(&at, format!("`{key}` has the value `{value}`"))
                .label("only `true` is selected")
                .hint("did you mean `'true'`?");
        }
        return;
    }
    if selected.iter().any(|(_, other, _)| *other == key) {
        return;
    }
    let short = |own: &str| own.rsplit_once('/').is_some_and(|(_, name)| name == key || is_slip(key, name));
    let near = AGGREGATE_TO.into_iter().find(|own| is_slip(key, own) || is_slip_of_own(key, own) || short(own));
    if let Some(near) = near {
        cx.findings
            .warn(&at, format!("nothing selects the label `{key}`"))
            .at_key()
            .label("so the role becomes a part of no other")
            .hint(format!("did you mean `{near}`?"));
    }
}

/// A label for which an aggregation rule looks, and that no ClusterRole has.
fn selector(cx: &mut Context<'_>, at: &str, (key, value): (&str, &str), carried: &[(&str, &str)]) {
    let own = AGGREGATE_TO.contains(&key) || key == "kubernetes.io/bootstrapping";
    if own || carried.contains(&(key, value)) {
        return;
    }
    let keys = || carried.iter().filter(|(_, other)| *other == value).map(|(key, _)| *key).chain(AGGREGATE_TO);
    let near_key = keys().find(|other| is_slip(key, other) || is_slip_of_own(key, other));
    let values = carried.iter().filter(|(other, _)| *other == key);
    let near_value = values.map(|(_, other)| *other).find(|other| is_slip(value, other));
    let hint = match (near_key, near_value) {
        (Some(near), _) | (_, Some(near)) => format!("did you mean `{near}`?"),
        _ if said_elsewhere(cx, key) => return,
        _ => format!("make a ClusterRole with `labels: {{{key}: '{value}'}}`"),
    };
    let finding = cx.findings.warn(at, format!("no step makes a ClusterRole with the label `{key}: {value}`"));
    let finding = if near_key.is_some() { finding.at_key() } else { finding };
    finding.label("so nothing is added up").hint(hint);
}

/// Whether the key stands more than once in the file: a step may give the label in another way.
fn said_elsewhere(cx: &Context<'_>, key: &str) -> bool {
    cx.findings.document().source.text.matches(key).count() > 1
}
