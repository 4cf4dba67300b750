//! `pod`: a Pod that does nothing, and the wait until it is Ready.

use serde_json::Value;

use super::{Context, Requester, StepError, api, object, pod_wait, terminal_state, watch};
use crate::{
    clock::Moment,
    expect::{Answer, Http},
    k8s::object::has_condition,
    plan::Object,
};

/// Creates the Pod and waits until it is Ready. The answer has the status of the creation and the Pod as it then was.
///
/// # Errors
/// When the API server does not answer, or the Pod is not Ready at the deadline or never can be.
pub async fn run(pod: &Object, who: &Requester, context: &Context, deadline: Moment) -> Result<Answer, StepError> {
    let created = object::post(pod, who, context, deadline).await?;
    if created.status != 201 {
        return Ok(Answer::Api(created));
    }
    let collection = api::path(&pod.kind, pod.namespace.as_deref(), None);
    let subject = watch::Subject { collection, name: pod.name.clone() };
    let since = created.json.clone();
    let what = format!("Pod {} did not become Ready", pod.name);
    let ready = pod_wait::until(&subject, since, deadline, &what, look, context).await?;
    let reading = context.shells.open(pod.namespace.as_deref().unwrap_or_default(), &pod.name, &context.client);
    if let (Some(uid), Some(reading)) = (api::uid(ready.as_ref()), reading) {
        context.mounted.read_by_shell(uid, reading);
    }
    Ok(Answer::Api(Http { warnings: created.warnings, ..Http::with_object(201, ready) }))
}

fn look(pod: Option<&Value>) -> watch::Step {
    let Some(pod) = pod else { return watch::Step::GiveUp("it was deleted meanwhile".into()) };
    if has_condition(pod, "Ready") {
        return watch::Step::Done;
    }
    terminal_state::never_ready_reason("Pod", pod).map_or(watch::Step::GoOn, watch::Step::GiveUp)
}
