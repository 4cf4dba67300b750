//! The end of Pods that controllers keep for what is gone.

use std::time::Duration;

use serde_json::Value;

use crate::{
    cluster::namespaces,
    plan::Kind,
    steps::{Context, api},
};

/// How long after something that the API server could not answer it is asked again.
pub(super) const AGAIN: Duration = Duration::from_millis(200);

/// Ends the Pods of a namespace that goes. In a cluster of others only while it is the very one that was deleted: another of that name
/// is theirs.
pub(super) async fn end_pods(context: &Context, name: &str, uid: Option<&str>) -> Result<(), kube::Error> {
    match uid {
        Some(uid) if context.foreign => namespaces::end_pods(&context.client, name, uid).await,
        _ if context.foreign => Ok(()),
        _ => namespaces::without_grace(&context.client, name).await,
    }
}

/// Whether a controller keeps Pods for an object of this kind.
pub(super) fn keeps_pods(kind: &Kind) -> bool {
    matches!(kind.group.as_str(), "apps" | "batch") || kind.is("", "ReplicationController")
}

/// What stands between a workload and its Pods, and at last the Pods.
const COLLECTIONS: [&str; 3] =
    ["/apis/apps/v1/namespaces/{}/replicasets", "/apis/batch/v1/namespaces/{}/jobs", "/api/v1/namespaces/{}/pods"];

/// An object that is about to be removed, and what stands between it and its Pods: when that is gone, nothing else says whose they are.
pub(super) async fn owners(client: &kube::Client, namespace: &str, uid: &str) -> Vec<String> {
    let mut owners = vec![uid.to_owned()];
    for collection in &COLLECTIONS[..2] {
        let list = api::get(client, &collection.replace("{}", namespace)).await.ok().and_then(|list| list.json);
        let items = list.as_ref().and_then(|json| json["items"].as_array()).into_iter().flatten();
        owners.extend(items.filter(|item| is_of(item, &[uid.to_owned()])).filter_map(|item| api::uid(Some(item))));
    }
    owners
}

fn is_of(item: &Value, owners: &[String]) -> bool {
    let of = item["metadata"]["ownerReferences"].as_array().into_iter().flatten();
    of.filter_map(|owner| owner["uid"].as_str()).any(|of| owners.iter().any(|owner| owner == of))
}

/// Ends the Pods without grace that are kept for objects which are gone, directly or by what was kept for them, in a namespace that
/// stays. What stands between goes first, or it would keep new ones. A run that may not do this waits longer.
pub(super) async fn kept_pods(client: &kube::Client, namespace: &str, mut owners: Vec<String>) {
    loop {
        let mut found = false;
        for collection in COLLECTIONS.map(|path| path.replace("{}", namespace)) {
            let Ok(list) = api::get(client, &collection).await else { return };
            if list.status != 200 {
                return;
            }
            let items = list.json.as_ref().and_then(|json| json["items"].as_array());
            for item in items.into_iter().flatten() {
                let (Some(name), Some(uid)) = (item["metadata"]["name"].as_str(), api::uid(Some(item))) else {
                    continue;
                };
                if !is_of(item, &owners) {
                    continue;
                }
                // What is only held by a finalizer, no request can hurry.
                let hurried = item["metadata"]["deletionGracePeriodSeconds"] == 0;
                found |= !hurried;
                let (path, kind) = (format!("{collection}/{}", api::escape(name)), Some("application/json"));
                let body = namespaces::delete_options(Some(&uid), None, Some(0));
                let sent = api::send(client, http::Method::DELETE, &path, kind, body);
                if !hurried && sent.await.is_ok_and(|sent| sent.status == 403) {
                    return;
                }
                if !owners.contains(&uid) {
                    owners.push(uid);
                }
            }
        }
        if !found {
            return;
        }
        tokio::time::sleep(AGAIN).await;
    }
}
