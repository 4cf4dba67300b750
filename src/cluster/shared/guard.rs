//! Watches from outside which Pods a warm cluster gets, as long as it lives.
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

/// Where a guard begins: all that is older is known.
#[derive(Debug, Clone)]
pub struct Since {
    version: String,
    /// Pods of the cluster's own, by their ids.
    own: BTreeSet<String>,
}

/// The Pods of a new cluster, which are its own.
///
/// # Errors
/// When the API server does not answer.
pub async fn begin(client: &kube::Client) -> Result<Since, ClusterError> {
    let list = discovery::get(client, PODS, "application/json").await?;
    let own = list["items"].as_array().into_iter().flatten().map(id).collect();
    let version = list["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned();
    Ok(Since { version, own })
}

/// Watches until a Pod reached the node, or may have, and notes why in the folder. Never ends by itself.
pub async fn watch(client: &kube::Client, mut since: Since, folder: &Folder) {
    let why = loop {
        match follow(client, &mut since).await {
            Some(why) => break why,
            // The server closes a watch now and then, and may be away for a while.
            None => tokio::time::sleep(AGAIN).await,
        }
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

/// Follows the Pods; `None` when the watch was cut.
async fn follow(client: &kube::Client, since: &mut Since) -> Option<String> {
    let path = format!("{PODS}?watch=true&allowWatchBookmarks=true&resourceVersion={}", since.version);
    let request = http::Request::get(path).body(Vec::new()).ok()?;
    let mut events = std::pin::pin!(client.request_events::<Value>(request).await.ok()?);
    while let Ok(Some(event)) = events.try_next().await {
        let object = match event {
            WatchEvent::Added(pod) | WatchEvent::Modified(pod) | WatchEvent::Deleted(pod) => {
                if let Some(why) = reached(&pod).filter(|_| !since.own.contains(&id(&pod))) {
                    return Some(why);
                }
                pod["metadata"]["resourceVersion"].as_str().map(str::to_owned)
            }
            WatchEvent::Bookmark(mark) => Some(mark.metadata.resource_version),
            WatchEvent::Error(error) if error.code == 410 => {
                return Some("for a while nobody saw which Pods it had".into());
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

fn id(pod: &Value) -> String {
    pod["metadata"]["uid"].as_str().unwrap_or_default().to_owned()
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
    }
}
