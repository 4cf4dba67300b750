//! What changes a cluster for all who use it, whatever name it has: objects by which the API server judges the requests of others,
//! defaults, rights of users and accounts that are not the scenario's own. Pure functions of manifests and requests.
//!
//! In a cluster that exists, a run refuses it before anything starts, unless the person says that all may be touched there. Of cluster-wide
//! kinds, what is not known to concern only those who name the object counts.

use serde_json::{Map, Value};

use super::{Reach, redirected, whole};
use crate::k8s::{object::article, served::TABLE, special, usernames};

/// What a scenario has of its own.
pub trait Own {
    /// Whether a namespace is its own.
    fn namespace(&self, name: &str) -> bool;
    /// Whether it has made the CustomResourceDefinition of this name.
    fn definition(&self, name: &str) -> bool;
}

/// A resource, as far as it is known.
#[derive(Debug, Clone, Copy)]
pub struct Of<'a> {
    /// `""` for the core group.
    pub group: &'a str,
    /// Its plural, e.g. `clusterroles`.
    pub plural: &'a str,
    /// Whether its objects live in a namespace.
    pub namespaced: bool,
}

const RBAC: &str = "rbac.authorization.k8s.io";

/// Labels by which a ClusterRole becomes a part of others.
const AGGREGATE: &str = "rbac.authorization.k8s.io/aggregate-to-";

/// Annotations that make an object the one that others use without naming it.
const DEFAULTS: [&str; 3] = [
    "storageclass.kubernetes.io/is-default-class",
    "storageclass.beta.kubernetes.io/is-default-class",
    "ingressclass.kubernetes.io/is-default-class",
];

/// What of a manifest, or of a part of one that is merged, changes the cluster for all who use it.
pub fn manifest(of: Of<'_>, object: &Value, own: &dyn Own) -> Vec<Reach> {
    if of.namespaced {
        return if (of.group, of.plural) == ("", "services") {
            redirected(object).into_iter().collect()
        } else {
            vec![]
        };
    }
    match (of.group, of.plural) {
        (group, plural) if special::only_asks(group, plural) => vec![],
        ("", "namespaces")
        | ("certificates.k8s.io", "certificatesigningrequests")
        | ("resource.k8s.io", "deviceclasses")
        | ("storage.k8s.io", "volumeattributesclasses") => vec![],
        (RBAC, "clusterroles") => aggregated(object),
        (RBAC, "clusterrolebindings") => bound(object, own),
        ("storage.k8s.io", "storageclasses") | ("networking.k8s.io", "ingressclasses") => default(of, object),
        ("scheduling.k8s.io", "priorityclasses") if object["globalDefault"] == true => {
            vec![Reach::new("/globalDefault", "the PriorityClass of all Pods that name none")]
        }
        ("scheduling.k8s.io", "priorityclasses") => vec![],
        ("apiextensions.k8s.io", "customresourcedefinitions") => converted(object),
        (group, plural) if own.definition(&format!("{plural}.{group}")) => vec![],
        _ => vec![Reach::new("/kind", named(of, object))],
    }
}

/// What of a change does: of a part that is merged, or of a list of operations (RFC 6902).
pub fn change(of: Of<'_>, body: &Value, own: &dyn Own) -> Vec<Reach> {
    let Some(operations) = body.as_array() else { return manifest(of, body, own) };
    let mut found = Vec::new();
    for (index, operation) in operations.iter().enumerate() {
        let Some(path) = operation["path"].as_str() else { continue };
        if matches!(operation["op"].as_str(), Some("copy" | "move")) && !is_free(of, own) {
            found.push(Reach::new(format!("/{index}/path"), "a copy within an object, which may be anything in it"));
            continue;
        }
        let value = operation.get("value").cloned().unwrap_or_default();
        if let Some(reach) = manifest(of, &whole(path, value), own).into_iter().next() {
            found.push(Reach { pointer: format!("/{index}/value"), what: reach.what });
        }
    }
    found
}

