//! Waiting: a first look at once, then a watch, and an error that says the last state seen.

use std::time::Duration;

use futures::TryStreamExt as _;
use kube::core::WatchEvent;
use serde_json::Value;

use super::{
    StepError, api,
    states::{self, Standing},
    terminal_state,
};
use crate::{
    clock::{Moment, timeout_at},
    k8s::object::first_of,
    redact,
};

/// How long after a watch that could not begin it is begun anew, with a look.
const AGAIN: Duration = Duration::from_millis(200);

/// The object that is waited for.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The path of its collection.
    pub collection: String,
    /// Its name.
    pub name: String,
}

/// What a look at the object says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Not yet.
    GoOn,
    /// This is the state.
    Done,
    /// It can never be; this is why.
    GiveUp(String),
}

/// Waits until `look` says that the object (`None`: it does not exist) is in the wanted state, and returns it.
///
/// With `since`, the object as an answer that the caller has shows it, no first look is needed.
///
/// # Errors
/// [`StepError::Waited`] at the deadline or when `look` gives up, with the last state seen; [`StepError::Unreachable`].
pub async fn until(
    client: &kube::Client,
    subject: &Subject,
    since: Option<Value>,
    deadline: Moment,
    what: &str,
    mut look: impl FnMut(Option<&Value>) -> Step,
) -> Result<Option<Value>, StepError> {
    let version = api::resource_version(since.as_ref());
    let (mut last, mut looked) = (since, false);
    let waited = timeout_at(deadline, watch(client, subject, version, (&mut last, &mut looked), &mut look)).await;
    // Events come around the place where answers are learned.
    last.iter().for_each(redact::secrets::learn_json);
    match waited {
        Ok(Ok(None)) => Ok(last),
        Ok(Ok(Some(why))) => Err(failed(what.to_owned(), why)),
        Ok(Err(fault)) => Err(fault),
        // Nothing that was seen is another thing than having seen that it is not there.
        Err(_) if last.is_none() && !looked => {
            Err(failed(format!("{what} in time"), "last seen: nothing, the API server had not answered".into()))
        }
        Err(_) => Err(failed(format!("{what} in time"), state(last.as_ref()))),
    }
}

/// The fault of a wait that did not end well.
pub fn failed(what: String, last: String) -> StepError {
    StepError::Waited { what, expected: None, hint: states::advice(&last), last }
}

/// Ends with `None` when the state is reached, and with the reason when it never can be.
async fn watch(
    client: &kube::Client,
    subject: &Subject,
    mut since: Option<String>,
    (last, looked): (&mut Option<Value>, &mut bool),
    look: &mut impl FnMut(Option<&Value>) -> Step,
) -> Result<Option<String>, StepError> {
    let selector = format!("fieldSelector=metadata.name%3D{}", api::escape(&subject.name));
    loop {
        let version = match since.take() {
            Some(version) => version,
            None => {
                let path = format!("{}?{selector}", subject.collection);
                let list = match api::get(client, &path).await {
                    Ok(list) if api::busy(&list).is_none() => list,
                    // A server that is away or busy comes back, or the deadline comes.
                    Ok(_) | Err(StepError::Unreachable(_)) => {
                        tokio::time::sleep(AGAIN).await;
                        continue;
                    }
                    Err(fault) => return Err(fault),
                };
                if list.status != 200 {
                    return Err(StepError::Refused(format!(
                        "cannot watch {}: {}",
                        subject.collection,
                        api::message(&list)
                    )));
                }
                *looked = true;
                let version = api::resource_version(list.json.as_ref()).unwrap_or_default();
                *last = list.json.and_then(first_of);
                match look(last.as_ref()) {
                    Step::GoOn => {}
                    Step::Done => return Ok(None),
                    Step::GiveUp(why) => return Ok(Some(why)),
                }
                version
            }
        };
        let path = format!("{}?watch=true&{selector}&resourceVersion={version}", subject.collection);
        let request = http::Request::get(path).body(Vec::new()).map_err(|e| StepError::Unreachable(e.to_string()))?;
        let Ok(events) = client.request_events::<Value>(request).await else {
            tokio::time::sleep(AGAIN).await;
            continue;
        };
        let mut events = std::pin::pin!(events);
        // A watch that the server ends (its timeout, or a version that is too old) is begun anew with a fresh look.
        while let Ok(Some(event)) = events.try_next().await {
            *looked = true;
            *last = match event {
                WatchEvent::Added(object) | WatchEvent::Modified(object) => Some(object),
                WatchEvent::Deleted(_) => None,
                WatchEvent::Bookmark(_) => continue,
                WatchEvent::Error(_) => break,
            };
            match look(last.as_ref()) {
                Step::GoOn => {}
                Step::Done => return Ok(None),
                Step::GiveUp(why) => return Ok(Some(why)),
            }
        }
    }
}

