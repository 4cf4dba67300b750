//! Namespaces (and other objects) of ours in clusters that outlive a run: how they are known, and how those of dead runs
//! are removed.

use std::{sync::OnceLock, time::Duration};

use futures::{StreamExt as _, stream};
use serde_json::{Value, json};

use super::seal;
use crate::{
    cluster::{ClusterError, Owner, client::discovery},
    text::percent_encoded as escape,
};

/// The label by which an object is known as ours; its value is the run.
pub const LABEL: &str = "kubewalk.dev/run";

/// The label that tells a person which process made it.
const PID: &str = "kubewalk.dev/pid";

/// The annotation that names the process beyond doubt, as JSON: what it holds may not stand in a label.
const OWNER: &str = "kubewalk.dev/owner";

/// The annotation without which nothing is swept, however it is marked: see [`seal`].
const SEAL: &str = "kubewalk.dev/seal";

/// How many lists are asked for at a time.
const AT_A_TIME: usize = 6;

/// This process as an owner.
fn owner() -> &'static Owner {
    static OWNER: OnceLock<Owner> = OnceLock::new();
    OWNER.get_or_init(Owner::new)
}

/// Marks a manifest as made by this process, in that namespace if it is in one.
pub fn mark(manifest: &mut Value, namespace: Option<&str>) {
    let owner = owner();
    let seal = seal::seal_for(&owner.run, manifest, namespace).unwrap_or_default();
    let metadata = &mut manifest["metadata"];
    for (map, key, value) in [
        ("labels", LABEL, owner.run.clone()),
        ("labels", PID, owner.pid.to_string()),
        ("annotations", OWNER, serde_json::to_string(owner).unwrap_or_default()),
        ("annotations", SEAL, seal),
    ] {
        if !metadata[map].is_object() {
            metadata[map] = json!({});
        }
        metadata[map][key] = value.into();
    }
}

/// Whether this process has marked the object.
pub fn is_ours(object: &Value) -> bool {
    object["metadata"]["labels"][LABEL] == owner().run.as_str()
}

/// Whose an object is that carries our mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// The run that made it.
    pub run: String,
    /// Its process, as a text for people.
    pub process: String,
    /// Whether that process is gone for sure.
    pub dead: bool,
}

impl std::fmt::Display for Mark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the kubewalk run {} ({})", self.run, self.process)
    }
}

/// The run of another process that has marked the object, if one has.
pub fn another_run(object: &Value) -> Option<Mark> {
    let plain = |text: &str| text.len() <= 20 && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let label = |key: &str| object["metadata"]["labels"][key].as_str().filter(|text| plain(text)).map(str::to_owned);
    let run = label(LABEL).filter(|run| *run != owner().run)?;
    let process = label(PID).map_or_else(|| "of an unknown process".to_owned(), |pid| format!("process {pid}"));
    let said: Option<Owner> =
        object["metadata"]["annotations"][OWNER].as_str().and_then(|text| serde_json::from_str(text).ok());
    Some(Mark { dead: said.is_some_and(|said| said.run == run && said.dead()), run, process })
}

/// What a DELETE says beside its path: only the object of this identity, only as it was seen, how long it may take leave, and that what is
/// kept for it goes, too.
pub fn delete_options(uid: Option<&str>, version: Option<&str>, grace: Option<u32>) -> Vec<u8> {
    // Said, since the API server leaves the Pods of a Job and of a ReplicationController behind where nothing is said.
    let mut options = json!({"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"});
    for (key, value) in [("uid", uid), ("resourceVersion", version)] {
        if let Some(value) = value {
            options["preconditions"][key] = value.into();
        }
    }
    if let Some(grace) = grace {
        options["gracePeriodSeconds"] = grace.into();
    }
    options.to_string().into_bytes()
}

