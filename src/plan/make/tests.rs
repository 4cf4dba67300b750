//! What a plan says and makes, seen from outside.

use rstest::rstest;
use serde_json::{Value, json};

use super::testing::{fresh, good, in_default, said};
use crate::plan::{Action, Identity, Request};

/// A Pod to call from.
fn pod() -> Value {
    json!({"pod": {"name": "p", "image": "curl"}})
}

/// What is said of steps that come after a Pod `p`, in namespace default.
fn said_after_pod(steps: &[Value]) -> Vec<String> {
    let mut all = vec![pod()];
    all.extend_from_slice(steps);
    said(in_default(Value::Array(all)))
}

#[test]
fn the_first_tutorial_is_good() {
    let rbac = "rbac.authorization.k8s.io";
    let list = "https://kubernetes/api/v1/namespaces/default/pods/";
    let plan = good(in_default(json!([
        {"pod": {"name": "pod-default", "image": "curl"}, "expect": {"object": {"spec": {"serviceAccountName": "default"}}}},
        {"curl": {"in": "pod-default", "url": "https://kubernetes/api", "insecure": true},
         "expect": {"status": 403, "reason": "Forbidden", "message": "forbidden: User \"system:anonymous\" cannot get path \"/api\""}},
        {"curl": {"in": "pod-default", "url": "https://kubernetes/api/v1/", "token": "mounted", "insecure": true},
         "expect": {"status": 200, "json": {"kind": "APIResourceList", "groupVersion": "v1"}}},
        {"curl": {"in": "pod-default", "url": list, "token": "mounted"}, "expect": {"status": 403}},
        {"apply": [
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "demo-sa"}},
            {"apiVersion": format!("{rbac}/v1"), "kind": "Role", "metadata": {"name": "list-pods"},
             "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}]},
            {"apiVersion": format!("{rbac}/v1"), "kind": "RoleBinding", "metadata": {"name": "list-pods_demo-sa"},
             "roleRef": {"apiGroup": rbac, "kind": "Role", "name": "list-pods"},
             "subjects": [{"kind": "ServiceAccount", "name": "demo-sa"}]},
        ]},
        {"pod": {"name": "pod-demo-sa", "image": "curl", "serviceAccount": "demo-sa"}},
        {"curl": {"in": "pod-demo-sa", "url": list, "token": "mounted"},
         "expect": {"status": 200, "path": [{"at": "$.items", "count": 2}], "within": "2s"}},
    ])));
    assert_eq!((plan.namespace.as_str(), plan.fresh_namespace, plan.alone), ("default", false, false));
    assert!(plan.holds.contains("Namespace default"));
    let Action::Curl(call) = &plan.steps[1].action else { panic!() };
    assert_eq!(call.identity, Identity::Anonymous);
    assert_eq!(call.request, Some(Request::Path { verb: "get".into(), path: "/api".into() }));
    assert!(call.insecure && !call.cacert && !call.mounted_token);
    let Action::Curl(call) = &plan.steps[6].action else { panic!() };
    assert_eq!(call.identity.username(), "system:serviceaccount:default:demo-sa");
    assert!(call.cacert);
    let Action::Apply(objects) = &plan.steps[4].action else { panic!() };
    assert_eq!(objects[2].manifest["subjects"][0]["namespace"], "default");
    assert!(plan.notes.iter().any(|note| note.text == "namespace `default` of the subject"));
}