/// What of a body does that is sent to a resource as a text; a body that kubewalk cannot read counts where it matters what is in it.
pub fn body(of: Of<'_>, text: Option<&str>, values: impl Fn(&str) -> Option<Vec<Value>>, own: &dyn Own) -> Vec<Reach> {
    let Some(text) = text else { return manifest(of, &Value::Null, own) };
    match values(text) {
        Some(all) if all.iter().all(|value| value.is_object() || value.is_array()) && !all.is_empty() => {
            all.iter().flat_map(|value| change(of, value, own)).collect()
        }
        _ if is_free(of, own) => vec![],
        _ => vec![Reach::new("", format!("{}, in a body that cannot be read", named(of, &Value::Null)))],
    }
}

/// Whether nothing of this resource changes the cluster for all who use it, whatever is in it.
fn is_free(of: Of<'_>, own: &dyn Own) -> bool {
    const SOME: [(&str, &str); 7] = [
        ("", "services"),
        (RBAC, "clusterroles"),
        (RBAC, "clusterrolebindings"),
        ("storage.k8s.io", "storageclasses"),
        ("networking.k8s.io", "ingressclasses"),
        ("scheduling.k8s.io", "priorityclasses"),
        ("apiextensions.k8s.io", "customresourcedefinitions"),
    ];
    !SOME.contains(&(of.group, of.plural)) && manifest(of, &Value::Null, own).is_empty()
}

/// e.g. `a ValidatingWebhookConfiguration`.
fn named(of: Of<'_>, object: &Value) -> String {
    let is = |group: &str, plural: &str| group == of.group && plural == of.plural;
    let known = TABLE.resources.iter().find(|one| one.sub.is_none() && is(&one.group, &one.plural));
    match known.map(|one| one.kind.as_str()).or_else(|| object["kind"].as_str()) {
        Some(kind) => format!("{} {kind}", article(kind)),
        None => format!("one of the cluster-wide {}.{}", of.plural, of.group),
    }
}

fn aggregated(object: &Value) -> Vec<Reach> {
    let labels = object.pointer("/metadata/labels").and_then(Value::as_object);
    let found = labels.into_iter().flat_map(Map::keys).find_map(|key| Some((key, key.strip_prefix(AGGREGATE)?)));
    let reach = |(key, role): (&String, &str)| {
        let what = format!("rules that become a part of the ClusterRole `{role}`");
        Reach::new(format!("/metadata/labels/{}", key.replace('/', "~1")), what)
    };
    found.map(reach).into_iter().collect()
}

fn bound(object: &Value, own: &dyn Own) -> Vec<Reach> {
    let subjects = object["subjects"].as_array();
    let wide = |(index, subject): (usize, &Value)| {
        let said = |key: &str| subject[key].as_str().unwrap_or_default();
        let name = said("name");
        let what = match (usernames::account(name), name.strip_prefix("system:serviceaccounts:"), said("namespace")) {
            // What earlier steps saved is looked at when it is filled in.
            _ if name.contains("{saved.") => return None,
            (Some((namespace, _)), ..) | (None, Some(namespace), _) if own.namespace(namespace) => return None,
            _ if name.starts_with("system:") => format!("rights in all namespaces for `{name}`"),
            (.., namespace) if !(namespace.is_empty() || namespace.contains("{saved.") || own.namespace(namespace)) => {
                format!(
                    "rights in all namespaces for accounts of the namespace `{namespace}`, which is not the scenario's own"
                )
            }
            _ => return None,
        };
        let key = if name.starts_with("system:") { "name" } else { "namespace" };
        Some(Reach::new(format!("/subjects/{index}/{key}"), what))
    };
    subjects.into_iter().flatten().enumerate().filter_map(wide).collect()
}

fn default(of: Of<'_>, object: &Value) -> Vec<Reach> {
    let said = |key: &&&str| object["metadata"]["annotations"][**key] == "true";
    let reach = |key: &&str| {
        let pointer = format!("/metadata/annotations/{}", key.replace('/', "~1"));
        Reach::new(pointer, format!("{} that is the default one", named(of, object)))
    };
    DEFAULTS.iter().find(said).map(reach).into_iter().collect()
}

fn converted(object: &Value) -> Vec<Reach> {
    let conversion = &object["spec"]["conversion"];
    let by = conversion["strategy"] == "Webhook"
        || ["webhook", "webhookClientConfig"].iter().any(|key| !conversion[*key].is_null());
    let what = "a CustomResourceDefinition with a conversion webhook";
    if by { vec![Reach::new("/spec/conversion", what)] } else { vec![] }
}

#[cfg(test)]
#[path = "everybody/tests.rs"]
mod tests;
