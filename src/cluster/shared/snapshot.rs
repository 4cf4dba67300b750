//! What is in a cluster, so that it can be told whether it is as it was when it was new.
//!
//! All objects of all kinds are looked at, with their whole content, of which a hash is kept. What comes and goes by itself
//! does not count, nor does status that a controller writes, nor identity (`uid`, `resourceVersion`, times): a ClusterRole that
//! was deleted and made again is as good as before.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::{
    clock::poll,
    cluster::{ClusterError, client::discovery},
    k8s::object::is_own_finalizer,
};

/// How many lists are asked for at a time, each on a connection of its own.
const AT_A_TIME: usize = 6;

/// For how long a new cluster that is at rest stays the same.
const STILL_FOR: Duration = Duration::from_millis(200);

/// How long after a look at what goes it is looked at again.
const AGAIN: Duration = Duration::from_millis(100);

/// How long a new cluster may take to come to rest.
const SETTLES_WITHIN: Duration = Duration::from_secs(20);

/// Kinds whose content changes by itself, so that only their being there counts.
const LOOSE: &[&str] = &["leases", "certificatesigningrequests"];

/// Kinds with a status that no controller puts right again, so that what a run wrote there would stay.
const OWN_STATUS: &[&str] = &["Service", "Namespace", "PersistentVolume"];

/// By this a controller that made an object without an owner says so.
const MANAGED_ENDPOINTS: &str = "endpoints.kubernetes.io/managed-by";

/// A list that can be asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Resource {
    /// The list's path, e.g. `/api/v1/pods`.
    path: String,
    /// The kind of an object in it.
    kind: String,
    /// Whether the whole content counts.
    whole: bool,
}

/// The content of a cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    resources: Vec<Resource>,
    /// By kind, namespace and name.
    objects: BTreeMap<String, Object>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Object {
    /// A hash of what counts.
    content: String,
    /// Whether it will go by itself: it is being deleted, or another object's controller made it.
    going: bool,
    /// The finalizers that hold it when it is deleted, but for those that Kubernetes itself takes away.
    #[serde(default)]
    held: Vec<String>,
}

/// How a cluster differs from what it was.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Difference {
    /// What stays different, each in a line.
    pub stays: Vec<String>,
    /// What is still there, but goes by itself.
    pub going: Vec<String>,
}

/// The content of a new cluster once it has come to rest: two looks one after the other see the same.
///
/// # Errors
/// When the API server does not answer, or its content goes on changing.
pub async fn settled(client: &kube::Client) -> Result<Snapshot, ClusterError> {
    let deadline = tokio::time::Instant::now() + SETTLES_WITHIN;
    let mut before = look_at_all(client).await?;
    loop {
        // There is no event that says that nothing happens.
        tokio::time::sleep(STILL_FOR).await;
        let now = look_at_all(client).await?;
        if now == before {
            return Ok(now);
        }
        if tokio::time::Instant::now() > deadline {
            return Err(ClusterError::plain("the new cluster's content goes on changing"));
        }
        before = now;
    }
}

impl Snapshot {
    /// How the cluster differs now.
    ///
    /// # Errors
    /// When the API server does not answer.
    pub async fn compare(&self, client: &kube::Client) -> Result<Difference, ClusterError> {
        // A kind that came since then is an object itself, its CustomResourceDefinition.
        Ok(self.difference(&look(client, self.resources.clone()).await?))
    }

    /// The same, and the paths of the lists in which nothing is in one of these namespaces.
    ///
    /// # Errors
    /// When the API server does not answer.
    pub async fn compare_with(
        &self,
        client: &kube::Client,
        namespaces: &[&str],
    ) -> Result<(Difference, BTreeSet<String>), ClusterError> {
        let now = look(client, self.resources.clone()).await?;
        Ok((self.difference(&now), now.without(namespaces)))
    }

    /// The paths of the lists in which nothing is in one of these namespaces.
    fn without(&self, namespaces: &[&str]) -> BTreeSet<String> {
        let inside = |name: &&String| name.split_once(" in ").is_some_and(|(_, place)| namespaces.contains(&place));
        // Of two kinds of one name, each is taken for the other.
        let kinds = self.objects.keys().filter(inside).filter_map(|name| name.split(' ').next());
        let kinds: BTreeSet<&str> = kinds.collect();
        let without = self.resources.iter().filter(|resource| !kinds.contains(resource.kind.as_str()));
        without.map(|resource| resource.path.clone()).collect()
    }