#[test]
fn short_forms_in_a_fresh_namespace() {
    let plan = good(fresh(json!([
        {"serviceAccount": "demo-sa"},
        {"serviceAccount": {"name": "mute", "automountServiceAccountToken": false}},
        {"role": {"name": "list-pods", "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}]}},
        {"bind": {"role": "list-pods", "to": [{"serviceAccount": "demo-sa"}]}},
        {"bind": {"name": "v", "clusterRole": "view", "to": [{"user": "jane"}, {"group": "devs"}, {"serviceAccount": "kube-system/default"}]}},
        {"pod": {"name": "p", "image": "curl", "serviceAccount": "demo-sa", "labels": {"app": "web"}}},
        {"curl": {"in": "p", "url": "https://kubernetes.default/api/v1/namespaces/{namespace}/pods", "token": "mounted"},
         "expect": {"status": 200, "json": {"items": [{"metadata": {"namespace": "{namespace}"}}]}}},
    ])));
    let namespace = "kw-using-a-service-account-x7k2p";
    assert_eq!(plan.namespace, namespace);
    assert!(plan.fresh_namespace && !plan.alone);
    let manifest = |step: usize| match &plan.steps[step].action {
        Action::Apply(objects) => objects[0].manifest.clone(),
        Action::Pod(pod) => pod.manifest.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(manifest(1)["automountServiceAccountToken"], false);
    assert_eq!(manifest(3)["metadata"], json!({"name": "list-pods_demo-sa", "namespace": namespace}));
    assert_eq!(manifest(3)["subjects"], json!([{"kind": "ServiceAccount", "name": "demo-sa", "namespace": namespace}]));
    assert_eq!(manifest(4)["roleRef"]["kind"], "ClusterRole");
    assert_eq!(
        manifest(5),
        json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "p", "namespace": namespace, "labels": {"app": "web"}},
            "spec": {
                "serviceAccountName": "demo-sa",
                "terminationGracePeriodSeconds": 1,
                "containers": [{
                    "name": "main", "image": "curl", "imagePullPolicy": "IfNotPresent", "command": ["sleep", "infinity"],
                }],
            },
        })
    );
    let Action::Curl(call) = &plan.steps[6].action else { panic!() };
    assert_eq!(call.url, format!("https://kubernetes.default/api/v1/namespaces/{namespace}/pods"));
    let expected = plan.steps[6].expected[0].expect.json.as_ref().unwrap();
    assert_eq!(expected["items"][0]["metadata"]["namespace"], namespace);
}

#[test]
fn names_of_cluster_wide_objects_are_held() {
    let plan = good(fresh(json!([{"bind": {"clusterRole": "view", "clusterWide": true, "to": [{"user": "jane"}]}}])));
    assert!(!plan.alone && plan.holds.iter().any(|name| name.starts_with("ClusterRoleBinding ")), "{:?}", plan.holds);
}

