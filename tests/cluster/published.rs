//! Published manifests as they are, on a warm cluster that must be as new afterwards: what they bring is gone, and what was there
//! before and was changed is as it was.
#![cfg(target_os = "linux")]

#[path = "../common/traces.rs"]
mod traces;

use std::process::Command;

use serde_json::Value;
use traces::{Place, Said};

/// What a published manifest could bring for what is there already, and what else a step changes of it.
const CHANGES: &str = "
title: What is there already
steps:
  - title: Roles, an account and a namespace of Kubernetes are applied
    apply:
      - apiVersion: rbac.authorization.k8s.io/v1
        kind: ClusterRole
        metadata: {name: view, labels: {published: 'yes'}}
        rules: [{apiGroups: [''], resources: [secrets], verbs: [get]}]
      - apiVersion: rbac.authorization.k8s.io/v1
        kind: Role
        metadata: {name: extension-apiserver-authentication-reader, namespace: kube-system}
        rules: [{apiGroups: [''], resources: [configmaps], verbs: [list]}]
      - {apiVersion: v1, kind: ServiceAccount, metadata: {name: default, namespace: default}, automountServiceAccountToken: false}
      - {apiVersion: v1, kind: Namespace, metadata: {name: default, annotations: {published: 'yes'}}}
      - {apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: 'system:discovery'}, rules: []}
  - title: It has an effect
    get: {kind: Role, name: extension-apiserver-authentication-reader, namespace: kube-system}
    expect: {object: {rules: [{verbs: [list]}]}}
  - title: What was changed may be deleted, and made anew
    delete: {kind: ClusterRole, name: 'system:discovery'}
  - title: It is another one
    create: {apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: 'system:discovery'}, rules: []}
";

/// The objects that the scenario changes.
const CHANGED: [&[&str]; 5] = [
    &["clusterrole", "view"],
    &["role", "extension-apiserver-authentication-reader", "-n", "kube-system"],
    &["serviceaccount", "default", "-n", "default"],
    &["namespace", "default"],
    &["clusterrole", "system:discovery"],
];

fn look(place: &Place, what: &[&str]) -> Value {
    let dir = place.nodes().join(place.clusters_now().first().expect("a cluster"));
    let engine = kubewalk::cluster::engine::built(&kubewalk::settings::from_env().cache).expect("it is built");
    let output = Command::new(engine.join("supervisor"))
        .args(["keeper", "exec", "--dir"])
        .arg(dir)
        .args(["--", "kubectl", "get", "-o", "json", "--show-managed-fields"])
        .args(what)
        .output()
        .expect("it starts");
    let said = Said::from(&output);
    let mut object: Value = serde_json::from_str(&said.stdout).unwrap_or_else(|_| panic!("{what:?}: {said:?}"));
    object["metadata"].as_object_mut().expect("metadata").remove("resourceVersion");
    // The controller that puts `view` together has done it once more.
    for entry in object["metadata"]["managedFields"].as_array_mut().into_iter().flatten() {
        if entry["manager"] == "clusterrole-aggregation-controller" {
            entry["time"].take();
        }
    }
    object
}

#[test]
fn a_warm_cluster_is_as_new_after_published_manifests_and_after_changes_of_what_was_there() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let settings = kubewalk::settings::from_env();
    runtime.block_on(kubewalk::cluster::engine::ensure(&settings, &mut |_| ())).expect("the engine can be built");
    let (mut place, folder) = (Place::new(), tempfile::tempdir().expect("a folder"));
    let changes = folder.path().join("changes.yaml");
    std::fs::write(&changes, CHANGES).expect("written");
    let said = place.run(&["cluster", "up", "--cluster", "builtin", "--ttl", "5m"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let name = said.stdout.trim().to_owned();
    let before = CHANGED.map(|what| look(&place, what));
    for scenario in ["scenarios/published", &changes.to_string_lossy(), "scenarios/published"] {
        let said = place.run(&["run", scenario, "--cluster", "builtin"]);
        assert_eq!(said.code, Some(0), "{said:?}");
        assert!(said.stderr.contains(&format!("the warm cluster {name} is used")), "{scenario}: {}", said.stderr);
    }
    for (what, before) in CHANGED.iter().zip(before) {
        let mut now = look(&place, what);
        // The one that was deleted is another one, of the same content.
        if *what == CHANGED[4] {
            for key in ["uid", "creationTimestamp", "managedFields"] {
                now["metadata"][key] = before["metadata"][key].clone();
            }
        }
        assert_eq!(now, before, "{what:?}");
    }
    let down = place.run(&["cluster", "down"]);
    assert_eq!(down.code, Some(0), "{down:?}");
    assert_eq!(place.left(), Vec::<String>::new());
}