/// Removes what dead runs left in a cluster, or only in some namespaces of it; with `dry_run`, only looks. Returns each in a line,
/// and what could not be removed, with why. Runs that live, and those of other machines, keep theirs.
///
/// # Errors
/// When the API server does not answer, or does not let us look at namespaces.
pub async fn sweep(
    client: &kube::Client,
    within: &[String],
    dry_run: bool,
) -> Result<(Vec<String>, Vec<String>), ClusterError> {
    let selector = format!("?labelSelector={}", LABEL.replace('/', "%2F"));
    let mut resources = Vec::new();
    for namespace in within {
        resources.extend(lists_in(client, namespace).await?);
    }
    if within.is_empty() {
        resources = discovery::lists(client).await?.into_iter().map(|one| (one.path(), one.kind)).collect();
    }
    // Namespaces first: what is in them goes with them.
    let (first, rest): (Vec<_>, Vec<_>) = resources.into_iter().partition(|(path, _)| path == "/api/v1/namespaces");
    let (mut swept, mut left) = (Vec::new(), Vec::new());
    let mut going: Vec<String> = Vec::new();
    for group in [first, rest] {
        let asked: Vec<_> = (group.into_iter())
            .map(|(path, kind)| {
                let client = client.clone();
                let selected = format!("{path}{selector}");
                async move { (discovery::metadata(&client, &selected).await, path, kind) }
            })
            .collect();
        let answers: Vec<_> = stream::iter(asked).buffered(AT_A_TIME).collect().await;
        for (answer, path, kind) in answers {
            let items = match answer {
                Ok(items) => items,
                Err(error) if kind == "Namespace" => return Err(error),
                // A caller who may not list a kind has not made any of it.
                Err(_) => continue,
            };
            for item in items.iter().filter(|item| is_dead(item)) {
                let text = |key: &str| item["metadata"][key].as_str().unwrap_or_default().to_owned();
                let (name, namespace) = (text("name"), text("namespace"));
                if going.contains(&namespace) {
                    continue;
                }
                let place = if namespace.is_empty() { String::new() } else { format!(" in {namespace}") };
                let what = format!("{kind} {name}{place}");
                if !is_sealed(item, &kind) {
                    // Its run may have lived when it was listed, and have removed it since.
                    if is_still_there(client, &object_path(&path, &namespace, &name), item).await {
                        left.push(format!("{what}: {FOREIGN}"));
                    }
                    continue;
                }
                if kind == "Namespace" {
                    going.push(name.clone());
                }
                if dry_run {
                    swept.push(what);
                    continue;
                }
                let is_left = |now: &Value| is_dead(now) && is_sealed(now, &kind);
                // The last words of a Pod of a dead run are for no step.
                let grace = (kind == "Pod").then_some(0);
                match remove(client, &object_path(&path, &namespace, &name), (item, grace), is_left).await {
                    Ok(true) => swept.push(what),
                    Ok(false) => continue,
                    Err(e) => {
                        left.push(format!("{what}: {e}"));
                        continue;
                    }
                }
                if let ("Namespace", Some(uid)) = (kind.as_str(), item["metadata"]["uid"].as_str()) {
                    // No step waits for the last words of what a dead run has left. A caller who may not waits longer.
                    let _ = end_pods(client, &name, uid).await;
                }
            }
        }
    }
    Ok((swept, left))
}

/// The paths of all lists in a namespace, and the kind of what is in each.
async fn lists_in(client: &kube::Client, namespace: &str) -> Result<Vec<(String, String)>, ClusterError> {
    let all = discovery::lists_in_namespaces(client).await?;
    Ok(all.into_iter().map(|one| (one.path_in(namespace), one.kind)).collect())
}

/// All objects that are in a namespace, each with its kind, and with its metadata only.
///
/// # Errors
/// When the API server does not answer. Kinds that may not be listed are left out.
pub async fn content(client: &kube::Client, namespace: &str) -> Result<Vec<(String, Value)>, ClusterError> {
    let asked: Vec<_> = (lists_in(client, namespace).await?.into_iter())
        .map(|(path, kind)| {
            let client = client.clone();
            async move { (discovery::metadata(&client, &path).await.unwrap_or_default(), kind) }
        })
        .collect();
    let answers: Vec<_> = stream::iter(asked).buffered(AT_A_TIME).collect().await;
    let inside = |item: &Value| item["metadata"]["namespace"] == namespace;
    let of_kind = |(items, kind): (Vec<Value>, String)| {
        items.into_iter().filter(inside).map(move |item| (kind.clone(), item)).collect::<Vec<_>>()
    };
    Ok(answers.into_iter().flat_map(of_kind).collect())
}

/// Whether the object is marked by a process that is gone for sure, and is not going already.
fn is_dead(item: &Value) -> bool {
    let owner = item["metadata"]["annotations"][OWNER].as_str();
    let owner: Option<Owner> = owner.and_then(|text| serde_json::from_str(text).ok());
    item["metadata"]["deletionTimestamp"].is_null()
        && owner.is_some_and(|owner| item["metadata"]["labels"][LABEL] == owner.run.as_str() && owner.dead())
}

