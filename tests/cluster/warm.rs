//! Warm clusters, on real ones: used one after the other, as if each were new, and gone when nobody needs them.
#![cfg(target_os = "linux")]

#[path = "../common/traces.rs"]
mod traces;

use std::{
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Child, Command},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use traces::{Place, Said, alone};

const WALKTHROUGH: &str = "scenarios/serviceaccount/walkthrough.yaml";

/// Starts a warm cluster and gives its name.
fn up(place: &mut Place, ttl: &str) -> String {
    let said = place.run(&["cluster", "up", "--cluster", "builtin", "--ttl", ttl]);
    assert_eq!(said.code, Some(0), "{said:?}");
    said.stdout.trim().to_owned()
}

fn run(place: &mut Place, scenario: &str) -> Said {
    place.run(&["run", scenario, "--cluster", "builtin"])
}

/// The kubectl of the cluster's node, for what a careless person does.
fn kubectl(place: &Place, args: &[&str]) -> Said {
    let dir = place.nodes().join(place.clusters_now().first().expect("a cluster"));
    let cache = kubewalk::settings::from_env().cache;
    let engine = kubewalk::cluster::engine::built(&cache).expect("it is built");
    let output = Command::new(engine.join("supervisor"))
        .args(["keeper", "exec", "--dir"])
        .arg(dir)
        .args(["--", "kubectl"])
        .args(args)
        .output()
        .expect("it starts");
    Said::from(&output)
}

fn holder(place: &Place, name: &str) -> Pid {
    let state = place.state().join("held").join(name).join("state.json");
    let state: serde_json::Value = serde_json::from_slice(&std::fs::read(state).expect("a state")).expect("JSON");
    Pid::from_raw(i32::try_from(state["holder"].as_i64().expect("a number")).expect("a pid")).expect("a pid")
}

#[test]
fn runs_use_it_one_after_the_other_and_it_stays_as_new() {
    let _alone = alone();
    let mut place = Place::new();
    let name = up(&mut place, "5m");
    let clusters = place.clusters_now();
    for _ in 0..3 {
        let said = run(&mut place, WALKTHROUGH);
        assert_eq!(said.code, Some(0), "{said:?}");
        assert!(said.stderr.contains(&format!("the warm cluster {name} is used")), "{}", said.stderr);
    }
    // One with a namespace of its own, which goes after the verdict, and a ClusterRole.
    for _ in 0..2 {
        let said = run(&mut place, "scenarios/rbac");
        assert_eq!(said.code, Some(0), "{said:?}");
        assert!(said.stderr.contains(&format!("the warm cluster {name} is used")), "{}", said.stderr);
    }
    assert_eq!(place.clusters_now(), clusters, "no other was started");
    let again = place.run(&["cluster", "up", "--cluster", "builtin", "--ttl", "5m"]);
    assert_eq!(again.stdout.trim(), name, "{again:?}");
    let list = place.run(&["cluster", "list"]);
    assert!(list.stdout.starts_with(&name) && list.stdout.contains(" free "), "{list:?}");
    let kubeconfig = place.run(&["cluster", "kubeconfig"]);
    let path = Path::new(kubeconfig.stdout.trim());
    let mode = |path: &Path| path.metadata().expect("it is there").permissions().mode() & 0o777;
    assert_eq!(mode(path), 0o600);
    let state = place.state().join("held");
    assert_eq!(
        (mode(&state), mode(&state.join(&name)), mode(&state.join(&name).join("state.json"))),
        (0o700, 0o700, 0o600)
    );
    let down = place.run(&["cluster", "down", &name]);
    assert_eq!(down.code, Some(0), "{down:?}");
    assert_eq!(place.left(), Vec::<String>::new());
}

#[test]
fn what_a_run_leaves_behind_is_told_and_ends_the_cluster() {
    let _alone = alone();
    let mut place = Place::new();
    let name = up(&mut place, "5m");
    let scenario = place.runtime.path().join("untidy.yaml");
    // What a `patch` changes is put back; what kubectl does on the node is not known so well.
    let text = "title: Untidy\nsteps:\n  - title: Something is changed that nobody puts back\n    \
                kubectl: {args: [label, clusterrole, view, forgotten=yes]}\n";
    std::fs::write(&scenario, text).expect("written");
    let said = run(&mut place, &scenario.to_string_lossy());
    assert_eq!(said.code, Some(6), "{said:?}");
    assert!(said.stderr.contains(&name), "{}", said.stderr);
    assert!(said.stdout.contains("ClusterRole view has changed"), "{}", said.stdout);
    std::fs::remove_file(scenario).expect("removed");
    assert_eq!(place.left(), Vec::<String>::new());
}

