//! What a scenario needs before its first step, and what is removed after its last.

use std::{sync::PoisonError, time::Duration};

use futures::future::join_all;
use serde_json::{Value, json};

use crate::{
    clock::{Moment, timeout_at},
    cluster::namespaces,
    expect::Http,
    plan::Plan,
    steps::{Context, Fault, Made, api, delete, watch},
};

/// How long a new namespace may take to get what Kubernetes puts into each.
const NAMESPACE_BUDGET: Duration = Duration::from_secs(30);

/// How long the list of what is still in a namespace may take.
const LISTING_BUDGET: Duration = Duration::from_secs(10);

/// How long a policy may still be obeyed after its removal: the API server looks for changed ones once a second
/// (`policyRefreshInterval` in k8s.io/apiserver), and may be late.
const POLICY_LINGERS: Duration = Duration::from_secs(2);

/// How long after something that the API server could not answer it is asked again.
const AGAIN: Duration = Duration::from_millis(200);

/// Makes the scenario's own namespace and waits until Pods can be created in it.
///
/// # Errors
/// When the namespace is refused, or its ServiceAccount `default` or its ConfigMap `kube-root-ca.crt` do not come.
pub async fn make_namespace(plan: &Plan, context: &Context) -> Result<(), Fault> {
    let name = &plan.namespace;
    let mut manifest = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
    namespaces::mark(&mut manifest);
    let body = manifest.to_string().into_bytes();
    let deadline = Moment::now() + NAMESPACE_BUDGET;
    let mut again = false;
    loop {
        let kind = Some("application/json");
        let sent = api::send(&context.client, http::Method::POST, "/api/v1/namespaces", kind, body.clone());
        match timeout_at(deadline, sent).await {
            // Nobody else has the name: an answer got lost.
            Ok(Ok(made)) if made.status == 201 || (again && made.status == 409) => break,
            Ok(Ok(made)) if api::busy(&made).is_none() || deadline.left() <= AGAIN => {
                return Err(Fault::Refused(format!("the namespace {name} was refused: {}", api::words(&made))));
            }
            Ok(Err(fault)) if deadline.left() <= AGAIN => return Err(fault),
            Err(_) => return Err(Fault::Unreachable(format!("no answer came within {NAMESPACE_BUDGET:?}"))),
            Ok(_) => {}
        }
        again = true;
        tokio::time::sleep(AGAIN).await;
    }
    // A Pod needs both: admission looks for the account, and the kubelet mounts the certificate.
    let arrives = |plural: &str, object: &'static str| {
        let subject =
            watch::Subject { collection: format!("/api/v1/namespaces/{name}/{plural}"), name: object.to_owned() };
        async move {
            let what = format!("{object} did not come into the new namespace");
            watch::until(&context.client, &subject, None, deadline, &what, |found| match found {
                Some(_) => watch::Step::Done,
                None => watch::Step::GoOn,
            })
            .await
        }
    };
    let (account, certificate) =
        tokio::join!(arrives("serviceaccounts", "default"), arrives("configmaps", "kube-root-ca.crt"));
    account?;
    certificate?;
    Ok(())
}

/// Removes the scenario's namespace and everything that it made elsewhere, all at once, and waits for the end of what is
/// not in that namespace, and of its effect on others. Returns what is still there when the budget is spent, each in a line,
/// with what holds it.
pub async fn remove(plan: &Plan, context: &Context, budget: Duration) -> Vec<String> {
    let mut made = std::mem::take(&mut *context.made.lock().unwrap_or_else(PoisonError::into_inner));
    let own = plan.fresh_namespace.then_some(plan.namespace.as_str());
    made.retain(|object| own.is_none() || object.namespace.as_deref() != own);
    made.reverse();
    let lingers = plan.alone && made.iter().any(is_policy);
    let deadline = Moment::now() + budget;
    let others = join_all(made.iter().map(|object| remove_one(object, context, deadline)));
    let own = async {
        let name = own?;
        let removed = delete(&context.client, &format!("/api/v1/namespaces/{name}"), deadline).await;
        removed.err().map(|why| format!("Namespace {name}: {why}"))
    };
    let (others, own) = tokio::join!(others, own);
    if lingers {
        tokio::time::sleep(POLICY_LINGERS).await;
    }
    others.into_iter().flatten().chain(own).collect()
}

