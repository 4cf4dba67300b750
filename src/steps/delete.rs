//! `delete`: one object, or all of a kind that have some labels, and the wait until they are gone.

use std::time::Duration;

use super::{Context, Requester, StepError, api, restore, served_kind, still_own, watch};
use crate::{
    clock::Moment,
    cluster::namespaces,
    expect::Answer,
    k8s::object::going_since,
    plan::{Kind, Target},
};

/// How often it is looked whether all are gone.
const AGAIN: Duration = Duration::from_millis(100);

/// Whether a deleted object is still there: it has a time to go, and a grace or a finalizer that holds it until then. A Pod
/// that no node has goes at once, and its answer shows it for the last time.
pub fn goes_later(object: Option<&serde_json::Value>) -> bool {
    object.map(|object| &object["metadata"]).is_some_and(|metadata| {
        let held = metadata["finalizers"].as_array().is_some_and(|list| !list.is_empty());
        let at_once = metadata["deletionGracePeriodSeconds"] == 0 && !held;
        metadata["deletionTimestamp"].is_string() && !at_once
    })
}

/// Deletes the target and waits until the API server no longer has it.
///
/// # Errors
/// When the API server does not answer, or the object is still there at the deadline.
pub async fn run(target: &Target, who: &Requester, context: &Context, deadline: Moment) -> Result<Answer, StepError> {
    let kind = served_kind::resolve(&target.kind, &context.client).await?;
    let namespace = target.namespace.as_deref().filter(|_| kind.namespaced);
    let Some(name) = target.name.as_deref() else { return labelled(&kind, target, who, context, deadline).await };
    let path = api::path(&kind, namespace, Some(name));
    // Where others make objects, too, only the one that the scenario has made is meant.
    let uid = context.made_uid(&kind, namespace, name).filter(|_| context.is_shared(namespace));
    // As kubectl does, with what is kept for it.
    let (content, body) = (Some("application/json"), namespaces::delete_options(uid.as_deref(), None, None));
    restore::remember(&kind, namespace, name, context).await?;
    let answer = api::send_as(who, http::Method::DELETE, &path, content, body).await?;
    if uid.is_some() && answer.status == 409 && api::message(&answer).contains("UID") {
        return Err(still_own::another(&kind.kind, name));
    }
    if let Some(namespace) = namespace.filter(|_| kind.is("", "ServiceAccount")) {
        context.identities.forget(namespace, name);
    }
    // The object itself comes back when it goes later (a Pod's grace, a finalizer); a Status when it is gone already.
    if (200..300).contains(&answer.status) && goes_later(answer.json.as_ref()) {
        let subject = watch::Subject { collection: api::path(&kind, namespace, None), name: name.to_owned() };
        let since = answer.json.clone();
        let what = format!("{} {name} was deleted but did not go", kind.kind);
        watch::until(&context.client, &subject, since, deadline, &what, |object| match object {
            None => watch::Step::Done,
            Some(_) => watch::Step::GoOn,
        })
        .await?;
    }
    Ok(Answer::Api(answer))
}

/// Deletes all that have the labels by one request, and waits until those that were there are gone.
async fn labelled(
    kind: &Kind,
    target: &Target,
    who: &Requester,
    context: &Context,
    deadline: Moment,
) -> Result<Answer, StepError> {
    let path = target.path(kind);
    let namespace = target.namespace.as_deref().filter(|_| kind.namespaced);
    let text = |object: &serde_json::Value, key: &str| object["metadata"][key].as_str().unwrap_or_default().to_owned();
    let there: Vec<_> = match api::list_if_allowed(&context.client, &path).await? {
        Ok(objects) => objects.iter().map(|object| (text(object, "uid"), text(object, "name"))).collect(),
        // What is not listed is not waited for.
        Err(_) => Vec::new(),
    };
    for (_, name) in &there {
        restore::remember(kind, namespace, name, context).await?;
    }
    let options = namespaces::delete_options(None, None, None);
    let answer = api::send_as(who, http::Method::DELETE, &path, Some("application/json"), options).await?;
    if !(200..300).contains(&answer.status) {
        return Ok(Answer::Api(answer));
    }
    if let Some(namespace) = namespace.filter(|_| kind.is("", "ServiceAccount")) {
        there.iter().for_each(|(_, name)| context.identities.forget(namespace, name));
    }
    loop {
        let left = api::list_if_allowed(&context.client, &path).await?.unwrap_or_default();
        let left = left.iter().find(|object| there.iter().any(|(uid, _)| *uid == text(object, "uid")));
        let Some(left) = left else { return Ok(Answer::Api(answer)) };
        if deadline.left().is_zero() {
            return Err(StepError::Waited {
                what: format!("{} {} was deleted but did not go", kind.kind, text(left, "name")),
                expected: None,
                last: going_since(left).map_or_else(|| "it is still there".to_owned(), |going| format!("it {going}")),
                hint: None,
            });
        }
        tokio::time::sleep(AGAIN.min(deadline.left())).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_goes_at_once_is_not_waited_for() {
        let pod = |grace: u32, finalizers: serde_json::Value| {
            json!({"metadata": {
                "deletionTimestamp": "2026-01-01T00:00:00Z", "deletionGracePeriodSeconds": grace, "finalizers": finalizers,
            }})
        };
        assert!(goes_later(Some(&pod(1, json!(null)))));
        assert!(goes_later(Some(&pod(0, json!(["example.com/hold"])))));
        assert!(!goes_later(Some(&pod(0, json!(null)))));
        assert!(!goes_later(Some(&json!({"kind": "Status", "metadata": {}}))));
        assert!(!goes_later(None));
    }
}
