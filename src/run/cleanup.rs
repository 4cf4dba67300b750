//! What a scenario needs before its first step, and what is removed after its last.

use std::time::Duration;

use futures::future::join_all;
use serde_json::{Value, json};

use super::lock;
use crate::{
    clock::{Moment, timeout_at},
    cluster::{emptied, namespaces},
    expect::Http,
    plan::{Kind, Plan, needs},
    steps::{Context, Fault, Made, api, delete, restore, watch},
    sync::locked,
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

/// How often Pods that came into a going namespace are ended.
const KILL_AGAIN: Duration = Duration::from_secs(2);

/// Makes the scenario's own namespace and waits until Pods can be created in it.
///
/// # Errors
/// When the namespace is refused, or its ServiceAccount `default` or its ConfigMap `kube-root-ca.crt` do not come.
pub async fn make_namespace(plan: &Plan, context: &Context) -> Result<(), Fault> {
    let name = &plan.namespace;
    let mut manifest = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
    namespaces::mark(&mut manifest);
    let body = manifest.to_string().into_bytes();
    // A name that the scenario says may be that of another one, which is still going or has its turn.
    let named = plan.document.scenario.namespace.is_some();
    let deadline = Moment::now() + if named { NAMESPACE_BUDGET.max(plan.timeout) } else { NAMESPACE_BUDGET };
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
            // Nobody else has the name: an answer got lost.
            Ok(Ok(made)) if again && made.status == 409 => {
                own_uid(context).await;
                break;
            }
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

/// Whether a namespace of this name is going, or is that of another run that lives.
async fn is_anothers(context: &Context, name: &str) -> Result<bool, Fault> {
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
async fn own_uid(context: &Context) -> Option<String> {
    let own = context.own.as_ref()?;
    if own.uid.get().is_none()
        && let Ok(there) = api::get(&context.client, &format!("/api/v1/namespaces/{}", own.name)).await
    {
        note_uid(context, there.json.as_ref().filter(|object| there.status == 200 && namespaces::is_ours(object)));
    }
    own.uid.get().cloned()
}

/// Waits until no other run that lives has a cluster-wide object of a name that the scenario needs. It is a look and no lock: the
/// step that makes the object waits again if somebody was faster.
///
/// # Errors
/// [`Fault::Taken`] when it was not free in time.
pub async fn wait_for_names(plan: &Plan, context: &Context, deadline: Moment) -> Result<(), Fault> {
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
                return Err(Fault::Taken(format!("{} {name} belongs to {run}, and was not free in time", kind.kind)));
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
        // Nothing new comes into it now. Who may not do this waits longer.
        let _ = timeout_at(deadline, namespaces::without_grace(&context.client, name)).await;
        removed.err().map(|why| format!("Namespace {name}: {why}"))
    };
    let (others, own) = tokio::join!(others, own);
    if lingers {
        tokio::time::sleep(POLICY_LINGERS).await;
    }
    // Last: what was made could keep it from being as it was.
    let changed = restore::all(context, deadline).await;
    let mut left: Vec<String> = others.into_iter().flatten().chain(own).chain(changed).collect();
    for object in &turn {
        left.extend(remove_one(object, context, deadline).await);
    }
    left
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
    let grace = object.kind.is("", "Pod").then_some(0);
    let place = object.namespace.as_ref().map(|namespace| format!(" in {namespace}")).unwrap_or_default();
    let name = format!("{} {}{place}", object.kind.kind, object.name);
    let uid = object.uid.as_deref();
    let pods = object.namespace.as_deref().filter(|_| keeps_pods(&object.kind));
    let answer = match delete(&context.client, &path, uid, grace, deadline).await {
        Ok(answer) => answer.json,
        Err(why) => return Some(format!("{name}: {why}")),
    };
    if let (Some(namespace), Some(uid)) = (pods, uid) {
        let _ = timeout_at(deadline, kept_pods(&context.client, namespace, uid)).await;
    }
    if !delete::goes_later(answer.as_ref()) {
        return None;
    }
    let collection = api::path(&object.kind, object.namespace.as_deref(), None);
    let went = if object.kind.is("", "Namespace") {
        let _ = timeout_at(deadline, namespaces::without_grace(&context.client, &object.name)).await;
        if !context.foreign {
            let only = [object.name.as_str()];
            let _ = timeout_at(deadline, emptied::finish(&context.client, Some(&only), deadline)).await;
        }
        without_grace_gone(&context.client, &object.name, answer.as_ref(), deadline).await
    } else {
        gone(&context.client, collection, &object.name, answer.as_ref(), deadline).await
    };
    match went {
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
    let went = without_grace_gone(client, name, None, deadline).await;
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
/// nobody waits for the last words.
async fn without_grace_gone(
    client: &kube::Client,
    name: &str,
    deleted: Option<&Value>,
    deadline: Moment,
) -> Result<(), String> {
    let kill = async {
        loop {
            tokio::time::sleep(KILL_AGAIN).await;
            let _ = namespaces::without_grace(client, name).await;
        }
    };
    tokio::select! {
        went = gone(client, "/api/v1/namespaces".into(), name, deleted, deadline) => went,
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
async fn gone(
    client: &kube::Client,
    collection: String,
    name: &str,
    deleted: Option<&Value>,
    deadline: Moment,
) -> Result<(), String> {
    let subject = watch::Subject { collection, name: name.to_owned() };
    let mut last = deleted.cloned().unwrap_or_default();
    let uid = deleted.and_then(|object| object["metadata"]["uid"].as_str());
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
        Err(Fault::Waited { .. }) => Err(held(&last)),
        Err(fault) => Err(fault.to_string()),
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
                _ => last = api::words(&http),
            },
            Ok(Ok(http)) if http.status == 403 && is_by_rbac(&http) => return Err(api::words(&http)),
            Ok(Ok(http)) => last = api::words(&http),
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
    api::words(http).contains(" cannot delete resource ")
}

/// Whether a controller keeps Pods for an object of this kind.
fn keeps_pods(kind: &Kind) -> bool {
    matches!(kind.group.as_str(), "apps" | "batch") || kind.is("", "ReplicationController")
}

/// Ends the Pods without grace that are kept for an object which is gone, directly or by what was kept for it, in a namespace that
/// stays. What stands between goes first, or it would keep new ones. Who may not do this waits longer.
async fn kept_pods(client: &kube::Client, namespace: &str, uid: &str) {
    let mut owners = vec![uid.to_owned()];
    let collections =
        ["apis/apps/v1/namespaces/{}/replicasets", "apis/batch/v1/namespaces/{}/jobs", "api/v1/namespaces/{}/pods"];
    loop {
        let mut found = false;
        for collection in collections.map(|path| format!("/{}", path.replace("{}", namespace))) {
            let Ok(list) = api::get(client, &collection).await else { return };
            if list.status != 200 {
                return;
            }
            let items = list.json.as_ref().and_then(|json| json["items"].as_array());
            for item in items.into_iter().flatten() {
                let of = item["metadata"]["ownerReferences"].as_array().into_iter().flatten();
                let (Some(name), Some(uid)) = (item["metadata"]["name"].as_str(), api::uid(Some(item))) else {
                    continue;
                };
                if !of.filter_map(|owner| owner["uid"].as_str()).any(|of| owners.iter().any(|owner| owner == of)) {
                    continue;
                }
                // What is only held by a finalizer, nobody can hurry.
                let hurried = item["metadata"]["deletionGracePeriodSeconds"] == 0;
                found |= !hurried;
                let (path, kind) = (format!("{collection}/{}", api::escape(name)), Some("application/json"));
                let body = namespaces::delete_options(Some(&uid), None, Some(0));
                let sent = api::send(client, http::Method::DELETE, &path, kind, body);
                if !hurried && sent.await.is_ok_and(|sent| sent.status == 403) {
                    return;
                }
                if !owners.contains(&uid) {
                    owners.push(uid);
                }
            }
        }
        if !found {
            return;
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
