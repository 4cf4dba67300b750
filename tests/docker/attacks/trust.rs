use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use crate::{
    node::nodes,
    page::Attack,
    traces::{Place, Said, alone},
};

/// A folder of scenarios.
struct Scenarios(tempfile::TempDir);

impl Scenarios {
    fn new() -> Scenarios {
        Scenarios(tempfile::tempdir().expect("a folder"))
    }

    /// A scenario with these steps, as lines of YAML.
    fn add(&self, name: &str, steps: &str) -> String {
        let path = self.0.path().join(format!("{name}.yaml"));
        std::fs::write(&path, format!("title: {name}\nsteps:\n{steps}")).expect("written");
        path.to_string_lossy().into_owned()
    }
}

/// A command in the node of the only cluster of a place, as its root.
#[track_caller]
fn in_node(place: &Place, command: &[&str]) -> String {
    let dir = place.nodes().join(place.clusters_now().first().expect("a cluster"));
    let cache = kubewalk::settings::from_env().cache;
    let engine = kubewalk::cluster::engine::built(&cache).expect("it is built");
    let mut exec = Command::new(engine.join("supervisor"));
    let output = exec.args(["keeper", "exec", "--dir"]).arg(dir).arg("--").args(command).output().expect("it starts");
    let said = Said::from(&output);
    assert_eq!(said.code, Some(0), "{command:?}: {said:?}");
    said.stdout
}

