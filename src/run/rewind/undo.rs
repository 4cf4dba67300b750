//! Makes a cluster what it was: deletes what is new, makes again what has gone, writes back what has changed, and looks whether all
//! is as it was.

use std::{collections::BTreeSet, time::Duration};

use futures::{StreamExt as _, stream};
use serde_json::Value;

use super::{
    changes::Changes,
    key::Key,
    restless::{has_identity, is_custom},
    settle,
    snapshot::{Found, Snapshot, look},
};
use crate::{
    clock::{Moment, timeout_at},
    cluster::{emptied, namespaces},
    k8s::object::{is_own_finalizer, is_owned, items_of, name_of, uid_of},
    steps::{Context, Renewed, StepError, api},
    sync::locked,
};

/// How many requests are made at a time.
const AT_A_TIME: usize = 6;

/// How long after a look it is looked again.
const AGAIN: Duration = Duration::from_millis(20);

/// How often an object is written back that another caller writes, too.
const ATTEMPTS: usize = 10;

/// How long what was deleted may be held before its holder is not asked any more.
const HELD: Duration = Duration::from_millis(300);

/// How long controllers may take until all is as it was.
const SETTLES_WITHIN: Duration = Duration::from_secs(4);

/// How long a policy may still be obeyed after it has gone: the API server looks for changed ones once a second.
const POLICY_LINGERS: Duration = Duration::from_secs(2);

/// What of an object's metadata only the API server writes.
const SERVERS: [&str; 7] = [
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "selfLink",
    "uid",
    "managedFields",
    "deletionGracePeriodSeconds",
];

/// What was done.
#[derive(Debug)]
pub struct Undone {
    /// What the cluster is now: what was made again has another identity.
    pub now: Snapshot,
    /// What was made again.
    pub renewed: Vec<Renewed>,
    /// What was deleted.
    pub deleted: Vec<Key>,
    /// Identities and versions that objects had before and have no more: they were written back, or made again.
    pub stale: Vec<String>,
}

/// Makes the cluster what it was before, for a scenario in this namespace.
///
/// # Errors
/// Why it could not be done, in a sentence: then it is to be begun anew.
pub async fn undo(
    before: &Snapshot,
    namespace: &str,
    client: &kube::Client,
    deadline: Moment,
) -> Result<Undone, String> {
    undo_beside(before, namespace, None, client, deadline).await
}

/// Makes the cluster what it was before, once a scenario's own namespace has been removed, or is on its way out: that is left alone, and
/// is no part of what was before.
///
/// # Errors
/// Why it could not be done, in a sentence.
pub async fn restore(
    before: &Snapshot,
    own: Option<&str>,
    client: &kube::Client,
    deadline: Moment,
) -> Result<(), String> {
    undo_beside(before, "default", own, client, deadline).await.map(drop)
}

/// All objects that something is done with: all but those of a namespace.
async fn look_beside(apart: Option<&str>, client: &kube::Client) -> Result<Snapshot, String> {
    let now = look(client).await.map_err(|e| e.message)?;
    Ok(match apart {
        Some(namespace) => now.without(namespace),
        None => now,
    })
}

async fn undo_beside(
    before: &Snapshot,
    namespace: &str,
    apart: Option<&str>,
    client: &kube::Client,
    deadline: Moment,
) -> Result<Undone, String> {
    let now = look_beside(apart, client).await?;
    let changes = Changes::between(before, &now)?;
    let mut undone = Undone {
        now,
        renewed: vec![],
        deleted: changes.delete.iter().map(|(key, _)| key.clone()).collect(),
        stale: changes.outdated(),
    };
    if changes.is_empty() {
        if !undone.now.difference((before, namespace), namespace).is_empty() {
            undone.now = as_it_was(before, (namespace, apart), client).await?;
        }
        return Ok(undone);
    }
    delete_all(&changes.delete, client, deadline).await?;
    pods_gone(&changes.delete, &undone.now, client, deadline).await?;
    for (key, was, is) in &changes.write {
        let renewed = write(key, was, is, client).await?;
        undone.renewed.extend(renewed.map(|uid| renewed_as(key, uid)));
    }
    for (key, was) in &changes.restore {
        let uid = create(key, was, client).await?;
        undone.renewed.push(renewed_as(key, uid));
    }
    if changes.keys().any(|key| key.group == "admissionregistration.k8s.io" && key.kind.contains("AdmissionPolicy")) {
        tokio::time::sleep(POLICY_LINGERS).await;
    }
    if changes.keys().any(|key| key.group == "rbac.authorization.k8s.io") {
        settle::settled(client, namespace, deadline).await.map_err(|fault| fault.to_string())?;
    }
    undone.now = as_it_was(before, (namespace, apart), client).await?;
    Ok(undone)
}

