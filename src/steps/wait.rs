//! `wait`: by watch, until an object is in a state.

use serde_json::Value;

use super::{Context, Fault, api, hopeless, pod_wait, watch};
use crate::{
    clock::Moment,
    expect::{Answer, json},
    plan::Target,
    scenario::verbs::Until,
};

/// Conditions that come when all goes well.
const GOOD: [&str; 5] = ["Available", "Complete", "ContainersReady", "Initialized", "Ready"];

/// Kinds that make Pods and select them by labels.
const WORKLOADS: [&str; 6] = ["DaemonSet", "Deployment", "Job", "ReplicaSet", "ReplicationController", "StatefulSet"];

/// Waits for the state. The answer is the object as it then was.
///
/// # Errors
/// When it is not reached by the deadline, with the last state seen.
pub async fn run(target: &Target, until: &Until, context: &Context, deadline: Moment) -> Result<Answer, Fault> {
    let kind = api::resolve(&target.kind, context).await?;
    let namespace = target.namespace.as_deref().filter(|_| kind.namespaced);
    let name = target.name.clone().unwrap_or_default();
    let what = format!("{} {name} did not become {}", kind.kind, said(until));
    let subject = watch::Subject { collection: api::path(&kind, namespace, None), name };
    let look = |object: Option<&Value>| look(&kind.kind, object, until);
    let object = if kind.kind == "Pod" && hopes(until) {
        pod_wait::until(&subject, None, deadline, &what, look, context).await?
    } else if WORKLOADS.contains(&kind.kind.as_str()) && hopes(until) {
        pod_wait::until_of_a_workload(&subject, deadline, &what, look, context).await?
    } else {
        watch::until(&context.client, &subject, None, deadline, &what, look).await?
    };
    Ok(Answer::Api(super::pod::answer(200, object)))
}

fn hopes(until: &Until) -> bool {
    matches!(until, Until::Condition(condition) if GOOD.contains(&condition.as_str()))
}

fn look(kind: &str, object: Option<&Value>, until: &Until) -> watch::Step {
    let reached = match (until, object) {
        (Until::Deleted, object) => object.is_none(),
        (_, None) => false,
        (Until::Exists, Some(_)) => true,
        (Until::Condition(kind), Some(object)) => condition(object, kind),
        (Until::Object(part), Some(object)) => json::contains(object, &Value::Object(part.clone())),
    };
    // Somebody may well wait for a bad state; only what all going well would bring is given up.
    let hopeless = object.filter(|_| hopes(until)).and_then(|object| hopeless::why(kind, object));
    match (reached, hopeless) {
        (true, _) => watch::Step::Done,
        (false, Some(why)) => watch::Step::GiveUp(why),
        (false, None) => watch::Step::GoOn,
    }
}

/// Whether a condition of the object is `True`.
pub fn condition(object: &Value, kind: &str) -> bool {
    object["status"]["conditions"]
        .as_array()
        .into_iter()
        .flatten()
        .any(|condition| condition["type"] == kind && condition["status"] == "True")
}

fn said(until: &Until) -> String {
    match until {
        Until::Exists => "existent".into(),
        Until::Deleted => "deleted".into(),
        Until::Condition(kind) => kind.clone(),
        Until::Object(part) => Value::Object(part.clone()).to_string(),
    }
}
