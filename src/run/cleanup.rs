//! What a scenario needs before its first step, and what is removed after its last.

mod going;
mod home;
mod pods;

use std::time::Duration;

use futures::future::join_all;
use serde_json::Value;

use super::lock;
use crate::{
    clock::{Moment, timeout_at},
    cluster::{emptied, namespaces},
    expect::Http,
    plan::{Plan, needs},
    steps::{Context, Made, StepError, api, delete, restore},
    sync::locked,
};
pub use going::{Going, gone_for_good};
use going::{gone, without_grace_gone};
pub use home::make_namespace;
use home::own_uid;
use pods::{AGAIN, end_pods, keeps_pods, kept_pods, owners};

/// How long a policy may still be obeyed after its removal: the API server looks for changed ones once a second
/// (`policyRefreshInterval` in k8s.io/apiserver), and may be late.
const POLICY_LINGERS: Duration = Duration::from_secs(2);

/// Waits until no other run that lives has a cluster-wide object of a name that the scenario needs. It is a look and no lock: the
/// step that makes the object waits again if another run was faster.
///
/// # Errors
/// [`StepError::Taken`] when it was not free in time.
pub async fn wait_for_names(plan: &Plan, context: &Context, deadline: Moment) -> Result<(), StepError> {
    let mut names = needs::makes_cluster_wide(plan);
    names.retain(|(kind, _)| kind.plural.is_some());
    names.sort_by_key(|(kind, name)| (kind.group.clone(), kind.kind.clone(), (*name).to_owned()));
    for (kind, name) in names {
        let path = api::path(kind, None, Some(name));
        loop {
            let there = api::get(&context.client, &path).await?;
            let run = there.json.as_ref().filter(|_| there.status == 200).and_then(namespaces::another_run);
            let Some(run) = run.filter(|run| !run.dead) else { break };
            if deadline.left() <= AGAIN {
                return Err(StepError::Taken(format!(
                    "{} {name} belongs to {run}, and was not free in time",
                    kind.kind
                )));
            }
            tokio::time::sleep(AGAIN).await;
        }
    }
    Ok(())
}

/// Removes the scenario's namespace and everything that it made elsewhere, all at once, makes what it changed as it was, and waits for the end of what is
/// not in that namespace, and of its effect on others. Returns what is still there when the budget is spent, each in a line,
/// with what holds it.
pub async fn remove(plan: &Plan, context: &Context, budget: Duration) -> Vec<String> {
    let mut made = std::mem::take(&mut *locked(&context.made));
    let own = plan.fresh_namespace.then_some(plan.namespace.as_str());
    made.retain(|object| own.is_none() || object.namespace.as_deref() != own);
    made.reverse();
    let turn: Vec<Made> = made.extract_if(.., |object| lock::is_turn(object)).collect();
    let lingers = plan.alone && made.iter().any(is_policy);
    let deadline = Moment::now() + budget;
    let others = join_all(made.iter().map(|object| remove_one(object, context, deadline)));
    let own = async {
        let (name, uid) = (own?, own_uid(context).await?);
        let removed = delete(&context.client, &format!("/api/v1/namespaces/{name}"), Some(&uid), None, deadline).await;
        match removed {
            // Nothing new comes into it now. A run that may not do this waits longer.
            Ok(_) => drop(timeout_at(deadline, end_pods(context, name, Some(&uid))).await),
            Err(why) => return Some(format!("Namespace {name}: {why}")),
        }
        None
    };
    let (others, own) = tokio::join!(others, own);
    if lingers {
        tokio::time::sleep(POLICY_LINGERS).await;
    }
    // Last: what was made could keep it from being as it was.
    let changed = restore::write_back(context, deadline).await;
    let mut left: Vec<String> = others.into_iter().flatten().chain(own).chain(changed).collect();
    for object in &turn {
        left.extend(remove_one(object, context, deadline).await);
    }
    left
}

/// Whether it is an admission policy, or the binding that lets one take effect.
fn is_policy(object: &Made) -> bool {
    object.kind.group == "admissionregistration.k8s.io" && object.kind.kind.contains("AdmissionPolicy")
}

