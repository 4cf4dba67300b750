//! The wait for a Pod that is to become Ready: what stands only in its events, and the end of its log when it fails.

use std::time::Duration;

use serde_json::Value;

use super::{Context, Fault, api, watch};
use crate::clock::Moment;

/// How long a Pod may take before its events are asked for: what keeps a volume from it stands only there.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often they are asked for after that.
const AGAIN: Duration = Duration::from_secs(1);

/// How many lines of the log of a container that ended are told.
const LOG_LINES: usize = 5;

/// Waits for a Pod as [`watch::until`] does, and gives up, too, when a volume of it can never be mounted.
///
/// # Errors
/// As [`watch::until`]; with the end of the log of a container that ended.
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
        why = without_its_volumes(pod, context) => Err(Fault::Waited { what: what.to_owned(), last: why }),
    };
    match waited {
        Err(Fault::Waited { what, last }) => {
            let log = log_tail(pod, context).await;
            Err(Fault::Waited { what, last: format!("{last}{log}") })
        }
        other => other,
    }
}

/// Ends when an event says that a volume of the Pod is of something that does not exist: in a scenario nobody makes it while
/// the step waits. The Pod itself only says `ContainerCreating`.
async fn without_its_volumes(pod: &watch::Subject, context: &Context) -> String {
    tokio::time::sleep(PATIENCE).await;
    let selector = format!("involvedObject.name={},reason=FailedMount", pod.name);
    let path = format!("{}events?fieldSelector={}", pod.collection.trim_end_matches("pods"), api::escape(&selector));
    loop {
        if let Ok(events) = api::get(&context.client, &path).await
            && let Some(message) = events.json.as_ref().and_then(not_found)
        {
            return format!("event FailedMount: {message}");
        }
        tokio::time::sleep(AGAIN).await;
    }
}

fn not_found(events: &Value) -> Option<String> {
    let messages = events["items"].as_array()?.iter().filter_map(|event| event["message"].as_str());
    messages.into_iter().find(|message| message.ends_with("not found")).map(str::to_owned)
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_does_not_exist_is_hopeless() {
        let events = |message: &str| json!({"items": [{"message": message}]});
        let missing = r#"MountVolume.SetUp failed for volume "s" : secret "missing" not found"#;
        assert_eq!(not_found(&events(missing)).as_deref(), Some(missing));
        assert_eq!(not_found(&events("failed to sync configmap cache: timed out waiting for the condition")), None);
    }
}
