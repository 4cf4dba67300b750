//! What a scenario needs before its first step, and what is removed after its last.

use std::{sync::PoisonError, time::Duration};

use futures::future::join_all;
use serde_json::json;
use tokio::time::Instant;

use crate::{
    cluster::namespaces,
    plan::Plan,
    steps::{Context, Fault, Made, api, delete, watch},
};

/// How long a new namespace may take to get what Kubernetes puts into each.
const NAMESPACE_BUDGET: Duration = Duration::from_secs(30);

/// How long removed objects may take to go.
const REMOVAL_BUDGET: Duration = Duration::from_secs(30);

/// Makes the scenario's own namespace and waits until Pods can be created in it.
///
/// # Errors
/// When the namespace is refused, or its ServiceAccount `default` or its ConfigMap `kube-root-ca.crt` do not come.
pub async fn make_namespace(plan: &Plan, context: &Context) -> Result<(), Fault> {
    let name = &plan.namespace;
    let mut manifest = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
    namespaces::mark(&mut manifest);
    let body = manifest.to_string().into_bytes();
    let made =
        api::send(&context.client, http::Method::POST, "/api/v1/namespaces", Some("application/json"), body).await?;
    if made.status != 201 {
        return Err(Fault::Refused(format!("the namespace {name} was refused: {}", api::words(&made))));
    }
    let deadline = Instant::now() + NAMESPACE_BUDGET;
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
/// not in that namespace. Returns what is still there, each in a line.
pub async fn remove(plan: &Plan, context: &Context) -> Vec<String> {
    let mut made = std::mem::take(&mut *context.made.lock().unwrap_or_else(PoisonError::into_inner));
    let own = plan.fresh_namespace.then_some(plan.namespace.as_str());
    made.retain(|object| own.is_none() || object.namespace.as_deref() != own);
    made.reverse();
    let deadline = Instant::now() + REMOVAL_BUDGET;
    let mut left: Vec<String> =
        join_all(made.iter().map(|object| remove_one(object, context, deadline))).await.into_iter().flatten().collect();
    if let Some(namespace) = own {
        let path = format!("/api/v1/namespaces/{namespace}");
        let answer = api::send(&context.client, http::Method::DELETE, &path, None, Vec::new()).await;
        if let Some(why) = refused(answer) {
            left.push(format!("Namespace {namespace}: {why}"));
        }
    }
    left
}

async fn remove_one(object: &Made, context: &Context, deadline: Instant) -> Option<String> {
    let path = api::path(&object.kind, object.namespace.as_deref(), Some(&object.name));
    // Nobody waits for the last words of a Pod that is thrown away.
    let path = if object.kind.kind == "Pod" { format!("{path}?gracePeriodSeconds=0") } else { path };
    let place = object.namespace.as_ref().map(|namespace| format!(" in {namespace}")).unwrap_or_default();
    let name = format!("{} {}{place}", object.kind.kind, object.name);
    let answer = api::send(&context.client, http::Method::DELETE, &path, None, Vec::new()).await;
    let later = answer.as_ref().is_ok_and(|http| delete::goes_later(http.json.as_ref()));
    let since = answer.as_ref().ok().and_then(|http| api::resource_version(http.json.as_ref()));
    if let Some(why) = refused(answer) {
        return Some(format!("{name}: {why}"));
    }
    if !later {
        return None;
    }
    let collection = api::path(&object.kind, object.namespace.as_deref(), None);
    let subject = watch::Subject { collection, name: object.name.clone() };
    let gone = |found: Option<&serde_json::Value>| if found.is_none() { watch::Step::Done } else { watch::Step::GoOn };
    watch::until(&context.client, &subject, since, deadline, &format!("{name} did not go"), gone)
        .await
        .err()
        .map(|fault| fault.to_string())
}

/// Why a DELETE did not do its work; what is gone already is fine.
fn refused(answer: Result<crate::expect::Http, Fault>) -> Option<String> {
    match answer {
        Ok(http) if (200..300).contains(&http.status) || http.status == 404 => None,
        Ok(http) => Some(api::words(&http)),
        Err(fault) => Some(fault.to_string()),
    }
}
