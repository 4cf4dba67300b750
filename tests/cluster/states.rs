//! A Pod, a workload or an object of one's own kind that does not get on: on a real cluster, its cause is told in words that
//! lead on, as the scenario's fault, and within seconds where it can never become true.

use std::time::{Duration, Instant};

use kubewalk::testing;
use rstest::rstest;

/// A wait that nothing ends has a minute; a cause must be told long before.
const SOON: Duration = Duration::from_secs(25);

fn pod(name: &str, spec: &str) -> String {
    format!(
        "{{apiVersion: v1, kind: Pod, metadata: {{name: {name}}}, spec: {{terminationGracePeriodSeconds: 0, {spec}}}}}"
    )
}

fn run(name: &str, object: &str, step: &str) -> (u8, String, Duration) {
    let text =
        format!("title: {name}\nsteps:\n  - title: made\n    apply:\n      - {object}\n  - title: asked\n    {step}\n");
    let begun = Instant::now();
    let (ended, report) = testing::run_text(&format!("{name}.yaml"), &text);
    (ended.exit.code(), report, begun.elapsed())
}

#[track_caller]
fn fails(name: &str, object: &str, step: &str, parts: &[&str]) {
    testing::shared();
    let (code, report, took) = run(name, object, step);
    assert_eq!(code, 1, "it is the scenario's fault\n{report}");
    for part in parts {
        assert!(report.contains(part), "`{part}` is told\n{report}");
    }
    assert!(took < SOON, "it took {took:?}\n{report}");
}

const EXEC: &str = "exec: {in: p, command: [echo, hi]}\n    expect: {exitCode: 0, within: 50s}";
const CURL: &str =
    "curl: {in: p, url: 'https://kubernetes.default/api', token: mounted}\n    expect: {status: 200, within: 50s}";
const WAIT: &str = "wait: {kind: Pod, name: p, for: {condition: Ready}}";

#[rstest]
#[case("never-pull", "containers: [{name: main, image: 'no.example/x:1', imagePullPolicy: Never}]", &["ErrImageNeverPull", "`image: curl` is on every node"])]
#[case("pull", "containers: [{name: main, image: 'no.example/x:1'}]", &["no.example/x:1", "ErrImagePull", "can the cluster reach its registry"])]
#[case("bad-name", "containers: [{name: main, image: 'NO GOOD'}]", &["InvalidImageName", "NAME:TAG"])]
#[case("config", "containers: [{name: main, image: curl, command: [sleep, '60'], envFrom: [{secretRef: {name: none}}]}]", &["CreateContainerConfigError", "secret \"none\" not found"])]
#[case("volume", "volumes: [{name: v, secret: {secretName: none}}], containers: [{name: main, image: curl, command: [sleep, '60'], volumeMounts: [{name: v, mountPath: /v}]}]", &["secret \"none\" not found"])]
#[case("completed", "restartPolicy: Never, containers: [{name: main, image: curl, command: ['true']}]", &["exit code 0", "sleep, infinity"])]
#[case("error", "restartPolicy: Never, containers: [{name: main, image: curl, command: [sh, -c, 'echo oh no; exit 3']}]", &["exit code 3", "oh no"])]
#[case("crash", "containers: [{name: main, image: curl, command: [sh, -c, 'echo oh no; exit 3']}]", &["main ended with exit code 3"])]
#[case("no-command", "containers: [{name: main, image: curl, command: [nope]}]", &["nope", "not in its image"])]
#[case("curl-alone", "containers: [{name: main, image: curl}]", &["main ended with exit code", "sleep, infinity"])]
#[case("unschedulable", "nodeSelector: {has: none}, containers: [{name: main, image: curl, command: [sleep, '60']}]", &["no node takes it", "no node has the labels"])]
#[case("too-big", "containers: [{name: main, image: curl, command: [sleep, '60'], resources: {requests: {cpu: '999'}}}]", &["no node takes it", "ask for less"])]
#[case("init-fails", "restartPolicy: Never, initContainers: [{name: setup, image: curl, command: [sh, -c, 'echo no way; exit 2']}], containers: [{name: main, image: curl, command: [sleep, '60']}]", &["setup ended with exit code 2", "no way"])]
fn a_pod_that_never_runs_says_why(#[case] name: &str, #[case] spec: &str, #[case] parts: &[&str]) {
    // One that ends may have been Ready for a moment.
    let ends = ["completed", "error", "crash", "curl-alone"].contains(&name);
    for step in [EXEC, CURL, WAIT].into_iter().take(if ends { 2 } else { 3 }) {
        fails(name, &pod("p", spec), step, parts);
    }
}

