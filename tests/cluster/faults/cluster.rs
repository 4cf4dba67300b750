//! Faults 5, 13, 18, 19 and 27: what happens to a real cluster, or to what holds it.

use std::{
    path::{Path, PathBuf},
    process::Child,
    time::{Duration, Instant},
};

use kubewalk::testing;
use rustix::process::{Pid, Signal, kill_process};

use crate::{
    Files, SOON, end, existing,
    fake_daemon::{FakeDaemon, Script},
    page::Fault,
    run_in, said,
    traces::{Place, Said},
};

const SMALL: &str = "scenarios/rbac/one-role.yaml";

/// A step that outlasts what happens meanwhile, and one behind it.
const LONG: &str = "  - {title: A Pod, pod: {name: p, image: curl}}\n  \
                    - {title: A command, exec: {in: p, command: [sleep, '60']}, timeout: 8s}\n  \
                    - {title: A last step, request: {path: /readyz}}\n";

/// The cluster that the tests of this program share, as one that exists: a kubeconfig and its context.
pub fn shared() -> (PathBuf, String) {
    let path = existing::kubeconfig();
    let config = kube::config::Kubeconfig::read_from(path).expect("a kubeconfig");
    (path.to_owned(), config.current_context.expect("a context"))
}

/// A run that writes its events, so that it is known where it is.
pub fn begin(place: &mut Place, files: &Files, cluster: &str, more: &[(&str, String)]) -> Child {
    let events =
        format!("events={},junit={}", files.path().join("events").display(), files.path().join("junit").display());
    let mut command = place.kubewalk(&["run", "--cluster", cluster, "--report", &events]);
    command.arg(files.scenario("long", LONG)).envs(more.iter().map(|(key, value)| (*key, value)));
    let child = command.spawn().expect("it starts");
    let begun = Instant::now();
    let in_step = || {
        std::fs::read_to_string(files.path().join("events")).is_ok_and(|text| {
            text.lines().any(|line| line.contains("\"event\":\"stepStarted\"") && line.contains("\"number\":2"))
        })
    };
    while !in_step() {
        assert!(begun.elapsed() < Duration::from_secs(60), "it does not get to its second step");
        std::thread::sleep(Duration::from_millis(10));
    }
    place.note_clusters();
    child
}

/// The processes of this machine for which this is so; those of clusters are among them.
pub fn processes(of: impl Fn(u32) -> bool) -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(|pid| of(*pid)).collect()
}

/// Kills them.
pub fn kill(pids: &[u32]) {
    for pid in pids {
        let _ = kill_process(Pid::from_raw(pid.cast_signed()).expect("a process id"), Signal::KILL);
    }
}

/// A file about a process; empty when it has gone.
pub fn proc(pid: u32, file: &str) -> String {
    String::from_utf8_lossy(&std::fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default()).into_owned()
}

#[test]
fn fault_05_a_kill_and_then_the_next_run() {
    let mut fault =
        Fault::new(5, "`kill -9` of a run and of the keeper of its cluster, then the next run", "builtin", file!());
    let (mut place, files) = (Place::new(), Files::new());
    let mut killed = begin(&mut place, &files, "builtin", &[]);
    let dir = place.nodes().display().to_string();
    let keepers = processes(|pid| {
        let line = proc(pid, "cmdline");
        line.contains("keeper\0run\0") && line.contains(&dir)
    });
    assert!(!keepers.is_empty(), "no keeper");
    kill(&[keepers, vec![killed.id()]].concat());
    killed.wait().expect("it ends");
    let left = place.left();
    assert!(left.iter().any(|what| what.starts_with("file ")), "there is nothing to remove: {left:?}");
    let name = place.clusters_now().pop_first().expect("a folder");
    let next = place.run(&["run", "--cluster", "builtin", SMALL]);
    fault.saw(&next, 0, &format!("/{name}, left by a run that was killed"));
    fault.nothing_left(&place, SOON);
}

#[test]
fn fault_13_docker_dies_in_a_step() {
    let mut fault =
        Fault::new(13, "Docker dies in a step, and the cluster with it", "fake Docker before a real cluster", file!());
    let (mut place, files) = (Place::new(), Files::new());
    let cluster = Some(existing::text_and_port());
    let docker = FakeDaemon::start(Script { cluster, ..Script::default() });
    let host = format!("unix://{}", docker.socket.display());
    let child = begin(&mut place, &files, "k3s", &[("DOCKER_HOST", host.clone())]);
    docker.die();
    let said_so = end(child);
    fault.saw(&said_so, 3, "the cluster's container ended by itself");
    let name = docker.containers().pop().expect("a container");
    fault.saw(&said_so, 3, &format!("docker rm -f -v {name}"));
    let xml = std::fs::read_to_string(files.path().join("junit")).expect("a report");
    assert!(xml.contains("<error ") && !xml.contains("<failure "), "{xml}");
    docker.live();
    let swept = said(place.kubewalk(&["sweep"]).env("DOCKER_HOST", host));
    fault.saw(&swept, 0, &format!("removed container {name}"));
    assert_eq!(docker.containers(), Vec::<String>::new());
    fault.nothing_left(&place, SOON);
}

