use super::super::make::testing::{fresh, good, in_default};
use super::*;
use rstest::rstest;
use serde_json::{Value, json};

/// The lines of the last step, of several after a Pod `p`.
fn last(verb: Value) -> String {
    let steps = json!([{"pod": {"name": "p", "image": "curl"}}, verb]);
    equivalent(good(in_default(steps)).steps.last().unwrap())
}

#[rstest]
#[case("plain-1.2/x", "plain-1.2/x")]
#[case("", "''")]
#[case("a b", "'a b'")]
#[case("it's", r"'it'\''s'")]
#[case("$(id)`id`", "'$(id)`id`'")]
#[case("a\nb", "'a\nb'")]
#[case("~", "'~'")]
fn quotes(#[case] word: &str, #[case] quoted: &str) {
    assert_eq!(quote(word), quoted);
}

#[rstest]
#[case(json!({"get": {"kind": "Pod", "name": "p"}}), "kubectl get pods p -n default -o json")]
#[case(json!({"get": {"kind": "ServiceAccount", "namespace": "*", "fieldSelector": "metadata.name=default"}}),
        "kubectl get serviceaccounts -A --field-selector metadata.name=default -o json")]
#[case(json!({"get": {"kind": "ClusterRole", "labelSelector": "a in (b,c)"}}),
        "kubectl get clusterroles.rbac.authorization.k8s.io -l 'a in (b,c)' -o json")]
#[case(json!({"can": {"who": "anonymous", "verb": "get", "resource": "deployments.apps", "subresource": "scale", "name": "d", "allowed": false}}),
        r#"printf '%s\n' '{"apiVersion":"authorization.k8s.io/v1","kind":"SubjectAccessReview","spec":{"user":"system:anonymous","groups":["system:unauthenticated"],"resourceAttributes":{"verb":"get","group":"apps","resource":"deployments","subresource":"scale","namespace":"default","name":"d"}}}' | kubectl create -f - -o 'jsonpath={.status.allowed}{"\n"}'"#)]
#[case(json!({"can": {"who": "serviceaccount/default", "verb": "get", "resource": "deployments.apps", "subresource": "scale", "name": "d", "allowed": false}}),
        "kubectl auth can-i get deployments.apps/d --subresource=scale -n default --as=system:serviceaccount:default:default")]
#[case(json!({"exec": {"in": {"labels": {"app": "web"}}, "command": ["sh", "-c", "echo $POD"]}}),
        "POD=$(kubectl get pods -n default -l app=web --field-selector=status.phase=Running -o 'jsonpath={.items[0].metadata.name}')\n\
         kubectl exec -n default \"$POD\" -- sh -c 'echo $POD'")]
#[case(json!({"can": {"who": {"user": "ann", "groups": ["dev"]}, "verb": ["list"], "resource": "pods", "namespace": "*", "allowed": false}}),
        "kubectl auth can-i list pods -A --as=ann --as-group=dev --as-group=system:authenticated")]
#[case(json!({"can": {"who": "serviceaccount/default", "verb": "get", "url": "/metrics", "allowed": false}}),
        "kubectl auth can-i get /metrics --as=system:serviceaccount:default:default")]
#[case(json!({"kubectl": {"args": ["get", "pods", "-o", "jsonpath={.items[*].metadata.name}"]}}),
        "kubectl --namespace=default get pods -o 'jsonpath={.items[*].metadata.name}'")]
#[case(json!({"kubectl": {"args": ["get", "pods", "--as=jane", "--as-group=dev"]}}),
        "kubectl --namespace=default get pods --as=jane --as-group=dev")]
#[case(json!({"kubectl": {"args": ["apply", "-n", "default", "-f", "-"], "stdin": "kind: x"}}),
        "printf %s 'kind: x' | kubectl apply -n default -f -")]