    /// How the cluster differs once all that goes by itself has gone, or did not go in time.
    ///
    /// # Errors
    /// When the API server does not answer.
    pub async fn compare_at_rest(&self, client: &kube::Client, within: Duration) -> Result<Difference, ClusterError> {
        let deadline = tokio::time::Instant::now() + within;
        // Of any kind: watching them all costs more than looking again.
        poll(AGAIN, || async {
            let difference = self.compare(client).await;
            let over = tokio::time::Instant::now() > deadline;
            let decided = |difference: &Difference| difference.going.is_empty() || !difference.stays.is_empty() || over;
            difference.as_ref().map_or(true, decided).then_some(difference)
        })
        .await
    }

    fn difference(&self, now: &Snapshot) -> Difference {
        let mut difference = Difference::default();
        for (name, object) in &now.objects {
            let going = object.going || in_a_going_namespace(name, now);
            match self.objects.get(name) {
                None if going && !object.held.is_empty() => {
                    difference.stays.push(format!("{name}: held by the finalizer {}", object.held.join(", ")));
                }
                _ if in_a_going_namespace(name, now) => {}
                None if object.going => difference.going.push(format!("{name} is going")),
                None => difference.stays.push(format!("{name} is new")),
                Some(before) if before.content != object.content => {
                    difference.stays.push(format!("{name} has changed"));
                }
                Some(before) if object.going && !before.going => difference.going.push(format!("{name} is going")),
                Some(_) => {}
            }
        }
        // What a controller made, it makes again; requests for certificates go after a while.
        let gone = self.objects.iter().filter(|(name, before)| {
            !now.objects.contains_key(*name) && !before.going && !name.starts_with("CertificateSigningRequest ")
        });
        difference.stays.extend(gone.map(|(name, _)| format!("{name} is missing")));
        difference
    }
}

/// Whether the object is in a namespace that is being deleted, which is told of already.
fn in_a_going_namespace(name: &str, now: &Snapshot) -> bool {
    let Some((_, namespace)) = name.split_once(" in ") else { return false };
    match now.objects.get(&format!("Namespace {namespace}")) {
        Some(object) => object.going,
        // The lists are not of one moment: it was there with the first of them.
        None => now.objects.keys().any(|name| name.starts_with("Namespace ")),
    }
}

async fn look_at_all(client: &kube::Client) -> Result<Snapshot, ClusterError> {
    look(client, resources(client).await?).await
}

async fn look(client: &kube::Client, resources: Vec<Resource>) -> Result<Snapshot, ClusterError> {
    let asked: Vec<_> = resources.iter().map(|resource| list(client.clone(), resource.clone())).collect();
    let lists: Vec<_> = stream::iter(asked).buffer_unordered(AT_A_TIME).try_collect().await?;
    Ok(Snapshot { objects: lists.into_iter().flatten().collect(), resources })
}

async fn list(client: kube::Client, resource: Resource) -> Result<Vec<(String, Object)>, ClusterError> {
    let items = match resource.whole {
        true => discovery::items(&client, &resource.path, "application/json").await?,
        false => discovery::metadata(&client, &resource.path).await?,
    };
    let items = items.iter().filter(|item| !is_of_a_component(&resource.kind, item));
    Ok(items.map(|item| (name(&resource.kind, item), object(&resource.kind, item))).collect())
}

/// How the Leases of components begin: those by which one of several is elected, and those of API servers.
const COMPONENTS: [&str; 5] =
    ["apiserver-", "cloud-controller-manager", "k3s", "kube-controller-manager", "kube-scheduler"];

/// Whether it is a Lease by which a node or a component of the cluster says that it lives; some come late.
fn is_of_a_component(kind: &str, item: &Value) -> bool {
    let text = |key: &str| item["metadata"][key].as_str().unwrap_or_default();
    let of_a_node = || item["metadata"]["ownerReferences"][0]["kind"] == "Node";
    kind == "Lease"
        && match text("namespace") {
            "kube-node-lease" => of_a_node(),
            "kube-system" => COMPONENTS.iter().any(|begin| text("name").starts_with(begin)),
            _ => false,
        }
}

fn name(kind: &str, item: &Value) -> String {
    let text = |key: &str| item["metadata"][key].as_str().unwrap_or_default();
    match text("namespace") {
        "" => format!("{kind} {}", text("name")),
        namespace => format!("{kind} {} in {namespace}", text("name")),
    }
}

