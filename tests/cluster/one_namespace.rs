//! Who owns one namespace of a cluster that exists, and nothing else there: scenarios run in it, and leave it as it was.
#![cfg(target_os = "linux")]

#[path = "../common/existing.rs"]
mod existing;
#[path = "../common/traces.rs"]
mod traces;

use std::path::{Path, PathBuf};

use http::Method;
use kubewalk::{steps::api, testing};
use serde_json::{Value, json};
use traces::{Place, Said};

const RBAC: &str = "rbac.authorization.k8s.io";

/// A story of an account, a Pod and a Role, which asks about its rights, too.
const STORY: &str = "
title: A story in a namespace of ours
steps:
  - {title: An account, serviceAccount: reader}
  - {title: A Pod, pod: {name: client, image: curl, serviceAccount: reader}}
  - title: It may not list Pods
    curl: {in: client, url: 'https://kubernetes.default/api/v1/namespaces/{namespace}/pods', token: mounted}
    expect: {status: 403}
  - title: A Role
    role: {name: list-pods, rules: [{apiGroups: [''], resources: [pods], verbs: [list]}]}
  - {title: It is bound, bind: {role: list-pods, to: [{serviceAccount: reader}]}}
  - title: Now it may
    curl: {in: client, url: 'https://kubernetes.default/api/v1/namespaces/{namespace}/pods', token: mounted}
    expect: {status: 200, within: 5s}
  - title: And nothing more
    can:
      who: serviceaccount/reader
      default: denied
      asked: [{verb: [list, delete], resource: [pods, secrets]}]
      allowed: [{verb: list, resource: pods}]
  - {title: What it made is changed, patch: {kind: ServiceAccount, name: reader, body: {automountServiceAccountToken: false}}}
  - {title: And deleted, delete: {kind: Pod, name: client}}
";

/// A namespace with something of others in it, and a kubeconfig of an account that is its `admin` and nothing else.
struct Owned {
    place: Place,
    runtime: tokio::runtime::Runtime,
    client: kube::Client,
    files: tempfile::TempDir,
    namespace: String,
    kubeconfig: PathBuf,
}

