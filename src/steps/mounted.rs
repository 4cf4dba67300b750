//! Tokens and Secrets that are mounted into Pods: the filter knows them before anything that the Pod says is told.
//!
//! They are read beside the step's own command, once for each Pod; the token at its usual place not again in a Pod whose shell
//! has read it. In a Pod whose image can read no file, nothing is read; there a token is known by its shape alone.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Mutex,
    time::Duration,
};

use futures::{
    FutureExt as _,
    future::{self, BoxFuture, Shared},
};
use serde_json::Value;

use super::{api, pod_exec, shell::Reading};
use crate::{
    clock::{Moment, timeout_at},
    k8s::well_known::MOUNT,
    plan::Place,
    redact,
    sync::locked,
};

/// How long a step waits for what its Pod has mounted.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a Pod's shell may take to read the token before it is read without it.
const SHELL: Duration = Duration::from_secs(2);

/// The most Pods of a namespace that are read at once.
const MOST_PODS: usize = 40;

/// By a Pod's uid: what ends when it has been read.
#[derive(Default)]
pub struct Mounted {
    pods: Mutex<HashMap<String, Shared<BoxFuture<'static, ()>>>>,
    /// By a Pod's uid: what its shell reads.
    shells: Mutex<HashMap<String, Reading>>,
}

impl Mounted {
    /// Ends when what a Pod has mounted is known, or cannot be.
    pub async fn learn_of_pod(&self, namespace: &str, pod: &str, client: &kube::Client) {
        let path = format!("/api/v1/namespaces/{}/pods/{}", api::escape(namespace), api::escape(pod));
        let read = async {
            if let Ok(answer) = api::get(client, &path).await
                && let Some(pod) = answer.json.filter(|_| answer.status == 200)
                // In one that does not run yet, nothing can be read, and it is not known for good.
                && pod["status"]["phase"] == "Running"
            {
                self.read(&pod, client).await;
            }
        };
        let _ = timeout_at(Moment::now() + PATIENCE, read).await;
    }

    /// The same for all Pods of a namespace.
    pub async fn learn_of_namespace(&self, namespace: &str, client: &kube::Client) {
        let path = format!("/api/v1/namespaces/{}/pods?limit={MOST_PODS}", api::escape(namespace));
        let read = async {
            if let Ok(answer) = api::get(client, &path).await {
                let pods = answer.json.as_ref().and_then(|json| json["items"].as_array());
                let pods = pods.into_iter().flatten().filter(|pod| pod["status"]["phase"] == "Running");
                future::join_all(pods.map(|pod| self.read(pod, client))).await;
            }
        };
        let _ = timeout_at(Moment::now() + PATIENCE, read).await;
    }

    /// The shell of a Pod reads the token at its usual place.
    pub fn read_by_shell(&self, uid: String, reading: Reading) {
        locked(&self.shells).insert(uid, reading);
    }

    fn read(&self, pod: &Value, client: &kube::Client) -> Shared<BoxFuture<'static, ()>> {
        let uid = pod["metadata"]["uid"].as_str().unwrap_or_default().to_owned();
        let shell = locked(&self.shells).get(&uid).cloned();
        let mut pods = locked(&self.pods);
        let reading = pods.entry(uid).or_insert_with(|| {
            let (pod, client) = (pod.clone(), client.clone());
            // It goes on when the step that began it is over.
            let reading = tokio::spawn(async move {
                tokio::join!(tokens(&pod, shell, &client), secrets(&pod, &client));
            });
            reading.map(drop).boxed().shared()
        });
        reading.clone()
    }
}

/// Reads each token of a Pod, by the first of its containers that can.
async fn tokens(pod: &Value, shell: Option<Reading>, client: &kube::Client) {
    // Another Pod may have the name by now: the token says whose it is.
    let read = match shell {
        Some(reading) => timeout_at(Moment::now() + SHELL, reading).await.ok().flatten(),
        None => None,
    };
    let read = read.is_some() && read.as_deref() == pod["metadata"]["uid"].as_str();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (namespace, name) = (text(&pod["metadata"]["namespace"]), text(&pod["metadata"]["name"]));
    for places in token_files(pod).into_values().filter(|places| !(read && is_usual(pod, places))) {
        for (container, file) in places {
            let (namespace, pod) = (namespace.clone(), name.clone());
            let place = Place { namespace, pod, container: Some(container), ..Place::default() };
            let read = pod_exec::run(&place, &["cat".to_owned(), file], None, client).await;
            if let Ok(output) = read
                && output.exit_code == 0
            {
                redact::register(String::from_utf8_lossy(&output.stdout).trim());
                break;
            }
        }
    }
}