fn object(kind: &str, item: &Value) -> Object {
    let metadata = &item["metadata"];
    let owned =
        metadata["ownerReferences"].as_array().is_some_and(|owners| owners.iter().any(|o| o["controller"] == true))
            || (kind == "Endpoints" && metadata["labels"][MANAGED_ENDPOINTS].is_string());
    let mut content = item.clone();
    if let Some(content) = content.as_object_mut() {
        // Endpoints that a controller keeps follow their Pods.
        let follows = owned && kind.starts_with("Endpoint");
        content.retain(|key, _| !follows && !matches!(key.as_str(), "apiVersion" | "kind" | "metadata" | "status"));
        if OWN_STATUS.contains(&kind) {
            content.insert("status".into(), item["status"].clone());
        }
        if kind == "Node" {
            content.insert("status".into(), of_a_node(&item["status"]));
        }
        for key in ["labels", "annotations", "finalizers", "generation"] {
            // A node's annotations are its kubelet's and its controllers'.
            let restless = (kind == "Node" && key == "annotations") || (follows && key != "labels");
            if !metadata[key].is_null() && !restless {
                content.insert(format!("metadata.{key}"), metadata[key].clone());
            }
        }
        content.sort_keys();
    }
    let hash = Sha256::digest(content.to_string());
    let content = hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let finalizers = metadata["finalizers"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let held = finalizers.filter(|finalizer| !is_own_finalizer(finalizer)).map(str::to_owned).collect();
    Object { content, held, going: owned || !metadata["deletionTimestamp"].is_null() }
}

/// What of a node's status its kubelet does not write anew: what it is said to have, and conditions of others.
fn of_a_node(status: &Value) -> Value {
    let names = |key: &str| status[key].as_object().map(|map| map.keys().cloned().collect::<Vec<_>>());
    let conditions = status["conditions"].as_array().into_iter().flatten();
    let types: Vec<_> = conditions.filter_map(|condition| condition["type"].as_str()).collect();
    serde_json::json!([names("capacity"), names("allocatable"), types])
}

/// All whose content is looked at.
async fn resources(client: &kube::Client) -> Result<Vec<Resource>, ClusterError> {
    let resource = |one: discovery::Resource| Resource {
        path: one.path(),
        whole: !LOOSE.contains(&one.plural.as_str()),
        kind: one.kind,
    };
    Ok(discovery::lists(client).await?.into_iter().map(resource).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn snapshot(items: &[(&str, Value)]) -> Snapshot {
        let objects = items.iter().map(|(kind, item)| (name(kind, item), object(kind, item)));
        Snapshot { resources: vec![], objects: objects.collect() }
    }

    #[test]
    fn the_lists_that_have_nothing_in_a_namespace_are_known() {
        let pod = |namespace: &str| json!({"metadata": {"name": "p", "namespace": namespace}});
        let mut now =
            snapshot(&[("Pod", pod("a")), ("Secret", pod("b")), ("Namespace", json!({"metadata": {"name": "a"}}))]);
        let resource = |path: &str, kind: &str| Resource { path: path.to_owned(), kind: kind.to_owned(), whole: true };
        now.resources = vec![
            resource("/api/v1/pods", "Pod"),
            resource("/apis/x.dev/v1/pods", "Pod"),
            resource("/api/v1/secrets", "Secret"),
            resource("/api/v1/namespaces", "Namespace"),
        ];
        let paths = |namespaces: &[&str]| now.without(namespaces).into_iter().collect::<Vec<_>>();
        assert_eq!(paths(&["a"]), ["/api/v1/namespaces", "/api/v1/secrets"]);
        assert_eq!(paths(&["a", "b"]), ["/api/v1/namespaces"]);
        assert_eq!(paths(&[]).len(), 4);
    }

    #[test]
    fn a_lease_that_a_run_planted_is_seen_and_those_of_components_are_not() {
        let lease = |namespace: &str, name: &str, owner: Value| {
            is_of_a_component(
                "Lease",
                &json!({"metadata": {"name": name, "namespace": namespace, "ownerReferences": owner}}),
            )
        };
        let node = json!([{"kind": "Node", "name": "n"}]);
        assert!(lease("kube-node-lease", "n", node) && lease("kube-system", "apiserver-abc", Value::Null));
        assert!(lease("kube-system", "kube-scheduler", Value::Null));
        for namespace in ["kube-system", "kube-node-lease", "default"] {
            assert!(!lease(namespace, "evil", Value::Null), "{namespace}");
        }
    }

    #[test]
    fn what_is_in_a_namespace_that_has_just_gone_is_not_left_behind() {
        let namespace = |name: &str| ("Namespace", json!({"metadata": {"name": name}}));
        let config = ("ConfigMap", json!({"metadata": {"name": "kube-root-ca.crt", "namespace": "kw-a"}}));
        let before = snapshot(&[namespace("default")]);
        assert_eq!(before.difference(&snapshot(&[namespace("default"), config.clone()])), Difference::default());
        let stays = before.difference(&snapshot(&[namespace("default"), namespace("kw-a"), config])).stays;
        assert_eq!(stays, ["ConfigMap kube-root-ca.crt in kw-a is new", "Namespace kw-a is new"]);
    }

    fn role(uid: &str, verb: &str) -> Value {
        json!({"metadata": {"name": "view", "uid": uid, "resourceVersion": uid}, "rules": [{"verbs": [verb]}]})
    }

    #[test]
    fn identity_does_not_count_and_content_does() {
        let before = snapshot(&[("ClusterRole", role("1", "get"))]);
        assert_eq!(before.difference(&snapshot(&[("ClusterRole", role("2", "get"))])), Difference::default());
        let changed = before.difference(&snapshot(&[("ClusterRole", role("1", "list"))]));
        assert_eq!(changed.stays, ["ClusterRole view has changed"]);
        assert_eq!(before.difference(&snapshot(&[])).stays, ["ClusterRole view is missing"]);
        let both = snapshot(&[
            ("ClusterRole", role("1", "get")),
            ("Role", json!({"metadata": {"name": "a", "namespace": "b"}})),
        ]);
        assert_eq!(before.difference(&both).stays, ["Role a in b is new"]);
    }

    #[test]
    fn what_a_run_planted_is_seen_in_every_kind() {
        let config = |text: &str| json!({"metadata": {"name": "c", "namespace": "default"}, "data": {"key": text}});
        let changed = |kind: &str, before: Value, now: Value| {
            snapshot(&[(kind, before)]).difference(&snapshot(&[(kind, now)])).stays
        };
        for kind in ["ConfigMap", "Secret", "Service", "Deployment", "ValidatingAdmissionPolicy"] {
            assert_eq!(changed(kind, config("a"), config("b")), [format!("{kind} c in default has changed")]);
            assert!(changed(kind, config("a"), config("a")).is_empty());
        }
        let status =
            |ip: &str| json!({"metadata": {"name": "s"}, "status": {"loadBalancer": {"ingress": [{"ip": ip}]}}});
        assert_eq!(changed("Service", status("1.2.3.4"), status("4.3.2.1")), ["Service s has changed"]);
        assert!(changed("Pod", status("1.2.3.4"), status("4.3.2.1")).is_empty(), "its controller writes it anew");
        let node = |key: &str| json!({"metadata": {"name": "n"}, "status": {"capacity": {key: "1"}, "images": [key]}});
        assert_eq!(changed("Node", node("cpu"), node("example.com/dongle")), ["Node n has changed"]);
        let slice =
            |ip: &str, owner: Value| json!({"metadata": {"name": "e", "ownerReferences": owner}, "endpoints": [ip]});
        assert_eq!(
            changed("EndpointSlice", slice("1", json!([])), slice("2", json!([]))),
            ["EndpointSlice e has changed"]
        );
        let owned = json!([{"controller": true}]);
        assert!(changed("EndpointSlice", slice("1", owned.clone()), slice("2", owned)).is_empty());
    }

    #[test]
    fn what_goes_by_itself_is_told_apart() {
        let namespace = json!({"metadata": {"name": "b", "deletionTimestamp": "2030-01-01T00:00:00Z"}});
        let pod = json!({"metadata": {"name": "a", "namespace": "b"}});
        let made =
            json!({"metadata": {"name": "c", "namespace": "default", "ownerReferences": [{"controller": true}]}});
        let first = json!({"metadata": {"name": "default"}});
        let now = snapshot(&[("Namespace", namespace), ("Namespace", first.clone()), ("Pod", pod), ("Pod", made)]);
        let new = snapshot(&[("Namespace", first)]);
        let difference = new.difference(&now);
        assert_eq!(difference.stays, Vec::<String>::new());
        assert_eq!(difference.going, ["Namespace b is going", "Pod c in default is going"]);
        assert_eq!(now.difference(&new).stays, ["Pod a in b is missing"]);
    }

    #[test]
    fn what_a_finalizer_holds_does_not_go_by_itself() {
        let namespace = json!({"metadata": {"name": "b", "deletionTimestamp": "2030-01-01T00:00:00Z"}});
        let held = |finalizer: &str| json!({"metadata": {"name": "a", "namespace": "b", "finalizers": [finalizer]}});
        let stays = |finalizer: &str| {
            let now = snapshot(&[("Namespace", namespace.clone()), ("ConfigMap", held(finalizer))]);
            Snapshot::default().difference(&now).stays
        };
        assert_eq!(stays("example.com/hold"), ["ConfigMap a in b: held by the finalizer example.com/hold"]);
        assert_eq!(stays("kubernetes.io/pvc-protection"), Vec::<String>::new());
        assert_eq!(stays("batch.kubernetes.io/job-tracking"), Vec::<String>::new());
        assert_eq!(stays("foregroundDeletion"), Vec::<String>::new());
    }
}
