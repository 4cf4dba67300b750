//! What was deleted and goes: the wait for its end, and what holds it.

use std::time::Duration;

use futures::future::join_all;
use serde_json::Value;

use super::pods::end_pods;
use crate::{
    clock::{Moment, timeout_at},
    cluster::namespaces,
    steps::{Context, StepError, api, watch},
};

/// How long the list of what is still in a namespace may take.
const LISTING_BUDGET: Duration = Duration::from_secs(10);

/// The list of namespaces.
const NAMESPACES: &str = "/api/v1/namespaces";

/// How often Pods that came into a going namespace are ended.
const KILL_AGAIN: Duration = Duration::from_secs(2);

/// A namespace of ours in a cluster of others that was deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Going {
    /// Its name.
    pub name: String,
    /// Its identity: another one of that name is not this run's.
    pub uid: String,
}

impl Going {
    /// A scenario's own namespace, once it is deleted.
    pub fn own_namespace(context: &Context) -> Option<Self> {
        let own = context.own.as_ref()?;
        Some(Going { name: own.name.clone(), uid: own.uid.get()?.clone() })
    }
}

/// Waits until namespaces that were removed are gone: Kubernetes begins with what is in them only after some seconds, so one
/// wait is for all of a run. Returns what is still there when the budget is spent, each in a line, with what holds it.
pub async fn gone_for_good(client: &kube::Client, namespaces: &[Going], budget: Duration) -> Vec<String> {
    let deadline = Moment::now() + budget;
    let all = join_all(namespaces.iter().map(|one| namespace_gone(client, one, deadline))).await;
    all.into_iter().flatten().collect()
}

async fn namespace_gone(client: &kube::Client, Going { name, uid }: &Going, deadline: Moment) -> Vec<String> {
    // A run that may remove namespaces but not look at them cannot wait: Kubernetes goes on by itself.
    let look = api::get(client, &format!("/api/v1/namespaces/{name}")).await;
    if look.is_ok_and(|answer| answer.status == 403) {
        return vec![];
    }
    let kill = async {
        loop {
            tokio::time::sleep(KILL_AGAIN).await;
            let _ = namespaces::end_pods(client, name, uid).await;
        }
    };
    let went = tokio::select! {
        went = gone(client, NAMESPACES.into(), (name, Some(uid)), None, deadline) => went,
        () = kill => Ok(()),
    };
    let Err(last) = went else { return vec![] };
    let listed = timeout_at(Moment::now() + LISTING_BUDGET, namespaces::content(client, name)).await;
    let inside = match listed {
        Ok(Ok(objects)) => objects,
        _ => vec![],
    };
    // What nothing holds goes with the rest.
    let holds = |object: &Value| object["metadata"]["finalizers"].as_array().is_some_and(|list| !list.is_empty());
    let any = inside.iter().any(|(_, object)| holds(object));
    let inside = inside.iter().filter(|(_, object)| !any || holds(object));
    let inside: Vec<String> = inside.map(|(kind, object)| survivor(kind, object)).collect();
    let why = match inside.len() {
        0 => last,
        1 => "the object above is still in it".into(),
        many => format!("the {many} objects above are still in it"),
    };
    inside.into_iter().chain([format!("Namespace {name}: {why}")]).collect()
}

/// Waits until a namespace that was deleted is gone, and ends its Pods meanwhile: also of what a controller made in the last moment,
/// no step waits for the last words.
pub(super) async fn without_grace_gone(
    context: &Context,
    name: &str,
    uid: Option<&str>,
    deleted: Option<&Value>,
    deadline: Moment,
) -> Result<(), String> {
    let kill = async {
        loop {
            tokio::time::sleep(KILL_AGAIN).await;
            let _ = end_pods(context, name, uid).await;
        }
    };
    tokio::select! {
        went = gone(&context.client, NAMESPACES.into(), (name, uid), deleted, deadline) => went,
        () = kill => Ok(()),
    }
}

/// An object that does not go, and what holds it.
fn survivor(kind: &str, object: &Value) -> String {
    let text = |key: &str| object["metadata"][key].as_str().unwrap_or_default();
    format!("{kind} {} in {}: {}", text("name"), text("namespace"), held(object))
}

/// What holds an object that was deleted.
fn held(object: &Value) -> String {
    let finalizers = object["metadata"]["finalizers"].as_array().into_iter().flatten();
    let finalizers: Vec<&str> = finalizers.filter_map(Value::as_str).collect();
    match finalizers.as_slice() {
        [] if object["kind"] == "Namespace" => namespace_conditions(object),
        [] => "it is still there, and no finalizer holds it".into(),
        [one] => format!("held by the finalizer {one}"),
        many => format!("held by the finalizers {}", many.join(", ")),
    }
}

/// What the namespace controller says keeps a namespace.
fn namespace_conditions(namespace: &Value) -> String {
    let conditions = namespace["status"]["conditions"].as_array().into_iter().flatten();
    let messages: Vec<&str> = conditions
        .filter(|condition| condition["status"] == "True")
        .filter_map(|condition| condition["message"].as_str())
        .collect();
    if messages.is_empty() { "it is still going, and does not say why".into() } else { messages.join("; ") }
}

/// Waits until a deleted object is gone, or says what holds it at the deadline.
pub(super) async fn gone(
    client: &kube::Client,
    collection: String,
    (name, uid): (&str, Option<&str>),
    deleted: Option<&Value>,
    deadline: Moment,
) -> Result<(), String> {
    let subject = watch::Subject { collection, name: name.to_owned() };
    let mut last = deleted.cloned().unwrap_or_default();
    let uid = uid.or_else(|| deleted.and_then(|object| object["metadata"]["uid"].as_str()));
    let look = |found: Option<&Value>| match found {
        None => watch::Step::Done,
        // Another one has the name now.
        Some(object) if uid.is_some_and(|uid| object["metadata"]["uid"] != uid) => watch::Step::Done,
        Some(object) => {
            last = object.clone();
            watch::Step::GoOn
        }
    };
    match watch::until(client, &subject, deleted.cloned(), deadline, "", look).await {
        Ok(_) => Ok(()),
        Err(StepError::Waited { .. }) => Err(held(&last)),
        Err(fault) => Err(fault.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_holds_an_object_is_said() {
        let object = |finalizers: Value| json!({"metadata": {"name": "a", "namespace": "n", "finalizers": finalizers}});
        assert_eq!(survivor("ConfigMap", &object(json!(["x.y/z"]))), "ConfigMap a in n: held by the finalizer x.y/z");
        assert_eq!(held(&object(json!(["x.y/z", "k"]))), "held by the finalizers x.y/z, k");
        assert_eq!(held(&object(json!(null))), "it is still there, and no finalizer holds it");
    }

    #[test]
    fn a_namespace_says_what_keeps_it() {
        let namespace = json!({"kind": "Namespace", "metadata": {"name": "n"}, "status": {"conditions": [
            {"type": "NamespaceDeletionContentFailure", "status": "False", "message": "All content successfully deleted"},
            {"type": "NamespaceContentRemaining", "status": "True", "message": "Some resources are remaining: pods. has 1 resource instances"},
        ]}});
        assert_eq!(held(&namespace), "Some resources are remaining: pods. has 1 resource instances");
        assert_eq!(held(&json!({"kind": "Namespace"})), "it is still going, and does not say why");
    }
}
