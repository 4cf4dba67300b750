//! What reaches from a scenario to its cluster's node: Pods that are no longer shut in, and kubectl's ways to the node's files.
//! Pure functions of manifests and arguments. And, in [`everybody`], what reaches from it to all who use a cluster that exists.
//!
//! With `--untrusted`, `check` and `run` refuse it before anything starts. What a plan cannot show (a body that a Pod sends, an
//! object that a controller makes) is refused by the cluster itself, by policies that are no objects of the API
//! (`engine/supervisor/node/untrusted.go`). Without it, the same rules tell when a warm cluster does not count as new any more.

pub mod everybody;
mod found;
pub mod kubectl;
pub mod pod;

pub use found::Reach;

use serde_json::{Map, Value};

/// Where in an object of a kind a Pod's spec is.
fn spec_at(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "Pod" => "/spec",
        "PodTemplate" => "/template/spec",
        "CronJob" => "/spec/jobTemplate/spec/template/spec",
        "DaemonSet" | "Deployment" | "Job" | "ReplicaSet" | "ReplicationController" | "StatefulSet" => {
            "/spec/template/spec"
        }
        _ => return None,
    })
}

/// What of a manifest, or of a part of one, reaches the node. Items of a list are looked at, too.
pub fn manifest(kind: &str, object: &Value) -> Vec<Reach> {
    // An object may have `items` all the same, which its kind does not know.
    let own = kind.strip_suffix("List").unwrap_or_default();
    let items = object["items"].as_array().into_iter().flatten().enumerate().flat_map(|(index, item)| {
        let found = manifest(item["kind"].as_str().unwrap_or(own), item);
        found.into_iter().map(move |reach| reach.below(&format!("/items/{index}")))
    });
    items.chain(itself(kind, object)).collect()
}

/// The same of an object that is no list.
fn itself(kind: &str, object: &Value) -> Vec<Reach> {
    if kind == "PersistentVolume" {
        return volume(&object["spec"]).into_iter().map(|reach| reach.below("/spec")).collect();
    }
    if kind == "APIService" {
        // It would answer in place of the API server, also the kubelet, which starts each Pod that it is told of.
        let service = object["spec"].get("service").filter(|service| !service.is_null());
        return service.map(|_| Reach::new("/spec/service", "an APIService with a `service`")).into_iter().collect();
    }
    if kind == "Service" {
        return redirected(object).into_iter().collect();
    }
    if kind.is_empty() {
        // Whatever it is that the text is sent to.
        let kinds = ["Pod", "PodTemplate", "Deployment", "CronJob"];
        // Only a PersistentVolume says these.
        let is_volume = ["capacity", "hostPath", "local"].iter().any(|key| object["spec"][*key].is_object());
        let kinds = kinds.into_iter().chain(is_volume.then_some("PersistentVolume"));
        let kinds = kinds.chain(object["spec"]["service"].is_object().then_some("APIService"));
        return kinds.flat_map(|kind| itself(kind, object)).collect();
    }
    let Some(at) = spec_at(kind) else { return vec![] };
    let spec = object.pointer(at).unwrap_or(&Value::Null);
    pod::reaches(spec).into_iter().map(|reach| reach.below(at)).collect()
}

/// What of a Service turns on the node what is sent to an address, also by the node's own programs.
fn redirected(object: &Value) -> Option<Reach> {
    const WAYS: [(&str, &str); 2] = [
        ("/spec/externalIPs", "a Service with `externalIPs`"),
        ("/status/loadBalancer/ingress", "a Service with an address of a load balancer"),
    ];
    let is_said = |pointer: &str| {
        let said = object.pointer(pointer).unwrap_or(&Value::Null);
        !said.is_null() && said.as_array().is_none_or(|all| !all.is_empty())
    };
    WAYS.iter().find(|(pointer, _)| is_said(pointer)).map(|(pointer, what)| Reach::new(*pointer, *what))
}

/// The parts of a PersistentVolume's spec that are no source of a volume.
const NO_SOURCE: [&str; 9] = [
    "accessModes",
    "capacity",
    "claimRef",
    "csi",
    "mountOptions",
    "nodeAffinity",
    "persistentVolumeReclaimPolicy",
    "storageClassName",
    "volumeMode",
];