impl Owned {
    fn new(namespace: &str) -> Owned {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let client = runtime.block_on(testing::shared().client()).expect("a client");
        let files = tempfile::tempdir().expect("a folder");
        let kubeconfig = files.path().join("kubeconfig");
        let owned = Owned { place: Place::new(), runtime, client, files, namespace: namespace.into(), kubeconfig };
        owned.send(Method::POST, "/api/v1/namespaces", &json!({"metadata": {"name": namespace}}));
        owned.send(Method::POST, &owned.path("serviceaccounts"), &json!({"metadata": {"name": "owner"}}));
        let binding = json!({
            "metadata": {"name": "owner"}, "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": "admin"},
            "subjects": [{"kind": "ServiceAccount", "name": "owner", "namespace": namespace}],
        });
        owned.send(Method::POST, &format!("/apis/{RBAC}/v1/namespaces/{namespace}/rolebindings"), &binding);
        owned.send(Method::POST, &owned.path("configmaps"), &json!({"metadata": {"name": "theirs"}}));
        let token = owned.send(Method::POST, &owned.path("serviceaccounts/owner/token"), &json!({}));
        let text = std::fs::read_to_string(existing::kubeconfig()).expect("a kubeconfig");
        let mut config = serde_json::to_value(kube::config::Kubeconfig::from_yaml(&text).expect("YAML")).expect("JSON");
        config["contexts"][0]["name"] = "it".into();
        config["users"][0]["user"] = json!({"token": token["status"]["token"]});
        std::fs::write(&owned.kubeconfig, config.to_string()).expect("written");
        owned
    }

    fn path(&self, plural: &str) -> String {
        format!("/api/v1/namespaces/{}/{plural}", self.namespace)
    }

    fn send(&self, method: Method, path: &str, body: &Value) -> Value {
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let sent = api::send(&self.client, method, path, Some("application/json"), body);
        let answer = self.runtime.block_on(sent).expect("an answer");
        assert!(answer.status < 300, "{path}: {}", api::message(&answer));
        answer.json.unwrap_or_default()
    }

    fn story(&self, name: &str, text: &str) -> PathBuf {
        let path = self.files.path().join(name);
        std::fs::write(&path, text).expect("written");
        path
    }

    fn command(&self, command: &str, args: &[&str]) -> std::process::Command {
        let all: Vec<&str> =
            [command, "--cluster", "kubeconfig", "--context", "it"].into_iter().chain(args.iter().copied()).collect();
        let mut command = self.place.kubewalk(&all);
        command.env("KUBECONFIG", &self.kubeconfig);
        command
    }

    fn run(&self, story: &Path, args: &[&str]) -> Said {
        let story = story.to_string_lossy();
        let args: Vec<&str> = args.iter().copied().chain(["--curl-image", "kubewalk.local/curl:1", &story]).collect();
        Said::from(&self.command("run", &args).output().expect("kubewalk starts"))
    }

    /// The names of all objects in the namespace that do not go, of the kinds that the stories make.
    fn content(&self) -> Vec<String> {
        let kinds = ["api/v1/pods", "api/v1/configmaps", "api/v1/serviceaccounts", "api/v1/secrets"];
        let rbac = ["roles", "rolebindings"].map(|plural| format!("apis/{RBAC}/v1/{plural}"));
        let mut found = Vec::new();
        for path in kinds.map(str::to_owned).into_iter().chain(rbac) {
            let (base, plural) = path.rsplit_once('/').expect("a plural");
            let list = self.send(Method::GET, &format!("/{base}/namespaces/{}/{plural}", self.namespace), &Value::Null);
            for item in list["items"].as_array().expect("a list") {
                found.push(format!("{plural} {} {}", item["metadata"]["name"], item["metadata"]["uid"]));
            }
        }
        found.sort();
        found
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        self.send(Method::DELETE, &format!("/api/v1/namespaces/{}", self.namespace), &Value::Null);
    }
}