#[test]
fn what_somebody_changed_meanwhile_is_noticed_before_a_run() {
    let _alone = alone();
    let mut place = Place::new();
    let name = up(&mut place, "5m");
    let said = kubectl(&place, &["annotate", "serviceaccount", "default", "who=me"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let said = run(&mut place, WALKTHROUGH);
    assert_eq!(said.code, Some(0), "{said:?}");
    let expected = format!("the warm cluster {name} is ended: ServiceAccount default in default has changed");
    assert!(said.stderr.contains(&expected), "{}", said.stderr);
    assert_eq!(place.left(), Vec::<String>::new());
}

#[test]
fn it_ends_when_nobody_has_used_it_for_its_time() {
    let _alone = alone();
    let mut place = Place::new();
    let begun = Instant::now();
    up(&mut place, "4s");
    place.nothing_left_within(Duration::from_secs(20));
    assert!(begun.elapsed() > Duration::from_secs(4));
    let list = place.run(&["cluster", "list"]);
    assert_eq!((list.code, list.stdout.as_str()), (Some(0), ""));
}

#[test]
fn whoever_dies_leaves_nothing() {
    let _alone = alone();
    // The holder.
    let mut place = Place::new();
    let name = up(&mut place, "5m");
    kill_process(holder(&place, &name), Signal::KILL).expect("killed");
    std::thread::sleep(Duration::from_millis(100));
    let list = place.run(&["cluster", "list"]);
    assert_eq!((list.code, list.stdout.as_str()), (Some(0), ""), "{list:?}");
    place.nothing_left_within(Duration::from_secs(5));
    // Whoever starts it.
    for after in [50, 400, 1500] {
        let mut place = Place::new();
        let mut child = place.kubewalk(&["cluster", "up", "--cluster", "builtin"]).spawn().expect("it starts");
        std::thread::sleep(Duration::from_millis(after));
        place.note_clusters();
        child.kill().expect("killed");
        child.wait().expect("waited for");
        // What was not begun yet leaves an empty folder, which the next look removes.
        std::thread::sleep(Duration::from_secs(1));
        place.run(&["cluster", "list"]);
        place.nothing_left_within(Duration::from_secs(15));
    }
}

#[test]
fn a_run_that_is_killed_spoils_it_and_one_that_is_stopped_ends_it() {
    let _alone = alone();
    let mut place = Place::new();
    let name = up(&mut place, "5m");
    let mut killed = begin(&place);
    killed.kill().expect("killed");
    killed.wait().expect("waited for");
    let said = run(&mut place, WALKTHROUGH);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.stderr.contains(&format!("the warm cluster {name} is ended: ")), "{}", said.stderr);
    assert_eq!(place.left(), Vec::<String>::new());
    up(&mut place, "5m");
    let mut stopped = begin(&place);
    kill_process(Pid::from_raw(stopped.id().cast_signed()).expect("a pid"), Signal::INT).expect("sent");
    assert_eq!(stopped.wait().expect("waited for").code(), Some(130));
    assert_eq!(place.left(), Vec::<String>::new());
}

/// Starts the walkthrough, and waits until it has made something.
fn begin(place: &Place) -> Child {
    let child = place.kubewalk(&["run", WALKTHROUGH, "--cluster", "builtin"]).spawn().expect("it starts");
    let begun = Instant::now();
    while kubectl(place, &["get", "pod", "pod-default"]).code != Some(0) {
        assert!(begun.elapsed() < Duration::from_secs(20), "it makes no Pod");
    }
    child
}

#[test]
fn two_runs_at_once_do_not_meet_on_it() {
    let _alone = alone();
    let mut place = Place::new();
    let name = up(&mut place, "5m");
    let first = begin(&place);
    let second = run(&mut place, WALKTHROUGH);
    assert_eq!(second.code, Some(0), "{second:?}");
    assert!(second.stderr.contains(&format!("the warm cluster {name} is in use")), "{}", second.stderr);
    let first = Said::from(&first.wait_with_output().expect("waited for"));
    assert_eq!(first.code, Some(0), "{first:?}");
    assert!(first.stderr.contains(&format!("the warm cluster {name} is used")), "{}", first.stderr);
    // `--fresh` leaves it alone.
    let fresh = place.run(&["run", WALKTHROUGH, "--cluster", "builtin", "--fresh"]);
    assert_eq!(fresh.code, Some(0), "{fresh:?}");
    assert!(!fresh.stderr.contains("warm"), "{}", fresh.stderr);
    assert_eq!(place.run(&["cluster", "down", "--all"]).code, Some(0));
    assert_eq!(place.left(), Vec::<String>::new());
}

/// A story that leaves to Kubernetes all that goes slowly: Pods that do not listen to TERM, of its own and of a Deployment, a claim
/// that is in use, a custom kind and an object of it, another namespace, and a binding for all namespaces.
const SLOW_TO_GO: &str = "\
title: What it makes goes slowly
steps:
  - title: An account
    serviceAccount: reader
  - title: A Pod
    pod: {name: client, image: curl, serviceAccount: reader}
  - title: A Pod that does not listen to TERM, a claim that it uses, and a Deployment
    apply:
      - apiVersion: v1
        kind: PersistentVolumeClaim
        metadata: {name: claim}
        spec: {accessModes: [ReadWriteOnce], storageClassName: none, resources: {requests: {storage: 1Mi}}}
      - apiVersion: v1
        kind: Pod
        metadata: {name: deaf}
        spec:
          containers: [{name: main, image: curl, command: [sh, -c, 'trap \"\" TERM; sleep 600']}]
          volumes: [{name: data, persistentVolumeClaim: {claimName: claim}}]
      - apiVersion: apps/v1
        kind: Deployment
        metadata: {name: web}
        spec:
          replicas: 2
          selector: {matchLabels: {app: web}}
          template:
            metadata: {labels: {app: web}}
            spec: {containers: [{name: main, image: curl, command: [sleep, infinity]}]}
  - title: A kind of its own
    apply:
      apiVersion: apiextensions.k8s.io/v1
      kind: CustomResourceDefinition
      metadata: {name: jars.slow.example}
      spec:
        group: slow.example
        scope: Namespaced
        names: {kind: Jar, plural: jars, singular: jar}
        versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]
  - title: One of it
    apply: {apiVersion: slow.example/v1, kind: Jar, metadata: {name: full}}
  - title: Another namespace, with something in it
    apply:
      - {apiVersion: v1, kind: Namespace, metadata: {name: slow-too}}
      - {apiVersion: v1, kind: ConfigMap, metadata: {name: config, namespace: slow-too}, data: {a: b}}
  - title: A right everywhere
    bind: {clusterRole: view, to: [{serviceAccount: reader}], clusterWide: true}