fn volume(spec: &Value) -> Vec<Reach> {
    let keys = spec.as_object().into_iter().flat_map(Map::keys);
    let sources = keys.filter(|key| !NO_SOURCE.contains(&key.as_str()) && *key != "volumeAttributesClassName");
    sources.map(|key| Reach { pointer: format!("/{key}"), what: format!("a PersistentVolume of `{key}`") }).collect()
}

/// What of a change of an object reaches the node: of a part that is merged, or of a list of operations (RFC 6902).
pub fn change(kind: &str, subresource: Option<&str>, body: &Value) -> Vec<Reach> {
    if subresource.is_some_and(|part| part != "ephemeralcontainers") {
        return vec![];
    }
    let Some(operations) = body.as_array() else { return manifest(kind, body) };
    let mut found = Vec::new();
    for (index, operation) in operations.iter().enumerate() {
        let Some(path) = operation["path"].as_str() else { continue };
        // What is copied or moved there may be anything that the object has: a name from `drop` to `add`.
        if matches!(operation["op"].as_str(), Some("copy" | "move")) && meets_spec(kind, path) {
            found.push(Reach::new(format!("/{index}/path"), "a copy within a Pod's spec"));
            continue;
        }
        let Some(value) = operation.get("value") else { continue };
        if let Some(reach) = manifest(kind, &whole(path, value.clone())).into_iter().next() {
            found.push(Reach { pointer: format!("/{index}/value"), what: reach.what });
        }
    }
    found
}

/// The object that an operation's value makes at its path, with nothing beside it.
fn whole(path: &str, value: Value) -> Value {
    let steps: Vec<_> = path.split('/').skip(1).collect();
    steps.iter().rev().fold(value, |inner, step| match step.parse::<usize>().is_ok() || *step == "-" {
        true => Value::Array(vec![inner]),
        false => Value::Object(std::iter::once((step.replace("~1", "/").replace("~0", "~"), inner)).collect()),
    })
}