#[rstest]
// verbs and times
#[case(json!([{}]), "error /steps/0/title: the step says nothing to do (one of can, kubectl, apply, create, get, delete, wait, pod, serviceAccount, role, clusterRole, bind, curl, exec, request, whoami, token, patch)")]
#[case(json!([{"serviceAccount": "a", "get": {"kind": "Pod"}}]), "error /steps/0/get: two verbs in one step: `serviceAccount` and `get` (make two steps of it)")]
#[case(json!([{"serviceAccount": "a", "timeout": "0s"}]), "error /steps/0/timeout: a time of nothing")]
#[case(json!([{"serviceAccount": "a", "timeout": "11m"}]), "error /steps/0/timeout: `11m` is too long")]
#[case(json!([{"serviceAccount": "a", "timeout": "99999999999999999999s"}]), "error /steps/0/timeout: `99999999999999999999s` is too long")]
#[case(json!([{"serviceAccount": "a", "rows": ["S1.1", "S1.1"]}]), "error /steps/0/rows/1: row `S1.1` is named twice (take one of them out)")]
// manifests
#[case(json!([{"apply": {"kind": "Pod", "metadata": {"name": "p"}}}]), "error /steps/0/apply: a manifest without `apiVersion` (e.g. `apiVersion: v1`)")]
#[case(json!([{"apply": [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}}]}]), "error /steps/0/apply/0/metadata: a manifest without `metadata.name` (add `name: …`)")]
#[case(json!([{"apply": {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "x-"}}}]), "error /steps/0/apply/metadata/generateName: `apply` needs a name, not `generateName` (give a `name`, or use `create`)")]
#[case(json!([{"apply": {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": true}}}]), "error /steps/0/apply/metadata/name: `name` must be a text (quote it)")]
#[case(json!([{"apply": {"apiVersion": "v1", "kind": "Rolebinding", "metadata": {"name": "x"}}}]), "error /steps/0/apply/kind: `v1` has no kind `Rolebinding` (did you mean `RoleBinding` of `rbac.authorization.k8s.io/v1`?)")]
#[case(json!([{"apply": {"apiVersion": "rbac.authorization.k8s.io/v1beta1", "kind": "Role", "metadata": {"name": "x"}}}]), "error /steps/0/apply/apiVersion: `rbac.authorization.k8s.io/v1beta1` is served up to 1.21 only; use v1")]
#[case(json!([{"create": {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "Demo_SA"}}}]), "error /steps/0/create/metadata/name: `Demo_SA` is no name for a ServiceAccount: `D` at character 1 is not allowed (lower-case letters, digits, `-` and `.` are) (try `demo-sa`)")]
#[case(json!([{"apply": {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "namespace": "other"}}}]), "error /steps/0/apply/metadata/namespace: no earlier step makes namespace `other` (leave the line out: the scenario's own namespace is filled in)")]
#[case(json!([{"apply": {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x", "namespace": "default"}}}]), "error /steps/0/apply/metadata/namespace: a Namespace has no namespace (remove the line)")]
#[case(json!([{"serviceAccount": "a"}, {"create": {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "a"}}}]), "error /steps/1/create/metadata/name: ServiceAccount `a` is made already, by step 1 (change it by `apply`, or delete it first)")]
// roles and bindings
#[case(json!([{"role": {"name": "r", "rules": [{"resources": ["deployments"], "verbs": ["list"]}]}}]), "error /steps/0/role/rules/0/resources: a rule with `resources` needs `apiGroups` (add `apiGroups: [\"apps\"]`)")]
#[case(json!([{"role": {"name": "r", "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": []}]}}]), "error /steps/0/role/rules/0/verbs: a rule without verbs (e.g. `verbs: [get, list]`)")]
#[case(json!([{"role": {"name": "r", "rules": [{"nonResourceURLs": ["/metrics"], "verbs": ["get"]}]}}]), "error /steps/0/role/rules/0/nonResourceURLs: `nonResourceURLs` in a Role (use a ClusterRole and bind it cluster-wide)")]
#[case(json!([{"role": {"name": "r", "rules": [{"apiGroups": [""], "resources": ["pods/logs"], "verbs": ["get"]}]}}]), "warning /steps/0/role/rules/0/resources/0: there is no resource `pods/logs` (did you mean `pods/log`?)")]
#[case(json!([{"role": {"name": "r", "rules": [{"apiGroups": [""], "resources": ["pvc"], "verbs": ["get"]}]}}]), "warning /steps/0/role/rules/0/resources/0: there is no resource `pvc` (did you mean `persistentvolumeclaims`?)")]
#[case(json!([{"role": {"name": "r", "rules": [{"apiGroups": [""], "resources": ["Pod"], "verbs": ["get"]}]}}]), "warning /steps/0/role/rules/0/resources/0: there is no resource `Pod` (did you mean `pods`?)")]
#[case(json!([{"role": {"name": "r", "rules": [{"apiGroups": [""], "resources": ["deployments"], "verbs": ["get"]}]}}]), "warning /steps/0/role/rules/0/resources/0: `deployments` is of API group `\"apps\"` (write `apiGroups: [\"apps\"]`)")]
#[case(json!([{"role": {"name": "r", "rules": [{"apiGroups": ["core"], "resources": ["pods"], "verbs": ["get"]}]}}]), "warning /steps/0/role/rules/0/apiGroups/0: there is no API group `core` (did you mean `\"\"` (the core group)?)")]
#[case(json!([{"role": {"name": "r", "rules": [{"apiGroups": ["apps/v1"], "resources": ["deployments"], "verbs": ["get"]}]}}]), "warning /steps/0/role/rules/0/apiGroups/0: there is no API group `apps/v1` (did you mean `apps` (a group has no version)?)")]
#[case(json!([{"role": {"name": "r", "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["read"]}]}}]), "warning /steps/0/role/rules/0/verbs/0: `read` is no verb that anything asks for (did you mean `get`, `list`, `watch`?)")]
#[case(json!([{"bind": {"role": "r", "to": [{"user": "u"}]}}]), "error /steps/0/bind/role: no step makes Role `r` (to bind a role that does not exist on purpose, use `apply`)")]
#[case(json!([{"bind": {"role": "view", "to": [{"user": "u"}]}}]), "error /steps/0/bind/role: no step makes Role `view` (`view` is a ClusterRole: write `clusterRole: view`)")]
#[case(json!([{"bind": {"clusterRole": "veiw", "to": [{"user": "u"}]}}]), "error /steps/0/bind/clusterRole: no step makes ClusterRole `veiw` (did you mean `view`?)")]
#[case(json!([{"bind": {"clusterRole": "view", "to": [{"serviceAccount": "raeder"}]}}, {"serviceAccount": "reader"}]), "error /steps/0/bind/to/0/serviceAccount: no step makes ServiceAccount `raeder` in namespace `default` (did you mean `reader`?)")]
#[case(json!([{"bind": {"to": [{"user": "u"}]}}]), "error /steps/0/bind: `bind` names no role (say `role: NAME` or `clusterRole: NAME`)")]
#[case(json!([{"bind": {"clusterRole": "view", "to": []}}]), "error /steps/0/bind/to: `bind` names no subject (e.g. `to: [{serviceAccount: demo-sa}]`)")]
#[case(json!([{"bind": {"clusterRole": "view", "to": [{"group": "system:serviceaccount:b"}]}}]), "warning /steps/0/bind/to/0/group: nobody is in the group `system:serviceaccount:b` (did you mean `system:serviceaccounts:b`?)")]
// Pods and calls
#[case(json!([{"pod": {"name": "p", "image": "curl", "serviceAccount": "demo"}}, {"serviceAccount": "demo"}]), "error /steps/0/pod/serviceAccount: ServiceAccount `demo` is not there at this step (make the account before the Pod)")]
#[case(json!([{"pod": {"name": "p", "image": "curl", "serviceAccount": "demo"}}]), "error /steps/0/pod/serviceAccount: no step makes ServiceAccount `demo` (add a step `serviceAccount: demo`)")]
#[case(json!([{"exec": {"in": "p", "command": ["ls"]}}]), "error /steps/0/exec/in: no step makes Pod `p` (add a step `pod: {name: p, image: curl}` before)")]
#[case(json!([{"exec": {"in": "p", "command": ["ls"]}}, {"pod": {"name": "p", "image": "curl"}}]), "error /steps/0/exec/in: Pod `p` is not there yet (move that step up)")]
// targets
#[case(json!([{"delete": {"kind": "Pod"}}]), "error /steps/0/delete: `delete` without a `name` (add `name: …`, or `labelSelector: …` for all that have these labels)")]
#[case(json!([{"get": {"kind": "Pods", "name": "x"}}]), "error /steps/0/get/kind: Kubernetes has no kind `Pods` (did you mean `Pod`?)")]
#[case(json!([{"get": {"kind": "Pod", "name": "x", "labelSelector": "a=b"}}]), "error /steps/0/get/labelSelector: `labelSelector` beside a `name` (leave out one of them)")]
#[case(json!([{"get": {"kind": "Node", "namespace": "default"}}]), "error /steps/0/get/namespace: a Node has no namespace (remove the line)")]
#[case(json!([{"delete": {"kind": "Pod", "name": "x", "namespace": "kube-system"}}]), "error /steps/0/delete/namespace: a scenario deletes nothing in namespace `kube-system` (only what it has made there, and in its own namespaces)")]
// expectations
#[case(json!([{"serviceAccount": "a", "expect": {"json": {"x": 1}}}]), "error /steps/0/expect/json: `serviceAccount` cannot answer `json` (say `object`)")]
#[case(json!([{"get": {"kind": "Pod"}, "expect": {"stdout": "x"}}]), "error /steps/0/expect/stdout: `get` cannot answer `stdout` (only commands print: say `object`, or use `exec`)")]
#[case(json!([{"get": {"kind": "Pod"}, "expect": {"status": 200, "message": "x"}}]), "warning /steps/0/expect/message: an answer with 200 has no `message` (only a refusal is a `Status` with a reason and a message)")]
#[case(json!([{"get": {"kind": "Pod"}, "expect": {"status": 404, "by": "rbac"}}]), "error /steps/0/expect/by: `by` says who denied, so it needs `status: 403`")]
#[case(json!([{"get": {"kind": "Pod"}, "expect": {"status": 404, "reason": "Forbidden"}}]), "warning /steps/0/expect/reason: the API server sends `Forbidden` with 403 (with 404 comes `NotFound`)")]
#[case(json!([{"get": {"kind": "Pod"}, "expect": {"within": "2s"}}]), "error /steps/0/expect/within: `within` without anything to expect (say what must come of it, e.g. `status: 200`)")]
#[case(json!([{"get": {"kind": "Pod"}, "timeout": "1s", "expect": {"within": "2s", "status": 200}}]), "error /steps/0/expect/within: `within` is longer than the step may take")]
#[case(json!([{"get": {"kind": "Pod"}, "expect": {"path": [{"at": "$.items[", "count": 1}]}}]), "error /steps/0/expect/path/0/at: this is no JSON path (e.g. `$.items[0].metadata.name` (RFC 9535))")]
#[case(json!([{"get": {"kind": "Pod"}, "expect": {"path": [{"at": "$.items"}]}}]), "error /steps/0/expect/path/0: a path without a rule (one of equals, matches, contains, count, absent)")]
#[case(json!([{"get": {"kind": "Pod"}, "expect": {"path": [{"at": "$.items", "count": 1, "absent": true}]}}]), "error /steps/0/expect/path/0/absent: two rules for one path: `count` and `absent` (write the path twice)")]
#[case(json!([{"get": {"kind": "Pod"}, "expect": {"status": 404, "message": {"matches": "a(b"}}}]), "error /steps/0/expect/message/matches: this is no regular expression")]
fn says(#[case] steps: Value, #[case] text: &str) {
    assert_eq!(said(in_default(steps)), [text]);
}

