//! Clusters in a real Docker: the engine's node, and k3s by a stand-in that has its contract (`tests/docker/k3s-stand-in`).
//!
//! Where there is no Docker, these tests say so on the terminal; with `KUBEWALK_DOCKER=required`, as in CI, they fail.
#![cfg(target_os = "linux")]

#[path = "../common/tools.rs"]
mod tools;

use std::time::Duration;

use rstest::rstest;
use rustix::process::Signal;
use tools::{Run, alone, containers, docker, dockers, pause, stand_in, until};

const WALKTHROUGH: &str = "scenarios/serviceaccount/walkthrough.yaml";
const SMALL: &str = "scenarios/rbac/one-role.yaml";

/// The walkthrough, and five others that use what a kind of cluster may get wrong: kubectl, exec, tokens, anonymous calls, DNS.
const SIX: [&str; 6] = [
    WALKTHROUGH,
    SMALL,
    "scenarios/language/where-a-claim-holds.yaml",
    "scenarios/cases/the-token-never-reached-the-request.yaml",
    "scenarios/accounts/calls-from-a-pod.yaml",
    "scenarios/impersonation/acting-as-another.yaml",
];

#[rstest]
#[case("docker")]
#[case("k3s")]
fn six_scenarios_hold_and_nothing_of_the_run_stays(#[case] kind: &str) {
    if !docker() {
        return;
    }
    let mut args = vec!["run", "--cluster", kind];
    args.extend(SIX);
    let run = Run::start(&args, &[]);
    let name = run.container(Duration::from_secs(200));
    let volumes = dockers(&["inspect", "-f", "{{range .Mounts}}{{println .Name}}{{end}}", &name]);
    let ended = run.end();
    assert_eq!(ended.code, Some(0), "{}", ended.said);
    assert!(ended.said.contains(&format!("cluster: {kind} with Kubernetes v1.37.")), "{}", ended.said);
    assert!(!containers().contains(&name), "{name} is still there");
    let there = dockers(&["volume", "ls", "-q"]);
    let mut volumes = volumes.lines().filter(|name| !name.is_empty()).peekable();
    assert_eq!(volumes.peek().is_some(), kind == "k3s", "only k3s' image has a volume");
    assert_eq!(volumes.find(|name| there.contains(name)), None);
    assert_eq!(ended.files, Vec::<String>::new());
}

#[test]
fn anonymous_calls_are_let_in_on_k3s_only_when_a_scenario_makes_some() {
    if !docker() {
        return;
    }
    for (scenario, anonymous) in [(SMALL, false), (WALKTHROUGH, true)] {
        let run = Run::start(&["run", "--cluster", "k3s", scenario], &[]);
        let args = dockers(&["inspect", "-f", "{{.Args}}", &run.container(Duration::from_secs(200))]);
        assert_eq!(args.contains("anonymous-auth=true"), anonymous, "{scenario}: {args}");
        run.send(Signal::INT);
        run.end();
    }
}

#[test]
fn the_kubeconfig_is_private_and_the_port_is_not_open_to_others() {
    if !docker() {
        return;
    }
    let run = Run::start(&["run", "--cluster", "docker", "-v", SMALL], &[]);
    let name = run.container(Duration::from_secs(200));
    let port = dockers(&["port", &name, "6443/tcp"]);
    assert!(!port.contains("0.0.0.0") && !port.contains("::"), "{port}");
    use std::os::unix::fs::PermissionsExt as _;
    let mode = |path: &std::path::Path| std::fs::metadata(path).map(|data| data.permissions().mode() & 0o777).ok();
    let folder = tools::runs(&run.temp).join(name.replace("kubewalk-", "kubewalk-run-"));
    until("its kubeconfig", Duration::from_secs(60), || folder.join("kubeconfig").exists());
    assert_eq!((mode(&folder), mode(&folder.join("kubeconfig"))), (Some(0o700), Some(0o600)));
    assert_eq!(run.end().code, Some(0));
}

/// Waits until the line in a container waits that holds it.
fn until_held(name: &str) {
    until("the line that holds it", Duration::from_secs(20), || dockers(&["top", name]).contains("cat >/dev/null"));
}

#[rstest]
#[case::as_soon_as_it_is_there(Duration::ZERO)]
#[case::in_its_start(Duration::from_secs(3))]
#[case::in_the_steps(Duration::from_secs(9))]
fn after_a_kill_the_container_goes_by_itself(#[case] after: Duration) {
    if !docker() {
        return;
    }
    let alone = alone();
    let run = alone.start(&["run", "--cluster", "docker", WALKTHROUGH]);
    let name = run.container(Duration::from_secs(200));
    until_held(&name);
    std::thread::sleep(after);
    run.send(Signal::KILL);
    until("the container to go", Duration::from_secs(15), || !containers().contains(&name));
    until("the folder to go", Duration::from_secs(5), || run.files().is_empty());
    run.end();
}

