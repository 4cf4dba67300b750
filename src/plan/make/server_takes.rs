//! What the API server takes is taken here, too, and what it answers 422 to is told.

use rstest::rstest;
use serde_json::{Value, json};

use super::testing::{fresh, said};

const RBAC: &str = "rbac.authorization.k8s.io";

/// The errors that are told of steps.
fn errors(steps: Value) -> Vec<String> {
    said(fresh(steps)).into_iter().filter(|line| line.starts_with("error")).collect()
}

fn binding(role_ref: Value, subjects: Value) -> Value {
    json!([
        {"serviceAccount": "reader"},
        {"role": {"name": "r", "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]}},
        {"apply": {"apiVersion": format!("{RBAC}/v1"), "kind": "RoleBinding", "metadata": {"name": "b"},
                   "roleRef": role_ref, "subjects": subjects}},
    ])
}

#[rstest]
#[case(json!({"apiGroup": "", "kind": "Role", "name": "r"}))]
#[case(json!({"apiGroup": null, "kind": "Role", "name": "r"}))]
#[case(json!({"kind": "Role", "name": "r"}))]
fn a_group_that_is_filled_in_may_be_empty(#[case] role_ref: Value) {
    let subjects = json!([
        {"kind": "ServiceAccount", "name": "reader", "namespace": ""},
        {"kind": "ServiceAccount", "name": "reader", "namespace": null},
        {"kind": "User", "name": "jane", "apiGroup": ""},
        {"kind": "Group", "name": "developers"},
    ]);
    assert_eq!(said(fresh(binding(role_ref, subjects))), Vec::<String>::new());
}

#[rstest]
#[case(json!({"kind": "User", "name": "jane", "apiGroup": "rbac.authorization.k8s.io/v1"}), "the `apiGroup` of a User")]
#[case(json!({"kind": "Group", "name": "developers", "apiGroup": "v1"}), "the `apiGroup` of a Group")]
#[case(json!({"kind": "ServiceAccount"}), "a subject without a `name`")]
#[case(json!({"kind": "User", "name": "", "apiGroup": RBAC}), "a subject without a `name`")]
fn a_subject_that_is_refused_is_told(#[case] subject: Value, #[case] message: &str) {
    let found = errors(binding(json!({"kind": "Role", "name": "r"}), json!([subject])));
    assert!(found.len() == 1 && found[0].contains(message), "{found:?}");
}

#[rstest]
#[case("user")]
#[case("group")]
fn nobody_is_bound_by_no_name(#[case] key: &str) {
    let bind = |expect: Value| {
        json!([
            {"clusterRole": {"name": "r", "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]}},
            {"bind": {"clusterRole": "r", "name": "b", "to": [{key: ""}]}, "expect": expect},
        ])
    };
    let found = errors(bind(json!({"status": 201})));
    assert!(found.len() == 1 && found[0].contains("without a name"), "{found:?}");
    assert_eq!(errors(bind(json!({"status": 422}))), Vec::<String>::new());
}

#[rstest]
#[case(json!({"apiGroups": [""], "nonResourceURLs": ["/healthz"], "verbs": ["get"]}), "`apiGroups` in a rule for URLs")]
#[case(json!({"resourceNames": ["x"], "nonResourceURLs": ["/livez"], "verbs": ["get"]}), "`resourceNames` in a rule for URLs")]
fn a_rule_for_urls_has_nothing_of_resources(#[case] rule: Value, #[case] message: &str) {
    let found = errors(json!([{"clusterRole": {"name": "r", "rules": [rule]}}]));
    assert!(found.len() == 1 && found[0].contains(message), "{found:?}");
}

#[test]
fn groups_and_names_of_others_are_theirs() {
    let found = said(fresh(json!([
        {"clusterRole": {"name": "r", "rules": [
            {"apiGroups": ["scheduling.x-k8s.io"], "resources": ["podgroups"], "verbs": ["get"]}]}},
        {"apply": {"apiVersion": "scheduling.x-k8s.io/v1alpha1", "kind": "PodGroup", "metadata": {"name": "x"}}},
        {"apply": {"apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest",
                   "metadata": {"name": "DevUser_csr"},
                   "spec": {"request": "aGVsbG8=", "signerName": "kubernetes.io/kube-apiserver-client",
                            "usages": ["client auth"]}}},
    ])));
    assert!(found.iter().all(|line| !line.contains("API group") && !line.starts_with("error")), "{found:?}");
}

#[test]
fn a_kind_that_is_gone_may_be_applied_where_it_was() {
    let apply = json!({"apiVersion": "policy/v1beta1", "kind": "PodSecurityPolicy", "metadata": {"name": "p"},
                       "spec": {"privileged": false}});
    assert_eq!(errors(json!([{"when": {"kubernetes": "<1.25"}, "apply": apply}])), Vec::<String>::new());
    let found = errors(json!([{"apply": apply}]));
    assert!(found.len() == 1 && found[0].contains("up to 1.24 only; use the label"), "{found:?}");
}

#[rstest]
#[case(json!(["create", "serviceaccount", "reader"]), json!(["create", "role", "r", "--verb=get", "--resource=pods"]))]
#[case(json!(["create", "sa", "reader"]), json!(["create", "role", "--verb=get", "--resource=pods", "r"]))]
fn what_kubectl_makes_is_there(#[case] account: Value, #[case] role: Value) {
    let found = errors(json!([
        {"kubectl": {"args": account}},
        {"pod": {"name": "p", "image": "curl", "serviceAccount": "reader"}},
        {"as": "serviceaccount/reader", "whoami": {}},
        {"kubectl": {"args": role}},
        {"bind": {"role": "r", "to": [{"serviceAccount": "reader"}]}},
        {"token": {"serviceAccount": "reader"}},
    ]));
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn what_kubectl_applies_is_there_and_may_be_made_again_when_it_has_deleted_it() {
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "reader"}});
    let found = errors(json!([
        {"kubectl": {"args": ["apply", "-f", "-"], "stdin": account.to_string()}},
        {"as": "serviceaccount/reader", "whoami": {}},
        {"kubectl": {"args": ["delete", "sa", "reader"]}},
        {"create": account},
        {"kubectl": {"args": ["create", "sa", "other"]}},
        {"kubectl": {"args": ["delete", "sa", "other"]}},
        {"serviceAccount": "other"},
    ]));
    assert_eq!(found, Vec::<String>::new());
}

#[rstest]
#[case(json!({"kubectl": {"args": ["create", "sa", "reader", "--dry-run=client"]}}), true)]
#[case(json!({"kubectl": {"args": ["create", "sa", "reader", "--dry-run"]}}), true)]
#[case(json!({"kubectl": {"args": ["create", "sa", "reader"]}, "expect": {"exitCode": 1}}), true)]
#[case(json!({"kubectl": {"args": ["create", "sa", "reader", "--dry-run=none"]}}), false)]
fn a_dry_run_makes_nothing(#[case] step: Value, #[case] missing: bool) {
    let found = errors(json!([step, {"as": "serviceaccount/reader", "whoami": {}}]));
    assert_eq!(found.iter().any(|line| line.contains("no step makes ServiceAccount")), missing, "{found:?}");
    let namespace = step.to_string().replace("\"sa\"", "\"namespace\"");
    let namespace: Value = serde_json::from_str(&namespace).expect("JSON");
    let found = errors(json!([namespace, {"apply": {"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "x", "namespace": "reader"}}}]));
    assert_eq!(found.iter().any(|line| line.contains("no earlier step makes namespace")), missing, "{found:?}");
}

#[rstest]
#[case(json!({"method": "POST", "body": {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "p"}}}), false)]
#[case(json!({"method": "DELETE"}), false)]
#[case(json!({}), true)]
fn a_call_from_a_pod_may_end_a_wait(#[case] more: Value, #[case] warned: bool) {
    let mut curl = json!({"in": "client", "token": "mounted",
        "url": "https://kubernetes.default/api/v1/namespaces/{namespace}/pods/p/eviction"});
    curl.as_object_mut().expect("a map").extend(more.as_object().expect("a map").clone());
    let found = said(fresh(json!([
        {"pod": {"name": "p", "image": "curl"}},
        {"pod": {"name": "client", "image": "curl"}},
        {"curl": curl, "expect": {"status": 201}},
        {"wait": {"kind": "Pod", "name": "p", "for": "deleted"}},
    ])));
    assert_eq!(found.iter().any(|line| line.contains("this wait")), warned, "{found:?}");
}

#[rstest]
#[case("/api/v1/namespaces/{namespace}/podz", true)]
#[case("/metricz", true)]
#[case("/api/v1/namespaces/{namespace}/pods", false)]
fn a_denial_of_a_path_that_kubectl_is_given_needs_the_path(#[case] path: &str, #[case] told: bool) {
    let found = said(fresh(json!([
        {"serviceAccount": "reader"},
        {"as": "serviceaccount/reader", "kubectl": {"args": ["get", "--raw", path]}, "expect": {"status": 403}},
    ])));
    assert_eq!(found.iter().any(|line| line.contains("a denial proves nothing here")), told, "{found:?}");
}

#[rstest]
#[case(json!(["--verb=get", "--verb=create"]), "`create` with `resourceNames` grants no POST")]
#[case(json!(["--verb=get,list"]), "`list` and `watch` with `resourceNames` grant nearly nothing")]
fn names_that_help_nothing_are_told_of_kubectls_rules_too(#[case] verbs: Value, #[case] message: &str) {
    let mut args =
        vec![json!("create"), json!("role"), json!("r"), json!("--resource=pods"), json!("--resource-name=x")];
    args.extend(verbs.as_array().expect("a list").iter().cloned());
    let found = said(fresh(json!([{"kubectl": {"args": args}}])));
    assert_eq!(found.iter().filter(|line| line.contains(message)).count(), 1, "{found:?}");
}
