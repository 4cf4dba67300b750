//! What a request changes by its name, where others make objects, too: whether it is still the object that the scenario has made.
//!
//! `apply`, `patch` and `delete` say the object's identity in what they send. `request` and `curl` send what is written, so the object
//! is looked at before.

use super::{Context, StepError, api};
use crate::plan::{Action, Kind, Request};

/// Looks at what a `request` or a call from a Pod is about to change, if the scenario has made it and others could have since.
///
/// # Errors
/// [`StepError::Taken`] when it is another one now.
pub(super) async fn check(action: &Action, context: &Context) -> Result<(), StepError> {
    if !(context.foreign && matches!(action, Action::Request(_) | Action::Curl(_))) {
        return Ok(());
    }
    for request in action.requests() {
        let Request::Resource { verb, group, resource, namespace, name: Some(name), .. } = &request else { continue };
        if !matches!(verb.as_str(), "update" | "patch" | "delete") {
            continue;
        }
        // A namespace is in none.
        let namespace = namespace.as_deref().filter(|_| resource != "namespaces");
        let made = context.made_as(group, resource, namespace, name).filter(|_| context.is_shared(namespace));
        let Some((kind, Some(uid))) = made.map(|made| (made.kind, made.uid)) else { continue };
        look(&kind, namespace, name, &uid, context).await?;
    }
    Ok(())
}

/// Looks whether an object that the scenario has made is another one now.
///
/// # Errors
/// [`StepError::Taken`] when it is.
pub(super) async fn look(
    kind: &Kind,
    namespace: Option<&str>,
    name: &str,
    uid: &str,
    context: &Context,
) -> Result<(), StepError> {
    let there = api::get(&context.client, &api::path(kind, namespace, Some(name))).await?;
    let now = api::uid(there.json.as_ref().filter(|_| there.status == 200));
    if now.is_some_and(|now| now != uid) { Err(another(&kind.kind, name)) } else { Ok(()) }
}

/// What a step says that was about to change an object of another caller.
pub(super) fn another(kind: &str, name: &str) -> StepError {
    StepError::Taken(format!("{kind} {name} is another one now: it was deleted and made anew meanwhile"))
}
