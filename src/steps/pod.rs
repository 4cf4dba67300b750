//! `pod`: a Pod that does nothing, and the wait until it is Ready.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::{Context, Fault, api, identity::Who, object, wait, watch};
use crate::{
    expect::{Answer, Http},
    plan::Object,
};

/// Reasons of a waiting container from which it does not recover by itself within a scenario.
const HOPELESS: [&str; 7] = [
    "ErrImageNeverPull",
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "CreateContainerConfigError",
    "CreateContainerError",
    "CrashLoopBackOff",
];

/// Creates the Pod and waits until it is Ready. The answer has the status of the creation and the Pod as it then was.
///
/// # Errors
/// When the API server does not answer, or the Pod is not Ready at the deadline or never can be.
pub async fn run(pod: &Object, who: &Who, context: &Context, deadline: Instant) -> Result<Answer, Fault> {
    let created = object::post(pod, who, context).await?;
    if created.status != 201 {
        return Ok(Answer::Api(created));
    }
    let collection = api::path(&pod.kind, pod.namespace.as_deref(), None);
    let subject = watch::Subject { collection, name: pod.name.clone() };
    let since = api::resource_version(created.json.as_ref());
    let what = format!("Pod {} did not become Ready", pod.name);
    let ready = watch::until(&context.client, &subject, since, deadline, &what, look).await?;
    Ok(Answer::Api(Http { warnings: created.warnings, ..answer(201, ready) }))
}

/// An answer that is put together of a status and an object.
pub fn answer(status: u16, object: Option<Value>) -> Http {
    Http {
        status,
        content_type: Some("application/json".into()),
        warnings: vec![],
        body: object.as_ref().map(|object| object.to_string().into_bytes()).unwrap_or_default(),
        json: object,
        took: Duration::ZERO,
    }
}

fn look(pod: Option<&Value>) -> watch::Step {
    let Some(pod) = pod else { return watch::Step::GiveUp("it was deleted meanwhile".into()) };
    if wait::condition(pod, "Ready") {
        return watch::Step::Done;
    }
    if let Some(phase @ ("Failed" | "Succeeded")) = pod["status"]["phase"].as_str() {
        return watch::Step::GiveUp(format!("its containers ended (phase {phase})"));
    }
    let statuses = ["initContainerStatuses", "containerStatuses"]
        .into_iter()
        .flat_map(|key| pod["status"][key].as_array().cloned().unwrap_or_default());
    for status in statuses {
        let waiting = &status["state"]["waiting"];
        if let Some(reason) = waiting["reason"].as_str().filter(|reason| HOPELESS.contains(reason)) {
            let container = status["name"].as_str().unwrap_or_default();
            let message = waiting["message"].as_str().unwrap_or_default();
            return watch::Step::GiveUp(format!("container {container} waits with {reason}: {message}"));
        }
    }
    watch::Step::GoOn
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_pod_that_cannot_start_is_given_up_at_once() {
        let pod = json!({"status": {"phase": "Pending", "containerStatuses": [
            {"name": "main", "state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}},
        ]}});
        let gave_up = watch::Step::GiveUp("container main waits with ImagePullBackOff: no such image".into());
        assert_eq!(look(Some(&pod)), gave_up);
        let creating = json!({"status": {"phase": "Pending", "containerStatuses": [
            {"name": "main", "state": {"waiting": {"reason": "ContainerCreating"}}},
        ]}});
        assert_eq!(look(Some(&creating)), watch::Step::GoOn);
    }
}
