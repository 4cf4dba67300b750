//! `wait`: by watch, until an object is in a state.

use serde_json::Value;

use super::{Context, StepError, api, pod_wait, served_kind, terminal_state, watch, workload};
use crate::{
    clock::Moment,
    expect::{Answer, Http, json},
    k8s::object::has_condition,
    plan::Target,
    scenario::verbs::Until,
};

/// Conditions that come when all goes well.
const GOOD: [&str; 5] = ["Available", "Complete", "ContainersReady", "Initialized", "Ready"];

/// Counts in a status that rise when all goes well.
const COUNTS: [&str; 9] = [
    "active",
    "availableReplicas",
    "currentReplicas",
    "numberAvailable",
    "numberReady",
    "readyReplicas",
    "replicas",
    "succeeded",
    "updatedReplicas",
];

/// Waits for the state. The answer is the object as it then was.
///
/// # Errors
/// When it is not reached by the deadline, with the last state seen.
pub async fn run(target: &Target, until: &Until, context: &Context, deadline: Moment) -> Result<Answer, StepError> {
    let kind = served_kind::resolve(&target.kind, &context.client).await?;
    let namespace = target.namespace.as_deref().filter(|_| kind.namespaced);
    let name = target.name.clone().unwrap_or_default();
    let what = format!("{} {name} did not become {}", kind.kind, state_name(until));
    let subject = watch::Subject { collection: api::path(&kind, namespace, None), name };
    let look = |object: Option<&Value>| look(&kind.kind, object, until);
    let object = if kind.kind == "Pod" && hopes(until) {
        pod_wait::until(&subject, None, deadline, &what, look, context).await?
    } else if workload::KINDS.contains(&kind.kind.as_str()) && hopes(until) {
        workload::until(&subject, &kind.kind, deadline, &what, look, context).await?
    } else {
        watch::until(&context.client, &subject, None, deadline, &what, look).await?
    };
    Ok(Answer::Api(Http::with_object(200, object)))
}

/// Whether it waits for what comes when all goes well.
fn hopes(until: &Until) -> bool {
    let good = |value: &Value| value.as_str().is_some_and(|kind| GOOD.contains(&kind));
    match until {
        Until::Condition(condition) => GOOD.contains(&condition.as_str()),
        Until::Object(part) => {
            let status = part.get("status").unwrap_or(&Value::Null);
            let counts = COUNTS.iter().any(|key| status[key].as_u64().is_some_and(|count| count > 0));
            let mut conditions = status["conditions"].as_array().into_iter().flatten();
            let runs = matches!(status["phase"].as_str(), Some("Running" | "Succeeded"));
            counts || runs || conditions.any(|one| one["status"] == "True" && good(&one["type"]))
        }
        Until::Exists | Until::Deleted => false,
    }
}

fn look(kind: &str, object: Option<&Value>, until: &Until) -> watch::Step {
    let reached = match (until, object) {
        (Until::Deleted, object) => object.is_none(),
        (_, None) => false,
        (Until::Exists, Some(_)) => true,
        (Until::Condition(kind), Some(object)) => has_condition(object, kind),
        (Until::Object(part), Some(object)) => json::contains(object, &Value::Object(part.clone())),
    };
    // A step may well wait for a bad state; only what all going well would bring is given up.
    let hopeless = object.filter(|_| hopes(until)).and_then(|object| terminal_state::never_ready_reason(kind, object));
    match (reached, hopeless) {
        (true, _) => watch::Step::Done,
        (false, Some(why)) => watch::Step::GiveUp(why),
        (false, None) => watch::Step::GoOn,
    }
}

fn state_name(until: &Until) -> String {
    match until {
        Until::Exists => "existent".into(),
        Until::Deleted => "deleted".into(),
        Until::Condition(kind) => kind.clone(),
        Until::Object(part) => Value::Object(part.clone()).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case(json!({"status": {"phase": "Running"}}), true)]
    #[case(json!({"status": {"readyReplicas": 2}}), true)]
    #[case(json!({"status": {"conditions": [{"type": "Ready", "status": "True"}]}}), true)]
    #[case(json!({"status": {"phase": "Failed"}}), false)]
    #[case(json!({"status": {"readyReplicas": 0}}), false)]
    #[case(json!({"status": {"conditions": [{"type": "Ready", "status": "False"}]}}), false)]
    #[case(json!({"metadata": {"labels": {"a": "b"}}}), false)]
    fn what_comes_when_all_goes_well(#[case] part: Value, #[case] hopes: bool) {
        let part = part.as_object().expect("a map").clone();
        assert_eq!(super::hopes(&Until::Object(part)), hopes);
    }
}
