//! A cluster that exists: what is looked at first, who may run scenarios in it, and that nothing of ours stays. On a real one.
#![cfg(target_os = "linux")]

#[path = "../common/existing.rs"]
mod existing;
#[path = "../common/recorded.rs"]
mod recorded;
#[path = "../common/traces.rs"]
mod traces;

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use futures::{StreamExt as _, stream};
use http::Method;
use kubewalk::{
    clock::Moment,
    cluster::kubectl::Login,
    k8s::kubectl::{
        grammar::{self, Takes},
        table::{COMMANDS, Effect},
    },
    steps::api,
    testing,
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use traces::{Place, Said};

const ONE_ROLE: &str = "scenarios/rbac/one-role.yaml";
const RBAC: &str = "rbac.authorization.k8s.io";

/// The administrator of a real cluster, and a place for runs that do not know whose it is.
struct Given {
    place: Place,
    runtime: tokio::runtime::Runtime,
    client: kube::Client,
    /// Where the files of this test are.
    files: tempfile::TempDir,
}

impl Given {
    fn new() -> Given {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let client = runtime.block_on(testing::shared().client()).expect("a client");
        Given { place: Place::new(), runtime, client, files: tempfile::tempdir().expect("a folder") }
    }

    fn send(&self, method: Method, path: &str, body: &Value) -> Value {
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let sent = api::send(&self.client, method, path, Some("application/json"), body);
        let answer = self.runtime.block_on(sent).expect("an answer");
        assert!(answer.status < 300, "{path}: {}", api::message(&answer));
        answer.json.unwrap_or_default()
    }

    /// A kubeconfig with one context `it`, as the administrator or with a token; its current context leads nowhere.
    fn kubeconfig(&self, token: Option<&str>) -> PathBuf {
        let text = std::fs::read_to_string(existing::kubeconfig()).expect("a kubeconfig");
        let mut config = serde_json::to_value(kube::config::Kubeconfig::from_yaml(&text).expect("YAML")).expect("JSON");
        config["current-context"] = "elsewhere".into();
        config["contexts"][0]["name"] = "it".into();
        if let Some(token) = token {
            config["users"][0]["user"] = json!({"token": token});
        } else {
            let user = kube::config::Kubeconfig::from_yaml(&text)
                .expect("YAML")
                .auth_infos
                .remove(0)
                .auth_info
                .expect("a user");
            use secrecy::ExposeSecret as _;
            config["users"][0]["user"]["client-key-data"] = user.client_key_data.expect("a key").expose_secret().into();
        }
        let path = self.files.path().join("kubeconfig");
        std::fs::write(&path, config.to_string()).expect("written");
        path
    }

    fn run(&mut self, kubeconfig: &Path, args: &[&str]) -> Said {
        let all: Vec<&str> = ["run", "--cluster", "kubeconfig"].iter().chain(args).copied().collect();
        let output = self.place.kubewalk(&all).env("KUBECONFIG", kubeconfig).output().expect("kubewalk starts");
        Said::from(&output)
    }

    /// Namespaces of scenarios that are not going.
    fn namespaces(&self, prefix: &str) -> Vec<String> {
        let list = self.send(Method::GET, "/api/v1/namespaces", &Value::Null);
        let stays = |item: &&Value| item["metadata"]["deletionTimestamp"].is_null();
        let names = list["items"].as_array().expect("a list").iter().filter(stays);
        names
            .filter_map(|item| item["metadata"]["name"].as_str())
            .filter(|name| name.starts_with(prefix))
            .map(Into::into)
            .collect()
    }
}

#[test]
fn an_administrator_runs_a_scenario_in_it_and_nothing_stays() {
    let mut given = Given::new();
    let file = given.kubeconfig(None);
    let said = given.run(&file, &["--context", "it", ONE_ROLE]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.stderr.contains("cluster: kubeconfig with Kubernetes v1."), "{}", said.stderr);
    assert_eq!(given.namespaces("kw-one-role"), Vec::<String>::new());
    assert_eq!(given.place.left(), Vec::<String>::new());
}

/// What kubewalk lets a scenario say to kubectl stands on a table of commands and flags; this is kubectl's own word on it.
#[test]
fn the_table_of_kubectls_flags_is_kubectls() {
    let given = Given::new();
    let kubectl = testing::shared().kubectl();
    let read = COMMANDS.iter().filter(|command| command.effect != Effect::Own && command.words != "options");
    let asked = read.map(|command| async move {
        let args: Vec<String> = command.words.split(' ').chain(["--help"]).map(str::to_owned).collect();
        let deadline = Moment::now() + Duration::from_secs(60);
        (command, kubectl.run(&args, None, Login::Administrator, deadline).await.expect("an end"))
    });
    let asked: Vec<_> = asked.collect();
    let answers: Vec<_> = given.runtime.block_on(stream::iter(asked).buffered(4).collect());
    let mut wrong = Vec::new();
    for (command, output) in answers {
        let help = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.exit_code != 0 || !help.contains("Usage:") {
            wrong.push(format!("{}: no help: {}", command.words, String::from_utf8_lossy(&output.stderr)));
        }
        // `    -n, --namespace='':`
        for line in help.lines().filter(|line| line.starts_with("    -") && line.ends_with(':')) {
            let (short, rest) = match line.trim().split_once(", --") {
                Some((short, rest)) => (short.chars().nth(1), rest),
                None => (None, line.trim().trim_start_matches("--")),
            };
            let Some((name, default)) = rest.split_once('=') else { continue };
            let switch = matches!(default.trim_end_matches(':'), "true" | "false");
            let known = grammar::known(Some(command)).find(|flag| flag.name == name && !flag.never);
            let same = known.is_some_and(|flag| flag.short == short && (flag.takes == Takes::Switch) == switch);
            if !same {
                wrong.push(format!("{} {line}", command.words));
            }
        }
        let below = help.split("Available Commands:\n").nth(1).unwrap_or_default();
        for word in below.lines().take_while(|line| !line.is_empty()).filter_map(|line| line.split_whitespace().next())
        {
            let words = format!("{} {word}", command.words);
            if !COMMANDS.iter().any(|one| one.words == words) {
                wrong.push(words);
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_wrong_cluster_is_not_hurt() {
    let mut given = Given::new();
    let file = given.kubeconfig(None);
    let no_context = given.run(&file, &[ONE_ROLE]);
    assert_eq!(no_context.code, Some(2), "{no_context:?}");
    assert!(no_context.stderr.contains("--context"), "{}", no_context.stderr);
    let unknown = given.run(&file, &["--context", "prod", ONE_ROLE]);
    assert_eq!(unknown.code, Some(3), "{unknown:?}");
    assert!(unknown.stderr.contains("the kubeconfig has no context prod"), "{}", unknown.stderr);
    let current = given.run(&file, &["--yes-this-cluster", ONE_ROLE]);
    assert_eq!(current.code, Some(3), "{current:?}");
    assert!(current.stderr.contains("the kubeconfig has no context elsewhere"), "{}", current.stderr);
    let text = std::fs::read_to_string(&file).expect("it is there").replace("127.0.0.1", "203.0.113.1");
    let far = given.files.path().join("far");
    std::fs::write(&far, text).expect("written");
    let elsewhere = given.run(&far, &["--context", "it", ONE_ROLE]);
    assert_eq!(elsewhere.code, Some(3), "{elsewhere:?}");
    assert!(elsewhere.stderr.contains("which is not on this machine"), "{}", elsewhere.stderr);
    assert!(elsewhere.stderr.contains("--yes-this-cluster"), "{}", elsewhere.stderr);
}

#[test]
fn what_is_not_the_scenarios_own_is_not_touched() {
    let mut given = Given::new();
    let file = given.kubeconfig(None);
    let said = given.run(&file, &["--context", "it", "scenarios/serviceaccount/walkthrough.yaml"]);
    assert_eq!(said.code, Some(3), "{said:?}");
    assert!(said.stderr.contains("walkthrough.yaml:2: uses the namespace default"), "{}", said.stderr);
    // A cluster-wide object of a name that is there already.
    let scenario = given.files.path().join("view.yaml");
    let rules = "rules: [{apiGroups: [''], resources: [pods], verbs: [list]}]";
    let text = format!("title: View\nsteps:\n  - title: Theirs is changed\n    clusterRole: {{name: view, {rules}}}\n");
    std::fs::write(&scenario, text).expect("written");
    let before = given.send(Method::GET, &format!("/apis/{RBAC}/v1/clusterroles/view"), &Value::Null);
    let said = given.run(&file, &["--context", "it", &scenario.to_string_lossy()]);
    assert_eq!(said.code, Some(3), "{said:?}");
    assert!(said.stderr.contains("ClusterRole view"), "{}", said.stderr);
    let after = given.send(Method::GET, &format!("/apis/{RBAC}/v1/clusterroles/view"), &Value::Null);
    assert_eq!(before, after);
}

/// The policy is somebody else's, and lets all other namespaces be.
#[test]
fn c30_a_refused_namespace_is_an_error_of_its_scenario() {
    let mut given = Given::new();
    let file = given.kubeconfig(None);
    let (group, name) = ("/apis/admissionregistration.k8s.io/v1", "no-more-of-these");
    let objects = [
        (
            "validatingadmissionpolicies",
            "ValidatingAdmissionPolicy",
            json!({
                "matchConstraints": {"resourceRules": [
                    {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["namespaces"]},
                ]},
                "validations": [
                    {"expression": "!object.metadata.name.startsWith('kw-refused-')", "message": "there are enough of them"},
                ],
            }),
        ),
        (
            "validatingadmissionpolicybindings",
            "ValidatingAdmissionPolicyBinding",
            json!({"policyName": name, "validationActions": ["Deny"]}),
        ),
    ];
    for (plural, kind, spec) in &objects {
        let object = json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": kind, "metadata": {"name": name}, "spec": spec});
        given.send(Method::POST, &format!("{group}/{plural}"), &object);
    }
    let refused = |given: &Given| {
        let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kw-refused-x"}}).to_string();
        let path = "/api/v1/namespaces?dryRun=All";
        let sent = api::send(&given.client, Method::POST, path, Some("application/json"), body.into_bytes());
        given.runtime.block_on(sent).expect("an answer").status == 422
    };
    let begun = Instant::now();
    while !refused(&given) {
        assert!(begun.elapsed() < Duration::from_secs(20), "the policy has no effect");
        std::thread::sleep(Duration::from_millis(50));
    }
    let stories = given.files.path().join("stories");
    std::fs::create_dir(&stories).expect("made");
    for story in ["held", "refused"] {
        let text = format!("title: {story}\nsteps: [{{title: an account, serviceAccount: sa}}]\n");
        std::fs::write(stories.join(story).with_extension("yaml"), text).expect("written");
    }
    let junit = given.files.path().join("junit.xml");
    let report = format!("junit={}", junit.display());
    let said = given.run(&file, &["--context", "it", "--report", &report, &stories.to_string_lossy()]);
    assert_eq!(said.code, Some(3), "{said:?}");
    let xml = std::fs::read_to_string(&junit).expect("a report");
    let case = xml.split("<testcase ").find(|case| case.contains("/refused.yaml\"")).expect("a test case");
    assert!(case.contains("type=\"namespace\"") && case.contains("there are enough of them"), "{xml}");
    assert!(xml.contains(r#"tests="2" skipped="0" errors="1" failures="0""#), "{xml}");
    recorded::valid(&xml);
    for (plural, ..) in &objects {
        given.send(Method::DELETE, &format!("{group}/{plural}/{name}"), &Value::Null);
    }
}

#[test]
fn somebody_with_few_rights_is_told_what_is_missing_and_with_enough_it_runs() {
    let mut given = Given::new();
    let (roles, bindings) = (format!("/apis/{RBAC}/v1/clusterroles"), format!("/apis/{RBAC}/v1/clusterrolebindings"));
    given.send(Method::POST, "/api/v1/namespaces", &json!({"metadata": {"name": "few-rights"}}));
    given.send(Method::POST, "/api/v1/namespaces/few-rights/serviceaccounts", &json!({"metadata": {"name": "tester"}}));
    let rule = |group: &str, resources: &[&str], verbs: &[&str]| json!({"apiGroups": [group], "resources": resources, "verbs": verbs});
    let mut rules = vec![
        rule("", &["namespaces"], &["create", "delete"]),
        rule("", &["serviceaccounts", "configmaps", "pods"], &["get", "list", "watch", "create", "patch"]),
        rule(RBAC, &["roles", "rolebindings"], &["get", "create", "patch"]),
    ];
    let role = |rules: &[Value]| json!({"metadata": {"name": "few-rights"}, "rules": rules});
    given.send(Method::POST, &roles, &role(&rules));
    let binding = json!({
        "metadata": {"name": "few-rights"}, "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": "few-rights"},
        "subjects": [{"kind": "ServiceAccount", "name": "tester", "namespace": "few-rights"}],
    });
    given.send(Method::POST, &bindings, &binding);
    let token = given.send(Method::POST, "/api/v1/namespaces/few-rights/serviceaccounts/tester/token", &json!({}));
    let file = given.kubeconfig(token["status"]["token"].as_str());
    let image = ["--curl-image", "kubewalk.local/curl:1"];
    // A name of its own: another test looks for what is left of the other.
    let story = given.files.path().join("few-rights.yaml");
    std::fs::copy(ONE_ROLE, &story).expect("copied");
    let args = ["--context", "it", image[0], image[1], story.to_str().expect("UTF-8")];

    let said = given.run(&file, &args);
    assert_eq!(said.code, Some(3), "{said:?}");
    let lines =
        said.stderr.lines().filter(|line| line.contains("few-rights.yaml:") && line.contains("pods/exec")).count();
    assert!(lines == 2 && said.stderr.contains(": create pods/exec client in namespace kw-"), "{}", said.stderr);
    assert_eq!(given.namespaces("kw-few-rights"), Vec::<String>::new());

    rules.push(rule("", &["pods/exec"], &["get", "create"]));
    given.send(Method::PUT, &format!("{roles}/few-rights"), &role(&rules));
    let said = given.run(&file, &args);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!(given.namespaces("kw-few-rights"), Vec::<String>::new());

    for path in
        [format!("{bindings}/few-rights"), format!("{roles}/few-rights"), "/api/v1/namespaces/few-rights".into()]
    {
        given.send(Method::DELETE, &path, &Value::Null);
    }
}

#[test]
fn an_interrupted_run_cleans_up_and_what_a_killed_one_leaves_is_swept() {
    let given = Given::new();
    let file = given.kubeconfig(None);
    let scenario = given.files.path().join("long.yaml");
    let text = "title: Long\nsteps:\n  - {title: A Role for all, clusterRole: {name: kw-long, rules: [{apiGroups: [''], resources: [pods], verbs: [list]}]}}\n  \
                - {title: A Pod, pod: {name: p, image: curl}}\n  - title: A long time passes\n    exec: {in: p, command: [sleep, '60']}\n    timeout: 100s\n";
    std::fs::write(&scenario, text).expect("written");
    let runs = || {
        let path = "/api/v1/pods?fieldSelector=metadata.name=p,status.phase=Running";
        given.send(Method::GET, path, &Value::Null)["items"][0].is_object()
    };
    let begin = || {
        let mut command = given.place.kubewalk(&["run", "--cluster", "kubeconfig", "--context", "it"]);
        let child = command.arg(&scenario).env("KUBECONFIG", &file).spawn().expect("it starts");
        let begun = Instant::now();
        while !runs() && begun.elapsed() < Duration::from_secs(30) {
            std::thread::sleep(Duration::from_millis(50));
        }
        child
    };
    let stopped = begin();
    kill_process(Pid::from_raw(stopped.id().cast_signed()).expect("a pid"), Signal::INT).expect("sent");
    let said = Said::from(&stopped.wait_with_output().expect("waited for"));
    assert_eq!(said.code, Some(130), "{said:?}");
    assert_eq!(given.namespaces("kw-long"), Vec::<String>::new());
    // Until the Pod has gone, too, so that the second one is told apart.
    let begun = Instant::now();
    while given.send(Method::GET, "/api/v1/pods?fieldSelector=metadata.name=p", &Value::Null)["items"][0].is_object() {
        assert!(begun.elapsed() < Duration::from_secs(30), "its Pod stays");
        std::thread::sleep(Duration::from_millis(50));
    }

    let mut killed = begin();
    // While it lives, it is nobody's to sweep.
    let swept = || {
        let mut command = given.place.kubewalk(&["sweep", "--dry-run", "--cluster", "kubeconfig", "--context", "it"]);
        let said = Said::from(&command.env("KUBECONFIG", &file).output().expect("kubewalk starts"));
        let found = said.stdout.lines().filter_map(|line| line.strip_prefix("would remove "));
        found.filter(|what| what.contains("kw-long")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(swept(), Vec::<String>::new());
    killed.kill().expect("killed");
    killed.wait().expect("waited for");
    let name = given.namespaces("kw-long").pop().expect("it stays");
    let expected = [format!("Namespace {name}"), "ClusterRole kw-long".to_owned()];
    assert_eq!(swept(), expected);
    assert_eq!(given.namespaces("kw-long"), [name]);
    let mut command = given.place.kubewalk(&["sweep", "--cluster", "kubeconfig", "--context", "it"]);
    let said = Said::from(&command.env("KUBECONFIG", &file).output().expect("kubewalk starts"));
    assert_eq!(said.code, Some(0), "{said:?}");
    for what in &expected {
        assert!(said.stdout.contains(&format!("removed {what}\n")), "{said:?}");
    }
    assert_eq!(given.namespaces("kw-long"), Vec::<String>::new());
}

#[test]
fn no_container_is_put_into_a_pod_of_others() {
    let mut given = Given::new();
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"generateName": "others-"}});
    let made = given.send(Method::POST, "/api/v1/namespaces", &namespace);
    let namespace = made["metadata"]["name"].as_str().expect("a name").to_owned();
    let pods = format!("/api/v1/namespaces/{namespace}/pods");
    // Its account comes a moment later.
    let account = format!("/api/v1/namespaces/{namespace}/serviceaccounts");
    let begun = Instant::now();
    while given.send(Method::GET, &account, &Value::Null)["items"][0].is_null() {
        assert!(begun.elapsed() < Duration::from_secs(30), "no account");
        std::thread::sleep(Duration::from_millis(20));
    }
    let container = json!({"name": "app", "image": "kubewalk.local/pause:1", "imagePullPolicy": "Never"});
    let pod =
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "theirs"}, "spec": {"containers": [container]}});
    given.send(Method::POST, &pods, &pod);
    let theirs = format!("{pods}/theirs");
    while given.send(Method::GET, &theirs, &Value::Null)["status"]["phase"] != "Running" {
        assert!(begun.elapsed() < Duration::from_secs(60), "it does not run");
        std::thread::sleep(Duration::from_millis(50));
    }
    let story = given.files.path().join("story.yaml");
    let text = format!(
        "title: t\nsteps:\n  - title: t\n    curl: {{in: pod/{namespace}/theirs, url: 'https://kubernetes.default/api', token: mounted}}\n    \
         expect: {{status: 200}}\n"
    );
    std::fs::write(&story, text).expect("written");
    let kubeconfig = given.kubeconfig(None);
    let said = given.run(&kubeconfig, &["--context", "it", &story.to_string_lossy()]);
    assert_eq!(said.code, Some(3), "{said:?}");
    assert!(said.stderr.contains("would run a command in a Pod of the namespace"), "{said:?}");
    let said = given.run(&kubeconfig, &["--context", "it", "--yes-this-cluster", &story.to_string_lossy()]);
    assert_eq!(said.code, Some(3), "{said:?}");
    assert!(said.stdout.contains("is not put there"), "{said:?}");
    assert!(given.send(Method::GET, &theirs, &Value::Null)["spec"]["ephemeralContainers"].is_null());
    given.send(Method::DELETE, &format!("/api/v1/namespaces/{namespace}"), &Value::Null);
}
