//! What an API server serves by a CustomResourceDefinition.

use serde_json::Value;

use super::{Resource, special::REQUEST_VERBS};

fn text_at(value: &Value, pointer: &str) -> Option<String> {
    value.pointer(pointer)?.as_str().map(str::to_owned)
}

/// The resources of a CustomResourceDefinition, one for each version that it serves, and their subresources.
pub fn resources(definition: &Value) -> Vec<Resource> {
    let (Some(group), Some(plural)) = (text_at(definition, "/spec/group"), text_at(definition, "/spec/names/plural"))
    else {
        return Vec::new();
    };
    let kind = text_at(definition, "/spec/names/kind").unwrap_or_default();
    let short = definition.pointer("/spec/names/shortNames").and_then(Value::as_array);
    let versions = definition.pointer("/spec/versions").and_then(Value::as_array);
    let served = versions.into_iter().flatten().filter(|version| version["served"] != false);
    served
        .filter_map(|version| {
            let own = Resource {
                group: group.clone(),
                version: text_at(version, "/name")?,
                plural: plural.clone(),
                sub: None,
                singular: text_at(definition, "/spec/names/singular").unwrap_or_else(|| kind.to_lowercase()),
                kind: kind.clone(),
                namespaced: definition.pointer("/spec/scope").is_none_or(|scope| scope != "Cluster"),
                verbs: REQUEST_VERBS.map(str::to_owned).to_vec(),
                short: short.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect(),
            };
            let subs = version.get("subresources").and_then(Value::as_object);
            let subs = subs.into_iter().flat_map(|subs| subs.keys()).map(|sub| Resource {
                sub: Some(sub.clone()),
                verbs: ["get", "patch", "update"].map(str::to_owned).to_vec(),
                ..own.clone()
            });
            Some(subs.chain([own.clone()]).collect::<Vec<_>>())
        })
        .flatten()
        .collect()
}