#[test]
fn a_story_runs_in_the_one_namespace_that_somebody_owns_and_leaves_it_as_it_was() {
    let owned = Owned::new("kw-test-owned");
    let before = owned.content();
    let story = owned.story("story.yaml", STORY);
    let said = owned.run(&story, &["--namespace", "kw-test-owned"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.stdout.contains("namespace kw-test-owned"), "{}", said.stdout);
    assert_eq!(owned.content(), before);
    // The story may say the namespace itself, but only the person allows it.
    let named = owned.story("named.yaml", &format!("namespace: kw-test-owned{STORY}"));
    let refused = owned.run(&named, &[]);
    assert_eq!(refused.code, Some(3), "{refused:?}");
    assert!(refused.stderr.contains("uses the namespace kw-test-owned"), "{}", refused.stderr);
    assert!(refused.stderr.contains("--namespace NAME"), "{}", refused.stderr);
    let said = owned.run(&named, &["--namespace", "kw-test-owned"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!(owned.content(), before);
    assert_eq!(owned.place.left(), Vec::<String>::new());
}

#[test]
fn what_a_story_needs_beyond_the_namespace_is_said_with_its_line() {
    let owned = Owned::new("kw-test-beyond");
    let before = owned.content();
    let more = owned.story(
        "more.yaml",
        "title: Too much\nsteps:\n  - {title: An account, serviceAccount: a}\n  - title: A ClusterRole\n    clusterRole: {name: kw-x, rules: \
         [{apiGroups: [''], resources: [pods], verbs: [list]}]}\n  - title: Nodes\n    get: {kind: Node}\n  - title: Elsewhere\n    can: {who: \
         serviceaccount/a, verb: list, resource: pods, namespace: default, allowed: false}\n",
    );
    let said = owned.run(&more, &["--namespace", "kw-test-beyond"]);
    assert_eq!(said.code, Some(3), "{said:?}");
    for line in [
        "more.yaml:4: create clusterroles.rbac.authorization.k8s.io",
        "more.yaml:6: list nodes",
        "more.yaml:8: create subjectaccessreviews.authorization.k8s.io",
    ] {
        assert!(said.stderr.contains(line), "{line}: {}", said.stderr);
    }
    assert!(!said.stderr.contains("localsubjectaccessreviews"), "{}", said.stderr);
    // What kubectl asks for nobody knows before; a refusal of who runs it is no answer to what the scenario claims.
    let nodes = "title: Nodes\nsteps:\n  - title: By kubectl\n    kubectl: {args: [get, nodes]}\n";
    let said = owned.run(&owned.story("nodes.yaml", nodes), &["--namespace", "kw-test-beyond"]);
    assert_eq!(said.code, Some(3), "{said:?}");
    let words = "whoever runs the scenarios lacks a right that this kubectl needs: list nodes";
    assert!(said.stdout.contains(words), "{said:?}");
    // What is of others in it is not touched.
    let theirs = owned.story(
        "theirs.yaml",
        "title: Theirs\nsteps:\n  - title: It is deleted\n    request: {method: DELETE, path: '/api/v1/namespaces/{namespace}/configmaps/theirs'}\n",
    );
    let said = owned.run(&theirs, &["--namespace", "kw-test-beyond"]);
    assert_eq!(said.code, Some(3), "{said:?}");
    let words = "theirs.yaml:3: would delete configmaps theirs in the namespace kw-test-beyond, which the scenario does not make";
    assert!(said.stderr.contains(words), "{}", said.stderr);
    // Nor does it help to say that the cluster is the right one.
    let said = owned.run(&theirs, &["--namespace", "kw-test-beyond", "--yes-this-cluster"]);
    assert!(said.code == Some(3) && said.stderr.contains(words), "{said:?}");
    // Nor is it taken over by an apply of the same name.
    let same = owned.story(
        "same.yaml",
        "title: Same\nsteps:\n  - title: One of the same name\n    apply: {apiVersion: v1, kind: ConfigMap, metadata: {name: theirs}, data: {a: b}}\n",
    );
    let said = owned.run(&same, &["--namespace", "kw-test-beyond"]);
    assert_eq!(said.code, Some(3), "{said:?}");
    assert!(said.stdout.contains("is there already, and is not this scenario's"), "{said:?}");
    assert_eq!(owned.content(), before);
    let elsewhere =
        Said::from(&owned.place.kubewalk(&["run", "--namespace", "a", "scenarios/rbac"]).output().expect("it starts"));
    assert_eq!(elsewhere.code, Some(2), "{elsewhere:?}");
}

#[test]
fn two_runs_in_one_namespace_take_turns_and_what_a_killed_one_leaves_is_swept_in_it() {
    let owned = Owned::new("kw-test-turns");
    let before = owned.content();
    let story = owned.story("story.yaml", STORY);
    let args = ["--namespace", "kw-test-turns", "--curl-image", "kubewalk.local/curl:1"];
    let start = || {
        let mut command = owned.command("run", &args);
        command.arg(&story).stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        command.spawn().expect("it starts")
    };
    let both = [start(), start()].map(|child| Said::from(&child.wait_with_output().expect("it ends")));
    for said in &both {
        assert_eq!(said.code, Some(0), "{said:?}");
    }
    assert_eq!(owned.content(), before);
    // One that is killed.
    let mut killed = start();
    let begun = std::time::Instant::now();
    while !owned.content().iter().any(|line| line.contains("\"reader\"")) {
        assert!(begun.elapsed() < std::time::Duration::from_secs(60), "it does not begin");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    killed.kill().expect("killed");
    killed.wait().expect("waited for");
    assert_ne!(owned.content(), before);
    let swept = Said::from(&owned.command("sweep", &["--namespace", "kw-test-turns"]).output().expect("it starts"));
    assert_eq!(swept.code, Some(0), "{swept:?}");
    assert!(swept.stdout.contains("removed ConfigMap kubewalk-turn in kw-test-turns"), "{swept:?}");
    let begun = std::time::Instant::now();
    while owned.content() != before {
        assert!(begun.elapsed() < std::time::Duration::from_secs(60), "{:?} is not {before:?}", owned.content());
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
}
