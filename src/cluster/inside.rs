//! What is in one namespace, asked only there: whoever owns just a namespace may not list across the cluster.

use serde_json::Value;

use super::{ClusterError, snapshot};

/// The paths of all lists in a namespace, and the kind of what is in each.
///
/// # Errors
/// When the API server does not answer.
pub(super) async fn lists(client: &kube::Client, namespace: &str) -> Result<Vec<(String, String)>, ClusterError> {
    let mut found: Vec<(String, String)> = Vec::new();
    let accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
    for root in ["/api", "/apis"] {
        let discovery = snapshot::get(client, root, accept).await?;
        for group in discovery["items"].as_array().into_iter().flatten() {
            let name = group["metadata"]["name"].as_str().unwrap_or_default();
            let base = if name.is_empty() { root.to_owned() } else { format!("{root}/{name}") };
            // The first version is the preferred one; a resource may be in a later one only.
            let mut known: Vec<&str> = Vec::new();
            for version in group["versions"].as_array().into_iter().flatten() {
                let of = version["version"].as_str().unwrap_or_default();
                for resource in version["resources"].as_array().into_iter().flatten().filter(|one| is_listed(one)) {
                    let plural = resource["resource"].as_str().unwrap_or_default();
                    if known.contains(&plural) || plural == "events" || name == "metrics.k8s.io" {
                        continue;
                    }
                    known.push(plural);
                    let kind = resource["responseKind"]["kind"].as_str().unwrap_or_default().to_owned();
                    found.push((format!("{base}/{of}/namespaces/{namespace}/{plural}"), kind));
                }
            }
        }
    }
    Ok(found)
}

fn is_listed(resource: &Value) -> bool {
    let verbs = resource["verbs"].as_array();
    resource["scope"] == "Namespaced" && verbs.is_some_and(|verbs| verbs.iter().any(|verb| verb == "list"))
}
