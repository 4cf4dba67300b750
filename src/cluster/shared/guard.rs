//! Watches from outside which Pods a warm cluster gets, and who answers in place of its API server, as long as it lives.
//!
//! After a Pod that reached its node (privileged, with a folder or a namespace of the host) it is unknown what the node is,
//! and nothing that is asked of it counts: it could have been taught to answer. So its holder watches, beginning before any
//! run uses the cluster. The API server tells of each Pod, also of one that a controller makes and removes at once, before
//! the kubelet can start it; what a Pod then does to the node comes too late to change what is known of it. A watch that was
//! cut goes on where it was; where that cannot be, the cluster does not count as new either.

use std::{collections::BTreeSet, time::Duration};

use futures::TryStreamExt as _;
use kube::core::WatchEvent;
use serde_json::Value;

use super::lease::Folder;
use crate::cluster::{ClusterError, client::discovery};
use crate::reach;

/// Why a cluster is no longer as new, in a file of its folder.
pub const SPOILT: &str = "spoilt.json";

/// How long after a watch that could not begin it is tried again.
const AGAIN: Duration = Duration::from_millis(200);

/// The list of all Pods.
const PODS: &str = "/api/v1/pods";

/// The list of all APIServices. One with a service answers in place of the API server, by which Pods are watched, too. This list is
/// of those that none can replace.
const APIS: &str = "/apis/apiregistration.k8s.io/v1/apiservices";

/// Where a guard begins: all that is older is known.
#[derive(Debug, Clone)]
pub struct Since {
    pods: List,
    apis: List,
}

/// A list, and from where on it is watched.
#[derive(Debug, Clone)]
struct List {
    path: &'static str,
    version: String,
    /// Objects of the cluster's own, by their ids.
    own: BTreeSet<String>,
    /// How an object of it reaches the node, in words.
    reached: fn(&Value) -> Option<String>,
}

impl List {
    /// A list as it is now. What is in it is the cluster's own where `is_own` says so.
    async fn begin(
        client: &kube::Client,
        path: &'static str,
        reached: fn(&Value) -> Option<String>,
        is_own: fn(&Value) -> bool,
    ) -> Result<Self, ClusterError> {
        let list = discovery::get(client, path, "application/json").await?;
        let own = list["items"].as_array().into_iter().flatten().filter(|item| is_own(item)).map(id).collect();
        let version = list["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned();
        Ok(List { path, version, own, reached })
    }

    /// Watches until something reached the node, or may have.
    async fn watch(&mut self, client: &kube::Client) -> String {
        loop {
            match follow(client, self).await {
                Some(why) => return why,
                // The server closes a watch now and then, and may be away for a while.
                None => tokio::time::sleep(AGAIN).await,
            }
        }
    }
}

/// The Pods of a new cluster, which are its own, and the APIs that others than its API server answer.
///
/// # Errors
/// When the API server does not answer.
pub async fn begin(client: &kube::Client) -> Result<Since, ClusterError> {
    let pods = List::begin(client, PODS, reached, |_| true).await?;
    // All others are the API server's own, and may become somebody else's.
    let apis = List::begin(client, APIS, replaced, |api| replaced(api).is_some()).await?;
    Ok(Since { pods, apis })
}

/// Watches until a Pod reached the node, or may have, and notes why in the folder. Never ends by itself.
pub async fn watch(client: &kube::Client, mut since: Since, folder: &Folder) {
    let why = tokio::select! {
        why = since.pods.watch(client) => why,
        why = since.apis.watch(client) => why,
    };
    note(folder, &why);
    std::future::pending::<()>().await;
}

/// Notes why the cluster of a folder is no longer as new, unless that is known.
pub fn note(folder: &Folder, why: &str) {
    if known(folder).is_none() {
        let _ = folder.write(SPOILT, &why);
    }
}

/// Why the cluster of a folder is no longer as new.
pub fn known(folder: &Folder) -> Option<String> {
    folder.read(SPOILT)
}

/// Follows a list; `None` when the watch was cut.
async fn follow(client: &kube::Client, since: &mut List) -> Option<String> {
    let path = format!("{}?watch=true&allowWatchBookmarks=true&resourceVersion={}", since.path, since.version);
    let request = http::Request::get(path).body(Vec::new()).ok()?;
    let mut events = std::pin::pin!(client.request_events::<Value>(request).await.ok()?);
    while let Ok(Some(event)) = events.try_next().await {
        let object = match event {
            WatchEvent::Added(item) | WatchEvent::Modified(item) | WatchEvent::Deleted(item) => {
                if let Some(why) = (since.reached)(&item).filter(|_| !since.own.contains(&id(&item))) {
                    return Some(why);
                }
                item["metadata"]["resourceVersion"].as_str().map(str::to_owned)
            }
            WatchEvent::Bookmark(mark) => Some(mark.metadata.resource_version),
            WatchEvent::Error(error) if error.code == 410 => {
                return Some("for a while nobody saw which Pods or APIs it had".into());
            }
            WatchEvent::Error(_) => return None,
        };
        since.version = object.unwrap_or_else(|| since.version.clone());
    }
    None
}

/// How a Pod reaches its node, in words.
fn reached(pod: &Value) -> Option<String> {
    let text = |key: &str| pod["metadata"][key].as_str().unwrap_or_default();
    let reach = reach::pod::reaches(&pod["spec"]).into_iter().next()?;
    let (name, namespace) = (text("name"), text("namespace"));
    Some(format!("Pod {name} in {namespace} could change its node: {}", reach.what.replace('`', "")))
}

/// Who answers an API in place of the API server, in words.
fn replaced(api: &Value) -> Option<String> {
    reach::manifest("APIService", api).first()?;
    let name = api["metadata"]["name"].as_str().unwrap_or_default();
    Some(format!("APIService {name} let a Service answer in place of its API server"))
}

fn id(object: &Value) -> String {
    object["metadata"]["uid"].as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_pod_that_reached_the_node_is_told() {
        let pod = |spec: Value| json!({"metadata": {"name": "p", "namespace": "n"}, "spec": spec});
        assert_eq!(reached(&pod(json!({"containers": [{"name": "c"}]}))), None);
        let why = reached(&pod(json!({"hostPID": true})));
        assert_eq!(why.as_deref(), Some("Pod p in n could change its node: hostPID"));
        let api = |spec: Value| json!({"metadata": {"name": "v1."}, "spec": spec});
        assert_eq!(replaced(&api(json!({"version": "v1"}))), None);
        let why = replaced(&api(json!({"service": {"name": "srv", "namespace": "n"}})));
        assert_eq!(why.as_deref(), Some("APIService v1. let a Service answer in place of its API server"));
    }
}
