//! `patch`: a change of one object.

use serde_json::{Value, json};

use super::{Context, Requester, StepError, api, restore, served_kind, still_own};
use crate::{
    expect::Answer,
    plan::{Change, STRICT},
    scenario::calls::PatchType,
};

/// Sends the change.
///
/// # Errors
/// When the API server does not answer. A refusal is an answer.
pub async fn run(change: &Change, who: &Requester, context: &Context) -> Result<Answer, StepError> {
    let kind = served_kind::resolve(&change.target.kind, &context.client).await?;
    let namespace = change.target.namespace.as_deref().filter(|_| kind.namespaced);
    let name = change.target.name.as_deref().unwrap_or_default();
    restore::remember(&kind, namespace, name, context).await?;
    // Where others make objects, too, only the one that the scenario has made is meant.
    let uid = context.made_uid(&kind, namespace, name).filter(|_| context.is_shared(namespace));
    let body = match &uid {
        Some(uid) => only_of(uid, change),
        None => change.body.clone(),
    };
    let body = body.to_string().into_bytes();
    // A field that the kind does not have would be dropped, and the change be a success.
    let path = format!("{}?{STRICT}", change.path(&kind));
    let answer = api::send_as(who, http::Method::PATCH, &path, Some(change.content_type()), body).await?;
    // The words of the refusal may be about something else.
    if let Some(uid) = uid.filter(|_| matches!(answer.status, 409 | 422)) {
        still_own::look(&kind, namespace, name, &uid, context).await?;
    }
    Ok(Answer::Api(answer))
}

/// The same change, of the object with this identity alone.
fn only_of(uid: &str, change: &Change) -> Value {
    let mut body = change.body.clone();
    match (&mut body, change.how) {
        (Value::Array(operations), PatchType::Json) => {
            operations.insert(0, json!({"op": "test", "path": "/metadata/uid", "value": uid}));
        }
        (Value::Object(object), PatchType::Merge | PatchType::Strategic) => {
            // What is no mapping is refused by the server, with its own words.
            if let Some(metadata) = object.entry("metadata").or_insert_with(|| json!({})).as_object_mut() {
                metadata.insert("uid".into(), uid.into());
            }
        }
        _ => {}
    }
    body
}
