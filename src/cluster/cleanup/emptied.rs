//! Namespaces that were deleted, emptied and let go at once, on a cluster of our own.
//!
//! Kubernetes' namespace controller begins with what is in a deleted namespace 5 s later (`namespaceDeletionGracePeriod`, a
//! constant), and when something is left it comes back after half of the time that this may need. The pause is for clusters of
//! several API servers, of which one may not have heard of the deletion and still let something in. One alone has: from its
//! answer to the DELETE on, its admission looks at the namespace itself and refuses whatever is new in it. So there the same
//! work is done here without the pause, in the controller's order: remove all of every kind, look until nothing is there, take
//! the finalizer `kubernetes` away. What cannot be listed or removed is left to the controller.

use std::{collections::BTreeSet, time::Duration};

use futures::{StreamExt as _, TryStreamExt as _, future::join_all, stream};
use serde_json::{Value, json};

use super::namespaces::delete_options;
use crate::{
    clock::Moment,
    cluster::{
        ClusterError,
        client::discovery::{self, Resource},
    },
    k8s::object::{is_own_finalizer, name_of, uid_of},
    text::percent_encoded as escape,
};

/// How many requests are made at a time.
const AT_A_TIME: usize = 6;

/// How long after a look at what is still there it is looked at again.
const AGAIN: Duration = Duration::from_millis(20);

/// The finalizer of the namespace controller.
const OURS: &str = "kubernetes";

/// Something in a namespace that is being deleted.
#[derive(Debug)]
struct Inside {
    namespace: String,
    name: String,
    uid: Option<String>,
    /// Whether it is being deleted already, and is only held.
    held: bool,
    /// Whether a holder of it is none of Kubernetes' own controllers, so that it is unknown when it goes.
    foreign: bool,
}

/// Empties namespaces that are being deleted (all such, or only these) and lets them go; those that others' finalizers hold stay.
///
/// # Errors
/// When the API server does not say all that is in them, so that the rest is the controller's. Nothing was let go that is not
/// known to be empty.
pub async fn finish(client: &kube::Client, only: Option<&[&str]>, deadline: Moment) -> Result<(), ClusterError> {
    Going::find(client, only).await?.finish(client, &BTreeSet::new(), deadline).await
}

/// Namespaces that are being deleted and wait for their controller alone.
#[derive(Debug)]
pub struct Going {
    namespaces: Vec<Value>,
}

impl Going {
    /// All such, or only these.
    ///
    /// # Errors
    /// When the API server does not answer.
    pub async fn find(client: &kube::Client, only: Option<&[&str]>) -> Result<Self, ClusterError> {
        Ok(Going { namespaces: going(client, only).await? })
    }

    /// Their names.
    pub fn names(&self) -> Vec<&str> {
        self.namespaces.iter().map(name_of).collect()
    }

    /// As [`finish`]. Of the lists at these paths it is known that they had nothing in these namespaces since these were found: what
    /// was empty after the deletion stays empty, so they are not looked at again.
    ///
    /// # Errors
    /// As [`finish`].
    pub async fn finish(
        self,
        client: &kube::Client,
        empty: &BTreeSet<String>,
        deadline: Moment,
    ) -> Result<(), ClusterError> {
        let going = self.namespaces;
        if going.is_empty() {
            return Ok(());
        }
        let (alone, kinds) = tokio::join!(has_one_server(client), removable(client));
        if !alone? {
            return Ok(());
        }
        let mut kinds = kinds?;
        kinds.retain(|kind| !empty.contains(&kind.path()));
        emptied(client, going, kinds, deadline).await
    }
}

/// Removes what there is of these kinds in namespaces until nothing is, and lets them go.
async fn emptied(
    client: &kube::Client,
    mut going: Vec<Value>,
    mut kinds: Vec<Resource>,
    deadline: Moment,
) -> Result<(), ClusterError> {
    let all: Vec<String> = going.iter().map(|namespace| name_of(namespace).to_owned()).collect();
    let only: Vec<&str> = all.iter().map(String::as_str).collect();
    loop {
        let full = look(client, kinds, &going).await?;
        let has = |name: &str| full.iter().any(|(_, found)| found.iter().any(|item| item.namespace == name));
        let empty: Vec<&Value> = going.iter().filter(|namespace| !has(name_of(namespace))).collect();
        join_all(empty.iter().map(|namespace| let_go(client, namespace))).await;
        let removed = full.iter().flat_map(|(kind, found)| removals(kind, found));
        let removed: Vec<_> = removed.map(|(path, body)| remove(client.clone(), path, body)).collect();
        let waits = removed.is_empty();
        let _: Vec<()> = stream::iter(removed).buffer_unordered(AT_A_TIME).collect().await;
        // What others hold may never go. The rest goes in a moment, also a namespace that has changed meanwhile.
        let hopeless =
            |name: &str| full.iter().any(|(_, found)| found.iter().any(|item| item.foreign && item.namespace == name));
        if going.iter().all(|namespace| hopeless(name_of(namespace))) || deadline.left().is_zero() {
            return Ok(());
        }
        if waits && empty.is_empty() {
            tokio::time::sleep(AGAIN).await;
        }
        // Another one that goes since then has not been looked through.
        let mut now = self::going(client, Some(&only)).await?;
        now.retain(|namespace| going.iter().any(|known| uid_of(known) == uid_of(namespace)));
        going = now;
        if going.is_empty() {
            return Ok(());
        }
        // What was empty after the deletion stays empty.
        kinds = full.into_iter().map(|(kind, _)| kind).collect();
    }
}