#[rstest]
#[case(json!({"exec": {"in": "q", "command": ["ls"]}}), "error /steps/1/exec/in: no step makes Pod `q` (add a step `pod: {name: q, image: curl}` before)")]
#[case(json!({"exec": {"in": "p", "container": "mian", "command": ["ls"]}}), "error /steps/1/exec/container: Pod `p` has no container `mian` (did you mean `main`?)")]
#[case(json!({"exec": {"in": "p", "command": ["ls -l"]}}), "warning /steps/1/exec/command/0: no program has this name (write `command: [ls, -l]`)")]
#[case(json!({"exec": {"in": "p", "command": ["ls"]}, "expect": {"status": 200}}), "error /steps/1/expect/status: `exec` cannot answer `status` of a success (a command has no HTTP status: `exitCode`, `stdout`, `stderr`; to see one, use `curl`)")]
#[case(json!({"curl": {"in": "p", "url": "/api"}}), "error /steps/1/curl/url: the URL is not absolute (write `https://kubernetes.default/api`)")]
#[case(json!({"curl": {"in": "p", "url": "https://kubernetes/", "headers": {"authorization": "Bearer 0123456789abcdef0123456789abcdef"}}}), "error /steps/1/curl/headers/authorization: a token must not stand in a file or an argument (write `token: mounted`: it is read in the Pod at each call)")]
#[case(json!({"curl": {"in": "p", "url": "https://kubernetes/", "insecure": true, "cacert": true}}), "error /steps/1/curl/insecure: `insecure` beside `cacert` (leave out one of them)")]
#[case(json!({"curl": {"in": "p", "url": "https://kubernetes/"}, "expect": {"exitCode": 6, "status": 403}}), "error /steps/1/expect/status: `status` of an answer that never came (leave out one of them)")]
#[case(json!({"curl": {"in": "p", "url": "https://kubernetes/api"}, "expect": {"status": 403}}), "warning /steps/1/expect/status: nothing shows that this call can succeed at all (add a step that makes the same call with the right to do so and expects 200)")]
#[case(json!({"create": {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [{"name": "c"}]}}}), "error /steps/1/create/metadata/name: Pod `p` is made already, by step 1 (change it by `apply`, or delete it first)")]
#[case(json!({"get": {"kind": "Pod", "name": "pp1"}}), "")]
fn says_after_a_pod(#[case] step: Value, #[case] text: &str) {
    let said = said_after_pod(&[step]);
    let expected: &[&str] = if text.is_empty() { &[] } else { &[text] };
    assert_eq!(said, expected);
}