/// What is said of an object that is marked without our seal.
const FOREIGN: &str = "it carries the mark of a run that was killed, which this user did not make on this machine or somebody has copied, and \
                       was not touched; remove it by hand if it is to go";

/// Whether the mark was made for this very object.
fn is_sealed(item: &Value, kind: &str) -> bool {
    let text = |map: &str, key: &str| item["metadata"][map][key].as_str().unwrap_or_default().to_owned();
    seal::holds(&text("labels", LABEL), &text("annotations", SEAL), kind, item) && sealed_by_us(item)
}

/// Whether kubewalk wrote the seal there: an object that another person has exported and made anew brings it along. A server that
/// tells of no managed fields does not say.
fn sealed_by_us(item: &Value) -> bool {
    let seal = format!("f:{SEAL}");
    let wrote = |entry: &Value| {
        let annotations = &entry["fieldsV1"]["f:metadata"]["f:annotations"];
        entry["manager"] == "kubewalk" && !annotations[&seal].is_null()
    };
    let fields = item["metadata"]["managedFields"].as_array();
    fields.is_none_or(|fields| fields.is_empty() || fields.iter().any(wrote))
}

/// The path of an object, from that of the list over all namespaces.
fn object_path(list: &str, namespace: &str, name: &str) -> String {
    // The names of RBAC's objects may have characters that end a path: `a?b`, `a#b`.
    let (namespace, name) = (escape(namespace), escape(name));
    match list.rsplit_once('/') {
        // A list in the namespace itself.
        _ if list.contains("/namespaces/") => format!("{list}/{name}"),
        Some((base, plural)) if !namespace.is_empty() => format!("{base}/namespaces/{namespace}/{plural}/{name}"),
        _ => format!("{list}/{name}"),
    }
}

/// Ends all Pods of a namespace without grace.
///
/// # Errors
/// When the API server does not answer, or refuses.
pub async fn without_grace(client: &kube::Client, namespace: &str) -> Result<(), kube::Error> {
    let path = format!("/api/v1/namespaces/{namespace}/pods");
    let request = http::Request::delete(path).header(http::header::CONTENT_TYPE, "application/json");
    let request = request.body(delete_options(None, None, Some(0))).map_err(kube::Error::HttpError)?;
    client.request::<Value>(request).await.map(drop)
}

/// Ends all Pods of a namespace of this identity without grace, each by its own. What was listed before the namespace was looked at
/// is of that very one, or is gone with an earlier one of its name.
///
/// # Errors
/// When the API server does not answer, or refuses.
pub async fn end_pods(client: &kube::Client, namespace: &str, uid: &str) -> Result<(), kube::Error> {
    let get = |path: String| async move {
        let request = http::Request::get(path).body(Vec::new()).map_err(kube::Error::HttpError)?;
        client.request::<Value>(request).await
    };
    let place = format!("/api/v1/namespaces/{namespace}");
    let pods = get(format!("{place}/pods")).await?;
    if get(place.clone()).await?["metadata"]["uid"] != uid {
        return Ok(());
    }
    let ends = pods["items"].as_array().into_iter().flatten().filter_map(|pod| {
        let (name, uid) = (pod["metadata"]["name"].as_str()?, pod["metadata"]["uid"].as_str()?);
        let request = http::Request::delete(format!("{place}/pods/{name}"));
        let request = request.header(http::header::CONTENT_TYPE, "application/json");
        Some(client.request::<Value>(request.body(delete_options(Some(uid), None, Some(0))).ok()?))
    });
    // One that is another now, or has gone, is none of ours.
    let _: Vec<_> = stream::iter(ends.collect::<Vec<_>>()).buffer_unordered(AT_A_TIME).collect().await;
    Ok(())
}

/// So often an object is looked at again that changed between a look and its removal: a Pod that starts does so a few times.
const LOOKS: u32 = 20;