/// What is in these namespaces, of those kinds of which there is any.
async fn look(
    client: &kube::Client,
    kinds: Vec<Resource>,
    going: &[Value],
) -> Result<Vec<(Resource, Vec<Inside>)>, ClusterError> {
    let looked = kinds.into_iter().map(|kind| {
        let client = client.clone();
        async move { inside(&client, &kind).await.map(|found| (kind, found)) }
    });
    let looked: Vec<_> = stream::iter(looked.collect::<Vec<_>>()).buffered(AT_A_TIME).try_collect().await?;
    let mut full = Vec::new();
    for (kind, mut found) in looked {
        found.retain(|item| going.iter().any(|namespace| name_of(namespace) == item.namespace));
        if !found.is_empty() {
            full.push((kind, found));
        }
    }
    Ok(full)
}

/// The namespaces that are being deleted and wait for their controller alone.
async fn going(client: &kube::Client, only: Option<&[&str]>) -> Result<Vec<Value>, ClusterError> {
    let mut all = discovery::items(client, "/api/v1/namespaces", "application/json").await?;
    let meant = |namespace: &Value| only.is_none_or(|names| names.contains(&name_of(namespace)));
    all.retain(|namespace| meant(namespace) && waits_for_its_controller(namespace));
    Ok(all)
}

fn waits_for_its_controller(namespace: &Value) -> bool {
    namespace["metadata"]["deletionTimestamp"].is_string() && namespace["spec"]["finalizers"] == json!([OURS])
}

/// Whether the cluster has a single API server: each writes its address there.
async fn has_one_server(client: &kube::Client) -> Result<bool, ClusterError> {
    let path = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes";
    Ok(servers(&discovery::get(client, path, "application/json").await?) == 1)
}

fn servers(slice: &Value) -> usize {
    let addresses = |endpoint: &Value| endpoint["addresses"].as_array().map_or(0, Vec::len);
    slice["endpoints"].as_array().into_iter().flatten().map(addresses).sum()
}

/// All of which something can be in a namespace, each in one version.
async fn removable(client: &kube::Client) -> Result<Vec<Resource>, ClusterError> {
    let (all, stale) = discovery::resources(client).await?;
    if let Some(group) = stale.first() {
        return Err(ClusterError::plain(format!("the API server does not know now what {group} has")));
    }
    let removable = |one: &Resource| one.namespaced && one.can("list") && one.can("delete");
    Ok(discovery::in_one_version(all.into_iter().filter(removable)))
}

async fn inside(client: &kube::Client, kind: &Resource) -> Result<Vec<Inside>, ClusterError> {
    let path = kind.path();
    let items = match discovery::metadata(client, &path).await {
        Ok(items) => items,
        // A custom kind that was removed meanwhile has taken its objects along.
        Err(_) if !is_served(client, &path).await? => vec![],
        Err(error) => return Err(error),
    };
    let text = |item: &Value, key: &str| item["metadata"][key].as_str().map(str::to_owned);
    let inside = items.iter().map(|item| {
        let finalizers = item["metadata"]["finalizers"].as_array().into_iter().flatten().filter_map(Value::as_str);
        Inside {
            namespace: text(item, "namespace").unwrap_or_default(),
            name: text(item, "name").unwrap_or_default(),
            uid: text(item, "uid"),
            held: finalizers.clone().next().is_some() && !item["metadata"]["deletionTimestamp"].is_null(),
            foreign: finalizers.clone().any(|finalizer| !is_own_finalizer(finalizer)),
        }
    });
    Ok(inside.collect())
}

/// Whether the API server has this list at all.
async fn is_served(client: &kube::Client, path: &str) -> Result<bool, ClusterError> {
    let failed = |e: kube::Error| ClusterError::plain(format!("{path} cannot be listed: {e}"));
    let request = http::Request::get(format!("{path}?limit=1")).body(Vec::new()).expect("a request");
    match client.request::<Value>(request).await {
        Ok(_) => Ok(true),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(false),
        Err(error) => Err(failed(error)),
    }
}