#[test]
fn a_deleted_pod_is_gone() {
    let delete = json!({"delete": {"kind": "Pod", "name": "p"}});
    let exec = json!({"exec": {"in": "p", "command": ["ls"]}});
    assert_eq!(
        said_after_pod(&[delete.clone(), exec.clone()]),
        ["error /steps/2/exec/in: Pod `p` is gone at this step"]
    );
    assert_eq!(said_after_pod(&[delete, pod(), exec]), Vec::<String>::new());
}

#[test]
fn the_short_name_of_the_api_server() {
    let steps = json!([pod(), {"curl": {"in": "p", "url": "https://kubernetes/api"}}]);
    assert_eq!(
        said(fresh(steps)),
        [
            "error /steps/1/curl/url: `kubernetes` resolves in namespace `default` only (write `https://kubernetes.default/api`)"
        ]
    );
    let steps = json!([pod(), {"curl": {"in": "p", "url": "https://kubernetes/api"}, "expect": {"exitCode": 6}}]);
    assert_eq!(said(fresh(steps)), Vec::<String>::new());
}

#[test]
fn another_message_than_rbac_would_send() {
    let url = "https://kubernetes/api/v1/namespaces/default/pods";
    let said = said_after_pod(&[
        json!({"curl": {"in": "p", "url": url, "token": "mounted"},
               "expect": {"status": 403, "message": "pods is forbidden: User \"system:serviceaccount:default:demo\""}}),
        json!({"curl": {"in": "p", "url": url, "token": "mounted"}, "expect": {"status": 200}}),
    ]);
    assert_eq!(
        said,
        [
            "error /steps/1/expect/message: RBAC refuses this call with another message (it begins with: pods is forbidden: \
          User \"system:serviceaccount:default:default\" cannot list resource \"pods\" in API group \"\" in the namespace \"default\")"
        ]
    );
}