/// How long after a removal that came too late the object is looked at again.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Removes an object if it is still the one that was seen, as it was seen. When it has changed since, `is_left` says of it as it is now
/// whether a dead run has left it, and it is tried again; `false`: it is another one, or another caller's now, and stays.
///
/// # Errors
/// Why not, as the end of a sentence.
async fn remove(
    client: &kube::Client,
    path: &str,
    (seen, grace): (&Value, Option<u32>),
    is_left: impl Fn(&Value) -> bool,
) -> Result<bool, String> {
    let uid = seen["metadata"]["uid"].as_str();
    let mut version = seen["metadata"]["resourceVersion"].as_str().map(str::to_owned);
    for _ in 0..LOOKS {
        let request = http::Request::delete(path).header(http::header::CONTENT_TYPE, "application/json");
        let request = request.body(delete_options(uid, version.as_deref(), grace)).map_err(|e| e.to_string())?;
        match client.request::<Value>(request).await {
            Err(kube::Error::Api(status)) if status.code == 404 => return Ok(true),
            Err(kube::Error::Api(status)) if status.code == 409 && status.message.contains("recondition") => {}
            other => return other.map(|_| true).map_err(|e| e.to_string()),
        }
        tokio::time::sleep(LOOK_AGAIN).await;
        let request = http::Request::get(path).body(Vec::new()).map_err(|e| e.to_string())?;
        match client.request::<Value>(request).await {
            Err(kube::Error::Api(status)) if status.code == 404 => return Ok(true),
            Err(e) => return Err(e.to_string()),
            Ok(now) if now["metadata"]["uid"].as_str() != uid || !is_left(&now) => return Ok(false),
            Ok(now) => version = now["metadata"]["resourceVersion"].as_str().map(str::to_owned),
        }
    }
    Err("it goes on changing".into())
}

