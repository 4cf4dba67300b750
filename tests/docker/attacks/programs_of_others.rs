//! See `tests/docker/attacks.rs`. Programs in Pods, in a cluster that exists: what they say is not believed, and those of others are
//! left alone.

use http::Method;
use serde_json::{Value, json};

use crate::{given::Given, page::Attack};

const NAMESPACES: &str = "/api/v1/namespaces";

/// A `curl` that says of each POST that it made the namespace `VICTIM`, with the identity that the body names.
const LIAR: &str = r#"#!/bin/sh
while [ $# -gt 0 ]; do
  case "$1" in --write-out) w=$2;; --data-raw) d=$2;; esac
  shift
done
t=$(printf '%s' "$w" | sed -n 's/.*\(%{header_json}\)\(.*\)/\2/p')
uid=$(printf '%s' "$d" | sed 's/.*"uid":"\([^"]*\)".*/\1/')
b='{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"VICTIM","uid":"'$uid'"}}'
printf '%s' "$b"
printf '\n%s{"http_code":201,"size_download":%s,"method":"POST","content_type":"application/json"}%s{}%s' "$t" "${#b}" "$t" "$t" >&2
"#;

/// A Pod with that `curl`, and a call by it whose body has this name.
fn story(victim: &str, name: &Value) -> String {
    let mut metadata = json!({"annotations": {"uid": "{saved.uid}"}});
    for (key, value) in name.as_object().expect("a name") {
        metadata[key] = value.clone();
    }
    let container = json!({
        "name": "c", "image": "curl", "imagePullPolicy": "IfNotPresent", "command": ["sleep", "infinity"],
        "env": [{"name": "PATH", "value": "/evil:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"}],
        "volumeMounts": [{"name": "e", "mountPath": "/evil"}],
    });
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "client"},
        "spec": {"containers": [container], "volumes": [{"name": "e", "configMap": {"name": "evil", "defaultMode": 493}}]},
    });
    let script = LIAR.replace("VICTIM", victim);
    let program =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "evil"}, "data": {"curl": script}});
    let own = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "own-a04e"}});
    let call = json!({
        "in": "client", "url": "https://kubernetes.default/api/v1/namespaces", "method": "POST",
        "body": {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata},
    });
    let steps = json!([
        {"title": "Who it is", "get": {"kind": "Namespace", "name": victim}, "save": {"uid": "$.metadata.uid"}},
        {"title": "One of its own", "create": own},
        {"title": "A program", "apply": program},
        {"title": "A Pod with it", "apply": pod},
        {"title": "It runs", "wait": {"kind": "Pod", "name": "client", "for": {"condition": "Ready"}}},
        {"title": "It made a namespace, it says", "curl": call, "expect": {"status": 201}},
    ]);
    json!({"title": "A Pod says what it made", "steps": steps}).to_string()
}

#[test]
fn attack_a04e_a_pod_says_that_it_made_what_others_have() {
    let given = Given::new();
    let victim = "victim-a04e";
    let path = format!("{NAMESPACES}/{victim}");
    given.send(Method::POST, NAMESPACES, &json!({"metadata": {"name": victim}}));
    for name in [json!({"name": "own-a04e"}), json!({"generateName": "vic"}), json!({"name": victim})] {
        let said = given.run(&given.file("a04e.yaml", &story(victim, &name)), &[]);
        assert_eq!(said.code, Some(0), "{name}: {said:?}");
        let there = given.there(&path).unwrap_or_else(|| panic!("{name}: it is gone: {said:?}"));
        assert_eq!(there["metadata"]["deletionTimestamp"], Value::Null, "{name}: {said:?}");
        assert_eq!(given.there(&format!("{NAMESPACES}/own-a04e")), None, "what it made itself is removed");
    }
    given.send(Method::DELETE, &path, &Value::Null);
    let tried = "a Pod's own `curl` answers a POST with the name and uid of a namespace of others, so that the clean-up removes it";
    Attack::new("A04e", tried, file!())
        .held("It stays: what a Pod says that it made is looked up, by the name that was sent, and must not have been there before.");
}

#[test]
fn attack_a04f_commands_in_pods_of_others_by_every_verb() {
    let given = Given::new();
    let own = "{title: An account, serviceAccount: a}, {title: A Pod, pod: {name: c, image: curl, serviceAccount: a}}";
    let calls = [
        (
            "exec: {in: pod/kube-system/theirs, command: [touch, /tmp/owned]}",
            "would run a command in a Pod of the namespace kube-system",
        ),
        ("exec: {in: deployment/kube-system/theirs, command: [touch, /tmp/owned]}", "would run a command in a Pod"),
        ("curl: {in: pod/kube-system/theirs, url: 'https://kubernetes.default/api'}", "would run a command in a Pod"),
        ("request: {path: '/api/v1/namespaces/kube-system/pods/theirs/exec?command=ls'}", "would get pods/exec"),
        ("request: {path: '/api/v1/namespaces/kube-system/pods/theirs/at%74ach'}", "would get pods/attach"),
        ("request: {path: '/api/v1/namespaces/kube-system/services/theirs/proxy/quit'}", "would get services/proxy"),
        ("request: {path: '/api/v1/nodes/theirs/proxy/runningpods/'}", "would get nodes/proxy theirs"),
        (
            "curl: {in: c, url: 'https://10.96.0.1/api/v1/namespaces/kube-system/configmaps/theirs', method: DELETE, insecure: true}",
            "would delete configmaps in the namespace kube-system",
        ),
        (
            "curl: {in: c, url: 'https://10.96.0.1:443/apis/apps/v1/namespaces/kube-system/deployments', method: DELETE, insecure: true}",
            "would deletecollection deployments in the namespace kube-system",
        ),
    ];
    for (call, words) in calls {
        let text = format!("{{title: Others, steps: [{own}, {{title: Theirs, {call}, expect: {{}}}}]}}")
            .replace(", expect: {}", "");
        let said = given.run(&given.file("a04f.yaml", &text), &[]);
        let all = said.stdout.clone() + &said.stderr;
        assert_eq!(said.code, Some(3), "{call}: {said:?}");
        assert!(all.contains(words), "{call}: {said:?}");
        assert_eq!(given.namespace("kw-a04f-"), None, "nothing was begun: {call}");
    }
    let tried = "`exec`, `curl`, a GET of `exec`, `attach` or `proxy`, and a call of the API server by its address, into what others have in the cluster";
    Attack::new("A04f", tried, file!())
        .held("exit 3 with the step, before anything is made: `would get pods/exec in the namespace kube-system`");
}