/// Whether this is the token at its usual place in a Pod's first container, where its shell is.
fn is_usual(pod: &Value, places: &[(String, String)]) -> bool {
    let usual = format!("{}/token", MOUNT);
    let container = &pod["spec"]["containers"][0]["name"];
    places.iter().any(|(name, file)| container == name.as_str() && *file == usual)
}

/// By volume and path in it: the containers that have a token mounted, and where.
fn token_files(pod: &Value) -> BTreeMap<(String, String), Vec<(String, String)>> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let mut files: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for volume in list(&pod["spec"]["volumes"]) {
        let sources = list(&volume["projected"]["sources"]);
        for path in sources.iter().filter_map(|source| source["serviceAccountToken"]["path"].as_str()) {
            // Where no other container can read a file, one that was put there for calls can.
            let all = ["containers", "ephemeralContainers"].map(|key| list(&pod["spec"][key]));
            for container in all.into_iter().flatten() {
                let mounts = list(&container["volumeMounts"]);
                let mount = mounts.iter().find(|mount| mount["name"] == volume["name"] && mount["subPath"].is_null());
                if let (Some(at), Some(name)) =
                    (mount.and_then(|m| m["mountPath"].as_str()), container["name"].as_str())
                {
                    let key = (volume["name"].as_str().unwrap_or_default().to_owned(), path.to_owned());
                    let file = format!("{}/{path}", at.trim_end_matches('/'));
                    files.entry(key).or_default().push((name.to_owned(), file));
                }
            }
        }
    }
    files
}

/// Reads each Secret that a Pod has mounted or has in its environment; the answers are learned where they come in.
async fn secrets(pod: &Value, client: &kube::Client) {
    let namespace = pod["metadata"]["namespace"].as_str().unwrap_or_default();
    let mut names = BTreeSet::new();
    names_of(&pod["spec"], &mut names);
    let read = names.iter().map(|name| async move {
        let path = format!("/api/v1/namespaces/{}/secrets/{}", api::escape(namespace), api::escape(name));
        let _ = api::get(client, &path).await;
    });
    future::join_all(read).await;
}

fn names_of(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let name = match key.as_str() {
                    "secret" => value["secretName"].as_str().or_else(|| value["name"].as_str()),
                    "secretKeyRef" | "secretRef" => value["name"].as_str(),
                    _ => None,
                };
                names.extend(name.map(str::to_owned));
                names_of(value, names);
            }
        }
        Value::Array(list) => list.iter().for_each(|value| names_of(value, names)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_token_and_secret_of_a_pod_is_found() {
        let pod = json!({"spec": {
            "volumes": [
                {"name": "api", "projected": {"sources": [
                    {"serviceAccountToken": {"path": "token"}}, {"configMap": {"name": "ca"}}, {"secret": {"name": "more"}},
                ]}},
                {"name": "vault", "projected": {"sources": [{"serviceAccountToken": {"path": "of/vault", "audience": "v"}}]}},
                {"name": "files", "secret": {"secretName": "files"}},
            ],
            "containers": [
                {"name": "a", "volumeMounts": [{"name": "api", "mountPath": "/run/api/"}], "envFrom": [{"secretRef": {"name": "env"}}]},
                {"name": "b", "volumeMounts": [{"name": "api", "mountPath": "/b"}, {"name": "vault", "mountPath": "/v"}],
                 "env": [{"name": "K", "valueFrom": {"secretKeyRef": {"name": "key", "key": "k"}}}]},
            ],
        }});
        let files: Vec<_> = token_files(&pod).into_values().collect();
        let place = |container: &str, file: &str| (container.to_owned(), file.to_owned());
        assert_eq!(
            files,
            [vec![place("a", "/run/api/token"), place("b", "/b/token")], vec![place("b", "/v/of/vault")]]
        );
        let usual: Vec<bool> = token_files(&pod).values().map(|places| is_usual(&pod, places)).collect();
        assert_eq!(usual, [false, false], "no shell has read them");
        let mut names = BTreeSet::new();
        names_of(&pod["spec"], &mut names);
        assert_eq!(names.into_iter().collect::<Vec<_>>(), ["env", "files", "key", "more"]);
    }

    #[test]
    fn what_the_shell_has_read_is_the_token_at_its_usual_place_in_its_own_container() {
        let mounts =
            |name: &str, volume: &str| json!({"name": name, "volumeMounts": [{"name": volume, "mountPath": MOUNT}]});
        let token =
            |name: &str| json!({"name": name, "projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}});
        let pod = json!({"spec": {
            "volumes": [token("api"), token("other")], "containers": [mounts("main", "api"), mounts("side", "other")],
        }});
        let usual: Vec<_> =
            token_files(&pod).into_iter().map(|((volume, _), places)| (volume, is_usual(&pod, &places))).collect();
        assert_eq!(usual, [("api".to_owned(), true), ("other".to_owned(), false)]);
    }
}