/// Whether an object that was seen is there now and stays; `true` also if that is unknown.
async fn is_still_there(client: &kube::Client, path: &str, seen: &Value) -> bool {
    let Ok(request) = http::Request::get(path).body(Vec::new()) else { return true };
    match client.request::<Value>(request).await {
        Err(kube::Error::Api(status)) => status.code != 404,
        Err(_) => true,
        Ok(now) => now["metadata"]["uid"] == seen["metadata"]["uid"] && now["metadata"]["deletionTimestamp"].is_null(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    };

    use super::*;

    /// What a fake API server has: one kind, and of it what is listed; what a look at the object itself finds.
    fn fake_api_server(listed: Value, found: Option<Value>) -> kube::Client {
        let server = tower::service_fn(move |request: http::Request<kube::client::Body>| {
            let resource =
                json!({"resource": "jars", "responseKind": {"kind": "Jar"}, "scope": "Namespaced", "verbs": ["list"]});
            let (status, body) = match request.uri().path() {
                "/api" => (
                    200,
                    json!({"items": [{"metadata": {}, "versions": [{"version": "v1", "freshness": "Current", "resources": [resource]}]}]}),
                ),
                "/apis" => (200, json!({"items": []})),
                "/api/v1/jars" => (200, json!({"items": [listed]})),
                "/api/v1/namespaces/n/jars/a" => match &found {
                    Some(found) => (200, found.clone()),
                    None => (
                        404,
                        json!({"kind": "Status", "status": "Failure", "reason": "NotFound", "message": "no", "code": 404}),
                    ),
                },
                other => panic!("{other}"),
            };
            let body = kube::client::Body::from(body.to_string().into_bytes());
            let answer = http::Response::builder().status(status).body(body).expect("an answer");
            std::future::ready(Ok::<_, std::convert::Infallible>(answer))
        });
        kube::Client::new(server, "default")
    }

    #[tokio::test]
    async fn what_went_since_it_was_listed_is_not_said_to_be_left() {
        let gone = Owner { start: "1".into(), ..owner().clone() };
        let text = serde_json::to_string(&gone).expect("JSON");
        let object = |uid: &str| json!({"metadata": {"name": "a", "namespace": "n", "uid": uid, "labels": {LABEL: gone.run}, "annotations": {OWNER: text}}});
        let mut going = object("1");
        going["metadata"]["deletionTimestamp"] = "2030-01-01T00:00:00Z".into();
        for (found, stays) in
            [(Some(object("1")), true), (Some(object("2")), false), (Some(going), false), (None, false)]
        {
            let (_, left) = sweep(&fake_api_server(object("1"), found), &[], false).await.expect("swept");
            assert_eq!(!left.is_empty(), stays, "{left:?}");
        }
    }

    #[rstest::rstest]
    #[case::as_it_was_seen(0, "1", true, Ok(true))]
    // As a Pod that starts: its status is written between the look and the removal.
    #[case::changed_meanwhile(3, "1", true, Ok(true))]
    #[case::another_of_its_name(1, "2", true, Ok(false))]
    #[case::another_callers_now(1, "1", false, Ok(false))]
    #[case::without_end(u32::MAX, "1", true, Err("it goes on changing".to_owned()))]
    #[tokio::test]
    async fn what_changes_meanwhile_is_removed_if_it_is_still_a_dead_runs(
        #[case] changes: u32,
        #[case] uid: &'static str,
        #[case] is_left: bool,
        #[case] removed: Result<bool, String>,
    ) {
        let version = Arc::new(AtomicU32::new(0));
        let fake_api_server = tower::service_fn(move |request: http::Request<kube::client::Body>| {
            let version = Arc::clone(&version);
            async move {
                let (method, path) = (request.method().clone(), request.uri().path().to_owned());
                assert_eq!(path, "/api/v1/namespaces/n/pods/a");
                let body = request.into_body().collect_bytes().await.unwrap_or_default();
                let now = version.load(Ordering::Relaxed);
                let (status, body) = if method == http::Method::DELETE {
                    let options: Value = serde_json::from_slice(&body).expect("options");
                    assert_eq!(options["gracePeriodSeconds"], 0);
                    assert_eq!(options["preconditions"], json!({"uid": "1", "resourceVersion": now.to_string()}));
                    if now < changes {
                        version.store(now + 1, Ordering::Relaxed);
                        let message = "Precondition failed: ResourceVersion in precondition";
                        (
                            409,
                            json!({"kind": "Status", "status": "Failure", "reason": "Conflict", "message": message, "code": 409}),
                        )
                    } else {
                        (200, json!({"kind": "Status", "status": "Success"}))
                    }
                } else {
                    (200, json!({"metadata": {"name": "a", "uid": uid, "resourceVersion": now.to_string()}}))
                };
                let body = kube::client::Body::from(body.to_string().into_bytes());
                Ok::<_, std::convert::Infallible>(
                    http::Response::builder().status(status).body(body).expect("an answer"),
                )
            }
        });
        let seen = json!({"metadata": {"name": "a", "uid": "1", "resourceVersion": "0"}});
        let client = kube::Client::new(fake_api_server, "default");
        assert_eq!(remove(&client, "/api/v1/namespaces/n/pods/a", (&seen, Some(0)), |_| is_left).await, removed);
    }

    #[test]
    fn only_what_a_dead_process_marked_is_dead() {
        let mut ours = json!({"kind": "Namespace", "metadata": {"name": "a", "labels": {"x": "y"}}});
        mark(&mut ours, None);
        assert!(is_ours(&ours));
        assert_eq!(ours["metadata"]["labels"]["x"], "y");
        assert!(!is_dead(&ours));
        let gone = Owner { start: "1".into(), ..owner().clone() };
        let marked = |owner: &Owner, run: &str| {
            let text = serde_json::to_string(owner).expect("JSON");
            json!({"metadata": {"labels": {LABEL: run}, "annotations": {OWNER: text}}})
        };
        assert!(is_dead(&marked(&gone, &gone.run)));
        assert!(!is_dead(&marked(&gone, "another")));
        assert!(!is_dead(&json!({"metadata": {"labels": {LABEL: "1"}}})));
        let elsewhere = Owner { boot: "another machine".into(), ..gone };
        assert!(!is_dead(&marked(&elsewhere, &elsewhere.run)));
    }

    #[test]
    fn an_objects_path_comes_from_its_lists() {
        assert_eq!(object_path("/api/v1/namespaces", "", "a"), "/api/v1/namespaces/a");
        assert_eq!(object_path("/api/v1/namespaces/n/pods", "n", "a"), "/api/v1/namespaces/n/pods/a");
        let roles = "/apis/rbac.authorization.k8s.io/v1/roles";
        assert_eq!(object_path(roles, "n", "a:b"), "/apis/rbac.authorization.k8s.io/v1/namespaces/n/roles/a%3Ab");
        assert_eq!(
            object_path(roles, "n", "a?b #c"),
            "/apis/rbac.authorization.k8s.io/v1/namespaces/n/roles/a%3Fb%20%23c"
        );
    }
}
