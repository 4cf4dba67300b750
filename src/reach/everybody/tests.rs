use rstest::rstest;
use serde_json::json;

use super::*;

struct Mine;

impl Own for Mine {
    fn namespace(&self, name: &str) -> bool {
        name == "own"
    }
    fn definition(&self, name: &str) -> bool {
        name == "walks.example.com"
    }
}

fn wide<'a>(group: &'a str, plural: &'a str) -> Of<'a> {
    Of { group, plural, namespaced: false }
}

fn subject(value: Value) -> Value {
    json!({"subjects": [{"kind": "ServiceAccount", "name": "a", "namespace": "own"}, value]})
}

#[rstest]
#[case("admissionregistration.k8s.io", "validatingwebhookconfigurations")]
#[case("admissionregistration.k8s.io", "mutatingwebhookconfigurations")]
#[case("admissionregistration.k8s.io", "validatingadmissionpolicies")]
#[case("admissionregistration.k8s.io", "validatingadmissionpolicybindings")]
#[case("apiregistration.k8s.io", "apiservices")]
#[case("", "nodes")]
#[case("", "persistentvolumes")]
#[case("flowcontrol.apiserver.k8s.io", "flowschemas")]
#[case("flowcontrol.apiserver.k8s.io", "prioritylevelconfigurations")]
#[case("node.k8s.io", "runtimeclasses")]
#[case("policy", "podsecuritypolicies")]
#[case("kyverno.io", "clusterpolicies")]
fn a_kind_of_which_all_feel_each_object(#[case] group: &str, #[case] plural: &str) {
    let of = wide(group, plural);
    assert_eq!(manifest(of, &json!({"metadata": {"name": "a"}}), &Mine)[0].pointer, "/kind");
    assert_eq!(change(of, &json!([{"op": "remove", "path": "/spec"}]), &Mine).len(), 1);
    assert_eq!(body(of, None, |_| None, &Mine).len(), 1);
}

#[rstest]
#[case(RBAC, "clusterroles", json!({"metadata": {"labels": {"rbac.authorization.k8s.io/aggregate-to-view": "true"}}}), "/metadata/labels/rbac.authorization.k8s.io~1aggregate-to-view")]
#[case(RBAC, "clusterrolebindings", subject(json!({"kind": "Group", "name": "system:authenticated"})), "/subjects/1/name")]
#[case(RBAC, "clusterrolebindings", subject(json!({"kind": "Group", "name": "system:masters"})), "/subjects/1/name")]
#[case(RBAC, "clusterrolebindings", subject(json!({"kind": "Group", "name": "system:serviceaccounts"})), "/subjects/1/name")]
#[case(RBAC, "clusterrolebindings", subject(json!({"kind": "Group", "name": "system:serviceaccounts:theirs"})), "/subjects/1/name")]
#[case(RBAC, "clusterrolebindings", subject(json!({"kind": "User", "name": "system:anonymous"})), "/subjects/1/name")]
#[case(RBAC, "clusterrolebindings", subject(json!({"kind": "User", "name": "system:serviceaccount:theirs:a"})), "/subjects/1/name")]
#[case(RBAC, "clusterrolebindings", subject(json!({"kind": "ServiceAccount", "name": "a", "namespace": "kube-system"})), "/subjects/1/namespace")]
#[case("storage.k8s.io", "storageclasses", json!({"metadata": {"annotations": {"storageclass.kubernetes.io/is-default-class": "true"}}}), "/metadata/annotations/storageclass.kubernetes.io~1is-default-class")]
#[case("networking.k8s.io", "ingressclasses", json!({"metadata": {"annotations": {"ingressclass.kubernetes.io/is-default-class": "true"}}}), "/metadata/annotations/ingressclass.kubernetes.io~1is-default-class")]
#[case("scheduling.k8s.io", "priorityclasses", json!({"globalDefault": true, "value": 1}), "/globalDefault")]
#[case("apiextensions.k8s.io", "customresourcedefinitions", json!({"spec": {"conversion": {"strategy": "Webhook"}}}), "/spec/conversion")]
fn a_part_that_all_feel(#[case] group: &str, #[case] plural: &str, #[case] object: Value, #[case] at: &str) {
    let of = wide(group, plural);
    let found: Vec<_> = manifest(of, &object, &Mine).into_iter().map(|reach| reach.pointer).collect();
    assert_eq!(found, [at]);
    // As a text that is sent; and one that is no YAML.
    assert_eq!(body(of, Some("x"), |_| Some(vec![object.clone()]), &Mine).len(), 1);
    assert_eq!(body(of, Some("k8s\0"), |_| None, &Mine)[0].pointer, "");
    assert_eq!(body(of, Some("x"), |_| Some(vec![json!("x")]), &Mine).len(), 1);
    assert_eq!(change(of, &json!([{"op": "copy", "from": "/x", "path": "/y"}]), &Mine).len(), 1);
}