#[test]
fn fault_18_the_node_is_killed_in_a_step() {
    let mut fault = Fault::new(18, "the node is killed in a step", "builtin", file!());
    let (mut place, files) = (Place::new(), Files::new());
    let child = begin(&mut place, &files, "builtin", &[]);
    let cluster = place.clusters_now().pop_first().expect("a folder");
    // The first process of the node's own pid namespace.
    let init = processes(|pid| {
        proc(pid, "cgroup").contains(&cluster)
            && proc(pid, "status")
                .lines()
                .any(|line| line.starts_with("NSpid:") && line.split_whitespace().count() == 3 && line.ends_with("\t1"))
    });
    assert_eq!(init.len(), 1, "{init:?}");
    kill(&init);
    let said = end(child);
    fault.saw(&said, 3, "ended");
    fault.line(3, &said.stdout, "not run");
    let xml = std::fs::read_to_string(files.path().join("junit")).expect("a report");
    assert!(xml.contains("<error ") && !xml.contains("<failure "), "{xml}");
    fault.nothing_left(&place, SOON);
}

#[test]
fn fault_19_a_node_that_is_frozen() {
    let mut fault = Fault::new(19, "the node is frozen in a step", "builtin", file!());
    let (mut place, files) = (Place::new(), Files::new());
    let child = begin(&mut place, &files, "builtin", &[]);
    let cluster = place.clusters_now().pop_first().expect("a folder");
    assert!(freeze(Path::new("/sys/fs/cgroup"), &cluster, 4) > 0, "the node has no freezer");
    let said = end(child);
    fault.saw(&said, 3, "error[");
    fault.saw(&said, 3, "the API server is not ready any more");
    let xml = std::fs::read_to_string(files.path().join("junit")).expect("a report");
    assert!(xml.contains("<error ") && !xml.contains("<failure "), "{xml}");
    fault.nothing_left(&place, SOON);
}

/// Freezes the cgroups of this name, of both versions, and gives how many there are.
fn freeze(below: &Path, name: &str, depth: usize) -> usize {
    let mut frozen = 0;
    for entry in std::fs::read_dir(below).into_iter().flatten().flatten().filter(|entry| entry.path().is_dir()) {
        let path = entry.path();
        if entry.file_name().to_string_lossy().contains(name) {
            let files =
                [("cgroup.freeze", "1"), ("freezer.state", "FROZEN")].map(|(file, word)| (path.join(file), word));
            frozen += files.iter().filter(|(file, word)| file.exists() && std::fs::write(file, word).is_ok()).count();
        } else if depth > 0 {
            frozen += freeze(&path, name, depth - 1);
        }
    }
    frozen
}

#[test]
fn fault_27_eight_runs_at_once() {
    let mut fault =
        Fault::new(27, "8 runs of one scenario at once on one cluster", "builtin, by its kubeconfig", file!());
    let ((kubeconfig, context), place) = (shared(), Place::new());
    let start = |_| run_in(&place, &kubeconfig, &context, &[SMALL]).spawn().expect("it starts");
    let runs: Vec<Child> = (0..8).map(start).collect();
    for (nth, run) in runs.into_iter().enumerate() {
        let said: Said = end(run);
        assert_eq!(said.code, Some(0), "{said:?}");
        if nth == 0 {
            fault.saw(&said, 0, "6 steps held");
        }
        assert!(said.stdout.contains("6 steps held"), "{said:?}");
    }
    assert_eq!(namespaces(&kubeconfig, "kw-one-role-"), Vec::<String>::new());
    fault.nothing_left(&place, SOON);
}

/// Namespaces of scenarios that are there and not going.
pub fn namespaces(kubeconfig: &Path, prefix: &str) -> Vec<String> {
    assert_eq!(kubeconfig, existing::kubeconfig());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let list = runtime.block_on(async {
        let client = testing::shared().client().await.expect("a client");
        kubewalk::steps::api::get(&client, "/api/v1/namespaces").await.expect("an answer")
    });
    let list = list.json.expect("JSON");
    let items = list["items"].as_array().expect("a list").iter();
    let stays = items.filter(|item| item["metadata"]["deletionTimestamp"].is_null());
    let names = stays.filter_map(|item| item["metadata"]["name"].as_str()).filter(|name| name.starts_with(prefix));
    names.map(str::to_owned).collect()
}
