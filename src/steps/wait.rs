//! `wait`: by watch, until an object is in a state.

use serde_json::Value;
use tokio::time::Instant;

use super::{Context, Fault, api, watch};
use crate::{
    expect::{Answer, json},
    plan::Target,
    scenario::verbs::Until,
};

/// Waits for the state. The answer is the object as it then was.
///
/// # Errors
/// When it is not reached by the deadline, with the last state seen.
pub async fn run(target: &Target, until: &Until, context: &Context, deadline: Instant) -> Result<Answer, Fault> {
    let kind = api::resolve(&target.kind, context).await?;
    let namespace = target.namespace.as_deref().filter(|_| kind.namespaced);
    let name = target.name.clone().unwrap_or_default();
    let what = format!("{} {name} did not become {}", kind.kind, said(until));
    let subject = watch::Subject { collection: api::path(&kind, namespace, None), name };
    let object = watch::until(&context.client, &subject, None, deadline, &what, |object| look(object, until)).await?;
    Ok(Answer::Api(super::pod::answer(200, object)))
}

fn look(object: Option<&Value>, until: &Until) -> watch::Step {
    let reached = match (until, object) {
        (Until::Deleted, object) => object.is_none(),
        (_, None) => false,
        (Until::Exists, Some(_)) => true,
        (Until::Condition(kind), Some(object)) => condition(object, kind),
        (Until::Object(part), Some(object)) => json::contains(object, &Value::Object(part.clone())),
    };
    if reached { watch::Step::Done } else { watch::Step::GoOn }
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