#[test]
fn a_hanging_init_container_is_told_when_the_time_is_over() {
    let spec = "initContainers: [{name: setup, image: curl, command: [sleep, '600']}], containers: [{name: main, image: curl, command: [sleep, '60']}]";
    let step = EXEC.replace("50s", "6s");
    fails("hangs", &pod("p", spec), &step, &["init container setup", "in time"]);
}

#[test]
fn what_runs_a_moment_later_is_waited_for() {
    testing::shared();
    let spec = "initContainers: [{name: setup, image: curl, command: [sleep, '3']}], containers: [{name: main, image: curl, command: [sleep, '60']}]";
    for step in [EXEC, CURL] {
        let (code, report, took) = run("later", &pod("p", spec), step);
        assert_eq!(code, 0, "{report}");
        assert!(took > Duration::from_secs(3), "it ran before it could: {took:?}");
    }
    let (code, report, _) = run("at-once", &pod("p", spec), "exec: {in: p, command: [echo, hi]}");
    assert_eq!(code, 1, "{report}");
    assert!(report.contains("wait: {kind: Pod, name: p, for: {condition: Ready}}"), "it says how to wait\n{report}");
}

/// The kubelet looks again by itself, some seconds later.
#[rstest]
#[case::of_a_container(
    "envFrom: [{secretRef: {name: s}}]",
    "",
    "object: {status: {containerStatuses: [{state: {waiting: {reason: CreateContainerConfigError}}}]}}"
)]
#[case::of_a_volume(
    "volumeMounts: [{name: v, mountPath: /v}]",
    "volumes: [{name: v, secret: {secretName: s}}], ",
    "condition: PodScheduled"
)]
fn what_is_made_after_the_pod_is_found(#[case] container: &str, #[case] volumes: &str, #[case] missed: &str) {
    let spec = format!("{volumes}containers: [{{name: main, image: curl, command: [sleep, '60'], {container}}}]");
    // A volume that was not found stands in an event only.
    let event = "  - title: it says so\n    get: {kind: Event, fieldSelector: 'reason=FailedMount'}\n    expect: {empty: false, within: 30s}\n";
    let event = if volumes.is_empty() { "" } else { event };
    let step = format!(
        "wait: {{kind: Pod, name: p, for: {{{missed}}}}}\n{event}  - title: the Secret\n    create: {{apiVersion: v1, kind: Secret, \
         metadata: {{name: s}}, stringData: {{a: b}}}}\n  - title: it runs\n    {WAIT}"
    );
    let (code, report, _) = run("made-after", &pod("p", &spec), &step);
    assert_eq!(code, 0, "{report}");
}

#[test]
fn a_pod_that_was_deleted_is_not_waited_for() {
    let object = pod("p", "containers: [{name: main, image: curl, command: [sleep, '60']}]");
    let kubectl = "kubectl: {args: [delete, pod, p, --now]}";
    let deleted = format!("{kubectl}\n  - title: gone\n    {EXEC}");
    fails("deleted", &object, &deleted, &["Pod p was deleted"]);
}

#[test]
fn a_program_that_an_image_lacks_ends_as_in_a_shell() {
    let object = pod("p", "containers: [{name: main, image: curl, command: [sleep, '60']}]");
    let step = format!("{WAIT}\n  - title: none\n    exec: {{in: p, command: [nope]}}\n    expect: {{exitCode: 127}}");
    let (code, report, _) = run("program", &object, &step);
    assert_eq!(code, 0, "{report}");
}

