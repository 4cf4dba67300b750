//! Faults 6, 10 to 12, and 14 to 17: what Docker, or a registry behind it, does or lacks.

use std::{
    os::unix::{fs::PermissionsExt as _, net::UnixListener, process::CommandExt as _},
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use rustix::process::Signal;

use crate::{
    SOON, end,
    fake_daemon::{FakeDaemon, Pull, Script},
    page::Fault,
    said, send,
    traces::Place,
};

const SMALL: &str = "scenarios/rbac/one-role.yaml";

fn kubewalk(place: &Place, kind: &str, socket: &Path) -> Command {
    let mut command = place.kubewalk(&["run", "--cluster", kind, SMALL]);
    command.env("DOCKER_HOST", format!("unix://{}", socket.display()));
    command.env_remove("KUBEWALK_PULL_TIMEOUT").env_remove("KUBEWALK_K3S_IMAGE").env_remove("KUBEWALK_REPORT");
    command
}

#[test]
fn fault_06_a_kill_while_another_run_lives() {
    let mut fault = Fault::new(6, "`kill -9` of one run while another lives", "fake Docker", file!());
    let (place, docker) = (Place::new(), FakeDaemon::start(Script::default()));
    let start = |nth| {
        let child = kubewalk(&place, "k3s", &docker.socket).spawn().expect("it starts");
        docker.until(nth, "/logs");
        (child, docker.containers())
    };
    let (mut killed, dead) = start(1);
    let (lives, both) = start(2);
    killed.kill().expect("it is there");
    killed.wait().expect("it ends");
    let alive: Vec<String> = both.into_iter().filter(|name| !dead.contains(name)).collect();
    let mut sweep = place.kubewalk(&["sweep"]);
    let swept = said(sweep.env("DOCKER_HOST", format!("unix://{}", docker.socket.display())));
    fault.saw(&swept, 0, &format!("removed container {}", dead[0]));
    assert!(!swept.stdout.contains(&alive[0]), "{swept:?}");
    assert_eq!(docker.containers(), alive);
    send(&lives, Signal::INT);
    fault.saw(&end(lives), 130, "everything that was started is removed");
    assert_eq!(docker.containers(), Vec::<String>::new());
    fault.nothing_left(&place, SOON);
}

#[test]
fn fault_10_no_docker_socket() {
    let mut fault = Fault::new(10, "there is no Docker socket", "no Docker", file!());
    let (place, dir) = (Place::new(), tempfile::tempdir().expect("a folder"));
    for kind in ["docker", "k3s"] {
        let begun = Instant::now();
        let said = said(&mut kubewalk(&place, kind, &dir.path().join("docker.sock")));
        // Less than a daemon gets that says nothing.
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
        assert!(said.stderr.contains("start Docker, say where it is"), "{said:?}");
        if kind == "docker" {
            fault.saw(&said, 3, "there is no Docker here: no socket");
        }
    }
    fault.nothing_left(&place, SOON);
}

#[test]
fn fault_11_a_socket_that_this_user_may_not_use() {
    let mut fault = Fault::new(11, "the Docker socket does not let this user in", "a socket of root", file!());
    let (place, dir) = (Place::new(), tempfile::tempdir().expect("a folder"));
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).expect("it is ours");
    // Whoever is not root may not reach the folder that the program was built in.
    let program = dir.path().join("kubewalk");
    std::fs::copy(env!("CARGO_BIN_EXE_kubewalk"), &program).expect("it can be copied");
    let scenario = dir.path().join("one-role.yaml");
    std::fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join(SMALL), &scenario).expect("it can be copied");
    let socket = dir.path().join("docker.sock");
    let _listener = UnixListener::bind(&socket).expect("a socket");
    std::fs::set_permissions(&socket, std::fs::Permissions::from_mode(0o600)).expect("it is ours");
    let mut command = Command::new(&program);
    place.settle(&mut command);
    command.args(["run", "--cluster", "docker"]).arg(&scenario).current_dir(dir.path());
    command.env("DOCKER_HOST", format!("unix://{}", socket.display()));
    if rustix::process::geteuid().is_root() {
        command.uid(65534).gid(65534);
    } else {
        std::fs::set_permissions(&socket, std::fs::Permissions::from_mode(0o000)).expect("it is ours");
    }
    let said = said(&mut command);
    fault.saw(&said, 3, "does not let this user in");
    fault.saw(&said, 3, "sudo usermod -aG docker");
    fault.nothing_left(&place, SOON);
}

