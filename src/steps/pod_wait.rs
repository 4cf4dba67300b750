//! The wait for a Pod that is to become Ready: what stands only in its events, and the end of its log when it fails.

use std::time::Duration;

use serde_json::Value;

use super::{Context, StepError, api, pod_trouble, states, watch};
use crate::clock::Moment;

/// How long a Pod may take before its events are asked for: what keeps a volume from it stands only there.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often they are asked for after that.
const AGAIN: Duration = Duration::from_secs(1);

/// How many lines of the log of a container that ended are told.
const LOG_LINES: usize = 5;

/// Waits for a Pod as [`watch::until`] does, and gives up, too, when a volume of it can never be mounted or its node cannot
/// make it.
///
/// # Errors
/// As [`watch::until`]; with the end of the log of a container that ended; [`StepError::Node`] when the node is at fault.
pub async fn until(
    pod: &watch::Subject,
    mut since: Option<Value>,
    deadline: Moment,
    what: &str,
    mut look: impl FnMut(Option<&Value>) -> watch::Step,
    context: &Context,
) -> Result<Option<Value>, StepError> {
    loop {
        let waited = tokio::select! {
            waited = watch::until(&context.client, pod, since.take(), deadline, what, &mut look) => waited,
            fault = stuck(pod, what, context) => return Err(fault),
        };
        let Err(StepError::Waited { what, last, .. }) = waited else { return waited };
        let seen = pod_trouble::look(pod, &context.client).await;
        // What the kubelet did not find when it looked is there: it looks again by itself.
        if seen.came && !deadline.left().is_zero() {
            tokio::time::sleep(AGAIN).await;
            continue;
        }
        return Err(waited_in_vain(pod, (what, last), &seen, context).await);
    }
}

/// Why a wait for a Pod has ended.
async fn waited_in_vain(
    pod: &watch::Subject,
    (what, last): (String, String),
    seen: &pod_trouble::Seen,
    context: &Context,
) -> StepError {
    if let Some(why) = seen.environment(&context.curl_image) {
        return StepError::Node { what, why };
    }
    let said = seen.last_warning().filter(|said| !last.contains(said.as_str()));
    let said = said.map(|said| format!("; {said}")).unwrap_or_default();
    let log = log_tail(pod, context).await;
    let hint = states::advice(&format!("{last}{said}"));
    StepError::Waited { what, expected: None, last: format!("{last}{said}{log}"), hint }
}

/// Ends when events say that a volume of the Pod is of something that does not exist, or that its node cannot make it. The
/// Pod itself only says `ContainerCreating`.
async fn stuck(pod: &watch::Subject, what: &str, context: &Context) -> StepError {
    tokio::time::sleep(PATIENCE).await;
    loop {
        let seen = pod_trouble::look(pod, &context.client).await;
        let what = what.to_owned();
        if let Some(why) = seen.for_sure() {
            return StepError::Node { what, why };
        }
        if let Some(last) = seen.missing_volume() {
            return watch::failed(what, last);
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// The last lines of the first container that ended, if one did.
async fn log_tail(pod: &watch::Subject, context: &Context) -> String {
    let path = format!("{}/{}", pod.collection, api::escape(&pod.name));
    let Ok(now) = api::get(&context.client, &path).await else { return String::new() };
    let status = now.json.as_ref().map(|json| &json["status"]);
    let lists = ["initContainerStatuses", "containerStatuses"].into_iter();
    let mut statuses = lists.filter_map(|key| status?[key].as_array()).flatten();
    // An init container that has done its part has nothing to say.
    let ended = statuses.find(|container| {
        let code = |state: &str| container[state]["terminated"]["exitCode"].as_i64();
        code("state").or(code("lastState")).is_some_and(|code| code != 0 || container["restartCount"] != 0)
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