#[rstest]
#[case(RBAC, "clusterroles", json!([{"op": "add", "path": "/metadata/labels/rbac.authorization.k8s.io~1aggregate-to-edit", "value": "true"}]))]
#[case(RBAC, "clusterroles", json!([{"op": "add", "path": "/metadata/labels", "value": {"rbac.authorization.k8s.io/aggregate-to-edit": "true"}}]))]
#[case(RBAC, "clusterrolebindings", json!([{"op": "add", "path": "/subjects/-", "value": {"kind": "Group", "name": "system:masters"}}]))]
#[case(RBAC, "clusterrolebindings", json!([{"op": "replace", "path": "/subjects/0/name", "value": "system:anonymous"}]))]
#[case(RBAC, "clusterrolebindings", json!([{"op": "replace", "path": "/subjects/0/namespace", "value": "kube-system"}]))]
#[case("scheduling.k8s.io", "priorityclasses", json!([{"op": "add", "path": "/globalDefault", "value": true}]))]
fn an_operation_by_which_it_comes(#[case] group: &str, #[case] plural: &str, #[case] operations: Value) {
    assert_eq!(change(wide(group, plural), &operations, &Mine).len(), 1);
}

#[rstest]
#[case(RBAC, "clusterroles", json!({"metadata": {"labels": {"team": "a"}}, "rules": []}))]
#[case(RBAC, "clusterrolebindings", subject(json!({"kind": "Group", "name": "system:serviceaccounts:own"})))]
#[case(RBAC, "clusterrolebindings", subject(json!({"kind": "User", "name": "system:serviceaccount:own:a"})))]
#[case(RBAC, "clusterrolebindings", subject(json!({"kind": "User", "name": "jane"})))]
#[case(RBAC, "clusterrolebindings", subject(json!({"kind": "User", "name": "{saved.user}"})))]
#[case("storage.k8s.io", "storageclasses", json!({"provisioner": "x", "metadata": {"annotations": {"storageclass.kubernetes.io/is-default-class": "false"}}}))]
#[case("scheduling.k8s.io", "priorityclasses", json!({"globalDefault": false, "value": 1}))]
#[case("apiextensions.k8s.io", "customresourcedefinitions", json!({"spec": {"conversion": {"strategy": "None"}}}))]
#[case("", "namespaces", json!({"metadata": {"name": "a"}}))]
#[case("example.com", "walks", json!({"spec": {}}))]
#[case("authorization.k8s.io", "subjectaccessreviews", json!({"spec": {}}))]
fn what_concerns_only_those_who_name_it(#[case] group: &str, #[case] plural: &str, #[case] object: Value) {
    assert_eq!(manifest(wide(group, plural), &object, &Mine), []);
    assert_eq!(body(wide(group, plural), Some("x"), |_| Some(vec![object.clone()]), &Mine), []);
}

#[test]
fn a_service_that_takes_an_address_for_itself_is_felt_by_all() {
    let service = Of { group: "", plural: "services", namespaced: true };
    assert_eq!(manifest(service, &json!({"spec": {"externalIPs": ["10.0.0.1"]}}), &Mine).len(), 1);
    assert_eq!(manifest(Of { plural: "pods", ..service }, &json!({"spec": {}}), &Mine), []);
}