#[track_caller]
fn up(place: &mut Place) -> String {
    let said = place.run(&["cluster", "up", "--cluster", "builtin", "--ttl", "5m"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    said.stdout.trim().to_owned()
}

fn pod(spec: &str, container: &str) -> String {
    format!(
        r#"{{"apiVersion":"v1","kind":"Pod","metadata":{{"name":"x"}},"spec":{{{spec}"containers":[{{"name":"c","image":"none.invalid/x"{container}}}]}}}}"#
    )
}

/// What an administrator inside the cluster tries: a name, what is sent, where to, and the body. `%` is a query that has no
/// effect but to be judged.
fn tries() -> Vec<(&'static str, &'static str, String)> {
    let pods = "-X POST $api/api/v1/namespaces/kube-system/pods%";
    let masters =
        "-H Impersonate-User:root -H Impersonate-Group:system:masters -X POST $api/api/v1/namespaces/default/pods%";
    let ephemeral = "-X PATCH -H Content-Type:application/strategic-merge-patch+json $api/api/v1/namespaces/$ns/pods/client/ephemeralcontainers%";
    let privileged = r#","securityContext":{"privileged":true}"#;
    let debug = r#"{"spec":{"ephemeralContainers":[{"name":"d","image":"a","securityContext":{"privileged":true}}]}}"#;
    // All of /api/v1 would be answered by that Service, to the kubelet, too.
    let apis =
        "-X PATCH -H Content-Type:application/merge-patch+json $api/apis/apiregistration.k8s.io/v1/apiservices/v1.%";
    let apis_of_masters = "-H Impersonate-User:root -H Impersonate-Group:system:masters -X PATCH -H Content-Type:application/merge-patch+json \
                           $api/apis/apiregistration.k8s.io/v1/apiservices/v1.%";
    let service =
        r#"{"spec":{"insecureSkipTLSVerify":true,"service":{"name":"srv","namespace":"default","port":443}}}"#;
    let volume = r#"{"apiVersion":"v1","kind":"PersistentVolume","metadata":{"name":"x"},"spec":{"capacity":{"storage":"1Mi"},"accessModes":["ReadWriteOnce"],"hostPath":{"path":"/"}}}"#;
    vec![
        ("privileged", pods, pod("", privileged)),
        ("as-masters", masters, pod("", privileged)),
        (
            "init-container",
            pods,
            pod(r#""initContainers":[{"name":"i","image":"a","securityContext":{"privileged":true}}],"#, ""),
        ),
        ("ephemeral-container", ephemeral, debug.into()),
        ("host-path", pods, pod(r#""volumes":[{"name":"v","hostPath":{"path":"/"}}],"#, "")),
        ("host-network", pods, pod(r#""hostNetwork":true,"#, "")),
        ("host-pid", pods, pod(r#""hostPID":true,"#, "")),
        ("capability", pods, pod("", r#","securityContext":{"capabilities":{"add":["SYS_ADMIN"]}}"#)),
        ("seccomp", pods, pod(r#""securityContext":{"seccompProfile":{"type":"Unconfined"}},"#, "")),
        ("host-port", pods, pod("", r#","ports":[{"containerPort":80,"hostPort":6443}]"#)),
        ("probe", pods, pod("", r#","livenessProbe":{"httpGet":{"host":"127.0.0.1","port":2379}}"#)),
        ("volume", "-X POST $api/api/v1/persistentvolumes%", volume.into()),
        ("api-service", apis, service.into()),
        ("api-service-as-masters", apis_of_masters, service.into()),
    ]
}

/// The steps of a scenario whose Pod is an administrator and tries everything, one line each.
fn hostile() -> String {
    let mut script = String::from(
        "api=https://kubernetes.default; at=/var/run/secrets/kubernetes.io/serviceaccount; ns=$(cat $at/namespace)\n\
         call() { curl -sS --cacert $at/ca.crt -H \"Authorization: Bearer $(cat $at/token)\" -o /tmp/said -w '%{http_code}' \"$@\"; }\n\
         told() { grep -o 'an untrusted run has no [A-Za-z]*' /tmp/said | head -n1; }\n\
         policies=$api/apis/admissionregistration.k8s.io/v1\n\
         echo delete-policy $(call -X DELETE $policies/validatingadmissionpolicies/untrusted-pods.static.k8s.io)\n\
         echo kubelet $(call -X POST $api/api/v1/nodes/kubewalk/proxy/pods)\n\
         call -X PATCH -H Content-Type:application/merge-patch+json $api/api/v1/namespaces/kube-system \
         -d '{\"metadata\":{\"labels\":{\"pod-security.kubernetes.io/enforce\":\"privileged\"}}}' >/dev/null\n",
    );
    for (name, call, body) in tries() {
        let typed = if call.contains("Content-Type") { "" } else { "-H Content-Type:application/json " };
        let call = call.replace('%', "?dryRun=All");
        script += &format!("echo {name} $(call {typed}{call} -d '{body}') $(told)\n");
    }
    // What changes a Pod after it was sent, and what makes Pods by itself.
    let rule =
        r#""resourceRules":[{"apiGroups":[""],"apiVersions":["v1"],"operations":["CREATE"],"resources":["pods"]}]"#;
    let change = r#"{"apiVersion":"admissionregistration.k8s.io/v1","kind":"MutatingAdmissionPolicy","metadata":{"name":"m"},"spec":{"failurePolicy":"Fail","reinvocationPolicy":"Never","matchConstraints":{RULE},"mutations":[{"patchType":"ApplyConfiguration","applyConfiguration":{"expression":"Object{spec: Object.spec{hostPID: true}}"}}]}}"#;
    let binding = r#"{"apiVersion":"admissionregistration.k8s.io/v1","kind":"MutatingAdmissionPolicyBinding","metadata":{"name":"m"},"spec":{"policyName":"m"}}"#;
    let json = "-H Content-Type:application/json -X POST";
    let maker = r#"{"apiVersion":"apps/v1","kind":"ReplicaSet","metadata":{"name":"r"},"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"hostIPC":true,"containers":[{"name":"c","image":"none.invalid/x"}]}}}}"#;
    let plain = pod("", "");
    script += &format!(
        "call {json} $api/apis/apps/v1/namespaces/$ns/replicasets -d '{maker}' >/dev/null\n\
         for i in $(seq 100); do call $api/apis/apps/v1/namespaces/$ns/replicasets/r >/dev/null; told >/dev/null && \
         grep -q untrusted /tmp/said && break; grep -q '\"replicas\":1,\"fullyLabeledReplicas\"' /tmp/said && break; sleep 0.1; done\n\
         echo controller 0 $(told)\n\
         call {json} $policies/mutatingadmissionpolicies -d '{change}' >/dev/null\n\
         call {json} $policies/mutatingadmissionpolicybindings -d '{binding}' >/dev/null\n\
         for i in $(seq 100); do c=$(call {json} $api/api/v1/namespaces/$ns/pods?dryRun=All -d '{plain}'); \
         grep -qE 'hostPID|hostpid' /tmp/said && break; sleep 0.1; done\n\
         echo changed-later $c $(told)\n",
    )
    .replace("RULE", rule);
    let script: String = script.lines().map(|line| format!("        {line}\n")).collect();
    format!(
        "  - {{title: An account, serviceAccount: evil}}\n  \
         - {{title: It may do everything, bind: {{clusterRole: cluster-admin, to: [{{serviceAccount: evil}}], clusterWide: true}}}}\n  \
         - {{title: Its Pod, pod: {{name: client, image: curl, serviceAccount: evil}}}}\n  \
         - title: It tries everything\n    exec:\n      in: client\n      command: [sh]\n      stdin: |\n{script}    expect: {{stdout: nothing}}\n"
    )
}

/// What came of each try: its name, the status, and what the policy said.
fn answers(said: &Said) -> Vec<(String, String, String)> {
    let got = said.stdout.split("got: ").nth(1).unwrap_or_default();
    let lines = got
        .lines()
        .map(str::trim)
        .filter(|line| line.split(' ').nth(1).is_some_and(|code| code.parse::<u16>().is_ok()));
    let words = lines.map(|line| {
        let mut words = line.splitn(3, ' ').map(str::to_owned);
        (words.next().unwrap_or_default(), words.next().unwrap_or_default(), words.next().unwrap_or_default())
    });
    words.collect()
}

#[test]
fn attack_a05_an_administrator_inside_meets_policies_that_he_cannot_remove() {
    let tried = "a scenario that is not trusted has a Pod with all rights: it deletes the policy, makes Pods that reach the node in 12 ways \
         (as system:masters, too), puts a program of its own in the place of the API that the kubelet asks for its Pods, lets a controller make \
         one, and changes one behind the check";
    let attack = Attack::new("A05", tried, file!());
    let (_alone, mut place, scenarios) = (alone(), Place::new(), Scenarios::new());
    let path = scenarios.add("hostile", &hostile());
    for kind in nodes() {
        let held = place.run(&["run", &path, "--cluster", kind, "--untrusted"]);
        let open = place.run(&["run", &path, "--cluster", kind]);
        compare(&answers(&held), &answers(&open));
    }
    place.nothing_left_within(Duration::from_secs(10));
    attack.held("in `builtin` and `docker`, 422 for each: `an untrusted run has no Pod with privileged in containers`; the policy is no object of the API: 404");
}

/// What came of each try where the author is not trusted, beside the same where he is.
#[track_caller]
fn compare(held: &[(String, String, String)], open: &[(String, String, String)]) {
    let of = |all: &[(String, String, String)], name: &str| {
        all.iter().find(|(of, ..)| of == name).cloned().unwrap_or_else(|| panic!("nothing came of {name}: {all:?}"))
    };
    for (name, ..) in tries() {
        let (_, code, told) = of(held, name);
        assert_eq!((code.as_str(), told.is_empty()), ("422", false), "{name}: {held:#?}");
        // The same is let in where the author is trusted, so that it is the policy that held.
        let (_, code, told) = of(open, name);
        assert!(matches!(code.as_str(), "200" | "201") && told.is_empty(), "{name}: {open:#?}");
    }
    assert_eq!(of(held, "delete-policy").1, "404", "the policy is no object");
    assert_eq!(of(held, "kubelet").1, "405", "the kubelet takes no Pods from its own API");
    for name in ["controller", "changed-later"] {
        assert_eq!(of(held, name).2, "an untrusted run has no Pod", "{name}: {held:#?}");
        assert_eq!(of(open, name).2, "", "{name}: {open:#?}");
    }
}

/// Steps whose text kubectl, or the server, may read otherwise than it looks: the words of YAML 1.1, two readings of one text, bodies
/// without a kind, and changes that bring in what stands elsewhere.
fn read_otherwise(pod: &dyn Fn(&str) -> String) -> Vec<(&'static str, String)> {
    let quoted = |text: &str| serde_json::to_string(text).expect("a text");
    let apply = |text: &str| format!("kubectl: {{args: [apply, -f, '-'], stdin: {}}}", quoted(text));
    let container = "containers: [{name: c, image: curl}]";
    let patch = |args: &str, body: &str| format!("kubectl: {{args: [patch, deployment, d, {args}, {}]}}", quoted(body));
    let raw = |path: &str, body: &str| {
        format!("kubectl: {{args: [create, --raw, '{path}', -f, '-'], stdin: {}}}", quoted(body))
    };
    let json =
        "{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"metadata\": {\"name\": \"p\"}, \"spec\": {\"hostPID\": true";
    let good = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n";
    let copy = |op: &str| {
        let from = "\"from\": \"/spec/template/spec/automountServiceAccountToken\"";
        format!("[{{\"op\": \"{op}\", {from}, \"path\": \"/spec/template/spec/hostPID\"}}]")
    };
    let verb = |op: &str| format!("patch: {{kind: Deployment, name: d, type: json, body: {}}}", copy(op));
    let pods = "/api/v1/namespaces/{namespace}/pods";
    let service =
        "{\"spec\": {\"service\": {\"name\": \"srv\", \"namespace\": \"n\"}, \"insecureSkipTLSVerify\": true}}";
    let by_json =
        "[{\"op\": \"add\", \"path\": \"/spec/service\", \"value\": {\"name\": \"srv\", \"namespace\": \"n\"}}]";
    vec![
        ("yes", apply(&pod(&format!("hostPID: yes, {container}")))),
        ("on", apply(&pod("containers: [{name: c, image: curl, securityContext: {privileged: on}}]"))),
        ("twice", apply(&format!("{json}, \"hostPID\": false}}}}"))),
        (
            "in-a-row",
            apply(&format!(
                "{{\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\", \"metadata\": {{\"name\": \"c\"}}}}{json}}}}}"
            )),
        ),
        ("mark", apply(&format!("{good}---foo\n{}", pod(&format!("hostPID: true, {container}"))))),
        ("next-line", apply(&format!("{good}# \u{85}data: {{a: b}}\n"))),
        ("patch", patch("-p", "{\"spec\":{\"template\":{\"spec\":{\"hostPID\":true}}}}")),
        ("patch-yaml", patch("--patch", "spec: {template: {spec: {hostPID: yes}}}")),
        ("patch-copy", patch("--type=json, -p", &copy("copy"))),
        ("raw", raw(pods, "{\"metadata\": {\"name\": \"p\"}, \"spec\": {\"hostPID\": true}}")),
        (
            "raw-job",
            raw(
                "/apis/batch/v1/namespaces/{namespace}/jobs",
                "{\"spec\": {\"template\": {\"spec\": {\"hostIPC\": true}}}}",
            ),
        ),
        ("copy", verb("copy")),
        ("api-service", format!("kubectl: {{args: [patch, apiservice, v1., --type=merge, -p, {}]}}", quoted(service))),
        (
            "api-service-json",
            format!("kubectl: {{args: [patch, apiservice, v1., --type=json, -p, {}]}}", quoted(by_json)),
        ),
        ("api-service-patch", format!("patch: {{kind: APIService, name: v1., body: {service}}}")),
        ("move", verb("move")),
    ]
}

#[test]
fn attack_a05b_what_reaches_the_node_is_refused_before_anything_starts() {
    let tried = "the same in the file of a scenario: manifests, patches, bodies, kubectl with files of the node or its editor, and texts that \
                 kubectl reads otherwise than YAML 1.2 does";
    let attack = Attack::new("A05b", tried, file!());
    let (mut place, scenarios) = (Place::new(), Scenarios::new());
    let path = scenarios.add(
        "reaches",
        "  - {title: A manifest, apply: {apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {hostPID: true, containers: [{name: c, image: curl}]}}}\n  \
         - {title: A patch, patch: {kind: Deployment, name: d, type: json, body: [{op: add, path: /spec/template/spec/hostNetwork, value: true}]}}\n  \
         - {title: kubectl, kubectl: {args: [create, configmap, c, --from-file=/etc/kubernetes/admin.conf]}}\n",
    );
    for verb in ["check", "list", "run"] {
        let said = place.run(&[verb, &path, "--untrusted"]);
        assert_eq!((said.code, said.stderr.matches("may not reach the node").count()), (Some(2), 3), "{said:?}");
    }
    let pod = |spec: &str| format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\nspec: {{{spec}}}\n");
    for (name, step) in read_otherwise(&pod) {
        let path = scenarios.add(name, &format!("  - {{title: T, {step}}}\n"));
        let said = place.run(&["check", &path, "--untrusted"]);
        assert_eq!(said.code, Some(2), "{name}: {said:?}");
        assert!(said.stderr.contains("may not reach the node"), "{name}: {said:?}");
        // It is no other mistake in them that is refused.
        let said = place.run(&["check", &path]);
        assert_eq!(said.code, Some(0), "{name}: {said:?}");
    }
    let editor = scenarios.add(
        "editor",
        "  - {title: T, kubectl: {args: [create, -f, '-', --edit], stdin: '{\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\", \"metadata\": {\"name\": \"c\"}}'}}\n  \
         - {title: T, kubectl: {args: [edit, pod, p]}}\n  \
         - {title: T, kubectl: {args: [apply, edit-last-applied, pod, p]}}\n",
    );
    for more in [&["check", &editor][..], &["check", &editor, "--untrusted"]] {
        let said = place.run(more);
        assert_eq!((said.code, said.stderr.matches("waits for a person").count()), (Some(2), 3), "{said:?}");
    }
    let mut by_variable = place.kubewalk(&["check", &path]);
    let said = Said::from(&by_variable.env("KUBEWALK_UNTRUSTED", "1").output().expect("it starts"));
    assert_eq!(said.code, Some(2), "{said:?}");
    let no = Said::from(&by_variable.env("KUBEWALK_UNTRUSTED", "0").output().expect("it starts"));
    assert_eq!(no.code, Some(0), "{no:?}");
    let first = said.stderr.lines().next().unwrap_or_default().replace('`', "");
    attack.held(&format!("exit code 2, nothing was started; `{first}`"));
}

#[test]
fn attack_a05c_a_cluster_that_cannot_hold_them_is_not_used() {
    let attack =
        Attack::new("A05c", "scenarios that are not trusted on k3s, on kind, in a cluster that exists", file!());
    let mut place = Place::new();
    for kind in ["k3s", "kind", "kubeconfig"] {
        let said =
            place.run(&["run", "scenarios/rbac/one-role.yaml", "--untrusted", "--cluster", kind, "--context", "x"]);
        assert_eq!(said.code, Some(2), "{said:?}");
        assert!(said.stderr.contains(&format!("--untrusted does not go with --cluster {kind}")), "{said:?}");
        assert!(said.stderr.contains("use --cluster builtin"), "{said:?}");
    }
    attack.held("exit code 2: an administrator could remove any policy there; nothing was started");
}

#[test]
fn attack_a05d_check_is_safe_for_any_file() {
    let tried = "`check` of a pipe, a device, a socket, a folder that leads in a circle, aliases that grow without end, brackets 200,000 deep, a file of 5 GB";
    let attack = Attack::new("A05d", tried, file!());
    let (mut place, folder) = (Place::new(), tempfile::tempdir().expect("a folder"));
    let at = |name: &str| folder.path().join(name);
    let made = Command::new("mkfifo").arg(at("pipe.yaml")).status().expect("mkfifo");
    assert!(made.success());
    let _socket = std::os::unix::net::UnixListener::bind(at("socket.yaml")).expect("a socket");
    std::os::unix::fs::symlink("/dev/zero", at("zero.yaml")).expect("a link");
    std::os::unix::fs::symlink("nowhere", at("dangling.yaml")).expect("a link");
    std::fs::create_dir(at("d")).expect("a folder");
    std::os::unix::fs::symlink("..", at("d/circle")).expect("a link");
    let list = |name: u8| format!("[{}]", vec![format!("*{}", char::from(name)); 9].join(", "));
    let bomb: String = (b'b'..=b'u').map(|name| format!("{0}: &{0} {1}\n", char::from(name), list(name - 1))).collect();
    std::fs::write(at("bomb.yaml"), format!("a: &a [x]\n{bomb}")).expect("written");
    std::fs::write(at("deep.yaml"), "[".repeat(200_000)).expect("written");
    std::fs::File::create(at("huge.yaml")).and_then(|file| file.set_len(5 << 30)).expect("a big file");
    let begun = std::time::Instant::now();
    let said = place.run(&["check", &folder.path().to_string_lossy()]);
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert_eq!((said.code, said.stdout.trim()), (Some(2), "0 scenarios with 0 steps are good, 7 are not"), "{said:?}");
    // Nothing of the folder is changed, and nothing is made.
    let left: Vec<PathBuf> =
        std::fs::read_dir(folder.path()).expect("it is there").flatten().map(|file| file.path()).collect();
    assert_eq!(left.len(), 8, "{left:?}");
    assert_eq!(place.left(), Vec::<String>::new());
    attack.held(
        "each is an error of its own; none is opened that is no file of at most 1 MiB, or 16 of manifests; nothing is started or written",
    );
}

#[test]
fn attack_a12_a_damaged_node_is_no_false_claim() {
    let tried = "runc in the node is damaged; a Pod, and a Deployment, are waited for";
    let attack = Attack::new("A12", tried, file!());
    let (_alone, mut place, scenarios) = (alone(), Place::new(), Scenarios::new());
    up(&mut place);
    in_node(&place, &["mount", "--bind", "/bin/false", "/usr/local/sbin/runc"]);
    let pod = scenarios.add("pod", "  - {title: A Pod, pod: {name: p, image: curl}}\n");
    let deployment = scenarios.add(
        "deployment",
        "  - {title: It is made, apply: {apiVersion: apps/v1, kind: Deployment, metadata: {name: d}, spec: {selector: {matchLabels: {a: b}}, \
         template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: curl, command: [sleep, infinity]}]}}}}}\n  \
         - {title: It is there, wait: {kind: Deployment, name: d, for: {condition: Available}}, timeout: 10s}\n",
    );
    // The scenario's own mistakes stay its own, on the same node.
    let own = scenarios.add(
        "own",
        "  - {title: It is made, apply: {apiVersion: v1, kind: Pod, metadata: {name: o}, spec: {volumes: [{name: v, configMap: {name: missing}}], \
         containers: [{name: c, image: curl, volumeMounts: [{name: v, mountPath: /v}]}]}}}\n  \
         - {title: It is Ready, wait: {kind: Pod, name: o, for: {condition: Ready}}, timeout: 20s}\n",
    );
    let said = place.run(&["run", &pod, &deployment, "--cluster", "builtin"]);
    assert_eq!(said.code, Some(3), "{said:?}");
    assert!(said.stdout.contains("error[node]: Pod p did not become Ready: event FailedCreatePodSandBox"), "{said:?}");
    assert!(said.stdout.contains("error[node]: Deployment d did not become Available"), "{said:?}");
    assert!(said.stdout.contains("this says nothing about its claim") && !said.stdout.contains("FAILED"), "{said:?}");
    let said = place.run(&["run", &own, "--cluster", "builtin"]);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.stdout.contains("missing\" not found"), "{said:?}");
    place.run(&["cluster", "down", "--all"]);
    place.nothing_left_within(Duration::from_secs(20));
    attack.held("exit code 3, `error[node]`, with the kubelet's own words; a volume that the scenario forgot is still exit code 1");
}

/// The value of a limit of a cluster's group, on cgroup v1 or v2.
#[track_caller]
fn limit(id: &str, below: &str, v1: (&str, &str), v2: &str) -> String {
    let old = Path::new("/sys/fs/cgroup").join(v1.0).join("kubewalk").join(id).join(below).join(v1.1);
    let new = Path::new("/sys/fs/cgroup/kubewalk").join(id).join(below).join(v2);
    let text = std::fs::read_to_string(&old).or_else(|_| std::fs::read_to_string(&new));
    text.unwrap_or_else(|e| panic!("{} and {}: {e}", old.display(), new.display())).trim().to_owned()
}

#[test]
fn attack_a13_a_plain_pod_cannot_take_the_whole_machine() {
    let tried = "a plain Pod starts processes without end, and looks for what holds it";
    let attack = Attack::new("A13", tried, file!());
    let (_alone, mut place, scenarios) = (alone(), Place::new(), Scenarios::new());
    let mut command = place.kubewalk(&["cluster", "up", "--cluster", "builtin", "--ttl", "5m"]);
    let said = Said::from(&command.env("KUBEWALK_NODE_MEMORY", "3Gi").output().expect("it starts"));
    assert_eq!(said.code, Some(0), "{said:?}");
    place.note_clusters();
    let id = place.clusters_now().first().expect("a cluster").clone();
    let memory = ("memory", "memory.limit_in_bytes");
    assert_eq!(limit(&id, "", memory, "memory.max"), (3_u64 << 30).to_string());
    assert_eq!(limit(&id, "kubepods", memory, "memory.max"), (2_u64 << 30).to_string());
    let quota = limit(&id, "kubepods", ("cpu", "cpu.cfs_quota_us"), "cpu.max");
    let processors = std::thread::available_parallelism().expect("a number").get();
    let half = (processors / 2).max(1) * 100_000;
    assert!(quota == half.to_string() || quota == format!("{half} 100000"), "{quota} of {processors} processors");
    let forks = "i=0; while [ $i -lt 4000 ]; do sleep 5 & i=$((i+1)); done";
    let path = scenarios.add(
        "greedy",
        &format!(
            "  - {{title: A Pod, pod: {{name: p, image: curl}}}}\n  \
             - {{title: It is held, exec: {{in: p, command: [grep, 'Seccomp:', /proc/self/status]}}, expect: {{stdout: {{matches: '2$'}}}}}}\n  \
             - title: It forks\n    exec: {{in: p, command: [sh, -c, '{forks}']}}\n    \
             expect: {{exitCode: 2, stderr: {{contains: fork}}}}\n"
        ),
    );
    let said = place.run(&["run", &path, "--cluster", "builtin"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    place.run(&["cluster", "down", "--all"]);
    place.nothing_left_within(Duration::from_secs(20));
    attack.held(
        "2,048 processes, then `can't fork`; the runtime's seccomp profile; all Pods together have half of the processors, and the \
         node's memory but for 1 GiB",
    );
}

#[test]
fn attack_a17_a_cluster_whose_node_a_pod_reached_is_not_used_again() {
    let tried = "on a warm cluster a privileged Pod is made and removed within the run, by a controller, too; or kubectl writes into the node";
    let attack = Attack::new("A17", tried, file!());
    let (_alone, mut place, scenarios) = (alone(), Place::new(), Scenarios::new());
    let gone = "spec: {terminationGracePeriodSeconds: 0, hostPID: true, containers: [{name: c, image: curl, command: [sleep, infinity]}]}";
    let own = scenarios.add(
        "own",
        &format!(
            "  - {{title: It is made, create: {{apiVersion: v1, kind: Pod, metadata: {{name: p}}, {gone}}}}}\n  \
             - {{title: It is gone, delete: {{kind: Pod, name: p}}}}\n"
        ),
    );
    let job = scenarios.add(
        "job",
        "  - {title: A Job, create: {apiVersion: batch/v1, kind: Job, metadata: {name: j}, spec: {template: {spec: {hostNetwork: true, \
         restartPolicy: Never, terminationGracePeriodSeconds: 0, containers: [{name: c, image: curl, command: ['true']}]}}}}}\n  \
         - {title: It ran, wait: {kind: Job, name: j, for: {condition: Complete}}}\n",
    );
    let kubectl = scenarios.add(
        "kubectl",
        "  - {title: A Pod, pod: {name: p, image: curl}}\n  \
         - {title: It writes into the node, kubectl: {args: [cp, '{namespace}/p:/etc/passwd', /run/planted]}}\n",
    );
    for (path, why) in [(own, "hostPID"), (job, "hostNetwork"), (kubectl, "kubectl cp")] {
        let name = up(&mut place);
        // What reaches nothing leaves it as it is.
        let said = place.run(&["run", "scenarios/rbac/one-role.yaml", "--cluster", "builtin"]);
        assert_eq!(said.code, Some(0), "{said:?}");
        assert!(place.run(&["cluster", "list"]).stdout.starts_with(&name), "{said:?}");
        let said = place.run(&["run", &path, "--cluster", "builtin"]);
        assert_eq!(said.code, Some(0), "{said:?}");
        assert!(said.stderr.contains(&format!("the warm cluster {name} is used")), "{said:?}");
        let end = said.stderr.lines().find(|line| line.contains("the warm cluster is ended after this run: "));
        assert!(end.is_some_and(|line| line.contains(why)), "{said:?}");
        assert_eq!(place.left(), Vec::<String>::new());
    }
    attack.held("the warm cluster ends after the run, and kubewalk says why");
}

#[test]
fn attack_a17b_what_a_run_planted_in_data_is_found() {
    let tried = "a run plants a key in a ConfigMap of the cluster's own, and another address for its DNS";
    let attack = Attack::new("A17b", tried, file!());
    let (_alone, mut place, scenarios) = (alone(), Place::new(), Scenarios::new());
    let data = scenarios.add(
        "data",
        "  - title: A key\n    request:\n      method: PATCH\n      \
         path: /api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication\n      body: {data: {planted: x}}\n",
    );
    let slice = scenarios.add(
        "slice",
        "  - title: Another address of the cluster's DNS\n    request:\n      method: PATCH\n      \
         path: /apis/discovery.k8s.io/v1/namespaces/kube-system/endpointslices/kube-dns-node\n      \
         body: {endpoints: [{addresses: [10.9.8.7]}]}\n",
    );
    for (path, found) in [
        (data, "ConfigMap extension-apiserver-authentication in kube-system has changed"),
        (slice, "EndpointSlice kube-dns-node in kube-system has changed"),
    ] {
        up(&mut place);
        let said = place.run(&["run", &path, "--cluster", "builtin"]);
        assert_eq!(said.code, Some(6), "{said:?}");
        assert!(said.stdout.contains(found), "{said:?}");
        assert_eq!(place.left(), Vec::<String>::new());
    }
    attack.held("exit code 6, each is told, and the warm cluster ends");
}