/// The last state seen, in a line.
fn state(object: Option<&Value>) -> String {
    let Some(object) = object else { return "last seen: it does not exist".into() };
    let mut parts = Vec::new();
    // A Pod: what its containers wait for says more than its conditions.
    if object["spec"]["containers"].is_array()
        && let Standing::NotYet(why) | Standing::Never(why) = states::of_container(object, None)
    {
        return format!("last seen: {why}");
    }
    if let Some(phase) = object["status"]["phase"].as_str() {
        parts.push(format!("phase {phase}"));
    }
    // What controllers of other kinds say of themselves.
    for key in ["state", "reason", "message", "error"] {
        let said = object["status"][key].as_str().filter(|said| !said.is_empty());
        parts.extend(said.map(|said| format!("{key} {said}")));
    }
    for condition in object["status"]["conditions"].as_array().into_iter().flatten() {
        let bad = matches!(condition["type"].as_str(), Some("Degraded" | "Failed" | "ReplicaFailure" | "Stalled"));
        if bad == (condition["status"] == "True") {
            let text = |key: &str| condition[key].as_str().unwrap_or_default().to_owned();
            parts.push(format!("{}={} {} {}", text("type"), text("status"), text("reason"), text("message")));
        }
    }
    if object["metadata"]["deletionTimestamp"].is_string() {
        parts.push(terminal_state::going(object));
    }
    if let Some(finalizers) = object["metadata"]["finalizers"].as_array().filter(|list| !list.is_empty()) {
        parts.push(format!("held by finalizers {}", Value::from(finalizers.clone())));
    }
    if parts.is_empty() { "last seen: it exists".into() } else { format!("last seen: {}", parts.join("; ")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_last_state_is_told_in_a_line() {
        let pod = json!({"status": {"phase": "Pending", "conditions": [
            {"type": "PodScheduled", "status": "True"},
            {"type": "Ready", "status": "False", "reason": "ContainersNotReady", "message": "waiting"},
        ]}});
        assert_eq!(state(Some(&pod)), "last seen: phase Pending; Ready=False ContainersNotReady waiting");
        assert_eq!(state(None), "last seen: it does not exist");
        let custom = json!({"status": {"message": "no such bucket", "conditions": [
            {"type": "Ready", "status": "Unknown", "reason": "Waiting", "message": "for it"},
            {"type": "Degraded", "status": "False"},
            {"type": "Stalled", "status": "True", "reason": "NoBucket", "message": ""},
        ]}});
        assert_eq!(
            state(Some(&custom)),
            "last seen: message no such bucket; Ready=Unknown Waiting for it; Stalled=True NoBucket "
        );
        let held = json!({"metadata": {"finalizers": ["example.com/hold"]}});
        assert_eq!(state(Some(&held)), "last seen: held by finalizers [\"example.com/hold\"]");
        let going = json!({"metadata": {"deletionTimestamp": "x", "deletionGracePeriodSeconds": 600}});
        let words = "last seen: it is being deleted, with 600 s of grace for what runs in it";
        assert_eq!(state(Some(&going)), words);
    }
}