async fn remove_one(object: &Made, context: &Context, deadline: Moment) -> Option<String> {
    let path = api::path(&object.kind, object.namespace.as_deref(), Some(&object.name));
    // No step waits for the last words of a Pod that is thrown away.
    let grace = object.kind.is("", "Pod").then_some(0);
    let place = object.namespace.as_ref().map(|namespace| format!(" in {namespace}")).unwrap_or_default();
    let name = format!("{} {}{place}", object.kind.kind, object.name);
    let uid = object.uid.as_deref();
    if uid.is_none() && context.foreign {
        return Some(format!("{name}: the API server did not say its identity, so it was not touched"));
    }
    let pods = match (object.namespace.as_deref().filter(|_| keeps_pods(&object.kind)), uid) {
        (Some(namespace), Some(uid)) => {
            let owners = timeout_at(deadline, owners(&context.client, namespace, uid)).await;
            Some((namespace, owners.unwrap_or_else(|_| vec![uid.to_owned()])))
        }
        _ => None,
    };
    let answer = match delete(&context.client, &path, uid, grace, deadline).await {
        Ok(answer) => answer.json,
        Err(why) => return Some(format!("{name}: {why}")),
    };
    if let Some((namespace, owners)) = pods {
        let _ = timeout_at(deadline, kept_pods(&context.client, namespace, owners)).await;
    }
    if !delete::goes_later(answer.as_ref()) {
        return None;
    }
    let collection = api::path(&object.kind, object.namespace.as_deref(), None);
    let went = if object.kind.is("", "Namespace") {
        let _ = timeout_at(deadline, end_pods(context, &object.name, uid)).await;
        if !context.foreign {
            let only = [object.name.as_str()];
            let _ = timeout_at(deadline, emptied::finish(&context.client, Some(&only), deadline)).await;
        }
        without_grace_gone(context, &object.name, uid, answer.as_ref(), deadline).await
    } else {
        gone(&context.client, collection, (&object.name, uid), answer.as_ref(), deadline).await
    };
    match went {
        Ok(()) => None,
        Err(last) => Some(format!("{name}: {last}")),
    }
}

/// Asks for the removal of one object, known by its identity, until it is gone or going: a server that is busy or away for a
/// moment, a conflict, and a policy that is obeyed a moment longer than it is there, are no last words. Only RBAC's are.
async fn delete(
    client: &kube::Client,
    path: &str,
    uid: Option<&str>,
    grace: Option<u32>,
    deadline: Moment,
) -> Result<Http, String> {
    let mut last = "the API server did not answer in time".to_owned();
    loop {
        let kind = Some("application/json");
        let body = namespaces::delete_options(uid, None, grace);
        match timeout_at(deadline, api::send(client, http::Method::DELETE, path, kind, body)).await {
            Ok(Ok(http)) if (200..300).contains(&http.status) || http.status == 404 => return Ok(http),
            Ok(Ok(http)) if http.status == 409 => match timeout_at(deadline, api::get(client, path)).await {
                // A namespace that is going already answers with a conflict.
                Ok(Ok(there)) if there.status == 404 || is_going(&there, uid) => return Ok(there),
                Ok(Ok(there)) if is_another(&there, uid) => return Err(ANOTHER.into()),
                _ => last = api::message(&http),
            },
            Ok(Ok(http)) if http.status == 403 && is_by_rbac(&http) => return Err(api::message(&http)),
            Ok(Ok(http)) => last = api::message(&http),
            Ok(Err(fault)) => last = fault.to_string(),
            Err(_) => return Err(last),
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// What is said of an object that has the name of one that was ours.
const ANOTHER: &str = "it is another one now, made by somebody else meanwhile, and was not touched";

fn is_another(there: &Http, uid: Option<&str>) -> bool {
    let now = api::uid(there.json.as_ref().filter(|_| there.status == 200));
    now.is_some() && uid.is_some() && now.as_deref() != uid
}

fn is_going(there: &Http, uid: Option<&str>) -> bool {
    let metadata = there.json.as_ref().map(|json| &json["metadata"]["deletionTimestamp"]);
    there.status == 200 && !is_another(there, uid) && metadata.is_some_and(Value::is_string)
}

/// Whether it is RBAC that refuses, which does not change its mind.
fn is_by_rbac(http: &Http) -> bool {
    api::message(http).contains(" cannot delete resource ")
}
