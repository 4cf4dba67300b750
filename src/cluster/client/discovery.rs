//! What an API server has: its resources, and the objects in its lists.

use std::time::Duration;

use serde_json::Value;

use crate::{
    cluster::ClusterError,
    k8s::{object::objects_of, served::root},
};

/// Resources whose objects come and go by themselves.
const RESTLESS: [&str; 2] = ["events", "componentstatuses"];

/// The group whose objects are measurements.
const MEASURED: &str = "metrics.k8s.io";

/// By this status a server asks for patience, and says for how long: the store of a kind that is new is not open at once. So often it
/// is given it.
const TOO_MANY: u16 = 429;
const PATIENCE: usize = 5;

/// The longest that it is waited each time, in seconds, whatever the server says.
const LONGEST: u32 = 5;

/// A resource in one version of its group, as an API server says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// e.g. `rbac.authorization.k8s.io`; empty for the core.
    pub group: String,
    /// e.g. `v1`.
    pub version: String,
    /// e.g. `pods`.
    pub plural: String,
    /// The kind of its objects.
    pub kind: String,
    /// Whether its objects are in namespaces.
    pub namespaced: bool,
    /// What can be done with it, e.g. `list`.
    pub verbs: Vec<String>,
}

impl Resource {
    /// e.g. `/api/v1`.
    pub fn base(&self) -> String {
        root(&self.group, &self.version)
    }

    /// The list over all namespaces, e.g. `/api/v1/pods`.
    pub fn path(&self) -> String {
        format!("{}/{}", self.base(), self.plural)
    }

    /// The list in one namespace.
    pub fn path_in(&self, namespace: &str) -> String {
        format!("{}/namespaces/{namespace}/{}", self.base(), self.plural)
    }

    /// Whether a verb is served.
    pub fn can(&self, verb: &str) -> bool {
        self.verbs.iter().any(|known| known == verb)
    }
}

/// All resources, from two requests; of each group the preferred version first. And the groups of which the API server does not know
/// now what they have.
///
/// # Errors
/// When the API server does not answer.
pub(in crate::cluster) async fn resources(client: &kube::Client) -> Result<(Vec<Resource>, Vec<String>), ClusterError> {
    let accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
    let (mut all, mut stale) = (Vec::new(), Vec::new());
    let (core, groups) = tokio::try_join!(get(client, "/api", accept), get(client, "/apis", accept))?;
    for discovery in [core, groups] {
        for group in discovery["items"].as_array().into_iter().flatten() {
            let (found, is_known) = of_group(group);
            all.extend(found);
            if !is_known {
                stale.push(group["metadata"]["name"].as_str().unwrap_or_default().to_owned());
            }
        }
    }
    Ok((all, stale))
}

/// The resources of an `APIGroupDiscovery`, and whether all of them are known.
fn of_group(group: &Value) -> (Vec<Resource>, bool) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (mut found, mut is_known) = (Vec::new(), true);
    for version in group["versions"].as_array().into_iter().flatten() {
        is_known &= version["freshness"] != "Stale";
        for resource in version["resources"].as_array().into_iter().flatten() {
            let verbs = resource["verbs"].as_array().into_iter().flatten();
            found.push(Resource {
                group: text(&group["metadata"]["name"]),
                version: text(&version["version"]),
                plural: text(&resource["resource"]),
                kind: text(&resource["responseKind"]["kind"]),
                namespaced: resource["scope"] == "Namespaced",
                verbs: verbs.map(text).collect(),
            });
        }
    }
    (found, is_known)
}

/// Each of these in one version: the first that has it, which may be a later one than the preferred.
pub(in crate::cluster) fn in_one_version(resources: impl IntoIterator<Item = Resource>) -> Vec<Resource> {
    let mut found: Vec<Resource> = Vec::new();
    for one in resources {
        let same = |other: &Resource| other.group == one.group && other.plural == one.plural && other.kind == one.kind;
        if !found.iter().any(same) {
            found.push(one);
        }
    }
    found
}

/// The resources whose objects can be listed and do not come and go by themselves, each in one version.
///
/// # Errors
/// When the API server does not answer.
pub(in crate::cluster) async fn lists(client: &kube::Client) -> Result<Vec<Resource>, ClusterError> {
    let (all, _) = resources(client).await?;
    let rests = |one: &Resource| !RESTLESS.contains(&one.plural.as_str()) && one.group != MEASURED;
    Ok(in_one_version(all.into_iter().filter(|one| one.can("list") && rests(one))))
}

/// The same of what is in namespaces: a user who owns just a namespace may not list across the cluster.
///
/// # Errors
/// When the API server does not answer.
pub(in crate::cluster) async fn lists_in_namespaces(client: &kube::Client) -> Result<Vec<Resource>, ClusterError> {
    let mut lists = lists(client).await?;
    lists.retain(|one| one.namespaced);
    Ok(lists)
}

