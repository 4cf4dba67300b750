//! The wait for a Pod that is to become Ready: what stands only in its events, and the end of its log when it fails.

use std::time::Duration;

use serde_json::Value;

use super::{Context, Fault, api, pod_trouble, watch};
use crate::clock::Moment;

/// How long a Pod may take before its events are asked for: what keeps a volume from it stands only there.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often they are asked for after that.
const AGAIN: Duration = Duration::from_secs(1);

/// How many lines of the log of a container that ended are told.
const LOG_LINES: usize = 5;

/// How many Pods of a workload are looked at.
const MOST_PODS: usize = 10;

/// Waits for a Pod as [`watch::until`] does, and gives up, too, when a volume of it can never be mounted or its node cannot
/// make it.
///
/// # Errors
/// As [`watch::until`]; with the end of the log of a container that ended; [`Fault::Node`] when the node is at fault.
pub async fn until(
    pod: &watch::Subject,
    since: Option<String>,
    deadline: Moment,
    what: &str,
    look: impl FnMut(Option<&Value>) -> watch::Step,
    context: &Context,
) -> Result<Option<Value>, Fault> {
    let waited = tokio::select! {
        waited = watch::until(&context.client, pod, since, deadline, what, look) => waited,
        fault = stuck(pod, what, context) => return Err(fault),
    };
    match waited {
        Err(Fault::Waited { what, last }) => {
            let seen = pod_trouble::look(pod, context).await;
            if let Some(why) = seen.environment(&context.curl_image) {
                return Err(Fault::Node { what, why });
            }
            let said = seen.last_warning().filter(|said| !last.contains(said.as_str()));
            let said = said.map(|said| format!("; {said}")).unwrap_or_default();
            let log = log_tail(pod, context).await;
            Err(Fault::Waited { what, last: format!("{last}{said}{log}") })
        }
        other => other,
    }
}

/// Waits for an object that makes Pods as [`watch::until`] does. When that fails, its Pods say why.
///
/// # Errors
/// As [`until`].
pub async fn until_of_a_workload(
    subject: &watch::Subject,
    deadline: Moment,
    what: &str,
    look: impl FnMut(Option<&Value>) -> watch::Step,
    context: &Context,
) -> Result<Option<Value>, Fault> {
    match watch::until(&context.client, subject, None, deadline, what, look).await {
        Err(Fault::Waited { what, last }) => {
            let mut said = String::new();
            for pod in pods_of(subject, context).await {
                let seen = pod_trouble::look(&pod, context).await;
                if let Some(why) = seen.environment(&context.curl_image) {
                    return Err(Fault::Node { what, why: format!("Pod {}: {why}", pod.name) });
                }
                let why = super::hopeless::why("Pod", &seen.pod).or_else(|| seen.missing_volume());
                if let (Some(why), true) = (why, said.is_empty()) {
                    said = format!("; Pod {}: {why}", pod.name);
                }
            }
            Err(Fault::Waited { what, last: format!("{last}{said}") })
        }
        other => other,
    }
}

/// The Pods that a workload selects.
async fn pods_of(subject: &watch::Subject, context: &Context) -> Vec<watch::Subject> {
    let path = format!("{}/{}", subject.collection, api::escape(&subject.name));
    let Ok(now) = api::get(&context.client, &path).await else { return vec![] };
    let namespace = subject.collection.split("/namespaces/").nth(1).and_then(|rest| rest.split('/').next());
    let selector = now.json.as_ref().map(|json| match &json["spec"]["selector"]["matchLabels"] {
        Value::Null => json["spec"]["selector"].clone(),
        labels => labels.clone(),
    });
    let labels = selector.as_ref().and_then(Value::as_object).into_iter().flatten();
    let labels: Vec<_> = labels.filter_map(|(key, value)| Some(format!("{key}={}", value.as_str()?))).collect();
    let (Some(namespace), false) = (namespace, labels.is_empty()) else { return vec![] };
    let collection = format!("/api/v1/namespaces/{namespace}/pods");
    let path = format!("{collection}?labelSelector={}", api::escape(&labels.join(",")));
    let Ok(list) = api::get(&context.client, &path).await else { return vec![] };
    let items = list.json.as_ref().and_then(|json| json["items"].as_array()).into_iter().flatten();
    let names = items.filter_map(|pod| pod["metadata"]["name"].as_str()).take(MOST_PODS);
    names.map(|name| watch::Subject { collection: collection.clone(), name: name.to_owned() }).collect()
}

/// Ends when events say that a volume of the Pod is of something that does not exist, or that its node cannot make it. The
/// Pod itself only says `ContainerCreating`.
async fn stuck(pod: &watch::Subject, what: &str, context: &Context) -> Fault {
    tokio::time::sleep(PATIENCE).await;
    loop {
        let seen = pod_trouble::look(pod, context).await;
        let what = what.to_owned();
        if let Some(why) = seen.for_sure() {
            return Fault::Node { what, why };
        }
        if let Some(last) = seen.missing_volume() {
            return Fault::Waited { what, last };
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// The last lines of the first container that ended, if one did.
async fn log_tail(pod: &watch::Subject, context: &Context) -> String {
    let path = format!("{}/{}", pod.collection, api::escape(&pod.name));
    let Ok(now) = api::get(&context.client, &path).await else { return String::new() };
    let statuses = now.json.as_ref().and_then(|json| json["status"]["containerStatuses"].as_array().cloned());
    let ended = statuses.into_iter().flatten().find(|container| {
        ["state", "lastState"].into_iter().any(|state| container[state]["terminated"]["exitCode"].is_i64())
    });
    let Some(ended) = ended else { return String::new() };
    let previous = ended["state"]["terminated"].is_null();
    let name = api::escape(ended["name"].as_str().unwrap_or_default());
    let path = format!("{path}/log?container={name}&tailLines={LOG_LINES}&previous={previous}");
    match api::get(&context.client, &path).await {
        Ok(log) if log.status == 200 && !log.body.is_empty() => {
            format!("; the end of its log:\n{}", String::from_utf8_lossy(&log.body).trim_end())
        }
        _ => String::new(),
    }
}
