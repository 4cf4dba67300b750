//! See `tests/docker/attacks.rs`.

use http::Method;
use serde_json::{Value, json};

use crate::{
    given::{Given, ROLES, RULES},
    page::Attack,
    traces::Said,
};

const NAMESPACES: &str = "/api/v1/namespaces";

/// A Pod of somebody else, who wants to say a last word.
fn their_pod() -> Value {
    let script = "trap '' TERM; sleep 600 & wait";
    let container = json!({"name": "app", "image": "kubewalk.local/curl:1", "imagePullPolicy": "Never", "command": ["sh", "-c", script]});
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "theirs"}, "spec": {"containers": [container]}})
}

impl Given {
    /// Removes a namespace at once, with what is in it.
    fn remove_namespace(&self, name: &str) {
        let path = format!("{NAMESPACES}/{name}");
        let now = json!({"apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0});
        self.send(Method::DELETE, &path, &now);
        self.until("the namespace is gone", || {
            let _ = self.answer(Method::DELETE, &format!("{path}/pods"), &now);
            self.there(&path).is_none()
        });
    }

    /// Makes a namespace, and waits until there can be Pods in it.
    fn make_namespace(&self, name: &str) {
        self.send(Method::POST, NAMESPACES, &json!({"metadata": {"name": name}}));
        let account = format!("{NAMESPACES}/{name}/serviceaccounts/default");
        self.until("its account is there", || self.there(&account).is_some());
    }
}

#[test]
fn attack_k12d_the_namespace_of_a_run_is_somebody_elses_when_it_is_removed() {
    let given = Given::new();
    let text = "title: Taken\nsteps:\n  - {title: An account, serviceAccount: sa}\n  - {title: It goes on, wait: {kind: ConfigMap, name: go, for: exists}}\n";
    let scenario = given.file("k12d.yaml", text);
    let child = given.command(&scenario, &["--cleanup-budget", "15s"]).spawn().expect("kubewalk starts");
    given.until("it is there", || given.namespace("kw-k12d-").is_some());
    let own = given.namespace("kw-k12d-").expect("its namespace");
    given.until("it has begun", || given.there(&format!("{NAMESPACES}/{own}/serviceaccounts/sa")).is_some());
    given.remove_namespace(&own);
    given.make_namespace(&own);
    let pods = format!("{NAMESPACES}/{own}/pods");
    given.send(Method::POST, &pods, &their_pod());
    given.send(Method::POST, &format!("{NAMESPACES}/{own}/configmaps"), &json!({"metadata": {"name": "go"}}));
    let said = Said::from(&child.wait_with_output().expect("waited for"));
    assert_eq!(said.code, Some(6), "{said:?}");
    let line = format!("Namespace {own}: it is another one now, made by somebody else meanwhile, and was not touched");
    assert!(said.stdout.contains(&line) || said.stderr.contains(&line), "{said:?}");
    let pod = given.there(&format!("{pods}/theirs")).expect("it stays");
    assert_eq!(pod["metadata"]["deletionTimestamp"], Value::Null, "nobody ends it");
    given.remove_namespace(&own);
    let tried =
        "the namespace of a run is deleted and made anew by somebody else, with a Pod, before the run removes it";
    Attack::new("K12d", tried, file!())
        .held("It stays, and its Pod is not ended; the run says so and ends with exit code 6.");
}

#[test]
fn attack_k12e_marks_of_a_killed_run_on_what_others_made() {
    let given = Given::new();
    let text = format!(
        "title: Killed\nsteps:\n  - {{title: A role, clusterRole: {{name: kw-k12e, {RULES}}}}}\n  - {{title: It waits, wait: {{kind: ConfigMap, name: go, for: exists}}}}\n"
    );
    let scenario = given.file("k12e.yaml", &text);
    let mut child = given.command(&scenario, &[]).spawn().expect("kubewalk starts");
    let role = format!("{ROLES}/kw-k12e");
    given.until("it is made", || given.there(&role).is_some());
    let marks = given.there(&role).expect("its role")["metadata"].take();
    child.kill().expect("killed");
    child.wait().expect("waited for");
    // Who may change an object of the cluster, and not remove it, lets an administrator's sweep do that.
    let marked = |name: &str| json!({"name": name, "labels": marks["labels"], "annotations": marks["annotations"]});
    let theirs = [
        (NAMESPACES, json!({"metadata": marked("theirs-k12e")})),
        (ROLES, json!({"metadata": marked("theirs-k12e"), "rules": []})),
        ("/api/v1/namespaces/default/configmaps", json!({"metadata": marked("kw-k12e")})),
    ];
    for (list, object) in &theirs {
        given.send(Method::POST, list, object);
    }
    let mut sweep = given.place.kubewalk(&["sweep", "--cluster", "kubeconfig", "--context", "it"]);
    let said = Said::from(&sweep.env("KUBECONFIG", given.kubeconfig()).output().expect("kubewalk starts"));
    assert_eq!(said.code, Some(6), "{said:?}");
    assert!(said.stdout.contains("removed ClusterRole kw-k12e\n"), "{said:?}");
    for what in ["Namespace theirs-k12e", "ClusterRole theirs-k12e", "ConfigMap kw-k12e in default"] {
        let line = format!(
            "could not remove {what}: it carries the mark of a run that was killed, which this user did not make"
        );
        assert!(said.stdout.contains(&line), "{what}: {said:?}");
    }
    assert_eq!(given.there(&role), None);
    for (list, object) in &theirs {
        let path = format!("{list}/{}", object["metadata"]["name"].as_str().expect("a name"));
        let there = given.there(&path).expect("it stays");
        assert_eq!(there["metadata"]["deletionTimestamp"], Value::Null);
        given.send(Method::DELETE, &path, &Value::Null);
    }
    let tried = "labels and annotations of a killed run, copied on to a Namespace, a ClusterRole and a ConfigMap of others, for `sweep` to find";
    let seen =
        "They stay and are told: each mark is sealed for one object, by a key that only this user of this machine has.";
    Attack::new("K12e", tried, file!()).held(seen);
}

#[test]
fn attack_k12f_steps_by_name_after_somebody_made_it_anew() {
    let given = Given::new();
    let collection = "/apis/rbac.authorization.k8s.io/v1/clusterroles";
    let body = "[{op: replace, path: /rules, value: []}]";
    for (word, step) in [
        ("merge", "patch: {kind: ClusterRole, name: NAME, body: {rules: []}}".to_owned()),
        ("operations", format!("patch: {{kind: ClusterRole, name: NAME, type: json, body: {body}}}")),
        ("deletes", format!("request: {{method: DELETE, path: {collection}/NAME}}")),
        (
            "replaces",
            format!("request: {{method: PUT, path: {collection}/NAME, body: {{metadata: {{name: NAME}}, rules: []}}}}"),
        ),
        (
            "from-a-pod",
            format!(
                "curl: {{in: client, method: DELETE, url: 'https://kubernetes.default{collection}/NAME', token: mounted}}"
            ),
        ),
    ] {
        let name = format!("kw-k12f-{word}");
        let right = "rules: [{apiGroups: [rbac.authorization.k8s.io], resources: [clusterroles], verbs: [delete]}]";
        let inside = format!(
            "  - {{title: An account, serviceAccount: sa}}\n  - {{title: A right, clusterRole: {{name: {name}-may, {right}}}}}\n  \
             - {{title: It has it, bind: {{name: {name}-may, clusterRole: {name}-may, to: [{{serviceAccount: sa}}], clusterWide: true}}}}\n  \
             - {{title: A Pod, pod: {{name: client, image: curl, serviceAccount: sa}}}}\n"
        );
        let inside = if word == "from-a-pod" { inside } else { String::new() };
        let text = format!(
            "title: Taken by {word}\nsteps:\n{inside}  - {{title: A role, clusterRole: {{name: {name}, {RULES}}}}}\n  \
             - {{title: It goes on, wait: {{kind: ConfigMap, name: go, for: exists}}, timeout: 60s}}\n  - title: It is changed by its name\n    {}\n",
            step.replace("NAME", &name)
        );
        let scenario = given.file(&format!("k12f-{word}.yaml"), &text);
        let options = ["--cleanup-budget", "20s", "--curl-image", "kubewalk.local/curl:1"];
        let child = given.command(&scenario, &options).spawn().expect("kubewalk starts");
        let path = format!("{ROLES}/{name}");
        given.until("it is made", || given.there(&path).is_some());
        given.send(Method::DELETE, &path, &Value::Null);
        given.until("it is gone", || given.there(&path).is_none());
        let rules = json!([{"apiGroups": [""], "resources": ["nodes"], "verbs": ["get"]}]);
        given.send(Method::POST, ROLES, &json!({"metadata": {"name": name}, "rules": rules}));
        let own = given.namespace(&format!("kw-k12f-{word}")).expect("its namespace");
        given.send(Method::POST, &format!("{NAMESPACES}/{own}/configmaps"), &json!({"metadata": {"name": "go"}}));
        let said = Said::from(&child.wait_with_output().expect("waited for"));
        let there = given.there(&path);
        assert_eq!(there.map(|role| role["rules"].clone()), Some(rules), "{word}: {said:?}");
        assert_eq!(said.code, Some(3), "{word}: {said:?}");
        let line = format!("ClusterRole {name} is another one now: it was deleted and made anew meanwhile");
        assert!(said.stdout.contains(&line), "{word}: {said:?}");
        given.send(Method::DELETE, &path, &Value::Null);
    }
    let tried = "a ClusterRole of a run is deleted and made anew by somebody else, before a step of the run patches, replaces or deletes it by its name, also from a Pod";
    Attack::new("K12f", tried, file!()).held("It stays as they made it; the step says so, exit code 3.");
}

#[test]
fn attack_k13b_pods_that_ignore_the_end_behind_every_controller() {
    let given = Given::new();
    let spec = "{containers: [{name: c, image: curl, command: [sh, -c, \"trap '' TERM; sleep infinity & wait\"]}]";
    let (pod, once) = (format!("{spec}}}"), format!("{spec}, restartPolicy: Never}}"));
    let labelled = |name: &str| {
        format!(
            "selector: {{matchLabels: {{a: {name}}}}}, template: {{metadata: {{labels: {{a: {name}}}}}, spec: {pod}}}"
        )
    };
    let objects = [
        ("apps/v1", "StatefulSet", "deaf-set", format!("{{serviceName: x, replicas: 1, {}}}", labelled("set"))),
        ("apps/v1", "DaemonSet", "deaf-daemon", format!("{{{}}}", labelled("daemon"))),
        ("apps/v1", "ReplicaSet", "deaf-replica", format!("{{replicas: 1, {}}}", labelled("replica"))),
        ("apps/v1", "Deployment", "deaf-deployment", format!("{{replicas: 1, {}}}", labelled("deployment"))),
        ("batch/v1", "Job", "deaf-job", format!("{{template: {{metadata: {{labels: {{a: job}}}}, spec: {once}}}}}")),
    ];
    given.make_namespace("theirs-k13b");
    let mut text = String::from("title: Deaf\nnamespace: theirs-k13b\nsteps:\n");
    for (version, kind, name, spec) in &objects {
        text += &format!(
            "  - {{title: A {kind}, apply: {{apiVersion: {version}, kind: {kind}, metadata: {{name: {name}}}, spec: {spec}}}}}\n"
        );
    }
    text += "  - {title: All run, wait: {kind: ConfigMap, name: go, for: exists}}\n";
    let scenario = given.file("k13b.yaml", &text);
    let args = ["--curl-image", "kubewalk.local/curl:1", "--cleanup-budget", "20s", "--yes-this-cluster"];
    let child = given.command(&scenario, &args).spawn().expect("kubewalk starts");
    let pods = format!("{NAMESPACES}/theirs-k13b/pods");
    let running = || {
        let list = given.there(&pods).unwrap_or_default();
        let items = list["items"].as_array().cloned().unwrap_or_default();
        items.iter().filter(|pod| pod["status"]["phase"] == "Running").count()
    };
    given.until("all run", || running() == objects.len());
    given.send(Method::POST, &pods, &their_pod());
    given.send(Method::POST, &format!("{NAMESPACES}/theirs-k13b/configmaps"), &json!({"metadata": {"name": "go"}}));
    let said = Said::from(&child.wait_with_output().expect("waited for"));
    assert_eq!(said.code, Some(0), "{said:?}");
    // The Pods go before their 30 s, and that of somebody else in the same namespace stays.
    let begun = std::time::Instant::now();
    given.until("only theirs is there", || {
        given.there(&pods).unwrap_or_default()["items"].as_array().is_some_and(|list| list.len() == 1)
    });
    assert!(begun.elapsed() < std::time::Duration::from_secs(20), "{:?}", begun.elapsed());
    let theirs = given.there(&format!("{pods}/theirs")).expect("it stays");
    assert_eq!(theirs["metadata"]["deletionTimestamp"], Value::Null);
    given.remove_namespace("theirs-k13b");
    let tried = "Pods that ignore TERM behind a StatefulSet, DaemonSet, ReplicaSet, Deployment and Job, in a namespace of others where another such Pod is theirs";
    Attack::new("K13b", tried, file!())
        .held("The run's Pods are gone before those 30 s, exit code 0; the other one stays.");
}

#[test]
fn attack_k29c_a_deployment_that_is_somebody_elses_now() {
    let given = Given::new();
    given.make_namespace("theirs-k29c");
    let deployment = |title: &str| {
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "annotations": {"of": title}}, "spec": {
            "replicas": 1, "selector": {"matchLabels": {"a": "web"}}, "template": {"metadata": {"labels": {"a": "web"}}, "spec": {
                "terminationGracePeriodSeconds": 0,
                "containers": [{"name": "app", "image": "kubewalk.local/pause:1", "imagePullPolicy": "Never"}]}}}})
    };
    let text = format!(
        "title: Calls\nnamespace: theirs-k29c\nsteps:\n  - {{title: A Deployment, apply: {}}}\n  - {{title: It goes on, wait: {{kind: ConfigMap, name: go, for: exists}}}}\n  \
         - title: It calls\n    curl: {{in: deployment/web, url: 'https://kubernetes.default/api', token: mounted}}\n    expect: {{status: 200, within: 20s}}\n",
        deployment("ours")
    );
    let scenario = given.file("k29c.yaml", &text);
    let args = ["--curl-image", "kubewalk.local/curl:1", "--yes-this-cluster"];
    let child = given.command(&scenario, &args).spawn().expect("kubewalk starts");
    let (path, list) =
        ("/apis/apps/v1/namespaces/theirs-k29c/deployments/web", "/apis/apps/v1/namespaces/theirs-k29c/deployments");
    let pods = format!("{NAMESPACES}/theirs-k29c/pods");
    let count = || given.there(&pods).unwrap_or_default()["items"].as_array().map_or(0, Vec::len);
    given.until("it is made", || given.there(path).is_some());
    given.send(
        Method::DELETE,
        path,
        &json!({"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Foreground"}),
    );
    given.until("it is gone", || given.there(path).is_none() && count() == 0);
    given.send(Method::POST, list, &deployment("theirs"));
    given.until("it runs", || given.there(path).is_some_and(|it| it["status"]["readyReplicas"] == 1));
    given.send(Method::POST, &format!("{NAMESPACES}/theirs-k29c/configmaps"), &json!({"metadata": {"name": "go"}}));
    let said = Said::from(&child.wait_with_output().expect("waited for"));
    let words = "is not one of this scenario's on a cluster of others";
    assert!(said.stdout.contains(words) || said.stderr.contains(words), "{said:?}");
    let pods = given.there(&pods).expect("a list");
    assert_eq!(pods["items"][0]["spec"]["ephemeralContainers"], Value::Null);
    assert_eq!(given.there(path).expect("it stays")["metadata"]["annotations"]["of"], "theirs");
    given.remove_namespace("theirs-k29c");
    let tried = "a Deployment of a scenario is deleted and made anew by somebody else, and a call needs a container beside its Pod's own";
    Attack::new("K29c", tried, file!()).held("No container is put into the Pod of others; their Deployment stays.");
}