#[test]
fn a_token_that_is_not_mounted() {
    let said = said(in_default(json!([
        {"serviceAccount": {"name": "mute", "automountServiceAccountToken": false}},
        {"pod": {"name": "p", "image": "curl", "serviceAccount": "mute"}},
        {"curl": {"in": "p", "url": "https://kubernetes/api", "token": "mounted"}},
        {"curl": {"in": "p", "url": "https://kubernetes/api"}, "expect": {"exitCode": 77}},
    ])));
    assert_eq!(said[0], "warning /steps/2/curl/token: no token is mounted in Pod `p`");
}

#[test]
fn steps_that_are_refused_on_purpose_may_be_wrong() {
    good(in_default(json!([
        {"create": {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "Demo_SA"}}, "expect": {"status": 422, "reason": "Invalid"}},
        {"apply": {"apiVersion": "rbac.authorization.k8s.io/v1beta1", "kind": "Role", "metadata": {"name": "r"}}, "expect": {"status": 404}},
        {"serviceAccount": "a"},
        {"create": {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "a"}}, "expect": {"status": 409, "reason": "AlreadyExists"}},
        {"pod": {"name": "p", "image": "curl", "serviceAccount": "nope"}, "expect": {"status": 403, "by": "admission"}},
    ])));
}

#[test]
fn namespaces_that_the_story_makes() {
    let make = json!({"apply": {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team-b"}}});
    let inside = json!({"apply": {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "q", "namespace": "team-b"},
                                  "spec": {"containers": [{"name": "c", "image": "curl"}]}}});
    let exec = json!({"exec": {"in": "team-b/q", "container": "c", "command": ["ls"]}});
    let plan = good(fresh(json!([make, inside, exec])));
    assert!(plan.holds.contains("Namespace team-b"));
    let late = said(fresh(json!([inside, make])));
    assert_eq!(
        late,
        ["error /steps/0/apply/metadata/namespace: namespace `team-b` is not there at this step (move that step up)"]
    );
    let other = said(fresh(json!([make, inside, {"exec": {"in": "q", "command": ["ls"]}}])));
    assert_eq!(
        other,
        ["error /steps/2/exec/in: no step makes Pod `q` (it is in namespace `team-b`: write `team-b/q`)"]
    );
    let gone = said(fresh(json!([make, inside, {"delete": {"kind": "Namespace", "name": "team-b"}}, exec])));
    assert_eq!(gone, ["error /steps/3/exec/in: Pod `q` is gone at this step"]);
}

#[test]
fn what_a_call_from_a_pod_makes_and_deletes_is_known() {
    let pods = "https://kubernetes/api/v1/namespaces/default/pods";
    let body = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "q"},
                      "spec": {"containers": [{"name": "c", "image": "curl"}]}});
    let post = |status: u16| json!({"curl": {"in": "p", "url": pods, "token": "mounted", "body": body}, "expect": {"status": status}});
    let delete = json!({"curl": {"in": "p", "url": format!("{pods}/q"), "token": "mounted", "method": "DELETE"}, "expect": {"status": 200}});
    let exec = json!({"exec": {"in": "q", "container": "c", "command": ["ls"]}});
    assert_eq!(said_after_pod(&[post(201), exec.clone()]), Vec::<String>::new());
    assert_eq!(
        said_after_pod(&[post(409), exec.clone()]),
        ["error /steps/2/exec/in: Pod `q` is not there: step 2 expects that it is refused"]
    );
    assert_eq!(said_after_pod(&[post(201), delete, exec]), ["error /steps/3/exec/in: Pod `q` is gone at this step"]);
    let role = json!({"curl": {"in": "p", "url": "https://kubernetes.default/apis/rbac.authorization.k8s.io/v1/clusterroles", "token": "mounted",
        "body": {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "x"}}}});
    assert!(good(fresh(json!([pod(), role]))).holds.contains("ClusterRole x"));
}

