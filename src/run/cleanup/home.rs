//! The scenario's own namespace: made before its first step, and known by its identity.

use std::time::Duration;

use serde_json::{Value, json};

use super::pods::AGAIN;
use crate::{
    clock::{Moment, timeout_at},
    cluster::namespaces,
    plan::Plan,
    steps::{Context, StepError, api, watch},
};

/// How long a new namespace may take to get what Kubernetes puts into each.
const NAMESPACE_BUDGET: Duration = Duration::from_secs(30);

/// Makes the scenario's own namespace and waits until Pods can be created in it.
///
/// # Errors
/// When the namespace is refused, or its ServiceAccount `default` or its ConfigMap `kube-root-ca.crt` do not come.
pub async fn make_namespace(plan: &Plan, context: &Context) -> Result<(), StepError> {
    let name = &plan.namespace;
    let mut manifest = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
    namespaces::mark(&mut manifest, None);
    let body = manifest.to_string().into_bytes();
    // A name that the scenario says may be that of another one, which is still going or has its turn.
    let named = plan.document.scenario.namespace.is_some();
    let budget = if named { NAMESPACE_BUDGET.max(plan.timeout) } else { NAMESPACE_BUDGET };
    let deadline = Moment::now() + budget;
    let mut again = false;
    loop {
        let kind = Some("application/json");
        let sent = api::send(&context.client, http::Method::POST, "/api/v1/namespaces", kind, body.clone());
        match timeout_at(deadline, sent).await {
            Ok(Ok(made)) if made.status == 201 => {
                note_uid(context, made.json.as_ref());
                break;
            }
            Ok(Ok(made))
                if named && made.status == 409 && deadline.left() > AGAIN && is_anothers(context, name).await? =>
            {
                tokio::time::sleep(AGAIN).await;
                continue;
            }
            // No other run has the name: an answer got lost, or somebody else has made it meanwhile.
            Ok(Ok(made)) if again && made.status == 409 => {
                if own_uid(context).await.is_some() {
                    break;
                }
                let why = format!("the namespace {name} is there already, and is not this scenario's");
                return Err(StepError::Refused(why));
            }
            Ok(Ok(made)) if api::busy(&made).is_none() || deadline.left() <= AGAIN => {
                return Err(StepError::Refused(format!("the namespace {name} was refused: {}", api::message(&made))));
            }
            Ok(Err(fault)) if deadline.left() <= AGAIN => return Err(fault),
            Err(_) => return Err(StepError::Unreachable(format!("no answer came within {budget:?}"))),
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

/// Whether a namespace of this name is going, or is that of another run that lives.
async fn is_anothers(context: &Context, name: &str) -> Result<bool, StepError> {
    let there = api::get(&context.client, &format!("/api/v1/namespaces/{}", api::escape(name))).await?;
    Ok(match there.json.filter(|_| there.status == 200) {
        None => true,
        Some(object) if object["metadata"]["deletionTimestamp"].is_string() => true,
        Some(object) => namespaces::another_run(&object).is_some_and(|run| !run.dead),
    })
}

fn note_uid(context: &Context, namespace: Option<&Value>) {
    if let (Some(own), Some(uid)) = (&context.own, api::uid(namespace)) {
        let _ = own.uid.set(uid);
    }
}

/// The identity of the scenario's namespace; `None`: there is none of ours. An answer that got lost is asked for again.
pub(super) async fn own_uid(context: &Context) -> Option<String> {
    let own = context.own.as_ref()?;
    if own.uid.get().is_none()
        && let Ok(there) = api::get(&context.client, &format!("/api/v1/namespaces/{}", own.name)).await
    {
        note_uid(context, there.json.as_ref().filter(|object| there.status == 200 && namespaces::is_ours(object)));
    }
    own.uid.get().cloned()
}