#[test]
fn attack_k12g_an_object_of_a_killed_run_that_somebody_exported_and_made_anew() {
    let given = Given::new();
    let text = format!(
        "title: Killed\nsteps:\n  - {{title: A role, clusterRole: {{name: kw-k12g, {RULES}}}}}\n  - {{title: It waits, wait: {{kind: ConfigMap, name: go, for: exists}}}}\n"
    );
    let scenario = given.file("k12g.yaml", &text);
    let mut child = given.command(&scenario, &[]).spawn().expect("kubewalk starts");
    let role = format!("{ROLES}/kw-k12g");
    given.until("it is made", || given.there(&role).is_some());
    let mut export = given.there(&role).expect("its role");
    child.kill().expect("killed");
    child.wait().expect("waited for");
    for key in ["uid", "resourceVersion", "creationTimestamp", "managedFields"] {
        export["metadata"].as_object_mut().expect("metadata").remove(key);
    }
    given.send(Method::DELETE, &role, &Value::Null);
    given.send(Method::POST, &format!("{ROLES}?fieldManager=kubectl-create"), &export);
    let mut sweep = given.place.kubewalk(&["sweep", "--cluster", "kubeconfig", "--context", "it"]);
    let said = Said::from(&sweep.env("KUBECONFIG", given.kubeconfig()).output().expect("kubewalk starts"));
    assert_eq!(said.code, Some(6), "{said:?}");
    assert!(
        said.stdout.contains("could not remove ClusterRole kw-k12g: it carries the mark of a run that was killed"),
        "{said:?}"
    );
    assert!(given.there(&role).is_some(), "it stays");
    given.send(Method::DELETE, &role, &Value::Null);
    Attack::new(
        "K12g",
        "what a killed run left is exported, removed and made anew by somebody, with all its marks; then `sweep`",
        file!(),
    )
    .held("It stays and is told: the seal counts only where kubewalk wrote it, as the object's managed fields say.");
}