/// The requests that remove what is in namespaces, of one kind.
fn removals(kind: &Resource, found: &[Inside]) -> Vec<(String, Vec<u8>)> {
    // No step waits for the last words of a Pod that is thrown away.
    let grace = (kind.path() == "/api/v1/pods").then_some(0);
    let place = |namespace: &str| kind.path_in(&escape(namespace));
    let open = found.iter().filter(|item| !item.held);
    if kind.can("deletecollection") {
        let mut places: Vec<&str> = open.map(|item| item.namespace.as_str()).collect();
        places.sort_unstable();
        places.dedup();
        return places.into_iter().map(|name| (place(name), delete_options(None, None, grace))).collect();
    }
    let one = |item: &Inside| {
        let path = format!("{}/{}", place(&item.namespace), escape(&item.name));
        (path, delete_options(item.uid.as_deref(), None, grace))
    };
    open.map(one).collect()
}

/// Asks once; what came of it shows in the next look.
async fn remove(client: kube::Client, path: String, body: Vec<u8>) {
    let request = http::Request::delete(path).header(http::header::CONTENT_TYPE, "application/json").body(body);
    if let Ok(request) = request {
        let _ = client.request::<Value>(request).await;
    }
}

/// Takes the controller's finalizer from a namespace that is empty. It may have changed meanwhile; then its controller does it.
async fn let_go(client: &kube::Client, namespace: &Value) {
    let mut body = namespace.clone();
    body["apiVersion"] = "v1".into();
    body["kind"] = "Namespace".into();
    body["spec"]["finalizers"] = json!([]);
    let path = format!("/api/v1/namespaces/{}/finalize", escape(name_of(namespace)));
    let request = http::Request::put(path).header(http::header::CONTENT_TYPE, "application/json");
    if let Ok(request) = request.body(body.to_string().into_bytes()) {
        let _ = client.request::<Value>(request).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_waits_for_the_controller_alone_is_let_go() {
        let namespace = |deleted: Value, finalizers: Value| json!({"metadata": {"name": "n", "deletionTimestamp": deleted}, "spec": {"finalizers": finalizers}});
        assert!(waits_for_its_controller(&namespace(json!("2030-01-01T00:00:00Z"), json!(["kubernetes"]))));
        assert!(!waits_for_its_controller(&namespace(json!(null), json!(["kubernetes"]))));
        assert!(!waits_for_its_controller(&namespace(json!("2030-01-01T00:00:00Z"), json!(["kubernetes", "x.y/z"]))));
        assert!(!waits_for_its_controller(&namespace(json!("2030-01-01T00:00:00Z"), json!([]))));
    }

    #[test]
    fn several_servers_are_seen() {
        assert_eq!(servers(&json!({"endpoints": [{"addresses": ["10.0.0.1"]}]})), 1);
        assert_eq!(servers(&json!({"endpoints": [{"addresses": ["10.0.0.1", "10.0.0.2"]}]})), 2);
        assert_eq!(servers(&json!({"endpoints": [{"addresses": ["a"]}, {"addresses": ["b"]}]})), 2);
        assert_eq!(servers(&json!({})), 0);
    }

    #[test]
    fn what_is_held_already_is_not_deleted_again() {
        let inside = |namespace: &str, name: &str, held| Inside {
            namespace: namespace.into(),
            name: name.into(),
            uid: Some(format!("uid-{name}")),
            held,
            foreign: false,
        };
        let found = [inside("n", "a", false), inside("n", "b", false), inside("m", "c", true)];
        let resource = |group: &str, plural: &str, verbs: &[&str]| Resource {
            group: group.into(),
            version: "v1".into(),
            plural: plural.into(),
            kind: String::new(),
            namespaced: true,
            verbs: verbs.iter().map(|verb| (*verb).to_owned()).collect(),
        };
        let pods = resource("", "pods", &["deletecollection"]);
        let paths = |kind: &Resource| removals(kind, &found).into_iter().map(|(path, _)| path).collect::<Vec<_>>();
        assert_eq!(paths(&pods), ["/api/v1/namespaces/n/pods"]);
        let body = String::from_utf8(removals(&pods, &found).remove(0).1).expect("text");
        assert!(body.contains("\"gracePeriodSeconds\":0"), "{body}");
        let lids = resource("x.dev", "lids", &["delete"]);
        assert_eq!(paths(&lids), ["/apis/x.dev/v1/namespaces/n/lids/a", "/apis/x.dev/v1/namespaces/n/lids/b"]);
        let body = String::from_utf8(removals(&lids, &found).remove(0).1).expect("text");
        assert!(body.contains("uid-a") && !body.contains("grace"), "{body}");
    }
}