#[case(json!({"delete": {"kind": "Pod", "name": "p"}}), "kubectl delete pods p -n default")]
#[case(json!({"wait": {"kind": "Pod", "name": "p", "for": {"condition": "Ready"}}, "timeout": "500ms"}),
        "kubectl wait --for=condition=Ready pods p -n default --timeout=500ms")]
#[case(json!({"wait": {"kind": "Pod", "name": "p", "for": {"object": {"status": {"phase": "Running", "n": 1}}}}}),
        "kubectl wait '--for=jsonpath={.status.phase}=Running' pods p -n default --timeout=60s\n\
         kubectl wait '--for=jsonpath={.status.n}=1' pods p -n default --timeout=60s")]
#[case(json!({"exec": {"in": "p", "container": "main", "command": ["sh", "-c", "echo '$HOME'"]}}),
        r"kubectl exec -n default p -c main -- sh -c 'echo '\''$HOME'\'''")]
#[case(json!({"exec": {"in": "p", "command": ["cat"], "stdin": "a\nb"}}),
        r"printf '%s\n%s' a b | kubectl exec -i -n default p -- cat")]
#[case(json!({"exec": {"in": "p", "command": ["sh", "-c", "a\nb c"]}}),
        r#"kubectl exec -n default p -- sh -c "$(printf '%s\n%s' a 'b c')""#)]
#[case(json!({"curl": {"in": "p", "url": "https://kubernetes/api", "insecure": true}}),
        "kubectl exec -n default p -- curl -sS --insecure https://kubernetes/api")]
#[case(json!({"curl": {"in": "p", "url": "https://kubernetes/api?a=1&b=2", "token": "mounted"}}),
        "kubectl exec -n default p -- sh -c 'curl -sS --cacert /var/run/secrets/kubernetes.io/serviceaccount/ca.crt \
         -H \"Authorization: Bearer $(cat /var/run/secrets/kubernetes.io/serviceaccount/token)\" \
         '\\''https://kubernetes/api?a=1&b=2'\\'''")]
#[case(json!({"curl": {"in": "p", "url": "https://kubernetes/x", "insecure": true, "method": "PATCH", "body": {"a": "it's"}, "headers": {"content-type": "x/y"}}}),
        r#"kubectl exec -n default p -- curl -sS --insecure -X PATCH -H 'content-type: x/y' --http1.1 --data-raw '{"a":"it'\''s"}' https://kubernetes/x"#)]
#[case(json!({"curl": {"in": "p", "url": "https://kubernetes/x", "cacert": false, "body": []}}),
        "kubectl exec -n default p -- curl -sS -H 'Content-Type: application/json' --http1.1 --data-raw '[]' https://kubernetes/x")]
fn lines(#[case] verb: Value, #[case] text: &str) {
    assert_eq!(last(verb), text);
}

#[test]
fn manifests_are_piped_in_in_one_line() {
    assert_eq!(
            last(json!({"apply": [
                {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "a"}},
                {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "b"}, "data": {"k": "it's\nEOF\n"}},
            ]})),
            r#"printf '%s\n' '{"apiVersion":"v1","kind":"ServiceAccount","metadata":{"name":"a","namespace":"default"}}' \
'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"b","namespace":"default"},"data":{"k":"it'\''s\nEOF\n"}}' | kubectl apply --server-side --force-conflicts -f -"#
                .replace("\\\n", "")
        );
}

#[test]
fn a_pod_is_created_and_waited_for() {
    let plan = good(fresh(json!([{"pod": {"name": "p", "image": "curl"}}])));
    let text = equivalent(&plan.steps[0]);
    let namespace = &plan.namespace;
    assert!(text.starts_with("printf '%s\\n' '{\"apiVersion\":\"v1\",\"kind\":\"Pod\""), "{text}");
    assert!(text.contains("\"image\":\"curl\""), "{text}");
    assert!(
        text.ends_with(&format!(
            " | kubectl create -f -\nkubectl wait --for=condition=Ready pod/p -n {namespace} --timeout=60s"
        )),
        "{text}"
    );
}