/// The metadata of all objects in a list.
///
/// # Errors
/// When the API server does not answer, or refuses.
pub(in crate::cluster) async fn metadata(client: &kube::Client, path: &str) -> Result<Vec<Value>, ClusterError> {
    items(client, path, "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1").await
}

/// All objects in a list, in the form that is asked for.
///
/// # Errors
/// When the API server does not answer, or refuses.
pub(in crate::cluster) async fn items(
    client: &kube::Client,
    path: &str,
    accept: &str,
) -> Result<Vec<Value>, ClusterError> {
    Ok(objects_of(Some(get(client, path, accept).await?)))
}

/// The JSON of an answer.
///
/// # Errors
/// When the API server does not answer, or refuses.
pub(in crate::cluster) async fn get(client: &kube::Client, path: &str, accept: &str) -> Result<Value, ClusterError> {
    let failed = |e: &dyn std::fmt::Display| {
        ClusterError::plain(format!("the content of the cluster cannot be listed: {path}: {e}"))
    };
    let mut left = PATIENCE;
    loop {
        let request =
            http::Request::get(path).header(http::header::ACCEPT, accept).body(Vec::new()).map_err(|e| failed(&e))?;
        match client.request(request).await {
            Err(kube::Error::Api(status)) if status.code == TOO_MANY && left > 0 => {
                left -= 1;
                let after = status.details.as_ref().map_or(1, |details| details.retry_after_seconds.clamp(1, LONGEST));
                tokio::time::sleep(Duration::from_secs(u64::from(after))).await;
            }
            answer => return answer.map_err(|e| failed(&e)),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn version(name: &str, freshness: &str, resources: &Value) -> Value {
        json!({"version": name, "freshness": freshness, "resources": resources})
    }

    fn resource(name: &str, kind: &str, scope: &str, verbs: &[&str]) -> Value {
        json!({"resource": name, "responseKind": {"kind": kind}, "scope": scope, "verbs": verbs})
    }

    #[test]
    fn each_resource_is_taken_in_one_version() {
        let group = json!({"metadata": {"name": "x.dev"}, "versions": [
            version("v1", "Current", &json!([
                resource("jars", "Jar", "Namespaced", &["list", "delete"]),
                resource("shelves", "Shelf", "Cluster", &["list"]),
            ])),
            version("v1beta1", "Current", &json!([
                resource("jars", "Jar", "Namespaced", &["list"]),
                resource("lids", "Lid", "Namespaced", &["list"]),
            ])),
        ]});
        let (all, is_known) = of_group(&group);
        assert!(is_known && all.len() == 4);
        let one = in_one_version(all);
        let paths: Vec<_> = one.iter().map(Resource::path).collect();
        assert_eq!(paths, ["/apis/x.dev/v1/jars", "/apis/x.dev/v1/shelves", "/apis/x.dev/v1beta1/lids"]);
        assert_eq!(one[2].path_in("n"), "/apis/x.dev/v1beta1/namespaces/n/lids");
        assert!(one[0].can("delete") && !one[1].can("delete") && one[0].namespaced && !one[1].namespaced);
    }

    #[test]
    fn a_group_that_is_not_known_now_is_said() {
        let group = json!({"metadata": {"name": ""}, "versions": [version("v1", "Stale", &json!([])), version("v2", "Current", &json!([]))]});
        assert!(!of_group(&group).1);
    }

    #[test]
    fn the_core_has_paths_of_its_own() {
        let group = json!({"metadata": {}, "versions": [version("v1", "Current", &json!([resource("pods", "Pod", "Namespaced", &["list"])]))]});
        assert_eq!(of_group(&group).0[0].path(), "/api/v1/pods");
    }

    #[tokio::test]
    async fn a_list_whose_store_is_not_open_yet_is_asked_for_again() {
        use std::sync::atomic::{AtomicUsize, Ordering};
        let asked = std::sync::Arc::new(AtomicUsize::new(0));
        let counted = std::sync::Arc::clone(&asked);
        let busy = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": "storage is (re)initializing", "reason": "TooManyRequests", "code": 429});
        let server = tower::service_fn(move |_: http::Request<kube::client::Body>| {
            let (status, body) = match counted.fetch_add(1, Ordering::SeqCst) {
                0 => (429, busy.clone()),
                _ => (200, json!({"items": [{"metadata": {"name": "a"}}]})),
            };
            let body = kube::client::Body::from(body.to_string().into_bytes());
            let answer = http::Response::builder().status(status).body(body).expect("an answer");
            std::future::ready(Ok::<_, std::convert::Infallible>(answer))
        });
        let client = kube::Client::new(server, "default");
        let found = items(&client, "/apis/x.dev/v1/jars", "application/json").await.expect("a list");
        assert_eq!((found.len(), asked.load(Ordering::SeqCst)), (1, 2));
    }
}