fn renewed_as(key: &Key, uid: String) -> Renewed {
    let Key { group, kind, namespace, name } = key.clone();
    Renewed { group, kind, namespace, name, uid }
}

/// Looks until all is as it was: controllers need a moment.
async fn as_it_was(
    before: &Snapshot,
    (namespace, apart): (&str, Option<&str>),
    client: &kube::Client,
) -> Result<Snapshot, String> {
    let until = Moment::now() + SETTLES_WITHIN;
    loop {
        let now = look_beside(apart, client).await?;
        let different = now.difference((before, namespace), namespace);
        if different.is_empty() {
            return Ok(now);
        }
        if until.left().is_zero() {
            return Err(format!("not all was as it had been: {}", different.join("; ")));
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// What refuses requests is deleted before others; a namespace takes what is in it along.
fn rank(key: &Key) -> u8 {
    match (key.group.as_str(), key.kind.as_str()) {
        ("admissionregistration.k8s.io", _) => 0,
        ("", "Namespace") => 2,
        ("apiextensions.k8s.io", "CustomResourceDefinition") => 2,
        _ => 1,
    }
}

async fn delete_all(all: &[(Key, Found)], client: &kube::Client, deadline: Moment) -> Result<(), String> {
    for now in 0..=2 {
        let some = all.iter().filter(|(key, _)| rank(key) == now);
        let asked: Vec<_> = some.map(|(key, found)| delete(key.clone(), found.clone(), client.clone())).collect();
        let done: Vec<Result<(), String>> = stream::iter(asked).buffer_unordered(AT_A_TIME).collect().await;
        done.into_iter().collect::<Result<(), String>>()?;
    }
    let spaces: Vec<&str> =
        all.iter().filter(|(key, _)| key.is("", "Namespace")).map(|(key, _)| key.name.as_str()).collect();
    if !spaces.is_empty() {
        let _ = timeout_at(deadline, emptied::finish(client, Some(&spaces), deadline)).await;
    }
    let gone = all.iter().map(|(key, found)| gone(key.clone(), found.clone(), client.clone(), deadline));
    let gone: Vec<Result<(), String>> =
        stream::iter(gone.collect::<Vec<_>>()).buffer_unordered(AT_A_TIME).collect().await;
    gone.into_iter().collect()
}

/// Ends the Pods of workloads that were deleted, and waits until they have gone: Kubernetes would give them half a minute.
async fn pods_gone(
    deleted: &[(Key, Found)],
    now: &Snapshot,
    client: &kube::Client,
    deadline: Moment,
) -> Result<(), String> {
    let doomed = doomed(deleted, now);
    let spaces = deleted.iter().filter(|(key, _)| keeps_pods(key)).filter_map(|(key, _)| key.namespace.as_deref());
    for space in spaces.collect::<BTreeSet<_>>() {
        let list = format!("/api/v1/namespaces/{}/pods", api::escape(space));
        loop {
            let mut pods = api::list(client, &list).await.map_err(|fault| fault.to_string())?;
            pods.retain(|pod| is_owned(pod, &doomed));
            if pods.is_empty() {
                break;
            }
            if deadline.left().is_zero() {
                return Err(format!("the Pods of what was deleted in {space} did not go in time"));
            }
            for pod in &pods {
                let body = namespaces::delete_options(uid_of(pod), None, Some(0));
                let path = format!("{list}/{}", api::escape(name_of(pod)));
                let _ = api::send(client, http::Method::DELETE, &path, Some("application/json"), body).await;
            }
            tokio::time::sleep(AGAIN).await;
        }
    }
    Ok(())
}

fn keeps_pods(key: &Key) -> bool {
    matches!(key.group.as_str(), "apps" | "batch") || key.is("", "ReplicationController")
}

/// The identities of what was deleted, and of all that it owns.
fn doomed(deleted: &[(Key, Found)], now: &Snapshot) -> Vec<String> {
    let mut doomed: Vec<String> =
        deleted.iter().filter_map(|(_, found)| uid_of(&found.object)).map(str::to_owned).collect();
    loop {
        let owned = now.objects.values().filter(|found| is_owned(&found.object, &doomed));
        let more: Vec<String> = owned
            .filter_map(|found| uid_of(&found.object))
            .filter(|uid| !doomed.iter().any(|known| known == uid))
            .map(str::to_owned)
            .collect();
        if more.is_empty() {
            return doomed;
        }
        doomed.extend(more);
    }
}

async fn delete(key: Key, found: Found, client: kube::Client) -> Result<(), String> {
    // No step waits for the last words of a Pod that is thrown away.
    let grace = key.is("", "Pod").then_some(0);
    let body = namespaces::delete_options(uid_of(&found.object), None, grace);
    let kind = Some("application/json");
    let sent = api::send(&client, http::Method::DELETE, &found.path(&key), kind, body).await;
    let answer = sent.map_err(|fault| format!("{key}: {fault}"))?;
    match answer.status {
        // It went by itself, or is another one now, which the look at the end will tell.
        200..300 | 404 | 409 => Ok(()),
        _ => Err(format!("{key} could not be deleted: {}", api::message(&answer))),
    }
}

/// Waits until an object has gone. Its holder is not asked after a moment: it is our cluster, and the object never was.
async fn gone(key: Key, found: Found, client: kube::Client, deadline: Moment) -> Result<(), String> {
    let (path, begun) = (found.path(&key), Moment::now());
    loop {
        let there = match api::get(&client, &path).await {
            Ok(http) if http.status == 200 => http.json.unwrap_or_default(),
            Ok(http) if http.status == 404 => return Ok(()),
            Ok(http) => return Err(format!("{key}: {}", api::message(&http))),
            Err(fault) => return Err(format!("{key}: {fault}")),
        };
        if uid_of(&there) != uid_of(&found.object) {
            return Ok(());
        }
        if is_held(&there) && begun.elapsed() > HELD {
            let_one_go(&path, &client).await;
        }
        if deadline.left().is_zero() {
            return Err(format!("{key} was deleted, and was not gone in time"));
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// Whether a finalizer holds it that is not Kubernetes' own.
fn is_held(object: &Value) -> bool {
    items_of(&object["metadata"]["finalizers"]).filter_map(Value::as_str).any(|one| !is_own_finalizer(one))
}

async fn let_one_go(path: &str, client: &kube::Client) {
    let body = serde_json::json!({"metadata": {"finalizers": null}}).to_string().into_bytes();
    let _ = api::send(client, http::Method::PATCH, path, Some("application/merge-patch+json"), body).await;
}

/// Takes the finalizers off what a scenario has made, before all of it is removed: a step that was to do so is not run any more.
pub async fn let_go(context: &Context) {
    if context.foreign {
        return;
    }
    let made: Vec<String> = (locked(&context.made).iter())
        .map(|made| api::path(&made.kind, made.namespace.as_deref(), Some(&made.name)))
        .collect();
    let each = made.iter().map(|path| async move {
        if api::get(&context.client, path).await.is_ok_and(|there| there.json.as_ref().is_some_and(is_held)) {
            let_one_go(path, &context.client).await;
        }
    });
    stream::iter(each.collect::<Vec<_>>()).buffer_unordered(AT_A_TIME).collect::<Vec<()>>().await;
}

/// Deletes the Events that a scenario has made since it had made so much. No look has them: there are many, which come and go.
///
/// # Errors
/// Why one could not be deleted, in a sentence.
pub async fn delete_events(context: &Context, since: usize) -> Result<(), String> {
    let made: Vec<String> = (locked(&context.made).iter().skip(since))
        .filter(|made| made.kind.kind == "Event")
        .map(|made| api::path(&made.kind, made.namespace.as_deref(), Some(&made.name)))
        .collect();
    for path in made {
        let sent = api::send(&context.client, http::Method::DELETE, &path, None, vec![]).await;
        let answer = sent.map_err(|fault| format!("{path}: {fault}"))?;
        if !matches!(answer.status, 200..300 | 404) {
            return Err(format!("{path} could not be deleted: {}", api::message(&answer)));
        }
    }
    Ok(())
}

/// The manifest without what only the API server writes.
fn bare(found: &Found) -> Value {
    let mut manifest = found.manifest();
    if let Some(metadata) = manifest["metadata"].as_object_mut() {
        metadata.retain(|name, _| !SERVERS.contains(&name.as_str()));
    }
    manifest
}

/// Makes an object again, and gives its new identity.
async fn create(key: &Key, was: &Found, client: &kube::Client) -> Result<String, String> {
    let manifest = bare(was);
    let made = send(client, http::Method::POST, &was.collection(key), &manifest).await;
    let made = made.map_err(|fault| format!("{key} could not be made again: {fault}"))?;
    if !manifest["status"].is_null() {
        // Not every kind has one that can be written.
        let mut with_status = manifest;
        with_status["metadata"]["resourceVersion"] = made["metadata"]["resourceVersion"].clone();
        let _ = send(client, http::Method::PUT, &format!("{}/status", was.path(key)), &with_status).await;
    }
    uid_of(&made).map(str::to_owned).ok_or_else(|| format!("{key} has no identity"))
}

/// Writes an object back; one whose fields cannot be changed is made anew, and then its new identity is given.
async fn write(key: &Key, was: &Found, is: &Found, client: &kube::Client) -> Result<Option<String>, String> {
    let (path, mut manifest) = (was.path(key), bare(was));
    let mut left = ATTEMPTS;
    let written = loop {
        let now = api::get(client, &path).await.map_err(|fault| format!("{key}: {fault}"))?.json.unwrap_or_default();
        for name in ["uid", "resourceVersion"] {
            manifest["metadata"][name] = now["metadata"][name].clone();
        }
        match send(client, http::Method::PUT, &path, &manifest).await {
            Ok(written) => break written,
            // A controller may have written meanwhile.
            Err(StepError::Refused(words)) if left > 0 && words.contains("the object has been modified") => left -= 1,
            Err(StepError::Refused(_)) if !has_identity(key, &was.object) => {
                delete(key.clone(), is.clone(), client.clone()).await?;
                return create(key, was, client).await.map(Some);
            }
            Err(fault) => return Err(format!("{key} could not be written back: {fault}")),
        }
    };
    if is_custom(key) && written["status"] != was.object["status"] {
        manifest["metadata"]["resourceVersion"] = written["metadata"]["resourceVersion"].clone();
        let _ = send(client, http::Method::PUT, &format!("{path}/status"), &manifest).await;
    }
    Ok(None)
}

/// Sends a manifest, and gives the object that comes back.
async fn send(client: &kube::Client, method: http::Method, path: &str, manifest: &Value) -> Result<Value, StepError> {
    let body = manifest.to_string().into_bytes();
    let answer = api::send(client, method, path, Some("application/json"), body).await?;
    match answer.status {
        200..300 => Ok(answer.json.unwrap_or_default()),
        _ => Err(StepError::Refused(api::message(&answer))),
    }
}