#[test]
fn everything_at_once() {
    let said = said(in_default(json!([
        {"serviceAccount": "A", "timeout": "0s", "expect": {"stdout": "x"}},
        {"curl": {"in": "nope", "url": "ftp://x"}},
    ])));
    assert_eq!(said.len(), 5, "{said:#?}");
}

#[test]
fn who_asks_and_what() {
    let plan = good(fresh(json!([
        {"serviceAccount": "reader"},
        {"as": "serviceaccount/reader", "get": {"kind": "Pod", "fieldSelector": "metadata.name=p"}},
        {"as": "anonymous", "delete": {"kind": "Pod", "name": "p"}},
        {"as": {"user": "jane", "groups": ["devs"]}, "create": {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}},
        {"as": "serviceaccount/kube-system/default", "apply": {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "d"}}},
        {"as": {"user": "system:serviceaccount:{namespace}:reader"}, "request": {"path": "/api/v1/namespaces/{namespace}/pods?watch=1"}},
        {"as": {"text": "garbage"}, "request": {"path": "/healthz"}, "expect": {"status": 401}},
        {"as": {"text": " "}, "request": {"path": "/healthz"}},
    ])));
    let said = |step: usize| -> Vec<String> {
        let step = &plan.steps[step];
        let user = step.caller.identity.as_ref().map(Identity::username).unwrap_or_default();
        step.action.requests().iter().map(|request| request.denial(&user).replace(&plan.namespace, "NS")).collect()
    };
    let core = r#" in API group "" in the namespace "NS""#;
    let reader = r#"User "system:serviceaccount:NS:reader""#;
    assert_eq!(said(1), [format!(r#"pods "p" is forbidden: {reader} cannot list resource "pods"{core}"#)]);
    assert_eq!(
        said(2),
        [format!(r#"pods "p" is forbidden: User "system:anonymous" cannot delete resource "pods"{core}"#)]
    );
    assert_eq!(said(3), [format!(r#"configmaps is forbidden: User "jane" cannot create resource "configmaps"{core}"#)]);
    let system = r#"User "system:serviceaccount:kube-system:default""#;
    assert_eq!(
        said(4),
        [
            format!(r#"configmaps "d" is forbidden: {system} cannot patch resource "configmaps"{core}"#),
            format!(r#"configmaps "d" is forbidden: {system} cannot create resource "configmaps"{core}"#),
        ]
    );
    assert_eq!(said(5), [format!(r#"pods is forbidden: {reader} cannot watch resource "pods"{core}"#)]);
    assert_eq!(plan.steps[6].caller.identity, None);
    assert_eq!(plan.steps[7].caller.identity, Some(Identity::Anonymous));
}

#[test]
fn a_denial_of_an_identity_needs_its_counterpart() {
    let denied = json!({"as": {"user": "jane"}, "get": {"kind": "Pod"}, "expect": {"status": 403}});
    let alone = said(in_default(json!([denied])));
    assert_eq!(alone.len(), 1, "{alone:?}");
    assert!(alone[0].starts_with("warning /steps/0/expect/status: nothing shows"), "{alone:?}");
    let other = json!({"as": {"user": "john"}, "request": {"path": "/api/v1/namespaces/default/pods"}});
    assert_eq!(said(in_default(json!([denied, other]))), Vec::<String>::new());
    // On no cluster do both happen.
    let (mut old, mut new) = (denied.clone(), other.clone());
    old["when"] = json!({"kubernetes": "<1.30"});
    new["when"] = json!({"kubernetes": ">=1.30"});
    assert_eq!(said(in_default(json!([old, new]))).len(), 1);
    let wrong = json!({"as": {"user": "jane"}, "get": {"kind": "Pod"}, "expect": {"status": 403, "message": "pods is forbidden: User \"john\""}});
    assert!(said(in_default(json!([wrong, other])))[0].contains("RBAC refuses this call with another message"));
}

#[test]
fn what_is_saved_is_used() {
    let plan = good(fresh(json!([
        {"serviceAccount": "sa", "save": {"uid": "$.metadata.uid"}},
        {"token": {"serviceAccount": "sa", "duration": "30m", "audiences": ["{saved.uid}"]}, "save": {"t": "token"}},
        {"as": {"token": "{saved.t}"}, "whoami": {}, "expect": {"object": {"uid": "{saved.uid}"}}},
        {"as": {"token": "{saved.t}"}, "request": {"path": "/api/v1/namespaces/{namespace}/pods/{saved.uid}"}},
        {"pod": {"name": "p", "image": "curl"}},
        {"curl": {"in": "p", "url": "https://kubernetes.default/api/{saved.uid}", "token": {"saved": "t"}}},
        {"get": {"kind": "Secret", "name": "{saved.uid}"}, "expect": {"absent": true}},
        {"patch": {"kind": "Namespace", "name": "{namespace}", "body": {}}},
    ])));
    let owner = Identity::ServiceAccount { namespace: plan.namespace.clone(), name: "sa".into() };
    assert_eq!(plan.steps[2].caller.identity, Some(owner.clone()));
    let Action::Curl(call) = &plan.steps[5].action else { panic!() };
    assert_eq!((&call.identity, call.saved_token.as_deref(), call.mounted_token), (&owner, Some("t"), false));
    let Action::Token(call) = &plan.steps[1].action else { panic!() };
    assert_eq!((call.seconds, call.audiences.as_slice()), (Some(1800), ["{saved.uid}".to_owned()].as_slice()));
    let Action::Patch(change) = &plan.steps[7].action else { panic!() };
    assert_eq!(change.target.name.as_deref(), Some(plan.namespace.as_str()));
    let unused = said(fresh(json!([{"serviceAccount": "sa", "save": {"uid": "$.metadata.uid"}}])));
    assert_eq!(unused.len(), 1);
    assert!(unused[0].starts_with("warning /steps/0/save/uid: no later step uses `uid`"), "{unused:?}");
}

#[test]
fn what_is_gone_may_be_asked_for_where_it_was_still_there() {
    let role = |when: Value| {
        let manifest =
            json!({"apiVersion": "rbac.authorization.k8s.io/v1beta1", "kind": "Role", "metadata": {"name": "x"}});
        fresh(json!([{"when": {"kubernetes": when}, "apply": manifest}]))
    };
    let plan = good(role(json!("<1.22")));
    let Action::Apply(objects) = &plan.steps[0].action else { panic!("an apply") };
    assert_eq!(objects[0].kind.api_version(), "rbac.authorization.k8s.io/v1beta1");
    assert!(said(role(json!("<1.23")))[0].contains("is served up to 1.21 only"));
    // 1.20 has the one, and no version has had the other.
    let path = |version: &str| json!([{"when": {"kubernetes": "<1.22"}, "request": {"path": format!("/apis/rbac.authorization.k8s.io/{version}/roles")}, "expect": {"status": 403}, "as": "anonymous"}]);
    assert!(said(fresh(path("v1beta1"))).iter().all(|line| !line.contains("proves nothing")));
    let wrong = said(fresh(path("v7")));
    assert!(wrong.iter().any(|line| line.contains("no version `v7` in Kubernetes 1.20")), "{wrong:?}");
}
