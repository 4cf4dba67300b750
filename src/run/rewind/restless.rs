//! Objects that come, go and change by themselves.

use serde_json::Value;

use super::{callers, key::Key};
use crate::k8s::object::items_of;

/// By this a controller that made an object without an owner says so.
const MANAGED_ENDPOINTS: &str = "endpoints.kubernetes.io/managed-by";

/// By this the API server says that it made an APIService for a kind.
const MANAGED_SERVICES: &str = "kube-aggregator.kubernetes.io/automanaged";

/// Whether it is being deleted.
pub fn is_going(object: &Value) -> bool {
    object["metadata"]["deletionTimestamp"].is_string()
}

/// Whether a controller keeps it, or a component of the cluster: what is deleted of it comes again, and what is made of it goes. What a
/// scenario has written is none of theirs, whatever it is.
pub fn is_by_itself(key: &Key, object: &Value) -> bool {
    let metadata = &object["metadata"];
    let is_owned = items_of(&metadata["ownerReferences"]).any(|owner| owner["controller"] == true);
    let is_kept = match (key.group.as_str(), key.kind.as_str()) {
        ("coordination.k8s.io", "Lease") => {
            matches!(key.namespace.as_deref(), Some("kube-node-lease" | "kube-system"))
        }
        ("", "Event") | ("events.k8s.io", "Event") | ("networking.k8s.io", "IPAddress") => true,
        ("storage.k8s.io", "CSINode" | "VolumeAttachment") => true,
        ("", "Endpoints") => metadata["labels"][MANAGED_ENDPOINTS].is_string(),
        ("apiregistration.k8s.io", "APIService") => metadata["labels"][MANAGED_SERVICES].is_string(),
        ("certificates.k8s.io", "CertificateSigningRequest") => {
            object["spec"]["signerName"].as_str().is_some_and(|name| name.contains("kubelet"))
        }
        _ => false,
    };
    is_in_every_namespace(key, object) || (is_owned || is_kept) && !callers::have_written(object)
}

/// Whether it is what Kubernetes puts into each namespace, a moment later, and no caller has changed it.
fn is_in_every_namespace(key: &Key, object: &Value) -> bool {
    let plain = ["labels", "finalizers", "ownerReferences"].iter().all(|name| object["metadata"][*name].is_null());
    let only = |fields: &[&str]| {
        let rest = ["metadata", "apiVersion", "kind"];
        object
            .as_object()
            .is_some_and(|all| all.keys().all(|name| rest.contains(&&**name) || fields.contains(&&**name)))
    };
    match (key.group.as_str(), key.kind.as_str(), key.name.as_str()) {
        ("", "ServiceAccount", "default") => plain && object["metadata"]["annotations"].is_null() && only(&[]),
        ("", "ConfigMap", "kube-root-ca.crt") => {
            let keys = object["data"].as_object().map(|data| data.keys().eq(["ca.crt"]));
            plain && only(&["data"]) && keys == Some(true)
        }
        _ => false,
    }
}

/// Whether it is a kind of a user's own.
pub fn is_custom(key: &Key) -> bool {
    key.group.contains('.') && !key.group.ends_with(".k8s.io")
}

/// Whether an object that is made again is another one: tokens are bound to it, or all that is in it has gone.
pub fn has_identity(key: &Key, object: &Value) -> bool {
    match (key.group.as_str(), key.kind.as_str()) {
        ("", "Namespace" | "ServiceAccount" | "Pod" | "Node" | "PersistentVolume" | "PersistentVolumeClaim") => true,
        ("", "Secret") => object["type"] == "kubernetes.io/service-account-token",
        ("apiextensions.k8s.io", "CustomResourceDefinition") => true,
        ("certificates.k8s.io", "CertificateSigningRequest") => true,
        ("apps" | "batch", _) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn key(group: &str, kind: &str, name: &str) -> Key {
        Key { group: group.into(), kind: kind.into(), namespace: Some("a".into()), name: name.into() }
    }

    #[test]
    fn what_every_namespace_has_counts_once_somebody_has_changed_it() {
        let account = key("", "ServiceAccount", "default");
        assert!(is_by_itself(&account, &json!({"metadata": {"name": "default"}})));
        assert!(!is_by_itself(
            &account,
            &json!({"metadata": {"name": "default"}, "automountServiceAccountToken": false})
        ));
        assert!(!is_by_itself(&key("", "ServiceAccount", "reader"), &json!({"metadata": {"name": "reader"}})));
        let authority = key("", "ConfigMap", "kube-root-ca.crt");
        let annotated =
            json!({"metadata": {"annotations": {"kubernetes.io/description": "…"}}, "data": {"ca.crt": "x"}});
        assert!(is_by_itself(&authority, &annotated));
        assert!(!is_by_itself(&authority, &json!({"metadata": {}, "data": {"ca.crt": "x", "more": "y"}})));
    }

    #[test]
    fn what_a_controller_owns_is_the_controllers() {
        let owned = json!({"metadata": {"ownerReferences": [{"uid": "u", "controller": true}]}});
        assert!(is_by_itself(&key("", "Pod", "p"), &owned));
        assert!(!is_by_itself(&key("", "Pod", "p"), &json!({"metadata": {"ownerReferences": [{"uid": "u"}]}})));
    }

    #[test]
    fn what_a_scenario_has_written_is_no_controllers() {
        let by = |manager: &str| json!([{"manager": manager, "fieldsV1": {}}]);
        let owned = |manager: &str| json!({"metadata": {"ownerReferences": [{"uid": "u", "controller": true}], "managedFields": by(manager)}});
        let plain = |manager: &str| json!({"metadata": {"managedFields": by(manager)}});
        assert!(is_by_itself(&key("", "Pod", "p"), &owned("kube-controller-manager")));
        assert!(!is_by_itself(&key("", "ConfigMap", "c"), &owned("kubewalk")));
        assert!(is_by_itself(&key("", "Event", "e"), &plain("kubelet")));
        assert!(!is_by_itself(&key("", "Event", "e"), &plain("kubectl-create")));
        let account = json!({"metadata": {"name": "default", "managedFields": by("kubewalk")}});
        assert!(is_by_itself(&key("", "ServiceAccount", "default"), &account), "what was written back is as it was");
    }

    #[test]
    fn only_groups_of_others_are_custom() {
        assert!(is_custom(&key("x.example", "Jar", "j")));
        assert!(
            ["", "apps", "batch", "rbac.authorization.k8s.io"].iter().all(|group| !is_custom(&key(group, "K", "n")))
        );
    }
}