#[test]
fn fault_12_a_daemon_that_never_answers() {
    let mut fault = Fault::new(12, "Docker takes connections and never answers", "fake Docker", file!());
    let (place, docker) = (Place::new(), FakeDaemon::silent());
    let begun = Instant::now();
    fault.saw(&said(&mut kubewalk(&place, "docker", &docker.socket)), 3, "has not answered for 5 s");
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    fault.nothing_left(&place, SOON);
}

#[test]
fn fault_14_an_image_that_no_registry_has() {
    let mut fault = Fault::new(14, "the registry has no such image (404)", "fake Docker", file!());
    let docker = FakeDaemon::pulling(Pull::Refused(404, "manifest for r.example/k3s:v0 not found: manifest unknown"));
    let place = Place::new();
    let mut command = kubewalk(&place, "k3s", &docker.socket);
    command.env("KUBEWALK_K3S_IMAGE", "r.example/k3s:v0");
    fault.saw(&said(&mut command), 3, "there is no image r.example/k3s:v0");
    let pulls = docker.asked().iter().filter(|asked| asked.contains("/images/create")).count();
    assert_eq!(pulls, 1, "it is not asked for again");
    fault.nothing_left(&place, SOON);
}

#[test]
fn fault_15_a_registry_that_gives_no_more() {
    let mut fault = Fault::new(15, "the registry's rate limit (429)", "fake Docker", file!());
    let place = Place::new();
    let limit = "toomanyrequests: You have reached your pull rate limit. retry-after: 90s";
    for pull in [Pull::Refused(429, limit), Pull::Broken(limit)] {
        let docker = FakeDaemon::pulling(pull);
        // More than this run waits for.
        let mut command = kubewalk(&place, "k3s", &docker.socket);
        command.env("KUBEWALK_PULL_TIMEOUT", "60");
        let said = said(&mut command);
        assert!(said.stderr.contains("docker login"), "{said:?}");
        if matches!(pull, Pull::Refused(..)) {
            fault.saw(&said, 3, "rate limit; it says: try again after 90s");
        }
        let pulls = docker.asked().iter().filter(|asked| asked.contains("/images/create")).count();
        assert_eq!((said.code, pulls), (Some(3), 1), "{said:?}");
    }
    let docker = FakeDaemon::pulling(Pull::Refused(429, "toomanyrequests: retry-after: 1s"));
    let mut command = kubewalk(&place, "k3s", &docker.socket);
    command.env("KUBEWALK_PULL_TIMEOUT", "3");
    let said = said(&mut command);
    fault.saw(&said, 3, "it is asked again then");
    let pulls = docker.asked().iter().filter(|asked| asked.contains("/images/create")).count();
    assert!((2..=3).contains(&pulls), "{pulls} pulls");
    fault.nothing_left(&place, SOON);
}

#[test]
fn fault_16_a_pull_that_stands_still() {
    let mut fault = Fault::new(16, "the pull of an image stands still", "fake Docker", file!());
    let (place, docker) = (Place::new(), FakeDaemon::pulling(Pull::Stuck { done: 3 << 20, total: 70 << 20 }));
    let mut command = kubewalk(&place, "k3s", &docker.socket);
    command.env("KUBEWALK_PULL_TIMEOUT", "2");
    let said = said(&mut command);
    fault.saw(&said, 3, "kubewalk: pulling rancher/k3s:v1.");
    fault.saw(&said, 3, "was given up after 2 s: 3 of 70 MB have come");
    assert!(said.stderr.contains("KUBEWALK_PULL_TIMEOUT"), "{said:?}");
    fault.nothing_left(&place, SOON);
}

#[test]
fn fault_17_a_cluster_that_is_never_ready() {
    let mut fault = Fault::new(17, "the cluster never gets ready", "fake Docker", file!());
    let mut log: Vec<String> = (1..=60).map(|line| format!("log line {line}")).collect();
    log.push("msg=\"joined\" token=eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJub2RlIn0.c2lnbmF0dXJlLXNpZ25hdHVyZQ".into());
    let (place, docker) = (Place::new(), FakeDaemon::start(Script { log, ..Script::default() }));
    let mut command = kubewalk(&place, "k3s", &docker.socket);
    command.env("KUBEWALK_START_TIMEOUT", "2");
    let said = said(&mut command);
    fault.saw(&said, 3, "k3s was not ready after");
    fault.saw(&said, 3, "redacted token");
    let shown = said.stderr.matches("log line ").count();
    assert_eq!(shown, 49, "with the line of the token, the last 50: {said:?}");
    assert!(!said.stderr.contains("eyJ"), "{said:?}");
    assert_eq!(docker.containers(), Vec::<String>::new());
    fault.nothing_left(&place, SOON);
}