";

/// What is in all namespaces.
const ALL: &str = "namespaces,pods,configmaps,serviceaccounts,secrets,roles,rolebindings,persistentvolumeclaims,deployments,replicasets";

#[test]
fn what_a_run_made_is_gone_when_it_ends() {
    let _alone = alone();
    let mut place = Place::new();
    let name = up(&mut place, "5m");
    let all =
        |place: &Place| kubectl(place, &["get", ALL, "--all-namespaces", "--output", "name", "--ignore-not-found"]);
    let before = all(&place);
    let scenario = place.runtime.path().join("slow.yaml");
    std::fs::write(&scenario, SLOW_TO_GO).expect("written");
    for path in [
        scenario.to_string_lossy().as_ref(),
        "scenarios/rbac/one-role.yaml",
        "scenarios/cases/a-namespace-that-does-not-end.yaml",
    ] {
        for _ in 0..2 {
            let said = run(&mut place, path);
            assert_eq!(said.code, Some(0), "{said:?}");
            assert!(said.stderr.contains(&format!("the warm cluster {name} is used")), "{}", said.stderr);
            // Kubernetes would begin 5 s later.
            assert_eq!(all(&place).stdout, before.stdout, "{path}");
        }
    }
    std::fs::remove_file(scenario).expect("removed");
    assert_eq!(place.run(&["cluster", "down", &name]).code, Some(0));
    assert_eq!(place.left(), Vec::<String>::new());
}
