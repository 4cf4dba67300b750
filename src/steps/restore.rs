//! What a scenario changes that was there before it: how it was, and that it becomes so again.
//!
//! On a cluster of our own a scenario may apply what a published manifest holds, also in `kube-system`, and also an object that is
//! there already. The next scenario must not see that, so the object is looked at before it is changed, and is written back after
//! the scenario: by its identity, and only over what was seen last. In a cluster of others this is not needed: nothing of theirs
//! is changed there but what the person allows to be changed for good.

use serde_json::Value;

use super::{Context, Made, StepError, api, changed::ChangedObject};
use crate::{
    clock::{Moment, timeout_at},
    expect::Http,
    plan::Kind,
    sync::locked,
};

/// How long after a refusal it is tried again: a policy is obeyed a moment longer than it is there.
const AGAIN: std::time::Duration = std::time::Duration::from_millis(200);

/// What of an object's metadata only the API server writes.
const SERVERS: [&str; 4] = ["resourceVersion", "generation", "creationTimestamp", "selfLink"];

/// Looks at an object that a step is about to change, if it is not the scenario's own and the cluster is ours.
///
/// # Errors
/// When the API server does not answer, or cannot answer for now: then nothing may be changed.
pub async fn remember(kind: &Kind, namespace: Option<&str>, name: &str, context: &Context) -> Result<(), StepError> {
    if context.foreign || name.is_empty() || is_own(kind, namespace, name, context) {
        return Ok(());
    }
    let known = |changed: &[ChangedObject]| changed.iter().any(|before| before.is(kind, namespace, name));
    if known(&context.changed()) {
        return Ok(());
    }
    let there = api::get(&context.client, &api::path(kind, namespace, Some(name))).await?;
    match (there.status, there.json) {
        // What goes already is not for the scenario to keep.
        (200, Some(object)) if object["metadata"]["deletionTimestamp"].is_null() => {
            let (namespace, name) = (namespace.map(str::to_owned), name.to_owned());
            context.changed().push(ChangedObject { kind: kind.clone(), namespace, name, object });
            Ok(())
        }
        (_, json) => api::busy(&Http { json, ..there }).map_or(Ok(()), Err),
    }
}

/// Whether the scenario made the object, or the namespace that it is in, which goes with all that is in it.
fn is_own(kind: &Kind, namespace: Option<&str>, name: &str, context: &Context) -> bool {
    let own = context.own.as_ref().map(|own| own.name.as_str());
    let place = namespace.or_else(|| kind.is("", "Namespace").then_some(name));
    let made = locked(&context.made);
    let is_made = |one: &Made| {
        let it = one.kind.is(&kind.group, &kind.kind) && one.namespace.as_deref() == namespace && one.name == name;
        it || one.kind.is("", "Namespace") && Some(one.name.as_str()) == place
    };
    place.is_some() && place == own || made.iter().any(is_made)
}

/// Makes everything as it was. Returns what could not be, each in a line, with why.
pub async fn write_back(context: &Context, deadline: Moment) -> Vec<String> {
    let changed = std::mem::take(&mut *context.changed());
    let mut left = Vec::new();
    for before in changed.iter().rev() {
        if let Err(why) = write_back_one(before, context, deadline).await {
            let place = before.namespace.as_ref().map(|namespace| format!(" in {namespace}")).unwrap_or_default();
            left.push(format!("{} {}{place}: it is not as it was before: {why}", before.kind.kind, before.name));
        }
    }
    left
}

async fn write_back_one(before: &ChangedObject, context: &Context, deadline: Moment) -> Result<(), String> {
    let mut last = "the API server did not answer in time".to_owned();
    loop {
        match timeout_at(deadline, attempt(before, context)).await {
            Ok(Ok(Wrote::AsItWas)) => return Ok(()),
            Ok(Ok(Wrote::Something)) => continue,
            Ok(Ok(Wrote::Refused(words))) => last = words,
            Ok(Err(fault)) => last = fault.to_string(),
            Err(_) => return Err(last),
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// What came of an attempt.
enum Wrote {
    /// It is as it was.
    AsItWas,
    /// Something was written, so it is looked at again.
    Something,
    /// The API server says why not.
    Refused(String),
}

async fn attempt(before: &ChangedObject, context: &Context) -> Result<Wrote, StepError> {
    let path = before.path();
    let there = api::get(&context.client, &path).await?;
    let json = Some("application/json");
    let sent = match (there.status, there.json) {
        // Its controller makes it anew, or it is not needed.
        (404, _) if is_kept(&before.object) || before.kind.is("", "Pod") => return Ok(Wrote::AsItWas),
        (404, _) => {
            let collection = api::path(&before.kind, before.namespace.as_deref(), None);
            let mut body = without(&before.object, &SERVERS);
            body["metadata"].as_object_mut().map(|metadata| metadata.remove("uid"));
            api::send(&context.client, http::Method::POST, &collection, json, body.to_string().into_bytes()).await?
        }
        (200, Some(now)) => {
            let is_new = api::uid(Some(&now)) != api::uid(Some(&before.object));
            let ignored: &[&str] = if is_new { &["uid", "managedFields"] } else { &["managedFields"] };
            let bare = |object: &Value| without(&without(object, &SERVERS), ignored);
            if bare(&now) != bare(&before.object) {
                // A controller made it anew after the scenario had deleted it, and knows how it must be.
                if is_new {
                    return Ok(Wrote::AsItWas);
                }
                let mut body = before.object.clone();
                body["metadata"]["resourceVersion"] = now["metadata"]["resourceVersion"].clone();
                api::send(&context.client, http::Method::PUT, &path, json, body.to_string().into_bytes()).await?
            } else if now["metadata"]["managedFields"] != before.object["metadata"]["managedFields"] && !is_new {
                // Who manages what is written last, and alone, so that this changes nothing of it again.
                let fields = &before.object["metadata"]["managedFields"];
                let body = serde_json::json!([
                    {"op": "test", "path": "/metadata/resourceVersion", "value": now["metadata"]["resourceVersion"]},
                    {"op": "replace", "path": "/metadata/managedFields", "value": fields},
                ]);
                let kind = Some("application/json-patch+json");
                let body = body.to_string().into_bytes();
                let sent = api::send(&context.client, http::Method::PATCH, &path, kind, body).await?;
                // A server that writes its own notes all the same is let be.
                let as_asked = sent.status != 200
                    || sent.json.as_ref().is_some_and(|now| now["metadata"]["managedFields"] == *fields);
                if !as_asked {
                    return Ok(Wrote::AsItWas);
                }
                sent
            } else {
                return Ok(Wrote::AsItWas);
            }
        }
        (_, json) => return Ok(Wrote::Refused(api::message(&Http { json, ..there }))),
    };
    Ok(if (200..300).contains(&sent.status) { Wrote::Something } else { Wrote::Refused(api::message(&sent)) })
}

/// Whether a controller keeps the object.
fn is_kept(object: &Value) -> bool {
    let owners = object["metadata"]["ownerReferences"].as_array().into_iter().flatten();
    owners.into_iter().any(|owner| owner["controller"] == true)
}

/// An object without some keys of its metadata. Status is a controller's, and is not written by this.
fn without(object: &Value, keys: &[&str]) -> Value {
    let mut object = object.clone();
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.retain(|key, _| !keys.contains(&key.as_str()));
    }
    if let Some(object) = object.as_object_mut() {
        object.remove("status");
    }
    object
}