/// A workload of a kind with a template.
fn workload(kind: &str, template: &str) -> String {
    let group = if kind == "Job" { "batch/v1" } else { "apps/v1" };
    let selector = match kind {
        "Job" => "",
        "StatefulSet" => "serviceName: s, selector: {matchLabels: {app: w}}, ",
        _ => "selector: {matchLabels: {app: w}}, ",
    };
    let (policy, labels) = if kind == "Job" { ("restartPolicy: Never, ", "job: w") } else { ("", "app: w") };
    format!(
        "{{apiVersion: {group}, kind: {kind}, metadata: {{name: w}}, spec: {{{selector}template: {{metadata: {{labels: {{{labels}}}}}, \
         spec: {{{policy}terminationGracePeriodSeconds: 0, {template}}}}}}}}}"
    )
}

const NO_IMAGE: &str = "containers: [{name: main, image: 'no.example/x:1', imagePullPolicy: Never}]";
const NO_ACCOUNT: &str = "serviceAccountName: none, containers: [{name: main, image: curl, command: [sleep, '60']}]";

#[rstest]
#[case("Deployment", "condition: Available")]
#[case("ReplicaSet", "object: {status: {readyReplicas: 1}}")]
#[case("StatefulSet", "object: {status: {readyReplicas: 1}}")]
#[case("DaemonSet", "object: {status: {numberReady: 1}}")]
#[case("Job", "condition: Complete")]
fn a_workload_whose_pods_do_not_come_says_why(#[case] kind: &str, #[case] state: &str) {
    let wait = format!("wait: {{kind: {kind}, name: w, for: {{{state}}}}}");
    let name = kind.to_lowercase();
    fails(&format!("{name}-image"), &workload(kind, NO_IMAGE), &wait, &["ErrImageNeverPull", "no.example/x:1"]);
    fails(&format!("{name}-account"), &workload(kind, NO_ACCOUNT), &wait, &["serviceaccount \"none\" not found"]);
}

#[test]
fn a_workload_that_is_made_before_its_account_is_waited_for() {
    let object = workload("StatefulSet", NO_ACCOUNT);
    let account = "serviceAccount: none\n  - title: ready\n    wait: {kind: StatefulSet, name: w, for: {object: {status: {readyReplicas: 1}}}}";
    testing::shared();
    let (code, report, _) = run("late-account", &object, account);
    assert_eq!(code, 0, "{report}");
}

#[test]
fn a_quota_and_a_policy_that_keep_pods_away_are_named() {
    let wait = "wait: {kind: Deployment, name: w, for: {condition: Available}}";
    let quota = "{apiVersion: v1, kind: ResourceQuota, metadata: {name: few}, spec: {hard: {pods: '0'}}}";
    let web = workload("Deployment", "containers: [{name: main, image: curl, command: [sleep, '60']}]");
    fails("quota", &format!("{quota}\n      - {web}"), wait, &["exceeded quota: few"]);
}

#[test]
fn a_held_object_is_not_said_to_be_gone() {
    let object = "{apiVersion: v1, kind: ConfigMap, metadata: {name: held, finalizers: [example.com/hold]}}";
    testing::shared();
    let deleted = "kubectl: {args: [delete, configmap, held, --wait=false]}\n  - title: And then\n    ";
    for (name, step, words) in [
        (
            "held",
            "delete: {kind: ConfigMap, name: held}\n    timeout: 2s".to_owned(),
            "held by finalizers [\"example.com/hold\"]",
        ),
        (
            "held-waited",
            format!("{deleted}wait: {{kind: ConfigMap, name: held, for: deleted}}\n    timeout: 2s"),
            "held by finalizers [\"example.com/hold\"]",
        ),
        (
            "held-absent",
            format!("{deleted}get: {{kind: ConfigMap, name: held}}\n    expect: {{absent: true, within: 1s}}"),
            "it is being deleted since ",
        ),
        (
            "held-kubectl",
            "kubectl: {args: [delete, configmap, held]}\n    timeout: 3s".to_owned(),
            "`kubectl delete` waits until the object is gone",
        ),
    ] {
        let (code, report, _) = run(name, object, &step);
        assert!(matches!(code, 1 | 6), "{report}");
        assert!(report.contains(words), "no {words} in\n{report}");
        assert!(!report.contains("does not exist"), "{report}");
    }
}
