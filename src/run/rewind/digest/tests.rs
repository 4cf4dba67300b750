use super::*;

fn key(group: &str, kind: &str, namespace: &str, name: &str) -> Key {
    let namespace = Some(namespace).filter(|name| !name.is_empty()).map(str::to_owned);
    Key { group: group.into(), kind: kind.into(), namespace, name: name.into() }
}

fn digest(namespace: &str, objects: &[(Key, Value)]) -> Digest {
    Digest::from_objects(objects.iter().map(|(key, object)| (key, object)), namespace)
}

fn changed(group: &str, kind: &str, before: &Value, now: &Value) -> Vec<String> {
    let one = |object: &Value| digest("kw-a", &[(key(group, kind, "kw-a", "x"), object.clone())]);
    one(before).difference(&one(now))
}

#[test]
fn what_changes_by_itself_does_not_count() {
    let pod = |n: u8| {
        json!({
            "metadata": {"uid": format!("0000000{n}-0000-4000-8000-000000000000"), "resourceVersion": n, "name": "x",
                "creationTimestamp": "2026-01-01T00:00:00Z", "managedFields": [n], "labels": {"a": "b"}},
            "spec": {"nodeName": n, "ephemeralContainers": [n], "volumes": [{"name": format!("kube-api-access-abcd{n}")}],
                "note": format!("made 2026-01-0{n}T00:00:00.5+01:00 of 0000000{n}-0000-4000-8000-000000000000")},
            "status": {"podIP": n},
        })
    };
    assert_eq!(changed("", "Pod", &pod(1), &pod(2)), Vec::<String>::new());
    let mut other = pod(1);
    other["metadata"]["labels"]["a"] = "c".into();
    assert_eq!(changed("", "Pod", &pod(1), &other), ["Pod x in {namespace} has changed"]);
    let service = |n: u8| json!({"metadata": {}, "spec": {"clusterIP": n, "clusterIPs": [n], "ports": [{"port": 1, "nodePort": n}]}});
    assert!(changed("", "Service", &service(1), &service(2)).is_empty());
    let token = |n: u8| json!({"metadata": {}, "type": "kubernetes.io/service-account-token", "data": {"token": n}});
    assert!(changed("", "Secret", &token(1), &token(2)).is_empty());
    let used =
        json!({"metadata": {"labels": {LAST_USED: "2026-01-01"}}, "type": "kubernetes.io/service-account-token"});
    assert!(changed("", "Secret", &token(1), &used).is_empty());
    let opaque = |n: u8| json!({"metadata": {}, "type": "Opaque", "data": {"token": n}});
    assert_eq!(changed("", "Secret", &opaque(1), &opaque(2)).len(), 1);
    let aggregated = |n: u8| json!({"metadata": {}, "aggregationRule": {}, "rules": [n]});
    assert!(changed("rbac.authorization.k8s.io", "ClusterRole", &aggregated(1), &aggregated(2)).is_empty());
    let role = |n: u8| json!({"metadata": {}, "rules": [n]});
    assert_eq!(changed("rbac.authorization.k8s.io", "ClusterRole", &role(1), &role(2)).len(), 1);
}

#[test]
fn the_status_of_a_custom_object_counts_and_so_does_what_a_quota_counts() {
    let with = |status: Value| json!({"metadata": {}, "status": status});
    let (one, two) =
        (with(json!({"used": {"pods": "1"}, "other": 1})), with(json!({"used": {"pods": "1"}, "other": 2})));
    assert!(changed("", "ResourceQuota", &one, &two).is_empty());
    assert_eq!(changed("", "ResourceQuota", &one, &with(json!({"used": {"pods": "2"}}))).len(), 1);
    assert_eq!(changed("x.example", "Jar", &one, &two).len(), 1);
    assert!(changed("apps", "Deployment", &one, &two).is_empty());
}

#[test]
fn what_a_scenario_wrote_counts_where_components_write_too() {
    let by = |manager: &str, fields: Value| json!([{"manager": manager, "fieldsV1": fields}]);
    let lease = |manager: &str, holder: &str| json!({"metadata": {"managedFields": by(manager, json!({}))}, "spec": {"holderIdentity": holder}});
    assert!(changed("coordination.k8s.io", "Lease", &lease("operator", "a"), &lease("operator", "b")).is_empty());
    assert_eq!(changed("coordination.k8s.io", "Lease", &lease("kubewalk", "a"), &lease("kubewalk", "b")).len(), 1);
    let tainted = |key: &str| json!({"metadata": {}, "spec": {"taints": [{"key": key, "effect": "NoSchedule"}]}});
    let plain = json!({"metadata": {}, "spec": {}});
    assert!(changed("", "Node", &plain, &tainted("node.kubernetes.io/not-ready")).is_empty());
    assert_eq!(changed("", "Node", &plain, &tainted("example.com/lab")).len(), 1);
    let noted = |manager: &str| {
        let fields = json!({"f:metadata": {"f:annotations": {"f:a": {}}}});
        json!({"metadata": {"annotations": {"a": "b"}, "managedFields": by(manager, fields)}, "spec": {}})
    };
    assert!(changed("", "Node", &plain, &noted("kubelet")).is_empty());
    assert_eq!(changed("", "Node", &plain, &noted("kubectl-annotate")).len(), 1);
    let request = |types: &[&str]| json!({"metadata": {}, "status": {"conditions": types.iter().map(|one| json!({"type": one})).collect::<Vec<_>>()}});
    let kind = "CertificateSigningRequest";
    assert_eq!(changed("certificates.k8s.io", kind, &request(&[]), &request(&["Approved"])).len(), 1);
    let token = |more: Value| json!({"metadata": {}, "type": "kubernetes.io/service-account-token", "data": more});
    let with = token(json!({"token": "x", "more": "y"}));
    assert_eq!(changed("", "Secret", &token(json!({"token": "x"})), &with).len(), 1);
}

#[test]
fn the_own_namespace_and_generated_names_are_the_same_each_time() {
    let objects = |namespace: &str, end: &str| {
        let one = json!({"metadata": {"generateName": "a-"}, "data": {"url": format!("https://x.{namespace}.svc")}});
        digest(namespace, &[(key("", "ConfigMap", namespace, &format!("a-{end}")), one)])
    };
    let (one, two) = (objects("kw-a-bcdfg", "x"), objects("kw-a-2z4y6", "y"));
    assert_eq!((one.difference(&two), one.hash() == two.hash()), (vec![], true));
    assert_ne!(one.hash(), Digest::default().hash());
    assert_eq!(Digest::default().difference(&one), ["ConfigMap a-* in {namespace} is new"]);
    assert_eq!(one.difference(&Digest::default()), ["ConfigMap a-* in {namespace} is missing"]);
}

#[test]
fn what_goes_counts_only_when_somebody_holds_it() {
    let going = |finalizers: Value| json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": finalizers}});
    let one = |object: Value| digest("n", &[(key("", "ConfigMap", "n", "c"), object)]);
    assert_eq!(one(going(json!(["kubernetes.io/x"]))), Digest::default());
    assert_ne!(one(going(json!(["x.example/hold"]))), Digest::default());
    assert_ne!(one(going(json!(["x.example/hold"]))), one(json!({"metadata": {"finalizers": ["x.example/hold"]}})));
    let inside =
        [(key("", "Namespace", "", "n"), going(json!([]))), (key("", "ConfigMap", "n", "c"), json!({"metadata": {}}))];
    assert_eq!(digest("other", &inside), Digest::default());
}
