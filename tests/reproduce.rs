//! The lines to reproduce reproduce: each that a run prints is given to a shell, on a real cluster that is kept, in the order of
//! the steps, and the last comes to the same end as the step that failed.

mod traces;

use std::{fs, process::Command, time::Duration};

use traces::Place;

const HEAD: &str = "  - {title: an account, serviceAccount: reader}\n";
const POD: &str = "  - {title: a Pod, pod: {name: p, image: curl, serviceAccount: reader}}\n";
const MAP: &str = "{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {a: \"it's\\n| kubectl\"}}";

/// Steps, of which the last fails, and what the shell must say then.
const STORIES: &[(&str, &str, &str)] = &[
    ("get", "  - {title: x, as: serviceaccount/reader, get: {kind: Pod}}", "cannot list resource \"pods\""),
    ("create", "  - {title: x, as: serviceaccount/reader, create: MAP}", "cannot create resource \"configmaps\""),
    ("apply", "  - {title: x, as: {user: jane}, apply: MAP}", "cannot patch resource \"configmaps\""),
    (
        "delete",
        "  - {title: m, apply: MAP}\n  - {title: x, as: {user: jane}, delete: {kind: ConfigMap, name: c}}",
        "cannot delete resource",
    ),
    (
        "patch",
        "  - {title: m, apply: MAP}\n  - {title: x, as: {user: jane}, patch: {kind: ConfigMap, name: c, body: {data: {a: b}}}}",
        "cannot ",
    ),
    (
        "saved",
        "  - {title: t, token: {serviceAccount: reader}, save: {old: token}}\n  - {title: x, as: {token: '{saved.old}'}, get: {kind: Secret}}",
        "User \"system:serviceaccount:NS:reader\" cannot list resource \"secrets\"",
    ),
    (
        "request",
        "  - {title: x, as: anonymous, request: {path: '/api/v1/namespaces/{namespace}/pods'}}",
        "cannot list resource \"pods\"",
    ),
    (
        "post",
        "  - {title: x, as: {user: jane}, request: {path: '/api/v1/namespaces/{namespace}/configmaps', body: MAP}}",
        "cannot create resource",
    ),
    (
        "can",
        "  - {title: x, can: {who: serviceaccount/reader, verb: [get, list], resource: pods, allowed: true}}",
        "no",
    ),
    (
        "curl",
        "POD  - {title: x, curl: {in: p, url: 'https://kubernetes.default/api/v1/namespaces/{namespace}/pods', token: mounted}}",
        "cannot list resource \\\"pods\\\"",
    ),
    (
        "curl-saved",
        "POD  - {title: t, token: {serviceAccount: reader}, save: {old: token}}\n  - {title: x, curl: {in: p, url: 'https://kubernetes.default/api/v1/namespaces/{namespace}/pods', token: {saved: old}}}",
        "cannot list resource \\\"pods\\\"",
    ),
    ("exec", "POD  - {title: x, exec: {in: p, command: [sh, -c, \"echo a\\nexit 3\"]}}", "exit code 3"),
    (
        "kubectl",
        "  - {title: x, as: serviceaccount/reader, kubectl: {args: [get, secrets]}}",
        "cannot list resource \"secrets\"",
    ),
    (
        "wait",
        "  - {title: m, apply: MAP}\n  - {title: x, wait: {kind: ConfigMap, name: c, for: {object: {data: {a: z}}}}, timeout: 2s}",
        "timed out",
    ),
];

/// The value of a key of an event.
fn of<'a>(event: &'a serde_json::Value, key: &str) -> &'a str {
    event[key].as_str().unwrap_or_default()
}

#[test]
fn every_line_to_reproduce_comes_to_the_same_end() {
    let mut place = Place::new();
    let up = place.run(&["cluster", "up", "--cluster", "builtin"]);
    assert_eq!(up.code, Some(0), "{up:?}");
    let config = place.run(&["cluster", "kubeconfig"]);
    let config = config.stdout.trim().to_owned();
    let folder = tempfile::tempdir().expect("a folder");
    let mut wrong = Vec::new();
    for (name, steps, said) in STORIES {
        let steps = steps.replace("POD", POD).replace("MAP", MAP);
        let file = folder.path().join(format!("{name}.yaml"));
        fs::write(&file, format!("title: {name}\nsteps:\n{HEAD}{steps}\n")).expect("writable");
        let events = folder.path().join("events");
        let report = format!("events={}", events.display());
        let run = place.run(&["run", &file.to_string_lossy(), "--cluster", "builtin", "--report", &report]);
        assert_eq!(run.code, Some(1), "{name}: {run:?}");
        let events = fs::read_to_string(&events).expect("events");
        let events: Vec<serde_json::Value> =
            events.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let started = events.iter().find(|event| of(event, "event") == "scenarioStarted").expect("it began");
        let namespace = of(started, "namespace");
        let mut script = format!("kubectl create namespace {namespace}\n");
        let finished = || events.iter().filter(|event| of(event, "event") == "stepFinished");
        let last = finished().next_back().map(|event| of(event, "equivalent")).unwrap_or_default();
        finished().for_each(|event| script += &format!("{}\n", of(event, "equivalent")));
        // What the failing step itself printed is in the text for people, too, and can be pasted with its indentation.
        let printed: Vec<_> = run.stdout.lines().map(str::trim).collect();
        for line in last.lines() {
            assert!(printed.iter().any(|told| told.ends_with(line)), "{name}: `{line}` is printed\n{}", run.stdout);
        }
        // A new namespace has its first account a moment later.
        let script = script.replacen(
            '\n',
            &format!("\nuntil kubectl get sa default -n {namespace} >&- 2>&-; do sleep 0.1; done\n"),
            1,
        );
        let output = Command::new("bash").arg("-c").arg(&script).env("KUBECONFIG", &config).output().expect("a shell");
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text).into_owned();
        let _ = Command::new("kubectl")
            .args(["delete", "namespace", namespace, "--wait=true"])
            .env("KUBECONFIG", &config)
            .output();
        if !text.contains(&said.replace("NS", namespace)) {
            wrong.push(format!("{name}: `{said}` is not said\n{script}\n{text}"));
        }
    }
    let down = place.run(&["cluster", "down", "--all"]);
    assert_eq!(down.code, Some(0), "{down:?}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    place.nothing_left_within(Duration::from_secs(10));
}
