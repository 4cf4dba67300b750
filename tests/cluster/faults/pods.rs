//! Faults 23, 25 and 28: commands, Pods and a namespace of a real cluster that come to no good end.

use std::time::{Duration, Instant};

use kubewalk::{steps::api, testing};

use crate::{
    Files, SOON,
    cluster::{namespaces, shared},
    page::Fault,
    run_in, said,
    traces::Place,
};

const POD: &str = "  - {title: A Pod, pod: {name: p, image: curl}}\n";

/// How many processes of this machine, those in Pods included, sleep for so long.
fn sleepers(seconds: &str) -> usize {
    let line = format!("sleep\0{seconds}\0");
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter(|entry| std::fs::read(entry.path().join("cmdline")).is_ok_and(|said| said == line.as_bytes()))
        .count()
}

#[test]
fn fault_23_a_command_that_hangs() {
    let mut fault = Fault::new(
        23,
        "a command in a Pod hangs; a call from a Pod has no end; the next scenario is sound",
        "builtin, by its kubeconfig",
        file!(),
    );
    let ((kubeconfig, context), place, files) = (shared(), Place::new(), Files::new());
    let hangs = files.scenario(
        "hangs",
        &format!("{POD}  - {{title: It sleeps, exec: {{in: p, command: [sleep, '98765']}}, timeout: 2s}}\n"),
    );
    // A watch has no end.
    let rule = "  - {title: A Role, role: {name: r, rules: [{apiGroups: [''], resources: [pods], verbs: [list, watch]}]}}\n  \
                - {title: Its binding, bind: {role: r, to: [{serviceAccount: default}]}}\n";
    let url = "https://kubernetes.default/api/v1/namespaces/{namespace}/pods?watch=true";
    let curl = format!("curl: {{in: p, url: '{url}', token: mounted}}, timeout: 2s, expect: {{status: 200}}");
    let endless = files.scenario("endless", &format!("{rule}{POD}  - {{title: It has no end, {curl}}}\n"));
    let sound = files.scenario("sound", &format!("{POD}  - {{title: It works, exec: {{in: p, command: ['true']}}}}\n"));
    for (path, code, words) in
        [(&hangs, 1, "it still ran after"), (&endless, 1, "curl says"), (&sound, 0, "2 steps held")]
    {
        let said = said(run_in(&place, &kubeconfig, &context, &[]).arg(path));
        fault.saw(&said, code, words);
        assert_eq!(sleepers("98765"), 0, "the command still runs");
    }
    assert!(namespaces(&kubeconfig, "kw-hangs").is_empty() && namespaces(&kubeconfig, "kw-endless").is_empty());
    fault.nothing_left(&place, SOON);
}

#[test]
fn fault_25_a_pod_that_never_gets_ready() {
    let mut fault = Fault::new(
        25,
        "a Pod that no node takes; that crashes; that needs too much memory; without an image",
        "builtin, by its kubeconfig",
        file!(),
    );
    let ((kubeconfig, context), place, files) = (shared(), Place::new(), Files::new());
    let pod = |name: &str, container: &str, more: &str| {
        let spec = format!("{{terminationGracePeriodSeconds: 0, {more}containers: [{{name: main, {container}}}]}}");
        let apply = format!("apply: {{apiVersion: v1, kind: Pod, metadata: {{name: p}}, spec: {spec}}}");
        let wait = "wait: {kind: Pod, name: p, for: {condition: Ready}}, timeout: 100s";
        files.scenario(name, &format!("  - {{title: A Pod, {apply}}}\n  - {{title: It is Ready, {wait}}}\n"))
    };
    // Never ready before it ends.
    let probe = "readinessProbe: {exec: {command: ['false']}}";
    let cases = [
        (pod("unschedulable", "image: curl, resources: {requests: {cpu: '500'}}", ""), "no node takes it"),
        (
            pod("crash", &format!("image: curl, command: [sh, -c, 'echo last words; exit 3'], {probe}"), ""),
            "CrashLoopBackOff",
        ),
        (
            pod(
                "memory",
                &format!("image: curl, command: [tail, /dev/zero], resources: {{limits: {{memory: 16Mi}}}}, {probe}"),
                "restartPolicy: Never, ",
            ),
            "OOMKilled",
        ),
        (pod("image", "image: '127.0.0.1:1/absent:1'", ""), "ErrImagePull"),
    ];
    let mut command = run_in(&place, &kubeconfig, &context, &[]);
    let said = said(command.args(cases.iter().map(|(path, _)| path)));
    assert!(!said.stdout.contains("in time"), "it waited for the whole time: {said:?}");
    for (_, words) in &cases {
        fault.saw(&said, 1, words);
    }
    assert!(said.stdout.contains("last words"), "{said:?}");
    fault.nothing_left(&place, SOON);
}

#[test]
fn fault_28_a_namespace_that_cannot_go() {
    let mut fault = Fault::new(28, "a finalizer holds what is in a namespace", "builtin, by its kubeconfig", file!());
    let ((kubeconfig, context), place, files) = (shared(), Place::new(), Files::new());
    let object = "{apiVersion: v1, kind: ConfigMap, metadata: {name: held, finalizers: [example.com/hold]}}";
    let scenario = files.scenario("held", &format!("  - {{title: Somebody holds it, create: {object}}}\n"));
    let said = said(run_in(&place, &kubeconfig, &context, &["--cleanup-budget", "3s"]).arg(scenario));
    fault.saw(&said, 6, "ConfigMap held");
    fault.saw(&said, 6, "1 step held, 0 failed");
    // Whoever holds it lets it go, and all of it goes.
    let name = said.stdout.split("namespace ").nth(1).and_then(|rest| rest.lines().next()).expect("a namespace").trim();
    let path = format!("/api/v1/namespaces/{name}");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let client = testing::shared().client().await.expect("a client");
        let free = (Some("application/merge-patch+json"), br#"{"metadata":{"finalizers":null}}"#.to_vec());
        let freed = api::send(&client, http::Method::PATCH, &format!("{path}/configmaps/held"), free.0, free.1).await;
        assert_eq!(freed.expect("an answer").status, 200);
        let begun = Instant::now();
        while api::get(&client, &path).await.expect("an answer").status != 404 {
            assert!(begun.elapsed() < Duration::from_secs(30), "{name} stays");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    fault.nothing_left(&place, SOON);
}