/// Waits until namespaces that were removed are gone: Kubernetes begins with what is in them only after some seconds, so one
/// wait is for all of a run. Returns what is still there when the budget is spent, each in a line, with what holds it.
pub async fn gone_for_good(client: &kube::Client, namespaces: &[String], budget: Duration) -> Vec<String> {
    let deadline = Moment::now() + budget;
    let all = join_all(namespaces.iter().map(|name| namespace_gone(client, name, deadline))).await;
    all.into_iter().flatten().collect()
}

/// Whether it is an admission policy, or the binding that lets one take effect.
fn is_policy(object: &Made) -> bool {
    object.kind.group == "admissionregistration.k8s.io" && object.kind.kind.contains("AdmissionPolicy")
}

async fn remove_one(object: &Made, context: &Context, deadline: Moment) -> Option<String> {
    let path = api::path(&object.kind, object.namespace.as_deref(), Some(&object.name));
    // Nobody waits for the last words of a Pod that is thrown away.
    let path = if object.kind.kind == "Pod" { format!("{path}?gracePeriodSeconds=0") } else { path };
    let place = object.namespace.as_ref().map(|namespace| format!(" in {namespace}")).unwrap_or_default();
    let name = format!("{} {}{place}", object.kind.kind, object.name);
    let answer = match delete(&context.client, &path, deadline).await {
        Ok(answer) => answer.json,
        Err(why) => return Some(format!("{name}: {why}")),
    };
    if !delete::goes_later(answer.as_ref()) {
        return None;
    }
    let collection = api::path(&object.kind, object.namespace.as_deref(), None);
    match gone(&context.client, collection, &object.name, answer.as_ref(), deadline).await {
        Ok(()) => None,
        Err(last) => Some(format!("{name}: {last}")),
    }
}

async fn namespace_gone(client: &kube::Client, name: &str, deadline: Moment) -> Vec<String> {
    // Who may remove namespaces but not look at them cannot wait: Kubernetes goes on by itself.
    let look = api::get(client, &format!("/api/v1/namespaces/{name}")).await;
    if look.is_ok_and(|answer| answer.status == 403) {
        return vec![];
    }
    let Err(last) = gone(client, "/api/v1/namespaces".into(), name, None, deadline).await else { return vec![] };
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
async fn gone(
    client: &kube::Client,
    collection: String,
    name: &str,
    deleted: Option<&Value>,
    deadline: Moment,
) -> Result<(), String> {
    let subject = watch::Subject { collection, name: name.to_owned() };
    let mut last = deleted.cloned().unwrap_or_default();
    let look = |found: Option<&Value>| match found {
        None => watch::Step::Done,
        Some(object) => {
            last = object.clone();
            watch::Step::GoOn
        }
    };
    match watch::until(client, &subject, api::resource_version(deleted), deadline, "", look).await {
        Ok(_) => Ok(()),
        Err(Fault::Waited { .. }) => Err(held(&last)),
        Err(fault) => Err(fault.to_string()),
    }
}

/// Asks for a removal until the answer says something about it: a server that is busy, or away for a moment, is asked again.
async fn delete(client: &kube::Client, path: &str, deadline: Moment) -> Result<Http, String> {
    let mut last = "the API server did not answer in time".to_owned();
    loop {
        let sent = api::send(client, http::Method::DELETE, path, None, Vec::new());
        match timeout_at(deadline, sent).await {
            // A namespace that is going already answers with a conflict.
            Ok(Ok(http)) if (200..300).contains(&http.status) || matches!(http.status, 404 | 409) => return Ok(http),
            Ok(Ok(http)) if api::busy(&http).is_some() => last = api::words(&http),
            Ok(Ok(http)) => return Err(api::words(&http)),
            Ok(Err(fault)) => last = fault.to_string(),
            Err(_) => return Err(last),
        }
        tokio::time::sleep(AGAIN).await;
    }
}

#[cfg(test)]
mod tests {
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