/// Whether a JSON pointer leads into what a kind has as a Pod's spec, or to what the spec is in.
fn meets_spec(kind: &str, path: &str) -> bool {
    let leads =
        |one: &str, other: &str| other.strip_prefix(one).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let meets = |spec: &str| leads(spec, path) || leads(path, spec);
    match kind {
        "" => ["Pod", "PodTemplate", "Deployment", "CronJob"].into_iter().filter_map(spec_at).any(meets),
        "PersistentVolume" => meets("/spec"),
        "APIService" => meets("/spec/service"),
        "Service" => meets("/spec/externalIPs") || meets("/status/loadBalancer/ingress"),
        kind => spec_at(kind).is_some_and(meets),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn spec() -> Value {
        json!({"containers": [{"name": "a", "securityContext": {"privileged": true}}]})
    }

    #[rstest]
    #[case("Pod", json!({"spec": spec()}), "/spec")]
    #[case("Deployment", json!({"spec": {"template": {"spec": spec()}}}), "/spec/template/spec")]
    #[case("CronJob", json!({"spec": {"jobTemplate": {"spec": {"template": {"spec": spec()}}}}}), "/spec/jobTemplate/spec/template/spec")]
    #[case("PodTemplate", json!({"template": {"spec": spec()}}), "/template/spec")]
    #[case("List", json!({"items": [{"kind": "Pod", "spec": spec()}]}), "/items/0/spec")]
    #[case("", json!({"spec": spec()}), "/spec")]
    #[case("", json!({"spec": {"template": {"spec": spec()}}}), "/spec/template/spec")]
    #[case("PodList", json!({"items": [{"spec": spec()}]}), "/items/0/spec")]
    #[case("Pod", json!({"items": [], "spec": spec()}), "/spec")]
    #[case("ConfigMap", json!({"items": [{"kind": "Pod", "spec": spec()}]}), "/items/0/spec")]
    #[case("", json!({"items": [{}], "spec": spec()}), "/spec")]
    fn every_kind_that_makes_pods(#[case] kind: &str, #[case] object: Value, #[case] at: &str) {
        let found = manifest(kind, &object);
        assert_eq!(found, [Reach::new(format!("{at}/containers/0/securityContext/privileged"), "`privileged`")]);
    }

    #[test]
    fn a_volume_without_a_kind_is_known_by_its_capacity() {
        let body = json!({"spec": {"capacity": {"storage": "1Gi"}, "nfs": {"server": "x", "path": "/"}}});
        assert_eq!(manifest("", &body)[0].pointer, "/spec/nfs");
    }

    #[test]
    fn a_volume_of_the_node_reaches_it_and_others_do_not() {
        let of = |source: &str| json!({"spec": {"capacity": {"storage": "1Gi"}, source: {"path": "/"}}});
        assert_eq!(manifest("PersistentVolume", &of("hostPath"))[0].what, "a PersistentVolume of `hostPath`");
        assert_eq!(manifest("PersistentVolume", &of("local"))[0].pointer, "/spec/local");
        assert_eq!(manifest("PersistentVolume", &of("csi")), []);
        assert_eq!(manifest("ConfigMap", &json!({"spec": spec()})), []);
    }

    #[rstest]
    #[case("APIService", json!({"spec": {"service": {"name": "srv"}}}), 1)]
    #[case("", json!({"spec": {"service": {"name": "srv"}}}), 1)]
    #[case("APIService", json!([{"op": "add", "path": "/spec/service", "value": {"name": "srv"}}]), 1)]
    #[case("", json!([{"op": "add", "path": "/spec/service/name", "value": "srv"}]), 1)]
    #[case("APIService", json!([{"op": "copy", "from": "/metadata/x", "path": "/spec/service"}]), 1)]
    #[case("APIService", json!({"spec": {"group": "g", "service": null}}), 0)]
    #[case("ServiceAccount", json!({"spec": {"service": {"name": "srv"}}}), 0)]
    #[case("Service", json!({"spec": {"externalIPs": ["10.243.0.2"]}}), 1)]
    #[case("Service", json!({"status": {"loadBalancer": {"ingress": [{"ip": "10.243.0.2"}]}}}), 1)]
    #[case("Service", json!([{"op": "add", "path": "/spec/externalIPs/-", "value": "10.243.0.2"}]), 1)]
    #[case("Service", json!({"spec": {"externalIPs": [], "ports": [{"port": 80}]}, "status": {"loadBalancer": {}}}), 0)]
    fn what_answers_in_place_of_the_api_reaches_the_node(
        #[case] kind: &str,
        #[case] body: Value,
        #[case] found: usize,
    ) {
        assert_eq!(change(kind, None, &body).len(), found);
    }

    #[rstest]
    #[case(None, json!({"spec": {"template": {"spec": {"hostNetwork": true}}}}), "/spec/template/spec/hostNetwork")]
    #[case(None, json!([{"op": "add", "path": "/spec/template/spec/hostPID", "value": true}]), "/0/value")]
    #[case(None, json!([{"op": "copy", "from": "/spec/paused", "path": "/spec/template/spec/hostPID"}]), "/0/path")]
    #[case(None, json!([{"op": "copy", "from": "/spec/template/spec/containers/0/securityContext/capabilities/drop",
        "path": "/spec/template/spec/containers/0/securityContext/capabilities/add"}]), "/0/path")]
    #[case(None, json!([{"op": "move", "from": "/metadata/x", "path": "/spec"}]), "/0/path")]
    #[case(None, json!([{"op": "add", "path": "/metadata/labels", "value": {}},
        {"op": "add", "path": "/spec/template/spec/containers/0/securityContext", "value": {"privileged": true}}]), "/1/value")]
    #[case(None, json!([{"op": "add", "path": "/spec/template/spec/volumes/-", "value": {"name": "v", "hostPath": {"path": "/"}}}]), "/0/value")]
    fn every_way_to_change(#[case] part: Option<&str>, #[case] body: Value, #[case] at: &str) {
        let found: Vec<_> = change("Deployment", part, &body).into_iter().map(|reach| reach.pointer).collect();
        assert_eq!(found, [at]);
    }

    #[test]
    fn only_what_may_hold_a_container_is_looked_at() {
        let body = json!({"spec": {"ephemeralContainers": [{"securityContext": {"privileged": true}}]}});
        assert_eq!(change("Pod", Some("ephemeralcontainers"), &body).len(), 1);
        assert_eq!(change("Pod", Some("status"), &body), []);
    }
}