#[test]
fn what_a_killed_run_could_not_end_the_next_removes_and_nothing_else() {
    if !docker() {
        return;
    }
    let alone = alone();
    let alive = alone.start(&["run", "--cluster", "docker", WALKTHROUGH]);
    let other = alive.container(Duration::from_secs(200));
    let killed = alone.start(&["run", "--cluster", "docker", WALKTHROUGH]);
    let name = killed.container(Duration::from_secs(200));
    until_held(&name);
    // While its run goes on, a frozen container is an error, after which the run removes it.
    killed.send(Signal::STOP);
    // Frozen, it cannot end by itself, as after a loss of power.
    pause(&name);
    // Stopped it does nothing, and yet it lives.
    alive.send(Signal::STOP);
    killed.send(Signal::KILL);
    let ended = killed.end();
    assert!(containers().contains(&name), "{name} went by itself: {}", ended.said);
    let dry = alone.start(&["sweep", "--dry-run"]).end();
    assert!(dry.said.contains(&format!("would remove container {name}\n")), "{}", dry.said);
    assert!(!dry.said.contains(&other), "{}", dry.said);
    assert!(containers().contains(&name));
    let next = alone.start(&["run", "--cluster", "docker", SMALL]).end();
    assert_eq!(next.code, Some(0), "{}", next.said);
    assert!(next.said.contains(&format!("removed container {name}, left by a run that was killed")), "{}", next.said);
    let there = containers();
    assert!(!there.contains(&name) && there.contains(&other), "{there}");
    alive.send(Signal::CONT);
    let alive = alive.end();
    assert!(!alive.said.contains(&name), "{}", alive.said);
    assert!(!containers().contains(&other));
}

#[rstest]
#[case(Signal::INT, 130)]
#[case(Signal::TERM, 143)]
fn a_signal_ends_the_run_and_its_container(#[case] signal: Signal, #[case] code: i32) {
    if !docker() {
        return;
    }
    let run = Run::start(&["run", "--cluster", "docker", WALKTHROUGH], &[]);
    let name = run.container(Duration::from_secs(200));
    run.send(signal);
    let ended = run.end();
    assert_eq!(ended.code, Some(code), "{}", ended.said);
    assert!(!containers().contains(&name));
    assert_eq!(ended.files, Vec::<String>::new());
}

#[test]
fn a_node_that_dies_under_a_run_is_an_environment_error() {
    if !docker() {
        return;
    }
    let run = Run::start(&["run", "--cluster", "docker", WALKTHROUGH], &[]);
    let name = run.container(Duration::from_secs(200));
    let folder = tools::runs(&run.temp).join(name.replace("kubewalk-", "kubewalk-run-"));
    until("a ready node", Duration::from_secs(100), || folder.join("kubeconfig").exists());
    dockers(&["kill", &name]);
    let ended = run.end();
    assert_eq!(ended.code, Some(3), "{}", ended.said);
    assert!(ended.said.contains("the cluster's container ended by itself (killed"), "{}", ended.said);
}

#[test]
fn a_node_that_is_paused_in_a_step_is_an_environment_error() {
    if !docker() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let (events, story) = (folder.path().join("events"), folder.path().join("story.yaml"));
    let text = "\
title: A node stands still
steps:
  - {title: An account, serviceAccount: reader}
  - title: Nobody makes this
    get: {kind: ConfigMap, name: settings}
    timeout: 8s
    expect: {status: 200, within: 7s}
";
    std::fs::write(&story, text).expect("written");
    let report = format!("events={}", events.display());
    let story = story.to_str().expect("a path");
    let run = Run::start(&["run", "--cluster", "docker", story, "--report", &report], &[]);
    let name = run.container(Duration::from_secs(200));
    let read = || std::fs::read_to_string(&events).unwrap_or_default();
    until("a step", Duration::from_secs(100), || read().contains(r#""event":"stepFinished""#));
    pause(&name);
    let ended = run.end();
    assert_eq!(ended.code, Some(3), "{}", ended.said);
    assert!(ended.said.contains("0 failed, 1 could not be carried out"), "{}", ended.said);
    assert!(!containers().contains(&name), "{name} is still there");
}

#[test]
fn an_image_that_does_not_exist_is_named() {
    if !docker() {
        return;
    }
    let missing = ("KUBEWALK_K3S_IMAGE", "kubewalk.local/no-such-image:1");
    let ended = Run::start(&["run", "--cluster", "k3s", SMALL], &[missing]).end();
    assert_eq!(ended.code, Some(3), "{}", ended.said);
    assert!(ended.said.contains("there is no image kubewalk.local/no-such-image:1 in Docker"), "{}", ended.said);
}

#[test]
fn the_tests_of_a_process_share_one_cluster_that_ends_with_the_process() {
    if !docker() {
        return;
    }
    let program = std::env::current_exe().expect("this program");
    let inner = ["--ignored", "--exact", "a_process::one", "a_process::two", "--nocapture"];
    let run = Run::program(&program, &inner, &[("KUBEWALK_CLUSTER", "docker")]);
    let name = run.container(Duration::from_secs(200));
    let ended = run.end();
    assert_eq!(ended.code, Some(0), "{}", ended.said);
    assert!(ended.said.contains("2 passed"), "{}", ended.said);
    until("the container to go", Duration::from_secs(15), || !containers().contains(&name));
    until("the folder to go", Duration::from_secs(5), || ended.now().is_empty());
}

/// What the test above runs in a process of its own; by themselves they would run on another kind of cluster.
mod a_process {
    #[test]
    #[ignore = "run by the_tests_of_a_process_share_one_cluster_that_ends_with_the_process"]
    fn one() {
        kubewalk::testing::run(super::SMALL);
    }

    #[test]
    #[ignore = "run by the_tests_of_a_process_share_one_cluster_that_ends_with_the_process"]
    fn two() {
        kubewalk::testing::run(super::SIX[2]);
        assert_eq!(kubewalk::testing::shared().facts().kind.word(), "docker");
    }
}

#[test]
fn the_stand_in_says_what_it_is_and_refuses_what_k3s_does_not_know() {
    if !docker() {
        return;
    }
    let image = stand_in();
    assert!(image.starts_with("kubewalk.local/k3s-stand-in:"), "{image}");
    let said = dockers(&["run", "--rm", &image, "server", "--no-such-flag"]);
    assert!(said.contains("flag provided but not defined: --no-such-flag"), "{said}");
}
